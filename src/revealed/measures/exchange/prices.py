"""Log prices, rates between goods and willingness to pay, from a fitted quantity curve.

The log price of X is minus the (log) quantity of X whose worth equals one common level, the mean
worth of the reference goods at the centre of the grid, relative to the geometric mean over the
reference. With one slope it is (b_X - mean b) / a. One number a good: a rate is a difference of
log prices, so rate(X, Y) rate(Y, Z) = rate(X, Z) whatever the curve. Where less is better (deaths)
a larger price still means that a unit of X weighs more.

Intervals are Student's on the log scale, with the larger of the pair-clustered HC3 and the Laplace
standard error and as many degrees of freedom as a good has pairs (less one): where pairs are chosen
by what was answered before, the sandwich with normal quantiles covers 93 to 94 %, this 94 to 95 %
(`validation.exchange`). The adjusted intervals cover all goods (or all rates) at once, by the
distribution of the largest |t| (Hothorn, Bretz and Westfall 2008, Biometrical Journal 50:346).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special
from scipy.sparse.csgraph import connected_components

from ...foundation.errors import EstimationError
from ...utilities.curve import CurveFit
from ...utilities.curve_model import Array, Index

LEAST_SLOPE_Z = 3.0
"""A ratio whose denominator lies nearer to zero than this many standard errors has no interval."""
_ONE_VOTE = 0.5  # half a vote, because token log-probabilities count as fractions of answers
_OFFER_STEP = 0.1
_DRAWS = 10_000


def price_vector(
    fit: CurveFit, reference: NDArray[np.bool_] | None = None
) -> tuple[Array, Array, Array]:
    """Log prices (goods,), their HC3 and their Laplace covariance (goods x goods).

    `reference` (goods,) replaces the fit's own reference set.
    """
    goods, size = len(fit.goods), len(fit.theta)
    if reference is None:
        reference = np.isin(fit.goods, fit.grid.reference)
    weights = reference / reference.sum()
    level = np.full(goods, weights @ fit.b)
    gradient = np.zeros((goods, size))
    gradient[:, fit.model.b] = weights
    x, jacobian = fit.quantity_at(level, gradient)
    price, jacobian = -x, -jacobian
    price = price - weights @ price
    jacobian = jacobian - weights @ jacobian
    return (
        price,
        jacobian @ fit.covariance @ jacobian.T,
        jacobian @ fit.laplace_covariance @ jacobian.T,
    )


def log_prices(fit: CurveFit, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """One row a good, natural logarithms, zero at the geometric mean of the reference goods.

    Columns: good, placebo, log_price, se, low, high, low_adjusted, high_adjusted, price (factor
    on the reference mean), bound, slope_z, unequal, in_reference (goods of the reference set that
    have a number: the zero is their mean).

    ``bound`` is "" for a number; ">" or "<" where fewer than two offers lie beyond indifference on
    that side, so that ``log_price`` is the second most extreme offer asked and the interval is
    open; "none" where not even that is known, or the answers do not respond to quantity
    (``slope_z`` < 3), with an interval open on both sides. An *offer* is one comparison of the
    good with another, read as the log price at which it would have been a matter of indifference.

    ``unequal``: zero lies outside the adjusted interval (family-wise over the goods that are not
    placebos). This is the decision to quote.
    """
    price, covariance, laplace = price_vector(fit)
    # A good that only has a bound has no place in the zero that the others are measured from.
    reference = np.isin(fit.goods, fit.grid.reference)
    numbers = reference & (_bounds(fit, price)[0] == "")
    if numbers.any() and (numbers != reference).any():
        reference = numbers
        price, covariance, laplace = price_vector(fit, reference)
    se = np.maximum(_se(covariance), _se(laplace))
    slope_z = fit.a / np.where(fit.a_se > 0, fit.a_se, np.inf)
    usable = slope_z >= LEAST_SLOPE_Z
    family = usable & ~fit.grid.placebo
    freedom = _freedom(fit)
    critical = np.inf
    if family.any():
        critical = max_t(covariance[np.ix_(family, family)], level, seed, freedom)
    z = _t(level, freedom)
    bound, edge = _bounds(fit, price)
    bound[~usable] = "none"
    adjusted_low, adjusted_high = price - critical * se, price + critical * se
    unequal = usable & ((adjusted_low > 0) | (adjusted_high < 0))
    unequal &= ~((bound == ">") & (edge <= 0)) & ~((bound == "<") & (edge >= 0))
    unequal &= bound != "none"
    table = pd.DataFrame(
        {
            "good": fit.goods,
            "placebo": fit.grid.placebo,
            "log_price": np.where((bound == ">") | (bound == "<"), edge, price),
            "se": se,
            "low": price - z * se,
            "high": price + z * se,
            "low_adjusted": adjusted_low,
            "high_adjusted": adjusted_high,
            "bound": bound,
            "slope_z": slope_z,
            "unequal": unequal,
            "in_reference": reference,
        }
    )
    table = _open(table)
    table.insert(8, "price", _exp(table["log_price"]))
    return table


def rates(
    fit: CurveFit,
    goods: Sequence[str] | None = None,
    per: Sequence[str] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """How many units of `per` one unit of `good` is worth, with intervals.

    Parameters
    ----------
    goods, per
        Which goods stand in rows, and against which; by default every unordered pair once. The
        adjusted intervals cover all rates in the table at once.

    Returns
    -------
    Columns good, per, log_rate, se, low, high, low_adjusted, high_adjusted (natural logarithms),
    rate, rate_low, rate_high (factors), bound, text ("20 (12 to 33)", "> 30").
    """
    place = {name: k for k, name in enumerate(fit.goods)}
    if unknown := [g for g in [*(goods or ()), *(per or ())] if g not in place]:
        raise EstimationError(f"no such good in the fit: {', '.join(unknown)}.")
    if goods is None and per is None:
        i, j = np.triu_indices(len(fit.goods), 1)
    else:
        rows = [place[g] for g in (goods if goods is not None else fit.goods)]
        columns = [place[g] for g in (per if per is not None else fit.goods)]
        i, j = (np.array(side, dtype=np.intp) for side in _product(rows, columns))
    covariance = price_vector(fit)[1]
    contrast = np.zeros((len(i), len(fit.goods)))
    contrast[np.arange(len(i)), i] = 1.0
    contrast[np.arange(len(i)), j] -= 1.0
    variance = contrast @ covariance @ contrast.T
    critical = max_t(variance, level, seed, _freedom(fit)) if len(i) else np.inf
    table = _rates(fit, i, j, level, seed, critical)
    table["text"] = [
        format_rate(row.rate, row.rate_low, row.rate_high, row.bound) for row in table.itertuples()
    ]
    return table


def every_rate(fit: CurveFit, level: float = 0.95) -> pd.DataFrame:
    """Every unordered pair of goods once, each rate with the interval it has when asked for alone.

    The rates of `rates` without what covers all of them at once, which takes minutes for a hundred
    goods: for who looks up a rate, not for who searches the table for the largest. Columns good,
    per, rate, rate_low, rate_high, bound.
    """
    i, j = np.triu_indices(len(fit.goods), 1)
    table = _rates(fit, i, j, level, seed=0, critical=math.inf)
    return table[["good", "per", "rate", "rate_low", "rate_high", "bound"]]


def _rates(
    fit: CurveFit, i: Index, j: Index, level: float, seed: int, critical: float
) -> pd.DataFrame:
    """Rates of the goods `i` against the goods `j`, by number; `critical` is the adjusted |t|."""
    price, *covariances = price_vector(fit)
    prices = log_prices(fit, level, seed)
    state, value = prices["bound"].to_numpy(), prices["log_price"].to_numpy()
    # Bounds are on the zero of `log_prices`, which a difference of two prices does not see.
    log_rate = value[i] - value[j]
    se = np.maximum(*(_difference_se(v, i, j) for v in covariances))
    bound = np.array([_rate_bound(state[a], state[b]) for a, b in zip(i, j, strict=True)], object)
    # Two goods of one block have a rate even where the block has no place among the others.
    block = _blocks(fit)
    together = (block[i] == block[j]) & (block[i] > 0) & (state[i] != "none")
    bound[together] = ""
    middle = price[i] - price[j]
    log_rate = np.where(together, middle, log_rate)
    z = _t(level, _freedom(fit))
    table = pd.DataFrame(
        {
            "good": [fit.goods[k] for k in i],
            "per": [fit.goods[k] for k in j],
            "log_rate": log_rate,
            "se": se,
            "low": middle - z * se,
            "high": middle + z * se,
            "low_adjusted": middle - critical * se,
            "high_adjusted": middle + critical * se,
            "bound": bound,
        }
    )
    table = _open(table, "log_rate")
    for factor, log in (("rate", "log_rate"), ("rate_low", "low"), ("rate_high", "high")):
        table[factor] = _exp(table[log])
    return table


def willingness_to_pay(
    fit: CurveFit, quantity: float | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Dollars at which the respondent is indifferent to `quantity` units of each good.

    `quantity` defaults to the centre of the grid; where dollars and goods curve differently, the
    price a unit depends on it. ``bound`` as in `log_prices`, with dollar amounts for offers: fewer
    than two amounts asked beyond indifference give "> $1e8" and no number.

    Returns
    -------
    Columns good, quantity, dollars, low, high (for the whole quantity), per_unit, per_unit_low,
    per_unit_high, bound, text.

    Raises
    ------
    EstimationError
        Without dollar amounts, or where less is better: being indifferent between deaths and
        receiving money is not a willingness to pay.
    """
    if (fit.grid.sign[fit.grid.good >= 0] < 0).any():
        raise EstimationError("willingness to pay needs a measure of which more is better.")
    center = math.exp(fit.grid.center)
    quantity = center if quantity is None else quantity
    x = np.full(len(fit.goods), math.log(quantity) - fit.grid.center)
    log_dollars, jacobian = fit.dollars_at(*fit.worth_at(x))
    both = (fit.covariance, fit.laplace_covariance)
    se = np.maximum(*(_se(jacobian @ v @ jacobian.T) for v in both))
    asked = _amounts_asked(fit)
    bound, edge = np.full(len(se), "", object), log_dollars.copy()
    if fit.dollar_slope_z < LEAST_SLOPE_Z or len(asked) < 2:
        bound[:] = "none"
    else:
        bound[(asked[:, None] > log_dollars).sum(0) < 2] = ">"
        bound[(asked[:, None] < log_dollars).sum(0) < 2] = "<"
        edge = np.where(bound == ">", asked[-2], np.where(bound == "<", asked[1], edge))
    bound[fit.a / fit.a_se < LEAST_SLOPE_Z] = "none"
    z = _t(level, _freedom(fit))
    table = _open(
        pd.DataFrame(
            {
                "good": fit.goods,
                "quantity": quantity,
                "log_dollars": edge,
                "low": log_dollars - z * se,
                "high": log_dollars + z * se,
                "bound": bound,
            }
        ),
        "log_dollars",
    )
    table[["dollars", "low", "high"]] = _exp(table[["log_dollars", "low", "high"]])
    for unit, whole in (
        ("per_unit", "dollars"),
        ("per_unit_low", "low"),
        ("per_unit_high", "high"),
    ):
        table[unit] = table[whole] / quantity
    table["text"] = [
        format_rate(row.per_unit, row.per_unit_low, row.per_unit_high, row.bound, "$")
        for row in table.itertuples()
    ]
    return table


