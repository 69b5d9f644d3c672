"""Random effects of ways of measuring: against statsmodels, and over many draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import WLS
from statsmodels.stats.meta_analysis import combine_effects

from revealed.foundation.errors import DataError
from revealed.measures.random_effects import pool


@pytest.mark.parametrize("seed", range(5))
def test_mean_spread_and_test_are_those_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.01, 0.05, 7)
    y = rng.normal(0.3, 0.4, 7)
    ours = pool(y, v)
    theirs = combine_effects(y, v, method_re="chi2", use_t=True)
    assert ours.p_value == pytest.approx(theirs.test_homogeneity().pvalue, abs=1e-9)
    # Weighted least squares at that spread: its scale is Q over K - 1, which Paule and Mandel put
    # to 1, and its covariance that of Hartung and Knapp.
    weighted = WLS(y, np.ones(7), weights=1 / (v + ours.tau**2)).fit()
    assert weighted.scale == pytest.approx(1.0, abs=1e-6) or ours.tau == 0
    assert ours.mean == pytest.approx(weighted.params[0])
    assert ours.variance == pytest.approx(max(1, 1 / weighted.scale) * weighted.cov_params()[0, 0])


def test_no_spread_is_zero_and_the_mean_is_the_weighted_one() -> None:
    found = pool([1.0, 1.0, 1.0], [0.1, 0.2, 0.3])
    assert (found.tau, found.tau_low, found.p_value) == (0.0, 0.0, 1.0)
    assert found.another("m").high > found.over("m").high > 1.0
    assert found.variance == pytest.approx(1 / (10 + 5 + 10 / 3))


@pytest.mark.parametrize(
    ("values", "variances"),
    [([1.0], [0.1]), ([1.0, 2.0], [0.1]), ([1.0, np.nan], [0.1, 0.1]), ([1.0, 2.0], [0.1, 0.0])],
)
def test_what_cannot_be_pooled_is_refused(values: list[float], variances: list[float]) -> None:
    with pytest.raises(DataError):
        pool(values, variances)


@pytest.mark.parametrize("tau", [0.0, 0.3])
def test_intervals_cover_and_the_test_keeps_its_level(tau: float) -> None:
    rng, draws, k = np.random.default_rng(1), 400, 6
    mean, another, spread, called = [], [], [], []
    for _ in range(draws):
        v = rng.uniform(0.01, 0.03, k)
        found = pool(0.5 + tau * rng.standard_normal(k) + np.sqrt(v) * rng.standard_normal(k), v)
        fresh = 0.5 + tau * rng.standard_normal()
        over, new = found.over(""), found.another("")
        mean.append(over.low <= 0.5 <= over.high)
        another.append(new.low <= fresh <= new.high)
        spread.append(found.tau_low <= tau <= found.tau_high)
        called.append(found.p_value <= 0.05)
    # 99.9 % binomial bounds of a level of 95 % (5 %) over so many draws. Where nothing spreads the
    # intervals are wider than they need be, so there is no upper bound.
    least = stats.binom.ppf(0.001, draws, 0.95) / draws
    assert min(np.mean(mean), np.mean(another), np.mean(spread)) >= least
    if tau == 0.0:
        assert np.mean(called) <= stats.binom.ppf(0.999, draws, 0.05) / draws
    else:
        assert np.mean(called) > 0.8
