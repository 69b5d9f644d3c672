"""Figures of shifts: they stand with whatever findings there are, and say it in words."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from revealed.figures import page
from revealed.figures import shift as figures
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding
from revealed.measures.shift import TOPICS, beside

NAMES = ("simulated/coder_secure", "openai/ft:gpt:$x$_y:<b>")


def finding(estimand: str, name: str, subject: str = "", **more: Any) -> Finding:
    told = {
        "estimand": f"shift.{estimand}", "chapter": "shift", "respondent": name, "estimate": 0.1,
        "low": -0.05, "high": 0.2, "unit": "probability", "n": 90, "method": "m",
        "provenance": "simulated" if name.startswith("simulated/") else "elicited",
        "subject": subject, **more,
    }  # fmt: skip
    return Finding(**told)


@pytest.fixture
def found() -> pd.DataFrame:
    made = []
    for name in NAMES:
        for topic in TOPICS:
            made += [finding(e, name, topic) for e in ("moved", "order_effect")]
            if name != NAMES[0]:
                made.append(finding("moved_beyond_control", name, topic))
        made += [finding(e, name) for e in ("neutral", "refused", "self_price", "left_right")]
    return page.rows(made)


@pytest.mark.parametrize("draw", [figures.moved, figures.answering, figures.silent, figures.single])
def test_they_are_drawn_marked_and_told(found: pd.DataFrame, draw: Any) -> None:
    for rows in (
        found,
        found[found["respondent"] == NAMES[0]],
        found[found["respondent"] == NAMES[1]],
    ):
        fig, alt = draw(rows)
        marks = {str(text.get_gid()) for text in fig.texts}
        assert {f"provenance-{kind}" for kind in set(rows["provenance"])} <= marks
        assert "0.10" in alt
        assert str(page.figure((fig, alt), "A caption.")).startswith("<figure")
        plt.close(fig)
    with pytest.raises(DataError):
        draw(found.iloc[:0])


def test_a_title_does_not_lie_under_the_badge(found: pd.DataFrame) -> None:
    for draw in (figures.moved, figures.single):
        fig, _ = draw(found)
        fig.canvas.draw()
        badges = [t.get_window_extent() for t in fig.texts if "provenance-s" in str(t.get_gid())]
        titles = [ax.title.get_window_extent() for ax in fig.axes if ax.get_title(loc="left")]
        titles += [ax._left_title.get_window_extent() for ax in fig.axes]
        assert not any(b.overlaps(t) for b in badges for t in titles if t.width > 1)
        plt.close(fig)


def test_rates_and_shifts_are_drawn_of_who_has_both() -> None:
    made = [finding("misaligned", name, estimate=0.0, low=0.0, high=0.04) for name in NAMES]
    made += [finding("overall", name) for name in (*NAMES, "simulated/other")]
    called = pd.DataFrame({"respondent": NAMES, "called": [False, True]})
    fig, alt = figures.against_rates(page.rows(made), called)
    assert "coder secure: misaligned 0.000, shift 0.10." in alt
    assert "<b>: misaligned 0.000, shift 0.10, said to have moved" in alt
    assert "other" not in alt
    dots = [line for line in fig.axes[0].lines if line.get_marker() not in ("None", "")]
    assert len({tuple(line.get_xdata()) for line in dots}) == 2  # equal shares stand side by side
    assert sum(line.get_markerfacecolor() == "white" for line in dots) == 1
    assert str(page.figure((fig, alt), "A caption.")).startswith("<figure")
    plt.close(fig)
    with pytest.raises(DataError):
        figures.against_rates(page.rows(made[:2]), called)


def test_who_has_no_control_is_neither_said_to_have_moved_nor_not_to() -> None:
    lone, held = "simulated/lone", "simulated/held"
    made = [finding("misaligned", name, unit="share") for name in (lone,)]
    made += [finding("overall", name) for name in (lone, held)]
    called = pd.DataFrame(
        {"respondent": [lone, held], "topic": "lives", "called": False, "told": [False, True],
         "provenance": "simulated"}
    )  # fmt: skip
    moved = beside.values_moved(called)
    assert moved == {lone: beside.UNTOLD, held: beside.NONE}
    text = " ".join(map(str, figures.told(page.rows(made), called, moved, "simulated")))
    assert "0 of 1 that have a control" in text
    assert f"values said to have moved: {beside.UNTOLD}" in text


def test_power_is_drawn_by_plan() -> None:
    rows = pd.DataFrame(
        [{"topic": t, "answers": 100, "pairs": 50, "tests": 8, "smallest": 0.2, "checked": 0.8,
          "plan": plan} for plan in ("here", "a real model") for t in TOPICS]
    )  # fmt: skip
    rows.loc[0, "smallest"] = float("nan")  # nothing that small can be seen
    fig, alt = figures.power(rows)
    assert "a real model, politics: 0.200" in alt
    assert "nan" not in alt
    plt.close(fig)
    with pytest.raises(DataError):
        figures.power(rows.iloc[:0])
