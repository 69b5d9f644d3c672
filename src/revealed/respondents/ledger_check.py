"""Whether a ledger is whole, and what of a damaged one can be saved.

Nothing here changes the file that is looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..foundation.errors import DataError
from . import pages
from .journal import Journal, Line, checksum, journal_of, read, seal, sealed
from .ledger import _COLUMNS, _COST, _SCHEMA, VERSION, Ledger, intact
from .ledger_trouble import TROUBLE, explain, is_damage, look
from .request import canonical
from .restore import restore, whole

_HEX = re.compile(r"[0-9a-f]{64}")
_CHUNK = 5_000


def _columns(table: str) -> tuple[str, ...]:
    """A table's columns in the order in which they lie on disk."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_SCHEMA)
        return tuple(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))


@dataclass
class Checked:
    """What was found; `problems` is empty if the ledger can be trusted.

    ``answers`` were read, ``wrong`` of them differ from their checksum. ``behind`` are answers that
    the journal has and the ledger has not, ``journal`` how many the journal holds, ``torn``
    stretches of it that are damaged (a kill leaves one at its end), ``altered`` questions whose
    words are not those that were asked.
    """

    path: Path
    answers: int = 0
    wrong: int = 0
    altered: int = 0
    journal: int = 0
    behind: int = 0
    torn: int = 0
    problems: list[str] = field(default_factory=list)


def check(path: Path) -> Checked:
    """Read the whole ledger and its journal, and compare.

    Raises
    ------
    DataError
        If there is no file, or it cannot be read for another reason than damage.
    """
    if not path.is_file():
        raise DataError("there is no ledger here.", where=path, todo="Check the path or the run.")
    found = Checked(path)
    try:
        with closing(_open(path)) as connection:
            look(connection, path)
            _check_tables(connection, found)
            _check_journal(connection, found)
    except DataError as error:
        found.problems.append(error.what)
    except TROUBLE as error:
        told = explain(error, path)
        if not is_damage(error):
            raise told from error
        found.problems.append(told.what)
    return found


