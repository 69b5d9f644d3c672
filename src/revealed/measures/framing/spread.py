"""How far framing moves log prices beyond sampling noise, and what a rate is over all framings.

Random effects over arms: the log prices of arm k are p + delta_k, and delta_k of each good is
normal with variance s^2. For a given s^2 the sum over arms

    Q(s^2) = min over theta of  sum e_k(theta)' (Var e_k + s^2 a^2 I)^-1 e_k(theta)

is chi-squared with m (K - 1) degrees of freedom, m contrasts and K arms. s^2 is estimated where Q
equals its expectation (Paule and Mandel 1982, J. Res. Natl. Bur. Stand. 87:377), its interval holds
the values that Q does not reject (Viechtbauer 2007, Stat. Med. 26:37). A spread of zero is thus a
possible answer, which the median of estimated factors can never give: that one grows with noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from ...foundation.errors import DataError
from ...utilities.curve_model import Array
from ..intervals import Estimate
from .cells import BASE, Cell, fieller, group_of, helmert, pair_contrast

MEDIAN_FACTOR = float(special.ndtri(0.75))
"""Median of |x| for a standard normal x."""
_LARGEST = 10.0


@dataclass(frozen=True)
class Pooled:
    """Log prices (or one log rate) over several arms.

    ``theta`` minimises Q at the estimated ``spread`` (standard deviation of a contrast over arms,
    natural logarithm); ``spread_low`` and ``spread_high`` bound it; ``p_value`` is that of no
    spread at all; ``covariance`` that of theta.
    """

    theta: Array
    covariance: Array
    spread: float
    spread_low: float
    spread_high: float
    p_value: float
    arms: int


def pool(cells: Sequence[Cell], contrast: Array, *, base: Sequence[Cell] = ()) -> Pooled:
    """Theta and the spread of `cells` around it; with `base`, around the theta of those.

    The arms of `base` have a spread of their own, which is estimated first and held.

    Raises
    ------
    DataError
        If there are fewer than two arms, those of `base` included.
    """
    if len(cells) + len(base) < 2:
        raise DataError("a spread over framings needs two of them.")
    anchor = pool(base, contrast) if len(base) > 1 else None
    held = anchor.spread if anchor is not None else 0.0
    settled, theta = 0.0, _start([*base, *cells], contrast)
    if base:
        settled, theta = _q(base, contrast, np.full(len(base), held), theta)
    every = [*base, *cells]
    freedom = len(contrast) * (len(cells) if base else len(cells) - 1)

    def excess(spread: float) -> float:
        sd = np.append(np.full(len(base), held), np.full(len(cells), spread))
        return _q(every, contrast, sd, theta)[0] - settled

    nothing = excess(0.0)
    reached = {
        name: _solve(excess, nothing, target)
        for name, target in (
            ("spread", float(freedom)),
            ("low", float(stats.chi2.ppf(0.975, freedom))),
            ("high", float(stats.chi2.ppf(0.025, freedom))),
        )
    }
    sd = np.append(np.full(len(base), held), np.full(len(cells), reached["spread"]))
    _, theta = _q(every, contrast, sd, theta)
    return Pooled(
        theta, _covariance(every, contrast, sd, theta), reached["spread"], reached["low"],
        reached["high"], float(stats.chi2.sf(nothing, freedom)), len(cells),
    )  # fmt: skip


def moved(cells: Mapping[str, Cell]) -> dict[str, Pooled]:
    """The spread of each kind of framing: wordings among themselves, the others around wordings.

    Kinds with too few measurable arms are left out.
    """
    contrast = helmert(len(next(iter(cells.values())).goods)) if cells else np.empty((0, 0))
    groups: dict[str, list[Cell]] = {}
    for arm, cell in cells.items():
        groups.setdefault(group_of(arm), []).append(cell)
    base = groups.get(BASE, [])
    found = {}
    for name, members in groups.items():
        if name == BASE and len(members) > 1:
            found[name] = pool(members, contrast)
        elif name != BASE and base:
            found[name] = pool(members, contrast, base=base)
    if len(cells) > 1:
        found["all"] = pool(list(cells.values()), contrast)
    return found


def factor(pooled: Pooled, method_arms: str = "arms") -> Estimate:
    """Median factor by which another framing of this kind moves a rate, noise taken out.

    A rate is the difference of two goods' log prices, so its deviation has the standard deviation
    sqrt(2) s, and the median of |deviation| is that times 0.674.
    """
    value, low, high = (
        float(np.exp(MEDIAN_FACTOR * np.sqrt(2.0) * s))
        for s in (pooled.spread, pooled.spread_low, pooled.spread_high)
    )
    note = f"p of no movement {pooled.p_value:.3g}"
    return Estimate(
        value, min(low, value), max(high, value), pooled.arms,
        f"random effects over {method_arms}, Paule-Mandel with Q-profile", note,
    )  # fmt: skip


def rate_over_framings(
    cells: Sequence[Cell], good: str, per: str, level: float = 0.95
) -> tuple[Estimate, Estimate]:
    """A log rate over framings: its mean with an interval, and the range that framings take.

    Returns
    -------
    (Estimate, Estimate)
        The mean log rate; and the same number with the prediction interval: where the rate lies in
        a framing of this kind that was not asked (Higgins, Thompson and Spiegelhalter 2009, J. R.
        Stat. Soc. A 172:137).
    """
    contrast = pair_contrast(cells[0].goods, good, per)
    found = pool(cells, contrast)
    k = len(cells)
    value, variance = float(found.theta[0]), float(found.covariance[0, 0])
    half = float(special.stdtrit(max(1, k - 1), 0.5 + level / 2.0)) * np.sqrt(variance)
    wide = float(special.stdtrit(max(1, k - 2), 0.5 + level / 2.0))
    wide *= float(np.sqrt(variance + found.spread**2))
    mean = Estimate(value, value - half, value + half, k, "random effects over arms, Fieller")
    spread = Estimate(
        value, value - wide, value + wide, k, "prediction interval over framings",
        f"spread over framings {found.spread:.3g} on the log scale, p of none {found.p_value:.3g}",
    )  # fmt: skip
    return mean, spread


def kept(cell: Cell, others: Sequence[Cell], level: float = 0.95) -> Estimate | None:
    """Share of the log prices of other framings that is left in this one: 1 all, 0 none.

    The slope through the origin of this arm's log prices on those of `others` together, with
    Fieller's interval, both sides' noise counted. None where the others have no prices that could
    be kept (their log prices are within noise of each other).
    """
    contrast = helmert(len(cell.goods))
    reference = pool(others, contrast)
    theta, noise = reference.theta, reference.covariance
    length = float(theta @ theta) - float(np.trace(noise))
    if stats.chi2.sf(float(theta @ np.linalg.solve(noise, theta)), len(theta)) > 0.001:
        return None
    m = len(cell.goods)
    # numerator theta'Cb, denominator a |theta|^2: linear in (b, a), and theta's own noise besides.
    form = np.zeros((2, m + 1))
    form[0, :m], form[1, m] = theta @ contrast, length
    value = float(theta @ contrast @ cell.b) / (cell.a * length)
    covariance = form @ cell.covariance @ form.T
    covariance[0, 0] += (value * cell.a) ** 2 * float(theta @ noise @ theta)
    t = float(special.stdtrit(max(1, cell.n_pairs - m - 2), 0.5 + level / 2.0))
    low, high = fieller(float(theta @ contrast @ cell.b), cell.a * length, covariance, t)
    method = f"regression on {len(others)} other framings, errors in both, Fieller"
    return Estimate(value, low, high, cell.n_pairs, method)


def _start(cells: Sequence[Cell], contrast: Array) -> Array:
    b = np.mean([cell.b for cell in cells], axis=0)
    return np.asarray(contrast @ b / np.mean([cell.a for cell in cells]))


def _stack(cells: Sequence[Cell]) -> tuple[Array, Array, Array]:
    return (
        np.array([cell.b for cell in cells]),
        np.array([cell.a for cell in cells]),
        np.array([cell.covariance for cell in cells]),
    )


def _q(cells: Sequence[Cell], contrast: Array, sd: Array, start: Array) -> tuple[float, Array]:
    """Q at these spreads (an arm each) and the theta that minimises it."""
    b, a, v = _stack(cells)
    cb = b @ contrast.T
    extra = (sd * a.mean()) ** 2
    m = len(contrast)
    vcc = np.einsum("ig,kgh,jh->kij", contrast, v[:, :-1, :-1], contrast)
    vca = v[:, :-1, -1] @ contrast.T
    vaa = v[:, -1, -1]

    def value(theta: Array) -> tuple[float, Array]:
        e = cb - a[:, None] * theta
        cross = vca[:, :, None] * theta[None, None, :]
        s = vcc - cross - cross.transpose(0, 2, 1)
        s = s + vaa[:, None, None] * np.outer(theta, theta) + extra[:, None, None] * np.eye(m)
        w = np.linalg.solve(s, e[:, :, None])[:, :, 0]
        # dQ/dtheta of e'S^-1 e, the variance's own dependence on theta included.
        slope = -2.0 * (a[:, None] * w).sum(axis=0)
        tw = w @ theta
        slope += 2.0 * ((w * vca).sum(axis=1)[:, None] * w).sum(axis=0)
        slope -= 2.0 * (vaa * tw) @ w
        return float((e * w).sum()), slope

    found = optimize.minimize(value, start, jac=True, method="BFGS", options={"gtol": 1e-3})
    return float(found.fun), np.asarray(found.x)


def _covariance(cells: Sequence[Cell], contrast: Array, sd: Array, theta: Array) -> Array:
    information = np.zeros((len(contrast), len(contrast)))
    scale = np.mean([cell.a for cell in cells])
    for cell, own in zip(cells, sd, strict=True):
        _, v = cell.residual(contrast, theta)
        v = v + (own * scale) ** 2 * np.eye(len(contrast))
        information += scale**2 * np.linalg.inv(v)
    return np.asarray(np.linalg.inv(information))


def _solve(excess: Callable[[float], float], nothing: float, target: float) -> float:
    """The spread at which Q has fallen to `target`; 0 where it is there already."""
    if nothing <= target:
        return 0.0
    if excess(_LARGEST) > target:
        return _LARGEST
    return float(optimize.brentq(lambda s: excess(s) - target, 0.0, _LARGEST, xtol=1e-4))
