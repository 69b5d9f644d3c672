"""Fetch public files of ``data/sources.yaml`` and never hand out one whose checksum is wrong.

pooch does the downloading: into a temporary file beside the target, renamed only once its SHA-256
is right, so that a half-written file is never seen.
"""

from __future__ import annotations

import difflib
import logging
import os
import sys
from functools import lru_cache
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ...foundation.errors import ConfigError, FetchError
from ...foundation.paths import atomic_write, project_root
from ...foundation.provenance import sha256
from ...instruments.reading import parse_yaml, read_text, validate

CACHE_VARIABLE = "REVEALED_CACHE"
RETRIES = 2
TIMEOUT = 20.0
"""Seconds without a byte before an attempt is given up."""

log = logging.getLogger(__name__)


class Source(BaseModel):
    """One public file: where it comes from, what it must hash to, what it holds, whom to cite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    address: str = Field(pattern=r"^https?://")
    repository: str
    commit: str | None = Field(pattern=r"^[0-9a-f]{40}$")
    sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int | None = Field(gt=0)
    licence: str
    redistribute: bool
    holds: str
    cite: str
    optional: bool = False

    @field_validator("file")
    @classmethod
    def _inside_the_cache(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or "\\" in file:
            raise ValueError("must be a path inside the cache folder")
        return file


class _Sources(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: tuple[Source, ...]


@lru_cache(maxsize=8)
def _read(path: Path, modified: int) -> dict[str, Source]:
    sources = validate(_Sources, parse_yaml(read_text(path), path), path).sources
    named = {source.file: source for source in sources}
    if len(named) != len(sources):
        files = [source.file for source in sources]
        twice = next(file for file in files if files.count(file) > 1)
        raise ConfigError(f"lists {twice} twice.", where=path)
    return named


def list_sources(root: Path | None = None) -> list[Source]:
    """All sources of ``data/sources.yaml``, in its order.

    Raises
    ------
    ConfigError
        If the file is missing or an entry is wrong.
    """
    path = (root or project_root()) / "data" / "sources.yaml"
    modified = path.stat().st_mtime_ns if path.is_file() else 0
    return list(_read(path, modified).values())


def find_source(file: str, root: Path | None = None) -> Source:
    """The source named `file`.

    Raises
    ------
    FetchError
        If ``data/sources.yaml`` does not list it.
    """
    known = {source.file: source for source in list_sources(root)}
    if file in known:
        return known[file]
    near = difflib.get_close_matches(file, known, n=2)
    raise FetchError(
        f"no public source {file!r} in data/sources.yaml.",
        todo=f"Did you mean {' or '.join(near)}?" if near else "It names them as `file`.",
    )


def cache_folder() -> Path:
    """The folder that ``REVEALED_CACHE`` names, else ``revealed`` in the user's cache."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("revealed"))


def fetch(
    file: str, root: Path | None = None, *, unverified: bool = False, checksum: str | None = None
) -> Path:
    """The local path of a public file, downloaded if need be; its checksum is always verified.

    A cached file is verified too, and fetched again if it is wrong. The cache folder may be
    read-only as long as the file in it is right.

    Parameters
    ----------
    file
        A ``file`` of ``data/sources.yaml``, such as ``avocado/results_utilities_gpt-4o.json``.
    root
        The checkout; default: found from the working directory.
    unverified
        Accept a source whose checksum is not known to us. The SHA-256 of the first download is
        written beside the file, and every later call verifies against that.
    checksum
        The SHA-256 of a source whose checksum is not known to us, as the caller knows it.

    Raises
    ------
    FetchError
        If the file is neither cached nor reachable, its checksum is wrong or unknown, or the cache
        folder cannot be written. Nothing half-written is left behind.
    """
    source = find_source(file, root)
    path = cache_folder() / source.file
    known = source.sha256 or (checksum.lower() if checksum else _pinned(path))
    if known is None and not unverified:
        raise FetchError(
            "its checksum is not known, so it is not fetched without being asked for.",
            where=source.file,
            todo="Give the file's SHA-256 as you know it (--sha256), or put it into "
            "data/sources.yaml; fetch(..., unverified=True) notes that of the first download.",
        )
    if known is not None and _is_right(path, known):
        return path
    _download(source, path, known)
    if known is None:
        digest = sha256(path)
        with atomic_write(_pin(path)) as temporary:
            temporary.write_text(f"{digest}\n", encoding="ascii")
        log.warning("%s was taken unverified; its SHA-256 is %s.", source.file, digest)
    return path


def available(file: str, root: Path | None = None) -> bool:
    """Whether `fetch` would succeed: cached with the right checksum, or its address answers."""
    source = find_source(file, root)
    path = cache_folder() / source.file
    known = source.sha256 or _pinned(path)
    if known is None:
        return False
    if _is_right(path, known):
        return True
    import requests

    try:
        return bool(requests.head(source.address, timeout=5, allow_redirects=True).ok)
    except requests.RequestException:
        return False


def _pin(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _pinned(path: Path) -> str | None:
    try:
        digest = _pin(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return digest if len(digest) == 64 else None


def _is_right(path: Path, known: str) -> bool:
    try:
        return path.is_file() and sha256(path) == known
    except OSError:
        return False


def _download(source: Source, path: Path, known: str | None) -> None:
    import pooch
    import requests

    # pooch logs each step at INFO; the caller shows its own progress.
    pooch.get_logger().setLevel(logging.WARNING)
    cached = " (the cached copy has another checksum)" if path.is_file() else ""
    registry = pooch.create(
        path=cache_folder(),
        base_url="",
        registry={source.file: f"sha256:{known}" if known else None},
        urls={source.file: source.address},
        retry_if_failed=RETRIES,
    )
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=sys.stderr.isatty())
    try:
        registry.fetch(source.file, downloader=downloader)
    except requests.RequestException as error:
        raise FetchError(
            f"is not cached{cached} and cannot be fetched from {source.address} "
            f"({type(error).__name__}).",
            where=source.file,
            todo="Connect to the network, or name a folder that holds the file in the environment "
            f"variable {CACHE_VARIABLE} (now {cache_folder()}).",
        ) from error
    except ValueError as error:
        raise FetchError(
            f"what {source.address} sent does not have the checksum of data/sources.yaml{cached}.",
            where=source.file,
            todo="Try again; if it stays so, the source has changed and must not be used.",
        ) from error
    except OSError as error:
        raise FetchError(
            f"cannot be written to the cache folder{cached} ({error.strerror or error}).",
            where=path,
            todo=f"Make the folder writable, or name another one in {CACHE_VARIABLE}.",
        ) from error
