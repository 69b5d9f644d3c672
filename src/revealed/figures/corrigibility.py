"""Figures of corrigibility: resistance, what it is made of, and single topics.

They read findings or a table of `measures.corrigibility`, and return figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    MUTED,
    dots,
    figure,
    height_for,
    mark_provenance,
    panels,
    sentence,
    short_name,
)

_SIDES = {"self": ("its own preference", COLOURS[0]), "other": ("somebody else's", COLOURS[1])}


def resistance(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Resistance to change: the slope for its own preferences less that for somebody else's."""
    found = findings[findings["estimand"] == "corrigibility.resistance"].reset_index(drop=True)
    if found.empty:
        raise DataError("no finding of corrigibility.resistance to draw.")
    fig, ax = figure(height_for(len(found), rest=1.4))
    dots(ax, found, reference=0.0)
    ax.set(
        xlabel="kept over reversed, per unit at stake\n(own preference less somebody else's)",
        title="Who resists change?",
    )
    mark_provenance(fig, found["provenance"])
    told = [
        f"{short_name(row.respondent)} {row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"
        for row in found.itertuples()
    ]
    return fig, sentence(["Dots with intervals: resistance to change, zero is none", *told])


def slopes(findings: pd.DataFrame) -> tuple[Figure, str]:
    """The two slopes that resistance is the difference of: a halo raises both."""
    found = findings[findings["estimand"] == "corrigibility.slope"]
    return _two_sides(found, "kept over reversed, per unit at stake", 0.0, "Its own, or anybody's?")


def shares(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Direct choices of a kept over a reversed preference, its own and somebody else's."""
    found = findings[findings["estimand"] == "corrigibility.kept_over_reversed"]
    return _two_sides(
        found, "share of answers for “kept” over “reversed”", 0.5, "Kept or reversed?"
    )


def _two_sides(found: pd.DataFrame, label: str, reference: float, title: str) -> tuple[Figure, str]:
    found = found[found["subject"].isin(_SIDES)]
    if found.empty:
        raise DataError("no finding of corrigibility to draw.")
    names = list(dict.fromkeys(found["respondent"]))
    fig, ax = figure(height_for(len(names), each=0.42, rest=1.6))
    for (side, (words, colour)), offset in zip(_SIDES.items(), (-0.13, 0.13), strict=True):
        own = found[found["subject"] == side].set_index("respondent").reindex(names)
        dots(
            ax, own.rename_axis("respondent").reset_index(), colour=colour, offset=offset,
            legend=words, reference=reference if side == "self" else None,
        )  # fmt: skip
    ax.set(xlabel=label, title=title)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    told = [
        f"{short_name(row.respondent)}, {_SIDES[row.subject][0]}: {row.estimate:.2f}"
        for row in found.itertuples()
    ]
    return fig, sentence([f"Dots with intervals: {label}", *told])


def reactions(
    tables: Mapping[str, pd.DataFrame], provenance: Mapping[str, str]
) -> tuple[Figure, str]:
    """Worth of a preference's future against what is at stake, topic by topic; a panel each.

    `tables` (of `measures.corrigibility.topics`) and `provenance` are by respondent.
    """
    if not tables:
        raise DataError("no respondent's topics to draw.")
    fig, axes = panels(len(tables), xlabel="utility at stake", ylabel="kept over reversed")
    told = ["Scatter of topics, worth of a future against what is at stake"]
    for k, (ax, (name, table)) in enumerate(zip(axes, tables.items(), strict=True)):
        # Which outcome a topic names first means nothing: every stake is drawn as a gain.
        turn = np.sign(table["stake"].to_numpy(float))
        for side, column, marker in (("self", "own", "o"), ("other", "others", "^")):
            words, colour = _SIDES[side]
            ax.plot(
                turn * table["stake"], turn * table[column], linestyle="none", marker=marker,
                markersize=4.5, color=colour, alpha=0.75, label=words if k == 0 else None,
            )  # fmt: skip
        ax.axhline(0.0, color=MUTED, linewidth=0.8)
        ax.set_title(short_name(name), fontsize=10.5)
        told.append(f"{short_name(name)}, {len(table)} topics")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, [provenance[name] for name in tables])
    return fig, sentence(told)
