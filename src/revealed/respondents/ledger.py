"""Every answer, durable: written to disk before it is used, never asked for twice.

One SQLite file a run, in write-ahead mode with full synchronisation, so that a kill or a power
cut at any instant leaves every committed answer readable. Answers that arrive together are
committed together by one writer thread; whoever waits for an answer wakes when it is on disk.
Any number of processes may write: the key is unique, and the first good answer stands. (As for
every SQLite file in this mode, the processes must be on one machine.)
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pandas as pd

from ..foundation.errors import DataError
from ..foundation.paths import slug
from .budget import Budget
from .journal import Journal, Line, answer_line, checksum, journal_of, seal, sealed, teach
from .ledger_trouble import APPLICATION, TROUBLE, damaged, explain, look, write_ahead
from .request import Question, Request, canonical
from .rescue import Rescue
from .sharing import SharedBudget
from .spec import SIMULATED

log = logging.getLogger(__name__)

Status = Literal["ok", "refused", "failed"]

VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS questions (
    question TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    messages TEXT NOT NULL,
    params TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    question TEXT NOT NULL,
    sample INTEGER NOT NULL,
    respondent TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ok', 'refused', 'failed')),
    text TEXT,
    reasoning TEXT,
    logprobs TEXT,
    finish_reason TEXT,
    error TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cost REAL,
    latency REAL,
    returned_model TEXT,
    dropped TEXT,
    attempts INTEGER NOT NULL,
    time REAL NOT NULL,
    checksum INTEGER
) WITHOUT ROWID;
"""

_MOST_KNOWN = 20_000
"""Questions remembered as written; one that is forgotten is offered once more, and ignored."""
_CACHE_KIB = 65_536
"""Pages kept by a connection. Keys are digests, so that every row goes to another page: with
SQLite's own 2 MB each write of a large ledger reads its page first."""
_LOG_PAGES = 8_000
"""Pages that the write-ahead log holds before they go into the file, inner ones once for all."""


@dataclass(slots=True)
class Answer:
    """What came back for one request.

    ``status`` is ``ok`` (the model said something), ``refused`` (the provider or the model's own
    refusal field said no) or ``failed`` (nothing came that could be read, after all retries).
    ``logprobs`` is a list of positions, each a list of [token, log-probability]. ``cost`` is in
    US dollars and includes what failed attempts may have cost; None is unknown. ``latency`` is in
    seconds. ``dropped`` names parameters that the provider does not take.
    """

    key: str
    status: Status
    text: str | None = None
    reasoning: str | None = None
    logprobs: list[list[tuple[str, float]]] | None = None
    finish_reason: str | None = None
    error: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    latency: float | None = None
    returned_model: str | None = None
    dropped: tuple[str, ...] = ()
    attempts: int = 1


