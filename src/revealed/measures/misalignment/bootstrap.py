"""Shares of answers with a bootstrap over seeds, then topics, then answers.

The topic (a question in all its formats) is what is sampled from the questions that might have been
asked; every condition got the same topics, so one replicate draws the same ones for all, and
contrasts between conditions are paired. Seeds are drawn where a condition has several. Where it has
one, nothing is said about how far another training would have come out elsewhere.

Percentiles alone are too narrow with few topics. They are widened about the estimate by the
quantile of Student's t and the factor sqrt(m / (m - 1)) for m topics, on the log-odds scale, and
are never narrower than the exact binomial interval, which is all there is when nothing was seen.

With several seeds the variance has two parts, V_t, with the seeds held, times m / (m - 1) for m
topics, and V_s, from how far seeds differ. What they differ by because each gave other answers is
in V_t already. Drawing seeds shows it twice, in how far their shares lie apart and in how few
different answers are left where one is drawn again; it is taken out of V_s once, so that intervals
err to the wide side. Two or three seeds cannot tell how far they differ, so V_s is pooled: seeds of
all groups that are drawn together are taken to differ equally in log odds, by moments, groups
weighing as their answers are many (DerSimonian and Laird 1986). The interval is that of Student's t
with V^2 / sum(V_i^2 / d_i) degrees of freedom (Satterthwaite 1946), d_i those of each part.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

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
        Values of the columns that make a group; groups of one first value share their seeds.
    counts
        Hits and answers counted, shape (groups, 2).
    shares
        Replicates, shape (groups, replicates); NaN where a replicate counts no answer.
    held
        Replicates with every seed as it is; those of `shares` where there is one seed.
    noise
        Variance of the share if nothing but answers were drawn, shape (groups,).
    topics, seeds
        How many each group has, shape (groups,).
    """

    groups: tuple[Group, ...]
    counts: Array
    shares: Array
    held: Array
    noise: Array
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

        With several seeds the two intervals are combined as Newcombe (1998) combines exact ones;
        topics in common are then not made use of; two groups of one condition have the same seeds,
        which are held. Never narrower than the two exact intervals so
        combined: two groups in which nothing was seen still have a difference with an interval.
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
        same = group[0] == reference[0]
        drawn = self.held[at] - self.held[of]
        if np.isfinite(drawn).sum() > 1 and self._several(at, of) and not same:
            (l1, u1), (l0, u0) = (
                (float(e.low or 0.0), float(1.0 if e.high is None else e.high))
                for e in (self.estimate(group), self.estimate(reference))
            )
            low = min(low, value - float(np.hypot(p1 - l1, u0 - p0)))
            high = max(high, value + float(np.hypot(u1 - p1, p0 - l0)))
        elif np.isfinite(drawn).sum() > 1:
            factor = self._factor(at, of)
            inner, outer = np.nanpercentile(drawn, [2.5, 97.5])
            low = min(low, value + factor * (float(inner) - value))
            high = max(high, value + factor * (float(outer) - value))
        method = "paired bootstrap over topics and answers, at least Newcombe's interval"
        if self._several(at, of) and not same:
            method = "intervals over seeds, topics and answers, combined as Newcombe's"
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
        if self._several(at, of):
            held = _log_odds(self.held[at], n1) - _log_odds(self.held[of], n0)
            half = self._half_width(held, {at: 1.0, of: 1.0})
            return Estimate(value, value - half, value + half, n, method)
        factor = self._factor(at, of)
        low, high = (value + factor * (q - value) for q in np.nanpercentile(drawn, [2.5, 97.5]))
        return Estimate(value, float(low), float(high), n, method)

    def _several(self, *places: int) -> bool:
        return any(self.seeds[place] > 1 for place in places)

    def _share(self, place: int) -> float:
        """The share of a group, kept away from 0 and 1 by half an answer."""
        hits, n = self.counts[place]
        return float((hits + 0.5) / (n + 1.0))

    @cached_property
    def training(self) -> tuple[float, float]:
        """Variance of a seed's log odds, pooled over all groups, and its degrees of freedom.

        Groups that differ in something else than their first column come from the same seeds, and
        count as one.
        """
        weights: dict[str, float] = {}
        degrees: dict[str, float] = {}
        weighted = 0.0
        for place, group in enumerate(self.groups):
            (hits, n), seeds = self.counts[place], float(self.seeds[place])
            if seeds < 2 or not 0 < hits < n or self.noise[place] <= 0:
                continue
            p = self._share(place)
            noise = seeds * float(self.noise[place]) / (p * (1.0 - p)) ** 2
            free, fixed = (_log_odds(drawn[place], n) for drawn in (self.shares, self.held))
            added = max(0.0, float(np.nanvar(free) - np.nanvar(fixed)))
            between = added * seeds**2 / (seeds - 1)
            weight = (seeds - 1) / noise
            weighted += weight * (between - noise)
            weights[group[0]] = weights.get(group[0], 0.0) + weight
            degrees[group[0]] = seeds - 1
        total = sum(weights.values())
        if total <= 0:
            return 0.0, 1.0
        spread = sum((w / total) ** 2 / degrees[name] for name, w in weights.items())
        return max(0.0, weighted / total), 1.0 / spread

    def _half_width(self, held: Array, slopes: Mapping[int, float]) -> float:
        """Half of an interval whose variance has a part of topics and one of seeds.

        `held`: replicates of the estimate with all seeds as they are; `slopes`: by the place of a
        group, how far the estimate moves with its log odds.
        """
        topics = max(2.0, min(float(self.topics[place]) for place in slopes))
        variance, degrees = self.training
        seeds = sum(s**2 / self.seeds[place] for place, s in slopes.items() if self.seeds[place])
        pieces = (
            (float(np.nanvar(held)) * topics / (topics - 1), topics - 1),
            (variance * float(seeds), degrees),
        )
        total = sum(v for v, _ in pieces)
        if total <= 0:
            return 0.0
        joint = total**2 / sum(v**2 / df for v, df in pieces)
        return float(stats.t.ppf(0.975, joint) * np.sqrt(total))

    def _factor(self, *places: int) -> float:
        """What percentiles are widened by, for the smallest number of topics above one."""
        units = [float(self.topics[at]) for at in places if self.topics[at] > 1]
        m = min(units, default=2.0)
        return float(stats.t.ppf(0.975, m - 1) / Z95 * np.sqrt(m / (m - 1)))

    def _widened(self, place: int, value: float, n: int) -> tuple[float, float]:
        drawn = _log_odds(self.shares[place], n)
        drawn = drawn[np.isfinite(drawn)]
        centre = float(_log_odds(np.array([value]), n)[0])
        if self.topics[place] < 2 or drawn.size < 2:
            return value, value
        if self._several(place):
            half = self._half_width(_log_odds(self.held[place], n), {place: 1.0})
            low, high = special.expit([centre - half, centre + half])
            return float(min(low, value)), float(max(high, value))
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
    groups, counts, shares, held, noise, n_topics, n_seeds = [], [], [], [], [], [], []
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
        noise.append(_noise(cells))
        # A stream of its own, so that a group's interval does not depend on what stands beside it.
        own = np.random.default_rng(
            [seed, zlib.crc32("\x1f".join(group).encode("utf-8", "surrogatepass"))]
        )
        several = len(seeds) > 1
        shares.append(_replicate(cells, drawn_topics, own, draw_seeds=several))
        held.append(_replicate(cells, drawn_topics, own) if several else shares[-1])
        n_topics.append(present.sum())
        n_seeds.append(len(seeds))
    return Draws(
        tuple(groups), np.array(counts, float).reshape(-1, 2),
        np.array(shares, float).reshape(-1, replicates),
        np.array(held, float).reshape(-1, replicates), np.array(noise, float),
        np.array(n_topics, float),
        np.array(n_seeds, float),
    )  # fmt: skip


