"""A study in a few large rounds: what all its parts lack is gathered, asked by batch, and read.

A *visit* goes through a respondent's part of a study with the answers that there are. Where answers
are missing, `client.collect` notes them and the part stops (`Waiting`); the visit goes on with the
next part. What one visit noted is one round. Then everything is visited again, from the ledger: an
adaptive design chooses its next pairs, and a run that was stopped goes on, by the same means.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from ...foundation.errors import BudgetError, RespondentError
from ..budget import Budget
from ..door import Door
from ..jobs import Tell, Timing
from ..ledger import Answer, Ledger
from ..request import Request
from ..spec import Batching, RespondentSpec
from .bodies import Bodies
from .job import TIMING, BatchWorker, advance, batch_door
from .journal import (
    UNSENT,
    Asked,
    Batch,
    asked_of,
    batches_of,
    begin,
    folder_of,
    in_flight,
    journal_locked,
)
from .price import batch_price
from .results import Tally

T = TypeVar("T")

HOPELESS = 5
"""Failures of a first round without any answer that stop the call, as when asking at once."""


class Waiting(Exception):
    """Answers are missing; they were noted, and will be asked with the next round."""


class Gathering:
    """What a visit lacks, and how often it was asked already in this call."""

    def __init__(self, spec: RespondentSpec):
        self.spec = spec
        self.wanted = spec.batch or Batching()
        self.missing: dict[str, Request] = {}
        self.tried: Counter[str] = Counter()

    def note(self, missing: Mapping[str, Request]) -> None:
        """Note what is to be asked; what has failed as often as it may is let be.

        Raises
        ------
        Waiting
            If anything is to be asked.
        """
        again = {k: r for k, r in missing.items() if self.tried[k] < self.wanted.tries}
        self.missing |= again
        if again:
            raise Waiting

    @staticmethod
    def left(missing: Mapping[str, Request], kept: Mapping[str, Answer]) -> dict[str, Answer]:
        """The failures that stand for what will not be asked again."""
        return {k: kept.get(k) or Answer(k, "failed", error="not asked") for k in missing}


Visit = Callable[[Gathering], T]


class Estimate(NamedTuple):
    """US dollars that a round is likely to cost, and at most; None where nobody knows."""

    likely: float | None
    most: float | None


def estimate(spec: RespondentSpec, requests: Sequence[Request]) -> Estimate:
    """The cost of a round at the price of batches.

    Likely: four bytes a token, answers at their cap (or all their tokens, if that is unknown). At
    most: as `Door.worst_cost`.
    """
    door = batch_door(spec)
    if door.prices is None:
        return Estimate(None, None)
    likely = most = 0.0
    for request in requests:
        question = request.question
        worst = door.worst_cost(question) or 0.0
        bound = question.size + 16 * len(question.messages) + 16
        most += worst
        likely += worst - (bound - question.size / 4 - 4 * len(question.messages)) * door.prices[0]
    return Estimate(likely, most)


def in_rounds(
    visits: Sequence[tuple[RespondentSpec, Visit[T]]],
    ledger: Ledger,
    *,
    budget: Budget | None = None,
    tell: Tell = print,
    timing: Timing | None = None,
) -> list[T]:
    """What the visits return once they lack nothing; a round of all of them is asked together.

    Batches of these respondents that are under way are waited for first. A request that failed is
    asked again with the next round, ``batch.tries`` times in all, and then is missing data.

    Parameters
    ----------
    visits
        Respondents, and what goes through their part of the study. It hands the gathering to
        `client.collect` and catches `Waiting`.
    budget
        What all answers of a round may cost at most is set aside before any of it is sent.
    tell
        Is given the cost of a round before it is sent, and a line for every step.

    Raises
    ------
    BudgetError
        Before a round is sent, if it may cost more than is left.
    RespondentError
        If a provider cannot be asked, or a round of a respondent brought nothing. Batches that
        were submitted are kept, and waited for by the next call.
    """
    from ..client import blocking

    budget = budget or Budget()
    folder = folder_of(ledger.path)
    gatherings = {spec.name: Gathering(spec) for spec, _ in visits}
    with journal_locked(folder):
        office = _Office({spec.name: spec for spec, _ in visits}, ledger, folder, budget, tell)
        office.timing = timing or TIMING
        under_way = [b for b in batches_of(folder) if not b.over and b.respondent in gatherings]
        for number in itertools.count(1):
            if under_way:
                for batch in under_way:
                    gatherings[batch.respondent].tried.update(list(asked_of(folder, batch)))
                blocking(office.answer(under_way))
            for gathering in gatherings.values():
                gathering.missing = {}
            found = [visit(gatherings[spec.name]) for spec, visit in visits]
            lacking = [g for g in gatherings.values() if g.missing]
            if not lacking:
                return found
            office.agree(number, lacking)
            under_way = blocking(office.plan(lacking))
    raise AssertionError("rounds end when nothing is missing")


class _Office:
    """The batches of one call: planned, submitted, waited for and booked."""

    def __init__(
        self, specs: Mapping[str, RespondentSpec], ledger: Ledger, folder: Path, budget: Budget,
        tell: Tell,
    ):  # fmt: skip
        self.specs, self.ledger, self.folder, self.budget, self.tell = (
            specs, ledger, folder, budget, tell,
        )  # fmt: skip
        self.timing = TIMING
        self.set_aside: dict[str, float | None] = {}
        self.answered: Counter[str] = Counter()

    def agree(self, number: int, lacking: Sequence[Gathering]) -> None:
        """Say what a round costs, and refuse it if that may be too much."""
        most: float | None = 0.0
        for gathering in lacking:
            requests = list(gathering.missing.values())
            likely, bound = estimate(gathering.spec, requests)
            price = batch_price(gathering.spec)
            cost = "cost unknown"
            if price is not None:
                cost = f"likely ${likely:,.2f}, at most ${bound:,.2f} ({price.source})"
            self.tell(
                f"round {number} of {gathering.spec.name}: {len(requests):,} requests, {cost}"
            )
            most = None if most is None or bound is None else most + bound
        if not self.budget.reserve(most):
            raise BudgetError(
                f"this round may cost ${most:,.2f}, and {self._left()} of the limit is left. "
                "Nothing of it was sent, and everything answered is kept.",
                todo="A batch cannot be stopped at a limit, so its bound has to fit: run again "
                "with a higher --max-cost, or ask less (--instrument).",
            )
        self.budget.settle(most, 0.0)  # each batch sets its own share aside

    def _left(self) -> str:
        left = (self.budget.max_cost or 0.0) - self.budget.spent - self.budget.reserved
        return f"${max(0.0, left):,.2f}"

    def _too_dear(self, batch: Batch) -> BudgetError:
        """For a batch of an earlier call, which was planned and is not known to have been sent."""
        return BudgetError(
            f"a batch that was planned earlier may cost ${batch.worst:,.2f}, and {self._left()} of "
            "the limit is left. Nothing was sent now, and everything answered is kept.",
            where=f"respondent {batch.respondent}",
            todo="Run again with a higher --max-cost, or give the batch up with `revealed batch "
            "cancel`: the next round asks what is still wanted.",
        )

    async def plan(self, lacking: Sequence[Gathering]) -> list[Batch]:
        """Write the batches of a round: from here on their requests are in flight."""
        made: list[Batch] = []
        for gathering in lacking:
            spec = gathering.spec
            async with self.ledger.claim(spec.name):
                kept = self.ledger.get(gathering.missing)
                flying = in_flight(self.ledger.path, gathering.missing)
                asked = [
                    Asked(request, kept[key].attempts if key in kept else 0)
                    for key, request in gathering.missing.items()
                    if key not in flying and (key not in kept or kept[key].status == "failed")
                ]
                async for batch, lines, theirs in grouped(spec, asked):
                    earlier = [
                        b for b in batches_of(self.folder)
                        if b.content == batch.content and b.respondent == spec.name
                    ]  # fmt: skip
                    again = batch.model_copy(
                        update={
                            "attempt": 1 + max((b.attempt for b in earlier), default=0),
                            "past": tuple(b.job for b in earlier if b.job),
                        }
                    )
                    made.append(begin(self.folder, again, lines, theirs))
        return made

    async def answer(self, batches: Sequence[Batch]) -> None:
        """Submit batches, one after another, then wait for all of them and read them."""
        # One that was submitted before is paid for already, whether it fits or not.
        for batch in sorted(batches, key=lambda batch: batch.state in UNSENT):
            fits = self.budget.max_cost is None or self.budget.reserve(batch.worst)
            if not fits and batch.state in UNSENT:
                raise self._too_dear(batch)
            self.set_aside[batch.stem] = batch.worst if fits else None
        submitted = []
        for batch in batches:
            worker = BatchWorker(
                batch, self.specs[batch.respondent], self.folder, self.tell, self.timing
            )
            await worker.submit()
            submitted.append(worker.batch)
        found = await asyncio.gather(*map(self._finish, submitted), return_exceptions=True)
        brought: dict[str, list[tuple[Batch, Tally]]] = {}
        for result in found:
            if isinstance(result, BaseException):
                raise result
            brought.setdefault(result[0].respondent, []).append(result)
        for name, results in brought.items():
            self.answered[name] += sum(tally.answered + tally.refused for _, tally in results)
            _refuse_cancelled(name, results)
            if not self.answered[name]:
                _refuse_hopeless(name, results)

    async def _finish(self, batch: Batch) -> tuple[Batch, Tally]:
        spec = self.specs[batch.respondent]
        ended, tally = await advance(
            batch, spec, self.ledger, self.folder, tell=self.tell, timing=self.timing
        )
        if tally is None:
            tally = Tally(ended.answered, ended.refused, ended.failed, cost=ended.cost)
        self.budget.settle(self.set_aside.pop(batch.stem, None), tally.cost)
        return ended, tally


async def grouped(
    spec: RespondentSpec, asked: Sequence[Asked]
) -> AsyncIterator[tuple[Batch, bytes, list[Asked]]]:
    """Requests in files within the provider's limits, in their order.

    Raises
    ------
    RespondentError
        If one request alone is larger than a file may be.
    """
    wanted = spec.batch or Batching()
    most = int(wanted.megabytes * 1e6)
    door = batch_door(spec)
    bodies = Bodies(Door(spec))
    lines, theirs = bytearray(), list[Asked]()
    for one in asked:
        line = await bodies.line(one.request)
        if len(line) > most:
            raise RespondentError(
                f"a request has {len(line):,} bytes, and a batch's file may have {most:,}.",
                where=f"respondent {spec.name}",
                todo="Ask it without batches.",
            )
        if theirs and (len(theirs) >= wanted.requests or len(lines) + len(line) > most):
            yield _batch(spec, door, bytes(lines), theirs)
            lines, theirs = bytearray(), []
        lines += line
        theirs.append(one)
    if theirs:
        yield _batch(spec, door, bytes(lines), theirs)


def _batch(
    spec: RespondentSpec, door: Door, lines: bytes, asked: list[Asked]
) -> tuple[Batch, bytes, list[Asked]]:
    worst = [door.worst_cost(one.request.question) for one in asked]
    batch = Batch(
        respondent=spec.name, model=spec.model, provider=door.provider,
        content=hashlib.sha256(lines).hexdigest(), requests=len(asked), size=len(lines),
        worst=None if None in worst else sum(cost for cost in worst if cost is not None),
    )  # fmt: skip
    return batch, lines, asked


def _refuse_cancelled(name: str, results: Sequence[tuple[Batch, Tally]]) -> None:
    """Stop where somebody said stop."""
    cancelled = [batch for batch, _ in results if batch.status in ("cancelled", "canceled")]
    if cancelled:
        raise RespondentError(
            f"the batch {cancelled[0].job} was cancelled; what it had answered is kept.",
            where=f"respondent {name}",
            todo="The same command asks the rest again.",
        )


def _refuse_hopeless(name: str, results: Sequence[tuple[Batch, Tally]]) -> None:
    """Stop before any answer where another round would be another round of nothing."""
    rejected = [tally.rejected for _, tally in results if tally.rejected]
    failed = sum(tally.failed - tally.expired for _, tally in results)
    if rejected and (failed >= HOPELESS or any(batch.status == "failed" for batch, _ in results)):
        raise RespondentError(
            f"the whole round failed: {rejected[0]}.",
            where=f"respondent {name}",
            todo="Nothing was charged for what was not answered. Where the provider's queue is "
            "full, wait or send smaller files (batch: {requests: 5000} in study.yaml); else check "
            "name and parameters by asking a few questions without --batch.",
        )
