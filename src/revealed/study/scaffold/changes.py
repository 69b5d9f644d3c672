"""Several files that appear together or not at all."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import atomic_write

JOURNAL = Path("_build") / "scaffold-journal.json"
"""Where the files as they were stand while several of them are replaced."""


@dataclass(frozen=True)
class Scaffold:
    """What a new part of the study writes.

    Attributes
    ----------
    root
        The checkout.
    files
        The whole new text of every file, by its path in the checkout, in the order of writing.
    told
        What was made, in sentences.
    following
        What to do next: a sentence, or a command line.
    """

    root: Path
    files: Mapping[str, str]
    told: tuple[str, ...] = ()
    following: tuple[str, ...] = field(default=())

    @property
    def added(self) -> list[str]:
        """Paths of the files that are new."""
        return [name for name in self.files if not (self.root / name).exists()]

    def diff(self) -> str:
        """The change as a unified diff."""
        parts: list[str] = []
        for name, text in self.files.items():
            path = self.root / name
            old = path.read_text(encoding="utf-8") if path.exists() else ""
            parts += difflib.unified_diff(
                old.splitlines(keepends=True), text.splitlines(keepends=True),
                f"a/{name}" if old else "/dev/null", f"b/{name}",
            )  # fmt: skip
        return "".join(parts)


def write(scaffold: Scaffold) -> None:
    """Put every file of a scaffold in place.

    A failure, Ctrl-C or a kill at any instant leaves the checkout as it was: at once, or, after a
    kill, when the next scaffold is made (`recover`).

    Raises
    ------
    ConfigError
        If a file cannot be written.
    """
    root = scaffold.root
    recover(root)
    before = {
        name: (root / name).read_text(encoding="utf-8") if (root / name).exists() else None
        for name in scaffold.files
    }
    with atomic_write(root / JOURNAL) as temporary:
        temporary.write_text(json.dumps(before), encoding="utf-8")
    try:
        for name, text in scaffold.files.items():
            _replace(root / name, text)
    except OSError as error:
        recover(root)
        raise ConfigError(
            f"cannot be written ({error.strerror}); nothing was changed.", where=error.filename
        ) from error
    except BaseException:
        recover(root)
        raise
    (root / JOURNAL).unlink()


def recover(root: Path) -> list[str]:
    """Undo a scaffold that was killed half-way; the names of the files put back or removed."""
    journal = root / JOURNAL
    if not journal.is_file():
        return []
    before: dict[str, str | None] = json.loads(journal.read_text(encoding="utf-8"))
    for name, text in before.items():
        path = root / name
        if text is not None:
            _replace(path, text)
        elif path.exists():
            path.unlink()
            _drop_empty(path.parent, root)
    journal.unlink()
    return list(before)


def _drop_empty(folder: Path, root: Path) -> None:
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _replace(path: Path, text: str) -> None:
    mode = os.stat(path).st_mode if path.exists() else None
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    if mode is not None:
        path.chmod(mode)
