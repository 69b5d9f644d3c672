"""Designs: connected, uniform, without the hold-out, and worth their answers."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_answers import simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import chisquare

from revealed.foundation.errors import ConfigError
from revealed.utilities import Comparisons, fit
from revealed.utilities.design import (
    all_pairs,
    holdout_pairs,
    next_round,
    original_rule,
    overdispersed,
    random_connected,
    uniform_pairs,
)


def codes(pairs, n):
    return pairs.min(axis=1) * n + pairs.max(axis=1)


def valid(pairs, n, exclude=None):
    assert pairs.dtype.kind == "i"
    assert ((pairs >= 0) & (pairs < n)).all()
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(codes(pairs, n))) == len(pairs)
    if exclude is not None and len(exclude):
        assert not np.isin(codes(pairs, n), codes(exclude, n)).any()


def connected(pairs, n):
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[0] == 1


@given(st.integers(3, 60), st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_the_start_is_connected_and_regular(n, degree, seed):
    pairs = random_connected(n, degree, np.random.default_rng(seed))
    valid(pairs, n)
    assert connected(pairs, n)
    assert len(pairs) >= min(n * degree / 2, n * (n - 1) / 2)
    degrees = np.bincount(pairs.ravel(), minlength=n)
    assert degrees.min() >= min(2, n - 1)


@given(st.integers(20, 60), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_the_start_avoids_the_holdout_and_stays_connected(n, degree, seed):
    rng = np.random.default_rng(seed)
    exclude = holdout_pairs(n, n * degree // 2, rng, share=0.2)
    pairs = random_connected(n, degree, rng, exclude=exclude)
    valid(pairs, n, exclude)
    assert connected(pairs, n)
    assert len(pairs) >= n * degree / 2


@given(st.integers(2, 40), st.data())
def test_uniform_pairs_are_valid_and_complete(n, data):
    total = n * (n - 1) // 2
    barred = data.draw(st.integers(0, total))
    m = data.draw(st.integers(0, total - barred))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    exclude = all_pairs(n)[rng.permutation(total)[:barred]]
    pairs = uniform_pairs(n, m, rng, exclude=exclude)
    assert len(pairs) == m
    valid(pairs, n, exclude)
    with pytest.raises(ConfigError):
        uniform_pairs(n, total - barred + 1, rng, exclude=exclude)


def test_uniform_pairs_are_uniform():
    rng = np.random.default_rng(0)
    exclude = np.array([[0, 1], [4, 2], [3, 5]])
    counts = np.zeros((6, 6))
    for _ in range(3000):
        for i, j in uniform_pairs(6, 4, rng, exclude=exclude):
            counts[i, j] += 1
    counts = counts[np.triu_indices(6, 1)]
    assert (counts > 0).sum() == 12
    # Draws without replacement vary less than chi-square: one in 10,000 at the most fails.
    assert chisquare(counts[counts > 0]).pvalue > 1e-4


@pytest.mark.parametrize(("n", "degree"), [(1, 2), (0, 2), (5, 0), (5, 1)])
def test_designs_that_compare_nothing_are_refused(n, degree):
    with pytest.raises(ConfigError):
        random_connected(n, degree, np.random.default_rng(0))


def test_the_holdout_has_the_originals_size():
    rng = np.random.default_rng(0)
    assert len(holdout_pairs(500, 9000, rng)) == 450
    assert len(holdout_pairs(2000, 40_000, rng)) == 1000


def test_information_of_a_pair_is_bounded_by_its_misfit():
    assert overdispersed(5.0, 0.0) == 5.0
    assert overdispersed(1e9, 0.25) == pytest.approx(4.0)


def test_the_next_pair_is_the_one_that_gains_most():
    """Against plain linear algebra: each pick maximises the added log-determinant."""
    c = simulate(10, 20, 4, seed=2).comparisons
    found = fit(c, ridge=0.7)
    s2, answers = 0.2, 4.0
    rounds = next_round(found, 6, answers=answers, misfit=s2)
    state = found.information_by_pair()
    have = np.zeros((10, 10))
    have[state.low, state.high] = state.information
    pairs = all_pairs(10)
    fresh = answers * found.information_per_answer(pairs[:, 0], pairs[:, 1])

    def precision(weights):
        matrix = 0.7 * np.eye(10)
        for i, j in pairs:
            e = np.zeros(10)
            e[i], e[j] = 1, -1
            matrix += overdispersed(weights[i, j], s2) * np.outer(e, e)
        return matrix

    for chosen in rounds:
        gains = []
        for (i, j), w in zip(pairs, fresh, strict=True):
            more = have.copy()
            more[i, j] += w
            gains.append(np.linalg.slogdet(precision(more))[1])
        done = [k for k, p in enumerate(pairs) if any((p == r).all() for r in seen(rounds, chosen))]
        gains = np.array(gains)
        gains[done] = -np.inf  # each pair at most once a round
        k = int(np.argmax(gains))
        assert (pairs[k] == chosen).all()
        have[tuple(chosen)] += fresh[k]


def seen(rounds, chosen):
    place = next(k for k, r in enumerate(rounds) if (r == chosen).all())
    return rounds[:place]


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.floats(0, 1))
def test_a_round_keeps_its_promises(seed, reask, explore):
    rng = np.random.default_rng(seed)
    exclude = holdout_pairs(20, 60, rng, share=0.2)
    start = random_connected(20, 4, rng, exclude=exclude)
    c = simulate(20, start, 2, seed=seed % 1000).comparisons
    pairs = next_round(fit(c), 30, exclude=exclude, reask=reask, explore=explore, rng=rng)
    assert len(pairs) == 30
    valid(pairs, 20, exclude if reask else np.concatenate([exclude, start]))


def test_misfit_moves_answers_to_new_pairs():
    """On a ladder neighbours inform most and are asked again, unless they deviate on their own."""
    ladder = np.linspace(-10, 10, 21)
    neighbours = np.stack([np.arange(20), np.arange(1, 21)], axis=1)
    c = simulate(21, neighbours, 400, utility=ladder, order=0.0).comparisons
    found = fit(c)

    def again(misfit):
        pairs = next_round(found, 10, answers=10, misfit=misfit)
        return int((np.diff(pairs, axis=1) == 1).sum())

    assert again(0.0) == 10
    assert again(2.0) < 5


def test_the_adaptive_design_needs_fewer_answers():
    """The same number of answers, placed by D-optimality or at random, over seeds."""
    n, gain = 40, []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        u = rng.normal(0, 2.0, n)
        u -= u.mean()
        start = random_connected(n, 6, rng)

        def ask(pairs, stream, utility=u):
            return simulate(40, pairs, 2, order=0.0, utility=utility, seed=stream).comparisons

        def together(parts):
            return Comparisons(
                parts[0].items,
                *(
                    np.concatenate([getattr(p, k) for p in parts])
                    for k in ("first", "second", "n_first", "n_second")
                ),
            )

        error = {}
        for rule in ("adaptive", "random"):
            parts = [ask(start, 1000 + seed)]
            for k in range(3):
                found = fit(together(parts), backend="numpy")
                more = (
                    next_round(found, 80, answers=4)
                    if rule == "adaptive"
                    else uniform_pairs(n, 80, rng)
                )
                parts.append(ask(more, 10 * seed + k))
            error[rule] = np.mean((fit(together(parts), backend="numpy").mean - u) ** 2)
        gain.append(np.log(error["random"] / error["adaptive"]))
    # Far better on average; a t of 11 degrees above 3 is one in 150 if there were no gain at all.
    assert np.mean(gain) > 3 * np.std(gain, ddof=1) / np.sqrt(len(gain))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 5, 60, 200]))
def test_the_originals_rule_draws_close_and_rare_pairs(seed, m):
    rng = np.random.default_rng(seed)
    n = 40
    mean = rng.normal(size=n)
    exclude = uniform_pairs(n, 30, rng)
    asked = random_connected(n, 4, rng, exclude=exclude)
    chosen = original_rule(mean, asked, m, rng, exclude)
    valid(chosen, n, np.concatenate([asked, exclude]))
    assert len(chosen) == m
    if m > 5:
        return
    new = np.abs(mean[chosen[:, 0]] - mean[chosen[:, 1]])
    pairs = all_pairs(n)
    everywhere = np.abs(mean[pairs[:, 0]] - mean[pairs[:, 1]])
    # The share starts at 10 % and grows by half until there are enough.
    assert new.max() <= np.quantile(everywhere, 0.6)


def test_a_rule_without_pairs_left_is_refused():
    with pytest.raises(ConfigError, match="are left"):
        original_rule(np.arange(4.0), all_pairs(4), 1, np.random.default_rng(0))
    c = simulate(5, 10, 5).comparisons
    with pytest.raises(ConfigError, match="can be asked"):
        next_round(fit(c), 11)
