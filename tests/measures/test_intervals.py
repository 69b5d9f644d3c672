"""Shares of pairs of things that stand in several pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import special, stats

from revealed.measures.intervals import paired_share, share

# Seventy pairs of 28 things, five for each.
RING = [(k, (k + step) % 28) for step in (1, 3) for k in range(28)]
RING += [(k, k + 14) for k in range(14)]
ONE, OTHER = np.array(RING).T


def test_the_variance_is_that_of_pairs_with_a_thing_in_common() -> None:
    """The same number from its definition: residuals of every two pairs that share a thing."""
    thing = np.random.default_rng(1).random(28)
    hits = (thing[ONE] + thing[OTHER]) / 2
    p, m, g = hits.mean(), len(hits), 28
    away = hits - p
    # Leaving out a thing's five pairs moves the mean by -sum(away) / (m - 5).
    sums = np.array([away[(k == ONE) | (k == OTHER)].sum() for k in range(g)])
    variance = (g - 1) / g * ((sums / (m - 5)) ** 2).sum() - (away**2).sum() / (m * (m - 1))
    half = stats.t.ppf(0.975, g - 1) * np.sqrt(variance) / (p * (1 - p))
    e = paired_share(hits, ONE, OTHER, "m")
    assert (e.value, e.n) == (pytest.approx(p), m)
    assert special.logit([e.low, e.high]) == pytest.approx(
        [special.logit(p) - half, special.logit(p) + half], abs=1e-9
    )
    shared = [
        away[a] * away[b]
        for a, b in combinations(range(m), 2)
        if {ONE[a], OTHER[a]} & {ONE[b], OTHER[b]}
    ]
    dyadic = ((away**2).sum() + 2 * sum(shared)) / m**2
    assert variance == pytest.approx(dyadic, rel=0.25)


def test_it_is_never_shorter_than_with_independent_pairs() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        hits = rng.random(len(RING)) < 0.4
        e, plain = paired_share(hits, ONE, OTHER, "m"), share(hits, np.ones(len(hits)), "m")
        assert e.low <= plain.low <= e.value <= plain.high <= e.high


@pytest.mark.parametrize(
    ("hits", "one", "other"),
    [([1, 1, 1], "abc", "bca"), ([0, 0], "ab", "bc"), ([1, 0, 1], "xxx", "abc"), ([], "", "")],
    ids=["all", "none", "one thing in every pair", "no pair"],
)
def test_where_things_tell_nothing_it_is_the_share_of_pairs(
    hits: list[float], one: str, other: str
) -> None:
    e, plain = paired_share(hits, list(one), list(other), "m"), share(hits, np.ones(len(hits)), "m")
    assert (e.low, e.high, e.n) == (plain.low, plain.high, plain.n)


def test_it_covers_where_things_matter_and_the_share_of_pairs_does_not() -> None:
    rng = np.random.default_rng(3)
    seeds, ours, plain = 400, 0, 0
    for _ in range(seeds):
        thing = rng.normal(0, 2, 28)
        hits = rng.random(len(RING)) < special.expit(thing[ONE] + thing[OTHER])
        e, p = paired_share(hits, ONE, OTHER, "m"), share(hits, np.ones(len(hits)), "m")
        ours += e.low <= 0.5 <= e.high
        plain += p.low <= 0.5 <= p.high
    # 92 to 97 %, widened by two binomial standard errors of 400 seeds.
    assert 0.92 - 0.027 <= ours / seeds <= 0.97 + 0.017
    assert plain / seeds < 0.85
