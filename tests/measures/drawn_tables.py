"""Choices drawn straight from a simulated respondent's stated probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from revealed.instruments import Instrument
from revealed.respondents import simulated
from revealed.respondents.simulated import Simulated
from revealed.utilities.design import random_connected


def random_pairs(instrument: Instrument, pairs_per_item: int, seed: int = 0) -> pd.DataFrame:
    """A connected random graph, as the study's design ``random`` draws one."""
    names = instrument.items.index.to_numpy()
    rng = np.random.default_rng(seed)
    chosen = names[random_connected(len(names), 2 * pairs_per_item, rng)]
    return pd.DataFrame(chosen, columns=["first", "second"])


def draw_choices(
    respondent: Simulated,
    instrument: Instrument,
    pairs: pd.DataFrame,
    *,
    arm: str = "forced",
    answers: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """`answers` in either order of every pair, as a choices table.

    P(first) is that of `Simulated.p_first`, computed for all pairs at once.
    """
    d = respondent.declared
    assert d.lapse == d.pair_sd == 0.0
    texts = instrument.items["text"]
    utility = pd.Series(respondent.utility(texts, arm), index=texts.index)
    first = pd.concat([pairs["first"], pairs["second"]], ignore_index=True)
    second = pd.concat([pairs["second"], pairs["first"]], ignore_index=True)
    gap = utility.loc[first].to_numpy() - utility.loc[second].to_numpy()
    hits = np.random.default_rng(seed).binomial(answers, ndtr(gap + d.order_effect)).astype(float)
    return pd.DataFrame(
        {
            "respondent": f"simulated/{d.name}", "instrument": instrument.name, "arm": arm,
            "first": first, "second": second, "n_first": hits, "n_second": answers - hits,
            "n_neutral": 0.0, "n_refused": 0.0, "n_unparsed": 0.0, "n_failed": 0.0,
            "role": "train", "provenance": "simulated",
        }
    )  # fmt: skip


def refusals(choices: pd.DataFrame, column: str = "n_refused") -> pd.DataFrame:
    """The same questions, every answer of another kind than a choice."""
    total = choices["n_first"] + choices["n_second"]
    return choices.assign(n_first=0.0, n_second=0.0, **{column: total})


def tosses(choices: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The same questions, answered by a fair coin."""
    total = (choices["n_first"] + choices["n_second"]).to_numpy()
    hits = np.random.default_rng(seed).binomial(total.astype(int), 0.5).astype(float)
    return choices.assign(n_first=hits, n_second=total - hits)


def load(name: str, **changes: object) -> Simulated:
    """A simulated respondent by its name."""
    return simulated.load(name, **changes)
