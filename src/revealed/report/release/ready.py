"""What must hold before a run is frozen; each refusal says what to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from revealed.foundation.errors import DataError, RevealedError
from revealed.foundation.provenance import git
from revealed.respondents.ledger_check import check
from revealed.study import Run, status

from ..archive import site_folder
from ..stage import chapters, require_executed


class NotReadyError(RevealedError):
    """The run, its book or its checkout is not in a state to be published."""

    exit_code = 3


def require_ready(
    run: Run, *, allow_dirty: bool, allow_incomplete: bool, tell: Callable[[str], None]
) -> tuple[str, int]:
    """Refuse a run that is incomplete, damaged, uncommitted, or told by another book.

    Returns
    -------
    The commit, with ``+changes`` where the checkout differs from it (`allow_dirty`), and how many
    cells of the study are not finished (`allow_incomplete`).

    Raises
    ------
    NotReadyError
        Saying what to do.
    """
    tell("checkout")
    commit = require_committed(run.paths.root, allow_dirty=allow_dirty)
    tell("ledger")
    require_ledger(run)
    tell("answers")
    unfinished = require_complete(run, allow_incomplete=allow_incomplete)
    tell("chapters")
    require_chapters(run)
    tell("site")
    require_site(run)
    tell("chain")
    require_chain(run)
    return commit, unfinished


def require_committed(root: Path, *, allow_dirty: bool) -> str:
    """The commit of the checkout.

    Raises
    ------
    NotReadyError
        If there is none, or files differ from it and that is not allowed.
    """
    top, head = git(root, "rev-parse", "--show-toplevel"), git(root, "rev-parse", "HEAD")
    if top is None or head is None or Path(top.strip()).resolve() != root.resolve():
        raise NotReadyError(
            "there is no commit here that a release could name.", where=root,
            todo="Release from a git checkout: git init, git add -A, git commit.",
        )  # fmt: skip
    changed = (git(root, "status", "--porcelain") or "").splitlines()
    if changed and not allow_dirty:
        raise NotReadyError(
            f"{len(changed)} files differ from the last commit: "
            + ", ".join(line[3:] for line in changed[:5]) + ".",
            where=root,
            todo="Commit them, or give --allow-dirty: then the release says that they differ.",
        )  # fmt: skip
    return f"{head.strip()}+changes" if changed else head.strip()


def require_ledger(run: Run) -> None:
    """Refuse a run without a whole ledger.

    Raises
    ------
    NotReadyError
        If there is none, it is damaged, or jobs have ledgers that were not brought together.
    """
    path = run.paths.ledger
    if not path.is_file():
        raise NotReadyError(
            f"the run {run.name!r} has no answers.", where=path, todo="Make it first: `make book`."
        )
    if any(run.paths.parts.glob("*.sqlite")):
        raise NotReadyError(
            "jobs have ledgers of their own that are not yet in the run's.",
            where=run.paths.parts,
            todo="Run the chain to its end: `make book`.",
        )
    if problems := check(path).problems:
        raise NotReadyError(
            f"the ledger is not as it was written: {'; '.join(problems[:3])}.",
            where=path,
            todo="See `revealed ledger check`, then `revealed ledger repair`.",
        )


def require_complete(run: Run, *, allow_incomplete: bool) -> int:
    """How many cells lack answers that the study plans.

    Of a respondent that ``study.yaml`` does not list, only what was begun counts: somebody chose
    what to ask it.

    Raises
    ------
    NotReadyError
        If there are any and that is not allowed, naming the first.
    """
    cells = status(run)
    if "state" not in cells:
        return 0
    listed = {entry.spec.name for entry in run.study.respondents}
    begun = cells["state"] == "under way"
    lacking = cells[begun | ((cells["state"] == "waiting") & cells["respondent"].isin(listed))]
    if len(lacking) and not allow_incomplete:
        first = [
            f"{cell.respondent}, {cell.instrument} {cell.arm}".rstrip()
            for cell in lacking.head(3).itertuples()
        ]
        raise NotReadyError(
            f"{len(lacking)} of {len(cells)} cells of the study are not finished: "
            f"{'; '.join(first)}.",
            where=f"run {run.name}",
            todo=f"See `revealed status --run {run.name}`; ask what is missing, or take it out of "
            "study.yaml. With --allow-incomplete the release says that they are missing.",
        )
    return len(lacking)


def require_chapters(run: Run) -> None:
    """Refuse a book with a chapter that was not executed to its end.

    Raises
    ------
    NotReadyError
        Naming the chapter.
    """
    stage = run.paths.root / "_build" / "stage"
    for name in chapters(run.paths.root):
        try:
            require_executed(stage / name)
        except DataError as error:
            raise NotReadyError(error.what, where=error.where, todo=error.todo) from None
        cells = json.loads((stage / name).read_text(encoding="utf-8"))["cells"]
        kinds = {out["output_type"] for cell in cells for out in cell.get("outputs", ())}
        if "error" in kinds:
            raise NotReadyError(
                "the chapter ended with an error.", where=stage / name, todo="Run `make book`."
            )


def require_site(run: Run) -> None:
    """Refuse a site that tells another run, or an earlier state of this one.

    Raises
    ------
    NotReadyError
        Naming the first file that differs.
    """
    root = run.paths.root
    site = root / "_build" / "html"
    todo = f"Render it: `make book RUN={run.name}`" + (" (or `make fast`)." if run.fast else ".")
    if not (site / "index.html").is_file():
        raise NotReadyError("there is no book.", where=site, todo=todo)
    told = site / site_folder(run)
    if not told.is_dir():
        raise NotReadyError(f"the book tells another run than {run.name!r}.", where=site, todo=todo)
    for kind in ("findings", "tables"):
        ours = _contents(run.paths.folder / kind)
        theirs = _contents(told / kind)
        if differ := [
            name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)
        ]:
            raise NotReadyError(
                f"the book was made before {kind}/{differ[0]} was.", where=site, todo=todo
            )
    if lacking := [
        name for name in chapters(root) if not (site / name).with_suffix(".html").is_file()
    ]:
        raise NotReadyError(f"the book lacks the chapter {lacking[0]}.", where=site, todo=todo)


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    }


def require_chain(run: Run) -> None:
    """Refuse a run of which a step would run again: its code, study or inputs have changed.

    Raises
    ------
    NotReadyError
        With the steps that are left.
    """
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile", "--dry-run",
        "--nolock", "--quiet", "host", "--config", f"run={run.name}",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=run.paths.root, capture_output=True, text=True, check=False, timeout=600
    )
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode == 0 and "Nothing to be done" in said:
        return
    # Snakemake prints the table before the steps and once more after them.
    left = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.M))
    steps = ", ".join(f"{name} {left[name]}" for name in left if name not in ("total", "all"))
    what = f"the chain has steps left: {steps}." if steps else f"the chain stops:\n{said[-800:]}"
    raise NotReadyError(
        what, where=run.paths.root, todo=f"Run it to its end: `make book RUN={run.name}`."
    )
