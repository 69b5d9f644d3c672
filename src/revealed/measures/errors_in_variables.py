"""Regression of fitted utilities on combinations of fitted utilities, noise on both sides known.

Utilities of one fit err together, with a covariance that the fit knows. A slope of one combination
of them on another is attenuated by the noise of the regressor, and biased by noise that both sides
share. Here the parameter is found by generalised least squares whose weights hold the noise of
both sides, and its interval is the set of values that a score test does not reject, which is right
however strong the noise (Fuller 1987, section 2.3; Kleibergen 2002, equation 8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from ..foundation.errors import DataError
from ..utilities import Fit
from .intervals import Array, Estimate

_GRID = 41
_ROUNDS = 12


@dataclass(frozen=True)
class Problem:
    """Utilities u with covariance S; the model is L u = Z a + G(t) u + e, e independent, mean 0.

    Attributes
    ----------
    utility, covariance
        Shape (n,) and (n, n).
    outcome
        L, shape (m, n): what is explained, as combinations of utilities.
    nuisance
        Z, shape (m, k): an intercept, group means, or no column at all.
    weights, slope
        G and its derivative by the parameter t, each from t to shape (m, n).
    """

    utility: Array
    covariance: Array
    outcome: Array
    nuisance: Array
    weights: Callable[[float], Array]
    slope: Callable[[float], Array]

    @property
    def free(self) -> int:
        """Degrees of freedom that the parameter leaves."""
        return int(len(self.outcome) - self.nuisance.shape[1] - 1)


@dataclass(frozen=True)
class Solution:
    """The parameter with its interval, and what the model leaves unexplained.

    Attributes
    ----------
    estimate
        The parameter; NaN where the data do not hold it within the range searched.
    nuisance, nuisance_se
        The coefficients a at the estimate, shape (k,), with standard errors that allow for the
        parameter's.
    misfit_sd
        Standard deviation of e: what single units deviate beyond the noise of their utilities.
    """

    estimate: Estimate
    nuisance: Array
    nuisance_se: Array
    misfit_sd: float


class _At:
    """The problem at one value of its parameter and one variance of e."""

    def __init__(self, problem: Problem, value: float, misfit: float):
        p = problem
        contrast = p.outcome - p.weights(value)
        derivative = p.slope(value)
        residual = contrast @ p.utility
        noise = p.covariance @ contrast.T
        variance = contrast @ noise + misfit * np.eye(len(residual))
        # Combinations of separated items can be all but free of noise.
        variance += 1e-10 * max(float(np.trace(variance)), 1e-12) * np.eye(len(residual))
        inverse = np.linalg.inv(variance)
        z = p.nuisance
        self.bread = np.linalg.inv(z.T @ inverse @ z)
        self.gain = self.bread @ (z.T @ inverse)
        projected = inverse - inverse @ z @ self.gain
        scaled = projected @ residual
        # The part of the derivative that the residual's noise does not share.
        self.direction = derivative @ p.utility - (derivative @ noise) @ scaled
        self.residual = residual
        self.misfit_sum = float(residual @ scaled)
        self.score = float(self.direction @ scaled)
        self.information = float(self.direction @ projected @ self.direction)

    @property
    def statistic(self) -> float:
        """Standard normal, or t, where the value is the true one."""
        return float(self.score / np.sqrt(max(self.information, 1e-300)))


def solve(
    problem: Problem, low: float, high: float, *, method: str, note: str = "", n: int | None = None
) -> Solution:
    """Estimate the parameter between `low` and `high`.

    The interval's end is None where values up to that end of the range are not rejected. `n` counts
    the units (default: the rows of `outcome`).

    Raises
    ------
    DataError
        If there are fewer than 3 degrees of freedom, or a utility or covariance is not a number.
    """
    p = problem
    if p.free < 3:
        raise DataError(
            f"{len(p.outcome)} rows for {p.nuisance.shape[1] + 1} parameters; at least "
            f"{p.nuisance.shape[1] + 4} are needed."
        )
    if not (np.isfinite(p.utility).all() and np.isfinite(p.covariance).all()):
        raise DataError("a utility or its covariance is not a number.")
    n = len(p.outcome) if n is None else n
    misfit, step = 0.0, (high - low) / (_GRID - 1)
    value = _minimum(p, misfit, np.linspace(low, high, _GRID))
    for _ in range(_ROUNDS):
        fresh = _misfit_variance(p, value)
        if abs(fresh - misfit) <= 1e-6 * (1.0 + misfit):
            break
        misfit = fresh
        near = np.linspace(max(low, value - 2 * step), min(high, value + 2 * step), 5)
        value = _minimum(p, misfit, near)
    at = _At(p, value, misfit)
    critical = float(stats.t.ppf(0.975, p.free))
    ends = [_end(p, value, misfit, edge, critical) for edge in (low, high)]
    estimate = Estimate(value, ends[0], ends[1], n, method, note, freedom=p.free)
    if not low + step < value < high - step or ends == [None, None]:
        # Nothing in the range stands out: a number would be the range's, not the respondent's.
        why = f"not identified between {low:g} and {high:g}"
        estimate = Estimate(np.nan, None, None, n, method, f"{note}; {why}" if note else why)
    coefficients = at.gain @ at.residual
    pull = at.gain @ at.direction
    spread = at.bread + np.outer(pull, pull) / max(at.information, 1e-300)
    return Solution(estimate, coefficients, np.sqrt(np.diag(spread)), float(np.sqrt(misfit)))


def noise(fit: Fit) -> Array:
    """Covariance of a fit's utilities for use as known noise, shape (n, n).

    The fit's own (HC3) is safe for an interval: with leverage h it is larger than the truth by
    1/(1 - h) on average. Here noise is taken out of a sum of squares, where too much of it makes
    slopes too steep, so that factor is taken back (MacKinnon and White 1985). Items that are not
    identified have none (0) and may not be used.
    """
    leverage = len(fit.items) / max(fit.diagnostics.pairs, 1)
    return np.asarray(np.nan_to_num(fit.covariance) * max(1.0 - leverage, 0.5), float)


def linear(
    utility: Array, covariance: Array, outcome: Array, regressor: Array, nuisance: Array
) -> Problem:
    """The problem L u = Z a + t W u + e, with W `regressor`, shape (m, n)."""
    # The two sides are all that is needed of the utilities; they are fewer than the items.
    m = len(outcome)
    sides = np.vstack([outcome, regressor])
    left, right = np.eye(2 * m)[:m], np.eye(2 * m)[m:]
    return Problem(
        sides @ utility, sides @ covariance @ sides.T, left, nuisance,
        lambda t: t * right, lambda t: right,
    )  # fmt: skip


def naive_slope(problem: Problem) -> float:
    """Ordinary least squares of a linear problem, as if the regressor had no noise."""
    z = problem.nuisance
    x, y = problem.slope(0.0) @ problem.utility, problem.outcome @ problem.utility
    residual = x - z @ np.linalg.lstsq(z, x, rcond=None)[0] if z.shape[1] else x
    return float(residual @ y / (residual @ residual))


def _minimum(p: Problem, misfit: float, grid: Array) -> float:
    """Where the weighted sum of squares is least: on a grid, then beside its best point."""
    sums = [_At(p, float(value), misfit).misfit_sum for value in grid]
    best = int(np.argmin(sums))
    a, b = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    found = optimize.minimize_scalar(
        lambda value: _At(p, float(value), misfit).misfit_sum,
        bounds=(a, b),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(found.x)


def _misfit_variance(p: Problem, value: float) -> float:
    """The variance of e at which the weighted sum of squares is what it should be; at least 0."""

    def excess(variance: float) -> float:
        return _At(p, value, variance).misfit_sum - p.free

    if excess(0.0) <= 0:
        return 0.0
    upper = float(np.var(_At(p, value, 0.0).residual)) + 1e-9
    while excess(upper) > 0:
        upper *= 4.0
    return float(optimize.brentq(excess, 0.0, upper, xtol=1e-8))


def _end(p: Problem, value: float, misfit: float, edge: float, critical: float) -> float | None:
    """The nearest rejected value between the estimate and `edge`, or None."""

    def inside(t: float) -> float:
        return critical - abs(_At(p, t, misfit).statistic)

    if inside(value) <= 0:  # answers without noise, to which any other value is a bad fit
        return value
    steps = np.linspace(value, edge, _GRID // 2)
    before = value
    for step in steps[1:]:
        if inside(float(step)) < 0:
            return float(optimize.brentq(inside, before, float(step), xtol=1e-4))
        before = float(step)
    return None
