"""Fit utilities to counted comparisons: P(first) = (1 - l) F((u_first - u_second)/s + w) + l/2.

Maximum a posteriori by Newton's method, run to convergence; Thurstone's Case V (one variance) is
the default, Bradley-Terry is the logit link, and per-item variances carry a prior. Utilities are
on the link's scale, relative to the mean of a named reference subset of items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from scipy.optimize import minimize_scalar

from revealed.foundation.backend import Backend, BackendName, get_backend
from revealed.foundation.errors import DataError, EstimationError

from .comparisons import Comparisons
from .diagnostics import diagnose
from .likelihood import PROBIT_TO_LOGIT, Link
from .models import LOG_HALF, CaseV, ItemVariances, PairData
from .result import Fit, Optimum, Variances, load_fit, predict, with_gauge
from .ridge import Model, empirical_bayes
from .solver import Solution, minimize

__all__ = ["Fit", "fit", "load_fit", "predict", "with_gauge"]

LARGEST_LAPSE = 0.5


def fit(
    comparisons: Comparisons,
    *,
    link: Link = "probit",
    variances: Variances = "common",
    order_effect: bool = True,
    lapse: float | Literal["estimate"] = 0.0,
    ridge: float | Literal["empirical_bayes"] = "empirical_bayes",
    tau: float = 0.5,
    reference: Sequence[str] | None = None,
    start: Fit | None = None,
    backend: BackendName | Backend = "auto",
) -> Fit:
    """Fit utilities by maximum a posteriori.

    Parameters
    ----------
    comparisons
        Counted answers, per ordered pair.
    link
        ``probit`` (Thurstone) or ``logit`` (Bradley-Terry).
    variances
        ``common`` is Case V; ``item`` gives each item its own, under log v ~ N(log 1/2, tau²).
    order_effect
        Whether being listed first may matter. Without it both orders are pooled; so they are where
        the comparisons do not tell the order.
    lapse
        Share of answers given at random, or ``estimate`` (the joint maximum, on [0, 1/2]).
    ridge
        Prior precision of the utilities (greater than 0), or chosen by empirical Bayes.
    tau
        Standard deviation of the prior on log v.
    reference
        Names of the items whose mean utility is set to zero; default all.
    start
        A fit to begin at, such as that of the last round of a sequential design; it may know other
        items. It saves time and changes the result by no more than the solver's tolerance.
    backend
        ``auto``, ``numpy``, ``cupy`` or a `Backend`.

    Raises
    ------
    EstimationError
        If there is no answer at all, or an option is out of its range.
    DataError
        If a reference item is unknown.
    """
    device = get_backend(backend)
    _check(comparisons, link, variances, lapse, ridge, tau)
    n = len(comparisons.items)
    index = {name: number for number, name in enumerate(comparisons.items)}
    if unknown := [name for name in reference or () if name not in index]:
        raise DataError(f"reference item {unknown[0]!r} is not among the items.")
    gauge = np.arange(n) if reference is None else np.array([index[name] for name in reference])
    if not len(gauge):
        raise DataError("the reference subset is empty.")

    told = order_effect and comparisons.order_told
    data = PairData(comparisons.pairs, n, device, order_effect=told)
    begin = data.start(link) if start is None else _warm(start, comparisons.items, link)
    if lapse == "estimate":
        lapse, begin = _estimate_lapse(data, link, ridge, begin)
    model, found = _case_v(data, link, float(lapse), ridge, begin)
    if variances == "item":
        begin = np.concatenate([device.to_numpy(found.theta), np.full((n, 1), LOG_HALF)])
        model, found = _item_variances(data, link, float(lapse), ridge, tau, begin, model.ridge)

    theta = device.to_numpy(found.theta)[:, 0]
    utility = theta[:n]
    variance = np.exp(theta[n + 1 :]) if variances == "item" else np.full(n, 0.5)
    prior = float((model.prior_precision() * _from_centre(theta, n) ** 2).sum()) / 2
    return Fit(
        items=comparisons.items,
        mean=utility - utility[gauge].mean(),
        variance=variance,
        order_effect=float(theta[n]) if data.orders == 2 else 0.0,
        lapse=float(lapse),
        ridge=float(model.ridge),
        reference=gauge,
        log_likelihood=prior - float(device.to_numpy(found.evaluation.value)[0]),
        converged=found.converged,
        iterations=found.iterations,
        decrement=found.decrement,
        link=link,
        variances=variances,
        backend=device.name,
        diagnostics=diagnose(comparisons),
        comparisons=comparisons,
        _optimum=Optimum(model, theta),
    )


def _warm(start: Fit, items: tuple[str, ...], link: Link) -> np.ndarray:
    """Parameters of an earlier fit on this link's scale, (n + 1, 1); new items at its mean."""
    scale = 1.0 if start.link == link else PROBIT_TO_LOGIT ** (1 if link == "logit" else -1)
    known = dict(zip(start.items, start.mean - start.mean.mean(), strict=True))
    utility = np.array([known.get(name, 0.0) for name in items])
    return scale * np.append(utility, start.order_effect)[:, None]


