"""Sphinx extension of the book: what the theme's markup keeps from a screen reader.

Each change is of one attribute that the theme writes and offers no setting for.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_CHANGES = (
    # A name that does not hold the words on the button: who speaks to a computer says the words.
    (re.compile(r'(<summary) aria-label="Toggle hidden content"'), r"\1"),
    (re.compile(r'(<button class="[^"]*\bsearch-button-field\b[^"]*"[^>]*) aria-label="Search"'),
     r"\1"),
    (re.compile(r'<summary>(?=<span class="toctree-toggle")'),
     '<summary aria-label="Show the pages below">'),
    # The icons of the three color modes have titles, so the button's name comes from its label.
    (re.compile(r'(<i class="theme-switch [^"]*" data-mode="[a-z]+"\s+)title="[^"]*"'), r"\1"),
    # A glyph of an icon font is no letter.
    (re.compile(r'<(i|span) class="((?:theme-switch )?fa[bsr]? [^"]*|(?:theme-switch )?fa-[^"]*)"'),
     r'<\1 aria-hidden="true" class="\2"'),
    (re.compile(r'(<button class="sidebar-toggle [^>]*?)title="(Toggle [a-z]+ sidebar)"'),
     r'\1aria-label="\2" title="\2"'),
    # Name and search of the book stand outside of every landmark.
    (re.compile(r'<div id="pst-primary-sidebar"'),
     '<div id="pst-primary-sidebar" role="complementary" aria-label="Contents of the book"'),
    # Roles of Sphinx that ARIA has given up; the list holds links as well, which no list may.
    (re.compile(r'<div role="list" class="citation-list"'), '<div class="citation-list"'),
    (re.compile(r' role="doc-biblioentry"'), ""),
    # An empty corner of a table heads nothing.
    (re.compile(r"<th(?: [^>]*)?>\s*</th>"), "<td></td>"),
)  # fmt: skip


# Tables of names and what they are: the name heads its row.
_SUMMARY = re.compile(r'<table class="autosummary.*?</table>', re.DOTALL)
_NAME = re.compile(r'(<tr class="row-(?:odd|even)">)<td>(.*?)</td>', re.DOTALL)


def accessible(html: str) -> str:
    """The page with these changes."""
    for found, instead in _CHANGES:
        html = found.sub(instead, html)
    return _SUMMARY.sub(lambda table: _NAME.sub(r'\1<th scope="row">\2</th>', table[0]), html)


def _finish(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        for path in sorted(Path(app.outdir).rglob("*.html")):
            page = path.read_text(encoding="utf-8")
            path.write_text(accessible(page), encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Run before the policies, whose hashes are of the finished page."""
    app.connect("build-finished", _finish, priority=800)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
