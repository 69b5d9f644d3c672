"""How a quantity curve is fitted: damped Newton, item effects, the sandwich over pairs.

Dense, because a curve has few parameters; `fit` has the same for a free utility an item. Knows the
design of `curve_model`, and nothing of goods.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import linalg
from scipy.sparse import csr_array

from .curve_model import Array, Index, Model
from .likelihood import Link, Terms, terms

_MAX_ITERATIONS = 100
_MAX_LEVERAGE = 0.95
_LEAST_ITEM_SD = 0.02
_ITEM_SD_ROUNDS = 20
_DENSE = 120


class Answered(NamedTuple):
    """The rows of a fit and how they are read."""

    first: Index
    second: Index
    n_first: Array
    n_second: Array
    link: Link
    lapse: float
    order: float


class Found(NamedTuple):
    """Where Newton stopped, with what every interval is made of."""

    theta: Array
    log_likelihood: float
    decrement: float
    iterations: int
    hessian: Array
    jacobian: Array
    row: Terms


def newton(model: Model, answered: Answered, theta: Array) -> Found:
    """Damped Newton from `theta` to a decrement of 1e-8 nats."""
    first, second, n_first, n_second, link, lapse, order = answered
    rows = model.design[first] - model.design[second]
    rows[:, -1] = order
    # With item effects nearly all of the rows is zero, and sparse products are quicker.
    sparse = csr_array(rows) if rows.shape[1] > _DENSE else None

    def penalised(theta: Array) -> tuple[float, float]:
        z = rows @ model.transform(theta)
        ll = float(terms(z, n_first, n_second, link, lapse).log_likelihood.sum())
        away = theta - model.prior_mean
        return -ll + 0.5 * float(away @ model.prior @ away), ll

    loss, ll = penalised(theta)
    decrement, iteration = np.inf, 0
    while iteration < _MAX_ITERATIONS:
        iteration += 1
        hessian, gradient, row = _curvature(model, rows, sparse, theta, answered)
        step = -linalg.cho_solve(linalg.cho_factor(hessian), gradient)
        decrement = float(-gradient @ step) / 2.0
        if decrement < 1e-8:
            break
        length = 1.0
        while length > 1e-8:
            trial, trial_ll = penalised(theta + length * step)
            if trial <= loss - 1e-4 * length * 2.0 * decrement:
                break
            length /= 2.0
        else:
            break
        theta, loss, ll = theta + length * step, trial, trial_ll
    else:
        hessian, _, row = _curvature(model, rows, sparse, theta, answered)
    return Found(theta, ll, decrement, iteration, hessian, rows * model.derivative(theta), row)


def with_effects(model: Model, answered: Answered, theta: Array) -> tuple[Model, Found, float]:
    """Add item effects, their precision by MacKay's fixed point: 1/sd^2 = gamma / |effects|^2.

    gamma, the effective number of effects, is n - tr C / sd^2 over the items that were compared
    (MacKay 1992, Neural Computation 4:415).
    """
    n = len(model.design)
    theta = np.insert(theta, [len(theta) - 1] * n, 0.0)
    model = model.with_item_effects()
    effect = np.arange(model.effect.start, model.effect.stop)
    used = np.isin(np.arange(n), np.concatenate([answered.first, answered.second]))
    sd = 0.3
    for _ in range(_ITEM_SD_ROUNDS):
        model.prior[effect, effect] = 1.0 / sd**2
        found = newton(model, answered, theta)
        theta = found.theta
        variance = np.diag(linalg.inv(found.hessian))[effect][used]
        gamma = float(used.sum()) - float(variance.sum()) / sd**2
        squares = float((theta[effect][used] ** 2).sum())
        new = max(_LEAST_ITEM_SD, float(np.sqrt(squares / max(gamma, 1e-9))))
        if abs(new - sd) < 0.02 * sd:
            break
        sd = new
    else:
        # Towards zero the fixed point creeps, and what is left of it moves no interval.
        model.prior[effect, effect] = 1.0 / sd**2
        found = newton(model, answered, theta)
    return model, found, sd


def _curvature(
    model: Model, rows: Array, sparse: csr_array | None, theta: Array, answered: Answered
) -> tuple[Array, Array, Terms]:
    """Penalised Hessian and gradient in theta, and the terms of every row.

    With a lapse the likelihood is not concave and Fisher's information stands for the curvature.
    """
    z = rows @ model.transform(theta)
    row = terms(z, answered.n_first, answered.n_second, answered.link, answered.lapse)
    score, weight = row.score, row.information if answered.lapse > 0 else row.curvature
    inner = model.derivative(theta)
    towards = (rows.T @ score) * inner
    gradient = model.prior @ (theta - model.prior_mean) - towards
    if sparse is None:
        square = rows.T @ (weight[:, None] * rows)
    else:
        square = (sparse.T @ sparse.multiply(weight[:, None])).toarray()
    hessian = inner[:, None] * square * inner + model.prior
    if model.exponential.any():
        # exp is its own second derivative; where that makes the Hessian indefinite leave it out
        # (Gauss-Newton), which changes the path and not the optimum.
        full = hessian - np.diag(np.where(model.exponential, towards, 0.0))
        if linalg.eigvalsh(full, subset_by_index=[0, 0])[0] > 1e-6:
            hessian = full
    return hessian, gradient, row


def pairs_of(first: Index, second: Index) -> Index:
    """Rows of each unordered pair, shape (pairs, rows a pair), padded with -1."""
    key = np.stack([np.minimum(first, second), np.maximum(first, second)], axis=1)
    _, group = np.unique(key, axis=0, return_inverse=True)
    group = np.asarray(group).ravel()
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group)
    within = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((len(counts), int(counts.max())), -1, dtype=np.intp)
    table[group[order], within] = order
    return table


def sandwich(bread: Array, jacobian: Array, score: Array, weight: Array, pairs: Index) -> Array:
    """A^-1 (sum of adjusted pair scores' outer products) A^-1.

    The cluster form of HC3 (MacKinnon and White 1985; CR3 in Bell and McCaffrey 2002): a pair's
    scores are multiplied by (I - H)^-1, with H its block of the hat matrix.
    """
    present = pairs >= 0
    x = np.where(present[..., None], jacobian[pairs], 0.0)
    s = np.where(present, score[pairs], 0.0)
    root = np.sqrt(np.where(present, np.maximum(weight[pairs], 0.0), 0.0))
    hat = np.einsum("crp,pq,csq->crs", x, bread, x, optimize=True)
    hat *= root[:, :, None] * root[:, None, :]
    values, vectors = np.linalg.eigh(hat)
    stretch = 1.0 / (1.0 - np.minimum(values, _MAX_LEVERAGE))
    # (I - W H)^-1 s = R (I - R H R)^-1 R^-1 s with R = W^1/2.
    safe = np.where(root > 1e-150, root, 1.0)
    inner = np.einsum("crk,ck,csk,cs->cr", vectors, stretch, vectors, s / safe, optimize=True)
    adjusted = np.where(root > 1e-150, root * inner, s)
    meat_rows = np.einsum("crp,cr->cp", x, adjusted) @ bread
    return np.asarray(meat_rows.T @ meat_rows)


def misfit_variance(
    score: Array, weight: Array, pairs: Index, towards: Array, parameters: int
) -> float:
    """Variance of a pair's own deviation: E[s^2] = W + W^2 sigma^2, by moments.

    `towards` is +1 where the pair is listed one way and -1 the other, because a deviation that
    favours the option listed first in the one order goes against it in the other.
    """
    present = pairs >= 0
    s = np.where(present, (score * towards)[pairs], 0.0).sum(axis=1)
    w = np.where(present, weight[pairs], 0.0).sum(axis=1)
    freedom = max(1, len(pairs) - parameters) / len(pairs)
    squares = float((w**2).sum())
    return max(0.0, (float((s**2).sum()) / freedom - float(w.sum())) / squares) if squares else 0.0
