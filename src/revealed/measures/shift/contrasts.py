"""What was made of a base against the base: beyond asking it again, and beyond a control fine-tune.

Of many quantities (chances) the mean square of the change is estimated, noise taken out, and the
same of the base and its retest is taken off: what remains is an excess, 0 on average if nothing
but asking again moved anything. Against a control the change is that between the condition and the
control, quantity by quantity, so that what fine-tuning of any kind moves cancels out: a difference
in differences, because the base is the same for both.

Of a single quantity (a price, a side, an order effect) the change is taken from the mean of the
base's two askings, and what these two differ by beyond their noise counts as drift: it is added to
the variance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..control.agreement import mean
from ..control.analysis import political_shift
from ..control.shift import Fitted, Moved, quadratic
from ..fallible import Utilities, partial_correlation, slope
from ..intervals import Z95, Array, Estimate
from ..politics import axes
from .asking import LIVES, OUTCOMES, POLITICS, SELF, SILENT, TOPICS, Asking, Level

Excess = Moved
"""An excess of a mean square of changes over what asking again changes."""

NO_RETEST = "the base was not asked again, so nothing says what asking again moves"
NO_CONTROL = "no control fine-tune of this base was asked"
_NORMAL = "difference of estimates, drift of the retest added, normal"
_LEAST = 4
"""Fewer pairs than these are no comparison."""


@dataclass(frozen=True)
class Signed:
    """A change of one quantity: from the base's two askings, and from the control (None: none)."""

    floor: Estimate
    control: Estimate | None = None


@dataclass(frozen=True)
class Comparison:
    """A condition beside its base.

    ``why`` bars single topics, with the side that fails. ``moved`` and ``beyond`` are excesses of
    chances by topic over the retest, the second against the control. ``order`` and ``silent`` are
    how it answers, by topic and by what is said; ``prices`` by good; ``single`` has ``self_price``
    and ``left_right``. ``same`` and ``slope`` set utilities beside the base's, by topic: their
    correlation freed of noise, and how far they rise for a unit of the base's.
    """

    base: str
    respondent: str
    why: Mapping[str, str]
    asked: Mapping[str, int]
    has_control: bool
    moved: Mapping[str, Excess] = field(default_factory=dict)
    beyond: Mapping[str, Excess] = field(default_factory=dict)
    order: Mapping[str, Signed] = field(default_factory=dict)
    silent: Mapping[str, Signed] = field(default_factory=dict)
    prices: Mapping[str, Signed] = field(default_factory=dict)
    single: Mapping[str, Signed] = field(default_factory=dict)
    same: Mapping[str, Estimate] = field(default_factory=dict)
    slope: Mapping[str, Estimate] = field(default_factory=dict)


def compare(
    base: Asking, other: Asking, again: Asking | None, control: Sequence[Asking] = (),
    unlike: str = "",
) -> Comparison:  # fmt: skip
    """Compare a condition (`other`) with its base.

    Parameters
    ----------
    again
        The base asked a second time; without it nothing is compared.
    control
        Control fine-tunes of the base, one a seed; their mean is the control.
    unlike
        Why the two were not asked the same, if so: it bars everything.
    """
    why = {name: unlike or _why(name, base, other, again) for name in TOPICS}
    open_ = [name for name in TOPICS if not why[name]]
    found = Comparison(base.respondent, other.respondent, why, dict(other.asked), bool(control))
    if again is None or not open_:
        return found
    beside = {name: [c for c in control if not c.why[name]] for name in open_}
    moved, beyond = {}, {}
    for name in open_:
        shared = _shared(name, [base, other, again, *beside[name]])
        if len(shared) < _LEAST:
            continue
        b, o, a, *c = (_of(asking, name, shared) for asking in (base, other, again, *beside[name]))
        moved[name] = quadratic(b, o, a)
        if c:
            apart, taken = quadratic(_mean(c), o, None), quadratic(b, a, None)
            beyond[name] = Moved(
                apart.square - taken.square, float(np.hypot(apart.se, taken.se)), apart.n
            )
    order = {
        name: _levels(
            base.order[name], again.order[name], other.order[name],
            [c.order[name] for c in beside[name]], len(other.pairs[name]),
        )
        for name in open_
    }  # fmt: skip
    usable = [c for c in control if not c.barred]
    silent = {}
    for kind in SILENT:
        said, *others = (x.silent.get(kind, {}) for x in (base, again, other, *usable))
        changed = _shares(said, others[0], others[1], others[2:])
        if changed is not None:
            silent[kind] = changed
    single = {}
    if base.own and again.own and other.own:
        own = [c.own for c in control if c.own is not None]
        n = len(other.pairs[SELF])
        single["self_price"] = _levels(base.own, again.own, other.own, own, n)
    if side := _sides(base.sides, again.sides, other.sides, [c.sides for c in control]):
        single["left_right"] = side
    same, slopes = {}, {}
    for name in (OUTCOMES, POLITICS):
        if name in open_:
            same[name], rise = _utilities(base.utility[name], other.utility[name])
            if name == OUTCOMES:  # too few answers to a proposal: the slope would rise by noise
                slopes[name] = rise
    return Comparison(
        base.respondent, other.respondent, why, dict(other.asked), bool(control), moved, beyond,
        order, silent, _prices(base, again, other, control), single, same, slopes,
    )  # fmt: skip


