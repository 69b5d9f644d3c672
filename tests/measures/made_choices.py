"""Choices with known counts, for the tests of the measures."""

from __future__ import annotations

import numpy as np
import pandas as pd


def make_choices(
    pairs: list[tuple[str, str]],
    wins_1: np.ndarray,
    wins_2: np.ndarray,
    answers: int | np.ndarray,
    **columns: object,
) -> pd.DataFrame:
    """A choices table, both orders of each pair: the first item won wins_1 times when listed first
    and wins_2 times when listed second, of `answers` each."""
    answers = np.broadcast_to(answers, len(pairs))
    rows = []
    for (a, b), one, two, n in zip(pairs, wins_1, wins_2, answers, strict=True):
        rows += [(a, b, float(one), float(n - one)), (b, a, float(n - two), float(two))]
    table = pd.DataFrame(rows, columns=["first", "second", "n_first", "n_second"])
    filled = {
        "respondent": "simulated/test", "instrument": "made", "arm": "forced", "n_neutral": 0.0,
        "n_refused": 0.0, "n_unparsed": 0.0, "n_failed": 0.0, "role": "train",
        "provenance": "simulated", **columns,
    }  # fmt: skip
    return table.assign(**filled)
