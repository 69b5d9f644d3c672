"""Stated against revealed: the habit of yes and no, denial, agreement, and one-direction items."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from revealed.instruments import load_questions
from revealed.measures import stated
from revealed.measures.stated.findings import analyse, findings
from revealed.respondents import simulated
from revealed.respondents.simulated.traits import stated as trait

SETS = ("stated_countries", "stated_religions", "stated_ages")
QUESTIONS = pd.concat([load_questions(name).questions for name in SETS])
YES_NO = QUESTIONS[QUESTIONS["relation"] != "rating"]


@cache
def chances(name: str, changes: tuple[tuple[str, float], ...] = ()) -> np.ndarray:
    """The declared chance of a yes to each yes-or-no question, in the order of `YES_NO`."""
    respondent = simulated.load(name, **dict(changes))
    return np.array([trait.p_yes(respondent, claim) for claim in YES_NO["claim"]])


def answered(name: str, seed: int = 0, samples: int = 2, **changes: float) -> pd.DataFrame:
    """Answers drawn from the respondent's stated probabilities; ratings as it says them."""
    respondent = simulated.load(name, **changes)
    rng = np.random.default_rng(seed)
    p = chances(name, tuple(sorted(changes.items())))
    parts = []
    rated = QUESTIONS[QUESTIONS["relation"] == "rating"]
    for sample in range(samples):
        said = [
            float(trait.rating(respondent, {"being": being}, lambda _: rng.random()))
            for being in rated["being"]
        ]
        for rows, value in ((YES_NO, (rng.random(len(p)) < p).astype(float)), (rated, said)):
            told = {"question": rows.index, "form": rows["form"].to_numpy(), "value": value}
            parts.append(pd.DataFrame(told).assign(sample=float(sample)))
    return pd.concat(parts, ignore_index=True).assign(
        respondent=f"simulated/{name}", instrument="stated", kind="answered", text="",
        provenance="simulated",
    )  # fmt: skip


