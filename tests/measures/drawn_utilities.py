"""Fits of answers drawn straight from a simulated respondent's stated probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from revealed.instruments import Instrument
from revealed.respondents.simulated import Simulated
from revealed.utilities import Comparisons, Fit, fit
from revealed.utilities.design import random_connected


def drawn_fit(
    respondent: Simulated,
    instrument: Instrument,
    *,
    degree: int = 12,
    answers: int = 1,
    seed: int = 0,
    pairs: pd.DataFrame | None = None,
) -> Fit:
    """`answers` an order of each pair of a random graph (or of the listed `pairs`), fitted."""
    rng = np.random.default_rng(seed)
    names = tuple(instrument.items.index)
    if pairs is None:
        chosen = random_connected(len(names), degree, rng)
    else:
        number = {name: k for k, name in enumerate(names)}
        chosen = pairs[["first", "second"]].map(number.__getitem__).to_numpy()
    utility = respondent.utility(instrument.items["text"])
    order, lapse = respondent.declared.order_effect, respondent.declared.lapse
    assert lapse == 0.0
    from scipy.special import ndtr

    first = np.concatenate([chosen[:, 0], chosen[:, 1]])
    second = np.concatenate([chosen[:, 1], chosen[:, 0]])
    p = ndtr(utility[first] - utility[second] + order)
    hits = rng.binomial(answers, p).astype(float)
    reference = list(instrument.reference)
    return fit(Comparisons(names, first, second, hits, answers - hits), reference=reference)
