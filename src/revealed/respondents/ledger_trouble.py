"""What is wrong with a ledger's file or its disk, and what a person does about it."""

from __future__ import annotations

import errno
import sqlite3
import time
from pathlib import Path

from ..foundation.errors import DataError

APPLICATION = 0x52564C31
"""In every ledger's header (``RVL1``), so that another program's database is told from one."""

TROUBLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a ledger may raise; the second where SQLite quotes damage that is no text."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REPAIR = (
    "Nothing was changed. `revealed ledger check` says what is damaged, `revealed ledger repair` "
    "saves what is whole; then the same command goes on."
)


def look(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a ledger just opened, 0 for a new one; all that its header tells is checked.

    SQLite reads the header, never we: a process that closes a file loses every lock that it holds
    on it through any other handle, and others may then write beneath it
    (https://www.sqlite.org/howtocorrupt.html, section 2.2).

    Raises
    ------
    DataError
        If it is another program's.
    sqlite3.DatabaseError
        If it is no database, or shorter than its header says.
    """
    connection.execute("BEGIN")  # one state of it, while another process may be making it
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    finally:
        connection.execute("COMMIT")
    if application != (APPLICATION if version >= 2 else 0) or (version == 0 and tables):
        raise foreign(path)
    return version


def write_ahead(connection: sqlite3.Connection, patience: float = 120.0) -> None:
    """Put a database into write-ahead mode, waiting for others who do.

    SQLite does not wait by itself here, whatever its time-out: of several processes that make a
    file at once it tells all but one that it is locked.
    """
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def damaged(path: Path, what: str) -> DataError:
    """The error for a ledger whose content cannot be trusted."""
    return DataError(f"not a readable ledger ({what}).", where=path, todo=_REPAIR)


def words(error: Exception) -> str:
    """What SQLite said, letters that are none replaced."""
    if isinstance(error, UnicodeDecodeError):
        return error.object.decode(errors="replace")
    return str(error)


def is_damage(error: Exception) -> bool:
    """Whether the file is to blame for what reading a ledger raised.

    What SQLite cannot compile counts too: the queries are known to be right, so that it is the
    schema in the file that is not.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, UnicodeDecodeError) or code in (
        sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR
    )  # fmt: skip


def foreign(path: Path) -> DataError:
    """The error for a database that something else made."""
    return DataError(
        "not a readable ledger (it is a database of another program).",
        where=path,
        todo="Nothing was changed. Name another run, or move this file away.",
    )


def explain(error: Exception, path: Path) -> DataError:
    """The error that tells a person what SQLite's or the system's means, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    number = error.errno if isinstance(error, OSError) else None
    if code == sqlite3.SQLITE_FULL or number in _FULL:
        return DataError(
            f"the disk is full ({error}).",
            where=path,
            todo="Make room, then run the same command again: everything written is kept.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM) or (
        number in (errno.EACCES, errno.EPERM, errno.EROFS)
    ):
        return DataError(
            f"the ledger cannot be written ({error}).",
            where=path,
            todo=f"Give yourself the right to write the file and its folder {path.parent}, "
            "or copy the run to a disk that takes it.",
        )
    if is_damage(error):
        return damaged(path, words(error))
    if code == sqlite3.SQLITE_BUSY:
        return DataError(
            f"another process has held the ledger for two minutes ({error}).",
            where=path,
            todo="See what it does; this command can be run again at any time.",
        )
    if code == sqlite3.SQLITE_IOERR or number is not None:
        return DataError(
            f"the disk gave an error ({error}).",
            where=path,
            todo="Look at the disk's state before anything else; copy the run to another one.",
        )
    return DataError(f"the ledger could not be used ({error}).", where=path, todo=_REPAIR)
