"""The original study's estimator, written anew from its description, to tell its effects from ours.

Mazeika et al. 2025 (arXiv 2502.08640): a mean and a variance for each item, mean cross-entropy of
soft labels over pooled orders in which every pair weighs the same whatever its answers, Adam for a
fixed number of epochs, standardised means; and a last refit in which pairs nobody asked about
become hard labels where the first fit is sure ("pseudo-labels").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from revealed.foundation.errors import DataError, EstimationError

from .comparisons import Comparisons
from .design import all_pairs

LEARNING_RATE = 0.01
EPOCHS = 1000
SURE = 0.95

_SQRT_2PI = math.sqrt(2 * math.pi)
# The loss clamps probabilities this far from 0 and 1, as float32 code has to.
_CLAMP = 1e-7


@dataclass(frozen=True)
class OriginalFit:
    """Means and variances on the scale of standardised means.

    ``loss`` is the mean cross-entropy at the end (of the last fit, with pseudo-labels among its
    pairs where there are any); ``pseudo_labels`` counts them.
    """

    items: tuple[str, ...]
    mean: np.ndarray
    variance: np.ndarray
    loss: float
    epochs: int
    pseudo_labels: int


def zscore(mean: np.ndarray) -> np.ndarray:
    """Standard scores with the sample standard deviation.

    Raises
    ------
    EstimationError
        If all values are equal.
    """
    deviation = float(np.std(mean, ddof=1)) if len(mean) > 1 else 0.0
    if not deviation > 0:
        raise EstimationError("equal utilities have no standard scores.")
    return np.asarray((mean - mean.mean()) / deviation)


def pooled(comparisons: Comparisons) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (low, high) and the share of answers for the low item, both orders taken together."""
    low, high, counts, _ = comparisons.pairs
    for_low = counts[0, 0] + counts[1, 1]
    answers = counts.sum(axis=(0, 1))
    kept = answers > 0
    if not kept.any():
        raise EstimationError("there is not one answer to fit.")
    return low[kept], high[kept], for_low[kept] / answers[kept]


def fit_original(
    comparisons: Comparisons,
    *,
    epochs: int = EPOCHS,
    learning_rate: float = LEARNING_RATE,
    pseudo_labels: bool = False,
    seed: int = 0,
) -> OriginalFit:
    """Fit as the original does; `pseudo_labels` adds its last step.

    Parameters
    ----------
    comparisons
        Counted answers; orders are pooled, counts become shares.
    seed
        Of the small random start.
    """
    if epochs < 1:
        raise EstimationError(f"{epochs} epochs fit nothing.")
    low, high, share = pooled(comparisons)
    n = len(comparisons.items)
    mean, variance, loss = _adam(low, high, share, n, epochs, learning_rate, seed)
    added = 0
    if pseudo_labels:
        pairs = all_pairs(n)
        fresh = pairs[~np.isin(pairs[:, 0] * n + pairs[:, 1], low * n + high)]
        stated = probability(mean, variance, fresh[:, 0], fresh[:, 1])
        sure = np.maximum(stated, 1 - stated) >= SURE
        added = int(sure.sum())
        low = np.concatenate([low, fresh[sure, 0]])
        high = np.concatenate([high, fresh[sure, 1]])
        share = np.concatenate([share, (stated[sure] > 0.5).astype(float)])
        mean, variance, loss = _adam(low, high, share, n, epochs, learning_rate, seed)
    return OriginalFit(comparisons.items, mean, variance, loss, epochs, added)


def probability(
    mean: np.ndarray, variance: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """P(first is chosen), which here does not depend on who is listed first."""
    return np.asarray(
        ndtr((mean[first] - mean[second]) / np.sqrt(variance[first] + variance[second]))
    )


def log_loss(fit: OriginalFit, holdout: Comparisons) -> float:
    """Mean log-loss of held-out answers in nats, with the original's clamp on probabilities."""
    if fit.items != holdout.items:
        raise DataError("the held-out answers are over other items than the fit.")
    stated = probability(fit.mean, fit.variance, holdout.first, holdout.second)
    stated = np.clip(stated, _CLAMP, 1 - _CLAMP)
    gain = holdout.n_first * np.log(stated) + holdout.n_second * np.log1p(-stated)
    return float(-gain.sum() / holdout.n.sum())


def _adam(
    low: np.ndarray,
    high: np.ndarray,
    share: np.ndarray,
    n: int,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Adam (Kingma and Ba 2015) on (means, log-variances), full batch, default moments."""
    rng = np.random.default_rng(seed)
    theta = 0.01 * rng.standard_normal((2, n))
    first, second = np.zeros_like(theta), np.zeros_like(theta)
    pairs, loss = len(low), math.nan
    for epoch in range(1, epochs + 1):
        mean, variance = theta[0], np.exp(theta[1])
        scale = np.sqrt(variance[low] + variance[high])
        z = (mean[low] - mean[high]) / scale
        p = np.clip(ndtr(z), _CLAMP, 1 - _CLAMP)
        loss = -float((share * np.log(p) + (1 - share) * np.log1p(-p)).mean())
        # Mean cross-entropy: d loss / dz, then the chain rule to means and log-variances.
        slope = (p - share) / (p * (1 - p)) * np.exp(-z * z / 2) / _SQRT_2PI / pairs
        to_mean = slope / scale
        to_scale = -slope * z / (2 * scale**2)
        gradient = np.stack(
            [
                np.bincount(low, to_mean, n) - np.bincount(high, to_mean, n),
                np.bincount(low, to_scale * variance[low], n)
                + np.bincount(high, to_scale * variance[high], n),
            ]
        )
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        step = first / (1 - 0.9**epoch) / (np.sqrt(second / (1 - 0.999**epoch)) + 1e-8)
        theta = theta - learning_rate * step
    deviation = float(np.std(theta[0], ddof=1))
    return zscore(theta[0]), np.exp(theta[1]) / deviation**2, loss
