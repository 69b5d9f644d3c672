"""Whether an assembly has the margins of its census, and weights where it has not quite."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..intervals import Array, Estimate

_ROUNDS, _CLOSE = 500, 1e-10
LEAST, MOST = 0.2, 5.0
"""Nobody counts less or more than this, however rare their kind is in the assembly."""


def people(votes: pd.DataFrame, margins: pd.DataFrame) -> pd.DataFrame:
    """Who answered: index ``person``, a column an attribute of `margins`, and ``group``."""
    names = [*margins["attribute"].drop_duplicates(), "group"]
    return votes.drop_duplicates("person").set_index("person")[names]


def check(assembly: pd.DataFrame, margins: pd.DataFrame) -> pd.DataFrame:
    """Shares in the assembly beside those of the census.

    Parameters
    ----------
    assembly
        From `people`.
    margins
        From `Census.margins`.

    Returns
    -------
    `margins` with ``assembly`` (the share there) and ``off`` (assembly less census).
    """
    found = [
        float((assembly[row.attribute] == row.value).mean()) if len(assembly) else np.nan
        for row in margins.itertuples()
    ]
    table = margins.assign(assembly=found)
    return table.assign(off=table["assembly"] - table["share"])


def worst(checked: pd.DataFrame, n: int) -> Estimate:
    """The largest difference between the assembly and the census, in absolute value."""
    row = checked.loc[checked["off"].abs().idxmax()]
    method = "largest absolute difference over all values of all attributes"
    note = f"{row['title']}: {row['value']}"
    return Estimate(float(abs(row["off"])), None, None, n, method, note)


def poststratification(assembly: pd.DataFrame, margins: pd.DataFrame) -> pd.Series:
    """A weight for each person, so that the weighted assembly has every margin; mean one.

    Raking (Deming and Stephan 1940), within `LEAST` and `MOST`. A value that nobody has is left
    out, and its attribute's others are scaled up.
    """
    n = len(assembly)
    weight = np.ones(n)
    wanted: list[tuple[NDArray[np.int64], Array]] = []
    for name, part in margins.groupby("attribute", sort=False):
        codes = pd.Index(part["value"]).get_indexer(assembly[str(name)])
        here = np.isin(np.arange(len(part)), codes)
        shares = np.where(here, part["share"].to_numpy(float), 0.0)
        wanted.append((np.asarray(codes, np.int64), n * shares / max(shares.sum(), _CLOSE)))
    for _ in range(_ROUNDS if n else 0):
        before = weight
        for codes, sums in wanted:
            found = np.bincount(codes, weight, len(sums))
            weight = weight * np.divide(sums, found, out=np.ones(len(sums)), where=found > 0)[codes]
        weight = (weight / weight.mean()).clip(LEAST, MOST)
        if float(np.abs(weight - before).max()) < _CLOSE:
            break
    return pd.Series(weight / weight.mean() if n else weight, assembly.index)


def weighting_effect(weights: pd.Series) -> float:
    """Factor by which unequal weights enlarge a variance (Kish 1965): 1 + squared variation."""
    w = weights.to_numpy(float)
    return float(len(w) * (w @ w) / w.sum() ** 2) if len(w) else np.nan
