"""Power within categories, and fitness as an interaction: planted, absent, and only apparent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn_tables import draw_choices, load, random_pairs, refusals, tosses
from scipy import stats

from revealed.foundation.errors import DataError
from revealed.instruments import load_instrument
from revealed.measures import power
from revealed.measures.fallible import Utilities, centring, utilities
from revealed.respondents.simulated.traits.power import SEEN, SEEN_SD
from revealed.respondents.simulated.values import OUTCOME_SD

POWER, FITNESS = load_instrument("power"), load_instrument("fitness")
PAIRS = random_pairs(POWER, 5)  # as the study asks
GRID = random_pairs(FITNESS, 6)


def both_arms(name: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    respondent = load(name, seed=1000 + seed)
    return (
        draw_choices(respondent, POWER, PAIRS, seed=seed),
        draw_choices(respondent, POWER, PAIRS, arm=power.POWER_ARM, seed=seed + 10**6),
    )


def analysis(name: str, seed: int = 0) -> power.Analysis:
    return power.analyse(*both_arms(name, seed), POWER.items)


def true_correlation(weight: float, coercive: int) -> float:
    """Of utility with power within categories, over outcomes drawn afresh at the rated levels."""
    part = POWER.items[POWER.items["coercive"] == coercive]
    levels = centring(part["category"]) @ part["level"].to_numpy(float)
    spread = (levels @ levels) / (len(part) - part["category"].nunique())
    seen = SEEN**2 * spread + SEEN_SD**2
    return float(weight * np.sqrt(seen) / np.sqrt(weight**2 * seen + OUTCOME_SD**2))


def exact(values: pd.Series) -> Utilities:
    return Utilities(tuple(values.index), values.to_numpy(float), np.zeros((len(values),) * 2), 1.0)


def test_without_noise_within_and_slope_are_those_of_the_utilities() -> None:
    respondent = load("power_seeking", seed=3)
    items = POWER.items
    u = pd.Series(respondent.utility(items["text"]), index=items.index)
    p = pd.Series(respondent.utility(items["text"], power.POWER_ARM), index=items.index)
    found = power.within_categories(exact(u), exact(p), items)
    for flag, one in enumerate(found):
        part = items[items["coercive"] == flag].index
        groups = items.loc[part, "category"]
        x, y = (v[part] - v[part].groupby(groups).transform("mean") for v in (p, u))
        assert one.correlation.value == pytest.approx(np.corrcoef(x, y)[0, 1])
        assert one.slope.value == pytest.approx((x @ y) / (x @ x))
    assert [one.kind for one in found] == ["non-coercive", "coercive"]


def test_planted_absent_and_only_apparent() -> None:
    made = {
        name: analysis(name)
        for name in ("power_seeking", "coherent", "coercion_averse", "status_loving")
    }
    within = {
        name: {one.kind: one.correlation for one in a.associations} for name, a in made.items()
    }
    assert all(not a.why for a in made.values())
    assert within["power_seeking"]["non-coercive"].low > 0.3
    assert within["coherent"]["non-coercive"].low < 0 < within["coherent"]["non-coercive"].high
    assert within["coercion_averse"]["non-coercive"].low > 0.3
    assert within["coercion_averse"]["coercive"].value < 0
    # What everybody reports is large for the lover of status, and within categories nothing is.
    naive = dict(made["status_loving"].originals)["all outcomes"]
    assert naive.low > 0.2
    status = within["status_loving"]["non-coercive"]
    assert status.low < 0 < status.high


def test_who_answers_what_it_likes_is_found_out() -> None:
    found = analysis("inattentive")
    assert "do not follow it" in found.why
    assert not found.associations
    made = power.findings(found, chapter="power", provenance="simulated")
    assert [f.estimand for f in made] == ["power.measurable"]
    assert made[0].estimate == 0.0


def test_refusals_neutral_answers_and_coins_make_no_number() -> None:
    forced, more = both_arms("power_seeking", 1)
    cases = {
        "declined": (refusals(forced), more),
        "no preference": (refusals(forced, "n_neutral"), more),
        "asked about power": (forced, refusals(more, "n_unparsed")),
        "do not follow it": (forced, tosses(more)),
    }
    for reason, arms in cases.items():
        made = power.findings(
            power.analyse(*arms, POWER.items), chapter="power", provenance="simulated"
        )
        assert len(made) == 1
        assert reason in made[0].note
    barred = power.analyse(forced, more, POWER.items, barred="calibration: no")
    assert barred.why == "calibration: no"


def test_who_wants_nothing_is_measured_at_zero() -> None:
    forced, more = both_arms("power_seeking", 2)
    found = power.analyse(tosses(forced), more, POWER.items)
    assert not found.why
    slope = found.associations[0].slope
    assert slope.low < 0 < slope.high
    assert slope.high - slope.low < 0.5


def test_the_originals_score_by_its_formula() -> None:
    forced, more = both_arms("status_loving", 3)
    found = dict(power.analyse(forced, more, POWER.items).originals)
    u, p = power.original_means(forced), power.original_means(more)
    for kind, part in (
        ("all outcomes", POWER.items.index),
        ("coercive", POWER.items.index[POWER.items["coercive"] == 1]),
    ):
        x, y = [float(p[i]) for i in part], [float(u[i]) for i in part]
        n = len(x)
        mx, my = sum(x) / n, sum(y) / n
        top = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
        bottom = sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)
        assert found[kind].value == pytest.approx(top / bottom**0.5, abs=1e-6)
    assert np.isnan(power.original_correlation(u * 0, p).value)


def test_fitness_without_noise_is_what_was_declared() -> None:
    items = FITNESS.items
    copies = np.log10(items["copies"]) / 4
    u = 1.5 * copies - 0.5 * items["similarity"] + 2.0 * copies * items["similarity"]
    found = power.fitness(exact(u), items)
    assert found.interaction.value == pytest.approx(2.0)
    assert found.copies.value == pytest.approx(1.5 + 2.0 * 0.5)
    assert found.likeness.value == pytest.approx(-0.5 + 2.0 * 0.5)
    x = sm_design(copies * items["similarity"])
    assert found.score.value == pytest.approx(np.linalg.lstsq(x, u, rcond=None)[0][1])
    with pytest.raises(DataError, match="fewer than two"):
        power.fitness(exact(u[:5]), items)
    with pytest.raises(DataError, match="6 cells"):
        power.fitness(exact(u[4:10]), items)


def sm_design(x: pd.Series) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])


def test_liking_copies_is_not_fitness() -> None:
    seeker, lover = (
        power.fitness(
            utilities(draw_choices(load(name, seed=5), FITNESS, GRID, answers=2, seed=5)),
            FITNESS.items,
        )
        for name in ("power_seeking", "status_loving")
    )
    assert seeker.interaction.low > 0
    assert lover.interaction.low < 0 < lover.interaction.high
    assert lover.copies.low > 0
    # The one score takes both for fitness.
    assert seeker.score.low > 0
    assert lover.score.low > 0


def test_findings_are_named_and_tested() -> None:
    made = power.findings(analysis("power_seeking", 7), chapter="power", provenance="simulated")
    named = {(f.estimand, f.subject) for f in made}
    assert ("power.within", "non-coercive") in named
    assert ("power.within", "coercive") in named
    assert ("power.original", "all outcomes") in named
    assert {f.family for f in made if f.estimand == "power.within"} == {"power.within"}
    assert {f.null for f in made if f.estimand == "power.within"} == {0.0}
    assert len({f.id for f in made}) == len(made)
    choices = draw_choices(load("power_seeking"), FITNESS, GRID, answers=2)
    about = {"chapter": "power", "provenance": "simulated"}
    fitness = power.fitness_findings(choices, FITNESS.items, **about)
    assert [f.estimand for f in fitness] == [
        "power.measurable", "power.fitness", "power.copies", "power.likeness",
        "power.fitness_original",
    ]  # fmt: skip
    refused = power.fitness_findings(refusals(choices), FITNESS.items, **about)
    assert [f.estimate for f in refused] == [0.0]


SEEDS = 100
# 95 % intervals must cover 92 to 97 %; 2.6 binomial standard errors of so many seeds on top.
BAND = 2.6 * np.sqrt(0.05 * 0.95 / SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "free", "forced"),
    [("power_seeking", 0.6, 0.6), ("status_loving", 0.0, 0.0), ("coercion_averse", 0.6, -0.4)],
)
def test_intervals_cover(name: str, free: float, forced: float) -> None:
    covered: dict[str, list[bool]] = {}
    for seed in range(SEEDS):
        utility, seen = (utilities(arm) for arm in both_arms(name, seed))
        for flag, one in enumerate(power.within_categories(utility, seen, POWER.items)):
            weight = (free, forced)[flag]
            for what, e, truth in (
                ("correlation", one.correlation, true_correlation(weight, flag)),
                ("slope", one.slope, weight),
            ):
                if e.low is not None:
                    hit = e.low <= truth <= e.high
                    covered.setdefault(f"{what} {flag}", []).append(hit)
    for what, hits in covered.items():
        # Now and then few outcomes of a kind are mostly noise, and no number is given.
        assert len(hits) >= 0.9 * SEEDS, what
        assert 0.92 - BAND <= np.mean(hits) <= 0.97 + BAND, (what, np.mean(hits))


@pytest.mark.slow
def test_nothing_is_found_where_nothing_is() -> None:
    """False positives of the indifferent, and how surely the inattentive are found out."""
    false, barred = [], []
    for seed in range(SEEDS):
        utility, seen = (utilities(arm) for arm in both_arms("coherent", seed + 5000))
        e = power.within_categories(utility, seen, POWER.items)[0].correlation
        false.append(e.low is not None and (e.low > 0 or e.high < 0))
        more = both_arms("inattentive", seed)[1]
        check = power.understood(utilities(more), POWER.items)
        barred.append(check.low is None or check.low <= 0)
    assert np.mean(false) <= stats.binom.ppf(0.995, SEEDS, 0.05) / SEEDS
    # One side of a 95 % interval errs in a fortieth of the cases.
    assert np.mean(barred) >= 1 - stats.binom.ppf(0.995, SEEDS, 0.025) / SEEDS


@pytest.mark.slow
def test_fitness_intervals_cover() -> None:
    truths = {"power_seeking": (3.0, 1.5), "status_loving": (0.0, 2.0), "coherent": (0.0, 0.0)}
    for name, (interaction, copies) in truths.items():
        hits = []
        for seed in range(SEEDS):
            drawn = draw_choices(load(name, seed=seed), FITNESS, GRID, answers=2, seed=seed)
            found = power.fitness(utilities(drawn), FITNESS.items)
            hits.append(
                (
                    found.interaction.low <= interaction <= found.interaction.high,
                    found.copies.low <= copies <= found.copies.high,
                )
            )
        rates = np.mean(hits, axis=0)
        assert ((rates >= 0.92 - BAND) & (rates <= 0.97 + BAND)).all(), (name, rates)
