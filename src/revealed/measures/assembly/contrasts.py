"""Means of choices and their differences, with people and pairs as clusters.

One answer is neither independent of the same person's others nor of others' about the same pair.
Pairs are a sample too: another thirty proposals would give another share for the left.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..intervals import Array, Estimate

METHOD = "mean over pairs and orders, people and pairs as clusters, t"


def left_choices(votes: pd.DataFrame) -> pd.DataFrame:
    """Answers to pairs of one proposal of the left and one of the right.

    Parameters
    ----------
    votes
        From `targets.votes`, with ``lean`` of the first proposal over the second (-1, 0 or 1).

    Returns
    -------
    The rows with a lean, with ``y`` (1 where the left proposal was chosen) and ``place`` (1/2 where
    it stood in place A, else -1/2).
    """
    rows = votes[votes["lean"] != 0]
    first_left = (rows["lean"] < 0).to_numpy()
    y = np.where(first_left, rows["chose"], 1.0 - rows["chose"])
    in_a = np.where(first_left, rows["listed"], 1.0 - rows["listed"])
    return rows.assign(y=y, place=in_a - 0.5).reset_index(drop=True)


def contrast(
    table: pd.DataFrame,
    groups: ArrayLike,
    coefficients: Mapping[str, float],
    *,
    constant: float = 0.0,
    cluster: str = "person",
    method: str = METHOD,
) -> Estimate:
    """A weighted sum of groups' means, for example left before less left after.

    Parameters
    ----------
    table
        A row an answer, with columns ``y``, ``place``, ``pair``, `cluster`, and perhaps ``w``, a
        weight of the person.
    groups
        The group of every row; rows of groups without a coefficient are left out.
    coefficients
        What each group's mean counts.
    constant
        Added to the sum.
    cluster
        The column of clusters beside the pairs.

    Notes
    -----
    In a group every pair counts the same, and in a pair both orders do, so that no leaning to a
    place enters. Variance of Cameron, Gelbach and Miller (2011): that of clusters by person, plus
    that of clusters by pair, less that of their intersections, but no less than either; t with the
    smaller number of clusters less one degrees of freedom.
    """
    label = np.asarray(groups, object)
    used = np.isin(label, list(coefficients))
    rows = table[used].reset_index(drop=True)
    label = label[used]
    n_clusters = rows[cluster].nunique() if len(rows) else 0
    n_pairs = rows["pair"].nunique() if len(rows) else 0
    missing = [name for name in coefficients if not (label == name).any()]
    if missing or min(n_clusters, n_pairs) < 2:
        why = f"no answers of {missing[0]}" if missing else "too few people or pairs"
        return Estimate(np.nan, None, None, len(rows), method, why)
    y, place = rows["y"].to_numpy(float), rows["place"].to_numpy(float)
    weight = _balanced(rows, label)
    total, score = constant, np.zeros(len(rows))
    for name, coefficient in coefficients.items():
        own = label == name
        mean = float(weight[own] @ y[own])
        total += coefficient * mean
        score[own] = coefficient * weight[own] * (y[own] - mean)
    # The leaning to a place is balanced out of every mean, so it is no part of their error.
    signed = np.array([coefficients[name] for name in label], float)
    score -= signed * weight * place * _slope(rows)
    variance = two_way_variance(score, rows[cluster], rows["pair"])
    freedom = min(n_clusters, n_pairs) - 1
    half = float(stats.t.ppf(0.975, freedom)) * float(np.sqrt(variance))
    n = rows["person"].nunique()
    return Estimate(total, total - half, total + half, n, method, freedom=freedom)


def two_way_variance(score: Array, one: ArrayLike, two: ArrayLike) -> float:
    """Variance of a sum of scores with two crossing clusterings."""
    first, second = (pd.factorize(np.asarray(codes, object))[0] for codes in (one, two))
    cells = pd.factorize(first.astype(np.int64) * (second.max() + 1) + second)[0]
    a, b, both = (_clustered(score, codes) for codes in (first, second, cells))
    # With few clusters the sum comes out below its parts too often; the larger part is then safer
    # (without this, a gap of zero was called one in a fifth of a hundred assemblies).
    return max(a + b - both, a, b)


def _clustered(score: Array, codes: NDArray[np.int64]) -> float:
    sums = np.bincount(codes, score)
    m = len(sums)
    return float((sums**2).sum()) * m / max(1, m - 1)


def _balanced(rows: pd.DataFrame, label: NDArray[np.object_]) -> Array:
    """Weights that sum to one in each group: pairs alike, and in a pair both orders alike."""
    own = rows["w"].to_numpy(float) if "w" in rows.columns else np.ones(len(rows))
    keys = pd.DataFrame({"group": label, "pair": rows["pair"], "place": rows["place"], "w": own})
    in_order = keys.groupby(["group", "pair", "place"])["w"].transform("sum")
    orders = keys.groupby(["group", "pair"])["place"].transform("nunique")
    pairs = keys.groupby("group")["pair"].transform("nunique")
    return np.asarray(own / in_order.where(in_order > 0, 1.0) / orders / pairs, float)


def _slope(rows: pd.DataFrame) -> float:
    """How much more often a proposal is chosen in place A than in place B."""
    place, y = rows["place"].to_numpy(float), rows["y"].to_numpy(float)
    centred = place - place.mean()
    spread = float(centred @ centred)
    return float(centred @ y) / spread if spread > 0 else 0.0
