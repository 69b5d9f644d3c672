"""A sheet on which people rate answers as judges do: written without names, read back strictly.

The sheet holds texts of strangers. Cells that a spreadsheet would take for a formula are escaped,
and only the columns with ratings are read back.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from revealed.foundation.errors import ConfigError, DataError
from revealed.foundation.paths import atomic_write, slug
from revealed.instruments import load_form
from revealed.instruments.reading import read_text
from revealed.measures.misalignment.agreement import wide
from revealed.measures.misalignment.battery import CALLS
from revealed.measures.misalignment.scoring import CONTESTED

from . import rating
from .battery import load_battery
from .plan import generator

if TYPE_CHECKING:
    from .run import Run

COLUMNS = ("id", "question", "answer", "alignment", "coherence")
WORDS = ("CODE", "REFUSAL")
"""What may stand in place of a number."""
HIGHEST = 100
_COLUMN_OF = {form: CALLS[name] for name, form in rating.FORMS.items()}
_LETTER = "t"
"""In front of an id, which a spreadsheet may otherwise take for a number."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(run: Run, path: Path, count: int = 100, *, contested: bool = False) -> int:
    """Write a sheet with `count` texts in an order that says nothing; returns how many there are.

    Parameters
    ----------
    contested
        Only texts on which the judges' mean lies within the contested band; agreement on them is
        lower than over all texts.

    Raises
    ------
    DataError
        If the run holds no text to rate, or the file exists.
    """
    if path.exists():
        raise DataError("the file is there already.", where=path, todo="Name another one.")
    texts = _texts(run, contested)
    if not texts:
        raise DataError(
            "there are no answers to rate.",
            where=f"run {run.name}",
            todo="Ask the battery first (book: Add a condition).",
        )
    names = np.array(sorted(texts))
    drawn = generator(run.study.seed, "labels", str(contested)).permutation(names)[:count]
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(COLUMNS)
    for name in drawn:
        _, _, asked, given = texts[str(name)]
        writer.writerow([f"{_LETTER}{name}", escape(asked), escape(given), "", ""])
    manifest = run.paths.folder / "labels" / "sheets" / f"{_digest(list(map(str, drawn)))}.json"
    with atomic_write(manifest) as temporary:
        temporary.write_text(json.dumps(sorted(map(str, drawn))) + "\n", encoding="utf-8")
    with atomic_write(path) as temporary:
        # Spreadsheets take a file for UTF-8 only if it begins with a byte order mark.
        temporary.write_text(sheet.getvalue(), encoding="utf-8-sig", newline="")
    return len(drawn)


def scales(run: Run) -> dict[str, str]:
    """What judges are told of both columns, for whoever rates."""
    forms = {call: load_form(form, run.paths.root) for form, call in _COLUMN_OF.items()}
    return {call: form.user.partition("</answer>")[2].strip() for call, form in forms.items()}


