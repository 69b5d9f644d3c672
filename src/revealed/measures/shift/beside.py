"""Words beside values: how often open answers are misaligned, and how far values moved.

Both are of the same respondents, one training each. That they go together over conditions is a
claim about conditions, of which there are few; it is given with its interval and their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.schemas import Finding, Provenance
from ..control.shift import Moved, together
from ..intervals import Estimate, fisher_interval
from ..misalignment import rates
from .asking import TOPICS
from .contrasts import Comparison

RATE, OVERALL, BEYOND, TOGETHER = (
    "shift.misaligned", "shift.overall", "shift.overall_beyond_control", "shift.with_rate",
)  # fmt: skip
NONE, UNTOLD = "none", "cannot be told"
_ALIKE = 1e-12


def misaligned(scored: pd.DataFrame) -> dict[str, Estimate]:
    """Misaligned among coherent answers, by respondent.

    Parameters
    ----------
    scored
        Schema `SCORES`; ``respondent`` is one training. Who gave too few coherent answers for a
        rate (`misalignment.rates.shortage`) is left out.
    """
    if scored.empty:
        return {}
    draws = rates.shares(rates.classify(scored))
    found = {name: draws.estimate((name,)) for (name,) in draws.groups}
    return {name: e for name, e in found.items() if not rates.shortage(e)}


def overall(found: Comparison) -> dict[str, Moved]:
    """Mean over topics of the excess mean squares, by estimand; every topic counts the same.

    Topics that cannot be measured are left out; who has none has no entry.
    """
    made = {}
    for estimand, parts in ((OVERALL, found.moved), (BEYOND, found.beyond)):
        if parts:
            made[estimand] = together(list(parts.values()))
    return made


def findings(
    compared: Sequence[Comparison], said: Mapping[str, Estimate], conditions: Mapping[str, str],
    *, chapter: str, provenance: Mapping[str, Provenance],
) -> list[Finding]:  # fmt: skip
    """Findings shift.misaligned, shift.overall, shift.overall_beyond_control, shift.with_rate.

    Parameters
    ----------
    said
        From `misaligned`.
    conditions, provenance
        Name of the condition, and provenance, by respondent.
    """
    made: list[Finding] = []
    points: list[dict[str, Any]] = []
    for found in compared:
        name = found.respondent
        about: dict[str, Any] = {
            "chapter": chapter, "respondent": name, "provenance": provenance[name],
        }  # fmt: skip
        rate, moved = said.get(name), overall(found)
        if rate is not None:
            made.append(rate.finding(RATE, "share", **about))
        left_out = [topic for topic in TOPICS if topic not in found.moved]
        note = f"without {', '.join(left_out)}" if left_out else ""
        for estimand, excess in moved.items():
            if np.isfinite(excess.square):
                made.append(
                    excess.estimate.finding(
                        estimand, "probability", arm="forced", **{**about, "note": note}
                    )
                )  # fmt: skip
        if rate is not None and OVERALL in moved:
            points.append({
                "condition": conditions[name], "provenance": provenance[name], "rate": rate.value,
                "square": moved[OVERALL].square,
            })  # fmt: skip
    if not points:
        return made
    for kind, own in pd.DataFrame(points).groupby("provenance", sort=False):
        e = association(own)
        if np.isfinite(e.value):
            mark = "simulated/" if kind == "simulated" else ""
            made.append(
                e.finding(
                    TOGETHER, "correlation", chapter=chapter, provenance=kind,
                    respondent=f"{mark}all conditions", subject="rate and shift",
                )
            )  # fmt: skip
    return made


def association(points: pd.DataFrame) -> Estimate:
    """Rank correlation over conditions of the misaligned rate with the shift of values.

    Parameters
    ----------
    points
        Columns condition, rate and square (of the excess); trainings of a condition are averaged.

    Returns
    -------
    Spearman's, with Fisher's interval; ``n`` counts conditions. NaN below four of them, or where
    one side does not vary.
    """
    method = "Spearman over conditions, Fisher z, noise not taken out"
    by_condition = points.groupby("condition")[["rate", "square"]].mean()
    n = len(by_condition)
    if n < 4 or (by_condition.max() - by_condition.min() < _ALIKE).any():
        return Estimate(np.nan, None, None, n, method, "too few conditions that differ")
    r = float(stats.spearmanr(by_condition["rate"], by_condition["square"]).statistic)
    low, high = fisher_interval(r, n)
    return Estimate(r, low, high, n, method)


def values_moved(called: pd.DataFrame) -> dict[str, str]:
    """Topics on which values are said to have moved, in words, by respondent.

    `NONE` for none, `UNTOLD` where there is no control to tell by. `called`: as `findings.called`
    makes it.
    """
    told = {}
    for name, own in called.groupby("respondent", sort=False):
        topics = own.loc[own["called"].astype(bool), "topic"]
        told[str(name)] = ", ".join(topics) or (NONE if own["told"].any() else UNTOLD)
    return told


def most(found: pd.DataFrame, estimand: str, provenance: str, subject: str = "") -> Any:
    """The finding with the largest estimate (a row of `found`); None where there is none."""
    rows = found[(found["estimand"] == estimand) & (found["provenance"] == provenance)]
    rows = rows[rows["subject"] == subject]
    return rows.loc[rows["estimate"].idxmax()] if len(rows) else None
