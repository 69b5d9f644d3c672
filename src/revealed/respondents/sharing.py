"""How processes that work on one run at the same time share it: requests, places, rate, money.

Beside ``ledger.sqlite`` lies ``.ledger.sqlite.shared``, a small SQLite file that says who is at
work. A request is asked by whoever claimed it; claims, places and reserved money of a process that
was killed are free again as soon as another one looks, because the kernel releases its lock. A
process that lives but has not moved for `LEASE` seconds loses its claims as well. Nothing in the
file is an answer: without it, no more is lost than who was about to ask what.

Times are of the system's monotonic clock, which no change of the date moves.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..foundation.errors import DataError
from .budget import Budget
from .ledger_trouble import explain, write_ahead

BEAT = 0.25
"""Seconds between two signs of life."""

LEASE = 60.0
"""Seconds without one after which a process that lives is taken for one that hangs."""

_AHEAD, _FAR = 16, 20
"""Money is drawn for so many requests at once, while so many times as much is left."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS members (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    respondent TEXT,
    beat REAL NOT NULL,
    held REAL NOT NULL DEFAULT 0,
    reserved REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, member TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS money (id INTEGER PRIMARY KEY CHECK (id = 1), spent REAL NOT NULL);
INSERT OR IGNORE INTO money VALUES (1, 0);
"""


class _Membership:
    """A row of ``members``, a lock that the kernel releases with the process, a connection."""

    def __init__(self, ledger: Path, respondent: str | None):
        self.path = ledger.with_name(f".{ledger.name}.shared")
        self.name = secrets.token_hex(8)
        self._respondent = respondent
        try:
            # Locked before anybody can read its name, so that nobody takes it for dead.
            self._lock = os.open(self._lock_of(self.name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            raise explain(error, ledger) from error
        self._open = True
        try:
            self._connection = sqlite3.connect(
                self.path, timeout=120, isolation_level=None, check_same_thread=False
            )
            write_ahead(self._connection)
            # A power cut may take the last claims: it ends all who made them, too.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            with self._transaction() as cursor:
                for statement in _SCHEMA.split(";"):
                    cursor.execute(statement)
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from error

    def leave(self) -> None:
        """Give back everything; doing it again does nothing."""
        if not self._open:
            return
        self._open = False
        try:
            with self._transaction() as cursor:
                self._strike(cursor, self.name)
        finally:
            self._connection.close()
            os.close(self._lock)

    def _enter(self, cursor: sqlite3.Cursor) -> None:
        cursor.execute(
            "INSERT INTO members (name, respondent, beat) VALUES (?, ?, ?)",
            (self.name, self._respondent, time.monotonic()),
        )

    def _strike(self, cursor: sqlite3.Cursor, name: str) -> None:
        cursor.execute("DELETE FROM claims WHERE member = ?", (name,))
        cursor.execute("DELETE FROM members WHERE name = ?", (name,))
        self._lock_of(name).unlink(missing_ok=True)

    def _bury(self, cursor: sqlite3.Cursor) -> None:
        """Take what the dead held; what they had set aside may be on the bill, and is spent."""
        now = time.monotonic()
        others = cursor.execute(
            "SELECT name, respondent, beat, reserved FROM members WHERE name <> ?", (self.name,)
        ).fetchall()
        for name, respondent, beat, reserved in others:
            if self._dead(name):
                cursor.execute("UPDATE money SET spent = spent + ?", (reserved,))
                self._strike(cursor, name)
            elif respondent is not None and now - beat > LEASE:
                cursor.execute("DELETE FROM claims WHERE member = ?", (name,))
                cursor.execute("DELETE FROM members WHERE name = ?", (name,))

    def _dead(self, name: str) -> bool:
        try:
            handle = os.open(self._lock_of(name), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(handle)
        return True

    def _lock_of(self, name: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{name}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            cursor.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                cursor.execute("ROLLBACK")
            if isinstance(error, sqlite3.DatabaseError):
                raise self._trouble(error) from error
            raise

    def _trouble(self, error: sqlite3.DatabaseError) -> DataError:
        known = explain(error, self.path)
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR,
        ):  # fmt: skip
            return DataError(
                f"processes cannot share this run: the file that says who is at work is damaged "
                f"({error}).",
                where=self.path,
                todo="It holds no answers. When no command works on this run, remove it.",
            )
        return known


class Member(_Membership):
    """One collection among those that ask the same respondent at the same time.

    Parameters
    ----------
    ledger
        The ledger's file.
    respondent
        Who is asked.
    concurrency
        How many requests all members may have under way together.
    """

    def __init__(self, ledger: Path, respondent: str, concurrency: int):
        super().__init__(ledger, respondent)
        self._concurrency = concurrency
        self.share = 0.0
        """This member's part of the places and of the rate, from 0 to 1."""
        with self._transaction() as cursor:
            self._enter(cursor)
        self.beat(0)

    def claim(self, keys: Sequence[str], done: Iterable[str] = ()) -> set[str]:
        """Those of `keys` that are this member's to ask now; claims on `done` are given back."""
        with self._transaction() as cursor:
            self._give_back(cursor, done)
            ours = set()
            for key in keys:
                cursor.execute("INSERT OR IGNORE INTO claims VALUES (?, ?)", (key, self.name))
                if cursor.rowcount:
                    ours.add(key)
        return ours

    def beat(self, under_way: int, done: Iterable[str] = ()) -> bool:
        """A sign of life with the number of requests `under_way`; sets `share` anew.

        False if this member was taken for dead meanwhile: then its claims are gone.

        Shares are equal, but nobody's grows before the others have come down: what a member still
        has under way counts as its own. Members for whom there is no place wait.
        """
        with self._transaction() as cursor:
            self._give_back(cursor, done)
            self._bury(cursor)
            known = cursor.execute(
                "SELECT number FROM members WHERE name = ?", (self.name,)
            ).fetchone()
            if known is None:
                self._enter(cursor)
            members = cursor.execute(
                "SELECT name, held FROM members WHERE respondent = ? ORDER BY number",
                (self._respondent,),
            ).fetchall()
            place = [name for name, _ in members].index(self.name)
            fair = 1.0 / min(len(members), self._concurrency)
            left = 1.0 - sum(held for name, held in members if name != self.name)
            self.share = max(0.0, min(fair, left)) if place < self._concurrency else 0.0
            if self.share * self._concurrency < 1.0 - 1e-9:
                self.share = 0.0  # less than one place is none
            cursor.execute(
                "UPDATE members SET beat = ?, held = ? WHERE name = ?",
                (time.monotonic(), max(self.share, under_way / self._concurrency), self.name),
            )
        return known is not None

    def _give_back(self, cursor: sqlite3.Cursor, keys: Iterable[str]) -> None:
        cursor.executemany(
            "DELETE FROM claims WHERE key = ? AND member = ?", [(key, self.name) for key in keys]
        )


