"""A ledger as Parquet files, for whoever reads it with another program.

Rows stream from the file to the file: memory does not grow with the ledger.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..foundation.errors import DataError
from ..foundation.paths import atomic_write
from .ledger import _COLUMNS, Ledger, intact
from .ledger_trouble import TROUBLE, damaged, explain

ROWS = 20_000
"""Rows held in memory at a time, and rows of a group in the file."""

_WHOLE = ("prompt_tokens", "completion_tokens", "attempts", "sample")
_REAL = ("cost", "latency", "time")


def export(ledger: Path, folder: Path, *, progress: bool = True) -> tuple[int, int]:
    """Write ``answers.parquet`` and ``questions.parquet`` into `folder`.

    An answer names its question by the column ``question``, whose words stand once, in the other
    file. ``logprobs``, ``dropped``, ``messages`` and ``params`` are JSON. ``time`` is in seconds
    since 1970, ``latency`` in seconds, ``cost`` in US dollars. Answers are in the order of their
    keys. Everything is of one moment, whoever writes meanwhile.

    Returns
    -------
    How many answers and questions there are.

    Raises
    ------
    DataError
        If there is no ledger, or an answer differs from its checksum. Nothing is written then.
    """
    import pyarrow as pa

    if not ledger.is_file():
        raise DataError("there is no ledger.", where=ledger, todo="Name a run that has answers.")
    columns = [c for c in _COLUMNS if c != "checksum"]
    answers = pa.schema([(c, _type(c)) for c in columns])
    questions = pa.schema([(c, pa.string()) for c in ("question", "model", "messages", "params")])
    Ledger(ledger).close()  # refused here if it is none, and brought up to date
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN")  # one state of it
            total = connection.execute("SELECT count(*) FROM answers").fetchone()[0]
            with (
                atomic_write(folder / "questions.parquet") as asked,
                atomic_write(folder / "answers.parquet") as given,
                tqdm(total=total, desc="export", unit="row", disable=not progress) as bar,
            ):
                written = _write(given, answers, _answers(connection, ledger, len(columns)), bar)
                named = _write(asked, questions, _questions(connection, questions.names), None)
        except TROUBLE as error:
            raise explain(error, ledger) from error
    return written, named


def _type(column: str) -> Any:
    import pyarrow as pa

    if column in _WHOLE:
        return pa.int64()
    if column in ("status", "respondent", "finish_reason", "returned_model"):
        return pa.dictionary(pa.int32(), pa.string())
    return pa.float64() if column in _REAL else pa.string()


def _answers(
    connection: sqlite3.Connection, path: Path, width: int
) -> Iterator[list[tuple[Any, ...]]]:
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM answers ORDER BY key")
    while chunk := rows.fetchmany(ROWS):
        for row in chunk:
            if not intact(row):
                raise damaged(path, f"the answer {row[0]!r:.20} differs from its checksum")
        yield [row[:width] for row in chunk]


def _questions(
    connection: sqlite3.Connection, columns: list[str]
) -> Iterator[list[tuple[Any, ...]]]:
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM questions ORDER BY question")
    while chunk := rows.fetchmany(ROWS):
        yield chunk


def _write(
    path: Path, schema: Any, chunks: Iterator[list[tuple[Any, ...]]], bar: tqdm[Any] | None
) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for chunk in chunks:
            arrays = [
                pa.array(values, type=field.type)
                for field, values in zip(schema, zip(*chunk, strict=True), strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            written += len(chunk)
            if bar is not None:
                bar.update(len(chunk))
    return written
