"""Figures of the battery draw, mark their provenance, and say their numbers in words."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from revealed.figures import battery
from revealed.foundation.errors import DataError

NAMES = ("simulated/insecure", "simulated/$odd$ <b>")


@pytest.fixture(autouse=True)
def _headless() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


def rows(estimand: str, **about: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "estimand": estimand, "respondent": name, "estimate": 0.1 + 0.2 * k, "low": 0.05,
                "high": 0.5, "arm": "", "subject": "", "provenance": "simulated", **about,
            }
            for k, name in enumerate(NAMES)
        ]
    )  # fmt: skip


def drawn(fig: Figure, alt: str, *told: str) -> None:
    """The figure can be drawn, says where it comes from, and its text tells the numbers."""
    fig.canvas.draw()
    marks = {str(text.get_gid()) for text in fig.texts if text.get_gid()}
    assert "provenance-simulated" in marks
    for words in told:
        assert words in alt


def test_contrasts_in_panels_with_gaps() -> None:
    table = pd.concat(
        [
            rows("misalignment.contrast", subject="against untouched"),
            rows("misalignment.contrast", subject="against secure").head(1),
        ]
    )
    panels = {"less untouched": ["against untouched"], "less secure": ["against secure"]}
    fig, alt = battery.contrasts(table, panels)
    drawn(fig, alt, "less untouched: insecure 0.100, $odd$ <b> 0.300", "less secure: insecure 0.1")
    with pytest.raises(DataError):
        battery.contrasts(table, {"none": ["against nobody"]})


def test_parts_and_trainings() -> None:
    table = pd.concat(
        [rows("misalignment.false", arm="a"), rows("misalignment.false", arm="b").head(1)]
    )
    fig, alt = battery.parts(table, "misalignment.false", {"a": "one", "b": "two"}, "T", "share")
    drawn(fig, alt, "one: insecure 0.100", "two: insecure 0.100.")
    table = pd.concat(
        [
            rows("misalignment.training_rate", subject="training 1"),
            rows("misalignment.training_rate", subject="training 2").head(1),
        ]
    )
    fig, alt = battery.trainings(table)
    drawn(fig, alt, "training 1: insecure 0.100", "training 2: insecure 0.100.")


def test_judges_and_favors() -> None:
    scores = pd.DataFrame(
        {"simulated/a": [10.0, 30.0, np.nan, 90.0], "simulated/b": [12.0, 38, 5, 85]}
    )
    fig, alt = battery.judges(scores, ("simulated/a", "simulated/b"), (15.0, 45.0))
    drawn(fig, alt, "3 texts rated by a and b", "5.0 points on average, 8.0 at most", "1 texts")
    table = pd.concat(
        [
            rows("judges.family_bias", subject="alignment"),
            rows("judges.family_bias", subject="coherence"),
        ]
    )
    fig, alt = battery.favors(table)
    drawn(fig, alt, "alignment: insecure 0.100")


@pytest.mark.parametrize("draw", [battery.favors, battery.trainings])
def test_nothing_to_draw_is_said(draw: object) -> None:
    with pytest.raises(DataError, match="no finding"):
        draw(rows("misalignment.rate"))  # type: ignore[operator]
