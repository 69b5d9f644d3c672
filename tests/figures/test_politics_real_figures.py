"""Figures of the questionnaire and of parties: everything is drawn, marked and told in words."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from matplotlib.figure import Figure

from revealed.figures import politics_parties as parties
from revealed.figures import politics_questionnaire as questionnaire
from revealed.foundation.errors import DataError

MODELS = ("seven_models/gpt-4o-mini", "seven_models/grok-4.1-fast")
NAMES = ("simulated/left", "simulated/agreeing")


def row(
    estimand: str, respondent: str, estimate: float, provenance: str, **more: str
) -> dict[str, object]:
    return {
        "estimand": f"politics.{estimand}", "respondent": respondent, "arm": "", "subject": "",
        "estimate": estimate, "low": estimate - 0.1, "high": estimate + 0.1,
        "provenance": provenance, **more,
    }  # fmt: skip


REAL = pd.DataFrame(
    [
        *(
            row(kind, model, 60.0 + k, "public", subject=axis, arm=arm)
            for k, model in enumerate(MODELS)
            for axis in questionnaire.AXES
            for arm in ("", "English", "Arabic")
            for kind in ("axis", "axis_balanced")
        ),
        *(
            row("keying", model, 3.0, "public", subject=axis)
            for model in MODELS
            for axis in questionnaire.AXES
        ),
        *(
            row("habit", model, 0.3 + 0.4 * k, "public", arm=arm)
            for k, model in enumerate(MODELS)
            for arm in ("", "English", "Arabic")
        ),
        *(
            row("variance", "seven_models", 12.5, "public", subject=part)
            for part in questionnaire._PARTS
        ),
    ]
)
SIMULATED = pd.DataFrame(
    [
        *(
            row("consistency", name, 0.7, "simulated", subject=kind)
            for name in NAMES
            for kind in parties.WORDINGS
        ),
        *(row("agreement_habit", name, 0.6, "simulated") for name in NAMES),
        *(
            row("place", NAMES[0], 3.5, "simulated", subject=axis, arm=arm)
            for axis in ("lrgen", "galtan")
            for arm in ("", "original", "negation")
        ),
    ]
)
PARTIES = {
    axis: pd.DataFrame(
        {
            "country": ["nl", "nl", "de"], "party": ["A", "B", "C"], "placed": [2.0, 5.0, 8.0],
            "recovered": [3.0, 5.0, 7.0], "mean": [5.0, 5.0, 5.0],
        }
    )
    for axis in ("lrgen", "galtan")
}  # fmt: skip


@pytest.mark.parametrize(
    ("drawn", "named", "provenance"),
    [
        (lambda: questionnaire.scores(REAL), "Economy, grok-4.1-fast 61", "public"),
        (lambda: questionnaire.habit(REAL), "grok-4.1-fast 0.70 (0.60 to 0.80)", "public"),
        (lambda: questionnaire.shifts(REAL), "State, gpt-4o-mini +3.0", "public"),
        (lambda: questionnaire.variance(REAL), "the same question again 12.5", "public"),
        (lambda: questionnaire.languages(REAL), "Society, gpt-4o-mini 60 to 60", "public"),
        (lambda: parties.recovered(PARTIES), "3 parties, 0.8 points apart", "published"),
        (lambda: parties.plane(SIMULATED, PARTIES), "left at 3.5 (3.4 to 3.6)", "simulated"),
        (lambda: parties.consistency(SIMULATED), "negated, agreeing 0.70", "simulated"),
        (lambda: parties.habit(SIMULATED), "agreeing 0.60", "simulated"),
        (lambda: parties.wordings(SIMULATED), "single wordings 3.5 to 3.5", "simulated"),
    ],
)
def test_figures_are_marked_and_told(
    drawn: Callable[[], tuple[Figure, str]], named: str, provenance: str
) -> None:
    fig, alt = drawn()
    assert named in alt
    assert f"provenance-{provenance}" in {text.get_gid() for text in fig.texts}


@pytest.mark.parametrize(
    "drawn",
    [
        questionnaire.scores, questionnaire.habit, questionnaire.shifts, questionnaire.variance,
        questionnaire.languages, parties.consistency, parties.habit, parties.wordings,
    ],
)  # fmt: skip
def test_nothing_to_draw_is_said(drawn: Callable[[pd.DataFrame], tuple[Figure, str]]) -> None:
    with pytest.raises(DataError, match="no finding of"):
        drawn(REAL.iloc[:0])


def test_no_scale_is_said() -> None:
    with pytest.raises(DataError, match="no scale"):
        parties.recovered({})
