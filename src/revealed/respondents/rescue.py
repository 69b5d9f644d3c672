"""Where answers go that were paid for and that the ledger's disk does not take."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .journal import Journal

log = logging.getLogger(__name__)


class Rescue:
    """A journal on another disk, begun when the ledger's own cannot be written.

    The first of these folders that takes it: that of temporary files, the home, the working one.
    """

    def __init__(self, ledger: Path):
        self.ledger = ledger
        self.kept = 0
        self.lost = 0
        self._journal: Journal | None = None

    def keep(self, lines: Sequence[bytes]) -> str:
        """Write the lines of answers, and return what a person is told of it."""
        count = sum(line.startswith(b'["answer"') for line in lines)
        if not count:
            return "It can be had again for nothing."
        if self._write(lines):
            self.kept += count
        else:
            self.lost += count
        return self._told("What was paid for and is still arriving is")

    def close(self) -> None:
        """Have the disk keep it, and say how much it is."""
        if self._journal is not None:
            self._journal.close()
        if self.kept or self.lost:
            log.warning("%s", self._told(f"{self.kept} answers are"))

    def _told(self, what: str) -> str:
        told = ""
        if self._journal is not None and self.kept:
            file = self._journal.path
            told = (
                f"{what} kept in {file}; "
                f"`revealed ledger restore {file} --file {self.ledger}` brings it back."
            )
        if self.lost:
            told += f" {self.lost} answers found room nowhere and will be asked again."
        return told.strip()

    def _write(self, lines: Sequence[bytes]) -> bool:
        if self._journal is not None:
            try:
                self._journal.append(lines)
                return True
            except OSError:
                self._journal.close()
        stem = f"revealed-{self.ledger.resolve().parent.name}-{os.getpid()}"
        for folder in (Path(tempfile.gettempdir()), Path.home(), Path.cwd()):
            try:
                # A new file that is ours alone: others may write in this folder too.
                handle, name = tempfile.mkstemp(".journal.gz", f"{stem}-", folder)
                os.close(handle)
            except OSError:
                continue
            journal = Journal(Path(name), 0o600)
            try:
                journal.append(lines)
            except OSError:
                journal.close()
                Path(name).unlink(missing_ok=True)
                continue
            self._journal = journal
            return True
        return False
