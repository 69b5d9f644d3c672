"""Empirical-Bayes choice of the ridge: how far apart utilities are, learnt from all of them.

The prior u ~ N(0, 1/lambda) is mandatory (maximum likelihood has no finite optimum on most real
data), and its width is itself estimated: lambda = (N - 1) / (|mu|² + tr C - 1/lambda), the
stationary point of the Laplace evidence (MacKay 1992, "Bayesian interpolation"), where 1/lambda is
the variance of the one direction that no comparison sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from revealed.foundation.backend import Array

from .models import ORDER_PRECISION, CaseV, ItemVariances
from .solver import DECREMENT, Solution, conjugate_gradients, minimize

EXACT_ITEMS = 200
"""Up to here the trace is exact; above it is estimated from random signs, good to about 1 %."""
LARGEST = 1e6
"""Prior precision at which all utilities are equal for every purpose: no signal."""
_SMALLEST = 1e-3
COMPILED_PAIRS = 2000
"""From here on a compiled step saves more than importing the compiler costs, over a few fits."""
# Fisher information of an answer about z, at a z of about one.
_TYPICAL_INFORMATION = 0.4
# Decrements (nats): below the first a Newton step is skipped while the ridge moves; above the
# second the utilities are still on their way and say nothing about the ridge's last digits.
_SMOOTH, _SETTLED = 1e-4, 1.0

Model = CaseV | ItemVariances


def _rough_trace(model: Model, theta: np.ndarray) -> float:
    """The trace if information were a pair's average everywhere: for the first steps only."""
    data = model.data
    touched = np.bincount(data.low, minlength=data.n) + np.bincount(data.high, minlength=data.n)
    mean = data.counts.sum() / max(data.m, 1) * _TYPICAL_INFORMATION
    return float((1 / (touched * mean + model.ridge)).sum())


def centred_trace(model: Model, theta: Array) -> float:
    """Trace of the utilities' posterior covariance without the direction common to all.

    Hutchinson's estimator (1990) above `EXACT_ITEMS`, with the preconditioner as control variate
    and a fixed seed: the same answers always get the same ridge. `theta` has the shape
    (parameters, 1).
    """
    n, backend = model.data.n, model.backend
    if n <= EXACT_ITEMS:
        host = backend.to_numpy(theta)[:, 0]
        matrix = backend.asarray(model.information(host, fisher=model.lapse > 0))
        block = backend.to_numpy(backend.inverse(matrix))[:n, :n]
        return float(np.trace(block) - block.sum() / n)
    probes = 2  # each alone is good to about 1 % of a trace that is itself the smaller summand
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(n, probes))
    signs -= signs.mean(axis=0)
    right = np.zeros((model.size, probes))
    right[:n] = signs
    at = model.evaluate(theta, fisher=model.lapse > 0)
    solved, _ = conjugate_gradients(at, backend.asarray(right), backend, 0.03)
    guess = 1 / backend.to_numpy(at.diagonal)[:n]
    difference = (signs * (backend.to_numpy(solved)[:n] - guess * signs)).sum(axis=0)
    return float(difference.mean() + (1 - 1 / n) * guess.sum())


def _compiled(model: CaseV) -> Callable[[np.ndarray, float, float], float] | None:
    """Newton's step as a compiled loop, where there is one and the size is worth its import."""
    data = model.data
    able = model.backend.name == "numpy" and data.orders == 2 and model.lapse == 0
    if not able or data.m < COMPILED_PAIRS or find_spec("numba") is None:
        return None
    from .kernel import newton_step, prepare

    loops = prepare(data, model.link)
    ones = np.ones((data.m, 1))

    def step(theta: np.ndarray, ridge: float, nats: float) -> float:
        tolerance = 1e-2 if nats > 10 else 1e-3
        return newton_step(loops, ones, theta, ridge, ORDER_PRECISION, tolerance)

    return step


def empirical_bayes(
    model: CaseV, start: np.ndarray, *, tolerance: float = 1e-3
) -> tuple[CaseV, Solution]:
    """Fit with the ridge at its fixed point, to a relative `tolerance`.

    Parameters
    ----------
    model
        The model; its own ridge is ignored.
    start
        Parameters to start from, shape (parameters, 1).

    Notes
    -----
    The update is a fixed-point iteration in log lambda, sped up by the secant rule: without a
    signal it would crawl to infinity. One Newton step goes with one update of lambda. The trace
    hardly moves near the optimum, so above `EXACT_ITEMS` items, where it costs most, it is
    guessed from the preconditioner until the utilities are settled and renewed only after lambda
    moved by a tenth. The array solver has the last word: it starts where the steps ended.
    """
    n, backend = model.data.n, model.backend
    spread = float((start[:n] ** 2).mean())
    lowest, highest = math.log(_SMALLEST), math.log(LARGEST)
    log_ridge = min(max(-math.log(max(spread, 1e-3)), lowest), highest)
    theta = backend.asarray(start.copy())
    trace, traced = 0.0, math.inf
    before: tuple[float, float] | None = None
    compiled, nats = _compiled(model), math.inf
    for _ in range(100):
        model = model.with_ridge(math.exp(log_ridge))
        if compiled is not None:
            # A copy: the model remembers its likelihood by the identity of the array.
            theta = theta.copy()
            nats = compiled(theta, model.ridge, nats)
            if not math.isfinite(nats):
                compiled, theta = None, backend.asarray(start.copy())
        if compiled is None:
            found = minimize(model, theta, decrement=_SMOOTH, limit=1)
            theta, nats = found.theta, found.decrement
        settled = nats < _SETTLED
        host = backend.to_numpy(theta)[:, 0]
        if n <= EXACT_ITEMS or not abs(log_ridge - traced) < 0.1:
            if n > EXACT_ITEMS and not settled:
                trace = _rough_trace(model, host)
            else:
                trace, traced = centred_trace(model, theta), log_ridge
        size = float(((host[:n] - host[:n].mean()) ** 2).sum()) + trace
        change = math.log(max(n - 1, 1) / max(size, 1e-300)) - log_ridge
        if settled and (abs(change) < tolerance or log_ridge >= highest):
            break
        move = change
        if settled and before is not None and before[1] != change:
            secant = -change * (log_ridge - before[0]) / (change - before[1])
            # Only a step in the update's own direction, and not a wild one, is believed.
            move = secant if 0 < secant / change < 1e3 else change
        before = (log_ridge, change) if settled else None
        log_ridge = min(max(log_ridge + min(max(move, -2.5), 2.5), lowest), highest)
    if compiled is not None and nats > DECREMENT:
        theta = theta.copy()
        if not math.isfinite(compiled(theta, model.ridge, nats)):
            theta = backend.asarray(start.copy())
    return model, minimize(model, theta, decrement=DECREMENT)
