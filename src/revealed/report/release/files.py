"""What a release holds, file by file, and whose licence each part has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from revealed.foundation.paths import slug
from revealed.foundation.provenance import git
from revealed.respondents import public
from revealed.study import Run

from ..archive import archive_name, site_folder
from ..stage import chapters

MIT = "https://spdx.org/licenses/MIT"
CC_BY = "https://creativecommons.org/licenses/by/4.0/"


@dataclass(frozen=True)
class Part:
    """A folder of the archive: what it holds, and under which licence."""

    folder: str
    title: str
    holds: str
    licence: str = CC_BY


PARTS = (
    Part(
        "answers",
        "Every answer, as it came",
        "answers.parquet has a row an answer; its column question names a row of "
        "questions.parquet, which holds the words that were sent.",
    ),
    Part(
        "run",
        "The run",
        "Counts of every pair (choices), answers to question sets (answers, questions), fitted "
        "utilities with their covariance (utilities), findings, tables, the executed notebooks of "
        "the steps (notebooks), and what made them (records).",
    ),
    Part(
        "tables",
        "Findings and tables as Parquet",
        "findings.parquet has every finding of every chapter; the others are the tables that the "
        "book offers as CSV.",
    ),
    Part("notebooks", "The executed chapters", "Notebooks with their outputs and figures."),
    Part(
        "site",
        "The book",
        "A website that needs no server: open index.html, or publish the folder.",
    ),
    Part(
        "source",
        "The code, the instruments and the environment's lock",
        "The checkout at the commit named in release.json. Code is under MIT (LICENSE); text and "
        "instruments are under CC BY 4.0 (LICENSE-text.md).",
        MIT,
    ),
)  # fmt: skip
"""The folders of an archive, in the order in which its README tells of them."""

KEPT = (
    "choices", "answers", "questions", "utilities", "findings", "tables", "records", "notebooks",
    "respondents", "conditions", "imported", "labels", "activations", "tuning", "trainings",
    "control",
)  # fmt: skip
"""Folders of a run that are frozen; ledger, locks and jobs under way are not."""
MARKS = ("fast", "trial")
"""Files of a run that say of which profile of the study it is."""
_ANSWERS_OF_EXPLORER = re.compile(r"\.answers-\d+\.[a-z]+$")


def run_files(run: Run) -> dict[str, Path]:
    """Files of the run by their names in the archive (``run/…``), words of others included."""
    folder = run.paths.folder
    found = [path for path in folder.glob("*.json") if path.is_file()]
    found += [folder / name for name in MARKS if (folder / name).is_file()]
    for name in KEPT:
        found += [path for path in (folder / name).rglob("*") if path.is_file()]
    return {
        f"run/{path.relative_to(folder).as_posix()}": path
        for path in sorted(found)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def chapter_files(run: Run) -> dict[str, Path]:
    """The executed chapters (``notebooks/…``)."""
    root = run.paths.root
    return {name: root / "_build" / "stage" / name for name in chapters(root)}


def site_files(run: Run, silent: frozenset[str] = frozenset()) -> dict[str, Path]:
    """The built site (``site/…``), without the explorer's raw answers of `silent` respondents."""
    folder = run.paths.root / "_build" / "html"
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if _ANSWERS_OF_EXPLORER.search(name) and any(slug(s) in name for s in silent):
            continue
        found[f"site/{name}"] = path
    return found


def source_files(root: Path) -> dict[str, Path]:
    """Files that git knows, or would take up (``source/…``)."""
    listed = git(root, "ls-files", "-co", "--exclude-standard", "-z") or ""
    return {
        f"source/{name}": root / name
        for name in sorted({*filter(None, listed.split("\0"))})
        if (root / name).is_file() and not (root / name).is_symlink()
    }


def own_archive(run: Run) -> str:
    """The archive that the site offers, which repeats what stands in ``run/``."""
    return f"site/{site_folder(run)}/{archive_name(run)}"


def not_ours(run: Run) -> Iterator[tuple[str, str]]:
    """Respondents whose published answers must not be passed on, with their source."""
    sources = {source.file: source for source in public.list_sources(run.paths.root)}
    for file, row in run.public().items():
        source = sources.get(file)
        if row["respondent"] and (source is None or not source.redistribute):
            yield row["respondent"], file
