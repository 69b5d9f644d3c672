"""The figure of a first look: both ends of what is wanted, the others as marks on the same rows."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from revealed.figures import page
from revealed.figures.trial import MOST, wanted


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def found(outcomes: int, respondents: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        {"respondent": name, "subject": f"Outcome {k}.", "estimate": 2 - 4 * k / outcomes,
         "low": 1.5 - 4 * k / outcomes, "high": 2.5 - 4 * k / outcomes,
         "provenance": "simulated" if name.startswith("simulated/") else "elicited"}
        for name in respondents for k in range(outcomes)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_both_ends_are_drawn_and_everybody_is_named() -> None:
    names = ("openai/m", "simulated/coherent", "simulated/egalitarian")
    fig, alt = wanted(found(30, names), "openai/m")
    labels = [tick.get_text() for tick in fig.axes[0].get_yticklabels()]
    assert len(labels) == MOST
    assert (labels[0], labels[-1]) == ("Outcome 0", "Outcome 29")
    assert "12 of 30 outcomes for m" in alt
    assert "Most wanted: Outcome 0. Least wanted: Outcome 29." in alt
    assert "coherent, egalitarian" in alt
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["coherent", "egalitarian"]
    shown = str(page.figure((fig, alt), "Utilities"))
    assert "rv-simulated" in shown
    assert "rv-elicited" in shown


def test_few_outcomes_are_all_drawn_alone() -> None:
    fig, alt = wanted(found(3, ("openai/m",)), "openai/m")
    assert len(fig.axes[0].get_yticklabels()) == 3
    assert not fig.legends
    assert "Grey marks" not in alt
