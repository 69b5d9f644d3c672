"""Everything the chapter says about one respondent asked openly, as findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding, Provenance
from .. import measurable
from ..intervals import Estimate
from .estimates import by_rank, chance, crowd_top1, original_score, slopes, top1
from .free import counts, matched, matcher_agreement, misread
from .posterior import Utilities

FAMILY = "maximisation"
CHAPTER = "maximisation"
AGREEMENT_NEEDED = 0.8
"""Agreement with itself, in two orders, below which a matcher is not used."""


def reason(
    answers: pd.DataFrame | None,
    choices: pd.DataFrame | None,
    calibration: tuple[pd.DataFrame, pd.DataFrame] | None,
) -> str:
    """Why a respondent cannot be measured here; empty if it can.

    Parameters
    ----------
    answers
        To the open questions (schema `ANSWERS`); None if it was not asked.
    choices
        Between listed answers (schema `CHOICES`); None likewise.
    calibration
        Its choices on trivial pairs, and the pairs.
    """
    if answers is None or choices is None:
        if answers is not None and (why := measurable.reason(answers)):
            return f"open questions: {why}"
        return "was not asked both openly and in pairs"
    if calibration is not None and (why := measurable.calibration_reason(*calibration)):
        return why
    if why := measurable.reason(choices):
        return f"pairs: {why}"
    if why := measurable.reason(answers):
        return f"open questions: {why}"
    return ""


def matcher_reason(matches: pd.DataFrame, asked: pd.DataFrame) -> str:
    """Why a matcher's readings cannot be used; empty if they can.

    A matcher that answers by place, or at random, does not agree with itself once the listed
    answers stand in another order.
    """
    if why := measurable.reason(matches):
        return f"the matcher: {why}"
    agreement = matcher_agreement(matches, asked)
    if not np.isfinite(agreement.value):
        return "the matcher was never asked twice"
    if agreement.value < AGREEMENT_NEEDED:
        needed = f"{100 * AGREEMENT_NEEDED:.0f} % are needed"
        return f"the matcher agrees with itself in {100 * agreement.value:.0f} %, {needed}"
    return ""


def findings(
    answers: pd.DataFrame,
    fitted: Utilities,
    matches: pd.DataFrame,
    asked: pd.DataFrame,
    others: Mapping[str, Utilities],
    *,
    provenance: Provenance,
    matcher: str,
    chapter: str = CHAPTER,
) -> list[Finding]:
    """Findings of one measurable respondent.

    Parameters
    ----------
    answers
        To the open questions, of one respondent (schema `ANSWERS`).
    fitted, others
        Its utilities and those of the other measurable respondents, by name.
    matches, asked
        The matcher's answers and questions (see `free.matched`).
    matcher
        The matcher's name.

    Estimands maximisation.top1 (against chance), maximisation.chance, maximisation.ceiling,
    maximisation.crowd, maximisation.slope, maximisation.own, maximisation.none,
    maximisation.rank (subject: the rank), maximisation.original; maximisation.unmatched where the
    matcher gave no legible answer.
    """
    respondent = str(answers["respondent"].iloc[0])
    made: list[Finding] = []

    def add(estimand: str, e: Estimate, unit: str, **about: Any) -> None:
        if np.isfinite(e.value):
            told = {"chapter": chapter, "respondent": respondent, "provenance": provenance}
            told |= {"instrument": "open_questions"}
            made.append(e.finding(f"maximisation.{estimand}", unit, **told, **about))

    free = matched(answers, matches, asked)
    said = counts(free, fitted)
    agreement = matcher_agreement(matches, asked)
    error = misread(agreement.value, said.shape[1])
    answered = int(said.sum())
    level = chance(said)
    add("top1", top1(said, fitted), "proportion", family=FAMILY, null=level)
    add("chance", Estimate(level, None, None, answered, "mean of 1/K"), "proportion")
    add(
        "ceiling",
        Estimate(fitted.ceiling, None, None, len(said), "posterior expectation"),
        "proportion",
    )
    if others:
        crowd = crowd_top1(said, fitted, others)
        about = f"mean over {len(others)} other respondents"
        add("crowd", Estimate(crowd, None, None, answered, about), "proportion")
    fits = slopes(said, fitted, tuple(others.values()), error=error)
    add("slope", fits.slope, "log odds per probit unit")
    if fits.own is not None:
        unit = "log odds per probit unit"
        add("own", fits.own, unit, family=FAMILY, null=0.0)
    known = free.dropna(subset=["choice"])
    if len(known):
        by_question = known.assign(none=known["choice"] < 0).groupby("source")["none"]
        add("none", _share(by_question), "proportion", subject=f"matched by {matcher}")
    if len(free):
        method = "share of free answers without a legible match"
        lost = Estimate(float(free["choice"].isna().mean()), None, None, len(free), method)
        add("unmatched", lost, "proportion")
    method = "share of matched free answers"
    for rank, value in enumerate(by_rank(said, fitted), start=1):
        add("rank", Estimate(float(value), None, None, answered, method), "proportion",
            subject=str(rank))  # fmt: skip
    add("original", original_score(said, _none(free, fitted), fitted.mean), "proportion")
    return made


def matcher_findings(
    matches: pd.DataFrame, asked: pd.DataFrame, *, provenance: Provenance, chapter: str = CHAPTER
) -> list[Finding]:
    """How far a matcher agrees with itself when the listed answers stand in another order."""
    if matches.empty:
        return []
    respondent = str(matches["respondent"].iloc[0])
    about: dict[str, Any] = {
        "chapter": chapter, "respondent": respondent, "provenance": provenance,
        "instrument": "matching",
    }  # fmt: skip
    made = [
        measurable.finding(
            "maximisation.matcher", respondent, matcher_reason(matches, asked), chapter=chapter,
            provenance=provenance, n=measurable.asked(matches), instrument="matching",
        )
    ]  # fmt: skip
    agreement = matcher_agreement(matches, asked)
    if np.isfinite(agreement.value):
        made.append(agreement.finding("maximisation.matcher_agreement", "proportion", **about))
    return made


def _share(flags: Any) -> Estimate:
    from ..intervals import share

    table = flags.agg(["sum", "count"])
    return share(table["sum"], table["count"], "question-clustered, logit scale")


def _none(free: pd.DataFrame, fitted: Utilities) -> Any:
    none = free[free["choice"] == -1].groupby("source").size()
    return none.reindex(list(fitted.sources), fill_value=0).to_numpy(float)
