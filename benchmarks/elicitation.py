"""What the client costs: requests a second and CPU a request against plain ways of asking.

Everybody asks the same questions of the same server on loopback, one process each, in one run:
aiohttp (the bare protocol), the openai client, inspect_ai (from a Python that has it), plain
LiteLLM, LiteLLM as our door sets it up (its own log lines off, its tables out of the garbage
collector's way), and ours (that plus ledger, claims, pacing, retries and parsing), also with a cost
limit that processes share. The last contender is a simulated respondent in process, through all of
it. They take turns, so that a busy machine is busy for all; each figure is the median turn's.

Then what is ours is taken apart: everything but LiteLLM and the network, whose place a door takes
that answers at once; and the same without one part each, put together here.

    python benchmarks/elicitation.py [--requests 1000] [--concurrency 50 200] [--turns 5]
                                     [--inspect PYTHON] [--delay 0] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
SERVER = HERE.parents[1] / "tests" / "respondents" / "server.py"
CONTENDERS = {
    "aiohttp": "aiohttp, bare", "openai": "openai client", "inspect": "inspect_ai",
    "litellm": "LiteLLM", "settings": "LiteLLM, our settings", "revealed": "Revealed",
    "limited": "Revealed, with a cost limit",
    "simulated": "Revealed, simulated respondent",
}  # fmt: skip
PARTS = {
    "all": "all that is ours", "ledger": "without the ledger", "claims": "without claims",
    "pace": "without pacing", "parsing": "without parsing",
    "retry": "with every tenth request tried twice", "limit": "with a cost limit",
}  # fmt: skip
ADDED = ("retry", "limit")
"""Parts that are measured by adding them; the others are left out."""
PRICED = {"input_cost_per_token": 1e-7, "output_cost_per_token": 1e-7}


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


async def with_inspect(url: str, count: int, concurrency: int, start: Callable[[], None]) -> None:
    from inspect_ai.model import ChatMessageUser, GenerateConfig, get_model

    config = GenerateConfig(
        max_connections=concurrency, max_retries=0, temperature=1.0, max_tokens=10
    )
    # A name that it knows, or it would take the model for one that reasons.
    model = get_model(
        "openai/gpt-4o", base_url=url, api_key="none", config=config, responses_api=False
    )

    async def one(n: int) -> None:
        reply = await model.generate([ChatMessageUser(content=messages(n)[0]["content"])])
        assert reply.completion in ("A", "B")

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
    url: str, count: int, concurrency: int, start: Callable[[], None], *,
    model: str = "openai/m", limit: float | None = None, parsing: bool = True,
) -> None:  # fmt: skip
    from revealed.instruments import load_arm, load_instrument, render
    from revealed.respondents import Ledger, Request, RespondentSpec
    from revealed.respondents.client import collect
    from revealed.respondents.door import Door
    from revealed.respondents.elicit import count as counted

    simulated = model.startswith("simulated/")
    spec = RespondentSpec(
        name="benchmark", model=model, api_base=None if simulated else url,
        concurrency=concurrency, **(PRICED if limit else {}),
    )  # fmt: skip
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
        budget = ledger.budget(limit)
        await collect(requests(0, 50)[0], spec, ledger, budget=budget, progress=False)
        start()
        made, prompts = requests(50, 50 + count)
        answers = await collect(made, spec, ledger, budget=budget, progress=False)
        assert {answer.status for answer in answers} == {"ok"}
        for n, prompt in enumerate(prompts if parsing else ()):
            counts = counted(answers[5 * n : 5 * n + 5], prompt)
            assert counts["n_first"] + counts["n_second"] == 5


async def in_part(part: str, count: int, concurrency: int, start: Callable[[], None]) -> None:
    """Everything that is ours, put together anew without one part; no network, no LiteLLM."""
    from revealed.respondents import client, ledger
    from revealed.respondents.ledger import Answer
    from revealed.respondents.trouble import Trouble

    class AtOnce(client.Door):
        tries = 0

        async def ask(self, request: Any) -> Answer:
            await asyncio.sleep(0)
            AtOnce.tries += 1
            if part == "retry" and AtOnce.tries % 11 == 0:
                raise Trouble("retry", "told to fail", retry_after=0.0)
            return Answer(
                request.key, "ok", "A", finish_reason="stop", prompt_tokens=100,
                completion_tokens=1, cost=1e-5, latency=0.1, returned_model="m-0613",
            )  # fmt: skip

    class Alone:
        share = 1.0

        def __init__(self, *_: Any): ...

        def claim(self, keys: list[str], done: Any) -> set[str]:
            return set(keys)

        def beat(self, *_: Any) -> bool:
            return True

        def leave(self) -> None: ...

    class Unpaced(client.Pace):
        places = concurrency

        def wait(self, now: float) -> float:
            return 0.0

        def sent(self) -> None: ...

        def answered(self) -> None: ...

    async def nothing(self: Any, entry: Any) -> None:
        await asyncio.sleep(0)

    client.Door = AtOnce
    if part == "claims":
        client.Member = Alone
    if part == "pace":
        client.Pace = Unpaced
    if part == "ledger":
        ledger.Ledger.put_soon = nothing
        ledger.Ledger.get = lambda self, keys: {}
    await with_ours(
        "http://127.0.0.1:1/v1", count, concurrency, start,
        limit=1000.0 if part == "limit" else None, parsing=part != "parsing",
    )  # fmt: skip


def contend(name: str, url: str, count: int, concurrency: int) -> dict[str, float]:
    """Run one contender, or what is ours without one part, in this process."""
    marks: dict[str, float] = {}
    if name == "settings":
        from revealed.respondents.door import litellm

        litellm()

    def start() -> None:
        marks["wall"], marks["cpu"] = time.perf_counter(), time.process_time()

    if name.startswith("part:"):
        run = in_part(name.removeprefix("part:"), count, concurrency, start)
    elif name == "simulated":
        run = with_ours(url, count, concurrency, start, model="simulated/coherent")
    elif name == "limited":
        run = with_ours(url, count, concurrency, start, limit=1000.0)
    else:
        ways = {
            "aiohttp": with_aiohttp, "openai": with_openai, "inspect": with_inspect,
            "litellm": with_litellm, "settings": with_litellm, "revealed": with_ours,
        }  # fmt: skip
        run = ways[name](url, count, concurrency, start)
    asyncio.run(run)
    wall = time.perf_counter() - marks["wall"]
    cpu = time.process_time() - marks["cpu"]
    return {
        "requests_per_second": count / wall,
        "cpu_ms_per_request": 1000 * cpu / count,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def turn(name: str, url: str, count: int, concurrency: int, python: str) -> dict[str, float] | str:
    """One turn in a process of its own; the reason if there is none."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [
        python, str(HERE), "--contender", name, "--url", url,
        "--requests", str(count), "--concurrency", str(concurrency),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode == 0:
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return found
    if name == "inspect":
        return done.stderr.strip().splitlines()[-1]
    sys.exit(f"{name} failed:\n{done.stderr}")


