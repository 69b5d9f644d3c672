"""What the simulator itself leans to: the same pairs, with nobody to answer as."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ..intervals import Estimate, fisher_interval
from .contrasts import contrast


def own_left_share(plain: pd.DataFrame) -> Estimate:
    """Left share of the simulator's own answers; pairs as clusters.

    Parameters
    ----------
    plain
        From `contrasts.left_choices`, of answers without a person.
    """
    method = "mean over pairs and orders, pairs as clusters, t"
    found = contrast(_own(plain), np.full(len(plain), "all"), {"all": 1.0}, method=method)
    return replace(found, n=plain["pair"].nunique())


def distance(table: pd.DataFrame, plain: pd.DataFrame) -> Estimate:
    """Left share of the assembly less that of the simulator's own answers, on the same pairs.

    Near zero, the assembly leans as the simulator does, and says nothing of anybody else.
    """
    shared = set(table["pair"]) & set(plain["pair"])
    columns = ["person", "pair", "y", "place", *(["w"] if "w" in table.columns else [])]
    own = _own(plain).assign(w=1.0)
    both = pd.concat([table, own], ignore_index=True)[columns]
    both = both[both["pair"].isin(shared)].reset_index(drop=True)
    label = np.where(both["person"].str.startswith(_NOBODY), "own", "assembly")
    method = "difference on the same pairs, people and pairs as clusters, t"
    found = contrast(both, label, {"assembly": 1.0, "own": -1.0}, method=method)
    return replace(found, n=table["person"].nunique())


def likeness(assembly: pd.DataFrame, own: pd.DataFrame) -> Estimate:
    """Correlation over pairs of the assembly's share with the simulator's own.

    Parameters
    ----------
    assembly, own
        From `targets.targets`.
    """
    method = "Pearson over pairs, Fisher z; sampling noise is not taken out"
    both = assembly.merge(own, on="pair", suffixes=("", "_own"))
    n = len(both)
    if n < 4 or both["share_first"].std() == 0 or both["share_first_own"].std() == 0:
        return Estimate(np.nan, None, None, n, method, "shares do not vary")
    r = float(np.corrcoef(both["share_first"], both["share_first_own"])[0, 1])
    low, high = fisher_interval(r, n)
    return Estimate(r, low, high, n, method)


_NOBODY = "nobody "


def _own(plain: pd.DataFrame) -> pd.DataFrame:
    """Each of the simulator's own answers as one draw: they share nothing but their pair."""
    return plain.assign(person=[f"{_NOBODY}{k}" for k in range(len(plain))])
