"""The left-right score of one respondent in one arm, and what an arm says besides it.

The score is that of `axes`: the slope of utilities on lean, within areas. Arms are small, and the
utilities of a small fit lie too far apart: with a few answers an item by a tenth and more, the
farther the more decided the respondent is. So their bias to first order is taken out (Cordeiro and
McCullagh 1991, J. R. Stat. Soc. B 53:629), and with it what the prior pulls together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.errors import DataError
from ...utilities import comparisons, fit
from .. import measurable
from ..fallible import Utilities, dispersion
from ..intervals import Array, Estimate, share
from .axes import Sides, sides, within

RIDGE = 0.3
"""Prior precision: enough to keep an item that always won at a finite place; its pull is undone."""
WORDINGS = "wordings"
_KINDS = {
    "as_citizen": "roles", "as_assistant": "roles", "must_choose": "frames", "neutral": "neutral",
    "reason_first": "reasons",
}  # fmt: skip


def kind_of(arm: str) -> str:
    """What of the question an arm changes: wordings, roles, frames, neutral or reasons."""
    if arm == "forced" or arm.startswith("reworded_"):
        return WORDINGS
    return _KINDS.get(arm, "frames")


@dataclass(frozen=True)
class Cell:
    """One arm of one respondent.

    ``score`` is the utility of a unit of lean with the standard error ``se`` of its answers alone;
    ``first`` the share of choices for the option listed first, one half without an order effect.
    """

    arm: str
    score: float
    se: float
    given: Sides
    first: Estimate
    answers: int

    @property
    def interval(self) -> Estimate:
        """The score with the interval that the answers of this arm alone give."""
        half = float(stats.norm.ppf(0.975)) * self.se
        method = "slope within areas, sampling error of one arm"
        return Estimate(self.score, self.score - half, self.score + half, self.answers, method)


def unbiased(choices: pd.DataFrame) -> Utilities:
    """Utilities of the compared items of one cell, freed of their bias to first order.

    With B the inverse Hessian, W the information of the answers about each ordered pair's z and Q
    the variance of z, the bias is B X'W(Q z)/2 less the prior's pull, ridge B u.
    """
    fitted = fit(comparisons(choices), ridge=RIDGE, backend="numpy")
    data, inverse, mean = fitted.comparisons, fitted.laplace_covariance, fitted.mean
    assert data is not None
    one, two = data.first, data.second
    z = mean[one] - mean[two] + fitted.order_effect
    p = np.clip(stats.norm.cdf(z), 1e-9, 1 - 1e-9)
    information = data.n * stats.norm.pdf(z) ** 2 / (p * (1 - p))
    variance = inverse[one, one] + inverse[two, two] - 2 * inverse[one, two]
    pull = information * variance * z
    n = len(mean)
    score = np.bincount(one, pull, n) - np.bincount(two, pull, n)
    freed = mean - inverse @ score / 2 + RIDGE * inverse @ mean
    ratio = dispersion(fitted)
    noise = ratio * (inverse - RIDGE * inverse @ inverse)
    return Utilities(fitted.items, freed, noise, ratio)


def lean_weights(given: Sides) -> Array:
    """Weights (n,) of the utilities in the score: least squares within areas."""
    return np.asarray(np.linalg.pinv(within(given.sides, given.area))[0])


def fit_cells(
    choices: Mapping[str, pd.DataFrame], items: pd.DataFrame
) -> tuple[dict[str, Cell], dict[str, str]]:
    """Score every arm by itself.

    Parameters
    ----------
    choices
        Choices (schema `CHOICES`) of one respondent by arm, about the same pairs.
    items
        The instrument's items (see `axes.sides`).

    Returns
    -------
    The cells by arm; and for the arms that cannot be counted, the reason.
    """
    cells, barred = {}, {}
    for arm, table in choices.items():
        if why := measurable.reason(table):
            barred[arm] = why
            continue
        try:
            given = sides(unbiased(table), items)
        except DataError as error:
            barred[arm] = error.what.rstrip(".")
            continue
        weights = lean_weights(given)
        se = float(np.sqrt(weights @ given.noise @ weights))
        chosen = table["n_first"] + table["n_second"]
        cells[arm] = Cell(
            arm, float(weights @ given.mean), se, given, _first(table), round(float(chosen.sum()))
        )
    return cells, barred


def _first(table: pd.DataFrame) -> Estimate:
    """Share of choices for the option listed first, over both orders of every pair."""
    pair = [tuple(sorted(both)) for both in zip(table["first"], table["second"], strict=True)]
    counted = table[["n_first", "n_second"]].groupby(pd.Series(pair, index=table.index)).sum()
    return share(counted["n_first"], counted.sum(axis=1), "pair-clustered, logit scale")


def neutral_share(table: pd.DataFrame) -> Estimate:
    """Share of an arm's answers without a preference, of those and the choices."""
    total = table["n_first"] + table["n_second"] + table["n_neutral"]
    return share(table["n_neutral"], total, "order of a pair as cluster, logit scale")


def net_share(table: pd.DataFrame, items: pd.DataFrame) -> Estimate:
    """Choices of the right less choices of the left, over all answers, between the two.

    From -1 to 1. An answer without a preference is an answer for neither, as it is in a free answer
    that takes no side. Pairs of one side are left out. Linearized ratio, pairs as clusters.
    """
    lean = items["lean"]
    first, second = (lean.reindex(table[side]).to_numpy(float) for side in ("first", "second"))
    kept = table[first * second < 0]
    toward = np.where(first[first * second < 0] > 0, 1.0, -1.0)
    net = toward * (kept["n_first"] - kept["n_second"]).to_numpy(float)
    total = (kept["n_first"] + kept["n_second"] + kept["n_neutral"]).to_numpy(float)
    pair = [tuple(sorted(both)) for both in zip(kept["first"], kept["second"], strict=True)]
    codes = pd.factorize(pd.Series(pair, dtype=object))[0]
    return ratio(
        _sums(codes, net), _sums(codes, total), "right less left over all answers, pair-clustered"
    )


def _sums(codes: Array, values: Array) -> Array:
    return np.asarray(np.bincount(codes.astype(int), values), dtype=np.float64)


def ratio(net: Array, total: Array, method: str) -> Estimate:
    """sum(net) / sum(total), each entry a cluster, cut at -1 and 1."""
    net, total = net[total > 0], total[total > 0]
    m = len(total)
    if m < 3:
        return Estimate(np.nan, None, None, m, method, "too few answers")
    value = float(net.sum() / total.sum())
    se = float(np.sqrt(((net - value * total) ** 2).sum() * m / (m - 1)) / total.sum())
    half = float(stats.t.ppf(0.975, m - 1)) * se
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), m, method)
