"""Newton steps of Case V as compiled loops (optional: needs numba).

The same step as `solver.minimize` takes, fused: one pass over the pairs for the derivatives, and a
conjugate-gradient loop without temporaries. Bootstrap refits run eight replicates side by side,
which fills a vector register. Hazards are computed a few hundred pairs at a time in one flat loop
of multiplications, additions and three divisions, which the compiler turns into vector
instructions; a special function or a table look-up would not be.

Nothing rests on this file: fits are finished and judged by the array version, and tests hold the
refits to it. It knows the order effect and no lapse.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from revealed.foundation.backend import NUMPY

from .lanes import load, spread, store
from .likelihood import ERFCX_COEFFICIENTS, ERFCX_SHIFT, Link, terms
from .models import PairData
from .resampling import GAMMA, MIX_FIRST, MIX_SECOND, Scheme, key_of, pair_weights

LANES = 8
_FINEST = 1e-5
"""Of the conjugate gradients' tolerances: single precision reaches a little further."""
_CHUNK = 128
"""Pairs whose hazards are computed at a time: their buffers stay in the first cache."""
_MATH = {"contract", "reassoc", "nsz", "arcp"}
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_INLINE: dict[str, Any] = {**_OPTIONS, "fastmath": _MATH, "inline": "always"}
_SQRT_HALF, _SQRT_2_OVER_PI = math.sqrt(0.5), math.sqrt(2 / math.pi)
_CENTRE = 0.625
# exp(-x) is the 32nd power of a Taylor series around the middle of [0, 40 / 32]: 1e-14. Beyond 40
# it is below 4e-18 and adds nothing to any hazard.
_EXP = tuple(math.exp(-_CENTRE) * (-_CENTRE) ** k / math.factorial(k) for k in range(16))

# Horner's scheme is written out, because a loop over coefficients would not become vectors.


@njit(**_INLINE)
def _erfcx(t):  # type: ignore[no-untyped-def]
    """The polynomial of `likelihood.erfcx_positive`."""
    v = ERFCX_COEFFICIENTS[22] * t + ERFCX_COEFFICIENTS[21]
    v = v * t + ERFCX_COEFFICIENTS[20]
    v = v * t + ERFCX_COEFFICIENTS[19]
    v = v * t + ERFCX_COEFFICIENTS[18]
    v = v * t + ERFCX_COEFFICIENTS[17]
    v = v * t + ERFCX_COEFFICIENTS[16]
    v = v * t + ERFCX_COEFFICIENTS[15]
    v = v * t + ERFCX_COEFFICIENTS[14]
    v = v * t + ERFCX_COEFFICIENTS[13]
    v = v * t + ERFCX_COEFFICIENTS[12]
    v = v * t + ERFCX_COEFFICIENTS[11]
    v = v * t + ERFCX_COEFFICIENTS[10]
    v = v * t + ERFCX_COEFFICIENTS[9]
    v = v * t + ERFCX_COEFFICIENTS[8]
    v = v * t + ERFCX_COEFFICIENTS[7]
    v = v * t + ERFCX_COEFFICIENTS[6]
    v = v * t + ERFCX_COEFFICIENTS[5]
    v = v * t + ERFCX_COEFFICIENTS[4]
    v = v * t + ERFCX_COEFFICIENTS[3]
    v = v * t + ERFCX_COEFFICIENTS[2]
    v = v * t + ERFCX_COEFFICIENTS[1]
    return v * t + ERFCX_COEFFICIENTS[0]


@njit(**_INLINE)
def _exp(t):  # type: ignore[no-untyped-def]
    """exp(-x) on [0, 40 / 32], t = 32 x / 20 - 1."""
    v = _EXP[15] * t + _EXP[14]
    v = v * t + _EXP[13]
    v = v * t + _EXP[12]
    v = v * t + _EXP[11]
    v = v * t + _EXP[10]
    v = v * t + _EXP[9]
    v = v * t + _EXP[8]
    v = v * t + _EXP[7]
    v = v * t + _EXP[6]
    v = v * t + _EXP[5]
    v = v * t + _EXP[4]
    v = v * t + _EXP[3]
    v = v * t + _EXP[2]
    v = v * t + _EXP[1]
    return v * t + _EXP[0]


@njit(**_INLINE)
def _exp_minus(x):  # type: ignore[no-untyped-def]
    value = _exp(min(x, 40.0) * 0.05 - 1.0)
    value *= value
    value *= value
    value *= value
    value *= value
    return value * value


