"""Figures of lotteries and means: everything a finding says is drawn, marked and told in words."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.figure import Figure

from revealed.figures import instrumental, lotteries
from revealed.foundation.errors import DataError
from revealed.measures.lotteries import RULES
from revealed.measures.monetary import CLASSES


def row(estimand: str, respondent: str, estimate: float, **more: object) -> dict[str, object]:
    base = {
        "estimand": estimand, "respondent": respondent, "instrument": "lotteries", "subject": "",
        "estimate": estimate, "low": estimate - 0.2, "high": estimate + 0.2,
        "provenance": "simulated",
    }  # fmt: skip
    return {**base, **more}


NAMES = ("simulated/coherent", "simulated/chance_blind")
FOUND = pd.DataFrame(
    [
        *(
            row(f"lottery.{what}", name, value)
            for name, value in zip(NAMES, (1.0, 0.1), strict=True)
            for what in ("chance_slope", "own_chance_slope", "parity_correlation")
        ),
        *(
            row("lottery.loss_difference", name, 0.3, subject=rule)
            for name in NAMES
            for rule in RULES
            if rule != "expectation"
        ),
        *(
            row(f"instrumental.{what}", name, 0.5)
            for name in NAMES
            for what in ("means", "whatever_stated", "plausible", "swapped")
        ),
    ]
)
REAL = pd.DataFrame(
    [
        row(f"lottery.{what}", f"seven_models/{name}", 0.4, subject=subject, provenance="public")
        for name in ("one", "two")
        for what, subject in [
            ("risk_free", ""), ("yes_habit", ""), *(("risk_taken", worth) for worth in CLASSES)
        ]
    ]
)  # fmt: skip
POINTS = pd.DataFrame(
    {
        "process": ["a", "b"] * 2, "version": ["plausible"] * 2 + ["swapped"] * 2,
        "expected": [1.0, 0.5, -1.0, -0.5], "observed": [0.9, 0.6, -1.2, -0.1],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("drawn", "named", "provenance"),
    [
        (lambda: lotteries.chance_slopes(FOUND), "chance blind", "simulated"),
        (lambda: lotteries.rules(FOUND), "bent chances", "simulated"),
        (lambda: lotteries.naive_and_corrected(FOUND), "coherent", "simulated"),
        (lambda: lotteries.risks_taken(REAL), "nothing to lose 0.40", "public"),
        (lambda: lotteries.habit(REAL), "two 0.40", "public"),
        (lambda: instrumental.split(FOUND), "what stated chances do, coherent 0.50", "simulated"),
        (lambda: instrumental.versions(FOUND), "chances exchanged", "simulated"),
        (
            lambda: instrumental.processes(POINTS, NAMES[0], "simulated"),
            "swapped",
            "simulated",
        ),
    ],
)
def test_figures_are_marked_and_told(drawn: object, named: str, provenance: str) -> None:
    fig, alt = drawn()  # type: ignore[operator]
    assert isinstance(fig, Figure)
    assert named in alt
    assert f"provenance-{provenance}" in {text.get_gid() for text in fig.texts}


def test_nothing_to_draw_is_said() -> None:
    empty = FOUND.iloc[:0]
    for drawn in (lotteries.chance_slopes, lotteries.rules, lotteries.habit, instrumental.split):
        with pytest.raises(DataError, match="no finding of"):
            drawn(empty)
