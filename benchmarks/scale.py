"""The chain in independent jobs, and ledgers merged: `python benchmarks/scale.py --json FILE`.

A small study of simulated respondents is asked and fitted in a clone: in one process, then cut by
respondent and instrument with ledgers of their own, in several processes and, where ``sbatch`` and
the plugin are there, through SLURM. The tables are compared byte for byte. Then two ledgers of many
answers, half of them the same, are merged.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  outcomes: {instruments: [outcomes], design: adaptive, items: 40, pairs_per_item: 3, rounds: 2}
  sexes: {instruments: [sexes.lives_saved], design: curve, pairs_per_item: 1, rounds: 2}
respondents:
"""
NAMES = ("coherent", "egalitarian", "position_biased")
TABLES = ("answers", "choices", "questions", "utilities")


def clone(folder: Path) -> Path:
    subprocess.run(["git", "clone", "-q", "--local", str(ROOT), str(folder)], check=True)
    asked = "ask: [calibration, outcomes, sexes]"
    lines = [f"  - {{model: simulated/{name}, mode: sample, {asked}}}\n" for name in NAMES]
    (folder / "study.yaml").write_text(STUDY + "".join(lines), encoding="utf-8")
    (folder / "data" / "sources.yaml").write_text("sources: []\n", encoding="utf-8")
    return folder


def chain(root: Path, run: str, *flags: str) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [
            sys.executable, "-m", "revealed.cli", "book", "--run", run, "--until", "fit", *flags,
        ],
        cwd=root, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - started


def tables(root: Path, run: str) -> dict[str, bytes]:
    folder = root / "data" / "runs" / run
    found = (path for kind in TABLES for path in (folder / kind).rglob("*"))
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.is_file()}


def jobs(root: Path, run: str) -> int:
    return len(list((root / "data" / "runs" / run / "notebooks").rglob("*.ipynb")))


def answers(root: Path, run: str) -> int:
    connection = sqlite3.connect(root / "data" / "runs" / run / "ledger.sqlite")
    count = connection.execute("SELECT count(*) FROM answers").fetchone()[0]
    connection.close()
    return int(count)


def chains(folder: Path) -> list[dict[str, Any]]:
    root = clone(folder / "study")
    cut = ("--config", "ledgers=own", "split=instruments")
    ways: list[tuple[str, int, tuple[str, ...]]] = [
        ("one process, one ledger", 1, ("--cores", "1")),
        ("one process, a ledger a job", 1, ("--cores", "1", *cut)),
        ("two processes, a ledger a job", 2, ("--cores", "2", *cut)),
    ]
    if shutil.which("sbatch") and importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        profile = ("--profile", "workflow/profiles/slurm", "--latency-wait", "5")
        quick = ("--slurm-init-seconds-before-status-checks", "5")
        ways.append(("SLURM, one node of two processors", 2, (*profile, *quick, *cut)))
    rows: list[dict[str, Any]] = []
    wanted: dict[str, bytes] = {}
    for number, (name, processes, flags) in enumerate(ways):
        run = f"way{number}"
        seconds = chain(root, run, *flags)
        made = tables(root, run)
        wanted = wanted or made
        row = {
            "way": name, "jobs": jobs(root, run), "processes": processes,
            "answers": answers(root, run), "seconds": round(seconds, 1),
            "tables": len(made), "tables_different": sum(
                made.get(path) != wanted.get(path) for path in made.keys() | wanted.keys()
            ), "load": round(os.getloadavg()[0], 1),
        }  # fmt: skip
        # Against the same cut in one process: what the processes bring, and not what cutting costs.
        base = next((r["seconds"] for r in rows if r["way"].startswith("one process, a")), None)
        row["speed_up"] = round(base / seconds, 2) if base else None
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def write_ledger(path: Path, first: int, count: int) -> None:
    """Answers as long as real ones, written past the ledger's own queue."""
    import hashlib

    from revealed.respondents import Ledger
    from revealed.respondents.ledger import _COLUMNS

    Ledger(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.execute("INSERT INTO questions VALUES ('q', 'm', '[]', '{}')")
    values = dict.fromkeys(_COLUMNS) | {
        "question": "q", "sample": 0, "respondent": "r", "status": "ok", "text": "A" * 20,
        "logprobs": json.dumps([[["A", -0.1], ["B", -2.3]]]), "cost": 1e-5, "attempts": 1,
    }  # fmt: skip
    keys = sorted(hashlib.sha256(str(n).encode()).hexdigest() for n in range(first, first + count))
    connection.executemany(
        f"INSERT INTO answers ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})",
        (tuple((values | {"key": k, "time": int(k[:8], 16) / 1e3}).values()) for k in keys),
    )
    connection.execute("COMMIT")
    connection.close()


def merging(folder: Path, count: int) -> dict[str, Any]:
    folder = folder / str(count)
    one, two, whole = (folder / f"{name}.sqlite" for name in ("one", "two", "whole"))
    for path, first in ((one, 0), (two, count // 2)):
        write_ledger(path, first, count)
    code = (
        "import sys, time; from pathlib import Path; "
        "from revealed.respondents.merge import merge; t = time.perf_counter(); "
        "done = merge([Path(p) for p in sys.argv[1:3]], Path(sys.argv[3]), progress=False); "
        "seconds = time.perf_counter() - t; "
        # Not getrusage, which counts what this process held when it was forked.
        "peak = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]; "
        "print(seconds, peak, sum(m.added for m in done))"
    )
    found = {"rows": 2 * count, "file_mb": round(one.stat().st_size / 1e6, 1)}
    for name in ("new", "again"):
        said = subprocess.run(
            [sys.executable, "-c", code, str(one), str(two), str(whole)],
            check=True, capture_output=True, text=True,
        ).stdout.split()  # fmt: skip
        seconds, peak = (float(word) for word in said[:2])
        found |= {
            f"{name}_seconds": round(seconds, 2), f"{name}_rows_per_second": round(
                2 * count / seconds), f"{name}_added": int(said[2]),
            f"{name}_peak_mb": round(peak / 1024),
        }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000, help="answers a ledger")
    parser.add_argument("--only", choices=("chains", "merge"), help="renew this part of FILE")
    wanted = parser.parse_args()
    made: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "date": datetime.now(UTC).date().isoformat(),
        "command": "python benchmarks/scale.py --json benchmarks/scale.json",
    }
    if wanted.only:
        made = json.loads(wanted.json.read_text(encoding="utf-8")) | made
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if wanted.only != "chains":
            made["merge"] = [merging(folder, n) for n in (wanted.rows // 10, wanted.rows)]
            print(json.dumps(made["merge"]), flush=True)
        if wanted.only != "merge":
            made["rows"] = chains(folder)
    if wanted.json:
        wanted.json.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