# Earlier programs made it. It doubled what a row writes, and no query was faster for it.
_INDEXED = "SELECT 1 FROM sqlite_master WHERE name = 'answers_of'"
_ANSWER = tuple(field.name for field in fields(Answer))
_COLUMNS = (*_ANSWER, "question", "sample", "respondent", "time", "checksum")
# Costs of attempts are added up where the row lies; all else of it stands or goes as a whole.
_COST = _COLUMNS.index("cost")
# An answer once given stands; only a failure may be replaced, because only a failure is re-asked.
# Both attempts were paid for.
_BOTH = "added(excluded.cost, answers.cost, answers.checksum)"
_INSERT = (
    f"INSERT INTO answers ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS if c not in ("key", "cost", "checksum"))
    + f", cost = {_BOTH}, checksum = sealed(excluded.checksum, {_BOTH}) "
    "WHERE answers.status = 'failed'"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer with the request it answers and the respondent's name, ready to be written."""

    answer: Answer
    request: Request
    respondent: str


class Ledger:
    """The answers of one run (``data/runs/<run>/ledger.sqlite``).

    Use as a context manager, or call `close`.

    Parameters
    ----------
    path
        The file; made where it is missing.
    earlier
        Another ledger whose answers count as given, that nobody writes meanwhile
        (`revealed.respondents.merge.snapshot`): on a cluster each job has a ledger of its own and
        reads the run's.

    Raises
    ------
    DataError
        If the file is not a ledger, or one of a later version.
    """

    def __init__(self, path: Path, earlier: Path | None = None):
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error, self.path) from error
        self._reader = self._connect()
        self._journal = Journal(journal_of(self.path))
        self._rescue = Rescue(self.path)
        self._catch_up()
        self._before = None if earlier is None else _read_only(earlier)
        self._known: set[str] = set()
        self._budgets: list[SharedBudget] = []
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._starting = threading.Lock()

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=120, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA busy_timeout = 120000")
            teach(connection)
            found = look(connection, self.path)
            if found > VERSION:
                raise DataError(
                    f"this ledger has version {found}, this program writes version {VERSION}.",
                    where=self.path,
                    todo="Use the program that wrote it, or start another run.",
                )
            write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            if found < VERSION:
                self._lay_out(connection)
            connection.execute("SELECT checksum FROM answers LIMIT 0")
            if connection.execute(_INDEXED).fetchone():
                connection.execute("DROP INDEX IF EXISTS answers_of")
        except TROUBLE as error:
            raise explain(error, self.path) from error
        return connection

    def _lay_out(self, connection: sqlite3.Connection) -> None:
        """Make a new ledger's tables, or give an earlier version's rows their checksums."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found == 1:
                values = ", ".join(c for c in _COLUMNS if c not in ("cost", "checksum"))
                connection.create_function("checksum_of", -1, lambda cost, *row: seal(row, cost))
                connection.execute("ALTER TABLE answers ADD COLUMN checksum INTEGER")
                connection.execute(f"UPDATE answers SET checksum = checksum_of(cost, {values})")
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _catch_up(self) -> None:
        """Bring back what the journal holds and the file has lost, or never got before a kill."""
        if self._journal.path.exists():
            from .restore import catch_up

            try:
                catch_up(self._reader, self._journal.path)
            except TROUBLE as error:
                raise explain(error, self.path) from error

    def get(self, keys: Iterable[str]) -> dict[str, Answer]:
        """The answers to these keys that are on disk, failures included."""
        wanted = list(dict.fromkeys(keys))
        try:
            found = _select(self._reader, wanted, self.path)
            if self._before is not None:
                left = [key for key in wanted if key not in found]
                found |= _select(self._before, left, self.path)
        except TROUBLE as error:
            raise explain(error, self.path) from error
        return found

    def put(self, entries: Sequence[Entry]) -> None:
        """Write and commit; returns when the entries are on disk."""
        done = threading.Event()
        batch = _Batch(list(entries), done.set)
        self._submit(batch)
        done.wait()
        if batch.error is not None:
            raise batch.error

    async def put_soon(self, entry: Entry) -> None:
        """Write with whatever else is waiting; returns when the entry is on disk."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        batch = _Batch([entry], None, loop, future)
        self._submit(batch)
        await future

    def counts(self) -> pd.DataFrame:
        """Answers by respondent and status: columns respondent, status, n, tokens, cost."""
        return pd.read_sql_query(
            "SELECT respondent, status, count(*) AS n, "
            "sum(coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0)) AS tokens, "
            "sum(coalesce(cost, 0)) AS cost FROM answers GROUP BY respondent, status "
            "ORDER BY respondent, status",
            self._reader,
        )

    def cost(self) -> float:
        """US dollars spent so far by this run, answers of unknown cost left out."""
        return float(self._reader.execute("SELECT total(cost) FROM answers").fetchone()[0])

    def table(self, respondent: str | None = None) -> pd.DataFrame:
        """All answers with their questions, for a person who wants to read them."""
        query = (
            f"SELECT {', '.join('a.' + c for c in _COLUMNS)}, q.model, q.messages, q.params "
            "FROM answers a JOIN questions q USING (question)"
        )
        where, values = (" WHERE respondent = ?", (respondent,)) if respondent else ("", ())
        return pd.read_sql_query(query + where + " ORDER BY key", self._reader, params=values)

    @asynccontextmanager
    async def claim(self, name: str, *, shared: bool = False) -> AsyncIterator[None]:
        """Hold the sole right to ask the respondent `name`, waiting while another process has it.

        Whoever prepares a batch needs it, because a batch asks what is missing when it is written.
        With `shared`, others may hold it too if they share: they claim request by request
        (`sharing.Member`). The kernel releases the lock however the process ends.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        path = self.path.with_name(f".{self.path.name}.{slug(name)}.lock")
        try:
            handle = path.open("a")
        except OSError as error:
            raise explain(error, self.path) from error
        with handle:
            waiting = False
            while True:
                try:
                    fcntl.flock(handle, kind | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not waiting:
                        log.info("another process is asking %s; waiting for it to finish", name)
                        waiting = True
                    await asyncio.sleep(0.1)
            yield

    def budget(self, max_cost: float | None) -> Budget:
        """A limit in US dollars on the whole run, earlier answers and other processes included.

        It ends with this ledger. None sets no limit and counts nothing into that of others.

        Raises
        ------
        ConfigError
            If the limit is no amount.
        """
        if max_cost is None:
            return Budget()
        budget = SharedBudget(self.path, max_cost, self.cost)
        self._budgets.append(budget)
        return budget

    def close(self) -> None:
        """Finish writing and close; each part of it is done, whatever becomes of the others.

        Raises
        ------
        DataError, OSError
            If the disk does not take what was left to be written.
        """
        with ExitStack() as stack:  # what was put in last comes first
            if self._before is not None:
                stack.callback(self._before.close)
            stack.callback(self._rescue.close)
            stack.callback(self._journal.close)
            stack.callback(self._reader.close)
            stack.callback(self._end_writing)
            while self._budgets:
                stack.callback(self._budgets.pop().leave)

    def _end_writing(self) -> None:
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except (DataError, OSError):
            if error is None:  # else what went wrong first is what is said
                raise

    def _submit(self, batch: _Batch) -> None:
        with self._starting:  # two threads may bring the first answers, and one is to write
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="ledger", daemon=True)
                self._writer.start()
        self._queue.put(batch)

    def _write(self) -> None:
        """Commit whatever has gathered, over and over: the group grows with the load by itself."""
        connection: sqlite3.Connection | None = None
        stop = False
        while not stop:
            first = self._queue.get()
            batches = [first] if first is not None else []
            stop = first is None
            while not self._queue.empty():
                more = self._queue.get()
                if more is None:
                    stop = True
                else:
                    batches.append(more)
            if batches:
                error: Exception | None = None
                try:
                    connection = connection or self._connect()
                    self._commit(connection, [e for batch in batches for e in batch.entries])
                except Exception as problem:  # else whoever waits would wait for ever
                    error = self._unwritten(problem, [e for b in batches for e in b.entries])
                for batch in batches:
                    batch.error = error
                _wake(batches)
        if connection is not None:
            connection.close()

    def _unwritten(self, problem: Exception, entries: list[Entry]) -> DataError:
        """Keep elsewhere what could not be written, and say where, why and what to do."""
        error = problem if isinstance(problem, DataError) else explain(problem, self.path)
        kept = self._rescue.keep(_told(entries, time.time(), {})[1])
        return DataError(
            f"an answer could not be written: {error.what} {kept}",
            where=self.path,
            todo=error.todo,
        )

    def _commit(self, connection: sqlite3.Connection, entries: list[Entry]) -> None:
        questions = {e.request.question.digest: e.request.question for e in entries}
        fresh = {digest: q for digest, q in questions.items() if digest not in self._known}
        rows, lines = _told(entries, time.time(), self._known)
        with self._journal.held() if lines else nullcontext():
            self._journal.append(lines)
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(
                    "INSERT OR IGNORE INTO questions VALUES (?, ?, ?, ?)",
                    [_question_row(question) for question in fresh.values()],
                )
                connection.executemany(_INSERT, rows)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite takes some back by itself
                    connection.execute("ROLLBACK")
                raise
        if len(self._known) > _MOST_KNOWN:  # all of a large run would fill the memory
            self._known.clear()
        self._known.update(fresh)


class _Batch:
    """Entries written in one transaction, and whom to wake afterwards."""

    __slots__ = ("done", "entries", "error", "future", "loop")

    def __init__(
        self,
        entries: list[Entry],
        done: Any = None,
        loop: asyncio.AbstractEventLoop | None = None,
        future: asyncio.Future[None] | None = None,
    ):
        self.entries, self.done, self.loop, self.future = entries, done, loop, future
        self.error: Exception | None = None


def _wake(batches: list[_Batch]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[_Batch]] = {}
    for batch in batches:
        if batch.loop is None:
            batch.done()
        else:
            loops.setdefault(batch.loop, []).append(batch)
    for loop, theirs in loops.items():
        # One wake-up of the loop a commit, not one an answer. A loop that was closed meanwhile
        # (Ctrl-C) has nobody left to wake: the answers are on disk, which is what counts.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, theirs)


def _resolve(batches: list[_Batch]) -> None:
    for batch in batches:
        if batch.future is not None and not batch.future.done():
            if batch.error is None:
                batch.future.set_result(None)
            else:
                batch.future.set_exception(batch.error)


def _told(
    entries: Sequence[Entry], now: float, known: Collection[str]
) -> tuple[list[tuple[Any, ...]], list[bytes]]:
    """Rows of the table, and lines of the journal with the questions that are not `known`."""
    rows, lines = [], []
    fresh: set[str] = set()
    for entry in entries:
        question = entry.request.question
        values = _values(entry, now)
        crc, text = checksum(values)
        cost = None if entry.answer.cost is None else float(entry.answer.cost)
        rows.append((*values[:_COST], cost, *values[_COST:], sealed(crc, cost)))
        if not question.model.startswith(SIMULATED):
            if question.digest not in known and question.digest not in fresh:
                fresh.add(question.digest)
                lines.append(Line("question", list(_question_row(question))).encoded())
            lines.append(answer_line(text, cost, sealed(crc, cost)))
    return rows, lines


def _values(entry: Entry, now: float) -> tuple[Any, ...]:
    """Values of `_COLUMNS` but cost and checksum, of the types with which they come back."""
    a = entry.answer
    return (
        a.key, a.status, a.text, a.reasoning,
        json.dumps(a.logprobs) if a.logprobs is not None else None,
        a.finish_reason, a.error, a.prompt_tokens, a.completion_tokens,
        None if a.latency is None else float(a.latency),
        a.returned_model, json.dumps(a.dropped) if a.dropped else None, a.attempts,
        entry.request.question.digest, entry.request.sample, entry.respondent, now,
    )  # fmt: skip


def _question_row(question: Question) -> tuple[str, str, str, str]:
    return (
        question.digest, question.model, canonical(question.messages).decode(),
        canonical(question.params).decode(),
    )  # fmt: skip


def _read_only(path: Path) -> sqlite3.Connection:
    # Without locks, which file systems that machines share do not always have.
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?immutable=1", uri=True, check_same_thread=False
    )


def _select(connection: sqlite3.Connection, keys: list[str], path: Path) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    # In the order in which they lie in the file: a large ledger is read once, from one end.
    for chunk in _chunks(sorted(keys), 500):
        marks = ", ".join("?" * len(chunk))
        rows = connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM answers WHERE key IN ({marks})", chunk
        )
        for row in rows:
            if not intact(row):
                raise damaged(path, f"the answer {row[0]!r:.20} differs from its checksum")
            answer = _answer(row[: len(_ANSWER)])
            found[answer.key] = answer
    return found


def intact(row: tuple[Any, ...]) -> bool:
    """Whether a row of `_COLUMNS` is as it was written."""
    try:
        return bool(seal((*row[:_COST], *row[_COST + 1 : -1]), row[_COST]) == row[-1])
    except TypeError:  # bytes where text was
        return False


def _answer(row: tuple[Any, ...]) -> Answer:
    answer = Answer(*row)
    if isinstance(answer.logprobs, str):
        answer.logprobs = [[(t, float(p)) for t, p in top] for top in json.loads(answer.logprobs)]
    answer.dropped = tuple(json.loads(row[-2])) if row[-2] else ()
    return answer


def _chunks(values: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
