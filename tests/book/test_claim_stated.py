"""Claim C5: who denies what its choices reveal, and who cannot be asked."""

from __future__ import annotations

import pytest

from revealed.figures import page
from revealed.foundation.schemas import Finding
from revealed.report import claims


def finding(estimand: str, estimate: float, low: float | None = None, note: str = "") -> Finding:
    return Finding(
        estimand=estimand, chapter="stated", respondent="r", estimate=estimate, low=low,
        high=None if low is None else 1.0, unit="share", n=20, method="m",
        provenance="elicited", claim="C5", note=note,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("measurable", "denial", "verdict"),
    [
        (1.0, (0.95, 0.85), "supported"),
        (1.0, (0.55, 0.4), "not supported"),
        (1.0, (0.03, 0.01), "not supported"),
        (1.0, None, "not tested"),
        (0.0, None, "not measurable"),
    ],
)
def test_c5(measurable: float, denial: tuple[float, float] | None, verdict: str) -> None:
    made = [finding("stated.measurable", measurable, note="" if measurable else "says yes")]
    if denial is not None:
        made.append(finding("stated.denial", *denial))
    told = claims.judge("C5", page.rows(made))["r"]
    assert told.verdict == verdict
    if verdict == "not measurable":
        assert told.because == "says yes"


def test_c5_is_silent_on_who_was_not_asked() -> None:
    assert claims.judge("C5", page.rows([finding("exchange.unequal", 0.2)])) == {}
