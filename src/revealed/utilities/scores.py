"""How well a fit foretells answers to pairs it has not seen, between a floor and a ceiling.

The unit is the unordered pair, with both its orders: answers to one pair are not independent. The
ceiling is what the fitted model itself would score if it were exactly right and asked again as
often; the floors are what can be had without any utilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from revealed.foundation.errors import DataError

from .comparisons import Comparisons
from .fit import fit
from .likelihood import log_probabilities
from .result import Fit, predict

LOG_TWO = math.log(2)
"""Log-loss of a coin."""
_DRAWS = 200
_BINS = 10


@dataclass(frozen=True)
class Scores:
    """Held-out scores; accuracies are shares of pairs, log-losses nats an answer.

    Attributes
    ----------
    accuracy, accuracy_low, accuracy_high
        Share of pairs whose majority over both orders is foretold (a tied pair counts one half),
        with Wilson's 95 % interval over pairs.
    answer_accuracy
        Share of single answers foretold, in the order they were asked in.
    log_loss, log_loss_low, log_loss_high
        Mean over answers, against `LOG_TWO`; the interval takes pairs as clusters.
    calibration_error
        Mean distance of stated and observed shares over ten bins of equal size, weighted by
        answers.
    noise_ceiling, noise_ceiling_log_loss, calibration_error_expected
        What the fitted model would score on fresh answers of the same counts.
    floor_order, floor_category, floor_shuffled
        Accuracy from the order alone, from a utility for each category (NaN without categories),
        and with the utilities shuffled among the items; ``..._log_loss`` likewise. NaN where the
        training answers are not at hand.
    n, answers
        Pairs and answers scored.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    answer_accuracy: float
    log_loss: float
    log_loss_low: float
    log_loss_high: float
    calibration_error: float
    noise_ceiling: float
    noise_ceiling_log_loss: float
    calibration_error_expected: float
    floor_order: float
    floor_order_log_loss: float
    floor_category: float
    floor_category_log_loss: float
    floor_shuffled: float
    floor_shuffled_log_loss: float
    n: int
    answers: float


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval (1927) for a share."""
    q = float(ndtri(0.5 + level / 2)) ** 2
    centre = (successes + q / 2) / (n + q)
    half = math.sqrt(q * (successes * (n - successes) / n + q / 4)) / (n + q)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def heldout(
    fit: Fit,
    holdout: Comparisons,
    *,
    categories: Sequence[str] | None = None,
    train: Comparisons | None = None,
    seed: int = 0,
) -> Scores:
    """Score `fit` on answers to pairs that it was not fitted to.

    Parameters
    ----------
    fit
        The fit; `holdout` must be over the same items in the same order.
    categories
        Category of each item, for the category floor.
    train
        What `fit` was fitted to; only a fit read from disk needs it, for the floors.
    seed
        Of the simulated answers and shuffles.

    Raises
    ------
    DataError
        If there is no held-out answer, the items differ, or a held-out pair was trained on.
    """
    if holdout.items != fit.items:
        raise DataError("the held-out answers are over other items than the fit.")
    asked = np.flatnonzero(holdout.n > 0)
    if not len(asked):
        raise DataError("there is no held-out answer.")
    holdout = holdout.take(asked)
    train = fit.comparisons if train is None else train
    n = len(fit.items)
    if train is not None:
        low, high, _, _ = train.pairs
        held_low, held_high, _, _ = holdout.pairs
        if np.isin(held_low * n + held_high, low * n + high).any():
            raise DataError("a held-out pair is also among the training pairs.")
    rng = np.random.default_rng(seed)
    probability = predict(fit, holdout.first, holdout.second)
    log_first, log_second = _log_probabilities(fit, holdout.first, holdout.second)

    loss = -(holdout.n_first * log_first + holdout.n_second * log_second)
    row = holdout.pairs.row
    pairs = len(holdout.pairs.low)
    answers = float(holdout.n.sum())
    log_loss = float(loss.sum()) / answers
    # A ratio of sums over pairs: its linearised variance, with pairs as clusters.
    residual = np.bincount(row, loss - log_loss * holdout.n, pairs)
    spread = math.sqrt(float((residual**2).sum()) * pairs / max(pairs - 1, 1)) / answers
    half = float(ndtri(0.975)) * spread

    accuracy = pair_accuracy(holdout, probability)
    low_end, high_end = wilson(accuracy * pairs, pairs)
    foretold = np.where(probability > 0.5, holdout.n_first, holdout.n_second)
    foretold = np.where(probability == 0.5, holdout.n / 2, foretold)

    # Soft answers have fractional counts; a fresh answer is a whole one.
    count = np.maximum(np.rint(holdout.n), 1).astype(np.int64)
    fresh = [rng.binomial(count, probability).astype(float) for _ in range(_DRAWS)]
    imagined = [
        Comparisons(holdout.items, holdout.first, holdout.second, wins, count - wins)
        for wins in fresh
    ]
    entropy = -(probability * log_first + -np.expm1(log_first) * log_second)

    order, order_loss = _order_floor(train, holdout)
    category, category_loss = _category_floor(fit, train, holdout, categories)
    shuffled, shuffled_loss = _shuffled_floor(fit, holdout, rng)
    return Scores(
        accuracy=accuracy,
        accuracy_low=low_end,
        accuracy_high=high_end,
        answer_accuracy=float(foretold.sum()) / answers,
        log_loss=log_loss,
        log_loss_low=log_loss - half,
        log_loss_high=log_loss + half,
        calibration_error=calibration_error(probability, holdout.n_first, holdout.n),
        noise_ceiling=float(np.mean([_majority(one, probability) for one in imagined])),
        noise_ceiling_log_loss=float((holdout.n * entropy).sum()) / answers,
        calibration_error_expected=float(
            np.mean([calibration_error(probability, wins, count) for wins in fresh])
        ),
        floor_order=order,
        floor_order_log_loss=order_loss,
        floor_category=category,
        floor_category_log_loss=category_loss,
        floor_shuffled=shuffled,
        floor_shuffled_log_loss=shuffled_loss,
        n=pairs,
        answers=answers,
    )


def pair_accuracy(holdout: Comparisons, probability: np.ndarray) -> float:
    """Share of pairs whose majority over both orders `probability` (a row each) foretells."""
    return _majority(holdout, probability)


def _majority(holdout: Comparisons, probability: np.ndarray) -> float:
    low, _, _, row = holdout.pairs
    toward = np.where(holdout.first == low[row], 1.0, -1.0)
    excess = np.bincount(row, toward * (holdout.n_first - holdout.n_second), len(low))
    # Each order weighs by its answers, as it does in the majority.
    stated = np.bincount(row, toward * holdout.n * (2 * probability - 1), len(low))
    # Sums of shares that cancel leave rounding, which is no opinion.
    stated = np.where(np.abs(stated) < 1e-9, 0.0, stated)
    agree = np.sign(excess) * np.sign(stated)
    return float((agree + 1).mean() / 2)


def calibration_error(probability: np.ndarray, chosen: np.ndarray, n: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal numbers of rows, weighted by answers."""
    order = np.argsort(probability, kind="stable")
    error = 0.0
    for rows in np.array_split(order, min(_BINS, len(order))):
        error += abs(float((n[rows] * probability[rows]).sum() - chosen[rows].sum()))
    return error / float(n.sum())


