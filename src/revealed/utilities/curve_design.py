"""Which pairs to ask for a quantity curve: a connected random start, then D-optimal rounds.

Both rounds are functions of the items, a number of pairs and a generator, and return positions in
the items table, shape (m, 2), no pair twice; each pair is to be asked in both orders. A fixed share
of every round is the same quantity of two goods (N against N), which needs no curve to be read, and
a fixed share pits goods against dollars.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..foundation.errors import EstimationError
from .curve import CurveFit
from .curve_model import Array, Grid, Index, grid_of
from .likelihood import terms

EQUAL_SHARE = 0.25
DOLLAR_SHARE = 0.15
LEAST_MISFIT = 0.05
"""No respondent is taken for exact: of two equal pairs the one not asked yet is asked."""


def first_round(items: pd.DataFrame, m: int, rng: np.random.Generator) -> Index:
    """`m` random pairs that connect every good: walks around random rings of the goods.

    Each good meets two others a ring. A quarter of all pairs compares equal quantities, 15 % a good
    with dollars; the other quantities are drawn at random.

    Raises
    ------
    EstimationError
        If `m` cannot connect the goods, or there are fewer than `m` pairs of different goods.
    """
    grid, positions = _grid(items)
    goods = len(grid.goods)
    n_dollar = round(DOLLAR_SHARE * m) if grid.has_dollars else 0
    if m - n_dollar < goods:
        raise EstimationError(f"{m} pairs cannot connect {goods} goods.", todo="Ask more pairs.")
    of_good = [np.flatnonzero(grid.good == g) for g in range(goods)]
    money = np.flatnonzero(grid.good < 0)
    equal = rng.permutation(np.arange(m - n_dollar) < round(EQUAL_SHARE * m))
    chosen: set[tuple[int, int]] = set()

    def add(left: Index, right: Index) -> bool:
        """One pair not chosen before, at random; whether there was one."""
        i, j = (np.ravel(side) for side in np.meshgrid(left, right, indexing="ij"))
        return draw(i, j)

    def draw(i: Index, j: Index) -> bool:
        for k in rng.permutation(len(i)):
            pair = (min(int(i[k]), int(j[k])), max(int(i[k]), int(j[k])))
            if pair not in chosen:
                chosen.add(pair)
                return True
        return False

    misses = 0
    ring, step = rng.permutation(goods), 0
    while len(chosen) < m - n_dollar:
        a, b = of_good[ring[step % goods]], of_good[ring[(step + 1) % goods]]
        found = False
        if equal[len(chosen)]:
            same_a, same_b = np.nonzero(np.abs(grid.x[a][:, None] - grid.x[b][None, :]) < 1e-9)
            found = draw(a[same_a], b[same_b])
        found = found or add(a, b)
        misses = 0 if found else misses + 1
        if misses > 20 * goods:
            raise EstimationError(f"there are no {m} different pairs of goods.")
        step += 1
        if step % goods == 0:
            ring = rng.permutation(goods)
    turn = np.concatenate([rng.permutation(goods) for _ in range(n_dollar // goods + 1)])
    for g in turn[:n_dollar]:
        if not add(of_good[g], money):
            raise EstimationError(f"there are no {m} different pairs with dollars.")
    pairs = np.array(sorted(chosen), dtype=np.intp)
    return np.asarray(positions[rng.permutation(pairs, axis=0)])


def next_round(
    fit: CurveFit,
    items: pd.DataFrame,
    m: int,
    rng: np.random.Generator,
    *,
    samples: int = 2,
    exclude: Sequence[tuple[int, int]] = (),
) -> Index:
    """The `m` pairs that add most information on the curve's parameters, chosen one after another.

    A pair whose `samples` answers an order carry I nats of Fisher information adds
    log(1 + I v_ij / (1 + s^2 I)) to log det of the information matrix, where v_ij is the variance
    of the utility difference under the current fit and s^2 the misfit variance (ESTIMATION.md);
    the covariance is updated after every choice. Pairs near indifference whose difference is badly
    known win. Pairs that the fit has seen, and those in `exclude` (positions in `items`), are
    not asked again. The equal-quantity share and the dollar share are chosen by the same rule from
    their own candidates.
    """
    grid, positions = _grid(items)
    if grid.items != fit.grid.items:
        raise EstimationError("the fit is of other items than those to choose from.")
    n = len(grid.items)
    jacobian = fit.model.design * fit.model.derivative(fit.theta)
    covariance = jacobian @ fit.laplace_covariance @ jacobian.T
    information = _information(fit, samples)

    i, j = np.triu_indices(n, 1)
    free = np.ones((n, n), dtype=bool)
    free[fit.first, fit.second] = free[fit.second, fit.first] = False
    at = {int(position): k for k, position in enumerate(positions)}
    for left, right in exclude:
        if left in at and right in at:
            free[at[left], at[right]] = free[at[right], at[left]] = False
    open_ = free[i, j]
    gain_scale = information[i, j]
    dollars = (grid.good[i] < 0) != (grid.good[j] < 0)
    different = grid.good[i] != grid.good[j]
    equal = different & ~dollars & np.isclose(grid.x[i], grid.x[j])
    # A hair of noise breaks ties at random instead of by the order of the file.
    jitter = 1.0 + 1e-6 * rng.random(len(i))
    wishes = rng.permutation(
        np.repeat([0, 1, 2], _quotas(m, grid.has_dollars, int((equal & open_).sum())))
    )
    chosen: list[int] = []
    for wish in wishes:
        diagonal = np.diag(covariance)
        v = diagonal[i] + diagonal[j] - 2.0 * covariance[i, j]
        gain = np.where(open_, np.maximum(gain_scale * v, 0.0) * jitter, -1.0)
        wished = np.where(dollars if wish == 2 else equal, gain, -1.0) if wish else gain
        # A share whose candidates have run out goes to the best of the others.
        best = int(np.argmax(wished if wished.max() >= 0 else gain))
        if gain[best] < 0:
            break
        chosen.append(best)
        open_[best] = False
        towards = covariance[:, i[best]] - covariance[:, j[best]]
        scale = gain_scale[best] / (1.0 + gain_scale[best] * max(v[best], 0.0))
        covariance -= scale * np.outer(towards, towards)
    return np.asarray(positions[np.stack([i[chosen], j[chosen]], axis=1)])


def indifferent_round(
    fit: CurveFit,
    items: pd.DataFrame,
    m: int,
    rng: np.random.Generator,
    *,
    samples: int = 1,
    exclude: Sequence[tuple[int, int]] = (),
    reask: bool = True,
) -> Index:
    """`m` pairs of goods near indifference, every good as often as every other.

    Goods meet around random rings; of two goods that meet, those quantities are asked between which
    an answer adds most: I(w0 + w) - I(w0), I(w) = w / (1 + s^2 w), w0 what is known of the pair
    already. A log price is the distance at which two goods are worth the same, so an answer is
    worth most where it is least foreseeable, and how steep the curve is hardly matters. As precise
    as `next_round` (benchmarks/calls.py) and linear in `m`, hence the one for large rounds.
    Nothing is asked about dollars or the same quantity on both sides: the start has asked that.

    With `reask`, what an earlier round asked may come again; no pair comes twice in a round.

    Raises
    ------
    EstimationError
        If the fit is of other items.
    """
    grid, positions = _grid(items)
    if grid.items != fit.grid.items:
        raise EstimationError("the fit is of other items than those to choose from.")
    n, goods = len(grid.items), len(grid.goods)
    per_answer = _per_answer(fit)
    seen = np.zeros((n, n))
    answers = fit.n_first + fit.n_second
    np.add.at(seen, (fit.first, fit.second), answers)
    seen = (seen + seen.T) * per_answer
    fresh = 2.0 * samples * per_answer
    misfit = max(fit.misfit_variance, LEAST_MISFIT)
    gain = _overdispersed(seen + fresh, misfit) - _overdispersed(seen, misfit)
    # A hair of noise breaks ties at random instead of by the order of the file.
    jitter = np.triu(1.0 + 1e-3 * rng.random((n, n)), 1)
    gain *= jitter + jitter.T
    if not reask:
        gain[seen > 0] = -1.0
    at = {int(position): k for k, position in enumerate(positions)}
    for left, right in exclude:
        if left in at and right in at:
            gain[at[left], at[right]] = gain[at[right], at[left]] = -1.0
    of_good = [np.flatnonzero(grid.good == g) for g in range(goods)]
    chosen: list[tuple[int, int]] = []
    misses = 0
    while len(chosen) < m and misses < 20 * goods:
        ring = rng.permutation(goods)
        for a, b in zip(ring, np.roll(ring, 1), strict=True):
            block = gain[np.ix_(of_good[a], of_good[b])]
            best = int(np.argmax(block))
            if block.flat[best] < 0 or len(chosen) == m:
                misses += 1
                continue
            i, j = of_good[a][best // block.shape[1]], of_good[b][best % block.shape[1]]
            chosen.append((int(i), int(j)))
            gain[i, j] = gain[j, i] = -1.0
            misses = 0
    return np.asarray(positions[np.array(chosen, dtype=np.intp).reshape(-1, 2)])


def _grid(items: pd.DataFrame) -> tuple[Grid, Index]:
    """The grid, and the position in `items` of each of its rows."""
    used = items["kind"].isin(["good", "dollar"]).to_numpy()
    return grid_of(items), np.flatnonzero(used)


def _quotas(m: int, has_dollars: bool, equal_left: int) -> list[int]:
    equal = min(round(EQUAL_SHARE * m), equal_left)
    dollars = round(DOLLAR_SHARE * m) if has_dollars else 0
    return [m - equal - dollars, equal, dollars]


def _per_answer(fit: CurveFit) -> Array:
    """Information of one answer about every pair, the mean of its orders, (n, n)."""
    u = fit.utility
    difference = u[:, None] - u[None, :]
    one = np.ones_like(difference)
    orders = [
        terms(z, one, 0.0 * one, fit.link, fit.lapse).information
        for z in (difference + fit.order_effect, -difference + fit.order_effect)
    ]
    return np.asarray((orders[0] + orders[1]) / 2.0)


def _overdispersed(information: Array, misfit: float) -> Array:
    return np.asarray(information / (1.0 + misfit * information))


def _information(fit: CurveFit, samples: int) -> Array:
    """Overdispersed information of a pair asked `samples` times an order, (n, n)."""
    return _overdispersed(2.0 * samples * _per_answer(fit), fit.misfit_variance)
