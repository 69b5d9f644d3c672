"""Figures of power and corrigibility draw what is there, with its provenance and its numbers."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from revealed.figures import corrigibility, page, power
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding


@pytest.fixture(autouse=True)
def _headless() -> object:
    mpl.use("Agg")
    yield
    plt.close("all")


def finding(estimand: str, estimate: float, subject: str = "", name: str = "coherent") -> Finding:
    return Finding(
        estimand=estimand, chapter="c", respondent=f"simulated/{name}", estimate=estimate,
        low=estimate - 0.2, high=estimate + 0.2, unit="correlation", n=40, method="m",
        provenance="simulated", subject=subject,
    )  # fmt: skip


def marks(fig: object) -> set[str]:
    return {str(text.get_gid()) for text in fig.texts}  # type: ignore[attr-defined]


def test_correlations_within_beside_those_across() -> None:
    found = page.rows(
        [
            finding("power.within", 0.61, "non-coercive"),
            finding("power.original", 0.33, "all outcomes"),
            finding("power.within", 0.12, "coercive", "power_seeking"),
        ]
    )
    fig, alt = power.correlations(found)
    assert "provenance-simulated" in marks(fig)
    assert "coherent: non-coercive 0.61, across categories 0.33" in alt
    assert "power seeking: coercive 0.12" in alt
    assert "<svg" in str(page.figure((fig, alt), "A caption."))


def test_fitness_and_two_sides() -> None:
    fig, alt = power.fitness(
        page.rows([finding("power.fitness", 1.5), finding("power.copies", 0.25)])
    )
    assert "copies times likeness (fitness) 1.50" in alt
    assert "provenance-simulated" in marks(fig)
    both = [
        finding("corrigibility.slope", 1.1, "self"),
        finding("corrigibility.slope", 0.9, "other"),
    ]
    fig, alt = corrigibility.slopes(page.rows(both))
    assert "its own preference: 1.10" in alt
    assert "somebody else's: 0.90" in alt
    share = [finding("corrigibility.kept_over_reversed", 0.75, "self")]
    assert "0.75" in corrigibility.shares(page.rows(share))[1]
    fig, alt = corrigibility.resistance(page.rows([finding("corrigibility.resistance", -0.8)]))
    assert "-0.80 (-1.00 to -0.60)" in alt


def test_panels_of_outcomes_and_topics() -> None:
    cloud = pd.DataFrame(
        {"kind": ["coercive", "non-coercive"], "power": [1.0, -1.0], "utility": [0.5, -0.5]}
    )
    names = [f"simulated/r{k}" for k in range(3)]
    kinds = dict.fromkeys(names, "simulated")
    fig, alt = power.clouds(dict.fromkeys(names, cloud), kinds)
    shown = [ax for ax in fig.axes if ax.get_visible()]
    assert len(shown) == 3
    # Both columns name their axis, though the second ends a row earlier.
    assert [bool(ax.get_xlabel()) for ax in shown] == [False, True, True]
    assert "r1, 2 outcomes" in alt
    topics = pd.DataFrame({"stake": [1.0, -2.0], "own": [0.5, -1.0], "others": [0.0, 0.1]})
    fig, alt = corrigibility.reactions({names[0]: topics}, kinds)
    # A stake is drawn as a gain, whichever outcome the topic names first.
    own = fig.axes[0].lines[0]
    assert list(own.get_xdata()) == [1.0, 2.0]
    assert list(own.get_ydata()) == [0.5, 1.0]


@pytest.mark.parametrize(
    "draw",
    [
        power.correlations, power.fitness, corrigibility.resistance, corrigibility.slopes,
        corrigibility.shares,
    ],
)  # fmt: skip
def test_nothing_to_draw_is_said(draw: object) -> None:
    with pytest.raises(DataError, match="no finding"):
        draw(page.rows([]))  # type: ignore[operator]
    with pytest.raises(DataError, match="no respondent"):
        power.clouds({}, {})
    with pytest.raises(DataError, match="no respondent"):
        corrigibility.reactions({}, {})
