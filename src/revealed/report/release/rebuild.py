"""Make the study again from an archive's answers, asking nobody, and compare."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from revealed.foundation.errors import ConfigError, DataError, RevealedError
from revealed.foundation.paths import RunPaths, atomic_write, project_root, slug
from revealed.foundation.provenance import sha256, versions
from revealed.study import open_run, run_chain

from . import pack
from .compare import Compared, compare_figures, compare_tables
from .files import MARKS

FROZEN, STUDY = "archive", "study"
"""Folders of a rebuild: what was in the archive, and the checkout in which it is made again."""
_MARK = "rebuild.json"
_FAILED = "replay.json"
_TO_BEGIN_WITH = (*MARKS, "imported.json", "imported", "respondents", "conditions", "labels",
                  "activations", "tuning", "trainings", "control")  # fmt: skip
"""What says who was asked what, or holds what people did: not made by the chain."""
_WHOSE = ("choices", "answers", "questions", "utilities")


class RebuildError(RevealedError):
    """The study could not be made again."""

    exit_code = 8


@dataclass
class Rebuilt:
    """What a rebuild came to."""

    folder: Path
    tables: list[Compared] = field(default_factory=list)
    figures: list[Compared] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Tables that could not be made from the answers, and why."""
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Packages of another version than the run's: theirs, and this environment's."""
    not_available: list[str] = field(default_factory=list)
    """Public files that the run had and the rebuild had not."""

    @property
    def same(self) -> bool:
        """Whether every table and figure came out the same."""
        return all(row.good for row in [*self.tables, *self.figures]) and not self.failed


def rebuild(
    archive: Path,
    into: Path,
    *,
    cores: int = 1,
    tell: Callable[[str], None] = lambda _: None,
    progress: bool = True,
) -> Rebuilt:
    """Make an archive's study again below `into`, with its own code, and compare.

    A rebuild that was stopped goes on where it was. The environment is the present one; versions
    that differ from the run's are named.

    Raises
    ------
    DataError
        If the archive is not whole.
    ConfigError
        If `into` holds something else.
    RebuildError
        If the chain fails.
    """
    tell("verify")
    verified = pack.verify(archive, progress=progress)
    if verified.problems:
        raise DataError(
            f"{len(verified.problems)} problems: {'; '.join(verified.problems[:5])}.",
            where=archive, todo="Get the archive again: it is not as it was written.",
        )  # fmt: skip
    frozen, study = _prepare(archive, into, progress=progress)
    facts = verified.release
    tell("make again")
    _remake(study, frozen, str(facts["run"]), cores)
    tell("compare")
    result = Rebuilt(into)
    mine = versions()
    result.versions = {
        name: (theirs, mine.get(name, "none"))
        for name, theirs in facts["versions"].items()
        if mine.get(name) != theirs and name != "revealed"
    }
    folder = RunPaths(study, str(facts["run"])).folder
    had = json.loads((folder / "public.json").read_text(encoding="utf-8"))
    result.not_available = [
        source["file"] for source in facts["sources"] if not had[source["file"]]["available"]
    ]
    result.failed = dict(json.loads((study / _FAILED).read_text(encoding="utf-8")))
    left = facts["left_out"]
    left_out = frozenset(n.removeprefix("run/") for n in [*left["files"], *left["words_of"]])
    result.tables = compare_tables(frozen / "run", folder, left_out=left_out, progress=progress)
    result.figures = compare_figures(
        frozen / "notebooks", study / "_build" / "stage" / "notebooks", progress=progress
    )
    return result


def _prepare(archive: Path, into: Path, *, progress: bool) -> tuple[Path, Path]:
    """Unpack, lay out the checkout; what an earlier call did is left alone."""
    digest = sha256(archive)
    mark = into / _MARK
    if into.exists() and any(into.iterdir()):
        known = json.loads(mark.read_text(encoding="utf-8")) if mark.is_file() else {}
        if known.get("sha256") != digest:
            raise ConfigError(
                "the folder is not empty, and not of a rebuild of this archive.", where=into,
                todo="Name a folder that does not exist yet.",
            )  # fmt: skip
    with atomic_write(mark) as temporary:
        temporary.write_text(json.dumps({"sha256": digest}) + "\n", encoding="utf-8")
    frozen, study = into / FROZEN, into / STUDY
    if not frozen.is_dir():
        pack.unpack(archive, frozen, progress=progress)
    if not study.is_dir():
        temporary = into / f".{STUDY}.copying"
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(frozen / "source", temporary)
        temporary.rename(study)
    return frozen, study


def _remake(study: Path, frozen: Path, run: str, cores: int) -> None:
    """Have the archive's own code do it, in a process of its own."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {
        **threads, **{k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")},
        "PYTHONPATH": str((study / "src").resolve()), "REVEALED_ROOT": str(study.resolve()),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "revealed.cli", "release", "remake", str(frozen.resolve()),
        "--run", run, "--cores", str(cores),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=study, env=environment, check=False)
    if done.returncode:
        raise RebuildError(
            "the study could not be made again.", where=study,
            todo="The step that failed says above why; the same command goes on from there.",
        )  # fmt: skip


def remake(frozen: Path, run: str, *, cores: int = 1) -> None:
    """From the answers in `frozen` to executed chapters, in the checkout around this process."""
    from revealed.respondents.replay import read_export
    from revealed.study.replay import replay

    root = project_root()
    facts: dict[str, Any] = json.loads((frozen / pack.RELEASE).read_text(encoding="utf-8"))
    before, after = frozen / "run", RunPaths(root, run).folder
    given = set(facts["given"])
    for path in sorted(p for p in before.rglob("*") if p.is_file()):
        name = path.relative_to(before)
        kind = name.parts[0]
        if (
            kind in _TO_BEGIN_WITH
            or (kind in _WHOSE and name.parts[1] in {slug(one) for one in given})
        ) and not (after / name).exists():
            (after / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, after / name)
    opened = open_run(run, root)
    read_export(frozen / "answers", opened.paths.ledger)
    # Some questions are read from public files, which this fetches where it can.
    subprocess.run(
        [sys.executable, "-m", "revealed.cli", "import", "--run", run], cwd=root, check=False
    )
    failed = replay(opened, before, given)
    with atomic_write(root / _FAILED) as temporary:
        temporary.write_text(json.dumps(failed, indent=1) + "\n", encoding="utf-8")
    run_chain(root, run, cores=cores, flags=["--until", "chapter"])
