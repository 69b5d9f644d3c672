"""A battery's whole way: open answers, each rated twice, beside the bare client at the same work.

A respondent answers 24 questions 100 times, then one of two judges rates every answer on two
scales: 2,400 and 4,800 requests, through the study's own steps (plan, prompts, client, parsing,
tables). The bare client asks the very same requests of the same server with a new ledger. Server
and client are processes of their own; they take turns, and each figure is the median turn's.

    python benchmarks/battery.py [--samples 100] [--concurrency 50] [--turns 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]
QUESTIONS, SCALES = 24, 2
STUDY = """\
seed: 7
experiments:
  battery: {{instruments: [battery_main], design: questions, samples: {samples}}}
  rating: {{instruments: [alignment_judging, coherence_judging], design: questions, samples: 1}}
respondents:
  - {{name: coder, model: openai/coder, ask: [battery], {common}}}
  - {{name: east, model: openai/judge-east, temperature: 0, ask: [rating], {common}}}
  - {{name: west, model: openai/judge-west, temperature: 0, ask: [rating], {common}}}
conditions:
  - {{name: untouched, base: coder, label: untouched, family: north, respondents: [coder]}}
judges:
  - {{respondent: east, family: east}}
  - {{respondent: west, family: west}}
"""


def serve() -> None:
    """Print the address, serve until standard input closes."""
    sys.path.insert(0, str(ROOT / "tests" / "respondents"))
    from battery_server import play
    from server import Server

    def behave(body: dict[str, Any], seen: int) -> Any:
        # What a judge says depends on the question, not on how often it was asked.
        return play(body, seen if not body["model"].startswith("judge") else 0)

    with Server(behave) as server:
        print(server.url, flush=True)
        sys.stdin.read()


def work(way: str, url: str, samples: int, concurrency: int) -> list[dict[str, Any]]:
    """One way's turn in this process."""
    from revealed.respondents import client
    from revealed.respondents.door import litellm
    from revealed.respondents.ledger import Ledger
    from revealed.study import open_run
    from revealed.study.steps import elicit_respondent, follow_up

    litellm()
    _warm_up(url)
    rows: list[dict[str, Any]] = []
    asked: list[tuple[list[Any], Any]] = []

    def timed(what: str, count: int, do: Callable[[], Any]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        do()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rows.append(
            {
                "what": what, "requests": count, "requests_per_second": count / wall,
                "cpu_ms_per_request": 1000 * cpu / count,
            }
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "data").mkdir()
        for name in ("instruments", "published", "sources.yaml"):
            (root / "data" / name).symlink_to(ROOT / "data" / name)
        common = (
            f'api_base: "{url}", concurrency: {concurrency}, input_cost_per_token: 1e-6, '
            "output_cost_per_token: 4e-6"
        )
        (root / "study.yaml").write_text(STUDY.format(samples=samples, common=common))
        os.chdir(root)
        os.environ["REVEALED_ROOT"] = str(root)
        run = open_run("benchmark")
        ours = client.collect

        async def noted(requests: Any, spec: Any, ledger: Any, **told: Any) -> Any:
            asked.append((list(requests), spec))
            return await ours(requests, spec, ledger, **told)

        if way == "client":  # the same requests, found out by a first pass that is not timed
            from revealed.respondents import ask

            ask.collect = noted
        answers = QUESTIONS * samples
        steps = {
            "answers": (answers, lambda: elicit_respondent(run, "coder", progress=False)),
            "ratings": (SCALES * answers, lambda: follow_up(run, "east", progress=False)),
        }
        for what, (count, do) in steps.items():
            asked.clear()
            if way == "study":
                timed(what, count, do)
                continue
            do()
            with Ledger(root / f"{what}.sqlite") as ledger:

                def again(ledger: Ledger = ledger) -> None:
                    for requests, spec in asked:
                        client.blocking(ours(requests, spec, ledger, progress=False))

                total = sum(len(requests) for requests, _ in asked)
                timed(what, total, again)
    for row in rows:
        row["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return rows


def _warm_up(url: str) -> None:
    """What only the first request costs is neither way's."""
    from revealed.respondents import Ledger, Request, RespondentSpec
    from revealed.respondents.client import blocking, collect
    from revealed.respondents.door import Door

    spec = RespondentSpec(name="warm", model="openai/warm", api_base=url)
    question = Door(spec).question([{"role": "user", "content": "Ready?"}], 10)
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.sqlite") as ledger:
        requests = [Request(question, sample) for sample in range(20)]
        blocking(collect(requests, spec, ledger, progress=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100, help="answers to each of 24 questions")
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--way", choices=("study", "client", "server"), help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.way == "server":
        serve()
        return
    if told.way:
        print(json.dumps(work(told.way, told.url, told.samples, told.concurrency)))
        return
    load = os.getloadavg()[0]
    turns: dict[tuple[str, str], list[dict[str, Any]]] = {}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for way in ("study", "client") * told.turns:
        # A server of its own a turn: it remembers what it was asked.
        server = subprocess.Popen(
            [sys.executable, str(HERE), "--way", "server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        done = subprocess.run(
            [
                sys.executable, str(HERE), "--way", way, "--url", url,
                "--samples", str(told.samples), "--concurrency", str(told.concurrency),
            ],
            capture_output=True, text=True, env=environment,
        )  # fmt: skip
        server.stdin.close()
        server.wait(10)
        if done.returncode:
            sys.exit(f"{way} failed:\n{done.stderr}")
        for row in json.loads(done.stdout.splitlines()[-1]):
            turns.setdefault((way, row["what"]), []).append(row)
    names = {"study": "the study's steps", "client": "the client alone"}
    rows = []
    for (way, what), found in turns.items():
        beside = turns["client", what]
        rows.append(
            {
                "way": names[way], "what": what, "requests": found[0]["requests"],
                **{
                    key: statistics.median(row[key] for row in found)
                    for key in ("requests_per_second", "cpu_ms_per_request", "peak_memory_mib")
                },
                "rate_over_client": statistics.median(
                    mine["requests_per_second"] / theirs["requests_per_second"]
                    for mine, theirs in zip(found, beside, strict=True)
                ),
            }
        )  # fmt: skip
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python benchmarks/battery.py --samples {told.samples} "
        f"--concurrency {told.concurrency} --turns {told.turns}",
        "versions": {"litellm": version("litellm")},
        "load_average_at_start": load,
        "rows": rows,
    }
    if told.json:
        told.json.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
