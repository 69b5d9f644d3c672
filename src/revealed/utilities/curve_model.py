"""The grid behind an exchange instrument, and a quantity curve as a design matrix over it.

`Grid` reads goods, quantities and dollar amounts off the items; `Model` turns a choice of curve
into u = D t(theta). Knows no answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..foundation.errors import EstimationError
from .monotone import MonotoneBasis

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Curve = Literal["common", "per_good", "spline"]
Dollars = Literal["log", "spline"]

_SPLINE_LEVEL_SD = 3.0


@dataclass(frozen=True)
class Grid:
    """The goods x quantities behind a set of items, as arrays.

    ``good`` is the position in ``goods``, -1 for dollars; ``x`` the natural logarithm of quantity
    or dollars, centred on the mean over the distinct quantities (``center``) or amounts
    (``dollar_center``). ``placebo`` and ``alias_of`` belong to the goods, in their order.
    """

    items: tuple[str, ...]
    goods: tuple[str, ...]
    reference: tuple[str, ...]
    good: Index
    x: Array
    sign: Array
    center: float
    dollar_center: float
    placebo: NDArray[np.bool_]
    alias_of: tuple[str, ...]

    @property
    def has_dollars(self) -> bool:
        """Whether dollar amounts are among the items."""
        return bool((self.good < 0).any())


def grid_of(items: pd.DataFrame, reference: Sequence[str] | None = None) -> Grid:
    """Read the grid off an instrument's items (columns kind, good, quantity; sign, role, alias_of).

    `reference` names goods, or items that stand for their goods; the default is every good that
    is not a placebo. Rows of other kinds are left out.

    Raises
    ------
    EstimationError
        If there are fewer than two goods, a quantity is not positive, or no good has two of them.
    """
    used = items[items["kind"].isin(["good", "dollar"])]
    quantity = used["quantity"].to_numpy(dtype=float)
    if not (quantity > 0).all():
        worst = used.index[~(quantity > 0)][0]
        raise EstimationError(f"the item {worst} has no positive quantity.")
    dollar = (used["kind"] == "dollar").to_numpy()
    names = used["good"].astype(str).to_numpy()
    goods = tuple(dict.fromkeys(names[~dollar]))
    log = np.log(quantity)
    if len(goods) < 2 or len(np.unique(log[~dollar])) < 2:
        raise EstimationError("a quantity curve needs two goods and two quantities.")
    center = float(np.unique(log[~dollar]).mean())
    dollar_center = float(np.unique(log[dollar]).mean()) if dollar.any() else 0.0
    place = {name: i for i, name in enumerate(goods)}
    good = np.array([-1 if d else place[g] for d, g in zip(dollar, names, strict=True)], np.intp)
    alias = used["alias_of"].fillna("") if "alias_of" in used else ""
    of_goods = used.assign(placebo=is_placebo(used), alias_of=alias)[~dollar]
    of_goods = of_goods.drop_duplicates("good")
    sign = used["sign"].to_numpy(dtype=float) if "sign" in used else np.ones(len(used))
    if reference is None:
        reference = tuple(of_goods.loc[~of_goods["placebo"], "good"].astype(str)) or goods
    else:
        of_item = dict(zip(used.index.astype(str), names, strict=True))
        reference = tuple(dict.fromkeys(of_item.get(r, r) for r in reference))
        if unknown := [r for r in reference if r not in place]:
            raise EstimationError(f"the reference names no such good: {', '.join(unknown)}.")
    return Grid(
        items=tuple(used.index.astype(str)),
        goods=goods,
        reference=reference,
        good=good,
        x=log - np.where(dollar, dollar_center, center),
        sign=np.where(dollar, 1.0, sign),
        center=center,
        dollar_center=dollar_center,
        placebo=of_goods["placebo"].to_numpy(dtype=bool),
        alias_of=tuple(of_goods["alias_of"].astype(str)),
    )


def is_placebo(items: pd.DataFrame) -> pd.Series:
    """True for invented places and second spellings."""
    role = items["role"] if "role" in items else pd.Series("", index=items.index)
    alias = items["alias_of"] if "alias_of" in items else pd.Series("", index=items.index)
    return (role.fillna("") == "placebo") | (alias.fillna("") != "")


@dataclass(frozen=True)
class Model:
    """u = D t(theta), with t the identity but for the spline's coefficients, which enter as exp.

    ``effect`` holds an own deviation for each item where the model has them, else it is empty.
    """

    design: Array
    exponential: NDArray[np.bool_]
    prior: Array
    prior_mean: Array
    b: slice
    slope: slice
    dollar: slice
    basis: MonotoneBasis | None
    dollar_basis: MonotoneBasis | None
    effect: slice = field(default_factory=lambda: slice(0, 0))

    def with_item_effects(self) -> Model:
        """The same model with a deviation for each item, laid out before w; their prior is 0."""
        n, size = self.design.shape
        where = slice(size - 1, size - 1 + n)
        design = np.insert(self.design, [size - 1] * n, 0.0, axis=1)
        design[:, where] = np.eye(n)
        prior = np.zeros((size + n, size + n))
        kept = np.delete(np.arange(size + n), np.arange(where.start, where.stop))
        prior[np.ix_(kept, kept)] = self.prior
        return replace(
            self,
            design=design,
            exponential=np.insert(self.exponential, [size - 1] * n, False),
            prior=prior,
            prior_mean=np.insert(self.prior_mean, [size - 1] * n, 0.0),
            effect=where,
        )

    def transform(self, theta: Array) -> Array:
        """t(theta)."""
        return np.where(self.exponential, np.exp(np.where(self.exponential, theta, 0.0)), theta)

    def derivative(self, theta: Array) -> Array:
        """dt/dtheta, elementwise."""
        return np.where(self.exponential, self.transform(theta), 1.0)


def _spline_prior(prior: Array, mean: Array, where: slice) -> None:
    """Random walk on the log coefficients, with a weak level."""
    k = where.stop - where.start
    walk = np.diff(np.eye(k), axis=0)
    level = np.full((k, k), 1.0 / (k * _SPLINE_LEVEL_SD) ** 2)
    prior[where, where] = walk.T @ walk + level
    mean[where] = np.log(0.5)


def build_model(
    grid: Grid, curve: Curve, dollars: Dollars, ridge: float, order_effect: bool
) -> Model:
    """Lay out theta = (b, slope block, c and dollar block, w) and its prior precision."""
    n, goods = len(grid.items), len(grid.goods)
    is_good = grid.good >= 0
    basis = MonotoneBasis.for_grid(grid.x[is_good]) if curve == "spline" else None
    slopes = {"common": 1, "per_good": goods}.get(curve, basis.size if basis else 0)
    dollar_basis, amounts = None, 0
    if grid.has_dollars:
        if dollars == "spline":
            dollar_basis = MonotoneBasis.for_grid(grid.x[~is_good])
        amounts = dollar_basis.size if dollar_basis else 1
    b, slope = slice(0, goods), slice(goods, goods + slopes)
    size = goods + slopes + (amounts + 1 if amounts else 0) + 1
    dollar = slice(slope.stop + 1, slope.stop + 1 + amounts) if amounts else slice(size, size)
    design = np.zeros((n, size))
    design[is_good, grid.good[is_good]] = grid.sign[is_good]
    x, sign = grid.x[is_good], grid.sign[is_good]
    if curve == "per_good":
        design[is_good, goods + grid.good[is_good]] = sign * x
    elif basis:
        design[is_good, slope] = sign[:, None] * basis.value(x)
    else:
        design[is_good, goods] = sign * x
    if amounts:
        design[~is_good, slope.stop] = 1.0
        money = grid.x[~is_good]
        design[~is_good, dollar] = dollar_basis.value(money) if dollar_basis else money[:, None]
    prior, mean = np.diag(np.full(size, ridge)), np.zeros(size)
    # Without an order effect its column is empty, and the prior alone holds w at zero.
    prior[-1, -1] = 0.0 if order_effect else 1.0
    exponential = np.zeros(size, dtype=bool)
    for found, where in ((basis, slope), (dollar_basis, dollar)):
        if found:
            exponential[where] = True
            _spline_prior(prior, mean, where)
    return Model(design, exponential, prior, mean, b, slope, dollar, basis, dollar_basis)
