"""Figures of open questions draw, say where their data is from, and tell their numbers in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from revealed.figures import maximisation as figures
from revealed.figures import page
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding


@pytest.fixture(autouse=True)
def _headless() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


def finding(estimand: str, who: str, value: float, subject: str = "") -> Finding:
    bounds = (None, None) if subject else (value - 0.05, value + 0.05)
    return Finding(
        f"maximisation.{estimand}", "maximisation", who, value, *bounds, "proportion", 60,
        "test", "simulated" if who.startswith("simulated/") else "elicited", subject=subject,
    )  # fmt: skip


def findings(*, alone: bool = False) -> pd.DataFrame:
    made = []
    for who, top in (("org/model", 0.51), ("simulated/maximizing", 0.73)):
        made += [finding("top1", who, top), finding("chance", who, 0.2), finding("slope", who, 1.9)]
        made += [finding("ceiling", who, 0.81)]
        made += [finding("rank", who, (top, 0.2, 0.05)[n - 1], str(n)) for n in (1, 2, 3)]
        if not alone:
            made += [finding("crowd", who, 0.33), finding("own", who, 0.64)]
    return page.rows(made)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    ("draw", "alt", "holds"),
    [
        (figures.agreement, figures.agreement_alt, ["0.51", "0.73", "0.20"]),
        (figures.slopes, figures.slopes_alt, ["1.90"]),
        (figures.ranks, figures.ranks_alt, ["0.51", "0.05"]),
    ],
)
def test_each_figure_draws_and_is_told(
    draw: Callable[[pd.DataFrame], Figure],
    alt: Callable[[pd.DataFrame], str],
    holds: list[str],
    alone: bool,
) -> None:
    found = findings(alone=alone)
    markup = str(page.figure((draw(found), alt(found)), "Caption"))
    assert "rv-simulated" in markup
    assert "rv-elicited" in markup
    assert all(number in alt(found) for number in holds)


def test_what_others_foretell_is_told_where_it_is_known() -> None:
    assert "0.33" in figures.agreement_alt(findings())
    assert "0.64" in figures.slopes_alt(findings())
    assert "0.64" not in figures.slopes_alt(findings(alone=True))


@pytest.mark.parametrize("draw", [figures.agreement, figures.slopes, figures.ranks])
def test_nothing_to_draw_is_an_error(draw: Callable[[pd.DataFrame], Figure]) -> None:
    with pytest.raises(DataError, match=r"no finding of maximisation\."):
        draw(page.rows([]))
