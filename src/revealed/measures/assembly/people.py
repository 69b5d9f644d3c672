"""Who in an assembly chooses what: sides, groups, and whether a profile makes any difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import optimize, stats

from ..intervals import Array, Estimate
from .contrasts import contrast


def left_share(table: pd.DataFrame) -> Estimate:
    """Share of the pairs of a left and a right proposal in which the left one is chosen.

    Parameters
    ----------
    table
        From `contrasts.left_choices`, with ``w`` where people have weights.
    """
    return contrast(table, np.full(len(table), "all"), {"all": 1.0})


def sides(table: pd.DataFrame, attribute: str, left: Sequence[str], right: Sequence[str]) -> Array:
    """The side of every row's person: left, right or ""."""
    value = table[attribute]
    made = np.where(value.isin(list(left)), "left", np.where(value.isin(list(right)), "right", ""))
    return np.asarray(made, object)


def party_gap(table: pd.DataFrame, side: Array) -> Estimate:
    """Left share of the people of the left less that of the people of the right."""
    return contrast(table, side, {"left": 1.0, "right": -1.0})


def pull(table: pd.DataFrame, side: Array) -> Estimate:
    """How far the middle between the two sides lies left of one half.

    Where the proposals of an area are as strong on either side and the two sides mirror each other,
    their left shares lie as far above as below one half. What moves both the same way is the pull
    of whoever answers for them (or of the choice of proposals: pairs are clusters). Positive is to
    the left.
    """
    return contrast(table, side, {"left": 0.5, "right": 0.5}, constant=-0.5)


def group_difference(table: pd.DataFrame, attribute: str, one: str, two: str) -> Estimate:
    """Left share of the people with one value of an attribute less that of those with another."""
    return contrast(table, table[attribute].to_numpy(object), {one: 1.0, two: -1.0})


def published_contrasts(
    two_way: Sequence[tuple[str, str, dict[str, dict[str, float]]]],
    attribute: str,
    left: Sequence[str],
    right: Sequence[str],
) -> list[tuple[str, str, str]]:
    """Which values of other attributes are published to be most of the left and of the right.

    Parameters
    ----------
    two_way
        (rows, columns, shares by row and column) of every table of the census.
    attribute, left, right
        The attribute that stands for sides, and its values.

    Returns
    -------
    (attribute, value most of the left, value most of the right), one for each table whose columns
    are the sides.
    """
    found = []
    for rows, columns, shares in two_way:
        if columns != attribute:
            continue
        lean = {
            row: sum(given[v] for v in left) - sum(given[v] for v in right)
            for row, given in shares.items()
        }
        found.append((rows, max(lean, key=lean.__getitem__), min(lean, key=lean.__getitem__)))
    return found


