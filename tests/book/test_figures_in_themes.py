"""Every figure of the built book in both themes: contrast as a browser computes it.

Needs ``make book`` first; without a built book the tests are skipped, and counted.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from revealed.figures import style
from revealed.foundation.paths import project_root
from revealed.report.browser import pages

pytestmark = pytest.mark.browser

SITE = project_root(Path(__file__).parent) / "_build" / "html"
DATA = [*style.COLOURS, style.INK, style.MUTED, style.FAINT, style.SIMULATED]

# Of each word: its color, see-through counted, against what lies under its middle. Of each mark in
# a color of the style: the color against the page; bands are see-through on purpose and left out.
MEASURE = """(data) => {
  const lum = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map(
      (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [x, y] = [lum(a), lum(b)].sort((m, n) => m - n);
    return (y + 0.05) / (x + 0.05);
  };
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const through = (element, own) => {
    let alpha = Number(own);
    for (let e = element; e.tagName !== "svg"; e = e.parentElement) {
      alpha *= Number(getComputedStyle(e).opacity);
    }
    return alpha;
  };
  const blend = (top, alpha, under) => top.map((v, i) => alpha * v + (1 - alpha) * under[i]);
  const page = rgb(getComputedStyle(document.querySelector(".bd-article")).backgroundColor
    === "rgba(0, 0, 0, 0)" ? getComputedStyle(document.body).backgroundColor
    : getComputedStyle(document.querySelector(".bd-article")).backgroundColor);
  const found = {page, words: [], marks: [], watermarks: [], badges: 0, figures: 0, seen: []};
  for (const d of document.querySelectorAll("details")) d.open = true;
  for (const svg of document.querySelectorAll(".rv-figure svg")) {
    found.figures += 1;
    const filled = [];
    for (const e of svg.querySelectorAll("path, rect, use, text, image")) {
      if (e.closest("defs")) continue;
      const look = getComputedStyle(e);
      const box = e.getBoundingClientRect();
      if (e.tagName === "image") { filled.push({box, color: null}); continue; }
      if (e.tagName === "text") {
        const x = box.x + box.width / 2, y = box.y + box.height / 2;
        const under = filled.findLast((f) => f.box.left <= x && x <= f.box.right
          && f.box.top <= y && y <= f.box.bottom);
        const alpha = through(e, look.fillOpacity);
        const mark = e.closest(".provenance-watermark");
        const ground = under && !mark ? under.color : page;
        if (ground === null) { found.seen.push(look.fill); continue; }
        const value = ratio(blend(rgb(look.fill), alpha, ground), ground);
        if (mark) found.watermarks.push(value);
        else if (e.textContent.trim()) found.words.push([e.textContent, look.fill, value]);
        if (e.closest(".provenance-simulated")) found.badges += 1;
        continue;
      }
      for (const paint of ["fill", "stroke"]) {
        const origin = e.closest(`[${paint}]`);
        const own = origin && origin.getAttribute(paint);
        if (look[paint] === "none" || !own || own === "none") continue;
        const alpha = through(e, look[paint + "Opacity"]);
        if (paint === "fill" && alpha > 0.9 && e.tagName !== "use") {
          filled.push({box, color: rgb(look.fill)});
        }
        if (data.includes(own) && alpha > 0.2 && !e.closest("[class^=provenance]")) {
          found.marks.push([own, look[paint], ratio(rgb(look[paint]), page)]);
        }
      }
    }
  }
  return found;
}"""


@pytest.mark.timeout(600)
def test_words_and_marks_stand_out_on_the_ground_of_the_page(browser: object, address: str) -> None:
    context = browser.new_context(color_scheme="light")  # type: ignore[attr-defined]
    tab = context.new_page()
    faint: set[str] = set()
    figures = marks = 0
    for name in (name for name in pages(SITE) if name.startswith(("notebooks/", "book/index"))):
        tab.goto(address + name)
        tab.wait_for_load_state("networkidle")
        for theme in ("light", "dark"):
            tab.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            found = tab.evaluate(MEASURE, DATA)
            assert (sum(found["page"]) < 150) == (theme == "dark"), found["page"]
            where = f"{name} {theme}"
            figures += found["figures"]
            marks += len(found["marks"])
            faint |= {f"{where}: {w!r} {c} {v:.2f}" for w, c, v in found["words"] if v < 4.5}
            faint |= {f"{where}: {own} {c} {v:.2f}" for own, c, v in found["marks"] if v < 3}
            # The word across a figure is seen, and hides nothing.
            word = found["watermarks"]
            faint |= {f"{where}: watermark {v:.2f}" for v in word if not 1.15 < v < 1.6}
            assert found["badges"] == len(word)
            # On a heat map letters are white or black, whatever the page.
            assert set(found["seen"]) <= {"rgb(255, 255, 255)", "rgb(0, 0, 0)"}, where
    context.close()
    assert figures > 100
    assert marks > 2_000
    assert not faint, sorted(faint)


def test_letters_are_set_in_the_font_they_were_measured_in(browser: object, address: str) -> None:
    tab = browser.new_page()  # type: ignore[attr-defined]
    tab.goto(address + "notebooks/values/lotteries.html")
    tab.wait_for_load_state("networkidle")
    loaded = tab.evaluate(
        "[...document.fonts].filter(f => f.family.includes('DejaVu') && f.status === 'loaded')"
        ".map(f => f.weight.replace('normal', '400') + f.style)"
    )
    assert {"400normal", "700normal", "400italic"} <= set(loaded)
    # No word leaves its figure.
    out = tab.evaluate(
        "[...document.querySelectorAll('.rv-figure svg')].flatMap(s => "
        "[...s.querySelectorAll('text')].filter(t => t.getBoundingClientRect().right > "
        "s.getBoundingClientRect().right + 3).map(t => t.textContent))"
    )
    assert not out
    tab.close()


def test_a_figure_is_kept_as_a_file_with_the_mark_in_it(
    browser: object, address: str, tmp_path: Path
) -> None:
    context = browser.new_context(color_scheme="dark")  # type: ignore[attr-defined]
    tab = context.new_page()
    tab.goto(address + "notebooks/values/coherence.html")
    tab.wait_for_load_state("networkidle")
    button = tab.get_by_role("button", name="Save figure 1 as SVG")
    with tab.expect_download() as saved:
        button.click()
    assert saved.value.suggested_filename == "coherence-1.svg"
    saved.value.save_as(tmp_path / "kept.svg")
    root = ElementTree.parse(tmp_path / "kept.svg").getroot()
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"simulated", "SIMULATED, no real model"} <= set(words)
    # On white, whatever the page was: its first shape is the ground.
    grounds = [e.get("fill") for e in root.iter("{http://www.w3.org/2000/svg}path")]
    assert grounds[0] == "#ffffff"
    context.close()
