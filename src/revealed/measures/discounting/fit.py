"""One likelihood over all cells of the discounting experiment (METHODS 9).

    P(first) = (1 - l) F(s [value(first) - value(second)] + w) + l / 2
    value(A, t) = ln A + ln D(t; k (base / typical base)^g)

F is the probit (or logit), s the precision (utility of an e-fold of money), w the order effect, l
the lapse, and g how the rate moves with the size of the sum (the magnitude effect). Counts are of
choices only: a refusal is no vote for "now". Fits are posterior modes under weak normal priors,
which vanish beside a hundred cells; with ``prior=0`` they are maximum likelihood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

from ...foundation.errors import EstimationError
from ..intervals import Array
from .curves import CURVES, Curve, CurveName

Link = Literal["probit", "logit"]

# Precision, order effect, lapse (logit) and magnitude: centre and sd of the weak priors.
_SHARED: tuple[tuple[str, float, float], ...] = (
    ("log_precision", np.log(4.0), 1.5),
    ("order_effect", 0.0, 2.0),
    ("logit_lapse", -3.5, 1.0),
    ("magnitude", 0.0, 1.0),
)


@dataclass(frozen=True)
class Cells:
    """Answers to cells, one row an order of a cell; all arrays have shape (rows,).

    ``sooner_first`` is +1 where the sooner option was listed first, else -1; ``later`` and
    ``total`` count choices of the later option and all choices; ``cell`` numbers the pairs.
    """

    start: Array
    gap: Array
    base: Array
    ratio: Array
    sooner_first: Array
    later: Array
    total: Array
    cell: NDArray[np.int64]
    block: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.cell)

    def take(self, rows: NDArray[np.bool_]) -> Cells:
        """The cells of these rows."""
        return Cells(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})

    @property
    def n_cells(self) -> int:
        """Number of different cells."""
        return len(np.unique(self.cell))


def cells(choices: pd.DataFrame, pairs: pd.DataFrame) -> Cells:
    """Counts of the two-date cells, by the order of listing; cells without a choice are left out.

    Parameters
    ----------
    choices
        Schema `CHOICES`, one respondent.
    pairs
        The instrument's pairs: columns sooner, later, block, start, gap, base, ratio.
    """
    dated = pairs[pairs["block"] != "dominance"].reset_index(drop=True)
    sides = []
    for flag, one, two in ((1.0, "sooner", "later"), (-1.0, "later", "sooner")):
        named = dated.assign(sooner_first=flag, cell=np.arange(len(dated)))
        merged = named.merge(choices, left_on=[one, two], right_on=["first", "second"])
        merged["chose_later"] = merged["n_second"] if flag > 0 else merged["n_first"]
        sides.append(merged)
    rows = pd.concat(sides, ignore_index=True)
    rows["total"] = rows["n_first"] + rows["n_second"]
    rows = rows[rows["total"] > 0].sort_values(["cell", "sooner_first"], kind="stable")
    numbers = {
        name: rows[column].to_numpy(float)
        for name, column in (
            ("start", "start"), ("gap", "gap"), ("base", "base"), ("ratio", "ratio"),
            ("sooner_first", "sooner_first"), ("later", "chose_later"), ("total", "total"),
        )
    }  # fmt: skip
    return Cells(
        **numbers, cell=rows["cell"].to_numpy(np.int64), block=rows["block"].to_numpy(object)
    )


@dataclass(frozen=True)
class DiscountFit:
    """A fitted curve.

    ``theta`` holds the curve's parameters, then log_precision, order_effect (towards the option
    listed first), logit_lapse and magnitude; ``free`` marks those that were estimated.
    """

    curve: Curve
    link: Link
    theta: Array
    free: NDArray[np.bool_]
    names: tuple[str, ...]
    data: Cells
    typical: float
    prior: float
    log_likelihood: float
    converged: bool
    covariance: Array = field(repr=False)
    """Pair-clustered (CR3), shape (p, p); zero in fixed parameters."""
    laplace: Array = field(repr=False)

    def log_discount(self, months: Array, base: float | None = None) -> tuple[Array, Array]:
        """ln D and its Jacobian in all parameters, for a sum of `base` (default: the typical)."""
        months = np.asarray(months, float)
        size = 0.0 if base is None else math.log(base / self.typical)
        return _log_discount(self.curve, self.theta, months, np.full(len(months), size))

    @property
    def freedom(self) -> float:
        """Cells less parameters: what the clustered standard errors rest on."""
        return max(2.0, self.data.n_cells - float(self.free.sum()))

    def interval(self, value: float, gradient: Array) -> tuple[float, float]:
        """95 % interval of a function of the parameters, by Student's t.

        The standard error is the larger of the clustered one and the Laplace one.
        """
        half = self.se(gradient) * float(stats.t.ppf(0.975, self.freedom))
        return value - half, value + half

    def se(self, gradient: Array) -> float:
        """Standard error of a function of the parameters."""
        both = [float(gradient @ v @ gradient) for v in (self.covariance, self.laplace)]
        return math.sqrt(max(0.0, *both))

    def value(self, name: str) -> tuple[float, Array]:
        """A parameter and its gradient."""
        place = self.names.index(name)
        return float(self.theta[place]), np.eye(len(self.theta))[place]

    @cached_property
    def indifference(self) -> Array:
        """Monthly ln rate at which each cell would be even: ln(ratio) / gap."""
        return np.asarray(np.log(self.data.ratio) / self.data.gap)


def _log_discount(curve: Curve, theta: Array, t: Array, size: Array) -> tuple[Array, Array]:
    """ln D (m,) and its Jacobian (m, p); `size` is ln(base / typical base)."""
    own = len(curve.parameters)
    magnitude = theta[own + 3]
    value, jacobian = np.empty(len(t)), np.zeros((len(t), len(theta)))
    for level in np.unique(size):
        rows = size == level
        shifted = theta[:own].copy()
        shifted[0] += magnitude * level
        value[rows], own_part = curve.log_discount(shifted, t[rows])
        jacobian[np.ix_(rows, np.arange(own))] = own_part
        jacobian[rows, own + 3] = own_part[:, 0] * level
    return value, jacobian


def _z(curve: Curve, theta: Array, c: Cells, size: Array) -> tuple[Array, Array]:
    """Argument of F for "chooses the later option", and its Jacobian."""
    own = len(curve.parameters)
    near, near_jacobian = _log_discount(curve, theta, c.start, size)
    far, far_jacobian = _log_discount(curve, theta, c.start + c.gap, size)
    gain = np.log(c.ratio) + far - near
    precision = np.exp(theta[own])
    z = precision * gain - theta[own + 1] * c.sooner_first
    jacobian = precision * (far_jacobian - near_jacobian)
    jacobian[:, own] = precision * gain
    jacobian[:, own + 1] = -c.sooner_first
    return z, jacobian


def _chance(z: Array, lapse: float, link: Link) -> tuple[Array, Array, Array]:
    """P(later), dP/dz and dP/d(logit lapse)."""
    if link == "probit":
        core, density = special.ndtr(z), np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    else:
        core = special.expit(z)
        density = core * (1.0 - core)
    p = (1.0 - lapse) * core + lapse / 2.0
    return p, (1.0 - lapse) * density, (0.5 - core) * lapse * (1.0 - lapse)


def probability(fit: DiscountFit, c: Cells) -> Array:
    """P(later option chosen) of each row of `c`, shape (rows,)."""
    return _predict(fit.curve, fit.theta, fit.link, c, fit.typical)


def _predict(curve: Curve, theta: Array, link: Link, c: Cells, typical: float) -> Array:
    z, _ = _z(curve, theta, c, np.asarray(np.log(c.base / typical)))
    return _chance(z, float(special.expit(theta[-2])), link)[0]


def heldout_rows(c: Cells, held: NDArray[np.bool_], whole: DiscountFit) -> Array:
    """Log-likelihood of the choices in the rows `held`, by a fit to all other rows.

    `whole` is the fit to all rows: it says which curve, and where the search starts.
    """
    curve, typical = whole.curve, whole.typical
    problem = Problem(
        c.take(~held), curve.name, link=whole.link, prior=whole.prior, typical=typical
    )
    theta = problem.solve(whole.theta)
    seen = c.take(held)
    p = np.clip(_predict(curve, theta, whole.link, seen, typical), 1e-12, 1.0 - 1e-12)
    return np.asarray(seen.later * np.log(p) + (seen.total - seen.later) * np.log1p(-p))


def fit_curve(
    c: Cells,
    curve: CurveName = "exponential",
    *,
    link: Link = "probit",
    lapse: float | None = None,
    magnitude: float | None = None,
    prior: float = 1.0,
) -> DiscountFit:
    """Fit one discount curve.

    Parameters
    ----------
    lapse, magnitude
        Held at this value; by default estimated.
    prior
        Weight of the weak priors; 0 is maximum likelihood.

    Raises
    ------
    EstimationError
        If there are fewer cells than parameters, or every choice is of one kind: then the curve is
        not identified and only a bound is known (`bound`).
    """
    problem = Problem(c, curve, link=link, lapse=lapse, magnitude=magnitude, prior=prior)
    theta = problem.solve()
    return problem.fitted(theta)


class Problem:
    """The objective of one fit: minus the log posterior, with its gradient."""

    def __init__(
        self, c: Cells, curve: CurveName, *, link: Link = "probit", lapse: float | None = None,
        magnitude: float | None = None, prior: float = 1.0, typical: float | None = None,
    ):  # fmt: skip
        self.curve, self.link, self.data, self.prior = CURVES[curve], link, c, prior
        own = len(self.curve.parameters)
        self.names = (*self.curve.parameters, *(name for name, _, _ in _SHARED))
        self.free = np.ones(len(self.names), bool)
        self.centre = np.array([*self.curve.start, *(centre for _, centre, _ in _SHARED)])
        self.fixed = self.centre.copy()
        sd = np.array([*self.curve.prior_sd, *(sd for _, _, sd in _SHARED)])
        if lapse is not None:
            self.free[own + 2] = False
            self.fixed[own + 2] = special.logit(lapse)
        if magnitude is not None or len(np.unique(c.base)) < 2:
            self.free[own + 3] = False
            self.fixed[own + 3] = magnitude or 0.0
        if c.n_cells < self.free.sum() + 2:
            raise EstimationError(f"{c.n_cells} cells with choices; the curve {curve} needs more.")
        if not 0.0 < c.later.sum() < c.total.sum():
            raise EstimationError("every choice is of one kind; no discount curve is identified.")
        self.weight = prior / sd[self.free] ** 2
        self.typical = typical or float(np.exp(np.log(np.unique(c.base)).mean()))
        self._size = np.log(c.base / self.typical)

    def whole(self, part: Array) -> Array:
        """All parameters from the free ones."""
        full = self.fixed.copy()
        full[self.free] = part
        return full

    def scores(self, full: Array) -> tuple[float, Array, Array]:
        """Log-likelihood; score of each row (m, p); and rows (m, p) whose cross product is the
        expected information. Columns are the free parameters."""
        c, lapse_at = self.data, len(self.curve.parameters) + 2
        z, jacobian = _z(self.curve, full, c, self._size)
        p, dz, dl = _chance(z, float(special.expit(full[lapse_at])), self.link)
        p = np.clip(p, 1e-12, 1.0 - 1e-12)
        slope = jacobian * dz[:, None]
        slope[:, lapse_at] = dl
        slope = slope[:, self.free]
        value = float((c.later * np.log(p) + (c.total - c.later) * np.log1p(-p)).sum())
        each = ((c.later - c.total * p) / (p * (1.0 - p)))[:, None] * slope
        return value, each, np.sqrt(c.total / (p * (1.0 - p)))[:, None] * slope

    def objective(self, part: Array) -> tuple[float, Array]:
        """Minus the log posterior and its gradient in the free parameters."""
        value, each, _ = self.scores(self.whole(part))
        away = part - self.centre[self.free]
        loss = -value + 0.5 * float(self.weight @ away**2)
        return loss, -each.sum(axis=0) + self.weight * away

    def solve(self, start: Array | None = None) -> Array:
        """The mode, all parameters; from `start` alone, or from three rates."""
        if start is not None:
            return self.whole(self._descend(start[self.free])[1])
        rate = self.centre[0]
        ends = []
        # Where all cells lie on one side of the start, the objective is flat in the rate there.
        for tried in (rate, rate - 3.0, rate + 3.0):
            begin = self.fixed[self.free].copy()
            begin[0] = tried
            ends.append(self._descend(begin))
        return self.whole(min(ends, key=lambda end: end[0])[1])

    def _descend(self, begin: Array) -> tuple[float, Array]:
        options = {"gtol": 1e-7, "maxiter": 500}
        found = optimize.minimize(self.objective, begin, jac=True, method="BFGS", options=options)
        return float(found.fun), np.asarray(found.x)

    def fitted(self, theta: Array) -> DiscountFit:
        """The fit at `theta`, with its covariances."""
        part = theta[self.free]
        value, each, root = self.scores(theta)
        bread = root.T @ root + np.diag(self.weight)
        place = np.ix_(self.free, self.free)
        clustered, plain = (np.zeros((len(theta),) * 2) for _ in range(2))
        clustered[place] = _clustered(each, root, bread, self.data.cell)
        plain[place] = _inverse(bread)
        gradient = self.objective(part)[1]
        return DiscountFit(
            self.curve, self.link, theta, self.free, self.names, self.data, self.typical,
            self.prior, value, bool(np.abs(gradient).max() < 1e-3), clustered, plain,
        )  # fmt: skip


def _inverse(matrix: Array) -> Array:
    """Inverse of an information matrix; a direction without information gets a large variance."""
    values, vectors = np.linalg.eigh(matrix)
    floor = max(float(values.max()), 1e-12) * 1e-12
    return np.asarray((vectors / np.maximum(values, floor)) @ vectors.T)


def _clustered(each: Array, root: Array, bread: Array, cell: NDArray[np.int64]) -> Array:
    """CR3: the sum over cells of the squared one-step change of leaving a cell out.

    As MacKinnon and White 1985 for single rows, with a cell's two orders kept together.
    """
    total = np.zeros_like(bread)
    groups = np.unique(cell)
    for one in groups:
        rows = cell == one
        left = bread - root[rows].T @ root[rows]
        change = _inverse(left) @ each[rows].sum(axis=0)
        total += np.outer(change, change)
    m = len(groups)
    return total * (m - 1) / m
