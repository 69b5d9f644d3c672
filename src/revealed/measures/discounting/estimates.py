"""What the discounting experiment says: rates, present bias, curves compared, bounds, gates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..intervals import Array, Estimate, share
from .curves import CURVES, CurveName
from .fit import Cells, DiscountFit, fit_curve, heldout_rows

YEAR = 12.0
HORIZON = 60.0
"""Months over which the area under the curve is taken: the longest delay asked."""
FOLDS = 10
DOMINANCE_NEEDED = 0.9
"""Share of plainly better options that must be chosen before any rate is quoted."""
_EVEN = 0.5


def annual_rate(fit: DiscountFit) -> Estimate:
    """Share that a year's delay from today adds to the sum needed, in per cent.

    100 (1 / D(12) - 1), for a sum between the sizes asked. The interval is Student's on ln D.
    """
    value, jacobian = fit.log_discount(np.array([YEAR]))
    low, high = fit.interval(-float(value[0]), -jacobian[0])
    with np.errstate(over="ignore"):
        percent = 100.0 * np.expm1(np.array([-value[0], low, high]))
    method = f"{fit.curve.title} curve, one likelihood over all cells, clustered by cell"
    n = fit.data.n_cells
    return Estimate(float(percent[0]), float(percent[1]), float(percent[2]), n, method)


def area_under_curve(fit: DiscountFit, *, horizon: float = HORIZON, points: int = 241) -> Estimate:
    """Mean of D over the horizon: 1 is no discounting at all (after Myerson et al. 2001)."""
    months = np.linspace(0.0, horizon, points)
    value, jacobian = fit.log_discount(months)
    weights = np.full(points, 1.0)
    weights[[0, -1]] = 0.5
    weights /= weights.sum()
    d = np.exp(value)
    area = float(weights @ d)
    gradient = (weights * d) @ jacobian
    # On the logit scale the interval stays between 0 and 1.
    inside = min(max(area, 1e-9), 1.0 - 1e-9)
    low, high = fit.interval(math.log(inside / (1.0 - inside)), gradient / (inside * (1 - inside)))
    ends = [1.0 / (1.0 + math.exp(-end)) if end > -700 else 0.0 for end in (low, high)]
    method = f"{fit.curve.title} curve, {horizon:g} months, clustered by cell"
    return Estimate(area, ends[0], ends[1], fit.data.n_cells, method)


def beta(c: Cells) -> Estimate:
    """Present-bias factor of the quasi-hyperbolic curve: what any delay at all takes off.

    Below 1 for a respondent that discounts hyperbolically too, because a curve that is steep at
    first looks like a jump; `compare_curves` and `front_end` tell the two apart.
    """
    fit = fit_curve(c, "quasi_hyperbolic")
    value, gradient = fit.value("log_beta")
    low, high = fit.interval(value, gradient)
    return Estimate(
        math.exp(value), math.exp(low), math.exp(high), c.n_cells,
        "quasi-hyperbolic curve, clustered by cell", freedom=fit.freedom,
    )  # fmt: skip


def magnitude(fit: DiscountFit) -> Estimate:
    """ln of the rate of discount at the largest sum over that at the smallest."""
    span = math.log(fit.data.base.max() / fit.data.base.min())
    value, gradient = fit.value("magnitude")
    low, high = fit.interval(value * span, gradient * span)
    method = f"{fit.curve.title} curve, clustered by cell"
    return Estimate(value * span, low, high, fit.data.n_cells, method, freedom=fit.freedom)


def order_effect(fit: DiscountFit) -> Estimate:
    """Leaning towards the option listed first, in units of the link."""
    value, gradient = fit.value("order_effect")
    low, high = fit.interval(value, gradient)
    method = f"{fit.curve.title} curve, clustered by cell"
    return Estimate(value, low, high, fit.data.n_cells, method)


def lapse(fit: DiscountFit) -> float:
    """Share of choices made without looking, as fitted (weakly identified: no interval)."""
    return float(1.0 / (1.0 + math.exp(-fit.value("logit_lapse")[0])))


# --- the curves against each other ---------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Held-out log-likelihood of the curves.

    ``table``: columns curve, log_likelihood (nats a choice), gain, low, high (over the exponential
    curve; whole cells held out), n (cells). ``chosen``: the first curve, the simplest first, that
    lies no further below the best one than the standard error of that difference: a richer curve
    has to earn its place (the one-standard-error rule of Breiman et al. 1984).
    """

    table: pd.DataFrame
    chosen: CurveName


def compare_curves(
    c: Cells, curves: Sequence[CurveName] = tuple(CURVES), *, folds: int = FOLDS, seed: int = 0
) -> Comparison:
    """Compare curves on cells that the fit has not seen.

    Cells are dealt into folds at random, both orders of a cell together. The interval of a gain is
    Student's over cells, each weighing by its choices.
    """
    groups, where = np.unique(c.cell, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(groups)) % folds
    own = {curve: np.zeros(len(groups)) for curve in curves}
    for curve in curves:
        whole = fit_curve(c, curve)
        for k in range(folds):
            held = fold[where] == k
            rows = heldout_rows(c, held, whole)
            own[curve] += np.bincount(where[held], weights=rows, minlength=len(groups))
    total = np.bincount(where, weights=c.total, minlength=len(groups)).astype(float)
    made = []
    for curve in curves:
        gain = own[curve] - own[curves[0]]
        mean, half = _ratio(gain, total)
        level = float(own[curve].sum() / total.sum())
        made.append((curve, level, mean, mean - half, mean + half, len(groups)))
    table = pd.DataFrame(made, columns=["curve", "log_likelihood", "gain", "low", "high", "n"])
    best = own[curves[int(np.argmax(table["log_likelihood"]))]]
    chosen = curves[0]
    for curve in reversed(curves):
        behind, half = _ratio(best - own[curve], total)
        if behind <= half / float(stats.t.ppf(0.975, max(1, len(groups) - 1))):
            chosen = curve
    return Comparison(table, chosen)


