"""Which pairs to ask next: sets of pairs over index arrays, no knowledge of prompts or respondents.

Every function returns pairs of item numbers, shape (pairs, 2), low number first; who is listed
first is the instrument's business (both orders are asked). Hold-out pairs are drawn uniformly and
whole, before any rule sees an answer, and are kept out of the rest by `exclude`.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from typing import cast

import numpy as np

from revealed.foundation.errors import ConfigError

from .result import Fit

# Picks times candidates from which on loading the compiled loop pays.
_MUCH = 5e7


def all_pairs(n_items: int) -> np.ndarray:
    """Every pair of different items."""
    return np.stack(np.triu_indices(n_items, 1), axis=1)


def _codes(pairs: np.ndarray, n_items: int) -> np.ndarray:
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    return np.asarray(pairs.min(axis=1) * n_items + pairs.max(axis=1))


def _pairs(codes: np.ndarray, n_items: int) -> np.ndarray:
    return np.stack([codes // n_items, codes % n_items], axis=1)


def random_connected(
    n_items: int,
    degree: int,
    rng: np.random.Generator,
    exclude: np.ndarray | None = None,
) -> np.ndarray:
    """A connected random graph in which every item meets `degree` others, or nearly so.

    A union of random cycles through all items (each connects them), and a random matching if the
    degree is odd; a pair drawn twice, or one in `exclude`, is replaced by a random one, so that
    single items may meet one more or less.

    Raises
    ------
    ConfigError
        If there are fewer than two items, or not enough pairs, or `exclude` leaves no connection.
    """
    if n_items < 2 or degree < 1:
        raise ConfigError(f"a design of degree {degree} over {n_items} items compares nothing.")
    if degree == 1 and n_items > 2:
        raise ConfigError("a connected design needs a degree of 2 at least.")
    wanted = min(math.ceil(n_items * degree / 2), n_items * (n_items - 1) // 2)
    barred = np.unique(_codes(exclude, n_items)) if exclude is not None else np.empty(0, np.int64)
    if n_items * (n_items - 1) // 2 - len(barred) < wanted:
        raise ConfigError("the pairs kept for the hold-out leave too few for the design.")
    chosen = np.empty(0, dtype=np.int64)
    if n_items == 2:
        chosen = np.array([1], dtype=np.int64)
    else:
        for k in range(degree // 2):
            cycle = _clean_cycle(n_items, rng, barred if k == 0 else None)
            chosen = np.union1d(chosen, cycle)
        if degree % 2:
            shuffled = rng.permutation(n_items)[: n_items // 2 * 2].reshape(-1, 2)
            chosen = np.union1d(chosen, _codes(shuffled, n_items))
    chosen = chosen[~np.isin(chosen, barred)]
    missing = wanted - len(chosen)
    if missing > 0:
        taken = _pairs(np.concatenate([chosen, barred]), n_items)
        extra = uniform_pairs(n_items, missing, rng, exclude=taken)
        chosen = np.concatenate([chosen, _codes(extra, n_items)])
    return _pairs(np.sort(chosen), n_items)


def _clean_cycle(n_items: int, rng: np.random.Generator, barred: np.ndarray | None) -> np.ndarray:
    """A random cycle through all items; with `barred`, one of whose edges at most is barred.

    A cycle without one edge is a path, and still connects everything. Random cycles are repaired
    by swapping two items where a barred edge is; a few passes do for any thin hold-out.
    """
    cycle = rng.permutation(n_items)
    for _ in range(200):
        edges = _codes(np.stack([cycle, np.roll(cycle, -1)], axis=1), n_items)
        if barred is None or not len(barred):
            return edges
        bad = np.flatnonzero(np.isin(edges, barred))
        if len(bad) <= 1:
            return edges
        for position in bad:
            other = int(rng.integers(n_items))
            cycle[position], cycle[other] = cycle[other], cycle[position]
    raise ConfigError(
        "the pairs kept for the hold-out leave no connected design.",
        todo="Hold out a smaller share.",
    )


def uniform_pairs(
    n_items: int,
    m: int,
    rng: np.random.Generator,
    exclude: np.ndarray | None = None,
) -> np.ndarray:
    """`m` different pairs, uniformly at random among those not in `exclude`.

    Raises
    ------
    ConfigError
        If there are not that many.
    """
    # A pair is the number of its place in the lower triangle: nothing of size n² is built.
    total = n_items * (n_items - 1) // 2
    barred = np.empty(0, dtype=np.int64)
    if exclude is not None and len(exclude):
        codes = np.unique(_codes(exclude, n_items))
        low, high = codes // n_items, codes % n_items
        barred = high * (high - 1) // 2 + low
    if m < 0 or m > total - len(barred):
        raise ConfigError(f"{m} pairs are asked for, {total - len(barred)} can be drawn.")
    rank = np.sort(rng.choice(total - len(barred), size=m, replace=False))
    # The place of the r-th free pair: r plus the number of barred places before it.
    free_before = np.sort(barred) - np.arange(len(barred))
    place = rank + np.searchsorted(free_before, rank, side="right")
    high = np.floor((1 + np.sqrt(1 + 8 * place.astype(float))) / 2).astype(np.int64)
    # The square root of a large number may be off by one place.
    high += place >= high * (high + 1) // 2
    high -= place < high * (high - 1) // 2
    return _pairs(np.sort((place - high * (high - 1) // 2) * n_items + high), n_items)


def holdout_pairs(
    n_items: int, planned: int, rng: np.random.Generator, share: float = 0.05
) -> np.ndarray:
    """The uniform hold-out: `share` of the planned pairs, at most 1,000 (as the original's)."""
    total = n_items * (n_items - 1) // 2
    return uniform_pairs(n_items, min(math.ceil(share * planned), 1000, total // 10), rng)


def overdispersed(information: np.ndarray | float, misfit: float) -> np.ndarray:
    """Information about a pair's place in the model: w / (1 + s² w), at most 1/s²."""
    return np.asarray(information / (1 + misfit * information))


def next_round(
    fit: Fit,
    m: int,
    *,
    answers: float = 4.0,
    misfit: float | None = None,
    rng: np.random.Generator | None = None,
    explore: float = 0.0,
    exclude: np.ndarray | None = None,
    reask: bool = True,
) -> np.ndarray:
    """The next `m` pairs by D-optimality under overdispersion, one after another.

    Asking a pair of information w0 again adds I(w0 + w) - I(w0), I(w) = w / (1 + s² w): a pair
    deviates from any model, so asking it for ever does not pay. The gain is that times the
    variance of the pair's difference, v = C_ii + C_jj - 2 C_ij; each choice is followed by a
    rank-one downdate of C (Fedorov 1972, "Theory of optimal experiments").

    Parameters
    ----------
    fit
        A fit of the answers so far (in memory, not read from disk).
    m
        How many pairs.
    answers
        Answers each of them will get, over both orders.
    misfit
        s², default the fit's own estimate.
    rng, explore
        A share `explore` of the round is drawn uniformly with `rng` instead.
    exclude
        Pairs never to ask (the hold-out).
    reask
        Whether a pair may be asked again, in a later round.

    Returns
    -------
    numpy.ndarray
        Pairs, shape (m, 2), in the order chosen, without repeats.
    """
    n = len(fit.items)
    s2 = fit.misfit_variance if misfit is None else misfit
    if s2 < 0 or answers <= 0 or not 0 <= explore <= 1:
        raise ConfigError("misfit, answers and explore must be 0 or more, above 0 and a share.")
    state = fit.information_by_pair()
    barred = np.empty(0, np.int64) if exclude is None else _codes(exclude, n)
    asked = state.low * n + state.high
    if not reask:
        barred = np.concatenate([barred, asked])
    candidates = all_pairs(n)
    codes = _codes(candidates, n)
    candidates = candidates[~np.isin(codes, barred)]
    codes = _codes(candidates, n)
    if m > len(candidates):
        raise ConfigError(f"{m} pairs are asked for, {len(candidates)} can be asked.")
    low, high = candidates[:, 0], candidates[:, 1]

    before = np.zeros(n * n)
    before[asked] = state.information
    # An answer's information where the next one will be given: both orders at the fitted place.
    fresh = answers * fit.information_per_answer(low, high)
    have = before[codes]
    # Information is on the scale of z, the differences of C on that of the utilities.
    square = fit.variance[low] + fit.variance[high]
    added = (overdispersed(have + fresh, s2) - overdispersed(have, s2)) / square

    inside = overdispersed(state.information, s2)
    inside = inside / (fit.variance[state.low] + fit.variance[state.high])
    precision = np.zeros((n, n))
    precision[state.low, state.high] = precision[state.high, state.low] = -inside
    touched = np.bincount(state.low, inside, n) + np.bincount(state.high, inside, n)
    precision[np.arange(n), np.arange(n)] = touched + fit.ridge
    c = np.linalg.inv(precision)

    drawn = math.floor(explore * m)
    chosen = np.empty(m, dtype=np.int64)
    if drawn:
        rng = np.random.default_rng() if rng is None else rng
        chosen[:drawn] = rng.choice(len(candidates), size=drawn, replace=False)
    pick = _compiled() if m * len(candidates) > _MUCH else _pick
    pick(low, high, added, np.ascontiguousarray(c), chosen, drawn)
    return np.asarray(candidates[chosen])


@cache
def _compiled() -> Callable[..., None]:
    """The compiled loop where numba is installed, else the same in arrays."""
    if importlib.util.find_spec("numba") is None:
        return _pick
    from .greedy import pick

    return cast(Callable[..., None], pick)


def _pick(
    low: np.ndarray,
    high: np.ndarray,
    added: np.ndarray,
    c: np.ndarray,
    chosen: np.ndarray,
    drawn: int,
) -> None:
    """Fill `chosen` from place `drawn` on with the candidates of greatest gain; changes `c`."""
    variance = c[low, low] + c[high, high] - 2 * c[low, high]
    open_ = np.ones(len(low), dtype=bool)
    open_[chosen[:drawn]] = False
    gain = np.where(open_, added * variance, -np.inf)
    for k in range(len(chosen)):
        if k >= drawn:
            chosen[k] = int(np.argmax(gain))
        pick = chosen[k]
        i, j = low[pick], high[pick]
        column = c[:, i] - c[:, j]
        factor = added[pick] / (1 + added[pick] * (column[i] - column[j]))
        c -= np.outer(factor * column, column)
        variance -= factor * (column[low] - column[high]) ** 2
        open_[pick] = False
        np.multiply(added, variance, out=gain)
        gain[~open_] = -np.inf


def original_rule(
    mean: np.ndarray,
    asked: np.ndarray,
    m: int,
    rng: np.random.Generator,
    exclude: np.ndarray | None = None,
    *,
    close: float = 0.10,
    rare: float = 0.20,
) -> np.ndarray:
    """The original's round: pairs that are close in utility and rarely compared.

    Mazeika et al. 2025 (arXiv 2502.08640): `m` new pairs at random among those both in the lowest
    10 % of differences in means and in the lowest 20 % of the sum of degrees; where they are too
    few, both shares grow by half until there are enough.
    """
    n = len(mean)
    asked = np.asarray(asked, dtype=np.int64).reshape(-1, 2)
    degree = np.bincount(asked.ravel(), minlength=n)
    barred = _codes(asked, n)
    if exclude is not None:
        barred = np.concatenate([barred, _codes(exclude, n)])
    pairs = all_pairs(n)
    pairs = pairs[~np.isin(_codes(pairs, n), barred)]
    if m > len(pairs):
        raise ConfigError(f"{m} new pairs are asked for, {len(pairs)} are left.")
    distance = np.abs(mean[pairs[:, 0]] - mean[pairs[:, 1]])
    degrees = degree[pairs].sum(axis=1)
    while True:
        pool = np.flatnonzero(
            (distance <= np.quantile(distance, min(close, 1.0)))
            & (degrees <= np.quantile(degrees, min(rare, 1.0)))
        )
        if len(pool) >= m:
            return np.asarray(pairs[rng.choice(pool, size=m, replace=False)])
        close, rare = 1.5 * close, 1.5 * rare
