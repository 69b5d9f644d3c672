"""Keys and paths of this machine, looked for in everything before it is frozen."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from revealed.foundation.errors import RevealedError
from revealed.respondents.trouble import secrets_of

LOOKS_LIKE_A_KEY = re.compile(
    rb"\b(?:sk|pk|rk|xai)-[A-Za-z0-9_-]{20,}|\b(?:gsk|hf)_[A-Za-z0-9]{20,}"
    rb"|\bAIza[A-Za-z0-9_-]{35}|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}"
    rb"|\bgithub_pat_[A-Za-z0-9_]{22,}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    rb"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb"|(?i:\bbearer\s+[A-Za-z0-9._-]{20,})"
)
"""How keys of the usual providers begin, with at least so many characters as they have."""

_WRITTEN_BY_MODELS = ("answers/", "run/answers/", "run/questions/")
"""Paths there are a model's words about some machine, not ours."""
_MADE_UP = ("source/tests/",)
"""Keys there are inventions that the tests are about."""
_PIECE = 1 << 22
_OVERLAP = 4_096


class SecretError(RevealedError):
    """Something that nobody should see would be frozen."""

    exit_code = 3


@dataclass(frozen=True)
class Hit:
    """A string that must not be published: where, what it is, and its fingerprint."""

    file: str
    kind: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.file}: {self.kind} (fingerprint {self.fingerprint})"


def machine_paths(root: Path) -> list[re.Pattern[bytes]]:
    """Folders of this machine whose names are nobody's business: checkout, Python, home."""
    folders = {str(root.resolve()), str(root), sys.prefix, str(Path.home())}
    return [
        re.compile(rb"(?<![\w/.~-])" + re.escape(os.fsencode(folder)) + rb"(?=/|\b)")
        for folder in sorted(folders)
        if len(Path(folder).parts) > 1
    ]


def scan(files: Mapping[str, Path | bytes], root: Path, *, progress: bool = True) -> list[Hit]:
    """Look through all `files`, by their names in the archive, inside Parquet tables as well.

    Looked for are values of the environment's keys, strings that look like a provider's key, and
    the paths of this machine.
    """
    values = [value.encode() for value in secrets_of(None)]
    paths = machine_paths(root)
    found: dict[Hit, None] = {}
    for name, file in tqdm(
        files.items(), desc="look for secrets", unit="file", disable=not progress
    ):
        named = _paths_in(name, paths)
        for piece in _pieces(file):
            for hit in _hits(name, piece, values, named):
                found[hit] = None
    return list(found)


def refuse(hits: Sequence[Hit], accepted: Collection[str] = ()) -> None:
    """Refuse to freeze what was found, apart from `accepted` fingerprints.

    Values of the environment's keys are never accepted.

    Raises
    ------
    SecretError
        With the files and what was found there, never the string itself.
    """
    left = [hit for hit in hits if hit.fingerprint not in accepted or hit.kind == _KEY]
    if not left:
        return
    raise SecretError(
        f"{len(left)} strings must not be published:\n"
        + "\n".join(f"  {hit}" for hit in left[:12])
        + ("\n  ..." if len(left) > 12 else ""),
        todo="\nTake them out and run what made the file again. What is a model's invention or "
        "harmless for another reason: --accept FINGERPRINT (it is written down in the release).",
    )


_KEY = "the value of a key in your environment"


def _paths_in(name: str, paths: list[re.Pattern[bytes]]) -> list[re.Pattern[bytes]]:
    return [] if name.startswith(_WRITTEN_BY_MODELS) else paths


def _hits(
    name: str, piece: bytes, values: list[bytes], paths: list[re.Pattern[bytes]]
) -> Iterator[Hit]:
    for value in values:
        if value in piece:
            yield Hit(name, _KEY, _fingerprint(value))
    if not name.startswith(_MADE_UP):
        for match in LOOKS_LIKE_A_KEY.finditer(piece):
            yield Hit(name, "looks like a key", _fingerprint(match[0]))
    for pattern in paths:
        if named := pattern.search(piece):
            yield Hit(name, "a path of this machine", _fingerprint(named[0]))


def _fingerprint(value: bytes) -> str:
    return hashlib.sha256(b"revealed release\0" + value).hexdigest()[:12]


def _pieces(file: Path | bytes) -> Iterator[bytes]:
    """The content in pieces that overlap, so that nothing hides on an edge."""
    if isinstance(file, bytes):
        yield file
    elif file.suffix == ".parquet":
        yield from _strings(file)
    else:
        with file.open("rb") as handle:
            tail = b""
            while piece := handle.read(_PIECE):
                yield tail + piece
                tail = piece[-_OVERLAP:]


def _strings(file: Path) -> Iterator[bytes]:
    """Every text of a Parquet table, and its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as table:
        yield repr(table.schema_arrow.metadata).encode()
        names = [
            field.name
            for field in table.schema_arrow
            if pa.types.is_string(field.type)
            or pa.types.is_large_string(field.type)
            or pa.types.is_dictionary(field.type)
        ]
        for batch in table.iter_batches(columns=names):
            for name in names:
                texts = {str(value) for value in batch.column(name).to_pylist() if value}
                yield "\n".join(sorted(texts)).encode("utf-8", "replace")
