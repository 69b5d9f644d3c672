"""Replicates of a fit: exact refits with pairs resampled, or draws from its HC3 normal.

Refits are for what is not a smooth function of the utilities; their quantiles under-cover here
(leverage at the extremes is high, see `covariance`), so they are not the default interval. Draws
from N(mean, HC3) serve ranks, ratios and top sets.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from tqdm import tqdm

from revealed.foundation.backend import Backend, BackendName, get_backend
from revealed.foundation.errors import EstimationError

from .comparisons import Comparisons
from .models import ORDER_PRECISION, CaseV, PairData
from .resampling import Scheme, pair_weights
from .result import Fit
from .solver import minimize

# Elements of one temporary (orders x pairs x replicates): in cache on a CPU, and enough to fill a
# GPU without outgrowing a small one's memory.
_ELEMENTS: dict[str, int] = {"numpy": 2**15, "cupy": 2**25}


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
        Use the numba kernel; default wherever numba is installed. It knows the order effect and no
        lapse on NumPy; other fits take the array version.

    Returns
    -------
    numpy.ndarray
        Shape (replicates, n), each in the fit's gauge.

    Raises
    ------
    EstimationError
        If the fit has per-item variances, or a replicate does not converge.
    """
    if fit.variances != "common":
        raise EstimationError(
            "refits are for the common variance only.", todo="Draw from the fit instead (draw)."
        )
    if replicates < 1:
        raise EstimationError(f"{replicates} replicates are none.")
    device = get_backend(backend)
    order_effect = fit.order_effect_fitted
    able = order_effect and fit.lapse == 0 and device.name == "numpy"
    if compiled is None:
        compiled = find_spec("numba") is not None
    compiled = compiled and able
    data = PairData(comparisons.pairs, len(fit.items), device, order_effect=order_effect)
    theta = np.append(fit.mean - fit.mean.mean(), fit.order_effect)
    size = _block_size(data, device.name)
    if compiled:
        from .kernel import LANES, prepare, refit_blocks, replicates_of, threads

        size, ahead = LANES, 8 * threads()
        loops = prepare(data, fit.link)
    result = np.empty((replicates, len(fit.items)))
    with tqdm(total=replicates, unit="refit", disable=not progress, leave=False) as bar:
        done = 0
        while done < replicates:
            if compiled:
                blocks = range(done // size, min(done // size + ahead, -(-replicates // size)))
                refits = refit_blocks(
                    loops, blocks, theta, fit.ridge, ORDER_PRECISION, seed, scheme
                )
                found = [
                    _refit(data, fit, theta, pair_weights(data.m, replicates_of(k), seed, scheme))
                    if refit is None
                    else refit
                    for k, refit in zip(blocks, refits, strict=True)
                ]
            else:
                asked = range(done, min(done + size, replicates))
                found = [_refit(data, fit, theta, pair_weights(data.m, asked, seed, scheme))]
            batch = np.concatenate(found, axis=1)[:-1].T[: replicates - done]
            result[done : done + len(batch)] = batch
            done += len(batch)
            bar.update(len(batch))
    return np.asarray(result - result[:, fit.reference].mean(axis=1, keepdims=True))


def _block_size(data: PairData, name: str) -> int:
    elements = _ELEMENTS.get(name, _ELEMENTS["numpy"])
    return int(max(elements // max(data.orders * data.m, 1), 1))


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
