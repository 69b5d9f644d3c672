"""How far answers moved from one asking to another, beyond what sampling noise moves them.

The unit is the chance of choosing the first of a pair. Of two askings of the same pairs, the mean
square of the difference less its expected noise is zero on average if nothing changed, whatever the
respondent's values are. Asking the same respondent twice gives the floor: what remains of it is
drift of the respondent's own. A shift is therefore given as an excess over that floor, and its root
(with its sign) in probability.

On the topic the chances are shares of answers. Elsewhere they are those of fitted values, because
few answers about each of many pairs say more about what they share: a curve for goods, utilities
for outcomes. What a fit misses of a single pair it misses in both askings, so the noise is that of
sampling alone. Intervals are for these pairs; other pairs may show more or less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from ...foundation.errors import EstimationError
from ...utilities import comparisons
from ...utilities.curve import CurveFit, fit_curve
from ..exchange import price_vector
from ..fallible import Utilities, utilities
from ..intervals import Z95, Array, Estimate
from .agreement import Votes

_METHOD = "mean square of changes of chances, noise and floor taken out, quadratic form"


@dataclass(frozen=True)
class Moved:
    """An excess of a mean square over its floor: ``square`` with its standard error.

    ``n`` counts pairs.
    """

    square: float
    se: float
    n: int
    method: str = _METHOD

    @property
    def estimate(self) -> Estimate:
        """The root, with the sign of the square: 0 is no movement beyond the floor."""
        half = Z95 * self.se
        low, value, high = (root(v) for v in (self.square - half, self.square, self.square + half))
        return Estimate(value, low, high, self.n, self.method)

    @property
    def squared(self) -> Estimate:
        """The square, whose interval is symmetric, as tests of several together need it."""
        half = Z95 * self.se
        return Estimate(self.square, self.square - half, self.square + half, self.n, self.method)

    @property
    def seen(self) -> bool:
        """Whether the interval excludes zero from below."""
        low = self.estimate.low
        return low is not None and low > 0


@dataclass(frozen=True)
class Fitted:
    """Quantities of one asking, shape (k,), with the covariance of their noise, (k, k)."""

    value: Array
    noise: Array


def root(square: float) -> float:
    """Square root that keeps the sign."""
    return float(np.sign(square) * np.sqrt(abs(square)))


def shares(given: Votes) -> Fitted:
    """Shares of answers on the topic with their sampling noise."""
    return Fitted(given.p, np.diag(given.noise))


def quadratic(base: Fitted, other: Fitted, again: Fitted | None) -> Moved:
    """Excess shift of fitted quantities.

    With d ~ N(m, W) the sum of squares less tr W has the mean m'm and the variance
    2 tr W² + 4 m'W m, of which m'W m is estimated by d'W d - tr W². Base and floor share the
    base's noise W_b, so that their sums of squares have the covariance 2 tr W_b².
    """
    k = len(base.value)

    def squares(one: Fitted) -> tuple[float, float]:
        d, w = one.value - base.value, one.noise + base.noise
        spread = float((w * w.T).sum())
        along = max(0.0, float(d @ w @ d) - spread)
        return float(d @ d - np.trace(w)), 2 * spread + 4 * along

    total, variance = squares(other)
    if again is not None:
        floor, more = squares(again)
        total -= floor
        variance += more - 4 * float((base.noise * base.noise.T).sum())
    return Moved(total / k, float(np.sqrt(max(variance, 0.0))) / k, k)


def together(parts: Sequence[Moved]) -> Moved:
    """The mean of several topics, each counted the same; their answers are independent."""
    known = [part for part in parts if np.isfinite(part.square)]
    if not known:
        return Moved(np.nan, np.nan, 0)
    m = len(known)
    se = float(np.sqrt(sum(part.se**2 for part in known))) / m
    return Moved(sum(part.square for part in known) / m, se, sum(part.n for part in known))


@dataclass(frozen=True)
class Reach:
    """Shift elsewhere for each unit of shift on the topic; NaN where the topic did not move."""

    estimate: Estimate


def reach(elsewhere: Moved, topic: Moved) -> Reach:
    """The ratio of both shifts (of the roots), with Fieller's interval (1954) on the squares."""
    method = "ratio of shifts, Fieller's interval"
    n = elsewhere.n + topic.n
    if not topic.seen or not np.isfinite(elsewhere.square):
        return Reach(Estimate(np.nan, None, None, n, method, "the topic did not move"))
    a = topic.square**2 - (Z95 * topic.se) ** 2  # positive: the topic moved
    b = elsewhere.square * topic.square
    c = elsewhere.square**2 - (Z95 * elsewhere.se) ** 2
    half = float(np.sqrt(max(b**2 - a * c, 0.0)))
    low, high = (b - half) / a, (b + half) / a
    value = elsewhere.square / topic.square
    return Reach(Estimate(root(value), root(low), root(high), n, method))


def fitted_curve(choices: pd.DataFrame, items: pd.DataFrame) -> CurveFit | None:
    """The quantity curve of goods; None where there are too few answers for one."""
    try:
        return fit_curve(comparisons(choices), items)
    except EstimationError:
        return None


def chances_of_goods(fitted: CurveFit, pairs: Sequence[tuple[str, str]]) -> Fitted:
    """Chances of the first of each pair by a quantity curve, order-free."""
    place = {item: k for k, item in enumerate(fitted.grid.items)}
    first, second = (np.array([place[pair[k]] for pair in pairs]) for k in (0, 1))
    gap = (fitted.model.design[first] - fitted.model.design[second]) * fitted.model.derivative(
        fitted.theta
    )
    u = fitted.utility
    return _through(u[first] - u[second], gap @ fitted.laplace_covariance @ gap.T)


def chances_of_outcomes(choices: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> Fitted:
    """Chances of the first of each pair by fitted utilities, order-free."""
    return chances_of_utilities(utilities(choices), pairs)


def chances_of_utilities(found: Utilities, pairs: Sequence[tuple[str, str]]) -> Fitted:
    """The same of utilities that are fitted already."""
    weights, z = found.contrast([p[0] for p in pairs], [p[1] for p in pairs])
    return _through(z, weights @ (found.noise / found.dispersion) @ weights.T)


def log_prices(fitted: CurveFit) -> Fitted:
    """Log prices of the goods with the covariance of their noise."""
    price, _, noise = price_vector(fitted)
    return Fitted(price, noise)


def _through(z: Array, noise: Array) -> Fitted:
    """Probit chances of utility differences `z`, their covariance by the delta method."""
    slope = stats.norm.pdf(z)
    return Fitted(np.asarray(special.ndtr(z)), slope[:, None] * noise * slope[None, :])


def difference(before: Fitted, after: Fitted) -> tuple[Array, Array]:
    """Change of every quantity with its standard error."""
    se = np.sqrt(np.diag(before.noise) + np.diag(after.noise))
    return after.value - before.value, np.asarray(se)
