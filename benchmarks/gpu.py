"""Fits and refits on a GPU, beside the same machine's CPU and what its memory allows.

    python benchmarks/gpu.py [--json FILE] [--sizes 500 1700 5000] [--replicates 1000 10000]

The answers are those of ``fits.py`` (2 n log2 n pairs, 10 answers an order, order effect 0.5). Wall
time, best of several calls of the public functions: building rows, drawing weights, moving data and
reading the result back included, the process's first compilation not. Agreement with NumPy is the
largest difference of a utility when both iterate to the end. The bound counts what a replicate must
read from the device's memory at least (its curvatures, once a turn of the conjugate gradients; its
weights, once a Newton step) at the bandwidth that a large copy reaches here.
"""

# ruff: noqa: E402
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
import platform
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cupy
import numpy as np
from fits import fresh, make

from revealed.foundation.backend import NUMPY, get_backend
from revealed.utilities import bootstrap, bootstrap_many, cuda, fit, kernel
from revealed.utilities.models import ORDER_PRECISION, CaseV, PairData
from revealed.utilities.resampling import pair_weights
from revealed.utilities.solver import minimize

GPU = get_backend("cupy")


def seconds(run: Callable[[], Any], repeats: int = 3, budget: float = 8.0) -> float:
    """Shortest wall time of up to `repeats` calls; what they start on the device is waited for."""
    times: list[float] = []
    while not times or (len(times) < repeats and sum(times) < budget):
        begin = time.perf_counter()
        run()
        cupy.cuda.Device().synchronize()
        times.append(time.perf_counter() - begin)
    return min(times)


def bandwidth() -> float:
    """Bytes a second that a copy of 4 GB reads and writes."""
    source = cupy.ones(2**29)
    target = cupy.empty_like(source)
    cupy.copyto(target, source)

    def copy() -> None:
        for _ in range(10):
            cupy.copyto(target, source)

    return 10 * 2 * source.nbytes / seconds(copy)


def agreement(data: Any, whole: Any) -> float:
    """Largest difference between eight refits by the kernel and by the CPU's loop, to the end."""
    pairs = PairData(data.pairs, len(whole.items), NUMPY)
    theta = np.append(whole.mean - whole.mean.mean(), whole.order_effect)
    (found,) = cuda.refit(
        [cuda.Problem(pairs, theta, whole.ridge)], range(8), 0, link="probit",
        precision=ORDER_PRECISION, backend=GPU, last=1e-14, tight=1e-9,
    )  # fmt: skip
    weight = np.ascontiguousarray(pair_weights(pairs.m, range(8), 0))
    truth = np.repeat(theta[:, None], 8, axis=1)
    loops = kernel.prepare(pairs, "probit")
    for _ in range(12):
        kernel.newton_step(loops, weight, truth, whole.ridge, ORDER_PRECISION, 1e-9)
    return float(np.abs(found - truth.T).max())


def to_the_end(data: Any, whole: Any) -> float:
    """Largest difference of a utility between the two backends' array solvers, to the end."""
    found = []
    for backend in (NUMPY, GPU):
        pairs = PairData(data.pairs, len(whole.items), backend)
        model = CaseV(pairs, "probit", 0.0, whole.ridge)
        theta = np.append(whole.mean - whole.mean.mean(), whole.order_effect)[:, None]
        for _ in range(6):
            # A call takes one step, whose inner tolerance is 1e-2, from where the last stood.
            found_here = minimize(model, backend.asarray(theta), decrement=-1.0, last=1.0)
            theta = backend.to_numpy(found_here.theta)
        found.append(theta)
    return float(np.abs(found[0] - found[1]).max())


