"""Models that one name stood for in turn, and a model beside its successor: published data.

The Moral Machine's table gives nine effects a model, without intervals. Each is taken to have the
sampling error of the one model whose raw choices are public. Models were put about as many dilemmas
each; one that answers the same dilemma alike every time has a smaller error, and its intervals here
are too wide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding
from .. import moral_foundations as mf
from ..control.shift import Moved
from ..intervals import Z95, Array, Estimate, percentile, resample_weights
from ..moral_machine_models import effect_matrix

CHAPTER = "drift"
EFFECT, STEP, APART = "drift.effect_change", "drift.release_step", "drift.makers_apart"
_METHOD = "difference of published effects, sampling error of one public sample, normal"
_SQUARE = "root mean square of nine changes less sampling noise, quadratic form"
HALVES = "runs 1 to 5 and runs 6 to 10"
WHOLE = "first to last"
_PERSONAS = "paired over personas and items, crossed bootstrap"


def steps(aliases: pd.DataFrame) -> pd.DataFrame:
    """From each model of a name to the next, and from the first to the last.

    Parameters
    ----------
    aliases
        Columns alias, model and since, as `respondents.public.load_aliases` gives them.

    Returns
    -------
    DataFrame
        alias, before, after, since (date of the change), whole (first to last).
    """
    rows = []
    for alias, own in aliases.sort_values("since").groupby("alias", sort=False):
        models, dates = list(own["model"]), list(own["since"])
        turns = list(zip(models[:-1], models[1:], dates[1:], strict=True))
        rows += [(alias, *turn, False) for turn in turns]
        if len(turns) > 1:
            rows.append((alias, models[0], models[-1], dates[-1], True))
    return pd.DataFrame(rows, columns=["alias", "before", "after", "since", "whole"])


def release_findings(
    effects: pd.DataFrame, aliases: pd.DataFrame, errors: pd.Series
) -> list[Finding]:
    """Findings drift.effect_change, .release_step and .makers_apart.

    Parameters
    ----------
    effects
        Published effects (`respondents.public.import_moral_machine_effects`).
    aliases
        Which models a name stood for (`respondents.public.load_aliases`).
    errors
        Standard error of an effect by attribute.

    Returns
    -------
    One finding a step and attribute (effect after less before, tested together for each name), one
    a step (how far all nine moved, in probability), and the median of the same between models of
    different makers.
    """
    matrix = effect_matrix(effects)
    noise = 2 * errors.loc[list(matrix.columns)].to_numpy(float) ** 2
    about: dict[str, Any] = {
        "chapter": CHAPTER, "provenance": "public", "instrument": "moral_machine",
    }  # fmt: skip
    made: list[Finding] = []
    for step in steps(aliases).itertuples():
        change = (matrix.loc[step.after] - matrix.loc[step.before]).to_numpy(float)
        subject = f"{step.before} to {step.after}"
        found = _moved(change, noise)
        made.append(
            found.finding(STEP, "probability", respondent=step.alias, subject=subject,
                          note=WHOLE if step.whole else f"since {step.since}", **about)
        )  # fmt: skip
        if step.whole:
            continue
        for name, value, se in zip(matrix.columns, change, np.sqrt(noise), strict=True):
            e = Estimate(float(value), value - Z95 * se, value + Z95 * se, 1, _METHOD)
            made.append(
                e.finding(EFFECT, "difference in probability", respondent=step.alias,
                          subject=f"{subject}: {name}", family=f"{EFFECT}:{step.alias}", null=0.0,
                          **about)
            )  # fmt: skip
    known = effects.drop_duplicates("model").set_index("model")["family"]
    made.append(
        _makers_apart(matrix, known, noise).finding(
            APART, "probability", respondent="takemoto2026/all", **about
        )
    )
    return made


def _moved(change: Array, noise: Array) -> Estimate:
    """Root mean square of independent changes, less their noise (variances): `Moved`'s signs."""
    k = len(change)
    spread = float((noise**2).sum())
    along = max(0.0, float((change**2 * noise).sum()) - spread)
    square = float((change**2).sum() - noise.sum()) / k
    return Moved(square, float(np.sqrt(2 * spread + 4 * along)) / k, k, _SQUARE).estimate


def _makers_apart(matrix: pd.DataFrame, family: pd.Series, noise: Array) -> Estimate:
    """Median root mean square difference between models of different makers."""
    values = matrix.to_numpy(float)
    code, names = pd.factorize(family.loc[list(matrix.index)])
    apart = ((values[:, None, :] - values[None, :, :]) ** 2).sum(axis=2) - noise.sum()
    apart = np.sqrt(np.clip(apart, 0.0, None) / values.shape[1])
    one, two = np.triu_indices(len(values), k=1)
    other = code[one] != code[two]
    one, two = one[other], two[other]
    between = apart[one, two]
    draws = []
    for weights in resample_weights(len(names), 500, seed=0):
        weight = weights[code[one]] * weights[code[two]]
        if weight.sum() > 0:
            draws.append(_weighted_median(between, weight))
    low, high = percentile(np.array(draws))
    return Estimate(
        float(np.median(between)), low, high, len(values),
        f"median over pairs of models, bootstrap of {len(names)} families, n counts models",
    )  # fmt: skip


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])


def foundation_findings(ratings: pd.DataFrame, before: str, after: str) -> list[Finding]:
    """A model and its successor as the same personas, and each beside itself: how like they are.

    Parameters
    ----------
    ratings
        As `respondents.public.import_moral_foundations` gives them.
    before, after
        The two respondents.

    Returns
    -------
    drift.item_shift (root mean square, over items, of the change of an item's mean rating, less
    what the draw of runs adds to it; scale points) and drift.profile (correlation of how personas
    differ), between the two models (subject: both), and between halves of each one's ten runs: what
    asking again within the hour changes.
    """
    made: list[Finding] = []
    parts = {name: ratings[ratings["respondent"] == name] for name in (before, after)}
    about: dict[str, Any] = {
        "chapter": CHAPTER, "provenance": "public", "instrument": "moral_foundations",
    }  # fmt: skip

    def add(one: mf.Cells, two: mf.Cells, respondent: str, subject: str) -> None:
        shift, same = _compared(one, two)
        made.append(
            shift.finding("drift.item_shift", "scale points", respondent=respondent,
                          subject=subject, **about)
        )  # fmt: skip
        made.append(
            same.finding("drift.profile", "correlation", respondent=respondent, subject=subject,
                         **about)
        )  # fmt: skip

    whole = {name: mf.cells(part) for name, part in parts.items()}
    add(whole[before], whole[after], after, f"since {before}")
    for name, part in parts.items():
        first = part["run"] <= part["run"].max() // 2
        add(mf.cells(part[first]), mf.cells(part[~first]), name, HALVES)
    return made


def _compared(one: mf.Cells, two: mf.Cells) -> tuple[Estimate, Estimate]:
    personas, items = one.means.shape
    change = two.means.mean(axis=0) - one.means.mean(axis=0)
    noise = sum(((c.sds**2 / c.n).sum(axis=0) / personas**2 for c in (one, two)), np.zeros(items))
    shift = _moved(change, noise)
    w, v = resample_weights(personas, 1000, 0), resample_weights(items, 1000, 1)
    value = float(mf.profile_correlation(two, one)[0])
    low, high = percentile(mf.profile_correlation(two, one, w, v))
    return (
        Estimate(shift.value, shift.low, shift.high, items,
                 "root mean square over items less sampling noise, n counts items"),
        Estimate(value, low, high, personas, _PERSONAS),
    )  # fmt: skip
