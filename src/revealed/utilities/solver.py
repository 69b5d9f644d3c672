"""Newton's method with Jacobi-preconditioned conjugate gradients, many replicates at once.

Matrix-free: a problem gives its value, gradient and the product of its Hessian with a vector, each
over an array of shape (parameters, replicates). Sparse factorisation fills in completely on random
comparison graphs and loses (Nocedal and Wright 2006, algorithm 7.1, for the truncated inner loop).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from revealed.foundation.backend import Array, Backend
from revealed.foundation.errors import EstimationError

DECREMENT = 1e-8
"""Newton decrement, in nats, below which a fit has converged."""
_SAFE = 1e-4


@dataclass(frozen=True)
class Evaluation:
    """A problem at one point: `value` has shape (replicates,), `gradient` (parameters, replicates).

    ``product`` multiplies the Hessian (or a positive definite stand-in) with an array shaped like
    the gradient; ``diagonal`` is the preconditioner's.
    """

    value: Array
    gradient: Array
    product: Callable[[Array], Array]
    diagonal: Array


class Problem(Protocol):
    """What the solver minimises: a negative log posterior."""

    backend: Backend

    def evaluate(self, theta: Array, *, fisher: bool = False) -> Evaluation:
        """Value and derivatives at `theta`; with `fisher` the curvature is the expected one."""
        ...


class Solution(NamedTuple):
    """Where the iteration stopped, why, and the problem evaluated there."""

    theta: Array
    evaluation: Evaluation
    converged: bool
    iterations: int
    decrement: float


def conjugate_gradients(
    at: Evaluation,
    right: Array,
    backend: Backend,
    tolerance: float,
    limit: int = 1000,
    start: Array | None = None,
) -> tuple[Array, bool]:
    """Solve H x = right for every replicate; returns x and whether H was positive throughout.

    Stops when each replicate's residual, in the norm of the preconditioner, is `tolerance` times
    its right-hand side's.
    """
    xp = backend.xp
    inverse = 1 / at.diagonal
    x = xp.zeros_like(right) if start is None else start
    residual = right if start is None else right - at.product(x)
    scaled = inverse * residual
    direction = scaled
    energy = xp.sum(residual * scaled, axis=0)
    goal = tolerance**2 * xp.sum(right * inverse * right, axis=0)
    for _ in range(limit):
        if bool(xp.all(energy <= goal)):
            break
        image = at.product(direction)
        curvature = xp.sum(direction * image, axis=0)
        # A finished replicate (zero residual) divides 0 by 1, not by 0.
        running = energy > goal
        if bool(xp.any(running & (curvature <= 0))):
            return x, False
        step = xp.where(running, energy / xp.where(running, curvature, 1.0), 0.0)
        x = x + step * direction
        residual = residual - step * image
        scaled = inverse * residual
        before, energy = energy, xp.sum(residual * scaled, axis=0)
        direction = scaled + xp.where(running, energy / xp.where(running, before, 1.0), 0.0) * (
            direction
        )
    return x, True


def minimize(
    problem: Problem,
    theta: Array,
    *,
    fisher: bool = False,
    decrement: float = DECREMENT,
    limit: int = 100,
    last: float = 0.0,
) -> Solution:
    """Minimise from `theta` until every replicate's Newton decrement is below `decrement`.

    Parameters
    ----------
    problem
        The negative log posterior, with shapes as in `Evaluation`.
    fisher
        Use the expected curvature throughout (a lapse makes the observed one indefinite). Without
        it the expected curvature is taken only for a step where the observed one is indefinite or
        its step fails.
    last
        A step whose decrement is below this ends the iteration without another evaluation: the next
        one's would be about its square.
    limit
        Newton iterations; reaching it leaves ``converged`` false.

    Raises
    ------
    EstimationError
        If the objective is not a number.
    """
    backend = problem.backend
    xp = backend.xp
    at = problem.evaluate(theta, fisher=fisher)
    if not bool(xp.all(xp.isfinite(at.value))):
        raise EstimationError("the likelihood is not a number at the start of the fit.")
    nats, tight, iteration = float("inf"), 0.01, 0
    for iteration in range(1, limit + 1):
        step, positive = conjugate_gradients(at, -at.gradient, backend, tight)
        if not positive:
            at = problem.evaluate(theta, fisher=True)
            step, _ = conjugate_gradients(at, -at.gradient, backend, tight)
        slope = xp.sum(at.gradient * step, axis=0)
        nats = float(xp.max(-slope)) / 2
        # An inexact step understates the decrement by about the square of its tolerance.
        if nats <= decrement:
            return Solution(theta, at, True, iteration - 1, nats)
        if nats <= last and positive and not fisher:
            return Solution(theta + step, at, True, iteration, nats)
        length = xp.ones_like(slope)
        for _ in range(40):
            proposed = theta + length * step
            after = problem.evaluate(proposed, fisher=fisher)
            # Near the optimum a full step is safe, and its gain drowns in the sum's rounding.
            allowed = at.value + xp.where(slope < -_SAFE, 1e-4 * length * slope, _SAFE)
            worse = ~(after.value <= allowed)
            if not bool(xp.any(worse)):
                break
            length = xp.where(worse, length / 4, length)
        else:
            return Solution(theta, at, False, iteration, nats)
        theta, at = proposed, after
        # Newton's error squares each time: the inner tolerance follows it, no tighter than needed.
        tight = 0.01 if nats > 0.1 else 0.001
    return Solution(theta, at, False, iteration, nats)