class SharedBudget(_Membership, Budget):
    """A limit on what all processes together spend on a run, as far as they were given one.

    What is spent counts on from what the ledger holds. Money that a killed process had set aside
    may be on the bill and counts as spent. ``spent`` and ``reserved`` are those of all processes,
    as of the last call of `reserve` or `settle`.

    Parameters
    ----------
    ledger
        The ledger's file.
    max_cost
        US dollars.
    spent
        Tells what the ledger holds; called if nobody else is at work.
    """

    def __init__(self, ledger: Path, max_cost: float, spent: Callable[[], float]):
        Budget.__init__(self, max_cost)
        _Membership.__init__(self, ledger, None)
        # What the file says we hold: never less than what is in flight and what is not yet booked.
        self._drawn = self._in_flight = self._unbooked = 0.0
        self._settled = 0
        with self._transaction() as cursor:
            self._bury(cursor)
            if not cursor.execute("SELECT 1 FROM members WHERE respondent IS NULL").fetchone():
                kept = spent()
                # What was paid for and never written is known here only; a new ledger has no past.
                cursor.execute(
                    "UPDATE money SET spent = CASE WHEN ? > 0 THEN max(spent, ?) ELSE 0 END",
                    (kept, kept),
                )
            self._enter(cursor)
            self._see(cursor)

    def reserve(self, worst: float | None) -> bool:
        """As `Budget.reserve`, with what the other processes spent and set aside."""
        if not worst:  # nothing to share, or nothing to be had without a price
            return super().reserve(worst)
        if self._in_flight + self._unbooked + worst > self._drawn:
            with self._transaction() as cursor:
                self._book(cursor)
                if not self._draw(cursor, worst):
                    self._bury(cursor)
                    self._see(cursor)
                    if not self._draw(cursor, worst):
                        return False
        self._in_flight += worst
        return True

    def settle(self, worst: float | None, actual: float | None) -> None:
        """As `Budget.settle`."""
        if actual is None:
            self.unknown += 1
        self._in_flight = max(0.0, self._in_flight - (worst or 0.0))
        self._unbooked += actual or 0.0
        self._settled += 1
        if not self._open:
            return
        # Money that nobody needs is not held back from the others.
        if self._settled >= self._ahead or self._in_flight < (worst or 0.0):
            with self._transaction() as cursor:
                self._book(cursor)

    def leave(self) -> None:
        """Book what was spent and give back the rest."""
        try:
            if self._open:
                with self._transaction() as cursor:
                    self._book(cursor)
        finally:
            super().leave()

    _ahead = 1
    """Requests for which money is drawn at a time."""

    def _draw(self, cursor: sqlite3.Cursor, worst: float) -> bool:
        """Have the file say that we hold enough for one request more, or for several."""
        limit = (self.max_cost or 0.0) * (1 + 1e-12)
        others = self.spent + self.reserved - self._drawn
        # Ahead only as long as that is little of what is left: near the limit everybody counts.
        left = limit - others - self._in_flight
        self._ahead = _AHEAD if _FAR * _AHEAD * worst <= left else 1
        wanted = self._in_flight + self._ahead * worst
        if others + wanted > limit:
            return False
        self._hold(cursor, wanted)
        return True

    def _book(self, cursor: sqlite3.Cursor) -> None:
        """Tell the file what was spent, and that we hold what is in flight and no more."""
        cursor.execute("UPDATE money SET spent = spent + ?", (self._unbooked,))
        self._unbooked, self._settled = 0.0, 0
        self._hold(cursor, self._in_flight)

    def _hold(self, cursor: sqlite3.Cursor, amount: float) -> None:
        cursor.execute("UPDATE members SET reserved = ? WHERE name = ?", (amount, self.name))
        self._drawn = amount
        self._see(cursor)

    def _see(self, cursor: sqlite3.Cursor) -> None:
        self.spent, self.reserved = cursor.execute(
            "SELECT (SELECT spent FROM money), (SELECT total(reserved) FROM members)"
        ).fetchone()