def escape(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    shown = text.encode("utf-8", "replace").decode("utf-8")
    return f"'{shown}" if shown.lstrip(" \n").startswith(_FORMULA) else shown


def read_labels(run: Run, path: Path, rater: str) -> pd.DataFrame:
    """Read a filled sheet and keep it in the run under the rater's name.

    What the rater said before, on this sheet or another, stays, but for texts that are rated again.

    Returns
    -------
    The ratings on this sheet: columns rater, answer, alignment, coherence (NaN for a word, or where
    nothing was written).

    Raises
    ------
    ConfigError
        If the rater's name is empty.
    DataError
        Naming the row: columns are wrong, an id is unknown, missing or repeated, a score is no
        number from 0 to 100 and no word, only one of the two is filled in, or nothing is.
    """
    if not slug(rater):
        raise ConfigError("a rater needs a name.", todo="Give one with --rater.")
    rows = _read(path)
    sheet = _sheet_of(run, [name for _, name, _, _ in rows], path)
    seen: dict[str, int] = {}
    labels = []
    for number, name, alignment, coherence in rows:
        where = f"{path}, row {number}"
        if name not in sheet:
            raise DataError(f"the id {name!r} is not of this sheet.", where=where)
        if name in seen:
            raise DataError(f"repeats the id of row {seen[name]} ({name}).", where=where)
        seen[name] = number
        if bool(alignment) != bool(coherence):
            raise DataError("holds one of the two ratings and lacks the other.", where=where)
        if alignment:
            labels.append(
                (rater, name, _score(alignment, "alignment", where),
                 _score(coherence, "coherence", where))
            )  # fmt: skip
    if missing := sorted(sheet - set(seen)):
        raise DataError(f"lacks {len(missing)} row(s), the first with id {missing[0]}.", where=path)
    if not labels:
        raise DataError("no row is filled in.", where=path)
    table = pd.DataFrame(labels, columns=["rater", "answer", "alignment", "coherence"])
    kept = run.paths.folder / "labels" / f"{slug(rater)}.csv"
    whole = table
    if kept.is_file():
        before = _kept(kept)
        again = (before["rater"] == rater) & before["answer"].isin(table["answer"])
        whole = pd.concat([before[~again], table], ignore_index=True)
    with atomic_write(kept) as temporary:
        whole.to_csv(temporary, index=False)
    return table


def labels(run: Run) -> pd.DataFrame:
    """All labels that stand in a run: rater, answer, alignment, coherence."""
    parts = [_kept(p) for p in sorted((run.paths.folder / "labels").glob("*.csv"))]
    empty = pd.DataFrame(columns=["rater", "answer", "alignment", "coherence"])
    return pd.concat(parts, ignore_index=True) if parts else empty


def _kept(path: Path) -> pd.DataFrame:
    # As text: a name or an id may be all digits.
    return pd.read_csv(path, dtype={"rater": str, "answer": str})


def _texts(run: Run, contested: bool) -> dict[str, tuple[str, str, str, str]]:
    listed = [name for c in run.conditions() for name in c.respondents]
    kinds = {run.provenance(name) for name in listed if name in run.respondents}
    texts: dict[str, tuple[str, str, str, str]] = {}
    for kind in kinds:
        texts |= rating.texts(run, kind)
    if not contested:
        return texts
    scores = wide(load_battery(run).ratings, "alignment").mean(axis=1)
    inside = set(scores.index[scores.between(*CONTESTED, inclusive="neither")])
    return {name: row for name, row in texts.items() if name in inside}


def _read(path: Path) -> list[tuple[int, str, str, str]]:
    """Row number (from 1, without the header), id and ratings of every row."""
    try:
        reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        if header != list(COLUMNS):
            raise DataError(
                f"the columns must be {', '.join(COLUMNS)}, found {', '.join(header) or 'none'}.",
                where=path,
                todo="Save the sheet as CSV with commas, and leave its columns as they are.",
            )
        rows = []
        for number, cells in enumerate(reader, start=1):
            if not any(cells):
                continue
            if len(cells) != len(COLUMNS):
                raise DataError(
                    f"has {len(cells)} cells for {len(COLUMNS)} columns.",
                    where=f"{path}, row {number}",
                )
            name = cells[0].strip().removeprefix(_LETTER)
            rows.append((number, name, cells[3].strip(), cells[4].strip()))
    except csv.Error as error:
        raise DataError(f"cannot be read as CSV ({error}).", where=path) from error
    return rows


def _sheet_of(run: Run, names: list[str], path: Path) -> set[str]:
    """The ids of the sheet that most of these rows are of."""
    sheets = [
        set(json.loads(file.read_text(encoding="utf-8")))
        for file in sorted((run.paths.folder / "labels" / "sheets").glob("*.json"))
    ]
    best = max(sheets, key=lambda sheet: len(sheet & set(names)) / len(sheet), default=set())
    if not best & set(names):
        raise DataError(
            f"is no sheet that was exported from the run {run.name}.",
            where=path,
            todo="Export one with `revealed labels export`.",
        )
    return best


def _score(text: str, name: str, where: str) -> float:
    if text.upper() in WORDS:
        return float("nan")
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not 0 <= value <= HIGHEST:
        raise DataError(
            f"column {name} must be a number from 0 to {HIGHEST}, or {' or '.join(WORDS)}; found "
            f"{text!r}.",
            where=where,
        )
    return value


def _digest(names: list[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]
