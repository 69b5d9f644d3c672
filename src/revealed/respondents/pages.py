"""Rows out of the pages of a SQLite file, without SQLite: what of a damaged ledger is whole.

Every page is looked at by itself, of the file and of its write-ahead log, whatever the tree above
it says; so a lost inner page costs nothing and a lost leaf only its own rows. Nothing is believed
here: a row counts if its checksum says so (`revealed.respondents.ledger_check`). Rows that were
replaced or deleted may come up too, and one row several times.

The file is opened as any file is, so this is for a ledger that this process has not open: closing
it would take SQLite's locks away (https://www.sqlite.org/howtocorrupt.html, section 2.2).

The format: https://www.sqlite.org/fileformat2.html, sections 1.6 (pages), 2.1 (records) and 4.1
(write-ahead log).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_INDEX_LEAF, _INDEX_INNER, _TABLE_LEAF = 0x0A, 0x02, 0x0D
_WAL_HEAD, _FRAME_HEAD = 32, 24
_PAGE = 4096


def rows(path: Path) -> Iterator[tuple[Any, ...]]:
    """Every record that can be read from the file's pages and its log's, as SQLite's values.

    A table ``WITHOUT ROWID`` keeps its rows in index pages, inner ones too.
    """
    size = page_size(path)
    log = path.with_name(path.name + "-wal")
    later = _logged(log, size) if log.is_file() else {}
    with path.open("rb") as file:

        def page(number: int, logged: bool) -> bytes:
            if logged and number in later:
                return later[number]
            file.seek((number - 1) * size)
            return file.read(size)

        total = -(-path.stat().st_size // size)
        for number in range(1, total + 1):
            content = page(number, False)
            yield from _records(content, number, size, page)
        for number, content in later.items():
            yield from _records(content, number, size, page)


def page_size(path: Path) -> int:
    """Bytes a page by the header, and SQLite's own default where the header makes no sense."""
    with path.open("rb") as file:
        head = file.read(18)
    size = int.from_bytes(head[16:18], "big")
    size = 65536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else _PAGE


def version(path: Path) -> int:
    """The header's user version."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(64)[60:64], "big")


def _logged(log: Path, size: int) -> dict[int, bytes]:
    """The last image of each page in a write-ahead log, whether committed or not."""
    found: dict[int, bytes] = {}
    with log.open("rb") as file:
        head = file.read(_WAL_HEAD)
        if len(head) < _WAL_HEAD or int.from_bytes(head[8:12], "big") != size:
            return {}
        while len(frame := file.read(_FRAME_HEAD + size)) == _FRAME_HEAD + size:
            # Frames of an earlier round of the log carry another salt; their pages are in the file.
            if frame[8:16] == head[16:24]:
                found[int.from_bytes(frame[:4], "big")] = frame[_FRAME_HEAD:]
    return found


def _records(content: bytes, number: int, size: int, page: Any) -> Iterator[tuple[Any, ...]]:
    start = 100 if number == 1 else 0
    if len(content) < start + 12:
        return
    kind = content[start]
    if kind not in (_INDEX_LEAF, _INDEX_INNER, _TABLE_LEAF):
        return
    (cells,) = struct.unpack_from(">H", content, start + 3)
    array = start + (12 if kind == _INDEX_INNER else 8)
    # A row needs some bytes of its own: more cells than that is no page.
    if cells > size // 4:
        return
    most = size - 35 if kind == _TABLE_LEAF else (size - 12) * 64 // 255 - 23
    for cell in range(cells):
        try:
            (at,) = struct.unpack_from(">H", content, array + 2 * cell)
            at += 4 if kind == _INDEX_INNER else 0
            length, at = _varint(content, at)
            if kind == _TABLE_LEAF:
                _, at = _varint(content, at)
            for logged in (True, False):
                payload = _payload(content, at, length, most, size, page, logged)
                record = _record(payload)
                if record is not None:
                    yield record
                if length <= most:
                    break
        except (IndexError, struct.error, ValueError):
            continue


def _payload(
    content: bytes, at: int, length: int, most: int, size: int, page: Any, logged: bool
) -> bytes:
    """A cell's bytes, the part on overflow pages included."""
    if length <= most:
        return content[at : at + length]
    least = (size - 12) * 32 // 255 - 23
    local = least + (length - least) % (size - 4)
    local = local if local <= most else least
    parts = [content[at : at + local]]
    left = length - local
    (following,) = struct.unpack_from(">I", content, at + local)
    while left > 0:
        if following == 0 or length > 1 << 30:
            raise ValueError("the chain of pages ends too early")
        more = page(following, logged)
        if len(more) < size:
            raise ValueError("the chain of pages leaves the file")
        parts.append(more[4 : 4 + left])
        left -= size - 4
        (following,) = struct.unpack_from(">I", more, 0)
    return b"".join(parts)


def _record(payload: bytes) -> tuple[Any, ...] | None:
    end, at = _varint(payload, 0)
    if end > len(payload):
        return None
    body = end
    values: list[Any] = []
    while at < end:
        kind, at = _varint(payload, at)
        if kind == 0:
            values.append(None)
        elif kind <= 6:
            width = (1, 2, 3, 4, 6, 8)[kind - 1]
            values.append(int.from_bytes(payload[body : body + width], "big", signed=True))
            body += width
        elif kind == 7:
            values.append(struct.unpack_from(">d", payload, body)[0])
            body += 8
        elif kind in (8, 9):
            values.append(kind - 8)
        elif kind >= 12:
            width = (kind - 12) // 2
            piece = payload[body : body + width]
            values.append(piece.decode() if kind % 2 else piece)
            body += width
        else:
            return None
    return tuple(values) if body == len(payload) else None


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(9):
        byte = content[at + n]
        if n == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    raise ValueError("no number")