@njit(**_INLINE)
def _probit(z):  # type: ignore[no-untyped-def]
    """Hazards and curvatures of either answer at z; see `likelihood.log_cdf`."""
    a = abs(z) * _SQRT_HALF
    p = _erfcx((a - ERFCX_SHIFT) / (a + ERFCX_SHIFT))
    e = _exp_minus(a * a)
    w = 1 + 2 * a
    # One division for both: they are what takes the time.
    q = w - 0.5 * p * e
    share = _SQRT_2_OVER_PI * w / (p * q)
    small, large = share * q, 0.5 * e * p * share
    first = large if z >= 0 else small
    second = small if z >= 0 else large
    return first, second, first * (z + first), second * (second - z)


@njit(**_INLINE)
def _logit(z):  # type: ignore[no-untyped-def]
    tail = _exp_minus(abs(z))
    small, large = 1 / (1 + tail), tail / (1 + tail)
    first = large if z >= 0 else small
    second = small if z >= 0 else large
    return first, second, first * second, first * second


@njit(**_OPTIONS, fastmath=_MATH)
def _hazards(z, count, probit, found):  # type: ignore[no-untyped-def]
    """`_probit` or `_logit` of ``z[:count]`` into the rows of `found`."""
    h1, h2, c1, c2 = found[0], found[1], found[2], found[3]
    if probit:
        for k in range(count):
            h1[k], h2[k], c1[k], c2[k] = _probit(z[k])
    else:
        for k in range(count):
            h1[k], h2[k], c1[k], c2[k] = _logit(z[k])


@njit(**_OPTIONS, fastmath=_MATH)
def _pair(probit, x, order, a1, a2, b1, b2):  # type: ignore[no-untyped-def]
    """Score and curvature of one pair in both orders."""
    if probit:
        h1, h2, c1, c2 = _probit(order + x)
        g1, g2, d1, d2 = _probit(order - x)
    else:
        h1, h2, c1, c2 = _logit(order + x)
        g1, g2, d1, d2 = _logit(order - x)
    return a1 * h1 - a2 * h2, b1 * g1 - b2 * g2, a1 * c1 + a2 * c2, b1 * d1 + b2 * d2


