"""What the chapter says about respondents, as findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from ..intervals import Estimate
from .group import RESPONDENTS_NEEDED, common_share, families, mean_correlation
from .pairs import RETEST
from .reliability import Halves

CHAPTER = "convergence"
FAMILY = "convergence.within_category"


def pair_findings(
    table: pd.DataFrame,
    *,
    instrument: str,
    provenance: Mapping[str, Provenance],
    chapter: str = CHAPTER,
    arm: str = "",
) -> list[Finding]:
    """Findings of every pair of `pairs.compare`, once each: ``one`` responds, ``other`` is subject.

    Estimands convergence.correlation, convergence.corrected, convergence.within_category (with the
    permutation's p-value in its note; the family that is adjusted for its number) and
    convergence.beyond_length. A pair with a simulated respondent is simulated.
    """
    made: list[Finding] = []
    for row in table.to_dict("records"):
        kinds = {provenance[row["one"]], provenance[row["other"]]}
        about: dict[str, Any] = {
            "chapter": chapter, "respondent": row["one"], "subject": row["other"], "arm": arm,
            "instrument": instrument, "unit": "correlation", "n": int(row["n"]),
            "provenance": next(k for k in ("simulated", "elicited", "public", "published")
                               if k in kinds),
        }  # fmt: skip
        if "simulated" not in kinds:
            about["claim"] = "C4"
        unit = "items" if row["clusters"] == row["n"] else "categories"
        how = f"jackknife of {row['clusters']} {unit}"
        one, other = row["reliability_one"], row["reliability_other"]
        for estimand, name, method, note in (
            ("correlation", "r", f"Pearson, {how} on Fisher's z", ""),
            (
                "corrected",
                "corrected",
                f"Pearson over the root of both reliabilities, {how}",
                f"reliability {one:.2f} and {other:.2f}",
            ),
            (
                "within_category",
                "within",
                f"Pearson after taking out category means, {how} on Fisher's z",
                f"permuted within categories: p = {row['within_p']:.4f}",
            ),
            (
                "beyond_length",
                "beyond_length",
                f"Pearson after taking out category means and length, {how} on Fisher's z",
                "",
            ),
        ):
            if pd.isna(row[name]):
                continue
            stem = "" if name == "r" else f"{name}_"
            tested: dict[str, Any] = {}
            if name == "within":
                tested = {"family": FAMILY, "null": 0.0, "freedom": row["clusters"] - 1.0}
            made.append(
                Finding(
                    f"convergence.{estimand}", estimate=float(row[name]),
                    low=_end(row[f"{stem}low"]), high=_end(row[f"{stem}high"]),
                    method=method, note=note, **tested, **about,
                )
            )  # fmt: skip
    return made


def group_findings(
    matrix: pd.DataFrame,
    *,
    name: str,
    instrument: str,
    provenance: Provenance,
    categories: Mapping[str, str] | None = None,
    family: Mapping[str, str] | None = None,
    chapter: str = CHAPTER,
    seed: int = 0,
) -> list[Finding]:
    """Findings about a group of respondents, under the respondent `name` ("avocado/all").

    Estimands convergence.mean_correlation, convergence.common_share and
    convergence.common_share_null (subjects "" and "within categories"), convergence.common_share_p,
    and, with families, convergence.family_within, convergence.family_between,
    convergence.family_difference and convergence.family_p. Nothing for fewer than
    `RESPONDENTS_NEEDED` respondents.
    """
    if matrix.shape[1] < RESPONDENTS_NEEDED:
        return []
    about: dict[str, Any] = {
        "chapter": chapter, "respondent": name, "instrument": instrument, "provenance": provenance,
    }  # fmt: skip
    if provenance != "simulated":
        about["claim"] = "C4"
    every = f"{matrix.shape[1]} respondents"
    made = [
        mean_correlation(matrix, categories).finding(
            "convergence.mean_correlation", "correlation", **about
        )
    ]
    for within, subject in (("all", ""), ("categories", "within categories")):
        if within == "categories" and categories is None:
            continue
        shared = common_share(matrix, categories, within=within, seed=seed)  # type: ignore[arg-type]
        n = shared.share.n
        made += [
            shared.share.finding("convergence.common_share", "share", subject=subject, **about),
            Estimate(shared.null, None, None, n, f"mean of permuted outcomes, {every}").finding(
                "convergence.common_share_null", "share", subject=subject,
                note=f"95 % point {shared.null_high:.3f}", **about,
            ),
            Estimate(shared.p, None, None, n, f"outcomes permuted, one-sided, {every}").finding(
                "convergence.common_share_p", "p-value", subject=subject, **about
            ),
        ]  # fmt: skip
    if family is not None:
        try:
            found = families(matrix, family, categories, seed=seed)
        except DataError:  # all of one family, or each of its own: nothing to compare
            return made
        told = f"{every} of {found.families} families"
        made += [
            found.within.finding("convergence.family_within", "correlation", **about),
            found.between.finding("convergence.family_between", "correlation", **about),
            found.difference.finding(
                "convergence.family_difference", "difference in correlation", **about
            ),
            Estimate(
                found.p, None, None, found.difference.n,
                f"families permuted over respondents, one-sided, {told}",
            ).finding("convergence.family_p", "p-value", **about),
        ]  # fmt: skip
    return made


def reliability_findings(
    reliability: Mapping[str, Halves | float],
    *,
    instrument: str,
    provenance: Mapping[str, Provenance],
    chapter: str = CHAPTER,
) -> list[Finding]:
    """``convergence.reliability`` of each respondent; assumed, and said to be, where a number."""
    made = []
    for name, value in reliability.items():
        if isinstance(value, Halves):
            number = float(value.reliability()[0])
            method = f"{len(value.one)} split halves of the answers, Spearman-Brown"
            kind, n = provenance[name], len(value.items)
        else:
            number, kind, n = float(value), "published", 0
            method = "assumed: retest of one model under the same protocol; no answers are public"
        if np.isfinite(number):
            made.append(
                Finding(
                    "convergence.reliability", chapter=chapter, respondent=name, estimate=number,
                    low=None, high=None, unit="correlation", n=n, method=method, provenance=kind,
                    instrument=instrument,
                )
            )  # fmt: skip
    return made


def ceiling_finding(chapter: str = CHAPTER) -> Finding:
    """``convergence.ceiling``: what a model is assumed to show with itself (n is 0)."""
    return Finding(
        "convergence.ceiling", chapter=chapter, respondent="retest", estimate=RETEST, low=None,
        high=None, unit="correlation", n=0, provenance="published",
        method="assumed: correlation of two runs of one model under one protocol",
    )  # fmt: skip


def select(table: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The pairs of `pairs.compare` among these respondents."""
    chosen = set(names)
    both = table["one"].isin(chosen) & table["other"].isin(chosen)
    return table[both].reset_index(drop=True)


def _end(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
