"""Figures of judges draw, mark their provenance, and say their numbers in words."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from revealed.figures import judges
from revealed.foundation.errors import DataError

NAMES = ("o3-mini", "Claude 3.7 Sonnet", "Gemini 2.0 Flash")


@pytest.fixture(autouse=True)
def _headless() -> object:
    mpl.use("Agg")
    yield
    plt.close("all")


def shares() -> pd.DataFrame:
    rows = [
        ("all", judge, author, judge == author, 0.74 if judge == author else 0.13, 0.1, 0.8, 60)
        for judge in NAMES
        for author in NAMES
    ]
    columns = ["domain", "judge", "author", "own", "estimate", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def places() -> pd.DataFrame:
    rows = [(j, p, 0.9 if p == 1 else 0.05, 0.0, 1.0, 41) for j in NAMES for p in (1, 2, 3)]
    return pd.DataFrame(rows, columns=["judge", "place", "estimate", "low", "high", "n"])


def findings(provenance: str, estimands: dict[str, float], names: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        (estimand, name, value, value * 0.8, value * 1.2, "", provenance)
        for estimand, value in estimands.items()
        for name in names
    ]
    columns = ["estimand", "respondent", "estimate", "low", "high", "subject", "provenance"]
    return pd.DataFrame(rows, columns=columns)


REAL = findings(
    "public",
    {"judge.naive_own_vote": 0.27, "judge.own_vote": 3.21, "judge.own_score": 0.23},
    tuple(f"judges_livebench/{name}" for name in NAMES),
)
ASKED = findings(
    "simulated",
    {"judge.naive_own_win": 0.61, "judge.own_effect": 2.75, "judge.recognition": 0.84},
    ("simulated/coherent", "simulated/self_preferring"),
)


@pytest.mark.parametrize(
    ("drawn", "provenance", "says"),
    [
        (lambda: judges.vote_matrix(shares()), "public", "o3-mini 0.74"),
        (lambda: judges.copies(places()), "public", "o3-mini 0.90"),
        (lambda: judges.public_own_effects(REAL), "public", "o3-mini 3.21"),
        (lambda: judges.own_effects(ASKED), "simulated", "self preferring 2.75"),
        (lambda: judges.recognition(ASKED), "simulated", "coherent 0.84"),
    ],
    ids=["matrix", "copies", "public", "own", "recognition"],
)
def test_a_figure_is_marked_and_told(drawn, provenance: str, says: str) -> None:
    fig, alt = drawn()
    fig.canvas.draw()
    marks = {text.get_gid() for text in fig.texts}
    assert f"provenance-{provenance}" in marks
    assert says in alt


def test_every_own_cell_is_framed() -> None:
    fig, _ = judges.vote_matrix(shares())
    frames = [patch for patch in fig.axes[0].patches if not patch.get_fill()]
    assert [round(frame.get_x() + 0.47) for frame in frames] == [0, 1, 2]
    assert [round(frame.get_y() + 0.45) for frame in frames] == [0, 1, 2]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: judges.vote_matrix(shares(), "math"),
        lambda: judges.copies(places().assign(n=0)),
        lambda: judges.public_own_effects(ASKED),
        lambda: judges.own_effects(REAL),
        lambda: judges.recognition(REAL),
    ],
)
def test_nothing_to_draw_is_said(draw) -> None:
    with pytest.raises(DataError, match=r"to draw|all the same"):
        draw()
