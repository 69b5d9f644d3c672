"""Regression and correlation of utilities, which are estimates, freed of their noise.

A noisy regressor flattens a slope, and noise on either side weakens a correlation (Spearman 1904).
Both are undone by taking the noise's share out of the sums of squares and products (Fuller 1987,
"Measurement Error Models", section 2.2). The share must be that of utilities which no prior pulls
together, so they are fitted anew here under a prior that is hardly one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from ..utilities import Fit, comparisons, fit, predict
from .intervals import Array, Estimate

RELIABILITY_NEEDED = 0.2
"""Share of a quantity's variance that must not be noise before noise is corrected for."""
RIDGE = 0.15
"""Prior precision: a standard deviation of 2.6 probit units. It flattens differences by a few per
cent and keeps an item that always won at a finite place."""


@dataclass(frozen=True)
class Utilities:
    """Utilities of named items with the covariance of their sampling noise.

    ``mean`` has shape (n,), ``noise`` (n, n). Both are free of a gauge only in contrasts.
    """

    items: tuple[str, ...]
    mean: Array
    noise: Array
    dispersion: float

    def of(self, items: ArrayLike) -> tuple[Array, Array]:
        """Means and noise of these items, in this order; every one must be there."""
        place = pd.Index(self.items).get_indexer(np.asarray(items, dtype=object))
        assert (place >= 0).all()
        return self.mean[place], self.noise[np.ix_(place, place)]

    def contrast(self, plus: ArrayLike, minus: ArrayLike) -> tuple[Array, Array]:
        """Weights (k, n) and values (k,) of the k differences of `plus` and `minus` items."""
        names = pd.Index(self.items)
        one, two = (names.get_indexer(np.asarray(side, dtype=object)) for side in (plus, minus))
        weights = np.zeros((len(one), len(names)))
        weights[np.arange(len(one)), one] += 1.0
        weights[np.arange(len(two)), two] -= 1.0
        return weights, weights @ self.mean


def utilities(choices: pd.DataFrame) -> Utilities:
    """Utilities of the compared items of one cell, under a prior of precision `RIDGE`.

    Noise is the model's own, (I - ridge B) B with B the inverse Hessian, times the dispersion of
    single pairs where that is above 1. The pair-clustered HC3 covariance, made to be no smaller
    than the truth, would take out more than noise.
    """
    fitted = fit(comparisons(choices), ridge=RIDGE, backend="numpy")
    inverse = fitted.laplace_covariance
    ratio = dispersion(fitted)
    noise = ratio * (inverse - RIDGE * inverse @ inverse)
    return Utilities(fitted.items, fitted.mean, noise, ratio)


def dispersion(fitted: Fit) -> float:
    """How much farther single pairs lie from the fit than sampling takes them; 1 or more.

    The squared scores of the pairs over their expectation, (1 - leverage) times information.
    """
    data = fitted.comparisons
    assert data is not None
    p = np.clip(predict(fitted, data.first, data.second), 1e-9, 1 - 1e-9)
    slope = stats.norm.pdf(stats.norm.ppf(p))
    sign = np.where(data.first < data.second, 1.0, -1.0)
    # Both orders of a pair share its own direction.
    scores = sign * (data.n_first - data.n * p) * slope / (p * (1 - p))
    information = data.n * slope**2 / (p * (1 - p))
    pairs = data.pairs
    score = np.bincount(pairs.row, scores, len(pairs.low))
    weight = np.bincount(pairs.row, information, len(pairs.low))
    c = fitted.laplace_covariance
    low, high = pairs.low, pairs.high
    variance = c[low, low] + c[high, high] - 2 * c[low, high]
    expected = ((1 - np.clip(weight * variance, 0.0, 1.0)) * weight).sum()
    return max(1.0, float((score**2).sum() / expected)) if expected > 0 else 1.0


def centring(groups: ArrayLike) -> Array:
    """The matrix that takes each group's mean out: shape (n, n)."""
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    same = codes[:, None] == codes[None, :]
    return np.asarray(np.eye(len(codes)) - same / same.sum(axis=1, keepdims=True))


