"""The zip files (``.eval``) that inspect_ai writes its logs into."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ...foundation.errors import DataError

_ZSTANDARD = 93
"""The compression that inspect_ai uses, which Python's own zipfile does not know before 3.14."""

LARGEST = 4 * 2**30
"""Bytes that a log may unpack to: a zip of a few kilobytes can claim any number."""

_HEADER = "header.json"


def unpacked(path: Path) -> dict[str, bytes]:
    """The header and every sample, by their names in the file.

    Raises
    ------
    DataError
        If it is no such file, was cut, or is too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            # The last of a name counts: a sample that was run again is appended.
            wanted = {m.filename: m for m in members if m.filename.startswith("samples/")}
            wanted |= {m.filename: m for m in members if m.filename == _HEADER}
            if _HEADER not in wanted:
                raise DataError(
                    "has no header.json: the evaluation did not end.",
                    where=path,
                    todo="Recover it with `inspect log recover`.",
                )
            if (size := sum(m.file_size for m in wanted.values())) > LARGEST:
                raise DataError(
                    f"unpacks to {size / 2**30:.0f} GiB; {LARGEST / 2**30:.0f} are read at most.",
                    where=path,
                    todo="Split the evaluation.",
                )
            return {name: _member(archive, wanted[name]) for name in sorted(wanted)}
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise DataError(
            f"cannot be read as an .eval file ({error}).",
            where=path,
            todo="Write it as JSON: inspect log convert --to json --output-dir OUT FILE.",
        ) from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type != _ZSTANDARD:
        return archive.read(member)
    import pyarrow as pa

    handle = archive.fp
    if handle is None:
        raise zipfile.BadZipFile("the file was closed")
    handle.seek(member.header_offset)
    head = handle.read(30)
    if head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile(f"{member.filename} does not lie where the index says")
    handle.seek(sum(int.from_bytes(head[k : k + 2], "little") for k in (26, 28)), 1)
    packed = pa.BufferReader(handle.read(member.compress_size))
    # One byte more than it says, to see whether it says the truth.
    text = bytes(pa.CompressedInputStream(packed, "zstd").read(member.file_size + 1))
    if len(text) != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename} was cut")
    return text
