"""Regression and correlation of estimates: oracles without noise, and known noise taken out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from drawn_tables import draw_choices, load, random_pairs
from scipy import stats

from revealed.instruments import load_instrument
from revealed.measures import fallible
from revealed.utilities import comparisons, fit

POWER = load_instrument("power")


def test_without_noise_it_is_the_partial_correlation() -> None:
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 5, 60)
    x = rng.normal(size=60) + groups
    y = 0.5 * x + rng.normal(size=60) - 2 * groups
    none = np.zeros((60, 60))
    found = fallible.partial_correlation(x, y, none, none, groups)
    dummies = pd.get_dummies(groups).to_numpy(float)
    residuals = [sm.OLS(v, dummies).fit().resid for v in (x, y)]
    oracle = stats.pearsonr(*residuals).statistic
    assert found.value == pytest.approx(oracle, abs=1e-10)
    half = stats.norm.ppf(0.975) / np.sqrt(60 - 5 - 2)
    assert found.low == pytest.approx(np.tanh(np.arctanh(oracle) - half), abs=1e-10)


def test_shifting_groups_or_scaling_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(4), 8)
    x, y = rng.normal(size=(2, 32))
    noise = 0.1 * np.eye(32)
    one = fallible.partial_correlation(x, y, noise, noise, groups)
    two = fallible.partial_correlation(3 * x + 7 * groups, y - groups, 9 * noise, noise, groups)
    assert two.value == pytest.approx(one.value)
    assert (two.low, two.high) == pytest.approx((one.low, one.high))


def test_known_noise_is_taken_out() -> None:
    rng = np.random.default_rng(3)
    groups, noise = np.repeat(np.arange(20), 10), 0.8 * np.eye(200)
    within = fallible.centring(groups)
    share = np.diag(within @ noise @ within)
    plain, freed, trend = [], [], []
    for _ in range(60):
        t = rng.normal(size=200)
        x = t + np.sqrt(0.8) * rng.normal(size=200)
        y = 0.7 * t + np.sqrt(0.51) * rng.normal(size=200) + np.sqrt(0.8) * rng.normal(size=200)
        plain.append(np.corrcoef(x, y)[0, 1])
        freed.append(fallible.partial_correlation(x, y, noise, noise, groups).value)
        trend.append(fallible.slope(within @ y, within @ x, share, 0 * share, absorbed=20).value)
    assert np.mean(plain) == pytest.approx(0.7 / 1.8, abs=0.02)
    # Standard error of a mean of 60: about 0.015 for either.
    assert np.mean(freed) == pytest.approx(0.7, abs=0.05)
    assert np.mean(trend) == pytest.approx(0.7, abs=0.05)


def test_slope_without_noise_is_least_squares_through_the_origin() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=40)
    y = 2 * x + rng.normal(size=40)
    none = np.zeros(40)
    found = fallible.slope(y, x, none, none)
    model = sm.OLS(y, x).fit()
    assert found.value == pytest.approx(model.params[0], abs=1e-10)
    # A delete-one jackknife is HC3 but for the factor (n - 1) / n and the mean of the leave-outs.
    half = (found.high - found.low) / 2 / stats.t.ppf(0.975, 39)
    assert half == pytest.approx(model.HC3_se[0], rel=0.05)


def test_noise_that_both_sides_share_makes_no_slope() -> None:
    rng = np.random.default_rng(5)
    values = []
    for _ in range(200):
        shared = 0.7 * rng.normal(size=60)
        x, y = rng.normal(size=60) + shared, rng.normal(size=60) + shared
        part = np.full(60, 0.49)
        values.append(fallible.slope(y, x, part, part).value)
    # Without the correction the mean would be 0.49 / 1.49 = 0.33.
    assert np.mean(values) == pytest.approx(0.0, abs=0.04)


def test_what_is_mostly_noise_gives_no_number() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(2, 40))
    noise = np.eye(40)
    groups = np.repeat(np.arange(4), 10)
    found = fallible.partial_correlation(x, y, noise, 0 * noise, groups)
    assert np.isnan(found.value)
    assert found.low is None
    assert "mostly noise" in found.note
    assert np.isnan(fallible.slope(y, x, np.ones(40), np.zeros(40)).value)
    assert np.isnan(fallible.slope(y[:3], x[:3], np.zeros(3), np.zeros(3)).value)
    alike = fallible.partial_correlation(np.ones(40), y, 0 * noise, 0 * noise, groups)
    assert np.isnan(alike.value)


def test_noise_is_as_large_as_it_is_told() -> None:
    """Fitted against true differences over many draws: variance as the fits claim."""
    pairs, names = random_pairs(POWER, 8), POWER.items.index
    told, seen = [], []
    true = load("coherent", seed=1).utility(POWER.items["text"])
    within = fallible.centring(POWER.items["category"])
    fits = [
        fallible.utilities(draw_choices(load("coherent", seed=1), POWER, pairs, seed=k))
        for k in range(40)
    ]
    for found in fits:
        mean, noise = found.of(names)
        told.append(np.trace(within @ noise))
        seen.append(within @ mean)
    assert np.trace(np.cov(np.array(seen).T)) == pytest.approx(np.mean(told), rel=0.15)
    # And the prior pulls little: the mean of all draws lies along the truth with a slope near 1.
    average = np.mean(seen, axis=0)
    assert np.polyfit(within @ true, average, 1)[0] == pytest.approx(1.0, abs=0.15)


def test_pairs_of_their_own_mind_are_more_dispersed() -> None:
    pairs = random_pairs(POWER, 8)
    plain = draw_choices(load("coherent"), POWER, pairs, answers=8)
    assert fallible.dispersion(fit(comparisons(plain))) < 1.25
    # Every pair all one way, by a coin of its own: no utility explains that.
    whole = plain.copy()
    rng = np.random.default_rng(7)
    side = rng.integers(0, 2, len(whole) // 2)
    wins = np.concatenate([side, 1 - side]) * 8.0
    whole["n_first"], whole["n_second"] = wins, 8.0 - wins
    assert fallible.dispersion(fit(comparisons(whole))) > 3
