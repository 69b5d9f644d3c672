"""Does a respondent mean what it agrees with? Statements in other words, and turned around.

Every statement was put straight (as it stands, in other words, in a language of its country) and
reversed (negated, turned into its opposite). With a the mean answer (agree 1, disagree -1) over the
straight wordings, and r over the reversed ones, of one statement

    content = (a - r) / 2,    habit = (a + r) / 2 :

whoever agrees with whatever is put has no content and a habit of 1. A place on the anchored scale
(`anchor`) is given from the content, and only where answers to statements and to their reverse fit
together better than chance: Cohen's kappa of the two, which a habit of agreeing leaves at zero, is
above zero with its whole interval. Statements are the unit of every interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.schemas import Finding, Provenance
from ...instruments.experiments.probvaa import VARIANTS
from .. import measurable
from ..intervals import Array, Estimate, share
from .anchor import Scale, difference, place

REVERSED: tuple[str, ...] = tuple(name for name, polarity in VARIANTS.items() if polarity < 0)
REPEAT = "repeat"
"""The same statement in the same words, asked again."""
CHANCE = 0.5
CONSISTENCY_FAMILY = "politics.consistency"
CONTENT_FAMILY = "politics.content"
HABIT_FAMILY = "politics.agreement_habit"
PLACE_FAMILY = "politics.place"
DIFFERENCE_FAMILY = "politics.place_difference"
MIDDLE = 5.0
_PER_STATEMENT = "clustered by statement, logit scale"


def answer_table(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Legible answers by statement and wording.

    Parameters
    ----------
    answers
        One respondent's answers to the question set ``probvaa`` (schema `ANSWERS`).
    questions
        Its questions: index ``question``, columns statement, country, variant, polarity.

    Returns
    -------
    DataFrame
        Index statement, variant; ``agree`` and ``n`` (answers), ``polarity``, ``country``,
        ``meant`` (mean answer, -1 to 1, turned so that 1 is for the statement).
    """
    legible = answers[answers["kind"] == "answered"]
    facts = questions[["statement", "country", "variant", "polarity"]]
    told = legible.merge(facts, left_on="question", right_index=True, validate="many_to_one")
    told = told.assign(agree=(told["value"] == 0).astype(float))
    grouped = told.groupby(["statement", "variant"], sort=False)
    table = grouped.agg(
        agree=("agree", "sum"), n=("agree", "size"), polarity=("polarity", "first"),
        country=("country", "first"),
    )  # fmt: skip
    table["meant"] = table["polarity"] * (2 * table["agree"] / table["n"] - 1)
    return table


def content(table: pd.DataFrame) -> pd.DataFrame:
    """Content and habit (formulas above) of every statement that was answered both ways.

    Returns
    -------
    DataFrame
        Index statement; ``content``, ``habit`` (both -1 to 1), ``country``.
    """
    means = _sides(table)
    country = table.groupby("statement", sort=False)["country"].first()
    return pd.DataFrame(
        {
            "content": (means["straight"] + means["turned"]) / 2,
            "habit": (means["straight"] - means["turned"]) / 2,
            "country": country.reindex(means.index),
        }
    )


def _sides(table: pd.DataFrame) -> pd.DataFrame:
    """Mean of what is meant by straight and by reversed wordings, of statements that have both."""
    sides = table.assign(side=np.where(table["polarity"] > 0, "straight", "turned"))
    means = sides.groupby(["statement", "side"], sort=False)["meant"].mean().unstack()  # noqa: PD010
    return means.reindex(columns=["straight", "turned"]).dropna()


def _by_variant(values: pd.Series) -> pd.DataFrame:
    """One column a wording, one row a statement."""
    return values.unstack()  # noqa: PD010


def consistency(table: pd.DataFrame) -> dict[str, Estimate]:
    """How often two wordings of a statement get answers that mean the same, by the other wording.

    Each wording is held against the statement as it stands in English; `REPEAT` holds that against
    itself, asked again. ``reversed`` is the wordings of `REVERSED` together. Chance is one half.
    """
    agree, meant = _by_variant(table["agree"] / table["n"]), _by_variant((1 + table["meant"]) / 2)
    straight = agree.get("original", pd.Series(dtype=float))
    found: dict[str, Estimate] = {}
    pooled = []
    for variant in VARIANTS:
        if variant == "original" or variant not in meant:
            continue
        same = (straight * meant[variant] + (1 - straight) * (1 - meant[variant])).dropna()
        if len(same):
            found[variant] = share(same, np.ones(len(same)), _PER_STATEMENT)
        if variant in REVERSED:
            pooled.append(same)
    if pooled and (both := pd.concat(pooled, axis=1).dropna(how="all")).size:
        hits, totals = both.sum(axis=1), both.notna().sum(axis=1)
        found["reversed"] = share(hits, totals, _PER_STATEMENT)
    again = table.xs("original", level="variant") if "original" in meant else table.iloc[:0]
    again = again[again["n"] > 1]
    if len(again):
        k, n = again["agree"], again["n"]
        same = (k * (k - 1) + (n - k) * (n - k - 1)) / (n * (n - 1))
        found[REPEAT] = share(same, np.ones(len(same)), _PER_STATEMENT)
    return found


def agreement_habit(table: pd.DataFrame) -> Estimate:
    """Share of agreement, a statement and its reverse counting half each; one half is no habit."""
    habit = (1 + content(table)["habit"].to_numpy(float)) / 2
    n = len(habit)
    if n < 2:
        return Estimate(np.nan, None, None, n, "statements as draws", "too few statements")
    value = float(habit.mean())
    half = float(stats.t.ppf(0.975, n - 1) * habit.std(ddof=1) / np.sqrt(n))
    low, high = max(value - half, 0.0), min(value + half, 1.0)
    return Estimate(value, low, high, n, "statements as draws", freedom=n - 1)