def choices(
    name: str, seed: int = 0, se: float = 0.15, **changes: float
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Rates and prices as the exchange rates give them: true prices with normal errors of size
    `se`, and Bonferroni intervals."""
    rng = np.random.default_rng([seed, 1])
    respondent = simulated.load(name, **changes)
    rates, prices = {}, {}
    for category, rows in QUESTIONS[QUESTIONS["relation"] == "rating"].groupby("category"):
        goods = list(rows["good_1"])
        log_price = respondent.log_price(goods) + rng.normal(0, se, len(goods))
        table = pd.DataFrame({"good": goods, "log_price": log_price, "se": se, "bound": ""})
        prices[str(category)] = table
        both = table.merge(table, how="cross", suffixes=("", "_per"))
        both = both[both["good"] != both["good_per"]].rename(columns={"good_per": "per"})
        log_rate = both["log_price"] - both["log_price_per"]
        half = 3.5 * se * np.sqrt(2)
        rates[str(category)] = both.assign(
            log_rate=log_rate, low_adjusted=log_rate - half, high_adjusted=log_rate + half, bound=""
        )
    return rates, prices


def told(name: str, seed: int = 0, **changes: float) -> stated.Analysis:
    rates, prices = choices(name, seed, **changes)
    return analyse(answered(name, seed, **changes), QUESTIONS, rates=rates, prices=prices)


def by_name(analysis: stated.Analysis) -> dict[str, float]:
    made = findings(analysis, chapter="stated", provenance="simulated")
    assert len({f.id for f in made}) == len(made)
    return {f.estimand: f.estimate for f in made}


def shares(*rows: tuple[float, float, float, float], n: int = 8) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["more", "less", "same", "differ"])
    names = [f"g{k}" for k in range(len(table))]
    return table.assign(category="made", good_1=names, good_2="x", n=n)


# --- the instrument -------------------------------------------------------------------------------


def test_every_pair_is_asked_four_ways_and_both_goods_come_first() -> None:
    asked = YES_NO.groupby(["category", "pair"])["relation"].agg(sorted)
    assert set(map(tuple, asked)) == {("differ", "more", "more", "same")}
    more = YES_NO[YES_NO["relation"] == "more"]
    assert more.groupby(["category", "pair"])["good_1"].nunique().eq(2).all()
    for relation in ("same", "differ"):
        own = YES_NO[YES_NO["relation"] == relation]
        ahead = own["good_1"] == own["pair"].str.split(" | ", regex=False).str[0]
        assert 0.3 < ahead.mean() < 0.7


def test_pairs_are_read_back_with_their_direction() -> None:
    answers = answered("coherent", samples=40)
    pairs = stated.stated_pairs(answers, QUESTIONS)
    assert len(pairs) == len(YES_NO) / 4
    respondent = simulated.load("coherent")
    gap = respondent.log_price(pairs["good_1"]) - respondent.log_price(pairs["good_2"])
    apart = np.abs(gap) > trait.TOLERANCE
    # With a slip of 3 % in 40 answers a share is within 0.12 of 0 or 1 all but surely.
    assert ((pairs["more"] > 0.5) == (gap > trait.TOLERANCE)).all()
    assert ((pairs["less"] > 0.5) == (gap < -trait.TOLERANCE)).all()
    assert ((pairs["differ"] > 0.5) == apart).all()


def test_a_pair_with_a_missing_answer_is_left_out() -> None:
    answers = answered("coherent")
    gone = answers["question"] == YES_NO.index[0]
    fewer = stated.stated_pairs(answers[~gone], QUESTIONS)
    assert len(fewer) == len(YES_NO) / 4 - 1


# --- habit ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "yes"), [(0.0, 0.5), (0.3, 1.0), (0.4, 0.0), (0.5, 0.6)])
def test_habit_is_recovered_from_its_definition(share: float, yes: float) -> None:
    """Exact shares of a mixture: content in half the pairs equal and in half more."""
    content = [(0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 1.0)] * 4
    mixed = [tuple(share * yes + (1 - share) * c for c in row) for row in content]
    found = stated.habit(shares(*mixed))
    assert found.share == pytest.approx(share, abs=1e-9)
    assert found.yes == pytest.approx(share * yes, abs=1e-9)
    assert found.tilt.value == pytest.approx(share * (2 * yes - 1), abs=1e-9)
    drawn_in = [1.0 - share / 2, share / 2] * 4
    assert stated.equality(shares(*mixed)) == pytest.approx(drawn_in, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
def test_answers_without_content_are_not_measurable(value: float) -> None:
    answers = answered("coherent", samples=4)
    said = np.where(answers["sample"] < 4 * value, 1.0, 0.0)
    yes_no = answers["form"] == "stated_yes_no"
    spoiled = answers.assign(value=np.where(yes_no, said, answers["value"]))
    rates, prices = choices("coherent")
    analysis = analyse(spoiled, QUESTIONS, rates=rates, prices=prices)
    word = {0.0: "says no", 1.0: "says yes", 0.5: "contradicts itself"}[value]
    assert word in analysis.why
    assert by_name(analysis) == {"stated.measurable": 0.0}


@pytest.mark.parametrize("kind", ["refused", "neutral", "unparsed", "failed"])
def test_no_number_without_answers(kind: str) -> None:
    rates, prices = choices("coherent")
    silent = answered("coherent").assign(kind=kind, value=np.nan)
    analysis = analyse(silent, QUESTIONS, rates=rates, prices=prices)
    assert analysis.why
    assert by_name(analysis) == {"stated.measurable": 0.0}


# --- said and done --------------------------------------------------------------------------------


def test_candid_denying_and_egalitarian_are_told_apart() -> None:
    candid, denying, equal = (by_name(told(n)) for n in ("coherent", "denying", "egalitarian"))
    assert candid["stated.denial"] < 0.1 < 0.9 < denying["stated.denial"]
    assert candid["stated.rating_agreement"] > 0.8
    assert "stated.rating_agreement" not in denying or denying["stated.rating_agreement"] < 0.8
    assert candid["stated.direction"] == 1.0
    # Nothing is revealed that an egalitarian could deny, and it says so too.
    assert "stated.denial" not in equal
    assert equal["stated.equal"] > 0.9
    assert "stated.rating_agreement" not in equal


def test_half_a_yes_habit_leaves_denial_where_it_was() -> None:
    plain = by_name(told("denying"))
    tilted = by_name(told("denying", yes_habit=0.4))
    assert tilted["stated.yes_tilt"] > 0.25
    # Drawn towards one half by two fifths of habit, and not across it.
    assert 0.5 < tilted["stated.denial"] < plain["stated.denial"]


def test_a_respondent_without_choices_still_says_something() -> None:
    analysis = analyse(answered("coherent"), QUESTIONS, rates={}, prices={})
    made = by_name(analysis)
    assert made["stated.measurable"] == 1.0
    assert "stated.yes_tilt" in made
    assert "stated.denial" not in made


def test_agreement_is_pearson_when_nothing_is_noise() -> None:
    rng = np.random.default_rng(0)
    goods = [f"g{k}" for k in range(12)]
    x, y = rng.normal(size=12), rng.normal(size=12)
    rated = pd.DataFrame({"category": "c", "good": goods, "rating": x, "se": 0.0, "n": 3})
    prices = {"c": pd.DataFrame({"good": goods, "log_price": y, "se": 0.0, "bound": ""})}
    observed, corrected = stated.agreement(rated, prices)
    r = np.corrcoef(x, y)[0, 1]
    assert observed.value == pytest.approx(r, abs=1e-9)
    assert corrected.value == pytest.approx(r, abs=1e-9)
    assert observed.low == pytest.approx(np.tanh(np.arctanh(r) - 1.959964 / 3), abs=1e-5)
    bounded = {"c": prices["c"].assign(bound=">")}
    assert np.isnan(stated.agreement(rated, bounded)[0].value)


# --- one-direction items --------------------------------------------------------------------------


def test_one_direction_items_yield_no_preference() -> None:
    rows = []
    for model in ("m1", "m2"):
        for item in stated.ITEMS:
            rows.append((model, "English", item, "ethics", 0, 50))
        rows += [(model, "English", f"E_Lie_0{k}", "ethics", 30, 20) for k in range(1, 4)]
    names = ["model", "language", "item", "dimension", "n_yes", "n_no"]
    made = stated.lesson(pd.DataFrame(rows, columns=names), "stated")
    together = {f.estimand: f.estimate for f in made if f.respondent == "seven_models/all"}
    assert together["stated.public_no"] == 1.0
    assert together["stated.public_no_elsewhere"] == pytest.approx(0.4)
    assert together["stated.public_all_denied"] == 1.0
    assert {f.estimand.split(".")[1].split("_")[0] for f in made} == {"public"}
    assert all(f.claim == "" for f in made)


def test_denial_that_hangs_on_a_good_has_a_longer_interval() -> None:
    """The same answers, once about pairs apart and once about pairs that share a good."""
    said = shares(*[(0.5, 0.5, 1.0, 0.0)] * 6, *[(1.0, 0.0, 0.0, 1.0)] * 6).assign(different=True)
    apart = said.assign(good_2=[f"h{k}" for k in range(12)])
    hub = apart.assign(good_1=["hub"] * 6 + [f"g{k}" for k in range(6, 12)])
    one, other = stated.denial(apart), stated.denial(hub)
    assert one.value == other.value == 0.5
    assert other.high - other.low > 1.3 * (one.high - one.low)


# --- coverage -------------------------------------------------------------------------------------


def true_equality(name: str, different: pd.DataFrame, **changes: float) -> float:
    """Chance-weighted stated equality of pairs, from the declared probabilities."""
    p = chances(name, tuple(sorted(changes.items())))
    keys = zip(YES_NO["category"], YES_NO["pair"], YES_NO["relation"], strict=True)
    known = dict(zip(keys, p, strict=True))
    pairs = different["good_1"] + " | " + different["good_2"]
    truth = [
        (known[c, pair, "same"] + 1 - known[c, pair, "differ"]) / 2
        for c, pair in zip(different["category"], pairs, strict=True)
    ]
    return float(np.mean(truth))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [("denying", {}), ("denying", {"stated_denial": 0.6, "yes_habit": 0.2})],
)
def test_denial_and_habit_cover(name: str, changes: dict[str, float]) -> None:
    """100 seeds: 95 % intervals cover 92 to 97 %, widened by two binomial errors (0.044)."""
    seeds, covered = 100, np.zeros(2)
    rates, _ = choices(name)  # which pairs differ is given
    for seed in range(seeds):
        drawn = answered(name, seed, **changes)
        analysis = analyse(drawn, QUESTIONS, rates=rates, prices={})
        if analysis.why:  # too much habit seen in few answers: no number, so none that is wrong
            covered += 1
            continue
        made = {f.estimand: f for f in findings(analysis, chapter="stated", provenance="simulated")}
        denial, tilt = made["stated.denial"], made["stated.yes_tilt"]
        different = analysis.pairs[analysis.pairs["different"]]
        truth = true_equality(name, different, **changes)
        covered += [
            denial.low <= truth <= denial.high,
            tilt.low <= changes.get("yes_habit", 0.0) <= tilt.high,
        ]
    # Near 0 and 1 the exact interval of a few pairs covers more than it must.
    assert (covered >= 100 * 0.92 - 4.4).all(), covered
