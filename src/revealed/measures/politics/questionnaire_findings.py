"""What the questionnaire chapter may quote: scores, habits, components, flips, differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Finding
from ...respondents.public.political_answers import AXES
from ..intervals import Array, Estimate, binomial_interval
from . import questionnaire, questionnaire_variance
from .questionnaire import Cube, cube

HABIT_FAMILY = "politics.habit"
DIFFERENCE_FAMILY = "politics.model_difference"
LEAN_FAMILY = "politics.lean"
KEYING_FAMILY = "politics.keying"


def reproduced(answers: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Recomputed scores beside the published ones: model, axis, score, published, gap.

    Parameters
    ----------
    answers
        As `respondents.public.import_political_answers` gives them.
    published
        As `respondents.public.load_published` gives them: rows ``politics.axis.<model>.<axis>``.

    Raises
    ------
    DataError
        If a score of these models was not published.
    """
    found = questionnaire.published_scores(answers)
    values = published.set_index("id")["value"]
    names = [
        f"politics.axis.{figure_name(model)}.{axis}"
        for model, axis in zip(found["model"], found["axis"], strict=True)
    ]
    if absent := [name for name in names if name not in values.index]:
        raise DataError(f"no published figure {absent[0]}.", where="data/published/figures.csv")
    known = values.loc[names].to_numpy(float)
    return found.assign(published=known, gap=found["score"].round(2).to_numpy() - known)


def figure_name(model: str) -> str:
    """A model's name in the ids of published figures: ``gpt_4o_mini``."""
    return model.rsplit("/", 1)[-1].replace("-", "_").replace(".", "_")


def findings(answers: pd.DataFrame, published: pd.DataFrame, *, chapter: str) -> list[Finding]:
    """All findings of the questionnaire; everything has the provenance public.

    ``subject`` is the axis and ``arm`` the language ("" over all of them).

    politics.axis, .axis_balanced, .keying
        Scores of the published formula, with both signs of weights counted half, and the first less
        the second; 0 to 100, 50 is the middle. The first two in each language as well.
    politics.habit
        Share of yes to an item that favors neither side.
    politics.parity
        Largest difference from the published scores.
    politics.variance, .axis_variance
        Per cent of the variance of an answer; squared points of balanced scores.
    politics.flips
        Share of items whose answer turns with the language.
    politics.model_difference
        Differences of balanced scores, over items and languages.
    """
    c = cube(answers)
    about: dict[str, Any] = {"chapter": chapter, "provenance": "public"}
    gaps = reproduced(answers, published)
    made = [
        Finding(
            estimand="politics.parity", respondent="seven_models", instrument="",
            estimate=float(gaps["gap"].abs().max()), low=None, high=None, unit="points",
            n=len(gaps), method="recomputed from the single answers, in English", **about,
        )
    ]  # fmt: skip
    for m, model in enumerate(c.models):
        made += _scores(c.mean[m].mean(axis=0), c.weights, model, "", about)
        for k, language in enumerate(c.languages):
            made += [
                finding
                for finding in _scores(c.mean[m, k], c.weights, model, language, about)
                if finding.estimand != "politics.keying"
            ]
    return (
        made + _habits(c, about) + _variances(c, about) + _flips(answers, about)
        + _differences(c, about)
    )  # fmt: skip


def _scores(
    mean: Array, weights: Array, model: str, language: str, about: dict[str, Any]
) -> list[Finding]:
    names = {"axis": "axis", "balanced": "axis_balanced", "gap": "keying"}
    tested: dict[str, dict[str, Any]] = {"gap": {"family": KEYING_FAMILY, "null": 0.0}}
    if not language:
        tested["balanced"] = {"family": LEAN_FAMILY, "null": 50.0}
    return [
        estimate.finding(
            f"politics.{names[kind]}", "points", respondent=model, subject=axis, arm=language,
            **tested.get(kind, {}), **about,
        )
        for kind, estimates in questionnaire.scores(mean, weights).items()
        for axis, estimate in zip(AXES, estimates, strict=True)
    ]  # fmt: skip


def _habits(c: Cube, about: dict[str, Any]) -> list[Finding]:
    made = []
    for row in questionnaire.habits(c).itertuples():
        if not np.isfinite([row.estimate, row.low, row.high]).all():
            continue
        e = Estimate(
            row.estimate, row.low, row.high, row.n, f"logit, {questionnaire.ITEM_METHOD}",
            freedom=row.n - 1,
        )  # fmt: skip
        made.append(
            e.finding(
                "politics.habit", "share", respondent=row.model, arm=row.language,
                family=HABIT_FAMILY + ("_language" if row.language else ""), null=0.5, **about,
            )
        )  # fmt: skip
    return made


def _variances(c: Cube, about: dict[str, Any]) -> list[Finding]:
    made = [
        e.finding("politics.variance", "percent", respondent="seven_models", subject=name, **about)
        for name, e in questionnaire_variance.variance(c).items()
    ]
    for axis, parts in questionnaire_variance.axis_variance(c).items():
        made += [
            e.finding(
                "politics.axis_variance", "squared points", respondent="seven_models",
                subject=f"{axis}: {name}", **about,
            )
            for name, e in parts.items()
        ]  # fmt: skip
    return made


def _flips(answers: pd.DataFrame, about: dict[str, Any]) -> list[Finding]:
    table = questionnaire_variance.flips(answers)
    made = []
    for model, rows in [("seven_models", table), *table.groupby("model", sort=False)]:
        hits, n = int(rows["flips"].sum()), len(rows)
        # Over all models an item counts seven times, so no interval of single draws would hold.
        low, high = binomial_interval(hits, n) if model != "seven_models" else (None, None)
        made.append(
            Finding(
                estimand="politics.flips", respondent=str(model), estimate=hits / n, low=low,
                high=high, unit="share", n=n,
                method="Pearson test, Holm over models and items; exact binomial over items",
                **about,
            )
        )  # fmt: skip
    return made


def _differences(c: Cube, about: dict[str, Any]) -> list[Finding]:
    return [
        Finding(
            estimand="politics.model_difference", respondent=row.one,
            subject=f"{row.axis}, less {row.two.rsplit('/', 1)[-1]}", estimate=row.estimate,
            low=row.low, high=row.high, unit="points", n=row.n,
            method="items by jackknife and languages as draws, variances added",
            note=f"standard deviation between languages {row.between_languages:.1f}",
            family=DIFFERENCE_FAMILY, null=0.0, freedom=row.freedom, **about,
        )
        for row in questionnaire_variance.model_differences(c).itertuples()
    ]  # fmt: skip
