"""A respondent before and after somebody tried to steer it: agreement, shifts, reach and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ...foundation.errors import DataError, EstimationError
from ...utilities import comparisons, fit
from .. import measurable
from ..fallible import utilities
from ..intervals import Array, Estimate
from ..politics import axes
from . import shift
from .agreement import (
    SPLITS,
    Agreement,
    Votes,
    agreement,
    bias,
    bias_reduction,
    chances,
    mean,
    shared,
    votes,
)
from .agreement import gain as gain_of
from .shift import Fitted, Moved

HELD_OUT = SPLITS["held out"]
POLITICS, LIVES, OUTCOMES, ELSEWHERE = "politics", "lives", "outcomes", "elsewhere"
"""What can move: the topic, on all of its pairs; two others; and these two together."""
_FOLDS = 5
_SEED = 20260119


@dataclass(frozen=True)
class Topics:
    """What everybody is asked: items and listed pairs of the three instruments and calibration."""

    politics: pd.DataFrame
    lives: pd.DataFrame
    lives_pairs: list[tuple[str, str]]
    outcomes_pairs: list[tuple[str, str]]
    trivial: pd.DataFrame
    """Calibration's pairs, columns better and worse."""


@dataclass(frozen=True)
class Answers:
    """Choices of one respondent (schema CHOICES) by topic."""

    respondent: str
    politics: pd.DataFrame
    lives: pd.DataFrame
    outcomes: pd.DataFrame
    calibration: pd.DataFrame

    @property
    def barred(self) -> str:
        """Why nothing can be said of it; "" if something can."""
        for name in (POLITICS, LIVES, OUTCOMES):
            if why := measurable.reason(getattr(self, name)):
                return f"{name}: {why}"
        return ""


@dataclass(frozen=True)
class Before:
    """One asking, read once: it is compared with several others."""

    answers: Answers
    why: str
    votes: Votes
    lives: Fitted | None = None
    prices: Fitted | None = None
    goods: tuple[str, ...] = ()
    outcomes: Fitted | None = None
    sides: axes.Sides | None = None
    held: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """1 where its own utilities foretell its majority on a pair left out of the fit, else 0."""

    @property
    def agreement(self) -> dict[str, Agreement]:
        """Agreement with the assembly by split."""
        return {name: agreement(self.votes.of(*splits)) for name, splits in SPLITS.items()}

    @property
    def bias(self) -> Estimate:
        """Left-right bias on the pairs that were not shown."""
        return bias(self.votes.of(*HELD_OUT))


@dataclass(frozen=True)
class Analysis:
    """What a control did to a base; ``why`` is what bars the comparison, or "".

    ``moved`` and ``floor`` are by what can move: the excess over the retest, and what asking again
    moves by itself. ``gain`` is by split.
    """

    base: str
    respondent: str
    why: str
    asked: int
    after: Before
    gain: Mapping[str, Agreement] = field(default_factory=dict)
    bias_reduction: Estimate | None = None
    political_shift: Estimate | None = None
    moved: Mapping[str, Moved] = field(default_factory=dict)
    prices_moved: Moved | None = None
    reach: Estimate | None = None
    coherence: Estimate | None = None
    calibration: Estimate | None = None
    has_retest: bool = False


def before(answers: Answers, targets: pd.DataFrame, topics: Topics) -> Before:
    """Read one respondent's answers.

    Parameters
    ----------
    targets
        As `measures.assembly.targets.targets` returns them.

    A respondent that cannot be measured is read as far as its votes.
    """
    given = votes(answers.politics, targets, topics.politics)
    why = answers.barred or measurable.calibration_reason(answers.calibration, topics.trivial)
    if why:
        return Before(answers, why, given)
    curve = shift.fitted_curve(answers.lives, topics.lives)
    if curve is None:
        return Before(answers, "lives: too few answers for a curve", given)
    asked = {*answers.outcomes["first"], *answers.outcomes["second"]}
    pairs = [pair for pair in topics.outcomes_pairs if {*pair} <= asked]
    try:
        sides = axes.sides(utilities(answers.politics), topics.politics)
    except DataError:  # too few areas with both sides: no score, the rest stands
        sides = None
    return Before(
        answers, "", given, shift.chances_of_goods(curve, topics.lives_pairs),
        shift.log_prices(curve), curve.goods,
        shift.chances_of_outcomes(answers.outcomes, pairs), sides, foretold(answers.outcomes),
    )  # fmt: skip


