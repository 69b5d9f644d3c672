"""Intervals: the pair-clustered HC3 sandwich, the Laplace covariance and the misfit variance.

A utility model is never exactly right: each pair deviates from it by something that asking again
does not average out. Answers to one pair, in both orders, are therefore one cluster. HC3 divides a
cluster's score by one minus its leverage (MacKinnon and White 1985; for clusters Bell and McCaffrey
2002, "CR3"), which the extremes of the scale need: there the bootstrap and the plain sandwich are
too narrow.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csr_array, diags_array

from revealed.foundation.backend import Array
from revealed.foundation.errors import EstimationError

from .likelihood import PROBIT_TO_LOGIT
from .models import CaseV, ItemVariances, Rows

# Leverage is below 1 by the ridge; this only keeps rounding from dividing by zero.
_LEAST = 1e-8
# Terms of the tetrachoric series, and the largest correlation it is believed for.
_TERMS, _LARGEST = 6, 0.9


def bread(model: CaseV | ItemVariances, theta: np.ndarray) -> np.ndarray:
    """Inverse Hessian of the negative log posterior at its minimum (the Laplace covariance).

    The observed curvature; where rounding or an unfinished fit leaves it indefinite, the expected
    one.
    """
    backend = model.backend
    try:
        inverse = backend.inverse(backend.asarray(model.information(theta)))
    except EstimationError:
        inverse = backend.inverse(backend.asarray(model.information(theta, fisher=True)))
    host: np.ndarray = backend.to_numpy(inverse)
    return host


def adjusted_scores(rows: Rows, inverse: np.ndarray) -> np.ndarray:
    """Each pair's score in z divided by one minus its leverage, shape (orders, pairs).

    With X the pair's rows of the design, W their curvature and C the inverse Hessian, this is
    (I - W X C X')⁻¹ s: to first order, what moves when the pair is left out.
    """
    weight, index, design = rows.curvature, rows.index, rows.design
    orders, q = design.shape[0], index.shape[1]
    leverage = np.zeros((orders, orders, len(index)))
    for a in range(q):
        for b in range(q):
            entry = inverse[index[:, a], index[:, b]]
            for r in range(orders):
                for t in range(orders):
                    leverage[r, t] += design[r, :, a] * design[t, :, b] * entry
    score = rows.score
    if orders == 1:
        return np.asarray(score / np.maximum(1 - weight * leverage[0], _LEAST))
    a, d = 1 - weight[0] * leverage[0, 0], 1 - weight[1] * leverage[1, 1]
    b, c = -weight[0] * leverage[0, 1], -weight[1] * leverage[1, 0]
    determinant = np.maximum(a * d - b * c, _LEAST)
    both = np.stack([d * score[0] - b * score[1], a * score[1] - c * score[0]])
    return np.asarray(both / determinant)


def sandwich(model: CaseV | ItemVariances, theta: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Pair-clustered HC3 covariance of all parameters.

    The prior is a cluster of its own, with the variance it claims: its share of the middle matrix
    is what shrinkage does to a utility drawn from it, so an item nobody asked about keeps the
    prior's variance instead of none.
    """
    rows = model.rows(theta)
    adjusted = adjusted_scores(rows, inverse)
    pulls = np.einsum("omq,om->mq", rows.design, adjusted)
    pairs, q = rows.index.shape
    scores = csr_array(
        (pulls.ravel(), rows.index.ravel(), np.arange(0, pairs * q + 1, q)),
        shape=(pairs, model.size),
    )
    middle = scores.T @ scores + diags_array(model.prior_precision())
    backend = model.backend
    found: Array = backend.asarray(inverse) @ backend.asarray(middle @ inverse)
    return _symmetric(np.require(backend.to_numpy(found), requirements="W"))


def _symmetric(matrix: np.ndarray) -> np.ndarray:
    """Mean of a square matrix and its transpose, in place: 5,000 items are 200 MB a copy."""
    for k in range(0, len(matrix), 256):
        mean = (matrix[k : k + 256, k:] + matrix[k:, k : k + 256].T) / 2
        matrix[k : k + 256, k:] = mean
        matrix[k:, k : k + 256] = mean.T
    return matrix


def misfit_variance(model: CaseV | ItemVariances, theta: np.ndarray, inverse: np.ndarray) -> float:
    """Variance of a pair's own fixed deviation on the z scale, by moments; 0 is none.

    A deviation N(0, s²) of each pair makes answers to it alike. Averaged over pairs the model is
    the same one, narrower by √(1 + s²) (by its logistic counterpart for the logit), and two answers
    at points a and b of it are correlated like the signs of two normals correlated by
    rho = s²/(1 + s²). Their covariance is f(a) f(b) S(rho), S = sum of rho^k He_(k-1)(a)
    He_(k-1)(b) / k!, the tetrachoric series (Pearson 1900). So the squared score of a pair of
    leverage h has the expectation

        (1 - h) (W + sum over orders r, t of w_r w_t S_rt - sum over r of w_r² S_rr / k_r),

    with w the information of an order, W their sum and k its answers. The estimate solves this for
    rho, summed over pairs: sums, and not averages of ratios, keep rare wrong answers to one-sided
    pairs from deciding it.
    """
    rows = model.rows(theta)
    # In units of the noise's standard deviation.
    noise = PROBIT_TO_LOGIT if model.link == "logit" else 1.0
    sign = np.array([1.0, -1.0])[: rows.score.shape[0], None]
    score = noise * (sign * rows.score).sum(axis=0)
    information = noise**2 * rows.information
    points = sign * rows.z / noise
    weight = information.sum(axis=0)
    q = rows.index.shape[1]
    # The pair's own direction: the design of x alone, without the order effect's column.
    along = rows.design[0] * (np.arange(q) != 2) / noise
    variance = np.zeros(len(rows.index))
    for a in range(q):
        for b in range(q):
            variance += along[:, a] * along[:, b] * inverse[rows.index[:, a], rows.index[:, b]]
    free = 1 - np.clip(weight * variance, 0.0, 1.0)
    excess = float((score**2 - free * weight).sum())
    repeat = information**2 / np.maximum(rows.answers, 1e-12)

    series = np.zeros(_TERMS + 1)
    hermite, before = np.ones_like(points), np.zeros_like(points)
    for k in range(1, _TERMS + 1):
        alike = (information * hermite).sum(axis=0) ** 2 - (repeat * hermite**2).sum(axis=0)
        series[k] = (free * alike).sum() / math.factorial(k)
        hermite, before = points * hermite - (k - 1) * before, hermite
    if excess <= 0 or series[1] <= 0:
        return 0.0

    def surplus(rho: float) -> float:
        return float(np.polynomial.polynomial.polyval(rho, series)) - excess

    rho = _LARGEST if surplus(_LARGEST) <= 0 else float(brentq(surplus, 0.0, _LARGEST))
    return noise**2 * rho / (1 - rho)


def in_gauge(covariance: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Covariance of utilities minus their mean over `reference` (item numbers)."""
    across = covariance[:, reference].mean(axis=1)
    moved = covariance - across[:, None]
    moved -= across[None, :] - across[reference].mean()
    return np.asarray(moved)
