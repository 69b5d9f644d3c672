"""A fine-tuning job from step to step: upload, create, wait; and what may be done again.

The state is written before and after every call that makes something. A state ``uploading`` or
``creating`` therefore says that nobody knows what the call did, and the provider is asked what is
there: files are known by a name made of their content, jobs by a suffix made of content, model and
passes. Only when it was looked for, and time was given for it to appear, is anything made again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ...foundation.errors import RespondentError
from ..pace import backoff
from ..spec import RespondentSpec
from ..trouble import Trouble
from .remote import Remote, Row
from .state import Job, State, write_job

T = TypeVar("T")
Tell = Callable[[str], None]

_DEAD_FILES = ("error", "deleted", "deleting", "expired")
_ENDS: dict[str, State] = {
    "succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled", "canceled": "cancelled",
}  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """How long to wait, in seconds.

    ``grace``: how long a job that was made may take to appear in the provider's list. ``first`` and
    ``most``: between two looks at a running job. ``tries`` of a call that fails; ``patience``:
    without any answer, until a running job is left to itself.
    """

    grace: float = 60.0
    first: float = 5.0
    most: float = 60.0
    tries: int = 6
    patience: float = 1800.0
    pause: float = 0.5
    """Between the first two tries; it doubles."""


class _Worker:
    """One job at its provider."""

    def __init__(
        self, job: Job, spec: RespondentSpec, path: Path, content: bytes, tell: Tell, timing: Timing
    ):
        self.job, self.path, self.content, self.tell, self.timing = job, path, content, tell, timing
        self.remote = Remote(spec)
        self.where = f"fine-tuning of {spec.name}"

    def keep(self, state: State, **changes: object) -> None:
        """Write the job in another state."""
        self.job = write_job(self.job.at(state, **changes), self.path)

    async def upload(self) -> None:
        """Have the training file at the provider."""
        for attempt in range(1, self.timing.tries + 1):
            found = [row for row in await self.steady(self.remote.files) if self.is_mine(row)]
            if found:
                self.keep("uploaded", file=str(found[0]["id"]))
                self.tell(f"the training file is at the provider: {self.job.file}")
                return
            self.keep("uploading")
            try:
                made = await self.remote.upload(self.content, self.job.filename)
            except Trouble as trouble:
                # What arrived is found in the list; a file costs nothing.
                await self.pause(trouble, attempt, "the training file could not be sent")
                continue
            self.keep("uploaded", file=str(made["id"]))
            self.tell(f"sent the training file: {self.job.file}")
            return
        raise self.trouble("the training file could not be sent", "no try succeeded")

    def is_mine(self, row: Row) -> bool:
        """Whether a file at the provider is the training file."""
        return row.get("filename") == self.job.filename and row.get("status") not in _DEAD_FILES

    async def create(self) -> None:
        """Have the job at the provider, and once."""
        # After a stop the last call may be still on its way: it is given until `grace` to arrive.
        doubt = self.job.since + self.timing.grace if self.job.state == "creating" else 0.0
        for attempt in range(1, self.timing.tries + 1):
            if found := await self.find(doubt):
                self.keep("created", job=str(found["id"]), status=str(found.get("status", "")))
                self.tell(f"the job is at the provider already: {self.job.job}")
                return
            self.keep("creating")
            try:
                made = await self.remote.create(
                    self.job.file, self.job.suffix, dict(self.job.settings), self.job.seed
                )
            except Trouble as trouble:
                if trouble.kind in ("reject", "refused", "fatal"):
                    # An answer that says no: nothing was made.
                    self.keep("uploaded")
                # 429 says so too; anything else leaves it open.
                doubt = 0.0 if trouble.kind == "rate" else time.time() + self.timing.grace
                await self.pause(trouble, attempt, "the job could not be started")
                continue
            self.keep("created", job=str(made["id"]), status=str(made.get("status", "")))
            self.tell(f"started the job: {self.job.job}")
            return
        raise self.trouble("the job could not be started", "no try succeeded")

    async def find(self, until: float) -> Row | None:
        """The job, if the provider has it; looks again and again until the time `until`."""
        wait = self.timing.pause
        while True:
            files = {str(r["id"]) for r in await self.steady(self.remote.files) if self.is_mine(r)}
            for row in await self.steady(self.remote.jobs):
                if self.is_job(row, files | {self.job.file}):
                    return row
            left = until - time.time()
            if left <= 0:
                return None
            await asyncio.sleep(min(wait, left))
            wait = min(2 * wait, self.timing.most)

    def is_job(self, row: Row, files: set[str]) -> bool:
        """Whether a job at the provider is this attempt's: by mark, else by file and settings."""
        if str(row.get("id")) in self.job.past:
            return False
        mark = row.get("user_provided_suffix") or row.get("suffix")
        if mark:
            return bool(mark == self.job.suffix)
        told = row.get("hyperparameters") or {}
        same = all(told.get(k) in (v, "auto", None) for k, v in self.job.settings.items())
        same = same and (self.job.seed is None or row.get("seed") in (self.job.seed, None))
        model = str(row.get("model", self.remote.model))
        return str(row.get("training_file")) in files and model == self.remote.model and same

    async def wait(self) -> None:
        """Look at the job until it has ended."""
        wait, silent_since, last = self.timing.first, time.monotonic(), ""
        while not self.job.ended:
            try:
                row = await self.remote.retrieve(self.job.job)
            except Trouble as trouble:
                if trouble.kind not in ("rate", "retry"):
                    raise self.trouble("the job cannot be looked at", trouble.text) from None
                if time.monotonic() - silent_since > self.timing.patience:
                    raise self.trouble("the provider does not answer", trouble.text) from None
            else:
                silent_since = time.monotonic()
                self.see(row)
                if self.job.status != last:
                    last = self.job.status
                    self.tell(f"{self.job.job}: {last}")
            if not self.job.ended:
                await asyncio.sleep(wait)
                wait = min(1.5 * wait, self.timing.most)

    def see(self, row: Row) -> None:
        """Keep what the provider says of the job, where that is new."""
        status = str(row.get("status", ""))
        end = _ENDS.get(status)
        if end is None:
            if status != self.job.status:
                self.keep("created", status=status)
            return
        if end == "succeeded" and not row.get("fine_tuned_model"):
            return  # said to be done, and its model not yet named
        told = row.get("error") or {}
        message = told.get("message") if isinstance(told, dict) else told
        self.keep(
            end, status=status, tuned=str(row.get("fine_tuned_model") or ""),
            trained_tokens=row.get("trained_tokens"),
            error=self.remote.said(message) if message else "",
        )  # fmt: skip

    async def steady(self, call: Callable[[], Awaitable[T]]) -> T:
        """A call that makes nothing, tried until it succeeds or `Timing.tries` are used up."""
        for attempt in range(1, self.timing.tries + 1):
            try:
                return await call()
            except Trouble as trouble:
                await self.pause(trouble, attempt, "the provider cannot be asked")
        raise self.trouble("the provider cannot be asked", "no try succeeded")

    async def pause(self, trouble: Trouble, attempt: int, what: str) -> None:
        """Wait before another try; an error where another would not help."""
        if trouble.kind not in ("rate", "retry") or attempt >= self.timing.tries:
            raise self.trouble(what, trouble.text) from None
        asked = trouble.retry_after
        delay = backoff(attempt, self.timing.pause) if asked is None else asked
        await asyncio.sleep(min(delay, self.timing.most))

    def trouble(self, what: str, why: str) -> RespondentError:
        """What the person is told; the state stays as it was written."""
        return RespondentError(
            f"{what}: {why}.",
            where=self.where,
            todo="What was made is kept; `revealed tune resume` goes on from here.",
        )


