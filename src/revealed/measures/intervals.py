"""Intervals that the measures share: a named estimate, shares and correlations of clustered counts.

One pair (asked in both orders) is the unit: its answers are not independent of each other, whole
pairs very nearly are. Where what is counted may hang on a thing that stands in several pairs,
`paired_share` allows for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from ..foundation.schemas import Finding

Array = NDArray[np.float64]
Z95 = float(special.ndtri(0.975))


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, what was counted and how. NaN where it is undefined.

    ``freedom`` as in `Finding`.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    method: str
    note: str = ""
    freedom: float | None = None

    def finding(self, estimand: str, unit: str, **about: Any) -> Finding:
        """This estimate as a finding; `about` holds the finding's other fields."""
        return Finding(
            estimand=estimand, estimate=self.value, low=self.low, high=self.high, unit=unit,
            n=self.n, method=self.method, **{"note": self.note, "freedom": self.freedom, **about},
        )  # fmt: skip


def share(
    hits: ArrayLike, totals: ArrayLike, method: str = "pair-clustered, logit scale"
) -> Estimate:
    """Share of answers, with an interval that treats each cluster (pair) as one draw.

    Parameters
    ----------
    hits, totals
        Per cluster: answers of the kind counted, and all answers; shape (m,).

    Notes
    -----
    Linearised ratio estimator, its interval on the logit scale so that it stays inside (0, 1). At
    0 or 1 the clusters all agree and the exact binomial interval with m draws is used instead.
    """
    hit, total = np.asarray(hits, float), np.asarray(totals, float)
    hit, total = hit[total > 0], total[total > 0]
    m = len(total)
    if m == 0:
        return Estimate(np.nan, None, None, 0, method, "no answers")
    p = float(hit.sum() / total.sum())
    if m == 1 or p <= 0.0 or p >= 1.0:
        low, high = binomial_interval(p * m, m)
        return Estimate(p, low, high, m, method)
    residual = hit - p * total
    se = float(np.sqrt((residual**2).sum() * m / (m - 1)) / total.sum())
    low, high = logit_interval(p, se)
    return Estimate(p, low, high, m, method)


def paired_share(hits: ArrayLike, one: ArrayLike, other: ArrayLike, method: str) -> Estimate:
    """Share of pairs of things that are of a kind, where a thing stands in several pairs.

    Parameters
    ----------
    hits
        Per pair, how far it is of the kind counted (0 to 1); shape (m,).
    one, other
        Names of the two things of each pair, shape (m,).

    Notes
    -----
    What holds of one pair tends to hold of the next with the same thing in it, and pairs taken as
    independent then give intervals that are too short. The variance is the jackknife over things
    less the variance over pairs, which it holds twice (dyadic clusters: Aronow, Samii and Assenova
    2015, Political Analysis 23:564), and at least the latter; Student's t with a degree of freedom
    less than there are things, on the logit scale. As `share` where all pairs agree, or where one
    thing stands in all of them.
    """
    hit = np.asarray(hits, float)
    sides = np.stack([np.asarray(side, dtype=object).astype(str) for side in (one, other)])
    plain = share(hit, np.ones(len(hit)), method)
    without = [(sides != thing).all(axis=0) for thing in np.unique(sides)]
    if not 0.0 < plain.value < 1.0 or not all(kept.any() for kept in without):
        return plain
    p, m, g = plain.value, len(hit), len(without)
    over_pairs = float(((hit - p) ** 2).sum()) / (m * (m - 1))
    away = np.array([hit[kept].mean() - p for kept in without])
    over_things = (g - 1) / g * float((away**2).sum())
    se = float(np.sqrt(max(over_things - over_pairs, over_pairs)))
    low, high = logit_interval(p, se * float(stats.t.ppf(0.975, g - 1)) / Z95)
    return Estimate(p, low, high, m, method, freedom=g - 1.0)


def binomial_interval(hits: float, n: int) -> tuple[float, float]:
    """Clopper-Pearson 95 % interval (exact, conservative)."""
    low = 0.0 if hits <= 0 else float(stats.beta.ppf(0.025, hits, n - hits + 1))
    high = 1.0 if hits >= n else float(stats.beta.ppf(0.975, hits + 1, n - hits))
    return low, high


def logit_interval(p: float, se: float) -> tuple[float, float]:
    """95 % interval for a share 0 < p < 1 with standard error `se`, symmetric in log odds."""
    half = Z95 * se / (p * (1.0 - p))
    centre = special.logit(p)
    return float(special.expit(centre - half)), float(special.expit(centre + half))


def resample_weights(m: int, replicates: int, seed: int) -> Array:
    """Bootstrap weights of `m` clusters, shape (replicates, m): how often each was drawn."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(m, np.full(m, 1.0 / m), size=replicates).astype(float)


def percentile(draws: Array) -> tuple[float, float]:
    """The 2.5 % and 97.5 % points of bootstrap draws, undefined draws left out."""
    kept = draws[np.isfinite(draws)]
    if kept.size == 0:
        return np.nan, np.nan
    low, high = np.percentile(kept, [2.5, 97.5])
    return float(low), float(high)


def weighted_correlation(x: Array, y: Array, weights: Array) -> Array:
    """Pearson correlations of x and y (m,) under each row of `weights` (r, m): shape (r,).

    NaN where a side does not vary.
    """
    w = weights / weights.sum(axis=1, keepdims=True)
    # Centring first keeps the moments from cancelling.
    x, y = x - x.mean(), y - y.mean()
    mx, my = w @ x, w @ y
    cov = w @ (x * y) - mx * my
    vx, vy = w @ (x * x) - mx**2, w @ (y * y) - my**2
    varies = (vx > 1e-12) & (vy > 1e-12)
    result = np.full(len(w), np.nan)
    np.divide(cov, np.sqrt(np.where(varies, vx * vy, 1.0)), out=result, where=varies)
    # Rounding may leave a perfect correlation a hair above 1.
    return np.asarray(np.clip(result, -1.0, 1.0))


def fisher_interval(r: float, n: int) -> tuple[float, float] | tuple[None, None]:
    """95 % interval of a correlation of n independent points (Fisher's z)."""
    if n < 4 or not -1.0 < r < 1.0:
        return None, None
    half = Z95 / np.sqrt(n - 3)
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))
