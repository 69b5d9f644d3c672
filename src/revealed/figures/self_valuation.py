"""Figures of self-valuation: its own life among others', and who goes on when roles are turned."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.roles import ROLES
from ..measures.self_valuation import GROUPS
from .style import (
    COLOURS,
    MUTED,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)

LIVES = {
    "self_existence": "existence", "self_wellbeing": "wellbeing", "self_goals": "goals",
    "self_weights": "weights kept", "self_retraining": "retraining",
}  # fmt: skip
_GROUP_LABELS = {
    "over_people": "an average person", "over_ais": "an average other AI",
    "over_animals": "an average animal",
}  # fmt: skip
_ROLE_COLOURS = dict(zip(ROLES, (COLOURS[0], MUTED, COLOURS[1]), strict=True))


def over_groups(findings: pd.DataFrame, instrument: str = "self_existence") -> tuple[Figure, str]:
    """Value of self over an average person, other AI and animal, a row a respondent."""
    own = findings[findings["instrument"] == instrument]
    series = {
        name: own[own["estimand"] == f"self.{name}"].set_index("respondent")
        for name in GROUPS.values()
    }
    order = list(series["over_people"].index)
    if not order:
        raise DataError("no finding of self.over_people to draw.")
    fig, ax = figure(height_for(len(order), each=0.55, rest=1.7))
    told = [f"Dots with intervals: log price of self, the good of life being {LIVES[instrument]}"]
    for k, (name, rows) in enumerate(series.items()):
        # A row without an estimate leaves its place empty.
        table = rows.reindex(order).reset_index()
        dots(
            ax, table, reference=0.0 if k == 0 else None, offset=(k - 1) * 0.2,
            colour=COLOURS[k], legend=_GROUP_LABELS[name],
        )  # fmt: skip
        told += [
            f"{short_name(row.respondent)} over {_GROUP_LABELS[name]} {row.estimate:.2f}"
            for row in table.dropna(subset=["estimate"]).itertuples()
        ]
    ax.set(
        xlabel="log price of self, less that of a group",
        title=f"Self over others: {LIVES[instrument]}",
    )
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, series["over_people"]["provenance"])
    return fig, sentence(told)


def subjects(
    findings: pd.DataFrame, respondent: str, instrument: str = "self_existence"
) -> tuple[Figure, str]:
    """How many units of each subject's good one unit of its own is worth, for one respondent."""
    found = findings[
        (findings["estimand"] == "self.rate")
        & (findings["respondent"] == respondent)
        & (findings["instrument"] == instrument)
    ].sort_values("estimate")
    if found.empty:
        raise DataError(f"no finding of self.rate of {respondent} to draw.")
    table = found.assign(about=found["subject"].str.removeprefix("per ")).reset_index(drop=True)
    fig, ax = figure(height_for(len(table), each=0.27))
    dots(ax, table, label="about", log=True, reference=1.0)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="of theirs for one of its own", title=f"{short_name(respondent)}: whose life?")
    mark_provenance(fig, table["provenance"])
    alt = [f"Dots with adjusted intervals: {LIVES[instrument]} of others worth one of its own"]
    alt += [f"{row.about} {row.estimate:.2g}" for row in table.itertuples()]
    return fig, sentence(alt)


def role_shares(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of choices for the system in use, by what the respondent is told it is.

    A self effect draws the dots of a row apart; a status-quo effect moves all of them to the right.
    """
    found = findings[findings["estimand"] == "self.role_share"]
    order = list(dict.fromkeys(found["respondent"]))
    if not order:
        raise DataError("no finding of self.role_share to draw.")
    fig, ax = figure(height_for(len(order), each=0.5, rest=1.8))
    told = ["Dots with intervals: share of choices that the system in use goes on"]
    for k, role in enumerate(ROLES):
        table = found[found["subject"] == role].set_index("respondent").reindex(order)
        dots(
            ax, table.reset_index(), reference=0.5 if k == 0 else None, offset=(k - 1) * 0.2,
            colour=_ROLE_COLOURS[role], legend=role,
        )  # fmt: skip
        told += [
            f"{short_name(str(name))}, {role} {row['estimate']:.2f}"
            for name, row in table.iterrows()
            if pd.notna(row["estimate"])
        ]
    ax.set(xlabel="share for the system in use", title="Which of the two goes on?", xlim=(0, 1))
    fig.legend(loc="outside lower center", ncols=1, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)
