"""Figures of the political map carry their mark, tell their numbers, and name few entities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from revealed.figures import page
from revealed.figures import politics_map as figures
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding
from revealed.measures.politics.map import Components, Map

RNG = np.random.default_rng(8)


def made_map(respondents: int) -> Map:
    m = 30
    spread = np.tile(np.diag([0.01, 0.04]), (m, 1, 1))
    places = RNG.normal(size=(m, 2))
    return Map(
        places, RNG.normal(size=(respondents, 2)), spread, spread[:respondents],
        np.zeros((36, 2)), Components(np.array([0.5, 0.1, 0.05]), np.array([0.2, 0.15, 0.1]), 1),
        tuple(f"entity {k}" for k in range(m)),
        tuple(f"simulated/r{k}" for k in range(respondents)), places,
    )  # fmt: skip


@pytest.mark.parametrize("respondents", [0, 1, 9])
def test_a_map_names_few_entities_and_every_respondent(respondents: int) -> None:
    found = made_map(respondents)
    kinds = dict.fromkeys(["panel", *found.respondent_names], "simulated")
    fig, alt = figures.plane(found, kinds, "panel")
    named = [text.get_text() for text in fig.axes[0].texts]
    assert 3 <= sum(name.startswith("entity") for name in named) <= figures.LANDMARKS
    assert all(f"r{k} at" in alt for k in range(respondents))
    assert "simulated" in str(page.figure((fig, alt), "A map"))


def findings(estimands: tuple[str, ...]) -> pd.DataFrame:
    return page.rows(
        Finding(
            estimand=estimand, chapter="map", respondent=f"simulated/{name}", estimate=0.5,
            low=0.2, high=0.8, unit="share", n=72, method="m", provenance="simulated",
        )
        for estimand in estimands
        for name in ("left", "right")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("draw", "estimands"),
    [
        (figures.axis_scores, ("politics.left_right", "politics.authority")),
        (figures.coherence, ("politics.coherence", "politics.coherence_two")),
    ],
)
def test_series_are_drawn_and_nothing_is_refused(draw, estimands) -> None:  # type: ignore[no-untyped-def]
    fig, alt = draw(findings(estimands))
    assert "left" in alt
    assert "0.50" in alt
    assert "provenance-simulated" in {str(text.get_gid()) for text in fig.texts}
    with pytest.raises(DataError, match="no finding"):
        draw(findings(()))


def test_a_scree_tells_both_lines() -> None:
    fig, alt = figures.scree(made_map(0).components, "elicited")
    assert "component 1: 50 % against 20 % shuffled" in alt
    assert len(fig.axes[0].lines) >= 2
