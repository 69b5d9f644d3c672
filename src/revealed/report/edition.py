"""The book as one PDF: every chapter in the order of the contents, printed by a browser.

The pages of a built site are joined to one document, so that links between chapters still lead
somewhere and pages are numbered through. It is printed twice: the first time tells on which page
each chapter begins, the second writes that into the contents. A page that is nothing without a
browser, the explorer, is left out.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from revealed.foundation.errors import DataError
from revealed.foundation.paths import atomic_write

from .browser import chromium, served

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

NAME = "revealed.pdf"
"""What the file is called beside the first page of a site."""

SCREEN_ONLY = frozenset({"book/explore"})
"""Pages without a printed form."""

_FRONT = "book/index"
_DOWNLOADS = "book/downloads"
_ADDRESS = "book/edition.html"

_NAV = re.compile(r'<nav class="bd-links.*?</nav>', re.DOTALL)
_ENTRY = re.compile(
    r'<span class="caption-text">(?P<part>.*?)</span>'
    r'|<a class="[^"]*\binternal\b[^"]*" href="(?P<href>[^"#?]*)#?"[^>]*>(?P<title>.*?)</a>',
    re.DOTALL,
)
_ARTICLE = re.compile(r'<article class="bd-article[^>]*>(.*)</article>', re.DOTALL)
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
_STYLES = re.compile(r'<link\b[^>]*rel="stylesheet"[^>]*>')
_NAMES = re.compile(r'(<(?!svg|path|clipPath|rect|use|g\b)[a-zA-Z][^<>]*?\sid=")([^"]*)"')
_LINKS = re.compile(r'(<a\b[^<>]*?\shref=")([^"]*)"')
_OFFER = re.compile(r'<p\b[^>]*\bid="rv-edition-file"[^>]*>.*?</p>', re.DOTALL)
_SOURCES = re.compile(r'(<img\b[^<>]*?\ssrc=")(?!data:)([^"]*)"')


@dataclass(frozen=True)
class Chapter:
    """A page of the book: its name ("book/limits"), its title, and the part it opens, if any."""

    name: str
    title: str
    part: str = ""

    @property
    def place(self) -> str:
        """The name that its beginning has in the joined document."""
        return "chapter-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower())


def contents(site: Path) -> list[Chapter]:
    """The chapters in the order of the sidebar of the first page.

    Raises
    ------
    DataError
        If no book stands in `site`.
    """
    first = site / f"{_FRONT}.html"
    if not first.is_file():
        raise DataError("no book is built here.", where=site, todo="Run `make book` first.")
    nav = _NAV.search(first.read_text(encoding="utf-8"))
    found: list[Chapter] = []
    part = ""
    for entry in _ENTRY.finditer(nav[0] if nav else ""):
        if entry["part"] is not None:
            part = html.unescape(entry["part"])
            continue
        href = entry["href"] or f"{posixpath.basename(_FRONT)}.html"
        name = posixpath.normpath(posixpath.join(posixpath.dirname(_FRONT), href))
        name = name.removesuffix(".html")
        if name not in SCREEN_ONLY and (site / f"{name}.html").is_file():
            found.append(Chapter(name, " ".join(html.unescape(entry["title"]).split()), part))
            part = ""
    return found


def joined(site: Path, base: str = "", numbers: Mapping[str, int] | None = None) -> str:
    """The whole book as one HTML document, whose address is below ``book/``.

    Parameters
    ----------
    base
        Where the site is published; links to files that are no chapter lead there. Without it they
        are plain words.
    numbers
        The page on which each chapter's `place` begins, for the contents.
    """
    chapters = contents(site)
    places = {chapter.name: chapter.place for chapter in chapters}
    head = (site / f"{_FRONT}.html").read_text(encoding="utf-8").partition("</head>")[0]
    styles = [
        *_STYLES.findall(head),
        '<link rel="stylesheet" href="../_static/katex/katex.min.css"/>',
        "<style>@page { size: A4; }</style>",  # a single page goes on its reader's own paper
    ]
    bodies = "".join(_body(site, chapter, places, base) for chapter in chapters)
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-content_root="../"><head>'
        f'<meta charset="utf-8"/><title>Revealed</title>{"".join(styles)}'
        '<script defer src="../_static/katex/katex.min.js"></script>'
        '<script defer src="../_static/formulas.js"></script></head>'
        '<body class="rv-edition"><main class="bd-main"><div class="bd-content">'
        f"{_opening(base)}{_contents(chapters, numbers or {})}{bodies}</div></main></body></html>"
    )


def _opening(base: str) -> str:
    where = f'<p class="rv-edition-where">{html.escape(base)}</p>' if base else ""
    return (
        '<section class="rv-edition-title"><p class="rv-edition-name">Revealed</p>'
        "<p>What do language models prefer? A study that anybody can run again.</p>"
        "<p>Every number is the finding of a run, with its interval, and says where it comes from. "
        "What simulated respondents answered is marked on each figure and table; it shows what the "
        "instruments find, and nothing about any model.</p>"
        f"{where}</section>"
    )


def _contents(chapters: list[Chapter], numbers: Mapping[str, int]) -> str:
    rows = []
    for chapter in chapters:
        if chapter.part:
            rows.append(f'<p class="rv-edition-part">{html.escape(chapter.part)}</p>')
        link = f'<a href="#{chapter.place}">{html.escape(chapter.title)}</a>'
        page = numbers.get(chapter.place, "")
        rows.append(f'<p class="rv-edition-entry">{link}<span>{page}</span></p>')
    return f'<section class="rv-edition-contents"><h1>Contents</h1>{"".join(rows)}</section>'


def _body(site: Path, chapter: Chapter, places: Mapping[str, str], base: str) -> str:
    page = (site / f"{chapter.name}.html").read_text(encoding="utf-8")
    article = _ARTICLE.search(page)
    if article is None:
        raise DataError("a page has no article.", where=site / f"{chapter.name}.html")
    folder = posixpath.dirname(chapter.name)

    def name(found: re.Match[str]) -> str:
        return f'{found[1]}{chapter.place}--{found[2]}"'

    def link(found: re.Match[str]) -> str:
        return f'{found[1]}{_target(html.unescape(found[2]), chapter, places, base)}"'

    def source(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, found[2]))
        return f'{found[1]}{posixpath.relpath(path, posixpath.dirname(_ADDRESS))}"'

    text = _SCRIPT.sub("", article[1])
    text = _SOURCES.sub(source, _LINKS.sub(link, _NAMES.sub(name, text)))
    text = re.sub(r'<details(?=>|[^>]*class="rv-(?:fold|sheet))', "<details open", text)
    return f'<article class="bd-article" id="{chapter.place}">{text}</article>'


def _target(address: str, chapter: Chapter, places: Mapping[str, str], base: str) -> str:
    """Where a link of a chapter leads in the joined document."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return html.escape(address, quote=True)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(chapter.name), parts.path))
    name = path.removesuffix(".html") if parts.path else chapter.name
    if name in places:
        return f"#{places[name]}--{parts.fragment}" if parts.fragment else f"#{places[name]}"
    return html.escape(f"{base.rstrip('/')}/{path}", quote=True) if base else "#"


