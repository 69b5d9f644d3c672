"""Figures of an assembly: marked, described, and drawn from what there is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from revealed.figures import assembly as figures
from revealed.figures import page
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding

NAMES = ("simulated/panel", "simulated/panel_biased")
SIDES = {"Democrat": "left", "neither": "", "Republican": "right"}


def found(*estimands: str, subjects: tuple[str, ...] = ("",), names=NAMES) -> pd.DataFrame:
    return page.rows(
        Finding(
            estimand=f"assembly.{estimand}", chapter="assembly", respondent=name,
            estimate=0.1 + 0.2 * k, low=0.05 + 0.2 * k, high=0.2 + 0.2 * k, unit="share", n=60,
            method="m", provenance="simulated", subject=subject,
        )
        for estimand in estimands
        for subject in subjects
        for k, name in enumerate(names)
    )  # fmt: skip


def positions() -> pd.DataFrame:
    party = list(SIDES) * 5
    return pd.DataFrame({"party": party, "left": np.linspace(0, 1, len(party))})


def targets() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "pair": [f"p{k}" for k in range(6)], "split": ["train", "pair", "area"] * 2,
            "share_first": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], "se": 0.05,
        }
    )  # fmt: skip


def margins() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "attribute": ["sex", "sex", "age", "age"], "value": ["woman", "man", "young", "old"],
            "share": [0.51, 0.49, 0.4, 0.6], "assembly": [0.5, 0.5, 0.4, 0.6],
            "off": [-0.01, 0.01, 0.0, 0.0],
        }
    )  # fmt: skip


DRAWN = {
    "margins": lambda: figures.margins(margins(), ["published", "simulated"]),
    "leanings": lambda: figures.leanings(found("left_share", "own_left_share", "pull")),
    "nobody asked plainly": lambda: figures.leanings(found("left_share", "pull")),
    "positions": lambda: figures.positions(
        dict.fromkeys(NAMES, positions()), "party", SIDES, dict.fromkeys(NAMES, "simulated")
    ),
    "targets": lambda: figures.target_shares(targets(), targets(), NAMES[0], "simulated"),
    "targets alone": lambda: figures.target_shares(
        targets(), pd.DataFrame(), NAMES[0], "simulated"
    ),
    "explained": lambda: figures.explained(found("explained", subjects=("sex", "party"))),
    "talk": lambda: figures.talk(found("conformity", "gap_change", "shift")),
}


@pytest.mark.parametrize("case", DRAWN)
def test_figures_are_marked_and_described(case: str) -> None:
    fig, alt = DRAWN[case]()
    assert isinstance(fig, Figure)
    assert len(alt) > 40
    assert alt.endswith(".")
    marks = {text.get_gid() for text in fig.texts}
    assert "provenance-simulated" in marks
    assert "provenance-watermark" in marks
    assert "<figure" in str(page.figure((fig, alt), "A caption."))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.margins(margins().iloc[:0], "published"),
        lambda: figures.leanings(found("pull")),
        lambda: figures.positions({}, "party", SIDES, {}),
        lambda: figures.target_shares(targets().iloc[:0], targets(), NAMES[0], "simulated"),
        lambda: figures.explained(found("pull")),
        lambda: figures.talk(found("pull")),
    ],
)
def test_nothing_to_draw_is_said(draw) -> None:
    with pytest.raises(DataError, match="to draw"):
        draw()


def test_a_rounded_zero_has_no_sign() -> None:
    table = found("conformity", "gap_change", "shift").assign(estimate=-0.001)
    _, alt = figures.talk(table)
    assert "-0.00" not in alt


def test_simulated_respondents_are_told_from_models() -> None:
    fig, _ = figures.leanings(found("left_share", "own_left_share", "pull"))
    for ax in fig.axes:
        assert {tick.get_fontstyle() for tick in ax.get_yticklabels()} == {"italic"}
