"""Sphinx extension of the book: what a page shows where somebody shares its address.

Title, first paragraph and one card for all pages (Open Graph); and a link to the feed. Only where
``html.baseurl`` says where the site is published, because all of them are whole addresses.
"""

from __future__ import annotations

import html
from typing import Any

from docutils import nodes

_LONGEST = 240


def _description(doctree: Any) -> str:
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > 40:
            cut = text[:_LONGEST].rsplit(" ", 1)[0] + " ..." if len(text) > _LONGEST else text
            return cut
    return ""


def _tags(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    base = str(app.config.html_baseurl).rstrip("/")
    if doctree is None or not base:
        return
    told = {
        "og:type": "article",
        "og:site_name": app.config.html_title or "Revealed",
        "og:title": context.get("title", ""),
        "og:description": _description(doctree),
        "og:url": f"{base}/{pagename}.html",
        "og:image": f"{base}/_static/card.png",
        "og:image:alt": "Revealed: what do language models prefer?",
    }
    tags = [
        f'<meta property="{name}" content="{html.escape(str(text))}" />'
        for name, text in told.items()
        if text
    ]
    tags.append('<meta name="twitter:card" content="summary_large_image" />')
    tags.append(f'<meta name="description" content="{html.escape(told["og:description"])}" />')
    tags.append(
        f'<link rel="alternate" type="application/atom+xml" title="What changed" '
        f'href="{html.escape(base)}/feed.xml" />'
    )
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def setup(app: Any) -> dict[str, Any]:
    """Add the tags to every page."""
    app.connect("html-page-context", _tags)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
