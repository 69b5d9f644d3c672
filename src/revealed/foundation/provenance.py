"""What made a result: versions, commit, seeds and the checksums of its inputs."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RECORDED = (
    "revealed", "numpy", "scipy", "pandas", "statsmodels", "litellm", "papermill",
    "jupyter-book", "cupy-cuda12x", "cupy-cuda13x",
)  # fmt: skip


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on; absent ones are left out."""
    found = {"python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git(root: Path, *words: str) -> str | None:
    """What git prints in the checkout `root`; None where there is no git or it refuses."""
    try:
        return subprocess.run(
            ["git", "-C", str(root), *words],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None


def git_commit(root: Path) -> str:
    """The checkout's commit, with ``+changes`` if tracked files differ, or ``unknown``."""
    commit = git(root, "rev-parse", "HEAD")
    changed = git(root, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changed is None:
        return "unknown"
    return f"{commit.strip()}+changes" if changed.strip() else commit.strip()


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def record(root: Path, *, seed: int, inputs: dict[str, Path]) -> dict[str, Any]:
    """What a notebook or fit writes beside its output: enough to make it again."""
    return {
        "commit": git_commit(root),
        "seed": seed,
        "versions": versions(),
        "inputs": {name: sha256(path) for name, path in inputs.items() if path.is_file()},
    }