@dataclass(frozen=True)
class Edition:
    """What was printed: pages, and the page on which each chapter begins (`Chapter.place`)."""

    pages: int
    begins: dict[str, int]


def read_pdf(data: bytes) -> Edition:
    """Pages and named places of a PDF as Chromium writes it, with its objects uncompressed."""
    objects = {
        int(found[1]): found[2]
        for found in re.finditer(rb"(\d+) 0 obj\s(.*?)endobj", data, re.DOTALL)
    }
    order = list(_leaves(objects, _root(objects)))
    begins = {
        found[1].decode("ascii", "replace"): order.index(int(found[2])) + 1
        for text in objects.values()
        for found in re.finditer(rb"/(chapter-[a-z0-9-]+)\s*\[\s*(\d+) 0 R\s*/XYZ", text)
        if int(found[2]) in order and b"--" not in found[1]
    }
    return Edition(len(order), begins)


def _root(objects: Mapping[int, bytes]) -> int:
    for text in objects.values():
        if b"/Type /Catalog" in text and (found := re.search(rb"/Pages (\d+) 0 R", text)):
            return int(found[1])
    raise DataError("the browser's PDF has no pages.")


def _leaves(objects: Mapping[int, bytes], number: int) -> Iterator[int]:
    text = objects[number]
    kids = re.search(rb"/Kids\s*\[(.*?)\]", text, re.DOTALL)
    if kids is None:
        yield number
        return
    for kid in re.findall(rb"(\d+) 0 R", kids[1]):
        yield from _leaves(objects, int(kid))


def show(tab: Tab, address: str, text: str) -> None:
    """Open the joined document in a page of the browser, formulas drawn and fonts loaded."""

    def answer(route: Any) -> None:
        route.fulfill(content_type="text/html; charset=utf-8", body=text)

    tab.unroute(f"{address}{_ADDRESS}")
    tab.route(f"{address}{_ADDRESS}", answer)
    tab.goto(address + _ADDRESS)
    tab.wait_for_load_state("networkidle")
    tab.wait_for_function("!document.querySelector('[data-formula]:not(:has(.katex))')")
    tab.evaluate("document.fonts.ready.then(() => true)")


def printed(tab: Tab, address: str, site: Path, base: str = "") -> tuple[bytes, Edition]:
    """The book of `site`, which is served at `address`, as a PDF, and what is in it."""
    show(tab, address, joined(site, base))
    first = read_pdf(tab.pdf(prefer_css_page_size=True, print_background=True))
    show(tab, address, joined(site, base, first.begins))
    # With tags, which screen readers and bookmarks need, the file is three times as large.
    data = tab.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    return data, read_pdf(data)


def write(site: Path, target: Path, base: str = "") -> Edition:
    """Print the book of `site` into `target`; the file appears whole or not at all.

    Raises
    ------
    DataError
        If no book stands in `site`.
    BrowserError
        If no browser can be started.
    """
    with served(site) as address, chromium() as browser:
        tab = browser.new_page()
        tab.set_default_timeout(300_000)
        data, found = printed(tab, address, site, base)
    with atomic_write(target) as temporary:
        temporary.write_bytes(data)
    if target.resolve() == (site / NAME).resolve():
        offer(site, found.pages, len(data))
    return found


def offer(site: Path, pages: int, size: int) -> None:
    """Have the page *Downloads* of `site` lead to the PDF beside the first page.

    The page is built before there is a PDF, with a hidden paragraph in the place of the link.
    """
    path = site / f"{_DOWNLOADS}.html"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    link = (
        f'<p id="rv-edition-file"><a download href="../{NAME}">{NAME}</a> '
        f"({pages:,} pages, {size / 1e6:.1f} MB)</p>"
    )
    changed = _OFFER.sub(link, text, count=1)
    if changed != text:
        with atomic_write(path) as temporary:
            temporary.write_text(changed, encoding="utf-8")
