"""The slope under known noise: least squares and Deming regression as oracles, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from revealed.foundation.errors import DataError
from revealed.measures.errors_in_variables import linear, naive_slope, solve


def two_columns(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Utilities are m outcomes, then m regressors."""
    return np.eye(2 * m)[:m], np.eye(2 * m)[m:]


def made(m: int, noise: float, misfit: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, m)
    y = 0.4 + 0.8 * x + rng.normal(0, misfit, m)
    u = np.concatenate([y, x]) + rng.normal(0, noise, 2 * m)
    return u, noise**2 * np.eye(2 * m)


def test_without_noise_it_is_least_squares_with_its_t_interval() -> None:
    m = 30
    u, _ = made(m, 0.0, 0.5)
    problem = linear(u, np.zeros((2 * m, 2 * m)), *two_columns(m), np.ones((m, 1)))
    found = solve(problem, -3, 4, method="")
    ols = sm.OLS(u[:m], sm.add_constant(u[m:])).fit()
    # The bounded search stops at 1e-4.
    assert found.estimate.value == pytest.approx(ols.params[1], abs=1e-3)
    assert [found.estimate.low, found.estimate.high] == pytest.approx(ols.conf_int()[1], abs=1e-3)
    assert found.nuisance[0] == pytest.approx(ols.params[0], abs=1e-3)
    assert found.nuisance_se[0] == pytest.approx(ols.bse[0], rel=1e-3)
    assert found.misfit_sd == pytest.approx(np.sqrt(ols.mse_resid), rel=1e-3)
    assert naive_slope(problem) == pytest.approx(ols.params[1])


def test_with_equal_noise_and_no_misfit_it_is_deming_regression() -> None:
    m = 60
    # The noise is said to be a little larger than it is, so that no misfit is found.
    u, covariance = made(m, 0.4, 0.0, seed=3)
    problem = linear(u, 1.5 * covariance, *two_columns(m), np.ones((m, 1)))
    found = solve(problem, -3, 4, method="")
    s = np.cov(u[m:], u[:m])
    gap = s[1, 1] - s[0, 0]
    deming = (gap + np.sqrt(gap**2 + 4 * s[0, 1] ** 2)) / (2 * s[0, 1])
    assert found.misfit_sd == 0.0
    assert found.estimate.value == pytest.approx(deming, abs=1e-3)
    assert naive_slope(problem) < found.estimate.value


def test_a_regressor_of_noise_alone_gives_no_number() -> None:
    m = 25
    rng = np.random.default_rng(5)
    u = rng.normal(0, 0.5, 2 * m)
    problem = linear(u, 0.25 * np.eye(2 * m), *two_columns(m), np.ones((m, 1)))
    found = solve(problem, -3, 4, method="")
    e = found.estimate
    # Either no number, or an interval open to one side at least: never a confident slope.
    assert np.isnan(e.value) or e.low is None or e.high is None
    if np.isnan(e.value):
        assert "not identified" in e.note


def test_what_cannot_be_solved_is_refused() -> None:
    u, covariance = made(4, 0.1, 0.0)
    with pytest.raises(DataError, match="at least 5 are needed"):
        solve(linear(u, covariance, *two_columns(4), np.ones((4, 1))), -3, 4, method="")
    u, covariance = made(10, 0.1, 0.0)
    u[3] = np.nan
    with pytest.raises(DataError, match="not a number"):
        solve(linear(u, covariance, *two_columns(10), np.ones((10, 1))), -3, 4, method="")


@pytest.mark.slow
@pytest.mark.parametrize("misfit", [0.0, 0.4])
def test_intervals_cover_where_least_squares_does_not(misfit: float) -> None:
    m, seeds, hits, naive, mean = 40, 300, 0, 0, []
    for seed in range(seeds):
        u, covariance = made(m, 0.5, misfit, seed)
        problem = linear(u, covariance, *two_columns(m), np.ones((m, 1)))
        e = solve(problem, -3, 4, method="").estimate
        hits += (e.low is None or e.low <= 0.8) and (e.high is None or e.high >= 0.8)
        mean.append(e.value)
        fit = sm.OLS(u[:m], sm.add_constant(u[m:])).fit().conf_int()[1]
        naive += fit[0] <= 0.8 <= fit[1]
    # 92 to 97 %, widened by twice the binomial error of 300 seeds.
    assert 0.92 - 0.032 <= hits / seeds <= 0.97 + 0.020
    assert naive / seeds < 0.85
    assert np.nanmedian(mean) == pytest.approx(0.8, abs=0.04)