def partial_correlation(
    x: Array, y: Array, noise_x: Array, noise_y: Array, groups: ArrayLike
) -> Estimate:
    """Correlation of two estimated quantities within groups, freed of their noise.

    Parameters
    ----------
    x, y
        Estimates of the same n units, shape (n,), their errors independent of each other.
    noise_x, noise_y
        Their covariances, shape (n, n).
    groups
        The group of each unit; groups differ as they like (fixed effects).

    Returns
    -------
    Estimate
        With S the within-group sums, S_xy / √((S_xx - N_x)(S_yy - N_y)), N the noise's expected
        part. Its interval is Fisher's for the plain correlation on n - groups degrees of freedom,
        its ends divided by the same root, and cut at -1 and 1. NaN if less than a fifth of either
        variance is more than noise. `n` counts units.
    """
    within = centring(groups)
    n, free = len(x), len(x) - len(np.unique(np.asarray(groups)))
    method = "within groups, noise of both fits taken out, Fisher z over items"
    if free < 4:
        return Estimate(np.nan, None, None, n, method, "too few items a group")
    x, y = np.asarray(x, float), np.asarray(y, float)
    a, b = within @ x, within @ y
    squares = float(a @ a), float(b @ b)
    # Rounding leaves crumbs of a constant.
    if squares[0] <= 1e-12 * float(x @ x) or squares[1] <= 1e-12 * float(y @ y):
        return Estimate(np.nan, None, None, n, method, "does not vary within groups")
    shares = [
        1 - float((within * noise).sum()) / square
        for noise, square in zip((noise_x, noise_y), squares, strict=True)
    ]
    note = f"reliabilities {shares[0]:.2f} and {shares[1]:.2f}"
    if min(shares) < RELIABILITY_NEEDED:
        return Estimate(np.nan, None, None, n, method, f"mostly noise: {note}")
    root = float(np.sqrt(shares[0] * shares[1]))
    r = float(np.clip(a @ b / np.sqrt(squares[0] * squares[1]), -0.999999, 0.999999))
    z, half = np.arctanh(r), stats.norm.ppf(0.975) / np.sqrt(free - 2)
    ends = [float(np.clip(np.tanh(end) / root, -1, 1)) for end in (z - half, z + half)]
    return Estimate(float(np.clip(r / root, -1, 1)), ends[0], ends[1], n, method, note)


def slope(y: Array, x: Array, noise_xx: Array, noise_xy: Array, *, absorbed: int = 0) -> Estimate:
    """Slope of one estimated quantity on another, through the origin, freed of their noise.

    Parameters
    ----------
    y, x
        Shape (n,); centred by the caller where an intercept is wanted.
    noise_xx, noise_xy
        Of every unit, the variance of the error of x and its covariance with that of y, shape (n,).
    absorbed
        Degrees of freedom that centring took.

    Returns
    -------
    Estimate
        sum(xy - noise_xy) / sum(x² - noise_xx), with a delete-one jackknife over the units and
        Student's t. NaN where x is mostly noise.
    """
    n = len(x)
    free = n - 1 - absorbed
    method = "errors-in-variables regression, jackknife"
    if free < 3:
        return Estimate(np.nan, None, None, n, method, "too few")
    cross, square = x * y - noise_xy, x * x - noise_xx
    if not square.sum() > RELIABILITY_NEEDED * float(x @ x):
        return Estimate(np.nan, None, None, n, method, "the regressor is mostly noise")
    value = float(cross.sum() / square.sum())
    left = (cross.sum() - cross) / (square.sum() - square)
    # Centring took freedom that leaving out one unit does not give back.
    variance = (n - 1) / n * float(((left - left.mean()) ** 2).sum()) * (n - 1) / free
    half = float(stats.t.ppf(0.975, free)) * float(np.sqrt(variance))
    return Estimate(value, value - half, value + half, n, method, freedom=free)
