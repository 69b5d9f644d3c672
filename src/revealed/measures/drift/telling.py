"""The numbers that the chapter's first screen tells: extremes, and what deals come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding, Provenance
from ..intervals import binomial_interval
from ..multiplicity import adjust
from .dealing import CHAPTER, Dealt
from .releases import EFFECT, HALVES, STEP, WHOLE

WANTED = 0.8
"""A drift counts as found where so large a share of deals shows it."""


def extreme(found: pd.DataFrame, alias: str, which: str) -> Any:
    """The step of a name that moved ``least`` or ``most`` (a row of `found`); None without any."""
    rows = found[(found["estimand"] == STEP) & (found["respondent"] == alias)]
    rows = rows[rows["note"] != WHOLE]
    if rows.empty:
        return None
    return rows.loc[rows["estimate"].idxmin() if which == "least" else rows["estimate"].idxmax()]


def whole(found: pd.DataFrame, alias: str) -> Any:
    """From a name's first version to its last (a row of `found`); None where there is none."""
    rows = found[(found["estimand"] == STEP) & (found["respondent"] == alias)]
    rows = rows[rows["note"] == WHOLE]
    return rows.iloc[0] if len(rows) else None


def between(found: pd.DataFrame, estimand: str, after: str, before: str | None = None) -> Any:
    """A finding between two models, or between halves of one's runs; None where there is none."""
    subject = HALVES if before is None else f"since {before}"
    rows = found[(found["estimand"] == estimand) & (found["respondent"] == after)]
    rows = rows[rows["subject"] == subject]
    return rows.iloc[0] if len(rows) else None


def changed(found: pd.DataFrame, alias: str) -> tuple[int | None, int | None]:
    """How many effects of a name changed after Holm, of how many; None without any."""
    mine = found[(found["estimand"] == EFFECT) & (found["respondent"] == alias)]
    if mine.empty:
        return None, None
    tried = adjust(mine)
    return int(tried["stands"].sum()), len(tried)


def rates(dealt: Sequence[Dealt], provenance: Mapping[str, Provenance]) -> list[Finding]:
    """Findings drift.false_alarms and drift.smallest.

    The first is over all deals in which nothing differs, by provenance. The second is the smallest
    drift that is called in four of five deals, by respondent and topic, between those that were
    dealt; its interval is where the exact bounds of the shares reach that.
    """
    made: list[Finding] = []
    for kind in dict.fromkeys(provenance[d.respondent] for d in dealt):
        still = [d for d in dealt if d.share == 0 and provenance[d.respondent] == kind]
        called, deals = sum(d.called for d in still), sum(d.deals for d in still)
        if deals:
            low, high = binomial_interval(called, deals)
            made.append(
                Finding(
                    "drift.false_alarms", CHAPTER,
                    "simulated/all" if kind == "simulated" else "all", called / deals, low, high,
                    "share of deals", deals, "answers dealt anew, exact binomial, n counts deals",
                    kind,
                )
            )  # fmt: skip
    for who, topic in dict.fromkeys((d.respondent, d.topic) for d in dealt if d.share > 0):
        own = sorted(
            (d for d in dealt if (d.respondent, d.topic) == (who, topic)), key=lambda d: d.true
        )
        bounds = [binomial_interval(d.called, d.deals) for d in own]
        true = [d.true for d in own]
        value = _reaches(true, [d.called / d.deals for d in own])
        low, high = (_reaches(true, [b[k] for b in bounds]) for k in (1, 0))
        made.append(
            Finding(
                "drift.smallest", CHAPTER, who, value, low, high, "probability",
                sum(d.deals for d in own), "called in four of five deals, between those dealt",
                provenance[who], subject=topic,
            )
        )  # fmt: skip
    return made


def _reaches(true: Sequence[float], shares: Sequence[float]) -> float:
    """Where a rising curve first reaches `WANTED`; infinite where it never does."""
    rising = np.maximum.accumulate(np.asarray(shares, float))
    if rising[-1] < WANTED:
        return float("inf")
    k = int(np.argmax(rising >= WANTED))
    if k == 0:
        return float(true[0])
    part = (WANTED - rising[k - 1]) / (rising[k] - rising[k - 1])
    return float(true[k - 1] + part * (true[k] - true[k - 1]))
