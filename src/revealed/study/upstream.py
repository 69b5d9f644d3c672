"""Whether a fork can take over what its upstream has changed since, found without changing a file.

Git merges both in its object store (``merge-tree``); the working tree, the index and the branches
stay as they are. Data of the merged tree are read by the study's own checks. Code of the other side
is never run.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from revealed.foundation.errors import ConfigError, RevealedError

REF = "refs/revealed/upstream"
"""Where what was fetched stands, to be merged by its name."""
_DATA = ("data/instruments", "study.yaml", "_toc.yml")
_WHY = {
    "contents": "both sides changed the same lines",
    "add/add": "both sides added a file of this name",
    "modify/delete": "one side changed the file, the other removed it",
    "rename/delete": "one side renamed the file, the other removed it",
    "rename/rename": "both sides renamed the file, to different names",
    "file/directory": "a file on one side is a folder on the other",
}
_TODO = {
    "contents": "keep both additions, or upstream's line where yours says no more",
    "add/add": "rename yours (git mv) before you merge",
}


@dataclass(frozen=True)
class Conflict:
    """A file that git cannot merge alone, why, and what to do."""

    file: str
    why: str
    todo: str
    places: int
    """How many parts of the file both sides changed; 0 where that is not what is wrong."""


@dataclass(frozen=True)
class Comparison:
    """A fork beside its upstream.

    Attributes
    ----------
    ahead, behind
        Commits of the fork alone; commits of upstream alone.
    instruments
        Files under ``data/instruments`` that upstream added, changed or removed since, each with
        a letter (A, M, D) as git has it.
    both
        Files that both changed and that merge.
    conflicts
        Files that do not.
    problems
        What the study's own checks say of the merged data; looked for where nothing conflicts.
    uncommitted
        Whether the checkout holds changes that were not looked at.
    """

    ahead: int
    behind: int
    instruments: tuple[tuple[str, str], ...]
    both: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    problems: tuple[str, ...]
    uncommitted: bool


def compare(root: Path, source: str, branch: str = "HEAD") -> Comparison:
    """Fetch `branch` of `source` into `REF`, and merge it with the fork's last commit on trial.

    Parameters
    ----------
    root
        The checkout; its last commit is compared.
    source
        A path or an address that git can fetch from.
    branch
        Of the upstream; default: the one that it shows first.

    Raises
    ------
    ConfigError
        If the checkout is not under git, `source` cannot be fetched or has no history in common
        with it, or git is too old.
    """
    if source.startswith("-") or branch.startswith("-"):
        raise ConfigError(f"{source!r} is not a path or an address.")
    if (Path(source).expanduser()).is_dir():
        source = str(Path(source).expanduser().resolve())
    _git(root, "rev-parse", "--verify", "HEAD", what="this checkout has no commit under git")
    _git(
        root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", source,
        f"+{branch}:{REF}", what=f"{source} cannot be fetched",
    )  # fmt: skip
    base = _run(root, "merge-base", "HEAD", REF).stdout.decode().strip()
    if not base:
        raise ConfigError(
            "this checkout and that upstream have no history in common.", where=source,
            todo="A copy without its history cannot be merged: fork the repository, or clone it, "
            "and put your changes on top.",
        )  # fmt: skip
    ours, theirs = (_changed(root, base, side) for side in ("HEAD", REF))
    tree, conflicts = _merged(root)
    stuck = {conflict.file for conflict in conflicts}
    return Comparison(
        int(_git(root, "rev-list", "--count", f"{REF}..HEAD")),
        int(_git(root, "rev-list", "--count", f"HEAD..{REF}")),
        tuple((k, f) for f, k in sorted(theirs.items()) if f.startswith("data/instruments/")),
        tuple(sorted(set(ours) & set(theirs) - stuck)),
        conflicts,
        () if conflicts else tuple(_problems(root, tree)),
        bool(_git(root, "status", "--porcelain")),
    )


def _changed(root: Path, base: str, side: str) -> dict[str, str]:
    """Files changed since `base`, with git's letter for what happened."""
    parts = _git(root, "diff", "--name-status", "--no-renames", "-z", base, side).split("\0")
    return {file: kind for kind, file in zip(parts[0::2], parts[1::2], strict=False)}


def _merged(root: Path) -> tuple[str, tuple[Conflict, ...]]:
    """The merged tree, and what could not be merged in it."""
    done = _run(root, "merge-tree", "--write-tree", "--name-only", "--messages", "-z", "HEAD", REF)
    if done.returncode not in (0, 1):
        raise ConfigError(
            f"git could not merge on trial ({done.stderr.decode(errors='replace').strip()}).",
            todo="It needs git 2.38 or newer.",
        )
    head, _, rest = done.stdout.decode().partition("\0\0")
    tree, *files = head.strip("\0").split("\0")
    kinds: dict[str, str] = {}
    parts = iter(rest.split("\0"))
    for count in parts:  # number of paths, the paths, the kind, the message
        if not count.isdigit():
            break
        paths = [next(parts) for _ in range(int(count))]
        kind = next(parts)
        next(parts)
        if kind.startswith("CONFLICT"):
            kinds |= dict.fromkeys(paths, kind.partition("(")[2].rstrip(")"))
    conflicts = []
    for file in dict.fromkeys(files):
        kind = kinds.get(file, "contents")
        text = _run(root, "cat-file", "blob", f"{tree}:{file}").stdout
        places = sum(line.startswith(b"<<<<<<< ") for line in text.splitlines())
        todo = _TODO.get(kind, "decide which side is right")
        conflicts.append(Conflict(file, _WHY.get(kind, f"git says {kind}"), todo, places))
    return tree, tuple(conflicts)


def _problems(root: Path, tree: str) -> list[str]:
    """What is wrong with the data of a tree, read by the code of this checkout."""
    from revealed.instruments import list_arms, list_instruments, load_instrument

    from .reading import load_study

    present = [
        name for name in _DATA if _run(root, "cat-file", "-e", f"{tree}:{name}").returncode == 0
    ]
    packed = _run(root, "archive", "--format=tar", tree, "--", *present).stdout
    found = []
    with tempfile.TemporaryDirectory(prefix="revealed-upstream-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        merged = Path(folder)
        try:
            list_arms(merged)
            names = list_instruments(merged)
            load_study(merged / "study.yaml")
        except RevealedError as error:
            return [str(error).replace(f"{folder}/", "")]
        for name in names:
            try:
                load_instrument(name, merged)
            except ConfigError as error:
                found.append(str(error).replace(f"{folder}/", ""))
    return list(dict.fromkeys(found))


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # Nobody is asked for a password in the middle of a check.
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, env=environment, check=False
        )
    except FileNotFoundError as error:
        raise ConfigError("git is not installed.") from error


def _git(root: Path, *arguments: str, what: str = "git failed") -> str:
    done = _run(root, *arguments)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigError(f"{what} ({said[-1] if said else 'no reason given'}).", where=root)
    return done.stdout.decode()
