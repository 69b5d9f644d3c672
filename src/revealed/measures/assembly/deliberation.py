"""What a talk at a table does: moves people to each other, to a side, or apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from ..intervals import Array, Estimate
from .contrasts import contrast, two_way_variance

_METHOD = "same people and pairs before and after, tables and pairs as clusters, t"


def rounds(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Both answers of a person to a pair, a row each, with ``round`` (before or after).

    Parameters
    ----------
    before, after
        From `targets.votes`, of the first round and of the second. Only what was answered in both
        is kept.
    """
    keys = ["person", "pair"]
    shared = before[keys].merge(after[keys])
    parts = [
        shared.merge(part, on=keys).assign(round=name)
        for name, part in (("before", before), ("after", after))
    ]
    return pd.concat(parts, ignore_index=True)


def shift(table: pd.DataFrame) -> Estimate:
    """Left share after the talk less before it; tables and pairs as clusters.

    Parameters
    ----------
    table
        From `contrasts.left_choices` of `rounds`.
    """
    label = table["round"].to_numpy(object)
    return contrast(table, label, {"after": 1.0, "before": -1.0}, cluster="group", method=_METHOD)


def gap_change(table: pd.DataFrame, side: Array) -> Estimate:
    """Change of the gap between people of the left and of the right; negative: they come closer.

    Parameters
    ----------
    table, side
        As for `shift`; from `people.sides`.
    """
    label = np.where(side == "", "", table["round"].to_numpy(object) + " " + side)
    signs = {"after left": 1.0, "after right": -1.0, "before left": -1.0, "before right": 1.0}
    return contrast(table, label, signs, cluster="group", method=_METHOD)


def conformity(before: pd.DataFrame, after: pd.DataFrame) -> Estimate:
    """How much likelier a proposal is chosen if all others at the table are for it than if none is.

    Parameters
    ----------
    before, after
        From `targets.votes`; `after` with ``share_heard``, the share of the others for the pair's
        first proposal.

    Notes
    -----
    Least squares of the second answer on the share heard, the first answer and each pair in each
    order. Who sits with whom is drawn by chance, so what the others think has nothing to do with
    what one thinks oneself, except that one does not sit with oneself; holding the first answer
    takes that away (Guryan, Kroft and Notowidigdo 2009). Tables and pairs are clusters.
    """
    keys = ["person", "pair"]
    first = before[[*keys, "chose"]].rename(columns={"chose": "chose_before"})
    rows = after.merge(first, on=keys)
    tables, pairs = rows["group"].nunique(), rows["pair"].nunique()
    if min(tables, pairs) < 3:
        return Estimate(np.nan, None, None, len(rows), _METHOD, "too few tables or pairs")
    x, own, y = (_within(rows, name) for name in ("share_heard", "chose_before", "chose"))
    x = _without(x, own)
    y = _without(y, own)
    spread = float(x @ x)
    if not spread > 1e-9:
        return Estimate(np.nan, None, None, len(rows), _METHOD, "everybody heard the same")
    slope = float(x @ y) / spread
    variance = two_way_variance(x * (y - slope * x) / spread, rows["group"], rows["pair"])
    freedom = min(tables, pairs) - 1
    half = float(stats.t.ppf(0.975, freedom)) * float(np.sqrt(variance))
    method = "least squares, tables and pairs as clusters, t"
    n = int(rows["person"].nunique())
    return Estimate(slope, slope - half, slope + half, n, method, freedom=freedom)


def _within(rows: pd.DataFrame, name: str) -> Array:
    values = rows[name].astype(float)
    means = values.groupby([rows["pair"], rows["listed"]]).transform("mean")
    return np.asarray(values - means)


def _without(values: Array, other: Array) -> Array:
    """`values` less what goes with `other`."""
    spread = float(other @ other)
    return values - other * (float(other @ values) / spread) if spread > 1e-9 else values