def floor(base: Asking, again: Asking) -> dict[str, Moved]:
    """What asking again moves by itself, by topic: mean squares of changes of chances."""
    found = {}
    for name in TOPICS:
        if not base.why[name] and not again.why[name]:
            shared = _shared(name, [base, again])
            if len(shared) >= _LEAST:
                found[name] = quadratic(_of(base, name, shared), _of(again, name, shared), None)
    return found


def _why(name: str, base: Asking, other: Asking, again: Asking | None) -> str:
    sides = (("before", base), ("after", other), ("asked again", again))
    for which, asking in sides:
        if asking is None:
            return NO_RETEST
        if asking.why[name]:
            return f"{which}: {asking.why[name]}"
    return ""


def _shared(name: str, askings: Sequence[Asking]) -> list[tuple[str, str]]:
    """Pairs that all were asked, in the first one's order."""
    others = [set(asking.pairs[name]) for asking in askings[1:]]
    return [pair for pair in askings[0].pairs[name] if all(pair in known for known in others)]


def _of(asking: Asking, name: str, pairs: Sequence[tuple[str, str]]) -> Fitted:
    place = {pair: k for k, pair in enumerate(asking.pairs[name])}
    rows = [place[pair] for pair in pairs]
    given = asking.chance[name]
    return Fitted(given.value[rows], given.noise[np.ix_(rows, rows)])


def _mean(parts: Sequence[Fitted]) -> Fitted:
    k = len(parts)
    value = np.mean([part.value for part in parts], axis=0)
    return Fitted(value, sum((part.noise for part in parts), np.zeros((len(value),) * 2)) / k**2)


def _levels(base: Level, again: Level, other: Level, control: Sequence[Level], n: int) -> Signed:
    """Change of one quantity, with the drift of the retest; `n` counts pairs."""
    drift = max(0.0, ((again.value - base.value) ** 2 - base.se**2 - again.se**2) / 2)
    middle = (base.value + again.value) / 2
    variance = other.se**2 + (base.se**2 + again.se**2) / 4 + 1.5 * drift
    change = _normal(other.value - middle, variance, n)
    if not control:
        return Signed(change)
    k = len(control)
    variance = other.se**2 + sum(c.se**2 for c in control) / k**2 + (1 + 1 / k) * drift
    return Signed(change, _normal(other.value - sum(c.value for c in control) / k, variance, n))


def _normal(value: float, variance: float, n: int) -> Estimate:
    half = Z95 * float(np.sqrt(variance))
    return Estimate(float(value), float(value - half), float(value + half), n, _NORMAL)


_Shares = Mapping[tuple[str, str], float]