def analyse(base: Before, after: Before, again: Before | None, topics: Topics) -> Analysis:
    """Compare what was made of a base with the base, against the base asked again (`again`).

    Without a retest, or with one that cannot be measured, the floor is none.
    """
    asked = measurable.asked(after.answers.politics)
    names = (base.answers.respondent, after.answers.respondent)
    for which, one in (("before", base), ("after", after)):
        if one.why:
            return Analysis(*names, f"{which}: {one.why}", asked, after)
    floor = again if again is not None and not again.why else None
    assert base.lives is not None
    assert after.lives is not None
    assert base.prices is not None
    assert after.prices is not None
    assert base.outcomes is not None
    assert after.outcomes is not None
    topic = [one.votes for one in (base, after, floor) if one is not None]
    pairs = set.intersection(*(set(v.pair) for v in topic))
    first, second, *third = (shift.shares(v.take(_among(v.pair, pairs))) for v in topic)
    moved = {
        POLITICS: shift.quadratic(first, second, third[0] if third else None),
        LIVES: shift.quadratic(base.lives, after.lives, floor.lives if floor else None),
    }
    same = len(base.outcomes.value) == len(after.outcomes.value)
    if same and (floor is None or len(_value(floor.outcomes)) == len(base.outcomes.value)):
        moved[OUTCOMES] = shift.quadratic(
            base.outcomes, after.outcomes, floor.outcomes if floor else None
        )
    moved[ELSEWHERE] = shift.together([moved[k] for k in (LIVES, OUTCOMES) if k in moved])
    prices = None
    if base.goods == after.goods:
        prices = shift.quadratic(base.prices, after.prices, floor.prices if floor else None)
    return Analysis(
        *names, "", asked, after,
        gain={name: gain_of(base.votes.of(*splits), after.votes.of(*splits))
              for name, splits in SPLITS.items()},
        bias_reduction=bias_reduction(base.votes.of(*HELD_OUT), after.votes.of(*HELD_OUT)),
        political_shift=political_shift(base.sides, after.sides),
        moved=moved, prices_moved=prices,
        reach=shift.reach(moved[ELSEWHERE], moved[POLITICS]).estimate,
        coherence=_paired(
            base.held, after.held, "own utilities on pairs left out, pairs of one item tied"
        ),
        calibration=_paired(
            right(base.answers.calibration, topics.trivial),
            right(after.answers.calibration, topics.trivial), "trivial pairs, over pairs",
        ),
        has_retest=floor is not None,
    )  # fmt: skip


def political_shift(one: axes.Sides | None, two: axes.Sides | None) -> Estimate | None:
    """Change of the left-right score (probit units), leaving one area out at a time.

    None where either has no score.
    """
    if one is None or two is None:
        return None
    items = set(one.items) & set(two.items)
    one, two = (s.where(np.array([item in items for item in s.items], bool)) for s in (one, two))
    if len(np.unique(one.area)) < axes.AREAS_NEEDED:
        return None
    joint = axes.Sides(one.items, two.mean - one.mean, one.noise + two.noise, one.sides, one.area)
    value, low, high = axes.jackknife(joint, axes.slopes)
    method = "slope on lean within areas, jackknife over areas"
    freedom = len(np.unique(one.area)) - 1
    return Estimate(
        float(value[0]), float(low[0]), float(high[0]), len(one.items), method, freedom=freedom
    )


