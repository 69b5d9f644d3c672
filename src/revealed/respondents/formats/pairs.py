"""Pairwise choices that somebody else has: a CSV file with a row an answer, or a row a count.

Needed are two columns that name the options and what was chosen. ``first`` and ``second`` say that
the first was listed first; ``item_a`` and ``item_b`` say nothing about the order, unless a column
``listed_first`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import PROVENANCES
from ..elicit import COUNTS
from ..public.delimited import read_numbered_csv
from .portable import Portable, checked, choices_table, no_utilities, one_provenance

_SIDES = {"item_a": "n_a", "item_b": "n_b", "first": "n_first", "second": "n_second"}
_OTHER = COUNTS[2:]
_ROLES = ("train", "holdout")
HEADERS = (
    "first,second,chosen", "first,second,n_first,n_second",
    "item_a,item_b,chosen", "item_a,item_b,n_a,n_b",
)  # fmt: skip
"""What a file may have at least, in any order and among other columns."""


@dataclass(frozen=True)
class _Form:
    """Which columns of this file say what."""

    one: str
    other: str
    counted: bool
    ordered: bool


def read_pairs(
    path: Path,
    *,
    respondent: str | None = None,
    instrument: str | None = None,
    arm: str | None = None,
) -> list[Portable]:
    """The answers of every respondent, instrument and arm that a CSV file holds.

    Columns: ``first`` and ``second``, or ``item_a`` and ``item_b``; then ``chosen`` (an item, or
    the side: first, second, a, b; or neutral, refused, unparsed, failed) in a file with a row an
    answer, or ``n_first`` and ``n_second`` (``n_a`` and ``n_b``), and ``n_neutral``,
    ``n_refused``, ``n_unparsed``, ``n_failed`` where there are such, in a file with a row a count.
    Optional: ``respondent``, ``instrument``, ``arm``, ``role`` (train or holdout),
    ``provenance``, ``listed_first`` (a or b, or the item), ``sample`` (which of the repeated
    answers), ``text_a`` and ``text_b`` (``text_first`` and ``text_second``).

    Parameters
    ----------
    respondent, instrument, arm
        Where the file has no such column. Without either, the file's name and the arm ``forced``.

    Raises
    ------
    DataError
        Naming file and line, and what to do.
    """
    table, lines = read_numbered_csv(path)
    form = _form(list(table.columns), path)
    if table.empty:
        raise DataError("has no rows.", where=path, todo="Give a row an answer, or a row a pair.")
    given = {"respondent": respondent, "instrument": instrument, "arm": arm}
    rest = {"respondent": path.stem, "instrument": f"imported/{path.stem}", "arm": "forced"}
    cells: dict[tuple[str, str, str], _Gathering] = {}
    for line, row in zip(lines, table.to_dict("records"), strict=True):
        where = f"{path}, line {line}"
        key = tuple(_cell(row, name, given[name] or rest[name], where) for name in rest)
        cells.setdefault(key, _Gathering(form)).add(row, line, where)  # type: ignore[arg-type]
    return [_portable(key, gathered, path) for key, gathered in cells.items()]


def _form(columns: list[str], path: Path) -> _Form:
    for one, other in (("first", "second"), ("item_a", "item_b")):
        if one in columns and other in columns:
            counted = _SIDES[one] in columns and _SIDES[other] in columns
            if counted == ("chosen" in columns):
                break
            return _Form(one, other, counted, ordered=one == "first" or "listed_first" in columns)
    raise DataError(
        f"does not say what was chosen of what; its columns are {', '.join(columns):.200}.",
        where=f"{path}, line 1",
        todo="Give one of these headers: " + "; ".join(HEADERS) + ".",
    )


def _cell(row: Mapping[str, Any], name: str, default: str, where: str) -> str:
    if name not in row:
        return default
    if row[name] is None or row[name] != row[name]:
        raise DataError(f"column {name} must not be empty.", where=where, todo="Fill it in.")
    return str(row[name])


class _Gathering:
    """The rows of one cell, added up pair by pair and order by order."""

    def __init__(self, form: _Form):
        self.form = form
        self.counts: dict[tuple[str, str], dict[str, Any]] = {}
        self.texts: dict[str, str] = {}
        self.lines: dict[tuple[Any, ...], int] = {}
        self.places: dict[str, str] = {}
        self.provenances: set[str] = set()

    def add(self, row: Mapping[str, Any], line: int, where: str) -> None:
        form = self.form
        one, other = (_cell(row, side, "", where) for side in (form.one, form.other))
        if one == other:
            raise DataError(f"compares {one!r} with itself.", where=where, todo="Remove the row.")
        turned = _turned(row, one, other, form, where)
        first, second = (other, one) if turned else (one, other)
        counts = self._counted(row, where) if form.counted else _chosen(row, one, other, where)
        if turned:
            counts = {**counts, "n_first": counts["n_second"], "n_second": counts["n_first"]}
        self._once((first, second), row, line, where)
        role = _cell(row, "role", "train", where)
        if role not in _ROLES:
            raise DataError(
                f"column role must be train or holdout, found {role!r:.40}.", where=where
            )
        if "provenance" in row:
            kind = _cell(row, "provenance", "", where)
            if kind not in PROVENANCES:
                raise DataError(
                    f"column provenance must be of {', '.join(PROVENANCES)}, found {kind!r:.40}.",
                    where=where,
                )
            self.provenances.add(kind)
        entry = self.counts.setdefault(
            (first, second),
            {"first": first, "second": second, "role": role, **dict.fromkeys(COUNTS, 0.0)},
        )
        if entry["role"] != role:
            raise DataError(f"{first!r} and {second!r} are both {role} and not.", where=where)
        for name in COUNTS:
            entry[name] += counts[name]
        for item in (one, other):
            self.places.setdefault(item, f"line {line}")
        self._read_texts(row, one, other, where)

    def _counted(self, row: Mapping[str, Any], where: str) -> dict[str, float]:
        names = {
            "n_first": _SIDES[self.form.one], "n_second": _SIDES[self.form.other],
            **{name: name for name in _OTHER if name in row},
        }  # fmt: skip
        return dict.fromkeys(COUNTS, 0.0) | {
            name: _count(row[column], column, where) for name, column in names.items()
        }

    def _once(self, pair: tuple[str, str], row: Mapping[str, Any], line: int, where: str) -> None:
        """Counts of a pair stand once; of answers, a numbered sample."""
        if self.form.counted:
            key: tuple[Any, ...] = pair
        elif "sample" in row:
            key = (*pair, _cell(row, "sample", "", where))
        else:
            return
        if (before := self.lines.setdefault(key, line)) != line:
            raise DataError(
                f"repeats line {before}: {pair[0]!r} and {pair[1]!r} again.",
                where=where,
                todo="Remove one of them, or add them up.",
            )

    def _read_texts(self, row: Mapping[str, Any], one: str, other: str, where: str) -> None:
        names = ("text_first", "text_second") if self.form.one == "first" else ("text_a", "text_b")
        for item, name in zip((one, other), names, strict=True):
            text = row.get(name)
            if not isinstance(text, str):
                continue
            if (known := self.texts.setdefault(item, text)) != text:
                raise DataError(
                    f"the item {item!r} reads {text!r:.60}, and before {known!r:.60}.",
                    where=where,
                    todo="Give an item one text, or two texts two names.",
                )


def _turned(row: Mapping[str, Any], one: str, other: str, form: _Form, where: str) -> bool:
    """Whether the second named option goes first: because it was listed first, or by alphabet."""
    if form.one == "first":
        return False
    if not form.ordered:
        return other < one
    said = _cell(row, "listed_first", "", where)
    if said in (one, other):
        return said == other
    if said not in ("a", "b"):
        raise DataError(
            f"column listed_first must be a, b or one of the two items, found {said!r:.40}.",
            where=where,
        )
    return said == "b"


def _chosen(row: Mapping[str, Any], one: str, other: str, where: str) -> dict[str, float]:
    said = _cell(row, "chosen", "", where)
    names = {
        **{name.removeprefix("n_"): name for name in _OTHER},
        "a": "n_first", "b": "n_second", "first": "n_first", "second": "n_second",
        one: "n_first", other: "n_second",
    }  # fmt: skip
    if said not in names:
        raise DataError(
            f"column chosen must name one of the two items or a side, found {said!r:.60}.",
            where=where,
            todo=f"Write {one!r:.40} or {other!r:.40}; or neutral, refused, unparsed, failed.",
        )
    return dict.fromkeys(COUNTS, 0.0) | {names[said]: 1.0}


def _count(cell: Any, column: str, where: str) -> float:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise DataError(
            f"column {column} must be a count of 0 or more, found {cell!r:.40}.",
            where=where,
            todo="Write 0 where nobody chose it.",
        )
    return value


def _portable(key: tuple[str, str, str], gathered: _Gathering, path: Path) -> Portable:
    respondent, instrument, arm = key
    provenance = one_provenance(gathered.provenances, respondent, path)
    cell = {"respondent": respondent, "instrument": instrument, "arm": arm}
    rows = choices_table(list(gathered.counts.values()), {**cell, "provenance": provenance})
    about: dict[str, Any] = {"order_known": gathered.form.ordered}
    return checked(
        Portable(
            **cell, provenance=provenance, texts=gathered.texts,
            choices=pd.DataFrame(rows), utilities=no_utilities(), about=about,
            places=gathered.places,
        ),
        path,
    )  # fmt: skip
