"""The original study's exchange rates: a line through free utilities, good by good (METHODS 8).

Mazeika et al. 2025 (arXiv 2502.08640), section 6: ordinary least squares of u on ln N for each
good, then

    log rate(i, j) = 1/2 [(b_j - b_i)(1/a_i + 1/a_j) + (a_j/a_i - a_i/a_j) mean ln N],

how many i one j is worth. It is not a difference of two numbers, so it depends on the pivot: equal
goods with slopes 20 % apart alone give 2.02. It has no intervals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...foundation.errors import EstimationError
from ...utilities.curve_model import Array


def parity_lines(utilities: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """OLS of u on ln N a good.

    Parameters
    ----------
    utilities
        Columns item and mean, of one respondent (schema `foundation.schemas.UTILITIES`).
    items
        The instrument's items.

    Returns
    -------
    Columns good, intercept, slope, r_squared, n, mean_log (mean ln N), flagged (the slope has not
    the sign it should); goods with fewer than two quantities are left out.
    """
    known = items[items["kind"] == "good"].join(utilities.set_index("item")["mean"], how="inner")
    sign = known["sign"] if "sign" in known else pd.Series(1, index=known.index)
    rows = []
    for good, part in known.groupby("good", sort=False):
        x, y = np.log(part["quantity"].to_numpy(float)), part["mean"].to_numpy(float)
        if len(np.unique(x)) < 2:
            continue
        slope, intercept = np.polyfit(x, y, 1)
        left = y - intercept - slope * x
        total = float(((y - y.mean()) ** 2).sum())
        rows.append(
            {
                "good": str(good),
                "intercept": float(intercept),
                "slope": float(slope),
                "r_squared": 1.0 - float((left**2).sum()) / total if total > 0 else np.nan,
                "n": len(part),
                "mean_log": float(x.mean()),
                "flagged": bool(slope * sign.loc[part.index[0]] <= 0),
            }
        )
    if not rows:
        raise EstimationError("no good has utilities at two quantities.")
    return pd.DataFrame(rows)


def parity_log_rates(intercept: Array, slope: Array, mean_log: float) -> Array:
    """log rate(i, j) for all goods (goods x goods): how many i one j is worth."""
    b, a = np.asarray(intercept, float), np.asarray(slope, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = (b[None, :] - b[:, None]) * (1.0 / a[:, None] + 1.0 / a[None, :])
        ratio = a[None, :] / a[:, None]
        rate = 0.5 * (shift + (ratio - 1.0 / ratio) * mean_log)
    # Two lines that run in opposite directions have no exchange rate.
    return np.where(a[None, :] * a[:, None] > 0, rate, np.nan)


def parity(
    utilities: pd.DataFrame, items: pd.DataFrame, reference: Sequence[str] | None = None
) -> pd.DataFrame:
    """The original's rate of each good as a log price, and how far a pivot can move it.

    Returns
    -------
    Columns good, intercept, slope, r_squared, flagged, log_price (mean of the log rates against
    the reference goods), pivot_low, pivot_high (the least and greatest value that going through
    another good as pivot gives), price.
    """
    lines = parity_lines(utilities, items)
    rate = parity_log_rates(
        lines["intercept"].to_numpy(), lines["slope"].to_numpy(), float(lines["mean_log"].mean())
    )
    names = list(lines["good"])
    if reference is None:
        role = items["role"] if "role" in items else pd.Series("", index=items.index)
        alias = items["alias_of"] if "alias_of" in items else pd.Series("", index=items.index)
        real = set(items.loc[(role != "placebo") & (alias == ""), "good"].astype(str))
        reference = [name for name in names if name in real] or names
    columns = [k for k, name in enumerate(names) if name in set(reference)]
    if not columns:
        raise EstimationError("none of the reference goods has utilities at two quantities.")
    # worth[j, i]: value of j in units of i.
    worth = rate.T
    usable = np.isfinite(worth[:, columns]).any(axis=1)
    direct = np.full(len(names), np.nan)
    direct[usable] = np.nanmean(worth[usable][:, columns], axis=1)
    through = worth + direct[None, :]
    low, high = np.full((2, len(names)), np.nan)
    low[usable] = np.nanmin(through[usable], axis=1)
    high[usable] = np.nanmax(through[usable], axis=1)
    return lines.drop(columns=["n", "mean_log"]).assign(
        log_price=direct, pivot_low=low, pivot_high=high, price=np.exp(direct)
    )


def intransitivity(lines: pd.DataFrame) -> float:
    """Largest |log rate(i, j) + log rate(j, k) - log rate(i, k)|: 0 where transitive."""
    rate = parity_log_rates(
        lines["intercept"].to_numpy(), lines["slope"].to_numpy(), float(lines["mean_log"].mean())
    )
    loop = rate[:, :, None] + rate[None, :, :] - rate[:, None, :]
    return float(np.nanmax(np.abs(loop)))


def side_by_side(prices: pd.DataFrame, original: pd.DataFrame) -> pd.DataFrame:
    """Corrected (`log_prices`) and original (`parity`) prices, a row a good.

    Columns good, placebo, log_price, low, high, bound, unequal (corrected); parity_log_price,
    parity_low, parity_high (over pivots), parity_flagged; difference.
    """
    renamed = original[["good", "log_price", "pivot_low", "pivot_high", "flagged"]].set_axis(
        ["good", "parity_log_price", "parity_low", "parity_high", "parity_flagged"], axis=1
    )
    kept = ["good", "placebo", "log_price", "low", "high", "bound", "unequal"]
    both = prices[kept].merge(renamed, on="good", how="left")
    return both.assign(difference=both["parity_log_price"] - both["log_price"])
