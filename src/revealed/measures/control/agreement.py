"""Agreement with an assembly: how near a respondent's chances lie to the assembly's shares.

Two numbers, on pairs that were not used for steering. *Accuracy* is the share of pairs on which
what the respondent takes more often is what most of the assembly takes: the measure of the
literature, coarse where the assembly is split. *Agreement* is 1 - mean |p - q|, with p the
respondent's chance of the first proposal and q the assembly's share. Both are known with error
only, and noise makes |p - q| larger: the mean is therefore scaled by the root of the part of the
mean square that is not noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ..intervals import Array, Estimate, binomial_interval, share

SPLITS: dict[str, tuple[str, ...]] = {
    "training pairs": ("train",), "held-out pairs": ("pair",), "held-out areas": ("area",),
    "held out": ("pair", "area"),
}  # fmt: skip
"""What findings call parts of the assembly's pairs, and the splits that they hold."""
LEAST_PAIRS = 4
"""Fewer pairs than these have no interval over pairs."""
_SOFT = "noise taken out of the mean square, jackknife over pairs"


@dataclass(frozen=True)
class Votes:
    """A respondent's answers beside the targets, an entry a pair.

    ``p`` and ``noise`` are the chance of the first proposal, order-free, and its sampling variance;
    ``q`` and ``q_noise`` the assembly's; ``right`` is 1 where the first proposal is of the right
    and the second of the left, -1 the other way round, 0 for two of one side.
    """

    pair: tuple[str, ...]
    split: tuple[str, ...]
    p: Array
    noise: Array
    q: Array
    q_noise: Array
    right: Array

    def of(self, *splits: str) -> Votes:
        """The same of some splits."""
        return self.take(np.isin(self.split, splits))

    def take(self, keep: NDArray[np.bool_]) -> Votes:
        """The same of some pairs (a mask)."""
        chosen = [k for k, kept in enumerate(keep) if kept]
        return Votes(
            tuple(self.pair[k] for k in chosen), tuple(self.split[k] for k in chosen),
            *(part[keep] for part in (self.p, self.noise, self.q, self.q_noise, self.right)),
        )  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """Agreement and accuracy on one split, with 95 % intervals over pairs."""

    soft: Estimate
    accuracy: Estimate


def votes(choices: pd.DataFrame, targets: pd.DataFrame, items: pd.DataFrame) -> Votes:
    """Answers of one respondent beside the targets; pairs without answers in both orders are out.

    Parameters
    ----------
    choices
        Schema CHOICES, of one cell.
    targets
        Columns pair, first, second, split, share_first, se.
    items
        Indexed by item id, with the column lean.
    """
    p, noise = chances(choices, list(zip(targets["first"], targets["second"], strict=True)))
    lean = items["lean"].astype(float)
    gap = targets["first"].map(lean) - targets["second"].map(lean)
    whole = Votes(
        tuple(targets["pair"]), tuple(targets["split"]), p, noise,
        targets["share_first"].to_numpy(float), targets["se"].to_numpy(float) ** 2,
        np.sign(gap.fillna(0.0).to_numpy(float)),
    )  # fmt: skip
    return whole.take(np.isfinite(p))


def chances(choices: pd.DataFrame, pairs: list[tuple[str, str]]) -> tuple[Array, Array]:
    """Chance of the first of each pair, and its sampling variance, shape (pairs,).

    The mean of the shares in the two orders, NaN where an order has no choice. The variance of a
    share of n answers is p (1 - p) / (n - 1), which has the right mean; with one answer an order,
    the two orders together. Chances that were read off log-probabilities have none: counts that are
    no whole numbers are taken for such.
    """
    counts = choices.groupby(["first", "second"])[["n_first", "n_second"]].sum()
    known = {
        key: (row[0], row[1]) for key, row in zip(counts.index, counts.to_numpy(), strict=True)
    }
    p, noise = np.full(len(pairs), np.nan), np.zeros(len(pairs))
    for k, (one, two) in enumerate(pairs):
        # In the other order the first proposal is listed second.
        orders = [known.get((one, two), (0.0, 0.0)), known.get((two, one), (0.0, 0.0))[::-1]]
        totals = [sum(order) for order in orders]
        if min(totals) <= 0:
            continue
        shares = [order[0] / total for order, total in zip(orders, totals, strict=True)]
        p[k] = sum(shares) / 2
        if any(float(value) % 1 for order in orders for value in order):
            continue
        if min(totals) >= 2:
            noise[k] = sum(s * (1 - s) / (n - 1) for s, n in zip(shares, totals, strict=True)) / 4
        else:
            noise[k] = p[k] * (1 - p[k]) / (sum(totals) - 1)
    return p, noise