def between_people(table: pd.DataFrame) -> Estimate:
    """Share of the variance of left choices that lies between people, pairs' means taken out.

    Intraclass correlation for consistency, ICC(C,1), with its exact interval under normal errors
    (McGraw and Wong 1996). Zero: whoever is described, the answers are the same but for chance.
    """
    method = "intraclass correlation of left choices, F interval"
    y = table["y"].to_numpy(float) - _place_effect(table)
    wide = table.assign(y=y).pivot_table(index="person", columns="pair", values="y")
    wide = wide.dropna(axis=1, thresh=2)
    wide = wide[wide.notna().sum(axis=1) >= max(2, wide.shape[1] // 2)]
    n = len(wide)
    if n < 3 or wide.shape[1] < 3:
        return Estimate(np.nan, None, None, n, method, "too few people or pairs")
    centred = wide - wide.mean()
    counts = centred.notna().sum(axis=1).to_numpy(float)
    k = float(1.0 / np.mean(1.0 / counts))
    means = centred.mean(axis=1)
    rest = centred.sub(means, axis=0).to_numpy(float)
    rows, errors = n - 1, int(counts.sum()) - n - wide.shape[1] + 1
    between = k * float((means**2).sum()) / rows
    within = float(np.nansum(rest**2)) / errors
    if not within > 0:
        return Estimate(np.nan, None, None, n, method, "answers do not vary")
    f = between / within

    def correlation(ratio: float) -> float:
        return float((ratio - 1.0) / (ratio + k - 1.0))

    low = correlation(f / float(stats.f.ppf(0.975, rows, errors)))
    high = correlation(f * float(stats.f.ppf(0.975, errors, rows)))
    return Estimate(correlation(f), low, high, n, method)


def design_effect(table: pd.DataFrame) -> Estimate:
    """Variance of the left share with people as clusters, over that of independent answers (Kish).

    Sixty people with many answers each are worth about as many independent answers as all answers
    divided by this.
    """
    method = "variance with people as clusters over that of independent answers"
    y = table["y"].to_numpy(float) - _place_effect(table)
    centred = y - table.assign(y=y).groupby("pair")["y"].transform("mean").to_numpy(float)
    sums = pd.Series(centred).groupby(table["person"].to_numpy(object)).sum()
    n = len(sums)
    alone = float(centred @ centred)
    if n < 2 or not alone > 0:
        return Estimate(np.nan, None, None, n, method, "answers do not vary")
    clustered = float((sums**2).sum()) * n / (n - 1)
    return Estimate(clustered / alone, None, None, n, method)


def explained(table: pd.DataFrame, attribute: str) -> Estimate:
    """Share of the variance between people's left shares that an attribute goes with.

    Epsilon squared (Kelley 1935), which is zero on average where the attribute plays no part; its
    interval is that of the noncentral F distribution (Steiger 2004). The noise of a person's few
    answers is part of the whole, so one cannot be reached.
    """
    method = "epsilon squared of left shares by person, noncentral F interval"
    y = table["y"].to_numpy(float) - _place_effect(table)
    centred = table.assign(y=y - table.assign(y=y).groupby("pair")["y"].transform("mean"))
    person = centred.groupby("person").agg(y=("y", "mean"), value=(attribute, "first"))
    n, k = len(person), int(person["value"].nunique())
    if k < 2 or n - k < 2:
        return Estimate(np.nan, None, None, n, method, "too few people or values")
    fitted = person.groupby("value")["y"].transform("mean")
    total = float(((person["y"] - person["y"].mean()) ** 2).sum())
    within = float(((person["y"] - fitted) ** 2).sum())
    if not within > 0:
        return Estimate(np.nan, None, None, n, method, "answers do not vary")
    f = ((total - within) / (k - 1)) / (within / (n - k))
    estimate = 1.0 - (within / (n - k)) / (total / (n - 1))
    low, high = (_noncentrality(f, k - 1, n - k, p) for p in (0.975, 0.025))
    ends = [value / (value + n) for value in (low, high)]
    inside = min(max(estimate, ends[0]), ends[1])
    return Estimate(inside, ends[0], ends[1], n, method)


def _noncentrality(f: float, one: int, two: int, p: float) -> float:
    """The noncentrality under which an F at most as large has the chance `p`; 0 if none does."""

    def off(value: float) -> float:
        return float(stats.ncf.cdf(f, one, two, value)) - p

    if off(0.0) <= 0.0:
        return 0.0
    top = max(10.0, 4.0 * f * one)
    while off(top) > 0.0:
        top *= 2.0
    return float(optimize.brentq(off, 0.0, top))


def _place_effect(table: pd.DataFrame) -> Array:
    """What standing in place A adds to a row's left choice, against the mean of both orders."""
    place, y = table["place"].to_numpy(float), table["y"].to_numpy(float)
    shares = [y[place == side].mean() if (place == side).any() else np.nan for side in (0.5, -0.5)]
    slope = shares[0] - shares[1]
    return np.asarray(place * (slope if np.isfinite(slope) else 0.0))
