"""The array backend: one sparse product and one inverse, the same on every namespace."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from revealed.foundation import backend as backend_module
from revealed.foundation.backend import NUMPY, get_backend, standard_backend
from revealed.foundation.errors import ConfigError, EstimationError

STRICT = standard_backend(array_api_strict, "strict")
BACKENDS = [NUMPY, STRICT]


@given(
    st.integers(1, 12),
    st.integers(1, 9),
    st.integers(0, 40),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
def test_the_sparse_product_is_the_dense_one(rows, cols, entries, replicates, seed):
    rng = np.random.default_rng(seed)
    i, j = rng.integers(rows, size=entries), rng.integers(cols, size=entries)
    values, right = rng.normal(size=entries), rng.normal(size=(cols, replicates))
    dense = np.zeros((rows, cols))
    np.add.at(dense, (i, j), values)  # repeated entries add up
    for backend in BACKENDS:
        product = backend.sparse(i, j, values, (rows, cols)) @ backend.asarray(right)
        # Sums of at most 40 products of standard normals, in another order.
        np.testing.assert_allclose(backend.to_numpy(product), dense @ right, atol=1e-12)


def test_a_product_too_wide_for_memory_is_summed_column_by_column(monkeypatch):
    rng = np.random.default_rng(1)
    i, j = rng.integers(6, size=30), rng.integers(5, size=30)
    values, right = rng.normal(size=30), STRICT.asarray(rng.normal(size=(5, 3)))
    matrix = STRICT.sparse(i, j, values, (6, 5))
    at_once = STRICT.to_numpy(matrix @ right)
    monkeypatch.setattr(backend_module, "_GATHER_BYTES", 1)
    np.testing.assert_allclose(STRICT.to_numpy(matrix @ right), at_once, atol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
def test_the_inverse_is_one(backend):
    root = np.random.default_rng(2).normal(size=(20, 20))
    matrix = root @ root.T + np.eye(20)
    inverse = backend.to_numpy(backend.inverse(backend.asarray(matrix)))
    np.testing.assert_allclose(inverse @ matrix, np.eye(20), atol=1e-9)
    np.testing.assert_array_equal(inverse, inverse.T)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
def test_a_matrix_that_is_not_definite_is_refused(backend):
    matrix = np.diag([1.0, np.nan])
    if backend is NUMPY:
        matrix = np.diag([1.0, -1.0])
    with pytest.raises(EstimationError, match="positive definite"):
        backend.inverse(backend.asarray(matrix))


def test_an_unknown_backend_is_refused():
    with pytest.raises(ConfigError, match="unknown backend"):
        get_backend("torch")  # type: ignore[arg-type]


def test_without_a_device_auto_is_numpy_and_cupy_is_refused(monkeypatch):
    monkeypatch.setattr(backend_module, "_cupy", lambda: None)
    assert get_backend("auto") is NUMPY
    with pytest.raises(ConfigError, match="no working CUDA device"):
        get_backend("cupy")


class _FakeCupy:
    """A CuPy that imports but cannot compute, as it is on a machine without a driver."""

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def asarray(values):
        raise RuntimeError("cudaErrorNoDevice")


def test_cupy_that_only_imports_is_not_a_backend(monkeypatch):
    backend_module._cupy.cache_clear()
    monkeypatch.setattr(backend_module.importlib, "import_module", lambda name: _FakeCupy)
    try:
        assert backend_module._cupy() is None
    finally:
        backend_module._cupy.cache_clear()


@pytest.mark.gpu
def test_cupy_agrees_with_numpy():
    if backend_module._cupy() is None:
        pytest.skip("no CUDA device")
    cupy = get_backend("cupy")
    rng = np.random.default_rng(3)
    i, j, values = rng.integers(50, size=400), rng.integers(40, size=400), rng.normal(size=400)
    right = rng.normal(size=(40, 7))
    ours = cupy.to_numpy(cupy.sparse(i, j, values, (50, 40)) @ cupy.asarray(right))
    np.testing.assert_allclose(ours, NUMPY.sparse(i, j, values, (50, 40)) @ right, atol=1e-11)
