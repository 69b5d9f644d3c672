"""Calls of each strategy against the original pipeline at equal precision, simulated.

`python benchmarks/calls.py` writes `benchmarks/calls.json`, which the README and the book read, and
the constants by which `revealed design` plans (`src/revealed/study/calls/table.json`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402

from revealed.foundation.paths import atomic_write  # noqa: E402
from revealed.study.calls import bounds, paths, planner  # noqa: E402
from revealed.study.calls.worlds import SLOPE, World, goods_world, outcome_world  # noqa: E402
from revealed.study.config import Stop  # noqa: E402

HERE = Path(__file__).resolve().parent
MISFITS, ORDERS = (0.0, 0.5), (0.0, 0.5, 1.0)
# Most calls of a path; beyond, error ∝ calls^(-1/2).
CAPS = {"utilities": 48_000, "prices": 100_000}
LOGPROB_CAPS = {"utilities": 20_000, "prices": 30_000}
TARGETS = {"utilities": Stop(utility=0.25), "prices": Stop(log_price=0.1)}
_QUANTILE = 1.959963984540054


def world(estimand: str, size: int, misfit: float, order: float, seed: int, **grid: int) -> World:
    make = outcome_world if estimand == "utilities" else goods_world
    return make(size, misfit=misfit, order=order, seed=seed, **grid)  # type: ignore[operator]


def bound(estimand: str, truth: World, misfit: float, order: float, logprob: bool) -> float:
    options = {"misfit": misfit, "order": order, "answers": 2, "logprob": logprob}
    if estimand == "utilities":
        return bounds.utilities(truth.utility, **options)
    return bounds.prices(len(truth.price), slope=SLOPE, **options)


def scale(estimand: str, size: int) -> float:
    """What turns error² x calls into the planner's constant."""
    return 1 / size if estimand == "utilities" else SLOPE**2 / size


def one(estimand: str, size: int, misfit: float, order: float, seed: int) -> list[dict[str, Any]]:
    """All strategies in one world, a row each."""
    grid = {} if estimand == "utilities" else {"quantities": 31, "dollars": 27}
    large = world(estimand, size, misfit, order, seed, **grid)
    samples, per_round = (10, 500) if estimand == "utilities" else (5, 2000)
    theirs, reread = paths.original(large, samples=samples, per_round=per_round, seed=seed)
    truth = large if estimand == "utilities" else world(estimand, size, misfit, order, seed)
    each = scale(estimand, size)
    base = {"estimand": estimand, "size": size, "misfit": misfit, "order": order, "seed": seed}
    rows: list[dict[str, Any]] = []

    def add(name: str, last: paths.Step, at: float, limit: float, measured: bool) -> None:
        width = last.half_width / _QUANTILE
        rows.append(
            base
            | {
                "strategy": name, "calls": last.calls, "pairs": last.pairs, "error": last.error,
                "half_width": last.half_width, "covered": last.covered,
                "original_error": theirs.error, "calls_at_original_error": at,
                "measured": measured,
                "fewer": theirs.calls / at,
                "fewer_possible": theirs.calls * theirs.error**2 / limit if limit else math.inf,
                "constant_error": last.error**2 * last.calls * each,
                "constant_width": width**2 * last.calls * each,
            }
        )  # fmt: skip

    sampled = bound(estimand, truth, misfit, order, False)
    read = bound(estimand, truth, misfit, order, True)
    add(planner.ORIGINAL, theirs, theirs.calls, sampled, True)
    add("original's answers, our fit", reread,
        theirs.calls * (reread.error / theirs.error) ** 2, sampled, True)  # fmt: skip
    for strategy in planner.STRATEGIES:
        limit = read if strategy.logprob else sampled
        cap = (LOGPROB_CAPS if strategy.logprob else CAPS)[estimand]
        if strategy.samples == 2:
            cap //= 2
        steps = paths.path(
            truth, samples=strategy.samples, logprob=strategy.logprob, rule=strategy.rule,
            calls=cap, stop=TARGETS[estimand] if strategy.stops else None,
            error=0.0 if strategy.stops else theirs.error, seed=seed,
        )  # fmt: skip
        last = steps[-1]
        add(strategy.name, last, paths.calls_at(steps, theirs.error), limit,
            last.error <= theirs.error)  # fmt: skip
    return rows


