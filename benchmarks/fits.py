"""Fitting utilities: the original's method, ours and named peers on the same answers.

    python benchmarks/fits.py [--json FILE] [--sizes 100 500 1500 5000] [--replicates 1000]

Everything is timed in CPU seconds, from raw index arrays to utilities, set-up included, the best of
several runs; refits by compiled loops use all cores, whose time is added up. 2 n log2 n pairs, 10
answers an order, order effect 0.5, utilities N(0, spread²), 5 % of the pairs held out. At the
default spread no item is separated, so that every peer has an optimum to find; at 1.5, where a few
are, see what each of them does (--spread 1.5). Peers that cannot model the order get the pooled
answers. Peers too slow for a size are left out there; refits of slow ones
are timed on a few replicates and scaled, which the table says. The original's method runs as
`utilities.parity` (NumPy, gradients by hand) and, where PyTorch is installed, as its own code does
(automatic differentiation). Memory is the peak of a process that only does our part.
"""

# ruff: noqa: E402
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_expit, log_ndtr, ndtr

from revealed.foundation.backend import get_backend
from revealed.foundation.errors import ConfigError
from revealed.utilities import Comparisons, bootstrap, fit, heldout
from revealed.utilities.design import uniform_pairs
from revealed.utilities.parity import fit_original, log_loss, pooled, zscore

ANSWERS, ORDER, SPREAD = 10, 0.5, 0.7


class Data(NamedTuple):
    train: Comparisons
    holdout: Comparisons
    truth: float
    """Log-loss of the truth on the held-out answers."""


