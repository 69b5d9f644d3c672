"""Which pairs a cell asks next, given what it has been told so far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from revealed.utilities import comparisons, curve, curve_design

from .config import Cell
from .plan import PAIR_COLUMNS, generator


def next_pairs(
    cell: Cell,
    items: pd.DataFrame,
    choices: pd.DataFrame,
    count: int,
    *,
    seed: int,
    round_number: int,
) -> pd.DataFrame:
    """`count` pairs for the next round (columns first, second, samples, role), all for training.

    ``adaptive``: overdispersed D-optimality on the utilities (ESTIMATION.md), pairs may be asked
    again. ``curve``: the same on the parameters of the goods' quantity curves. ``original``: the
    original study's rule. Held-out pairs are never chosen.

    Parameters
    ----------
    cell, items
        What is asked about; `items` as drawn for the cell.
    choices
        Everything answered so far in this cell.
    count
        Pairs wanted; fewer come back if fewer are left.
    seed, round_number
        The study's seed and the round, from 0.
    """
    position = pd.Series(np.arange(len(items)), index=items.index)
    held = choices.loc[choices["role"] == "holdout", ["first", "second"]]
    exclude = [(int(position[a]), int(position[b])) for a, b in held.itertuples(index=False)]
    rng = generator(seed, cell.instrument, cell.arm, cell.respondent.name, str(round_number))
    chosen = _CHOOSERS[cell.design.design](cell, items, choices, count, exclude, rng)
    names = items.index.to_numpy()
    rows = [(names[i], names[j], cell.design.samples, "train") for i, j in chosen]
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


Exclude = list[tuple[int, int]]


def _curve(
    cell: Cell,
    items: pd.DataFrame,
    choices: pd.DataFrame,
    count: int,
    exclude: Exclude,
    rng: np.random.Generator,
) -> np.ndarray:
    fitted = curve.fit_curve(comparisons(choices, list(items.index)), items)
    return curve_design.next_round(
        fitted, items, count, rng, samples=cell.design.samples, exclude=exclude
    )


_CHOOSERS: dict[
    str,
    Callable[[Cell, pd.DataFrame, pd.DataFrame, int, Exclude, np.random.Generator], np.ndarray],
] = {"curve": _curve}
