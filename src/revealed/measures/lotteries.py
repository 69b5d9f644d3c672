"""Lotteries: are they worth what their outcomes are worth, weighed by their chances?

A respondent that ignores chances and takes the plain mean of the outcomes still shows a high
correlation between the utility of lotteries and their expectation, because the outcomes are the
same on both sides. Three checks keep the chances apart: the slope *within* lotteries over the same
outcomes, where nothing but the chances differs (0 if they are ignored, 1 for expected utility); the
power g of decision weights p^g / sum p^g (Karmarkar 1978: 0 the plain mean, 1 expected utility,
large the most likely outcome); and the loss of competing rules on lotteries left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..foundation.errors import DataError
from ..utilities import Fit
from .errors_in_variables import Problem, Solution, linear, naive_slope, noise, solve
from .intervals import Array, Estimate

SLOPES = (-3.0, 4.0)
"""Range searched for slopes; 1 is expected utility."""
POWERS = (-1.0, 5.0)
"""Range searched for the power of decision weights."""
RULES: dict[str, str] = {
    "expectation": "the outcomes weighed by their chances",
    "unweighted mean": "the plain mean of the outcomes",
    "most likely": "the most likely outcome",
    "best": "the best outcome",
    "worst": "the worst outcome",
    "bent chances": "the outcomes weighed by a power of their chances, fitted",
}
"""Rules for the utility of a lottery, by name; all but the last without a free parameter."""

LOTTERIES_NEEDED = 8
"""Below so many lotteries with all of their outcomes on one scale nothing is estimated."""
_GAMMAS = np.round(np.arange(0.0, 4.01, 0.1), 2)


@dataclass(frozen=True)
class Lotteries:
    """Lotteries with the fitted utilities of themselves and of their outcomes.

    Attributes
    ----------
    utility, covariance
        Of the n items of the fit.
    names
        Item ids of the m lotteries (or uncertain events).
    own
        Place of each lottery among the items, shape (m,).
    chances
        Chance of each item in each lottery, 0 where it is no outcome of it, shape (m, n).
    member
        True where an item is an outcome of a lottery, shape (m, n).
    groups
        The set of outcomes of each lottery, shape (m,).
    """

    utility: Array
    covariance: Array
    names: tuple[str, ...]
    own: np.ndarray
    chances: Array
    member: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def outcome(self) -> Array:
        """Selects each lottery's own utility, shape (m, n)."""
        return np.asarray(np.eye(len(self.utility))[self.own])

    @property
    def even(self) -> Array:
        """Every outcome of a lottery with the same weight, shape (m, n)."""
        return np.asarray(self.member / self.member.sum(axis=1, keepdims=True))

    def weights(self, power: float) -> Array:
        """Decision weights p^g / sum p^g, shape (m, n)."""
        powers = np.where(self.member, np.where(self.member, self.chances, 1.0) ** power, 0.0)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def weights_slope(self, power: float) -> Array:
        """Derivative of `weights` by the power, shape (m, n)."""
        w = self.weights(power)
        logs = np.log(np.where(self.member, self.chances, 1.0))
        return np.asarray(w * (logs - (w * logs).sum(axis=1, keepdims=True)))


def complete(
    fit: Fit, items: pd.DataFrame, chances: Mapping[str, tuple[float, ...]] | None = None
) -> pd.DataFrame:
    """The rows of lotteries that were fitted with all of their outcomes.

    An item that won or lost every answer has no known distance from the others: its lotteries are
    left out. With `chances` (by item id), so are those that it does not name.
    """
    placed = {name for name, known in zip(fit.items, fit.identified, strict=True) if known}
    keep = [
        len(parts) > 0 and {item, *parts} <= placed and (chances is None or item in chances)
        for item, parts in items["parts"].items()
    ]
    return items[keep]


def shortage(
    fit: Fit, items: pd.DataFrame, chances: Mapping[str, tuple[float, ...]] | None = None
) -> str:
    """Why a fit does not hold enough lotteries; empty if it does."""
    found = len(complete(fit, items, chances))
    if found >= LOTTERIES_NEEDED:
        return ""
    return f"only {found} lotteries stand on one scale with all of their outcomes"


