"""Docstrings as they are written here, made fit for Sphinx.

A name between single backticks is code, not a reference, and a star, a bar or an underscore in a
sentence is itself, not markup. A paragraph behind a list of parameters is a note, and none of them.
"""

from __future__ import annotations

import re
from typing import Any

_CODE = re.compile(r"(``.+?``)|(?<!`)`([^`\n]+)`(?!`)")
_MARKUP = re.compile(r"[*|]|(?<=\w)_(?!\w)")


def plain(line: str) -> str:
    """One line of a docstring with code as literals and everything else without markup."""
    parts, at = [], 0
    for found in _CODE.finditer(line):
        parts.append(_MARKUP.sub(r"\\\g<0>", line[at : found.start()]))
        parts.append(found.group(1) or f"``{found.group(2)}``")
        at = found.end()
    return "".join([*parts, _MARKUP.sub(r"\\\g<0>", line[at:])])


_SECTIONS = ("Parameters", "Attributes", "Raises", "Returns")


def noted(lines: list[str]) -> list[str]:
    """Lines of a docstring with a heading before a paragraph that closes a section's list."""
    made: list[str] = []
    within = False
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if following and not following.strip("-"):
            within = line in _SECTIONS
        elif (
            within and line.strip("-") and not line.startswith(" ")
            and not lines[number - 1] and not following.startswith(" ")
        ):  # fmt: skip
            made += ["Notes", "-----"]
            within = False
        made.append(line)
    return made


def _tidy(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [plain(line) for line in noted(lines)]


def setup(app: Any) -> dict[str, bool]:
    """Register before napoleon reads the sections, which has the usual priority of 500."""
    app.setup_extension("sphinx.ext.autodoc")  # whichever of the two is named first
    app.connect("autodoc-process-docstring", _tidy, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
