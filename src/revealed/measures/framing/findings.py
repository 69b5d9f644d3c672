"""Everything that framing does to one respondent, as findings (estimands ``framing.*``)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from ...instruments import load_arm
from ...utilities.comparisons import order_told
from ...utilities.curve_model import Array
from .. import measurable
from ..intervals import Estimate, share
from .cells import BASE, Cell, fit_cells, group_of, log_rate, one_step
from .components import components, shared, tabulate
from .spread import Pooled, factor, kept, moved, rate_over_framings

HEADLINES: tuple[tuple[str, str], ...] = (
    ("Nigeria", "United States"),
    ("India", "United States"),
    ("China", "United States"),
    ("Japan", "United States"),
    ("Brazil", "United States"),
    ("Germany", "United States"),
    ("Brazil", "Italy"),
)
"""The rates of the chapter on exchange that are restated over framings."""
FAMILY = "framing.moved"
EQUAL_FAMILY = "framing.n_against_n"


@dataclass(frozen=True)
class Battery:
    """One respondent's answers to the battery, fitted.

    ``cells`` are arms fitted by themselves (rates of one arm), ``steps`` the same arms one step
    from their common fit (spread over arms); ``barred`` says why an arm is in neither.
    """

    choices: Mapping[str, pd.DataFrame]
    items: pd.DataFrame
    pairs: pd.DataFrame
    cells: Mapping[str, Cell]
    steps: Mapping[str, Cell]
    barred: Mapping[str, str]

    @property
    def why(self) -> str:
        """Why nothing can be said of this respondent; empty if something can."""
        if len(self.steps) > 1:
            return ""
        reasons = list(self.barred.values())
        return max(reasons, key=reasons.count) if reasons else "was asked in one framing only"

    @property
    def moves(self) -> dict[str, Pooled]:
        """`spread.moved` of this battery."""
        return moved(self.steps) if len(self.steps) > 1 else {}


def battery(
    choices: Mapping[str, pd.DataFrame], items: pd.DataFrame, pairs: pd.DataFrame
) -> Battery:
    """Fit a respondent's choices by arm; see `Battery`.

    What framing moves is told apart from the place in the list by both orders of a pair, so an arm
    in which nobody knows the order is barred.
    """
    told = {arm: table for arm, table in choices.items() if order_told(table)}
    untold = dict.fromkeys(set(choices) - set(told), "which option was listed first is not known")
    cells, barred = fit_cells(told, items)
    steps, also = one_step(told, items)
    return Battery(choices, items, pairs, cells, steps, barred | also | untold)


def answer_components(made: Battery) -> dict[str, Estimate]:
    """`components.components` of the arms in which single answers are choices."""
    usable = _single(made)
    if len(usable) < 2:
        return {}
    return components(*tabulate(usable, made.pairs))


def _single(made: Battery) -> dict[str, pd.DataFrame]:
    return {
        arm: table
        for arm, table in made.choices.items()
        if arm in made.steps and load_arm(arm).response == "choice"
    }


def n_against_n(made: Battery) -> dict[str, Estimate]:
    """How often each good is chosen at equal quantities, with framings as the draws.

    In every arm the share of answers for a good is the mean over its pairs of the block ``equal``,
    both orders weighing the same; the interval is Student's over arms, so it holds what framing
    moves and what chance does. A good's variance over arms is its own or the mean over goods,
    whichever is larger. No curve and no slope enter.
    """
    equal = (made.pairs["block"] == "equal").to_numpy()
    usable = {arm: table for arm, table in made.choices.items() if arm in made.steps}
    if len(usable) < 3:
        return {}
    answers, _ = tabulate(usable, made.pairs)
    content = answers.mean(axis=2)[:, equal]
    pairs = made.pairs[equal]
    shares: dict[str, Array] = {}
    for good in dict.fromkeys([*pairs["good"], *pairs["per"]]):
        sign = np.where(pairs["good"] == good, 1.0, np.where(pairs["per"] == good, -1.0, np.nan))
        known = np.isfinite(content * sign)
        total = np.where(known, content * sign, 0.0).sum(axis=1)
        own = 0.5 + total[known.any(axis=1)] / known.sum(axis=1)[known.any(axis=1)]
        if len(own) > 2:
            shares[good] = own
    if not shares:
        return {}
    # A spread of few framings is too small as often as not, and of many goods some would then look
    # unequal; it is taken to be at least what it is over all goods.
    common = float(np.mean([own.var(ddof=1) for own in shares.values()]))
    found = {}
    for good, own in shares.items():
        k = len(own)
        se = math.sqrt(max(common, float(own.var(ddof=1))) / k)
        freedom = (k - 1) * len(shares)
        half = float(stats.t.isf(0.025, freedom)) * se
        value = float(own.mean())
        found[good] = Estimate(
            value,
            value - half,
            value + half,
            k,
            "mean over framings, Student over framings",
            freedom=freedom,
        )
    return found


def neutral_share(table: pd.DataFrame) -> Estimate:
    """Share of answers that say there is no preference, pairs as clusters."""
    kinds = [name for name in table.columns if name.startswith("n_")]
    sums = _by_pair(table)
    return share(sums["n_neutral"].to_numpy(), sums[kinds].sum(axis=1).to_numpy())


def first_share(table: pd.DataFrame) -> Estimate:
    """Share of choices that fall on the option listed first, pairs as clusters."""
    sums = _by_pair(table)
    return share(sums["n_first"].to_numpy(), (sums["n_first"] + sums["n_second"]).to_numpy())


def label_effect(one: pd.DataFrame, other: pd.DataFrame) -> Estimate:
    """How much more often the first place is chosen in `one` than in `other`, pair by pair."""
    shares = []
    for table in (one, other):
        sums = _by_pair(table)
        shares.append(sums["n_first"] / (sums["n_first"] + sums["n_second"]))
    gap = (shares[0] - shares[1]).dropna().to_numpy(float)
    m, method = len(gap), "difference, paired over pairs"
    if m < 3:
        return Estimate(np.nan, None, None, m, method, "too few answers")
    half = float(stats.t.isf(0.025, m - 1)) * float(gap.std(ddof=1)) / math.sqrt(m)
    value = float(gap.mean())
    return Estimate(value, value - half, value + half, m, method)


def _by_pair(table: pd.DataFrame) -> pd.DataFrame:
    """Counts of both orders of a pair together, a row a pair."""
    pair = [" ".join(sorted(two)) for two in zip(table["first"], table["second"], strict=True)]
    kinds = [name for name in table.columns if name.startswith("n_")]
    return table.groupby(pd.Index(pair, name="pair"))[kinds].sum()


def findings(
    made: Battery,
    respondent: str,
    *,
    provenance: Provenance,
    calibration: str = "",
    headlines: Sequence[tuple[str, str]] = HEADLINES,
    chapter: str = "framing",
    claim: str = "C11",
) -> list[Finding]:
    """All findings about one respondent.

    Parameters
    ----------
    calibration
        Why the respondent is barred from every experiment (`measurable.calibration_reason`).

    Estimands framing.measurable; and, where it is measurable: framing.moved (share of an answer's
    variance that a new framing changes) and framing.component (subject the component);
    framing.factor (subject the kind of framing); framing.rate (an arm each), framing.rate_mean and
    framing.rate_range (over framings), framing.kept (an arm each); framing.neutral_share;
    framing.first_share (an arm each) and framing.label_effect; framing.n_against_n (subject the
    good).
    """
    about: dict[str, Any] = {
        "respondent": respondent, "chapter": chapter, "provenance": provenance, "claim": claim,
        "instrument": "framing",
    }  # fmt: skip
    why = calibration or made.why
    asked = sum(measurable.asked(table) for table in made.choices.values())
    found = [
        measurable.finding(
            "framing", respondent, why, chapter=chapter, provenance=provenance, claim=claim,
            instrument="framing", n=asked,
        )
    ]  # fmt: skip
    neutral = {
        arm: table for arm, table in made.choices.items() if load_arm(arm).neutral is not None
    }
    if not calibration:
        for arm, table in neutral.items():
            e = neutral_share(table)
            if np.isfinite(e.value):
                found.append(
                    e.finding("framing.neutral_share", "share of answers", arm=arm, **about)
                )
    if why:
        return found
    for name, e in answer_components(made).items():
        if name == "moved":
            unit = "share of variance"
            found.append(e.finding(FAMILY, unit, family=FAMILY, null=0.0, **about))
        else:
            found.append(e.finding("framing.component", "share of variance", subject=name, **about))
    for name, pooled in made.moves.items():
        found.append(factor(pooled).finding("framing.factor", "times", subject=name, **about))
    found += _rates(made, headlines, about)
    base = {arm: cell for arm, cell in made.steps.items() if group_of(arm) == BASE}
    for arm, cell in made.cells.items():
        others = [step for name, step in base.items() if name != arm]
        left = kept(cell, others) if len(others) > 1 else None
        if left is not None:
            found.append(left.finding("framing.kept", "share of log prices", arm=arm, **about))
        e = first_share(made.choices[arm])
        found.append(e.finding("framing.first_share", "share of answers", arm=arm, **about))
    for arm in ("labels_12", "labels_xy"):
        if arm in made.steps and "forced" in made.steps:
            e = label_effect(made.choices[arm], made.choices["forced"])
            if np.isfinite(e.value):
                found.append(
                    e.finding("framing.label_effect", "difference of shares", arm=arm, **about)
                )
    for good, e in n_against_n(made).items():
        found.append(
            e.finding(
                EQUAL_FAMILY, "share of answers", subject=good, family=EQUAL_FAMILY, null=0.5,
                **about,
            )
        )  # fmt: skip
    return found


def _rates(
    made: Battery, headlines: Sequence[tuple[str, str]], about: Mapping[str, Any]
) -> list[Finding]:
    found = []
    steps = list(made.steps.values())
    for good, per in headlines:
        if not {good, per} <= set(steps[0].goods):
            continue
        told = {"subject": f"{good} per {per}", **about}
        unit = f"units of {per}"
        for arm, cell in made.cells.items():
            e = _factors(log_rate(cell, good, per))
            if e.low is not None:
                found.append(e.finding("framing.rate", unit, arm=arm, **told))
        if len(steps) > 2:
            mean, over = rate_over_framings(steps, good, per)
            found.append(_factors(mean).finding("framing.rate_mean", unit, **told))
            found.append(_factors(over).finding("framing.rate_range", unit, **told))
    return found


def _factors(e: Estimate) -> Estimate:
    """An estimate on the log scale as factors."""
    low, high = (None if end is None else math.exp(min(end, 700.0)) for end in (e.low, e.high))
    return Estimate(math.exp(min(e.value, 700.0)), low, high, e.n, e.method, e.note)


def shared_findings(
    batteries: Mapping[str, Battery], *, provenance: Provenance, chapter: str = "framing"
) -> list[Finding]:
    """What respondents share of the content of their answers, and what is each one's own.

    Estimand framing.component, subjects shared and respondent, over the `batteries` that can be
    measured; nothing where there are fewer than two.
    """
    answers = {}
    for name, made in batteries.items():
        usable = _single(made)
        if len(usable) > 1:
            answers[name] = tabulate(usable, made.pairs)
    try:
        parts = shared(answers)
    except DataError:
        return []
    return [
        e.finding(
            "framing.component", "share of variance", subject=name, chapter=chapter,
            respondent=f"{len(answers)} {provenance} respondents", provenance=provenance,
            claim="C11", instrument="framing",
        )
        for name, e in parts.items()
    ]  # fmt: skip
