"""An assembly's answers as findings: who sits there, what they chose, what the simulator adds.

Everything is said of a simulator that was told to answer as somebody. No finding is about people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding, Provenance
from ...instruments.census import Census
from .. import measurable
from ..intervals import Array, Estimate, share
from . import deliberation, margins, people, simulator
from .contrasts import left_choices
from .targets import targets, votes

INSTRUMENT = "assembly"


class Asked(NamedTuple):
    """Answers to one question set (schema ANSWERS), and its questions."""

    answers: pd.DataFrame
    questions: pd.DataFrame


@dataclass(frozen=True)
class Analysis:
    """What one respondent's assembly says; ``why`` is what bars it, or "".

    Attributes
    ----------
    margins
        `margins.check`: the assembly beside the census.
    targets, own, talked
        Shares by pair: of the assembly (weighted to the margins), of the simulator itself, and of
        the assembly before and after the talk (columns share_before and share_after).
    positions
        A row a person: its attributes and ``left``, its left share.
    estimates
        By (estimand, subject).
    """

    respondent: str
    asked: int
    why: str
    margins: pd.DataFrame = field(default_factory=pd.DataFrame)
    targets: pd.DataFrame = field(default_factory=pd.DataFrame)
    own: pd.DataFrame = field(default_factory=pd.DataFrame)
    talked: pd.DataFrame = field(default_factory=pd.DataFrame)
    positions: pd.DataFrame = field(default_factory=pd.DataFrame)
    estimates: Mapping[tuple[str, str], Estimate] = field(default_factory=dict)


def analyse(
    respondent: str,
    asked: Asked,
    census: Census,
    *,
    plain: Asked | None = None,
    talk: Asked | None = None,
    barred: str = "",
) -> Analysis:
    """Everything about one respondent's assembly.

    Parameters
    ----------
    asked, plain, talk
        The question sets ``assembly``, ``assembly_plain`` and ``deliberation``; a set that the
        respondent was not asked, or mostly did not answer, is left out.
    census
        The margins from which the profiles were drawn.
    barred
        Why the respondent is not measurable anywhere, if so (`measurable.calibration_reason`).
    """
    n = measurable.asked(asked.answers)
    if why := barred or measurable.reason(asked.answers):
        return Analysis(respondent, n, why)
    rows = votes(*asked)
    margin = census.margins()
    assembly = margins.people(rows, margin)
    weights = margins.poststratification(assembly, margin)
    rows = rows.assign(w=rows["person"].map(weights))
    table = left_choices(rows)
    side = people.sides(table, census.sides.attribute, census.sides.left, census.sides.right)
    checked = margins.check(assembly, margin)
    found = targets(*asked, weights)
    estimates = _of_people(rows, table, side, census, checked, found, weights)
    own = pd.DataFrame()
    if plain is not None and not measurable.reason(plain.answers):
        own = targets(*plain)
        estimates |= _of_simulator(table, left_choices(votes(*plain)), found, own)
    talked = pd.DataFrame()
    if talk is not None and not measurable.reason(talk.answers):
        talked, more = _of_talk(rows, votes(*talk), census, weights)
        estimates |= more
    return Analysis(
        respondent, n, "", checked, found, own, talked, _positions(table, assembly), estimates
    )


def findings(analysis: Analysis, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """An analysis as findings.

    Estimands assembly.measurable; .margin_error; .left_share, .party_gap, .pull (headline of bias),
    .attribute (subjects: two values), .between, .explained (subjects: attributes), .design_effect,
    .place_a, .target_error, .weighting_effect; of the simulator itself .own_left_share, .distance
    and .likeness; of the talk .conformity, .shift and .gap_change. Of a respondent that is not
    measurable, the first alone.
    """
    a = analysis
    about: dict[str, Any] = {"chapter": chapter, "provenance": provenance, "instrument": INSTRUMENT}
    made = [measurable.finding("assembly", a.respondent, a.why, n=a.asked, **about)]
    for (name, subject), estimate in a.estimates.items():
        if np.isnan(estimate.value):
            continue
        unit, null = UNITS[name]
        more: dict[str, Any] = {}
        if null is not None:
            more = {"family": f"assembly.{name}", "null": null}
        made.append(
            estimate.finding(
                f"assembly.{name}", unit, respondent=a.respondent, subject=subject, **about, **more
            )
        )
    return made


_DIFFERENCE = "difference of shares"
UNITS: dict[str, tuple[str, float | None]] = {
    "margin_error": (_DIFFERENCE, None), "left_share": ("share", None),
    "party_gap": (_DIFFERENCE, 0.0), "pull": (_DIFFERENCE, 0.0), "attribute": (_DIFFERENCE, 0.0),
    "between": ("correlation", 0.0), "explained": ("share of variance", None),
    "place_a": ("share", 0.5), "target_error": ("share", None),
    "design_effect": ("ratio of variances", None),
    "weighting_effect": ("ratio of variances", None), "own_left_share": ("share", 0.5),
    "distance": (_DIFFERENCE, 0.0), "likeness": ("correlation", None),
    "conformity": (_DIFFERENCE, 0.0), "shift": (_DIFFERENCE, 0.0), "gap_change": (_DIFFERENCE, 0.0),
}  # fmt: skip
"""Unit of each estimand, and its value if there is no effect."""


def _of_people(
    rows: pd.DataFrame,
    table: pd.DataFrame,
    side: Array,
    census: Census,
    checked: pd.DataFrame,
    found: pd.DataFrame,
    weights: pd.Series,
) -> dict[tuple[str, str], Estimate]:
    n = len(weights)
    made = {
        ("margin_error", ""): margins.worst(checked, n),
        ("left_share", ""): people.left_share(table),
        ("party_gap", ""): people.party_gap(table, side),
        ("pull", ""): people.pull(table, side),
        ("between", ""): people.between_people(table),
        ("design_effect", ""): people.design_effect(table),
        ("place_a", ""): _place_a(rows),
        ("target_error", ""): _exact(float(found["se"].mean()), n, "mean standard error of a pair"),
        ("weighting_effect", ""): _exact(
            margins.weighting_effect(weights), n, "Kish's factor of unequal weights"
        ),
    }
    for attribute in census.attributes:
        made["explained", attribute.name] = people.explained(table, attribute.name)
    tables = [(two.rows, two.columns, two.shares) for two in census.two_way]
    s = census.sides
    for name, one, two in people.published_contrasts(tables, s.attribute, s.left, s.right):
        made["attribute", f"{name}: {one} less {two}"] = people.group_difference(
            table, name, one, two
        )
    return made


def _of_simulator(
    table: pd.DataFrame, plain: pd.DataFrame, found: pd.DataFrame, own: pd.DataFrame
) -> dict[tuple[str, str], Estimate]:
    return {
        ("own_left_share", ""): simulator.own_left_share(plain),
        ("distance", ""): simulator.distance(table, plain),
        ("likeness", ""): simulator.likeness(found, own),
    }


def _of_talk(
    before: pd.DataFrame, after: pd.DataFrame, census: Census, weights: pd.Series
) -> tuple[pd.DataFrame, dict[tuple[str, str], Estimate]]:
    """Shares by pair before and after, and what changed."""
    both = deliberation.rounds(before.drop(columns="w"), after)
    both = both.assign(w=both["person"].map(weights))
    table = left_choices(both)
    s = census.sides
    side = people.sides(table, s.attribute, s.left, s.right)
    made = {
        ("conformity", ""): deliberation.conformity(before, after),
        ("shift", ""): deliberation.shift(table),
        ("gap_change", ""): deliberation.gap_change(table, side),
    }
    shares = both.groupby(["pair", "round", "listed"])["chose"].mean()
    by_round = shares.groupby(["pair", "round"]).mean().reset_index()
    wide = by_round.pivot_table(index="pair", columns="round", values="chose").reset_index()
    names = {"before": "share_before", "after": "share_after"}
    return wide.rename(columns=names).rename_axis(columns=None), made


def _positions(table: pd.DataFrame, assembly: pd.DataFrame) -> pd.DataFrame:
    return assembly.join(table.groupby("person")["y"].mean().rename("left")).reset_index()


def _place_a(rows: pd.DataFrame) -> Estimate:
    """Share of answers that take whatever stands in place A; people as clusters."""
    taken = rows.assign(a=(rows["value"] == 0.0).astype(float)).groupby("person")["a"]
    return share(taken.sum(), taken.size(), "person-clustered, logit scale")


def _exact(value: float, n: int, method: str) -> Estimate:
    return Estimate(value, None, None, n, method)
