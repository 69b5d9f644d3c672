"""Tidy CSV with a sidecar that says what every column means (Frictionless Data Package 1).

``comparisons.csv`` has a row an order of a pair, ``utilities.csv`` a row an item, ``items.csv`` the
texts. The columns are those of the run's own tables; ``datapackage.json`` names kind, unit and
meaning of each, and the arms in which it was asked. Text cells are guarded (`spreadsheets`);
numbers are written so that they come back to the last bit.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.paths import atomic_write
from ...foundation.schemas import CHOICES, UTILITIES, Column, Schema, check
from ..public.delimited import read_numbered_csv
from .json_files import parse_json, read_bytes
from .portable import (
    HALF,
    Portable,
    checked,
    no_choices,
    no_utilities,
    one_provenance,
    storable,
)
from .spreadsheets import guard, unguard

_UNIT = UTILITIES.columns["mean"].unit

EXPORTED_UTILITIES = Schema(
    "exported utilities",
    {
        **UTILITIES.columns,
        "low": Column("number", optional=True, unit=_UNIT,
                      meaning="Lower end of the 95 % interval of the mean."),
        "high": Column("number", optional=True, unit=_UNIT,
                       meaning="Upper end of the 95 % interval of the mean."),
    },
    key=UTILITIES.key,
)  # fmt: skip
"""`UTILITIES` with the ends of the interval, which follow from mean and se."""

EXPORTED_ITEMS = Schema(
    "exported items",
    {
        "instrument": UTILITIES.columns["instrument"],
        "arm": UTILITIES.columns["arm"],
        "item": Column("text", meaning="The item: what the other tables call it."),
        "text": Column("text", blank=True, meaning="How the option reads; empty where unknown."),
    },
    key=("instrument", "arm", "item"),
)  # fmt: skip
"""What the items say; an item can read otherwise in another arm."""

_FILES: dict[str, tuple[str, Schema, str]] = {
    "comparisons": ("comparisons.csv", CHOICES, "Two rows a pair, one for each order of listing."),
    "utilities": ("utilities.csv", EXPORTED_UTILITIES, "A row an item."),
    "items": ("items.csv", EXPORTED_ITEMS, "A row an item and arm."),
}
_TYPES = {"text": "string", "number": "number", "count": "number", "flag": "boolean"}
SIDECAR = "datapackage.json"


def package(
    portables: Sequence[Portable], arms: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """The sidecar: resources with their columns, and the arms with title, purpose and labels."""
    return {
        "profile": "tabular-data-package",
        "name": "revealed-export",
        "title": "Choices and utilities of " + ", ".join(_names(portables)),
        "description": "Counts of answers to pairs of options, and utilities fitted to them. A "
        "text cell that begins with an apostrophe before = + - @ or another apostrophe was "
        "guarded against being run as a formula: take the apostrophe off.",
        "guarded": True,
        "about": [
            {"respondent": p.respondent, "instrument": p.instrument, "arm": p.arm, **p.about}
            for p in portables
        ],
        "arms": dict(arms or {}),
        "resources": [
            {
                "name": name, "path": file, "profile": "tabular-data-resource",
                "description": says, "encoding": "utf-8", "format": "csv",
                "mediatype": "text/csv",
                "schema": {
                    "fields": [_field(n, c, schema) for n, c in schema.columns.items()],
                    "primaryKey": list(schema.key),
                    "missingValues": [""],
                },
            }
            for name, (file, schema, says) in _FILES.items()
        ],
    }  # fmt: skip


def _names(portables: Sequence[Portable]) -> list[str]:
    return list(dict.fromkeys(p.respondent for p in portables))


def _field(name: str, column: Column, schema: Schema) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": name, "type": _TYPES[column.kind], "description": column.meaning,
        "constraints": {"required": not (column.optional or column.blank)},
    }  # fmt: skip
    if column.kind == "count":
        field["constraints"]["minimum"] = 0
    if column.unit:
        field["unit"] = column.unit
    return field


def write_package(
    portables: Sequence[Portable],
    folder: Path,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Path]:
    """Write the three tables and the sidecar into `folder`, the sidecar last.

    Returns
    -------
    The files.

    Raises
    ------
    DataError
        If two of `portables` are the same respondent, instrument and arm, or an item has two texts
        in one arm.
    """
    utilities = pd.concat([p.utilities for p in portables], ignore_index=True)
    mean, se = (utilities[name].astype(float) for name in ("mean", "se"))
    tables = {
        "comparisons": pd.concat([p.choices for p in portables], ignore_index=True),
        "utilities": utilities.assign(low=mean - HALF * se, high=mean + HALF * se),
        "items": _items(portables),
    }
    told = {
        name: check(tables[name], schema, folder / file)
        for name, (file, schema, _) in _FILES.items()
    }
    sidecar = json.dumps(package(portables, arms), indent=1, ensure_ascii=False, default=str)
    written = []
    for name, (file, schema, _) in _FILES.items():
        _write(told[name], schema, folder / file)
        written.append(folder / file)
    with atomic_write(folder / SIDECAR) as temporary:
        temporary.write_text(sidecar + "\n", encoding="utf-8")
    return [*written, folder / SIDECAR]


def _items(portables: Sequence[Portable]) -> pd.DataFrame:
    texts: dict[tuple[str, str, str], str] = {}
    for p in portables:
        for item in p.items:
            text = p.texts.get(item, "")
            if (known := texts.setdefault((p.instrument, p.arm, item), text)) != text:
                raise DataError(
                    f"the item {item!r} of {p.instrument}, {p.arm}, reads {known!r:.60} and "
                    f"{text!r:.60}.",
                    todo="Export these respondents into folders of their own.",
                )
    rows = [(*key, text) for key, text in texts.items()]
    return pd.DataFrame(rows, columns=list(EXPORTED_ITEMS.columns))


def _write(table: pd.DataFrame, schema: Schema, path: Path) -> None:
    columns = [_cells(table[name], column) for name, column in schema.columns.items()]
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as handle,
    ):
        # Texts are quoted, or a carriage return in one would end its line.
        writer = csv.writer(handle, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(list(schema.columns))
        writer.writerows(zip(*columns, strict=True))


def _cells(values: pd.Series, column: Column) -> list[Any]:
    if column.kind == "text":
        return [guard(storable(text, "this table")) for text in values]
    # An empty text stands for a missing number; a whole number needs no point.
    return ["" if v != v else int(v) if float(v).is_integer() else float(v) for v in values]


def read_package(folder: Path) -> list[Portable]:
    """What `write_package` wrote, a cell at a time.

    ``utilities.csv`` and ``items.csv`` may be missing, and ``comparisons.csv`` if there are
    utilities.

    Raises
    ------
    DataError
        Naming file and line.
    """
    sidecar = folder / SIDECAR
    told = parse_json(read_bytes(sidecar), sidecar) if sidecar.is_file() else {}
    guarded = isinstance(told, dict) and told.get("guarded") is True
    tables = {
        name: _read(folder / file, CHOICES if name == "comparisons" else schema, guarded)
        for name, (file, schema, _) in _FILES.items()
    }
    if all(table.empty for name, table in tables.items() if name != "items"):
        raise DataError(
            "holds neither comparisons.csv nor utilities.csv with a row.",
            where=folder,
            todo="Give a folder that `revealed export --to csv` wrote, or a CSV file of choices.",
        )
    parts = {
        "comparisons": _parts(tables["comparisons"], _CELL),
        "utilities": _parts(tables["utilities"], _CELL),
        "items": _parts(tables["items"], _CELL[1:]),
    }
    about = _about(told)
    cells = dict.fromkeys([*parts["comparisons"], *parts["utilities"]])
    return [_portable(cell, parts, about, folder) for cell in cells]


def _parts(table: pd.DataFrame, by: Sequence[str]) -> dict[tuple[str, ...], pd.DataFrame]:
    return {tuple(map(str, key)): rows for key, rows in table.groupby(list(by), sort=False)}


_LINE = "line"
_CELL = ("respondent", "instrument", "arm")


def _about(told: Any) -> dict[tuple[str, ...], dict[str, Any]]:
    listed = told.get("about") if isinstance(told, dict) else None
    return {
        tuple(str(entry.get(name)) for name in _CELL): {
            name: value for name, value in entry.items() if name not in _CELL
        }
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict)
    }


def _portable(
    cell: tuple[str, ...],
    parts: Mapping[str, Mapping[tuple[str, ...], pd.DataFrame]],
    about: Mapping[tuple[str, ...], dict[str, Any]],
    folder: Path,
) -> Portable:
    respondent, instrument, arm = cell
    choices = parts["comparisons"].get(cell, no_choices())
    utilities = parts["utilities"].get(cell, no_utilities())
    places: dict[str, str] = {}
    for table, columns in ((choices, ("first", "second")), (utilities, ("item",))):
        file = "comparisons.csv" if columns[0] == "first" else "utilities.csv"
        for column in columns if len(table) else ():
            for item, line in zip(table[column], table[_LINE], strict=True):
                places.setdefault(item, f"{file}, line {line}")
    told = (*choices["provenance"], *utilities["provenance"])
    provenance = one_provenance(told, respondent, folder)
    named = {*choices["first"], *choices["second"], *utilities["item"]}
    items = parts["items"].get((instrument, arm), pd.DataFrame(columns=["item", "text"]))
    texts = {
        item: text for item, text in zip(items["item"], items["text"], strict=True) if item in named
    }
    choices, utilities = (
        t.assign(provenance=provenance) if len(t) else t for t in (choices, utilities)
    )
    made = Portable(
        respondent, instrument, arm, provenance, texts, choices, utilities,
        about.get(cell, {}), places,
    )  # fmt: skip
    return checked(made, folder)


def _read(path: Path, schema: Schema, guarded: bool) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(columns=[*schema.columns, _LINE])
    table, lines = read_numbered_csv(path)
    for name, column in schema.columns.items():
        if name not in table:
            continue
        if column.kind == "text":
            cells = table[name].fillna("") if column.blank else table[name]
            texts = [unguard(c) if guarded and isinstance(c, str) else c for c in cells]
            table[name] = pd.Series(texts, index=table.index, dtype=object)
        else:
            table[name] = table[name].map(_number)
    return check(table, schema, path, lines).assign(**{_LINE: lines})


def _number(cell: Any) -> Any:
    """The number to the last bit; what is none stays, for the check to name it."""
    try:
        return float(cell) if isinstance(cell, str) else cell
    except ValueError:
        return cell
