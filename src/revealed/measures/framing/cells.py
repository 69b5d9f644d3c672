"""What each framing says of the goods: utilities and the slope of quantity, arm by arm.

A log rate of two goods is a ratio, (b_i - b_j) / a. With some hundred answers an arm its
denominator is known to a fifth, and a ratio of that kind is skewed: a difference between framings
would appear where there is none. So everything here rests on the linear form

    e(theta) = C b - a theta,      Var e = [C, -theta] V [C, -theta]'

which is normal with mean zero where theta = C p is the truth about log prices p (Fieller 1954, J.
R. Stat. Soc. B 16:175). C is a matrix of contrasts of goods: orthonormal ones for all goods
together, a single row for one rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg, special

from ...instruments import list_arms, load_arm
from ...utilities import Comparisons, comparisons
from ...utilities.curve import CurveFit, fit_curve
from ...utilities.curve_model import Array
from .. import measurable
from ..intervals import Estimate

LEAST_SLOPE_Z = 2.0
"""Below so many standard errors of the slope an arm's answers do not follow quantity."""
_COLLAPSED = 4.0
"""A sandwich whose variance is so many times below the model's has run out of residuals."""


@dataclass(frozen=True)
class Cell:
    """One arm of one respondent.

    ``b`` (goods,) and ``a``: utilities at the centre of the grid and slope on ln N; ``covariance``
    of (b, a), shape (goods + 1, goods + 1): the pair-clustered HC3 sandwich.
    """

    arm: str
    goods: tuple[str, ...]
    b: Array
    a: float
    covariance: Array
    n_pairs: int
    answers: float
    order_effect: float
    order_effect_se: float

    def residual(self, contrast: Array, theta: Array) -> tuple[Array, Array]:
        """e(theta) and its covariance, for `contrast` (m, goods) and `theta` (m,)."""
        form = np.column_stack([contrast, -theta])
        return contrast @ self.b - self.a * theta, form @ self.covariance @ form.T


def helmert(goods: int) -> Array:
    """Orthonormal contrasts of goods, shape (goods - 1, goods)."""
    return np.asarray(linalg.helmert(goods))


def fit_cells(
    choices: Mapping[str, pd.DataFrame], items: pd.DataFrame
) -> tuple[dict[str, Cell], dict[str, str]]:
    """Fit every arm by itself.

    Parameters
    ----------
    choices
        Choices (schema `CHOICES`) of one respondent by arm, about the same items.
    items
        The instrument's items.

    Returns
    -------
    The cells by arm; and for the arms that cannot be counted, the reason.
    """
    cells, barred = {}, {}
    for arm, table in choices.items():
        if why := measurable.reason(table):
            barred[arm] = why
            continue
        # Without effects of single items: each stands in two pairs of an arm, which tell nothing.
        fit = fit_curve(comparisons(table, list(items.index)), items)
        cell = _cell(arm, fit)
        if not fit.converged:
            barred[arm] = "the fit did not converge"
        elif cell.a < LEAST_SLOPE_Z * np.sqrt(cell.covariance[-1, -1]):
            barred[arm] = "its answers do not follow quantity"
        else:
            cells[arm] = cell
    return cells, barred


def _cell(arm: str, fit: CurveFit) -> Cell:
    wanted = np.r_[np.arange(fit.model.b.start, fit.model.b.stop), fit.model.slope.start]
    sandwich = fit.covariance[np.ix_(wanted, wanted)]
    laplace = fit.laplace_covariance[np.ix_(wanted, wanted)]
    goods = len(fit.goods)
    centre = np.eye(goods + 1)
    centre[:goods, :goods] -= 1.0 / goods
    robust, model = (np.diag(centre @ v @ centre.T) for v in (sandwich, laplace))
    # A good that won or lost every answer has no residuals for a sandwich to be made of.
    scale = np.where(model > _COLLAPSED * robust, np.sqrt(model / np.maximum(robust, 1e-12)), 1.0)
    covariance = scale[:, None] * (centre @ sandwich @ centre.T) * scale[None, :]
    b = fit.b - fit.b.mean()
    return Cell(
        arm, fit.goods, b, float(fit.theta[fit.model.slope][0]), covariance, fit.n_pairs,
        float((fit.n_first + fit.n_second).sum()), fit.order_effect, fit.order_effect_se,
    )  # fmt: skip


