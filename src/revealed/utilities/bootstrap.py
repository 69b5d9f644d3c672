"""Replicates of a fit: exact refits with pairs resampled, or draws from its HC3 normal.

Refits are for what is not a smooth function of the utilities; their quantiles under-cover here
(leverage at the extremes is high, see `covariance`), so they are not the default interval. Draws
from N(mean, HC3) serve ranks, ratios and top sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from tqdm import tqdm

from revealed.foundation.backend import NUMPY, Backend, BackendName, get_backend
from revealed.foundation.errors import EstimationError

from .comparisons import Comparisons
from .models import ORDER_PRECISION, CaseV, PairData
from .resampling import Scheme, pair_weights
from .result import Fit
from .solver import minimize

# Elements of one temporary (orders x pairs x replicates): in cache on a CPU; enough to fill a GPU.
_CACHED, _FILLING = 2**15, 2**25


def bootstrap(
    comparisons: Comparisons,
    fit: Fit,
    replicates: int,
    seed: int,
    *,
    scheme: Scheme = "multinomial",
    backend: BackendName | Backend = "auto",
    compiled: bool | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Utilities of exact refits with pairs (both orders together) as the unit resampled.

    Parameters
    ----------
    comparisons
        What `fit` was fitted to.
    fit
        A Case V fit, whose ridge, lapse and gauge the replicates keep.
    replicates, seed
        How many, and from which random numbers: replicate k has the same weights on every backend
        and however many are asked for.
    compiled
        Use the fused loop: numba's on the CPU (default wherever numba is installed), one CUDA
        kernel on a GPU. They know the order effect and no lapse; other fits take the array version.

    Returns
    -------
    numpy.ndarray
        Shape (replicates, n), each in the fit's gauge.

    Raises
    ------
    EstimationError
        If the fit has per-item variances, or a replicate does not converge.
    """
    return bootstrap_many(
        [(comparisons, fit)], replicates, seed,
        scheme=scheme, backend=backend, compiled=compiled, progress=progress,
    )[0]  # fmt: skip


def bootstrap_many(
    fitted: Sequence[tuple[Comparisons, Fit]],
    replicates: int,
    seed: int,
    *,
    scheme: Scheme = "multinomial",
    backend: BackendName | Backend = "auto",
    compiled: bool | None = None,
    progress: bool = False,
) -> list[np.ndarray]:
    """`bootstrap` of many respondents: on a GPU all of them in one launch.

    Parameters and errors are those of `bootstrap`; one array a respondent, the same as alone.
    """
    if any(fit.variances != "common" for _, fit in fitted):
        raise EstimationError(
            "refits are for the common variance only.", todo="Draw from the fit instead (draw)."
        )
    if replicates < 1:
        raise EstimationError(f"{replicates} replicates are none.")
    device = get_backend(backend)
    if compiled is None:
        compiled = device.name == "cupy" or find_spec("numba") is not None
    made: list[np.ndarray | None] = [None] * len(fitted)
    if compiled and device.name == "cupy":
        from .cuda import most_items

        most = most_items(device)
        fused = [k for k, (_, fit) in enumerate(fitted) if _plain(fit) and len(fit.items) <= most]
        for k, found in zip(fused, _on_gpu([fitted[k] for k in fused], replicates, seed, scheme,
                                           device), strict=True):  # fmt: skip
            made[k] = found
    with tqdm(total=replicates * sum(found is None for found in made), unit="refit",
              disable=not progress, leave=False) as bar:  # fmt: skip
        for k, (comparisons, fit) in enumerate(fitted):
            if made[k] is None:
                loops = compiled and device.name == "numpy" and _plain(fit)
                run = _in_loops if loops else _in_arrays
                made[k] = run(comparisons, fit, replicates, seed, scheme, device, bar)
    return [
        np.asarray(found - found[:, fit.reference].mean(axis=1, keepdims=True))
        for found, (_, fit) in zip(made, fitted, strict=True)
        if found is not None
    ]


def _plain(fit: Fit) -> bool:
    """Whether the fused loops know this fit."""
    return fit.order_effect_fitted and fit.lapse == 0


def _start(fit: Fit) -> np.ndarray:
    return np.append(fit.mean - fit.mean.mean(), fit.order_effect)


