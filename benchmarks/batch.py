"""What asking by batch costs us: files built, answers read back, beside the provider's own time.

The rows are our overhead for 10,000 requests (two samples of each question): the bodies and the
file, the journal, and the answers from the result file into the ledger. Nothing is sent anywhere.

    python benchmarks/batch.py [--requests 10000] [--turns 3]     writes benchmarks/batch.json
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from revealed.instruments import load_arm, load_instrument, render
from revealed.respondents import Ledger, Request, RespondentSpec
from revealed.respondents.batch.bodies import Bodies
from revealed.respondents.batch.job import batch_door
from revealed.respondents.batch.journal import Asked, asked_of, begin, folder_of, in_flight
from revealed.respondents.batch.results import read_results
from revealed.respondents.batch.rounds import grouped
from revealed.respondents.door import Door, litellm

SPEC = RespondentSpec(name="benchmark", model="openai/gpt-4o-2024-08-06", mode="sample", batch=True)


def requests(count: int, logprob: bool) -> list[Request]:
    door, arm = Door(SPEC), load_arm("forced")
    texts = list(load_instrument("outcomes").items["text"])
    made = []
    for n in range(count // 2):
        first, second = texts[n % len(texts)], texts[(7 * n + 1 + n // len(texts)) % len(texts)]
        prompt = render(arm, first, second)
        question = door.question(prompt.messages, prompt.max_tokens, logprob=logprob)
        made += [Request(question, sample) for sample in (0, 1)]
    return made


def reply(request: Request, logprob: bool) -> bytes:
    tops = [{"token": t, "logprob": -0.7, "bytes": [65]} for t in "ABCDEFGHIJKLMNOPQRST"]
    content = [{**tops[0], "top_logprobs": tops}] if logprob else None
    body = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": content and {"content": content},
            "message": {"role": "assistant", "content": "A", "refusal": None},
        }],
        "usage": {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101},
    }  # fmt: skip
    response = {"status_code": 200, "request_id": "r", "body": body}
    return json.dumps({"custom_id": request.key, "response": response, "error": None}).encode()


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of wall and of CPU time, and what came of it."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


async def files(asked: list[Asked]) -> list[Any]:
    return [made async for made in grouped(SPEC, asked)]


async def each_through_litellm(made: list[Request]) -> None:
    for request in made:
        await Bodies(Door(SPEC)).body(request.question)


def measure(count: int, logprob: bool) -> dict[str, tuple[float, float]]:
    made = requests(count, logprob)
    asked = [Asked(request, 0) for request in made]
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "l.sqlite") as ledger:
        path = folder_of(ledger.path)
        *times, groups = timed(lambda: asyncio.run(files(asked)))
        found["build the file"] = tuple(times)
        ((batch, lines, theirs),) = groups
        *times, batch = timed(lambda: begin(path, batch, lines, theirs))
        found["keep it in the journal"] = tuple(times)
        *times, flying = timed(lambda: in_flight(ledger.path, [r.key for r in made]))
        found["look which requests are in flight"] = tuple(times)
        assert len(flying) == count
        content = b"\n".join(reply(request, logprob) for request in made)
        *times, back = timed(lambda: asked_of(path, batch))
        found["read the journal back"] = tuple(times)
        door = batch_door(SPEC)
        *times, tally = timed(
            lambda: asyncio.run(read_results([content], back, door, ledger, "missing"))
        )
        found["read the answers into the ledger"] = tuple(times)
        assert tally.answered == count
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=3)
    told = parser.parse_args()
    os.environ["OPENAI_API_KEY"] = "none"
    litellm()
    measure(100, False)
    scale = 10_000 / told.requests
    rows: list[dict[str, Any]] = []

    def add(answers: str, step: str, **seconds: float) -> None:
        row = {"answers": answers, "step": step, "requests": 10_000}
        rows.append(row | {name: round(value, 4) for name, value in seconds.items()})

    for kind, logprob in (("sampled answers", False), ("log-probabilities, 20 tokens", True)):
        turns = [measure(told.requests, logprob) for _ in range(told.turns)]
        whole = [0.0, 0.0]
        for step in turns[0]:
            best = min((turn[step] for turn in turns), key=lambda times: times[1])
            wall, cpu = (scale * value for value in best)
            add(kind, step, seconds=wall, cpu_seconds=cpu)
            whole = [whole[0] + wall, whole[1] + cpu]
        add(kind, "together", seconds=whole[0], cpu_seconds=whole[1])
    some = requests(200, False)
    _, cpu, _ = timed(lambda: asyncio.run(each_through_litellm(some)))
    each = cpu * 10_000 / len(some)
    add("sampled answers", "for comparison: every body by LiteLLM, a client each", cpu_seconds=each)
    result = {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}",
        "date": datetime.date.today().isoformat(),
        "command": f"python benchmarks/batch.py --requests {told.requests} --turns {told.turns}",
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rows": rows,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    for row in rows:
        sys.stdout.write(f"{row['answers']:<30} {row['step']:<52} {row['cpu_seconds']:>8.2f} s\n")


if __name__ == "__main__":
    main()
