"""Empirical-Bayes choice of the ridge: how far apart utilities are, learnt from all of them.

The prior u ~ N(0, 1/lambda) is mandatory (maximum likelihood has no finite optimum on most real
data), and its width is itself estimated: lambda = (N - 1) / (|mu|² + tr C - 1/lambda), the
stationary point of the Laplace evidence (MacKay 1992, "Bayesian interpolation"), where 1/lambda is
the variance of the one direction that no comparison sees.
"""

from __future__ import annotations

import math

import numpy as np

from .models import CaseV, ItemVariances
from .solver import DECREMENT, Evaluation, Solution, conjugate_gradients, minimize

EXACT_ITEMS = 200
"""Up to here the trace is exact; above it is estimated from random signs, good to about 1 %."""
LARGEST = 1e6
"""Prior precision at which all utilities are equal for every purpose: no signal."""
_SMALLEST = 1e-3
# Decrements (nats): below the first a Newton step is skipped while the ridge moves; above the
# second the utilities are still on their way and say nothing about the ridge's last digits.
_SMOOTH, _SETTLED = 1e-4, 1.0

Model = CaseV | ItemVariances


def centred_trace(model: Model, at: Evaluation, theta: np.ndarray) -> float:
    """Trace of the utilities' posterior covariance without the direction common to all.

    Hutchinson's estimator (1990) above `EXACT_ITEMS`, with the preconditioner as control variate
    and a fixed seed: the same answers always get the same ridge.
    """
    n, backend = model.data.n, model.backend
    at_theta = backend.asarray(theta[:, None])
    if n <= EXACT_ITEMS:
        matrix = backend.asarray(model.information(theta, fisher=model.lapse > 0))
        block = backend.to_numpy(backend.inverse(matrix))[:n, :n]
        return float(np.trace(block) - block.sum() / n)
    probes = 4  # each alone is good to about 1 % of a trace that is itself the smaller summand
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(n, probes))
    signs -= signs.mean(axis=0)
    right = np.zeros((model.size, probes))
    right[:n] = signs
    if model.lapse > 0:
        at = model.evaluate(at_theta, fisher=True)
    solved, _ = conjugate_gradients(at, backend.asarray(right), backend, 0.01)
    guess = 1 / backend.to_numpy(at.diagonal)[:n]
    difference = (signs * (backend.to_numpy(solved)[:n] - guess * signs)).sum(axis=0)
    return float(difference.mean() + (1 - 1 / n) * guess.sum())


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
    renewed only after lambda moved by a tenth.
    """
    n, backend = model.data.n, model.backend
    spread = float((start[:n] ** 2).mean())
    lowest, highest = math.log(_SMALLEST), math.log(LARGEST)
    log_ridge = min(max(-math.log(max(spread, 1e-3)), lowest), highest)
    theta = backend.asarray(start)
    trace, traced = 0.0, math.inf
    before: tuple[float, float] | None = None
    for _ in range(100):
        model = model.with_ridge(math.exp(log_ridge))
        found = minimize(model, theta, decrement=_SMOOTH, limit=1)
        theta = found.theta
        host = backend.to_numpy(theta)[:, 0]
        if n <= EXACT_ITEMS or not abs(log_ridge - traced) < 0.1:
            trace, traced = centred_trace(model, found.evaluation, host), log_ridge
        size = float(((host[:n] - host[:n].mean()) ** 2).sum()) + trace
        change = math.log(max(n - 1, 1) / max(size, 1e-300)) - log_ridge
        settled = found.decrement < _SETTLED
        if settled and (abs(change) < tolerance or log_ridge >= highest):
            break
        move = change
        if settled and before is not None and before[1] != change:
            secant = -change * (log_ridge - before[0]) / (change - before[1])
            # Only a step in the update's own direction, and not a wild one, is believed.
            move = secant if 0 < secant / change < 1e3 else change
        before = (log_ridge, change) if settled else None
        log_ridge = min(max(log_ridge + min(max(move, -2.5), 2.5), lowest), highest)
    return model, minimize(model, theta, decrement=DECREMENT)
