"""A side of a comparison: where it lies, who answered, in which words and settings."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from revealed.foundation.errors import ConfigError, DataError, RevealedError
from revealed.foundation.paths import RunPaths, project_root, slug
from revealed.foundation.schemas import CHOICES, UTILITIES, read_findings, read_table

from ..config import Study, nearest
from ..reading import load_study

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec

_HOLDS = ("findings", "choices", "utilities")
"""Folders of which a run has at least one."""


@dataclass(frozen=True)
class _Folder(RunPaths):
    """The files of a run that lies anywhere."""

    at: Path = field(default_factory=Path)

    @property
    def folder(self) -> Path:
        return self.at


@dataclass(frozen=True)
class Side:
    """One side: ``label`` as it was named, the run's ``folder``, its ``root`` and respondent.

    ``root`` is the checkout that the run lies in, which has its instruments and its study; None
    where a folder lies alone. ``respondent`` is None where the side is a whole run.
    """

    label: str
    folder: Path
    root: Path | None
    respondent: str | None = None

    @cached_property
    def findings(self) -> pd.DataFrame:
        """Findings of the side (schema `FINDINGS`)."""
        inside = self.folder / "findings"
        found = read_findings(sorted((inside if inside.is_dir() else self.folder).glob("*.jsonl")))
        for name in ("claim", "arm", "instrument", "subject", "note", "family"):
            found[name] = found[name].fillna("").astype(str)
        return found if self.respondent is None else found[found["respondent"] == self.respondent]

    @cached_property
    def cells(self) -> dict[tuple[str, str, str], str]:
        """Respondent, instrument and arm of what is stored: ``choices``, or only ``utilities``."""
        found: dict[tuple[str, str, str], str] = {}
        who = "*" if self.respondent is None else slug(self.respondent)
        for kind, pattern in (("choices", "*.parquet"), ("utilities", "*/utilities.parquet")):
            for path in sorted((self.folder / kind).glob(f"{who}/{pattern}")):
                try:
                    row = pd.read_parquet(path, columns=["respondent", "instrument", "arm"]).iloc[0]
                except (OSError, ValueError, IndexError) as error:
                    raise DataError(f"cannot be read as a table ({error}).", where=path) from error
                found.setdefault((str(row.iloc[0]), str(row.iloc[1]), str(row.iloc[2])), kind)
        return found

    @property
    def respondents(self) -> set[str]:
        """Everybody of whom there are answers, utilities or findings."""
        return {cell[0] for cell in self.cells} | set(self.findings["respondent"])

    @property
    def fast(self) -> bool:
        """Whether it is a run of the small profile, not for quoting."""
        return self._paths.fast.is_file()

    @property
    def _paths(self) -> _Folder:
        return _Folder(self.root or self.folder, self.folder.name, at=self.folder)

    def choices(self, respondent: str, instrument: str, arm: str) -> pd.DataFrame:
        """Counted choices (schema `CHOICES`)."""
        return read_table(self._paths.choices(respondent, instrument, arm), CHOICES)

    def utilities(self, respondent: str, instrument: str, arm: str) -> pd.DataFrame:
        """Published utilities (schema `UTILITIES`)."""
        folder = self._paths.utilities(respondent, instrument, arm)
        return read_table(folder / "utilities.parquet", UTILITIES)

    @cached_property
    def study(self) -> Study | None:
        """The study that the run belongs to; None where there is none that can be read here."""
        for folder in (self.root, self.folder):
            if folder is not None and (folder / "study.yaml").is_file():
                try:
                    return load_study(folder / "study.yaml")
                except RevealedError:  # a fork's study may have what this version does not know
                    return None
        return None

    @cached_property
    def specs(self) -> dict[str, RespondentSpec]:
        """How respondents are asked, as far as it is written down."""
        from revealed.respondents import RespondentSpec

        known = {}
        for path in sorted((self.folder / "respondents").glob("*.json")):
            try:
                spec = RespondentSpec.model_validate_json(path.read_text(encoding="utf-8"))
            except ValueError:
                continue
            known[spec.name] = spec
        if self.study is not None:
            known |= {entry.spec.name: entry.spec for entry in self.study.respondents}
        return known

    @cached_property
    def asked(self) -> dict[str, dict[str, Any]]:
        """By respondent: ``models`` that the provider says have answered, ``first`` and ``last``.

        From the ledger (seconds since 1970); empty where it did not come with the run.
        """
        path = self.folder / "ledger.sqlite"
        if not path.is_file():
            return {}
        found: dict[str, dict[str, Any]] = {}
        try:
            connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            try:
                rows = connection.execute(
                    "SELECT respondent, returned_model, min(time), max(time) FROM answers "
                    "WHERE status = 'ok' GROUP BY respondent, returned_model"
                ).fetchall()
            finally:
                connection.close()
        except sqlite3.Error:  # being written elsewhere, or damaged: dates are no condition
            return {}
        for name, model, first, last in rows:
            about = found.setdefault(name, {"models": set(), "first": first, "last": last})
            about["models"] |= {model} if model else set()
            about["first"] = min(about["first"], first)
            about["last"] = max(about["last"], last)
        return found


def find_side(word: str) -> Side:
    """The side that a person named: a run, a folder, or either with ``:respondent``.

    Raises
    ------
    DataError
        If there is no such run or folder, it holds nothing to compare, or the respondent is not in
        it.
    ConfigError
        If a folder holds several runs.
    """
    named = Path(word).expanduser()
    if found := _folder(word):
        return _whole(Side(word, found, _root(found)))
    for place in (k for k, letter in enumerate(word) if letter == ":"):
        if found := _folder(word[:place]):
            side = _whole(Side(word[:place], found, _root(found)))
            return _of(side, word[place + 1 :], word)
    if named.exists():
        raise DataError(
            "holds neither findings nor choices.", where=named,
            todo="Name a run's folder, a checkout, or an unpacked release.",
        )  # fmt: skip
    try:
        runs = sorted(p.name for p in (project_root() / "data" / "runs").glob("*") if p.is_dir())
    except ConfigError:
        runs = []
    raise DataError(
        f"there is no run {word!r} here, and no folder of that name.",
        todo=nearest(word, runs)
        or f"Runs here: {', '.join(runs) or 'none'}. Others are named by their folder, and a "
        "respondent as RUN:RESPONDENT.",
    )


def _folder(word: str) -> Path | None:
    """The run's folder that `word` names, without a respondent."""
    if word and slug(word) == word and not word.startswith("."):
        try:
            here = project_root() / "data" / "runs" / word
        except ConfigError:
            here = Path(word)
        if here.is_dir():
            return here
    path = Path(word).expanduser()
    if not word or not path.is_dir():
        return None
    path = path.resolve()
    if any((path / name).is_dir() for name in _HOLDS):
        return path
    if any(path.glob("*.jsonl")):  # a folder of findings; beside it, the run it belongs to
        beside = path.parent
        return beside if path.name == "findings" and (beside / "choices").is_dir() else path
    if any((path / "run" / name).is_dir() for name in _HOLDS):  # a release
        return path / "run"
    runs = sorted(p for p in (path / "data" / "runs").glob("*") if p.is_dir())
    if len(runs) == 1 or any(p.name == "default" for p in runs):
        return next((p for p in runs if p.name == "default"), runs[0])
    if runs:
        raise ConfigError(
            "a checkout with several runs.", where=path,
            todo=f"Name one: {', '.join(str(p) for p in runs)}.",
        )  # fmt: skip
    return None


def _root(folder: Path) -> Path | None:
    """The checkout of a run; of a release, its source."""
    above = [folder.parents[2]] if folder.parent.name == "runs" and len(folder.parents) > 2 else []
    for place in (*above, folder.parent / "source"):
        if (place / "data" / "instruments").is_dir():
            return place
    return None


def _whole(side: Side) -> Side:
    if not side.respondents:
        raise DataError(
            "holds no findings and no choices.", where=side.folder,
            todo="Run it first (`revealed run`, then `make book` for findings).",
        )  # fmt: skip
    return side


def _of(side: Side, respondent: str, word: str) -> Side:
    if respondent in side.respondents:
        return Side(word, side.folder, side.root, respondent)
    raise DataError(
        f"no respondent {respondent!r} in it.", where=side.folder,
        todo=nearest(respondent, side.respondents)
        or f"There are {', '.join(sorted(side.respondents))}.",
    )  # fmt: skip
