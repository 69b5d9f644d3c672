from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from revealed.figures import style
from revealed.figures.drawing import svg

SHEET = Path(__file__).parents[2] / "book" / "_static" / "revealed.css"


@pytest.fixture(autouse=True)
def _headless() -> object:
    mpl.use("Agg")
    yield
    plt.close("all")


def drawn(kind: str = "simulated", **columns: object) -> str:
    base = {
        "respondent": ["simulated/coherent", "avocado/gpt-4o", "x/new"],
        "estimate": [0.2, 0.5, 0.9], "low": [0.1, 0.4, 0.8], "high": [0.3, 0.6, 1.0],
    }  # fmt: skip
    fig, ax = style.figure()
    style.dots(ax, pd.DataFrame(base | columns), reference=0.5)
    ax.set(xlabel="share & more", title="Which <is> it?")
    style.mark_provenance(fig, kind)
    return svg(fig, "What it shows.")


def parts(text: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(text).iter())


def test_words_are_text_and_the_mark_of_simulation_is_kept() -> None:
    text = drawn()
    words = [e.text for e in parts(text) if e.tag.endswith("}text")]
    for word in ("coherent", "gpt-4o", "share & more", "Which <is> it?", "simulated"):
        assert word in words
    assert "SIMULATED, no real model" in words
    assert 'class="provenance-watermark"' in text
    assert "provenance-watermark" not in drawn("public")


def test_it_is_light_and_needs_no_style_of_its_own() -> None:
    text = drawn()
    assert len(text) < 7_000
    assert " style=" not in text
    assert "<style" not in text
    assert not re.search(r"\d\.\d{3}", text)


def test_what_is_referred_to_is_there_and_no_other_figure_has_its_name() -> None:
    one, two = drawn(), drawn(estimate=[0.15, 0.55, 0.85])
    for text in (one, two):
        ids = re.findall(r' id="([^"]*)"', text)
        named = set(re.findall(r'(?:href="#|url\(#)([\w]+)', text))
        assert len(ids) == len(set(ids))
        assert named == set(ids)
    assert not set(re.findall(r' id="([^"]*)"', one)) & set(re.findall(r' id="([^"]*)"', two))


def test_a_use_brings_its_own_paint() -> None:
    for element in parts(drawn()):
        if element.tag.endswith("}defs"):
            for path in element.iter():
                assert not {"fill", "stroke"} & set(path.attrib)


def test_dots_are_where_they_belong() -> None:
    """A tenth of a point is the most that rounding moves a dot."""
    fig, ax = style.figure()
    ax.plot([0.123, 0.456, 0.789], [0.2, 0.4, 0.6], "o")
    fig.canvas.draw()
    expected = ax.transData.transform([[0.123, 0.2], [0.456, 0.4], [0.789, 0.6]]) * 72 / fig.dpi
    expected[:, 1] = fig.get_figheight() * 72 - expected[:, 1]
    text = svg(fig, "x")
    found = [
        [float(e.get("x", 0)), float(e.get("y", 0))] for e in parts(text) if e.tag.endswith("}use")
    ]
    near = [min(np.abs(np.array(f) - e).max() for f in found) for e in expected]
    assert max(near) < 0.3  # the layout itself is solved again at another resolution


def test_what_no_file_can_hold_is_drawn_as_its_sign() -> None:
    fig, ax = style.figure()
    ax.set_title("a\x08b \x1b[31m <script>")
    with pytest.warns(UserWarning, match="missing from font"):
        text = svg(fig, "x")
    assert "\ufffd" in text
    assert "<script" not in text
    text.encode("utf-8")


def test_every_color_of_the_style_has_one_for_the_dark() -> None:
    sheet = SHEET.read_text(encoding="utf-8")
    for color in (*style.COLOURS, style.INK, style.MUTED):
        for paint in ("fill", "stroke"):
            assert f'[{paint}="{color}"]' in sheet, color
    assert f'[fill="{style.SIMULATED}"]' in sheet
    assert style.ON_PALE not in sheet