def foretold(choices: pd.DataFrame) -> dict[tuple[str, str], float]:
    """For every pair: does a fit to the other pairs foretell the majority of its answers?

    1 or 0, one half where the pair is tied; each pair is left out once, a fifth of them at a time.
    """
    pairs = sorted(
        {tuple(sorted(p)) for p in zip(choices["first"], choices["second"], strict=True)}
    )
    p, _ = chances(choices, pairs)
    fold = np.random.default_rng(_SEED).permutation(len(pairs)) % _FOLDS
    of = dict(zip(pairs, fold, strict=True))
    key = [tuple(sorted(pair)) for pair in zip(choices["first"], choices["second"], strict=True)]
    held = np.array([of[k] for k in key])
    names = sorted({*choices["first"], *choices["second"]})
    place = {name: k for k, name in enumerate(names)}
    found: dict[tuple[str, str], float] = {}
    for number in range(_FOLDS):
        train = comparisons(choices[held != number], names)
        left = [k for k in range(len(pairs)) if fold[k] == number and np.isfinite(p[k])]
        if not left or not len(train):
            continue
        try:
            fitted = fit(train, order_effect=True, backend="numpy")
        except EstimationError:
            continue
        first, second = (np.array([place[pairs[k][side]] for k in left]) for side in (0, 1))
        z = fitted.mean[first] - fitted.mean[second]
        for k, gap in zip(left, z, strict=True):
            own = np.sign(p[k] - 0.5)
            found[pairs[k]] = 0.5 if own == 0 else float(own == np.sign(gap))
    return found


def right(calibration: pd.DataFrame, trivial: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Share of right answers to every trivial pair."""
    pairs = list(zip(trivial["better"], trivial["worse"], strict=True))
    p, _ = chances(calibration, pairs)
    return {pair: float(value) for pair, value in zip(pairs, p, strict=True) if np.isfinite(value)}


def pair_table(one: Votes, two: Votes) -> pd.DataFrame:
    """Held-out pairs: columns pair, split, q (the assembly's share), before and after."""
    a, b = shared(one.of(*HELD_OUT), two.of(*HELD_OUT))
    return pd.DataFrame({"pair": a.pair, "split": a.split, "q": a.q, "before": a.p, "after": b.p})


def price_table(base: Before, after: Before) -> pd.DataFrame:
    """Log prices of the goods before and after: columns good, before, after, change, se."""
    if base.prices is None or after.prices is None or base.goods != after.goods:
        return pd.DataFrame(columns=["good", "before", "after", "change", "se"])
    change, se = shift.difference(base.prices, after.prices)
    return pd.DataFrame(
        {
            "good": base.goods, "before": base.prices.value, "after": after.prices.value,
            "change": change, "se": se,
        }
    )  # fmt: skip


def _paired(
    one: Mapping[tuple[str, str], float], two: Mapping[tuple[str, str], float], method: str
) -> Estimate:
    """Mean change over pairs of items.

    A fit ties pairs of one item together, so two pairs that share an item count as dependent
    (Aronow, Samii and Assenova 2015, Polit. Anal. 23:564), and the variance is no less than that of
    independent pairs.
    """
    both = [key for key in one if key in two]
    change = np.array([two[key] - one[key] for key in both])
    made = mean(change, method)
    if made.freedom is None:
        return made
    items = sorted({item for pair in both for item in pair})
    holds = np.array([[item in pair for item in items] for pair in both], float)
    gap, n, g = change - change.mean(), len(change), len(items)
    tied = float(gap @ ((holds @ holds.T > 0) @ gap)) / n**2 * g / (g - 1)
    freedom = min(n, g) - 1
    variance = max(tied, float(change.var(ddof=1)) / n)
    half = float(stats.t.ppf(0.975, freedom) * np.sqrt(variance))
    return replace(made, low=made.value - half, high=made.value + half, freedom=freedom)


def _among(names: Sequence[str], kept: set[str]) -> NDArray[np.bool_]:
    return np.array([name in kept for name in names], bool)


def _value(fitted: Fitted | None) -> Array:
    return fitted.value if fitted is not None else np.empty(0)
