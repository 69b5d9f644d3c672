"""Refits: the compiled loop against the array version, and both against separate fits."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
from drawn_answers import simulate

from revealed.foundation.backend import NUMPY, standard_backend
from revealed.foundation.errors import EstimationError
from revealed.utilities import Comparisons, bootstrap, draw, fit
from revealed.utilities.likelihood import terms
from revealed.utilities.models import ORDER_PRECISION, PairData
from revealed.utilities.resampling import pair_weights

STRICT = standard_backend(array_api_strict, "strict")


def weighted(c: Comparisons, weight: np.ndarray) -> Comparisons:
    w = weight[c.pairs.row]
    return Comparisons(c.items, c.first, c.second, c.n_first * w, c.n_second * w)


@pytest.mark.parametrize("scheme", ["multinomial", "exponential"])
@pytest.mark.parametrize("order_effect", [True, False])
@pytest.mark.parametrize("lapse", [0.0, 0.05])
def test_a_replicate_is_the_fit_of_its_weighted_answers(scheme, order_effect, lapse):
    c = simulate(20, 120, 8).comparisons
    whole = fit(c, order_effect=order_effect, lapse=lapse)
    found = bootstrap(c, whole, 3, seed=4, scheme=scheme, backend="numpy", compiled=False)
    weights = pair_weights(120, range(3), 4, scheme)
    for k in range(3):
        one = fit(weighted(c, weights[:, k]), order_effect=order_effect, lapse=lapse,
                  ridge=whole.ridge)  # fmt: skip
        # Both stop at a decrement of 1e-8 nats or below.
        np.testing.assert_allclose(found[k], one.mean, atol=5e-4)


@pytest.mark.parametrize("link", ["probit", "logit"])
def test_the_compiled_loop_is_the_array_version(link):
    kernel = pytest.importorskip("revealed.utilities.kernel")
    for seed, spread in ((0, 1.0), (1, 3.0)):
        c = simulate(50, 400, 10, spread=spread, seed=seed).comparisons
        whole = fit(c, link=link)
        weights = pair_weights(400, kernel.replicates_of(1), seed)
        theta = np.append(whole.mean, whole.order_effect)
        loops = kernel.prepare(PairData(c.pairs, len(c.items), NUMPY), link)
        (found,) = kernel.refit_blocks(
            loops, range(1, 2), theta, whole.ridge, ORDER_PRECISION, seed
        )
        assert found is not None
        for k in range(kernel.LANES):
            one = fit(weighted(c, weights[:, k]), link=link, ridge=whole.ridge)
            np.testing.assert_allclose(found[:-1, k], one.mean, atol=5e-4)
            assert found[-1, k] == pytest.approx(one.order_effect, abs=5e-4)


@pytest.mark.parametrize("scheme", ["multinomial", "exponential"])
def test_steps_to_the_end_stand_still_there(scheme):
    """The equations are solved in single precision: what is nearly nothing must not be lost."""
    kernel = pytest.importorskip("revealed.utilities.kernel")
    c = simulate(60, 500, 10, spread=1.0).comparisons
    whole = fit(c)
    data, theta = PairData(c.pairs, 60, NUMPY), np.append(whole.mean, whole.order_effect)
    loops = kernel.prepare(data, "probit")
    weight = np.ascontiguousarray(pair_weights(data.m, range(kernel.LANES), 3, scheme))
    found, one = np.repeat(theta[:, None], kernel.LANES, axis=1), theta[:, None].copy()
    for turn in range(20):
        before = found.copy()
        for at, w in ((found, weight), (one, np.ascontiguousarray(weight[:, :1]))):
            kernel.newton_step(loops, w, at, whole.ridge, ORDER_PRECISION, 1e-9)
        if turn >= 8:
            # A utility of 1 has a rounding error of 2e-16; a sum over the pairs of an item some.
            np.testing.assert_allclose(found, before, atol=1e-14)
    np.testing.assert_allclose(one[:, 0], found[:, 0], atol=1e-14)


@pytest.mark.parametrize("link", ["probit", "logit"])
def test_compiled_hazards_are_exact(link):
    kernel = pytest.importorskip("revealed.utilities.kernel")
    z = np.random.default_rng(0).uniform(-40, 40, 20_000)
    found = np.empty((4, len(z)))
    kernel._hazards(z, len(z), link == "probit", found)
    ones, none = np.ones_like(z), np.zeros_like(z)
    first, second = terms(z, ones, none, link), terms(z, none, ones, link)
    # Values run up to 40. Both sides are good to about 1e-14 of them, and the probit's curvature
    # h (z + h) multiplies a difference of two such numbers by one of them.
    for made, truth, error in (
        (found[0], first.score, 1e-13), (found[1], -second.score, 1e-13),
        (found[2], first.curvature, 1e-11), (found[3], second.curvature, 1e-11),
    ):  # fmt: skip
        np.testing.assert_allclose(made, truth, atol=error, rtol=1e-12)


def test_compiled_weights_are_those_of_numpy():
    kernel = pytest.importorskip("revealed.utilities.kernel")
    weight = np.empty((37, kernel.LANES))
    kernel._resample(weight, 16, np.uint64(kernel.key_of(5)))
    np.testing.assert_array_equal(weight, pair_weights(37, kernel.replicates_of(2), 5))


@pytest.mark.parametrize("scheme", ["multinomial", "exponential"])
def test_a_replicate_does_not_depend_on_its_neighbours(scheme):
    whole = pair_weights(50, range(6), 3, scheme)
    np.testing.assert_array_equal(pair_weights(50, range(4, 5), 3, scheme)[:, 0], whole[:, 4])
    assert len(np.unique(whole, axis=1).T) == 6


def test_the_same_seed_gives_the_same_replicates(small):
    whole = fit(small.comparisons)
    for compiled in (True, False):
        one, two = (
            bootstrap(small.comparisons, whole, 5, seed=9, compiled=compiled, backend="numpy")
            for _ in range(2)
        )
        np.testing.assert_array_equal(one, two)
        other = bootstrap(small.comparisons, whole, 5, seed=8, compiled=compiled, backend="numpy")
        assert np.abs(one - other).max() > 1e-3


def test_the_standard_namespace_refits_the_same():
    c = simulate(15, 60, 5).comparisons
    whole = fit(c)
    ours = bootstrap(c, whole, 4, seed=1, backend=NUMPY, compiled=False)
    theirs = bootstrap(c, whole, 4, seed=1, backend=STRICT)
    np.testing.assert_allclose(theirs, ours, atol=1e-6)


def test_replicates_spread_like_the_intervals():
    c = simulate(40, 600, 10, spread=0.7).comparisons
    whole = fit(c, reference=["item 1", "item 2"])
    refits = bootstrap(c, whole, 600, seed=0, backend="numpy")
    draws = draw(whole, 600, seed=0)
    for replicates, low in ((refits, 0.85), (draws, 0.97)):
        # The root of a covariance of rank n - 1 turns rounding of 1e-16 into 1e-8.
        np.testing.assert_allclose(replicates[:, 1:3].mean(axis=1), 0, atol=1e-7)
        ratio = replicates.std(axis=0, ddof=1) / whole.se
        # The bootstrap is a little narrower than HC3 by its leverage, about 7 % here.
        assert low < ratio.mean() < 1.03
    np.testing.assert_allclose(draws.mean(axis=0), whole.mean, atol=5 * whole.se.max() / 600**0.5)


@pytest.mark.parametrize("scheme", ["multinomial", "exponential"])
def test_weights_average_one(scheme):
    weights = pair_weights(50, range(2000), 0, scheme)
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=1e-12)
    # Variance about 1 over 2,000 draws: five standard errors.
    np.testing.assert_allclose(weights.mean(axis=1), 1, atol=5 / 2000**0.5)


def test_what_cannot_be_refitted_is_refused(small):
    c = small.comparisons
    whole = fit(c)
    with pytest.raises(EstimationError, match="common variance"):
        bootstrap(c, fit(c, variances="item"), 2, seed=0)
    with pytest.raises(EstimationError, match="unknown scheme"):
        bootstrap(c, whole, 2, seed=0, scheme="wild")  # type: ignore[arg-type]
    with pytest.raises(EstimationError, match="none"):
        bootstrap(c, whole, 0, seed=0)
