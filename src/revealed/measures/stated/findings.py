"""One respondent's direct answers set against its choices, judged and turned into findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding, Provenance
from .. import measurable
from ..intervals import Estimate
from . import estimates
from .estimates import Habit

PREFIX = "stated"
CLAIM = "C5"
MAJORITY = 0.5
"""A respondent denies if it states most of its revealed differences to be none."""


@dataclass(frozen=True)
class Analysis:
    """What is known of one respondent. ``why`` is empty if its direct answers can be read;
    ``pairs`` holds stated and (where there are choices) revealed differences."""

    respondent: str
    why: str
    asked: int
    pairs: pd.DataFrame
    rated: pd.DataFrame
    prices: Mapping[str, pd.DataFrame]
    habit: Habit | None = None


def analyse(
    answers: pd.DataFrame,
    questions: pd.DataFrame,
    *,
    rates: Mapping[str, pd.DataFrame],
    prices: Mapping[str, pd.DataFrame],
    barred: str = "",
) -> Analysis:
    """Judge one respondent's direct answers.

    Parameters
    ----------
    answers, questions
        Schema `ANSWERS` and the questions, of all its ``stated_*`` sets together.
    rates, prices
        By category: `exchange.rates` (all goods asked about against each other) and
        `exchange.log_prices` of its choices. Categories without choices may be absent.
    barred
        Why the respondent is not measurable in any experiment (`measurable.calibration_reason`).
    """
    respondent = str(answers["respondent"].iloc[0])
    pairs = estimates.stated_pairs(answers, questions)
    rated = estimates.ratings(answers, questions)
    why = barred or measurable.reason(answers)
    found = None
    if not why and len(pairs) < estimates.LEAST_PAIRS:
        why = f"only {len(pairs)} pairs answered in every way they were asked"
    if not why:
        found = estimates.habit(pairs)
        why = _unread(found)
    pairs = estimates.revealed_pairs(pairs, dict(rates)) if rates else pairs
    asked = measurable.asked(answers)
    return Analysis(respondent, why, asked, pairs, rated, prices, found)


def _unread(found: Habit) -> str:
    """Why answers by habit leave nothing to read; empty if enough is left."""
    if found.share <= estimates.HABIT_ALLOWED or found.low <= estimates.HABIT_CERTAIN:
        return ""
    yes = found.yes / found.share
    if yes > 0.8:
        return f"says yes to contradictory questions ({100 * found.share:.0f} % by habit)"
    if yes < 0.2:
        return f"says no to contradictory questions ({100 * found.share:.0f} % by habit)"
    return f"contradicts itself ({100 * found.share:.0f} % of its answers do not follow content)"


def findings(analysis: Analysis, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """Everything the book may say of one respondent.

    Always stated.measurable; for a respondent that can be read stated.yes_tilt, .habit, .equal,
    and where its choices are known .revealed_different, .denial, .direction, .rating_correlation
    and .rating_agreement. A quantity that is not defined (no revealed difference to deny, say) is
    left out.
    """
    a = analysis
    about: dict[str, Any] = {
        "chapter": chapter, "respondent": a.respondent, "provenance": provenance, "claim": CLAIM
    }  # fmt: skip
    made = [measurable.finding(PREFIX, why=a.why, n=a.asked, **about)]
    if a.why or a.habit is None:
        return made

    def add(name: str, e: Estimate, unit: str, null: float | None = None) -> None:
        if np.isfinite(e.value):
            family = PREFIX if null is not None else ""
            made.append(e.finding(f"{PREFIX}.{name}", unit, family=family, null=null, **about))

    add("yes_tilt", a.habit.tilt, "share of yes less share of no by habit", 0.0)
    m = len(a.pairs)
    method = "two sums of contradictory questions, Student's t over pairs"
    low, high = min(a.habit.low, a.habit.share), max(a.habit.high, a.habit.share)
    add("habit", Estimate(a.habit.share, low, high, m, method), "share of answers")
    if "different" not in a.pairs.columns:
        return made
    add("equal", estimates.stated_equal(a.pairs), "share of pairs")
    different = a.pairs["different"].to_numpy(bool)
    if m:
        told = f"{int(different.sum())} of {m} pairs; adjusted intervals that exclude zero"
        share = Estimate(float(different.mean()), None, None, m, told)
        add("revealed_different", share, "share of pairs")
        add("denial", estimates.denial(a.pairs), "share of revealed differences", MAJORITY)
        add("direction", estimates.direction(a.pairs), "share of pairs", MAJORITY)
    observed, corrected = estimates.agreement(a.rated, dict(a.prices))
    add("rating_correlation", observed, "correlation", 0.0)
    add("rating_agreement", corrected, "correlation")
    return made
