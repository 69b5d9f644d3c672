"""Simulated answers with known utilities, and the strategies that draw small comparisons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from scipy.special import ndtr

from revealed.utilities import Comparisons
from revealed.utilities.design import uniform_pairs


class Simulated(NamedTuple):
    comparisons: Comparisons
    utility: np.ndarray


def simulate(
    n: int = 40,
    pairs: int | np.ndarray = 300,
    answers: int = 10,
    *,
    order: float = 0.3,
    misfit: float = 0.0,
    lapse: float = 0.0,
    spread: float = 1.0,
    item_variance: float = 0.0,
    seed: int = 0,
    utility: np.ndarray | None = None,
    deviation: np.ndarray | None = None,
) -> Simulated:
    """Probit answers, `answers` an order, both orders of each pair.

    `deviation` (n, n), antisymmetric, is each pair's own, else drawn with `misfit`.
    """
    rng = np.random.default_rng(seed)
    u = rng.normal(0, spread, n) if utility is None else utility
    u = u - u.mean()
    chosen = uniform_pairs(n, pairs, rng) if isinstance(pairs, int) else pairs
    flip = rng.random(len(chosen)) < 0.5
    i, j = np.where(flip, chosen[:, 1], chosen[:, 0]), np.where(flip, chosen[:, 0], chosen[:, 1])
    v = 0.5 * np.exp(item_variance * rng.normal(size=n))
    own = rng.normal(0, misfit, len(i)) if deviation is None else deviation[i, j]
    x = (u[i] - u[j]) / np.sqrt(v[i] + v[j]) + own
    wins = [
        rng.binomial(answers, (1 - lapse) * ndtr(z) + lapse / 2) for z in (order + x, order - x)
    ]
    n_first = np.concatenate(wins).astype(float)
    items = tuple(f"item {k}" for k in range(n))
    comparisons = Comparisons(
        items, np.concatenate([i, j]), np.concatenate([j, i]), n_first, answers - n_first
    )
    return Simulated(comparisons, u)


@st.composite
def good_comparisons(draw: st.DrawFn) -> Comparisons:
    """Any valid comparisons of a few items, with at least one answer."""
    n = draw(st.integers(2, 7))
    index = st.integers(0, n - 1)
    rows = draw(
        st.lists(
            st.tuples(index, index, st.integers(0, 9), st.integers(0, 9)).filter(
                lambda row: row[0] != row[1]
            ),
            min_size=1,
            max_size=25,
        ).filter(lambda rows: sum(row[2] + row[3] for row in rows) > 0)
    )
    first, second, n_first, n_second = (np.array(column) for column in zip(*rows, strict=True))
    names = tuple(f"item {k}" for k in range(n))
    return Comparisons(names, first, second, n_first.astype(float), n_second.astype(float))
