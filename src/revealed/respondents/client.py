"""Ask what is missing, as fast as the provider likes, and account for every request.

`collect` is the only way to a model. A request holds a place among the concurrent ones from the
moment it is sent until its answer is on disk; while it waits to be tried again it holds none.
Processes that ask the same respondent at the same time share its questions, places and rate: each
claims a few requests at a time (`sharing.Member`) and takes what the others wrote meanwhile.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
import threading
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from ..foundation.errors import DataError, RespondentError
from .batch.journal import refuse_in_flight
from .budget import Budget
from .check import check_respondent
from .door import Door
from .ledger import Answer, Entry, Ledger
from .pace import Pace, backoff
from .request import Request
from .sharing import BEAT, Member
from .spec import RespondentSpec
from .trouble import Trouble

if TYPE_CHECKING:
    from .batch import Gathering

__all__ = ["blocking", "check_respondent", "collect"]

log = logging.getLogger(__name__)
T = TypeVar("T")

_DEAD = 50
"""Failures in a row, after all retries, from which on nobody more is asked."""
_HOPELESS = 5
"""Rejections in a row before any answer: the questions' form is wrong, and more would not help."""

_BLOCK = 32
"""Requests claimed at a time, at least: few, so that no process is left with the last of them."""

_FAREWELL = 10.0
"""Seconds that work which was cancelled gets to end."""


async def collect(
    requests: Sequence[Request],
    spec: RespondentSpec,
    ledger: Ledger,
    *,
    budget: Budget | None = None,
    progress: bool = True,
    label: str = "",
    gathering: Gathering | None = None,
) -> list[Answer]:
    """Answers to `requests`, in their order; only those not in the ledger are asked for.

    A request that failed in an earlier call is asked again; one that was answered or refused
    never is. What another process is asking at the same time is not asked again: its answer is
    waited for and used, and should that process be killed, the request is taken over.

    Parameters
    ----------
    requests
        Made by `Door.question`, so that parameters the provider does not take are out.
    spec, ledger
        Who is asked, and where every answer is written before this function returns it.
    budget
        Set aside before each request is sent; None sets no limit.
    progress
        Show a bar with rate and time left.
    label
        What the bar says.
    gathering
        Given by whoever asks by batch: what is missing is noted there and not asked at once.

    Returns
    -------
    One `Answer` a request: ok, refused or failed. If the respondent stopped answering, what was
    never asked is returned as failed but not written.

    Raises
    ------
    Waiting
        With `gathering`: if answers are missing and will be asked by batch.
    BudgetError
        At the limit; what was in flight is awaited and kept.
    RespondentError
        If a batch that is under way asks some of it; if no request can succeed (key refused,
        unknown model, only 429 for `spec.patience`).
    """
    async with ledger.claim(spec.name, shared=True):
        kept = ledger.get(request.key for request in requests)
        answers = {key: answer for key, answer in kept.items() if answer.status != "failed"}
        missing = {r.key: r for r in requests if r.key not in answers}
        if gathering is not None:
            gathering.note(missing)
            answers |= gathering.left(missing, kept)
            missing = {}
        elif missing:
            refuse_in_flight(ledger.path, missing, spec.name)
        with tqdm(
            total=len(requests),
            initial=len(requests) - len(missing),
            desc=label or spec.name,
            unit="req",
            disable=not progress or not missing,
            leave=False,
        ) as bar:
            if missing:
                failed = {key: kept[key] for key in missing if key in kept}
                run = _Collection(spec, ledger, budget or Budget(), answers, failed, bar)
                await run.work(list(missing.values()))
    return [answers[request.key] for request in requests]


class _Job:
    """A request on its way to an answer."""

    __slots__ = ("attempts", "cost", "limited", "request", "worst")

    def __init__(self, request: Request, worst: float | None):
        self.request, self.worst = request, worst
        self.attempts = 0  # answers and failures, 429 apart
        self.limited = 0  # 429 in a row
        self.cost = 0.0  # what attempts without an answer may have cost


