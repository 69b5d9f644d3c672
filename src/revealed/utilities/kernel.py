"""Newton steps of Case V as compiled loops (optional: needs numba).

The same step as `solver.minimize` takes, fused: one pass over the pairs for the derivatives, and a
conjugate-gradient loop without temporaries. Bootstrap refits run eight replicates side by side,
which fills a vector register. The hazard P'(z)/P(z) comes from a table of polynomials, one look-up
instead of a special function, with an error below 1e-13.

Nothing rests on this file: fits are finished and judged by the array version, and tests hold the
refits to it. It knows the order effect and no lapse.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .likelihood import Link, terms
from .models import PairData

LANES = 8
_REACH, _PER_UNIT, _DEGREE = 40.0, 8.0, 6
_INTERVALS = int(2 * _REACH * _PER_UNIT)
_MATH = {"contract", "reassoc", "nsz", "arcp"}


@cache
def hazard_table(link: Link) -> np.ndarray:
    """Polynomials of d log P(first)/dz on intervals of width 1/8 from -40 to 40."""
    nodes = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
    centres = -_REACH + (np.arange(_INTERVALS) + 0.5) / _PER_UNIT
    z = centres[:, None] + nodes / (2 * _PER_UNIT)
    hazard = terms(z, np.ones_like(z), np.zeros_like(z), link).score
    powers = np.vander(nodes, increasing=True)
    return np.ascontiguousarray(np.linalg.solve(powers, hazard.T).T)


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy", inline="always")
def _hazard(table, z):  # type: ignore[no-untyped-def]
    t = min(max((z + _REACH) * _PER_UNIT, 0.0), _INTERVALS - 1e-6)
    k = int(t)
    f = 2 * (t - k) - 1
    value = table[k, 6]
    value = value * f + table[k, 5]
    value = value * f + table[k, 4]
    value = value * f + table[k, 3]
    value = value * f + table[k, 2]
    value = value * f + table[k, 1]
    return value * f + table[k, 0]


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy", inline="always")
def _pair(table, probit, x, order, a1, a2, b1, b2):  # type: ignore[no-untyped-def]
    """Score and curvature of one pair in both orders."""
    z, y = order + x, order - x
    h1, h2, g1, g2 = _hazard(table, z), _hazard(table, -z), _hazard(table, y), _hazard(table, -y)
    if probit:
        k_a = a1 * h1 * (z + h1) + a2 * h2 * (h2 - z)
        k_b = b1 * g1 * (y + g1) + b2 * g2 * (g2 - y)
    else:
        k_a, k_b = (a1 + a2) * h1 * h2, (b1 + b2) * g1 * g2
    return a1 * h1 - a2 * h2, b1 * g1 - b2 * g2, k_a, k_b


def _make_step(lanes: int) -> Callable[..., float]:
    """The step for a number of lanes that the compiler knows."""

    @njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
    def step(  # type: ignore[no-untyped-def]
        low, high, start, around, counts, weight, theta, ridge, precision, table, probit, tolerance
    ):
        m, n = low.shape[0], theta.shape[0] - 1
        total = np.empty((m, lanes))
        gradient, diagonal = np.empty((n + 1, lanes)), np.empty((n + 1, lanes))
        border = np.zeros((n, lanes))
        move, residual = np.zeros((n + 1, lanes)), np.empty((n + 1, lanes))
        along, image = np.empty((n + 1, lanes)), np.empty((n + 1, lanes))
        energy, goal, scale = np.zeros(lanes), np.empty(lanes), np.empty(lanes)
        corner, before, carried = np.empty(lanes), np.empty(lanes), np.zeros(lanes)
        for i in range(n):
            for b in range(lanes):
                gradient[i, b] = ridge * theta[i, b]
                diagonal[i, b] = ridge
        for b in range(lanes):
            gradient[n, b] = precision * theta[n, b]
            diagonal[n, b] = precision
        for e in range(m):
            i, j = low[e], high[e]
            for b in range(lanes):
                w = weight[e, b]
                s_a, s_b, k_a, k_b = _pair(
                    table, probit, theta[i, b] - theta[j, b], theta[n, b],
                    counts[0, e], counts[1, e], counts[2, e], counts[3, e],
                )  # fmt: skip
                score, k, cross = w * (s_a - s_b), w * (k_a + k_b), w * (k_a - k_b)
                total[e, b] = k
                gradient[i, b] -= score
                gradient[j, b] += score
                gradient[n, b] -= w * (s_a + s_b)
                border[i, b] += cross
                border[j, b] -= cross
                diagonal[i, b] += k
                diagonal[j, b] += k
                diagonal[n, b] += k

        for b in range(lanes):
            corner[b] = diagonal[n, b]
        for i in range(n + 1):
            for b in range(lanes):
                diagonal[i, b] = 1.0 / diagonal[i, b]
                residual[i, b] = -gradient[i, b]
                along[i, b] = diagonal[i, b] * residual[i, b]
                energy[b] += residual[i, b] * along[i, b]
        for b in range(lanes):
            goal[b] = tolerance * tolerance * energy[b]
        for _ in range(500):
            running = False
            for b in range(lanes):
                if energy[b] > goal[b]:
                    running = True
            if not running:
                break
            for b in range(lanes):
                image[n, b] = corner[b] * along[n, b]
            for i in range(n):
                for b in range(lanes):
                    image[i, b] = ridge * along[i, b] + border[i, b] * along[n, b]
                    image[n, b] += border[i, b] * along[i, b]
            # Pairs come sorted by their low item, whose sum therefore stays in registers.
            now = low[0]
            for b in range(lanes):
                carried[b] = 0.0
            for e in range(m):
                i, j = low[e], high[e]
                if i != now:
                    for b in range(lanes):
                        image[now, b] += carried[b]
                        carried[b] = 0.0
                    now = i
                for b in range(lanes):
                    flow = total[e, b] * (along[i, b] - along[j, b])
                    carried[b] += flow
                    image[j, b] -= flow
            for b in range(lanes):
                image[now, b] += carried[b]
                scale[b] = 0.0
            for i in range(n + 1):
                for b in range(lanes):
                    scale[b] += along[i, b] * image[i, b]
            for b in range(lanes):
                scale[b] = energy[b] / scale[b] if energy[b] > goal[b] else 0.0
                before[b] = energy[b]
                energy[b] = 0.0
            for i in range(n + 1):
                for b in range(lanes):
                    move[i, b] += scale[b] * along[i, b]
                    residual[i, b] -= scale[b] * image[i, b]
                    energy[b] += residual[i, b] * residual[i, b] * diagonal[i, b]
            for b in range(lanes):
                scale[b] = energy[b] / before[b] if before[b] > 0.0 else 0.0
            for i in range(n + 1):
                for b in range(lanes):
                    along[i, b] = diagonal[i, b] * residual[i, b] + scale[b] * along[i, b]

        largest = 0.0
        for b in range(lanes):
            half = 0.0
            for i in range(n + 1):
                half -= 0.5 * gradient[i, b] * move[i, b]
                theta[i, b] += move[i, b]
            if not np.isfinite(half):
                return np.inf
            largest = max(largest, half)
        # An item that has lost its last exception runs outward by about one unit a step, while
        # everything else stands: its own one-dimensional problem is solved on the spot.
        for i in range(n):
            for b in range(lanes):
                if abs(move[i, b]) < 0.25:
                    continue
                for _ in range(8):
                    slope, bend = ridge * theta[i, b], ridge
                    for place in range(start[i], start[i + 1]):
                        e = around[place]
                        w = weight[e, b]
                        s_a, s_b, k_a, k_b = _pair(
                            table, probit, theta[low[e], b] - theta[high[e], b], theta[n, b],
                            counts[0, e], counts[1, e], counts[2, e], counts[3, e],
                        )  # fmt: skip
                        bend += w * (k_a + k_b)
                        slope -= w * (s_a - s_b) if low[e] == i else w * (s_b - s_a)
                    change = min(max(-slope / bend, -2.0), 2.0)
                    theta[i, b] += change
                    if abs(change) < 0.01:
                        break
        return largest

    compiled: Callable[..., float] = step
    return compiled


_step_one = _make_step(1)
_step_lanes = _make_step(LANES)


class Pass(NamedTuple):
    """The pairs as the loops read them; ``around[start[i]:start[i + 1]]`` are the pairs of item i.

    ``counts`` (4, m): chosen first and second with the low item listed first, then with the high.
    """

    low: np.ndarray
    high: np.ndarray
    start: np.ndarray
    around: np.ndarray
    counts: np.ndarray
    table: np.ndarray
    probit: bool


def prepare(data: PairData, link: Link) -> Pass:
    """Bring pairs, sorted by their low item, into the form the loops want."""
    # The rows of the transposed incidence matrix list the pairs of each item.
    matrix = data.scatter.matrix
    counts = np.ascontiguousarray(data.counts.reshape(4, -1))
    table = hazard_table(link)
    return Pass(data.low, data.high, matrix.indptr, matrix.indices, counts, table, link == "probit")


def newton_step(
    data: Pass,
    weight: np.ndarray,
    theta: np.ndarray,
    ridge: float,
    precision: float,
    tolerance: float = 1e-2,
) -> float:
    """One Newton step in place; the largest decrement before it, or infinity if it failed.

    Parameters
    ----------
    weight
        Shape (m, 1) or (m, LANES).
    theta
        Utilities and order effect, shape (n + 1, 1) or (n + 1, LANES).
    precision
        Prior precision of the order effect.
    tolerance
        Of the conjugate gradients.
    """
    step: Any = _step_one if theta.shape[1] == 1 else _step_lanes
    low, high, start, around, counts, table, probit = data
    return float(
        step(low, high, start, around, counts, weight, theta, ridge, precision, table, probit,
             tolerance)
    )  # fmt: skip


def threads() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refit_blocks(
    data: Pass, weights: list[np.ndarray], theta: np.ndarray, ridge: float, precision: float
) -> list[np.ndarray | None]:
    """Refit Case V to blocks of weighted pairs, starting at the unweighted optimum.

    Parameters
    ----------
    weights
        Blocks of shape (m, LANES).
    theta
        The optimum with all weights one, shape (n + 1,).

    Returns
    -------
    list
        Per block the parameters (n + 1, LANES), or None where the plain Newton iteration did not
        converge and the safeguarded one has to do it.
    """

    def one(weight: np.ndarray) -> np.ndarray | None:
        block = np.repeat(theta[:, None], weight.shape[1], axis=1)
        nats = np.inf
        for _ in range(30):
            tolerance = 1e-2 if nats > 10 else 1e-3
            nats = newton_step(data, weight, block, ridge, precision, tolerance)
            if not np.isfinite(nats):
                return None
            # That step is taken and is the last: the next decrement would be below 1e-10 nats,
            # because it squares from step to step and the inner tolerance is 1e-3.
            if nats < 1e-5:
                return block
        return None

    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(one, weights))
