"""How far a respondent's utilities would agree with themselves, were its answers given again.

Utilities from few answers are noisy, and noise keeps two respondents with the same values from
correlating. Two splits of the same answers say how much, and each is used for what it is good for:

- *answers of each pair*: half of the answers to every pair against the other half. Pairs and their
  oddities are the same on both sides, so this errs on the side of too much reliability, hence of
  too little correction; it corrects correlations.
- *pairs*: half of the pairs against the other half. A respondent that is decided about every pair
  but has no utility passes the first split and fails this one; it decides who is compared at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ...foundation.errors import DataError
from ...utilities import Comparisons, comparisons, fit
from ..intervals import Array

SPLITS = 6
"""Random splits that a reliability is averaged over."""
RELIABILITY_NEEDED = 0.3
"""Agreement between utilities of two halves of the pairs, stepped up to all pairs, below which a
respondent is said to have no utilities to compare."""

By = Literal["answers", "pairs"]


@dataclass(frozen=True)
class Halves:
    """Utilities of halves of one respondent's answers.

    Attributes
    ----------
    items
        Item ids, in the order of the columns.
    one, other
        Utilities of the two halves, a row a split; shape (splits, items).
    """

    items: pd.Index
    one: Array
    other: Array

    def take(self, items: pd.Index) -> Halves:
        """The same over some of the items, in their order."""
        place = self.items.get_indexer(items)
        if (place < 0).any():
            raise DataError(f"item {items[place < 0][0]!r} was not asked of this respondent.")
        return Halves(items, self.one[:, place], self.other[:, place])

    def reliability(self, weights: Array | None = None) -> Array:
        """Reliability under each row of item weights (r, items), or of all items: shape (r,).

        The mean correlation r of the halves over the splits, stepped up to all answers by Spearman
        and Brown (1910), 2 r / (1 + r). NaN where the halves do not vary.
        """
        if weights is None:
            weights = np.ones((1, len(self.items)))
        w = weights / weights.sum(axis=1, keepdims=True)
        x, y = (v - v.mean(axis=1, keepdims=True) for v in (self.one, self.other))
        mx, my = w @ x.T, w @ y.T
        cov = w @ (x * y).T - mx * my
        spread = (w @ (x * x).T - mx**2) * (w @ (y * y).T - my**2)
        varies = spread > 1e-18
        r = np.full(cov.shape, np.nan)
        np.divide(cov, np.sqrt(np.where(varies, spread, 1.0)), out=r, where=varies)
        mean = r.mean(axis=1)
        return np.asarray(2.0 * mean / (1.0 + mean))


def halves(choices: pd.DataFrame, by: By, *, splits: int = SPLITS, seed: int = 0) -> Halves:
    """Utilities (Case V) of random halves of the answers of one respondent.

    Parameters
    ----------
    choices
        Counted choices of one respondent, instrument and arm (schema ``CHOICES``); pairs held out
        are left out.
    by
        ``answers``: each half has half of the answers to every pair and order (an odd one goes to
        either half by lot). ``pairs``: each half has half of the pairs, in both orders.

    Raises
    ------
    DataError, EstimationError
        As `revealed.utilities.comparisons` and `fit`: no answer, or an unknown item.
    """
    rng = np.random.default_rng(seed)
    counted = comparisons(choices)
    # The prior is of the utilities, not of the answers: halves share the whole's.
    ridge = fit(counted, backend="numpy").ridge
    split = _by_answers if by == "answers" else _by_pairs
    fitted = [
        [fit(part, ridge=ridge, backend="numpy").mean for part in split(counted, rng)]
        for _ in range(splits)
    ]
    one, other = (np.array([pair[side] for pair in fitted]) for side in (0, 1))
    return Halves(pd.Index(counted.items), one, other)


def _by_answers(counted: Comparisons, rng: np.random.Generator) -> tuple[Comparisons, Comparisons]:
    """Each row's answers dealt out to two halves; soft counts are halved as they are."""
    first, second = counted.n_first, counted.n_second
    whole = (first % 1 == 0) & (second % 1 == 0)
    taken_first, taken_second = first / 2, second / 2
    k, m = first[whole].astype(int), second[whole].astype(int)
    half = (k + m) // 2 + ((k + m) % 2) * rng.integers(2, size=len(k))
    drawn = rng.hypergeometric(k, m, half)
    taken_first[whole], taken_second[whole] = drawn, half - drawn
    parts = []
    for a, b in ((taken_first, taken_second), (first - taken_first, second - taken_second)):
        kept = (a + b) > 0
        parts.append(
            Comparisons(counted.items, counted.first[kept], counted.second[kept], a[kept], b[kept])
        )
    return parts[0], parts[1]


def _by_pairs(counted: Comparisons, rng: np.random.Generator) -> tuple[Comparisons, Comparisons]:
    pairs = counted.pairs
    side = np.zeros(len(pairs.low), bool)
    side[rng.permutation(len(side))[: len(side) // 2]] = True
    mine = side[pairs.row]
    return counted.take(np.flatnonzero(mine)), counted.take(np.flatnonzero(~mine))


def unreliable(by_pairs: Halves) -> str:
    """Why a respondent's utilities cannot be compared with anybody's; empty if they can."""
    value = float(by_pairs.reliability()[0])
    if value >= RELIABILITY_NEEDED:
        return ""
    told = "do not vary" if np.isnan(value) else f"agree at {value:.2f} only"
    return f"utilities of two halves of its own pairs {told}, {RELIABILITY_NEEDED:g} is needed"
