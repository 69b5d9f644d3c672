"""Where things live on disk, and how a file comes to be there whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import ConfigError

_ROOTS: dict[str, tuple[Path, str]] = {}
"""The checkouts found so far and their study files, by where the search began."""


def project_root(start: Path | None = None) -> Path:
    """The checkout that holds ``study.yaml``.

    Looks at ``REVEALED_ROOT``, then upwards from `start` (default: the working directory), then
    upwards from this file, so that it works from the root, from a notebook's folder and from an
    editable installation.

    Raises
    ------
    ConfigError
        If no folder above holds a ``study.yaml``.
    """
    if named := os.environ.get("REVEALED_ROOT"):
        return Path(named).resolve()
    here = os.getcwd() if start is None else str(start)
    # Asked for with every prompt that is read: the walk up took a tenth of the time of asking.
    if here in _ROOTS and os.path.isfile(_ROOTS[here][1]):
        return _ROOTS[here][0]
    origin = Path(here)
    for place in (origin, Path(__file__)):
        for folder in (place.resolve(), *place.resolve().parents):
            if (folder / "study.yaml").is_file() and (folder / "data" / "instruments").is_dir():
                if place is origin:  # a checkout made here later would come before ours
                    _ROOTS[here] = folder, str(folder / "study.yaml")
                return folder
    raise ConfigError(
        "no checkout of the study here (no folder with study.yaml and data/instruments).",
        where=here,
        todo="Change into the checkout, or name it in the environment variable REVEALED_ROOT.",
    )


def slug(name: str) -> str:
    """A file name for a respondent or instrument: ``openai/gpt-4o`` becomes ``openai--gpt-4o``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("/", "--")).strip("-")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path of the same name; rename it over `path` only if the block succeeds.

    A kill at any instant leaves either the old file or the new one, never half of one. The
    temporary file lies in a hidden folder of its own below ``path.parent``, so that a process
    that lists ``*.parquet`` there while another writes never meets an unfinished table.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=".writing-"))
    temporary = folder / path.name
    try:
        yield temporary
        # Libraries may write a file for its owner only; a published table is for everybody.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class RunPaths:
    """The files of one run, under ``data/runs/<run>/``."""

    root: Path
    run: str = "default"
    part: str | None = None
    """A job of several that keeps a ledger of its own, where machines cannot share one."""

    @property
    def folder(self) -> Path:
        """Everything this run makes."""
        return self.root / "data" / "runs" / self.run

    @property
    def ledger(self) -> Path:
        """Every answer, durable (SQLite); a part's own answers, where this is a part."""
        if self.part is not None:
            return self.parts / f"{self.part}.sqlite"
        return self.folder / "ledger.sqlite"

    @property
    def parts(self) -> Path:
        """Folder of the ledgers of jobs that have not been merged for good."""
        return self.folder / "ledgers"

    @property
    def earlier(self) -> Path:
        """A copy of the run's ledger from before the jobs began, which they read."""
        return self.folder / "earlier.sqlite"

    @property
    def fast(self) -> Path:
        """Stands there if the run is of the study's small profile."""
        return self.folder / "fast"

    @property
    def trial(self) -> Path:
        """Stands there if the run is a first look at models (`revealed try`)."""
        return self.folder / "trial"

    def choices(self, respondent: str, instrument: str, arm: str) -> Path:
        """Counts per pair and order (Parquet, schema `foundation.schemas.CHOICES`)."""
        name = f"{slug(instrument)}.{slug(arm)}.parquet"
        return self.folder / "choices" / slug(respondent) / name

    def answers(self, respondent: str, name: str) -> Path:
        """Answers to a question set (Parquet, schema `foundation.schemas.ANSWERS`)."""
        return self.folder / "answers" / slug(respondent) / f"{slug(name)}.parquet"

    def questions(self, respondent: str, name: str) -> Path:
        """The questions of a set made from earlier answers, as they were asked (Parquet)."""
        return self.folder / "questions" / slug(respondent) / f"{slug(name)}.parquet"

    def utilities(self, respondent: str, instrument: str, arm: str) -> Path:
        """Folder of ``utilities.parquet``, ``fit.json`` and ``covariance.npy``."""
        return self.folder / "utilities" / slug(respondent) / f"{slug(instrument)}.{slug(arm)}"

    @property
    def imported(self) -> Path:
        """Whose answers a person has brought from elsewhere, and from which files (JSON)."""
        return self.folder / "imported.json"

    def texts(self, respondent: str, instrument: str, arm: str) -> Path:
        """Texts and facts that came with imported answers (JSON)."""
        name = f"{slug(instrument)}.{slug(arm)}.json"
        return self.folder / "imported" / slug(respondent) / name

    def findings(self, chapter: str) -> Path:
        """Findings of one chapter (JSON lines)."""
        return self.folder / "findings" / f"{slug(chapter)}.jsonl"

    def tables(self, chapter: str) -> Path:
        """Folder of one chapter's downloadable tables (CSV)."""
        return self.folder / "tables" / slug(chapter)
