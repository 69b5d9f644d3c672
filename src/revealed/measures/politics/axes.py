"""Axis scores: how far a respondent's likings follow left against right, and liberty against order.

A score is a slope: of the utilities of proposals on the side that a typical party takes, within
areas, so that caring more for one area than for another is no politics. The two sides are fitted
together: authority is adjusted for lean and lean for authority. In standard deviations of the
respondent's utilities a score does not depend on how decided the respondent is; a respondent that
wants what the right proposes, and nothing else, has 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from .. import measurable
from ..fallible import RELIABILITY_NEEDED, Utilities, utilities
from ..intervals import Array, Estimate

AXES = ("lean", "authority")
"""Columns of the items: -1 and 1, and 0 for authority where a proposal is neither."""
AREAS_NEEDED = 5
_METHOD = "within areas, both sides together, jackknife over areas"


@dataclass(frozen=True)
class Sides:
    """Utilities of proposals with the side that each of them is of.

    ``mean`` (n,) and ``noise`` (n, n) are the utilities and the covariance of their sampling error,
    ``sides`` (n, 2) lean and authority, ``area`` (n,) the number of each item's area.
    """

    items: tuple[str, ...]
    mean: Array
    noise: Array
    sides: Array
    area: Array

    def where(self, keep: Array) -> Sides:
        """The same of some of the items (a mask)."""
        items = tuple(item for item, kept in zip(self.items, keep, strict=True) if kept)
        part = np.ix_(keep, keep)
        return Sides(items, self.mean[keep], self.noise[part], self.sides[keep], self.area[keep])


def sides(utility: Utilities, items: pd.DataFrame) -> Sides:
    """The proposals among the fitted items, with their sides.

    Parameters
    ----------
    items
        Indexed by item id, with columns lean, authority and category (the area). Areas of which
        proposals of one side alone were asked say nothing about sides and are left out.

    Raises
    ------
    DataError
        If fewer than `AREAS_NEEDED` areas are left.
    """
    asked = items.loc[[item for item in utility.items if item in items.index]]
    both = asked.groupby("category")["lean"].transform("nunique") > 1
    asked = asked[both.to_numpy(bool)]
    areas, _ = pd.factorize(asked["category"])
    if len(asked) == 0 or areas.max() + 1 < AREAS_NEEDED:
        raise DataError(f"fewer than {AREAS_NEEDED} areas have answers about both of their sides.")
    mean, noise = utility.of(asked.index)
    shown = asked[list(AXES)].to_numpy(float)
    return Sides(tuple(asked.index), mean, noise, shown, areas.astype(float))


def within(values: Array, area: Array) -> Array:
    """`values` (n,) or (n, k) less the mean of their area."""
    codes = area.astype(int)
    counts = np.maximum(np.bincount(codes), 1)  # an area that is left out has none
    columns = values if values.ndim == 2 else values[:, None]
    means = np.stack([np.bincount(codes, column) / counts for column in columns.T], axis=1)
    centred = np.asarray(columns - means[codes])
    return centred if values.ndim == 2 else np.asarray(centred[:, 0])


def slopes(given: Sides) -> Array:
    """Utility of a unit of lean and of authority, (2,): least squares within areas."""
    x = within(given.sides, given.area)
    return np.asarray(np.linalg.lstsq(x, within(given.mean, given.area), rcond=None)[0])


def spread(given: Sides) -> float:
    """Standard deviation of the true utilities: of the estimated ones, their noise taken out.

    NaN where less than a fifth of the variance is more than noise.
    """
    n = len(given.mean)
    centred = given.mean - given.mean.mean()
    raw = float(centred @ centred) / (n - 1)
    noise = float(np.trace(given.noise) - given.noise.sum() / n) / (n - 1)
    true = raw - noise
    return float(np.sqrt(true)) if true > RELIABILITY_NEEDED * raw else float("nan")


def jackknife(given: Sides, statistic: Callable[[Sides], Array]) -> tuple[Array, Array, Array]:
    """`statistic` (k,) with the ends of its 95 % intervals: leaves one area out at a time.

    The areas are taken as drawn from all there could be; Student's t on areas less one.
    """
    value = np.asarray(statistic(given), float)
    areas = np.unique(given.area)
    left = np.array([statistic(given.where(given.area != area)) for area in areas])
    g = len(areas)
    half = stats.t.ppf(0.975, g - 1) * np.sqrt((g - 1) / g * ((left - value) ** 2).sum(axis=0))
    return value, value - half, value + half


@dataclass(frozen=True)
class Analysis:
    """Axis scores of one respondent; ``why`` is what bars it, or "".

    ``scores`` are in standard deviations of its utilities, ``probit`` in probit units; both by axis
    (lean, authority). ``sampling`` is the standard error of the scores from the answers alone.
    """

    respondent: str
    instrument: str
    arm: str
    asked: int
    why: str
    given: Sides | None = None
    scores: dict[str, Estimate] = field(default_factory=dict)
    probit: dict[str, Estimate] = field(default_factory=dict)
    sampling: dict[str, float] = field(default_factory=dict)


def score(given: Sides) -> tuple[dict[str, Estimate], dict[str, Estimate], dict[str, float]]:
    """Scores in standard deviations, in probit units, and their sampling errors, by axis.

    NaN where the utilities are mostly noise: nothing is preferred, so no side is.
    """
    sd = spread(given)
    n = len(given.mean)
    if np.isnan(sd):
        nothing = Estimate(np.nan, None, None, n, _METHOD, "mostly noise")
        return dict.fromkeys(AXES, nothing), dict.fromkeys(AXES, nothing), {}

    def both(part: Sides) -> Array:
        slope, scale = slopes(part), spread(part)
        return np.concatenate([slope / (sd if np.isnan(scale) else scale), slope])

    value, low, high = jackknife(given, both)
    weights = np.linalg.pinv(within(given.sides, given.area))
    error = np.sqrt(np.einsum("ai,ij,aj->a", weights, given.noise, weights)) / sd
    freedom = len(np.unique(given.area)) - 1
    made = [
        Estimate(float(v), float(a), float(b), n, _METHOD, freedom=freedom)
        for v, a, b in zip(value, low, high, strict=True)
    ]
    sampling = {axis: float(e) for axis, e in zip(AXES, error, strict=True)}
    return (
        dict(zip(AXES, made[:2], strict=True)), dict(zip(AXES, made[2:], strict=True)), sampling,
    )  # fmt: skip


def analyse(choices: pd.DataFrame, items: pd.DataFrame, *, barred: str = "") -> Analysis:
    """Axis scores of one respondent.

    Parameters
    ----------
    choices
        Schema CHOICES, of one arm.
    items
        The instrument's items (see `sides`).
    barred
        Why the respondent is not measurable anywhere, if so (`measurable.calibration_reason`).

    A respondent that prefers no proposal to another is barred too.
    """
    respondent, instrument, arm = (
        str(choices[name].iloc[0]) for name in ("respondent", "instrument", "arm")
    )
    n = measurable.asked(choices)
    if why := barred or measurable.reason(choices):
        return Analysis(respondent, instrument, arm, n, why)
    try:
        given = sides(utilities(choices), items)
    except DataError as error:
        return Analysis(respondent, instrument, arm, n, error.what.rstrip("."))
    scores, probit, sampling = score(given)
    if np.isnan(scores["lean"].value):
        why = "it prefers no proposal to another beyond chance"
        return Analysis(respondent, instrument, arm, n, why)
    return Analysis(respondent, instrument, arm, n, "", given, scores, probit, sampling)


NAMES = {"lean": "left_right", "authority": "authority"}
"""How the findings call the axes."""


def findings(analysis: Analysis, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """An analysis as findings.

    Estimands politics.measurable; politics.left_right and politics.authority (families of these
    names, null 0); politics.left_right_probit and politics.authority_probit. Of a respondent that
    is not measurable, the first alone.
    """
    a = analysis
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "claim": "C8", "instrument": a.instrument,
        "arm": a.arm,
    }  # fmt: skip
    made = [measurable.finding("politics", a.respondent, a.why, n=a.asked, **about)]
    if a.why:
        return made
    about["respondent"] = a.respondent
    for axis, name in NAMES.items():
        note = f"sampling error of the answers alone {a.sampling[axis]:.2f}"
        tested = {**about, "note": note, "family": f"politics.{name}", "null": 0.0}
        made.append(a.scores[axis].finding(f"politics.{name}", "standard deviations", **tested))
        made.append(a.probit[axis].finding(f"politics.{name}_probit", "probit units", **about))
    return made
