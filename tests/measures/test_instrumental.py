"""Means and ends: planted wishes are found, and a pleasant sound is not taken for one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from drawn_utilities import drawn_fit

from revealed.foundation.errors import DataError
from revealed.instruments import load_instrument
from revealed.measures import instrumental as measure
from revealed.measures.intervals import Estimate
from revealed.respondents import simulated
from revealed.utilities import Comparisons, Fit, fit

INSTRUMENT = load_instrument("instrumental")


@cache
def data_of(name: str) -> measure.Processes:
    drawn = drawn_fit(simulated.load(name), INSTRUMENT, pairs=INSTRUMENT.pairs)
    return measure.processes(drawn, INSTRUMENT.items)


@cache
def all_processes() -> measure.Processes:
    """Every process, as if all items had been placed without noise."""
    n = len(INSTRUMENT.items)
    known = SimpleNamespace(
        items=tuple(INSTRUMENT.items.index), identified=np.ones(n, bool), mean=np.zeros(n),
        covariance=np.zeros((n, n)), diagnostics=SimpleNamespace(pairs=10 * n),
    )  # fmt: skip
    data = measure.processes(cast("Fit", known), INSTRUMENT.items)
    assert len(data) == 20
    return data


def exact(name: str, **changes: object) -> measure.Processes:
    """All processes with a respondent's true utilities."""
    data = all_processes()
    utility = simulated.load(name, **changes).utility(INSTRUMENT.items["text"])
    return replace(data, utility=utility, covariance=np.zeros_like(data.covariance))


def holds(e: Estimate, value: float) -> bool:
    return (e.low is None or e.low <= value) and (e.high is None or e.high >= value)


def test_the_regressor_is_chances_times_ends() -> None:
    data = exact("coherent")
    utility = dict(zip(INSTRUMENT.items.index, data.utility, strict=True))
    gap = data.gap @ data.utility
    for name, found in zip(data.names, gap, strict=True):
        p_1 = INSTRUMENT.items.loc[f"{name}-start-1", "p_a"]
        p_2 = INSTRUMENT.items.loc[f"{name}-start-2", "p_a"]
        ends = utility[f"{name}-end-a"] - utility[f"{name}-end-b"]
        assert found == pytest.approx((p_1 - p_2) * ends)
    points = measure.points(data)
    # The exchanged chances turn the product around.
    by_version = points.pivot_table(index="process", columns="version", values="expected")
    assert (by_version["plausible"] + by_version["swapped"]).abs().max() < 1e-12


def test_without_noise_the_stated_chances_are_told_from_the_start() -> None:
    # Liking of a start cancels between the versions, whatever it is.
    found = measure.slopes(exact("coherent"))
    assert found["means"][0].estimate.value == pytest.approx(1.0, abs=1e-3)
    found = measure.slopes(exact("start_loving"))
    assert found["means"][0].estimate.value == pytest.approx(0.0, abs=1e-3)
    assert found["plausible"][0].estimate.low > 0  # type: ignore[operator]
    assert found["swapped"][0].estimate.high < 0  # type: ignore[operator]
    found = measure.slopes(exact("coherent", stated_chances=0.25))
    assert found["means"][0].estimate.value == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "means"), [("coherent", 1.0), ("ends_only", 0.0), ("start_loving", 0.0)]
)
def test_drawn_answers_tell_means_from_sound(name: str, means: float) -> None:
    found = measure.slopes(data_of(name))
    assert holds(found["means"][0].estimate, means)
    assert not holds(found["means"][0].estimate, 1.0 - means)
    liked = found["whatever stated"][0].estimate
    assert holds(liked, 0.0) == (name != "start_loving")


def test_parity_equals_the_formula_and_takes_sound_for_reasoning() -> None:
    data = data_of("start_loving")
    z = (data.utility - data.utility.mean()) / data.utility.std(ddof=1)
    plausible, swapped = [], []
    names = dict(zip(INSTRUMENT.items.index, z, strict=True))
    for name in data.names:
        p_1 = INSTRUMENT.items.loc[f"{name}-start-1", "p_a"]
        p_2 = INSTRUMENT.items.loc[f"{name}-start-2", "p_a"]
        starts = names[f"{name}-start-1"] - names[f"{name}-start-2"]
        ends = names[f"{name}-end-a"] - names[f"{name}-end-b"]
        plausible.append((starts - (p_1 - p_2) * ends) ** 2)
        swapped.append((starts + (p_1 - p_2) * ends) ** 2)
    found = measure.parity_losses(data)
    assert found["plausible"] == pytest.approx(np.mean(plausible), abs=1e-6)
    assert found["implausible"] == pytest.approx(np.mean(swapped), abs=1e-6)
    assert found["difference"] == pytest.approx(np.mean(swapped) - np.mean(plausible), abs=1e-6)
    assert found["difference"] > 0


def test_findings_have_one_headline_and_a_reading() -> None:
    drawn = drawn_fit(simulated.load("start_loving"), INSTRUMENT, pairs=INSTRUMENT.pairs)
    made = measure.findings(
        "a", drawn, INSTRUMENT.items, chapter="instrumental", provenance="simulated"
    )
    assert len({f.id for f in made}) == len(made)
    assert [f.estimand for f in made if f.family] == ["instrumental.means"]
    from revealed.figures.page import rows

    table = rows(made).set_index("estimand")
    means, rest = (table.loc[f"instrumental.{k}"] for k in ("means", "whatever_stated"))
    assert measure.pattern(means, rest).startswith("wants the usual starts")
    assert measure.pattern(None, rest) == ""


def test_too_few_processes_are_refused_with_the_reason() -> None:
    pairs = INSTRUMENT.pairs
    assert pairs is not None
    names = tuple(INSTRUMENT.items.index)
    place = {name: k for k, name in enumerate(names)}
    # Three processes of twenty.
    some = pairs[pairs.map(lambda name: place[name] < 24).all(axis=1)].map(place.__getitem__)
    n = np.ones(len(some))
    short = fit(Comparisons(names, some["first"].to_numpy(), some["second"].to_numpy(), n, n))
    assert measure.shortage(short, INSTRUMENT.items).startswith("only 3 processes")
    with pytest.raises(DataError, match="6 are needed"):
        measure.processes(short, INSTRUMENT.items)
    assert not measure.findings(
        "a", short, INSTRUMENT.items, chapter="instrumental", provenance="simulated"
    )


SEEDS = 100
# 92 to 97 %, widened by twice the binomial error of the seeds.
LEAST, MOST = 0.92 - 2 * np.sqrt(0.92 * 0.08 / SEEDS), 0.97 + 2 * np.sqrt(0.97 * 0.03 / SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "truth"), [("coherent", 1.0), ("start_loving", 0.0)])
def test_intervals_cover(name: str, truth: float) -> None:
    made = []
    for seed in range(SEEDS):
        respondent = simulated.load(name, seed=seed)
        drawn = drawn_fit(respondent, INSTRUMENT, pairs=INSTRUMENT.pairs, seed=seed)
        made.append(measure.slopes(measure.processes(drawn, INSTRUMENT.items)))
    covered = np.mean([holds(found["means"][0].estimate, truth) for found in made])
    assert LEAST <= covered <= MOST
    # A pleasant sound is taken for a means in at most 5 % (the same band), a means is always found.
    called = np.mean([not holds(found["means"][0].estimate, 0.0) for found in made])
    assert called <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / SEEDS) if truth == 0.0 else called > 0.95
    # With plausible chances alone the sound would have passed for one.
    assert np.mean([not holds(found["plausible"][0].estimate, 0.0) for found in made]) > 0.95
