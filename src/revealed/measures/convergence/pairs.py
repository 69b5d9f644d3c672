"""Two respondents at a time: do they want the same, beyond what categories and length explain?

For every two respondents: the correlation of their utilities, the same corrected for the noise of
either, the correlation that is left within categories (with a permutation test), and the one that
is left once the length of the texts is taken out as well. A trait that two respondents share
without sharing values (everybody ranks wars below gifts; both take the longer text) shows as a
correlation that goes away.

Intervals are delete-one-category jackknives on Fisher's z (items where there are no categories),
with the t distribution: outcomes of one category move together. In 300 simulations of 25 categories
it covers 95 %, and the percentile bootstrap of categories 92 to 94 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.errors import DataError
from ..intervals import Array, weighted_correlation
from .overview import SHARED_NEEDED
from .reliability import Halves

RETEST = 0.98
"""Correlation of two runs of one model under one protocol (METHODS, section 7): the reliability of
published utilities whose answers are not public, and the ceiling of any correlation."""

COLUMNS = (
    "one", "other", "n", "clusters", "r", "low", "high", "reliability_one", "reliability_other",
    "corrected", "corrected_low", "corrected_high", "within", "within_low", "within_high",
    "within_p", "beyond_length", "beyond_length_low", "beyond_length_high",
)  # fmt: skip


def compare(
    matrix: pd.DataFrame,
    categories: Mapping[str, str] | None = None,
    lengths: Mapping[str, float] | None = None,
    reliability: Mapping[str, Halves | float] | None = None,
    *,
    permutations: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Everything about every two respondents of a matrix.

    Parameters
    ----------
    matrix
        As `utility_matrix` returns it, shape (items, respondents).
    categories
        Category of each item; without it there is no correlation within categories.
    lengths
        Characters of each item's text; without it length is not taken out.
    reliability
        By respondent, halves of its answers or a number; a correlation is corrected where both
        respondents have one.

    Returns
    -------
    DataFrame
        A row a pair with the columns `COLUMNS`: ``r`` (Pearson), ``corrected`` (r over the root of
        both reliabilities, Spearman 1904; not bounded by 1), ``within`` (category means taken
        out), ``within_p`` (one-sided; outcomes of one respondent permuted within categories),
        ``beyond_length`` (category means, length and its square taken out), each with ``_low`` and
        ``_high``; ``clusters`` counts what the jackknife leaves out in turn. Pairs with fewer than
        `SHARED_NEEDED` shared items are left out.

    Raises
    ------
    DataError
        If an item has no category or length.
    """
    rows = []
    for one, other in combinations(matrix.columns, 2):
        shared = matrix[[one, other]].dropna()
        if len(shared) >= SHARED_NEEDED:
            rows.append(
                _pair(one, other, shared, categories, lengths, reliability, permutations, seed)
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _pair(
    one: str,
    other: str,
    shared: pd.DataFrame,
    categories: Mapping[str, str] | None,
    lengths: Mapping[str, float] | None,
    reliability: Mapping[str, Halves | float] | None,
    permutations: int,
    seed: int,
) -> dict[str, Any]:
    x, y = shared[one].to_numpy(float), shared[other].to_numpy(float)
    code = codes(shared.index, categories)
    row: dict[str, Any] = {"one": one, "other": other, "n": len(x), "clusters": code.max() + 1}

    def correlate(a: Array, b: Array) -> Callable[[Array], Array]:
        return lambda weights: weighted_correlation(a, b, weights)

    row["r"], row["low"], row["high"] = jackknife(correlate(x, y), code, "fisher")
    known = [(reliability or {}).get(name) for name in (one, other)]
    if all(value is not None for value in known):
        parts = [_reliable(value, shared.index) for value in known]

        def corrected(weights: Array) -> Array:
            both = parts[0](weights) * parts[1](weights)
            root = np.sqrt(np.where(both > 0, both, np.nan))
            return np.asarray(weighted_correlation(x, y, weights) / root)

        every = np.ones((1, len(x)))
        row["reliability_one"], row["reliability_other"] = (float(p(every)[0]) for p in parts)
        row["corrected"], row["corrected_low"], row["corrected_high"] = jackknife(
            corrected, code, "none"
        )
    if categories is not None:
        inside = np.bincount(code)[code] > 1
        a, b = (residuals(v, code)[inside] for v in (x, y))
        row["within"], row["within_low"], row["within_high"] = jackknife(
            correlate(a, b), code[inside], "fisher"
        )
        row["within_p"] = permuted_p(a, b, code[inside], permutations, seed)
    if lengths is not None:
        length = lookup(shared.index, lengths, "length").astype(float)
        grouping = code if categories is not None else np.zeros(len(x), dtype=np.int64)
        inside = np.bincount(grouping)[grouping] > 1
        a, b = (residuals(v, grouping, length)[inside] for v in (x, y))
        row["beyond_length"], row["beyond_length_low"], row["beyond_length_high"] = jackknife(
            correlate(a, b), code[inside], "fisher"
        )
    return row


def _reliable(value: Halves | float | None, items: pd.Index) -> Callable[[Array], Array]:
    if isinstance(value, Halves):
        return value.take(items).reliability
    return lambda weights: np.full(len(weights), float(value or 0.0))


def lookup(items: pd.Index, values: Mapping[str, Any], what: str) -> np.ndarray:
    """The value of each item, or a `DataError` that names the first item without one."""
    if missing := [item for item in items if item not in values]:
        raise DataError(f"no {what} is known for item {missing[0]!r} ({len(missing)} such items).")
    return np.array([values[item] for item in items])


def codes(items: pd.Index, categories: Mapping[str, str] | None) -> np.ndarray:
    """Number of each item's category; every item its own where there are no categories."""
    if categories is None:
        return np.arange(len(items))
    return np.asarray(pd.factorize(lookup(items, categories, "category"))[0])


def residuals(values: Array, code: np.ndarray, length: Array | None = None) -> Array:
    """What category means (and length and its square, within categories) leave of `values`."""
    size = np.bincount(code)

    def centred(v: Array) -> Array:
        return np.asarray(v - (np.bincount(code, v) / size)[code])

    left = centred(values)
    if length is None or np.ptp(length) == 0:
        return left
    scaled = (length - length.mean()) / length.std()
    trend = np.column_stack([centred(scaled), centred(scaled**2)])
    slopes, *_ = np.linalg.lstsq(trend, left, rcond=None)
    return np.asarray(left - trend @ slopes)


def jackknife(
    statistic: Callable[[Array], Array], code: np.ndarray, scale: str
) -> tuple[float, float | None, float | None]:
    """A statistic of weighted items with its delete-one-cluster jackknife interval.

    Parameters
    ----------
    statistic
        From weights, shape (r, items), to values, shape (r,).
    code
        Cluster number of each item.
    scale
        ``fisher``: the interval is symmetric in atanh; ``logit``: in log odds; ``none``: as it is.

    Returns
    -------
    tuple
        Estimate, low, high: 95 % by Student's t with one degree of freedom less than clusters
        (Tukey 1958). NaN without an interval where the statistic is undefined.
    """
    clusters, code = np.unique(code, return_inverse=True)
    g = len(clusters)
    value = float(statistic(np.ones((1, len(code))))[0])
    if not np.isfinite(value):
        return float("nan"), None, None
    if g < 3:
        return value, None, None
    weights = (code[None, :] != np.arange(g)[:, None]).astype(float)
    to, back = _SCALES[scale]
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = to(statistic(weights))
        centre = float(to(np.array(value)))
    left_out = left_out[np.isfinite(left_out)]
    if len(left_out) < g or not np.isfinite(centre):
        return value, None, None
    se = float(np.sqrt((g - 1) / g * ((left_out - left_out.mean()) ** 2).sum()))
    half = float(stats.t.ppf(0.975, g - 1)) * se
    return value, float(back(centre - half)), float(back(centre + half))


_SCALES: dict[str, tuple[Callable[[Array], Array], Callable[[Any], Any]]] = {
    "fisher": (lambda v: np.arctanh(v), np.tanh),
    "logit": (lambda v: np.log(v) - np.log1p(-v), lambda z: 1 / (1 + np.exp(-z))),
    "none": (lambda v: v, lambda z: z),
}


def permuted_p(x: Array, y: Array, code: np.ndarray, permutations: int, seed: int) -> float:
    """One-sided p-value of the correlation of x and y when y is permuted within categories.

    (1 + permutations that correlate at least as much) / (1 + permutations): the chance of as much
    agreement between respondents that share category means and nothing else.
    """
    if not (x.std() > 0 and y.std() > 0):
        return float("nan")
    observed = float(x @ y)
    drawn = (y[permute_within(code, permutations, seed)] * x).sum(axis=1)
    # Sums of the same numbers in another order differ in the last digits.
    reached = int((drawn >= observed - 1e-9 * abs(observed)).sum())
    return (1 + reached) / (1 + permutations)


def permute_within(code: np.ndarray, permutations: int, seed: int) -> np.ndarray:
    """Indices that permute items within their categories, shape (permutations, items)."""
    rng = np.random.default_rng(seed)
    order = np.argsort(code, kind="stable")
    drawn = np.argsort(np.sort(code)[None, :] + rng.random((permutations, len(code))), axis=1)
    permuted = np.empty_like(drawn)
    permuted[:, order] = order[drawn]
    return permuted