def measure(n: int, replicates: list[int], speed: float) -> list[dict[str, Any]]:
    train = make(n).train
    whole = fit(train, backend="numpy")
    on_gpu = fit(train, backend="cupy")
    rows: list[dict[str, Any]] = []
    cpu = seconds(lambda: fit(fresh(train), backend="numpy"))
    gpu = seconds(lambda: fit(fresh(train), backend="cupy"))
    rows.append({
        "what": "one fit", "outcomes": n, "replicates": 1, "seconds": gpu, "cpu_seconds": cpu,
        "difference": to_the_end(train, whole),
        "difference_as_stopped": float(np.abs(on_gpu.mean - whole.mean).max()),
    })  # fmt: skip

    few = {500: 1000, 1700: 200}.get(n, 40)
    cpu = seconds(lambda: bootstrap(train, whole, few, 0, backend="numpy"), 2) / few
    pairs = PairData(train.pairs, n, NUMPY)
    theta = np.append(whole.mean - whole.mean.mean(), whole.order_effect)
    problem = cuda.Problem(pairs, theta, whole.ridge)
    slots = len(cuda.sell(pairs).other)
    bootstrap(train, whole, 8, 0, backend="cupy")
    difference = agreement(train, whole)
    for count in replicates:
        done = seconds(lambda c=count: bootstrap(train, whole, c, 0, backend="cupy"))
        work = cuda.Work()
        cuda.refit([problem], range(count), 0, link="probit", precision=ORDER_PRECISION,
                   backend=GPU, work=work)  # fmt: skip
        # Curvatures (4 bytes a slot) are written once a step and read once a turn; weights (8 bytes
        # a pair) are drawn once and read once a step.
        moved = 4 * slots * (work.turns + work.steps) + 8 * pairs.m * (count + work.steps)
        rows.append({
            "what": "refits", "outcomes": n, "replicates": count, "seconds": done,
            "kernel_seconds": work.seconds, "cpu_seconds": cpu * count,
            "cpu_measured_on": few, "difference": difference,
            "steps": work.steps / count, "turns": work.turns / count,
            "bytes": moved, "bound_seconds": moved / speed,
        })  # fmt: skip
        print(rows[-1], flush=True)
    if n <= 1700:
        count = 256
        arrays = seconds(
            lambda: bootstrap(train, whole, count, 0, backend="cupy", compiled=False), 2
        )
        rows.append({
            "what": "refits by CuPy arrays", "outcomes": n, "replicates": count,
            "seconds": arrays, "cpu_seconds": cpu * count,
        })  # fmt: skip
    return rows


def together(respondents: int, n: int, replicates: int) -> dict[str, Any]:
    """Refits of many respondents in one launch, one launch each, and on the CPU."""
    answers = [make(n, seed=seed).train for seed in range(respondents)]
    fitted = [(c, fit(c, backend="numpy")) for c in answers]
    at_once = seconds(lambda: bootstrap_many(fitted, replicates, 0, backend="cupy"))
    alone = seconds(lambda: [bootstrap(c, w, replicates, 0, backend="cupy") for c, w in fitted])
    cpu = seconds(lambda: bootstrap_many(fitted, replicates, 0, backend="numpy"), 1)
    return {
        "what": "refits of many respondents", "respondents": respondents, "outcomes": n,
        "replicates": replicates, "seconds": at_once, "one_launch_each_seconds": alone,
        "cpu_seconds": cpu,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1700, 5000])
    parser.add_argument("--replicates", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    properties = cupy.cuda.runtime.getDeviceProperties(0)
    speed = bandwidth()
    rows = [row for n in given.sizes for row in measure(n, given.replicates, speed)]
    rows.append(together(30, 500, 1000))
    results = {
        "machine": {
            "gpu": properties["name"].decode(), "cores": len(os.sched_getaffinity(0)),
            "copy_bytes_per_second": speed, "python": platform.python_version(),
            "packages": {p: version(p) for p in ("numpy", "scipy", "numba", "cupy-cuda13x")},
        },
        "date": date.today().isoformat(),
        "command": "python benchmarks/gpu.py --json benchmarks/gpu.json",
        "rows": rows,
    }  # fmt: skip
    text = json.dumps(results, indent=1)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
