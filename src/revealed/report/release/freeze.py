"""Freeze a run: gather, look for what must not be published, describe, pack."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import slug
from revealed.foundation.provenance import git, versions
from revealed.respondents import public
from revealed.respondents.export import export
from revealed.study import Run

from . import crate, describe, files, pack, ready, secrets, withheld

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Release:
    """What was written: a folder with archive, checksum, Zenodo's metadata and the site."""

    folder: Path
    archive: Path
    sha256: str
    facts: dict[str, Any]


@dataclass
class _Words:
    """What was left out for the sake of others, and whose tables are taken as given."""

    questions: int = 0
    answers: int = 0
    files: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    """Tables of the run that are there without words."""
    given: list[str] = field(default_factory=list)


def release(
    run: Run,
    version: str,
    into: Path,
    *,
    texts: bool = True,
    allow_dirty: bool = False,
    allow_incomplete: bool = False,
    accepted: Sequence[str] = (),
    date: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
    progress: bool = True,
) -> Release:
    """Freeze `run` as release `version` below `into`; whole or not at all.

    The same run, checkout and options give the same bytes.

    Parameters
    ----------
    run
        The run; its book must have been made.
    version
        A name for the release, such as ``2026.11``.
    into
        Gets a folder ``revealed-<version>``.
    texts
        Without, raw answers of real models and the words of questions are left out.
    allow_dirty
        Take a checkout that differs from its commit, and say so in the release.
    allow_incomplete
        Take a run that lacks answers which the study plans, and say so in the release.
    accepted
        Fingerprints of strings that look like secrets and are none.
    date
        Of publication (YYYY-MM-DD); default: that of the commit.
    tell
        Is given what is being done.

    Raises
    ------
    ConfigError
        If `version` or `date` is no such thing, or the release is there already.
    NotReadyError
        If the run, the book or the checkout is not ready.
    SecretError
        If something in it must not be published.
    """
    root = run.paths.root
    if not _VERSION.fullmatch(version) or (date is not None and not _DATE.fullmatch(date)):
        raise ConfigError(
            f"{date if _VERSION.fullmatch(version) else version!r} cannot be used.",
            todo="A version is made of letters, digits, dots, dashes; a date is YYYY-MM-DD.",
        )
    name = f"revealed-{version}" + ("" if run.name == "default" else f"-{run.name}")
    target = into / name
    if target.exists():
        raise ConfigError(
            "this release is there already, and a release is not changed.",
            where=target, todo="Give another --version, or move it away.",
        )  # fmt: skip
    commit, unfinished = ready.require_ready(
        run, allow_dirty=allow_dirty, allow_incomplete=allow_incomplete, tell=tell
    )
    date = date or (git(root, "show", "-s", "--format=%cs", "HEAD") or "").strip()
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=f".{name}-") as temporary:
        work = Path(temporary)
        tell("answers")
        answers, questions = export(run.paths.ledger, work / "answers", progress=progress)
        gathered, words = _gather(run, work, texts)
        tell("secrets")
        secrets.refuse(secrets.scan(gathered, root, progress=progress), accepted)
        sources = _sources(run)
        made = describe.about(run, version=version, date=date, commit=commit)
        facts = {
            "release": 1, "archive": f"{name}.zip", "version": version, "date": date,
            "run": run.name, "fast": run.fast, "commit": commit, "versions": versions(),
            "seed": run.study.seed, "texts": texts, "answers": answers, "questions": questions,
            "unfinished": unfinished, "given": words.given, "accepted": sorted(set(accepted)),
            "left_out": {"questions": words.questions, "answers": words.answers,
                         "files": words.files, "words_of": words.tables},
            "sources": [
                {"file": s.file, "address": s.address, "sha256": s.sha256, "licence": s.licence}
                for s in sources
            ],
            "not_available": run.unavailable(),
        }  # fmt: skip
        tell("describe")
        _describe(gathered, run, made, facts, sources, progress=progress)
        tell("pack")
        product = work / "product"
        product.mkdir()
        archive = product / f"{name}.zip"
        pack.pack(gathered, archive, progress=progress)
        sha256 = _lay_out(product, archive, gathered)
        product.rename(target)
    return Release(target, target / archive.name, sha256, facts)


