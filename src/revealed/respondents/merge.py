"""Ledgers of several jobs or machines become one, every answer once.

A ledger cannot be shared by machines (see `revealed.respondents.ledger`), so jobs of a cluster
write one each. Merging reads each of them in the order of its keys, with SQLite's own memory and
no more, and writes the difference in one transaction a ledger: a kill at any instant leaves the
target with all of a ledger's rows or with none, and the same call again completes it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ..foundation.errors import DataError
from ..foundation.paths import atomic_write
from .journal import teach
from .ledger import _COLUMNS, VERSION, Ledger
from .ledger_trouble import TROUBLE, words

_CHUNK = 50_000
"""Rows between two chances to stop and two steps of the bar."""

# What an answer says; the rest (time, latency, price, attempts) is how it was had.
_SAID = ("status", "text", "reasoning", "logprobs", "finish_reason")

_OTHER = "(" + " OR ".join(f"s.{c} IS NOT t.{c}" for c in _SAID) + ")"
_STANDS = "(t.key IS NOT NULL AND t.status <> 'failed' AND s.status <> 'failed')"
_COUNT = f"""
SELECT count(*),
    total(t.key IS NULL),
    total(t.status = 'failed' AND s.status <> 'failed'),
    total({_STANDS} AND {_OTHER}),
    total(CASE WHEN {_STANDS} AND s.time <> t.time
        THEN CASE WHEN s.time < t.time THEN t.cost ELSE s.cost END END)
