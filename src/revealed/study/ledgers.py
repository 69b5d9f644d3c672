"""A run whose jobs keep ledgers of their own: what they get to read, and how theirs come together.

SQLite's write-ahead mode needs memory that processes share, so one file cannot be written from
several machines, nor safely over a network file system. There each job writes a ledger under
``ledgers/``, one process a file, and reads a copy of what the run held before.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from revealed.respondents.merge import Merged

    from .run import Run


def hand_out(run: Run) -> None:
    """Before jobs begin: gather what earlier jobs left, and copy the run's ledger for all to read.

    Raises
    ------
    DataError
        As `gather`.
    """
    from revealed.respondents.merge import snapshot

    gather(run)
    if run.paths.ledger.is_file():
        snapshot(run.paths.ledger, run.paths.earlier)


def gather(run: Run, *, done: bool = False) -> list[Merged]:
    """Merge the jobs' ledgers into the run's; doing it again changes nothing.

    `done` says that every job has ended: then the jobs' journals are added to the run's, and their
    ledgers and the copy are removed.

    Raises
    ------
    DataError
        If a ledger is damaged; the run's is as it was.
    """
    from revealed.respondents.journal import journal_of
    from revealed.respondents.merge import merge

    parts = sorted(run.paths.parts.glob("*.sqlite"))
    merged = merge(parts, run.paths.ledger, progress=False) if parts else []
    if done:
        for journal in filter(Path.is_file, map(journal_of, parts)):
            # Members of one journal are members of any.
            with journal.open("rb") as read, journal_of(run.paths.ledger).open("ab") as write:
                shutil.copyfileobj(read, write)
                write.flush()
                os.fsync(write.fileno())
        shutil.rmtree(run.paths.parts, ignore_errors=True)
        run.paths.earlier.unlink(missing_ok=True)
    return merged
