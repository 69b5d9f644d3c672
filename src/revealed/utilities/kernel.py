"""Bootstrap refits of Case V as one compiled loop (optional: needs numba).

The same Newton-PCG as `solver`, fused: eight replicates side by side fill a vector register, so
utilities, weights and gradients stay in the nearest cache. The hazard P'(z)/P(z) comes from a table
of polynomials, one look-up instead of a special function; its error is below 1e-13. Tests hold it
to the array version.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from .likelihood import Link, terms

LANES = 8
_REACH, _PER_UNIT, _DEGREE = 40.0, 8, 6


def hazard_table(link: Link) -> np.ndarray:
    """Polynomials of d log P(first)/dz on intervals of width 1/8 from -40 to 40."""
    intervals = int(2 * _REACH * _PER_UNIT)
    nodes = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
    centres = -_REACH + (np.arange(intervals) + 0.5) / _PER_UNIT
    z = centres[:, None] + nodes / (2 * _PER_UNIT)
    one, none = np.ones_like(z), np.zeros_like(z)
    hazard = terms(z, one, none, link).score
    powers = np.vander(nodes, increasing=True)
    return np.ascontiguousarray(np.linalg.solve(powers, hazard.T).T)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy")
def _refit(low, high, counts, weight, at_start, theta, ridge, order_precision, table, mode):  # type: ignore[no-untyped-def]
    """Refit `LANES` replicates in place; returns whether all of them converged.

    counts (4, m): chosen first and second with the low item listed first, then with the high one.
    weight (m, lanes). at_start (4, m): score along the difference, score of the order effect,
    curvature and cross curvature at the start, which all replicates share. theta (n + 1, lanes).
    mode 0: probit, 1: logit.
    """
    m, lanes = weight.shape
    n = theta.shape[0] - 1
    total = np.empty((m, lanes))
    gradient = np.empty((n + 1, lanes))
    border = np.empty((n, lanes))
    diagonal = np.empty((n + 1, lanes))
    step = np.empty((n + 1, lanes))
    residual = np.empty((n + 1, lanes))
    direction = np.empty((n + 1, lanes))
    image = np.empty((n + 1, lanes))
    energy, goal, scale, before = (
        np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes),
    )  # fmt: skip
    hazards = np.empty((4, lanes))
    arguments = np.empty((4, lanes))
    reach, per_unit = 40.0, 8.0
    top = 2 * reach * per_unit - 1e-6
    for newton in range(30):
        for i in range(n):
            for b in range(lanes):
                gradient[i, b] = ridge * theta[i, b]
                border[i, b] = 0.0
                diagonal[i, b] = ridge
        for b in range(lanes):
            gradient[n, b] = order_precision * theta[n, b]
            diagonal[n, b] = order_precision
        for e in range(m):
            i, j = low[e], high[e]
            if newton == 0:
                for b in range(lanes):
                    w = weight[e, b]
                    along, both = w * at_start[0, e], w * at_start[1, e]
                    k, cross = w * at_start[2, e], w * at_start[3, e]
                    total[e, b] = k
                    gradient[i, b] -= along
                    gradient[j, b] += along
                    gradient[n, b] -= both
                    border[i, b] += cross
                    border[j, b] -= cross
                    diagonal[i, b] += k
                    diagonal[j, b] += k
                    diagonal[n, b] += k
                continue
            for b in range(lanes):
                x = theta[i, b] - theta[j, b]
                order = theta[n, b]
                arguments[0, b] = order + x
                arguments[1, b] = -order - x
                arguments[2, b] = order - x
                arguments[3, b] = x - order
            for side in range(4):
                for b in range(lanes):
                    t = (arguments[side, b] + reach) * per_unit
                    t = min(max(t, 0.0), top)
                    interval = int(t)
                    f = 2 * (t - interval) - 1
                    value = table[interval, 6]
                    value = value * f + table[interval, 5]
                    value = value * f + table[interval, 4]
                    value = value * f + table[interval, 3]
                    value = value * f + table[interval, 2]
                    value = value * f + table[interval, 1]
                    hazards[side, b] = value * f + table[interval, 0]
            a1, a2, b1, b2 = counts[0, e], counts[1, e], counts[2, e], counts[3, e]
            for b in range(lanes):
                w = weight[e, b]
                h1, h2, g1, g2 = hazards[0, b], hazards[1, b], hazards[2, b], hazards[3, b]
                score_a, score_b = w * (a1 * h1 - a2 * h2), w * (b1 * g1 - b2 * g2)
                if mode == 0:
                    z, y = arguments[0, b], arguments[2, b]
                    k_a = w * (a1 * h1 * (z + h1) + a2 * h2 * (h2 - z))
                    k_b = w * (b1 * g1 * (y + g1) + b2 * g2 * (g2 - y))
                else:
                    k_a, k_b = w * (a1 + a2) * h1 * h2, w * (b1 + b2) * g1 * g2
                k, cross = k_a + k_b, k_a - k_b
                total[e, b] = k
                along = score_a - score_b
                gradient[i, b] -= along
                gradient[j, b] += along
                gradient[n, b] -= score_a + score_b
                border[i, b] += cross
                border[j, b] -= cross
                diagonal[i, b] += k
                diagonal[j, b] += k
                diagonal[n, b] += k
        corner = diagonal[n].copy()

        for b in range(lanes):
            energy[b] = 0.0
        for i in range(n + 1):
            for b in range(lanes):
                diagonal[i, b] = 1.0 / diagonal[i, b]
                step[i, b] = 0.0
                residual[i, b] = -gradient[i, b]
                direction[i, b] = diagonal[i, b] * residual[i, b]
                energy[b] += residual[i, b] * direction[i, b]
        for b in range(lanes):
            goal[b] = 1e-6 * energy[b]
        for _ in range(500):
            running = False
            for b in range(lanes):
                if energy[b] > goal[b]:
                    running = True
            if not running:
                break
            for b in range(lanes):
                image[n, b] = corner[b] * direction[n, b]
            for i in range(n):
                for b in range(lanes):
                    image[i, b] = ridge * direction[i, b] + border[i, b] * direction[n, b]
                    image[n, b] += border[i, b] * direction[i, b]
            for e in range(m):
                i, j = low[e], high[e]
                for b in range(lanes):
                    flow = total[e, b] * (direction[i, b] - direction[j, b])
                    image[i, b] += flow
                    image[j, b] -= flow
            for b in range(lanes):
                scale[b] = 0.0
            for i in range(n + 1):
                for b in range(lanes):
                    scale[b] += direction[i, b] * image[i, b]
            for b in range(lanes):
                scale[b] = energy[b] / scale[b] if energy[b] > goal[b] else 0.0
                before[b] = energy[b]
                energy[b] = 0.0
            for i in range(n + 1):
                for b in range(lanes):
                    step[i, b] += scale[b] * direction[i, b]
                    residual[i, b] -= scale[b] * image[i, b]
                    energy[b] += residual[i, b] * residual[i, b] * diagonal[i, b]
            for b in range(lanes):
                scale[b] = energy[b] / before[b] if before[b] > 0.0 else 0.0
            for i in range(n + 1):
                for b in range(lanes):
                    direction[i, b] = diagonal[i, b] * residual[i, b] + scale[b] * direction[i, b]
        for b in range(lanes):
            scale[b] = 0.0
        for i in range(n + 1):
            for b in range(lanes):
                scale[b] -= 0.5 * gradient[i, b] * step[i, b]
                theta[i, b] += step[i, b]
        largest = 0.0
        for b in range(lanes):
            largest = max(largest, scale[b])
            if not np.isfinite(scale[b]):
                return False
        # The step is taken and is the last: the next decrement would be below 1e-10 nats, because
        # it squares from step to step and the inner tolerance is 1e-3.
        if largest < 1e-5:
            return True
    return False


def threads() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refit_blocks(
    low: np.ndarray,
    high: np.ndarray,
    counts: np.ndarray,
    weights: list[np.ndarray],
    theta: np.ndarray,
    *,
    link: Link,
    ridge: float,
    order_precision: float,
) -> list[np.ndarray | None]:
    """Refit Case V to blocks of weighted pairs, starting at the unweighted optimum.

    Parameters
    ----------
    low, high
        Items of each pair, shape (m,).
    counts
        As `comparisons.Pairs.n_chosen`, shape (2, 2, m).
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
    flat = np.ascontiguousarray(counts.reshape(4, -1))
    x = theta[low] - theta[high]
    z = np.stack([theta[-1] + x, theta[-1] - x])
    found = terms(z, counts[:, 0], counts[:, 1], link)
    curve = found.curvature
    at_start = np.stack(
        [
            found.score[0] - found.score[1],
            found.score[0] + found.score[1],
            curve[0] + curve[1],
            curve[0] - curve[1],
        ]
    )
    table = hazard_table(link)
    mode = 0 if link == "probit" else 1

    def one(weight: np.ndarray) -> np.ndarray | None:
        block = np.repeat(theta[:, None], weight.shape[1], axis=1)
        done = _refit(low, high, flat, weight, at_start, block, ridge, order_precision, table, mode)
        return block if done else None

    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(one, weights))
