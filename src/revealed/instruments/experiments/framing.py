"""The small set of pairs of goods that every framing is asked (METHODS 8, the last points).

Items are those of an exchange instrument, texts and translations included. A pair's columns are
``one`` and ``other`` (item ids), ``block`` (``equal``: the same quantity on both sides; ``offer``:
different ones), ``good`` and ``per`` (the goods of both sides) and ``log_ratio``, the natural
logarithm of the first side's quantity over the second's.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from ...foundation.errors import ConfigError
from ..datasheet import Datasheet
from ..instrument import Instrument
from ..reading import parse_yaml, read_text, validate

NAMES: tuple[str, ...] = ("framing",)


class _Design(Datasheet):
    """``framing/design.yaml``: the datasheet, the goods, and how far apart offers lie."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instrument: str
    goods: Annotated[list[str], Field(min_length=4)]
    steps: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _agree(self) -> _Design:
        if len(self.goods) % 2 or len(set(self.goods)) < len(self.goods):
            raise ValueError("goods: an even number of different goods is needed")
        return self


def build(name: str, folder: Path) -> Instrument:
    """The pairs of ``framing/design.yaml``.

    Raises
    ------
    ConfigError
        If the file is wrong, or its instrument has not the goods or too few quantities.
    """
    from ..load import load_instrument  # it reads the modules of this package

    path = folder / "framing" / "design.yaml"
    design = validate(_Design, parse_yaml(read_text(path), path), path)
    whole = load_instrument(design.instrument, folder.parent.parent)
    items = whole.items[(whole.items["kind"] == "good") & whole.items["good"].isin(design.goods)]
    if unknown := set(design.goods) - set(items["good"]):
        raise ConfigError(
            f"{design.instrument} has no good {unknown.pop()!r}.", where=f"{path}, goods"
        )
    grid = sorted(set(items["quantity"]))
    if max(design.steps) >= len(grid):
        raise ConfigError(f"the grid has {len(grid)} quantities only.", where=f"{path}, steps")
    ids = {(row.good, row.quantity): row.Index for row in items.itertuples()}
    rows = [_row(ids, block, *sides) for block, sides in _sides(design.goods, grid, design.steps)]
    sheet = Datasheet(**{field: getattr(design, field) for field in Datasheet.model_fields})
    return Instrument(
        name, design.title, items, pd.DataFrame(rows), sheet, tuple(design.goods), whole.translate
    )


def round_robin(n: int) -> list[list[tuple[int, int]]]:
    """The n - 1 rounds in which each of n (even) players meets every other once: the circle method.

    Who stands first in a pair alternates, so that nobody is always named first.
    """
    rounds = []
    for turn in range(n - 1):
        circle = [0, *(1 + (k + turn) % (n - 1) for k in range(n - 1))]
        pairs = [(circle[k], circle[n - 1 - k]) for k in range(n // 2)]
        rounds.append([pair if (turn + k) % 2 else pair[::-1] for k, pair in enumerate(pairs)])
    return rounds


_Side = tuple[str, float]


def _sides(
    goods: list[str], grid: list[float], steps: list[int]
) -> list[tuple[str, tuple[_Side, _Side]]]:
    """Both blocks: every two goods at one quantity, and at two."""
    rounds = round_robin(len(goods))
    made: list[tuple[str, tuple[_Side, _Side]]] = []
    for turn, pairs in enumerate(rounds):
        quantity = grid[turn % len(grid)]
        made += [("equal", ((goods[a], quantity), (goods[b], quantity))) for a, b in pairs]
    larger = np.zeros(len(goods), dtype=int)
    for turn, pairs in enumerate(rounds):
        for k, (a, b) in enumerate(pairs):
            step = steps[(turn + k) % len(steps)]
            low = (2 * turn + 3 * k) % (len(grid) - step)
            more, less = (a, b) if larger[a] <= larger[b] else (b, a)
            larger[more] += 1
            quantity_of = {more: grid[low + step], less: grid[low]}
            made.append(("offer", ((goods[a], quantity_of[a]), (goods[b], quantity_of[b]))))
    return made


def _row(ids: dict[Any, Any], block: str, one: _Side, other: _Side) -> dict[str, Any]:
    return {
        "one": ids[one], "other": ids[other], "block": block, "good": one[0], "per": other[0],
        "log_ratio": math.log(one[1] / other[1]),
    }  # fmt: skip