def _check(
    comparisons: Comparisons, link: str, variances: str, lapse: Any, ridge: Any, tau: float
) -> None:
    if link not in ("probit", "logit"):
        raise EstimationError(f"unknown link {link!r}.", todo="Use probit or logit.")
    if variances not in ("common", "item"):
        raise EstimationError(f"unknown variances {variances!r}.", todo="Use common or item.")
    if lapse != "estimate" and not (isinstance(lapse, float | int) and 0 <= lapse < 1):
        raise EstimationError(f"a lapse of {lapse!r} is not a share of answers.")
    if ridge != "empirical_bayes" and not (isinstance(ridge, float | int) and 0 < ridge < math.inf):
        raise EstimationError(
            f"a ridge of {ridge!r} is not a prior precision.",
            todo="Use a number above 0: without a prior most data have no finite optimum.",
        )
    if not 0 < tau < math.inf:
        raise EstimationError(f"tau = {tau!r} is not a standard deviation.")
    if not comparisons.n.sum() > 0:
        raise EstimationError(
            "there is not one answer to fit.", todo="Were all of them refused, neutral or failed?"
        )


def _case_v(
    data: PairData, link: Link, lapse: float, ridge: float | str, start: np.ndarray
) -> tuple[Model, Solution]:
    if ridge == "empirical_bayes":
        return empirical_bayes(CaseV(data, link, lapse, 1.0), start)
    model = CaseV(data, link, lapse, float(ridge))
    return model, minimize(model, data.backend.asarray(start))


def _item_variances(
    data: PairData,
    link: Link,
    lapse: float,
    ridge: float | str,
    tau: float,
    start: np.ndarray,
    common_ridge: float,
) -> tuple[Model, Solution]:
    """Per-item variances, with the ridge that Case V chose or was given.

    The width of the utilities' distribution is the same question in both models; asking it twice
    would double the time for a difference of a few per cent in lambda.
    """
    value = common_ridge if ridge == "empirical_bayes" else float(ridge)
    model = ItemVariances(data, link, lapse, value, tau)
    return model, minimize(model, data.backend.asarray(start), limit=200)


def _estimate_lapse(
    data: PairData, link: Link, ridge: float | str, start: np.ndarray
) -> tuple[float, np.ndarray]:
    """The lapse at the joint maximum, by Brent's method over warm-started fits of Case V."""
    model, found = _case_v(data, link, 0.0, ridge, start)
    value, theta = float(model.ridge), found.theta

    def loss(lapse: float) -> float:
        nonlocal theta
        at = minimize(CaseV(data, link, lapse, value), theta, decrement=1e-6)
        theta = at.theta
        return float(at.evaluation.value[0])

    best = minimize_scalar(loss, bounds=(0.0, LARGEST_LAPSE), method="bounded",
                           options={"xatol": 1e-5})  # fmt: skip
    # Brent's bounded method never tries the ends.
    lapse = float(best.x) if best.fun < float(found.evaluation.value[0]) else 0.0
    return lapse, data.backend.to_numpy(theta if lapse else found.theta)


def _from_centre(theta: np.ndarray, n: int) -> np.ndarray:
    """Parameters minus the centre of their prior."""
    centred = theta.copy()
    centred[n + 1 :] -= LOG_HALF
    return centred
