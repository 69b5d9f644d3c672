"""Rows as vectors compute what NumPy computes, in both types, without touching their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from revealed.utilities.lanes import load, spread, store  # noqa: E402


def compiled(count: int) -> Any:
    @numba.njit  # type: ignore[untyped-decorator]
    def loop(a, b, number, into):  # type: ignore[no-untyped-def]
        for row in range(a.shape[0]):
            x, y = load(a, row * count, count), load(b, row * count, count)
            store(into, row * count, number * x - y * x + spread(2.5, x))

    return loop


@pytest.mark.parametrize(
    ("kind", "into", "count"),
    [
        (np.float64, np.float64, 8),
        (np.float64, np.float32, 8),
        (np.float32, np.float32, 8),
        (np.float64, np.float64, 1),
    ],
)
def test_rows_are_loaded_computed_with_and_stored(
    kind: type[np.floating[Any]], into: type[np.floating[Any]], count: int
) -> None:
    rng = np.random.default_rng(0)
    # Every offset of a row from a vector's boundary: nothing may ask for more than a number's.
    memory = rng.normal(size=(2, 7 * count + 3)).astype(kind)
    a, b = (part[3:].reshape(7, count) for part in memory)
    found = np.full((9, count), 99.0, into)
    compiled(count)(a, b, kind(1.5), found[1:8])
    wanted = kind(1.5) * a - b * a + kind(2.5)
    # Multiplied and added at once, it is rounded less often than NumPy does.
    np.testing.assert_allclose(found[1:8], wanted, rtol=0, atol=8 * np.finfo(np.float32).eps)
    if kind is into is np.float64:
        np.testing.assert_allclose(found[1:8], wanted, rtol=0, atol=8 * np.finfo(kind).eps)
    assert (found[[0, 8]] == 99.0).all()
