"""From step to step of a job: send a file, make the job once, look at it until it has ended.

A state is written before and after every call that makes something. One written before a call says
that nobody knows what the call did, and the provider is asked what is there. Only when it was
looked for, and time was given for it to appear, is anything made again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ...foundation.errors import RespondentError
from ..pace import backoff
from ..trouble import Trouble
from .remote import Remote, Row

T = TypeVar("T")
R = TypeVar("R", bound=Remote)
Tell = Callable[[str], None]

_DEAD_FILES = ("error", "deleted", "deleting", "expired")


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


class Worker(Generic[R]):
    """One job at its provider.

    Parameters
    ----------
    remote, tell, timing
        The provider, who is given a line for every step, and how long to wait.
    where, todo
        The job in words and how to go on, for errors.
    """

    def __init__(self, remote: R, tell: Tell, timing: Timing, where: str, todo: str):
        self.remote, self.tell, self.timing, self.where, self.todo = (
            remote, tell, timing, where, todo,
        )  # fmt: skip

    async def send(self, content: bytes, name: str, what: str, begun: Callable[[], None]) -> str:
        """The provider's name of the file `name`, which is sent unless it is there already.

        `name` is made of the content, so that the file is known again. `begun` is called before
        each sending; `what` is the file in words.
        """
        for attempt in range(1, self.timing.tries + 1):
            if found := await self.files(name):
                self.tell(f"{what} is at the provider: {found[0]['id']}")
                return str(found[0]["id"])
            begun()
            try:
                made = await self.remote.upload(content, name)
            except Trouble as trouble:
                # What arrived is found in the list; a file costs nothing.
                await self.pause(trouble, attempt, f"{what} could not be sent")
                continue
            self.tell(f"sent {what}: {made['id']}")
            return str(made["id"])
        raise self.trouble(f"{what} could not be sent", "no try succeeded")

    async def files(self, name: str) -> list[Row]:
        """Files of this name at the provider that can be used."""
        return [
            row
            for row in await self.steady(self.remote.files)
            if row.get("filename") == name and row.get("status") not in _DEAD_FILES
        ]

    async def listed(
        self, calls: str, filename: str, file: str, mine: Callable[[Row, set[str]], bool], done: str
    ) -> Row | None:
        """The job of a file, if the provider has it.

        Parameters
        ----------
        calls
            LiteLLM's function that lists such jobs.
        filename, file
            Name of the file that was sent, and its id as far as it is known.
        mine
            Whether a job is the one looked for, given the ids that its file may have.
        done
            What cannot be told where the list ends too early: "the batch was submitted".

        Raises
        ------
        RespondentError
            If the provider's list does not go back far enough to tell.
        """
        files = await self.files(filename)
        ids = {str(row["id"]) for row in files} | {file}
        # A job is younger than its file; clocks of one provider differ by less than a minute.
        born = min((float(row.get("created_at") or 0) for row in files), default=0.0) - 60
        rows, complete = await self.steady(lambda: self.remote.pages(calls, born))
        for row in rows:
            if mine(row, ids):
                return row
        if not complete:
            raise self.trouble(
                f"it cannot be told whether {done}",
                "the provider's list does not go back to the time of its file",
            )
        return None

    async def once(
        self,
        look: Callable[[], Awaitable[Row | None]],
        make: Callable[[], Awaitable[Row]],
        *,
        begun: Callable[[], None],
        denied: Callable[[], None],
        doubt: float,
    ) -> tuple[Row, bool]:
        """The job, and whether it was there before; it is made once, whatever is lost on the way.

        Parameters
        ----------
        look, make
            Find the job at the provider, and make it: the step that costs.
        begun, denied
            Called before each making, and after an answer that says no.
        doubt
            The time until which an earlier call may still bring the job into the list.
        """
        for attempt in range(1, self.timing.tries + 1):
            if found := await self.until(look, doubt):
                self.tell(f"the job is at the provider already: {found['id']}")
                return found, True
            begun()
            try:
                made = await make()
            except Trouble as trouble:
                if trouble.kind in ("reject", "refused", "fatal"):
                    # An answer that says no: nothing was made.
                    denied()
                # 429 says so too; anything else leaves it open.
                doubt = 0.0 if trouble.kind == "rate" else time.time() + self.timing.grace
                await self.pause(trouble, attempt, "the job could not be started")
                continue
            self.tell(f"started the job: {made['id']}")
            return made, False
        raise self.trouble("the job could not be started", "no try succeeded")

    async def until(self, look: Callable[[], Awaitable[Row | None]], end: float) -> Row | None:
        """What `look` finds; it looks again and again until the time `end`."""
        wait = self.timing.pause
        while True:
            if found := await look():
                return found
            left = end - time.time()
            if left <= 0:
                return None
            await asyncio.sleep(min(wait, left))
            wait = min(2 * wait, self.timing.most)

    async def watch(self, look: Callable[[], Awaitable[Row]], see: Callable[[Row], Any]) -> None:
        """Look at the job, and `see` what it is, until `see` says that it has ended."""
        wait, silent_since = self.timing.first, time.monotonic()
        while True:
            try:
                row = await look()
            except Trouble as trouble:
                if trouble.kind not in ("rate", "retry"):
                    raise self.trouble("the job cannot be looked at", trouble.text) from None
                if time.monotonic() - silent_since > self.timing.patience:
                    raise self.trouble("the provider does not answer", trouble.text) from None
            else:
                silent_since = time.monotonic()
                if see(row):
                    return
            await asyncio.sleep(wait)
            wait = min(1.5 * wait, self.timing.most)

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
        return RespondentError(f"{what}: {why}.", where=self.where, todo=self.todo)
