"""Held-out scores lie between their floors and their ceiling, and leak nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_answers import simulate
from scipy.stats import binomtest

from revealed.foundation.errors import DataError
from revealed.utilities import Comparisons, fit, heldout, load_fit
from revealed.utilities.scores import LOG_TWO, calibration_error, pair_accuracy, wilson


def split(c: Comparisons, share: float = 0.2, seed: int = 0) -> tuple[Comparisons, Comparisons]:
    """Whole pairs, uniformly at random."""
    held = np.random.default_rng(seed).random(len(c.pairs.low)) < share
    rows = held[c.pairs.row]
    return c.take(np.flatnonzero(~rows)), c.take(np.flatnonzero(rows))


def test_a_right_model_scores_its_ceiling():
    gaps = []
    for seed in range(20):
        train, holdout = split(simulate(60, 900, 10, seed=seed).comparisons, seed=seed)
        scores = heldout(fit(train), holdout)
        gaps.append(
            [
                scores.accuracy - scores.noise_ceiling,
                scores.log_loss - scores.noise_ceiling_log_loss,
                scores.calibration_error - scores.calibration_error_expected,
            ]
        )
        assert scores.floor_shuffled < scores.accuracy
        assert scores.log_loss < LOG_TWO
    mean, error = np.mean(gaps, axis=0), np.std(gaps, axis=0, ddof=1) / np.sqrt(20)
    # Estimation costs a little; the fitted model is not exactly the truth.
    assert (np.abs(mean) < 4 * error + 0.01).all(), (mean, error)


def test_misfit_shows_as_a_gap_to_the_ceiling():
    gaps = []
    for seed in range(10):
        train, holdout = split(simulate(60, 900, 10, misfit=1.0, seed=seed).comparisons, seed=seed)
        scores = heldout(fit(train), holdout)
        gaps.append(scores.noise_ceiling - scores.accuracy)
    assert np.mean(gaps) > 0.03


def test_a_coin_scores_the_floor():
    c = simulate(40, 500, 10, order=0.0, utility=np.zeros(40)).comparisons
    train, holdout = split(c)
    scores = heldout(fit(train), holdout)
    assert scores.accuracy_low < 0.5 < scores.accuracy_high
    assert scores.log_loss == pytest.approx(LOG_TWO, abs=0.01)
    assert scores.floor_order == 0.5


def test_position_alone_foretells_answers_but_no_pair():
    c = simulate(40, 500, 10, order=1.0, utility=np.zeros(40)).comparisons
    train, holdout = split(c)
    scores = heldout(fit(train), holdout)
    assert scores.answer_accuracy > 0.8
    assert scores.floor_order == 0.5
    # The floor already has all that the model knows.
    assert scores.log_loss == pytest.approx(scores.floor_order_log_loss, abs=0.01)


def test_categories_are_a_floor_of_their_own():
    rng = np.random.default_rng(0)
    category = np.arange(60) % 3
    by_category = np.array([-1.5, 0.0, 1.5])[category]
    c = simulate(60, 900, 10, utility=by_category + rng.normal(0, 0.2, 60)).comparisons
    train, holdout = split(c)
    scores = heldout(fit(train), holdout, categories=[f"c{k}" for k in category])
    assert scores.floor_category > 0.7
    assert scores.floor_category_log_loss < scores.floor_order_log_loss
    assert math.isnan(heldout(fit(train), holdout).floor_category)
    with pytest.raises(DataError, match="one category for each item"):
        heldout(fit(train), holdout, categories=["a"])


def test_the_order_within_a_pair_counts_once():
    # One pair, asked in both orders: three answers for item 0 in all, one for item 1.
    c = Comparisons(
        ("a", "b"), np.array([0, 1]), np.array([1, 0]), np.array([2.0, 1.0]), np.array([0.0, 1.0])
    )
    assert pair_accuracy(c, np.array([0.6, 0.45])) == 1.0
    assert pair_accuracy(c, np.array([0.4, 0.55])) == 0.0
    assert pair_accuracy(c, np.array([0.7, 0.7])) == 0.5


def test_calibration_error_by_hand():
    p = np.array([0.2, 0.2, 0.8, 0.8])
    chosen, n = np.array([1.0, 1.0, 6.0, 6.0]), np.full(4, 10.0)
    # One row a bin: |2 - 1| twice and |8 - 6| twice, of 40 answers.
    assert calibration_error(p, chosen, n) == pytest.approx(6 / 40)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (5, 10), (93, 100), (10, 10)])
def test_wilsons_interval_is_scipys(hits, n):
    theirs = binomtest(hits, n).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(hits, n), (theirs.low, theirs.high), atol=1e-12)


def test_a_fit_from_disk_scores_the_same(tmp_path):
    train, holdout = split(simulate().comparisons)
    found = fit(train)
    found.save(tmp_path)
    back = load_fit(tmp_path)
    assert heldout(back, holdout, train=train) == heldout(found, holdout) or _same(
        heldout(back, holdout, train=train), heldout(found, holdout)
    )
    without = heldout(back, holdout)
    assert math.isnan(without.floor_order)
    assert without.log_loss == heldout(found, holdout).log_loss


def _same(one, two):
    return all(
        a == b or (math.isnan(a) and math.isnan(b))
        for a, b in zip(vars(one).values(), vars(two).values(), strict=True)
    )


def test_leaks_and_emptiness_are_refused(small):
    train, holdout = split(small.comparisons)
    found = fit(train)
    with pytest.raises(DataError, match="among the training pairs"):
        heldout(found, train.take(np.arange(5)))
    reversed_order = Comparisons(
        train.items, train.second[:3], train.first[:3], train.n_first[:3], train.n_second[:3]
    )
    with pytest.raises(DataError, match="among the training pairs"):
        heldout(found, reversed_order)
    with pytest.raises(DataError, match="no held-out answer"):
        heldout(found, holdout.take(np.arange(0)))
    other = Comparisons(
        tuple(reversed(holdout.items)),
        holdout.first, holdout.second, holdout.n_first, holdout.n_second,
    )  # fmt: skip
    with pytest.raises(DataError, match="other items"):
        heldout(found, other)