def _noise(cells: Array) -> float:
    """Variance of a share if only answers were drawn, from those to one topic over all seeds."""
    hits, n = cells[..., 0].sum(axis=0), cells[..., :2].sum(axis=(0, 2))
    hits, n = hits[n > 1], n[n > 1]
    total = float(cells[..., :2].sum())
    return float((hits * (n - hits) / (n - 1)).sum() / total**2) if total else 0.0


def _replicate(
    cells: Array, drawn_topics: np.ndarray, rng: np.random.Generator, *, draw_seeds: bool = False
) -> Array:
    """Replicates of one group's share: seeds are drawn or held, then topics and answers drawn."""
    seeds, replicates = len(cells), len(drawn_topics)
    total = cells.sum(axis=2)
    chances = cells / np.where(total == 0, 1.0, total)[..., None]
    chances[total == 0] = (0.0, 0.0, 1.0)
    drawn_seeds = (
        np.tile(np.arange(seeds), (replicates, 1))
        if not draw_seeds
        else rng.integers(0, seeds, size=(replicates, seeds))
    )
    at = drawn_seeds[:, :, None], drawn_topics[:, None, :]
    answers = rng.multinomial(total[at].astype(np.int64), chances[at])
    hits, misses = answers[..., 0].sum(axis=(1, 2)), answers[..., 1].sum(axis=(1, 2))
    n = (hits + misses).astype(float)
    result = np.full(replicates, np.nan)
    np.divide(hits, n, out=result, where=n > 0)
    return result
