"""How many findings were tried, and which of them stand once that is counted.

A family is the set of findings that answer one question (one slope for every respondent, say). Of
twenty intervals at 95 %, one excludes the value of no effect by chance; Holm's procedure keeps the
chance of any such error in a family at 5 %, whatever the dependence between its findings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from .intervals import Z95

LEVEL = 0.05
"""Chance of one or more false findings that a family is held to."""

POSITIVE_UNITS = ("ratio", "times", "odds ratio")
"""Units whose intervals are symmetric on the log scale."""


def adjust(findings: pd.DataFrame) -> pd.DataFrame:
    """p-values of the findings that name a family and a null value, adjusted within the family.

    Parameters
    ----------
    findings
        A findings table (columns of `foundation.schemas.Finding`).

    Returns
    -------
    The rows with a family, a null value and at least one end of an interval, with columns ``p``
    (two-sided, from the interval, taken as Student's where the finding names its ``freedom`` and as
    normal elsewhere, on the log scale for ratios; for a one-sided bound 0 or 1, by the side of the
    null), ``p_adjusted`` (Holm 1979) and ``stands`` (p_adjusted at most 0.05).

    Notes
    -----
    Each respondent's provenance keeps to itself: simulated respondents, on which instruments are
    checked, do not make findings about real ones harder to see.
    """
    tried = findings[(findings["family"] != "") & findings["null"].notna()]
    tried = tried[tried["low"].notna() | tried["high"].notna()].copy()
    tried["p"] = [_p_value(row) for row in tried.to_dict("records")]
    tried["p_adjusted"] = np.nan
    for _, rows in tried.groupby(["family", "provenance"]):
        tried.loc[rows.index, "p_adjusted"] = holm(rows["p"].to_numpy(float))
    tried["stands"] = tried["p_adjusted"] <= LEVEL
    return tried


def holm(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values of Holm (1979): the k-th smallest of n times n - k + 1, made monotone.

    Parameters
    ----------
    p
        p-values of one family, shape (n,).

    Returns
    -------
    Shape (n,), in the order of `p`, at most 1.
    """
    # statsmodels' multipletests gives the same, but collects garbage at each call: with a full
    # heap half a second a family.
    n = len(p)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(n, 0, -1)))
    return adjusted


def tally(findings: pd.DataFrame) -> pd.DataFrame:
    """How many findings of each family were tried and stand: a row a family and provenance.

    Columns: family, provenance, tried, unadjusted (p at most 0.05 on its own), stand (after Holm).
    """
    tried = adjust(findings)
    grouped = tried.assign(unadjusted=tried["p"] <= LEVEL).groupby(["family", "provenance"])
    return grouped.agg(
        tried=("p", "size"), unadjusted=("unadjusted", "sum"), stand=("stands", "sum")
    ).reset_index()


def _p_value(row: dict[str, object]) -> float:
    low, high, estimate, null = (_number(row[name]) for name in ("low", "high", "estimate", "null"))
    if np.isnan(low) or np.isnan(high):
        # A bound has no width to scale by; it excludes the null or it does not.
        return 0.0 if low > null or high < null else 1.0
    if row["unit"] in POSITIVE_UNITS and min(low, null) > 0:
        low, high, null = np.log([low, high, null])
        estimate = np.log(estimate) if estimate > 0 else np.nan
    if np.isnan(estimate):
        estimate = (low + high) / 2
    # The half of the interval that points to the null: intervals need not be symmetric.
    half = estimate - low if null < estimate else high - estimate
    if half <= 0:
        return 1.0 if estimate == null else 0.0
    distance = abs(estimate - null) / half
    freedom = _number(row.get("freedom"))
    if np.isnan(freedom):
        return float(2 * stats.norm.sf(distance * Z95))
    # Holm asks for small p, where a normal tail is far thinner than Student's.
    return float(2 * stats.t.sf(distance * stats.t.ppf(0.975, freedom), freedom))


def _number(value: object) -> float:
    return np.nan if value is None else float(str(value))
