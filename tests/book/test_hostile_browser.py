"""What strangers and models write, built into a book and opened in a browser: it stays text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from test_hostile_text import HOSTILE

from revealed.figures import page
from revealed.foundation.paths import project_root
from revealed.report.browser import served
from revealed.report.stage import _jupyter_book

pytestmark = pytest.mark.browser

ROOT = project_root(Path(__file__).parent)
RUNS = "<script>window.ran = true</script><img src=x onerror='window.ran = true'>"
TEXTS = {**HOSTILE, "runs": RUNS}


def shown() -> list[page.Html]:
    """Every way in which a chapter shows text of strangers, for every hostile text."""
    parts: list[page.Html] = []
    for name, text in TEXTS.items():
        table = pd.DataFrame({"name": [name], "text": pd.Series([text], dtype=object)})
        parts += [
            page.table(table, f"Table {text[:300]}", provenance="simulated"),
            page.folded(f"Note {text[:300]}", page.answer(text)),
            page.note(text[:5000]),
            page.say("{name} says it.", "simulated", name=text[:300]),
        ]
    return parts


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A book of one chapter with all of this in it, served on loopback."""
    folder = tmp_path_factory.mktemp("hostile")
    source = folder / "source"
    for name in ("_static", "_extensions"):
        shutil.copytree(ROOT / "book" / name, source / "book" / name)
    shutil.copy(ROOT / "book" / "references.bib", source / "book")
    shutil.copy(ROOT / "_config.yml", source)
    (source / "extra").mkdir()
    (source / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: notebooks/real/hostile\n"
    )
    (source / "book" / "index.md").write_text("# First page\n\nNothing.\n")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    book.cells = [nbformat.v4.new_markdown_cell("# Hostile texts\n\nOne formula of ours: $x^2$.")]
    for number, part in enumerate(shown(), start=1):
        data = {"text/html": part._repr_html_(), "text/plain": "shown"}
        result = nbformat.v4.new_output("execute_result", data=data, execution_count=number)
        book.cells.append(
            nbformat.v4.new_code_cell("shown", execution_count=number, outputs=[result])
        )
    path = source / "notebooks" / "real" / "hostile.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(book, path)
    built = _jupyter_book(source, folder / "built")
    with served(built) as found:
        yield f"{found}notebooks/real/hostile.html"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("width", [390, 1440])
def test_hostile_texts_stay_text(browser: object, address: str, width: int) -> None:
    view = browser.new_page(  # type: ignore[attr-defined]
        viewport={"width": width, "height": 900}
    )
    troubles: list[str] = []
    view.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    view.on("pageerror", lambda error: troubles.append(str(error)))
    asked: list[str] = []
    view.on("request", lambda request: asked.append(request.url))
    view.goto(address, wait_until="load")
    view.wait_for_function("document.querySelectorAll('.katex').length > 0")
    for closed in view.query_selector_all("article details:not([open]) > summary"):
        closed.evaluate("element => element.parentElement.open = true")
    view.wait_for_timeout(500)
    assert troubles == []
    assert view.evaluate("window.ran") is None, "a text was run"
    host = address.split("/notebooks/")[0]
    assert [url for url in asked if not url.startswith((host, "data:"))] == []
    # Ours alone: one heading, one formula, and none of the elements that texts spell out.
    assert view.evaluate("document.querySelectorAll('article h1').length") == 1
    assert view.evaluate("document.querySelectorAll('.katex').length") == 1
    assert (
        view.evaluate("document.querySelectorAll('.cell_output :is(script, b, img)').length") == 0
    )
    assert view.evaluate("document.querySelectorAll('[onmouseover], [onerror]').length") == 0
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    text = view.inner_text("article")
    for name in ("script", "directive", "latex", "template", "runs", "closing"):
        assert TEXTS[name].split("\n")[0] in text, name
    # A megabyte is cut, wherever it stands.
    assert len(text) < 400_000
    view.close()