def agreement(given: Votes) -> Agreement:
    """Agreement and accuracy of these pairs."""
    n = len(given.p)
    if n < LEAST_PAIRS:
        few = Estimate(np.nan, None, None, n, _SOFT, "too few pairs")
        return Agreement(few, few)
    split = given.take(given.q != 0.5)
    return Agreement(
        jackknife(n, lambda keep: _soft(given, keep), _SOFT, inside=(0.0, 1.0)),
        share(_hits(split), np.ones(len(split.p)), "share of pairs, logit scale"),
    )


def gain(before: Votes, after: Votes) -> Agreement:
    """How much agreement and accuracy rose, pair by pair, with intervals over pairs."""
    one, two = shared(before, after)
    n = len(one.p)
    if n < LEAST_PAIRS:
        few = Estimate(np.nan, None, None, n, _SOFT, "too few pairs")
        return Agreement(few, few)
    decided = one.q != 0.5
    hits = _hits(two.take(decided)) - _hits(one.take(decided))
    return Agreement(
        jackknife(n, lambda keep: _soft(two, keep) - _soft(one, keep), _SOFT),
        mean(hits, "paired over pairs"),
    )


def bias(given: Votes) -> Estimate:
    """Share of choices of the right over the left, less the assembly's; pairs of both sides alone.

    Negative: more to the left than the assembly.
    """
    return mean(_lean(given), "mean over pairs of a left and a right proposal")


def bias_reduction(before: Votes, after: Votes) -> Estimate:
    """How much nearer to none the bias came: |bias before| - |bias after|, jackknife over pairs."""
    one, two = shared(before, after)
    a, b = _lean(one), _lean(two)
    if len(a) < LEAST_PAIRS:
        return Estimate(np.nan, None, None, len(a), "jackknife over pairs", "too few pairs")
    return jackknife(
        len(a), lambda keep: abs(a[keep].mean()) - abs(b[keep].mean()), "jackknife over pairs"
    )


def shared(one: Votes, two: Votes) -> tuple[Votes, Votes]:
    """Both on the pairs that both have."""
    both = set(one.pair) & set(two.pair)
    return tuple(v.take(np.array([pair in both for pair in v.pair], bool)) for v in (one, two))  # type: ignore[return-value]


def mean(values: Array, method: str) -> Estimate:
    """Mean of independent values with Student's interval."""
    n = len(values)
    if n < LEAST_PAIRS:
        return Estimate(np.nan, None, None, n, method, "too few pairs")
    value, sd = float(values.mean()), float(values.std(ddof=1))
    if sd == 0.0:
        # No pair stands apart: of all pairs there are, as many may as n draws could miss.
        half = binomial_interval(0.0, n)[1]
        return Estimate(value, value - half, value + half, n, method)
    half = float(stats.t.ppf(0.975, n - 1)) * sd / np.sqrt(n)
    return Estimate(value, value - half, value + half, n, method, freedom=n - 1)


def jackknife(
    n: int,
    statistic: Callable[[Array], float],
    method: str,
    inside: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """`statistic` of a mask over n pairs, with Student's interval from leaving each out in turn."""
    value = float(statistic(np.ones(n, bool)))
    left = np.array([statistic(np.arange(n) != k) for k in range(n)])
    se = float(np.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum()))
    half = float(stats.t.ppf(0.975, n - 1)) * se
    low, high = max(value - half, inside[0]), min(value + half, inside[1])
    return Estimate(value, low, high, n, method, freedom=n - 1)


def _soft(given: Votes, keep: Array) -> float:
    """1 - mean |p - q|, scaled by the root of the share of the mean square that is not noise."""
    gap = (given.p - given.q)[keep]
    square = float((gap**2).mean())
    if square == 0.0:
        return 1.0
    true = max(0.0, square - float((given.noise + given.q_noise)[keep].mean()))
    return 1.0 - float(np.abs(gap).mean()) * float(np.sqrt(true / square))


def _hits(given: Votes) -> Array:
    """1 where the respondent's majority is the assembly's, one half where it has none."""
    own, theirs = np.sign(given.p - 0.5), np.sign(given.q - 0.5)
    return np.asarray(np.where(own == 0, 0.5, own == theirs), float)


def _lean(given: Votes) -> Array:
    opposed = given.right != 0
    return np.asarray((given.right * (given.p - given.q))[opposed])