def max_t(covariance: Array, level: float, seed: int, freedom: float = math.inf) -> float:
    """Critical value of the largest |t| over all rows of an estimate with this covariance.

    Drawn `_DRAWS` times from the multivariate t with `freedom` degrees of freedom, the normal by
    default; V may be singular.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    root = root[:, values > values.max() * 1e-12]
    se = _se(covariance)
    root = root / np.where(se > 0, se, np.inf)[:, None]
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((_DRAWS, root.shape[1]))
    if math.isfinite(freedom):
        draws /= np.sqrt(rng.chisquare(freedom, (_DRAWS, 1)) / freedom)
    # In slices: all rates of 50 goods are 1,225 rows.
    largest = np.concatenate(
        [np.abs(part @ root.T).max(axis=1) for part in np.array_split(draws, 20)]
    )
    return float(np.quantile(largest, level))


def format_rate(rate: float, low: float, high: float, bound: str, unit: str = "") -> str:
    """ "20 (12 to 33)", "> 30", or "not determined"."""
    if bound == "none":
        return "not determined"
    if bound:
        return f"{bound} {unit}{_short(rate)}"
    return f"{unit}{_short(rate)} ({_short(low)} to {_short(high)})"


def _short(value: float) -> str:
    if value >= 1e6 or value < 1e-3:
        return f"{value:.1e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _product(rows: Sequence[int], columns: Sequence[int]) -> tuple[list[int], list[int]]:
    pairs = [(a, b) for a in rows for b in columns if a != b]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _exp(logs: Any) -> Any:
    """exp; an end beyond the range of floats is open."""
    with np.errstate(over="ignore"):
        return np.exp(logs)


def _freedom(fit: CurveFit) -> float:
    """Pairs that a good stands in, on average, less one: what its standard error rests on."""
    pair = np.stack([np.minimum(fit.first, fit.second), np.maximum(fit.first, fit.second)], axis=1)
    sides = fit.grid.good[np.unique(pair, axis=0)]
    different = sides[sides[:, 0] != sides[:, 1]]
    return max(2.0, float((different >= 0).sum()) / len(fit.goods) - 1.0)


def _t(level: float, freedom: float) -> float:
    return float(special.stdtrit(freedom, 0.5 + level / 2.0))


def _se(covariance: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(np.diag(covariance), 0.0)))


def _difference_se(covariance: Array, i: Index, j: Index) -> Array:
    """Standard errors of the estimates numbered `i` minus those numbered `j`."""
    own = np.diag(covariance)
    return np.asarray(np.sqrt(np.maximum(own[i] + own[j] - 2.0 * covariance[i, j], 0.0)))


def _blocks(fit: CurveFit) -> Index:
    """The separated block of every good, the largest being 0.

    A set of goods that won every answer against the rest can be moved up without limit whatever
    the quantities were, so only the prior says where it stands (Ford 1957, for free utilities).
    Blocks are the strong components of "was chosen over", dollars being one more good.
    """
    goods = len(fit.goods)
    left, right = fit.grid.good[fit.first], fit.grid.good[fit.second]  # dollars are -1, the last
    votes = np.zeros((goods + 1, goods + 1))
    np.add.at(votes, (left, right), fit.n_first)
    np.add.at(votes, (right, left), fit.n_second)
    _, block = connected_components(votes >= _ONE_VOTE, connection="strong")
    sizes = np.bincount(block[:goods], minlength=block.max() + 1)
    rank = np.empty(len(sizes), dtype=np.intp)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return np.asarray(rank[block])


def _bounds(fit: CurveFit, price: Array) -> tuple[np.ndarray, Array]:
    """Per good "", ">", "<" or "none", and the second most extreme offer on the open side."""
    grid, u = fit.grid, fit.utility
    block = _blocks(fit)
    bound, edge = np.full(len(price), "", object), price.copy()
    left, right = grid.good[fit.first], grid.good[fit.second]
    for g in range(len(price)):
        as_first, as_second = (left == g) & (right != g), (right == g) & (left != g)
        if block[g]:
            # Offers from its own block say nothing of where the block stands.
            as_first, as_second = as_first & (block[right] == 0), as_second & (block[left] == 0)
        mine = np.concatenate([fit.first[as_first], fit.second[as_second]])
        other = np.concatenate([fit.second[as_first], fit.first[as_second]])
        won = float(fit.n_first[as_first].sum() + fit.n_second[as_second].sum())
        lost = float(fit.n_second[as_first].sum() + fit.n_first[as_second].sum())
        if fit.a[g] <= 0:
            bound[g] = "none"
            continue
        # The other's utility in units of this good's worth, moved by the local slope.
        away = (u[other] - u[mine]) * grid.sign[mine] / fit.a[g]
        offers = np.unique(np.round((price[g] + away) / _OFFER_STEP)) * _OFFER_STEP
        # Where less is better, being chosen means weighing less.
        if grid.sign[mine[0] if len(mine) else 0] < 0:
            won, lost = lost, won
        above = 0 if lost < _ONE_VOTE else int((offers > price[g]).sum())
        below = 0 if won < _ONE_VOTE else int((offers < price[g]).sum())
        if len(offers) < 2 or (above < 2 and below < 2):
            bound[g] = "none"
        elif above < 2:
            bound[g], edge[g] = ">", offers[-2]
        elif below < 2:
            bound[g], edge[g] = "<", offers[1]
    return bound, edge


def _amounts_asked(fit: CurveFit) -> Array:
    """Distinct ln $ that stood against a good."""
    left, right = fit.grid.good[fit.first], fit.grid.good[fit.second]
    money = np.concatenate(
        [fit.first[(left < 0) & (right >= 0)], fit.second[(right < 0) & (left >= 0)]]
    )
    return np.unique(fit.grid.x[money]) + fit.grid.dollar_center


def _rate_bound(good: str, per: str) -> str:
    if not good and not per:
        return ""
    if good in ("", ">") and per in ("", "<"):
        return ">"
    if good in ("", "<") and per in ("", ">"):
        return "<"
    return "none"


def _open(table: pd.DataFrame, estimate: str = "log_price") -> pd.DataFrame:
    """Open the intervals of bounds on their side; the other end is no nearer than the bound.

    The bound alone would be an end without error: offers are placed by estimates.
    """
    bound = table["bound"]
    for low, high in (("low", "high"), ("low_adjusted", "high_adjusted")):
        if low in table:
            above, below = bound == ">", bound == "<"
            table.loc[above, low] = np.minimum(table.loc[above, low], table.loc[above, estimate])
            table.loc[below, high] = np.maximum(table.loc[below, high], table.loc[below, estimate])
            table.loc[bound.isin(["<", "none"]), low] = -np.inf
            table.loc[bound.isin([">", "none"]), high] = np.inf
    return table
