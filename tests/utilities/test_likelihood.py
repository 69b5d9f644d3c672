"""The likelihood of one answer, against SciPy and against itself."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfcx, expit, log_expit, log_ndtr

from revealed.foundation.backend import NUMPY, standard_backend
from revealed.foundation.errors import EstimationError
from revealed.utilities.likelihood import (
    erfcx_positive,
    log_cdf,
    log_probabilities,
    probability,
    terms,
)

Z = np.linspace(-40, 40, 4001)
LINKS = ["probit", "logit"]
SUBNORMAL = 1e-300  # below it numbers have fewer digits


def test_erfcx_agrees_with_scipy():
    a = np.concatenate([np.linspace(0, 60, 20001), np.logspace(1, 8, 500)])
    # Both are within a few units in the last place of the truth.
    np.testing.assert_allclose(erfcx_positive(a), erfcx(a), rtol=5e-15)


def test_the_log_distribution_agrees_with_scipy():
    found = log_cdf(Z)
    np.testing.assert_allclose(found.first, log_ndtr(Z), rtol=1e-12, atol=SUBNORMAL)
    np.testing.assert_allclose(found.second, log_ndtr(-Z), rtol=1e-12, atol=SUBNORMAL)


def test_the_hazards_agree_with_scipy():
    found = log_cdf(Z)
    log_density = -Z * Z / 2 - np.log(2 * np.pi) / 2
    # exp turns the rounding of a logarithm of up to 800 into a relative error of 2e-13.
    np.testing.assert_allclose(
        found.hazard_first, np.exp(log_density - log_ndtr(Z)), rtol=2e-12, atol=SUBNORMAL
    )
    np.testing.assert_allclose(
        found.hazard_second, np.exp(log_density - log_ndtr(-Z)), rtol=2e-12, atol=SUBNORMAL
    )
    logistic = log_cdf(Z, "logit")
    np.testing.assert_allclose(logistic.hazard_first, expit(-Z), rtol=1e-14)
    np.testing.assert_allclose(logistic.hazard_second, expit(Z), rtol=1e-14)
    np.testing.assert_allclose(logistic.first, log_expit(Z), rtol=1e-14)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("lapse", [0.0, 0.05, 0.5])
def test_score_and_curvature_are_the_derivatives(link, lapse):
    z, h = np.linspace(-8, 8, 801), 1e-5
    at, up, down = (terms(z + d, 3.0, 1.5, link, lapse) for d in (0.0, h, -h))
    # Central differences: truncation h² and rounding 1e-16 / h, times values up to 40.
    numeric = (up.log_likelihood - down.log_likelihood) / (2 * h)
    np.testing.assert_allclose(at.score, numeric, atol=1e-8)
    np.testing.assert_allclose(at.curvature, -(up.score - down.score) / (2 * h), atol=1e-7)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("lapse", [0.0, 0.1])
def test_information_is_the_expected_curvature(link, lapse):
    z = np.linspace(-6, 6, 101)
    p = probability(z, link, lapse)
    found = terms(z, 7 * p, 7 * (1 - p), link, lapse)
    np.testing.assert_allclose(found.information, found.curvature, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.score, 0, atol=1e-12)


@given(st.floats(-40, 40), st.floats(0, 0.9), st.sampled_from(LINKS))
def test_the_two_answers_share_one_probability(z, lapse, link):
    first, second = log_probabilities(np.array([z]), link, lapse)
    assert float(np.exp(first[0]) + np.exp(second[0])) == pytest.approx(1, abs=1e-14)
    mirrored = log_probabilities(np.array([-z]), link, lapse)
    if z != 0:  # at 0 both sides are right to the last digits, but not equal in them
        assert first[0] == mirrored[1][0]


def test_everything_is_finite_from_minus_40_to_40():
    for link in LINKS:
        for lapse in (0.0, 0.02):
            found = terms(Z, 2.0, 3.0, link, lapse)
            for part in (found.log_likelihood, found.score, found.curvature, found.information):
                assert np.isfinite(part).all()
            assert (found.information >= 0).all()


@pytest.mark.parametrize("link", LINKS)
def test_the_standard_namespace_gives_the_same(link):
    strict = standard_backend(array_api_strict, "strict")
    z = np.linspace(-9, 9, 50)
    one, two = np.full(50, 2.0), np.full(50, 1.0)
    ours = terms(z, one, two, link, 0.1, NUMPY)
    theirs = terms(*(strict.asarray(a) for a in (z, one, two)), link, 0.1, strict)
    for name in ("log_likelihood", "score", "curvature", "information"):
        np.testing.assert_array_equal(strict.to_numpy(getattr(theirs, name)), getattr(ours, name))


@pytest.mark.parametrize("lapse", [-0.1, 1.0, float("nan")])
def test_a_lapse_that_is_no_share_is_refused(lapse):
    with pytest.raises(EstimationError, match="lapse"):
        terms(Z, 1.0, 1.0, "probit", lapse)


def test_an_unknown_link_is_refused():
    with pytest.raises(EstimationError, match="unknown link"):
        log_cdf(Z, "cauchit")  # type: ignore[arg-type]
