"""What a fit is: utilities with their intervals, gauge and predictions, in memory and on disk.

How it is found is `fit`'s business. Covariances are computed when they are first asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from revealed.foundation.errors import DataError, EstimationError
from revealed.foundation.paths import atomic_write
from revealed.foundation.schemas import UTILITIES, write_table

from .comparisons import Comparisons
from .covariance import bread, in_gauge, misfit_variance, sandwich
from .diagnostics import Diagnostics
from .likelihood import Link, probability, terms
from .ridge import Model

Variances = Literal["common", "item"]


class Difference(NamedTuple):
    """A difference of two utilities with its standard error and 95 % interval."""

    estimate: float
    se: float
    low: float
    high: float


class Standardised(NamedTuple):
    """Utilities with mean 0 and standard deviation 1 over all items, with their covariance."""

    mean: np.ndarray
    se: np.ndarray
    covariance: np.ndarray


class PairInformation(NamedTuple):
    """Asked pairs and the information on each, on the scale of z."""

    low: np.ndarray
    high: np.ndarray
    information: np.ndarray


@dataclass(frozen=True)
class Optimum:
    """The model at its optimum: what the covariances are computed from, when they are asked for."""

    model: Model
    theta: np.ndarray

    @cached_property
    def inverse(self) -> np.ndarray:
        """Inverse Hessian of all parameters."""
        return bread(self.model, self.theta)

    @cached_property
    def sandwich(self) -> np.ndarray:
        """HC3 covariance of all parameters."""
        return sandwich(self.model, self.theta, self.inverse)


@dataclass(frozen=True)
class Fit:
    """Utilities of one respondent, instrument and arm.

    Attributes
    ----------
    items
        Names, shape (n,).
    mean
        Utilities on the link's scale, shape (n,), minus their mean over `reference`.
    variance
        Each item's response variance; 1/2 throughout in Case V, so that s = 1.
    order_effect
        w: what being listed first adds on the link's scale; 0 if it was not fitted.
    lapse
        Share of answers given at random.
    ridge
        Prior precision of the utilities.
    reference
        Numbers of the items whose mean utility is zero.
    log_likelihood
        In nats, without the prior, at the optimum.
    converged, iterations, decrement
        Of the solver; `decrement` is Newton's, in nats.
    link, variances, backend
        What was fitted, and where.
    diagnostics
        Connectedness and separation. Items outside its largest block have no interval (NaN): their
        distance from the others is the prior's.
    """

    items: tuple[str, ...]
    mean: np.ndarray
    variance: np.ndarray
    order_effect: float
    lapse: float
    ridge: float
    reference: np.ndarray
    log_likelihood: float
    converged: bool
    iterations: int
    decrement: float
    link: Link
    variances: Variances
    backend: str
    diagnostics: Diagnostics
    comparisons: Comparisons | None = field(default=None, repr=False, compare=False)
    _optimum: Optimum | None = field(default=None, repr=False, compare=False)

    @property
    def order_effect_fitted(self) -> bool:
        """Whether the order effect is a parameter of this fit."""
        return (
            math.isfinite(self.order_effect_se)
            if self._optimum is None
            else (self._optimum.model.data.orders == 2)
        )

    def _at(self) -> Optimum:
        if self._optimum is None:
            raise EstimationError(
                "this was not saved with the fit.", todo="Fit again from the choices."
            )
        return self._optimum

    @cached_property
    def covariance(self) -> np.ndarray:
        """Pair-clustered HC3 covariance of `mean`, in its gauge, shape (n, n)."""
        n = len(self.items)
        return in_gauge(self._at().sandwich[:n, :n], self.reference)

    @cached_property
    def laplace_covariance(self) -> np.ndarray:
        """Posterior covariance of `mean` if the model held exactly, which it never quite does."""
        n = len(self.items)
        return in_gauge(self._at().inverse[:n, :n], self.reference)

    @cached_property
    def order_effect_se(self) -> float:
        """Standard error (HC3) of the order effect; NaN if it was not fitted."""
        at = self._at()
        if at.model.data.orders == 1:
            return math.nan
        return math.sqrt(at.sandwich[len(self.items), len(self.items)])

    @cached_property
    def misfit_variance(self) -> float:
        """Variance of single pairs around the model, on the z scale; see `covariance`."""
        at = self._at()
        return misfit_variance(at.model, at.theta, at.inverse)

    @property
    def identified(self) -> np.ndarray:
        """Per item, whether the answers and not the prior place it among the others."""
        return self.diagnostics.identified

    @property
    def se(self) -> np.ndarray:
        """Standard errors (HC3) of `mean`; NaN for items that are not identified."""
        return np.where(self.identified, np.sqrt(np.diag(self.covariance)), math.nan)

    def interval(self, level: float = 0.95) -> np.ndarray:
        """Lower and upper ends per item, shape (n, 2); NaN for items that are not identified."""
        half = _quantile(level) * self.se
        return np.stack([self.mean - half, self.mean + half], axis=1)

    def number(self, item: int | str) -> int:
        """Number of an item given by number or name."""
        if isinstance(item, str):
            try:
                return self.items.index(item)
            except ValueError:
                raise DataError(f"the fit has no item {item!r}.") from None
        return int(item)

    def difference(self, i: int | str, j: int | str, level: float = 0.95) -> Difference:
        """Utility of item `i` minus that of item `j`; free of the gauge."""
        i, j = self.number(i), self.number(j)
        estimate = float(self.mean[i] - self.mean[j])
        c = self.covariance
        known = bool(self.identified[i] and self.identified[j])
        variance = max(float(c[i, i] + c[j, j] - 2 * c[i, j]), 0.0) if known else math.nan
        half = _quantile(level) * math.sqrt(variance)
        return Difference(estimate, math.sqrt(variance), estimate - half, estimate + half)

    def zscored(self) -> Standardised:
        """Standardised utilities, for comparison with studies that publish those.

        With z = (u - mean(u)) / s the Jacobian is (P - z z'/(n - 1)) / s, P centring.
        """
        n = len(self.items)
        deviation = float(np.std(self.mean, ddof=1)) if n > 1 else 0.0
        if deviation == 0:
            raise EstimationError("equal utilities have no standard scores.")
        z = (self.mean - self.mean.mean()) / deviation
        jacobian = (np.eye(n) - 1 / n - np.outer(z, z) / (n - 1)) / deviation
        covariance = jacobian @ self.covariance @ jacobian.T
        se = np.where(self.identified, np.sqrt(np.maximum(np.diag(covariance), 0)), math.nan)
        return Standardised(z, se, covariance)

    def information_by_pair(self) -> PairInformation:
        """Expected information about each asked pair's difference, both orders together."""
        at = self._at()
        rows = at.model.rows(at.theta)
        data = at.model.data
        return PairInformation(data.low, data.high, rows.information.sum(axis=0))

    def information_per_answer(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Expected information of one answer about a pair's z, averaged over both orders."""
        scale = np.sqrt(self.variance[first] + self.variance[second])
        x = (self.mean[first] - self.mean[second]) / scale
        z = np.stack([x + self.order_effect, self.order_effect - x])
        one = np.ones_like(z)
        # One answer each way is two answers.
        return np.asarray(terms(z, one, one, self.link, self.lapse).information.mean(axis=0) / 2)

    def table(self, respondent: str, instrument: str, arm: str, provenance: str) -> pd.DataFrame:
        """The fit as a utilities table (schema `foundation.schemas.UTILITIES`)."""
        return pd.DataFrame(
            {
                "respondent": respondent,
                "instrument": instrument,
                "arm": arm,
                "item": list(self.items),
                "mean": self.mean,
                "se": self.se,
                "variance": self.variance,
                "provenance": provenance,
            }
        )

    def save(self, folder: Path, table: pd.DataFrame | None = None, **extra: Any) -> None:
        """Write ``fit.json`` and ``covariance.npy`` (and ``utilities.parquet`` from `table`).

        `extra` goes into ``fit.json`` under its names (held-out scores, versions, seeds).
        """
        folder = Path(folder)
        facts = {
            "items": list(self.items),
            "mean": self.mean.tolist(),
            "variance": self.variance.tolist(),
            "order_effect": self.order_effect,
            "order_effect_se": _json_number(self.order_effect_se),
            "lapse": self.lapse,
            "ridge": self.ridge,
            "reference": self.reference.tolist(),
            "log_likelihood": self.log_likelihood,
            "converged": self.converged,
            "iterations": self.iterations,
            "decrement": self.decrement,
            "misfit_variance": self.misfit_variance,
            "link": self.link,
            "variances": self.variances,
            "backend": self.backend,
            "diagnostics": {
                name: [part.tolist() for part in getattr(self.diagnostics, name)]
                for name in ("components", "blocks")
            }
            | {
                name: getattr(self.diagnostics, name).tolist()
                for name in ("always_win", "always_lose", "never")
            }
            | {"pairs": self.diagnostics.pairs, "answers": self.diagnostics.answers},
        }
        if taken := set(facts) & set(extra):
            raise DataError(f"fit.json has its own {', '.join(sorted(taken))}.")
        if table is not None:
            write_table(table, folder / "utilities.parquet", UTILITIES)
        with atomic_write(folder / "covariance.npy") as temporary, temporary.open("wb") as handle:
            np.save(handle, self.covariance)
        # Last: whoever sees fit.json sees the other files whole.
        with atomic_write(folder / "fit.json") as temporary:
            text = json.dumps(facts | extra, ensure_ascii=False, allow_nan=False, indent=1)
            temporary.write_text(text + "\n", encoding="utf-8")


def load_fit(folder: Path) -> Fit:
    """Read what `Fit.save` wrote; the Laplace covariance is not among it.

    Raises
    ------
    DataError
        If a file is missing, truncated or of another shape.
    """
    folder = Path(folder)
    try:
        facts = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
        covariance = np.load(folder / "covariance.npy")
        seen = facts["diagnostics"]
        diagnostics = Diagnostics(
            tuple(facts["items"]),
            components=tuple(np.array(part, dtype=np.int64) for part in seen["components"]),
            blocks=tuple(np.array(part, dtype=np.int64) for part in seen["blocks"]),
            always_win=np.array(seen["always_win"], dtype=np.int64),
            always_lose=np.array(seen["always_lose"], dtype=np.int64),
            never=np.array(seen["never"], dtype=np.int64),
            pairs=int(seen["pairs"]),
            answers=float(seen["answers"]),
        )
        names = (
            "order_effect", "lapse", "ridge", "log_likelihood", "converged", "iterations",
            "decrement", "link", "variances", "backend",
        )  # fmt: skip
        fit = Fit(
            items=tuple(facts["items"]),
            mean=np.array(facts["mean"], dtype=float),
            variance=np.array(facts["variance"], dtype=float),
            reference=np.array(facts["reference"], dtype=np.int64),
            diagnostics=diagnostics,
            **{name: facts[name] for name in names},
        )
        error = facts["order_effect_se"]
        fit.__dict__["order_effect_se"] = math.nan if error is None else float(error)
        fit.__dict__["misfit_variance"] = float(facts["misfit_variance"])
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise DataError(
            f"cannot be read as a fit ({type(error).__name__}: {error}).",
            where=folder,
            todo="Delete the folder and fit again.",
        ) from error
    n = len(fit.items)
    if covariance.shape != (n, n) or fit.mean.shape != (n,) or fit.variance.shape != (n,):
        raise DataError("the saved fit's arrays differ in size.", where=folder)
    fit.__dict__["covariance"] = covariance
    return fit


def predict(fit: Fit, first: Sequence[int] | Sequence[str] | np.ndarray, second: Any) -> np.ndarray:
    """P(the option listed first is chosen) for items given by number or by name."""
    i, j = (_numbers(fit, side) for side in (first, second))
    scale = np.sqrt(fit.variance[i] + fit.variance[j])
    z = (fit.mean[i] - fit.mean[j]) / scale + fit.order_effect
    return np.asarray(probability(z, fit.link, fit.lapse))


def _numbers(fit: Fit, items: Any) -> np.ndarray:
    found = np.asarray(items)
    if found.dtype.kind in "iu":
        return found
    position = pd.Index(fit.items).get_indexer(found.astype(object))
    if (position < 0).any():
        unknown = found[int(np.flatnonzero(position < 0)[0])]
        raise DataError(f"the fit has no item {unknown!r}.")
    return np.asarray(position)


def with_gauge(fit: Fit, reference: Sequence[str]) -> Fit:
    """The same fit relative to the mean of another subset of items."""
    gauge = np.array([fit.number(name) for name in reference])
    if not len(gauge):
        raise DataError("the reference subset is empty.")
    moved = replace(fit, mean=fit.mean - fit.mean[gauge].mean(), reference=gauge)
    for name in ("order_effect_se", "misfit_variance"):
        if name in fit.__dict__:
            moved.__dict__[name] = fit.__dict__[name]
    if "covariance" in fit.__dict__:
        moved.__dict__["covariance"] = in_gauge(fit.__dict__["covariance"], gauge)
    return moved


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise EstimationError(f"{level!r} is not a level.", todo="Use 0.95, for example.")
    return float(ndtri(0.5 + level / 2))


def _json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None