FROM source.answers s LEFT JOIN main.answers t USING (key) WHERE s.key > ? AND s.key <= ?
"""
# An answer comes before a failure, then the earlier before the later.
_BETTER = (
    "((answers.status = 'failed') > (excluded.status = 'failed') OR "
    "((answers.status = 'failed') = (excluded.status = 'failed') "
    "AND excluded.time < answers.time))"
)
# A failure and the answer that followed it share a price (`Ledger` adds them up as they come), and
# so do two copies of one answer: the larger is the later account of it.
_PRICE = (
    "CASE WHEN answers.status <> 'failed' AND excluded.status <> 'failed' "
    f"AND answers.time <> excluded.time THEN CASE WHEN {_BETTER} THEN excluded.cost "
    "ELSE answers.cost END WHEN answers.cost IS NULL OR excluded.cost > answers.cost "
    "THEN excluded.cost ELSE answers.cost END"
)
_MERGE = (
    f"INSERT INTO main.answers ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS)} "
    "FROM source.answers WHERE key > ? AND key <= ? ORDER BY key ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(
        f"{c} = CASE WHEN {_BETTER} THEN excluded.{c} ELSE answers.{c} END"
        for c in _COLUMNS
        if c not in ("key", "cost", "checksum")
    )
    + f", cost = {_PRICE}, checksum = sealed(CASE WHEN {_BETTER} THEN excluded.checksum "
    f"ELSE answers.checksum END, {_PRICE}) WHERE {_BETTER} OR ({_PRICE}) IS NOT answers.cost"
)


@dataclass(frozen=True)
class Merged:
    """What one ledger brought.

    ``rows`` it holds; ``added`` were new; ``replaced`` took the place of a failure; ``conflicts``
    say something else than another answer to the same request, of which the earlier is kept;
    ``twice`` is what answers left out for an earlier one had cost, in US dollars. The others were
    there already.
    """

    source: Path
    rows: int
    added: int
    replaced: int
    conflicts: int
    twice: float


def merge(sources: Sequence[Path], into: Path, *, progress: bool = True) -> list[Merged]:
    """Bring the answers of `sources` into the ledger `into`, which may not exist yet.

    Of one request the earliest answer is kept; a failure gives way to any answer. Doing it again
    changes nothing, and which answer is kept does not depend on the order of `sources`. Their
    answers stay in them.

    Parameters
    ----------
    sources
        Ledgers that nobody is writing.
    into
        Appears whole or not at all if it is new; else it gets each source whole or not at all.
    progress
        Show a bar with rate and time left.

    Raises
    ------
    DataError
        Before anything is written: if a file is missing, damaged or no ledger of this version, or
        stands on both sides. While merging: if two ledgers hold different questions under one
        digest; what that ledger brought is taken back.
    """
    wanted = [Path(source) for source in sources]
    target = Path(into)
    for source in wanted:
        examine(source)
        if target.exists() and os.path.samefile(source, target):
            raise DataError(
                "this ledger cannot be merged into itself.",
                where=source,
                todo="Name another file after --into.",
            )
    if target.exists():
        examine(target)
        return _merge_all(wanted, target, progress)
    with atomic_write(target) as temporary:
        done = _merge_all(wanted, temporary, progress)
    return done


def examine(path: Path) -> None:
    """Check that a file is a whole ledger of this version.

    Raises
    ------
    DataError
        If it is missing, no ledger, of another version or damaged, or an answer lacks its question.
    """
    if not path.is_file():
        raise DataError("there is no ledger here.", where=path, todo="Check the path.")
    try:
        if _writable(path) and 0 < _version(path) <= VERSION:
            # An earlier version becomes this one, and what a kill left in the journal alone comes
            # into the file.
            Ledger(path).close()
        with closing(_open(path)) as connection:
            problem = _problem(connection)
    except TROUBLE as error:
        problem = words(error)
    if problem:
        raise DataError(
            f"not a ledger that can be merged ({problem}).",
            where=path,
            todo="`revealed ledger check` says more of it.",
        )


def _version(path: Path) -> int:
    with closing(_open(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _writable(path: Path) -> bool:
    return os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)


def _problem(connection: sqlite3.Connection) -> str:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        return f"version {version}, this program reads version {VERSION}"
    columns = {row[1] for row in connection.execute("PRAGMA table_info(answers)")}
    if columns != set(_COLUMNS):
        return "its table of answers has other columns"
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        return str(said)
    lost = connection.execute(
        "SELECT count(*) FROM answers WHERE question NOT IN (SELECT question FROM questions)"
    ).fetchone()[0]
    return f"{lost:,} answers lack their question" if lost else ""


def snapshot(source: Path, path: Path) -> None:
    """Write a copy of a ledger that any number of machines may read, as long as none writes it."""
    with atomic_write(path) as temporary, closing(_open(source)) as connection:
        connection.execute("VACUUM INTO ?", (str(temporary),))


def _uri(path: Path) -> str:
    """How a ledger is opened to be read.

    Where it can be written, what a killed process left in the journal is seen, and the journal is
    cleared away; elsewhere there must be none.
    """
    if _writable(path):
        return f"{path.resolve().as_uri()}?mode=rw"
    journal = path.with_name(path.name + "-wal")
    if journal.is_file() and journal.stat().st_size:
        raise DataError(
            "this ledger has a journal, which is read only where the folder can be written.",
            where=path,
            todo="Copy both files to a folder of yours.",
        )
    return f"{path.resolve().as_uri()}?immutable=1"


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(_uri(path), uri=True, timeout=120, isolation_level=None)


def _merge_all(sources: list[Path], target: Path, progress: bool) -> list[Merged]:
    Ledger(target).close()
    with closing(
        sqlite3.connect(target.resolve().as_uri(), uri=True, timeout=120, isolation_level=None)
    ) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        teach(connection)
        return [_merge(connection, source, progress) for source in sources]


def _merge(connection: sqlite3.Connection, source: Path, progress: bool) -> Merged:
    connection.execute("ATTACH ? AS source", (_uri(source),))
    try:
        rows = connection.execute("SELECT count(*) FROM source.answers").fetchone()[0]
        connection.execute("BEGIN IMMEDIATE")
        try:
            _merge_questions(connection, source)
            total = [0.0] * 5
            with tqdm(desc=source.name, total=rows, unit="row", disable=not progress) as bar:
                for low, high in _ranges(connection):
                    counted = connection.execute(_COUNT, (low, high)).fetchone()
                    connection.execute(_MERGE, (low, high))
                    total = [a + b for a, b in zip(total, counted, strict=True)]
                    bar.update(counted[0])
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise DataError(
            f"could not be merged ({error}); nothing of it was written.", where=source
        ) from error
    finally:
        connection.execute("DETACH source")
    held, added, replaced, conflicts = (int(n) for n in total[:4])
    return Merged(source, held, added, replaced, conflicts, twice=total[4])


def _merge_questions(connection: sqlite3.Connection, source: Path) -> None:
    other = connection.execute(
        "SELECT question FROM source.questions s JOIN main.questions t USING (question) "
        "WHERE s.model <> t.model OR s.messages <> t.messages OR s.params <> t.params LIMIT 1"
    ).fetchone()
    if other is not None:
        raise DataError(
            f"the question {other[0][:12]} has other words than in the ledger merged into.",
            where=source,
            todo="One of the two files was changed by hand; nothing of this one was written.",
        )
    connection.execute(
        "INSERT OR IGNORE INTO main.questions SELECT question, model, messages, params "
        "FROM source.questions WHERE true ORDER BY question"
    )


def _ranges(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Neighbouring ranges of keys, which together hold every row of the source."""
    low = ""
    while True:
        found = connection.execute(
            "SELECT max(key) FROM (SELECT key FROM source.answers WHERE key > ? "
            "ORDER BY key LIMIT ?)",
            (low, _CHUNK),
        ).fetchone()[0]
        if found is None:
            return
        yield low, found
        low = found
