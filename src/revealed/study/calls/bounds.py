"""What no design can beat: the least mean squared error of any pairs, a call.

An answer at z tells phi(z)² / (Phi(z) Phi(-z)) about its pair's place, at most 2/pi; a pair that
deviates by N(0, s²) tells at most 1/s², however it is asked. The best division of answers over
pairs, with the truth known beforehand, bounds what a design can reach without knowing it
(A-optimality; Silvey, Titterington and Torsney 1978, multiplicative weights). All times the number
of calls, so that an error of e takes at least `constant` / e² calls.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

_ROUNDS = 40


def per_call(
    x: np.ndarray, *, misfit: float, order: float, answers: int = 2, logprob: bool = False
) -> np.ndarray:
    """Information of a call about pairs at distance `x`, asked in both orders, `answers` in all.

    With `logprob`, a call of two tells 1/(2 s²): infinite without misfit.
    """
    x = np.asarray(x, dtype=float)
    if logprob:
        return np.full(x.shape, 0.5 / misfit**2 if misfit else math.inf)
    both = [_information(z) for z in (x + order, order - x)]
    whole = answers * (both[0] + both[1]) / 2
    return np.asarray(whole / (1 + misfit**2 * whole) / answers)


def _information(z: np.ndarray) -> np.ndarray:
    return np.asarray(norm.pdf(z) ** 2 / (ndtr(z) * ndtr(-z)))


def utilities(
    utility: np.ndarray,
    *,
    misfit: float,
    order: float,
    answers: int = 2,
    logprob: bool = False,
) -> float:
    """Least mean squared error of standardised utilities times calls; 0 if nothing limits it.

    The error of weights q is phi(q) with gradient -g; 1/phi is concave and homogeneous, so no
    weights have less than phi² / max g, which is what is returned.
    """
    if logprob and not misfit:
        return 0.0
    u = np.asarray(utility, dtype=float)
    m = len(u)
    i, j = np.triu_indices(m, 1)
    information = per_call(
        u[i] - u[j], misfit=misfit, order=order, answers=answers, logprob=logprob
    )
    deviation = float(u.std(ddof=1))
    z = (u - u.mean()) / deviation
    to_standard = (np.eye(m) - 1 / m - np.outer(z, z) / (m - 1)) / deviation
    wanted = to_standard.T @ to_standard
    weight = np.full(len(i), 1 / len(i))
    best = 0.0
    for _ in range(_ROUNDS):
        laplacian = np.zeros((m, m))
        laplacian[i, j] = -weight * information
        laplacian += laplacian.T
        laplacian[np.arange(m), np.arange(m)] = -laplacian.sum(axis=1)
        inverse = np.linalg.inv(laplacian + 1 / m) - 1 / m
        value = float(np.trace(wanted @ inverse)) / m
        slope = inverse @ wanted @ inverse
        gain = information * (slope[i, i] + slope[j, j] - 2 * slope[i, j]) / m
        best = max(best, value**2 / float(gain.max()))
        weight *= np.sqrt(gain)
        weight /= weight.sum()
    return best


def prices(
    goods: int,
    *,
    slope: float,
    misfit: float,
    order: float,
    answers: int = 2,
    logprob: bool = False,
) -> float:
    """Least mean squared error of log prices (mean zero) times calls; 0 if nothing limits it.

    Every pair at indifference and every two goods equally often: all but one of the eigenvalues of
    the information are 2 I / (goods - 1), and a log price is a utility over the slope.
    """
    if logprob and not misfit:
        return 0.0
    information = float(
        per_call(np.zeros(1), misfit=misfit, order=order, answers=answers, logprob=logprob)[0]
    )
    return (goods - 1) ** 2 / goods / (2 * information * slope**2)