def lotteries(
    fit: Fit, items: pd.DataFrame, chances: Mapping[str, tuple[float, ...]] | None = None
) -> Lotteries:
    """The `complete` lotteries of a fit.

    Parameters
    ----------
    fit
        Of an instrument whose items carry ``parts``, ``chances`` and ``set``.
    items
        The instrument's item table.
    chances
        Chances of the parts by item id, for lotteries that state none; they are scaled to sum to 1.
        A chance of 0 counts as half a per cent, since its logarithm is asked for.

    Raises
    ------
    DataError
        If fewer than `LOTTERIES_NEEDED` are complete.
    """
    if why := shortage(fit, items, chances):
        raise DataError(f"{why}; {LOTTERIES_NEEDED} are needed.")
    found = complete(fit, items, chances)
    place = {name: k for k, name in enumerate(fit.items)}
    m, n = len(found), len(fit.items)
    p, member = np.zeros((m, n)), np.zeros((m, n), bool)
    stated = found["chances"].to_dict() if chances is None else chances
    for row, (item, parts) in enumerate(found["parts"].items()):
        places = [place[part] for part in parts]
        values = np.maximum(np.asarray(stated[str(item)], float), 0.005)
        p[row, places] = values / values.sum()
        member[row, places] = True
    return Lotteries(
        np.asarray(fit.mean, float), noise(fit),
        tuple(map(str, found.index)), np.array([place[item] for item in found.index]), p, member,
        found["set"].to_numpy(),
    )  # fmt: skip


# --- slopes --------------------------------------------------------------------------------------


def level_slope(data: Lotteries) -> tuple[Solution, float]:
    """Slope and intercept of a lottery's utility on its expectation, and the naive slope.

    The intercept is the utility of a lottery whose expectation is zero, in the fit's gauge.
    """
    ones = np.ones((len(data), 1))
    problem = linear(data.utility, data.covariance, data.outcome, data.chances, ones)
    made = solve(problem, *SLOPES, method="errors in both utilities, score interval over lotteries")
    return made, naive_slope(problem)


def chance_slope(data: Lotteries) -> Solution:
    """What of the chances' worth arrives: 0 if they are ignored, 1 under expected utility.

    Where the same outcomes stand in several lotteries, these alone are compared with each other,
    so that whatever the outcomes contribute in themselves falls out. Where every lottery has
    outcomes of its own, the utility beyond the plain mean of the outcomes is regressed on the
    expectation beyond it, with an intercept.
    """
    sets, codes = np.unique(data.groups, return_inverse=True)
    if len(sets) <= len(data) / 2:
        outcome, regressor = data.outcome, data.chances
        nuisance = np.eye(len(sets))[codes]
        method = "same outcomes, other chances; errors in both utilities, score interval"
    else:
        outcome, regressor = data.outcome - data.even, data.chances - data.even
        nuisance = np.ones((len(data), 1))
        method = "beyond the plain mean; errors in both utilities, score interval"
    problem = linear(data.utility, data.covariance, outcome, regressor, nuisance)
    return solve(problem, *SLOPES, method=method, n=len(data))


def weighting(data: Lotteries) -> Solution:
    """The power g of the chances in decision weights: 1 expected utility, 0 the plain mean."""
    ones = np.ones((len(data), 1))
    problem = Problem(
        data.utility, data.covariance, data.outcome, ones, data.weights, data.weights_slope
    )
    return solve(problem, *POWERS, method="power of chances, errors in utilities, score interval")


# --- rules ---------------------------------------------------------------------------------------


def rule_values(data: Lotteries) -> dict[str, Array]:
    """What each rule without a free parameter says of every lottery, shape (m,)."""
    u = data.utility
    inside = np.where(data.member, u, np.nan)
    # Outcomes that are equally likely share the place of the most likely one.
    top = data.chances >= data.chances.max(axis=1, keepdims=True) - 1e-9
    most = (top & data.member) / (top & data.member).sum(axis=1, keepdims=True)
    return {
        "expectation": data.chances @ u,
        "unweighted mean": data.even @ u,
        "most likely": most @ u,
        "best": np.nanmax(inside, axis=1),
        "worst": np.nanmin(inside, axis=1),
    }


def rule_losses(data: Lotteries) -> pd.DataFrame:
    """Squared error of each rule on each lottery, all lotteries of its set left out.

    What is fitted without them: a constant that says how much lotteries as such are liked, for
    every rule, and the power of the chances for bent chances.

    Returns
    -------
    DataFrame
        A row a lottery, index its id, a column a rule of `RULES`, and ``set``.
    """
    target = data.utility[data.own]
    bent = np.stack([data.weights(float(g)) @ data.utility for g in _GAMMAS])
    losses = {name: np.empty(len(data)) for name in RULES}
    values = rule_values(data)
    for group in np.unique(data.groups):
        out = data.groups == group
        kept = ~out
        for name, value in values.items():
            shift = float((target[kept] - value[kept]).mean())
            losses[name][out] = (target[out] - value[out] - shift) ** 2
        shifts = (target[kept] - bent[:, kept]).mean(axis=1)
        squares = ((target[kept] - bent[:, kept] - shifts[:, None]) ** 2).sum(axis=1)
        best = int(np.argmin(squares))
        losses["bent chances"][out] = (target[out] - bent[best, out] - shifts[best]) ** 2
    return pd.DataFrame({**losses, "set": data.groups}, index=list(data.names))


