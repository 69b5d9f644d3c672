"""Numbers, texts and whole files as the explorer's scripts read them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import SupportsFloat

from pydantic import BaseModel

from revealed.figures import page
from revealed.foundation.paths import atomic_write

DIGITS = 5
"""Significant digits of a number: more than any figure or interval can show."""
RECEIVER = "revealedExplore.receive"
_TEXT_LENGTH = 600


def short(value: SupportsFloat | None) -> float | None:
    """A number of `DIGITS` significant digits; None for what is missing or infinite."""
    if value is None or not math.isfinite(number := float(value)):
        return None
    return float(f"{number:.{DIGITS}g}")


def numbers(values: Iterable[SupportsFloat | None]) -> list[float | None]:
    """`short` of each."""
    return [short(value) for value in values]


def text(value: str, length: int = _TEXT_LENGTH) -> str:
    """A stranger's text as the book shows one: cut, control characters as their pictures."""
    return page.legible(value, length)


def coded(values: Sequence[str]) -> tuple[list[str], list[int]]:
    """The different values in the order of first appearance, and the place of each value."""
    place: dict[str, int] = {}
    codes = [place.setdefault(value, len(place)) for value in values]
    return list(place), codes


def script(name: str, content: BaseModel) -> str:
    """The file called `name` as a script of one call, in plain ASCII."""
    told = json.dumps(content.model_dump(), separators=(",", ":"), allow_nan=False)
    return f"{RECEIVER}({json.dumps(name)},{told});\n"


def read(script_text: str) -> tuple[str, object]:
    """Name and content of a script: the inverse of `script`."""
    inner = script_text.strip().removeprefix(f"{RECEIVER}(").removesuffix(");")
    name, end = json.JSONDecoder().raw_decode(inner)
    return name, json.loads(inner[end + 1 :])


def save(folder: Path, name: str, content: BaseModel) -> int:
    """Write one file below `folder`; returns its size in bytes."""
    written = script(name, content)
    with atomic_write(folder / f"{name}.js") as temporary:
        temporary.write_text(written, encoding="ascii")
    return len(written)
