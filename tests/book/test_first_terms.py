"""The first use of a glossary term on a page is a link, and only that."""

from __future__ import annotations

import importlib
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.utils import new_document

from revealed.foundation.paths import project_root

ROOT = project_root(Path(__file__).parent)
SITE = ROOT / "_build" / "html"
PLACES = {
    "gate": "g#gate", "calibration pair": "g#pair", "retest": "g#retest",
    "held-out pairs": "g#held", "order effect": "g#order", "lapse": "g#lapse",
}  # fmt: skip


@pytest.fixture
def terms(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(ROOT / "book" / "_extensions"), *sys.path])
    return importlib.import_module("first_terms")


def page(*parts: nodes.Node) -> nodes.document:
    document = new_document("page", get_default_settings())
    document.extend(parts)
    return document


def said(*parts: str | nodes.Node) -> nodes.paragraph:
    made = nodes.paragraph()
    made.extend(nodes.Text(part) if isinstance(part, str) else part for part in parts)
    return made


def links(document: nodes.document) -> list[tuple[str, str]]:
    return [(node.astext(), node["refuri"]) for node in document.findall(nodes.reference)]


def test_the_first_use_of_each_term_is_linked_in_any_number_and_case(terms: ModuleType) -> None:
    document = page(
        said("Calibration pairs open the gate. The gate, a calibration pair and an Order effect."),
        said("Lapses, a retest, another retest, and held-out", "\n", "pairs."),
    )
    before = document.astext()
    terms.link(document, PLACES)
    assert links(document) == [
        ("Calibration pairs", "g#pair"), ("gate", "g#gate"), ("Order effect", "g#order"),
        ("Lapses", "g#lapse"), ("retest", "g#retest"), ("held-out\npairs", "g#held"),
    ]  # fmt: skip
    assert document.astext() == before


def test_a_part_of_a_word_and_what_is_no_prose_stay(terms: ModuleType) -> None:
    document = page(
        nodes.title("", "The gate"),
        said("Gatekeepers relapse; a non-gate. ", nodes.literal("", "gate")),
        said(nodes.emphasis("", "gate")),
    )
    terms.link(document, PLACES)
    assert links(document) == [("gate", "g#gate")]
    assert isinstance(next(document.findall(nodes.reference)).parent, nodes.emphasis)


def test_where_an_author_has_linked_it_nothing_is_added(terms: ModuleType) -> None:
    own = nodes.reference("", "doors", refuri="g#gate")
    document = page(said("The ", own, " before the gate."))
    assert terms.link(document, PLACES) == []


def test_the_glossary_is_in_the_order_of_the_alphabet() -> None:
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    named = re.findall(r"^([^\s`#{][^\n]*)$", text, re.MULTILINE)
    assert len(named) > 40
    assert named == sorted(named, key=lambda term: term.lower().replace("-", " "))


def test_everyday_words_are_terms_of_the_glossary(terms: ModuleType) -> None:
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w[^\n]*)\n  \S", text, re.MULTILINE)) >= terms.EVERYDAY


class _Article(HTMLParser):
    """Text of paragraphs outside of links, headings and code, and the terms linked, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.path: list[str] = []
        self.seen: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("img", "br", "hr", "input", "wbr", "meta", "link"):
            kinds = dict(attrs)
            apart = "cell_output" in (kinds.get("class") or "")
            href = kinds.get("href") or ""
            named = "#term-" in href
            self.path.append("apart" if apart else f"term {href}" if named else tag)

    def handle_endtag(self, tag: str) -> None:
        if self.path:
            self.path.pop()

    def handle_data(self, data: str) -> None:
        if "article" not in self.path or "apart" in self.path:
            return
        term = next((part for part in self.path if part.startswith("term ")), "")
        if term:
            self.seen.append(("link", data))
        elif "p" in self.path and not {"a", "code", "h1", "h2", "h3", "pre"} & set(self.path):
            self.seen.append(("text", data))


@pytest.mark.browser
def test_every_chapter_links_each_term_where_it_first_appears(terms: ModuleType) -> None:
    if not (SITE / "index.html").is_file():
        pytest.skip("no built book here (make book)")
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^(\w[^\n]*)\n  \S", text, re.MULTILINE)) - terms.EVERYDAY
    assert len(named) > 30
    linked = 0
    for path in sorted((SITE / "notebooks").rglob("*.html")):
        article = _Article()
        article.feed(path.read_text(encoding="utf-8"))
        for term in named:
            matched = terms.pattern([term])
            first = next((kind for kind, data in article.seen if matched.search(data)), "")
            # A longer term may hold a shorter one, which is then explained where that leads.
            inside = any(term in other and term != other for other in named)
            assert first in ("", "link") or inside, f"{path.name}: {term}"
            linked += first == "link"
    assert linked > 40