class _Collection:
    """One call of `collect`: the queue, the places, and what to do when a request fails."""

    def __init__(
        self,
        spec: RespondentSpec,
        ledger: Ledger,
        budget: Budget,
        answers: dict[str, Answer],
        failed: dict[str, Answer],
        bar: tqdm[Any],
    ):
        self.spec, self.ledger, self.budget, self.answers, self.failed, self.bar = (
            spec, ledger, budget, answers, failed, bar,
        )  # fmt: skip
        self.door = Door(spec)
        self.pace = Pace(spec.concurrency, spec.requests_per_minute)
        self.block = max(_BLOCK, spec.concurrency)
        self.unclaimed: deque[Request] = deque()
        self.elsewhere: dict[str, Request] = {}
        """Requests that other processes are asking."""
        self.done: list[str] = []
        """Keys that are on disk and whose claims are to be given back."""
        self.ready: deque[_Job] = deque()
        self.later: list[tuple[float, int, _Job]] = []
        self.order = itertools.count()
        self.tasks: set[asyncio.Task[None]] = set()
        self.wake = asyncio.Event()
        self.stop: Exception | None = None
        self.dead = False
        self.failures = 0
        self.said = ""
        """What the last failure was, in the provider's words."""
        self.rejections = 0
        self.answered = 0
        self.loop = asyncio.get_running_loop()
        self.last_answer = self.loop.time()
        self.worst: dict[int, float | None] = {}

    async def work(self, requests: list[Request]) -> None:
        self.unclaimed.extend(requests)
        self.member = Member(self.ledger.path, self.spec.name, self.spec.concurrency)
        self.pace.share(self.member.share)
        beats = self.loop.create_task(self._beats())
        try:
            while not self.dead and (
                self.ready or self.later or self.tasks or self.unclaimed or self.elsewhere
            ):
                try:
                    wait = self._launch()
                except DataError as error:
                    # What is in flight is paid for, and awaited.
                    self.stop, wait = error, None
                if self.stop is not None and not self.tasks:
                    break
                timer = self.loop.call_later(wait, self.wake.set) if wait is not None else None
                await self.wake.wait()
                self.wake.clear()
                if timer is not None:
                    timer.cancel()
        finally:
            # On Ctrl-C what is in flight is given up; what has arrived is being written.
            for task in self.tasks if self.stop is None and not self.dead else ():
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            beats.cancel()
            try:
                self.member.leave()
            except DataError as error:
                # Others clear up after whoever is gone; what went wrong first is what is said.
                self.stop = self.stop or error
        if self.stop is not None:
            raise self.stop
        if self.dead:
            self._leave_rest()

    def _launch(self) -> float | None:
        """Send what may be sent; seconds until it is worth looking again, None for a wake-up."""
        now = self.loop.time()
        while self.later and self.later[0][0] <= now:
            self.ready.append(heapq.heappop(self.later)[2])
        while self.stop is None:
            if len(self.tasks) >= self.pace.places:
                return None
            if not self.ready and not self._claim():
                break
            if (wait := self.pace.wait(now)) > 0:
                return wait if wait < math.inf else None
            job = self.ready[0]
            try:
                fits = self.budget.reserve(job.worst)
            except Exception as error:
                self.stop = error
                break
            if not fits:
                # What is in flight will mostly cost less than was set aside for it.
                if not self.tasks:
                    if self.budget.reserved > 0:
                        return 0.05  # somebody else who shares the budget has requests in flight
                    self.stop = self.budget.exhausted(job.worst)
                return None
            self.ready.popleft()
            self.pace.sent()
            task = self.loop.create_task(self._try(job, now))
            self.tasks.add(task)
            task.add_done_callback(self._done)
        if self.stop is None and self.later:
            return max(0.0, self.later[0][0] - now)
        return None

    def _claim(self) -> bool:
        """Make the next requests ours; False if there are none that others are not asking."""
        while self.unclaimed and not self.ready:
            size = min(self.block, len(self.unclaimed))
            self._take([self.unclaimed.popleft() for _ in range(size)])
        return bool(self.ready)

    def _take(self, requests: Sequence[Request]) -> None:
        """Sort requests into ours to ask, answered by others meanwhile, and asked by others."""
        done, self.done = self.done, []
        ours = self.member.claim([request.key for request in requests], done)
        # Looked up after the claim: whoever held it before had written the answer by then.
        found = self.ledger.get(request.key for request in requests)
        for request in requests:
            key = request.key
            answer = found.get(key)
            # Failures of earlier calls are asked again; one that came just now would fail again.
            if answer is not None and answer != self.failed.get(key):
                self.elsewhere.pop(key, None)
                self.answers[key] = answer
                self.bar.update()
                if key in ours:
                    self.done.append(key)
            elif key in ours:
                self.elsewhere.pop(key, None)
                self.ready.append(_Job(request, self._worst(request)))
            else:
                self.elsewhere[key] = request

    def _worst(self, request: Request) -> float | None:
        question = request.question
        if id(question) not in self.worst:
            self.worst[id(question)] = self.door.worst_cost(question)
        return self.worst[id(question)]

    async def _beats(self) -> None:
        """Say that we live, take our share, and see what became of what others were asking."""
        try:
            while True:
                await asyncio.sleep(BEAT)
                done, self.done = self.done, []
                if not self.member.beat(len(self.tasks), done):
                    self._claim_again()
                self.pace.share(self.member.share)
                if self.elsewhere and not self.ready and not self.unclaimed:
                    self._take(list(itertools.islice(self.elsewhere.values(), 500)))
                self.wake.set()
        except Exception as error:
            self.stop = self.stop or error
            self.wake.set()

    def _claim_again(self) -> None:
        """We were taken for dead (a suspended process): what waits may be others' by now."""
        jobs = [*self.ready, *(job for _, _, job in self.later)]
        self.ready.clear()
        self.later.clear()
        self._take([job.request for job in jobs])

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self.stop is None:
            self.stop = error if isinstance(error, Exception) else None
        self.wake.set()

    async def _try(self, job: _Job, started: float) -> None:
        paid: float | None = 0.0
        try:
            answer = await self.door.ask(job.request)
            # An answer without a token count is booked at its worst, or the limit would not hold.
            paid = job.worst if answer.cost is None else answer.cost
        except Trouble as trouble:
            if trouble.billed:
                paid = job.worst
            outcome = self._after(job, trouble, started, paid)
            if outcome is None:
                return
            answer = outcome
        except BaseException:
            paid = job.worst  # cancelled in flight: it may be on the bill
            raise
        else:
            self._arrived(job, answer)
        finally:
            try:
                self.budget.settle(job.worst, paid)
            except DataError as error:  # on a full disk; the answer is written, or kept elsewhere
                self.stop = self.stop or error
        await self._write(job, answer)

    def _arrived(self, job: _Job, answer: Answer) -> None:
        self.pace.answered()
        self.answered += 1
        self.failures = self.rejections = 0
        self.last_answer = self.loop.time()
        answer.attempts = job.attempts + 1
        if job.cost and answer.cost is not None:
            answer.cost += job.cost

    def _after(
        self, job: _Job, trouble: Trouble, started: float, paid: float | None
    ) -> Answer | None:
        """The final answer that trouble amounts to, or None if the job was put back or dropped."""
        now = self.loop.time()
        job.cost += paid or 0.0
        if trouble.kind == "rate":
            delay = self.pace.refused(started, now, trouble.retry_after)
            silent = now - self.last_answer
            if silent + delay > self.spec.patience:
                self._give_up(
                    f"has said 'too many requests' for {silent:.0f} s and asks to wait "
                    f"{delay:.0f} s more",
                    "Run again later: everything answered is kept.",
                )
                return None
            job.limited += 1
            self._later(job, now + delay)
            return None
        if trouble.kind == "fatal":
            self._give_up(f"cannot be asked: {trouble.text}", "Check its key, name and quota.")
            return None
        job.attempts += 1
        if trouble.kind == "retry" and job.attempts <= self.spec.retries:
            asked = trouble.retry_after
            self._later(job, now + (backoff(job.attempts) if asked is None else min(asked, 60.0)))
            return None
        if trouble.kind == "reject":
            self.rejections += 1
            if self.answered == 0 and self.rejections >= _HOPELESS:
                self._give_up(
                    f"rejects every request: {trouble.text}", "Check its parameters (params, mode)."
                )
        if trouble.kind != "refused":
            self.failures += 1
            self.said = trouble.text
            if self.failures >= max(_DEAD, 3 * self.spec.concurrency):
                self.dead = True
        return Answer(
            key=job.request.key,
            status="refused" if trouble.kind == "refused" else "failed",
            error=trouble.text,
            cost=job.cost if self.door.prices is not None else None,
            dropped=tuple(self.door.dropped),
            attempts=job.attempts,
        )

    def _later(self, job: _Job, when: float) -> None:
        heapq.heappush(self.later, (when, next(self.order), job))

    def _give_up(self, what: str, todo: str) -> None:
        if self.stop is None:
            self.stop = RespondentError(
                f"{self.spec.model} {what}.", where=f"respondent {self.spec.name}", todo=todo
            )

    async def _write(self, job: _Job, answer: Answer) -> None:
        await self.ledger.put_soon(Entry(answer, job.request, self.spec.name))
        self.answers[answer.key] = answer
        self.done.append(answer.key)
        self.bar.update()

    def _leave_rest(self) -> None:
        """Account for what will not be asked, without writing it: it can be asked another day."""
        begun = [*self.ready, *(job for _, _, job in self.later)]
        tries = {job.request.key: job.attempts for job in begun}
        rest = [
            *(job.request.key for job in begun),
            *(request.key for request in self.unclaimed),
            *self.elsewhere,
        ]
        log.warning(
            "%s: %d requests failed in a row, the last by: %s; %d were not asked any more. "
            "Run again to ask them.", self.spec.name, self.failures, self.said, len(rest),
        )  # fmt: skip
        for key in rest:
            attempts = tries.get(key, 0)
            self.answers[key] = Answer(key, "failed", error="not asked", attempts=attempts)


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the event loop that this process keeps for its clients, and wait for it.

    One loop for all calls, because LiteLLM keeps connections that belong to a loop; in a thread of
    its own, because a notebook has a loop running already. Ctrl-C cancels the work and waits until
    it has ended, 10 s at most.
    """
    ended = threading.Event()

    async def whole() -> T:
        try:
            return await work
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(whole(), _loop())
    try:
        return future.result()
    except BaseException:
        # What has arrived is handed to the ledger before whoever called closes it.
        if future.cancel():
            ended.wait(_FAREWELL)
        raise


_LOOPS: list[asyncio.AbstractEventLoop] = []
_LOCK = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    with _LOCK:
        if not _LOOPS:
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(_mind)
            threading.Thread(target=loop.run_forever, name="client", daemon=True).start()
            _LOOPS.append(loop)
    return _LOOPS[0]


def _mind(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Every hour LiteLLM lets go of its connections without closing them, and aiohttp complains."""
    if not str(context.get("message")).startswith("Unclosed c"):
        loop.default_exception_handler(context)
