"""One process at a time works on what a provider makes for us."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...foundation.errors import RespondentError


@contextmanager
def locked(path: Path, what: str, look: str) -> Iterator[None]:
    """Hold the job at `path` against other processes of this machine.

    Parameters
    ----------
    path
        Of the job; the lock is a file beside it, and the kernel frees it however a process ends.
    what, look
        The job in words, and the command that looks at it without touching it.

    Raises
    ------
    RespondentError
        If another process works on it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RespondentError(
                f"another process works on {what}.",
                where=path,
                todo=f"Wait for it, or end it; `{look}` looks without touching it.",
            ) from None
        yield
