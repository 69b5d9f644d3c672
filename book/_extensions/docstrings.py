"""Docstrings as they are written here, made fit for Sphinx.

A name between single backticks is code, not a reference, and a star, a bar or an underscore in a
sentence is itself, not markup. A paragraph behind a list of parameters is a note, and none of them.
What is returned is told in a sentence or by type; a sentence is no list of types.
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


_RETURNED = "RETURNED"
_SENTENCES: dict[str, str] = {}


def returned(lines: list[str]) -> tuple[list[str], str]:
    """Lines of a docstring with a mark in the place of a sentence on what is returned, and that.

    Napoleon would take each line of the sentence for a value, with its type behind a colon.
    """
    for number, line in enumerate(lines[:-2]):
        if line != "Returns" or lines[number + 1].strip("-"):
            continue
        end = number + 2
        while end < len(lines) and lines[end].strip():
            end += 1
        told = lines[number + 2 : end]
        if told and not any(part.startswith(" ") for part in told):
            return [*lines[: number + 2], _RETURNED, *lines[end:]], " ".join(told)
    return lines, ""


def _tidy(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    made, sentence = returned(noted(lines))
    _SENTENCES[name] = plain(sentence)
    lines[:] = [plain(line) for line in made]


def _put_back(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    sentence = _SENTENCES.pop(name, "")
    lines[:] = [line.replace(f"*{_RETURNED}*", sentence) for line in lines]


def setup(app: Any) -> dict[str, bool]:
    """Register around napoleon, which reads the sections at the usual priority of 500."""
    app.setup_extension("sphinx.ext.autodoc")  # whichever of the two is named first
    app.connect("autodoc-process-docstring", _tidy, priority=400)
    app.connect("autodoc-process-docstring", _put_back, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