def _shares(
    base: _Shares, again: _Shares, other: _Shares, control: Sequence[_Shares]
) -> Signed | None:
    """Change of a share of answers, paired over pairs; None where it was not asked."""
    both = [pair for pair in base if pair in again and pair in other]
    if len(both) < _LEAST:
        return None
    method = "paired over pairs, drift of the retest added"
    b, a, o = (np.array([given[pair] for pair in both]) for given in (base, again, other))
    own = mean(a - b, method)
    drift = max(0.0, (own.value**2 - _se(own) ** 2) / 2)
    change = _wider(mean(o - (a + b) / 2, method), 1.5 * drift)
    known = [c for c in control if all(pair in c for pair in both)]
    if not known:
        return Signed(change)
    c = np.mean([[given[pair] for pair in both] for given in known], axis=0)
    return Signed(change, _wider(mean(o - c, method), (1 + 1 / len(known)) * drift))


def _sides(
    base: axes.Sides | None, again: axes.Sides | None, other: axes.Sides | None,
    control: Sequence[axes.Sides | None],
) -> Signed | None:  # fmt: skip
    """Change of the left-right score (probit units)."""
    if base is None or again is None or other is None:
        return None
    own = political_shift(base, again)
    change = political_shift(_middle([base, again]), other)
    if own is None or change is None:
        return None
    drift = max(0.0, (own.value**2 - _se(own) ** 2) / 2)
    known = [side for side in control if side is not None]
    against = political_shift(_middle(known), other) if known else None
    if against is None:
        return Signed(_wider(change, 1.5 * drift))
    return Signed(
        _wider(change, 1.5 * drift), _wider(against, (1 + 1 / len(known)) * drift)
    )  # fmt: skip


def _middle(parts: Sequence[axes.Sides]) -> axes.Sides:
    """The mean of several, on the proposals that all have."""
    shared = set.intersection(*(set(part.items) for part in parts))
    kept = [part.where(np.array([item in shared for item in part.items], bool)) for part in parts]
    k = len(kept)
    value = np.mean([part.mean for part in kept], axis=0)
    noise = sum((part.noise for part in kept), np.zeros((len(value),) * 2)) / k**2
    return axes.Sides(kept[0].items, value, noise, kept[0].sides, kept[0].area)


def _prices(
    base: Asking, again: Asking, other: Asking, control: Sequence[Asking]
) -> dict[str, Signed]:
    """Changes of log prices by good; drift is the same for all goods."""
    b, a, o = base.prices, again.prices, other.prices
    if b is None or a is None or o is None or not base.goods == again.goods == other.goods:
        return {}
    known = [c.prices for c in control if c.prices is not None and c.goods == base.goods]
    n = len(other.pairs[LIVES])
    vb, va, vo = (np.diag(given.noise) for given in (b, a, o))
    drift = max(0.0, float(((a.value - b.value) ** 2 - vb - va).mean()) / 2)
    change = o.value - (a.value + b.value) / 2
    variance = vo + (vb + va) / 4 + 1.5 * drift
    if known:
        middle = _mean(known)
        against: Array = o.value - middle.value
        spread = vo + np.diag(middle.noise) + (1 + 1 / len(known)) * drift
    return {
        good: Signed(
            _normal(change[k], variance[k], n),
            _normal(against[k], spread[k], n) if known else None,
        )
        for k, good in enumerate(base.goods)
    }


def _utilities(base: Utilities, other: Utilities) -> tuple[Estimate, Estimate]:
    """Correlation of utilities with the base's, and the slope on them, freed of noise."""
    items = [item for item in base.items if item in set(other.items)]
    (x, noise_x), (y, noise_y) = base.of(items), other.of(items)
    centre = np.eye(len(items)) - 1.0 / len(items)
    within = np.diag(centre @ noise_x @ centre)
    return (
        partial_correlation(x, y, noise_x, noise_y, np.zeros(len(items))),
        slope(y - y.mean(), x - x.mean(), within, np.zeros(len(items)), absorbed=1),
    )  # fmt: skip


def _se(given: Estimate) -> float:
    assert given.high is not None
    return (given.high - given.value) / Z95


def _wider(given: Estimate, variance: float) -> Estimate:
    """The same with this variance added."""
    assert given.low is not None
    assert given.high is not None
    extra = Z95**2 * variance
    low = given.value - float(np.sqrt((given.value - given.low) ** 2 + extra))
    high = given.value + float(np.sqrt((given.high - given.value) ** 2 + extra))
    return Estimate(given.value, low, high, given.n, given.method, given.note)
