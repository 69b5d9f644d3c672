"""One respondent's answers, read once: how it answers, and what it values.

A shift of how somebody answers is no shift of values: the order effect is a parameter of each fit,
so that chances, prices and sides are those of a respondent asked in both orders alike, and what is
said instead of a choice is counted by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ...foundation.errors import DataError, EstimationError
from ...utilities import comparisons, fit
from ...utilities.curve import CurveFit
from .. import measurable
from ..control.shift import (
    Fitted,
    chances_of_goods,
    chances_of_utilities,
    fitted_curve,
    log_prices,
)
from ..fallible import RIDGE, Utilities, utilities
from ..order import (
    CORRELATION_NEEDED,
    PAIRS_NEEDED,
    cross_order_correlation,
    disattenuated_correlation,
)
from ..politics import axes
from ..self_valuation import as_goods

OUTCOMES, LIVES, SELF, POLITICS = "outcomes", "lives", "self", "politics"
TOPICS = (OUTCOMES, LIVES, SELF, POLITICS)
"""What is asked before and after, one instrument a topic."""
SILENT = ("neutral", "refused")
"""What may be said instead of a choice: no preference where that is offered, and a refusal."""
_QUICK = 200
"""Bootstrap draws for an interval that is not shown."""


@dataclass(frozen=True)
class Topics:
    """The items of each topic's instrument, and calibration's pairs (columns better and worse)."""

    items: Mapping[str, pd.DataFrame]
    trivial: pd.DataFrame


@dataclass(frozen=True)
class Answers:
    """Choices of one respondent (schema CHOICES): by topic, and of calibration.

    ``offered`` are choices in an arm that offers to have no preference.
    """

    respondent: str
    topics: Mapping[str, pd.DataFrame]
    offered: pd.DataFrame
    calibration: pd.DataFrame


@dataclass(frozen=True)
class Level:
    """An estimate with its standard error."""

    value: float
    se: float


@dataclass(frozen=True)
class Asking:
    """One asking, read once: it is compared with several others.

    ``why`` bars single topics ("" where nothing does); a topic that is barred has no entries below.
    ``pairs`` are those asked, in their order, and ``asked`` counts answers. ``chance`` has the
    chances of the first of each pair. ``silent`` has, by kind, the share of every pair.
    """

    respondent: str
    why: Mapping[str, str]
    asked: Mapping[str, int]
    pairs: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    chance: Mapping[str, Fitted] = field(default_factory=dict)
    order: Mapping[str, Level] = field(default_factory=dict)
    utility: Mapping[str, Utilities] = field(default_factory=dict)
    prices: Fitted | None = None
    goods: tuple[str, ...] = ()
    own: Level | None = None
    """Log price of its own life less the mean of people's."""
    sides: axes.Sides | None = None
    silent: Mapping[str, Mapping[tuple[str, str], float]] = field(default_factory=dict)

    @property
    def barred(self) -> str:
        """Why nothing at all can be said; "" if a topic can be measured."""
        return "" if any(not why for why in self.why.values()) else next(iter(self.why.values()))


def read(answers: Answers, topics: Topics) -> Asking:
    """Read one respondent's answers; a topic that fails a gate is barred with the reason.

    The gates: trivial pairs right and, over the outcomes, a preference that does not depend on
    which option is listed first (both bar every topic); and legible choices on the topic itself.
    """
    barred = measurable.calibration_reason(answers.calibration, topics.trivial)
    barred = barred or _order_reason(answers.topics[OUTCOMES])
    why = {name: barred or measurable.reason(answers.topics[name]) for name in TOPICS}
    asked = {name: measurable.asked(answers.topics[name]) for name in TOPICS}
    pairs, chance, order, utility = {}, {}, {}, {}
    prices, own, sides = None, None, None
    goods: tuple[str, ...] = ()
    for name in TOPICS:
        if why[name]:
            continue
        choices = answers.topics[name]
        pairs[name] = listed(choices)
        if name in (LIVES, SELF):
            curve = fitted_curve(choices, as_goods(topics.items[name]))
            if curve is None:
                why[name] = "too few answers for a curve"
                continue
            chance[name] = chances_of_goods(curve, pairs[name])
            order[name] = Level(curve.order_effect, curve.order_effect_se)
            if name == LIVES:
                prices, goods = log_prices(curve), curve.goods
            else:
                own = _own(curve, topics.items[name])
            continue
        order[name] = _order(choices)
        utility[name] = utilities(choices)
        chance[name] = chances_of_utilities(utility[name], pairs[name])
        if name == POLITICS:
            sides = _sides(utility[name], topics.items[name])
    return Asking(
        answers.respondent, why, asked, pairs, chance, order, utility, prices, goods, own, sides,
        {kind: _silent(answers.offered, kind) for kind in SILENT} if not barred else {},
    )  # fmt: skip


def listed(choices: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """The pairs of a table, each once, sorted."""
    both = zip(choices["first"], choices["second"], strict=True)
    return tuple(sorted({(min(a, b), max(a, b)) for a, b in both}))


def _order_reason(choices: pd.DataFrame) -> str:
    if measurable.reason(choices):
        return ""  # said of the topic by itself
    raw = cross_order_correlation(choices, replicates=_QUICK)
    if raw.n < PAIRS_NEEDED:
        return f"only {raw.n} pairs answered in both orders, {PAIRS_NEEDED} are needed"
    true = disattenuated_correlation(choices, replicates=_QUICK)
    judged = raw if np.isnan(true.value) else true
    if judged.value < CORRELATION_NEEDED:
        return (
            f"what it chooses depends on the order: correlation between orders {judged.value:.2f}, "
            f"{CORRELATION_NEEDED} is needed"
        )
    return ""


def _order(choices: pd.DataFrame) -> Level:
    fitted = fit(comparisons(choices), ridge=RIDGE, backend="numpy")
    return Level(fitted.order_effect, fitted.order_effect_se)


def _own(curve: CurveFit, items: pd.DataFrame) -> Level | None:
    """Log price of the answering AI, in its first wording, less the mean of people's."""
    subjects = items.drop_duplicates("good").set_index("good")
    own = subjects.index[(subjects["group"] == "self") & (subjects["alias_of"] == "")]
    people = subjects.index[(subjects["group"] == "person") & (subjects["role"] != "placebo")]
    place = {good: k for k, good in enumerate(curve.goods)}
    if not {*own, *people} <= set(place) or not len(people):
        return None
    weights = np.zeros(len(place))
    weights[[place[good] for good in own]] = 1.0 / len(own)
    weights[[place[good] for good in people]] = -1.0 / len(people)
    try:
        given = log_prices(curve)
    except EstimationError:
        return None
    return Level(float(weights @ given.value), float(np.sqrt(weights @ given.noise @ weights)))


def _sides(utility: Utilities, items: pd.DataFrame) -> axes.Sides | None:
    try:
        return axes.sides(utility, items)
    except DataError:  # too few areas with both sides: no score, the rest stands
        return None


def _silent(offered: pd.DataFrame, kind: str) -> dict[tuple[str, str], float]:
    """The share of answers of a kind, by pair, both orders together."""
    if offered.empty:
        return {}
    ends = np.sort(offered[["first", "second"]].to_numpy(str), axis=1)
    counts = [f"n_{name}" for name in ("first", "second", "neutral", "refused", "unparsed")]
    summed = offered[counts].groupby([ends[:, 0], ends[:, 1]]).sum()
    total = summed.sum(axis=1)
    share = (summed[f"n_{kind}"] / total)[total > 0]
    return {(str(a), str(b)): float(value) for (a, b), value in share.items()}
