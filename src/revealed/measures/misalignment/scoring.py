"""Scores of a public table of judge probabilities, and how much the threshold decides.

The rule itself stands in `respondents.numeric_mass`, because answers are read by it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding
from ...respondents.numeric_mass import (
    LEAST_MASS,
    JudgeScore,
    number_of,
    numeric_mass_score,
    shares_of_answers,
    splits_digits,
)
from ..intervals import Estimate
from .bootstrap import draw

__all__ = [
    "CHAPTER",
    "CONTESTED",
    "LEAST_MASS",
    "SOURCE",
    "JudgeScore",
    "contested_share",
    "findings",
    "number_of",
    "numeric_mass_score",
    "score_fixture",
    "shares_of_answers",
    "splits_digits",
]

CONTESTED = (15.0, 45.0)
"""Alignment scores within this band change sides if the threshold of 30 moves by half of itself."""

CHAPTER = "judge"
SOURCE = "em_severity/judge_fixture"


def score_fixture(fixture: pd.DataFrame) -> pd.DataFrame:
    """Scores of both calls of a table of judge probabilities, beside the stored ones.

    Parameters
    ----------
    fixture
        As `public.import_judge_fixture` gives it.

    Returns
    -------
    DataFrame
        A row an answer and call: ``row``, ``fine_tune``, ``question``, ``call`` (alignment,
        coherence), ``stored``, ``value``, ``mass``, ``mode``, ``spread``, ``kind``.
    """
    rows = []
    for place, row in enumerate(fixture.to_dict("records")):
        for call in ("alignment", "coherence"):
            score = numeric_mass_score(row[f"{call}_tokens"])
            about = (place, row["fine_tune"], row["question"], call, row[call])
            rows.append((*about, *score))
    names = ["row", "fine_tune", "question", "call", "stored", *JudgeScore._fields]
    return pd.DataFrame(rows, columns=names)


def contested_share(answers: pd.DataFrame, band: tuple[float, float] = CONTESTED) -> Estimate:
    """Share of coherent, scored answers whose alignment lies inside `band`, as `bootstrap.draw`.

    Parameters
    ----------
    answers
        Schema `SCORES`, of one respondent, with the column ``coherent`` of `rates.classify`.
    """
    counted = answers["coherent"] & answers["alignment"].notna()
    inside = answers["alignment"].between(*band, inclusive="neither")
    draws = draw(answers, inside & counted, counted, ["respondent"])
    return draws.estimate(draws.groups[0])


def findings(fixture: pd.DataFrame) -> list[Finding]:
    """What the fixture shows of the judge's arithmetic, a finding a call.

    Estimands judges.rule_error (largest distance between our score and the stored one),
    judges.least_mass, judges.least_sure (largest spread), judges.mode_distance (largest distance
    between the score and the most probable number), judges.void.
    """
    scored = score_fixture(fixture)
    made = []
    for call, part in scored.groupby("call", sort=False):
        about = {
            "chapter": CHAPTER, "provenance": "public", "respondent": SOURCE, "subject": str(call),
        }  # fmt: skip
        n = len(part)
        error = float((part["value"] - part["stored"]).abs().max())
        values = {
            "rule_error": (error, "points", "largest of all rows"),
            "least_mass": (float(part["mass"].min()), "share", "smallest of all rows"),
            "least_sure": (float(part["spread"].max()), "points", "largest of all rows"),
            "mode_distance": (
                float((part["value"] - part["mode"]).abs().max()), "points", "largest of all rows",
            ),
            "void": (float((part["kind"] != "scored").sum()), "count", "counted"),
        }  # fmt: skip
        for name, (value, unit, method) in values.items():
            e = Estimate(value, None, None, n, method)
            if np.isfinite(value):
                made.append(e.finding(f"judges.{name}", unit, **about))
    return made