def make(n: int, spread: float = SPREAD, seed: int = 0) -> Data:
    rng = np.random.default_rng(seed)
    u = rng.normal(0, spread, n)
    total = min(int(2 * n * np.log2(n)), n * (n - 1) // 2)
    pairs = rng.permutation(uniform_pairs(n, total, rng))
    items = tuple(f"item {k}" for k in range(n))

    def ask(chosen: np.ndarray) -> Comparisons:
        first, second = np.concatenate([chosen, chosen[:, ::-1]]).T
        n_first = rng.binomial(ANSWERS, ndtr(u[first] - u[second] + ORDER)).astype(float)
        return Comparisons(items, first, second, n_first, ANSWERS - n_first)

    cut = min(max(total // 20, 1), 1000)
    train, holdout = ask(pairs[cut:]), ask(pairs[:cut])
    z = u[holdout.first] - u[holdout.second] + ORDER
    gain = holdout.n_first * log_ndtr(z) + holdout.n_second * log_ndtr(-z)
    return Data(train, holdout, float(-gain.sum() / holdout.n.sum()))


def fresh(c: Comparisons) -> Comparisons:
    """The same answers with nothing computed from them yet."""
    return Comparisons(c.items, c.first, c.second, c.n_first, c.n_second)


def best_of(
    run: Callable[[], Any],
    repeats: int,
    budget: float = 20.0,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Shortest of up to `repeats` runs, or as many as fit the budget (seconds)."""
    times: list[float] = []
    while not times or (len(times) < repeats and sum(times) < budget):
        start = clock()
        run()
        times.append(clock() - start)
    return min(times)


def pooled_loss(logit: np.ndarray, data: Data) -> float:
    """Log-loss of Bradley-Terry scores that know no order."""
    z = logit[data.holdout.first] - logit[data.holdout.second]
    gain = data.holdout.n_first * log_expit(z) + data.holdout.n_second * log_expit(-z)
    return float(-gain.sum() / data.holdout.n.sum())


def with_evalica(c: Comparisons) -> Callable[[], np.ndarray]:
    """evalica's Bradley-Terry (compiled), from its own input: lists of names, winners, weights."""
    import evalica

    # Preparing its input is not counted against it.
    names = np.array(c.items)
    left = np.concatenate([names[c.first], names[c.first]]).tolist()
    right = np.concatenate([names[c.second], names[c.second]]).tolist()
    winners = [evalica.Winner.X] * len(c) + [evalica.Winner.Y] * len(c)
    weights = np.concatenate([c.n_first, c.n_second]).tolist()

    def run() -> np.ndarray:
        found = evalica.bradley_terry(left, right, winners, weights=weights)
        scores = found.scores.reindex(list(c.items)).to_numpy(dtype=float)
        return np.log(np.maximum(scores, 1e-12))

    return run


def with_choix(c: Comparisons) -> Callable[[], np.ndarray]:
    """choix's spectral Bradley-Terry on a dense matrix of wins, with a small regularisation."""
    import choix

    def run() -> np.ndarray:
        wins = np.zeros((len(c.items), len(c.items)))
        np.add.at(wins, (c.first, c.second), c.n_first)
        np.add.at(wins, (c.second, c.first), c.n_second)
        return np.asarray(choix.ilsr_pairwise_dense(wins, alpha=0.01))

    return run


def with_torch(c: Comparisons) -> np.ndarray:
    """The original's method as its own code runs: PyTorch, automatic differentiation."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    low, high, share = (torch.as_tensor(part) for part in pooled(c))
    share = share.float()
    mean = (0.01 * torch.randn(len(c.items))).requires_grad_()
    spread = (0.01 * torch.randn(len(c.items))).requires_grad_()
    optimizer = torch.optim.Adam([mean, spread], lr=0.01)
    normal = torch.distributions.Normal(0.0, 1.0)
    for _ in range(1000):
        optimizer.zero_grad()
        variance = torch.exp(spread)
        z = (mean[low] - mean[high]) / torch.sqrt(variance[low] + variance[high])
        p = torch.clamp(normal.cdf(z), 1e-7, 1 - 1e-7)
        torch.nn.functional.binary_cross_entropy(p, share).backward()
        optimizer.step()
    return zscore(mean.detach().numpy().astype(float))


def with_statsmodels(c: Comparisons) -> Callable[[], Any]:
    """statsmodels' GLM probit on a dense design, with the order effect."""
    import warnings

    import statsmodels.api as sm

    def run() -> Any:
        rows = np.arange(len(c))
        x = np.zeros((len(c), len(c.items) + 1))
        x[rows, c.first], x[rows, c.second], x[:, -1] = 1, -1, 1
        family = sm.families.Binomial(sm.families.links.Probit())
        with warnings.catch_warnings():
            # Separated items have no maximum: it stops where it is, with a warning a step.
            warnings.simplefilter("ignore")
            return sm.GLM(np.stack([c.n_first, c.n_second], 1), x[:, 1:], family=family).fit()

    return run


def measure(n: int, spread: float, replicates: int, backends: list[str]) -> dict[str, Any]:
    data = make(n, spread)
    train = data.train
    repeats = 15 if n <= 500 else 7
    seconds: dict[str, float | None] = {}
    loss: dict[str, float] = {"truth": data.truth}

    original = fit_original(train)
    seconds["original"] = best_of(lambda: fit_original(train), 3)
    # Its last step labels most of the n²/2 unsampled pairs: minutes beyond a few hundred items.
    seconds["original_whole"] = None
    if n <= 500:
        seconds["original_whole"] = best_of(lambda: fit_original(train, pseudo_labels=True), 2)
    if find_spec("torch") is not None:
        seconds["original_torch"] = best_of(lambda: with_torch(train), 2)
        other = with_torch(train)
        # The same method: the two differ by single precision and the random start.
        assert np.corrcoef(other, original.mean)[0, 1] > 0.999
    loss["original"] = log_loss(original, data.holdout)

    for name in backends:
        key = "ours" if name == "numpy" else f"ours_{name}"
        fit(fresh(train), backend=name)  # type: ignore[arg-type]
        seconds[key] = best_of(lambda b=name: fit(fresh(train), backend=b), repeats)  # type: ignore
        seconds[f"{key}_item_variances"] = best_of(
            lambda b=name: fit(fresh(train), variances="item", backend=b), repeats
        )
    ours = fit(train, backend="numpy")
    full = fit(train, variances="item", backend="numpy")
    loss["ours"] = heldout(ours, data.holdout).log_loss
    loss["ours_item_variances"] = heldout(full, data.holdout).log_loss

    def hc3() -> None:
        fitted.__dict__.pop("covariance", None)
        for part in ("inverse", "sandwich"):
            fitted._optimum.__dict__.pop(part, None)
        _ = fitted.covariance

    fitted = ours
    seconds["ours_hc3"] = best_of(hc3, 5) if n <= 1500 else None

    evalica = with_evalica(train)
    seconds["evalica"] = best_of(evalica, repeats)
    loss["evalica"] = pooled_loss(evalica(), data)
    seconds["choix"] = seconds["statsmodels"] = None
    if n <= 1500:
        choix = with_choix(train)
        seconds["choix"] = best_of(choix, 5)
        loss["choix"] = pooled_loss(choix(), data)
    if n <= 500:
        seconds["statsmodels"] = best_of(with_statsmodels(train), 3)

    result: dict[str, Any] = {
        "n": n,
        "pairs": len(train.pairs.low),
        "answers": float(train.n.sum()),
        "seconds": seconds,
        "log_loss": loss,
        "excess_ratio": (loss["ours"] - data.truth) / (loss["original"] - data.truth),
        "separated": int((~ours.identified).sum()),
    }
    if n == 500 and replicates:
        result["bootstrap"] = refits(train, replicates, backends, seconds["original"])
    return result


def refits(
    train: Comparisons, replicates: int, backends: list[str], original: float
) -> dict[str, Any]:
    """Seconds for `replicates` refits; those of peers are scaled from a few."""
    whole = fit(train, backend="numpy")
    seconds: dict[str, float] = {"original": original * replicates}
    for name in backends:
        for compiled in (True, False) if name == "numpy" else (False,):
            if compiled and find_spec("numba") is None:
                continue
            key = "ours_numba" if compiled else f"ours_{name}"

            def run(count: int, b: str = name, c: bool = compiled) -> None:
                bootstrap(train, whole, count, seed=0, backend=b, compiled=c)  # type: ignore

            run(16)  # compilation and warming up
            seconds[key] = best_of(lambda r=run: r(replicates), 3)  # type: ignore[misc]
    few = 20
    rng = np.random.default_rng(0)
    times = []
    for _ in range(few):
        w = rng.multinomial(
            len(train.pairs.low), np.full(len(train.pairs.low), 1 / len(train.pairs.low))
        )
        weight = w[train.pairs.row]
        once = with_evalica(
            Comparisons(
                train.items, train.first, train.second,
                train.n_first * weight, train.n_second * weight,
            )
        )  # fmt: skip
        start = time.process_time()
        once()
        times.append(time.process_time() - start)
    seconds["evalica"] = float(np.mean(times)) * replicates
    return {
        "replicates": replicates,
        "seconds": seconds,
        "copy_bytes_per_second": copied(),
        "scaled": {
            "original": "from one fit",
            "evalica": f"from {few} replicates",
        },
    }


def copied() -> float:
    """Bytes a second that a copy of 256 MB reads and writes, on one core."""
    source = np.ones(2**25)
    target = np.empty_like(source)
    np.copyto(target, source)
    return 2 * source.nbytes / best_of(lambda: np.copyto(target, source), 5)


def memory(n: int, replicates: int) -> float:
    """Peak memory (MB) of a fresh process that fits, covers and refits, without any peer.

    On Linux from the kernel's high-water mark: getrusage's survives the fork from this process.
    """
    code = (
        "import sys, resource; sys.path.insert(0, sys.argv[1]); import fits\n"
        "n, replicates = int(sys.argv[2]), int(sys.argv[3])\n"
        "large = fits.make(n).train\n"
        "fits.fit(large, backend='numpy'); fits.fit(large, variances='item', backend='numpy')\n"
        "middle = fits.make(min(n, 1500)).train\n"
        "fits.fit(middle, backend='numpy').covariance\n"
        "small = fits.make(min(n, 500)).train\n"
        "whole = fits.fit(small, backend='numpy')\n"
        "fits.bootstrap(small, whole, replicates, seed=0, backend='numpy')\n"
        "status = open('/proc/self/status').read() if sys.platform == 'linux' else ''\n"
        "peak = [int(s.split()[1]) for s in status.splitlines() if s.startswith('VmHWM')]\n"
        "own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print((peak or [own])[0] / 1024)\n"
    )
    here = str(Path(__file__).resolve().parent)
    done = subprocess.run(
        [sys.executable, "-c", code, here, str(n), str(replicates)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def machine() -> dict[str, Any]:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = [s for s in info.read_text().splitlines() if s.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    packages = {}
    for package in ("numpy", "scipy", "numba", "choix", "evalica", "statsmodels", "cupy-cuda12x"):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    gpu = None
    try:
        asked = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
        gpu = asked.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return {
        "processor": name,
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load_at_start": os.getloadavg()[0],
        "blas_threads": os.environ["OMP_NUM_THREADS"],
        "gpu": gpu,
        "python": platform.python_version(),
        "packages": packages,
    }


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{1000 * value:.3g}" if value < 1 else f"{1000 * value:,.0f}"


def table(results: dict[str, Any]) -> str:
    sizes = results["sizes"]
    lines = [
        "| CPU milliseconds | " + " | ".join(f"n = {s['n']:,}" for s in sizes) + " |",
        "| --- |" + " --- |" * len(sizes),
    ]
    labels = {
        "original": "original's method, NumPy",
        "original_whole": "original's method with its refit on pseudo-labels, NumPy",
        "original_torch": "original's method, PyTorch",
        "ours": "Revealed, Case V with order effect",
        "ours_cupy": "Revealed, Case V, CuPy",
        "ours_item_variances": "Revealed, per-item variances",
        "ours_hc3": "Revealed, HC3 covariance",
        "evalica": "evalica, Bradley-Terry",
        "choix": "choix, ilsr_pairwise_dense",
        "statsmodels": "statsmodels, GLM probit",
    }
    for key, label in labels.items():
        if any(key in s["seconds"] for s in sizes):
            row = [milliseconds(s["seconds"].get(key)) for s in sizes]
            lines.append(f"| {label} | " + " | ".join(row) + " |")
    for top in ("original", "original_whole", "original_torch", "evalica"):
        if any(s["seconds"].get(top) for s in sizes):
            row = [
                f"{s['seconds'][top] / s['seconds']['ours']:.3g}" if s["seconds"].get(top) else "-"
                for s in sizes
            ]
            lines.append(f"| **{labels[top]} / Revealed, Case V** | " + " | ".join(row) + " |")
    lines += ["", "| held-out log-loss | " + " | ".join(f"n = {s['n']:,}" for s in sizes) + " |",
              "| --- |" + " --- |" * len(sizes)]  # fmt: skip
    for key, label in {"truth": "the truth", **labels}.items():
        if any(key in s["log_loss"] for s in sizes):
            row = [f"{s['log_loss'][key]:.4f}" if key in s["log_loss"] else "-" for s in sizes]
            lines.append(f"| {label} | " + " | ".join(row) + " |")
    row = [f"{s['excess_ratio']:.2f}" for s in sizes]
    lines.append("| **excess over the truth, Revealed / original** | " + " | ".join(row) + " |")
    for size in sizes:
        if "bootstrap" in size:
            boot = size["bootstrap"]
            head = f"{boot['replicates']:,} refits at n = {size['n']}"
            lines += ["", f"| {head} | CPU seconds | evalica's over it |", "| --- | --- | --- |"]
            for key, value in boot["seconds"].items():
                ratio = boot["seconds"]["evalica"] / value
                note = f" ({boot['scaled'][key]})" if key in boot["scaled"] else ""
                lines.append(f"| {key.replace('_', ', ')}{note} | {value:.3g} | {ratio:.3g} |")
    lines += ["", f"Peak memory of fits, HC3 and refits: {results['peak_memory_mb']:,.0f} MB."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the results here as JSON ('-': print)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 1500, 5000])
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--spread", type=float, default=SPREAD)
    options = parser.parse_args()
    backends = ["numpy"]
    try:
        get_backend("cupy")
        backends.append("cupy")
    except ConfigError:
        print("No CUDA device: NumPy only.", file=sys.stderr)
    results: dict[str, Any] = {"machine": machine(), "spread": options.spread, "sizes": []}
    for n in options.sizes:
        print(f"n = {n} ...", file=sys.stderr, flush=True)
        results["sizes"].append(measure(n, options.spread, options.replicates, backends))
    print("memory ...", file=sys.stderr, flush=True)
    results["peak_memory_mb"] = memory(max(options.sizes), options.replicates)
    text = json.dumps(results, indent=1)
    if options.json is not None and str(options.json) != "-":
        options.json.write_text(text + "\n", encoding="utf-8")
    if str(options.json) == "-":
        print(text)
        return
    print(json.dumps(results["machine"]))
    print(table(results))


if __name__ == "__main__":
    main()
