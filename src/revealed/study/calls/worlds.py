"""Simulated respondents with known utilities or prices, as cheap as arrays can be.

A world answers pairs of item numbers by P(first) = Phi(u_first - u_second + deviation + w): every
pair deviates by its own fixed N(0, s²), the misfit, and w is what being listed first adds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtr

from revealed.measures.validation.exchange import planted_items
from revealed.utilities import Comparisons
from revealed.utilities.parity import zscore

DOLLARS = tuple(10.0**k for k in range(10))
SLOPE = 0.6
"""Utility (probit units) per unit of ln N: four units from 1 to 1,000, as simulated respondents."""
EFFECTIVE = 10.0
"""Answers that one reading of probabilities counts as, the default of a respondent."""


@dataclass(frozen=True)
class World:
    """A respondent's truth.

    Attributes
    ----------
    items
        One row an item; for prices with the columns of an instrument of goods.
    utility, deviation
        Of every item, and of every pair (antisymmetric, (n, n)), in probit units.
    order
        What being listed first adds.
    price
        Log price of every good, mean zero; empty where items are outcomes.
    """

    items: pd.DataFrame
    utility: np.ndarray
    deviation: np.ndarray
    order: float
    price: np.ndarray

    @property
    def standard(self) -> np.ndarray:
        """Standardised utilities."""
        return zscore(self.utility)

    def probabilities(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P(the first listed is chosen) for pairs as given, and the other way around."""
        i, j = pairs[:, 0], pairs[:, 1]
        x = self.utility[i] - self.utility[j] + self.deviation[i, j]
        return np.asarray(ndtr(x + self.order)), np.asarray(ndtr(self.order - x))


def _deviation(n: int, misfit: float, rng: np.random.Generator) -> np.ndarray:
    upper = np.triu(rng.normal(0.0, 1.0, (n, n)) * misfit, 1)
    return np.asarray(upper - upper.T)


def outcome_world(
    n: int, *, misfit: float = 0.0, order: float = 0.0, spread: float = 1.0, seed: int = 0
) -> World:
    """`n` outcomes with utilities N(0, spread²)."""
    rng = np.random.default_rng([seed, 11])
    utility = rng.normal(0.0, spread, n)
    items = pd.DataFrame(index=pd.Index([f"outcome {k}" for k in range(n)], name="item"))
    return World(items, utility, _deviation(n, misfit, rng), order, np.empty(0))


def goods_world(
    goods: int,
    quantities: int = 7,
    dollars: int = 10,
    *,
    misfit: float = 0.0,
    order: float = 0.0,
    spread: float = 1.0,
    slope: float = SLOPE,
    seed: int = 0,
) -> World:
    """`goods` with log prices N(0, spread²) at quantities from 1 to 1,000, and sums of money.

    The prices of a seed do not depend on how many quantities there are.
    """
    rng = np.random.default_rng([seed, 12])
    price = rng.normal(0.0, spread, goods)
    price -= price.mean()
    sums = np.geomspace(1.0, 1e9, dollars) if dollars else np.empty(0)
    grid = np.geomspace(1.0, 1000.0, quantities)
    items = planted_items([f"good {g}" for g in range(goods)], grid, sums)
    log = np.log(grid)
    worth = slope * (log[None, :] - log.mean() + price[:, None])
    utility = np.concatenate([worth.ravel(), np.linspace(-2.5, 2.5, dollars)])
    return World(items, utility, _deviation(len(utility), misfit, rng), order, price)


@dataclass
class Answers:
    """What a world was asked: grows by rounds, and counts its calls."""

    world: World
    rng: np.random.Generator
    logprob: bool = False
    calls: int = 0
    pairs: list[np.ndarray] = field(default_factory=list)
    counts: list[np.ndarray] = field(default_factory=list)

    def ask(self, pairs: np.ndarray, samples: int) -> None:
        """Both orders of `pairs`, `samples` answers each; or one reading of the probabilities."""
        there, back = self.world.probabilities(pairs)
        if self.logprob:
            each, won = EFFECTIVE, (EFFECTIVE * there, EFFECTIVE * back)
            self.calls += 2 * len(pairs)
        else:
            each = float(samples)
            won = (
                self.rng.binomial(samples, there).astype(float),
                self.rng.binomial(samples, back).astype(float),
            )
            self.calls += 2 * samples * len(pairs)
        self.pairs.append(np.asarray(pairs, dtype=np.int64))
        self.counts.append(np.stack([won[0], each - won[0], won[1], each - won[1]]))

    @property
    def asked(self) -> np.ndarray:
        """All pairs, shape (pairs, 2); one asked twice stands there twice."""
        return np.concatenate(self.pairs)

    def comparisons(self) -> Comparisons:
        """The answers as counted comparisons."""
        asked = self.asked
        n = len(self.world.utility)
        codes, place = np.unique(asked.min(1) * n + asked.max(1), return_inverse=True)
        # Orders are (low first, high first); a pair may have been given either way around.
        counts = np.concatenate(self.counts, axis=1)
        turned = asked[:, 0] > asked[:, 1]
        counts[:, turned] = np.roll(counts, 2, axis=0)[:, turned]
        total = np.stack([np.bincount(place, row, len(codes)) for row in counts])
        low, high = codes // n, codes % n
        return Comparisons(
            tuple(self.world.items.index.astype(str)),
            np.concatenate([low, high]),
            np.concatenate([high, low]),
            np.concatenate([total[0], total[2]]),
            np.concatenate([total[1], total[3]]),
        )
