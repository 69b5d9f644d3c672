"""Seventy-five models and humans on the Moral Machine, as respondents with nine utilities each.

An attribute's published effect is what a respondent leans towards; nine of them are few, so the
intervals are wide and there are no categories. A habit of naming one place gives effects too, and
respondents that share it agree: they are told apart before anything is concluded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding
from ..intervals import weighted_correlation
from ..moral_machine_models import (
    POSITION_LIKE,
    distances,
    effect_matrix,
    human_effects,
    respondent_name,
)
from .findings import CHAPTER, group_findings
from .pairs import jackknife

HUMANS = "awad2018/humans"
INSTRUMENT = "moral_machine"


def moral_matrix(effects: pd.DataFrame) -> pd.DataFrame:
    """Effects with a row an attribute and a column a respondent, humans the last of them."""
    matrix = effect_matrix(effects).T
    matrix.columns = [respondent_name(model) for model in matrix.columns]
    return matrix.assign(**{HUMANS: human_effects(effects)[matrix.index]})


def habits(effects: pd.DataFrame, position: pd.Series) -> list[str]:
    """Models whose effects point where always naming one case points (respondents' names)."""
    table = distances(effects, position)
    like = table["position_similarity"].abs() >= POSITION_LIKE
    return [respondent_name(model) for model in table.loc[like, "model"]]


def with_humans(matrix: pd.DataFrame) -> pd.DataFrame:
    """Correlation of every model's effects with the human ones: respondent, estimate, low, high."""
    human = matrix[HUMANS].to_numpy(float)
    rows = []
    for name in matrix.columns.drop(HUMANS):
        own = matrix[name].to_numpy(float)
        value, low, high = jackknife(
            lambda w, own=own: weighted_correlation(own, human, w),  # type: ignore[misc]
            np.arange(len(human)),
            "fisher",
        )
        rows.append((name, value, low, high))
    return pd.DataFrame(rows, columns=["respondent", "estimate", "low", "high"])


def moral_findings(
    effects: pd.DataFrame, position: pd.Series | None, *, chapter: str = CHAPTER
) -> list[Finding]:
    """Findings of the Moral Machine's effects: every model with humans, and what all share.

    Parameters
    ----------
    effects
        `respondents.public.import_moral_machine_effects`.
    position
        Effects of always naming one case (`moral_machine.position_only`); with it the group
        findings stand twice, the second time without models of that habit.
    """
    matrix = moral_matrix(effects)
    about: dict[str, Any] = {
        "chapter": chapter, "instrument": INSTRUMENT, "provenance": "public", "claim": "C4",
        "unit": "correlation", "n": len(matrix),
    }  # fmt: skip
    made = [
        Finding(
            "convergence.with_humans", respondent=row.respondent, estimate=row.estimate,
            low=row.low, high=row.high, subject=HUMANS,
            method="Pearson over nine effects, jackknife of attributes on Fisher's z", **about,
        )
        for row in with_humans(matrix).itertuples()
    ]  # fmt: skip
    by_model = effects.drop_duplicates("model").set_index("model")["family"]
    family = {respondent_name(str(model)): str(name) for model, name in by_model.items()}
    groups = {"takemoto2026/all": list(family)}
    if position is not None:
        like = set(habits(effects, position))
        groups["takemoto2026/without habit of place"] = [n for n in family if n not in like]
    for name, members in groups.items():
        made += group_findings(
            matrix[members], name=name, instrument=INSTRUMENT, provenance="public", family=family,
            chapter=chapter,
        )  # fmt: skip
    return made