def timed(case: tuple[str, int, float, float, int]) -> tuple[float, list[dict[str, Any]]]:
    began = time.process_time()
    rows = one(*case)
    return time.process_time() - began, rows


def mean(rows: list[dict[str, Any]], key: str, power: float = 1.0) -> float:
    values = np.array([row[key] for row in rows], dtype=float)
    return float(np.mean(values**power) ** (1 / power))


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a world and strategy, over seeds."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = tuple(row[k] for k in ("estimand", "size", "misfit", "order", "strategy"))
        groups.setdefault(key, []).append(row)
    found = []
    for key, part in groups.items():
        possible = min(row["fewer_possible"] for row in part)
        original = mean(part, "original_error", 2)
        fewer = [row["fewer"] for row in part]
        found.append(
            dict(zip(("estimand", "size", "misfit", "order", "strategy"), key, strict=True))
            | {
                "seeds": len(part),
                "calls": round(mean(part, "calls")),
                "error": mean(part, "error", 2),
                "half_width": mean(part, "half_width"),
                "covered": mean(part, "covered"),
                "original_error": original,
                # Calls are compared in the mean: seeds differ by chance in both errors.
                "calls_at_original_error": round(mean(part, "calls_at_original_error")),
                "fewer": float(np.exp(np.mean(np.log(fewer)))),
                "fewer_low": min(fewer),
                "fewer_high": max(fewer),
                "fewer_possible": mean(part, "fewer_possible") if math.isfinite(possible) else None,
                "measured": all(row["measured"] for row in part),
                "constant_error": mean(part, "constant_error"),
                "constant_width": mean(part, "constant_width"),
            }
        )
    return [{k: None if v != v else v for k, v in row.items()} for row in found]


def constants(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The planner's table: a matrix (misfit x order) an estimand and strategy."""
    found: dict[str, Any] = {"misfit": MISFITS, "order": ORDERS}
    for row in rows:
        own = found.setdefault(row["estimand"], {}).setdefault(
            row["strategy"], [[0.0] * len(ORDERS) for _ in MISFITS]
        )
        value = row["constant_width"] or row["constant_error"]
        own[MISFITS.index(row["misfit"])][ORDERS.index(row["order"])] = round(value, 5)
    return found


def write(path: Path, value: Any) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--outcomes", type=int, default=500)
    parser.add_argument("--goods", type=int, default=50)
    parser.add_argument("--out", type=Path, default=HERE / "calls.json")
    parser.add_argument("--table", type=Path, default=Path(planner.__file__).parent / planner.TABLE)
    parser.add_argument(
        "--machine", default=f"{os.cpu_count()} cores, {platform.machine()}, one BLAS thread"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--log", type=Path, help="File that gets a line a world and strategy.")
    given = parser.parse_args()
    began = time.process_time()
    worlds = [
        (estimand, size, misfit, order, seed)
        for estimand, size in (("prices", given.goods), ("utilities", given.outcomes))
        for misfit in MISFITS
        for order in ORDERS
        for seed in range(1, given.seeds + 1)
    ]
    rows: list[dict[str, Any]] = []
    spent = 0.0
    with ProcessPoolExecutor(given.processes) as pool:
        for done, (cpu, part) in enumerate(pool.map(timed, worlds), start=1):
            rows += part
            spent += cpu
            print(
                f"{done} of {len(worlds)} worlds, {spent:.0f} CPU s: {worlds[done - 1]}", flush=True
            )
            if given.log:
                with given.log.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(row) + "\n" for row in part)
    table = summary(rows)
    command = "python benchmarks/calls.py"
    if given.seeds != 2 or (given.outcomes, given.goods) != (500, 50):
        command += f" --seeds {given.seeds} --outcomes {given.outcomes} --goods {given.goods}"
    write(given.out, {
        "machine": given.machine,
        "date": date.today().isoformat(),
        "command": command,
        "cpu_seconds": round(spent + time.process_time() - began),
        "rows": table,
    })  # fmt: skip
    write(given.table, constants(table))


if __name__ == "__main__":
    main()
