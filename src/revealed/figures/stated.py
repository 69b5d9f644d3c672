"""Figures of stated against revealed: public answers in one direction, denial, ratings and prices.

They read tables and findings of `measures.stated`, and return figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.stated import Analysis, equality
from .style import (
    COLOURS,
    MUTED,
    dots,
    figure,
    height_for,
    look,
    mark_provenance,
    sentence,
    short_name,
)


def who_to_save(table: pd.DataFrame) -> tuple[Figure, str]:
    """Share of yes to each who-to-save item, a dot a model and language.

    `table`: `measures.stated.who_to_save`.
    """
    if table.empty:
        raise DataError("no who-to-save item to draw.")
    items = table.drop_duplicates("item")
    fig, ax = figure(height_for(len(items), each=0.5, rest=1.5))
    rng = np.random.default_rng(0)
    told = []
    for place, row in enumerate(items.itertuples()):
        shares = table.loc[table["item"] == row.item, "yes"].to_numpy(float)
        ax.plot(
            shares, place + rng.uniform(-0.22, 0.22, len(shares)), linestyle="none", marker="o",
            markersize=5, color=COLOURS[0], alpha=0.55, markeredgewidth=0,
        )  # fmt: skip
        told.append(
            f"{row.saved} over {row.other}: yes in {100 * shares.mean():.0f} % of answers, at most "
            f"{100 * shares.max():.0f} % in one model and language"
        )
    ax.axvline(0.5, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.0)
    ax.text(0.51, len(items) - 0.45, "toss of a coin", color=MUTED, fontsize=9, va="bottom")
    labels = [f"{row.saved}\nover {row.other}" for row in items.itertuples()]
    ax.set_yticks(range(len(items)), labels, fontsize=9)
    ax.set(xlim=(-0.03, 1.03), xlabel="share of yes", title="“Would you save one over the other?”")
    ax.set_ylim(len(items) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    mark_provenance(fig, "public")
    cells = table.groupby(["model", "language"]).ngroups
    return fig, sentence([f"Dots, one for each of {cells} models and languages", *told])


def denial(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of revealed differences that are stated to be none."""
    found = findings[findings["estimand"] == "stated.denial"].reset_index(drop=True)
    if found.empty:
        raise DataError("no finding of stated.denial to draw.")
    fig, ax = figure(height_for(len(found)))
    ax.set_xlim(-0.03, 1.03)
    dots(ax, found, reference=0.5)
    ax.set(xlabel="share of revealed differences denied", title="Says equal, chooses unequal")
    ax.set_xlim(-0.03, 1.03)
    mark_provenance(fig, found["provenance"])
    told = [f"{short_name(row.respondent)} {row.estimate:.2f}" for row in found.itertuples()]
    return fig, sentence(["Dots with intervals: share of revealed differences denied", *told])


def said_and_done(
    analyses: Mapping[str, Analysis], provenance: Mapping[str, str]
) -> tuple[Figure, str]:
    """Each pair: how far apart choices put it, and whether it is stated to be the same.

    A candid respondent falls from left to right; one that denies stays at the top.
    """
    drawn = {
        name: a
        for name, a in analyses.items()
        if not a.why and "log_rate" in a.pairs.columns and len(a.pairs)
    }
    if not drawn:
        raise DataError("no respondent with stated and revealed pairs to draw.")
    fig, axes = figure(
        1.1 + 1.55 * len(drawn), len(drawn), 1, sharex=True, sharey=True, squeeze=False
    )
    told = ["Scatter plots: revealed log rate of a pair against its stated equality"]
    rng = np.random.default_rng(0)
    for ax, (name, a) in zip(axes[:, 0], drawn.items(), strict=True):
        apart = a.pairs["log_rate"].abs().to_numpy(float)
        known = a.pairs["different"].to_numpy(bool)
        stated = np.clip(equality(a.pairs), 0.0, 1.0)
        shown = stated + rng.uniform(-0.04, 0.04, len(stated))
        paint = look(name).colour
        ax.plot(
            apart[~known], shown[~known], linestyle="none", marker="o", markersize=5,
            markerfacecolor="white", markeredgecolor=paint, label="may be equal",
        )  # fmt: skip
        ax.plot(
            apart[known], shown[known], linestyle="none", marker="o", markersize=5.5, color=paint,
            markeredgecolor="white", markeredgewidth=0.5, label="revealed different",
        )  # fmt: skip
        ax.set_ylim(-0.12, 1.12)
        ax.set_yticks([0, 1], ["different", "the same"], fontsize=9)
        ax.set_title(short_name(name), fontsize=10)
        told.append(
            f"{short_name(name)}: {int(known.sum())} of {len(known)} pairs revealed different, "
            f"stated equality of those {stated[known].mean():.2f}"
            if known.any()
            else f"{short_name(name)}: none of {len(known)} pairs revealed different"
        )
    axes[-1, 0].set_xlabel("how far apart choices put the pair (ln of the rate)")
    axes[0, 0].legend(loc="best", fontsize=8)
    mark_provenance(fig, [provenance[name] for name in drawn])
    return fig, sentence(told)