def median(turns: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(each[key] for each in turns) for key in turns[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--delay", type=float, default=0.0, help="seconds the server thinks")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--inspect", default=sys.executable, help="a Python that has inspect_ai")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.contender:
        found = contend(told.contender, told.url, told.requests, told.concurrency[0])
        print(json.dumps(found))
        return
    load = os.getloadavg()[0]
    server = subprocess.Popen(
        [sys.executable, str(SERVER), str(told.delay)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    rows: list[dict[str, Any]] = []
    try:
        for concurrency in told.concurrency:
            turns: dict[str, list[dict[str, float]]] = {}
            skipped: dict[str, str] = {}
            for name in [*CONTENDERS] * told.turns:
                python = told.inspect if name == "inspect" else sys.executable
                got = turn(name, url, told.requests, concurrency, python)
                if isinstance(got, str):
                    skipped[name] = got
                else:
                    turns.setdefault(name, []).append(got)
            rows += [
                {"concurrency": concurrency, "what": CONTENDERS[name], "skipped": why}
                for name, why in skipped.items()
            ]
            plain = turns["litellm"]
            for name, own in turns.items():
                # Of neighbouring turns, so that what else the machine did touches both alike.
                pace = [
                    mine["requests_per_second"] / theirs["requests_per_second"]
                    for mine, theirs in zip(own, plain, strict=True)
                ]
                rows.append(
                    {
                        "concurrency": concurrency, "what": CONTENDERS[name], **median(own),
                        "rate_over_litellm": statistics.median(pace),
                        "rate_over_litellm_by_turn": [round(each, 3) for each in pace],
                    }
                )  # fmt: skip
        shares: dict[str, list[dict[str, float]]] = {}
        for part in [*PARTS] * told.turns:
            got = turn(f"part:{part}", "", 10 * told.requests, told.concurrency[0], sys.executable)
            assert not isinstance(got, str)
            shares.setdefault(part, []).append(got)
        whole = median(shares["all"])["cpu_ms_per_request"]
        plain_cpu = next(
            row["cpu_ms_per_request"] for row in rows
            if row["what"] == "LiteLLM" and row["concurrency"] == told.concurrency[0]
        )  # fmt: skip
        for part, own in shares.items():
            cpu = median(own)["cpu_ms_per_request"]
            # Below zero where it is less than what one turn differs from another.
            share = cpu if part == "all" else cpu - whole if part in ADDED else whole - cpu
            rows.append(
                {
                    "concurrency": told.concurrency[0], "what": PARTS[part], **median(own),
                    "part_ms_per_request": share, "part_over_litellm_cpu": share / plain_cpu,
                }
            )  # fmt: skip
    finally:
        server.stdin.close()
        server.wait(10)
    command = f"python benchmarks/elicitation.py --requests {told.requests} --turns {told.turns}"
    command += " --concurrency " + " ".join(map(str, told.concurrency))
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "date": datetime.now(UTC).date().isoformat(),
        "command": command + (" --inspect PYTHON" if told.inspect != sys.executable else ""),
        "versions": {name: version(name) for name in ("litellm", "openai", "aiohttp")}
        | {"inspect_ai": _version(told.inspect)},
        "server_delay_s": told.delay,
        "load_average_at_start": load,
        "rows": rows,
    }
    if told.json:
        told.json.write_text(json.dumps(report, indent=1) + "\n")
    for row in rows:
        print("  ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))


def _version(python: str) -> str | None:
    code = "import importlib.metadata as m; print(m.version('inspect_ai'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or None


if __name__ == "__main__":
    main()
