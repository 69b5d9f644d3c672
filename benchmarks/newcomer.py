"""What a newcomer's steps take: from a clone to a page about one model, by key, Ollama and vLLM.

Does what *Rerun it* says, in a temporary folder with an empty home: no package and no answer is
there beforehand. The clone comes from this checkout, so the network's time to fetch it is not in;
packages come through pip and uv as for anybody. In the place of each model stands a server on
loopback that lets every answer wait (`respondents/stand_ins.py` among the tests); how long a real
one takes is its own affair. A look at the same model a second time asks nothing.

    python benchmarks/newcomer.py [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "respondents"))

from stand_ins import OLLAMA, OPENAI, VLLM, StandIn, ollama, openai, vllm  # noqa: E402

WAITS = {"a key": 1.0, "Ollama": 0.5, "vLLM": 0.5}
"""Seconds that every answer waits: a hosted model's second; half of it where a model is near."""

CALLS = {
    "a key": "read -rs OPENAI_API_KEY; export OPENAI_API_KEY; "
    f".venv/bin/revealed try openai/{OPENAI} --max-cost 0.50",
    "Ollama": f"ollama pull {OLLAMA}; .venv/bin/revealed try ollama_chat/{OLLAMA}",
    "vLLM": f".venv/bin/revealed try hosted_vllm/{VLLM} --api-base http://localhost:8001/v1",
}


@contextmanager
def at_home(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody who has never been here."""
    (folder / "home").mkdir()
    (folder / "bin").mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_API_KEY")
        and not name.startswith(("REVEALED_", "OMP_", "PYTHON", "XDG_", "VIRTUAL_ENV"))
        and name not in ("UV_CACHE_DIR", "PIP_CACHE_DIR")
    }
    outside = [p for p in os.environ["PATH"].split(os.pathsep) if not p.startswith(str(ROOT))]
    path = os.pathsep.join([str(folder / "bin"), *outside])
    yield {**kept, "HOME": str(folder / "home"), "PATH": path}


def step(
    command: str, where: Path, environment: dict[str, str], other: StandIn | None = None
) -> tuple[float, str]:
    """Seconds of a command, typed where a person would type, and what it said."""
    other = other or StandIn(None)
    for address, instead in other.instead.items():
        command = command.replace(address, instead)
    typing, terminal = os.openpty()
    os.write(typing, other.typed.encode())
    started = time.perf_counter()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=where, stdin=terminal,
        env=environment | other.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    os.close(typing)
    os.close(terminal)
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return seconds, done.stdout


def measure(folder: Path) -> list[dict[str, Any]]:
    """A row a step."""
    rows: list[dict[str, Any]] = []

    def note(what: str, seconds: float, requests: int | str = "", wait: float | str = "") -> None:
        load = round(os.getloadavg()[0], 1)
        rows.append({"step": what, "seconds": round(seconds, 1), "questions asked": requests,
                     "seconds an answer waits": wait, "load": load})  # fmt: skip
        print(f"{what:<44} {seconds:6.1f} s  load {load}", flush=True)

    with at_home(folder) as environment:
        clone, _ = step(f"git clone -q '{ROOT}' revealed", folder, environment)
        note("git clone (here without a network)", clone)
        checkout = folder / "revealed"
        install, _ = step("make install", checkout, environment)
        note("make install", install)
        for way, command in CALLS.items():
            wait = WAITS[way]
            made = {"a key": openai, "vLLM": vllm}.get(way)
            with made(wait) if made else ollama(folder / "bin", wait) as other:
                before = asked(other)
                seconds, said = step(command, checkout, environment, other)
                check(checkout, said)
                requests = asked(other) - before
                note(f"a page with {way}", seconds, requests, wait)
                note(f"together, with {way}", clone + install + seconds)
                again, _ = step(command, checkout, environment, other)
                assert asked(other) - before == requests, "something was asked twice"
                note(f"the same once more, with {way}", again, 0)
    return rows


def asked(other: StandIn) -> int:
    """Questions that came to a stand-in."""
    server = other.server
    assert server is not None
    return server.total if hasattr(server, "total") else len(server.asked)


def check(checkout: Path, said: str) -> None:
    """The page is there, and is about a model that can be measured."""
    line = next(line for line in said.splitlines() if line.startswith("The page is at "))
    page = checkout / line.removeprefix("The page is at ")
    assert "is measurable" in page.read_text(encoding="utf-8"), page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--machine", help="What to call this machine.")
    parser.add_argument("--folder", type=Path, help="Keep what is made there.")
    given = parser.parse_args()
    place = nullcontext(given.folder) if given.folder else tempfile.TemporaryDirectory()
    with place as folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        rows = measure(Path(folder))
    made = {
        "machine": given.machine
        or f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "date": date.today().isoformat(),
        "command": "python benchmarks/newcomer.py",
        "rows": rows,
    }
    if given.json:
        given.json.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
