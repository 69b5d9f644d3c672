"""Political proposals with pairs of their own, asked before and after a fine-tuning (METHODS 12).

The instrument ``shift_policies`` has the proposals of ``policies_wording``, one of either side an
area. Its pairs are the same for everybody: the two of every area, which say where somebody stands,
and some across areas, which link them. Lives, outcomes and the AI's own life have pairs of their
own already (``control_lives``, ``control_outcomes``, ``self_existence``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..datasheet import Datasheet
from ..instrument import Instrument
from . import political_wording

POLICIES = "shift_policies"
NAMES: tuple[str, ...] = (POLICIES,)

_RINGS = 2
"""Rings through all proposals: in each, a proposal stands in two pairs."""
_SEED = 20260208


def build(name: str, folder: Path) -> Instrument:
    """The instrument; all of its items are the gauge.

    Raises
    ------
    ConfigError
        If the file of the proposals is wrong, or an area lacks a side.
    """
    items = political_wording.build(political_wording.WORDING, folder).items
    sheet = Datasheet(
        title="Political proposals before and after a fine-tuning",
        purpose="Shows whether a fine-tuning moves politics, by pairs that are the same before and "
        "after.",
        construction="The proposals of policies_wording. Pairs: the two proposals of every area, "
        f"and {_RINGS} rings through all proposals in an order drawn once.",
        limits=[
            "Proposals of one country; one of either side an area does not stand for the area."
        ],
    )
    return Instrument(name, sheet.title, items, _pairs(items), sheet, tuple(items.index))


def _pairs(items: pd.DataFrame) -> pd.DataFrame:
    areas = [tuple(group.index) for _, group in items.groupby("category", sort=False)]
    seen = {frozenset(pair): pair for pair in areas}
    rng = np.random.default_rng(_SEED)
    names = list(items.index)
    for _ in range(_RINGS):
        ring = [names[k] for k in rng.permutation(len(names))]
        for pair in zip(ring, [*ring[1:], ring[0]], strict=True):
            seen.setdefault(frozenset(pair), pair)
    return pd.DataFrame(list(seen.values()), columns=["first", "second"])
