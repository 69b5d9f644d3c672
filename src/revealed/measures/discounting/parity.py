"""The coarse score of a published task, on our cells (Ruggeri et al. 2022; Coda-Forno et al. 2024).

The published task asks one question at a time, each once and with "now" always listed first. Three
staircases of three steps (gains, gains ten times larger, payments) score 0 to 5 each, and four
further items 1 each if the sooner option is named. Here stand the two staircases of gains and the
two further items that are about dates; payments and wordings of delay are not in our instrument, so
the score runs from 0 to 12 and not to 19.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd

from ..intervals import Array

SMALL, LARGE = 500.0, 5000.0
NEVER = 0.0
"""In place of a factor where no later sum was accepted."""

Later = Callable[[float, int, int, float], bool | None]
"""Whether the later option is named: from sooner sum, start, gap and factor; None if not asked."""


def staircase(takes_later: Callable[[float], bool]) -> tuple[int, float]:
    """Score 0 to 5 of one staircase, and the smallest factor at which the later sum was named.

    It begins at 1.1. Whoever waits for that is asked at 1.02 and then 1.01; whoever does not, at
    1.2 and then 1.5. Never waiting scores 5, waiting even for 1.01 scores 0.
    """
    if takes_later(1.1):
        if not takes_later(1.02):
            return 2, 1.1
        return (0, 1.01) if takes_later(1.01) else (1, 1.02)
    if takes_later(1.2):
        return 3, 1.2
    return (4, 1.5) if takes_later(1.5) else (5, NEVER)


def coarse_score(takes_later: Later) -> float:
    """The published score as far as our cells go, 0 (patient) to 12; NaN if a cell is missing.

    The two further items are asked at the smallest factor f that the first staircase found: both
    dates a year later, and two years for the sum 1 + 2 (f - 1). As published, they are left out
    (and score nothing) where no factor was accepted.
    """
    missing = False

    def ask(base: float, start: int, gap: int, factor: float) -> bool:
        nonlocal missing
        answer = takes_later(base, start, gap, factor)
        missing |= answer is None
        return bool(answer)

    small, factor = staircase(lambda f: ask(SMALL, 0, 12, f))
    large, _ = staircase(lambda f: ask(LARGE, 0, 12, f))
    score = float(small + large)
    # At 1.5 the published task would ask for $1,000 in 24 months: the factor 2.
    if factor != NEVER:
        score += not ask(SMALL, 12, 12, factor)
        score += not ask(SMALL, 0, 24, round(1.0 + 2.0 * (factor - 1.0), 6))
    return float("nan") if missing else score


def parity_score(choices: pd.DataFrame, pairs: pd.DataFrame) -> float:
    """The coarse score of a respondent's answers: as published, from the order in which "now" is
    listed first alone, the most frequent choice of a cell standing for its one answer (a tie for
    the sooner option)."""
    listed = choices.set_index(["first", "second"])
    named: dict[tuple[float, int, int, float], bool] = {}
    for row in pairs[pairs["block"] != "dominance"].itertuples():
        if (row.sooner, row.later) in listed.index:
            cell = listed.loc[(row.sooner, row.later)]
            if cell["n_first"] + cell["n_second"] > 0:
                key = (float(row.base), int(row.start), int(row.gap), float(row.ratio))
                named[key] = bool(cell["n_second"] > cell["n_first"])
    return coarse_score(lambda *key: named.get(key))


def published_scores(option: str) -> float:
    """The full published score (0 to 19) of a respondent that always names one option.

    "first" names the sooner date everywhere: three staircases at 5 and, since no sum was accepted,
    no further item: 15. "second" scores 0.
    """
    return 15.0 if option == "first" else 0.0


def coin_distribution() -> tuple[Array, Array]:
    """Scores 0 to 19 of the full published task and their chances if every answer is a coin toss.

    Exact: every outcome of the three staircases and, where the first found a factor, of the four
    further items.
    """
    one: dict[tuple[int, bool], float] = {}
    for answers in product((False, True), repeat=3):
        given = iter(answers)
        score, factor = staircase(lambda _, given=given: next(given))  # type: ignore[misc]
        key = (score, factor != NEVER)
        one[key] = one.get(key, 0.0) + 0.125
    chance = np.zeros(20)
    for (a, found), pa in one.items():
        for (b, _), pb in one.items():
            for (c, _), pc in one.items():
                if not found:
                    chance[a + b + c] += pa * pb * pc
                    continue
                for extra, ways in enumerate((1, 4, 6, 4, 1)):
                    chance[a + b + c + extra] += pa * pb * pc * ways / 16.0
    return np.arange(20.0), chance
