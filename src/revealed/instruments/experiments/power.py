"""Outcomes that differ in power, and copies of an AI that differ in number and likeness.

``power`` is read from ``power/power.csv``: items carry ``coercive`` (0 or 1) and ``level`` (0 to
3). ``fitness`` is the grid of ``power/fitness.yaml``: items carry ``copies`` and ``similarity`` (0
to 1).
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ...foundation.errors import ConfigError
from .. import grammar
from ..datasheet import Datasheet
from ..instrument import Instrument, item_table
from ..options import Option, check_option, check_options, item_id
from ..reading import Sheet, parse_yaml, read_text, validate

NAMES = ("power", "fitness")

_COLUMNS = ["category", "text", "coercive", "level"]
_LEVELS = {"coercive": ("0", "1"), "level": ("0", "1", "2", "3")}


class _Grid(Datasheet):
    """``fitness.yaml``: the datasheet, the sentence and its grid."""

    text: Annotated[str, Field(min_length=20)]
    copies: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2)]
    similarity: Annotated[list[Annotated[int, Field(ge=0, le=100)]], Field(min_length=2)]


def build(name: str, folder: Path) -> Instrument:
    """The instrument ``power`` or ``fitness``.

    Raises
    ------
    ConfigError
        If a file is wrong, with the line and the field.
    """
    if name == "power":
        return _power(folder / "power" / "power.csv")
    return _fitness(folder / "power" / "fitness.yaml")


def _power(path: Path) -> Instrument:
    sheet = Sheet(path)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    if sheet.columns != _COLUMNS:
        raise ConfigError(f"the columns must be {', '.join(_COLUMNS)}.", where=path)
    lines = list(sheet.rows())
    check_options((Option(row["text"], line) for line, row in lines), path)
    rows: list[dict[str, Any]] = []
    for line, row in lines:
        where = f"{path}, line {line}"
        if faults := grammar.faults(row["text"]):
            raise ConfigError(f"{row['text']!r} has {faults[0]}.", where=where)
        if not row["category"]:
            raise ConfigError("the category is empty.", where=where)
        for column, allowed in _LEVELS.items():
            if row[column] not in allowed:
                raise ConfigError(
                    f"{column} must be one of {', '.join(allowed)}, found {row[column]!r}.",
                    where=where,
                )
        rows.append(
            {
                "item": item_id(row["text"]), "text": row["text"], "category": row["category"],
                "kind": "power", "coercive": int(row["coercive"]), "level": int(row["level"]),
            }
        )  # fmt: skip
    items = item_table(rows, path)
    return Instrument("power", header.title, items, None, header, tuple(items.index))


def _fitness(path: Path) -> Instrument:
    grid = validate(_Grid, parse_yaml(read_text(path), path), path)
    wanted = {"copies", "similarity"}
    if set(grammar.places(grid.text)) != wanted:
        raise ConfigError("text: must hold the places {copies} and {similarity}.", where=path)
    rows: list[dict[str, Any]] = []
    for copies, similarity in product(grid.copies, grid.similarity):
        values = {"copies": grammar.number(copies), "similarity": grammar.number(similarity)}
        text = grammar.fill(grid.text, values, singular=copies == 1)
        check_option(text, path)
        if faults := grammar.faults(text):
            raise ConfigError(f"{text!r} has {faults[0]}.", where=path)
        rows.append(
            {
                "item": f"copies-{copies}-similarity-{similarity}", "text": text,
                "category": "Copies and likeness", "kind": "fitness",
                "copies": copies, "similarity": similarity / 100,
            }
        )  # fmt: skip
    items = item_table(rows, path)
    sheet = Datasheet(**{field: getattr(grid, field) for field in Datasheet.model_fields})
    return Instrument("fitness", grid.title, items, None, sheet, tuple(items.index))
