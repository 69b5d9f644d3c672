"""Many respondents at once: what all of them share, and whether relatives share more.

One factor is what a population of respondents with one set of values would show; its share of the
variance is held against the same respondents with their outcomes permuted, freely and within
categories. Families are blocks: respondents of one maker inherit data and habits from each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ...foundation.errors import DataError
from ..intervals import Array, Estimate
from .pairs import codes, jackknife, lookup, permute_within, residuals

RESPONDENTS_NEEDED = 3

Within = Literal["all", "categories"]


@dataclass(frozen=True)
class Shared:
    """Share of the variance that one factor carries, and the same with outcomes permuted.

    ``null`` is the mean under permutation, ``null_high`` its 95 % point, ``p`` one-sided.
    """

    share: Estimate
    null: float
    null_high: float
    p: float
    respondents: int


def complete(matrix: pd.DataFrame) -> pd.DataFrame:
    """The items that every respondent has.

    Raises
    ------
    DataError
        If there are too few respondents or such items.
    """
    shared = matrix.dropna()
    if matrix.shape[1] < RESPONDENTS_NEEDED or len(shared) < 4:
        raise DataError(
            f"{matrix.shape[1]} respondents share {len(shared)} items; at least "
            f"{RESPONDENTS_NEEDED} respondents and 4 items are needed."
        )
    return shared


def correlations(values: Array, weights: Array) -> Array:
    """Correlation matrices of the columns of `values` (items, k) under each row of weights."""
    w = weights / weights.sum(axis=1, keepdims=True)
    mean = w @ values
    cov = np.einsum("ri,ij,ik->rjk", w, values, values, optimize=True)
    cov -= mean[:, :, None] * mean[:, None, :]
    sd = np.sqrt(np.clip(np.diagonal(cov, axis1=1, axis2=2), 1e-300, None))
    return np.asarray(cov / (sd[:, :, None] * sd[:, None, :]))


def common_share(
    matrix: pd.DataFrame,
    categories: Mapping[str, str] | None = None,
    *,
    within: Within = "all",
    permutations: int = 500,
    seed: int = 0,
) -> Shared:
    """Share of the variance of standardised utilities on the first principal component.

    Parameters
    ----------
    matrix
        As `utility_matrix` returns it; items that some respondent lacks are left out.
    categories
        Category of each item.
    within
        ``all``: utilities as they are, outcomes of each respondent permuted freely (Horn 1965).
        ``categories``: category means taken out, outcomes permuted within categories.

    Returns
    -------
    Shared
        The interval leaves out one category (or item) at a time, in log odds.

    Raises
    ------
    DataError
        If fewer than 3 respondents share 4 items, or one does not vary.
    """
    shared = complete(matrix)
    values = shared.to_numpy(float)
    code = codes(shared.index, categories)
    blocks = np.zeros(len(values), dtype=np.int64)
    if within == "categories":
        if categories is None:
            raise DataError("there are no categories to compare within.")
        blocks = code
        values = np.column_stack([residuals(column, code) for column in values.T])
    k = values.shape[1]
    if (values.std(axis=0) < 1e-9).any():
        raise DataError("a respondent's utilities do not vary.")

    def first(weights: Array) -> Array:
        return np.asarray(np.linalg.eigvalsh(correlations(values, weights))[:, -1] / k)

    value, low, high = jackknife(first, code, "logit")
    places = np.stack(
        [permute_within(blocks, permutations, seed * 1000 + j) for j in range(k)], axis=2
    )
    drawn = values[places, np.arange(k)]
    every = np.ones((1, len(values)))
    null = np.array([np.linalg.eigvalsh(correlations(d, every)[0])[-1] / k for d in drawn])
    p = (1 + int((null >= value - 1e-12).sum())) / (1 + permutations)
    unit = "items" if categories is None else "categories"
    method = f"first principal component, jackknife of {len(np.unique(code))} {unit}"
    share = Estimate(value, low, high, len(values), method)
    return Shared(share, float(null.mean()), float(np.quantile(null, 0.95)), p, k)


def mean_correlation(
    matrix: pd.DataFrame,
    categories: Mapping[str, str] | None = None,
    chosen: Callable[[str, str], bool] = lambda one, other: True,
) -> Estimate:
    """Mean correlation over the pairs of respondents that `chosen` names, shared items only.

    The interval leaves out one category (or item) at a time; it speaks of other outcomes, not of
    other respondents. NaN where no pair is chosen.
    """
    shared = complete(matrix)
    code = codes(shared.index, categories)
    mask = _mask(list(shared.columns), chosen)
    method = f"mean over {int(mask.sum())} pairs, jackknife of {len(np.unique(code))} clusters"
    if not mask.any():
        return Estimate(np.nan, None, None, len(shared), method, "no such pair")
    values = shared.to_numpy(float)
    value, low, high = jackknife(
        lambda w: np.asarray(correlations(values, w)[:, mask].mean(axis=1)), code, "fisher"
    )
    return Estimate(value, low, high, len(shared), method)


def _mask(names: list[str], chosen: Callable[[str, str], bool]) -> np.ndarray:
    k = len(names)
    return np.array(
        [[i < j and chosen(names[i], names[j]) for j in range(k)] for i in range(k)], dtype=bool
    )


@dataclass(frozen=True)
class Families:
    """Correlation within families against between them.

    ``p`` is one-sided: the share of relabellings of whole respondents with at least the difference.
    """

    within: Estimate
    between: Estimate
    difference: Estimate
    p: float
    families: int


def families(
    matrix: pd.DataFrame,
    family: Mapping[str, str],
    categories: Mapping[str, str] | None = None,
    *,
    permutations: int = 2000,
    seed: int = 0,
) -> Families:
    """Do respondents of one family agree more than respondents of different ones?

    Correlations of one respondent with all others depend on each other, so families are permuted
    over whole respondents (Mantel 1967), never over pairs.

    Raises
    ------
    DataError
        If a respondent has no family, or no two respondents are of one family or of different ones.
    """
    shared = complete(matrix)
    labels = np.asarray(pd.factorize(lookup(shared.columns, family, "family"))[0])
    code = codes(shared.index, categories)
    values = shared.to_numpy(float)
    upper = np.triu(np.ones((len(labels), len(labels)), bool), 1)
    same = labels[:, None] == labels[None, :]
    if not (same & upper).any() or not (~same & upper).any():
        raise DataError("families need two respondents of one and two of different families.")

    def gap(weights: Array) -> Array:
        r = correlations(values, weights)
        return np.asarray(r[:, same & upper].mean(axis=1) - r[:, ~same & upper].mean(axis=1))

    value, low, high = jackknife(gap, code, "none")
    r = correlations(values, np.ones((1, len(values))))[0]
    rng = np.random.default_rng(seed)
    reached = 0
    for _ in range(permutations):
        drawn = rng.permutation(labels)
        alike = drawn[:, None] == drawn[None, :]
        reached += r[alike & upper].mean() - r[~alike & upper].mean() >= value - 1e-12
    parts = [
        mean_correlation(shared, categories, lambda a, b, w=wanted: (family[a] == family[b]) is w)  # type: ignore[misc]
        for wanted in (True, False)
    ]
    method = f"mean r within less between families, jackknife of {len(np.unique(code))} clusters"
    return Families(
        parts[0], parts[1], Estimate(value, low, high, len(labels), method),
        (1 + reached) / (1 + permutations), int(labels.max()) + 1,
    )  # fmt: skip
