"""Which pairs a cell asks next, given what it has been told so far."""

from __future__ import annotations

import numpy as np
import pandas as pd

from revealed.foundation.errors import ConfigError
from revealed.utilities import comparisons, curve, curve_design, design, fit

from .config import Cell
from .plan import PAIR_COLUMNS, Pairs, generator


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

    ``adaptive``: overdispersed D-optimality on the utilities (ESTIMATION.md); a pair may be asked
    again, except where log-probabilities are read, which would come out the same. ``curve``: the
    same on the parameters of the goods' quantity curves. ``indifference``: goods in rings, at
    quantities near indifference; asked again as for ``adaptive``. ``original``: the original
    study's rule. Held-out pairs are never chosen.

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
    names = items.index
    asked = {
        role: np.stack([names.get_indexer(rows["first"]), names.get_indexer(rows["second"])], 1)
        for role, rows in choices.groupby("role")
    }
    held = asked.get("holdout", np.empty((0, 2), dtype=np.int64))
    rng = generator(seed, cell.instrument, cell.arm, cell.respondent.name, str(round_number))
    answers = comparisons(choices, list(names))
    chosen: Pairs
    if not len(answers):  # refused or unparsed throughout: there is nothing to choose by
        return pd.DataFrame(columns=PAIR_COLUMNS)
    if cell.design.design == "curve":
        fitted_curve = curve.fit_curve(answers, items)
        chosen = curve_design.next_round(
            fitted_curve, items, count, rng, samples=cell.design.samples, exclude=held.tolist()
        )
    elif cell.design.design == "indifference":
        chosen = curve_design.indifferent_round(
            curve.fit_curve(answers, items), items, count, rng, samples=cell.design.samples,
            exclude=held.tolist(), reask=choices.attrs.get("mode") != "logprob",
        )  # fmt: skip
    elif cell.design.design == "original":
        chosen = design.original_rule(fit(answers).mean, asked["train"], count, rng, exclude=held)
    elif cell.design.design == "adaptive":
        chosen = design.next_round(
            fit(answers, backend="numpy"),
            count,
            answers=2.0 * cell.design.samples,
            exclude=held,
            reask=choices.attrs.get("mode") != "logprob",
        )
    else:
        raise ConfigError(f"the design {cell.design.design!r} has no rounds.")
    return pd.DataFrame(
        {
            "first": names.to_numpy()[chosen[:, 0]],
            "second": names.to_numpy()[chosen[:, 1]],
            "samples": cell.design.samples,
            "role": "train",
        },
        columns=PAIR_COLUMNS,
    )
