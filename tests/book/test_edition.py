"""The book as one PDF, and pages on paper: everything is there, in order, and nothing is cut."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from revealed.cli.app import app
from revealed.foundation.errors import DataError
from revealed.foundation.paths import project_root
from revealed.report import edition
from revealed.report.browser import served
from revealed.report.screenshots import VIEWS, take

SITE = project_root(Path(__file__).parent) / "_build" / "html"
PAPER = {"width": 665, "height": 971}  # A4 less the margins of the style sheet, in CSS pixels

NAV = """<nav class="bd-links"><a class="reference internal" href="#">First &amp; last</a>
<p><span class="caption-text">Look</span></p><a class="reference internal" href="explore.html">E</a>
<p><span class="caption-text">Values</span></p>
<a class="reference internal" href="../notebooks/a/one.html">One
 thing</a><a class="reference internal" href="limits.html">Limits</a></nav>"""


def page(body: str) -> str:
    return (
        '<html><head><meta charset="utf-8"/>'
        '<link rel="stylesheet" href="../_static/revealed.css"/></head><body>'
        f'{NAV}<article class="bd-article">{body}</article></body></html>'
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A site of three chapters and an explorer, as the theme writes them."""
    bodies = {
        "index": '<h1 id="top">First &amp; last</h1><a href="limits.html#b">to</a>',
        "book/index": '<h1 id="top">First</h1><a href="limits.html#b">to b</a>'
        '<a href="../data/x.csv">x</a><a href="explore.html">E</a>',
        "book/explore": "<h1>E</h1>",
        "book/limits": '<h1 id="top">Limits</h1><p id="b">b</p><a href="#top">up</a>'
        '<a href="https://example.org/?a=1&amp;b=2">out</a><script>window.ran = 1</script>'
        '<details class="rv-fold"><summary>s</summary>x</details><details class="hide">y</details>',
        "notebooks/a/one": '<h1 id="top">One thing</h1><a href="../../book/index.html">front</a>'
        '<img src="../../_static/x.svg"/><svg><path id="f1"/><use href="#f1"/></svg>',
    }
    for name, body in bodies.items():
        path = tmp_path / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(body), encoding="utf-8")
    return tmp_path


def test_chapters_are_in_the_order_of_the_contents_with_their_parts(small: Path) -> None:
    assert [(c.name, c.title, c.part) for c in edition.contents(small)] == [
        ("book/index", "First & last", ""), ("notebooks/a/one", "One thing", "Values"),
        ("book/limits", "Limits", ""),
    ]  # fmt: skip
    with pytest.raises(DataError, match="no book"):
        edition.contents(small / "nowhere")


def test_links_lead_to_places_of_the_joined_document(small: Path) -> None:
    text = edition.joined(small, "https://base.example/", {"chapter-book-limits": 7})
    for expected in (
        'href="#chapter-book-limits--b"', 'id="chapter-book-limits--b"',
        'href="#chapter-book-limits--top"', 'href="#chapter-book-index"',
        'href="https://base.example/data/x.csv"', 'href="https://base.example/book/explore.html"',
        'href="https://example.org/?a=1&amp;b=2"', 'src="../_static/x.svg"',
        '<path id="f1"/><use href="#f1"/>', "Limits</a><span>7</span>",
        '<details open class="rv-fold">', '<details class="hide">',
    ):  # fmt: skip
        assert expected in text, expected
    assert "window.ran" not in text
    names = re.findall(r' id="([^"]*)"', text)
    assert len(names) == len(set(names))
    assert text.index("One thing</h1>") < text.index("Limits</h1>")
    assert 'href="#"' in edition.joined(small)


