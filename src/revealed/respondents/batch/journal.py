"""What is known of every batch of a run, on disk: whole or not at all, and without any key.

A batch is four files in a folder beside the ledger (``ledger.batches``): what is sent, the requests
that it asks, their keys, and, written last, its state. From then on its requests are in flight:
nobody else asks them. Once the answers are in the ledger, the state alone is kept.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...foundation.errors import DataError, RespondentError
from ...foundation.paths import atomic_write, slug
from .. import jobs
from ..request import Question, Request

State = Literal["planned", "uploading", "uploaded", "submitting", "submitted", "ended", "collected"]
"""``uploading`` and ``submitting`` are written before the call: what it did is not known.
``ended``: the provider is done; ``collected``: every request is accounted for in the ledger."""

UNSENT: tuple[State, ...] = ("planned", "uploading", "uploaded", "submitting")
"""States in which a batch is not known to be at its provider."""


class Batch(BaseModel):
    """A batch. ``content`` is the SHA-256 of its file, ``since`` the time of the state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    respondent: str
    model: str
    provider: str
    content: str = Field(pattern=r"^[0-9a-f]{64}$")
    requests: int
    size: int
    """Bytes of the file."""
    worst: float | None = None
    """US dollars that all its answers may cost at most; None if nobody knows the price."""
    attempt: int = Field(default=1, ge=1)
    state: State = "planned"
    since: float = 0.0
    file: str = ""
    """The provider's name of the uploaded file."""
    job: str = ""
    status: str = ""
    """What the provider last said."""
    done: int = 0
    """Requests that the provider has worked off."""
    expires: float | None = None
    """When the provider gives up what is not answered (Unix time)."""
    output: str = ""
    errors: str = ""
    """The provider's names of the files of answers and of failures."""
    answered: int = 0
    refused: int = 0
    failed: int = 0
    odd: dict[str, int] = {}
    """Lines that fit no request: unknown, duplicate, unreadable; and requests without a line."""
    cost: float | None = None
    error: str = ""
    past: tuple[str, ...] = ()
    """Batches of the same content before this one."""

    @property
    def stem(self) -> str:
        """What its files are called."""
        return f"{slug(self.respondent)}-{self.content[:16]}-{self.attempt}"

    @property
    def filename(self) -> str:
        """The file's name at the provider: by its content, so that it is known again."""
        return f"revealed-{self.content[:24]}.jsonl"

    @property
    def mark(self) -> str:
        """The batch's mark at the provider: by content, model and attempt."""
        whole = f"{self.content}\n{self.model}\n{self.attempt}"
        return hashlib.sha256(whole.encode()).hexdigest()[:24]

    @property
    def over(self) -> bool:
        """Whether every request is accounted for."""
        return self.state == "collected"

    def at(self, state: State, **changes: object) -> Batch:
        """The batch in another state, from now on."""
        told = {"state": state, "since": time.time(), **changes}
        return self.model_validate({**self.model_dump(), **told})


class Asked(NamedTuple):
    """A request of a batch, and how often it was tried before."""

    request: Request
    before: int


def folder_of(ledger: Path) -> Path:
    """Where the batches of a ledger are kept."""
    return ledger.with_suffix(".batches")


def journal_locked(folder: Path) -> AbstractContextManager[None]:
    """Hold the batches of a run against other processes of this machine (`jobs.locked`)."""
    return jobs.locked(folder / "journal", "the batches of this run", "revealed batch status")


def begin(folder: Path, batch: Batch, lines: bytes, asked: Iterable[Asked]) -> Batch:
    """Keep a new batch; its requests are in flight once this returns."""
    told: list[str] = []
    keys: list[str] = []
    last: Question | None = None
    for request, before in asked:
        question = request.question
        row: dict[str, object] = {"key": request.key, "sample": request.sample, "before": before}
        if question is not last:
            row["question"] = [
                question.model, question.messages, dict(question.params), question.address,
            ]  # fmt: skip
            last = question
        told.append(json.dumps(row))
        keys.append(request.key)
    for name, content in (
        ("jsonl", lines),
        ("requests", ("\n".join(told) + "\n").encode()),
        ("keys", ("\n".join(keys) + "\n").encode()),
    ):
        with atomic_write(folder / f"{batch.stem}.{name}") as temporary:
            temporary.write_bytes(content)
    return write_batch(folder, batch.at("planned"))


def write_batch(folder: Path, batch: Batch) -> Batch:
    """Keep a batch as it stands, and return it."""
    with atomic_write(folder / f"{batch.stem}.json") as temporary:
        temporary.write_text(batch.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if batch.over:
        for name in ("jsonl", "requests", "keys"):
            (folder / f"{batch.stem}.{name}").unlink(missing_ok=True)
    return batch


def batches_of(folder: Path) -> list[Batch]:
    """All batches of a run, the oldest state first.

    Raises
    ------
    DataError
        If a file is no batch.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(Batch.model_validate_json(path.read_bytes()))
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(
                f"is no batch ({'.'.join(map(str, first['loc'])) or first['msg']}).",
                where=path,
                todo="Move it away; `revealed run --batch` finds at the provider what was sent.",
            ) from None
    return sorted(found, key=lambda batch: batch.since)


def lines_of(folder: Path, batch: Batch) -> bytes:
    """The file that is sent.

    Raises
    ------
    DataError
        If it is missing or another one.
    """
    path = folder / f"{batch.stem}.jsonl"
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != batch.content:
        raise DataError(
            "is not the file that this batch began with.",
            where=path,
            todo="Move the batch's files away; what was sent is found at the provider.",
        )
    return content


def asked_of(folder: Path, batch: Batch) -> dict[str, Asked]:
    """The requests of a batch by key.

    Raises
    ------
    DataError
        If their file is missing or damaged.
    """
    path = folder / f"{batch.stem}.requests"
    try:
        found = dict(_asked(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"cannot be read ({type(error).__name__}).", where=path) from None
    if len(found) != batch.requests:
        raise DataError(f"holds {len(found)} requests of {batch.requests}.", where=path)
    return found


def _asked(path: Path) -> Iterator[tuple[str, Asked]]:
    question: Question | None = None
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if "question" in row:
                question = Question(*row["question"])
            if question is None:
                raise ValueError("no question")
            request = Request(question, row["sample"])
            if request.key != row["key"]:
                raise ValueError("another key")
            yield row["key"], Asked(request, row["before"])


def in_flight(ledger: Path, keys: Iterable[str]) -> dict[str, Batch]:
    """Which of these keys are asked by a batch that is under way, and by which."""
    folder = folder_of(ledger)
    if not folder.is_dir():
        return {}
    wanted = set(keys)
    found: dict[str, Batch] = {}
    for batch in batches_of(folder):
        if not batch.over and wanted:
            path = folder / f"{batch.stem}.keys"
            theirs = path.read_text(encoding="ascii").split() if path.is_file() else []
            found |= {key: batch for key in theirs if key in wanted}
    return found


def refuse_in_flight(ledger: Path, keys: Iterable[str], respondent: str) -> None:
    """Keep a request that a batch asks from being asked, and paid for, a second time.

    Raises
    ------
    RespondentError
        If a batch that is under way asks one of these keys.
    """
    flying = in_flight(ledger, keys)
    if flying:
        batch = next(iter(flying.values()))
        raise RespondentError(
            f"{len(flying):,} of its requests are under way in a batch "
            f"({batch.job or batch.state}).",
            where=f"respondent {respondent}",
            todo="`revealed batch resume` waits for the answers, `revealed batch cancel` ends it; "
            "then run again.",
        )
