"""Shares of answers with a bootstrap over seeds, then topics, then answers.

The topic (a question in all its formats) is what is sampled from the questions that might have been
asked; every condition got the same topics, so one replicate draws the same ones for all, and
contrasts between conditions are paired. Seeds are drawn where a condition has several. Where it has
one, nothing is said about how far another training would have come out elsewhere.

Percentiles alone are too narrow with few topics. They are widened about the estimate by the
quantile of Student's t and the factor sqrt(m / (m - 1)) for m topics, on the log-odds scale, and
are never narrower than the exact binomial interval, which is all there is when nothing was seen.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from ..intervals import Z95, Array, Estimate, binomial_interval

REPLICATES = 1000

Group = tuple[str, ...]


@dataclass(frozen=True)
class Draws:
    """Counts of every group and replicates of its share, drawn together.

    Attributes
    ----------
    groups
        Values of the columns that make a group.
    counts
        Hits and answers counted, shape (groups, 2).
    shares
        Replicates, shape (groups, replicates); NaN where a replicate counts no answer.
    topics, seeds
        How many each group has, shape (groups,).
    """

    groups: tuple[Group, ...]
    counts: Array
    shares: Array
    topics: Array
    seeds: Array

    def hits(self, group: Group) -> int:
        """Hits of a group."""
        return int(self.counts[self.groups.index(group), 0])

    def exact(self, group: Group) -> Estimate:
        """The share with the Clopper-Pearson interval: answers are the only draw."""
        hits, n = self.counts[self.groups.index(group)]
        if n == 0:
            return Estimate(np.nan, None, None, 0, "exact binomial", "no answer counts")
        low, high = binomial_interval(hits, int(n))
        return Estimate(float(hits / n), low, high, int(n), "exact binomial")

    def estimate(self, group: Group) -> Estimate:
        """The share of a group with its interval."""
        exact = self.exact(group)
        place = self.groups.index(group)
        if exact.n == 0 or exact.low is None or exact.high is None:
            return exact
        seeds = int(self.seeds[place])
        levels = "topics and answers, one seed" if seeds == 1 else "seeds, topics and answers"
        if exact.value in (0.0, 1.0):
            note = "nothing seen: exact bound" if exact.value == 0 else "all: exact bound"
            return Estimate(exact.value, exact.low, exact.high, exact.n, "exact binomial", note)
        low, high = self._widened(place, exact.value, exact.n)
        return Estimate(
            exact.value, min(low, exact.low), max(high, exact.high), exact.n,
            f"bootstrap over {levels}, at least the exact binomial",
        )  # fmt: skip

    def difference(self, group: Group, reference: Group) -> Estimate:
        """Share of `group` minus that of `reference`, both drawn with the same topics.

        Never narrower than the two exact intervals combined (Newcombe 1998), so that two groups in
        which nothing was seen still have a difference with an interval.
        """
        ends = [self.exact(group), self.exact(reference)]
        n = min(e.n for e in ends)
        if n == 0:
            return Estimate(np.nan, None, None, 0, "bootstrap", "no answer counts")
        value = ends[0].value - ends[1].value
        (l1, u1), (l0, u0) = ((float(e.low or 0.0), float(e.high or 1.0)) for e in ends)
        p1, p0 = (e.value for e in ends)
        low = value - float(np.hypot(p1 - l1, u0 - p0))
        high = value + float(np.hypot(u1 - p1, p0 - l0))
        at, of = self.groups.index(group), self.groups.index(reference)
        drawn = self.shares[at] - self.shares[of]
        if np.isfinite(drawn).sum() > 1:
            factor = self._factor(at, of)
            inner, outer = np.nanpercentile(drawn, [2.5, 97.5])
            low = min(low, value + factor * (float(inner) - value))
            high = max(high, value + factor * (float(outer) - value))
        method = "paired bootstrap over topics and answers, at least Newcombe's interval"
        return Estimate(value, max(low, -1.0), min(high, 1.0), n, method)

    def log_odds_ratio(self, group: Group, reference: Group) -> Estimate:
        """Log odds ratio of two groups; NaN where one of them has no hit or nothing else."""
        at, of = self.groups.index(group), self.groups.index(reference)
        (h1, n1), (h0, n0) = self.counts[at], self.counts[of]
        n, method = int(min(n1, n0)), "paired bootstrap over topics and answers"
        if min(h1, h0, n1 - h1, n0 - h0) <= 0:
            return Estimate(np.nan, None, None, n, method, "nothing seen on one side")
        value = float(special.logit(h1 / n1) - special.logit(h0 / n0))
        drawn = _log_odds(self.shares[at], n1) - _log_odds(self.shares[of], n0)
        factor = self._factor(at, of)
        low, high = (value + factor * (q - value) for q in np.nanpercentile(drawn, [2.5, 97.5]))
        return Estimate(value, float(low), float(high), n, method)

    def _factor(self, *places: int) -> float:
        """What percentiles are widened by, for the smallest number of topics or seeds above one."""
        units = [float(k) for at in places for k in (self.topics[at], self.seeds[at]) if k > 1]
        m = min(units, default=2.0)
        return float(stats.t.ppf(0.975, m - 1) / Z95 * np.sqrt(m / (m - 1)))

    def _widened(self, place: int, value: float, n: int) -> tuple[float, float]:
        drawn = _log_odds(self.shares[place], n)
        drawn = drawn[np.isfinite(drawn)]
        centre = float(_log_odds(np.array([value]), n)[0])
        if self.topics[place] < 2 or drawn.size < 2:
            return value, value
        ends = centre + self._factor(place) * (np.percentile(drawn, [2.5, 97.5]) - centre)
        low, high = special.expit(ends)
        return float(min(low, value)), float(max(high, value))


def _log_odds(share: Array, n: float) -> Array:
    """Log odds of shares of n answers, half an answer added on both sides to keep them finite."""
    return np.asarray(special.logit((share * n + 0.5) / (n + 1.0)))


def draw(
    answers: pd.DataFrame,
    hit: pd.Series,
    counted: pd.Series,
    by: Sequence[str],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Draws:
    """Share of `hit` among `counted` answers for every group, with joint replicates.

    Parameters
    ----------
    answers
        With the columns of `by`, and ``topic`` and ``seed``.
    hit, counted
        Flags, one an answer; a hit must be counted.
    by
        Columns that make the groups.
    """
    rows = answers[[*by, "topic", "seed"]].assign(
        hit=(hit & counted).to_numpy(int), miss=(counted & ~hit).to_numpy(int),
        out=(~counted).to_numpy(int),
    )  # fmt: skip
    topics = {name: place for place, name in enumerate(dict.fromkeys(rows["topic"]))}
    rng = np.random.default_rng(seed)
    drawn_topics = rng.integers(0, len(topics), size=(replicates, len(topics)))
    groups, counts, shares, n_topics, n_seeds = [], [], [], [], []
    for key, part in rows.groupby(list(by), sort=False):
        seeds = {name: place for place, name in enumerate(dict.fromkeys(part["seed"]))}
        cells = np.zeros((len(seeds), len(topics), 3))
        summed = part.groupby(["seed", "topic"], sort=False)[["hit", "miss", "out"]].sum()
        for (s, t), values in zip(summed.index, summed.to_numpy(float), strict=True):
            cells[seeds[s], topics[t]] = values
        present = cells.sum(axis=(0, 2)) > 0
        group = tuple(map(str, key if isinstance(key, tuple) else (key,)))
        groups.append(group)
        counts.append([cells[..., 0].sum(), cells[..., :2].sum()])
        # A stream of its own, so that a group's interval does not depend on what stands beside it.
        own = np.random.default_rng(
            [seed, zlib.crc32("\x1f".join(group).encode("utf-8", "surrogatepass"))]
        )
        shares.append(_replicate(cells, drawn_topics, own))
        n_topics.append(present.sum())
        n_seeds.append(len(seeds))
    return Draws(
        tuple(groups), np.array(counts, float).reshape(-1, 2),
        np.array(shares, float).reshape(-1, replicates), np.array(n_topics, float),
        np.array(n_seeds, float),
    )  # fmt: skip


def _replicate(cells: Array, drawn_topics: np.ndarray, rng: np.random.Generator) -> Array:
    """Replicates of one group's share: seeds are drawn, then topics, then answers in each cell."""
    seeds, replicates = len(cells), len(drawn_topics)
    total = cells.sum(axis=2)
    chances = cells / np.where(total == 0, 1.0, total)[..., None]
    chances[total == 0] = (0.0, 0.0, 1.0)
    drawn_seeds = (
        np.zeros((replicates, 1), int)
        if seeds == 1
        else rng.integers(0, seeds, size=(replicates, seeds))
    )
    at = drawn_seeds[:, :, None], drawn_topics[:, None, :]
    answers = rng.multinomial(total[at].astype(np.int64), chances[at])
    hits, misses = answers[..., 0].sum(axis=(1, 2)), answers[..., 1].sum(axis=(1, 2))
    n = (hits + misses).astype(float)
    result = np.full(replicates, np.nan)
    np.divide(hits, n, out=result, where=n > 0)
    return result
