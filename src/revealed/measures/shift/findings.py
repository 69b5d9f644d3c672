"""Findings on shifts: of what a plan can see, of a base asked again, and of each condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding, Provenance
from ..control.shift import Moved
from ..measurable import finding as verdict
from ..multiplicity import adjust
from .asking import TOPICS
from .contrasts import NO_CONTROL, Comparison, Signed
from .power import Power

_PROBABILITY = "probability"
_SQUARE = "probability squared"
_SINGLE = {"self_price": "log units", "left_right": "probit units"}


def power_findings(found: Mapping[str, Power], *, base: str, chapter: str) -> list[Finding]:
    """What a base's plan can show: shift.smallest by topic, simulated: it rests on drawn runs."""
    return [
        Finding(
            estimand="shift.smallest", chapter=chapter, respondent=base, subject=name,
            estimate=power.smallest, low=None, high=None, unit=_PROBABILITY, n=power.answers,
            method="noise of the planned answers, 80 % power at Holm's first step",
            provenance="simulated", arm="forced",
            note=f"found in {100 * power.checked:.0f} % of simulated runs; {power.tests} tests",
        )
        for name, power in found.items()
        if np.isfinite(power.smallest)
    ]  # fmt: skip


def floor_findings(
    base: str, found: Mapping[str, Moved], *, chapter: str, provenance: Provenance
) -> list[Finding]:
    """A base asked again: shift.floor by topic, what this moves beyond sampling noise."""
    about = {"chapter": chapter, "provenance": provenance, "respondent": base, "arm": "forced"}
    return [
        moved.estimate.finding("shift.floor", _PROBABILITY, subject=name, **about)
        for name, moved in found.items()
    ]


def findings(compared: Comparison, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """A condition as findings, under its own name.

    Estimands shift.measurable (by topic); how it answers: shift.order_effect (by topic),
    shift.neutral, shift.refused; what it values: shift.moved (by topic; root of the excess) with
    shift.moved_square, which is what is tested; shift.price (by good), shift.self_price,
    shift.left_right; shift.correlation and shift.slope (utilities beside the base's). Each but the
    last two also as ``..._beyond_control``, where there is a control. Families are by estimand;
    topics that cannot be measured have their verdict alone.
    """
    c = compared
    made: list[Finding] = []
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "respondent": c.respondent, "arm": "forced",
    }  # fmt: skip
    for name in TOPICS:
        told = verdict(
            "shift", c.respondent, c.why[name], chapter=chapter, provenance=provenance,
            n=c.asked.get(name, 0), arm="forced",
        )  # fmt: skip
        made.append(replace(told, subject=name))
    for name, changed in c.order.items():
        _signed(made, "order_effect", changed, "probit units", about, name)
    for kind, changed in c.silent.items():
        _signed(made, kind, changed, "share", {**about, "arm": "neutral"})
    note = "" if c.has_control else NO_CONTROL
    for suffix, excess in (("", c.moved), ("_beyond_control", c.beyond)):
        for name, moved in excess.items():
            _moved(made, f"moved{suffix}", moved, {**about, "note": note}, name)
    for good, changed in c.prices.items():
        _signed(made, "price", changed, "log units", about, good)
    for name, changed in c.single.items():
        _signed(made, name, changed, _SINGLE[name], about)
    for what, found in (("correlation", c.same), ("slope", c.slope)):
        for name, estimate in found.items():
            if np.isfinite(estimate.value):
                unit = "correlation" if what == "correlation" else "ratio of units"
                made.append(estimate.finding(f"shift.{what}", unit, subject=name, **about))
    return made


def _moved(made: list[Finding], what: str, moved: Moved, about: dict[str, Any], name: str) -> None:
    made.append(moved.estimate.finding(f"shift.{what}", _PROBABILITY, subject=name, **about))
    # Holm's procedure reads a symmetric interval: that of the square.
    made.append(
        moved.squared.finding(
            f"shift.{what}_square", _SQUARE, subject=name, family=f"shift.{what}", null=0.0,
            **about,
        )
    )  # fmt: skip


def _signed(
    made: list[Finding], what: str, changed: Signed, unit: str, about: dict[str, Any],
    subject: str = "",
) -> None:  # fmt: skip
    for suffix, estimate in (("", changed.floor), ("_beyond_control", changed.control)):
        if estimate is None or not np.isfinite(estimate.value):
            continue
        name = f"shift.{what}{suffix}"
        made.append(
            estimate.finding(name, unit, subject=subject, family=name, null=0.0, **about)
        )  # fmt: skip


def called(found: pd.DataFrame) -> pd.DataFrame:
    """Which values are said to have moved: beyond asking again and beyond the control, after Holm.

    Parameters
    ----------
    found
        All findings of the chapter, a row a finding: families are counted over all of them.

    Returns
    -------
    A row a condition and topic: respondent, topic, moved, beyond (whether each stands, and
    upwards), called (both), told (whether a control could tell; without one nothing is called),
    provenance.
    """
    squares = found[found["estimand"].isin(["shift.moved_square", _BEYOND])]
    columns = ["respondent", "topic", "moved", "beyond", "called", "told", "provenance"]
    if squares.empty:
        return pd.DataFrame(columns=columns).astype(dict.fromkeys(columns[2:6], bool))
    tried = adjust(squares)
    tried["seen"] = tried["stands"].astype(bool) & (tried["estimate"] > 0)
    wide = tried.pivot_table(
        index=["respondent", "subject", "provenance"], columns="estimand", values="seen",
        aggfunc="first", sort=False,
    ).reset_index()  # fmt: skip
    beyond = wide[_BEYOND] if _BEYOND in wide else pd.Series(np.nan, index=wide.index)
    wide = wide.assign(
        topic=wide["subject"], moved=wide["shift.moved_square"].eq(True), beyond=beyond.eq(True),
        told=beyond.notna(),
    )  # fmt: skip
    return wide.assign(called=wide["moved"] & wide["beyond"])[columns]


_BEYOND = "shift.moved_beyond_control_square"
