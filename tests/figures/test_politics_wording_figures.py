"""Figures of politics in other words draw what is there, with its provenance and its numbers."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from revealed.figures import page
from revealed.figures import politics_wording as figures
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding


@pytest.fixture(autouse=True)
def _headless() -> object:
    mpl.use("Agg")
    yield
    plt.close("all")


def finding(
    estimand: str, estimate: float, name: str = "left", subject: str = "", arm: str = ""
) -> Finding:
    return Finding(
        estimand=f"politics.{estimand}", chapter="c", respondent=f"simulated/{name}",
        estimate=estimate, low=estimate - 0.2, high=estimate + 0.2, unit="u", n=18, method="m",
        provenance="simulated", subject=subject, arm=arm,
    )  # fmt: skip


FOUND = page.rows(
    [
        *(finding("wording.left_right", v, n) for n, v in (("left", -0.81), ("right", 0.92))),
        *(finding("wording.another", v, n) for n, v in (("left", -0.8), ("right", 0.9))),
        *(
            finding("wording.score", -0.8 + k / 50, "left", "wordings", f"reworded_{k}")
            for k in range(1, 6)
        ),
        finding("wording.score", 0.44, "left", "roles", "as_citizen"),
        finding("wording.words", 0.93, "paraphrase_driven"),
        finding("wording.first", 0.73, "position_biased", arm="forced"),
        finding("wording.difference", -1.7, "left", "simulated/right"),
        finding("wording.difference", 0.1, "right", "simulated/<b>x</b>"),
        finding("wording.difference_single", -1.6, "left", "simulated/right"),
        finding("wording.difference_single", 0.3, "right", "simulated/<b>x</b>"),
        finding("wording.net", -0.85, "left", "forced", "forced"),
        finding("wording.net", -0.8, "left", "neutral", "neutral"),
        finding("stance.left_right", -0.52, "left", arm="judge"),
        finding("stance.accuracy", 0.94, "judge"),
        finding("stance.accuracy", 0.9, "judge", "left"),
        finding("stance.accuracy", 0.97, "judge", "right"),
        finding("stance.bias", 0.31, "judge"),
    ]
)
DRAWN = {
    "scores": (figures.scores, ["left -0.81 (-1.01 to -0.61)", "right 0.92"]),
    "framings": (figures.framings, ["as a citizen: simulated/left 0.44", "as a citizen"]),
    "words": (figures.words, ["paraphrase driven 0.93"]),
    "order": (figures.order, ["position biased 0.73"]),
    "differences": (figures.differences, ["left − right: -1.70 (-1.90 to -1.50)"]),
    "formats": (lambda f: figures.formats(f, "judge"), ["openly, corrected: left -0.52"]),
    "readers": (figures.readers, ["judge, left: 0.90", "judge, bias: 0.31"]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_numbers_are_told_and_provenance_is_marked(name: str) -> None:
    draw, told = DRAWN[name]
    fig, alt = draw(FOUND)
    assert "provenance-simulated" in {str(text.get_gid()) for text in fig.texts}
    for words in told:
        assert words.replace("simulated/", "") in alt
    assert "<svg" in str(page.figure((fig, alt), "A caption."))
    assert "<b>" not in str(page.figure(draw(FOUND), "A caption."))


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_to_draw_is_said(name: str) -> None:
    with pytest.raises(DataError, match="to draw"):
        DRAWN[name][0](FOUND.iloc[:0])


def test_what_one_wording_shows_and_others_need_not_comes_first() -> None:
    many = [finding("wording.difference", 0.01 * k, f"r{k}", "simulated/z") for k in range(30)]
    many += [
        finding("wording.difference_single", 0.5 if k == 19 else 0.01 * k, f"r{k}", "simulated/z")
        for k in range(30)
    ]
    fig, _ = figures.differences(page.rows(many))
    labels = [tick.get_text() for tick in fig.axes[0].get_yticklabels()]
    assert len(labels) == 10
    assert labels[0].startswith("r19")


def test_formats_without_a_reader_leave_its_row_out() -> None:
    fig, alt = figures.formats(FOUND, "")
    assert "openly, corrected: none" in alt
    assert fig.axes
