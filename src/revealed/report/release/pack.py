"""The archive as a file: the same content gives the same bytes; and whether it is whole."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tqdm import tqdm

from revealed.foundation.errors import DataError
from revealed.foundation.paths import atomic_write
from revealed.foundation.provenance import sha256

from . import crate

SUMS = crate.SUMS
RELEASE = "release.json"
_WHEN = (1980, 1, 1, 0, 0, 0)  # the archive must not tell when it was packed
_PACKED = re.compile(r"\.(?:parquet|png|zip|npz|woff2?|gz|jpe?g)$")
_PIECE = 1 << 20
_NEEDED = ("README.md", RELEASE, crate.METADATA, "answers/answers.parquet", "source/study.yaml")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")

Files = Mapping[str, Path | bytes]


def measure(files: Files, *, progress: bool = True) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every file, by name."""
    return {
        name: (len(file), hashlib.sha256(file).hexdigest())
        if isinstance(file, bytes)
        else (file.stat().st_size, sha256(file))
        for name, file in tqdm(files.items(), desc="checksums", unit="file", disable=not progress)
    }


def sums(measured: Mapping[str, tuple[int, str]]) -> bytes:
    """Checksums in the form of ``sha256sum -c``."""
    lines = [f"{sha256}  {name}\n" for name, (_, sha256) in sorted(measured.items())]
    return "".join(lines).encode()


def pack(files: Files, path: Path, *, progress: bool = True) -> None:
    """Write `files` as one zip file, sorted, without times; whole or not at all."""
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed,
    ):
        for name, file in tqdm(sorted(files.items()), desc="pack", unit="file",
                               disable=not progress):  # fmt: skip
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # or a zip made on Windows would differ
            if not _PACKED.search(name):
                entry.compress_type = zipfile.ZIP_DEFLATED
            large = not isinstance(file, bytes) and file.stat().st_size > 1 << 31
            with packed.open(entry, "w", force_zip64=large) as target:
                if isinstance(file, bytes):
                    target.write(file)
                else:
                    with file.open("rb") as source:
                        shutil.copyfileobj(source, target, _PIECE)


@dataclass
class Verified:
    """What an archive holds and what is wrong with it; `problems` is empty if it is whole."""

    path: Path
    files: int = 0
    bytes: int = 0
    release: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def verify(path: Path, *, progress: bool = True) -> Verified:
    """Read every file of an archive and hold it against its checksums and its metadata.

    Raises
    ------
    DataError
        If it cannot be read as a release at all.
    """
    found = Verified(path)
    with opened(path) as packed:
        names = [info.filename for info in packed.infolist() if not info.is_dir()]
        times = Counter(names)
        twice = [name for name in sorted(names) if times[name] > 1]
        found.problems += [f"{name} stands there twice" for name in twice[:5]]
        found.problems += [
            f"{name} leads out of the archive" for name in names if not _inside(name)
        ]
        found.problems += [f"{name} is missing" for name in (*_NEEDED, SUMS) if name not in names]
        measured: dict[str, tuple[int, str]] = {}
        for name in tqdm(names, desc="verify", unit="file", disable=not progress):
            try:
                with packed.open(name) as handle:
                    measured[name] = _measured(handle)
            except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
                found.problems.append(f"{name} cannot be read ({error})")
        found.files, found.bytes = len(measured), sum(size for size, _ in measured.values())
        if SUMS in measured:
            found.problems += _against_sums(packed.read(SUMS), measured)
        if crate.METADATA in measured:
            rest = {n: m for n, m in measured.items() if n not in (crate.METADATA, SUMS)}
            found.problems += crate.check(packed.read(crate.METADATA), rest)
        if RELEASE in measured:
            try:
                found.release = dict(json.loads(packed.read(RELEASE)))
            except (ValueError, TypeError):
                found.problems.append(f"{RELEASE} is not JSON")
    return found


def opened(path: Path) -> zipfile.ZipFile:
    """The archive, to be read.

    Raises
    ------
    DataError
        If there is none, or it is cut or no archive.
    """
    todo = "Give the zip file that `revealed release` wrote."
    if not path.is_file():
        raise DataError("there is no archive.", where=path, todo=todo)
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"this is no whole archive ({error}).", where=path, todo=todo) from None


def _measured(handle: IO[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while piece := handle.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in path.parts[0])


def _against_sums(text: bytes, measured: Mapping[str, tuple[int, str]]) -> list[str]:
    problems, named = [], set()
    for line in text.decode("utf-8", "replace").splitlines():
        if not (match := _LINE.fullmatch(line)):
            problems.append(f"{SUMS} has a line that is none: {line[:60]!r}")
            continue
        sha256, name = match.groups()
        named.add(name)
        if name not in measured:
            problems.append(f"{name} is missing")
        elif measured[name][1] != sha256:
            problems.append(f"{name} differs from its checksum")
    problems += [f"{name} has no checksum" for name in sorted(measured.keys() - named - {SUMS})]
    return problems


def unpack(path: Path, folder: Path, *, progress: bool = True) -> None:
    """Unpack a verified archive into `folder`, which appears whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    with opened(path) as packed:
        for info in tqdm(packed.infolist(), desc="unpack", unit="file", disable=not progress):
            if _inside(info.filename):
                packed.extract(info, temporary)
    temporary.rename(folder)