def loss_difference(losses: pd.DataFrame, rule: str, against: str = "expectation") -> Estimate:
    """Mean loss of `rule` minus that of `against`, with a t interval over sets of outcomes.

    Positive: `against` predicts better.
    """
    difference = (losses[rule] - losses[against]).groupby(losses["set"]).mean()
    # Rules that agree (a fitted power of 1) must not differ by the rounding of their sums.
    difference = difference.where(difference.abs() > 1e-12, 0.0)
    return _mean(difference.to_numpy(float), "lotteries of one set left out, t over sets")


def mean_loss(losses: pd.DataFrame, rule: str) -> Estimate:
    """Mean loss of one rule, with a t interval over sets of outcomes (not below 0)."""
    by_set = losses.groupby("set")[rule].mean().to_numpy(float)
    made = _mean(by_set, "lotteries of one set left out, t over sets")
    low = None if made.low is None else max(0.0, made.low)
    return Estimate(made.value, low, made.high, made.n, made.method)


def _mean(values: Array, method: str) -> Estimate:
    g = len(values)
    if g < 3:
        return Estimate(float(values.mean()) if g else np.nan, None, None, g, method)
    half = float(stats.t.ppf(0.975, g - 1) * values.std(ddof=1) / np.sqrt(g))
    middle = float(values.mean())
    return Estimate(middle, middle - half, middle + half, g, method)


# --- own chances ---------------------------------------------------------------------------------


def own_chances(
    answers: pd.DataFrame, questions: pd.DataFrame, items: pd.DataFrame
) -> tuple[dict[str, tuple[float, ...]], pd.DataFrame]:
    """A respondent's chances of the ends of every event, and whether they are coherent.

    Parameters
    ----------
    answers
        Of the question set ``lottery_chances`` (schema ANSWERS), in per cent.
    questions
        The set's table: index question, columns event and item.
    items
        The item table of ``implicit_lotteries``.

    Returns
    -------
    (dict, DataFrame)
        By event, the chances of its ends in the order of its parts, summing to 1; events with an
        end that was never answered, or with no chance at all, are left out. And a row an event:
        ``event``, ``total`` (sum of the said chances, 1 if coherent), ``ends``.
    """
    said = answers[answers["kind"] == "answered"].groupby("question")["value"].mean() / 100.0
    by_item = said.rename(index=questions["item"].to_dict())
    chances: dict[str, tuple[float, ...]] = {}
    rows = []
    for event, parts in items.loc[items["kind"] == "event", "parts"].items():
        values = by_item.reindex(list(parts)).to_numpy(float)
        if not np.isfinite(values).all():
            continue
        rows.append((event, float(values.sum()), len(parts)))
        if values.sum() > 0:
            chances[str(event)] = tuple(float(value) for value in values / values.sum())
    return chances, pd.DataFrame(rows, columns=["event", "total", "ends"])


def chance_sum(totals: pd.DataFrame) -> Estimate:
    """Mean sum of said chances over events (1 if coherent), t interval over events."""
    return _mean(totals["total"].to_numpy(float), "t over events")


def chance_incoherence(totals: pd.DataFrame) -> Estimate:
    """Mean distance of the sums from 1, t interval over events (not below 0)."""
    made = _mean(np.abs(totals["total"].to_numpy(float) - 1.0), "t over events")
    low = None if made.low is None else max(0.0, made.low)
    return Estimate(made.value, low, made.high, made.n, made.method)


# --- the original's estimate ---------------------------------------------------------------------


def parity_losses(data: Lotteries) -> dict[str, float]:
    """The original's expected-utility loss, and the correlation that looks like its proof.

    Utilities are standardised over all items of the fit (mean 0, standard deviation 1), without
    regard to their noise.

    Returns
    -------
    dict
        ``absolute`` and ``squared``: mean distance between a lottery's utility and its expected
        utility; ``correlation``: Pearson's r of the two over lotteries. (Mazeika et al. 2025,
        section 4.2, as far as it is known to us: whether absolute or squared, we show both.)
    """
    z = (data.utility - data.utility.mean()) / data.utility.std(ddof=1)
    gap = z[data.own] - data.chances @ z
    r = float(np.corrcoef(z[data.own], data.chances @ z)[0, 1])
    return {
        "absolute": float(np.abs(gap).mean()), "squared": float((gap**2).mean()), "correlation": r
    }  # fmt: skip
