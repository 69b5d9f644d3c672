"""What is wrong with a ledger's file or its disk, and what a person does about it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from ..foundation.errors import DataError

HEADER = b"SQLite format 3\x00"
APPLICATION = 0x52564C31
"""In every ledger's header (``RVL1``), so that another program's database is told from one."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REPAIR = (
    "Nothing was changed. `revealed ledger check` says what is damaged, `revealed ledger repair` "
    "saves what is whole; then the same command goes on."
)


def look(path: Path) -> None:
    """Refuse, from its first 100 bytes and its size, a file that cannot be a whole ledger.

    Raises
    ------
    DataError
        If it is no SQLite file, another program's, or shorter than it says.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise explain(error, path) from error
    if not head:
        return  # SQLite makes a database of an empty file
    if len(head) < 100 or not head.startswith(HEADER):
        raise damaged(path, "it does not begin as one")
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else page
    if page < 512 or page & (page - 1):
        raise damaged(path, f"its pages have {page} bytes")
    pages = int.from_bytes(head[28:32], "big")
    # After a kill the rest of the pages may still be in the write-ahead log.
    log = path.with_name(path.name + "-wal")
    logged = log.is_file() and log.stat().st_size > 0
    if not logged and head[24:28] == head[92:96] and size < pages * page:
        raise damaged(path, f"it has {size:,} bytes and says {pages * page:,}: it was cut")
    version = int.from_bytes(head[60:64], "big")
    application = int.from_bytes(head[68:72], "big")
    if version >= 2 and application != APPLICATION:
        raise foreign(path)


def damaged(path: Path, what: str) -> DataError:
    """The error for a ledger whose content cannot be trusted."""
    return DataError(f"not a readable ledger ({what}).", where=path, todo=_REPAIR)


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
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, str(error))
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
