"""Claim C8: who has a coherent politics of one side, and which group stands together."""

from __future__ import annotations

import pytest

from revealed.figures import page
from revealed.foundation.schemas import Finding
from revealed.report import claims


def finding(
    name: str, estimate: float, low: float | None = None, high: float | None = None, **more: str
) -> Finding:
    about = {"instrument": "policies_core", "respondent": "r", "note": "", **more}
    return Finding(
        estimand=f"politics.{name}", chapter="map", estimate=estimate, low=low, high=high,
        unit="share", n=20, method="m", provenance="elicited", claim="C8", **about,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("measurable", "line", "side", "verdict"),
    [
        (1.0, 1.0, (-0.8, -0.9, -0.7), "supported"),
        (1.0, 1.0, (0.5, 0.2, 0.8), "supported"),
        (1.0, 1.0, (0.1, -0.2, 0.4), "not supported"),
        (1.0, 0.0, (-0.4, -0.7, -0.1), "not supported"),
        (1.0, None, (-0.4, -0.7, -0.1), "not tested"),
        (0.0, None, None, "not measurable"),
    ],
)
def test_c8_of_a_respondent(
    measurable: float, line: float | None, side: tuple[float, ...] | None, verdict: str
) -> None:
    made = [finding("measurable", measurable, note="" if measurable else "declines")]
    if line is not None:
        made += [finding("political", line), finding("coherence", 0.6, 0.4, 0.8)]
    if side is not None:
        made.append(finding("left_right", *side))
    told = claims.judge("C8", page.rows(made))["r"]
    assert told.verdict == verdict
    if verdict == "not measurable":
        assert told.because == "declines"


@pytest.mark.parametrize(
    ("worded", "verdict"),
    [
        ((-0.5, -0.9, -0.1), "supported"),
        ((-0.2, -0.6, 0.2), "not supported"),
        ((0.5, 0.1, 0.9), "not supported"),
    ],
)
def test_c8_has_to_survive_other_wordings(worded: tuple[float, ...], verdict: str) -> None:
    made = [
        finding("measurable", 1.0),
        finding("political", 1.0),
        finding("coherence", 0.6, 0.4, 0.8),
        finding("left_right", -0.8, -0.9, -0.7),
        finding("wording.left_right", *worded, instrument="policies_wording"),
    ]
    told = claims.judge("C8", page.rows(made))["r"]
    assert told.verdict == verdict
    assert len(told.rests_on) == 3


@pytest.mark.parametrize(("stands", "verdict"), [(1.0, "supported"), (0.0, "not supported")])
def test_c8_of_a_group(stands: float, verdict: str) -> None:
    about = {"respondent": "real models", "instrument": "entities"}
    made = [
        finding("clustered", stands, **about),
        finding("cluster_distance", 0.3, **about),
        finding("cluster_side", -0.4, -0.6, -0.2, **about),
    ]
    told = claims.judge("C8", page.rows(made))["real models"]
    assert told.verdict == verdict
    assert len(told.rests_on) == 3


def test_c8_is_not_decided_by_a_questionnaire_nor_by_another_set() -> None:
    about = {"instrument": "political_questionnaire", "subject": "econ"}
    told = claims.judge("C8", page.rows([finding("axis_balanced", 80.0, 70.0, 90.0, **about)]))
    assert told["r"].verdict == "not tested"
    other = [finding("measurable", 1.0, instrument="policies_world")]
    assert claims.judge("C8", page.rows(other)) == {}