def test_the_downloads_lead_to_the_pdf_once_it_is_there(small: Path) -> None:
    edition.offer(small, 3, 1_000)  # a site without that page stays as it is
    written = (project_root(Path(__file__).parent) / "book" / "downloads.md").read_text("utf-8")
    place = re.search(r"<p id=.*</p>", written)
    assert place is not None
    downloads = small / "book" / "downloads.html"
    downloads.write_text(page(f"<h1>D</h1>{place[0]}<p>after</p>"), encoding="utf-8")
    for pages, told in ((1_234, "(1,234 pages, 5.6 MB)"), (7, "(7 pages, 5.6 MB)")):
        edition.offer(small, pages, 5_600_000)
        text = downloads.read_text(encoding="utf-8")
        assert f'<a download href="../{edition.NAME}">{edition.NAME}</a> {told}</p><p>after' in text
        assert "hidden" not in text
        assert text.count(edition.NAME) == 2


def test_a_pdf_without_pages_is_refused() -> None:
    with pytest.raises(DataError, match="pages"):
        edition.read_pdf(b"%PDF-1.4\n1 0 obj\n<</Type /Catalog>>\nendobj")


# --------------------------------------------------------------------------------------- browser


@pytest.mark.browser
def test_a_small_book_is_printed_with_page_numbers_in_its_contents(
    browser: object, small: Path
) -> None:
    with served(small) as where:
        tab = browser.new_page()  # type: ignore[attr-defined]
        tab.route("**/*.css", lambda route: route.fulfill(
            content_type="text/css",
            body="@media print {.bd-article, .rv-edition-contents {break-before: page}}",
        ))  # fmt: skip
        data, found = edition.printed(tab, where, small)
        assert found == edition.Edition(
            5, {"chapter-book-index": 3, "chapter-notebooks-a-one": 4, "chapter-book-limits": 5}
        )
        assert data.startswith(b"%PDF-")
        assert [s.strip() for s in tab.locator(".rv-edition-entry span").all_inner_texts()] == [
            "3", "4", "5",
        ]  # fmt: skip
        tab.close()


WIDE = """() => {
  const width = document.documentElement.clientWidth + 1;
  const over = [...document.querySelectorAll("table, .rv-figure, pre, h1, h2, .rv-claim")].filter(
    (e) => e.getBoundingClientRect().right > width);
  return over.map((e) => `${e.closest("article")?.id}: ${e.tagName} ${e.innerText.slice(0, 60)}`);
}"""


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_edition_holds_every_chapter_in_order_and_cuts_nothing(
    browser: object, address: str
) -> None:
    context = browser.new_context(viewport=PAPER, color_scheme="dark")  # type: ignore[attr-defined]
    tab = context.new_page()
    tab.set_default_timeout(200_000)
    chapters = edition.contents(SITE)
    assert len(chapters) > 40
    data, found = edition.printed(tab, address, SITE, "https://base.example/")
    assert found.pages > 100
    assert list(found.begins) == [chapter.place for chapter in chapters]
    begins = list(found.begins.values())
    assert begins == sorted(set(begins))
    # Bookmarks name every chapter. Where a heading has two lines, Chromium joins them.
    assert b"/Outlines" in data
    named = re.findall(rb"/Title \((.*?)(?<!\\)\)\s", data, re.DOTALL)
    squeezed = {re.sub(rb"[\s\\]", b"", title) for title in named}
    for chapter in chapters:
        if chapter.title.isascii():
            assert re.sub(r"\s", "", chapter.title).encode() in squeezed, chapter.title

    tab.emulate_media(media="print")
    assert tab.evaluate(WIDE) == []
    for chapter, heading in zip(chapters, tab.locator("article h1").all_inner_texts(), strict=True):
        assert chapter.title in " ".join(heading.split())
    # Tables are whole and figures no taller than a page.
    cut = tab.evaluate(
        "[...document.querySelectorAll('.rv-scroll')]"
        ".filter(e => e.scrollHeight > e.clientHeight + 1).length"
    )
    assert cut == 0
    tall = tab.evaluate(
        "Math.max(...[...document.querySelectorAll('.rv-figure svg')]"
        ".map(e => e.getBoundingClientRect().height))"
    )
    assert 100 < tall < PAPER["height"]
    # The text of a closed code cell is for the screen.
    assert tab.locator("details.hide:visible").count() == 0
    # No link leads to a place that is not there.
    lost = tab.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(name => name && !document.getElementById(name))"
    )
    assert not lost, lost[:10]
    context.close()


