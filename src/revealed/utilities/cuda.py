"""Refits of Case V in one CUDA kernel (``refit.cu``), for one respondent or many at once.

Nothing rests on this file: a replicate that its plain Newton iteration cannot finish is refitted by
the array version, and tests hold it to the compiled loop of the CPU. It knows the order effect and
no lapse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from revealed.foundation.backend import NUMPY, Backend
from revealed.foundation.errors import EstimationError

from .likelihood import Link, terms
from .models import PairData
from .resampling import Scheme, key_of

THREADS, BLOCKS = 512, 2
"""Threads of a block, and the blocks that a multiprocessor holds at once."""
_SCHEMES: dict[Scheme, int] = {"multinomial": 0, "exponential": 1}
_SLICE = 32
_BUFFER = 128
"""Numbers of shared memory in which the warps of a block add up."""
_FREE = 0.8
"""Share of the free memory that one launch may take."""


class Problem(NamedTuple):
    """What is refitted: pairs, the optimum with all weights one, shape (n + 1,), and the ridge."""

    data: PairData
    theta: np.ndarray
    ridge: float


class Rows(NamedTuple):
    """Items sorted by their number of pairs, and each one's pairs in slices of 32 rows (SELL-32).

    ``items[r]`` is the item in row r; ``slices`` (rows / 32 + 1) the first slot of each slice;
    ``other`` and ``pair`` (slots) the row of a slot's other item and its pair; ``answers`` (slots,
    4) chosen first and second with the row's item listed first, then with the other; zero in the
    slots that fill a slice up. ``low`` (slots) says whether the row's item is the pair's low one.
    """

    items: np.ndarray
    slices: np.ndarray
    other: np.ndarray
    pair: np.ndarray
    answers: np.ndarray
    low: np.ndarray


@dataclass
class Work:
    """Newton steps and conjugate-gradient turns of all replicates, and the kernel's seconds."""

    steps: int = 0
    turns: int = 0
    seconds: float = 0.0


