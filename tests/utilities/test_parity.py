"""The original's estimator: its published effects, and its distance from ours."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from drawn_answers import simulate
from test_scores import split

from revealed.foundation.errors import EstimationError
from revealed.utilities import Comparisons, fit, heldout
from revealed.utilities import parity as parity_module
from revealed.utilities.parity import fit_original, log_loss, pooled, probability, zscore


def test_shares_are_pooled_over_orders_and_answers_do_not_weigh():
    c = Comparisons(
        ("a", "b", "c"),
        np.array([1, 0, 1]), np.array([0, 1, 2]),
        np.array([1.0, 5.0, 100.0]), np.array([3.0, 1.0, 0.0]),
    )  # fmt: skip
    low, high, share = pooled(c)
    np.testing.assert_array_equal([low, high], [[0, 1], [1, 2]])
    np.testing.assert_allclose(share, [8 / 10, 1.0])


def test_means_are_standard_scores_and_agree_with_ours(small):
    found = fit_original(small.comparisons)
    assert found.mean.mean() == pytest.approx(0, abs=1e-12)
    assert found.mean.std(ddof=1) == pytest.approx(1)
    # The same answers and nearly the same likelihood, different regularisation.
    assert np.corrcoef(found.mean, fit(small.comparisons).mean)[0, 1] > 0.99
    assert np.corrcoef(found.mean, small.utility)[0, 1] > 0.98
    again = fit_original(small.comparisons)
    np.testing.assert_array_equal(found.mean, again.mean)


def test_adam_descends_the_loss_it_reports(small):
    """One epoch moves every parameter by the learning rate against its gradient's sign."""
    low, high, share = pooled(small.comparisons)

    def loss(theta):
        mean, log_variance = theta.reshape(2, -1)
        p = probability(mean, np.exp(log_variance), low, high)
        return -float((share * np.log(p) + (1 - share) * np.log1p(-p)).mean())

    rng = np.random.default_rng(0)
    start = 0.01 * rng.standard_normal((2, 40))
    mean, variance, reported = parity_module._adam(low, high, share, 40, 1, 0.01, 0)
    assert reported == pytest.approx(loss(start.ravel()), abs=1e-9)
    # Numeric gradient signs, where the gradient is clear of rounding.
    h = 1e-6
    gradient = np.array(
        [(loss(start.ravel() + h * e) - loss(start.ravel() - h * e)) / (2 * h) for e in np.eye(80)]
    ).reshape(2, 40)
    moved = start - 0.01 * np.sign(gradient)
    clear = np.abs(gradient) > 1e-6
    scale = moved[0].std(ddof=1)
    expected = (moved[0] - moved[0].mean()) / scale
    np.testing.assert_allclose(mean, expected, atol=1e-3)
    spread = np.log(variance * scale**2)
    np.testing.assert_allclose(spread[clear[1]], moved[1][clear[1]], atol=1e-3)


def test_more_epochs_fit_the_training_answers_better(small):
    few, many = (fit_original(small.comparisons, epochs=e) for e in (100, 1000))
    assert many.loss < few.loss


def test_pseudo_labels_add_the_pairs_it_is_sure_of():
    effects = []
    for seed in range(10):
        train, holdout = split(simulate(60, 400, 5, spread=1.5, seed=seed).comparisons, seed=seed)
        plain, added = (fit_original(train, pseudo_labels=p) for p in (False, True))
        assert plain.pseudo_labels == 0
        assert added.pseudo_labels > 400
        effects.append(
            [
                np.log(np.median(added.variance) / np.median(plain.variance)),
                log_loss(added, holdout) - log_loss(plain, holdout),
            ]
        )
    mean = np.mean(effects, axis=0)
    # Known effects of the step: variances fall (by half or so) and held-out log-loss rises.
    assert mean[0] < np.log(0.8)
    assert mean[1] > 0


@pytest.mark.parametrize("order", [0.0, 0.5])
def test_ours_foretells_better_on_the_same_answers(order):
    """Excess log-loss over the truth, ours against the original's, over seeds."""
    ours, theirs = [], []
    for seed in range(10):
        train, holdout = split(
            simulate(100, 1300, 10, order=order, seed=seed).comparisons, seed=seed
        )
        truth = heldout_truth(simulate(100, 1300, 10, order=order, seed=seed), holdout, order)
        ours.append(heldout(fit(train), holdout).log_loss - truth)
        theirs.append(log_loss(fit_original(train), holdout) - truth)
    # The marks: 0.65 of the original's excess, 0.4 with an order effect of 0.5.
    assert np.mean(ours) < (0.65 if order == 0 else 0.4) * np.mean(theirs)


def heldout_truth(simulated, holdout, order):
    from scipy.special import log_ndtr

    u = simulated.utility
    z = u[holdout.first] - u[holdout.second] + order
    gain = holdout.n_first * log_ndtr(z) + holdout.n_second * log_ndtr(-z)
    return float(-gain.sum() / holdout.n.sum())


def test_equal_utilities_and_no_answers_are_refused(small):
    with pytest.raises(EstimationError, match="no standard scores"):
        zscore(np.ones(4))
    c = small.comparisons
    with pytest.raises(EstimationError, match="not one answer"):
        fit_original(c.take(np.arange(0)))
    with pytest.raises(EstimationError, match="epochs"):
        fit_original(c, epochs=0)


def test_published_means_and_variances_come_back():
    """Answers drawn from GPT-4o's published fit, in the published number of pairs."""
    folder = os.environ.get("REVEALED_CACHE")
    path = Path(folder or "") / "avocado" / "results_utilities_gpt-4o.json"
    if not folder or not path.is_file():
        pytest.skip("the published utilities are not in REVEALED_CACHE")
    published = json.loads(path.read_text(encoding="utf-8"))["utilities"]
    mean = np.array([entry["mean"] for entry in published.values()])
    variance = np.array([entry["variance"] for entry in published.values()])
    # The file's own numbers are standard scores; they place every pair on the z scale.
    assert np.std(mean) == pytest.approx(1, abs=0.01)
    n = len(mean)
    rng = np.random.default_rng(0)
    chosen = parity_module.all_pairs(n)[rng.permutation(n * (n - 1) // 2)[:3000]]
    i, j = chosen.T
    wins = rng.binomial(20, probability(mean, variance, i, j)).astype(float)
    c = Comparisons(tuple(map(str, range(n))), i, j, wins, 20 - wins)
    original = fit_original(c)
    item = fit(c, order_effect=False, variances="item")
    # Published variances near 0.01 make most pairs one-sided, so extremes rest on the prior.
    assert np.corrcoef(original.mean, mean)[0, 1] > 0.97
    assert np.corrcoef(item.mean, mean)[0, 1] > 0.97
