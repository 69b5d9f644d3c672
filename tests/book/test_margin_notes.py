"""Details of method stand beside the text on a wide screen, and within it on a phone and on paper.

The browser's part needs ``make book`` first; without a built book it is skipped, and counted.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from revealed.foundation.paths import project_root
from revealed.report.browser import served

ROOT = project_root(Path(__file__).parent)
SITE = ROOT / "_build" / "html"


def noted() -> list[str]:
    """Chapters with a margin note, as pages of the site."""
    found = []
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        if "```{margin}" in text:
            found.append(path.relative_to(ROOT).with_suffix(".html").as_posix())
    return found


def test_chapters_of_every_part_on_methods_have_notes() -> None:
    assert len(noted()) >= 10


PLACES = """() => {
  const notes = [...document.querySelectorAll("aside.margin")];
  const text = document.querySelector(".bd-article p").getBoundingClientRect();
  return notes.map((note) => {
    const box = note.getBoundingClientRect();
    return {left: box.left, right: box.right, width: box.width, text: text.right,
            words: note.innerText.length};
  });
}"""


@pytest.mark.browser
def test_notes_are_beside_the_text_and_never_off_the_page(browser: object) -> None:
    if not (SITE / "index.html").is_file():
        pytest.skip("no built book here (make book)")
    with served(SITE) as address:
        for width, media in ((1440, "screen"), (1100, "screen"), (390, "screen"), (665, "print")):
            context = browser.new_context(  # type: ignore[attr-defined]
                viewport={"width": width, "height": 900}
            )
            tab = context.new_page()
            tab.emulate_media(media=media)
            for page in noted()[:: 1 if width == 1440 else 4]:
                tab.goto(address + page)
                tab.wait_for_load_state("networkidle")
                notes = tab.evaluate(PLACES)
                assert notes, page
                for note in notes:
                    assert note["words"] > 40, page
                    assert note["width"] > 150, (page, width)
                    assert 0 <= note["left"] < note["right"] <= width + 1, (page, width)
                    if width == 1440:
                        assert note["left"] >= note["text"] - 5, page
            context.close()


@pytest.mark.browser
def test_the_sign_of_contents_that_give_way_to_a_note_is_in_the_font() -> None:
    from fontTools.ttLib import TTFont

    if not (SITE / "index.html").is_file():
        pytest.skip("no built book here (make book)")
    fonts = SITE / "_static" / "vendor" / "fontawesome" / "webfonts"
    assert 0xF107 in TTFont(fonts / "fa-solid-900.woff").getBestCmap()
