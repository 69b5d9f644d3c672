"""A fine-tuning job from step to step: upload, create, wait; and what may be done again.

The state is written before and after every call that makes something (`jobs.work`). Files are known
again by a name made of their content, jobs by a suffix made of content, model and passes.
"""

from __future__ import annotations

from pathlib import Path

from ..jobs import Row, Tell, Timing, Worker
from ..spec import RespondentSpec
from .remote import Remote
from .state import Job, State, write_job

_ENDS: dict[str, State] = {
    "succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled", "canceled": "cancelled",
}  # fmt: skip


class _Worker(Worker[Remote]):
    """One job at its provider."""

    def __init__(
        self, job: Job, spec: RespondentSpec, path: Path, content: bytes, tell: Tell, timing: Timing
    ):
        super().__init__(
            Remote(spec), tell, timing, f"fine-tuning of {spec.name}",
            "What was made is kept; `revealed tune resume` goes on from here.",
        )  # fmt: skip
        self.job, self.path, self.content = job, path, content

    def keep(self, state: State, **changes: object) -> None:
        """Write the job in another state."""
        self.job = write_job(self.job.at(state, **changes), self.path)

    async def upload(self) -> None:
        """Have the training file at the provider."""
        file = await self.send(
            self.content, self.job.filename, "the training file", lambda: self.keep("uploading")
        )
        self.keep("uploaded", file=file)

    async def create(self) -> None:
        """Have the job at the provider, and once."""
        job = self.job
        made, _ = await self.once(
            self.find,
            lambda: self.remote.create(job.file, job.suffix, dict(job.settings), job.seed),
            begun=lambda: self.keep("creating"),
            denied=lambda: self.keep("uploaded"),
            # After a stop the last call may be still on its way: it is given until `grace`.
            doubt=job.since + self.timing.grace if job.state == "creating" else 0.0,
        )
        self.keep("created", job=str(made["id"]), status=str(made.get("status", "")))

    async def find(self) -> Row | None:
        """The job, if the provider has it (`Worker.listed`)."""
        return await self.listed(
            "alist_fine_tuning_jobs", self.job.filename, self.job.file, self.is_job,
            "the job was started",
        )  # fmt: skip

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
        last = ""

        def seen(row: Row) -> bool:
            nonlocal last
            self.see(row)
            if self.job.status != last:
                last = self.job.status
                self.tell(f"{self.job.job}: {last}")
            return self.job.ended

        if not self.job.ended:
            await self.watch(lambda: self.remote.retrieve(self.job.job), seen)

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
    if job.state == "creating" and (
        found := await worker.until(worker.find, job.since + worker.timing.grace)
    ):
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
