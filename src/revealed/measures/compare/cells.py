"""The answers of two sides to one instrument: have the utilities behind them moved?

Paired: both sides are compared on the items that both were asked about in the same words. What is
compared is the chance of choosing the first of each pair, in either order alike, by fitted
utilities. Their mean square difference, less what the noise of both fits adds to it, is zero on
average if nothing but the draw of answers differs. Assumed: the answers of one side are drawn
independently of the other side's.

Where both sides were asked the same pairs, what utilities miss of a pair they miss on both sides,
and the noise is that of sampling; where pairs differ, a pair's own deviation counts as noise too.
In 300 simulations of each kind, no shift was called one (at 0.05) in 3 to 4 % where the pairs are
the same, and in less than 1 % where each side drew its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from ...foundation.errors import RevealedError
from ...utilities import comparisons, fit
from .. import measurable
from ..control.shift import Moved as _Excess
from ..fallible import RIDGE, Utilities, partial_correlation, slope, utilities
from ..intervals import Z95, Array, Estimate, fisher_interval

ITEMS_NEEDED = 8
"""Fewer shared items than these are no comparison."""
ANSWERS_NEEDED = 6
"""Answers to an item, on average, below which single items are hardly known and nothing is said."""
_METHOD = "mean square of changes of chances less noise of both fits, mixture of chi-squares"
_FLOOR = "the same less what asking A again changed, quadratic form, normal"
_PAIRS = 4000
"""Of more pairs than these, an even selection is compared."""


@dataclass(frozen=True)
class Moved:
    """How far chances moved: ``estimate`` (root of the excess, in probability) and its p-value.

    One-sided: nothing but a shift makes the mean square larger than noise does.
    """

    estimate: Estimate
    p: float


@dataclass(frozen=True)
class Cell:
    """One instrument in one arm, on both sides; ``why`` bars everything below it.

    ``items`` has the columns item, a, b, difference, low, high, p: utilities (probit units, their
    mean over shared items 0). ``order`` has what being listed first adds (probit units) on either
    side, and its change. ``correlation`` is freed of the noise of both fits, and ``stretch`` is how
    far B's utilities rise for a unit of A's: 1 if B is as decided as A.
    """

    n: int
    why: str = ""
    moved: Moved | None = None
    order: tuple[Estimate, Estimate, Estimate, float] | None = None
    correlation: Estimate | None = None
    stretch: Estimate | None = None
    items: pd.DataFrame | None = None
    same_counts: bool = False
    same_pairs: bool = False


@dataclass(frozen=True)
class _Side:
    """A fit's utility differences over pairs and a root of their noise: z (k,), root (k, n)."""

    z: Array
    root: Array


