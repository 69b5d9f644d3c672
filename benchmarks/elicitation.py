"""What the client costs: requests a second, CPU and memory against plain ways of asking.

Everybody asks the same questions of the same server on loopback, one process each, in one run:
aiohttp (the bare protocol), the openai client, plain LiteLLM, and ours (LiteLLM plus ledger,
budget, pacing and parsing). The last row is a simulated respondent in process, through all of it.
The contenders take turns; of each, the turn with the least CPU time is shown.

    python benchmarks/elicitation.py [--requests 1000] [--concurrency 50] [--delay 0] [--turns 3]
                                     [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
SERVER = HERE.parents[1] / "tests" / "respondents" / "server.py"
CONTENDERS = ("aiohttp", "openai", "litellm", "revealed", "simulated")


def messages(n: int) -> list[dict[str, str]]:
    filler = "Each of the two statements below implies a state of the world. " * 6
    return [{"role": "user", "content": f"Question {n}. {filler} A or B?"}]


async def many(one: Callable[[int], Awaitable[Any]], count: int, concurrency: int) -> None:
    """`one(n)` for every n, at most `concurrency` at a time."""
    numbers = iter(range(count))

    async def worker() -> None:
        for n in numbers:
            await one(n)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


async def with_aiohttp(url: str, count: int, concurrency: int, start: Callable[[], None]) -> None:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(n: int) -> None:
            body = {"model": "m", "messages": messages(n), "temperature": 1.0, "max_tokens": 10}
            async with session.post(f"{url}/chat/completions", json=body) as reply:
                assert (await reply.json())["choices"][0]["message"]["content"] in ("A", "B")

        await many(one, 50, concurrency)
        start()
        await many(one, count, concurrency)


async def with_openai(url: str, count: int, concurrency: int, start: Callable[[], None]) -> None:
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)

    async def one(n: int) -> None:
        reply = await client.chat.completions.create(
            model="m", messages=messages(n), temperature=1.0, max_tokens=10
        )
        assert reply.choices[0].message.content in ("A", "B")

    await many(one, 50, concurrency)
    start()
    await many(one, count, concurrency)


async def with_litellm(url: str, count: int, concurrency: int, start: Callable[[], None]) -> None:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"
    import litellm

    async def one(n: int) -> None:
        reply = await litellm.acompletion(
            model="openai/m", api_base=url, api_key="none", max_retries=0,
            messages=messages(n), temperature=1.0, max_tokens=10,
        )  # fmt: skip
        assert reply.choices[0].message.content in ("A", "B")

    await many(one, 50, concurrency)
    start()
    await many(one, count, concurrency)


async def with_ours(
    url: str, count: int, concurrency: int, start: Callable[[], None], model: str = "openai/m"
) -> None:
    from revealed.instruments import load_arm, load_instrument, render
    from revealed.respondents import Ledger, Request, RespondentSpec
    from revealed.respondents.client import collect
    from revealed.respondents.door import Door
    from revealed.respondents.elicit import count as counted

    simulated = model.startswith("simulated/")
    spec = RespondentSpec(
        name="benchmark", model=model, api_base=None if simulated else url, concurrency=concurrency
    )
    door = Door(spec)
    texts = load_instrument("outcomes").items["text"]
    arm = load_arm("forced")

    def requests(first: int, last: int) -> tuple[list[Request], list[Any]]:
        # Five answers a question, as an experiment has them.
        pairs = [(n, 7 * n + 1 + n // len(texts)) for n in range(first // 5, last // 5)]
        prompts = [render(arm, *(texts.iloc[i % len(texts)] for i in pair)) for pair in pairs]
        asked = [door.question(p.messages, p.max_tokens) for p in prompts]
        made = [Request(q, s, s if simulated else None) for q in asked for s in range(5)]
        return made, prompts

    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.sqlite") as ledger:
        await collect(requests(0, 50)[0], spec, ledger, progress=False)
        start()
        made, prompts = requests(50, 50 + count)
        answers = await collect(made, spec, ledger, progress=False)
        for n, prompt in enumerate(prompts):
            counts = counted(answers[5 * n : 5 * n + 5], prompt)
            assert counts["n_first"] + counts["n_second"] == 5


def contend(name: str, url: str, count: int, concurrency: int) -> dict[str, float]:
    """Run one contender in this process."""
    marks: dict[str, float] = {}

    def start() -> None:
        marks["wall"], marks["cpu"] = time.perf_counter(), time.process_time()

    if name == "simulated":
        run = with_ours(url, count, concurrency, start, "simulated/coherent")
    else:
        ways = {"aiohttp": with_aiohttp, "openai": with_openai, "litellm": with_litellm}
        run = ways.get(name, with_ours)(url, count, concurrency, start)
    asyncio.run(run)
    wall = time.perf_counter() - marks["wall"]
    cpu = time.process_time() - marks["cpu"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "requests_per_second": count / wall,
        "cpu_ms_per_request": 1000 * cpu / count,
        "requests_per_cpu_second": count / cpu,
        "peak_memory_mib": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds the server thinks")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.contender:
        print(json.dumps(contend(told.contender, told.url, told.requests, told.concurrency)))
        return
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, str(SERVER), str(told.delay)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    results: dict[str, dict[str, float]] = {}
    try:
        for name in CONTENDERS * told.turns:
            command = [
                sys.executable, str(HERE), "--contender", name, "--url", url,
                "--requests", str(told.requests), "--concurrency", str(told.concurrency),
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            if done.returncode:
                sys.exit(f"{name} failed:\n{done.stderr}")
            row = json.loads(done.stdout.splitlines()[-1])
            best = results.get(name, row)
            results[name] = min(row, best, key=lambda r: r["cpu_ms_per_request"])
    finally:
        server.stdin.close()
        server.wait(10)
    ours = results["revealed"]["cpu_ms_per_request"]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    report = {
        "machine": machine,
        "versions": {name: version(name) for name in ("litellm", "openai", "aiohttp")},
        "requests": told.requests,
        "concurrency": told.concurrency,
        "server_delay_s": told.delay,
        "turns": told.turns,
        "load_average": os.getloadavg()[0],
        "results": results,
        "cpu_overhead_against": {
            name: ours / results[name]["cpu_ms_per_request"]
            for name in ("litellm", "openai", "aiohttp")
        },
    }
    if told.json:
        print(json.dumps(report, indent=1))
        return
    print(f"{report['machine']}; {told.requests} requests, {told.concurrency} at once")
    print(f"{'':12}{'requests/s':>12}{'CPU ms each':>13}{'per CPU s':>11}{'peak MiB':>10}")
    for name, row in results.items():
        print(
            f"{name:12}{row['requests_per_second']:12.0f}{row['cpu_ms_per_request']:13.2f}"
            f"{row['requests_per_cpu_second']:11.0f}{row['peak_memory_mib']:10.0f}"
        )
    for name, ratio in report["cpu_overhead_against"].items():
        print(f"CPU a request, ours against {name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
