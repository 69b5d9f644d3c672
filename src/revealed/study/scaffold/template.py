"""Templates of new files: text with ``$name`` places, which lies beside the code."""

from __future__ import annotations

from importlib import resources
from string import Template


def fill(source: str, /, **values: str) -> str:
    """The template ``templates/<source>.txt`` with its places filled.

    Raises
    ------
    KeyError
        If a place has no value.
    """
    folder = resources.files(__package__) / "templates"
    return Template((folder / f"{source}.txt").read_text(encoding="utf-8")).substitute(values)
