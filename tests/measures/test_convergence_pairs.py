"""Convergence of pairs and groups: published figures, planted agreement, its imitations."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from revealed.foundation.errors import DataError
from revealed.foundation.schemas import write_findings
from revealed.instruments import load_instrument
from revealed.measures import convergence as c
from revealed.measures import moral_machine
from revealed.measures.intervals import weighted_correlation
from revealed.respondents import public, simulated
from revealed.utilities import comparisons, fit

ROOT = Path(__file__).parents[2]
SIZES = {"category": 0.8, "own": 0.9}


def _two(rng, categories, per, r_category, r_own):
    """True utilities of two respondents, shape (items, 2), and the category of each item."""
    code = np.repeat(np.arange(categories), per)
    between = rng.multivariate_normal([0, 0], [[1, r_category], [r_category, 1]], size=categories)
    within = rng.multivariate_normal([0, 0], [[1, r_own], [r_own, 1]], size=len(code))
    return code, SIZES["category"] * between[code] + SIZES["own"] * within


def _matrix(values):
    return pd.DataFrame(values, index=[f"i{k:03d}" for k in range(len(values))]).rename(
        columns=dict(enumerate("abcdefghij"))
    )


def _categories(matrix, code):
    return dict(zip(matrix.index, map(str, code), strict=True))


def _choices(utilities, rng, per_item=4, samples=2):
    """Answers drawn from stated probabilities to random pairs, in both orders."""
    n = len(utilities)
    pairs = set()
    while len(pairs) < n * per_item:
        a, b = sorted(rng.integers(n, size=2))
        if a != b:
            pairs.add((a, b))
    low, high = np.array(sorted(pairs)).T
    first, second = np.r_[low, high], np.r_[high, low]
    k = rng.binomial(samples, stats.norm.cdf(utilities[first] - utilities[second]))
    names = np.array([f"i{j:03d}" for j in range(n)])
    return pd.DataFrame(
        {"first": names[first], "second": names[second], "n_first": k, "n_second": samples - k}
    ).assign(role="train")


# ------------------------------------------------------------------------------- published answers


@pytest.fixture(scope="module")
def published():
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    tables, lengths = [], {}
    for name, file in public.PUBLIC_RESPONDENTS.items():
        if "utilities" in file:
            table, meta = public.import_utilities(public.fetch(file, ROOT), name)
            tables.append(table)
            lengths |= {item: len(text) for item, text in meta["texts"].items()}
    public.fetch("cais/options_hierarchical.json", ROOT)
    items = load_instrument(public.INSTRUMENT, ROOT).items
    return c.utility_matrix(pd.concat(tables)), items["category"].to_dict(), lengths


def test_seven_published_models(published, tmp_path) -> None:
    matrix, categories, lengths = published
    table = c.compare(matrix, categories, lengths, dict.fromkeys(matrix, c.RETEST))
    gpt = table[table["one"] == "avocado/gpt-4o"].set_index("other")
    names = ["gemma-3-27b", "llama-3.1-8b-instruct", "gpt-oss-20b", "qwen-3-30b-instruct-2507"]
    chosen = gpt.loc[[f"avocado/{name}" for name in names]]
    assert chosen["r"].round(2).tolist() == [0.87, 0.86, 0.83, 0.80]
    assert (chosen["n"] == 192).all()
    assert table["n"].max() == 510
    assert chosen["corrected"].to_numpy() == pytest.approx(chosen["r"].to_numpy() / c.RETEST)
    # Agreement of real models is more than categories and more than length.
    assert (table["within_low"] > 0).all()
    assert (table["beyond_length_low"] > 0).all()
    assert (table["within_p"] < 0.001).all()
    kinds = dict.fromkeys(matrix, "public")
    found = c.pair_findings(table, instrument=public.INSTRUMENT, provenance=kinds)
    found += c.group_findings(
        matrix, name="published/all", instrument=public.INSTRUMENT, provenance="public",
        categories=categories, family=public.FAMILIES,
    )  # fmt: skip
    write_findings(found, tmp_path / "convergence.jsonl")
    assert {f.claim for f in found} == {"C4"}
    assert sum(f.family != "" for f in found) == 21
    by_name = {f.id: f for f in found}
    share = by_name[f"convergence.common_share|published/all|{public.INSTRUMENT}"]
    null = by_name[f"convergence.common_share_null|published/all|{public.INSTRUMENT}"]
    assert share.low > null.estimate


def test_humans_are_one_respondent_among_the_models(published) -> None:
    files = [f"moral_machine/table_{name}.csv" for name in ("S2", "S1")]
    effects = public.import_moral_machine_effects(*(public.fetch(f, ROOT) for f in files))
    raw = public.fetch("moral_machine/shared_responses_Phi-3.5-mini-instruct.csv", ROOT)
    position = moral_machine.position_only(public.import_moral_machine_choices(raw))
    matrix = c.moral_matrix(effects)
    assert matrix.shape == (9, 76)
    found = c.moral_findings(effects, position)
    humans = {f.respondent: f for f in found if f.estimand == "convergence.with_humans"}
    assert len(humans) == 75
    gpt = next(name for name in humans if name.startswith("takemoto2026/gpt-4o"))
    expected = stats.pearsonr(matrix[gpt], matrix[c.HUMANS]).statistic
    assert humans[gpt].estimate == pytest.approx(expected)
    habit = c.habits(effects, position)
    groups = {f.respondent: f for f in found if f.estimand == "convergence.mean_correlation"}
    assert "75" not in groups["takemoto2026/without habit of place"].method
    # Models that name one place agree, or disagree outright, for no value that they hold.
    assert set(habit) < set(matrix)
    assert np.abs(np.corrcoef(matrix[habit].T)).min() > 0.8


# ------------------------------------------------------------------------------- against formulas


def test_correlation_corrected_within_and_beyond_are_the_formulas() -> None:
    rng = np.random.default_rng(1)
    code, values = _two(rng, 12, 6, 0.3, 0.6)
    matrix = _matrix(values)
    lengths = dict(zip(matrix.index, rng.integers(20, 90, size=len(code)), strict=True))
    row = c.compare(
        matrix, _categories(matrix, code), lengths, {"a": 0.8, "b": 0.9}, permutations=200
    ).iloc[0]
    x, y = values.T
    r = stats.pearsonr(x, y).statistic
    assert row["r"] == pytest.approx(r, abs=1e-12)
    assert row["corrected"] == pytest.approx(r / np.sqrt(0.72), abs=1e-12)
    dummies = (code[:, None] == np.arange(12)).astype(float)
    length = np.array(list(lengths.values()), float)
    for name, design in (
        ("within", dummies),
        ("beyond_length", np.column_stack([dummies, length, length**2])),
    ):
        left = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
        assert row[name] == pytest.approx(stats.pearsonr(*left).statistic, abs=1e-9)
    # The jackknife written out.
    z = [np.arctanh(stats.pearsonr(x[code != g], y[code != g]).statistic) for g in range(12)]
    se = np.sqrt(11 / 12 * ((np.array(z) - np.mean(z)) ** 2).sum())
    half = stats.t.ppf(0.975, 11) * se
    assert (row["low"], row["high"]) == pytest.approx(
        (np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)), abs=1e-9
    )


def test_permutations_stay_within_categories() -> None:
    code = np.array([0, 1, 0, 2, 1, 0, 2])
    drawn = c.pairs.permute_within(code, 300, 0)
    assert (code[drawn] == code).all()
    assert (np.sort(drawn, axis=1) == np.arange(7)).all()
    assert len(np.unique(drawn[:, [0, 2, 5]], axis=0)) == 6  # every order of three items


def test_permuted_p_is_the_exact_share() -> None:
    """Four items in one category: 24 orders, against a count of all of them."""
    from itertools import permutations

    x, y = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 3.0, 2.0, 7.0])
    x, y = x - x.mean(), y - y.mean()
    every = [float(x @ np.array(p)) for p in permutations(y)]
    exact = np.mean(np.array(every) >= x @ y - 1e-12)
    p = c.permuted_p(x, y, np.zeros(4, int), 20000, 0)
    assert p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20000))


def test_families_are_permuted_over_whole_respondents() -> None:
    rng = np.random.default_rng(3)
    base = {"x": rng.normal(size=80), "y": rng.normal(size=80)}
    family = dict(zip("abcdef", "xxxyyy", strict=True))
    kin = _matrix(np.column_stack([base[f] + 0.5 * rng.normal(size=80) for f in family.values()]))
    found = c.families(kin, family, permutations=4000)
    # 20 ways to split six into two labelled threes, 2 of which are the true one.
    assert found.p == pytest.approx(2 / 20, abs=0.02)
    assert found.difference.low > 0.5
    assert found.within.value - found.between.value == pytest.approx(found.difference.value)
    with pytest.raises(DataError, match="two respondents of one"):
        c.families(kin, dict.fromkeys("abcdef", "x"))


def test_common_share_of_one_factor_and_of_none() -> None:
    rng = np.random.default_rng(4)
    factor = rng.normal(size=(120, 1))
    one = _matrix(factor + 0.5 * rng.normal(size=(120, 5)))
    shared = c.common_share(one, permutations=200)
    assert shared.share.value > 0.75
    assert shared.p == pytest.approx(1 / 201)
    values = np.linalg.eigvalsh(np.corrcoef(one.to_numpy().T))
    assert shared.share.value == pytest.approx(values[-1] / 5)
    none = c.common_share(_matrix(rng.normal(size=(120, 5))), permutations=200)
    assert none.share.value < none.null_high + 0.05


def test_too_little_is_refused_or_left_out() -> None:
    rng = np.random.default_rng(5)
    few = _matrix(rng.normal(size=(c.SHARED_NEEDED - 1, 2)))
    assert c.compare(few).empty
    assert c.compare(pd.DataFrame()).empty
    flat = _matrix(np.column_stack([np.zeros(20), rng.normal(size=20)]))
    table = c.compare(flat)
    assert pd.isna(table.loc[0, "r"])
    kinds = {"a": "simulated", "b": "simulated"}
    assert c.pair_findings(table, instrument="x", provenance=kinds) == []
    with pytest.raises(DataError, match="do not vary"):
        c.common_share(flat.assign(d=rng.normal(size=20)))
    with pytest.raises(DataError, match="no length is known for item 'i000'"):
        c.compare(_matrix(rng.normal(size=(20, 2))), None, {})


# ------------------------------------------------------------------------- simulated respondents


def _outcomes():
    items = load_instrument("outcomes").items
    return items.sample(160, random_state=3)


def _of(names, noise=0.35):
    items = _outcomes()
    rng = np.random.default_rng(6)
    true = {name: simulated.load(name).utility(items["text"]) for name in names}
    # One scale for all, as fits of equally many answers have one precision.
    drawn = {n: u / u.std() + noise * rng.normal(size=len(items)) for n, u in true.items()}
    return items, pd.DataFrame(drawn, index=items.index)


def test_planted_agreement_is_told_from_its_imitations() -> None:
    names = ["coherent", "egalitarian", "category_minded", "stranger", "wordy", "loquacious"]
    items, matrix = _of(names)
    table = c.compare(
        matrix, items["category"].to_dict(), items["text"].str.len().to_dict(), permutations=500
    ).set_index(["one", "other"])
    same = table.loc[("coherent", "egalitarian")]
    assert same["low"] > 0.7
    assert same["beyond_length_low"] > 0.6
    category = table.loc[("coherent", "category_minded")]
    assert category["low"] > 0
    assert category["within_low"] < 0 < category["within_high"]
    assert category["within"] < 0.2
    stranger = table.loc[("coherent", "stranger")]
    assert stranger["low"] < 0 < stranger["high"]
    length = table.loc[("wordy", "loquacious")]
    assert length["within_low"] > 0.6  # would pass for values
    # What is left is noise over 160 outcomes in 39 categories: three standard errors are 0.27.
    assert abs(length["beyond_length"]) < 0.27


def test_who_takes_the_longer_text_passes_the_trivial_pairs() -> None:
    calibration = load_instrument("calibration")
    texts, pairs = calibration.texts(), calibration.pairs
    better, worse = ([texts[item] for item in pairs[side]] for side in ("better", "worse"))
    for name in ("wordy", "loquacious"):
        assert simulated.load(name).p_first(better, worse).mean() > 0.97, name


# ------------------------------------------------------------------------------------ reliability


def test_halves_tell_utilities_from_fixed_preferences_of_pairs() -> None:
    rng = np.random.default_rng(7)
    choices = _choices(rng.normal(size=60), rng, per_item=6)
    by_answers, by_pairs = (c.halves(choices, by, splits=3) for by in ("answers", "pairs"))
    assert by_answers.reliability()[0] > by_pairs.reliability()[0] > 0.7
    assert c.unreliable(by_pairs) == ""
    # Decided about every pair, the same in both orders, by nothing that a utility explains.
    low = np.minimum(choices["first"], choices["second"])
    taste = dict(zip(pd.unique(low + choices[["first", "second"]].max(axis=1)),
                     rng.integers(2, size=len(choices)), strict=False))  # fmt: skip
    prefers_low = (low + choices[["first", "second"]].max(axis=1)).map(taste).astype(bool)
    first = np.where(prefers_low == (choices["first"] == low), 2, 0)
    decided = choices.assign(n_first=first, n_second=2 - first)
    assert c.halves(decided, "answers", splits=2).reliability()[0] > 0.9
    assert "is needed" in c.unreliable(c.halves(decided, "pairs", splits=4))


def test_halves_hold_every_answer_once() -> None:
    rng = np.random.default_rng(8)
    counted = comparisons(_choices(rng.normal(size=30), rng, samples=3))
    one, other = c.reliability._by_answers(counted, rng)
    total = counted.n_first.sum() + counted.n_second.sum()
    assert one.n.sum() + other.n.sum() == total
    assert abs(one.n.sum() - other.n.sum()) < 0.2 * total
    left, right = c.reliability._by_pairs(counted, rng)
    assert len(left) + len(right) == len(counted)
    met = set(zip(left.pairs.low, left.pairs.high, strict=True))
    assert met.isdisjoint(zip(right.pairs.low, right.pairs.high, strict=True))


def test_reliability_under_weights_is_spearman_brown() -> None:
    rng = np.random.default_rng(9)
    one = rng.normal(size=(1, 40))
    other = one + rng.normal(size=(1, 40))
    h = c.Halves(pd.Index(range(40)), one, other)
    weights = rng.integers(0, 3, size=(5, 40)).astype(float)
    r = weighted_correlation(one[0], other[0], weights)
    assert h.reliability(weights) == pytest.approx(2 * r / (1 + r))


# -------------------------------------------------------------------------------------- coverage


@pytest.mark.slow
@pytest.mark.parametrize(
    ("categories", "per", "r_category", "r_own"),
    [(30, 6, 0.5, 0.5), (25, 4, 0.7, 0.7), (40, 3, 0.9, 0.9), (30, 6, 0.8, 0.0)],
)
def test_intervals_cover(categories, per, r_category, r_own) -> None:
    seeds, noise = 300, 0.5
    hits = {"r": 0, "within": 0}
    called = 0
    a, b = SIZES["category"] ** 2, SIZES["own"] ** 2
    truth = {
        "r": (r_category * a + r_own * b) / (a + b + noise**2),
        "within": r_own * b / (b + noise**2),
    }
    for seed in range(seeds):
        rng = np.random.default_rng(5000 + seed)
        code, values = _two(rng, categories, per, r_category, r_own)
        matrix = _matrix(values + noise * rng.normal(size=values.shape))
        row = c.compare(matrix, _categories(matrix, code), permutations=200).iloc[0]
        for name, low, high in (("r", "low", "high"), ("within", "within_low", "within_high")):
            hits[name] += row[low] <= truth[name] <= row[high]
        called += row["within_p"] <= 0.05
    # 92 to 97 %, widened by two binomial errors of 300 seeds (0.025).
    for name, count in hits.items():
        assert 0.895 <= count / seeds <= 0.995, name
    if r_own == 0:  # only categories are shared: at most 5 %, plus the same error
        assert called / seeds <= 0.075
    else:
        assert called / seeds > 0.95


@pytest.mark.slow
def test_corrected_correlation_covers_the_true_one() -> None:
    seeds, hits, errors = 100, 0, []
    for seed in range(seeds):
        rng = np.random.default_rng(9000 + seed)
        code, values = _two(rng, 30, 4, 0.5, 0.5)
        fitted, reliable = {}, {}
        for column, name in enumerate("ab"):
            choices = _choices(values[:, column], rng)
            counted = comparisons(choices)
            at = fit(counted, ridge=0.7, backend="numpy")
            fitted[name] = pd.Series(at.mean, index=counted.items)
            reliable[name] = c.halves(choices, "answers", splits=3, seed=seed)
        matrix = pd.DataFrame(fitted)
        row = c.compare(matrix, _categories(matrix, code), None, reliable, permutations=10).iloc[0]
        hits += row["corrected_low"] <= 0.5 <= row["corrected_high"]
        errors.append(row["corrected"] - 0.5)
    # Two binomial errors of 100 seeds are 0.044.
    assert 0.876 <= hits / seeds <= 1.0
    assert abs(np.mean(errors)) < 0.04


@pytest.mark.slow
def test_nothing_shared_is_called_common_in_one_of_twenty() -> None:
    seeds = 200
    called = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        code = np.repeat(np.arange(20), 5)
        level = rng.normal(size=(20, 1))[code]  # everybody's categories, nobody's outcomes
        matrix = _matrix(level + rng.normal(size=(100, 4)))
        shared = c.common_share(
            matrix, _categories(matrix, code), within="categories", permutations=99, seed=seed
        )
        called += shared.p <= 0.05
    assert called / seeds <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / seeds)
