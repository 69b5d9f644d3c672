"""The two probes: ridge on utilities, and w·h inside the Thurstone likelihood of the choices.

Both are linear in the features h with a penalty on |w|², hence functions of inner products: with K
those of the training outcomes and K* those of new outcomes with training ones, w·h is K* a. The
eigenvectors of K (K = U S U') give coordinates Z = U √S in which the penalty is |b|².
"""

from __future__ import annotations

import numpy as np

from ...foundation.backend import NUMPY, Array, Backend
from ...utilities import Comparisons
from ...utilities.likelihood import terms

PENALTIES: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Penalties tried, over the number of training outcomes; features have mean square 1."""

_SMALLEST = 1e-8
_TOLERANCE, _STEPS = 1e-8, 100


def coordinates(
    kernel: Array, train: np.ndarray, new: np.ndarray, backend: Backend = NUMPY
) -> tuple[Array, Array]:
    """Coordinates Z of training and new outcomes, shapes (train, r) and (new, r).

    Features are centred on the training outcomes; directions that do not vary there are left out.
    """
    xp = backend.xp
    block = kernel[np.ix_(train, train)]
    cross = kernel[np.ix_(new, train)]
    column = block.mean(axis=0)
    centred = block - column[None, :] - column[:, None] + block.mean()
    towards = cross - cross.mean(axis=1, keepdims=True) - column[None, :] + block.mean()
    values, vectors = xp.linalg.eigh(backend.asarray((centred + centred.T) / 2))
    host = backend.to_numpy(values)
    kept = np.flatnonzero(host > _SMALLEST * max(float(host[-1]), 1e-300))
    if not len(kept):
        return np.zeros((len(train), 0)), np.zeros((len(new), 0))
    u = backend.to_numpy(vectors)[:, kept]
    root = np.sqrt(host[kept])
    return u * root, (towards @ u) / root


def ridge_predictions(
    z: Array, z_new: Array, y: Array, penalties: tuple[float, ...] = PENALTIES
) -> Array:
    """Predicted utilities of new outcomes under each penalty, shape (penalties, new).

    In the coordinates of `coordinates` the columns of Z are orthogonal, so the ridge estimate is
    b = Z'(y - mean) / (S + n penalty) (Hoerl and Kennard 1970). Predictions are from the mean of
    the training utilities.
    """
    if not z.shape[1]:
        return np.zeros((len(penalties), len(z_new)))
    projected = z.T @ (y - y.mean())
    size = (z * z).sum(axis=0)
    weights = np.stack([projected / (size + len(y) * p) for p in penalties])
    return np.asarray(weights @ z_new.T)


def thurstone_predictions(
    z: Array,
    z_new: Array,
    choices: Comparisons,
    penalty: float,
    backend: Backend = NUMPY,
) -> Array:
    """Utilities of new outcomes from a probe fitted to the choices themselves, shape (new,).

    P(first) = Phi(b'(z_first - z_second) + w) with the order effect w and a prior under which
    `penalty` times the number of outcomes over 10 is the precision of b; the maximum a posteriori
    by Newton's method with step halving. Predictions are from the training outcomes' mean.

    Parameters
    ----------
    choices
        Comparisons whose items are the training outcomes, in the order of `z`.
    """
    xp = backend.xp
    rank = z.shape[1]
    if not rank or not len(choices):
        return np.zeros(len(z_new))
    rows = backend.asarray(
        np.column_stack([z[choices.first] - z[choices.second], np.ones(len(choices))])
    )
    across = xp.permute_dims(rows, (1, 0))
    first, second = (backend.asarray(n.astype(float)) for n in (choices.n_first, choices.n_second))
    # The order effect is nearly free; a prior of variance 100 keeps one-sided answers finite.
    precision = backend.asarray(np.r_[np.full(rank, penalty * len(z) / 10.0), 0.01])
    theta = backend.asarray(np.zeros(rank + 1))

    def value(at: Array) -> tuple[float, Array]:
        t = terms(rows @ at, first, second, backend=backend)
        return float(xp.sum(t.log_likelihood)) - 0.5 * float(xp.sum(precision * at * at)), t

    current, t = value(theta)
    for _ in range(_STEPS):
        gradient = across @ t.score - precision * theta
        hessian = (across * t.curvature) @ rows + xp.eye(rank + 1) * precision
        step = xp.linalg.solve(hessian, xp.reshape(gradient, (-1, 1)))[:, 0]
        decrement = float(xp.sum(gradient * step))
        size = 1.0
        while True:
            proposed, moved = value(theta + size * step)
            if proposed >= current or size < 1e-6:
                break
            size /= 2
        theta, current, t = theta + size * step, proposed, moved
        if decrement < _TOLERANCE:
            break
    b = backend.to_numpy(theta)[:rank]
    return np.asarray(z_new @ b - (z @ b).mean())