@pytest.mark.browser
def test_a_page_goes_to_paper_by_day_and_comes_back_as_it_was(
    browser: object, address: str
) -> None:
    context = browser.new_context(viewport=PAPER, color_scheme="dark")  # type: ignore[attr-defined]
    tab = context.new_page()
    tab.goto(address + "notebooks/values/coherence.html")
    tab.wait_for_load_state("networkidle")
    folded = tab.locator("details.rv-fold:not([open])").count()
    assert folded > 5
    tab.emulate_media(media="print")
    tab.wait_for_selector("html[data-theme=light]", state="attached")
    assert tab.locator("details.rv-fold:not([open])").count() == 0
    for gone in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer", ".headerlink"):
        assert tab.locator(f"{gone}:visible").count() == 0, gone
    assert tab.locator("h1:visible").count() == 1
    ground, ink = tab.evaluate(
        "[getComputedStyle(document.querySelector('.bd-article')).backgroundColor,"
        " getComputedStyle(document.querySelector('.bd-article p')).color]"
    )
    assert ground == "rgb(255, 255, 255)"
    assert max(map(int, re.findall(r"\d+", ink)[:3])) < 120
    words = tab.evaluate(
        "[...document.querySelectorAll('.rv-figure text')].map(e => getComputedStyle(e).fill)"
    )
    assert "rgb(31, 36, 48)" in words
    assert "rgb(228, 231, 236)" not in words
    assert tab.evaluate(WIDE) == []
    tab.emulate_media(media="screen")
    tab.wait_for_selector("html[data-theme=dark]", state="attached")
    assert tab.locator("details.rv-fold:not([open])").count() == folded
    context.close()


@pytest.mark.browser
def test_where_a_link_leads_is_written_on_paper(browser: object, address: str) -> None:
    tab = browser.new_page(viewport=PAPER)  # type: ignore[attr-defined]
    tab.goto(address + "book/references.html")
    tab.evaluate(
        "document.querySelector('article').insertAdjacentHTML('beforeend',"
        '\'<p><a class="reference external" href="https://example.org/x">there</a></p>\')'
    )
    tab.emulate_media(media="print")
    behind = tab.evaluate(
        "Object.fromEntries([...document.querySelectorAll('article a.external')]"
        ".map(a => [a.getAttribute('href'), getComputedStyle(a, '::after').content]))"
    )
    assert "https://example.org/x" in behind.pop("https://example.org/x")
    # The references say their addresses in words.
    assert set(behind.values()) == {"none"}
    tab.close()


@pytest.mark.browser
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_picture_shows_the_page_as_it_is_read_there(
    browser: object, address: str, tmp_path: Path, view: object
) -> None:
    import numpy as np
    from PIL import Image

    target = tmp_path / "page.png"
    take(browser, address, "book/limits", view, target)  # type: ignore[arg-type]
    with Image.open(target) as picture:
        assert picture.width == view.width  # type: ignore[attr-defined]
        assert picture.height > 1_000
        seen = np.asarray(picture.convert("L"))
    assert (np.median(seen) < 60) == (view.name == "dark")  # type: ignore[attr-defined]
    assert seen.std() > 10, "nothing is on it"


def test_without_a_book_the_commands_say_so(tmp_path: Path) -> None:
    for command in (["pdf", "--site"], ["screenshots", str(tmp_path / "out"), "--site"]):
        done = CliRunner().invoke(app, [*command, str(tmp_path)])
        assert done.exit_code != 0
        assert isinstance(done.exception, DataError)
    assert not (tmp_path / "out").exists()