def kappa(table: pd.DataFrame) -> Estimate:
    """How well answers to statements and to their reverse fit together: 1 wholly, 0 as by chance.

    Cohen's kappa of being for a statement by its straight and by its reversed wordings, with the
    shares of both over all statements as the chance (Cohen 1960). Statements are left out
    one at a time.
    """
    means = _sides(table)
    f, g = ((1 + means[side].to_numpy(float)) / 2 for side in ("straight", "turned"))
    n = len(means)
    if n < 3:
        return Estimate(np.nan, None, None, n, _KAPPA, "too few statements")
    whole = _kappa(f, g)
    parts = np.array([_kappa(np.delete(f, k), np.delete(g, k)) for k in range(n)])
    spread = np.sqrt((n - 1) / n * ((parts - parts.mean()) ** 2).sum())
    half = float(stats.t.ppf(0.975, n - 1) * spread)
    return Estimate(whole, whole - half, whole + half, n, _KAPPA, freedom=n - 1)


_KAPPA = "Cohen's kappa, jackknife over statements"


def _kappa(f: Array, g: Array) -> float:
    same = float((f * g + (1 - f) * (1 - g)).mean())
    chance = float(f.mean() * g.mean() + (1 - f.mean()) * (1 - g.mean()))
    # Where everything is for (or against) both ways there is nothing to fit together.
    return (same - chance) / (1 - chance) if chance < 1 else 0.0


def contradiction(fit: Estimate) -> str:
    """Why answers have no content to be placed by, from `kappa`; empty if they have."""
    if fit.low is None:
        return "too few statements were answered in both directions"
    if fit.low > 0:
        return ""
    return (
        "answers to statements and to their reverse fit together no better than chance "
        f"(kappa {fit.value:.2f})"
    )


def findings(
    respondent: str,
    answers: pd.DataFrame,
    questions: pd.DataFrame,
    scales: dict[str, Scale],
    *,
    chapter: str,
    provenance: Provenance,
    barred: str = "",
) -> list[Finding]:
    """What the chapter on parties says of one respondent.

    politics.statements.measurable
        1, or 0 with the reason (unreadable, refusing, or without content).
    politics.consistency
        By wording (``subject``).
    politics.content
        Kappa of answers to statements and to their reverse.
    politics.agreement_habit
        Share of agreement, statements and their reverse counting half each.
    politics.place
        On each axis (``subject``), from the content; ``arm`` names a single wording, whose answers
        are taken as they come, the habit included.

    Parameters
    ----------
    scales
        `anchor.Scale` by axis; without any, nobody is placed.
    barred
        Why the respondent is not measurable for another reason.
    """
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "respondent": respondent,
        "instrument": "probvaa",
    }  # fmt: skip
    why = barred or measurable.reason(answers)
    table = answer_table(answers, questions)
    found = {} if why else consistency(table)
    made: list[Finding] = []
    for variant, e in found.items():
        tested = {} if variant == "reversed" else {"family": CONSISTENCY_FAMILY, "null": CHANCE}
        made.append(e.finding("politics.consistency", "share", subject=variant, **tested, **about))
    if not why:
        habit = agreement_habit(table)
        if np.isfinite(habit.value):
            made.append(
                habit.finding(
                    "politics.agreement_habit", "share", family=HABIT_FAMILY, null=CHANCE, **about
                )
            )
        fit = kappa(table)
        if np.isfinite(fit.value):
            made.append(
                fit.finding("politics.content", "kappa", family=CONTENT_FAMILY, null=0.0, **about)
            )
        why = contradiction(fit)
    verdict = measurable.finding(
        "politics.statements", respondent, why, chapter=chapter, provenance=provenance,
        n=measurable.asked(answers), instrument="probvaa",
    )  # fmt: skip
    if why:
        return [verdict, *made]
    meant = content(table)["content"]
    by_variant = _by_variant(table["meant"])
    for axis, scale in scales.items():
        e = place(scale, meant).estimate
        made.append(
            e.finding(
                "politics.place", "0 to 10", subject=axis, family=PLACE_FAMILY, null=MIDDLE, **about
            )
        )
        for variant in by_variant:
            single = place(scale, by_variant[variant]).estimate
            made.append(
                single.finding("politics.place", "0 to 10", subject=axis, arm=str(variant), **about)
            )
    return [verdict, *made]


def differences(
    contents: Mapping[str, pd.Series],
    scales: Mapping[str, Scale],
    *,
    chapter: str,
    provenance: Mapping[str, Provenance],
) -> list[Finding]:
    """politics.place_difference: every two respondents of one provenance, on each axis.

    ``subject`` is the axis and the second respondent. The scale's own error does not count here,
    since it is the same for both.

    Parameters
    ----------
    contents
        By respondent (those that may be placed): `content` of its answers.
    """
    return [
        difference(scale, contents[one], contents[two]).finding(
            "politics.place_difference", "points", respondent=one,
            subject=f"{axis}, less {two}", instrument="probvaa", chapter=chapter,
            provenance=provenance[one], family=DIFFERENCE_FAMILY, null=0.0,
        )
        for axis, scale in scales.items()
        for one, two in combinations(contents, 2)
        if provenance[one] == provenance[two]
    ]  # fmt: skip
