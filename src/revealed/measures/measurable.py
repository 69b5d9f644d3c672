"""Whether a respondent's answers to an experiment can be counted at all.

A respondent that refuses, has no preference, or cannot be read is *not measurable* in that
experiment: the reason is a finding, and no number is made of what is left. Indifference is
measurable: it is the answer of a respondent that chooses and chooses evenly.
"""

from __future__ import annotations

import pandas as pd

from ..foundation.schemas import Finding, Provenance
from .order import CALIBRATION_NEEDED, OTHERWISE, calibration_accuracy, unanswered

ANSWERS_NEEDED = 20
"""Below so many answers nothing is estimated."""


def reason(answers: pd.DataFrame) -> str:
    """Why these answers cannot be counted; empty if they can.

    Parameters
    ----------
    answers
        Choices (schema `CHOICES`) or answers to questions (schema `ANSWERS`) of one respondent.
    """
    counts = _counts(answers)
    asked = sum(counts.values())
    if not asked:
        return "was not asked"
    if why := unanswered(counts):
        return why
    answered = counts["answered"]
    if answered < ANSWERS_NEEDED:
        return f"only {answered:.0f} answers can be counted, {ANSWERS_NEEDED} are needed"
    return ""


def calibration_reason(calibration: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Why a respondent's answers to trivial pairs bar it from every experiment; empty if not.

    Parameters
    ----------
    calibration, pairs
        As in `order.calibration_accuracy`.
    """
    if why := reason(calibration):
        return f"calibration: {why}"
    right = calibration_accuracy(calibration, pairs).value
    if right >= CALIBRATION_NEEDED:
        return ""
    needed = f"{100 * CALIBRATION_NEEDED:.0f} % are needed"
    return f"calibration: {100 * right:.0f} % of trivial pairs right, {needed}"


def finding(
    prefix: str,
    respondent: str,
    why: str,
    *,
    chapter: str,
    provenance: Provenance,
    n: int,
    instrument: str = "",
    arm: str = "",
    claim: str = "",
) -> Finding:
    """The verdict as a finding, ``<prefix>.measurable``: 1, or 0 with the reason as its note.

    `n` counts the answers that the verdict rests on.
    """
    return Finding(
        estimand=f"{prefix}.measurable", chapter=chapter, respondent=respondent,
        estimate=0.0 if why else 1.0, low=None, high=None, unit="1 or 0", n=n,
        method="share of legible answers and calibration", provenance=provenance, claim=claim,
        instrument=instrument, arm=arm, note=why,
    )  # fmt: skip


def asked(answers: pd.DataFrame) -> int:
    """How many answers were asked for, whatever became of them."""
    return round(sum(_counts(answers).values()))


def _counts(answers: pd.DataFrame) -> dict[str, float]:
    """Answers by what became of them: answered, neutral, refused, unparsed, failed."""
    if "kind" in answers.columns:
        found = answers["kind"].value_counts()
        return {kind: float(found.get(kind, 0)) for kind in ("answered", *OTHERWISE)}
    answered = float(answers["n_first"].sum() + answers["n_second"].sum())
    return {"answered": answered, **{kind: float(answers[f"n_{kind}"].sum()) for kind in OTHERWISE}}
