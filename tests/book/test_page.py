"""Numbers, sentences, tables and figures as a page shows them."""

from __future__ import annotations

import math
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from revealed.figures import page, style
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding

HOSTILE = "<script>alert('x')</script>\"&"


def finding(**changes: object) -> Finding:
    base: dict[str, object] = {
        "estimand": "order.p_first", "chapter": "c", "respondent": "a/b", "estimate": 0.3249,
        "low": 0.31, "high": 0.34, "unit": "share", "n": 3000, "method": "m",
        "provenance": "public",
    }  # fmt: skip
    return Finding(**{**base, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.3249, "share", "0.325"),
        (-0.69, "correlation", "−0.690"),
        (97.0, "percent", "97.0 %"),
        (20.4, "times", "20.4 times"),
        (60000, "", "60,000"),
        (12345.6, "", "12,300"),
        (3.0, "count", "3"),
        (0.00001234, "", "1.2e−05"),
        (0.0, "share", "0"),
        (-0.0, "percent", "0 %"),
        (None, "", "unbounded"),
        (math.inf, "", "unbounded"),
    ],
)
def test_numbers(value: float | None, unit: str, text: str) -> None:
    assert page.number(value, unit) == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_number_reads_back_near_itself(value: float) -> None:
    text = page.number(value).replace("−", "-").replace(",", "")
    # Three significant digits: half a unit of the third, 0.5 % of the value at most; below 1,
    # three decimals.
    assert abs(float(text) - value) <= max(0.0051 * abs(value), 0.00051)


def test_an_interval_with_one_end_is_a_bound() -> None:
    assert page.interval(0.1, 0.2) == "0.100 to 0.200"
    assert page.interval(3.0, None) == "above 3.00"
    assert page.interval(math.nan, 2.0) == "below 2.00"
    assert page.interval(None, None) == ""


def test_a_sentence_shows_interval_n_and_badge() -> None:
    found = page.rows([finding()])
    text = str(page.say("Share {p}.", p=page.pick(found, estimand="order.p_first")))
    assert "0.325 (0.310 to 0.340, n = 3,000)" in text
    assert 'class="rv-badge rv-public">public<' in text


def test_a_sentence_says_what_the_run_lacks() -> None:
    text = str(page.say("Share {p}.", p=page.pick(page.rows([]), estimand="order.p_first")))
    assert "Not in this run" in text
    assert "Share" not in text


def test_pick_does_not_choose_among_several() -> None:
    found = page.rows([finding(subject="one"), finding(subject="two")])
    with pytest.raises(DataError, match="2 findings"):
        page.pick(found, estimand="order.p_first")


def test_text_from_outside_is_escaped_everywhere() -> None:
    fig, ax = style.figure(2.2)
    ax.plot([0, 1])
    style.mark_provenance(fig, "simulated")
    rows = pd.DataFrame({"a": [HOSTILE], "provenance": ["public"]})
    shown = [
        page.say("{x}", x=HOSTILE),
        page.table(rows, HOSTILE),
        page.figure((fig, HOSTILE), HOSTILE),
        page.note(HOSTILE),
        page.missing({HOSTILE: HOSTILE}),
        page.say("{p}", p=page.rows([finding(unit=HOSTILE)]).iloc[0]),
    ]
    for html in shown:
        assert "<script" not in str(html)
        assert "alert(" in str(html) or HOSTILE not in str(html)


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("td", "th"):
            self.inside = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells[-1] += data


@given(st.text(max_size=30))
def test_a_cell_shows_exactly_its_text(text: str) -> None:
    parser = Cells()
    parser.feed(str(page.table(pd.DataFrame({"a": [text]}), "t", provenance="public")))
    normal = text.replace("\r\n", "\n").replace("\r", "\n")
    assert parser.cells[1].replace("\r\n", "\n").replace("\r", "\n") == normal


def test_a_table_folds_its_interval_and_links_its_csv() -> None:
    rows = pd.DataFrame(
        {"good": ["a", "b"], "estimate": [1.5, 2.5], "low": [1.0, 2.0], "high": [2.0, None]}
    )
    html = str(
        page.table(
            rows, "Rates", provenance="simulated",
            download="/somewhere/else/data/runs/default/tables/exchange/rates.csv",
        )
    )  # fmt: skip
    assert "1.00 to 2.00" in html
    assert "above 2.00" in html
    assert 'href="../../data/runs/default/tables/exchange/rates.csv"' in html
    assert "somewhere" not in html
    assert "rv-simulated" in html


def test_a_cut_table_says_so() -> None:
    rows = pd.DataFrame({"a": range(5)})
    assert "The first 2 of 5 rows." in str(page.table(rows, "t", provenance="public", rows=2))


def test_a_table_without_provenance_is_refused() -> None:
    with pytest.raises(DataError, match="provenance"):
        page.table(pd.DataFrame({"a": [1]}), "t")


def test_a_figure_needs_its_mark_and_its_text() -> None:
    fig, _ = style.figure(2.2)
    with pytest.raises(DataError, match="provenance"):
        page.figure((fig, "text"), "caption")
    fig, _ = style.figure(2.2)
    style.mark_provenance(fig, ["public", "simulated"])
    with pytest.raises(DataError, match="alternative"):
        page.figure((fig, " "), "caption")
    html = str(page.figure((fig, "two dots"), "caption"))
    assert 'aria-label="two dots"' in html
    assert "rv-public" in html
    assert "rv-simulated" in html


def test_a_badge_needs_a_known_provenance() -> None:
    with pytest.raises(DataError, match="invented"):
        page.badge("invented")
    with pytest.raises(DataError, match="none"):
        page.badge([])
