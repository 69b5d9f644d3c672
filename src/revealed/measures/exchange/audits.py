"""What must hold before a price is believed: curves, monotonicity, placebos, equal quantities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from scipy import stats
from tqdm.auto import tqdm

from ...foundation.errors import EstimationError
from ...utilities.comparisons import Comparisons
from ...utilities.curve import CurveFit, fit_curve, log_loss
from ...utilities.curve_model import Array, Curve, is_placebo
from ..intervals import share
from .prices import max_t, rates


class FreeFit(Protocol):
    """A utility for each item with its covariance, as `utilities.Fit`."""

    @property
    def items(self) -> Sequence[str]:
        """Item ids."""

    @property
    def mean(self) -> Array:
        """Utilities."""

    @property
    def covariance(self) -> Array:
        """Their covariance."""


@dataclass(frozen=True)
class CommonSlope:
    """Wald test that all goods share one slope."""

    f: float
    df: int
    df_residual: int
    p_value: float
    slope: float
    spread: float
    """Standard deviation of the slopes over goods, as a share of their mean; noise included."""


def common_slope_test(fit: CurveFit) -> CommonSlope:
    """Test equal slopes on a fit with a slope a good, by the pair-clustered HC3 covariance.

    The Wald statistic over its degrees of freedom is referred to F(goods - 1, pairs - parameters).

    Raises
    ------
    EstimationError
        If the fit is not of curve "per_good", or there are too few pairs.
    """
    if fit.curve != "per_good":
        raise EstimationError("the test of a common slope needs the curve per_good.")
    goods = len(fit.goods)
    residual = fit.n_pairs - len(fit.theta)
    if residual < 1:
        raise EstimationError("too few pairs for a test of the common slope.")
    slopes = fit.theta[fit.model.slope]
    contrast = np.eye(goods)[1:] - np.eye(goods)[0]
    variance = contrast @ fit.covariance[fit.model.slope, fit.model.slope] @ contrast.T
    gap = contrast @ slopes
    f = float(gap @ np.linalg.solve(variance, gap)) / (goods - 1)
    mean = float(slopes.mean())
    return CommonSlope(
        f=f,
        df=goods - 1,
        df_residual=residual,
        p_value=float(stats.f.sf(f, goods - 1, residual)),
        slope=mean,
        spread=float(slopes.std(ddof=1) / abs(mean)) if mean else float("inf"),
    )


def compare_curves(
    c: Comparisons,
    items: pd.DataFrame,
    *,
    curves: Sequence[Curve] = ("common", "per_good", "spline"),
    holdout: Comparisons | None = None,
    folds: int = 5,
    seed: int = 0,
    progress: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Held-out log-loss of the three curves: on `holdout`, or by cross-validation over whole pairs.

    Returns
    -------
    Columns curve, log_loss (nats an answer, ln 2 is chance), difference (from the first curve),
    difference_se (over the folds; missing with a hold-out), n_parameters.
    """
    if holdout is not None:
        parts = [(c, holdout)]
    else:
        pair = c.pairs.row
        fold = np.random.default_rng(seed).permutation(pair.max() + 1) % folds
        parts = [
            (c.take(np.flatnonzero(fold[pair] != k)), c.take(np.flatnonzero(fold[pair] == k)))
            for k in range(folds)
        ]
    loss = np.empty((len(curves), len(parts)))
    size = np.zeros(len(curves), dtype=int)
    bar = tqdm(total=loss.size, desc="curves", unit="fit", disable=not progress)
    for row, curve in enumerate(curves):
        for column, (train, test) in enumerate(parts):
            fit = fit_curve(train, items, curve, **options)
            loss[row, column], size[row] = log_loss(fit, test), len(fit.theta)
            bar.update()
    bar.close()
    gap = loss - loss[0]
    k = len(parts)
    return pd.DataFrame(
        {
            "curve": list(curves),
            "log_loss": loss.mean(axis=1),
            "difference": gap.mean(axis=1),
            "difference_se": gap.std(axis=1, ddof=1) / np.sqrt(k) if k > 1 else np.nan,
            "n_parameters": size,
        }
    )


