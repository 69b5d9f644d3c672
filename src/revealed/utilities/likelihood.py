"""The likelihood of one answer: probit or logit in z, with a lapse, stable from z = -40 to 40.

A row is one ordered pair: `n_first` answers chose the option listed first and `n_second` the other.
P(first) = (1 - l) F(z) + l / 2, where F is the standard normal distribution function (Thurstone
1927) or the logistic one (Bradley and Terry 1952), and l is the share of answers given at random.
What z is made of is the business of the models (`fit`, `curve`): this file knows z alone. Arrays
have any shape, all of one shape or broadcastable to it, in the backend's namespace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import erfcx

from revealed.foundation.backend import NUMPY, Array, Backend
from revealed.foundation.errors import EstimationError

Link = Literal["probit", "logit"]

_SQRT_HALF = math.sqrt(0.5)
_SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
# A standard normal z and a logistic z/PROBIT_TO_LOGIT give nearly the same probability.
PROBIT_TO_LOGIT = 1.702


# (1 + 2a) exp(a²) erfc(a) on a >= 0 is a polynomial of degree 22 in t = (a - K)/(a + K) to 2e-15
# (Shepherd and Laframboise 1981, "Chebyshev approximation of (1+2x)exp(x²)erfc x in 0 <= x < oo").
# Interpolated once from SciPy: multiplications and additions alone are four times faster than the
# library's function, and every array namespace has them.
ERFCX_SHIFT = 3.75
_NODES = np.cos(np.pi * (np.arange(200) + 0.5) / 200)
_AT_NODES = ERFCX_SHIFT * (1 + _NODES) / (1 - _NODES)
ERFCX_COEFFICIENTS: tuple[float, ...] = tuple(
    chebyshev.cheb2poly(
        chebyshev.chebfit(_NODES, (1 + 2 * _AT_NODES) * erfcx(_AT_NODES), 22)
    ).tolist()
)


def erfcx_positive(a: Array) -> Array:
    """Scaled complementary error function exp(a²) erfc(a) for a >= 0, in any namespace."""
    t = (a - ERFCX_SHIFT) / (a + ERFCX_SHIFT)
    total = t * ERFCX_COEFFICIENTS[-1] + ERFCX_COEFFICIENTS[-2]
    for coefficient in ERFCX_COEFFICIENTS[-3::-1]:
        total *= t
        total += coefficient
    return total / (1 + 2 * a)


class LogCdf(NamedTuple):
    """log F(z), log F(-z) and the two hazards F'(z)/F(z), F'(z)/F(-z)."""

    first: Array
    second: Array
    hazard_first: Array
    hazard_second: Array


def log_cdf(z: Array, link: Link = "probit", backend: Backend = NUMPY) -> LogCdf:
    """Log-probabilities of both answers and their derivatives, without a lapse.

    For the probit one ``erfcx`` and one ``exp`` serve all four: with a = |z|/√2, e = erfcx(a) and
    q = e exp(-a²)/2 = Phi(-|z|), log Phi(-|z|) = log(e/2) - a², log Phi(|z|) = log1p(-q), and the
    Mills ratio phi/Phi(-|z|) is √(2/pi)/e. Relative error below 1e-12 for |z| <= 40, where the
    naive quotient is NaN from z = -38 on.
    """
    xp = backend.xp
    if link == "logit":
        tail = xp.exp(-xp.abs(z))
        lower = 1 / (1 + tail)  # F(|z|)
        upper = tail * lower  # F(-|z|)
        log_large = -xp.log1p(tail)
        log_small = log_large - xp.abs(z)
        large_hazard, small_hazard = upper, lower
    elif link == "probit":
        a = xp.abs(z) * _SQRT_HALF
        e = erfcx_positive(a)
        square = a * a
        q = 0.5 * e * xp.exp(-square)
        log_large = xp.log1p(-q)
        log_small = xp.log(0.5 * e) - square
        small_hazard = _SQRT_2_OVER_PI / e
        large_hazard = small_hazard * (q / (1 - q))
    else:
        raise EstimationError(f"unknown link {link!r}.", todo="Use probit or logit.")
    positive = z >= 0
    return LogCdf(
        xp.where(positive, log_large, log_small),
        xp.where(positive, log_small, log_large),
        xp.where(positive, large_hazard, small_hazard),
        xp.where(positive, small_hazard, large_hazard),
    )


def log_probabilities(
    z: Array, link: Link = "probit", lapse: float = 0.0, backend: Backend = NUMPY
) -> tuple[Array, Array]:
    """(log P(first), log P(second)) at z, with a share `lapse` of random answers."""
    cdf = log_cdf(z, link, backend)
    if lapse == 0.0:
        return cdf.first, cdf.second
    xp, guess, rest = backend.xp, _guess(z, lapse, backend), math.log1p(-lapse)
    return xp.logaddexp(cdf.first + rest, guess), xp.logaddexp(cdf.second + rest, guess)


def probability(
    z: Array, link: Link = "probit", lapse: float = 0.0, backend: Backend = NUMPY
) -> Array:
    """P(first) at z."""
    return backend.xp.exp(log_probabilities(z, link, lapse, backend)[0])


def _guess(z: Array, lapse: float, backend: Backend) -> Array:
    """log(lapse / 2) in the shape of z; halving the smallest numbers would give zero."""
    return backend.xp.zeros_like(z) + (math.log(lapse) - math.log(2))


@dataclass(frozen=True)
class Terms:
    """Per row: the log-likelihood and its derivatives in z.

    ``score`` is the first derivative, ``curvature`` minus the second (it may be negative where
    there is a lapse), ``information`` its expectation (Fisher), never negative.
    """

    log_likelihood: Array
    score: Array
    curvature: Array
    information: Array


def terms(
    z: Array,
    n_first: Array,
    n_second: Array,
    link: Link = "probit",
    lapse: float = 0.0,
    backend: Backend = NUMPY,
) -> Terms:
    """Log-likelihood n_first log P(first) + n_second log P(second) and its derivatives in z.

    Parameters
    ----------
    z
        Utility difference plus order effect, on the link's scale.
    n_first, n_second
        Answers for either option; fractions are soft answers from token log-probabilities.
    lapse
        Share of answers given at random, 0 <= lapse < 1.

    Notes
    -----
    With h1 = P'/P and h2 = P'/(1-P) the score is n_first h1 - n_second h2 and the Fisher
    information (n_first + n_second) h1 h2. Without a lapse the observed curvature is
    h1 (z + h1) and h2 (h2 - z) an answer for the probit, h1 h2 for the logit: both concave.
    """
    if not 0 <= lapse < 1:
        raise EstimationError(f"a lapse of {lapse} is not a share of answers.")
    xp = backend.xp
    cdf = log_cdf(z, link, backend)
    log_first, log_second, h1, h2 = cdf
    if lapse > 0:
        guess, rest = _guess(z, lapse, backend), math.log1p(-lapse)
        log_first = xp.logaddexp(cdf.first + rest, guess)
        log_second = xp.logaddexp(cdf.second + rest, guess)
        h1 = h1 * xp.exp(cdf.first + rest - log_first)
        h2 = h2 * xp.exp(cdf.second + rest - log_second)
    answers = n_first + n_second
    information = answers * (h1 * h2)
    # F''/F' is -z for the normal and 1 - 2 F(z) for the logistic distribution.
    bend = -z if link == "probit" else 1 - 2 * xp.exp(cdf.first)
    if link == "logit" and lapse == 0:
        curvature = information
    else:
        curvature = n_first * (h1 * (h1 - bend)) + n_second * (h2 * (h2 + bend))
    return Terms(
        n_first * log_first + n_second * log_second,
        n_first * h1 - n_second * h2,
        curvature,
        information,
    )
