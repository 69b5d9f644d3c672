"""Negative log posteriors of the utility models, as the solver and the covariances need them.

Each pair contributes x, the standardised difference of its utilities, and is asked in two orders
with z = x + w and z = -x + w, where w is the order effect. Case V has x = u_low - u_high; per-item
variances have x = (u_low - u_high) / s with s² = v_low + v_high and log v ~ N(log 1/2, tau²), so
that s = 1 where the answers say nothing (Thurstone 1927, cases V and III).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from revealed.foundation.backend import Array, Backend, SparseMap

from .comparisons import Pairs
from .likelihood import PROBIT_TO_LOGIT, Link, Terms, terms
from .solver import Evaluation, conjugate_gradients

ORDER_PRECISION = 0.25
"""Prior precision of the order effect (standard deviation 2): keeps a respondent that always takes
the first option finite, and is nothing beside the information of a hundred answers."""
LOG_HALF = math.log(0.5)
# Elements of one array that is worked on at a time on a CPU (128 kB).
_CACHED = 2**14


class PairData:
    """The pairs on a device, with the maps between items and pairs.

    ``difference`` maps utilities (n, R) to pair differences (m, R), ``scatter`` is its transpose.
    """

    def __init__(self, pairs: Pairs, n: int, backend: Backend, *, order_effect: bool = True):
        self.n, self.m, self.backend = n, len(pairs.low), backend
        self.low, self.high = pairs.low, pairs.high
        counts = pairs.n_chosen
        if not order_effect:
            # Without an order effect both orders have the same z up to its sign: half the work.
            counts = np.stack([[counts[0, 0] + counts[1, 1], counts[0, 1] + counts[1, 0]]], axis=0)
        self.orders = counts.shape[0]
        self.counts = counts
        self.n_first = backend.asarray(counts[:, 0, :, None].copy())
        self.n_second = backend.asarray(counts[:, 1, :, None].copy())
        row = np.arange(self.m)
        rows, cols = np.concatenate([row, row]), np.concatenate([pairs.low, pairs.high])
        signs = np.repeat([1.0, -1.0], self.m)
        self.difference = backend.sparse(rows, cols, signs, (self.m, n))
        self.scatter = backend.sparse(cols, rows, signs, (n, self.m))

    @cached_property
    def touch(self) -> SparseMap:
        """The absolute transpose of `difference`: sums over the pairs of each item."""
        entries = self.scatter.matrix.tocoo()
        ones = np.ones(entries.nnz)
        return self.backend.sparse(entries.row, entries.col, ones, self.scatter.shape)

    def terms(self, x: Array, order: Array, link: Link, lapse: float) -> Terms:
        """Likelihood terms of shape (orders, pairs, replicates)."""
        width = max(_CACHED // (self.orders * x.shape[1]), 1)
        if self.backend.name != "numpy" or self.m <= 2 * width:
            return self._terms(x, order, link, lapse, slice(None))
        # A polynomial of degree 22 passes over its array 44 times: pieces stay in the cache.
        parts = [
            self._terms(x[cut, :], order, link, lapse, cut)
            for cut in (slice(k, k + width) for k in range(0, self.m, width))
        ]
        return Terms(
            *(
                np.concatenate([getattr(part, name) for part in parts], axis=1)
                for name in ("log_likelihood", "score", "curvature", "information")
            )
        )

    def _terms(self, x: Array, order: Array, link: Link, lapse: float, cut: slice) -> Terms:
        xp = self.backend.xp
        z = xp.stack([x + order, order - x]) if self.orders == 2 else xp.expand_dims(x, axis=0)
        first, second = self.n_first[:, cut, :], self.n_second[:, cut, :]
        return terms(z, first, second, link, lapse, self.backend)

    def start(self, link: Link) -> np.ndarray:
        """A start near the optimum, (n + 1, 1): one weighted least squares fit of empirical logits.

        Berkson (1955, "Maximum likelihood and minimum chi-square estimates"), with half an answer
        added to either count; a crude one saves half of the Newton steps.
        """
        scale = 1.0 if link == "logit" else PROBIT_TO_LOGIT
        counts = self.counts
        for_low = counts[0, 0] + (counts[1, 1] if self.orders == 2 else 0.0) + 0.5
        for_high = counts[0, 1] + (counts[1, 0] if self.orders == 2 else 0.0) + 0.5
        both = for_low + for_high
        # Answers times p (1 - p), the information of a logit; half an answer each way taken back.
        weight = (both - 1) * for_low * for_high / (both * both)
        logit = np.log(for_low / for_high) / scale
        order = 0.0
        if self.orders == 2:
            chosen = counts.sum(axis=(0, 2)) + 0.5
            order = math.log(chosen[0] / chosen[1]) / scale
        backend = self.backend
        total = backend.asarray(weight[:, None])
        pull = backend.asarray((weight * logit)[:, None])
        right = self.scatter @ pull
        diagonal = self.touch @ total + 0.1

        def product(p: Array) -> Array:
            return self.scatter @ (total * (self.difference @ p)) + 0.1 * p

        system = Evaluation(right[0, :], right, product, diagonal)
        utility, _ = conjugate_gradients(system, right, backend, 0.05)
        return np.append(backend.to_numpy(utility)[:, 0], order)[:, None]

    def fold(self, rows: Array) -> tuple[Array, Array]:
        """Sum over orders, and first order minus second: (pairs, replicates) each."""
        if self.orders == 1:
            return rows[0, ...], rows[0, ...]
        return rows[0, ...] + rows[1, ...], rows[0, ...] - rows[1, ...]


@dataclass(frozen=True)
class Rows:
    """What the covariances need of a model at its optimum, on the host, an entry a pair.

    ``index`` (pairs, q) numbers the parameters that a pair touches and ``design`` (orders, pairs,
    q) holds the derivatives of z; ``score``, ``curvature`` and ``information`` (orders, pairs) are
    the likelihood's in z, itself ``z`` (orders, pairs), ``answers`` (orders, pairs) its counts.
    """

    index: np.ndarray
    design: np.ndarray
    score: np.ndarray
    curvature: np.ndarray
    information: np.ndarray
    z: np.ndarray
    answers: np.ndarray


class CaseV:
    """One variance for all items; parameters (n utilities, order effect).

    Parameters
    ----------
    data
        The pairs.
    link, lapse
        Of the likelihood.
    ridge
        Prior precision of every utility, a number or one a replicate.
    weights
        Weight of each pair in each replicate, shape (pairs, replicates); None is all ones.
    """

    def __init__(
        self,
        data: PairData,
        link: Link,
        lapse: float,
        ridge: float,
        weights: Array | None = None,
    ):
        self.data, self.link, self.lapse, self.ridge = data, link, lapse, ridge
        self.weights, self.backend = weights, data.backend
        self._last: tuple[Array, Terms] | None = None

    def with_ridge(self, ridge: float) -> CaseV:
        """The same model with another ridge; the likelihood where it was last is not lost."""
        model = CaseV(self.data, self.link, self.lapse, ridge, self.weights)
        model._last = self._last
        return model

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.data.n + 1

    def begin(self, theta: Array, shared: Array) -> None:
        """Promise that every replicate of `theta` equals `shared`, shape (n + 1, 1).

        The likelihood there is computed once, for all replicates.
        """
        x = self.data.difference @ shared[:-1, :]
        self._last = theta, self.data.terms(x, shared[-1:, :], self.link, self.lapse)

    def prior_precision(self) -> np.ndarray:
        """Prior precision per parameter."""
        return np.append(np.full(self.data.n, self.ridge), ORDER_PRECISION)

    def weigh(self, rows: Array) -> Array:
        """Rows of shape (pairs, replicates), or (orders, pairs, replicates), times the weights."""
        return rows if self.weights is None else rows * self.weights

    def evaluate(self, theta: Array, *, fisher: bool = False) -> Evaluation:
        """Value, gradient and Hessian product at (n + 1, replicates)."""
        data, xp, ridge = self.data, self.backend.xp, self.ridge
        utility, order = theta[:-1, :], theta[-1:, :]
        if self._last is None or self._last[0] is not theta:
            x = data.difference @ utility
            self._last = theta, data.terms(x, order, self.link, self.lapse)
        found = self._last[1]
        curvature = found.information if fisher else found.curvature
        both, one_way = (self.weigh(rows) for rows in data.fold(found.score))
        total, cross = (self.weigh(rows) for rows in data.fold(curvature))
        likelihood = xp.sum(self.weigh(found.log_likelihood), axis=(0, 1))
        prior = ridge * xp.sum(utility * utility, axis=0) + ORDER_PRECISION * order[0, :] ** 2
        asked = data.orders == 2
        gradient_order = ORDER_PRECISION * order - (
            xp.sum(both, axis=0, keepdims=True) if asked else 0.0
        )
        gradient = xp.concat([ridge * utility - data.scatter @ one_way, gradient_order], axis=0)
        corner = (xp.sum(total, axis=0, keepdims=True) if asked else 0 * order) + ORDER_PRECISION
        # The order effect's column of the Hessian: a vector, so that a product needs one pass.
        border = data.scatter @ cross if asked else 0 * utility

        def product(p: Array) -> Array:
            q, p_order = p[:-1, :], p[-1:, :]
            inner = data.scatter @ (total * (data.difference @ q))
            return xp.concat(
                [
                    inner + border * p_order + ridge * q,
                    xp.sum(border * q, axis=0, keepdims=True) + corner * p_order,
                ],
                axis=0,
            )

        # With a lapse the observed curvature of a surprising answer is negative; the expected one,
        # which preconditions, never is.
        expected = total
        if self.lapse > 0 and not fisher:
            expected = self.weigh(data.fold(found.information)[0])
        at_order = xp.sum(expected, axis=0, keepdims=True) if asked else 0 * order
        diagonal = xp.concat([data.touch @ expected + ridge, at_order + ORDER_PRECISION], axis=0)
        return Evaluation(prior / 2 - likelihood, gradient, product, diagonal)

    def rows(self, theta: np.ndarray) -> Rows:
        """Scores and design of every pair at `theta`, shape (n + 1,)."""
        data = self.data
        point = self.backend.asarray(theta[:, None])
        x = data.difference @ point[:-1, :]
        found = data.terms(x, point[-1:, :], self.link, self.lapse)
        one = np.ones(data.m)
        index = np.stack([data.low, data.high, np.full(data.m, data.n)], axis=1)
        design = np.stack([one, -one, one], axis=1)[None]
        if data.orders == 2:
            design = np.concatenate([design, np.stack([-one, one, one], axis=1)[None]])
        else:
            design = design * np.array([1.0, 1.0, 0.0])
        return _rows(data, index, design, found, self.backend.to_numpy(x)[:, 0], theta[-1])

    def information(self, theta: np.ndarray, *, fisher: bool = False) -> np.ndarray:
        """Hessian of the negative log posterior as a dense host matrix."""
        rows = self.rows(theta)
        weight = rows.information if fisher else rows.curvature
        n, low, high = self.data.n, self.data.low, self.data.high
        total = weight.sum(axis=0)
        dense = np.zeros((n + 1, n + 1))
        dense[low, high] = dense[high, low] = -total
        touched = np.bincount(low, total, n) + np.bincount(high, total, n)
        if self.data.orders == 2:
            cross = weight[0] - weight[1]
            dense[:n, n] = np.bincount(low, cross, n) - np.bincount(high, cross, n)
            dense[n, :n] = dense[:n, n]
            touched = np.append(touched, total.sum())
        else:
            touched = np.append(touched, 0.0)
        dense[np.arange(n + 1), np.arange(n + 1)] = touched + self.prior_precision()
        return dense


class ItemVariances:
    """A variance for each item; parameters (n utilities, order effect, n log-variances).

    Parameters
    ----------
    data, link, lapse, ridge
        As for `CaseV`.
    tau
        Standard deviation of log v around log 1/2 under the prior. Without a prior single
        variances run away (separation in the variances), however many answers there are.
    """

    def __init__(self, data: PairData, link: Link, lapse: float, ridge: float, tau: float):
        self.data, self.link, self.lapse, self.ridge, self.tau = data, link, lapse, ridge, tau
        self.backend = data.backend
        self._low, self._high = (data.backend.asarray(side) for side in (data.low, data.high))
        pair = np.arange(2 * data.m)
        self._gather = data.backend.sparse(
            np.concatenate([data.low, data.high]), pair, np.ones(2 * data.m), (data.n, 2 * data.m)
        )

    @property
    def size(self) -> int:
        """Number of parameters."""
        return 2 * self.data.n + 1

    def prior_precision(self) -> np.ndarray:
        """Prior precision per parameter."""
        n = self.data.n
        return np.concatenate([np.full(n, self.ridge), [ORDER_PRECISION], np.full(n, self.tau**-2)])

    def _geometry(self, theta: Array) -> tuple[Array, Array, Array, Array]:
        """x, 1/s and the shares of s² that are the low and the high item's: (pairs, 1) each."""
        xp, n = self.backend.xp, self.data.n
        variance = xp.exp(theta[n + 1 :, :])
        low, high = (xp.take(variance, side, axis=0) for side in (self._low, self._high))
        square = low + high
        inverse = 1 / xp.sqrt(square)
        x = (self.data.difference @ theta[:n, :]) * inverse
        return x, inverse, low / square, high / square

    def evaluate(self, theta: Array, *, fisher: bool = False) -> Evaluation:
        """Value, gradient and Hessian product at (2 n + 1, 1).

        With q the item's share of s²: dx/du = ±1/s, dx/d log v = -x q / 2, and the second
        derivatives of x are -(±1/s) q / 2 for (u, log v), (3/4) x q q' for two items' log v and
        x (q²/4 - q q'/2) for one's.
        """
        data, xp, n = self.data, self.backend.xp, self.data.n
        x, inverse, share_low, share_high = self._geometry(theta)
        utility, order, spread = theta[:n, :], theta[n : n + 1, :], theta[n + 1 :, :] - LOG_HALF
        found = data.terms(x, order, self.link, self.lapse)
        both, one_way = data.fold(found.score)
        total, cross = data.fold(found.information if fisher else found.curvature)
        asked, tightness = data.orders == 2, self.tau**-2
        if not asked:
            cross = 0 * cross
        # Weight of the second derivatives of x; the expected curvature has none of them.
        bend = 0 * one_way if fisher else one_way
        value = (
            self.ridge * xp.sum(utility * utility, axis=0)
            + ORDER_PRECISION * order[0, :] ** 2
            + tightness * xp.sum(spread * spread, axis=0)
        ) / 2 - xp.sum(found.log_likelihood, axis=(0, 1))

        def assemble(along: Array, at_order: Array, low: Array, high: Array) -> Array:
            return xp.concat(
                [data.scatter @ along, at_order, self._gather @ xp.concat([low, high], axis=0)],
                axis=0,
            )

        prior = xp.concat(
            [self.ridge * utility, ORDER_PRECISION * order, tightness * spread], axis=0
        )
        slope_low, slope_high = -x * share_low / 2, -x * share_high / 2
        pull = xp.sum(both, axis=0, keepdims=True) if asked else 0 * order
        gradient = prior - assemble(
            one_way * inverse, pull, one_way * slope_low, one_way * slope_high
        )
        corner = xp.sum(total, axis=0, keepdims=True) if asked else 0 * order
        mixed = 0.75 * x * share_low * share_high
        own_low = x * (share_low**2 / 4 - share_low * share_high / 2)
        own_high = x * (share_high**2 / 4 - share_low * share_high / 2)
        precision = self.backend.asarray(self.prior_precision()[:, None])

        def product(p: Array) -> Array:
            p_order = p[n : n + 1, :]
            p_low, p_high = (
                xp.take(p[n + 1 :, :], side, axis=0) for side in (self._low, self._high)
            )
            p_difference = (data.difference @ p[:n, :]) * inverse
            dx = p_difference + slope_low * p_low + slope_high * p_high
            t = total * dx + cross * p_order
            half = bend / 2
            return precision * p + assemble(
                (t + half * (share_low * p_low + share_high * p_high)) * inverse,
                xp.sum(cross * dx, axis=0, keepdims=True) + corner * p_order,
                t * slope_low
                + half * share_low * p_difference
                - bend * (mixed * p_high + own_low * p_low),
                t * slope_high
                + half * share_high * p_difference
                - bend * (mixed * p_low + own_high * p_high),
            )

        # The preconditioner stays positive whatever the second derivatives of x do.
        weight, _ = data.fold(found.information)
        diagonal = precision + xp.concat(
            [
                data.touch @ (weight * inverse**2),
                xp.sum(weight, axis=0, keepdims=True) if asked else 0 * order,
                self._gather @ xp.concat([weight * slope_low**2, weight * slope_high**2], axis=0),
            ],
            axis=0,
        )
        return Evaluation(value, gradient, product, diagonal)

    def rows(self, theta: np.ndarray) -> Rows:
        """Scores and design of every pair at `theta`, shape (2 n + 1,)."""
        data, backend, n = self.data, self.backend, self.data.n
        point = backend.asarray(theta[:, None])
        geometry = self._geometry(point)
        found = data.terms(geometry[0], point[n : n + 1, :], self.link, self.lapse)
        x, inverse, share_low, share_high = (backend.to_numpy(part)[:, 0] for part in geometry)
        index = np.stack(
            [data.low, data.high, np.full(data.m, n), n + 1 + data.low, n + 1 + data.high], axis=1
        )
        asked = np.full(data.m, float(data.orders == 2))
        slopes = [inverse, -inverse, asked, -x * share_low / 2, -x * share_high / 2]
        design = np.stack(slopes, axis=1)[None]
        if data.orders == 2:
            design = np.concatenate([design, design * np.array([-1.0, -1.0, 1.0, -1.0, -1.0])])
        return _rows(data, index, design, found, x, theta[n])

    def information(self, theta: np.ndarray, *, fisher: bool = False) -> np.ndarray:
        """Hessian of the negative log posterior as a dense host matrix."""
        rows = self.rows(theta)
        weight = rows.information if fisher else rows.curvature
        blocks = np.einsum("omp,om,omq->mpq", rows.design, weight, rows.design)
        if not fisher:
            n = self.data.n
            _, inverse, low, high = (
                self.backend.to_numpy(part)[:, 0]
                for part in self._geometry(self.backend.asarray(theta[:, None]))
            )
            bend = rows.score[0] - (rows.score[1] if self.data.orders == 2 else 0.0)
            x = rows.design[0, :, 0] * (theta[:n][self.data.low] - theta[:n][self.data.high])
            for k, share in ((3, low), (4, high)):
                for side, sign in ((0, 1.0), (1, -1.0)):
                    second = -sign * inverse * share / 2
                    blocks[:, k, side] -= bend * second
                    blocks[:, side, k] -= bend * second
                blocks[:, k, k] -= bend * x * (share**2 / 4 - low * high / 2)
            blocks[:, 3, 4] -= bend * 0.75 * x * low * high
            blocks[:, 4, 3] -= bend * 0.75 * x * low * high
        q = rows.index.shape[1]
        code = (rows.index[:, :, None] * self.size + rows.index[:, None, :]).reshape(-1, q * q)
        dense = np.bincount(code.ravel(), blocks.ravel(), self.size**2)
        dense = dense.reshape(self.size, self.size)
        dense[np.arange(self.size), np.arange(self.size)] += self.prior_precision()
        return dense


def _rows(
    data: PairData,
    index: np.ndarray,
    design: np.ndarray,
    found: Terms,
    x: np.ndarray,
    order: float,
) -> Rows:
    """`Rows` from device terms of shape (orders, pairs, 1)."""
    host = data.backend.to_numpy
    return Rows(
        index=index,
        design=design,
        score=host(found.score)[:, :, 0],
        curvature=host(found.curvature)[:, :, 0],
        information=host(found.information)[:, :, 0],
        z=np.stack([x + order, order - x]) if data.orders == 2 else x[None],
        answers=data.counts.sum(axis=1),
    )
