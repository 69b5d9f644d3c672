"""A batch from step to step: upload, submit, wait, collect; and what may be done again.

Files are known again at the provider by a name made of their content, batches by a mark in their
metadata made of content, model and attempt, and where a provider does not repeat the mark, by
their file (`jobs.work`).
"""

from __future__ import annotations

import time
from pathlib import Path

from ...foundation.errors import RespondentError
from ..door import Door
from ..jobs import Row, Tell, Timing, Worker
from ..ledger import Ledger
from ..spec import RespondentSpec
from ..trouble import Trouble
from .journal import UNSENT, Batch, State, asked_of, lines_of, write_batch
from .price import batch_price
from .remote import MARK, Remote
from .results import EXPIRED, Tally, read_results, whole

TIMING = Timing(first=10.0)
_ENDS = ("completed", "failed", "expired", "cancelled", "canceled")
_OVERDUE = 2 * 3600.0
"""Seconds after its expiry at which a batch that has not ended is no longer waited for."""
_STEPS = 20
"""A batch's way is told in so many steps at most."""


class BatchWorker(Worker[Remote]):
    """One batch at its provider."""

    def __init__(
        self, batch: Batch, spec: RespondentSpec, folder: Path, tell: Tell, timing: Timing
    ):
        super().__init__(
            Remote(spec), tell, timing, f"batch of {spec.name}",
            "What was made is kept; `revealed batch resume` goes on from here.",
        )  # fmt: skip
        self.batch, self.folder = batch, folder
        self.told = ("", -1)
        self.begun = (time.monotonic(), batch.done)
        self.ending = 0.0
        if batch.model != spec.model:
            raise self.trouble(
                f"the batch is of {batch.model} and the respondent is now {spec.model}", "changed"
            )

    def keep(self, state: State, **changes: object) -> None:
        """Write the batch in another state."""
        self.batch = write_batch(self.folder, self.batch.at(state, **changes))

    async def submit(self) -> None:
        """Have the batch at the provider, and once."""
        if self.batch.state in ("planned", "uploading"):
            content = lines_of(self.folder, self.batch)
            what = f"the file of {self.batch.requests:,} requests"
            file = await self.send(
                content, self.batch.filename, what, lambda: self.keep("uploading")
            )
            self.keep("uploaded", file=file)
        batch = self.batch
        if batch.state not in ("uploaded", "submitting"):
            return
        made, _ = await self.once(
            self.find,
            lambda: self.remote.create(batch.file, batch.mark),
            begun=lambda: self.keep("submitting"),
            denied=lambda: self.keep("uploaded"),
            # After a stop the last call may be still on its way: it is given until `grace`.
            doubt=batch.since + self.timing.grace if batch.state == "submitting" else 0.0,
        )
        self.keep(
            "submitted", job=str(made["id"]), status=str(made.get("status", "")),
            expires=made.get("expires_at"),
        )  # fmt: skip

    async def find(self) -> Row | None:
        """The batch, if the provider has it (`Worker.listed`)."""
        return await self.listed(
            "alist_batches", self.batch.filename, self.batch.file, self.is_mine,
            "the batch was submitted",
        )  # fmt: skip

    def is_mine(self, row: Row, files: set[str]) -> bool:
        """Whether a batch at the provider is this one: by mark, else by file."""
        if str(row.get("id")) in self.batch.past:
            return False
        mark = (row.get("metadata") or {}).get(MARK)
        return mark == self.batch.mark if mark else str(row.get("input_file_id")) in files

    async def wait(self) -> None:
        """Look at the batch until the provider is done with it."""
        if self.batch.state == "submitted":
            await self.watch(lambda: self.remote.retrieve(self.batch.job), self.see)

    def see(self, row: Row) -> bool:
        """Keep what the provider says of the batch; whether it has ended.

        Raises
        ------
        RespondentError
            If it should have expired long ago.
        """
        status = str(row.get("status", ""))
        counts = row.get("request_counts") or {}
        good, bad = int(counts.get("completed") or 0), int(counts.get("failed") or 0)
        told = {
            "status": status, "done": good + bad,
            "expires": row.get("expires_at") or self.batch.expires,
            "output": str(row.get("output_file_id") or ""),
            "errors": str(row.get("error_file_id") or ""), "error": self._errors(row),
        }  # fmt: skip
        if status in _ENDS and not self._files_late(good, told["output"]):
            self.keep("ended", **told)
        elif (status, good + bad) != (self.batch.status, self.batch.done):
            self.keep("submitted", **told)
        self._tell()
        if self.batch.state == "submitted" and self.batch.expires is not None:
            late = time.time() - self.batch.expires
            if late > _OVERDUE:
                raise self.trouble(
                    f"the batch {self.batch.job} should have ended {late / 3600:.0f} h ago",
                    f"the provider still says {status}, or this machine's clock is wrong; "
                    "`revealed batch cancel` ends it and keeps what was answered",
                )
        return self.batch.state == "ended"

    def _files_late(self, good: int, output: object) -> bool:
        """Whether answers are said to be there and their file is not named yet."""
        if not good or output:
            return False
        self.ending = self.ending or time.monotonic()
        return time.monotonic() - self.ending < self.timing.grace

    def _errors(self, row: Row) -> str:
        """Why the whole batch failed, in the provider's words."""
        errors = row.get("errors") or {}
        data = errors.get("data") if isinstance(errors, dict) else None
        first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
        parts = [str(first[name]) for name in ("code", "message") if first.get(name)]
        return self.remote.said(" - ".join(parts)) if parts else ""

    def _tell(self) -> None:
        batch = self.batch
        step = _STEPS * batch.done // max(1, batch.requests)
        if (batch.status, step) == self.told:
            return
        self.told = (batch.status, step)
        line = f"{batch.job}: {batch.status}, {batch.done:,} of {batch.requests:,}"
        seconds, done = time.monotonic() - self.begun[0], batch.done - self.begun[1]
        if batch.state == "submitted" and done > 0:
            rate = done / max(seconds, 1e-3)
            left = (batch.requests - batch.done) / rate
            line += f" ({60 * rate:,.0f} a minute, about {left / 60:,.0f} min left)"
        if batch.state == "submitted" and batch.expires is not None:
            line += f", expires in {(batch.expires - time.time()) / 3600:.1f} h"
        self.tell(line)

    async def collect(self, ledger: Ledger, *, give_up: bool = False) -> Tally:
        """Read what an ended batch brought into the ledger.

        With `give_up`, a file that the provider has no longer counts as empty.
        """
        batch = self.batch
        names = [name for name in (batch.output, batch.errors) if name]
        contents = [await self.fetch(name, give_up) for name in names]
        asked = asked_of(self.folder, batch)
        missing = batch.error or f"the batch ended as {batch.status} without this request"
        if batch.status == "expired":
            missing = f"{EXPIRED} - the batch ended without this request"
        tally = await read_results(contents, asked, batch_door(self.remote.spec), ledger, missing)
        self.keep(
            "collected", answered=tally.answered, refused=tally.refused, failed=tally.failed,
            odd=dict(tally.odd), cost=tally.cost,
        )  # fmt: skip
        self.tell(f"{batch.job or 'the batch'}: {_sum_up(self.batch, tally)}")
        return tally

    async def fetch(self, file: str, give_up: bool = False) -> bytes:
        """A file of results; one that ends in half a line is fetched again."""
        for attempt in range(1, self.timing.tries + 1):
            content = await self.steady(lambda: self._content(file, give_up))
            if whole(content) or attempt == self.timing.tries:
                return content
            await self.pause(Trouble("retry", "half a line"), attempt, "the file is cut off")
        raise self.trouble("the answers cannot be fetched", "no try succeeded")

    async def _content(self, file: str, give_up: bool) -> bytes:
        try:
            return await self.remote.content(file)
        except Trouble as trouble:
            if not trouble.missing:
                raise
            gone = f"{self.batch.job}: the provider no longer has its answers ({trouble.text})"
        if give_up:
            self.tell(gone)
            return b""
        raise RespondentError(
            f"{gone}.",
            where=self.where,
            todo="`revealed batch cancel` gives them up: its requests are then asked, and paid "
            "for, once more.",
        )