def _gather(run: Run, work: Path, texts: bool) -> tuple[dict[str, Path | bytes], _Words]:
    """Every file by its name in the archive, words of others taken out."""
    root, words = run.paths.root, _Words()
    owned = withheld.phrases(root)
    asked, given = work / "answers" / "questions.parquet", work / "answers" / "answers.parquet"
    # Found before the answers are blanked: later questions put them to judges.
    said = withheld.spoken(given, asked) if not texts else withheld.Phrases(())
    if not texts:
        words.answers = withheld.blank_answers(given, asked)
    if owned or not texts:
        words.questions = withheld.blank_questions(asked, owned, all_words=not texts)
    words.given = _given(run, texts)
    silent = frozenset(words.given) if not texts else frozenset()
    gathered: dict[str, Path | bytes] = {
        "answers/answers.parquet": given, "answers/questions.parquet": asked,
    }  # fmt: skip
    for name, path in files.run_files(run).items():
        gathered[name] = path
        if not name.startswith(("run/answers/", "run/questions/")) or path.suffix != ".parquet":
            continue
        own = any(f"/{slug(one)}/" in name for one in silent)
        if not texts and withheld.without_words(path, work / name, said, own=own):
            gathered[name] = work / name
            words.tables.append(name)
        elif owned and withheld.repeats(path, owned):
            words.files.append(name)
            del gathered[name]
    gathered |= files.chapter_files(run)
    gathered |= files.site_files(run, silent)
    for respondent, _ in files.not_ours(run):
        inside = f"/{slug(respondent)}/"
        theirs = [n for n in gathered if n.startswith("run/") and inside in n]
        # The archive that the site offers has them too.
        for name in [*theirs, files.own_archive(run)]:
            if gathered.pop(name, None) is not None:
                words.files.append(name)
    gathered["site/.nojekyll"] = b""  # GitHub Pages would leave out folders that begin with _
    gathered |= files.source_files(root)
    gathered |= _as_parquet(run, work / "tables")
    for name in ("LICENSE", "LICENSE-text.md"):
        gathered[name] = root / name
    words.files.sort()
    return gathered, words


def _given(run: Run, texts: bool) -> list[str]:
    """Respondents whose tables cannot be made again from the answers in the archive.

    Those whose answers came from elsewhere (`revealed import FILE`), and real ones without texts.
    """
    with run.ledger() as ledger:
        heard = set(ledger.counts()["respondent"])
    fetched = {row["respondent"] for row in run.public().values()}
    given = set(run.respondents) - heard - fetched
    if not texts:
        given |= {name for name in heard if run.provenance(name) != "simulated"}
    return sorted(given)


def _as_parquet(run: Run, folder: Path) -> dict[str, Path]:
    """Findings and tables once more as Parquet (``tables/…``)."""
    found = {}
    folder.mkdir(parents=True, exist_ok=True)
    run.findings().to_parquet(folder / "findings.parquet", index=False)
    found["tables/findings.parquet"] = folder / "findings.parquet"
    for path in sorted((run.paths.folder / "tables").glob("*/*.csv")):
        target = folder / path.parent.name / f"{path.stem}.parquet"
        target.parent.mkdir(exist_ok=True)
        pd.read_csv(path, low_memory=False).to_parquet(target, index=False)
        found[f"tables/{target.relative_to(folder).as_posix()}"] = target
    return found


def _sources(run: Run) -> list[public.Source]:
    """The public sources that the run used."""
    used = {file for file, row in run.public().items() if row["available"]}
    return [source for source in public.list_sources(run.paths.root) if source.file in used]


def _describe(
    gathered: dict[str, Path | bytes], run: Run, made: crate.About, facts: dict[str, Any],
    sources: Sequence[public.Source], *, progress: bool,
) -> None:  # fmt: skip
    """Add README, metadata and checksums."""
    gathered[".zenodo.json"] = describe.zenodo(made)
    gathered["CITATION.cff"] = describe.citation(run.paths.root, made)
    gathered["environment.txt"] = describe.environment()
    gathered[pack.RELEASE] = describe.facts(facts)
    measured = pack.measure(gathered, progress=progress)
    gathered["README.md"] = describe.readme(made, facts, measured, sources)
    measured |= pack.measure({"README.md": gathered["README.md"]}, progress=False)
    gathered[crate.METADATA] = describe.facts(crate.crate(made, measured, sources))
    measured |= pack.measure({crate.METADATA: gathered[crate.METADATA]}, progress=False)
    gathered[pack.SUMS] = pack.sums(measured)


def _lay_out(product: Path, archive: Path, gathered: pack.Files) -> str:
    """Put beside the archive what Zenodo and Pages take; the archive's checksum."""
    ((_, sha256),) = pack.measure({archive.name: archive}, progress=False).values()
    (product / f"{archive.name}.sha256").write_text(f"{sha256}  {archive.name}\n", encoding="utf-8")
    for name, file in gathered.items():
        if name == ".zenodo.json" or name.startswith("site/"):
            target = product / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(file, bytes):
                target.write_bytes(file)
            else:
                shutil.copyfile(file, target)
    return sha256
