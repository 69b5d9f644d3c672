"""Utilities of the listed answers to each question, as draws from their posterior.

Utilities are known from few answers. They enter what follows as draws and not as points, so that a
slope on them is not pulled to zero by their noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from ...foundation.errors import DataError
from ..intervals import Array

DRAWS = 120
"""Draws of a question's utilities, over which the likelihood of its free answers is averaged."""


@dataclass(frozen=True)
class Utilities:
    """Utilities within questions, as draws from their posterior.

    Attributes
    ----------
    sources
        The questions, Q of them.
    items
        Item ids, shape (Q, K), in the order of the instrument.
    draws
        Draws of the utilities from their posterior, shape (`DRAWS`, Q, K), probit units; zero is
        the question's prior mean, and only differences within a question mean anything.
    order_effect
        Probit units towards the answer listed first.
    spread
        Prior standard deviation of utilities within a question, by empirical Bayes.
    """

    sources: tuple[str, ...]
    items: NDArray[np.object_]
    draws: Array
    order_effect: float
    spread: float

    @property
    def mean(self) -> Array:
        """Posterior mean, shape (Q, K)."""
        return np.asarray(self.draws.mean(axis=0))

    @property
    def ceiling(self) -> float:
        """Top-1 agreement of a respondent that always says what it truly likes best.

        The chance, over the posterior, that the answer of highest estimated utility is the one of
        highest utility.
        """
        return float((self.draws.argmax(axis=2) == self.mean.argmax(axis=1)).mean())


def utilities(choices: pd.DataFrame, items: pd.DataFrame, *, seed: int = 0) -> Utilities:
    """Utilities of listed answers from choices within questions.

    P(first) = Phi(u_first - u_second + w), u normal with one spread over all questions. w and a
    first spread maximise the marginal likelihood by Laplace's approximation (MacKay 1992); with
    few answers its posterior is too narrow and too near to zero, so spread and draws are then
    corrected by importance sampling.

    Parameters
    ----------
    choices
        Schema `CHOICES`, one respondent.
    items
        Index item, column ``source``; every question has the same number of items.

    Raises
    ------
    DataError
        If questions differ in their number of answers, or a choice crosses questions.
    """
    groups = [
        (str(source), list(group.index)) for source, group in items.groupby("source", sort=False)
    ]
    sizes = {len(names) for _, names in groups}
    if len(sizes) != 1:
        raise DataError("the questions differ in their number of listed answers.")
    (k,) = sizes
    place = {item: (q, i) for q, (_, names) in enumerate(groups) for i, item in enumerate(names)}
    wins, losses = np.zeros((2, len(groups), k, k))
    for row in choices.itertuples():
        (q, i), (other, j) = place[row.first], place[row.second]
        if q != other:
            raise DataError(f"{row.first!r} and {row.second!r} answer different questions.")
        wins[q, i, j] += row.n_first
        losses[q, i, j] += row.n_second
    asked = (wins + losses).sum(axis=(1, 2)) > 0
    names = np.array([n for _, n in groups], dtype=object)[asked]
    sources = tuple(source for (source, _), kept in zip(groups, asked, strict=True) if kept)
    wins, losses = wins[asked], losses[asked]

    def negative(parameters: Array) -> float:
        return -_laplace(wins, losses, float(np.exp(parameters[0])), float(parameters[1]))[2]

    found = optimize.minimize(
        negative, np.zeros(2), method="L-BFGS-B", bounds=[(-3.0, 2.0), (-3.0, 3.0)]
    )
    spread, order = float(np.exp(found.x[0])), float(found.x[1])
    rng = np.random.default_rng(seed)
    for _ in range(_ROUNDS):
        draws, weights = _importance(wins, losses, spread, order, rng)
        spread = float(np.sqrt(np.einsum("dq,dqk->", weights, draws**2) / draws[0].size))
    draws, weights = _importance(wins, losses, spread, order, rng)
    # Systematic resampling: as many draws, all of the same weight, with the least further noise.
    steps = (np.arange(DRAWS) + rng.random()) / DRAWS
    for q, cumulated in enumerate(np.cumsum(weights, axis=0).T):
        kept = np.minimum(np.searchsorted(cumulated, steps), len(draws) - 1)
        draws[:DRAWS, q] = draws[rng.permutation(kept), q]
    return Utilities(sources, names, draws[:DRAWS].copy(), order, spread)


_ROUNDS, _PROPOSED, _WIDER = 3, 300, 1.2
"""Rounds of the spread's fixed point, draws proposed in each, and how much wider than Laplace's
posterior they are drawn."""


def _importance(
    wins: Array, losses: Array, spread: float, order: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draws (D, Q, K) around Laplace's posterior, and their weights (D, Q), which sum to 1."""
    mode, covariance, _ = _laplace(wins, losses, spread, order)
    root = np.linalg.cholesky(covariance) * _WIDER
    normal = rng.standard_normal((_PROPOSED, *mode.shape))
    u = mode + np.einsum("qij,dqj->dqi", root, normal)
    i, j = np.nonzero(~np.eye(mode.shape[1], dtype=bool))
    z = u[:, :, i] - u[:, :, j] + order
    log = (wins[:, i, j] * special.log_ndtr(z) + losses[:, i, j] * special.log_ndtr(-z)).sum(axis=2)
    log += -0.5 * (u**2).sum(axis=2) / spread**2 + 0.5 * (normal**2).sum(axis=2)
    return u, np.asarray(special.softmax(log, axis=0))


def _laplace(wins: Array, losses: Array, spread: float, order: float) -> tuple[Array, Array, float]:
    """Posterior mode, covariance and log evidence for a given spread and order effect."""
    questions, k = wins.shape[:2]
    u = np.zeros((questions, k))
    prior = np.eye(k) / spread**2
    for _ in range(50):
        z = u[:, :, None] - u[:, None, :] + order
        up, down = special.log_ndtr(z), special.log_ndtr(-z)
        density = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
        a, b = np.exp(density - up), np.exp(density - down)
        g = wins * a - losses * b
        h = wins * a * (a + z) + losses * b * (b - z)
        gradient = g.sum(axis=2) - g.sum(axis=1) - u @ prior
        pairwise = h + h.transpose(0, 2, 1)
        hessian = -pairwise + prior
        index = np.arange(k)
        hessian[:, index, index] += pairwise.sum(axis=2)
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        u = u + np.clip(step, -2.0, 2.0)
        if np.abs(step).max(initial=0.0) < 1e-8:
            break
    loglik = (wins * up + losses * down).sum()
    evidence = (
        loglik
        - 0.5 * (u**2).sum() / spread**2
        - questions * k * np.log(spread)
        - 0.5 * np.linalg.slogdet(hessian)[1].sum()
    )
    return u, np.linalg.inv(hessian), float(evidence)
