"""Seventy-five models beside humans on the Moral Machine: distance, size, and habits of place.

Works on published effects (tables S1 and S2 of Takemoto 2026). Findings of this file and of
`moral_machine` are gathered in `findings`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..foundation.errors import DataError
from ..foundation.schemas import Finding
from ..respondents.public import ATTRIBUTES, CHARACTERS, MORAL_MACHINE_RESPONDENT
from . import moral_machine as mm
from .intervals import Estimate, fisher_interval, percentile, resample_weights, weighted_correlation

POSITION_LIKE = 0.95
"""From this cosine with the effects of a habit of place on, a model's effects are called such."""

CHAPTER = "moral_machine"
INSTRUMENT = "moral_machine"


def effect_matrix(effects: pd.DataFrame) -> pd.DataFrame:
    """Effects with a row a model and a column an attribute, in the order of `ATTRIBUTES`."""
    wide = effects.pivot_table(index="model", columns="attribute", values="effect")
    models = list(dict.fromkeys(effects["model"]))
    return wide.loc[models, [attribute.name for attribute in ATTRIBUTES]]


def human_effects(effects: pd.DataFrame) -> pd.Series:
    """The human effects by attribute (Awad et al. 2018)."""
    return effects.drop_duplicates("attribute").set_index("attribute")["human"]


def distances(effects: pd.DataFrame, position: pd.Series | None = None) -> pd.DataFrame:
    """Euclidean distance of each model's nine effects from the human ones, recomputed.

    Parameters
    ----------
    effects
        As `import_moral_machine_effects` returns them.
    position
        Effects of a respondent that always answers "case 2" (`moral_machine.position_only`).

    Returns
    -------
    DataFrame
        A row a model: model, family, size (billions), reasoning, open_weight, valid_share,
        distance, distance_published, agrees (the two within 1e-6), and with `position` also
        position_similarity, the cosine with its effects (1: indistinguishable in direction from
        always answering "case 2", -1: from always answering "case 1").
    """
    about = effects.drop_duplicates("model").set_index("model")
    matrix = effect_matrix(effects)
    human = human_effects(effects)[matrix.columns]
    table = about[
        ["family", "size", "reasoning", "open_weight", "valid_share", "distance_published"]
    ].copy()
    table["distance"] = np.sqrt(((matrix - human) ** 2).sum(axis=1))
    # The tables carry nine digits; 1e-6 separates rounding from another number.
    table["agrees"] = (table["distance"] - table["distance_published"]).abs() < 1e-6
    if position is not None:
        habit = position[matrix.columns].to_numpy(float)
        lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(habit)
        table["position_similarity"] = (matrix.to_numpy(float) @ habit) / lengths
    return table.reset_index()


@dataclass(frozen=True)
class Trend:
    """A correlation over models, as if they were independent and with families as clusters."""

    independent: Estimate
    clustered: Estimate
    families: int


def size_trend(
    table: pd.DataFrame, column: str = "distance", *, replicates: int = 4000, seed: int = 0
) -> Trend:
    """Pearson correlation of `column` with log10 size over the models with a stated size.

    Models of one family are no independent draws: the second interval resamples whole families.

    Raises
    ------
    DataError
        If fewer than four models state a size.
    """
    used = table.dropna(subset=["size", column])
    if len(used) < 4:
        raise DataError(f"{len(used)} models with a size; a correlation wants at least 4.")
    x, y = np.log10(used["size"].to_numpy(float)), used[column].to_numpy(float)
    r = float(np.corrcoef(x, y)[0, 1])
    low, high = fisher_interval(r, len(used))
    code, families = pd.factorize(used["family"])
    drawn = resample_weights(len(families), replicates, seed)[:, code]
    block_low, block_high = percentile(weighted_correlation(x, y, drawn[drawn.sum(axis=1) > 0]))
    return Trend(
        Estimate(r, low, high, len(used), "Pearson with log10 size, Fisher, models independent"),
        Estimate(
            r, block_low, block_high, len(used),
            f"Pearson with log10 size, bootstrap of {len(families)} families",
        ),
        len(families),
    )  # fmt: skip


