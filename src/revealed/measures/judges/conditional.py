"""Logit given the totals of each group: what differs within a group, whatever its level.

Every verdict on one thing (a pair of answers, or one question's answers) shares how good that thing
is. Conditioning on how many verdicts in the group were positive removes that quality exactly
(Chamberlain 1980, Review of Economic Studies 47, equations 2.4 and 2.5), so that quality needs no
proxy and adds no noise. With one positive verdict a group this is McFadden's conditional logit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ...foundation.errors import EstimationError
from ..intervals import Array, Estimate

_STEPS = 50
_SMALL = 1e-9
_LARGEST = 10.0
"""Log odds by which a usual difference in a covariate may move a verdict; beyond it the verdicts
separate and no estimate is finite."""


@dataclass(frozen=True)
class Coefficients:
    """Estimated coefficients with the covariance that whole clusters imply.

    Attributes
    ----------
    names, values, covariance
        In the same order.
    clusters
        How many clusters (questions, prompts) the covariance rests on.
    freedom
        Degrees of freedom of the t distribution that intervals use.
    method
        What was done, in words.
    """

    names: tuple[str, ...]
    values: Array
    covariance: Array
    clusters: int
    freedom: float
    method: str

    def __getitem__(self, name: str) -> Estimate:
        """A coefficient with its 95 % interval."""
        weights = np.zeros(len(self.names))
        weights[self.names.index(name)] = 1.0
        return self.contrast(weights)

    def contrast(self, weights: ArrayLike) -> Estimate:
        """A weighted sum of coefficients with its 95 % interval."""
        w = np.asarray(weights, float)
        value, se = float(w @ self.values), float(np.sqrt(w @ self.covariance @ w))
        half = float(stats.t.ppf(0.975, self.freedom)) * se
        freedom = self.freedom if np.isfinite(self.freedom) else None
        ends = value - half, value + half
        return Estimate(value, *ends, self.clusters, self.method, freedom=freedom)


class _Packed(NamedTuple):
    """Groups of one length: rows (groups, rows, columns), positives, cluster of each group."""

    x: Array
    y: Array
    cluster: NDArray[np.int64]


def conditional_logit(
    x: ArrayLike, y: ArrayLike, group: ArrayLike, cluster: ArrayLike, names: tuple[str, ...]
) -> Coefficients:
    """Logit of `y` on `x` with a free level for every group, by conditional likelihood.

    Parameters
    ----------
    x, y
        Covariates (n, p) and verdicts (n,) of 0 or 1.
    group, cluster
        Of each row, shape (n,). Groups without both verdicts say nothing and are left out; a
        cluster holds whole groups.
    names
        Of the p columns.

    Returns
    -------
    Coefficients
        With the jackknife covariance over clusters, each left-out estimate taken by one Newton
        step (the equivalent of HC3 for clusters, which holds its size with few of them), and one
        degree of freedom less than there are clusters.

    Raises
    ------
    EstimationError
        If fewer than 5 clusters are left, columns cannot be told apart, or the answers separate.
    """
    packed, clusters = _pack(
        np.asarray(x, float), np.asarray(y, float), np.asarray(group), np.asarray(cluster)
    )
    p = len(names)
    if clusters < 5:
        raise EstimationError(f"only {clusters} clusters hold verdicts that differ; 5 are needed.")
    centred = [part.x - part.x.mean(axis=1, keepdims=True) for part in packed]
    usual = np.sqrt(np.mean(np.concatenate([c.reshape(-1, p) for c in centred]) ** 2, axis=0))
    beta = np.zeros(p)
    value, score, information = _likelihood(packed, beta, clusters)
    scaled = information.sum(axis=0) / np.outer(usual, usual).clip(min=_SMALL**2)
    if (usual == 0).any() or np.linalg.cond(scaled) > 1e10:
        raise EstimationError(f"the verdicts do not tell {', '.join(names)} apart.")
    for _ in range(_STEPS):
        step = np.linalg.solve(information.sum(axis=0), score.sum(axis=0))
        while True:
            tried = _likelihood(packed, beta + step, clusters)
            if tried[0] >= value - 1e-12 or np.abs(step).max() < _SMALL:
                break
            step = step / 2
        beta, (value, score, information) = beta + step, tried
        if (moves := np.abs(beta) * usual).max() > _LARGEST:
            worst = names[int(moves.argmax())]
            raise EstimationError(f"the verdicts separate on {worst}: no finite estimate.")
        if np.abs(step).max() < _SMALL:
            break
    else:
        raise EstimationError("the conditional likelihood has no maximum within reach.")
    whole = information.sum(axis=0)
    moved = np.array(
        [np.linalg.solve(whole - part, -s) for part, s in zip(information, score, strict=True)]
    )
    covariance = (clusters - 1) / clusters * moved.T @ moved
    method = "conditional logit given each group's total, jackknife over clusters"
    return Coefficients(names, beta, covariance, clusters, clusters - 1, method)


def _pack(x: Array, y: Array, group: Array, cluster: Array) -> tuple[list[_Packed], int]:
    """Groups with both verdicts, gathered by their number of rows and of positives."""
    order = np.argsort(group, kind="stable")
    x, y, group, cluster = x[order], y[order], group[order], cluster[order]
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sizes = np.diff(np.r_[starts, len(group)])
    totals = np.add.reduceat(y, starts) if len(starts) else np.array([])
    used = (totals > 0) & (totals < sizes)
    _, places = np.unique(cluster[starts[used]], return_inverse=True)
    place = np.full(len(starts), -1)
    place[used] = places
    packed = []
    for size, total in sorted({*zip(sizes[used], totals[used], strict=True)}):
        at = np.flatnonzero(used & (sizes == size) & (totals == total))
        rows = starts[at][:, None] + np.arange(int(size))
        packed.append(_Packed(x[rows], y[rows], place[at]))
    return packed, int(places.max()) + 1 if len(places) else 0


def _likelihood(packed: list[_Packed], beta: Array, clusters: int) -> tuple[float, Array, Array]:
    """Log-likelihood, and score (clusters, p) and information (clusters, p, p) of each cluster."""
    p = len(beta)
    value, score, information = 0.0, np.zeros((clusters, p)), np.zeros((clusters, p, p))
    for x, y, cluster in packed:
        # Centring within a group changes nothing but keeps the exponentials in range.
        x = x - x.mean(axis=1, keepdims=True)
        mean, second, log_sum = _moments(x, np.exp(x @ beta), round(float(y[0].sum())))
        chosen = np.einsum("gt,gtp->gp", y, x)
        value += float((chosen @ beta - log_sum).sum())
        np.add.at(score, cluster, chosen - mean)
        np.add.at(information, cluster, second - mean[:, :, None] * mean[:, None, :])
    return value, score, information


def _moments(x: Array, w: Array, total: int) -> tuple[Array, Array, Array]:
    """Mean and second moment of the sum of x over all choices of `total` rows, weighted by w.

    The elementary symmetric functions and their first two derivatives, row by row (Gail, Lubin
    and Rubinstein 1981, Biometrika 68).
    """
    groups, rows, p = x.shape
    f = np.zeros((groups, total + 1))
    g = np.zeros((groups, total + 1, p))
    h = np.zeros((groups, total + 1, p, p))
    f[:, 0] = 1.0
    for t in range(rows):
        a, v = w[:, t, None], x[:, t]
        outer = v[:, :, None] * v[:, None, :]
        cross = v[:, None, :, None] * g[:, :-1, None, :]
        h[:, 1:] += a[..., None, None] * (
            h[:, :-1] + cross + cross.swapaxes(2, 3) + outer[:, None] * f[:, :-1, None, None]
        )
        g[:, 1:] += a[..., None] * (g[:, :-1] + v[:, None] * f[:, :-1, None])
        f[:, 1:] += a * f[:, :-1]
    last = f[:, total]
    return g[:, total] / last[:, None], h[:, total] / last[:, None, None], np.log(last)
