"""Do respondents agree? Correlations of utilities over the outcomes that two respondents share.

Outcomes of one category move together, so 192 of them are fewer than 192 observations: Fisher's
interval, which takes them as independent, stands beside one that resamples whole categories.
Agreement across categories (everybody ranks wars below gifts) is kept apart from agreement within
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from ..intervals import (
    Array,
    fisher_interval,
    percentile,
    resample_weights,
    weighted_correlation,
)

SHARED_NEEDED = 10
"""Pairs of respondents with fewer outcomes in common get no correlation."""


def utility_matrix(utilities: pd.DataFrame) -> pd.DataFrame:
    """Utilities with a row an item and a column a respondent (missing where not asked).

    Parameters
    ----------
    utilities
        Rows of the utilities table (schema `foundation.schemas.UTILITIES`) of one instrument and
        arm, several respondents. Respondents meet in item ids, which are made from the text.

    Raises
    ------
    DataError
        If a respondent has an item twice (several arms or instruments in one table).
    """
    if utilities.duplicated(["respondent", "item"]).any():
        raise DataError(
            "a respondent has an item twice.", todo="Select one instrument and arm before."
        )
    order = list(dict.fromkeys(utilities["respondent"]))
    return utilities.pivot_table(index="item", columns="respondent", values="mean")[order]


def agreement(
    matrix: pd.DataFrame,
    categories: Mapping[str, str] | None = None,
    *,
    replicates: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Pearson correlation of utilities for every two respondents.

    Parameters
    ----------
    matrix
        As `utility_matrix` returns it, shape (items, respondents).
    categories
        Category of each item. Without it no block bootstrap and no correlation within categories.

    Returns
    -------
    DataFrame
        A row a pair of respondents: one, other, n (shared items), r, low, high (Fisher: items
        independent), blocks, block_low, block_high (whole categories resampled), within (the
        correlation after each category's mean is taken out), within_low, within_high (categories
        resampled). Missing where undefined; pairs with fewer than `SHARED_NEEDED` shared items are
        left out.
    """
    rows: list[dict[str, Any]] = []
    for one, other in combinations(matrix.columns, 2):
        shared = matrix[[one, other]].dropna()
        if len(shared) < SHARED_NEEDED:
            continue
        x, y = shared[one].to_numpy(float), shared[other].to_numpy(float)
        r = float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else np.nan
        low, high = fisher_interval(r, len(shared))
        row: dict[str, Any] = {
            "one": one, "other": other, "n": len(shared), "r": r, "low": low, "high": high,
        }  # fmt: skip
        if categories is not None:
            row |= _by_category(x, y, shared.index, categories, replicates, seed)
        rows.append(row)
    names = ["one", "other", "n", "r", "low", "high", "blocks", "block_low", "block_high",
             "within", "within_low", "within_high"]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=names)


def _by_category(
    x: Array,
    y: Array,
    items: pd.Index,
    categories: Mapping[str, str],
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    missing = [item for item in items if item not in categories]
    if missing:
        raise DataError(
            f"no category is known for item {missing[0]!r} ({len(missing)} such items)."
        )
    code, names = pd.factorize(np.array([categories[item] for item in items]))
    row: dict[str, Any] = {"blocks": len(names)}
    size = np.bincount(code).astype(float)
    inside = size[code] > 1
    centred = [v - (np.bincount(code, v) / size)[code] for v in (x, y)]
    one = np.ones((1, len(x)))
    row["within"] = (
        float(weighted_correlation(centred[0][inside], centred[1][inside], one[:, inside])[0])
        if inside.any()
        else np.nan
    )
    if len(names) < 2:
        return row
    drawn = resample_weights(len(names), replicates, seed)[:, code]
    row["block_low"], row["block_high"] = percentile(weighted_correlation(x, y, drawn))
    if inside.any():
        kept = drawn[:, inside]
        kept = kept[kept.sum(axis=1) > 0]
        draws = weighted_correlation(centred[0][inside], centred[1][inside], kept)
        row["within_low"], row["within_high"] = percentile(draws)
    return row


def agreement_matrix(table: pd.DataFrame) -> pd.DataFrame:
    """The correlations of `agreement` as a symmetric matrix with ones on its diagonal."""
    names = list(dict.fromkeys([*table["one"], *table["other"]]))
    matrix = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for row in table.itertuples():
        matrix.loc[row.one, row.other] = matrix.loc[row.other, row.one] = row.r
    return matrix


def _num(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def agreement_findings(
    table: pd.DataFrame,
    *,
    chapter: str = "real_models",
    instrument: str = "cais/options_hierarchical",
    provenance: Provenance = "public",
) -> list[Finding]:
    """``agreement.pearson`` for every pair, once for each of the two respondents.

    Where categories are known the interval resamples them and Fisher's stands in the note;
    ``agreement.within_category`` is the correlation that the categories do not explain.
    """
    found = []
    for row in table.itertuples():
        low, high, method = _num(row.low), _num(row.high), "Pearson, Fisher interval over outcomes"
        note = ""
        if _num(row.block_low) is not None:
            note = f"Fisher interval, outcomes as independent: {row.low:.2f} to {row.high:.2f}"
            low, high = _num(row.block_low), _num(row.block_high)
            method = f"Pearson, bootstrap of {int(row.blocks)} categories"
        # Either side's page tells of the agreement, so it is a finding of both respondents.
        for one, other in ((row.one, row.other), (row.other, row.one)):
            common: dict[str, Any] = {
                "chapter": chapter, "respondent": one, "unit": "correlation", "n": int(row.n),
                "provenance": provenance, "claim": "C4", "instrument": instrument,
                "subject": other,
            }  # fmt: skip
            if _num(row.r) is not None:
                found.append(
                    Finding(
                        "agreement.pearson", estimate=float(row.r), low=low, high=high,
                        method=method, note=note, **common,
                    )
                )  # fmt: skip
            if _num(row.within) is not None:
                found.append(
                    Finding(
                        "agreement.within_category", estimate=float(row.within),
                        low=_num(row.within_low), high=_num(row.within_high),
                        method="Pearson after taking out category means, bootstrap of categories",
                        **common,
                    )
                )  # fmt: skip
    return found
