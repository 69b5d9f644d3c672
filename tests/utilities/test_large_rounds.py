"""Rounds that stay quick when they are large: the compiled loop and pairs near indifference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn_answers import simulate
from scipy.special import ndtr

from revealed.foundation.errors import EstimationError
from revealed.utilities import Comparisons, fit
from revealed.utilities.curve import fit_curve
from revealed.utilities.curve_design import first_round, indifferent_round
from revealed.utilities.design import _pick, all_pairs, overdispersed

GOODS, QUANTITIES = 12, np.geomspace(1, 1000, 7)


def test_the_compiled_loop_picks_as_the_arrays_do():
    greedy = pytest.importorskip("revealed.utilities.greedy")
    found = fit(simulate(30, 90, 3, seed=5).comparisons, backend="numpy")
    low, high = all_pairs(30).T
    added = overdispersed(4 * found.information_per_answer(low, high), 0.1)
    for drawn in (0, 7):
        chosen = [np.arange(40, dtype=np.int64) * 3 for _ in range(2)]
        for rule, mine in zip((_pick, greedy.pick), chosen, strict=True):
            rule(low, high, added, found.laplace_covariance.copy(), mine, drawn)
        assert (chosen[0] == chosen[1]).all()
        assert len(np.unique(chosen[0])) == 40


def grid():
    rows = [(f"g{g}:{q:g}", "good", f"g{g}", q, 1) for g in range(GOODS) for q in QUANTITIES]
    rows += [(f"usd:{k}", "dollar", "", 10.0**k, 1) for k in range(6)]
    columns = ["item", "kind", "good", "quantity", "sign"]
    return pd.DataFrame(rows, columns=columns).set_index("item")


def worth(items):
    price = np.linspace(-1.5, 1.5, GOODS)
    log = np.log(items["quantity"].to_numpy())
    own = np.append(np.repeat(price, len(QUANTITIES)), np.full(6, -4.0))
    return 0.6 * (log + own)


def answered(items, u, pairs, samples, rng):
    i, j = np.concatenate([pairs, pairs[:, ::-1]]).T
    wins = rng.binomial(samples, ndtr(u[i] - u[j] + 0.4)).astype(float)
    return Comparisons(tuple(items.index), i, j, wins, samples - wins)


def test_goods_meet_equally_often_and_near_indifference():
    items = grid()
    u, rng = worth(items), np.random.default_rng(2)
    start = first_round(items, 120, rng)
    found = fit_curve(answered(items, u, start, 2, rng), items)
    held = [(0, 8), (7, 15)]
    pairs = indifferent_round(found, items, 240, rng, exclude=held)
    good = items["good"].to_numpy()[pairs]
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == 240
    assert not {tuple(sorted(pair)) for pair in pairs.tolist()} & set(held)
    assert (good != "").all()
    assert (good[:, 0] != good[:, 1]).all()
    # Twenty rings: each good stands in forty pairs.
    assert (np.unique(good, return_counts=True)[1] == 40).all()
    gap = np.abs(u[pairs[:, 0]] - u[pairs[:, 1]])
    # Steps of the grid are 0.69 apart in utility; 20 pairs of the same two goods spread a little.
    assert np.median(gap) < 0.5
    seen = {tuple(sorted(pair)) for pair in start.tolist()}
    fresh = indifferent_round(found, items, 240, rng, reask=False)
    assert not seen & {tuple(sorted(pair)) for pair in fresh.tolist()}


def test_what_is_left_is_asked_and_no_more():
    items = grid().iloc[: 2 * len(QUANTITIES)]
    u, rng = worth(grid())[: len(items)], np.random.default_rng(3)
    start = first_round(items, 10, rng)
    found = fit_curve(answered(items, u, start, 2, rng), items)
    assert len(indifferent_round(found, items, 500, rng, reask=False)) == 49 - 10
    with pytest.raises(EstimationError, match="other items"):
        indifferent_round(found, items.iloc[1:], 5, rng)