def sell(data: PairData) -> Rows:
    """Bring pairs into rows."""
    ends = np.concatenate([data.low, data.high])
    others = np.concatenate([data.high, data.low])
    pairs = np.tile(np.arange(data.m), 2)
    degree = np.bincount(ends, minlength=data.n)
    items = np.argsort(-degree, kind="stable")
    row_of = np.empty(data.n, dtype=np.int64)
    row_of[items] = np.arange(data.n)
    widths = degree[items][::_SLICE]
    slices = np.append(0, np.cumsum(widths * _SLICE))
    row = row_of[ends]
    by_row = np.argsort(row, kind="stable")
    before = np.append(0, np.cumsum(degree[items]))[:-1]
    place = np.empty(len(row), dtype=np.int64)
    place[by_row] = np.arange(len(row)) - before[row[by_row]]
    slot = slices[row // _SLICE] + place * _SLICE + row % _SLICE
    total = int(slices[-1])
    other = np.zeros(total, dtype=np.uint16)
    pair = np.zeros(total, dtype=np.int32)
    answers = np.zeros((total, 4))
    low = np.zeros(total, dtype=bool)
    other[slot], pair[slot] = row_of[others], pairs
    counts = data.counts.reshape(4, -1).T
    answers[slot] = np.concatenate([counts, counts[:, [2, 3, 0, 1]]])
    low[slot[: data.m]] = True
    return Rows(items.astype(np.int32), slices.astype(np.int32), other, pair, answers, low)


def _known(rows: Rows, data: PairData, theta: np.ndarray, link: Link) -> np.ndarray:
    """Scores and curvatures of both orders at `theta`, shape (slots, 4); zero where no pair is."""
    x, order, counts = theta[data.low] - theta[data.high], theta[-1], data.counts.reshape(4, -1)
    low = terms(order + x, counts[0], counts[1], link, 0.0, NUMPY)
    high = terms(order - x, counts[2], counts[3], link, 0.0, NUMPY)
    whole: np.ndarray = np.stack([low.score, high.score, low.curvature, high.curvature], axis=1)[
        rows.pair
    ]
    whole[~rows.low] = whole[~rows.low][:, [1, 0, 3, 2]]
    whole[rows.answers.sum(axis=1) == 0] = 0.0
    return whole


def most_items(backend: Backend) -> int:
    """Items that the kernel can hold: a block's shared memory has a number for each."""
    memory = backend.xp.cuda.Device().attributes["MaxSharedMemoryPerBlockOptin"]
    return min(int(memory) // 8 - _BUFFER, 2**16)


@cache
def _kernel() -> Any:
    import cupy

    source = files(__package__).joinpath("refit.cu").read_text(encoding="utf-8")
    options = ("--std=c++17", f"-DTHREADS={THREADS}", f"-DBLOCKS={BLOCKS}")
    return cupy.RawKernel(source, "refit", options=options)


def refit(
    problems: Sequence[Problem],
    replicates: range,
    seed: int,
    *,
    link: Link,
    precision: float,
    backend: Backend,
    scheme: Scheme = "multinomial",
    last: float = 1e-3,
    tight: float = 1e-3,
    work: Work | None = None,
) -> list[np.ndarray]:
    """Refit every problem with the weights of every replicate, all in as few launches as fit.

    Parameters
    ----------
    replicates, seed, scheme
        Of the weights, see `resampling.pair_weights`.
    precision
        Prior precision of the order effect.
    last
        A step whose decrement (nats) is below this is taken and is the last.
    tight
        Inner tolerance of the last steps.
    work
        Counts what was done, if given.

    Returns
    -------
    list
        A problem's parameters, shape (replicates, n + 1); NaN where the iteration did not converge.

    Raises
    ------
    EstimationError
        If not even one replicate fits the device's free memory.
    """
    cupy = backend.xp
    rows = [sell(p.data) for p in problems]
    n = np.array([p.data.n for p in problems])
    m = np.array([p.data.m for p in problems])
    slots = np.array([len(r.other) for r in rows])

    def before(sizes: np.ndarray) -> np.ndarray:
        return np.append(0, np.cumsum(sizes))[:-1]

    fixed = [
        cupy.asarray(np.concatenate([r.slices for r in rows])),
        cupy.asarray(np.concatenate([r.items for r in rows])),
        cupy.asarray(np.concatenate([r.other for r in rows])),
        cupy.asarray(np.concatenate([r.pair for r in rows])),
        cupy.asarray(np.concatenate([r.answers for r in rows])),
        cupy.asarray(np.concatenate([_known(r, p.data, p.theta, link)
                                     for p, r in zip(problems, rows, strict=True)])),
        cupy.asarray(np.concatenate([p.theta for p in problems])),
    ]  # fmt: skip
    ridges = cupy.asarray(np.array([p.ridge for p in problems], dtype=float))
    kernel = _kernel()
    shared = 8 * (_BUFFER + int(n.max()))
    kernel.max_dynamic_shared_size_bytes = shared
    device = cupy.cuda.Device()
    multi = device.attributes["MultiProcessorCount"]
    most = int(slots.max()), int(m.max()), int(-(-n.max() // _SLICE) * _SLICE)
    scratch = 4 * most[0] + 8 * most[1] + 6 * 8 * most[2]
    cupy.get_default_memory_pool().free_all_blocks()
    free = int(_FREE * device.mem_info[0])
    resident = max(min(BLOCKS * multi, len(replicates) * len(problems)), 1)
    blocks = min(resident, (free // 2) // scratch)
    a_replicate = 8 * int((n + 1).sum())
    chunk = min(len(replicates), (free - blocks * scratch) // a_replicate)
    if blocks < 1 or chunk < 1:
        raise EstimationError(
            f"a refit of {int(n.max()):,} items needs {scratch + a_replicate:,} bytes on the "
            f"device, and {free:,} are free.",
            todo="Free memory there, or use the backend numpy.",
        )
    curvatures = cupy.empty(blocks * most[0], dtype=cupy.float32)
    weights, vectors = cupy.empty(blocks * most[1]), cupy.empty(blocks * most[2] * 6)
    found: list[list[np.ndarray]] = [[] for _ in problems]
    for first in range(0, len(replicates), chunk):
        count = min(chunk, len(replicates) - first)
        out = cupy.empty(count * int((n + 1).sum()))
        steps, turns = cupy.zeros((2, len(problems), count), dtype=cupy.int32)
        sizes = [np.append(0, np.cumsum([len(r.slices) for r in rows]))[:-1], before(slots)]
        shape = np.stack(
            [n, m, slots, *sizes, before(n + 1), before((n + 1) * count)], axis=1
        ).astype(np.int64)  # fmt: skip
        begun, ended = cupy.cuda.Event(), cupy.cuda.Event()
        begun.record()
        kernel(
            (blocks,), (THREADS,),
            (cupy.asarray(shape), ridges, *fixed, out, steps, turns,
             np.int64(replicates[first]), np.int64(count), np.int64(count * len(problems)),
             np.uint64(key_of(seed)), np.int32(_SCHEMES[scheme]), np.int32(link == "probit"),
             np.float64(precision), np.float64(last), np.float64(tight),
             curvatures, weights, vectors,
             np.int64(most[0]), np.int64(most[1]), np.int64(most[2])),
            shared_mem=shared,
        )  # fmt: skip
        ended.record()
        ended.synchronize()
        if work is not None:
            work.seconds += cupy.cuda.get_elapsed_time(begun, ended) / 1000
            work.steps += int(steps.sum())
            work.turns += int(turns.sum())
        taken = cupy.asnumpy(steps)
        whole = cupy.asnumpy(out)
        for k, problem in enumerate(problems):
            size, at = problem.data.n + 1, int(shape[k, 6])
            block = whole[at : at + count * size].reshape(count, size)
            block[taken[k] == 0] = np.nan
            found[k].append(block)
    return [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in found]