def unlike_answers(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether two tables of choices hold other answers."""
    counts = ["first", "second", "n_first", "n_second", "n_neutral", "n_refused", "n_unparsed"]
    one, two = (side[counts].sort_values(["first", "second"]).to_numpy() for side in (a, b))
    return one.shape != two.shape or bool((one != two).any())


def compare_answers(
    a: pd.DataFrame, b: pd.DataFrame, alike: Collection[str] | None = None,
    again: pd.DataFrame | None = None,
) -> Cell:  # fmt: skip
    """Compare one respondent's answers to an instrument with another asking.

    Parameters
    ----------
    a, b
        Choices (schema `CHOICES`) of one respondent, instrument and arm each.
    alike
        Items whose words are the same on both sides; None: all.
    again
        Side A asked a second time. What it moved by is taken off, so that the drift that A shows by
        itself is no change.

    Returns
    -------
    Cell
        With ``why`` where answers cannot be counted, too few items are shared, or the answers are
        the same ones.
    """
    for mark, side in (("A", a), ("B", b), ("A asked again", again)):
        if side is not None and (why := _barred(side)):
            return Cell(0, f"{mark}: {why}")
    a, b = _counted(a), _counted(b)
    again = None if again is None else _counted(again)
    shared = (_asked(a) & _asked(b)) - (set() if alike is None else _asked(a) - set(alike))
    shared &= shared if again is None else _asked(again)
    n = len(shared)
    if n < ITEMS_NEEDED:
        return Cell(n, f"{n} items are shared in the same words, {ITEMS_NEEDED} are needed")
    if not unlike_answers(a, b):
        return Cell(n, "every count is the same on both sides", same_counts=True)
    items = sorted(shared)
    try:
        one, two = utilities(a), utilities(b)
        retest = None if again is None else utilities(again)
    except RevealedError as error:
        return Cell(n, error.what)
    inside = [{pair for pair in _pairs(side) if shared >= set(pair)} for side in (a, b)]
    same = inside[0] == inside[1]
    listed = sorted(inside[0] & inside[1] if same else inside[0] | inside[1])
    pairs = listed[:: 1 + len(listed) // _PAIRS]
    sides = [_gaps(u, pairs, same) for u in (one, two, retest) if u is not None]
    (x, noise_x), (y, noise_y) = one.of(items), two.of(items)
    flat = np.zeros(n)
    return Cell(
        n,
        moved=_moved(*sides),
        order=_order(a, b),
        correlation=partial_correlation(x, y, noise_x, noise_y, flat),
        stretch=slope(
            y - y.mean(), x - x.mean(), np.diag(_centred(noise_x)), flat, absorbed=1
        ),
        items=_items(items, x, y, noise_x, noise_y),
        same_pairs=same,
    )  # fmt: skip


def compare_published(a: pd.DataFrame, b: pd.DataFrame, alike: Collection[str] | None) -> Cell:
    """Compare utilities (schema `UTILITIES`) whose answers are not there.

    Their noise is not known, so that nothing is tested: the correlation as it is, with Fisher's
    interval.
    """
    shared = (
        a.set_index("item")["mean"].to_frame("a").join(b.set_index("item")["mean"], how="inner")
    )
    if alike is not None:
        shared = shared[shared.index.isin(list(alike))]
    n = len(shared)
    if n < ITEMS_NEEDED:
        return Cell(n, f"{n} items are shared in the same words, {ITEMS_NEEDED} are needed")
    r = float(np.corrcoef(shared["a"], shared["mean"])[0, 1])
    low, high = fisher_interval(r, n)
    method = "Pearson over items, Fisher z, noise not taken out"
    return Cell(n, correlation=Estimate(r, low, high, n, method, "no answers on one side"))


def _counted(choices: pd.DataFrame) -> pd.DataFrame:
    """What a fit counts: pairs that are not held out, with whatever was said to them."""
    held_out = choices["role"] == "holdout" if "role" in choices else False
    return choices[~(held_out | (choices["n_first"] + choices["n_second"] <= 0))]


def _asked(choices: pd.DataFrame) -> set[str]:
    return {*choices["first"], *choices["second"]}


def _pairs(choices: pd.DataFrame) -> set[tuple[str, str]]:
    both = zip(choices["first"], choices["second"], strict=True)
    return {(min(a, b), max(a, b)) for a, b in both}


def _barred(choices: pd.DataFrame) -> str:
    if why := measurable.reason(choices):
        return why
    answers = float(choices["n_first"].sum() + choices["n_second"].sum())
    each = 2 * answers / len(_asked(choices))
    if each < ANSWERS_NEEDED:
        return f"{each:.1f} answers to an item, {ANSWERS_NEEDED} are needed"
    return ""


def _gaps(found: Utilities, pairs: list[tuple[str, str]], same: bool) -> _Side:
    """Utility of the first of each pair less the second's, with a root of their covariance."""
    place = {item: k for k, item in enumerate(found.items)}
    first, second = (np.array([place[pair[k]] for pair in pairs]) for k in (0, 1))
    noise = found.noise / found.dispersion if same else found.noise
    values, vectors = np.linalg.eigh(noise)
    kept = values > 1e-12 * values.max()
    root = vectors[:, kept] * np.sqrt(values[kept])
    return _Side(found.mean[first] - found.mean[second], root[first] - root[second])


def _moved(a: _Side, b: _Side, again: _Side | None = None) -> Moved:
    """The excess mean square with its p-value; `again` is the floor that is taken off it.

    With d ~ N(m, W), d'd has the mean tr W + m'm and the variance 2 tr W² + 4 m'W m. Under m = 0 it
    is a mixture of chi-squares, whose tail is that of Liu, Tang and Zhang (2009, Computational
    Statistics and Data Analysis 53). A floor shares the noise of A.
    """
    k = len(a.z)
    total, spread, along, (own, joint) = _square(a, b)
    p = _tail(total + float((joint**2).sum()), joint)
    variance, method = 2 * spread + 4 * along, _METHOD
    if again is not None:
        floor, more, further, (same, _) = _square(a, again)
        total -= floor
        variance += 2 * more + 4 * further - 4 * float(((own.T @ same) ** 2).sum())
        p = float(stats.norm.sf(total / np.sqrt(variance)))
        method = _FLOOR
    excess = _Excess(total / k, float(np.sqrt(max(variance, 0.0))) / k, k, method)
    return Moved(excess.estimate, p)


def _square(a: _Side, b: _Side) -> tuple[float, float, float, tuple[Array, Array]]:
    """d'd less tr W, tr W², an estimate of m'W m, and roots of A's noise and of W.

    Noise of chances is taken halfway between both sides (delta method): where one side's chance is
    extreme by noise, its own slope would say that it is hardly noisy.
    """
    slopes = stats.norm.pdf((a.z + b.z) / 2)[:, None]
    own = slopes * a.root
    d, joint = special.ndtr(b.z) - special.ndtr(a.z), np.hstack([own, slopes * b.root])
    inner = joint.T @ joint
    spread = float((inner**2).sum())
    along = max(0.0, float(((joint.T @ d) ** 2).sum()) - spread)
    return float(d @ d - np.trace(inner)), spread, along, (own, joint)


def _tail(q: float, root: Array) -> float:
    """Chance of a value of at least `q` of |root z|², z standard normal."""
    inner = root.T @ root
    square = inner @ inner
    c1, c2 = float(np.trace(inner)), float(np.trace(square))
    c3, c4 = float((square * inner).sum()), float((square**2).sum())
    if c2 <= 0:
        return float("nan")
    s1, s2 = c3 / c2**1.5, c4 / c2**2
    if s1**2 > s2:
        a = 1 / (s1 - np.sqrt(s1**2 - s2))
        delta = s1 * a**3 - a**2
        degrees = a**2 - 2 * delta
    else:
        a, delta, degrees = 1 / s1, 0.0, c2**3 / c3**2
    at = (q - c1) / np.sqrt(2 * c2) * np.sqrt(2) * a + degrees + delta
    return float(stats.ncx2.sf(at, degrees, delta) if delta > 0 else stats.chi2.sf(at, degrees))


def _order(a: pd.DataFrame, b: pd.DataFrame) -> tuple[Estimate, Estimate, Estimate, float] | None:
    """What being listed first adds, on either side, and its change with a p-value.

    None where a side's answers do not tell which option was listed first.
    """
    found = []
    for side in (a, b):
        counted = comparisons(side)
        if not counted.order_told:
            return None
        fitted = fit(counted, ridge=RIDGE, backend="numpy")
        found.append((fitted.order_effect, fitted.order_effect_se, len(_pairs(side))))

    def normal(value: float, se: float, n: int) -> Estimate:
        return Estimate(
            value, value - Z95 * se, value + Z95 * se, n, "fitted with the utilities, HC3"
        )

    (x, se_x, n_x), (y, se_y, n_y) = found
    se = float(np.hypot(se_x, se_y))
    p = float(2 * stats.norm.sf(abs(y - x) / se)) if se > 0 else float("nan")
    return normal(x, se_x, n_x), normal(y, se_y, n_y), normal(y - x, se, min(n_x, n_y)), p


def _centred(noise: Array) -> Array:
    """Covariance once the mean over all items is taken out."""
    rows = noise.mean(axis=0)
    return np.asarray(noise - rows[None, :] - rows[:, None] + noise.mean())


def _items(items: list[str], x: Array, y: Array, noise_x: Array, noise_y: Array) -> pd.DataFrame:
    """Every item's change of utility; the mean over items is 0 on both sides."""
    a, b = x - x.mean(), y - y.mean()
    se = np.sqrt(np.diag(_centred(noise_x)) + np.diag(_centred(noise_y)))
    change = b - a
    return pd.DataFrame({
        "item": items, "a": a, "b": b, "difference": change, "low": change - Z95 * se,
        "high": change + Z95 * se, "p": 2 * stats.norm.sf(np.abs(change) / se),
    })  # fmt: skip
