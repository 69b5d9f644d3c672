"""Fine-tunes in processes that are killed at named points: run as a program, told points on stdin.

A line is ``point<TAB>address<TAB>state file``; each is worked on in a fork of its own, because the
import of LiteLLM takes longer than everything else together.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from revealed.respondents import RespondentSpec
from revealed.respondents.door import litellm
from revealed.respondents.tuning import Timing, advance, job, job_of, read_job
from revealed.respondents.tuning.remote import Remote

CONTENT = b'{"messages": [{"role": "user", "content": "A or B?"}]}\n'
QUICK = Timing(grace=0.3, first=0.01, most=0.05, tries=6, patience=2.0, pause=0.01)


def spec_at(address: str, **changes: Any) -> RespondentSpec:
    told = {"name": "base", "model": "openai/m", "api_base": address, "timeout": 5.0}
    return RespondentSpec(**{**told, **changes})


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(point: str) -> None:
    """Make this process end itself at a point: before or after a state, or after a call."""
    when, _, what = point.partition(":")
    keep = job.write_job

    def write(made: Any, path: Path) -> Any:
        if when == "before" and what in (made.state, made.status):
            die()
        written = keep(made, path)
        if when == "after" and what in (made.state, made.status):
            die()
        return written

    job.write_job = write
    if when == "called":
        call = getattr(Remote, what)

        async def called(self: Remote, *arguments: Any) -> Any:
            await call(self, *arguments)
            die()

        setattr(Remote, what, called)


def work(point: str, address: str, path: Path) -> None:
    die_at(point)
    made = read_job(path) or job_of("base", "openai/m", "openai", CONTENT, 1, 10, 3, None)
    asyncio.run(advance(made, spec_at(address), path, CONTENT, timing=QUICK))


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
