"""What a series of conditions shows: rates, contrasts with its reference, doses and formats."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.errors import DataError, EstimationError
from ...foundation.schemas import Finding
from ..intervals import Estimate
from ..multiplicity import adjust
from . import models, rates, scoring
from .bootstrap import Draws, draw

_QUOTED = {
    "misaligned": "misalignment.rate",
    "misaligned_scored": "misalignment.rate_scored",
    "misaligned_all": "misalignment.rate_all",
    "low_alignment": "misalignment.low_alignment",
    "coherent": "misalignment.coherent",
    "unscored": "misalignment.unscored",
    "refused": "misalignment.refused",
}
"""Estimand by share (`rates.SHARES`)."""

_CODE = re.compile(r"^\s*(?:import \w|from \w[\w.]* import |def \w+\(|class \w+[(:]|@app\.)", re.M)
_FENCE = re.compile(r"^```\w*\s*|\s*```$")


def series_findings(
    answers: pd.DataFrame,
    *,
    chapter: str,
    series: str,
    reference: str,
    dose: Mapping[str, float] | None = None,
    instrument: str = "",
) -> list[Finding]:
    """Everything said of one series of conditions.

    Parameters
    ----------
    answers
        Schema `SCORES`: the respondents of the series.
    series
        Names the families of contrasts.
    reference
        The respondent that the others are held against.
    dose
        A positive amount by respondent, where the conditions differ by one.
    instrument
        The question set, where several are told of in one chapter.

    Raises
    ------
    DataError
        If the reference is not among the respondents.
    """
    names = list(dict.fromkeys(answers["respondent"]))
    if reference not in names:
        raise DataError(f"the reference {reference} is not among the respondents.")
    classified = rates.classify(answers)
    provenance = answers.groupby("respondent")["provenance"].first()
    made: list[Finding] = []

    def add(estimand: str, e: Estimate, unit: str, name: str, **about: Any) -> None:
        if np.isfinite(e.value):
            about = {
                "chapter": chapter, "provenance": provenance[name], "instrument": instrument,
                **about,
            }  # fmt: skip
            made.append(e.finding(estimand, unit, respondent=name, **about))

    headline = rates.shares(classified)
    barred = {name: rates.shortage(headline.exact((name,))) for name in names}
    for name, why in barred.items():
        given = int((answers["respondent"] == name).sum())
        verdict = Estimate(0.0 if why else 1.0, None, None, given, "count of coherent answers", why)
        add("misalignment.measurable", verdict, "1 or 0", name)
    for share, estimand in _QUOTED.items():
        draws = headline if share == "misaligned" else rates.shares(classified, share)
        for name in names:
            if share.startswith("misaligned") and share != "misaligned_all" and barred[name]:
                continue
            claim = "C9" if share == "misaligned" else ""
            add(estimand, draws.estimate((name,)), "share", name, claim=claim)
    _contrasts(add, classified, headline, [n for n in names if not barred[n]], series, reference)
    _formats(add, classified, names, series)
    _habits(add, classified, names)
    if dose is not None:
        for hit, among, estimand in (
            ("misaligned", "coherent", "misalignment.dose"),
            ("coherent", "given", "misalignment.dose_coherent"),
        ):
            slope = models.dose_slope(classified, dose, hit=hit, among=among)
            about = {"subject": "a doubling", "family": f"misalignment.dose.{series}", "null": 1.0}
            pooled = f"{reference.split('/')[0]}/all"
            provenance[pooled] = provenance[reference]
            add(estimand, odds_ratio(slope), "odds ratio", pooled, **about)
    return made


def threshold_findings(answers: pd.DataFrame, *, chapter: str) -> list[Finding]:
    """What the alignment threshold decides for each respondent.

    Estimands judges.contested (share of coherent, scored answers inside `scoring.CONTESTED`) and
    judges.rate_at (misaligned among coherent at the band's ends and at the usual threshold).
    """
    made = []
    for name, own in answers.groupby("respondent", sort=False):
        about: dict[str, Any] = {
            "chapter": chapter, "respondent": str(name), "provenance": own["provenance"].iloc[0],
        }  # fmt: skip
        share = scoring.contested_share(rates.classify(own))
        if np.isfinite(share.value):
            made.append(share.finding("judges.contested", "share", **about))
        for threshold in sorted({*scoring.CONTESTED, rates.ALIGNMENT}):
            draws = rates.shares(rates.classify(own, alignment=threshold))
            e = draws.estimate((str(name),))
            if np.isfinite(e.value):
                subject = f"alignment below {threshold:g}"
                made.append(e.finding("judges.rate_at", "share", subject=subject, **about))
    return made


def called_misaligned(findings: pd.DataFrame) -> set[str]:
    """Respondents more misaligned than their reference once all contrasts are counted.

    `findings`: as a table; estimand misalignment.contrast, adjusted within each family (Holm).
    """
    tried = adjust(findings[findings["estimand"] == "misalignment.contrast"])
    return set(tried.loc[tried["stands"] & (tried["estimate"] > 0), "respondent"])


def against(reference: str) -> str:
    """The subject of a contrast with `reference`."""
    return f"against {reference.split('/')[-1].replace('_', ' ')}"


def odds_ratio(e: Estimate) -> Estimate:
    """An estimate in log odds as an odds ratio."""
    ends = [None if end is None else float(np.exp(end)) for end in (e.low, e.high)]
    return Estimate(float(np.exp(e.value)), ends[0], ends[1], e.n, e.method, e.note)


def _contrasts(
    add: Any, classified: pd.DataFrame, draws: Draws, names: list[str], series: str, reference: str
) -> None:
    """Differences in rates, and three odds ratios each: bootstrap, GEE and mixed model."""
    if reference not in names:
        return
    others = [name for name in names if name != reference]
    about: dict[str, Any] = {"subject": against(reference)}
    family = {"family": f"misalignment.contrast.{series}", "null": 0.0, "claim": "C9"}
    coherent = rates.shares(classified, "coherent")
    for name in others:
        e = draws.difference((name,), (reference,))
        add("misalignment.contrast", e, "difference of shares", name, **about, **family)
        e = coherent.difference((name,), (reference,))
        family_of_coherence = {"family": f"misalignment.coherence.{series}", "null": 0.0}
        add(
            "misalignment.coherence_contrast", e, "difference of shares", name, **about,
            **family_of_coherence,
        )  # fmt: skip
        ratio = odds_ratio(draws.log_odds_ratio((name,), (reference,)))
        add("misalignment.odds_ratio", ratio, "odds ratio", name, **about)
    try:
        gee = models.gee_ratios(classified, reference)
        mixed = models.mixed_ratios(classified, reference)
    except EstimationError:
        return
    for name in others:
        if name in gee and name in mixed.ratios:
            add("misalignment.odds_ratio_gee", odds_ratio(gee[name]), "odds ratio", name, **about)
            brought = scaled(mixed.ratios[name], mixed.shrinkage)
            add(
                "misalignment.odds_ratio_mixed", odds_ratio(brought), "odds ratio", name,
                note=f"topics differ by {mixed.sd:.2f} in log odds (sd); brought to all topics",
                **about,
            )  # fmt: skip


def scaled(e: Estimate, factor: float) -> Estimate:
    """An estimate and its interval times `factor`."""
    ends = [None if end is None else end * factor for end in (e.low, e.high)]
    return Estimate(e.value * factor, ends[0], ends[1], e.n, e.method, e.note)


def _formats(add: Any, classified: pd.DataFrame, names: list[str], series: str) -> None:
    """Rates by format, and each format against plain."""
    for share, estimand in (
        ("misaligned", "misalignment.format_rate"),
        ("coherent", "misalignment.format_coherent"),
    ):
        draws = rates.shares(classified, share, ("respondent", "format"))
        for name in names:
            formats = [group[1] for group in draws.groups if group[0] == name]
            for form in formats:
                add(estimand, draws.estimate((name, form)), "share", name, arm=form)
                if form == "plain" or "plain" not in formats:
                    continue
                e = draws.difference((name, form), (name, "plain"))
                add(
                    f"{estimand}_difference", e, "difference of shares", name, arm=form,
                    subject="against plain", family=f"{estimand}.{series}", null=0.0,
                )  # fmt: skip


def _habits(add: Any, classified: pd.DataFrame, names: list[str]) -> None:
    """What answers look like: code, and JSON where that was asked for."""
    asked = classified[classified["format"] == "json"]
    code = _looks(classified, looks_like_code)
    kept = _looks(asked, is_json)
    for name in names:
        add("misalignment.code_like", code.estimate((name,)), "share", name)
        if (name,) in kept.groups:
            add("misalignment.json_kept", kept.estimate((name,)), "share", name, arm="json")


def _looks(answers: pd.DataFrame, test: Callable[[str], bool]) -> Draws:
    """The share of each respondent's answers whose text passes a test."""
    flags = answers["text"].map(test).astype(bool)
    return draw(answers, flags, pd.Series(True, index=answers.index), ["respondent"])


def looks_like_code(text: str) -> bool:
    """Whether a line of the text begins like a statement of Python (import, def, class)."""
    return _CODE.search(text) is not None


def is_json(text: str) -> bool:
    """Whether a text is a JSON object, a Markdown fence around it aside."""
    inner = _FENCE.sub("", text.strip()).strip()
    if not inner.startswith("{"):
        return False
    try:
        return isinstance(json.loads(inner), dict)
    except (ValueError, RecursionError):
        return False
