"""An hour of trouble in minutes: what of a storm of faults and kills is lost, or paid twice.

Two processes ask the same numbered questions of a server on loopback that misbehaves in a dozen
ways, and share the work and the ledger. One is killed, told to stop or interrupted every few
seconds and started again at once, the other every few minutes, so that its memory can be watched;
their wall clocks jump by up to a day. Every good answer carries a serial number, so the server's
log and the ledger are compared answer by answer. Then a ledger's disk is filled, and its folder
made read-only.

Waits between tries are a fiftieth of what they are elsewhere and the time-out is 3 s instead of
60, so that 36,000 answers take minutes: nominally an hour at a limit of 600 requests a minute.

    python benchmarks/storm.py [--requests 36000] [--rate 0.08] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve()
TESTS = HERE.parents[1] / "tests" / "respondents"
sys.path.insert(0, str(TESTS))
os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])

from server import Server  # noqa: E402
from storm_client import main_into  # noqa: E402
from storm_server import Account, Storm, account  # noqa: E402

from revealed.respondents.journal import journal_of  # noqa: E402
from revealed.respondents.ledger_check import check  # noqa: E402

CONCURRENCY, CELL, TIMEOUT = 32, 500, 3.0
RESPONDENT = "storm"
CONTEXT = multiprocessing.get_context("forkserver")
SIGNS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
WARM = 15.0
"""Seconds of a life that are left out of the slope of its memory: imports, first connections."""


@dataclass
class Client:
    """A process that asks, and its earlier lives."""

    name: str
    url: str
    ledger: Path
    count: int
    between: tuple[float, float]
    """Seconds from one stop to the next."""
    rng: random.Random
    process: BaseProcess | None = None
    born: float = 0.0
    dies: float = 0.0
    life: int = -1
    stops: dict[str, int] = field(default_factory=dict)
    slowest_stop: float = 0.0
    memory: list[tuple[int, float, float, float]] = field(default_factory=list)
    """Life, seconds, answers of both so far, MiB."""
    cache: str = ""

    @property
    def errors(self) -> Path:
        """What its last life said; a file, since a pipe that nobody reads stops who writes."""
        return self.ledger.with_name(f"{self.name}.txt")

    def start(self) -> None:
        words = [self.url, self.ledger, RESPONDENT, self.count, CELL, CONCURRENCY, TIMEOUT, 5.0]
        self.process = CONTEXT.Process(
            target=main_into, args=[str(self.errors), self.cache, *map(str, words)]
        )
        self.process.start()
        self.born = time.monotonic()
        self.dies = self.born + self.rng.uniform(*self.between)
        self.life += 1

    def stop(self) -> None:
        assert self.process is not None
        assert self.process.pid is not None
        sign = SIGNS[self.life % len(SIGNS)]
        told = time.monotonic()
        os.kill(self.process.pid, sign)
        self.process.join(60)
        code = self.process.exitcode
        if code == 0:
            return
        wanted = -9 if sign is signal.SIGKILL else 128 + sign
        if code != wanted:
            raise SystemExit(f"{self.name} ended with {code} after {sign!r}: {self.said()}")
        self.stops[sign.name] = self.stops.get(sign.name, 0) + 1
        self.slowest_stop = max(self.slowest_stop, time.monotonic() - told)

    def said(self) -> str:
        return self.errors.read_text(errors="replace")[-2000:]

    def sample(self, answered: int) -> None:
        assert self.process is not None
        age = time.monotonic() - self.born
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return
        if age > WARM and pages:
            mebibytes = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
            self.memory.append((self.life, age, float(answered), mebibytes))


def slope(memory: list[tuple[int, float, float, float]], seed: int = 0) -> dict[str, float]:
    """MiB a thousand answers, one line a life with an intercept of its own, by least squares.

    The 95 % interval resamples blocks of 15 samples (15 s) of a life's residuals with their
    places, since memory moves slowly.
    """
    lives = sorted({row[0] for row in memory})
    parts = []
    for life in lives:
        rows = np.array([row[2:] for row in memory if row[0] == life])
        if len(rows) >= 30:
            parts.append(rows - rows.mean(axis=0))
    if not parts:
        return {}

    def fit(pieces: list[np.ndarray]) -> float:
        x = np.concatenate([piece[:, 0] for piece in pieces]) / 1000
        y = np.concatenate([piece[:, 1] for piece in pieces])
        return float((x * y).sum() / (x * x).sum())

    rng = np.random.default_rng(seed)
    blocks = [part[at : at + 15] for part in parts for at in range(0, len(part) - 14, 15)]
    draws = [
        fit([blocks[n] for n in rng.integers(0, len(blocks), len(blocks))]) for _ in range(2000)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "mib_per_1000_answers": fit(parts), "low": float(low), "high": float(high),
        "lives": len(parts), "samples": sum(map(len, parts)),
        "most_mib": max(row[3] for row in memory),
    }  # fmt: skip


def flat(folder: Path, requests: int, rate: float) -> dict[str, Any]:
    """Memory of one process that nobody stops, with SQLite's page cache held at 2 MiB.

    By itself the cache grows with the ledger to 64 MiB a connection, and stays there.
    """
    CONTEXT.set_forkserver_preload(["storm_client"])
    trouble = Storm(rate=rate, hangs=0.001, seed=4, burst=(15.0, 0.3), think=(0.005, 0.05))
    with Server(trouble) as server:
        client = Client(
            "flat", server.url, folder / "flat.sqlite", requests, (1e9, 1e9), random.Random(0),
            cache="2048",
        )  # fmt: skip
        client.start()
        assert client.process is not None
        while client.process.exitcode is None:
            time.sleep(1.0)
            client.sample(len(server.delivered))
        if client.process.exitcode:
            raise SystemExit(client.said())
        return {
            "phase": "memory, page cache of 2 MiB", "sent": server.total,
            "answered": len(server.delivered), "memory": slope(client.memory),
            "first_half": slope(client.memory[: len(client.memory) // 2]),
            "second_half": slope(client.memory[len(client.memory) // 2 :]),
        }  # fmt: skip


def storm(folder: Path, requests: int, rate: float, seed: int) -> dict[str, Any]:
    """Two clients until both are done; what was sent, answered, stored and paid."""
    ledger = folder / "ledger.sqlite"
    # Once for all lives: most of a short one would be the import of LiteLLM.
    CONTEXT.set_forkserver_preload(["storm_client"])
    trouble = Storm(rate=rate, hangs=0.001, seed=seed, burst=(15.0, 0.3), think=(0.005, 0.05))
    started = time.monotonic()
    with Server(trouble) as server:
        clients = [
            Client("often", server.url, ledger, requests, (3.0, 30.0), random.Random(1)),
            Client("seldom", server.url, ledger, requests, (150.0, 300.0), random.Random(2)),
        ]
        for client in clients:
            client.start()
        running = list(clients)
        told = started
        while running:
            time.sleep(1.0)
            for client in list(running):
                assert client.process is not None
                code = client.process.exitcode
                if code is None:
                    client.sample(len(server.delivered))
                    if time.monotonic() > client.dies:
                        client.stop()
                        code = client.process.exitcode
                        if code:
                            client.start()
                            continue
                if code:
                    raise SystemExit(f"{client.name} ended with {code}: {client.said()}")
                if code == 0:
                    running.remove(client)
            if time.monotonic() - told > 30:
                told = time.monotonic()
                minutes, done = (told - started) / 60, len(server.delivered)
                print(f"{minutes:5.1f} min  {server.total:,} sent, {done:,} answered", flush=True)
        wall = time.monotonic() - started
        delivered, sent = list(server.delivered), server.total
    found: Account = account(delivered, ledger)
    checked = check(ledger)
    stops: dict[str, int] = {}
    for client in clients:
        for name, count in client.stops.items():
            stops[name] = stops.get(name, 0) + count
    journal, size = journal_of(ledger).stat().st_size, ledger.stat().st_size
    return {
        "phase": "storm",
        "wall_s": wall,
        "sent": sent,
        "by_kind": dict(sorted(trouble.sent.items())),
        "answered": found.delivered,
        "stored": found.stored,
        "paid": found.paid,
        "lost": found.delivered - found.stored - found.beyond,
        "repeated": found.again - found.beyond,
        "in_flight_at_a_stop": found.beyond,
        "in_flight_bound": CONCURRENCY * sum(stops.values()),
        "stored_but_never_sent": found.unsent,
        "stored_twice": found.doubled,
        "replies_that_may_be_billed": found.maybe,
        "stops": stops,
        "slowest_stop_s": max(client.slowest_stop for client in clients),
        "statuses": found.statuses,
        "check": {"problems": checked.problems, "answers": checked.answers,
                  "journal": checked.journal, "torn": checked.torn},
        "bytes_per_answer": {"ledger": size / found.stored, "journal": journal / found.stored},
        "memory": slope(clients[1].memory),
        "server_longest_silence_s": float(np.diff(server.times).max()),
    }  # fmt: skip


def rows_of(ledger: Path) -> int:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as opened:
        return int(opened.execute("SELECT count(*) FROM answers").fetchone()[0])


def full_disk(folder: Path, requests: int, *, read_only: bool) -> dict[str, Any] | None:
    """A ledger on a disk that fills up, or is made read-only, under way; then goes on."""
    disk = folder / ("read-only" if read_only else "full")
    disk.mkdir()
    size = "64m" if read_only else "1m"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk]).returncode:
        return None
    ledger = disk / "ledger.sqlite"
    trouble = Storm(rate=0.05, hangs=0.0, seed=3)

    def client(url: str) -> subprocess.Popen[str]:
        words = [url, ledger, "disk", requests, CELL, CONCURRENCY, TIMEOUT, 0.0]
        return subprocess.Popen(
            [sys.executable, str(TESTS / "storm_client.py"), *map(str, words)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    try:
        with Server(trouble) as server:
            process = client(server.url)
            if read_only:
                while len(server.delivered) < requests // 3:
                    time.sleep(0.01)
                # A file open for writing keeps a disk writable; root needs it to be the disk.
                process.send_signal(signal.SIGKILL)
                process.wait(60)
                subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
                process = client(server.url)
            before = len(server.delivered)
            code = process.wait(300)
            told = (process.stderr.read() if process.stderr else "").strip()
            after = len(server.delivered)
            options = "remount,rw" if read_only else "remount,size=64m"
            subprocess.run(["mount", "-o", options, disk], check=True)
            kept = re.search(r"ledger restore (\S+) --file", told)
            held = rows_of(ledger)
            if kept:
                from revealed.respondents.ledger_check import bring_back

                bring_back(Path(kept[1]), ledger)
                Path(kept[1]).unlink()
            brought = rows_of(ledger) - held
            process = client(server.url)
            last = process.wait(300)
            delivered, sent = list(server.delivered), server.total
        found = account(delivered, ledger)
        return {
            "phase": "read-only folder" if read_only else "full disk",
            "sent": sent, "answered": found.delivered, "stored": found.stored, "paid": found.paid,
            "exit_code": code, "told": told.replace(f"{folder}/", ""),
            "answered_after_the_error": after - before if read_only else None,
            "brought_back": brought, "exit_code_after": last,
            "in_flight_at_a_stop": found.beyond,
            "lost": found.delivered - found.stored - found.beyond,
            "repeated": found.again - found.beyond,
            "check": {"problems": check(ledger).problems},
        }  # fmt: skip
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def safety(folder: Path, count: int = 4000) -> dict[str, Any]:
    """CPU microseconds an answer that checksum and journal take, by answers a commit."""
    from revealed.respondents import Answer, Request
    from revealed.respondents.journal import Journal, checksum
    from revealed.respondents.ledger import Entry, _told, _values
    from revealed.respondents.request import Question

    entries = []
    for n in range(count):
        words = [{"role": "user", "content": f"Question {n // 5}: " + "A or B? " * 60}]
        asked = Request(Question("openai/m", words, {"temperature": 1.0, "max_tokens": 10}), n % 5)
        answer = Answer(asked.key, "ok", "A", None, None, "stop", None, 100, 1, 1e-5, 0.9, "m-0613")
        entries.append(Entry(answer, asked, "loopback"))
    row: dict[str, Any] = {"phase": "checksum and journal"}
    for size in (1, 5, 20, 100):
        journal = Journal(folder / f"{size}.journal.gz")
        known: set[str] = set()
        start = time.thread_time()
        for at in range(0, count, size):
            lines = _told(entries[at : at + size], 1.7e9, known)[1]
            journal.append(lines)
            known.update(e.request.question.digest for e in entries[at : at + size])
        row[f"cpu_us_{size}_a_commit"] = 1e6 * (time.thread_time() - start) / count
        journal.close()
    values = [_values(entry, 1.7e9) for entry in entries]
    start = time.thread_time()
    for each in values:
        checksum(each)
    row["cpu_us_to_check_a_row"] = 1e6 * (time.thread_time() - start) / count
    return row


SHOWN = {
    "sent": "sent", "answered": "answered", "stored": "stored", "paid": "paid",
    "in_flight_at_a_stop": "in flight at a stop", "lost": "lost", "repeated": "repeated",
}  # fmt: skip


def tabled(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The counts as rows of one table, and all that was measured as details."""
    shown = []
    for row in rows:
        if "stored" in row:
            stops = sum(row["stops"].values()) if "stops" in row else 1
            counts = {told: row[name] for name, told in SHOWN.items()}
            shown.append({"trouble": row["phase"], **counts, "stops": stops})
    return {"rows": shown, "details": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--requests", type=int, default=36_000, help="answers to get; 0 leaves the storm out"
    )
    parser.add_argument("--memory", type=int, default=60_000, help="answers of the last phase")
    parser.add_argument("--rate", type=float, default=0.08, help="share of requests with a fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the results there")
    told = parser.parse_args()
    # Whoever is started in a shell's background ignores Ctrl-C, and so would the clients.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [storm(folder, told.requests, told.rate, told.seed)] if told.requests else []
        rows += [
            row
            for read_only in (False, True)
            if (row := full_disk(folder, 6_000, read_only=read_only)) is not None
        ]
        rows.append(safety(folder))
        rows.append(flat(folder, told.memory, told.rate))
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "date": date.today().isoformat(),
        "command": f"python benchmarks/storm.py --requests {told.requests} --memory {told.memory} "
        f"--rate {told.rate:g}",
        **tabled(rows),
    }
    text = json.dumps(report, indent=1)
    if told.json:
        told.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