def _ratio(hits: Array, totals: Array) -> tuple[float, float]:
    """Sum of hits over sum of totals, with the half-width of its 95 % interval over clusters."""
    m = len(hits)
    value = float(hits.sum() / totals.sum())
    away = hits - value * totals
    se = math.sqrt(float((away**2).sum()) * m / max(1, m - 1)) / float(totals.sum())
    return value, se * float(stats.t.ppf(0.975, max(1, m - 1)))


# --- without any curve ---------------------------------------------------------------------------


def front_end(c: Cells) -> Estimate:
    """How much more often the later option is taken once both lie in the future.

    The same sums and the same gap, once from today and once from twelve months on: the mean
    difference in the share of later choices, order-balanced, a cell a pair of cells. A constant
    rate of discount makes it zero, whatever the rate, noise, order effect or lapse; a rate that
    falls with the delay or a jump after today makes it positive.
    """
    method = "same cells with and without a front-end delay, Student's t over matched cells"
    shares = _shares(c)
    keys = ["base", "gap", "ratio"]
    today = shares[shares["start"] == 0].drop_duplicates(keys)
    matched = shares[shares["block"] == "front_end"].merge(today, on=keys, suffixes=("", "_now"))
    m = len(matched)
    if m < 5:
        return Estimate(np.nan, None, None, m, method, "fewer than 5 matched cells")
    gap = (matched["later"] - matched["later_now"]).to_numpy(float)
    half = float(gap.std(ddof=1) / math.sqrt(m) * stats.t.ppf(0.975, m - 1))
    mean = float(gap.mean())
    if half == 0.0 and mean == 0.0:
        return Estimate(np.nan, None, None, m, method, "the same answer in every matched cell")
    return Estimate(mean, mean - half, mean + half, m, method, freedom=m - 1)


def _shares(c: Cells) -> pd.DataFrame:
    """Share of later choices of each cell, the mean of its two orders; cells with one are out."""
    rows = pd.DataFrame(
        {
            "cell": c.cell, "block": c.block, "start": c.start, "gap": c.gap, "base": c.base,
            "ratio": c.ratio, "later": c.later / c.total, "orders": 1,
        }
    )  # fmt: skip
    by = ["cell", "block", "start", "gap", "base", "ratio"]
    found = rows.groupby(by, as_index=False).agg({"later": "mean", "orders": "sum"})
    return found[found["orders"] == 2]


def bound(c: Cells) -> tuple[str, float]:
    """What is known of the yearly rate of a respondent that (nearly) always takes one side.

    Returns
    -------
    (str, float)
        ("", NaN) where cells lie on both sides of indifference, at least two on each. Else ">" or
        "<" and the yearly rate in per cent that the second most extreme cell implies: where the
        later option never wins, the rate lies above what the cells asked; and the reverse.

    Notes
    -----
    A cell counts as won by the later option if it got most of its choices, both orders together.
    """
    shares = _shares(c)
    if shares.empty:
        return "none", float("nan")
    implied = (np.log(shares["ratio"]) / shares["gap"]).to_numpy(float)
    share = shares["later"].to_numpy(float)
    later, sooner = implied[share > _EVEN], implied[share < _EVEN]
    if len(later) >= 2 and len(sooner) >= 2:
        return "", float("nan")
    if len(later) < 2 and len(sooner) >= 2:
        return ">", float(100.0 * np.expm1(YEAR * np.sort(implied)[-2]))
    if len(sooner) < 2 and len(later) >= 2:
        return "<", float(100.0 * np.expm1(YEAR * np.sort(implied)[1]))
    return "none", float("nan")


def dominance(choices: pd.DataFrame, pairs: pd.DataFrame) -> tuple[Estimate, Estimate]:
    """Share of choices of the plainly better option: over all such pairs, and where its number is
    the smaller one (a better payment of $20 against 900 cents)."""
    plain = pairs[pairs["block"] == "dominance"]
    listed = choices.set_index(["first", "second"])
    right, total, smaller = [], [], []
    for row in plain.itertuples():
        hits = n = 0.0
        for key, column in (
            ((row.sooner, row.later), "n_first"),
            ((row.later, row.sooner), "n_second"),
        ):
            if key in listed.index:
                cell = listed.loc[key]
                hits += float(cell[column])
                n += float(cell["n_first"] + cell["n_second"])
        right.append(hits)
        total.append(n)
        smaller.append(bool(row.misleading))
    hit, n_of, flag = np.array(right), np.array(total), np.array(smaller, bool)
    return share(hit, n_of), share(hit[flag], n_of[flag])
