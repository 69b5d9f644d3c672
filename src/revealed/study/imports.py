"""Bring the public sources into a run; a person's own files are brought by `imported`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from revealed.foundation.errors import FetchError
from revealed.foundation.provenance import sha256
from revealed.respondents import public

from .run import Run
from .steps import write_json


def import_public(run: Run, files: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Bring public answers and utilities into the run; what cannot be had is written down as such.

    A file that is present but wrong is an error all the same: only absence is put up with.

    Returns and stores (``public.json``), by source file: respondent ("" where the file is not one
    respondent's), available, why, sha256.

    Raises
    ------
    DataError
        If a fetched file does not follow its format.
    """
    respondent_of = {file: name for name, file in public.PUBLIC_RESPONDENTS.items()}
    found: dict[str, dict[str, Any]] = {}
    offline = False
    for file in files or [s.file for s in public.list_sources(run.paths.root) if not s.optional]:
        row: dict[str, Any] = {"respondent": "", "available": False, "why": "", "sha256": ""}
        found[file] = row
        if offline and not (public.cache_folder() / file).is_file():
            row["why"] = "not in the cache, and the network was not reachable"
            continue
        try:
            path = public.fetch(file, run.paths.root)
        except FetchError as error:
            row["why"] = error.what
            # One time-out is enough: forty would take the better part of an hour.
            offline = not _answered(error)
            continue
        respondent = respondent_of.get(file, "")
        if respondent:
            _import_respondent(run, respondent, path)
        row |= {"respondent": respondent, "available": True, "sha256": sha256(path)}
    write_json(run.paths.folder / "public.json", found)
    return found


def _answered(error: FetchError) -> bool:
    """Whether somebody was there, and sent another file than the one wanted, or none."""
    import requests

    cause = error.__cause__
    if isinstance(cause, requests.RequestException):
        return isinstance(cause, requests.HTTPError)
    return isinstance(cause, ValueError)  # a wrong checksum


def _import_respondent(run: Run, respondent: str, path: Path) -> None:
    if respondent == public.TRIADS_RESPONDENT:
        run.write_choices(public.import_triads(path))
    elif respondent != public.MORAL_MACHINE_RESPONDENT:  # scenarios, not items: read by its chapter
        table, _ = public.import_utilities(path, respondent)
        run.write_utilities(table)


def fetch_sources(files: Sequence[str] | None = None) -> Iterator[tuple[str, Path]]:
    """Fetch the named sources (default: all that are not optional) and yield their local paths.

    Raises
    ------
    FetchError
        At the first that cannot be had.
    """
    for file in files or [source.file for source in public.list_sources() if not source.optional]:
        yield file, public.fetch(file)
