"""Answers that were exported, as a ledger again; and a visit that reads them and asks nobody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..foundation.errors import BudgetError, DataError
from .batch import Gathering
from .budget import Budget
from .export import ROWS
from .journal import seal
from .ledger import _COLUMNS, _COST, Ledger
from .ledger_trouble import TROUBLE, explain
from .request import Request


def read_export(folder: Path, ledger: Path, *, progress: bool = True) -> tuple[int, int]:
    """Write the answers that `revealed.respondents.export.export` left in `folder` into `ledger`.

    The rows and their checksums are those of the ledger that was exported. An answer whose words
    were left out is no answer, and is left out too. What `ledger` has already stays.

    Returns
    -------
    Answers in `ledger` that came from there, and answers without words.

    Raises
    ------
    DataError
        If a file is missing or is not of that form.
    """
    columns = [name for name in _COLUMNS if name != "checksum"]
    Ledger(ledger).close()  # lays the tables out
    kept = wordless = 0
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            asked = ["question", "model", "messages", "params"]
            for rows in _read(folder / "questions.parquet", asked, progress=False):
                connection.executemany(
                    "INSERT OR IGNORE INTO questions VALUES (?, ?, ?, ?)",
                    [row for row in rows if None not in row],
                )
            for rows in _read(folder / "answers.parquet", columns, progress=progress):
                worded = [row for row in rows if not (row[1] == "ok" and row[2] is None)]
                wordless += len(rows) - len(worded)
                kept += len(worded)
                marks = ", ".join("?" * len(_COLUMNS))
                connection.executemany(
                    f"INSERT OR IGNORE INTO answers ({', '.join(_COLUMNS)}) VALUES ({marks})",
                    [(*row, _checksum(row)) for row in worded],
                )
            connection.execute("COMMIT")
        except TROUBLE as error:
            raise explain(error, ledger) from error
    return kept, wordless


def _checksum(row: tuple[Any, ...]) -> int:
    return seal((*row[:_COST], *row[_COST + 1 :]), row[_COST])


def _read(path: Path, columns: list[str], *, progress: bool) -> Iterator[list[tuple[Any, ...]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with (
            pq.ParquetFile(path) as file,
            tqdm(
                total=file.metadata.num_rows, desc="ledger", unit="row", disable=not progress
            ) as bar,
        ):
            for batch in file.iter_batches(batch_size=ROWS, columns=columns):
                values = [batch.column(name).to_pylist() for name in columns]
                yield list(zip(*values, strict=True))
                bar.update(batch.num_rows)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise DataError(
            f"no exported answers can be read here ({error}).", where=path,
            todo="Give the folder that `revealed ledger export` wrote.",
        ) from error  # fmt: skip


class Replay(Gathering):
    """For `client.collect`: what the ledger has is taken as it is, and nothing is ever asked.

    A failure is an answer like any other here: it was missing data then and is so now.
    """

    def note(self, missing: Mapping[str, Request]) -> None:
        """Nothing is noted, because nothing will be asked."""

    def left(  # type: ignore[override]
        self, missing: Mapping[str, Request], kept: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The stored failures.

        Raises
        ------
        DataError
            If the ledger has never heard of a request.
        """
        if unknown := [key for key in missing if key not in kept]:
            raise DataError(
                f"the stored answers of {self.spec.name} lack {len(unknown):,} that the study "
                "needs, and nobody is asked.",
                todo="Look whether study.yaml, the instruments and the code are those of the run.",
            )
        return {key: kept[key] for key in missing}


class NothingToSpend(Budget):
    """Sends no request, not even one that is free."""

    def reserve(self, worst: float | None) -> bool:
        """Refuse.

        Raises
        ------
        BudgetError
            Always.
        """
        raise BudgetError("a question is not among the stored answers, and nobody is asked.")