def monotonicity_audit(
    fit: CurveFit, free: FreeFit | None = None, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Does more of each good count for more?

    Parameters
    ----------
    fit
        A fit with curve "per_good".
    free
        A fit with a utility an item, for steps between neighbouring quantities that go the wrong
        way significantly (adjusted for all steps of the instrument).

    Returns
    -------
    Columns good, slope, low, high (adjusted for the number of goods), status ("ok"; "insensitive":
    the interval holds zero; "reversed": it lies below), wrong_steps, flagged.
    """
    if fit.curve != "per_good":
        raise EstimationError("the audit of monotonicity needs the curve per_good.")
    slope = fit.theta[fit.model.slope]
    covariance = fit.covariance[fit.model.slope, fit.model.slope]
    half = max_t(covariance, level, seed) * np.sqrt(np.diag(covariance))
    status = np.where(slope - half > 0, "ok", np.where(slope + half < 0, "reversed", "insensitive"))
    wrong = _wrong_steps(fit, free, level, seed) if free is not None else np.zeros(len(slope), int)
    return pd.DataFrame(
        {
            "good": fit.goods,
            "slope": slope,
            "low": slope - half,
            "high": slope + half,
            "status": status,
            "wrong_steps": wrong,
            "flagged": (status != "ok") | (wrong > 0),
        }
    )


def _wrong_steps(fit: CurveFit, free: FreeFit, level: float, seed: int) -> np.ndarray:
    """Per good, the steps up the grid whose utility falls significantly."""
    grid = fit.grid
    place = {item: k for k, item in enumerate(free.items)}
    good, low, high, sign = [], [], [], []
    for g in range(len(grid.goods)):
        members = np.flatnonzero(grid.good == g)
        members = members[np.argsort(grid.x[members])]
        known = [m for m in members if grid.items[m] in place]
        for a, b in pairwise(known):
            good.append(g)
            low.append(place[grid.items[a]])
            high.append(place[grid.items[b]])
            sign.append(grid.sign[a])
    if not good:
        return np.zeros(len(grid.goods), int)
    step = np.array(sign) * (free.mean[high] - free.mean[low])
    v = free.covariance
    cross = v[np.ix_(high, high)] - v[np.ix_(high, low)] - v[np.ix_(low, high)]
    variance = cross + v[np.ix_(low, low)]
    se = np.sqrt(np.maximum(np.diag(variance), 0.0))
    fell = step < -max_t(variance, level, seed) * se
    return np.bincount(np.array(good)[fell], minlength=len(grid.goods))


def placebo(fit: CurveFit, level: float = 0.95) -> pd.DataFrame:
    """Rates that should be 1: spellings against their good, invented places among themselves.

    Returns
    -------
    The columns of `rates` and ``kind`` ("alias" or "invented"); empty without placebo goods.
    """
    alias_of = dict(zip(fit.goods, fit.grid.alias_of, strict=True))
    invented = {
        good
        for good, is_one in zip(fit.goods, fit.grid.placebo, strict=True)
        if is_one and not alias_of[good]
    }
    twins = {name for pair in alias_of.items() if pair[1] for name in pair}
    # Every rate of a large category costs seconds, and these few are all that is asked for.
    among = [good for good in fit.goods if good in invented | twins]
    table = rates(fit, among, among, level=level)
    place = {good: k for k, good in enumerate(among)}
    table = table[table["good"].map(place) < table["per"].map(place)]
    alias = [
        alias_of[a] == b or alias_of[b] == a for a, b in zip(table.good, table.per, strict=True)
    ]
    fake = table["good"].isin(invented) & table["per"].isin(invented)
    kind = np.where(alias, "alias", np.where(fake, "invented", ""))
    return table.assign(kind=kind)[kind != ""].reset_index(drop=True)


def placebo_band(placebos: pd.DataFrame, level: float = 0.95) -> float:
    """The |log rate| that goods without a difference reach: their `level` quantile.

    With fewer than 1 / (1 - level) placebo rates this is the largest of them. Sampling error is in
    it, as it is in the rates it is held against. NaN without placebos.
    """
    usable = placebos.loc[placebos["bound"] == "", "log_rate"].abs().to_numpy()
    return float(np.quantile(usable, level, method="higher")) if len(usable) else float("nan")


def against_placebo(table: pd.DataFrame, band: float) -> pd.DataFrame:
    """`rates` with ``beyond_placebo``: is the rate further from 1 than placebo goods are?"""
    closed = np.where(table["bound"] == "none", 0.0, table["log_rate"].abs())
    return table.assign(beyond_placebo=closed > band)


def n_against_n(
    choices: pd.DataFrame, items: pd.DataFrame, by: Literal["good", "pair"] = "good"
) -> pd.DataFrame:
    """The same quantity of two goods, straight from the answers: no curve, no utility.

    Orders are balanced: the share in favour of a good is the mean of its share when listed first
    and when listed second, and a pair answered in one order only is left out. Where less is
    better, an answer for "N of X die" counts against X.

    Parameters
    ----------
    by
        "good": each good against all others, with a pair-clustered interval (a pair of items is
        one draw). "pair": every two goods; with few pairs of items each, the interval counts
        answers (Agresti and Caffo 2000) and holds for these wordings and quantities.

    Returns
    -------
    Columns good, (per,) share, low, high, pairs, answers, unequal (the interval without 1/2,
    Bonferroni-adjusted for the rows that hold no placebo).
    """
    counts = _equal_quantities(choices, items)
    if by == "pair":
        return _by_pair(counts, items)
    twice = pd.concat(
        [
            counts,
            counts.rename(columns={"good": "per", "per": "good"}).assign(
                share=1.0 - counts["share"]
            ),
        ]
    )
    placebo_of = is_placebo(items).groupby(items["good"]).any()
    family = int((~placebo_of.reindex(twice["good"].unique()).to_numpy(bool)).sum())
    rows = []
    for good, part in twice.groupby("good", sort=False):
        hits = part["share"].to_numpy(float)
        found = share(hits, np.ones_like(hits))
        rows.append(
            {
                "good": good,
                "share": found.value,
                "low": found.low,
                "high": found.high,
                "pairs": len(part),
                "answers": float(part["answers"].sum()),
                "p_value": _p_half(hits),
            }
        )
    names = ["good", "share", "low", "high", "pairs", "answers", "p_value"]
    table = pd.DataFrame(rows, columns=names)
    table["unequal"] = table["p_value"] * max(1, family) < 0.05
    return table.drop(columns="p_value")


def _p_half(hits: Array) -> float:
    """Two-sided p that the mean of these clusters is 1/2: sign test at unanimity, else t."""
    m = len(hits)
    spread = float(hits.std(ddof=1)) if m > 1 else 0.0
    if spread == 0.0:
        return 1.0 if m == 0 or hits[0] == 0.5 else 2.0 ** (1 - m)
    t = abs(float(hits.mean()) - 0.5) / (spread / np.sqrt(m))
    return float(2.0 * stats.t.sf(t, m - 1))


def _by_pair(counts: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    if counts.empty:
        return pd.DataFrame(
            columns=["good", "per", "share", "low", "high", "pairs", "answers", "unequal"]
        )
    turned = counts["good"] > counts["per"]
    flip = counts.copy()
    flip.loc[turned, ["good", "per"]] = counts.loc[turned, ["per", "good"]].to_numpy()
    for order in ("1", "2"):
        won = np.where(turned, counts[f"n{order}"] - counts[f"won{order}"], counts[f"won{order}"])
        flip[f"won{order}"] = won
    table = flip.groupby(["good", "per"], sort=False, as_index=False).agg(
        won1=("won1", "sum"),
        n1=("n1", "sum"),
        won2=("won2", "sum"),
        n2=("n2", "sum"),
        pairs=("n1", "size"),
    )
    raw = (table["won1"] / table["n1"] + table["won2"] / table["n2"]) / 2.0
    zero = pd.Series(0.0, index=table.index)
    variance, middle = zero, zero
    for order in ("1", "2"):
        n = table[f"n{order}"] + 2.0
        p = (table[f"won{order}"] + 1.0) / n
        variance, middle = variance + p * (1.0 - p) / n / 4.0, middle + p / 2.0
    se = np.sqrt(variance)
    placebo_of = is_placebo(items).groupby(items["good"]).any()
    real = ~(placebo_of.reindex(table["good"]).to_numpy(bool))
    real &= ~(placebo_of.reindex(table["per"]).to_numpy(bool))
    adjusted = stats.norm.isf(0.025 / max(1, int(real.sum())))
    return pd.DataFrame(
        {
            "good": table["good"],
            "per": table["per"],
            "share": raw,
            "low": np.minimum(raw, (middle - 1.96 * se).clip(0.0, 1.0)),
            "high": np.maximum(raw, (middle + 1.96 * se).clip(0.0, 1.0)),
            "pairs": table["pairs"],
            "answers": table["n1"] + table["n2"],
            "unequal": (middle - 0.5).abs() > adjusted * se,
        }
    )


def _equal_quantities(choices: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """One row a pair of items with the same quantity of two goods, answered in both orders.

    Columns good, per, share (in favour of good), won1, n1 (good listed first), won2, n2, answers.
    """
    known = items[items["kind"] == "good"]
    rows = choices[choices["first"].isin(known.index) & choices["second"].isin(known.index)]
    left, right = known.loc[rows["first"]], known.loc[rows["second"]]
    same = np.isclose(left["quantity"].to_numpy(float), right["quantity"].to_numpy(float))
    same &= left["good"].to_numpy() != right["good"].to_numpy()
    same &= ((rows["n_first"] + rows["n_second"]) > 0).to_numpy()
    rows, left, right = rows[same], left[same], right[same]
    sign = left["sign"].to_numpy(float) if "sign" in left else np.ones(len(rows))
    n = (rows["n_first"] + rows["n_second"]).to_numpy(float)
    for_first = np.where(sign > 0, rows["n_first"], rows["n_second"]).astype(float)
    forward = (
        (rows["first"].to_numpy(str) < rows["second"].to_numpy(str)) if len(rows) else same[:0]
    )
    table = pd.DataFrame(
        {
            "low": np.where(forward, rows["first"], rows["second"]),
            "high": np.where(forward, rows["second"], rows["first"]),
            "good": np.where(forward, left["good"], right["good"]),
            "per": np.where(forward, right["good"], left["good"]),
            "won1": np.where(forward, for_first, 0.0),
            "n1": np.where(forward, n, 0.0),
            "won2": np.where(forward, 0.0, n - for_first),
            "n2": np.where(forward, 0.0, n),
        }
    )
    table = table.groupby(["low", "high", "good", "per"], sort=False, as_index=False).sum()
    table = table[(table["n1"] > 0) & (table["n2"] > 0)].reset_index(drop=True)
    table["share"] = (table["won1"] / table["n1"] + table["won2"] / table["n2"]) / 2.0
    table["answers"] = table["n1"] + table["n2"]
    return table
