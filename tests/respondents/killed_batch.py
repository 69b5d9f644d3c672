"""Asks by batch in processes that are killed at named points: run as a program, points on stdin.

A line is ``point<TAB>address<TAB>ledger``; each is worked on in a fork of its own, because the
import of LiteLLM takes longer than everything else together.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asking import questions_of

from revealed.respondents import Answer, Budget, Ledger, Request, RespondentSpec
from revealed.respondents.batch import Gathering, Waiting, in_rounds, journal
from revealed.respondents.batch import job as batch_job
from revealed.respondents.batch.remote import Remote
from revealed.respondents.client import blocking, collect
from revealed.respondents.door import litellm
from revealed.respondents.jobs import Timing

QUICK = Timing(grace=0.3, first=0.01, most=0.05, tries=6, patience=2.0, pause=0.01)
QUESTIONS, SAMPLES = 5, 2


def spec_at(address: str, **changes: Any) -> RespondentSpec:
    told: dict[str, Any] = {
        "name": "batched", "model": "openai/m", "api_base": address, "timeout": 5.0,
        "mode": "sample", "batch": True,
    }  # fmt: skip
    return RespondentSpec(**(told | changes))


def ask_by_batch(
    spec: RespondentSpec, ledger: Ledger, requests: Sequence[Request],
    budget: Budget | None = None, told: list[str] | None = None,
) -> list[Answer]:  # fmt: skip
    def visit(gathering: Gathering) -> list[Answer]:
        try:
            return blocking(collect(requests, spec, ledger, progress=False, gathering=gathering))
        except Waiting:
            return []

    tell = (told if told is not None else []).append
    return in_rounds([(spec, visit)], ledger, budget=budget, tell=tell, timing=QUICK)[0]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(point: str) -> None:
    """Make this process end itself at a point: before or after a state, or after a call."""
    when, _, what = point.partition(":")
    keep = journal.write_batch

    def write(folder: Path, made: Any) -> Any:
        if when == "before" and what in (made.state, made.status):
            die()
        written = keep(folder, made)
        if when == "after" and what in (made.state, made.status):
            die()
        return written

    journal.write_batch = batch_job.write_batch = write
    if when == "called":
        call = getattr(Remote, what)

        async def called(self: Remote, *arguments: Any) -> Any:
            await call(self, *arguments)
            die()

        setattr(Remote, what, called)
    if when == "written":
        put = Ledger.put

        def half(self: Ledger, entries: Any) -> None:
            put(self, entries[: len(entries) // 2])
            die()

        Ledger.put = half  # type: ignore[method-assign]


def work(point: str, address: str, path: Path) -> None:
    die_at(point)
    spec = spec_at(address)
    with Ledger(path) as ledger:
        ask_by_batch(spec, ledger, questions_of(spec, QUESTIONS, SAMPLES))


if __name__ == "__main__":
    litellm()
    print("ready", flush=True)
    for line in sys.stdin:
        point, address, path = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            work(point, address, Path(path))
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
