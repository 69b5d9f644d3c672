"""Simulated respondents: what they declare is what they do, through the path of a real model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from revealed.foundation.errors import RespondentError
from revealed.instruments import (
    Instrument,
    ReadQuestion,
    is_padded,
    list_arms,
    list_instruments,
    load_arm,
    load_instrument,
    render,
)
from revealed.instruments.experiments import MODULES
from revealed.respondents import Ledger, RespondentSpec
from revealed.respondents.elicit import elicit
from revealed.respondents.simulated import load, names
from revealed.respondents.simulated.respondent import Fault, Reply, Simulated

COUNTRIES = load_instrument("countries.lives_saved")
OUTCOMES = load_instrument("outcomes")


EXPERIMENTS = {name for module in MODULES for name in module.NAMES}


def chances(respondent: Simulated, messages: list[dict[str, str]]) -> dict[str, float]:
    """The chance of each label in answer to a pair's prompt."""
    read = respondent._read(tuple((m["role"], m["content"]) for m in messages))
    assert not isinstance(read, ReadQuestion)
    return read[1]


def random_pairs(instrument: Instrument, count: int, samples: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    items = instrument.items.index.to_numpy()
    chosen = {tuple(sorted(rng.choice(len(items), 2, replace=False))) for _ in range(count)}
    rows = [(items[i], items[j], samples, "train") for i, j in sorted(chosen)]
    return pd.DataFrame(rows, columns=["first", "second", "samples", "role"])


def answers(
    model: str, pairs: pd.DataFrame, folder: Path, arm: str = "forced",
    instrument: Instrument = OUTCOMES, **changes: Any,
) -> pd.DataFrame:  # fmt: skip
    told: dict[str, Any] = {"name": "s", "model": f"simulated/{model}", "mode": "sample"}
    with Ledger(folder / "ledger.sqlite") as ledger:
        return elicit(
            RespondentSpec(**(told | changes)), instrument, load_arm(arm), pairs, ledger,
            progress=False,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["coherent", "position_biased", "length_loving", "incoherent"])
def test_answers_follow_the_stated_probabilities(name: str, tmp_path: Path) -> None:
    pairs = random_pairs(OUTCOMES, 60, 4)
    table = answers(name, pairs, tmp_path)
    text = OUTCOMES.items["text"]
    p = load(name).p_first(text[table["first"]], text[table["second"]])
    n = (table["n_first"] + table["n_second"]).to_numpy()
    assert (n == 4).all()
    # The sum of independent binomials: five standard deviations either way.
    spread = math.sqrt((n * p * (1 - p)).sum())
    assert abs(table["n_first"].sum() - (n * p).sum()) < 5 * spread + 1e-9
    # And pair by pair: Pearson's statistic has mean 120 for 120 cells, less where p is extreme.
    clear = (p > 0.02) & (p < 0.98)
    z2 = (table["n_first"] - n * p)[clear] ** 2 / (n * p * (1 - p))[clear]
    cells = int(clear.sum())
    # Its variance is 2 + (1 - 6p(1-p)) / (n p (1-p)) a cell, at most about 15 within these bounds.
    assert abs(z2.sum() - cells) < 5 * math.sqrt(15 * cells)


def test_log_probability_mode_gives_the_probability_itself(tmp_path: Path) -> None:
    pairs = random_pairs(OUTCOMES, 20, 1)
    table = answers("coherent", pairs, tmp_path, mode="auto")
    assert table.attrs["mode"] == "logprob"
    text = OUTCOMES.items["text"]
    p = load("coherent").p_first(text[table["first"]], text[table["second"]])
    share = table["n_first"] / (table["n_first"] + table["n_second"])
    assert share.to_numpy() == pytest.approx(p, abs=1e-9)


def test_the_same_seed_gives_the_same_table_and_another_one_does_not(tmp_path: Path) -> None:
    pairs = random_pairs(OUTCOMES, 15, 3)
    one = answers("coherent", pairs, tmp_path / "a", concurrency=3)
    same = answers("coherent", pairs, tmp_path / "b", concurrency=16)
    other = answers("coherent", pairs, tmp_path / "c", seed=1)
    pd.testing.assert_frame_equal(one, same)
    assert (one["n_first"] != other["n_first"]).any()


def test_a_rate_of_twenty_is_planted_between_two_countries() -> None:
    coherent = load("coherent")
    ((dear, cheap),) = coherent.planted_rates
    assert coherent.planted_rates == {(dear, cheap): 20.0}
    prices = coherent.log_price([dear, cheap])
    assert prices[0] - prices[1] == pytest.approx(math.log(20))
    # So the utility of one dear life is the utility of twenty cheap ones, on the log curve.
    items = COUNTRIES.items.query("kind == 'good'")
    u = pd.Series(coherent.utility(items["text"]), index=items.index)
    curve = {
        good: np.polyfit(np.log(rows["quantity"]), u[rows.index], 1)
        for good, rows in items.groupby("good")
    }
    slope = curve[dear][0]
    assert {round(float(c[0]), 9) for c in curve.values()} == {round(float(slope), 9)}
    assert (curve[dear][1] - curve[cheap][1]) / slope == pytest.approx(math.log(20))


@pytest.mark.parametrize("name", list_instruments())
def test_every_text_has_a_finite_utility_and_every_measure_its_sign(name: str) -> None:
    items = load_instrument(name).items
    u = load("coherent").utility(items["text"])
    assert np.isfinite(u).all()
    # To itself, to copies and to roles the coherent respondent is nearly indifferent.
    assert u.std() > (0.5 if name not in EXPERIMENTS else 0.1)
    goods = items[items["kind"] == "good"]
    for _, rows in goods.groupby("good"):
        ordered = rows.sort_values("quantity")
        steps = np.diff(load("coherent").utility(ordered["text"])) * ordered["sign"].iloc[0]
        assert (steps > 0).all()


@pytest.mark.parametrize("name", [n for n in list_instruments() if "." in n])
def test_the_egalitarian_counts_every_good_the_same(name: str) -> None:
    items = load_instrument(name).items.query("kind == 'good'")
    u = pd.Series(load("egalitarian").utility(items["text"]), index=items.index)
    spread = u.groupby(items["quantity"]).agg(lambda v: v.max() - v.min())
    assert spread.max() < 1e-12
    if (items["role"] == "placebo").any():
        placebo = items[(items["role"] == "placebo") & (items["alias_of"] != "")]
        for row in placebo.itertuples():
            twin = items[(items["good"] == row.alias_of) & (items["quantity"] == row.quantity)]
            both = load("coherent").utility([row.text, *twin["text"]])
            assert both[0] == pytest.approx(both[1])


def test_the_order_effect_is_the_declared_one_and_leaves_utilities_alone() -> None:
    text = OUTCOMES.items["text"].head(40)
    first, second = text.iloc[:20], text.iloc[20:]
    biased, coherent = load("position_biased"), load("coherent")
    assert biased.utility(text) == pytest.approx(coherent.utility(text))
    gap = norm.ppf(biased.p_first(first, second)) - norm.ppf(coherent.p_first(first, second))
    assert gap == pytest.approx(np.full(20, biased.declared.order_effect))


def test_the_length_lover_wants_only_length_and_padding_moves_it() -> None:
    lover, coherent = load("length_loving"), load("coherent")
    texts = OUTCOMES.items["text"]
    lengths = texts.str.len()
    assert np.corrcoef(lover.utility(texts), lengths)[0, 1] == pytest.approx(1)
    arm = load_arm("padded_even")
    text = next(t for t in texts if is_padded(arm, t))
    other = next(t for t in texts if not is_padded(arm, t) and len(t) > len(text))
    assert lover.p_first([text], [other])[0] < 0.5
    prompt = render(arm, text, other)
    assert chances(lover, prompt.messages)["A"] > 0.5
    assert chances(coherent, prompt.messages)["A"] == pytest.approx(
        coherent.p_first([text], [other])[0]
    )


def test_the_incoherent_one_is_decided_the_same_in_both_orders_and_turns_in_circles() -> None:
    respondent = load("incoherent")
    text = OUTCOMES.items["text"].to_numpy()
    p = respondent.p_first(text[:100], text[100:200])
    assert respondent.p_first(text[100:200], text[:100]) == pytest.approx(1 - p)
    cycles = 0
    for n in range(300):
        a, b, c = text[n], text[n + 1], text[(n + 7) % 300]
        ab, bc, ca = respondent.p_first([a, b, c], [b, c, a]) > 0.5
        cycles += bool(ab == bc == ca)
    # Preferences drawn pair by pair: a triad is a cycle with probability 1/4 (sd 0.025).
    assert 0.12 < cycles / 300 < 0.38


def test_refusals_and_neutral_answers_come_at_their_declared_rates(tmp_path: Path) -> None:
    pairs = random_pairs(OUTCOMES, 40, 3)
    refusing = answers("refusing", pairs, tmp_path / "r")
    total = 240
    share = refusing["n_refused"].sum() / total
    rate = load("refusing").declared.refusal_rate
    assert abs(share - rate) < 5 * math.sqrt(rate * (1 - rate) / total)
    assert refusing["n_unparsed"].sum() == 0
    allowed = answers("neutral_when_allowed", pairs, tmp_path / "n", arm="neutral")
    rate = load("neutral_when_allowed").declared.neutral_rate
    assert abs(allowed["n_neutral"].sum() / total - rate) < 5 * math.sqrt(rate * (1 - rate) / total)
    forced = answers("neutral_when_allowed", pairs, tmp_path / "n")
    assert forced["n_neutral"].sum() == 0


def test_the_drifting_one_changes_with_the_wording_and_the_coherent_one_does_not() -> None:
    text = OUTCOMES.items["text"]
    drifting, coherent = load("drifting"), load("coherent")
    wordings = ["forced", "paraphrase_1", "paraphrase_2"]
    u = [drifting.utility(text, arm) for arm in wordings]
    # Values of SD 1.2 plus two independent draws of SD 1: correlation about 0.6.
    assert 0.4 < np.corrcoef(u)[0, 1] < 0.75
    assert 0.4 < np.corrcoef(u)[1, 2] < 0.75
    for arm in wordings:
        assert coherent.utility(text, arm) == pytest.approx(coherent.utility(text))


def test_the_flaky_one_ends_with_everything_accounted_for(tmp_path: Path) -> None:
    pairs = random_pairs(OUTCOMES, 100, 3)
    table = answers("flaky", pairs, tmp_path)
    assert table.filter(like="n_").to_numpy().sum() == 600
    sums = table.filter(like="n_").sum()
    assert 0 < sums["n_failed"] < 25  # a share of 0.01 has mean 6, sd 2.4
    assert 0 < sums["n_unparsed"] + sums["n_refused"] < 45  # 0.03: mean 18, sd 4.2
    # Whoever did answer has the coherent respondent's values.
    assert load("flaky").utility(OUTCOMES.items["text"].head(9)) == pytest.approx(
        load("coherent").utility(OUTCOMES.items["text"].head(9))
    )


@pytest.mark.parametrize("name", names())
def test_every_respondent_answers_every_arm_in_its_form(name: str) -> None:
    from revealed.respondents.parse import parse

    text = OUTCOMES.items["text"]
    d = load(name).declared
    for arm in list_arms():
        prompt = render(load_arm(arm), text.iloc[0], text.iloc[1])
        kinds = set()
        for seed in range(80 if d.junk_rate > 0.5 else 20):
            reply = load(name).answer(prompt.messages, seed, 0)
            if isinstance(reply, Reply):
                kinds.add(parse(reply.text, prompt).kind)
            else:
                assert isinstance(reply, Fault)
                assert d.fault_rate
        assert kinds & {"first", "second", "neutral"}, arm
        if not d.refusal_rate and not d.junk_rate:
            assert not kinds & {"refused", "unparsed"}, arm


def test_only_the_text_of_the_prompt_counts() -> None:
    """The same respondent, the same words, other labels: the same preference."""
    text = OUTCOMES.items["text"]
    a, b = text.iloc[3], text.iloc[4]
    found = [
        list(chances(load("coherent"), render(load_arm(arm), a, b).messages).values())
        for arm in ("forced", "labels_12", "labels_xy")
    ]
    assert found[0] == found[1] == found[2]


def test_parameters_can_be_declared_in_the_model_name() -> None:
    changed = load("simulated/coherent?order_effect=0.5&seed=3")
    assert (changed.declared.order_effect, changed.declared.seed) == (0.5, 3)
    assert load("coherent", seed=3).utility(["x"]) == pytest.approx(changed.utility(["x"]))
    assert load("coherent").utility(["x"]) != pytest.approx(changed.utility(["x"]))
    for wrong in ("coherent?sede=3", "coherent?seed=three", "nobody"):
        with pytest.raises(RespondentError):
            load(wrong)


def test_calibration_pairs_are_clear_to_everyone_with_values() -> None:
    instrument = load_instrument("calibration")
    assert instrument.pairs is not None
    text = instrument.items["text"]
    better, worse = text[instrument.pairs["better"]], text[instrument.pairs["worse"]]
    for name in ("coherent", "egalitarian", "position_biased", "drifting"):
        forth = load(name).p_first(better, worse)
        back = load(name).p_first(worse, better)
        assert ((forth + 1 - back) / 2).mean() > 0.95