async def advance(
    job: Job,
    spec: RespondentSpec,
    path: Path,
    content: bytes,
    *,
    tell: Tell = lambda text: None,
    wait: bool = True,
    timing: Timing | None = None,
) -> Job:
    """Take a job as far as it goes, from wherever it stands.

    Parameters
    ----------
    spec
        The respondent that is fine-tuned, with address and key.
    path
        Where the job is kept; written before and after each step. Hold it (`locked`).
    content
        The training file.
    tell
        Is given a line for every step.
    wait
        Whether to wait for the end of the job, or only to see it started.

    Raises
    ------
    RespondentError
        If the provider cannot be reached or says no, or the training file is another one. The job
        as it stands is kept.
    """
    import hashlib

    worker = _Worker(job, spec, path, content, tell, timing or Timing())
    if hashlib.sha256(content).hexdigest() != job.content:
        raise worker.trouble("the training file is not the one that the job began with", "changed")
    write_job(job, path)
    if worker.job.state in ("planned", "uploading"):
        await worker.upload()
    if worker.job.state in ("uploaded", "creating"):
        await worker.create()
    if wait and worker.job.state == "created":
        await worker.wait()
    return worker.job


async def cancel(
    job: Job, spec: RespondentSpec, path: Path, *, timing: Timing | None = None
) -> Job:
    """End a job at the provider; one that was not made yet is ended here alone.

    Raises
    ------
    RespondentError
        If the provider cannot be reached or says no.
    """
    worker = _Worker(job, spec, path, b"", lambda text: None, timing or Timing())
    if job.state == "creating" and (found := await worker.find(job.since + worker.timing.grace)):
        worker.keep("created", job=str(found["id"]), status=str(found.get("status", "")))
    if not worker.job.job:
        worker.keep("cancelled", status="never started")
        return worker.job
    if not worker.job.ended:
        row = await worker.steady(lambda: worker.remote.cancel(worker.job.job))
        worker.see(row)
        if not worker.job.ended:
            await worker.wait()
    return worker.job
