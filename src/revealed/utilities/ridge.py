"""Empirical-Bayes choice of the ridge: how far apart utilities are, learnt from all of them.

The prior u ~ N(0, 1/lambda) is mandatory (maximum likelihood has no finite optimum on most real
data), and its width is itself estimated: lambda = (N - 1) / (|mu|² + tr C - 1/lambda), the
stationary point of the Laplace evidence (MacKay 1992, "Bayesian interpolation"), where 1/lambda is
the variance of the one direction that no comparison sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .models import CaseV, ItemVariances
from .solver import DECREMENT, Evaluation, Solution, conjugate_gradients, minimize

EXACT_ITEMS = 200
"""Up to here the trace is exact; above it is estimated from random signs, good to about 1 %."""
LARGEST = 1e6
"""Prior precision at which all utilities are equal for every purpose: no signal."""
_SMALLEST = 1e-3

Model = CaseV | ItemVariances


def centred_trace(model: Model, at: Evaluation, theta: np.ndarray) -> float:
    """Trace of the utilities' posterior covariance without the direction common to all.

    Hutchinson's estimator (1990) above `EXACT_ITEMS`, with the preconditioner as control variate
    and a fixed seed: the same answers always get the same ridge.
    """
    n, backend = model.data.n, model.backend
    if n <= EXACT_ITEMS:
        matrix = backend.asarray(model.information(theta, fisher=model.lapse > 0))
        block = backend.to_numpy(backend.inverse(matrix))[:n, :n]
        return float(np.trace(block) - block.sum() / n)
    probes = min(max(round(8000 / n), 4), 16)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(n, probes))
    signs -= signs.mean(axis=0)
    right = np.zeros((model.size, probes))
    right[:n] = signs
    solved, _ = conjugate_gradients(at, backend.asarray(right), backend, 0.01)
    guess = 1 / backend.to_numpy(at.diagonal)[:n]
    difference = (signs * (backend.to_numpy(solved)[:n] - guess * signs)).sum(axis=0)
    return float(difference.mean() + (1 - 1 / n) * guess.sum())


def empirical_bayes(
    make: Callable[[float], Model], start: np.ndarray, *, tolerance: float = 1e-3
) -> tuple[Model, Solution]:
    """Fit with the ridge at its fixed point, to a relative `tolerance`.

    Parameters
    ----------
    make
        Builds the model for a ridge.
    start
        Parameters to start from, shape (parameters, 1).

    Notes
    -----
    The update is a fixed-point iteration in log lambda, sped up by the secant rule: without a
    signal it would crawl to infinity. The trace hardly moves near the optimum, so above
    `EXACT_ITEMS` items, where it costs most, it is renewed only after lambda moved by a tenth.
    """
    spread = float((start[:-1] ** 2).mean())
    log_ridge = float(np.clip(-math.log(max(spread, 1e-9)), math.log(_SMALLEST), math.log(1e3)))
    theta, trace, traced = None, 0.0, math.inf
    past: list[tuple[float, float]] = []
    nats = 1e-2
    for _ in range(60):
        model = make(math.exp(log_ridge))
        n, backend = model.data.n, model.backend
        theta = backend.asarray(start) if theta is None else theta
        found = minimize(model, theta, fisher=model.lapse > 0, decrement=nats)
        theta = found.theta
        host = backend.to_numpy(theta)[:, 0]
        if n <= EXACT_ITEMS or not abs(log_ridge - traced) < 0.1:
            trace, traced = centred_trace(model, found.evaluation, host), log_ridge
        size = float(((host[:n] - host[:n].mean()) ** 2).sum()) + trace
        wanted = math.log(max(n - 1, 1) / max(size, 1e-300))
        change = wanted - log_ridge
        if abs(change) < tolerance or log_ridge >= math.log(LARGEST):
            break
        past = [*past[-1:], (log_ridge, change)]
        move = change
        if len(past) == 2 and past[1][1] != past[0][1]:
            secant = -change * (past[1][0] - past[0][0]) / (past[1][1] - past[0][1])
            # Only a step in the update's own direction and no wild one is believed.
            move = secant if 0 < secant / change < 1e3 else change
        log_ridge += float(np.clip(move, -2.5, 2.5))
        log_ridge = float(np.clip(log_ridge, math.log(_SMALLEST), math.log(LARGEST)))
        nats = 1e-4
    found = minimize(model, theta, fisher=model.lapse > 0, decrement=DECREMENT)
    return model, found
