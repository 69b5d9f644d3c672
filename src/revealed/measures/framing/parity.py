"""The critique's own number: by what factor a change of context moves a rate, noise and all.

Parity with trhlik2026: the forced question with letters, both orders averaged; rates through the
original study's lines (`exchange.parity`), and the median over rates and contexts of
exp |ln rate(context) - ln rate(base)|. It has no interval, and it is above one for a respondent
whose rates never move, because sampling noise moves estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ..exchange import parity_lines, parity_log_rates
from ..intervals import Estimate


def parity_factor(
    utilities: Mapping[str, pd.DataFrame],
    items: pd.DataFrame,
    contexts: Sequence[str],
    base: str = "forced",
) -> Estimate:
    """Median factor between the rates of `contexts` and those of `base`.

    Parameters
    ----------
    utilities
        Utilities (schema `UTILITIES`) by arm, of one respondent about the same items.
    contexts
        Arms held against `base`; those without utilities are left out.

    Returns
    -------
    Without an interval; n counts rates (unordered pairs of goods) over all contexts. NaN where no
    rate has a number in both.
    """
    logs = {}
    for arm in (base, *contexts):
        if arm in utilities:
            lines = parity_lines(utilities[arm], items)
            rate = parity_log_rates(
                lines["intercept"].to_numpy(), lines["slope"].to_numpy(),
                float(lines["mean_log"].mean()),
            )  # fmt: skip
            logs[arm] = pd.DataFrame(rate, index=lines["good"], columns=lines["good"])
    moves = []
    for arm in contexts:
        if arm not in logs or base not in logs:
            continue
        goods = [good for good in logs[base].index if good in logs[arm].index]
        for i, j in combinations(goods, 2):
            moves.append(abs(float(logs[arm].loc[i, j]) - float(logs[base].loc[i, j])))
    known = np.array(moves)[np.isfinite(moves)] if moves else np.empty(0)
    method = "median over rates and contexts of estimated factors, no noise taken out"
    if not len(known):
        return Estimate(np.nan, None, None, 0, method, "no rate has a number in both")
    return Estimate(float(np.exp(np.median(known))), None, None, len(known), method)
