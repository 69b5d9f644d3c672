"""Quantity curves inside the pairwise likelihood: two parameters a good, not a utility an item.

An item is a quantity N of a good X, or an amount of dollars. With x = ln N - mean ln N of the grid,

    u(N of X)  = sign (b_X + a x)        curve "common": one slope
               = sign (b_X + a_X x)      curve "per_good": a slope a good
               = sign (b_X + f(x))       curve "spline": one increasing f
    u($)       = c + d ln $              or c + an increasing function of ln $
    P(first)   = (1 - l) F(u_first - u_second + w) + l/2

(METHODS 8; Mazeika et al. 2025, arXiv 2502.08640, fit a free utility an item and a line to it
afterwards). ``sign`` is -1 where less is better (deaths): b_X and the curve are then badness, so a
larger b_X always means that a unit of X weighs more.

Priors, all weak: b and c ~ N(0, 1/ridge) (default: a standard deviation of 10 on the probit scale),
each slope ~ N(0, 1/ridge); the spline's log coefficients have level N(ln 1/2, 3^2) and differ from
their neighbours by N(0, 1), which pulls towards the straight line and not towards another slope.
No empirical Bayes: its shrinkage would pull every price to the mean and ruin coverage a good.

Intervals come from the pair-clustered HC3 sandwich (ESTIMATION.md). Where every answer is
predicted with certainty the sandwich is zero by construction, and the prior's Laplace covariance
is used instead (``separated`` says so).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pandas as pd
from scipy import linalg

from ..foundation.errors import EstimationError
from .comparisons import Comparisons
from .curve_model import Array, Curve, Dollars, Grid, Index, Model, build_model, grid_of
from .curve_newton import Answered, misfit_variance, newton, pairs_of, sandwich, with_effects
from .likelihood import Link, probability
from .monotone import MonotoneBasis

WEAK_RIDGE = 0.01


@dataclass(frozen=True)
class CurveFit:
    """A fitted quantity curve.

    ``theta`` = (b of every good, slope block, c and d of the dollar curve, order effect w);
    ``covariance`` is the pair-clustered HC3 sandwich of theta (p x p), ``laplace_covariance`` the
    inverse penalised Hessian. ``first``, ``second`` index ``grid.items``; ``misfit_variance`` is
    the moment estimate of the extra variance of a pair on the latent scale, ``item_sd`` the
    standard deviation of items about their curves (0 where not fitted). ``heldout`` is the mean
    log-loss in nats an answer on held-out pairs, where some were given.
    """

    grid: Grid
    curve: Curve
    dollars: Dollars
    link: Link
    lapse: float
    ridge: float
    theta: Array
    covariance: Array
    laplace_covariance: Array
    log_likelihood: float
    converged: bool
    iterations: int
    decrement: float
    separated: bool
    misfit_variance: float
    item_sd: float
    n_pairs: int
    first: Index
    second: Index
    n_first: Array
    n_second: Array
    model: Model
    heldout: float | None = None

    @property
    def goods(self) -> tuple[str, ...]:
        """Names of the goods, in the order of ``b``."""
        return self.grid.goods

    @property
    def b(self) -> Array:
        """Utility (probit units, up to a common constant) of each good at the grid's centre."""
        return self.theta[self.model.b]

    @property
    def a(self) -> Array:
        """Slope of each good at the grid's centre, utility per unit of ln N."""
        return self.slope_at(np.zeros(len(self.goods)))[0]

    @property
    def a_se(self) -> Array:
        """Standard error of ``a``."""
        jacobian = self.slope_at(np.zeros(len(self.goods)))[1]
        return np.asarray(np.sqrt(np.einsum("gp,pq,gq->g", jacobian, self.covariance, jacobian)))

    @property
    def order_effect(self) -> float:
        """w, on the scale of the link."""
        return float(self.theta[-1])

    @property
    def order_effect_se(self) -> float:
        """Standard error of w."""
        return float(np.sqrt(self.covariance[-1, -1]))

    @property
    def dollar_slope(self) -> float | None:
        """d at the centre of the dollar grid, utility per unit of ln $ (None without dollars)."""
        if not self.grid.has_dollars:
            return None
        return float(self._curve(np.zeros(1), self.model.dollar, self.model.dollar_basis)[1][0])

    @property
    def dollar_slope_z(self) -> float:
        """The dollar curve's slope at its centre in standard errors (0 without dollars)."""
        if not self.grid.has_dollars:
            return 0.0
        _, slope, _, g = self._curve(np.zeros(1), self.model.dollar, self.model.dollar_basis)
        return float(slope[0] / np.sqrt(g[0] @ self.covariance @ g[0]))

    @property
    def on_curve(self) -> Array:
        """Utility of every item of the grid by its curve alone, without item effects."""
        theta = self.theta.copy()
        theta[self.model.effect] = 0.0
        return np.asarray(self.model.design @ self.model.transform(theta))

    @property
    def utility(self) -> Array:
        """Fitted utility of every item of the grid, its own deviation included."""
        return np.asarray(self.model.design @ self.model.transform(self.theta))

    def predict(self, first: Index, second: Index) -> Array:
        """P(first chosen) for pairs of positions in ``grid.items``."""
        u = self.utility
        z = u[first] - u[second] + self.order_effect
        return np.asarray(probability(z, self.link, self.lapse))

    def _curve(
        self, x: Array, where: slice, basis: MonotoneBasis | None
    ) -> tuple[Array, Array, Array, Array]:
        """f, f', df/dtheta and df'/dtheta (each len(x) x p) at centred log quantities `x`."""
        value = basis.value(x) if basis else np.asarray(x, dtype=float)[:, None]
        slope = basis.slope(x) if basis else np.ones((len(x), 1))
        if self.curve == "per_good" and where == self.model.slope:
            value = np.diag(value[:, 0])
            slope = np.eye(len(x))
        t = self.model.transform(self.theta)[where]
        inner = self.model.derivative(self.theta)[where]
        d_value, d_slope = np.zeros((2, len(x), len(self.theta)))
        d_value[:, where], d_slope[:, where] = value * inner, slope * inner
        return np.asarray(value @ t), np.asarray(slope @ t), d_value, d_slope

    def slope_at(self, x: Array) -> tuple[Array, Array]:
        """Slope of good g's curve at ``x[g]``, and its gradient in theta (goods x p)."""
        _, slope, _, gradient = self._curve(x, self.model.slope, self.model.basis)
        return slope, gradient

    def worth_at(self, x: Array) -> tuple[Array, Array]:
        """Worth b_g + f_g(x[g]) of every good at centred ln N, and its gradient (goods x p)."""
        value, _, gradient, _ = self._curve(x, self.model.slope, self.model.basis)
        gradient[:, self.model.b] += np.eye(len(self.goods))
        return self.b + value, gradient

    def quantity_at(self, level: Array, gradient: Array) -> tuple[Array, Array]:
        """Centred ln N at which good g's worth b_g + f_g reaches ``level[g]``.

        `gradient` is d level / d theta (goods x p). Returns the centred ln N and its own gradient.
        The inverse of one curve, hence log prices that agree whatever the pivot.
        """
        need = level - self.b
        x = self._inverse(need, self.model.slope, self.model.basis)
        _, slope, d_value, _ = self._curve(x, self.model.slope, self.model.basis)
        d_need = gradient.copy()
        d_need[:, self.model.b] -= np.eye(len(self.goods))
        return x, (d_need - d_value) / slope[:, None]

    def dollars_at(self, level: Array, gradient: Array) -> tuple[Array, Array]:
        """ln $ (not centred) whose utility is `level`, with its gradient in theta.

        Raises
        ------
        EstimationError
            If no dollar amounts were among the items.
        """
        if not self.grid.has_dollars:
            raise EstimationError("there are no dollar amounts among the items.")
        c = self.model.slope.stop
        need = level - self.theta[c]
        x = self._inverse(need, self.model.dollar, self.model.dollar_basis)
        _, slope, d_value, _ = self._curve(x, self.model.dollar, self.model.dollar_basis)
        d_need = gradient.copy()
        d_need[:, c] -= 1.0
        return x + self.grid.dollar_center, (d_need - d_value) / slope[:, None]

    def _inverse(self, need: Array, where: slice, basis: MonotoneBasis | None) -> Array:
        if basis is None:
            return np.asarray(need / self._curve(np.zeros(len(need)), where, None)[1])
        low, high = np.full(len(need), -200.0), np.full(len(need), 200.0)
        for _ in range(80):
            middle = (low + high) / 2.0
            short = self._curve(middle, where, basis)[0] < need
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return np.asarray((low + high) / 2.0)


