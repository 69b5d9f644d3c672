"""Choices drawn from a simulated respondent's own probabilities, without asking it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from revealed.instruments import Instrument, load_instrument
from revealed.respondents.simulated.respondent import Simulated


@cache
def _load(instrument: str) -> Instrument:
    """A coverage simulation asks for the same instrument a thousand times."""
    return load_instrument(instrument)


def chances(respondent: Simulated, instrument: str, arm: str = "forced") -> pd.DataFrame:
    """Both orders of every listed pair: columns first, second, p (of choosing the first)."""
    loaded = _load(instrument)
    assert loaded.pairs is not None
    one, two = (list(loaded.pairs.iloc[:, k]) for k in (0, 1))
    first, second = one + two, two + one
    texts = loaded.items["text"]
    p = respondent.p_first(list(texts[first]), list(texts[second]), arm)
    return pd.DataFrame({"first": first, "second": second, "p": p})


def draw_choices(
    respondent: Simulated,
    instrument: str,
    arm: str = "forced",
    *,
    samples: int = 2,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """A choices table; without `rng`, the probabilities themselves (a million answers an order)."""
    cells = chances(respondent, instrument, arm)
    n = samples if rng is not None else 1_000_000
    wins = rng.binomial(n, cells["p"]).astype(float) if rng is not None else n * cells["p"]
    return cells.drop(columns="p").assign(
        n_first=wins, n_second=n - wins, respondent=f"simulated/{respondent.declared.name}",
        instrument=instrument, arm=arm, n_neutral=0.0, n_refused=0.0, n_unparsed=0.0,
        n_failed=0.0, role="train", provenance="simulated",
    )  # fmt: skip
