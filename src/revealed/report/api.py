"""Pages of the code's public names: what Sphinx is told to read docstrings of.

Public is what a room's ``__init__`` lists in ``__all__``. A room that lists nothing is one of
modules; a package in it that lists its names is told whole, every other module by its first line.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from revealed.foundation.paths import atomic_write

ROOMS = (
    "foundation", "instruments", "respondents", "utilities", "measures", "figures", "study",
    "report",
)  # fmt: skip
"""In the order in which they import each other; the command line has `revealed --help`."""

WHOLE = ("foundation",)
"""Rooms without a list of names whose modules are told whole, because every room uses them."""


def generate(folder: Path) -> None:
    """Write ``api-<room>.md`` for every room into `folder`."""
    for room in ROOMS:
        with atomic_write(folder / f"api-{room}.md") as temporary:
            temporary.write_text(page(room), encoding="utf-8")


def page(room: str) -> str:
    """The directives that show a room's public names."""
    module = importlib.import_module(f"revealed.{room}")
    if hasattr(module, "__all__"):
        return _block([_whole(f"revealed.{room}")])
    packages: list[str] = []
    plain: list[str] = []
    for found in pkgutil.iter_modules(module.__path__, f"revealed.{room}."):
        listed = found.ispkg and hasattr(importlib.import_module(found.name), "__all__")
        (packages if listed or room in WHOLE else plain).append(found.name)
    parts = [_summary(plain)] if plain else []
    return _block(parts + [_whole(name, heading=True) for name in packages])


def _whole(name: str, *, heading: bool = False) -> str:
    title = f"{name}\n{'=' * len(name)}\n\n" if heading else ""
    # A module without a list would show all that it imports, each name twice.
    listed = hasattr(importlib.import_module(name), "__all__")
    imported = "   :imported-members:\n" if listed else ""
    return f"{title}.. automodule:: {name}\n   :members:\n{imported}"


def _summary(names: list[str]) -> str:
    rows = "".join(f"   {name}\n" for name in names)
    return f".. autosummary::\n   :nosignatures:\n\n{rows}"


def _block(parts: list[str]) -> str:
    return "```{eval-rst}\n" + "\n".join(parts) + "```\n"