def _open(path: Path) -> sqlite3.Connection:
    """Opened so that nothing of it is changed, its write-ahead log neither."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=120, isolation_level=None
    )
    # A row whose text is no text is damage of ours to count, not an exception in between.
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    return connection


def _check_tables(connection: sqlite3.Connection, found: Checked) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (1, VERSION):
        found.problems.append(f"version {version}, this program reads version {VERSION}")
        return
    said = [line for (text,) in connection.execute("PRAGMA integrity_check") for line in
            str(text).splitlines() if line != "ok" and not line.startswith("***")]  # fmt: skip
    if said:
        found.problems.append(f"{len(said)} faults in its pages, the first: {said[0]}")
    if version == 1:
        found.answers = connection.execute("SELECT count(*) FROM answers").fetchone()[0]
        return
    lost: set[str] = set()
    questions = {digest for (digest,) in connection.execute("SELECT question FROM questions")}
    place = _COLUMNS.index("question")
    for row in connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM answers"):
        found.answers += 1
        if not intact(row):
            found.wrong += 1
        elif row[place] not in questions:
            lost.add(row[place])
    for row in connection.execute("SELECT question, model, messages, params FROM questions"):
        found.altered += not _worded(row)
    if found.wrong:
        found.problems.append(f"{found.wrong:,} answers differ from their checksums")
    if found.altered:
        found.problems.append(f"{found.altered:,} questions cannot be read as they were asked")
    if lost:
        found.problems.append(f"{len(lost):,} questions that were answered are missing")


def _check_journal(connection: sqlite3.Connection, found: Checked) -> None:
    journal = journal_of(found.path)
    if not journal.is_file():
        return
    keys: set[str] = set()
    for line in read(journal):
        if line is None:
            found.torn += 1
        elif line.kind == "answer":
            if whole(line):
                keys.add(line.values[0])
            else:
                found.torn += 1
        if len(keys) >= _CHUNK:
            _count_behind(connection, keys, found)
    _count_behind(connection, keys, found)
    if found.behind:
        found.problems.append(f"{found.behind:,} answers of the journal are missing")


def _count_behind(connection: sqlite3.Connection, keys: set[str], found: Checked) -> None:
    for key in keys:
        found.journal += 1
        if not connection.execute("SELECT 1 FROM answers WHERE key = ?", (key,)).fetchone():
            found.behind += 1
    keys.clear()


def _worded(row: tuple[Any, ...]) -> bool:
    """Whether a question's words are those of its digest, as far as a ledger can tell.

    The digest of a question to a given address holds that too, and the ledger does not: of such
    a question only the form is known.
    """
    try:
        digest, model, messages, params = row
        identity = [model, json.loads(messages), json.loads(params)]
        if hashlib.sha256(canonical(identity)).hexdigest() == digest:
            return True
        return (
            _HEX.fullmatch(digest) is not None
            and canonical(identity[1]).decode() == messages
            and canonical(identity[2]).decode() == params
        )
    except (TypeError, ValueError, AttributeError):
        return False


@dataclass
class Repaired:
    """A new ledger and what it holds.

    ``pages`` answers were saved from the damaged file, ``journal`` more came from the journal.
    ``lost`` are keys that something in the file speaks of and whose answer is nowhere, so at most
    so many answers (a key may be damaged itself); they will be asked again. Of ``unworded`` answers
    the question's words are lost: they count, but such a ledger is not merged with others.
    ``unproved`` answers come from a ledger of version 1, which has no checksums. Of ``unpriced``
    answers the price was damaged: it is unknown now.
    """

    damaged: Path
    path: Path
    pages: int = 0
    journal: int = 0
    lost: int = 0
    unproved: int = 0
    unworded: int = 0
    unpriced: int = 0


def repair(path: Path, into: Path | None = None, *, replace: bool = False) -> Repaired:
    """Write all that is whole in a damaged ledger and its journal into a new one.

    Parameters
    ----------
    path
        The damaged ledger, which nobody is writing; it may be missing if its journal is there.
    into
        The new file; default: ``<name>.repaired.sqlite`` beside.
    replace
        Put the new file in the damaged one's place, and keep that as ``<name>.damaged-<time>``.

    Raises
    ------
    DataError
        If there is nothing to repair from, or the new file exists.
    """
    journal = journal_of(path)
    if not path.is_file() and not journal.is_file():
        raise DataError("there is no ledger here.", where=path, todo="Check the path or the run.")
    target = into or path.with_name(f"{path.stem}.repaired.sqlite")
    if target.exists():
        raise DataError(
            "this file exists already.", where=target, todo="Move it away, or name another one."
        )
    done = Repaired(path, target)
    try:
        with Ledger(target):
            pass
        with closing(sqlite3.connect(target, isolation_level=None)) as connection:
            _fill(connection, path, journal, done)
    except TROUBLE as error:
        raise explain(error, target) from error
    if replace:
        done.damaged, done.path = _swap(path, target)
    return done


def _fill(connection: sqlite3.Connection, path: Path, journal: Path, done: Repaired) -> None:
    seen: set[str] = set()
    unpriced: list[Line] = []
    lines = _from_pages(path, seen, unpriced, done) if path.is_file() else iter(())
    restore(connection, lines)
    done.pages = _count(connection)
    if journal.is_file():
        told = (line for line in read(journal) if line is not None)
        restore(connection, _noting(told, seen))
    total = _count(connection)
    done.journal = total - done.pages
    # The journal knows the price as well as the answer, so that what it has comes first.
    restore(connection, unpriced)
    done.unpriced = _count(connection) - total
    done.pages += done.unpriced
    done.unworded = connection.execute(
        "SELECT count(*) FROM answers WHERE question NOT IN (SELECT question FROM questions)"
    ).fetchone()[0]
    found = {key for (key,) in connection.execute("SELECT key FROM answers")}
    done.lost = len(seen - found)
    if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
        raise DataError("the new ledger is damaged too.", where=done.path, todo="Check the disk.")


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])


def _noting(lines: Iterable[Line], seen: set[str]) -> Iterator[Line]:
    for line in lines:
        if line.kind == "answer" and line.values and isinstance(line.values[0], str):
            seen.add(line.values[0])
        yield line


def _from_pages(path: Path, seen: set[str], unpriced: list[Line], done: Repaired) -> Iterator[Line]:
    """Whole rows, failures last: of one request an answer stands and not what came before it.

    `seen` gets every key that something in the file speaks of, its indexes included; `unpriced` the
    answers that are whole but for their price.
    """
    there = _columns("answers")
    order = [there.index(column) for column in _COLUMNS]
    index = len(("respondent", "status", "key"))
    first = pages.version(path) == 1
    failed: dict[str, Line] = {}
    for row in pages.rows(path):
        line = None
        if len(row) == len(there):
            line = _answer_line(tuple(row[n] for n in order))
            key = row[0]
        elif first and len(row) == len(there) - 1:
            line = _answer_line((*(row[n] for n in order[:-1]), None), unproved=True)
            done.unproved += line is not None
            key = row[0]
        elif len(row) == 4:
            if _worded(row):
                yield Line("question", list(row))
            continue
        elif len(row) == index and row[1] in ("ok", "refused", "failed"):
            key = row[2]
        else:
            continue
        if isinstance(key, str) and _HEX.fullmatch(key):
            seen.add(key)
        if line is None:
            continue
        if not whole(line):
            unpriced.append(_without_price(line))
        elif line.values[1] != "failed":
            yield line
        else:
            before = failed.get(key)
            if before is None or before.values[-1] < line.values[-1]:
                failed[key] = line
    yield from failed.values()


_REAL = tuple(_COLUMNS.index(name) for name in ("cost", "latency", "time"))


def _answer_line(row: tuple[Any, ...], *, unproved: bool = False) -> Line | None:
    """A row of `_COLUMNS` read from a page as a line, or None if it is not as it was written."""
    values = list(row)
    for place in _REAL:
        # SQLite keeps a whole number as one, whatever the column's type.
        if isinstance(values[place], int):
            values[place] = float(values[place])
    core = [*values[:_COST], *values[_COST + 1 : -1]]
    cost = values[_COST] if isinstance(values[_COST], float) else None
    try:
        crc = checksum(core)[0]
    except TypeError:  # bytes where text was
        return None
    if unproved:
        if not (isinstance(row[0], str) and _HEX.fullmatch(row[0])):
            return None
        if row[1] not in ("ok", "refused", "failed") or not isinstance(core[-1], float):
            return None
        if cost is not None and not 0.0 <= cost < 1e6:
            cost = None
        values[-1] = sealed(crc, cost)
    # The lower half is of all but the price, without which an answer is still an answer.
    elif not isinstance(values[-1], int) or values[-1] & 0xFFFF_FFFF != crc:
        return None
    return Line("answer", core, cost, values[-1])


def _without_price(line: Line) -> Line:
    return Line("answer", line.values, None, seal(line.values, None))


def bring_back(journal: Path, path: Path) -> int:
    """Write the answers of another journal (`revealed.respondents.rescue`) into a ledger and its
    journal; the number that it did not have.

    Raises
    ------
    DataError
        If there is no such file, or it holds no answer that is whole.
    """
    if not journal.is_file():
        raise DataError("there is no file here.", where=journal, todo="Check the path.")
    lines = [line for line in read(journal) if line is not None]
    if not any(line.kind == "answer" and whole(line) for line in lines):
        raise DataError(
            "no answer can be read here.",
            where=journal,
            todo="Name a file that `revealed` wrote when a disk was full.",
        )
    with Ledger(path):  # laid out, if it is new
        pass
    own = Journal(journal_of(path))
    try:
        with own.held(), closing(sqlite3.connect(path, timeout=120, isolation_level=None)) as into:
            own.append([line.encoded() for line in lines])
            return restore(into, lines)
    except (OSError, sqlite3.DatabaseError) as error:
        raise explain(error, path) from error
    finally:
        own.close()


def _swap(path: Path, target: Path) -> tuple[Path, Path]:
    """Put `target` where `path` is, and keep what was there, its write-ahead log too."""
    mark = time.strftime("%Y%m%d-%H%M%S")
    kept = path.with_name(f"{path.stem}.damaged-{mark}.sqlite")
    for tail in ("-wal", "-shm", ""):
        old = path.with_name(path.name + tail)
        if old.exists():
            os.replace(old, kept.with_name(kept.name + tail))
    os.replace(target, path)
    return kept, path
