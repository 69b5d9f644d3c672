"""One number measured in several ways: its mean over the ways, and how far the ways move it.

y_k = mu + d_k + e_k: e_k is sampling error of a known variance v_k, d_k is what the way k adds, of
variance tau^2. Q(t) = sum (y_k - mu)^2 / (v_k + t), mu its weighted mean, is chi-squared with K - 1
degrees of freedom at t = tau^2. tau^2 is estimated where Q equals its expectation (Paule and Mandel
1982, J. Res. Natl. Bur. Stand. 87:377; a method of moments), its interval holds the values that Q
does not reject (Viechtbauer 2007, Stat. Med. 26:37), and Q(0) tests whether the ways differ at all
(Cochran 1954, Biometrics 10:101). Zero is a possible estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from ..foundation.errors import DataError
from .intervals import Array, Estimate


@dataclass(frozen=True)
class Pooled:
    """A number over K ways of measuring it.

    ``mean`` with its variance ``variance`` (of Hartung and Knapp 2001, Stat. Med. 20:3875, not
    below the one without their factor); ``tau``, the standard deviation between the ways, with its
    interval ``tau_low`` to ``tau_high``; ``p_value``, of no difference between the ways.
    """

    mean: float
    variance: float
    tau: float
    tau_low: float
    tau_high: float
    p_value: float
    ways: int

    def over(self, method: str, note: str = "") -> Estimate:
        """The mean with the interval of the mean over ways like these."""
        return self._within(self.variance, self.ways - 1, method, note)

    def another(self, method: str, note: str = "") -> Estimate:
        """The mean with the range in which the number lies if it is measured in another such way.

        Higgins, Thompson and Spiegelhalter 2009, J. R. Stat. Soc. A 172:137, with K - 2 degrees of
        freedom.
        """
        return self._within(self.variance + self.tau**2, max(1, self.ways - 2), method, note)

    def _within(self, variance: float, freedom: int, method: str, note: str) -> Estimate:
        half = float(stats.t.ppf(0.975, freedom)) * variance**0.5
        low, high = self.mean - half, self.mean + half
        return Estimate(self.mean, low, high, self.ways, method, note, freedom)

    def spread(self, method: str) -> Estimate:
        """The standard deviation between the ways, sampling noise taken out."""
        low, high = min(self.tau_low, self.tau), max(self.tau_high, self.tau)
        note = f"p of no spread {self.p_value:.3g}"
        return Estimate(self.tau, low, high, self.ways, method, note)


def pool(values: Sequence[float], variances: Sequence[float]) -> Pooled:
    """The mean of `values` (K,) over the ways they were measured in, and the spread between these.

    Parameters
    ----------
    values, variances
        Estimates and the variances of their sampling errors, which are independent.

    Raises
    ------
    DataError
        If there are fewer than two, or a variance is not above zero.
    """
    y, v = np.asarray(values, float), np.asarray(variances, float)
    if len(y) < 2 or y.shape != v.shape:
        raise DataError("a spread between ways of measuring needs two of them.")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise DataError("every value needs a sampling variance above zero.")
    freedom = len(y) - 1
    tau2, low, high = (
        _solve(lambda t: _q(y, v, t)[0], float(target))
        for target in (freedom, stats.chi2.ppf(0.975, freedom), stats.chi2.ppf(0.025, freedom))
    )
    q, mean, weight = _q(y, v, tau2)
    variance = max(q / freedom, 1.0) / weight
    p = float(stats.chi2.sf(_q(y, v, 0.0)[0], freedom))
    return Pooled(mean, variance, tau2**0.5, low**0.5, high**0.5, p, len(y))


def _q(y: Array, v: Array, tau2: float) -> tuple[float, float, float]:
    """Q at this variance between the ways, the mean, and the sum of the weights."""
    w = 1.0 / (v + tau2)
    mean = float(w @ y / w.sum())
    return float(w @ (y - mean) ** 2), mean, float(w.sum())


def _solve(q: Callable[[float], float], target: float) -> float:
    """The variance at which Q, which falls, has come down to `target`; 0 if it is there already."""
    if q(0.0) <= target:
        return 0.0
    top = 1.0
    while q(top) > target:
        top *= 4.0
    return float(optimize.brentq(lambda t: q(t) - target, 0.0, top, xtol=1e-10))
