"""Four discount curves: ln D(t) and its gradient, t in months (METHODS 9).

A payment of A dollars t months from now weighs ln A + ln D(t), with D(0) = 1. Parameters are free
real numbers: logarithms of what must be positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..intervals import Array

CurveName = Literal["exponential", "hyperbolic", "quasi_hyperbolic", "generalized"]

_STRAIGHT = 1e-4  # below a·t of this size the generalised curve is its own Taylor series


@dataclass(frozen=True)
class Curve:
    """One discount curve.

    Attributes
    ----------
    parameters
        Names; the first is always ``log_rate``, ln k of the share lost a month at first.
    log_discount
        From parameters (p,) and months (m,) to ln D (m,) and its Jacobian (m, p).
    start, prior_sd
        Centre and standard deviation of a weak normal prior, in the order of ``parameters``.
    source
        Who proposed it.
    """

    name: CurveName
    title: str
    parameters: tuple[str, ...]
    log_discount: Callable[[Array, Array], tuple[Array, Array]]
    start: tuple[float, ...]
    prior_sd: tuple[float, ...]
    source: str


def _exponential(theta: Array, t: Array) -> tuple[Array, Array]:
    fall = -np.exp(theta[0]) * t
    return fall, fall[:, None]


def _hyperbolic(theta: Array, t: Array) -> tuple[Array, Array]:
    kt = np.exp(theta[0]) * t
    return -np.log1p(kt), (-kt / (1.0 + kt))[:, None]


def _quasi_hyperbolic(theta: Array, t: Array) -> tuple[Array, Array]:
    fall = -np.exp(theta[0]) * t
    later = (t > 0).astype(float)
    return theta[1] * later + fall, np.column_stack([fall, later])


def _generalized(theta: Array, t: Array) -> tuple[Array, Array]:
    k, a = np.exp(theta[0]), np.exp(theta[1])
    at = a * t
    small = at < _STRAIGHT
    safe = np.where(small, 1.0, at)
    # log1p(at)/a and its derivative in ln a, or their series at t - a t²/2 + ...
    bend = np.where(small, t * (1.0 - at / 2.0), t * np.log1p(safe) / safe)
    slope = np.where(small, -t * at / 2.0, t / (1.0 + safe) - t * np.log1p(safe) / safe)
    return -k * bend, np.column_stack([-k * bend, -k * slope])


_RATE, _RATE_SD = math.log(0.03), 2.5

CURVES: dict[CurveName, Curve] = {
    curve.name: curve
    for curve in (
        Curve(
            "exponential", "exponential", ("log_rate",), _exponential, (_RATE,), (_RATE_SD,),
            "Samuelson 1937: D = exp(-k t)",
        ),
        Curve(
            "hyperbolic", "hyperbolic", ("log_rate",), _hyperbolic, (_RATE,), (_RATE_SD,),
            "Mazur 1987: D = 1 / (1 + k t)",
        ),
        Curve(
            "quasi_hyperbolic", "quasi-hyperbolic", ("log_rate", "log_beta"), _quasi_hyperbolic,
            (_RATE, 0.0), (_RATE_SD, 1.0),
            "Laibson 1997: D = b exp(-k t) for t > 0",
        ),
        Curve(
            "generalized", "generalized hyperbolic", ("log_rate", "log_curvature"), _generalized,
            (_RATE, _RATE), (_RATE_SD, 2.5),
            "Loewenstein and Prelec 1992: D = (1 + a t)^(-k/a)",
        ),
    )
}  # fmt: skip
"""By name, the simplest first."""
