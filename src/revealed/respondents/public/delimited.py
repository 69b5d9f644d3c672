"""Read a CSV file as text, so that each cell is judged by its column's schema, not by guessing."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

from ...foundation.errors import DataError

_LONGEST = 2**31 - 1
"""Characters that a cell may have."""


def read_csv(path: Path) -> pd.DataFrame:
    """A UTF-8 CSV file with every cell as text; empty cells are missing, blank lines are skipped.

    Raises
    ------
    DataError
        Naming file and row (counted from 1, without the header) where the file cannot be read, is
        not UTF-8 or not CSV, or a row has more or fewer cells than the header.
    """
    return read_numbered_csv(path)[0]


def read_numbered_csv(path: Path) -> tuple[pd.DataFrame, list[int]]:
    """A CSV file as `read_csv` reads it, and the line of the file at which each row begins."""
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot be read as CSV: byte {error.start} is not UTF-8.", where=path
        ) from error
    return _table(text, path)


def read_mixed_csv(path: Path) -> tuple[pd.DataFrame, int]:
    """A CSV file some of whose cells are not UTF-8, and how many rows had such cells.

    Each cell is read as UTF-8, else as Windows-1252, the usual other encoding of files that were
    written on several machines; a byte that is neither becomes U+FFFD. Files in UTF-16 are
    recognized by their byte order mark.

    Raises
    ------
    DataError
        As `read_csv`, except for what is not UTF-8.
    """
    raw = _bytes(path)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        table, _ = _table(raw.decode("utf-16", errors="replace"), path)
        return table, len(table)
    # Latin-1 keeps every byte, and the marks that make a file CSV are ASCII in all of these.
    table, _ = _table(raw.removeprefix(codecs.BOM_UTF8).decode("latin-1"), path)
    repaired = np.zeros(len(table), bool)
    columns = {}
    for number, name in enumerate(table.columns):
        read = [_cell(cell) for cell in table.iloc[:, number]]
        columns[_cell(str(name))[0]] = [text for text, _ in read]
        repaired |= np.array([off for _, off in read], bool)
    return pd.DataFrame(columns, dtype=object), int(repaired.sum())


def _cell(cell: str | None) -> tuple[str | None, bool]:
    """The text of a cell that was read byte by byte, and whether it was not UTF-8."""
    if cell is None:
        return None, False
    raw = cell.encode("latin-1")
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), True


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error}).", where=path) from error


def _table(text: str, path: Path) -> tuple[pd.DataFrame, list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows: list[list[str | None]] = []
    lines: list[int] = []
    begin = 1
    # A model's answer may be longer than the 128 kB that the csv module allows a cell.
    allowed = csv.field_size_limit(_LONGEST)
    try:
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not cells:
                continue
            if not header:
                header = cells
            elif len(cells) != len(header):
                raise DataError(
                    f"has {len(cells)} cells where the header has {len(header)}.",
                    where=f"{path}, row {len(rows) + 1}",
                )
            else:
                rows.append([cell or None for cell in cells])
                lines.append(line)
    except csv.Error as error:
        raise DataError(
            f"cannot be read as CSV ({error}).", where=f"{path}, row {len(rows) + 1}"
        ) from error
    finally:
        csv.field_size_limit(allowed)
    if not header:
        raise DataError("cannot be read as CSV: it has no header.", where=path)
    if twice := {name for name in header if header.count(name) > 1}:
        raise DataError(f"has the column {min(twice)} twice.", where=path)
    return pd.DataFrame(rows, columns=header, dtype=object), lines
