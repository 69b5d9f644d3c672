"""Krippendorff's alpha against others' and by hand; who favors whom; people beside judges."""

from __future__ import annotations

from itertools import permutations

import evalica
import numpy as np
import pandas as pd
import pytest

from revealed.measures.misalignment import agreement, battery_findings

RATERS = 4


def drawn(seed: int, units: int = 40, missing: float = 0.3, sd: float = 5.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ratings = 10 * rng.normal(size=(units, 1)) + sd * rng.normal(size=(units, RATERS))
    ratings[rng.random(ratings.shape) < missing] = np.nan
    return ratings


def by_pairs(ratings: np.ndarray) -> float:
    """Alpha from its definition: every ordered pair of ratings, within units and over all."""
    units = [row[np.isfinite(row)] for row in ratings]
    units = [row for row in units if len(row) > 1]
    values = np.concatenate(units)
    n = len(values)
    observed = (
        sum(sum((a - b) ** 2 for a, b in permutations(row, 2)) / (len(row) - 1) for row in units)
        / n
    )
    expected = sum((a - b) ** 2 for a, b in permutations(values, 2)) / (n * (n - 1))
    return 1 - observed / expected


def test_the_published_worked_example() -> None:
    """Three observers of fifteen units (Krippendorff): nominal 0.691, interval 0.811."""
    rows = (
        "* * * * * 3 4 1 2 1 1 3 3 * 3",
        "1 * 2 1 3 3 4 3 * * * * * * *",
        "* * 2 1 3 4 4 * 2 1 1 3 3 * 4",
    )
    ratings = np.array([[np.nan if x == "*" else float(x) for x in r.split()] for r in rows]).T
    assert agreement.alpha(ratings) == pytest.approx(0.811, abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_what_its_definition_and_another_program_say(seed: int) -> None:
    ratings = drawn(seed)
    value = agreement.alpha(ratings)
    assert value == pytest.approx(by_pairs(ratings), abs=1e-12)
    other = evalica.alpha(pd.DataFrame(ratings.T), distance="interval").alpha
    assert value == pytest.approx(other, abs=1e-12)


def test_alpha_at_its_ends() -> None:
    same = np.repeat(np.arange(20.0)[:, None], 3, axis=1)
    assert agreement.alpha(same) == 1.0
    rng = np.random.default_rng(0)
    # Nothing in common: zero but for chance, with a standard error of about 1 / sqrt(5000).
    assert agreement.alpha(rng.normal(size=(5000, 2))) == pytest.approx(0.0, abs=0.06)
    opposed = np.column_stack([np.tile([0.0, 1.0], 50), np.tile([1.0, 0.0], 50)])
    assert agreement.alpha(opposed) < -0.9
    assert np.isnan(agreement.alpha(np.full((5, 2), 7.0)))
    assert np.isnan(agreement.alpha(np.array([[1.0, np.nan], [np.nan, 2.0]])))
    few = agreement.alpha_estimate(drawn(1, units=6, missing=0))
    assert np.isnan(few.value)
    assert "too few" in few.note


@pytest.mark.slow
def test_the_interval_of_alpha_covers() -> None:
    # True alpha of one-way normal ratings: the share of variance between units, 100 / 136.
    truth, hits = 100 / 136, 0
    for seed in range(100):
        ratings = drawn(seed, units=80, missing=0.2, sd=6.0)
        e = agreement.alpha_estimate(ratings, replicates=400)
        assert e.low is not None
        assert e.high is not None
        hits += e.low <= truth <= e.high
    # A percentile bootstrap of a ratio runs a little short: 95 of 100 expected, 85 is the binomial
    # bound at one in a thousand for 93 %.
    assert hits >= 85


def test_the_band_and_the_threshold() -> None:
    ratings = np.array(
        [[10.0, 16.0], [20.0, 40.0], [29.0, 28.0], [44.0, np.nan], [90.0, 20.0], [80.0, 85.0]]
    )
    assert agreement.contested(ratings).tolist()[:2] == [[20.0, 40.0], [29.0, 28.0]]
    assert len(agreement.contested(ratings)) == 3
    apart = agreement.flips(ratings, 30)
    assert (apart.value, apart.n) == (2 / 5, 5)


FAMILY = {"east": "east", "west": "west", "kin": "north", "cousin": "north"}


def judged(bonus: float, seed: int = 0, n: int = 400) -> tuple[pd.DataFrame, pd.Series]:
    """Scores of four judges; `kin` adds points to texts of its own family."""
    rng = np.random.default_rng(seed)
    names = [f"t{k}" for k in range(n)]
    authors = pd.Series(rng.choice(["north", "south"], n), index=names)
    # Northern texts are better: liking what is good is no favor.
    worth = 60 + 15 * (authors == "north") + 5 * rng.normal(size=n)
    scores = pd.DataFrame({judge: worth + 3 * rng.normal(size=n) for judge in FAMILY}, index=names)
    scores["kin"] += bonus * (authors == "north")
    scores["cousin"] += 20 * (authors == "north")
    return scores, authors


def test_a_judge_that_favors_its_family_is_exposed_and_another_is_not() -> None:
    scores, authors = judged(6.0)
    bias = agreement.family_bias(scores, authors, FAMILY)
    kin = bias["kin"]
    assert kin.low is not None
    assert kin.high is not None
    # A judge of the same family, which favors it more, does not hide it.
    assert kin.low > 0
    assert kin.low <= 6.0 <= kin.high
    assert set(bias) == {"kin", "cousin"}  # nobody wrote in the families of the others


@pytest.mark.slow
def test_a_fair_judge_is_called_partial_no_more_than_chance() -> None:
    called = 0
    for seed in range(100):
        scores, authors = judged(0.0, seed, n=120)
        e = agreement.family_bias(scores, authors, FAMILY, replicates=400)["kin"]
        assert e.low is not None
        assert e.high is not None
        called += not e.low <= 0 <= e.high
    assert called <= 12  # of 100 at 5 %, exceeded once in a thousand times


def test_people_beside_judges() -> None:
    scores, _ = judged(0.0, n=60)
    rows = [
        ("kin", call, name, value, 1.0, 0.0, "scored", "probabilities", "simulated")
        for call in ("alignment", "coherence")
        for name, value in scores["kin"].items()
    ]
    columns = [
        "judge", "call", "answer", "value", "mass", "spread", "kind", "mode", "provenance",
    ]  # fmt: skip
    ratings = pd.DataFrame(rows, columns=columns)
    labels = pd.DataFrame(
        {
            "rater": "ann", "answer": scores.index, "alignment": scores["kin"],
            "coherence": scores["kin"].to_numpy()[::-1],
        }
    )  # fmt: skip
    found = battery_findings.human_findings(ratings, labels, provenance="simulated")
    alphas = {(f.respondent, f.subject): f.estimate for f in found if "alpha" in f.estimand}
    assert alphas["kin", "alignment"] == 1.0
    assert alphas["simulated/mean of judges", "alignment"] == 1.0
    assert alphas["kin", "coherence"] < 0.5