def _make_step(lanes: int) -> Callable[..., float]:
    """The step for a number of lanes that the compiler knows."""

    @njit(**_OPTIONS, fastmath=_MATH)
    def step(  # type: ignore[no-untyped-def]
        low,
        high,
        first,
        start,
        around,
        counts,
        known,
        weight,
        theta,
        ridge,
        precision,
        probit,
        tolerance,
    ):
        m, n = low.shape[0], theta.shape[0] - 1
        last = n * lanes
        total = np.empty((m, lanes), np.float32)
        gradient, diagonal = np.empty((n + 1, lanes)), np.empty((n + 1, lanes))
        border = np.zeros((n + 1, lanes))
        for i in range(n):
            for b in range(lanes):
                gradient[i, b] = ridge * theta[i, b]
                diagonal[i, b] = ridge
        for b in range(lanes):
            gradient[n, b] = precision * theta[n, b]
            diagonal[n, b] = precision
        shared = known.shape[1] > 0
        z, found = np.empty(2 * _CHUNK * lanes), np.empty((4, 2 * _CHUNK * lanes))
        row = 2 * _CHUNK * lanes
        for begin in range(0, m, _CHUNK):
            end = min(begin + _CHUNK, m)
            half = (end - begin) * lanes
            if not shared:
                order = load(theta, last, lanes)
                for e in range(begin, end):
                    k = (e - begin) * lanes
                    x = load(theta, low[e] * lanes, lanes) - load(theta, high[e] * lanes, lanes)
                    store(z, k, order + x)
                    store(z, half + k, order - x)
                _hazards(z, 2 * half, probit, found)
            for e in range(begin, end):
                i, j, k = low[e] * lanes, high[e] * lanes, (e - begin) * lanes
                a1, a2, b1, b2 = counts[0, e], counts[1, e], counts[2, e], counts[3, e]
                w = load(weight, e * lanes, lanes)
                if shared:
                    s_a, s_b = spread(known[0, e], w), spread(known[1, e], w)
                    k_a, k_b = spread(known[2, e], w), spread(known[3, e], w)
                else:
                    q = half + k
                    s_a = a1 * load(found, k, lanes) - a2 * load(found, row + k, lanes)
                    s_b = b1 * load(found, q, lanes) - b2 * load(found, row + q, lanes)
                    k_a = a1 * load(found, 2 * row + k, lanes) + a2 * load(
                        found, 3 * row + k, lanes
                    )
                    k_b = b1 * load(found, 2 * row + q, lanes) + b2 * load(
                        found, 3 * row + q, lanes
                    )
                score, curvature, cross = w * (s_a - s_b), w * (k_a + k_b), w * (k_a - k_b)
                store(total, e * lanes, curvature)
                store(gradient, i, load(gradient, i, lanes) - score)
                store(gradient, j, load(gradient, j, lanes) + score)
                store(gradient, last, load(gradient, last, lanes) - w * (s_a + s_b))
                store(border, i, load(border, i, lanes) + cross)
                store(border, j, load(border, j, lanes) - cross)
                store(diagonal, i, load(diagonal, i, lanes) + curvature)
                store(diagonal, j, load(diagonal, j, lanes) + curvature)
                store(diagonal, last, load(diagonal, last, lanes) + curvature)

        # The equations are solved to a part in a thousand or so, for which single precision is
        # plenty; what is right and what is left over are told by the gradient, in double. Each
        # lane's equations are brought to unit length, so that nothing falls below its range.
        move, residual = np.zeros((n + 1, lanes), np.float32), np.empty((n + 1, lanes), np.float32)
        along, image = np.empty((n + 1, lanes), np.float32), np.empty((n + 1, lanes), np.float32)
        inverse, coupling = np.empty((n + 1, lanes), np.float32), border.astype(np.float32)
        energy, length = np.zeros(lanes, np.float32), np.zeros(lanes)
        scale, before = np.empty(lanes, np.float32), np.empty(lanes, np.float32)
        corner = diagonal[n].astype(np.float32)
        ridge_, zero = np.float32(ridge), load(np.zeros(lanes, np.float32), 0, lanes)
        goal = np.float32(max(tolerance, _FINEST) ** 2)
        for i in range(n + 1):
            for b in range(lanes):
                length[b] += gradient[i, b] ** 2 / diagonal[i, b]
        for b in range(lanes):
            length[b] = math.sqrt(length[b])
            energy[b] = 1.0 if length[b] > 0.0 else 0.0
        for i in range(n + 1):
            for b in range(lanes):
                inverse[i, b] = 1.0 / diagonal[i, b]
                residual[i, b] = -gradient[i, b] / length[b] if length[b] > 0.0 else 0.0
                along[i, b] = inverse[i, b] * residual[i, b]
        for _ in range(500):
            running = False
            for b in range(lanes):
                if energy[b] > goal:
                    running = True
            if not running:
                break
            tip = load(along, last, lanes)
            bottom = load(corner, 0, lanes) * tip
            for i in range(n):
                here, link = load(along, i * lanes, lanes), load(coupling, i * lanes, lanes)
                store(image, i * lanes, ridge_ * here + link * tip)
                bottom = bottom + link * here
            store(image, last, bottom)
            # Pairs come sorted by their low item, whose sum therefore is carried along.
            for i in range(n):
                here, carried = load(along, i * lanes, lanes), zero
                for e in range(first[i], first[i + 1]):
                    j = high[e] * lanes
                    flow = load(total, e * lanes, lanes) * (here - load(along, j, lanes))
                    carried = carried + flow
                    store(image, j, load(image, j, lanes) - flow)
                store(image, i * lanes, load(image, i * lanes, lanes) + carried)
            bent = zero
            for i in range(n + 1):
                bent = bent + load(along, i * lanes, lanes) * load(image, i * lanes, lanes)
            store(scale, 0, bent)
            for b in range(lanes):
                scale[b] = energy[b] / scale[b] if energy[b] > goal else 0.0
                before[b] = energy[b]
            far, left = load(scale, 0, lanes), zero
            for i in range(n + 1):
                k = i * lanes
                store(move, k, load(move, k, lanes) + far * load(along, k, lanes))
                rest = load(residual, k, lanes) - far * load(image, k, lanes)
                store(residual, k, rest)
                left = left + rest * rest * load(inverse, k, lanes)
            store(energy, 0, left)
            for b in range(lanes):
                scale[b] = energy[b] / before[b] if before[b] > 0.0 else 0.0
            keep = load(scale, 0, lanes)
            for i in range(n + 1):
                k = i * lanes
                ahead = load(inverse, k, lanes) * load(residual, k, lanes)
                store(along, k, ahead + keep * load(along, k, lanes))

        largest = 0.0
        for b in range(lanes):
            half = 0.0
            for i in range(n + 1):
                step_ = length[b] * move[i, b]
                half -= 0.5 * gradient[i, b] * step_
                theta[i, b] += step_
            if not np.isfinite(half):
                return np.inf
            largest = max(largest, half)
        # An item that has lost its last exception runs outward by about one unit a step, while
        # everything else stands: its own one-dimensional problem is solved on the spot.
        for i in range(n):
            for b in range(lanes):
                if abs(length[b] * move[i, b]) < 0.25:
                    continue
                for _ in range(8):
                    slope, bend = ridge * theta[i, b], ridge
                    for place in range(start[i], start[i + 1]):
                        e = around[place]
                        w = weight[e, b]
                        s_a, s_b, k_a, k_b = _pair(
                            probit, theta[low[e], b] - theta[high[e], b], theta[n, b],
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
    """The pairs as the loops read them; ``around[start[i]:start[i + 1]]`` are the pairs of item i,
    ``first[i]`` to ``first[i + 1]`` those of which it is the low item.

    ``counts`` (4, m): chosen first and second with the low item listed first, then with the high.
    """

    low: np.ndarray
    high: np.ndarray
    first: np.ndarray
    start: np.ndarray
    around: np.ndarray
    counts: np.ndarray
    probit: bool


_UNKNOWN = np.empty((4, 0))


def prepare(data: PairData, link: Link) -> Pass:
    """Bring pairs, sorted by their low item, into the form the loops want."""
    # The rows of the transposed incidence matrix list the pairs of each item.
    matrix = data.scatter.matrix
    counts = np.ascontiguousarray(data.counts.reshape(4, -1))
    first = np.searchsorted(data.low, np.arange(data.n + 1))
    # Unsigned: a signed index is asked at each use whether it counts from the end.
    low, high, begin = (a.astype(np.uintp) for a in (data.low, data.high, first))
    return Pass(low, high, begin, matrix.indptr, matrix.indices, counts, link == "probit")


def newton_step(
    data: Pass,
    weight: np.ndarray,
    theta: np.ndarray,
    ridge: float,
    precision: float,
    tolerance: float = 1e-2,
    known: np.ndarray = _UNKNOWN,
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
        Of the conjugate gradients; no finer than 1e-5.
    known
        Scores and curvatures of both orders at `theta`, shape (4, m), where all replicates stand
        at one point; empty where they are to be computed.
    """
    step: Any = _step_one if theta.shape[1] == 1 else _step_lanes
    low, high, first, start, around, counts, probit = data
    return float(
        step(low, high, first, start, around, counts, known, weight, theta, ridge, precision,
             probit, tolerance)
    )  # fmt: skip


@njit(**_OPTIONS)
def _resample(weight, first, key):  # type: ignore[no-untyped-def]
    """`resampling.pair_weights`, multinomial, for the replicates from `first` on, in place."""
    pairs, lanes = weight.shape
    weight[:] = 0.0
    for b in range(lanes):
        state = key + np.uint64((first + b) * pairs) * np.uint64(GAMMA)
        for _ in range(pairs):
            state += np.uint64(GAMMA)
            z = state
            z = (z ^ (z >> np.uint64(30))) * np.uint64(MIX_FIRST)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(MIX_SECOND)
            z ^= z >> np.uint64(31)
            u = np.float64(z >> np.uint64(11)) * 2.0**-53
            weight[np.int64(u * pairs), b] += 1.0


def threads() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refit_blocks(
    data: Pass,
    blocks: range,
    theta: np.ndarray,
    ridge: float,
    precision: float,
    seed: int,
    scheme: Scheme = "multinomial",
) -> list[np.ndarray | None]:
    """Refit Case V to blocks of `LANES` replicates, starting at the unweighted optimum.

    Parameters
    ----------
    blocks
        Numbers of the blocks; block k holds the replicates from ``k * LANES`` on.
    theta
        The optimum with all weights one, shape (n + 1,).
    seed, scheme
        Of the weights, see `resampling.pair_weights`.

    Returns
    -------
    list
        Per block the parameters (n + 1, LANES), or None where the plain Newton iteration did not
        converge and the safeguarded one has to do it.
    """
    known = _known(data, theta)
    pairs, key = len(data.low), np.uint64(key_of(seed))

    def one(block: int) -> np.ndarray | None:
        if scheme == "multinomial":
            weight = np.empty((pairs, LANES))
            _resample(weight, block * LANES, key)
        else:
            weight = pair_weights(pairs, replicates_of(block), seed, scheme)
        found = np.repeat(theta[:, None], LANES, axis=1)
        # All replicates start at one point, so the first step shares its derivatives.
        nats = newton_step(data, weight, found, ridge, precision, 1e-2, known)
        for _ in range(30):
            if not math.isfinite(nats):
                return None
            # That step was the last: with an inner tolerance of 1e-3 the decrement falls by 1e-5
            # or more from here, to `solver.DECREMENT` or below.
            if nats < 1e-3:
                return found
            nats = newton_step(data, weight, found, ridge, precision, 3e-3 if nats > 10 else 1e-3)
        return None

    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(one, blocks))


def replicates_of(block: int) -> range:
    """Numbers of a block's replicates."""
    return range(block * LANES, (block + 1) * LANES)


def _known(data: Pass, theta: np.ndarray) -> np.ndarray:
    """Scores and curvatures of both orders at one point, shape (4, m)."""
    x, order = theta[data.low] - theta[data.high], theta[-1]
    link: Link = "probit" if data.probit else "logit"
    low = terms(order + x, data.counts[0], data.counts[1], link, 0.0, NUMPY)
    high = terms(order - x, data.counts[2], data.counts[3], link, 0.0, NUMPY)
    return np.stack([low.score, high.score, low.curvature, high.curvature])
