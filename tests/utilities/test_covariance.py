"""Intervals: what they are to first order, and (slow) how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_answers import simulate
from scipy.stats import binom

from revealed.utilities import Comparisons, fit
from revealed.utilities.covariance import in_gauge
from revealed.utilities.design import next_round, random_connected


@pytest.mark.parametrize("variances", ["common", "item"])
@pytest.mark.parametrize("order_effect", [True, False])
def test_the_sandwich_is_the_jackknife_over_pairs(variances, order_effect):
    """HC3 is leaving out one pair, to first order: exact refits without each pair say the same."""
    c = simulate(12, 60, 6, spread=0.7, misfit=0.5, seed=1).comparisons
    options = {"variances": variances, "order_effect": order_effect, "ridge": 0.5}
    whole = fit(c, **options)
    n = len(c.items)
    left_out = []
    for pair in range(len(c.pairs.low)):
        rest = c.take(np.flatnonzero(c.pairs.row != pair))
        left_out.append(fit(rest, **options).mean)
    moves = np.array(left_out) - whole.mean
    jackknife = moves.T @ moves
    model = whole._optimum.model
    inverse = whole._optimum.inverse
    prior = in_gauge(((inverse * model.prior_precision()) @ inverse)[:n, :n], whole.reference)
    ours = np.sqrt(np.diag(whole.covariance - prior))
    theirs = np.sqrt(np.diag(jackknife))
    # The second order is what the two may differ by: a few per cent with 10 pairs an item.
    np.testing.assert_allclose(ours, theirs, rtol=0.15)
    assert np.mean(ours / theirs) == pytest.approx(1, abs=0.04)


def test_the_prior_adds_what_shrinkage_costs():
    """For utilities drawn from the prior, bias and variance together are the reported variance."""
    ratios = []
    for seed in range(40):
        c, u = simulate(15, 40, 3, spread=1.0, seed=seed)
        found = fit(c, ridge=1.0)
        keep = found.identified
        ratios.append(np.mean(((found.mean - u)[keep] / found.se[keep]) ** 2))
    # Mean of 40 averages over correlated squares of about 14 standard normals.
    error = np.std(ratios, ddof=1) / np.sqrt(len(ratios))
    assert abs(np.mean(ratios) - 1) < max(4 * error, 0.15)


def test_misfit_is_found_where_it_is_and_not_where_it_is_not():
    for truth in (0.0, 0.25, 1.0):
        found = [
            fit(simulate(60, 500, 10, misfit=truth**0.5, seed=s).comparisons).misfit_variance
            for s in range(12)
        ]
        error = np.std(found, ddof=1) / np.sqrt(len(found))
        # Moments of an estimated model: a few per cent of bias; 0.003 for the cut at zero.
        assert abs(np.mean(found) - truth) < 4 * error + 0.05 * truth + 0.003, truth


def test_one_answer_a_pair_cannot_show_misfit():
    c, _ = simulate(30, 200, 1, misfit=1.0)
    half = c.take(np.flatnonzero(c.first < c.second))
    assert fit(half).misfit_variance == 0.0


def test_misfit_widens_the_sandwich_and_not_the_laplace():
    ratio = {}
    for misfit in (0.0, 1.0):
        c = simulate(60, 500, 20, misfit=misfit, seed=2).comparisons
        found = fit(c)
        keep = found.identified
        naive = np.sqrt(np.diag(found.laplace_covariance))[keep]
        ratio[misfit] = float(np.median(found.se[keep] / naive))
    assert ratio[0.0] == pytest.approx(1, abs=0.1)
    assert ratio[1.0] > 1.5


def adaptive(seed: int, misfit: float) -> tuple[Comparisons, np.ndarray]:
    """A connected start and five D-optimal rounds, each chosen from the answers so far."""
    rng = np.random.default_rng(10_000 + seed)
    n = 40
    u = rng.normal(0, 1.5, n)
    u -= u.mean()
    deviation = rng.normal(0, misfit, (n, n))
    deviation = np.triu(deviation, 1) - np.triu(deviation, 1).T  # a pair keeps its own for ever
    rows = []
    pairs = random_connected(n, 6, rng)
    for _ in range(6):
        part, _ = simulate(n, pairs, 2, order=0.3, seed=int(rng.integers(2**32)),
                           utility=u, deviation=deviation)  # fmt: skip
        rows.append(part)
        c = Comparisons(
            part.items,
            *(np.concatenate([getattr(r, k) for r in rows])
              for k in ("first", "second", "n_first", "n_second")),
        )  # fmt: skip
        pairs = next_round(fit(c, backend="numpy"), 60, answers=4)
    return c, u


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("misfit", [0.0, 0.5])
@pytest.mark.parametrize("design", ["random", "adaptive"])
@pytest.mark.parametrize("gauge", ["sum_zero", "standardised"])
def test_intervals_hold_the_truth_as_often_as_they_say(misfit, design, gauge):
    """95 % intervals for utilities over 200 studies: between 92 and 97 %."""
    seeds, hits, total = 200, 0, 0
    for seed in range(seeds):
        if design == "random":
            c, u = simulate(40, 300, 5, misfit=misfit, spread=1.5, seed=seed)
        else:
            c, u = adaptive(seed, misfit)
        found = fit(c, backend="numpy")
        if gauge == "standardised":
            truth = (u - u.mean()) / u.std(ddof=1)
            estimate, se = found.zscored().mean, found.zscored().se
        else:
            # The model's own truth under misfit: pairs averaged over flatten the probit scale.
            truth = u / np.sqrt(1 + misfit**2)
            estimate, se = found.mean, found.se
        keep = found.identified
        inside = np.abs(estimate - truth)[keep] < 1.959964 * se[keep]
        hits, total = hits + int(inside.sum()), total + int(keep.sum())
    coverage = hits / total
    # The band itself is the claim; 200 studies of 40 utilities place coverage to about 0.004.
    assert 0.92 <= coverage <= 0.97, coverage
    # And the test has the power to see a failure: naive intervals at 0.88 would be far outside.
    assert binom.cdf(int(0.92 * total), total, 0.90) > 0.999
