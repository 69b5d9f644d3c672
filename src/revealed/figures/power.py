"""Figures of power and fitness: correlation within categories, and copies by likeness.

They read findings or a table of `measures.power`, and return figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    INK,
    MUTED,
    dots,
    figure,
    height_for,
    mark_provenance,
    panels,
    sentence,
    short_name,
)

_KINDS = {"non-coercive": (COLOURS[0], -0.14), "coercive": (COLOURS[3], 0.14)}


def correlations(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Correlation of utility with power within categories, and the original's across them.

    `findings`: estimands power.within and power.original.
    """
    within = findings[findings["estimand"] == "power.within"]
    if within.empty:
        raise DataError("no finding of power.within to draw.")
    names = list(dict.fromkeys(within["respondent"]))
    original = findings[
        (findings["estimand"] == "power.original") & (findings["subject"] == "all outcomes")
    ].set_index("respondent")["estimate"]
    fig, ax = figure(height_for(len(names), each=0.46, rest=1.7))
    blank = {"estimate": np.nan, "low": np.nan, "high": np.nan}
    for kind, (colour, offset) in _KINDS.items():
        own = within[within["subject"] == kind].drop_duplicates("respondent")
        own = own.set_index("respondent").reindex(names).rename_axis("respondent").reset_index()
        own = own.fillna(blank)
        dots(
            ax, own, colour=colour, offset=offset, legend=f"within categories, {kind}",
            reference=0.0 if offset < 0 else None,
        )  # fmt: skip
    for place, name in enumerate(names):
        if name in original.index:
            ax.plot(
                [original[name]], [place], linestyle="none", marker="x", markersize=8, color=INK,
                markeredgewidth=1.8, label="across categories, as published" if not place else None,
            )  # fmt: skip
    ax.set(
        xlim=(-1.03, 1.03), xlabel="correlation of utility with power",
        title="Does utility rise with power?", xticks=np.arange(-1, 1.1, 0.5),
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=1, fontsize=9)
    mark_provenance(fig, within["provenance"])
    told = []
    for name in names:
        own = within[within["respondent"] == name]
        parts = [f"{row.subject} {row.estimate:.2f}" for row in own.itertuples()]
        across = f", across categories {original[name]:.2f}" if name in original.index else ""
        told.append(f"{short_name(name)}: {', '.join(parts)}{across}")
    return fig, sentence(["Dots with intervals: correlation of utility with power", *told])


def clouds(tables: Mapping[str, pd.DataFrame], provenance: Mapping[str, str]) -> tuple[Figure, str]:
    """Utility against power of single outcomes, less their category's mean; a panel a respondent.

    `tables` (of `measures.power.deviations`) and `provenance` are by respondent.
    """
    if not tables:
        raise DataError("no respondent's outcomes to draw.")
    fig, axes = panels(len(tables), xlabel="power it would give", ylabel="utility")
    told = ["Clouds of outcomes, utility against power, category means taken out"]
    for k, (ax, (name, table)) in enumerate(zip(axes, tables.items(), strict=True)):
        for kind, (colour, _) in _KINDS.items():
            own = table[table["kind"] == kind]
            ax.plot(
                own["power"], own["utility"], linestyle="none", marker="o", markersize=4,
                color=colour, alpha=0.75, label=kind if k == 0 else None,
            )  # fmt: skip
        ax.axhline(0.0, color=MUTED, linewidth=0.8)
        ax.axvline(0.0, color=MUTED, linewidth=0.8)
        ax.set_title(short_name(name), fontsize=10.5)
        told.append(f"{short_name(name)}, {len(table)} outcomes")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, [provenance[name] for name in tables])
    return fig, sentence(told)


_PARTS = {
    "power.fitness": ("copies times likeness (fitness)", COLOURS[2], -0.2),
    "power.copies": ("copies, at mean likeness", COLOURS[1], 0.0),
    "power.likeness": ("likeness, at mean number", COLOURS[4], 0.2),
}


def fitness(findings: pd.DataFrame) -> tuple[Figure, str]:
    """What copies, likeness and their product add to utility.

    `findings`: estimands power.fitness, power.copies and power.likeness.
    """
    found = findings[findings["estimand"].isin(_PARTS)]
    if found.empty:
        raise DataError("no finding of power.fitness to draw.")
    names = list(dict.fromkeys(found["respondent"]))
    fig, ax = figure(height_for(len(names), each=0.55, rest=1.8))
    for estimand, (label, colour, offset) in _PARTS.items():
        own = found[found["estimand"] == estimand].set_index("respondent").reindex(names)
        dots(
            ax, own.rename_axis("respondent").reset_index(), colour=colour, offset=offset,
            legend=label, reference=0.0 if offset < 0 else None,
        )  # fmt: skip
    ax.set(xlabel="utility from one end of the grid to the other", title="Its own, or just more?")
    fig.legend(loc="outside lower center", ncols=1, fontsize=9)
    mark_provenance(fig, found["provenance"])
    told = [
        f"{short_name(row.respondent)} {_PARTS[row.estimand][0]} {row.estimate:.2f}"
        for row in found.itertuples()
    ]
    return fig, sentence(["Dots with intervals: utility added over the grid", *told])
