"""A client process for storms: ask numbered questions cell by cell until all are answered.

Arguments of `main`: api_base, ledger, respondent's name, number of questions, questions a cell,
concurrency, time-out in seconds, seconds between jumps of the wall clock (0: none). It says the
number of every cell that it has finished, and ends as the command line does: 0 when done, 128 and
the signal's number when told to stop, an error's own code.

Waits are a fiftieth of what they are elsewhere, so that an hour of trouble fits into minutes.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

from revealed.cli.stopping import told_to_stop
from revealed.foundation.errors import RevealedError
from revealed.respondents import Ledger, Request, RespondentSpec, client, ledger, pace
from revealed.respondents.client import blocking, collect
from revealed.respondents.door import Door, litellm

PRICE = 2.0**-20
"""US dollars an output token; input is free. An answer has one token, a possible bill ten."""
CAP = 10


def spec_of(address: str, name: str, concurrency: int, timeout: float) -> RespondentSpec:
    return RespondentSpec(
        name=name, model=f"openai/{name}", api_base=address, mode="sample", retries=12,
        concurrency=concurrency, timeout=timeout, input_cost_per_token=0.0,
        output_cost_per_token=PRICE,
    )  # fmt: skip


def requests_of(door: Door, numbers: range) -> list[Request]:
    return [
        Request(door.question([{"role": "user", "content": f"Question {n}: A or B?"}], CAP))
        for n in numbers
    ]


def jump(every: float) -> None:
    """Set the wall clock of this process up to a day forward or back, again and again."""
    true = time.time
    offset = 0.0
    time.time = lambda: true() + offset
    rng = random.Random(0)

    def run() -> None:
        nonlocal offset
        while True:
            time.sleep(rng.uniform(0.5, 1.5) * every)
            offset = rng.uniform(-86_400, 86_400)

    threading.Thread(target=run, daemon=True).start()


def main(
    address: str, path: str, name: str, count: str, cell: str, concurrency: str, timeout: str,
    jumps: str,
) -> None:  # fmt: skip
    # A shell has what it starts in the background ignore it, these tests too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    slow = pace.backoff
    client.backoff = lambda attempt, *_: slow(attempt) / 50
    if float(jumps):
        jump(float(jumps))
    spec = spec_of(address, name, int(concurrency), float(timeout))
    door = Door(spec)
    with told_to_stop() as came:
        try:
            with Ledger(Path(path)) as opened:
                missing = True
                while missing:
                    missing = False
                    for start in range(0, int(count), int(cell)):
                        asked = requests_of(door, range(start, min(start + int(cell), int(count))))
                        answers = blocking(collect(asked, spec, opened, progress=False))
                        missing |= any(answer.status != "ok" for answer in answers)
                        print(start, flush=True)
        except RevealedError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(128 + came[0])


def main_into(errors: str, cache: str, *words: str) -> None:
    """As `main`, with what it says in a file of its own, and so many KiB of SQLite's pages kept."""
    if cache:
        ledger._CACHE_KIB = int(cache)
    for stream, mode in ((1, "/dev/null"), (2, errors)):
        os.dup2(os.open(mode, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    main(*words)


litellm()  # here, so that a fork server that imported this module has paid for it

if __name__ == "__main__":
    main(*sys.argv[1:])