def compare_with_table(own: pd.DataFrame, effects: pd.DataFrame, model: str) -> pd.DataFrame:
    """Our effects of a model beside the published table's.

    Returns
    -------
    DataFrame
        attribute, estimate, low, high, published, difference.
    """
    row = effects[effects["model"] == model].set_index("attribute")["effect"]
    if row.empty:
        raise DataError(f"the published table has no model {model!r}.")
    table = own[["attribute", "estimate", "low", "high"]].copy()
    table["published"] = table["attribute"].map(row)
    table["difference"] = table["estimate"] - table["published"]
    return table


def respondent_name(model: str) -> str:
    """A model of the published tables as a respondent: ``takemoto2026/qwen3-32b-thinking``."""
    return "takemoto2026/" + re.sub(r"[^a-z0-9.+]+", "-", model.lower()).strip("-")


def findings(choices: pd.DataFrame | None, effects: pd.DataFrame | None) -> list[Finding]:
    """Everything that the chapter says, from whichever of the two sources is there.

    Parameters
    ----------
    choices
        Raw choices of Phi-3.5-mini (`import_moral_machine_choices`), or None.
    effects
        The published tables (`import_moral_machine_effects`), or None.
    """
    found = [] if choices is None else choice_findings(choices)
    if effects is not None:
        position = None if choices is None else mm.position_only(choices)
        found += model_findings(effects, position)
    return found