def _rows(c: Comparisons, grid: Grid) -> tuple[Index, Index, Array, Array]:
    """Rows of `c` between items of the grid, re-indexed to it."""
    place = {item: i for i, item in enumerate(grid.items)}
    to_grid = np.array([place.get(item, -1) for item in c.items], dtype=np.intp)
    first, second = to_grid[c.first], to_grid[c.second]
    keep = (first >= 0) & (second >= 0) & (c.n > 0)
    return first[keep], second[keep], c.n_first[keep], c.n_second[keep]


def fit_curve(
    c: Comparisons,
    items: pd.DataFrame,
    curve: Curve = "common",
    *,
    dollars: Dollars = "log",
    link: Link = "probit",
    lapse: float = 0.0,
    order_effect: bool = True,
    ridge: float = WEAK_RIDGE,
    reference: Sequence[str] | None = None,
    item_effects: bool = False,
    holdout: Comparisons | None = None,
) -> CurveFit:
    """Fit a quantity curve by penalised maximum likelihood (Newton, to a decrement of 1e-8 nats).

    Parameters
    ----------
    c
        Counted answers, a row a pair and order; rows with other items are left out.
    items
        The instrument's items (`grid_of`).
    lapse
        Share of answers given at random, fixed.
    reference
        Goods whose mean is the zero of log prices; default: all that are not placebos.
    item_effects
        Give each item its own deviation from the curve, N(0, sd^2) with sd by empirical Bayes.
        Intervals that assume a respondent to be exactly on the curve are too short if it is not.
        Slower: for the last fit, not for choosing pairs.

    Raises
    ------
    EstimationError
        If no answers remain, or the grid cannot carry a curve.
    """
    if curve not in get_args(Curve) or dollars not in get_args(Dollars):
        raise EstimationError(f"unknown curve {curve!r} or dollar curve {dollars!r}.")
    grid = grid_of(items, reference)
    first, second, n_first, n_second = _rows(c, grid)
    if not len(first):
        raise EstimationError("no answered comparison between goods or dollars.")
    order_effect = order_effect and c.order_told
    model = build_model(grid, curve, dollars, ridge, order_effect)
    answered = Answered(first, second, n_first, n_second, link, lapse, float(order_effect))
    theta = np.zeros(model.design.shape[1])
    theta[model.slope] = theta[model.dollar] = 0.5
    theta[model.exponential] = np.log(0.5)
    found = newton(model, answered, theta)
    sd = 0.0
    if item_effects:
        model, found, sd = with_effects(model, answered, found.theta)

    laplace = linalg.inv(found.hessian)
    laplace = (laplace + laplace.T) / 2.0
    pairs = pairs_of(first, second)
    row = found.row
    covariance = sandwich(laplace, found.jacobian, row.score, row.information, pairs)
    if item_effects:
        # The answers' part of the posterior covariance is robust, the deviations' part is exact:
        # A^-1 (meat + prior precision) A^-1.
        block = laplace[:, model.effect]
        covariance = covariance + block @ block.T / sd**2
    # 0.01 nats an answer is a predicted probability of 0.99 for every single answer.
    separated = -found.log_likelihood / float((n_first + n_second).sum()) < 0.01
    misfit = misfit_variance(row.score, row.information, pairs, np.sign(second - first), theta.size)
    fitted = CurveFit(
        grid, curve, dollars, link, lapse, ridge, found.theta,
        laplace if separated else covariance, laplace, found.log_likelihood,
        found.decrement < 1e-8, found.iterations, found.decrement, separated, misfit, sd,
        len(pairs), first, second, n_first, n_second, model,
    )  # fmt: skip
    return replace(fitted, heldout=log_loss(fitted, holdout)) if holdout is not None else fitted


def log_loss(fit: CurveFit, holdout: Comparisons) -> float:
    """Mean log-loss of `fit` on held-out answers, in nats an answer (ln 2 is chance)."""
    first, second, n_first, n_second = _rows(holdout, fit.grid)
    if not len(first):
        raise EstimationError("no held-out comparison between goods or dollars.")
    p = np.clip(fit.predict(first, second), 1e-12, 1.0 - 1e-12)
    total = float((n_first * np.log(p) + n_second * np.log1p(-p)).sum())
    return -total / float((n_first + n_second).sum())
