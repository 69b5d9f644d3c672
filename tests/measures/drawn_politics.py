"""Answers about proposals in many arms, drawn straight from a respondent's stated probabilities."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from made_choices import make_choices
from scipy.special import ndtr

from revealed.instruments import Instrument, load_arm, load_instrument
from revealed.respondents import simulated
from revealed.utilities.design import random_connected

WORDINGS = ("forced", *(f"reworded_{k}" for k in range(1, 6)))
OTHERS = ("as_citizen", "as_assistant", "neutral", "must_choose", "reason_first")


@cache
def instrument() -> Instrument:
    """A coverage simulation asks for it a thousand times."""
    return load_instrument("policies_wording")


@cache
def _pairs(per_item: int) -> np.ndarray:
    return random_connected(len(instrument().items), 2 * per_item, np.random.default_rng(3))


@cache
def _texts(rewording: int) -> tuple[str, ...]:
    return tuple(instrument().texts(rewording=rewording).loc[instrument().items.index])


def draw_arms(
    name: str,
    seed: int = 0,
    arms: tuple[str, ...] = WORDINGS,
    per_item: int = 3,
    answers: int = 1,
    stream: int = 0,
    **declared: object,
) -> dict[str, pd.DataFrame]:
    """Choices by arm of a simulated respondent whose tastes are drawn by `seed` too; another
    `stream` asks it again."""
    respondent = simulated.load(name, seed=seed, **declared)
    d = respondent.declared
    rng = np.random.default_rng([seed, 7, stream])
    items, pairs = list(instrument().items.index), _pairs(per_item)
    named = [(items[a], items[b]) for a, b in pairs]
    made = {}
    for arm in arms:
        u = respondent.utility(_texts(load_arm(arm).rewording), arm)
        gap = u[pairs[:, 0]] - u[pairs[:, 1]]
        neutral = d.neutral_rate if arm == "neutral" else 0.0
        asked = [rng.binomial(answers, np.full(len(pairs), 1 - neutral)) for _ in range(2)]
        wins = [
            rng.binomial(n, ndtr(gap + s * d.order_effect))
            for n, s in zip(asked, (1, -1), strict=True)
        ]
        table = make_choices(
            named, wins[0], wins[1], 0, arm=arm, respondent=f"simulated/{name}",
            instrument="policies_wording",
        )  # fmt: skip
        # Rows alternate between the two orders.
        n = np.stack(asked, axis=1).ravel().astype(float)
        first = table["n_first"].to_numpy().copy()
        first[1::2] = asked[1] - wins[1]
        made[arm] = table.assign(n_first=first, n_second=n - first, n_neutral=answers - n)
    return made
