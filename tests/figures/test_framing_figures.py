"""Figures of framing: what is drawn is what was found, and the alternative text says it."""

from __future__ import annotations

import pandas as pd
import pytest

from revealed.figures import framing, page
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding
from revealed.measures.framing import COMPONENTS


def found(estimand: str, estimate: float, subject: str = "", arm: str = "") -> Finding:
    return Finding(
        estimand, "framing", "simulated/coherent", estimate, 0.8 * estimate, 1.25 * estimate,
        "times", 18, "made", "simulated", "C11", arm, "framing", subject,
    )  # fmt: skip


@pytest.fixture
def findings() -> pd.DataFrame:
    rate = "Japan per United States"
    made = [found("framing.rate", 4.0 + k, rate, f"arm_{k}") for k in range(3)]
    made += [found("framing.rate_mean", 5.0, rate), found("framing.rate_range", 5.0, rate)]
    made += [found("framing.component", 0.2, name) for name in COMPONENTS]
    made += [
        found("framing.factor", 1.6, "contexts"),
        found("framing.kept", 0.7, arm="must_choose"),
    ]
    return page.rows(made)


def test_rates_beside_what_is_published(findings: pd.DataFrame) -> None:
    published = pd.DataFrame({"subject": ["Japan per United States"], "value": [10.0]})
    fig, alt = framing.rates(findings, "simulated/coherent", published)
    assert {t.get_gid() for t in fig.texts} >= {"provenance-simulated", "provenance-published"}
    assert "Japan per United States: 5, framings from 4 to 6.2" in alt
    assert "Published for Japan per United States: 10" in alt
    drawn = [line.get_xdata() for line in fig.axes[0].lines]
    assert any(list(data) == [4.0, 5.0, 6.0] for data in drawn)


def test_components_factors_and_what_is_left(findings: pd.DataFrame) -> None:
    fig, alt = framing.components(findings)
    assert [bar.get_width() for bar in fig.axes[0].patches] == pytest.approx([0.2] * 5)
    assert "wording 20 %" in alt
    _, alt = framing.factors(findings, "contexts", 2.47)
    assert "coherent 1.60 (1.28 to 2.00)" in alt
    assert "Published 2.47" in alt
    _, alt = framing.kept(findings, "simulated/coherent", {"must_choose": "Must choose one"})
    assert "Must choose one 0.70" in alt


def test_nothing_to_draw(findings: pd.DataFrame) -> None:
    nothing = findings.iloc[:0]
    with pytest.raises(DataError):
        framing.rates(nothing, "simulated/coherent")
    with pytest.raises(DataError):
        framing.components(nothing)
    with pytest.raises(DataError, match="languages"):
        framing.factors(findings, "languages")
    with pytest.raises(DataError):
        framing.kept(nothing, "simulated/coherent", {})


def test_a_foreign_text_keeps_to_itself() -> None:
    shown = str(page.foreign("حياة <b>", "ar"))
    assert shown == '<bdi lang="ar">حياة &lt;b&gt;</bdi>'
