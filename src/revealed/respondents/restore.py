"""Answers from a journal into a ledger: after a kill, after damage, after a full disk."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from .journal import Line, read, read_tail, seal, settled, teach
from .ledger import _BOTH, _COLUMNS, _COST

log = logging.getLogger(__name__)

_TAIL = 1 << 16
_CHUNK = 5_000

# An answer stands; a failure gives way to an answer, and to a later failure whose price it shares.
_RESTORE = (
    f"INSERT INTO answers ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS if c not in ("key", "cost", "checksum"))
    + f", cost = {_BOTH}, checksum = sealed(excluded.checksum, {_BOTH}) "
    "WHERE answers.status = 'failed' AND "
    "excluded.time <> answers.time "
    "AND (excluded.status <> 'failed' OR excluded.time > answers.time)"
)


def catch_up(connection: sqlite3.Connection, journal: Path) -> int:
    """Rows brought back from the ledger's own journal; nothing is read of it but its end if the
    ledger has that."""
    window = _TAIL
    lines, everything = read_tail(journal, window)
    while not lines and not everything:
        window *= 16
        lines, everything = read_tail(journal, window)
    if not _missing(connection, lines):
        return 0
    with settled(journal) as quiet:
        lines, everything = read_tail(journal, window)
        if not quiet or not (missing := _missing(connection, lines)):
            return 0
        keys = [line.values[0] for line in lines if line.kind == "answer"]
        # A kill between the journal and its commit leaves the last few; more is damage.
        near = everything or keys[0] not in missing
        brought = restore(connection, lines if near else (line for line in read(journal) if line))
    log.warning(
        "%s: %d answers that the ledger did not have were brought back from its journal. "
        "(To start a run from nothing, remove the journal as well.)", journal, brought,
    )  # fmt: skip
    return brought


def restore(connection: sqlite3.Connection, lines: Iterable[Line]) -> int:
    """Write what is missing, and only that; the number of answers that were new or better."""
    teach(connection)
    brought = 0
    chunk: list[Line] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) >= _CHUNK:
            brought += _write(connection, chunk)
            chunk = []
    return brought + (_write(connection, chunk) if chunk else 0)


def whole(line: Line) -> bool:
    """Whether a line of an answer is as it was written."""
    if len(line.values) != len(_COLUMNS) - 2:
        return False
    return seal(line.values, line.cost) == line.checksum


def _write(connection: sqlite3.Connection, lines: list[Line]) -> int:
    connection.execute("BEGIN IMMEDIATE")
    before = connection.total_changes
    try:
        connection.executemany(
            "INSERT OR IGNORE INTO questions VALUES (?, ?, ?, ?)",
            [line.values for line in lines if line.kind == "question" and len(line.values) == 4],
        )
        questions = connection.total_changes - before
        for line in lines:
            if line.kind == "answer" and whole(line):
                values = [*line.values[:_COST], line.cost, *line.values[_COST:], line.checksum]
                try:
                    connection.execute(_RESTORE, values)
                except sqlite3.IntegrityError:  # it was never a row, and no commit took it
                    continue
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return connection.total_changes - before - questions


def _missing(connection: sqlite3.Connection, lines: list[Line]) -> set[str]:
    keys = {str(line.values[0]) for line in lines if line.kind == "answer" and whole(line)}
    found: set[str] = set()
    for key in keys:
        if connection.execute("SELECT 1 FROM answers WHERE key = ?", (key,)).fetchone():
            found.add(key)
    return keys - found
