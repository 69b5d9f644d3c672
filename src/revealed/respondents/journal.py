"""The ledger's journal: what it was told, in the order in which it was told, once more.

Beside ``ledger.sqlite`` lies ``ledger.journal.gz``, which only ever grows: a gzip member a commit,
a line of JSON a row (``zcat`` shows it). A member is written before its commit and carries its own
length and CRC, so one that was cut or damaged is known and skipped, and the others are read. It
brings back what a damaged, truncated or half-copied ledger has lost. Answers of simulated
respondents are left out: they can be had again for nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MEMBER = bytes.fromhex("1f8b0800000000000403")
"""How a member begins: gzip, deflate, no name, no time, fastest, Unix."""
_PIECE = 1 << 20
_SYNC = 5.0
"""Seconds of answers that a power cut may keep from the journal; the ledger itself has them."""


def checksum(values: Sequence[Any]) -> tuple[int, bytes]:
    """CRC-32 of a row's values but its cost, and the JSON that it was computed from."""
    text = json.dumps(values).encode()
    return zlib.crc32(text), text


def sealed(crc: int, cost: float | None) -> int:
    """A row's checksum: its cost's above that of all else, which alone stays when costs add up."""
    price = zlib.crc32(json.dumps(cost).encode()) & 0x7FFF_FFFF
    return price << 32 | crc & 0xFFFF_FFFF


def seal(values: Sequence[Any], cost: float | None) -> int:
    """`sealed`, of a row's values but its cost."""
    return sealed(checksum(values)[0], cost)


def added(new: float | None, old: float | None, checksum: int | None) -> float | None:
    """What two attempts cost: None if neither price is known. A damaged one is not known."""
    if old is None or checksum is None or sealed(checksum, old) != checksum:
        return new
    return old if new is None else new + old


def teach(connection: sqlite3.Connection) -> None:
    """Let the SQL of a connection that writes call `sealed` and `added`."""
    connection.create_function("sealed", 2, sealed, deterministic=True)
    connection.create_function("added", 3, added, deterministic=True)


def journal_of(ledger: Path) -> Path:
    """Where a ledger's journal lies."""
    return ledger.with_name(ledger.stem + ".journal.gz")


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it was told.

    ``values`` are a question's columns, or an answer's without its cost and checksum.
    """

    kind: str
    values: list[Any]
    cost: float | None = None
    checksum: int | None = None

    def encoded(self) -> bytes:
        """As it stands in the file."""
        return json.dumps([self.kind, self.values, self.cost, self.checksum]).encode()


def answer_line(values: bytes, cost: float | None, crc: int) -> bytes:
    """A `Line` of an answer, from what `checksum` made of its values."""
    return b'["answer", ' + values + b", " + json.dumps([cost, crc])[1:].encode()


class Journal:
    """Appends to one journal; several processes may append to the same file."""

    def __init__(self, path: Path, mode: int = 0o666):
        self.path, self._mode = path, mode
        self._file: int | None = None
        self._synced = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Between a member and its commit: whoever opens the ledger waits (`settled`)."""
        file = self._open()
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def append(self, lines: Sequence[bytes]) -> None:
        """Write a member.

        Raises
        ------
        OSError
            If the disk does not take it whole.
        """
        if not lines:
            return
        file = self._open()
        squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
        member = squeeze.compress(b"\n".join(lines) + b"\n") + squeeze.flush()
        written = os.write(file, member)
        while written < len(member):  # a disk that fills up takes a part, then says why
            written += os.write(file, member[written:])
        if time.monotonic() - self._synced > _SYNC:
            self.sync()

    def sync(self) -> None:
        """Have the disk keep what was written."""
        if self._file is not None:
            os.fdatasync(self._file)
            self._synced = time.monotonic()

    def close(self) -> None:
        """Have the disk keep it, and close."""
        if self._file is not None:
            try:
                self.sync()
            finally:
                os.close(self._file)
                self._file = None

    def _open(self) -> int:
        if self._file is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(self.path, flags, self._mode)
        return self._file


@contextmanager
def settled(path: Path, patience: float = 2.0) -> Iterator[bool]:
    """Hold a journal while no member awaits its commit; False if that never was for `patience` s.

    Then processes that live are writing, and what they write is theirs to commit.
    """
    with path.open("rb") as file:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    yield False
                    return
                time.sleep(0.01)
            else:
                yield True
                return


def read(path: Path) -> Iterator[Line | None]:
    """Every line of a journal; None for each stretch that is damaged or was cut."""
    with path.open("rb") as file:
        yield from _lines(file.read)


def read_tail(path: Path, size: int = 4 * _PIECE) -> tuple[list[Line], bool]:
    """Lines of the whole members within the last `size` bytes, and whether that is all there is."""
    total = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, total - size))
        return [line for line in _lines(file.read) if line is not None], size >= total


def _lines(more: Callable[[int], bytes]) -> Iterator[Line | None]:
    held, at, ended = b"", 0, False
    while True:
        end = held.find(_MEMBER, at + 1)
        if end < 0 and not ended:
            piece = more(_PIECE)
            ended = not piece
            held, at = held[at:] + piece, 0
            continue
        member = held[at : end if end >= 0 else len(held)]
        if member:
            content = _content(member)
            if content is None:
                yield None
            else:
                for text in content.splitlines():
                    yield _line(text)
        if end < 0:
            return
        at = end


def _content(member: bytes) -> bytes | None:
    """What a member holds, or None if it is not whole."""
    squeeze = zlib.decompressobj(31)
    try:
        content = squeeze.decompress(member)
    except zlib.error:
        return None
    return content if squeeze.eof and not squeeze.unused_data else None


def _line(text: bytes) -> Line | None:
    try:
        kind, values, cost, crc = json.loads(text)
        return Line(str(kind), list(values), cost, crc)
    except (ValueError, TypeError):
        return None
