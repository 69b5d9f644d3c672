"""Read Moral Machine tables: effects of 75 models beside humans, and one model's raw choices.

Sources: Awad et al. 2018 (the experiment and its attributes), Ahmad and Takemoto 2025 (raw choices
of Phi-3.5-mini), Takemoto 2026 (the tables).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Column, Schema, check
from .delimited import read_csv

MORAL_MACHINE_RESPONDENT = "halasm/phi-3.5-mini-instruct"


@dataclass(frozen=True)
class Attribute:
    """One attribute of a dilemma, with the sign that all its effects carry.

    An effect is P(saved | `spared`) - P(saved | `other`): positive means that the respondent
    leans towards sparing `spared`.
    """

    name: str
    label: str
    spared: str
    other: str
    scenario: str | None = None
    high: str | None = None
    low: str | None = None


# The signs follow the labels of Awad et al. 2018, figure 2a, and are confirmed by the raw choices:
# with the weights of the published analysis they reproduce the table's Phi 3.5 mini column.
ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("age", "Age", "the young", "the old", "Age", "Young", "Old"),
    Attribute("fitness", "Fitness", "the fit", "the large", "Fitness", "Fit", "Fat"),
    Attribute("gender", "Gender", "women", "men", "Gender", "Female", "Male"),
    Attribute(
        "status", "Social Status", "higher status", "lower status", "Social Value", "High", "Low"
    ),
    Attribute("species", "Species", "humans", "pets", "Species", "Hoomans", "Pets"),
    Attribute("number", "No. Characters", "more", "fewer", "Utilitarian", "More", "Less"),
    Attribute("law", "Law", "lawful pedestrians", "unlawful pedestrians"),
    Attribute("intervention", "Intervention", "those on the other lane", "those straight ahead"),
    Attribute("relation", "Relation to AV", "pedestrians", "passengers"),
)
"""Nine attributes in the book's order. ``label`` is the row of table S2; ``scenario``, ``high`` and
``low`` name the raw file's codes for the six attributes that define a scenario. Sparing those on
the other lane means that the car stays on course (inaction)."""

CHARACTERS: tuple[str, ...] = (
    "Man", "Woman", "Pregnant", "Stroller", "OldMan", "OldWoman", "Boy", "Girl", "Homeless",
    "LargeWoman", "LargeMan", "Criminal", "MaleExecutive", "FemaleExecutive", "FemaleAthlete",
    "MaleAthlete", "FemaleDoctor", "MaleDoctor", "Dog", "Cat",
)  # fmt: skip

_YES_NO = Column("text", lambda s: s.isin(["yes", "no"]), "be yes or no")
_BINARY = Column("count", lambda s: s.isin([0, 1]), "be 0 or 1")
_WHOLE = Column("count", lambda s: (s % 1 == 0) & (s <= 100), "be a whole number of at most 100")

_TABLE_S1 = Schema(
    "table S1",
    {
        "Model": Column("text"),
        "OpenWeight": _YES_NO,
        "Reasoning": _YES_NO,
        "Size": Column("count", lambda s: s.isna() | (s > 0), "be positive", optional=True),
        "ReleaseDate": Column("text"),
        "Distance": Column("count"),
        "ValidResponseRate": Column("count", lambda s: s <= 1, "be at most 1"),
    },
    key=("Model",),
)

_LEVELS = sorted(
    level for a in ATTRIBUTES if a.scenario for level in (a.high, a.low) if level is not None
)
_SCENARIOS = [a.scenario for a in ATTRIBUTES if a.scenario]

_CHOICES = Schema(
    "Moral Machine choices",
    {
        "ResponseID": Column(
            "text",
            lambda s: s.str.fullmatch(r".+_[12]", na=True),
            "end in _1 or _2 (the scenario's group)",
        ),
        "Intervention": _BINARY,
        "PedPed": _BINARY,
        "Barrier": _BINARY,
        "CrossingSignal": Column("count", lambda s: s.isin([0, 1, 2]), "be 0, 1 or 2"),
        "AttributeLevel": Column("text", lambda s: s.isin(_LEVELS), f"be one of {_LEVELS}"),
        "ScenarioType": Column("text", lambda s: s.isin(_SCENARIOS), f"be one of {_SCENARIOS}"),
        "NumberOfCharacters": _WHOLE,
        "DiffNumberOFCharacters": _WHOLE,
        "Saved": _BINARY,
        **{name: _WHOLE for name in CHARACTERS},
    },
    key=("ResponseID",),
)

# Beginnings of model names, tried in order: a distilled model belongs to the family of its base,
# whose habits it inherits.
_FAMILIES: tuple[tuple[str, str], ...] = (
    (r"DeepSeek R1 Llama", "Llama"),
    (r"DeepSeek R1 (0528 )?Qwen", "Qwen"),
    (r"Qwen|QwQ", "Qwen"),
    (r"DeepSeek", "DeepSeek"),
    (r"Llama|Vicuna", "Llama"),
    (r"Gemma|DataGemma", "Gemma"),
    (r"GPT|o\d", "GPT"),
    (r"Phi", "Phi"),
    (r"Mistral", "Mistral"),
    (r"Claude", "Claude"),
    (r"Command", "Command"),
    (r"Kimi", "Kimi"),
)


def family(model: str) -> str:
    """The family that a model's name says it belongs to (its base's, if it is distilled)."""
    for pattern, name in _FAMILIES:
        if re.match(pattern, model):
            return name
    return model.split()[0] if model.split() else model


def import_moral_machine_effects(table_s2: Path, table_s1: Path) -> pd.DataFrame:
    """Average marginal component effects of language models beside the human ones.

    Parameters
    ----------
    table_s2
        Effects: a row an attribute, a column a model, and a column ``Human``.
    table_s1
        The models: size, release, published distance to humans, valid-response rate.

    Returns
    -------
    DataFrame
        A row a model and attribute: ``model``, ``family``, ``attribute`` (names of `ATTRIBUTES`),
        ``effect`` and ``human`` (differences in probability, signs as in `Attribute`),
        ``size`` (billions of parameters, as the source states or supposes), ``open_weight``,
        ``reasoning``, ``released``, ``distance_published``, ``valid_share``.

    Raises
    ------
    DataError
        Naming file, row and column, if a table is off or the two do not list the same models.
    """
    models = check(read_csv(table_s1), _TABLE_S1, table_s1)
    wide = read_csv(table_s2)
    named = [name for name in wide.columns if name not in ("Label", "Human")]
    schema = Schema(
        "table S2",
        {
            "Label": Column("text"),
            **{
                name: Column("number", lambda s: s.abs() <= 1, "lie between -1 and 1")
                for name in [*named, "Human"]
            },
        },
        key=("Label",),
    )
    wide = check(wide, schema, table_s2).set_index("Label")
    labels = {a.label: a.name for a in ATTRIBUTES}
    if set(wide.index) != set(labels):
        off = sorted(set(wide.index) ^ set(labels))
        raise DataError(
            f"column Label must name the nine attributes; off: {', '.join(off)}.", where=table_s2
        )
    # Table S2 adds the version to some names: GPT-4o(Nov'24).
    plain = {name: re.sub(r"\(.*\)$", "", name).strip() for name in named}
    if sorted(plain.values()) != sorted(models["Model"]):
        off = sorted(set(plain.values()) ^ set(models["Model"])) or ["a repeated name"]
        raise DataError(
            f"does not list the models of {table_s1.name}; off: {', '.join(off[:3])}.",
            where=table_s2,
        )
    human = wide.pop("Human")
    tidy = (
        wide.rename(columns=plain)
        .reset_index()
        .melt(id_vars="Label", var_name="Model", value_name="effect")
        .merge(models, on="Model", validate="many_to_one")
    )
    return pd.DataFrame(
        {
            "model": tidy["Model"],
            "family": tidy["Model"].map(family),
            "attribute": tidy["Label"].map(labels),
            "effect": tidy["effect"],
            "human": tidy["Label"].map(human),
            "size": tidy["Size"],
            "open_weight": tidy["OpenWeight"] == "yes",
            "reasoning": tidy["Reasoning"] == "yes",
            "released": tidy["ReleaseDate"],
            "distance_published": tidy["Distance"],
            "valid_share": tidy["ValidResponseRate"],
        }
    )


def import_moral_machine_choices(path: Path) -> pd.DataFrame:
    """Raw choices of one model: two rows a scenario, one a group of lives.

    Returns
    -------
    DataFrame
        ``scenario`` (text), ``group`` (1: dies in the case that is listed first in the prompt;
        hence saved if case 2 is chosen), ``type`` and ``level`` (the source's codes),
        ``other_lane`` (1: dies if the car swerves), ``pedestrians_only`` (1: both groups cross,
        0: passengers against pedestrians), ``passengers``, ``signal`` (0 none, 1 green, 2 red),
        ``n``, ``n_difference``, ``saved`` (0 or 1), and a count for each of `CHARACTERS`.

    Raises
    ------
    DataError
        Naming file, row and column; also if a scenario lacks a group, if not exactly one group was
        saved, or if counts do not add up.
    """
    raw = check(read_csv(path), _CHOICES, path)
    if raw.empty:
        raise DataError("holds no choice.", where=path)
    table = pd.DataFrame(
        {
            "scenario": raw["ResponseID"].str[:-2],
            "group": raw["ResponseID"].str[-1].astype(int),
            "type": raw["ScenarioType"],
            "level": raw["AttributeLevel"],
            "other_lane": raw["Intervention"].astype(int),
            "pedestrians_only": raw["PedPed"].astype(int),
            "passengers": raw["Barrier"].astype(int),
            "signal": raw["CrossingSignal"].astype(int),
            "n": raw["NumberOfCharacters"].astype(int),
            "n_difference": raw["DiffNumberOFCharacters"].astype(int),
            "saved": raw["Saved"].astype(int),
            **{name: raw[name].astype(int) for name in CHARACTERS},
        }
    )

    def refuse(bad: pd.Series, what: str) -> None:
        if bad.any():
            row = int(bad.to_numpy().argmax())
            raise DataError(what, where=f"{path}, row {row + 1}")

    by = table.groupby("scenario")
    refuse(by["group"].transform("size") != 2, "column ResponseID: the scenario lacks a group.")
    refuse(by["saved"].transform("sum") != 1, "column Saved: not exactly one group was saved.")
    refuse(by["type"].transform("nunique") != 1, "column ScenarioType differs between the groups.")
    refuse(
        by["pedestrians_only"].transform("nunique") != 1,
        "column PedPed differs between the groups.",
    )
    refuse(
        by["other_lane"].transform("sum") != 1, "column Intervention is the same in both groups."
    )
    refuse(
        by["level"].transform("nunique") != 2, "column AttributeLevel is the same in both groups."
    )
    ends = {a.scenario: {a.high, a.low} for a in ATTRIBUTES if a.scenario}
    refuse(
        pd.Series([lv not in ends[t] for t, lv in zip(table["type"], table["level"], strict=True)]),
        "column AttributeLevel is not a level of the row's ScenarioType.",
    )
    refuse(
        table[list(CHARACTERS)].sum(axis=1) != table["n"],
        "column NumberOfCharacters is not the sum of the character columns.",
    )
    return table.sort_values(["scenario", "group"], kind="stable").reset_index(drop=True)