def _on_gpu(
    fitted: Sequence[tuple[Comparisons, Fit]],
    replicates: int,
    seed: int,
    scheme: Scheme,
    device: Backend,
) -> list[np.ndarray]:
    from .cuda import Problem, refit

    made = []
    for link in {fit.link for _, fit in fitted}:
        places = [k for k, (_, fit) in enumerate(fitted) if fit.link == link]
        problems = [
            Problem(PairData(c.pairs, len(f.items), NUMPY), _start(f), f.ridge)
            for c, f in (fitted[k] for k in places)
        ]
        found = refit(problems, range(replicates), seed, link=link, precision=ORDER_PRECISION,
                      backend=device, scheme=scheme)  # fmt: skip
        made += list(zip(places, found, strict=True))
    result = []
    for k, whole in sorted(made, key=lambda pair: pair[0]):
        comparisons, fit = fitted[k]
        left = np.flatnonzero(np.isnan(whole[:, 0]))
        if len(left):
            data = PairData(comparisons.pairs, len(fit.items), device)
            for r in left:
                one = range(int(r), int(r) + 1)
                weights = pair_weights(data.m, one, seed, scheme)
                whole[r] = _refit(data, fit, _start(fit), weights)[:, 0]
        result.append(whole[:, :-1])
    return result


def _in_loops(
    comparisons: Comparisons, fit: Fit, replicates: int, seed: int, scheme: Scheme,
    device: Backend, bar: tqdm[Any],
) -> np.ndarray:  # fmt: skip
    from .kernel import LANES, prepare, refit_blocks, replicates_of, threads

    data = PairData(comparisons.pairs, len(fit.items), device)
    loops, ahead, theta = prepare(data, fit.link), 8 * threads(), _start(fit)
    found = []
    blocks = -(-replicates // LANES)
    for begin in range(0, blocks, ahead):
        some = range(begin, min(begin + ahead, blocks))
        refits = refit_blocks(loops, some, theta, fit.ridge, ORDER_PRECISION, seed, scheme)
        for k, block in zip(some, refits, strict=True):
            if block is None:
                weights = pair_weights(data.m, replicates_of(k), seed, scheme)
                block = _refit(data, fit, theta, weights)
            found.append(block[:-1].T)
        bar.update(min(some.stop * LANES, replicates) - some.start * LANES)
    return np.concatenate(found)[:replicates]


def _in_arrays(
    comparisons: Comparisons, fit: Fit, replicates: int, seed: int, scheme: Scheme,
    device: Backend, bar: tqdm[Any],
) -> np.ndarray:  # fmt: skip
    order_effect = fit.order_effect_fitted
    data = PairData(comparisons.pairs, len(fit.items), device, order_effect=order_effect)
    size, theta, found = _block_size(data, device), _start(fit), []
    for begin in range(0, replicates, size):
        some = range(begin, min(begin + size, replicates))
        found.append(_refit(data, fit, theta, pair_weights(data.m, some, seed, scheme))[:-1].T)
        bar.update(len(some))
    return np.concatenate(found)


def _block_size(data: PairData, device: Backend) -> int:
    """Replicates refitted side by side: what fills a cache, or the device's free memory."""
    rows = max(data.orders * data.m, 1)
    if device.name != "cupy":
        return int(max(_CACHED // rows, 1))
    # About forty arrays of a block's size are alive at the peak of a Newton step.
    device.xp.get_default_memory_pool().free_all_blocks()
    free = int(device.xp.cuda.Device().mem_info[0]) // (40 * 8)
    return int(max(min(_FILLING, free) // rows, 1))


def _refit(data: PairData, fit: Fit, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One block on the array backend, shape (n + 1, replicates)."""
    backend = data.backend
    model = CaseV(data, fit.link, fit.lapse, fit.ridge, backend.asarray(weights))
    start = backend.asarray(np.repeat(theta[:, None], weights.shape[1], axis=1))
    model.begin(start, backend.asarray(theta[:, None].copy()))
    found = minimize(model, start, last=1e-5)
    if not found.converged:
        raise EstimationError(f"a refit stopped at a decrement of {found.decrement:.1e} nats.")
    return backend.to_numpy(found.theta)


def draw(fit: Fit, replicates: int, seed: int) -> np.ndarray:
    """Utilities drawn from N(mean, HC3 covariance), shape (replicates, n)."""
    values, vectors = np.linalg.eigh(fit.covariance)
    # The gauge makes the covariance singular: rounding may leave eigenvalues just below zero.
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(seed).standard_normal((replicates, len(fit.items)))
    return np.asarray(fit.mean + normal @ root.T)