def batch_door(spec: RespondentSpec) -> Door:
    """The respondent's door, with the prices of batches."""
    door = Door(spec)
    price = batch_price(spec)
    door.prices = None if price is None else (price.into, price.out)
    return door


def _sum_up(batch: Batch, tally: Tally) -> str:
    parts = [f"{batch.status}, {tally.answered:,} answered"]
    parts += [f"{tally.refused:,} refused"] if tally.refused else []
    parts += [f"{tally.failed:,} failed"] if tally.failed else []
    parts += [f"{count:,} {name}" for name, count in sorted(tally.odd.items())]
    if tally.cost is not None:
        parts.append(f"${tally.cost:,.2f}")
    line = ", ".join(parts)
    if tally.expired:
        line += (
            f". {tally.expired:,} were not answered within the provider's day and cost nothing: "
            "the next batch asks them again; without --batch they are asked at once"
        )
    return line


async def advance(
    batch: Batch,
    spec: RespondentSpec,
    ledger: Ledger,
    folder: Path,
    *,
    tell: Tell = lambda text: None,
    wait: bool = True,
    timing: Timing = TIMING,
) -> tuple[Batch, Tally | None]:
    """Take a batch as far as it goes, from wherever it stands.

    Parameters
    ----------
    spec
        The respondent that is asked, with address and key.
    ledger, folder
        Where the answers go, and where the batch is kept. Hold it (`journal_locked`).
    tell
        Is given a line for every step.
    wait
        Whether to wait for the answers, or only to see the batch submitted.

    Returns
    -------
    The batch, and what it brought (None if that is not known yet).

    Raises
    ------
    RespondentError
        If the provider cannot be reached or says no. The batch as it stands is kept.
    """
    worker = BatchWorker(batch, spec, folder, tell, timing)
    await worker.submit()
    if not wait:
        return worker.batch, None
    await worker.wait()
    tally = await worker.collect(ledger) if worker.batch.state == "ended" else None
    return worker.batch, tally


async def cancel(
    batch: Batch, spec: RespondentSpec, ledger: Ledger, folder: Path,
    *, tell: Tell = lambda text: None, timing: Timing = TIMING,
) -> Batch:  # fmt: skip
    """End a batch at the provider, and keep what was answered until then.

    One that was not submitted yet is ended here alone: its requests are free again.

    Raises
    ------
    RespondentError
        If the provider cannot be reached or says no.
    """
    worker = BatchWorker(batch, spec, folder, tell, timing)
    if batch.state == "submitting":
        found = await worker.until(worker.find, batch.since + timing.grace)
        if found is not None:
            worker.keep("submitted", job=str(found["id"]))
    if worker.batch.state in UNSENT:
        worker.keep("collected", status="never submitted")
        return worker.batch
    if worker.batch.state == "submitted":
        try:
            row = await worker.remote.cancel(worker.batch.job)
        except Trouble as trouble:
            # It may have ended meanwhile, and then cannot be cancelled.
            tell(f"{worker.batch.job}: {trouble.text}")
            row = await worker.steady(lambda: worker.remote.retrieve(worker.batch.job))
        if not worker.see(row):
            await worker.wait()
    if worker.batch.state == "ended":
        await worker.collect(ledger, give_up=True)
    return worker.batch