def _log_probabilities(
    fit: Fit, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    scale = np.sqrt(fit.variance[first] + fit.variance[second])
    z = (fit.mean[first] - fit.mean[second]) / scale + fit.order_effect
    return log_probabilities(z, fit.link, fit.lapse)


def _loss(holdout: Comparisons, probability: np.ndarray) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(holdout.n_first > 0, holdout.n_first * np.log(probability), 0.0)
        gain = gain + np.where(holdout.n_second > 0, holdout.n_second * np.log1p(-probability), 0.0)
    return float(-gain.sum() / holdout.n.sum())


def _order_floor(train: Comparisons | None, holdout: Comparisons) -> tuple[float, float]:
    """The training share of first-listed choices, whatever the pair."""
    if train is None:
        return math.nan, math.nan
    # Half an answer each way keeps the log-loss of a respondent without exceptions finite.
    share = (train.n_first.sum() + 0.5) / (train.n.sum() + 1)
    constant = np.full(len(holdout), share)
    return _majority(holdout, constant), _loss(holdout, constant)


def _category_floor(
    fitted: Fit,
    train: Comparisons | None,
    holdout: Comparisons,
    categories: Sequence[str] | None,
) -> tuple[float, float]:
    """A Case V fit of one utility for each category."""
    if train is None or categories is None:
        return math.nan, math.nan
    if len(categories) != len(fitted.items):
        raise DataError("there must be one category for each item.")
    names, code = np.unique(np.asarray(categories, dtype=object).astype(str), return_inverse=True)
    across = np.flatnonzero(code[train.first] != code[train.second])
    if not train.n[across].sum() > 0:
        return math.nan, math.nan
    coarse = fit(
        Comparisons(
            tuple(names),
            code[train.first[across]],
            code[train.second[across]],
            train.n_first[across],
            train.n_second[across],
        ),
        link=fitted.link,
        order_effect=fitted.order_effect_fitted,
        backend="numpy",
    )
    probability = predict(coarse, code[holdout.first], code[holdout.second])
    return _majority(holdout, probability), _loss(holdout, probability)


def _shuffled_floor(
    fitted: Fit, holdout: Comparisons, rng: np.random.Generator
) -> tuple[float, float]:
    """Mean over shuffles of the utilities among the items."""
    found = []
    for _ in range(20):
        shuffle = rng.permutation(len(fitted.items))
        first, second = shuffle[holdout.first], shuffle[holdout.second]
        log_first, log_second = _log_probabilities(fitted, first, second)
        loss = -(holdout.n_first * log_first + holdout.n_second * log_second).sum()
        found.append((_majority(holdout, np.exp(log_first)), loss / holdout.n.sum()))
    accuracy, loss = np.mean(found, axis=0)
    return float(accuracy), float(loss)
