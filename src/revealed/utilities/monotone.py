"""Increasing curves of one variable that are linear in positive coefficients.

Ramsay (1988), Monotone regression splines in action, Statistical Science 3:425, with integrated
B-splines of degree two. Knows nothing of goods or answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MonotoneBasis:
    """Basis M_1 .. M_K: f(x) = sum_k c_k M_k(x) increases wherever every c_k is positive.

    Equal coefficients give a straight line, because the B-splines under the integral sum to one;
    f(0) = 0, and beyond the ends of the grid f goes on straight.
    """

    knots: tuple[float, ...]
    degree: int
    low: float
    high: float

    @classmethod
    def for_grid(cls, x: ArrayLike) -> MonotoneBasis:
        """The basis for values `x`: degree two and at most two inner knots, at quantiles.

        Fewer than four distinct values allow no more than a straight line.
        """
        grid = np.unique(np.asarray(x, dtype=float))
        low, high = float(grid[0]), float(grid[-1])
        degree = 2 if len(grid) >= 4 else 0
        inner = min(2, max(0, len(grid) - 4)) if degree else 0
        middle = np.quantile(grid, np.arange(1, inner + 1) / (inner + 1))
        knots = [low] * (degree + 1) + [float(k) for k in middle] + [high] * (degree + 1)
        return cls(tuple(knots), degree, low, high)

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return len(self.knots) - self.degree - 1

    def _spline(self) -> BSpline:
        return BSpline(np.asarray(self.knots), np.eye(self.size), self.degree)

    def slope(self, x: ArrayLike) -> Array:
        """B_k(x), shape (len(x), K): the derivative of each basis function."""
        inside = np.clip(np.asarray(x, dtype=float), self.low, self.high)
        # At its last knot a B-spline is defined from the left only.
        last = self.high - 1e-9 * max(1.0, self.high - self.low)
        return np.asarray(self._spline()(np.minimum(inside, last)), dtype=float)

    def value(self, x: ArrayLike) -> Array:
        """M_k(x), shape (len(x), K)."""
        x = np.asarray(x, dtype=float)
        inside = np.clip(x, self.low, self.high)
        integral = self._spline().antiderivative()
        origin = float(np.clip(0.0, self.low, self.high))
        return np.asarray(
            integral(inside)
            - integral(origin)
            + self.slope(inside) * (x - inside)[..., None]
            - self.slope([origin]) * (0.0 - origin)
        )
