"""What a large ledger costs: appending, finding what is missing, counting, export to Parquet.

Each step is a process of its own on the same file, so that its time and its peak memory are its
own; a step whose peak exceeds its stated bound, or that finds a wrong number, fails.

    python benchmarks/ledger.py [--rows 5000000] [--folder /tmp/…] [--json FILE]

The file takes about 450 bytes a row, its journal and the export 60 and 50; all is deleted
afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from revealed.respondents import Answer, Ledger, Request
from revealed.respondents.ledger import Entry
from revealed.respondents.request import Question

HERE = Path(__file__).resolve()
SAMPLES = 10
"""Answers to a question, as an experiment has them."""
GROUP = 1_000
"""Answers that are committed together here."""
CELL = 100_000
"""Requests that are looked up together: one cell of a study."""
BOUNDS = {"append": 400, "find what is missing": 600, "open, count, sum": 300, "export": 600}
"""MiB of memory that a step may take at its peak, whatever the number of rows."""


def requests(first: int, last: int) -> Iterator[Request]:
    """Requests `first` to `last` of all, of 10 samples a question."""
    filler = "Each of the two statements below implies a state of the world. " * 6
    for n in range(first // SAMPLES, last // SAMPLES):
        text = f"Question {n}. {filler} A or B?"
        question = Question(
            "openai/m", [{"role": "user", "content": text}],
            {"temperature": 1.0, "max_tokens": 10}, "http://127.0.0.1:1/v1",
        )  # fmt: skip
        for sample in range(SAMPLES):
            yield Request(question, sample)


def append(path: Path, rows: int) -> dict[str, Any]:
    started = last = time.perf_counter()
    rates = []
    with Ledger(path) as ledger:
        for begin in range(0, rows, GROUP):
            entries = [
                Entry(
                    Answer(
                        request.key, "ok", "A", None, None, "stop", None, 100, 1, 1e-5, 0.25,
                        "m-0613",
                    ),
                    request, "loopback",
                )
                for request in requests(begin, begin + GROUP)
            ]  # fmt: skip
            ledger.put(entries)
            if (begin + GROUP) % (rows // 10) == 0:
                now = time.perf_counter()
                rates.append(round(rows / 10 / (now - last)))
                print(f"{begin + GROUP:,} rows, {rates[-1]:,} a second", file=sys.stderr)
                last = now
    whole = time.perf_counter() - started
    return {"rows": rows, "rows_per_second": rows / whole, "rows_per_second_by_tenth": rates}


def append_singly(path: Path, rows: int) -> dict[str, Any]:
    """A tenth of a percent more, each committed by itself: the disk's own pace."""
    several = max(500, rows // 10_000)
    started = time.perf_counter()
    with Ledger(path) as ledger:
        for request in requests(rows, rows + several):
            ledger.put([Entry(Answer(request.key, "ok", "A", cost=0.0), request, "loopback")])
    return {"rows": several, "rows_per_second": several / (time.perf_counter() - started)}


def find(path: Path, rows: int) -> dict[str, Any]:
    """What `client.collect` does first: cell by cell, a tenth of the requests is missing."""
    started = time.perf_counter()
    missing = asked = 0
    beyond = rows + rows // 10
    with Ledger(path) as ledger:
        for begin in range(0, beyond, CELL):
            cell = list(requests(begin, min(begin + CELL, beyond)))
            kept = ledger.get(request.key for request in cell)
            missing += sum(request.key not in kept for request in cell)
            asked += len(cell)
    if not rows // 10 - max(500, rows // 10_000) <= missing <= rows // 10:
        raise SystemExit(f"{missing} are missing, of {asked}")
    whole = time.perf_counter() - started
    return {"rows": asked, "missing": missing, "rows_per_second": asked / whole}


def count(path: Path, rows: int) -> dict[str, Any]:
    started = time.perf_counter()
    with Ledger(path) as ledger:
        opened = time.perf_counter() - started
        counted = int(ledger.counts()["n"].sum())
        ledger.cost()
    if counted < rows:
        raise SystemExit(f"{counted} rows")
    return {"rows": counted, "open_s": opened}


def export(path: Path, rows: int) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from revealed.respondents.export import export as write

    started = time.perf_counter()
    folder = path.parent / "export"
    written, questions = write(path, folder, progress=False)
    whole = time.perf_counter() - started
    held = pq.ParquetFile(folder / "answers.parquet").metadata.num_rows
    if not written == held >= rows:
        raise SystemExit(f"{written} rows, {held} in the file")
    size = sum(file.stat().st_size for file in folder.iterdir())
    return {
        "rows": written, "questions": questions, "rows_per_second": written / whole,
        "size_mb": size / 1e6,
    }  # fmt: skip


STEPS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "append": append,
    "append, one a commit": append_singly,
    "find what is missing": find,
    "open, count, sum": count,
    "export": export,
}


def step(name: str, path: Path, rows: int) -> dict[str, Any]:
    """One step in this process."""
    load = os.getloadavg()[0]
    wall, cpu = time.perf_counter(), time.process_time()
    found = STEPS[name](path, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bound = BOUNDS.get(name, BOUNDS["append"])
    if peak > bound:
        raise SystemExit(f"{name}: {peak:.0f} MiB of memory, more than the {bound} it may take")
    return {
        "step": name, **found, "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu, "cpu_us_per_row":
        1e6 * (time.process_time() - cpu) / found["rows"], "peak_memory_mib": peak,
        "bound_memory_mib": bound, "load_average_at_start": load,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000, help="a multiple of 10,000")
    parser.add_argument("--folder", type=Path, help="where the file lies meanwhile")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.step:
        print(json.dumps(step(told.step, told.folder / "ledger.sqlite", told.rows)))
        return
    folder = Path(tempfile.mkdtemp(prefix="ledger-", dir=told.folder))
    need = told.rows * 1_200
    if shutil.disk_usage(folder).free < 2 * need:
        sys.exit(f"{folder} has too little room: {need / 1e9:.0f} GB are needed, and as much again")
    rows = []
    try:
        for name in STEPS:
            command = [sys.executable, str(HERE), "--step", name, "--folder", str(folder)]
            command += ["--rows", str(told.rows)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                sys.exit(f"{name} failed")
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            if name == "append":
                rows[-1]["ledger_mb"] = (folder / "ledger.sqlite").stat().st_size / 1e6
                rows[-1]["journal_mb"] = (folder / "ledger.journal.gz").stat().st_size / 1e6
            print(f"{name}: {rows[-1]['seconds']:.0f} s, {rows[-1]['peak_memory_mib']:.0f} MiB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "date": datetime.now(UTC).date().isoformat(),
        "command": "python benchmarks/ledger.py" + f" --rows {told.rows}",
        "rows": rows,
    }
    if told.json:
        told.json.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
