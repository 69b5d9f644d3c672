"""One array namespace for NumPy and CuPy, and the two things it does not standardise.

The estimators are written against the Python array API standard (``xp.take``, ``xp.where``, ...)
and ask a `Backend` for what the standard lacks: a fixed sparse matrix times a dense one, and the
inverse of a symmetric positive definite matrix. A namespace that is neither NumPy nor CuPy
(``array_api_strict`` in the tests) takes the same route as CuPy, so that the code a GPU runs is
tested on machines without one.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
import scipy.linalg
import scipy.sparse

from .errors import ConfigError, EstimationError

Array = Any
"""An array of the backend's namespace; the standard names no class for it."""

BackendName = Literal["auto", "numpy", "cupy"]

# Largest temporary that the padded product gathers at once (bytes), so that a batch of bootstrap
# refits of a large study fits beside its data on a small GPU.
_GATHER_BYTES = 2**28


class SparseMap:
    """A fixed sparse matrix, applied to many dense ones.

    Parameters
    ----------
    rows, cols, values
        The non-zero entries (one-dimensional NumPy arrays of one length; repeats add up).
    shape
        Shape of the matrix.
    backend
        Where it is applied.

    Attributes
    ----------
    matrix
        The same on the host, in SciPy's compressed rows.

    Notes
    -----
    NumPy uses SciPy's compressed rows. Every other namespace uses padded rows (ELLPACK): a table of
    column numbers and one of values, as wide as the fullest row, hence gathers and sums alone.
    """

    def __init__(
        self,
        rows: np.ndarray,
        cols: np.ndarray,
        values: np.ndarray,
        shape: tuple[int, int],
        backend: Backend,
    ):
        self.shape, self.backend = shape, backend
        matrix = scipy.sparse.csr_array((values, (rows, cols)), shape=shape)
        matrix.sum_duplicates()
        self.matrix = matrix
        if backend.name == "numpy":
            return
        filled = np.diff(matrix.indptr)
        width = max(int(filled.max(initial=0)), 1)
        columns = np.zeros((shape[0], width), dtype=np.int64)
        weights = np.zeros((shape[0], width))
        slot = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], filled)
        row = np.repeat(np.arange(shape[0]), filled)
        columns[row, slot], weights[row, slot] = matrix.indices, matrix.data
        self._columns = [backend.asarray(column) for column in columns.T.copy()]
        self._weights = backend.asarray(weights.T[:, :, None].copy())
        self._flat = backend.asarray(columns.T.reshape(-1).copy())

    def __matmul__(self, dense: Array) -> Array:
        """The product with a dense array of shape (columns, replicates)."""
        if self.backend.name == "numpy":
            return self.matrix @ dense
        xp, width, replicates = self.backend.xp, len(self._columns), dense.shape[1]
        if 8 * width * self.shape[0] * replicates <= _GATHER_BYTES:
            gathered = xp.reshape(
                xp.take(dense, self._flat, axis=0), (width, self.shape[0], replicates)
            )
            return xp.sum(gathered * self._weights, axis=0)
        total = xp.take(dense, self._columns[0], axis=0) * self._weights[0, :, :]
        for k in range(1, width):
            total = total + xp.take(dense, self._columns[k], axis=0) * self._weights[k, :, :]
        return total


@dataclass(frozen=True)
class Backend:
    """An array namespace with what the estimators need beside the standard.

    Attributes
    ----------
    name
        ``numpy``, ``cupy`` or the name of another standard namespace.
    xp
        The array namespace.
    """

    name: str
    xp: Any = field(repr=False)  # a module is called by where it lies on this machine

    def asarray(self, values: Any) -> Array:
        """`values` as this backend's array: floats in double precision, integers as they are."""
        if self.name != "numpy" and not isinstance(values, (np.ndarray, list, tuple, float, int)):
            return values
        host = np.asarray(values)
        if host.dtype.kind == "f" and host.dtype != np.float64:
            host = host.astype(np.float64)
        return host if self.name == "numpy" else self.xp.asarray(host)

    def to_numpy(self, values: Array) -> np.ndarray:
        """`values` on the host."""
        if self.name == "cupy":
            return np.asarray(self.xp.asnumpy(values))
        if isinstance(values, np.ndarray):
            return values
        # The standard's DLPack protocol: no private attribute of any namespace.
        return np.from_dlpack(values) if hasattr(values, "__dlpack__") else np.asarray(values)

    def sparse(
        self, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: tuple[int, int]
    ) -> SparseMap:
        """The sparse matrix with these entries, ready for products with dense arrays."""
        return SparseMap(rows, cols, values, shape, self)

    def inverse(self, matrix: Array) -> Array:
        """Inverse of a symmetric positive definite matrix.

        Raises
        ------
        EstimationError
            If the matrix is not positive definite.
        """
        if self.name == "numpy":
            # Cholesky and its inverse take half the work of the general inverse.
            factor, failed = scipy.linalg.lapack.dpotrf(matrix, lower=1)
            if failed == 0:
                inverse, failed = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
            if failed != 0:
                raise EstimationError("the information matrix is not positive definite.")
            # In place: at 5,000 items every further copy is 200 MB.
            for k in range(0, len(inverse), 256):
                inverse[k : k + 256, k + 256 :] = inverse[k + 256 :, k : k + 256].T
                block = inverse[k : k + 256, k : k + 256]
                above = np.triu_indices(len(block), 1)
                block[above] = block.T[above]
            return inverse
        inverse = self.xp.linalg.inv(matrix)
        # CuPy reports a singular matrix by NaN, not by an exception.
        if not bool(self.xp.all(self.xp.isfinite(inverse))):
            raise EstimationError("the information matrix is not positive definite.")
        return (inverse + inverse.T) / 2


NUMPY = Backend("numpy", np)
"""The backend that is always there."""


def standard_backend(xp: Any, name: str) -> Backend:
    """A backend on any array API namespace whose arrays live on the host (for tests)."""
    return Backend(name, xp)


@cache
def _cupy() -> Backend | None:
    """CuPy's backend where a device answers, else None."""
    try:
        cupy = importlib.import_module("cupy")
        # ``import cupy`` and even some queries succeed without a device: only work is proof.
        if not cupy.is_available() or float(cupy.asarray([1.0, 2.0]).sum()) != 3.0:
            return None
    except Exception:  # CuPy fails in many ways without a driver, and all of them mean "not here"
        return None
    return Backend("cupy", cupy)


def get_backend(name: BackendName | Backend = "auto") -> Backend:
    """The backend called `name`; ``auto`` is CuPy where a device answers and NumPy elsewhere.

    Raises
    ------
    ConfigError
        If the name is unknown, or CuPy is asked for where it does not work.
    """
    if isinstance(name, Backend):
        return name
    if name == "numpy":
        return NUMPY
    if name not in ("auto", "cupy"):
        raise ConfigError(f"unknown backend {name!r}.", todo="Use auto, numpy or cupy.")
    found = _cupy()
    if found is None and name == "cupy":
        raise ConfigError(
            "CuPy is not installed or finds no working CUDA device.",
            todo="Install the extra gpu (pip install .[gpu]) on a machine with a GPU, "
            "or use the backend numpy.",
        )
    return found or NUMPY
