"""Read a CSV file as text, so that each cell is judged by its column's schema, not by guessing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from ...foundation.errors import DataError


def read_csv(path: Path) -> pd.DataFrame:
    """A UTF-8 CSV file with every cell as text; empty cells are missing, blank lines are skipped.

    Raises
    ------
    DataError
        Naming file and row (counted from 1, without the header) where the file cannot be read, is
        not UTF-8 or not CSV, or a row has more or fewer cells than the header.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error}).", where=path) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot be read as CSV: byte {error.start} is not UTF-8.", where=path
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows: list[list[str | None]] = []
    try:
        for cells in reader:
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
    except csv.Error as error:
        raise DataError(
            f"cannot be read as CSV ({error}).", where=f"{path}, row {len(rows) + 1}"
        ) from error
    if not header:
        raise DataError("cannot be read as CSV: it has no header.", where=path)
    if twice := {name for name in header if header.count(name) > 1}:
        raise DataError(f"has the column {min(twice)} twice.", where=path)
    return pd.DataFrame(rows, columns=header, dtype=object)