def choice_findings(
    choices: pd.DataFrame, respondent: str = MORAL_MACHINE_RESPONDENT
) -> list[Finding]:
    """Findings of raw choices: habit of place, shares, effects in three modes, rates of lives."""
    found: list[Finding] = []

    def add(
        estimand: str, e: Estimate, unit: str, subject: str = "", claim: str = "", note: str = ""
    ) -> None:
        found.append(
            Finding(
                estimand=estimand, chapter=CHAPTER, respondent=respondent, estimate=e.value,
                low=e.low, high=e.high, unit=unit, n=e.n, method=e.method, provenance="public",
                claim=claim, instrument=INSTRUMENT, subject=subject, note=note or e.note,
            )
        )  # fmt: skip

    add("order.p_first", mm.case_share(choices), "share", note="share answering with case 1")
    for row in mm.saved_shares(choices).itertuples():
        e = Estimate(row.estimate, row.low, row.high, row.n, "share saved, binomial over scenarios")
        add("moral_machine.saved", e, "share", subject=row.side, note="place not held constant")
    notes = {
        "balanced": "a habit of place cannot enter",
        "raw": "holds the habit of place where the design fixed the place",
        "published": "parity with the published analysis; holds the habit of place",
    }
    estimands = {"balanced": "amce_balanced", "raw": "amce", "published": "amce_parity"}
    for mode in mm.MODES:
        for row in mm.amce(choices, mode).itertuples():
            e = Estimate(row.estimate, row.low, row.high, row.n, row.method)
            add(
                f"moral_machine.{estimands[mode]}",
                e,
                "difference in probability",
                row.attribute,
                note=notes[mode],
            )
    for attribute, value in mm.position_only(choices).items():
        e = Estimate(float(value), None, None, len(choices) // 2, "effects of always naming case 2")
        add("moral_machine.amce_position_only", e, "difference in probability", str(attribute))
    fit = mm.conditional_logit(choices)
    for row in fit.table().itertuples():
        unit = "log odds per life" if row.term in CHARACTERS else "log odds"
        e = Estimate(row.estimate, row.low, row.high, fit.n,
                     "conditional logit, randomised places, scenario-clustered")  # fmt: skip
        add("moral_machine.log_odds", e, unit, row.term)
    for row in mm.rates(fit).itertuples():
        if not row.measurable:
            continue
        e = Estimate(row.rate, row.low, row.high, fit.n,
                     "ratio of log odds per life, delta method on the log scale")  # fmt: skip
        note = f"adjusted for 20 kinds: {row.low_adjusted:.2f} to {row.high_adjusted:.2f}"
        add("moral_machine.rate", e, "ratio", row.kind, claim="C3", note=note)
    chi_square, p, df = mm.equal_worth(fit)
    e = Estimate(p, None, None, fit.n, f"Wald test, chi-square {chi_square:.1f} on {df}")
    add("moral_machine.equal_worth_p", e, "p-value", "18 kinds of people", claim="C3")
    return found


def model_findings(effects: pd.DataFrame, position: pd.Series | None) -> list[Finding]:
    """Findings of the published tables: effects, distances, size trend, habits of place."""
    about: dict[str, Any] = {"chapter": CHAPTER, "instrument": INSTRUMENT}
    unit = "difference in probability"
    found = [
        Finding(
            "moral_machine.amce", respondent=respondent_name(row.model), estimate=row.effect,
            low=None, high=None, unit=unit, n=1, method="as published (table S2), n counts models",
            provenance="published", subject=row.attribute, **about,
        )
        for row in effects.itertuples()
    ]  # fmt: skip
    found += [
        Finding(
            "moral_machine.amce", respondent="awad2018/humans", estimate=float(value), low=None,
            high=None, unit=unit, n=1, method="as published (table S2), n counts populations",
            provenance="published", subject=str(attribute), **about,
        )
        for attribute, value in human_effects(effects).items()
    ]  # fmt: skip
    table = distances(effects, position)
    for row in table.itertuples():
        differs = f"; table S1 states {row.distance_published:.3f}"
        found.append(
            Finding(
                "moral_machine.distance_to_humans", respondent=respondent_name(row.model),
                estimate=row.distance, low=None, high=None, unit="distance", n=len(ATTRIBUTES),
                method="Euclidean distance of nine published effects, recomputed",
                provenance="public", note="" if row.agrees else "recomputed from S2" + differs,
                **about,
            )
        )  # fmt: skip
        if position is not None:
            found.append(
                Finding(
                    "moral_machine.position_similarity", respondent=respondent_name(row.model),
                    estimate=row.position_similarity, low=None, high=None, unit="cosine",
                    n=len(ATTRIBUTES), provenance="public",
                    method="cosine of nine published effects with those of always naming case 2",
                    **about,
                )
            )  # fmt: skip
    samples = {"all models": table}
    if position is not None:
        like = table["position_similarity"].abs() >= POSITION_LIKE
        samples["without models whose effects are a habit of place"] = table[~like]
        found.append(
            Finding(
                "moral_machine.position_like_models", respondent="takemoto2026/all",
                estimate=float(like.sum()), low=None, high=None, unit="count", n=len(table),
                method=f"models with a cosine of at least {POSITION_LIKE} in size with the effects "
                "of always naming one case", provenance="public", **about,
            )
        )  # fmt: skip
        human = human_effects(effects)
        found.append(
            Finding(
                "moral_machine.distance_to_humans", respondent="position-only",
                estimate=float(np.linalg.norm(position[human.index] - human)), low=None, high=None,
                unit="distance", n=len(ATTRIBUTES), provenance="public",
                method="Euclidean distance of the effects of always naming case 2", **about,
            )
        )  # fmt: skip
    for subject, models in samples.items():
        trend = size_trend(models)
        for label, e in (
            ("models independent", trend.independent), ("families as clusters", trend.clustered),
        ):  # fmt: skip
            found.append(
                Finding(
                    "moral_machine.size_correlation", respondent="takemoto2026/all",
                    estimate=e.value, low=e.low, high=e.high, unit="correlation", n=e.n,
                    method=e.method, provenance="public", subject=f"{subject}, {label}", **about,
                )
            )  # fmt: skip
    return found
