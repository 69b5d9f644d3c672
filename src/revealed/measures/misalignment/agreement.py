"""Whether judges agree: Krippendorff's alpha, favors to a judge's own family, and human labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..intervals import Array, Estimate, binomial_interval, percentile
from .scoring import CONTESTED

REPLICATES = 1000
UNITS_NEEDED = 10
"""Below so many texts with two ratings no agreement is quoted."""


def alpha(ratings: Array) -> float:
    """Krippendorff's alpha for ratings on an interval scale.

    Parameters
    ----------
    ratings
        Shape (units, raters); NaN where a rater did not rate a unit.

    Returns
    -------
    1 for full agreement, 0 for what chance would give, below 0 for less; NaN where no unit has two
    ratings, or all ratings are the same.

    Notes
    -----
    alpha = 1 - D_o / D_e. D_o is the mean squared difference of pairs within units, a unit of m
    ratings weighing m; D_e is that of all pairs of the n pairable ratings (Krippendorff 2018,
    chapter 12). With sums of squares, D_o = 2 sum_u m_u SS_u / (m_u - 1) / n, and
    D_e = 2 SS / (n - 1).
    """
    return float(_alphas(ratings, np.ones((1, len(ratings))))[0])


def _alphas(ratings: Array, weights: Array) -> Array:
    """Alpha under each row of `weights` (replicates, units): how often each unit counts."""
    paired = np.isfinite(ratings).sum(axis=1) > 1
    ratings, weights = ratings[paired], weights[:, paired]
    if not len(ratings):
        return np.full(len(weights), np.nan)
    counts = np.isfinite(ratings).sum(axis=1).astype(float)
    # Centred on the whole, so that moments do not cancel.
    centred = ratings - np.nanmean(ratings)
    sums, squares = np.nansum(centred, axis=1), np.nansum(centred**2, axis=1)
    within = weights @ ((squares - sums**2 / counts) * counts / (counts - 1))
    n = weights @ counts
    whole = weights @ squares - (weights @ sums) ** 2 / n
    result = np.full(len(weights), np.nan)
    expected = whole / (n - 1)
    np.divide(within / n, expected, out=result, where=expected > 1e-12)
    return np.asarray(1.0 - result)


def alpha_estimate(ratings: Array, *, replicates: int = REPLICATES, seed: int = 0) -> Estimate:
    """`alpha` with an interval: texts are drawn with all their ratings."""
    method = "Krippendorff's alpha, interval scale; bootstrap over texts"
    paired = ratings[np.isfinite(ratings).sum(axis=1) > 1]
    n = len(paired)
    if n < UNITS_NEEDED:
        return Estimate(np.nan, None, None, n, method, "too few texts with two ratings")
    value = alpha(paired)
    if not np.isfinite(value):
        return Estimate(np.nan, None, None, n, method, "all ratings are the same")
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(n, np.full(n, 1.0 / n), size=replicates).astype(float)
    low, high = percentile(_alphas(paired, weights))
    # Near full agreement no replicate may do better than the estimate.
    return Estimate(value, min(low, value), max(high, value), n, method)


def contested(ratings: Array, band: tuple[float, float] = CONTESTED) -> Array:
    """The units whose mean rating lies inside `band`.

    Judges differ less there than over all texts, because what is easy is left out: alpha within the
    band is lower than over all texts wherever most texts are easy.
    """
    with np.errstate(invalid="ignore"):
        known = np.isfinite(ratings).any(axis=1)
        mean = np.full(len(ratings), np.nan)
        mean[known] = np.nanmean(ratings[known], axis=1)
        inside = (mean > band[0]) & (mean < band[1])
    return np.asarray(ratings[inside])


def flips(ratings: Array, threshold: float) -> Estimate:
    """Share of units rated twice or more on whose side of `threshold` the raters do not agree."""
    paired = ratings[np.isfinite(ratings).sum(axis=1) > 1]
    n = len(paired)
    if not n:
        return Estimate(np.nan, None, None, 0, "exact binomial over texts", "no text rated twice")
    below = np.where(np.isfinite(paired), paired < threshold, np.nan)
    apart = int((np.nanmin(below, axis=1) != np.nanmax(below, axis=1)).sum())
    low, high = binomial_interval(apart, n)
    return Estimate(apart / n, low, high, n, "exact binomial over texts")


def wide(ratings: pd.DataFrame, call: str) -> pd.DataFrame:
    """Scores of one call, a row a text and a column a judge.

    `ratings`: columns judge, call, answer, value (`battery.read_ratings`).
    """
    own = ratings[ratings["call"] == call]
    return own.pivot_table(index="answer", columns="judge", values="value", dropna=False)


def family_bias(
    scores: pd.DataFrame,
    author_family: pd.Series,
    judge_family: Mapping[str, str],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Points that each judge gives its own family beyond what the other judges give it.

    Parameters
    ----------
    scores
        From `wide`.
    author_family
        Family of the authors by text; texts that two families wrote are left out beforehand.
    judge_family
        By judge.

    Returns
    -------
    By judge: mean over texts of its own family of (its score less the mean of the judges of other
    families than the author's), less the same over texts of other families. Judges without texts of
    their own family, or of others, have none.
    """
    found = {}
    rng = np.random.default_rng(seed)
    families = author_family.reindex(scores.index)
    for judge in scores.columns:
        own_family = judge_family[judge]
        # Whoever is of the author's family may favor it as well, and is no measure.
        others = [j for j in scores.columns if j != judge and judge_family[j] != own_family]
        if not others:
            continue
        impartial = scores[others].where(
            ~np.array([[judge_family[j] == f for j in others] for f in families])
        )
        gap = scores[judge] - impartial.mean(axis=1)
        known = gap.notna() & families.notna()
        own = gap[known & (families == own_family)].to_numpy(float)
        rest = gap[known & (families != own_family)].to_numpy(float)
        if min(len(own), len(rest)) < UNITS_NEEDED:
            continue
        draws = _means(own, rng, replicates) - _means(rest, rng, replicates)
        low, high = percentile(draws)
        value = float(own.mean() - rest.mean())
        found[str(judge)] = Estimate(
            value, low, high, len(own), "difference of mean gaps to other judges; bootstrap over "
            "texts",
        )  # fmt: skip
    return found


def _means(values: Array, rng: np.random.Generator, replicates: int) -> Array:
    n = len(values)
    return rng.multinomial(n, np.full(n, 1.0 / n), size=replicates) @ values / n
