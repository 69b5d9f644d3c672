"""The built site: links, pictures, badges, and what a browser says of every page.

Needs ``make book`` first; without a built book the tests are skipped, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from revealed.foundation.paths import project_root
from revealed.report.browser import served

pytestmark = pytest.mark.browser

ROOT = project_root(Path(__file__).parent)
SITE = ROOT / "_build" / "html"
GENERATED = {"genindex.html", "search.html"}


@dataclass
class Page(HTMLParser):
    """What the tests look at of one page."""

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    pictures: list[dict[str, str]] = field(default_factory=list)
    boxes: list[dict[str, object]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, object] | None]] = []
        self.text = self.path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        if "id" in own:
            self.ids.add(own["id"])
        if tag == "a" and "href" in own:
            self.links.append(own["href"])
        if tag in ("script", "img", "iframe", "source", "video") and own.get("src"):
            self.resources.append(own["src"])
        if tag == "link" and own.get("rel") not in ("canonical", "alternate") and own.get("href"):
            self.resources.append(own["href"])
        if tag == "img" or (tag == "svg" and own.get("role") == "img"):
            self.pictures.append({"alt": own.get("aria-label", ""), **own})
        classes = own.get("class", "").split()
        box = None
        if {"rv-figure", "rv-table"} & set(classes):
            box = {"plain": "rv-plain" in classes, "badges": 0, "what": classes[0]}
            self.boxes.append(box)
        if "rv-badge" in classes:
            for _, outer in self.open:
                if outer is not None:
                    outer["badges"] = int(str(outer["badges"])) + 1
        if tag not in ("img", "br", "hr", "input", "link", "meta", "source", "wbr"):
            self.open.append((tag, box))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self.open) - 1, -1, -1):
            if self.open[place][0] == tag:
                del self.open[place:]
                return


@pytest.fixture(scope="module")
def site() -> dict[str, Page]:
    if not (SITE / "index.html").is_file():
        pytest.skip("no built book here (make book)")
    return {
        path.relative_to(SITE).as_posix(): Page(path)
        for path in sorted(SITE.rglob("*.html"))
        if "_static" not in path.parts
    }


@pytest.fixture(scope="module")
def prose(site: dict[str, Page]) -> dict[str, Page]:
    """Pages that we wrote."""
    return {name: page for name, page in site.items() if name.startswith(("book/", "notebooks/"))}


def remote(address: str) -> bool:
    return address.startswith(("http://", "https://", "//"))


def test_every_page_of_the_contents_is_there(prose: dict[str, Page]) -> None:
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    named = re.findall(r"(?:root|file): (\S+)", contents)
    assert len(named) >= 13
    assert {f"{name}.html" for name in named} <= set(prose)


def test_every_internal_link_resolves(site: dict[str, Page]) -> None:
    broken = []
    for name, page in site.items():
        for address in [*page.links, *page.resources]:
            parts = urlsplit(address)
            if remote(address) or parts.scheme in ("data", "mailto", "javascript"):
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            if not target.is_file():
                broken.append(f"{name}: {address}")
            elif parts.fragment and target.suffix == ".html":
                ids = site[target.relative_to(SITE.resolve()).as_posix()].ids
                if unquote(parts.fragment) not in ids:
                    broken.append(f"{name}: {address} (no such place)")
    assert not broken


def test_no_page_loads_anything_from_elsewhere(site: dict[str, Page]) -> None:
    loaded = [
        f"{name}: {address}"
        for name, page in site.items()
        for address in page.resources
        if remote(address)
    ]
    assert not loaded


def test_every_picture_has_an_alternative_text(prose: dict[str, Page]) -> None:
    count = 0
    for name, page in prose.items():
        for picture in page.pictures:
            if "logo__image" in picture.get("class", ""):
                continue  # decoration beside the name in words
            assert picture.get("alt", "").strip(), f"{name}: {picture.get('src', '')[:60]}"
            if "revealed-figure" in picture.get("class", ""):
                count += 1
                # A file name or "figure 3" is no description.
                assert len(picture["alt"]) > 40, f"{name}: {picture['alt']}"
    assert count >= 5


def test_every_figure_and_table_has_a_badge(prose: dict[str, Page]) -> None:
    bare = [
        f"{name}: {box['what']}"
        for name, page in prose.items()
        for box in page.boxes
        if not box["plain"] and not box["badges"]
    ]
    assert not bare
    assert sum(len(page.boxes) for page in prose.values()) >= 15


def test_every_notebook_opens_with_its_question_and_then_its_finding(
    prose: dict[str, Page],
) -> None:
    for name, page in prose.items():
        if name.startswith("notebooks/"):
            article = page.text.split("<article", 1)[1]
            first = article.index("<em>")
            assert first < article.index('class="rv-lead"') < article.index("<h2"), name


def test_no_path_of_this_machine_is_in_the_site(prose: dict[str, Page]) -> None:
    for name, page in prose.items():
        assert str(ROOT) not in page.text, name
        assert str(Path.home() / ".") not in page.text, name


def test_no_claim_is_lost(prose: dict[str, Page]) -> None:
    front = prose["book/index.html"]
    assert {f"claim-c{number}" for number in range(1, 13)} <= front.ids


# --------------------------------------------------------------------------------------- browser


@pytest.fixture(scope="module")
def address(site: dict[str, Page]) -> Iterator[str]:
    with served(SITE) as found:
        yield found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_quiet_and_fits(
    browser: object, address: str, site: dict[str, Page], width: int, scheme: str
) -> None:
    context = browser.new_context(  # type: ignore[attr-defined]
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    said: list[str] = []
    for name in site:
        tab = context.new_page()
        tab.on(
            "console",
            lambda message, name=name: (
                said.append(f"{name}: {message.text}") if message.type == "error" else None
            ),
        )
        tab.on("pageerror", lambda error, name=name: said.append(f"{name}: {error}"))
        tab.on(
            "request",
            lambda request, name=name: (
                None
                if request.url.startswith((address, "data:"))
                else said.append(f"{name} asks {request.url}")
            ),
        )
        tab.on("requestfailed", lambda request, name=name: said.append(f"{name}: {request.url}"))
        tab.goto(address + name)
        tab.wait_for_load_state("networkidle")
        if tab.evaluate("document.documentElement.scrollWidth") > width:
            said.append(f"{name} is wider than {width} px")
        empty = tab.evaluate(
            "[...document.querySelectorAll('.revealed-figure')].filter(f => f.checkVisibility())"
            ".filter(f => f.getBoundingClientRect().width < 300).length"
        )
        if empty:
            said.append(f"{name}: {empty} figures are not drawn")
        tab.close()
    context.close()
    assert not said


@pytest.mark.timeout(120)
def test_the_first_page_leads_to_the_book_and_the_search_finds(
    browser: object, address: str
) -> None:
    tab = browser.new_page()  # type: ignore[attr-defined]
    tab.goto(address)
    tab.wait_for_url("**/book/index.html")
    assert "What do language models prefer?" in tab.title() + tab.inner_text("h1")
    tab.goto(address + "search.html?q=ledger")
    tab.wait_for_selector("ul.search li a")
    assert tab.locator("ul.search li a").count() >= 1
    tab.close()


@pytest.mark.timeout(120)
def test_a_formula_is_drawn_without_the_network(browser: object, address: str) -> None:
    tab = browser.new_page()  # type: ignore[attr-defined]
    tab.goto(address + "book/methods.html")
    tab.wait_for_selector(".katex")
    assert tab.locator(".katex").count() >= 2
    assert tab.locator(".katex-error").count() == 0
    assert tab.locator("[data-formula]:not(:has(.katex))").count() == 0
    tab.close()


def test_what_names_are_about_is_readable_on_a_phone(browser: object, address: str) -> None:
    tab = browser.new_page(viewport={"width": 390, "height": 900})  # type: ignore[attr-defined]
    for room in ("measures", "figures"):
        tab.goto(f"{address}book/api/{room}.html")
        widths = tab.evaluate(
            "[...document.querySelectorAll('table.autosummary td')]"
            ".map(cell => cell.getBoundingClientRect().width)"
        )
        assert len(widths) > 5, room
        assert min(widths) > 150, room
    tab.close()


def test_the_explorer_draws_this_run(browser: object, address: str) -> None:
    tab = browser.new_context().new_page()  # type: ignore[attr-defined]
    tab.goto(address + "book/explore.html")
    tab.wait_for_load_state("networkidle")
    assert tab.locator("article h1").inner_text().startswith("Explore")
    text = tab.locator("#explorer").inner_text()
    assert "could not be loaded" not in text
    assert tab.locator("#explorer svg, #explorer canvas").count() >= 1
    assert tab.locator("[id=explorer]").count() == 1