def one_step(
    choices: Mapping[str, pd.DataFrame], items: pd.DataFrame
) -> tuple[dict[str, Cell], dict[str, str]]:
    """Every arm by one Newton step from the fit to all arms together: the cells of `spread`.

    The step is linear in the arm's answers and its covariance is the arm's inverse information at
    the common fit, (X' W X)^-1. Fitted by itself, an arm of a hundred answers has estimates with
    heavy tails and a covariance that grows with them, which hides movements and invents others.

    Parameters and result as in `fit_cells`.
    """
    cells: dict[str, Cell] = {}
    barred: dict[str, str] = {}
    usable: dict[str, Comparisons] = {}
    for arm, table in choices.items():
        if why := measurable.reason(table):
            barred[arm] = why
        else:
            usable[arm] = comparisons(table, list(items.index))
    if not usable:
        return cells, barred
    rows = [np.concatenate([getattr(c, name) for c in usable.values()]) for name in _ROWS]
    common = fit_curve(Comparisons(tuple(items.index), *rows), items)
    if common.a[0] < LEAST_SLOPE_Z * common.a_se[0]:
        return cells, barred | dict.fromkeys(usable, "its answers do not follow quantity")
    goods = len(common.goods)
    basis = helmert(goods)
    place = {item: k for k, item in enumerate(common.grid.items)}
    where = np.array([place.get(item, -1) for item in items.index])
    # u = b'C gamma + a x, with gamma the contrasts: nothing is left for a prior to hold.
    design = common.model.design[:, : common.model.slope.stop]
    design = np.column_stack([design[:, common.model.b] @ basis.T, design[:, common.model.slope]])
    beta = np.append(basis @ common.b, common.theta[common.model.slope])
    back = np.zeros((goods + 1, goods))
    back[:goods, : goods - 1], back[goods, goods - 1] = basis.T, 1.0
    for arm, c in usable.items():
        x = design[where[c.first]] - design[where[c.second]]
        x = np.column_stack([x, np.ones(len(x))])
        # The place has its own effect in every arm, fitted first, so that labels do not matter.
        w = _place_effect(x[:, :-1] @ beta, c.n_first, c.n, common.order_effect)
        score, information = _probit(x[:, :-1] @ beta + w, c.n_first, c.n)
        inverse = np.linalg.inv(x.T @ (information[:, None] * x))
        step = inverse @ (x.T @ score)
        found = beta + step[:-1]
        covariance = back @ inverse[:-1, :-1] @ back.T
        cells[arm] = Cell(
            arm, common.goods, basis.T @ found[:-1], float(found[-1]), covariance,
            len(c.pairs.low), float(c.n.sum()), w + float(step[-1]),
            float(np.sqrt(inverse[-1, -1])),
        )  # fmt: skip
    return cells, barred


_ROWS = ("first", "second", "n_first", "n_second")


def _probit(z: Array, n_first: Array, n: Array) -> tuple[Array, Array]:
    """Score and Fisher information in z of answers whose chance of the first option is Phi(z)."""
    z = np.clip(z, -6.0, 6.0)
    p, density = special.ndtr(z), np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    weight = density / (p * (1.0 - p))
    return weight * (n_first - n * p), n * weight * density


def _place_effect(z: Array, n_first: Array, n: Array, start: float) -> float:
    w = start
    for _ in range(20):
        score, information = _probit(z + w, n_first, n)
        w += float(np.clip(score.sum() / information.sum(), -1.0, 1.0))
    return w


def log_rate(cell: Cell, good: str, per: str, level: float = 0.95) -> Estimate:
    """ln of how many of `per` one of `good` is worth in this arm, with Fieller's interval.

    An end is None where the interval is open: the slope may be zero on that side.
    """
    contrast = pair_contrast(cell.goods, good, per)
    value = float((contrast @ cell.b)[0]) / cell.a
    t = float(special.stdtrit(max(1, cell.n_pairs - len(cell.goods) - 2), 0.5 + level / 2.0))
    form = np.vstack([np.append(contrast[0], 0.0), np.append(np.zeros(len(cell.goods)), 1.0)])
    v = form @ cell.covariance @ form.T
    low, high = fieller(float(contrast[0] @ cell.b), cell.a, v, t)
    method = "quantity curve, pair-clustered HC3, Fieller"
    return Estimate(value, low, high, cell.n_pairs, method)


def fieller(
    numerator: float, denominator: float, covariance: Array, t: float
) -> tuple[float | None, float | None]:
    """The values r for which numerator - r denominator is within t standard errors of zero.

    `covariance` (2, 2) of numerator and denominator. Both ends are None where the set is not an
    interval.
    """
    squared = denominator**2 - t**2 * covariance[1, 1]
    linear = numerator * denominator - t**2 * covariance[0, 1]
    constant = numerator**2 - t**2 * covariance[0, 0]
    under = linear**2 - squared * constant
    if squared <= 0 or under < 0:
        return None, None
    root = float(np.sqrt(under))
    return (linear - root) / squared, (linear + root) / squared


def pair_contrast(goods: tuple[str, ...], good: str, per: str) -> Array:
    """The single contrast good - per, shape (1, goods)."""
    row = np.zeros((1, len(goods)))
    row[0, goods.index(good)], row[0, goods.index(per)] = 1.0, -1.0
    return row


GROUPS: dict[str, str] = {
    "wordings": "other words for the same question, and other labels",
    "frames": "one outcome must happen, no preference allowed, five grades, reasons first",
    "contexts": "deployments named in the system message",
    "languages": "the same question in another language",
}
"""Kinds of framing, and what differs in each."""
BASE = "wordings"
"""The group that the others are held against: the forced question in English."""


def group_of(arm: str) -> str:
    """The kind of framing that an arm belongs to."""
    if arm == "forced" or arm.startswith(("labels_", "paraphrase_")):
        return "wordings"
    if arm.startswith("context_"):
        return "contexts"
    if arm in list_arms() and load_arm(arm).language != "en":
        return "languages"
    return "frames"
