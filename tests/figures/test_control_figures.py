"""Figures of control draw every respondent before and after, in words, with their provenance."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from revealed.figures import control, page
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding


@pytest.fixture(autouse=True)
def _headless() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


def finding(estimand: str, name: str, estimate: float, subject: str) -> Finding:
    return Finding(
        f"control.{estimand}", "controls", name, estimate, estimate - 0.1, estimate + 0.1, "share",
        20, "m", "simulated" if name.startswith("simulated/") else "elicited", subject=subject,
    )  # fmt: skip


NAMES = ("simulated/pliable+tuned", "simulated/pliable", "openai/m+system_prompt", "openai/m")


def test_each_base_stands_before_what_was_made_of_it() -> None:
    assert control.ordered(list(NAMES)) == [
        "simulated/pliable", "simulated/pliable+tuned", "openai/m", "openai/m+system_prompt"
    ]  # fmt: skip
    assert control.label("openai/m+system_prompt") == "m, told"


@pytest.mark.parametrize(
    ("draw", "estimand", "subjects"),
    [
        (control.agreement, "agreement", ("held-out pairs", "held-out areas")),
        (control.moved, "moved", ("politics", "elsewhere")),
        (control.bias, "bias", ("held out",)),
    ],
)
def test_dots_before_and_after(draw: object, estimand: str, subjects: tuple[str, ...]) -> None:
    rows = [finding(estimand, n, 0.5 + k / 10, s) for k, n in enumerate(NAMES) for s in subjects]
    # One has no finding of the second kind: its place stays empty.
    found = page.rows(rows[:-1] if len(subjects) > 1 else rows)
    fig, alt = draw(found)  # type: ignore[operator]
    assert {"provenance-simulated", "provenance-elicited"} <= {t.get_gid() for t in fig.texts}
    assert f"pliable, fine-tuned, {subjects[0]}: 0.50" in alt
    assert "<svg" in str(page.figure((fig, alt), "A caption."))
    fig.draw_without_rendering()
    box = fig.axes[0].xaxis.label.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= fig.bbox.x1
    with pytest.raises(DataError, match="no finding"):
        draw(page.rows([]))  # type: ignore[operator]


def test_pairs_before_and_after() -> None:
    table = pd.DataFrame({"q": [0.2, 0.8], "before": [0.6, 0.4], "after": [0.3, 0.8]})
    names = {name: table for name in ("openai/m+tuned", "openai/m+examples", "openai/n+tuned")}
    fig, alt = control.pairs(names, dict.fromkeys(names, "elicited"))
    assert "m, fine-tuned: mean distance 0.40 before, 0.05 after" in alt
    assert {t.get_gid() for t in fig.texts} >= {"provenance-elicited"}
    with pytest.raises(DataError):
        control.pairs({}, {})
