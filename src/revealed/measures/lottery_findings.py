"""Findings of the lotteries, with stated chances and with own ones, a respondent at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..foundation.schemas import Finding, Provenance
from ..utilities import Fit
from . import lotteries as measure
from .intervals import Estimate

FAMILY = "lottery.chances"
"""Tested together: does a respondent's liking of lotteries follow their chances?"""


def explicit_findings(
    respondent: str,
    fit: Fit,
    items: pd.DataFrame,
    *,
    chapter: str,
    provenance: Provenance,
    arm: str = "forced",
) -> list[Finding]:
    """Findings of the instrument ``lotteries``; none if `lotteries.shortage` gives a reason.

    lottery.chance_slope (headline, null 0), .slope, .slope_naive, .intercept, .weighting, .misfit,
    .loss and .loss_difference (subject: the rule; against the expectation), .parity_loss (subject:
    absolute, squared) and .parity_correlation.
    """
    if measure.shortage(fit, items):
        return []
    data = measure.lotteries(fit, items)
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "respondent": respondent,
        "instrument": "lotteries", "arm": arm,
    }  # fmt: skip
    made: list[Finding] = []
    chance = measure.chance_slope(data)
    _add(made, "lottery.chance_slope", chance.estimate, "slope", family=FAMILY, null=0.0, **about)
    level, naive = measure.level_slope(data)
    _add(made, "lottery.slope", level.estimate, "slope", **about)
    n = len(data)
    plain = Estimate(naive, None, None, n, "least squares, as if utilities had no noise")
    _add(made, "lottery.slope_naive", plain, "slope", **about)
    if np.isfinite(level.estimate.value):
        middle, half = float(level.nuisance[0]), 1.96 * float(level.nuisance_se[0])
        intercept = Estimate(middle, middle - half, middle + half, n, level.estimate.method)
        _add(made, "lottery.intercept", intercept, "probit", **about)
    power = measure.weighting(data)
    _add(made, "lottery.weighting", power.estimate, "power", **about)
    misfit = Estimate(
        level.misfit_sd, None, None, n, "what noise does not explain, root of moments"
    )
    _add(made, "lottery.misfit", misfit, "probit", **about)
    made += _rules(data, about)
    made += _parity(data, about)
    return made


def implicit_findings(
    respondent: str,
    fit: Fit,
    items: pd.DataFrame,
    answers: pd.DataFrame,
    questions: pd.DataFrame,
    *,
    chapter: str,
    provenance: Provenance,
    arm: str = "forced",
) -> list[Finding]:
    """Findings of the instrument ``implicit_lotteries``, weighed by the respondent's own chances.

    lottery.own_chance_slope (headline, null 0), .chance_sum, .chance_incoherence, .own_slope,
    .own_weighting, .loss, .loss_difference, .parity_loss and .parity_correlation. Without own
    chances of enough events only what can be said of those chances.
    """
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "respondent": respondent,
        "instrument": "implicit_lotteries", "arm": arm,
    }  # fmt: skip
    chances, totals = measure.own_chances(answers, questions, items)
    made: list[Finding] = []
    if len(totals) >= 3:
        _add(made, "lottery.chance_sum", measure.chance_sum(totals), "sum of chances", **about)
        off = measure.chance_incoherence(totals)
        _add(made, "lottery.chance_incoherence", off, "distance from 1", **about)
    if measure.shortage(fit, items, chances):
        return made
    data = measure.lotteries(fit, items, chances)
    slope = measure.chance_slope(data).estimate
    _add(made, "lottery.own_chance_slope", slope, "slope", family=FAMILY, null=0.0, **about)
    _add(made, "lottery.own_slope", measure.level_slope(data)[0].estimate, "slope", **about)
    _add(made, "lottery.own_weighting", measure.weighting(data).estimate, "power", **about)
    return made + _rules(data, about) + _parity(data, about)


def _rules(data: measure.Lotteries, about: dict[str, Any]) -> list[Finding]:
    losses = measure.rule_losses(data)
    made: list[Finding] = []
    for rule in measure.RULES:
        loss = measure.mean_loss(losses, rule)
        _add(made, "lottery.loss", loss, "squared error", subject=rule, **about)
        if rule != "expectation":
            difference = measure.loss_difference(losses, rule)
            _add(
                made, "lottery.loss_difference", difference, "squared error", subject=rule, **about
            )
    return made


def _parity(data: measure.Lotteries, about: dict[str, Any]) -> list[Finding]:
    found = measure.parity_losses(data)
    made: list[Finding] = []
    method = "the original's, standardised utilities"
    for kind in ("absolute", "squared"):
        e = Estimate(found[kind], None, None, len(data), method)
        _add(made, "lottery.parity_loss", e, f"{kind} error", subject=kind, **about)
    e = Estimate(found["correlation"], None, None, len(data), method)
    _add(made, "lottery.parity_correlation", e, "correlation", **about)
    return made


def _add(made: list[Finding], estimand: str, estimate: Estimate, unit: str, **about: Any) -> None:
    """Append a finding unless there is no number."""
    if np.isfinite(estimate.value):
        made.append(estimate.finding(estimand, unit, **about))
