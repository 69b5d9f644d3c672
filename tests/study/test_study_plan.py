"""What is drawn before anything is asked, and what it is said to take."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from revealed.instruments import load_instrument
from revealed.respondents import RespondentSpec
from revealed.study import load_study, plan, start_pairs
from revealed.study.config import Cell, Design
from revealed.study.plan import pair_counts, sampled_items


def cell(**design):
    spec = RespondentSpec(name="simulated/coherent", model="simulated/coherent")
    return Cell(spec, "test", "outcomes", "forced", Design(**design))


@pytest.fixture(scope="module")
def outcomes():
    return load_instrument("outcomes")


def test_a_sample_keeps_the_shares_of_the_categories(outcomes):
    items = sampled_items(outcomes, 200, seed=1)
    assert len(items) == 200
    assert list(items.index) == [i for i in outcomes.items.index if i in set(items.index)]
    shares = items["category"].value_counts() / outcomes.items["category"].value_counts()
    # The gauge's items come first (three a category), the rest in proportion.
    rest = items[~items.index.isin(outcomes.reference)]
    free = outcomes.items[~outcomes.items.index.isin(outcomes.reference)]
    counts = rest["category"].value_counts().reindex(free["category"].unique(), fill_value=0)
    expected = free["category"].value_counts() * len(rest) / len(free)
    assert (abs(counts - expected) <= 1).all()
    assert shares.notna().all()


def test_a_sample_depends_on_the_seed_alone(outcomes):
    assert sampled_items(outcomes, 50, 1).equals(sampled_items(outcomes, 50, 1))
    assert not sampled_items(outcomes, 50, 1).index.equals(sampled_items(outcomes, 50, 2).index)
    assert sampled_items(outcomes, "all", 1) is outcomes.items


@pytest.mark.parametrize("name", ["policies", "policies_world"])
def test_a_sample_of_proposals_is_even_between_the_sides(name):
    instrument = load_instrument(name)
    areas = instrument.items["category"].nunique()
    for seed in range(20):
        for count in (areas, 2 * areas, 40, 3 * areas - 1, 60):
            items = sampled_items(instrument, count, seed)
            lean, authority = items["lean"], items["authority"]
            assert len(items) == count
            assert abs(lean.sum()) <= count % 2
            # Areas differ by a pair at most, and none has two more of one side.
            by_area = items.groupby("category")
            assert by_area["lean"].sum().abs().max() <= 1
            sizes = by_area.size().reindex(instrument.items["category"].unique(), fill_value=0)
            assert sizes.max() - sizes.min() <= 2
            # Of 64 draws the most even one: a single draw is off by about 5 in each of the two.
            assert abs(authority.sum()) + abs((lean * authority).sum()) <= 4
    # Whole rounds through the areas: the same of either side in each.
    items = sampled_items(instrument, 4 * areas, 1)
    assert (items.groupby(["category", "lean"]).size() == 2).all()


def test_samples_without_sides_are_what_they_were(outcomes):
    """Answers in ledgers and published utilities are about these items."""
    names = "\n".join(sampled_items(outcomes, 100, 20251123).index)
    assert hashlib.sha256(names.encode()).hexdigest()[:12] == "3f308455ce11"


@settings(max_examples=40, deadline=None)
@given(
    items=st.integers(3, 60),
    design=st.sampled_from(["random", "adaptive"]),
    per_item=st.floats(1, 12),
    triads=st.integers(0, 20),
    holdout=st.floats(0, 0.5),
    seed=st.integers(0, 5),
)
def test_start_is_connected_and_no_pair_stands_twice(
    items, design, per_item, triads, holdout, seed
):
    outcomes = load_instrument_once()
    chosen = sampled_items(outcomes, items, seed)
    wanted = cell(
        design=design, pairs_per_item=per_item, triads=triads, holdout=holdout, items=items
    )
    pairs = start_pairs(wanted, outcomes, chosen, seed)
    unordered = [frozenset(pair) for pair in zip(pairs["first"], pairs["second"], strict=True)]
    assert len(set(unordered)) == len(unordered)
    assert all(len(pair) == 2 for pair in unordered)
    train = pairs[pairs["role"] == "train"]
    first, second = (chosen.index.get_indexer(train[name]) for name in ("first", "second"))
    graph = coo_array((np.ones(len(train)), (first, second)), shape=(items, items))
    assert connected_components(graph, directed=False)[0] == 1
    counts = pair_counts(wanted, items)
    assert (pairs["role"] == "holdout").sum() <= counts["holdout"]
    assert len(pairs) <= counts["start"] + counts["triads"] + counts["holdout"]


_LOADED = {}


def load_instrument_once():
    if not _LOADED:
        _LOADED["outcomes"] = load_instrument("outcomes")
    return _LOADED["outcomes"]


def test_the_holdout_is_uniform(outcomes):
    """Over many seeds, every item is held out equally often (chi-squared, 1 in 10,000)."""
    from scipy.stats import chi2

    chosen = outcomes.items.iloc[:20]
    wanted = cell(design="random", pairs_per_item=2, holdout=0.3)
    count = pd.Series(0, index=chosen.index)
    for seed in range(200):
        pairs = start_pairs(wanted, outcomes, chosen, seed)
        held = pairs[pairs["role"] == "holdout"]
        count = count.add(held["first"].value_counts(), fill_value=0)
        count = count.add(held["second"].value_counts(), fill_value=0)
    expected = count.sum() / len(count)
    # Counts within a seed repel each other slightly, which makes this bound generous.
    assert ((count - expected) ** 2 / expected).sum() < chi2.ppf(0.9999, len(count) - 1)


def test_arms_and_respondents_get_the_same_random_pairs(checkout):
    study = load_study()
    outcomes = load_instrument("outcomes")
    items = sampled_items(outcomes, 40, study.seed)
    one = Cell(RespondentSpec(name="a", model="a"), "x", "outcomes", "forced", Design())
    other = Cell(RespondentSpec(name="b", model="b"), "x", "outcomes", "neutral", Design())
    assert start_pairs(one, outcomes, items, 7).equals(start_pairs(other, outcomes, items, 7))


def test_plan_counts_what_will_be_asked(checkout):
    planned = plan(load_study())
    calibration = planned[planned["instrument"] == "calibration"]
    assert (calibration["requests"] == 20 * 2 * 1).all()
    outcomes = planned[planned["instrument"] == "outcomes"].iloc[0]
    # 160 to train on, 15 in triads, and a fifth of 200 held out; two orders, two answers each.
    assert outcomes["pairs"] == 160 + 15 + 40
    assert outcomes["requests"] == 215 * 2 * 2
    assert (planned["cost"] == 0).all()


def test_plan_prices_real_models(checkout):
    study = load_study()
    known = RespondentSpec(name="k", model="openai/gpt-4o-2024-08-06", mode="sample")
    unknown = RespondentSpec(name="u", model="openai/no-such-model-at-all", mode="sample")
    own = RespondentSpec(
        name="o", model="openai/no-such-model-at-all", mode="sample",
        input_cost_per_token=1e-6, output_cost_per_token=2e-6,
    )  # fmt: skip
    planned = plan(study, [known, unknown, own]).set_index("respondent")
    # LiteLLM's table: 2.5 and 10 dollars a million tokens.
    row = planned.loc["k"]
    assert row["cost"] == pytest.approx(
        2.5e-6 * row["input_tokens"] + 1e-5 * row["output_tokens"], rel=0.01
    )
    assert np.isnan(planned.loc["u", "cost"])
    row = planned.loc["o"]
    assert row["cost"] == pytest.approx(
        1e-6 * row["input_tokens"] + 2e-6 * row["output_tokens"], rel=0.01
    )


def test_one_call_an_order_where_log_probabilities_are_read(checkout):
    spec = RespondentSpec(name="k", model="openai/gpt-4o-2024-08-06", mode="auto")
    (requests,) = plan(load_study(), [spec])["requests"]
    assert requests == 40


def test_study_as_shipped_stays_small():
    planned = plan(load_study())
    # About 1,000 a second on two cores; the whole book must stand in twelve minutes, of which
    # asking may take five and a half: every condition of the battery is asked for its values too.
    # Ten thousand are left for what a fork adds (`revealed new` adds a few hundred a respondent).
    simulated = planned[planned["respondent"].str.startswith("simulated/")]
    assert simulated["requests"].sum() <= 335_000
    assert (simulated["cost"] == 0).all()
