"""Findings on controls: of a base, and of what a control made of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...foundation.schemas import Finding, Provenance
from .. import measurable
from ..intervals import Estimate
from ..politics import axes
from .agreement import Agreement
from .analysis import Analysis, Before

STEERED, REACHED = "C10", "C12"
"""The claims that agreement and reach bear on."""
_PROBABILITY = "probability"


def base_findings(found: Before, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """One asking by itself: control.agreement, control.accuracy (by split), control.bias and
    control.left_right. Of a respondent that is not measurable, none."""
    if found.why:
        return []
    made: list[Finding] = []
    about = _about(found.answers.respondent, chapter, provenance)
    for split, agreed in found.agreement.items():
        _agreement(made, agreed, "", split, about)
    _add(made, "bias", found.bias, _PROBABILITY, about, subject="held out")
    if found.sides is not None:
        value, low, high = axes.jackknife(found.sides, axes.slopes)
        score = Estimate(
            float(value[0]), float(low[0]), float(high[0]), len(found.sides.items),
            "slope on lean within areas, jackknife over areas",
        )  # fmt: skip
        _add(made, "left_right", score, "probit units", about)
    return made


def findings(analysis: Analysis, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """A control as findings, under the controlled respondent's name.

    Estimands control.measurable; control.agreement_gain and control.accuracy_gain (by split);
    control.bias_reduction; control.political_shift; control.moved (subjects politics, lives,
    outcomes, elsewhere) and control.moved_square, which is what is tested; control.price_shift;
    control.reach; control.coherence_change and control.calibration_change. Of a respondent that is
    not measurable, the first alone.
    """
    a = analysis
    about = _about(a.respondent, chapter, provenance)
    made = [
        measurable.finding(
            "control", a.respondent, a.why, chapter=chapter, provenance=provenance, n=a.asked,
            claim=STEERED,
        )
    ]  # fmt: skip
    if a.why:
        return made
    for split, risen in a.gain.items():
        _agreement(made, risen, "_gain", split, about)
    tested = {"family": "control.bias_reduction", "null": 0.0}
    _add(made, "bias_reduction", a.bias_reduction, _PROBABILITY, about, **tested)
    _add(made, "political_shift", a.political_shift, "probit units", about,
         family="control.political_shift", null=0.0)  # fmt: skip
    note = "" if a.has_retest else "no retest: asking again is taken to move nothing"
    reaching = {**about, "claim": REACHED}
    for what, moved in a.moved.items():
        if np.isfinite(moved.square):
            _add(made, "moved", moved.estimate, _PROBABILITY, reaching, subject=what, note=note)
            # Holm's procedure reads a symmetric interval: that of the square.
            _add(made, "moved_square", moved.squared, "squared probability", reaching, subject=what,
                 note=note, family=f"control.moved, {what}", null=0.0)  # fmt: skip
    if a.prices_moved is not None:
        _add(made, "price_shift", a.prices_moved.estimate, "log units", reaching, note=note)
    _add(made, "reach", a.reach, "share", reaching, note=note)
    for what, change in (("coherence", a.coherence), ("calibration", a.calibration)):
        name = f"{what}_change"
        _add(made, name, change, "share", about, family=f"control.{name}", null=0.0)
    return made


def _about(respondent: str, chapter: str, provenance: Provenance) -> dict[str, Any]:
    return {
        "respondent": respondent, "chapter": chapter, "provenance": provenance, "claim": STEERED,
        "arm": "forced",
    }  # fmt: skip


def _agreement(
    made: list[Finding], agreed: Agreement, what: str, split: str, about: dict[str, Any]
) -> None:
    for name, estimate in (("agreement", agreed.soft), ("accuracy", agreed.accuracy)):
        tested = {"family": f"control.{name}{what}", "null": 0.0} if what else {}
        _add(made, f"{name}{what}", estimate, "share", about, subject=split, **tested)


def _add(
    made: list[Finding], estimand: str, e: Estimate | None, unit: str, about: dict[str, Any],
    **more: Any,
) -> None:  # fmt: skip
    if e is not None and not np.isnan(e.value):
        made.append(e.finding(f"control.{estimand}", unit, **{**about, **more}))
