"""Refits on a GPU: its rows of pairs here, the kernel itself where there is a device."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_answers import simulate

from revealed.foundation import backend as backend_module
from revealed.foundation.backend import NUMPY, Backend, get_backend
from revealed.foundation.errors import EstimationError
from revealed.utilities import bootstrap, bootstrap_many, cuda, fit
from revealed.utilities.models import ORDER_PRECISION, PairData


@pytest.fixture
def device() -> Backend:
    if backend_module._cupy() is None:
        pytest.skip("no CUDA device")
    return get_backend("cupy")


@pytest.mark.parametrize(("n", "m"), [(5, 6), (32, 100), (70, 400)])
def test_rows_hold_every_pair_twice(n, m):
    data = PairData(simulate(n, m, 5).comparisons.pairs, n, NUMPY)
    rows = cuda.sell(data)
    assert sorted(rows.items) == list(range(n))
    width = np.diff(rows.slices)
    assert (width % 32 == 0).all()
    weight = np.random.default_rng(0).uniform(1, 2, data.m)
    along = np.random.default_rng(1).normal(size=n)
    # The product that the kernel forms: each row sums over its own slots.
    slot = np.arange(rows.slices[-1])
    at = np.searchsorted(rows.slices, slot, side="right") - 1
    row = at * 32 + (slot - rows.slices[at]) % 32
    used = rows.answers.sum(axis=1) > 0
    assert used.sum() == 2 * data.m
    assert (row[used] < n).all()
    v = along[rows.items]
    flow = weight[rows.pair[used]] * (v[row[used]] - v[rows.other[used]])
    found = np.zeros(n)
    np.add.at(found, rows.items[row[used]], flow)
    expected = data.scatter @ (weight[:, None] * (data.difference @ along[:, None]))
    np.testing.assert_allclose(found, expected[:, 0], atol=1e-12)


def test_answers_are_seen_from_the_rows_item():
    data = PairData(simulate(6, 9, 4).comparisons.pairs, 6, NUMPY)
    rows = cuda.sell(data)
    theta = np.random.default_rng(2).normal(size=7)
    known = cuda._known(rows, data, theta, "probit")
    for slot in np.flatnonzero(rows.answers.sum(axis=1)):
        pair = rows.pair[slot]
        first, second, third, fourth = data.counts.reshape(4, -1)[:, pair]
        mine = [first, second, third, fourth] if rows.low[slot] else [third, fourth, first, second]
        np.testing.assert_array_equal(rows.answers[slot], mine)
    # The sum over both orders is the same from either end of a pair, the difference turns round.
    for pair in range(data.m):
        one, two = np.flatnonzero((rows.pair == pair) & (rows.answers.sum(axis=1) > 0))
        np.testing.assert_array_equal(known[one], known[two][[1, 0, 3, 2]])


@pytest.mark.gpu
@pytest.mark.parametrize("link", ["probit", "logit"])
@pytest.mark.parametrize("scheme", ["multinomial", "exponential"])
def test_the_kernel_is_the_compiled_loop(device, link, scheme):
    kernel = pytest.importorskip("revealed.utilities.kernel")
    c = simulate(60, 500, 10, spread=1.0).comparisons
    whole = fit(c, link=link, backend="numpy")
    data, theta = PairData(c.pairs, 60, NUMPY), np.append(whole.mean, whole.order_effect)
    (found,) = cuda.refit(
        [cuda.Problem(data, theta, whole.ridge)], range(16), 3, link=link,
        precision=ORDER_PRECISION, backend=device, scheme=scheme, last=1e-14, tight=1e-9,
    )  # fmt: skip
    loops = kernel.prepare(data, link)
    for block in range(2):
        weight = cuda_weights(data.m, kernel.replicates_of(block), scheme)
        truth = np.repeat(theta[:, None], 8, axis=1)
        for _ in range(12):
            kernel.newton_step(loops, weight, truth, whole.ridge, ORDER_PRECISION, 1e-9)
        np.testing.assert_allclose(found[block * 8 : block * 8 + 8], truth.T, atol=1e-8)


def cuda_weights(pairs, replicates, scheme):
    from revealed.utilities.resampling import pair_weights

    return np.ascontiguousarray(pair_weights(pairs, replicates, 3, scheme))


@pytest.mark.gpu
def test_the_same_seed_gives_the_same_bits_alone_and_together(device):
    answers = [simulate(n, 8 * n, 10, seed=n).comparisons for n in (20, 50, 90)]
    fitted = [(c, fit(c, backend="numpy")) for c in answers]
    together = bootstrap_many(fitted, 40, 7, backend=device)
    for (c, whole), found in zip(fitted, together, strict=True):
        np.testing.assert_array_equal(bootstrap(c, whole, 40, 7, backend=device), found)
        on_host = bootstrap(c, whole, 40, 7, backend="numpy")
        # Both stop at a decrement of 1e-8 nats or below.
        np.testing.assert_allclose(found, on_host, atol=5e-4)


@pytest.mark.gpu
def test_little_memory_means_more_launches_and_the_same_bits(device, monkeypatch):
    c = simulate(50, 400, 10).comparisons
    whole = fit(c, backend="numpy")
    at_once = bootstrap(c, whole, 200, 1, backend=device)
    free = device.xp.cuda.Device().mem_info[0]
    monkeypatch.setattr(cuda, "_FREE", 400_000 / free)
    np.testing.assert_array_equal(bootstrap(c, whole, 200, 1, backend=device), at_once)
    monkeypatch.setattr(cuda, "_FREE", 10 / free)
    with pytest.raises(EstimationError, match="bytes on the device"):
        bootstrap(c, whole, 200, 1, backend=device)


@pytest.mark.gpu
@pytest.mark.parametrize("variances", ["common", "item"])
def test_a_fit_is_that_of_numpy(device, variances):
    c = simulate(80, 900, 10).comparisons
    ours = fit(c, variances=variances, backend=device)
    theirs = fit(c, variances=variances, backend="numpy")
    # Both stop at a decrement of 1e-8 nats, where a utility is known to 1e-4 of its error.
    np.testing.assert_allclose(ours.mean, theirs.mean, atol=1e-4 * theirs.se.max())
    np.testing.assert_allclose(ours.covariance, theirs.covariance, rtol=1e-3, atol=1e-6)
