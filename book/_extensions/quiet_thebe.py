"""Sphinx extension of the book: leaves out the scripts of sphinx-thebe.

Jupyter Book always loads sphinx-thebe, whose script names a host that the book never asks and
throws ``THEBE_JS_URL`` errors in the console of every page. The book has no live cells, so no page
needs it.
"""

from __future__ import annotations

from typing import Any


def _without_thebe(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    def foreign(script: Any) -> bool:
        attributes = getattr(script, "attributes", {})
        return "thebe" in f"{getattr(script, 'filename', '')}{attributes.get('body', '')}".lower()

    context["script_files"] = [s for s in context.get("script_files", []) if not foreign(s)]


def setup(app: Any) -> dict[str, Any]:
    """Run after every other extension has added its scripts."""
    app.connect("html-page-context", _without_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
