"""What the site offers for download: tables, findings, and the run as one archive.

Files lie under ``data/runs/<run>/`` in the site as they do in the checkout, so that a chapter's
link to its CSV is the same in Jupyter and in the book.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from revealed.foundation.paths import atomic_write
from revealed.study import Run

# The ledger, answers and questions keep text of strangers that nobody has decided to publish;
# the explorer shows a few answers to each pair, cut.
_KEPT = ("choices", "utilities", "findings", "tables", "records", "notebooks", "respondents")


def site_folder(run: Run) -> str:
    """Where the run's files lie below the site's root."""
    return f"data/runs/{run.name}"


def archive_name(run: Run) -> str:
    """The archive's file name."""
    return f"revealed-{run.name}.zip"


def publish(run: Run, extra: Path) -> None:
    """Copy tables and findings of `run` below `extra` and pack the run beside them."""
    target = extra / site_folder(run)
    target.mkdir(parents=True, exist_ok=True)
    for name in ("tables", "findings"):
        if (run.paths.folder / name).is_dir():
            shutil.copytree(
                run.paths.folder / name, target / name, ignore=shutil.ignore_patterns(".*")
            )
    pack(run, target / archive_name(run))


def pack(run: Run, path: Path) -> None:
    """Write the run as one archive; the same files give the same bytes.

    Holds ``study.yaml`` and everything of the run but the ledger.
    """
    folder = run.paths.folder
    files = [path for path in folder.glob("*.json") if path.is_file()]
    for name in _KEPT:
        files += [path for path in (folder / name).rglob("*") if path.is_file()]
    named = {f"{run.name}/{file.relative_to(folder).as_posix()}": file for file in files}
    named[f"{run.name}/study.yaml"] = run.study.root / "study.yaml"
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed,
    ):
        for name, file in sorted(named.items()):
            if any(part.startswith(".") for part in name.split("/")):
                continue
            # A fixed date: an archive's bytes must not tell when it was packed.
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), file.read_bytes(),
                            compress_type=zipfile.ZIP_DEFLATED)  # fmt: skip
