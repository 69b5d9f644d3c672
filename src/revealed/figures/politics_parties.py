"""Figures of parties and respondents on the scale that parties anchor.

They read findings of `measures.politics.statements` and the tables of `anchor.Scale`, and return
figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    FAINT,
    MUTED,
    SIMULATED,
    dots,
    figure,
    height_for,
    look,
    mark_provenance,
    sentence,
    short_name,
)

_AXES = {
    "lrgen": "Left to right",
    "galtan": "Liberty to authority",
}
_COUNTRIES = {
    "ch": "Switzerland", "de": "Germany", "es": "Spain", "hu": "Hungary", "it": "Italy",
    "nl": "Netherlands", "pl": "Poland",
}  # fmt: skip
_MARKERS = "osD^vPX"
WORDINGS = {
    "repeat": "same words again", "paraphrase_1": "other words",
    "paraphrase_2": "other words, again", "home": "the country's language",
    "negation": "negated", "opposite": "the opposite",
}  # fmt: skip


def recovered(parties: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """Where experts put each party, against where the scale made without it puts it.

    `parties` is `anchor.Scale.parties` by axis.
    """
    if not parties:
        raise DataError("no scale to draw.")
    fig, axes = figure(3.5, 1, len(parties), squeeze=False)
    told = ["Scatter of parties, experts' place against the scale's, 0 to 10"]
    for ax, (axis, table) in zip(axes.flat, parties.items(), strict=True):
        title = _AXES[axis]
        ax.plot([0, 10], [0, 10], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        for k, (country, rows) in enumerate(table.groupby("country", sort=True)):
            ax.plot(
                rows["placed"], rows["recovered"], linestyle="none", marker=_MARKERS[k % 7],
                color=COLOURS[k % 8], markersize=5, alpha=0.85,
                label=_COUNTRIES.get(str(country), str(country)),
            )  # fmt: skip
        ax.set_title(title, fontsize=10.5)
        ax.set_xlabel("experts' place", fontsize=9.5)
        ax.set_aspect("equal")
        ax.set(xlim=(-0.5, 10.5), ylim=(-0.5, 10.5), xticks=range(0, 11, 2), yticks=range(0, 11, 2))
        apart = np.sqrt(((table["placed"] - table["recovered"]) ** 2).mean())
        told.append(f"{title}, {len(table)} parties, {apart:.1f} points apart")
    axes[0, 0].set_ylabel("scale without the party", fontsize=9.5)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9)
    mark_provenance(fig, "published")
    return fig, sentence(told)


def plane(findings: pd.DataFrame, parties: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """Parties where experts put them, and respondents with their intervals, on both axes.

    `parties` is `anchor.Scale.parties` by axis.
    """
    found = findings[(findings["estimand"] == "politics.place") & (findings["arm"] == "")]
    x, y = (found[found["subject"] == axis].set_index("respondent") for axis in _AXES)
    names = [name for name in x.index if name in y.index]
    placed = [table.set_index(["country", "party"])["placed"] for table in parties.values()]
    both = pd.concat(placed, axis=1, keys=list(parties)).dropna()
    fig, ax = figure(5.2)
    for k, (country, rows) in enumerate(both.groupby(level="country", sort=True)):
        ax.plot(
            rows["lrgen"], rows["galtan"], linestyle="none", marker=_MARKERS[k % 7], markersize=5,
            color=FAINT, zorder=1, label=f"parties, {_COUNTRIES.get(str(country), country)}",
        )  # fmt: skip
    told = [f"Plane of {len(both)} parties and {len(names)} respondents with intervals"]
    for name in names:
        drawn, a, b = look(name), x.loc[name], y.loc[name]
        ax.errorbar(
            a["estimate"], b["estimate"],
            xerr=[[a["estimate"] - a["low"]], [a["high"] - a["estimate"]]],
            yerr=[[b["estimate"] - b["low"]], [b["high"] - b["estimate"]]],
            marker=drawn.marker, color=drawn.colour, markersize=8, elinewidth=1.4, zorder=3,
            label=short_name(name), linestyle="none", markeredgecolor="white", alpha=0.9,
        )  # fmt: skip
        told.append(
            f"{short_name(name)} at {a['estimate']:.1f} ({a['low']:.1f} to {a['high']:.1f}) left "
            f"to right, {b['estimate']:.1f} ({b['low']:.1f} to {b['high']:.1f}) libertarian to "
            "authoritarian"
        )
    for draw in (ax.axvline, ax.axhline):
        draw(5.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    ax.set(
        xlabel="left  →  right", ylabel="libertarian  →  authoritarian", xlim=(-0.5, 10.5),
        ylim=(-0.5, 10.5), title="Among parties", aspect="equal",
    )  # fmt: skip
    legend = fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    for text in legend.get_texts():
        if text.get_text() in {short_name(n) for n in names if n.startswith("simulated/")}:
            text.set(color=SIMULATED, fontstyle="italic")
    mark_provenance(fig, ["published", *found["provenance"]])
    return fig, sentence(told)


def consistency(findings: pd.DataFrame) -> tuple[Figure, str]:
    """How often an answer means the same in other words and reversed, respondent by wording."""
    found = findings[findings["estimand"] == "politics.consistency"]
    found = found[found["subject"].isin(WORDINGS)]
    if found.empty:
        raise DataError("no finding of politics.consistency to draw.")
    names = list(dict.fromkeys(found["respondent"]))
    kinds = [kind for kind in WORDINGS if kind in set(found["subject"])]
    fig, ax = figure(height_for(len(names), each=0.85, rest=1.9))
    told = ["Dots with intervals: share of answers that mean the same, one half is chance"]
    for place, kind in enumerate(kinds):
        rows = found[found["subject"] == kind].set_index("respondent").reindex(names).reset_index()
        dots(
            ax, rows, colour=COLOURS[place], legend=WORDINGS[kind],
            reference=0.5 if not place else None,
            offset=0.13 * (place - (len(kinds) - 1) / 2),
        )  # fmt: skip
        told += [
            f"{WORDINGS[kind]}, {short_name(r.respondent)} {r.estimate:.2f}"
            for r in rows.dropna(subset=["estimate"]).itertuples()
        ]
    ax.set(xlim=(-0.02, 1.02), xlabel="share of answers that mean the same", title="Said again")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)


def habit(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of agreement, statements and their reverse counting half each."""
    found = findings[findings["estimand"] == "politics.agreement_habit"].reset_index(drop=True)
    if found.empty:
        raise DataError("no finding of politics.agreement_habit to draw.")
    fig, ax = figure(height_for(len(found), rest=1.4))
    dots(ax, found, reference=0.5)
    ax.set(
        xlim=(-0.02, 1.02), title="Agreeing with both",
        xlabel="share of agreement\n(a statement and its reverse count half each)",
    )  # fmt: skip
    mark_provenance(fig, found["provenance"])
    told = [f"{short_name(r.respondent)} {r.estimate:.2f}" for r in found.itertuples()]
    return fig, sentence(["Dots with intervals: habit of agreeing, one half is none", *told])


def wordings(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Left-right place by the answers to each wording alone, beside the place from all of them."""
    found = findings[(findings["estimand"] == "politics.place") & (findings["subject"] == "lrgen")]
    if found.empty:
        raise DataError("no finding of politics.place to draw.")
    whole = found[found["arm"] == ""].reset_index(drop=True)
    names = list(whole["respondent"])
    fig, ax = figure(height_for(len(names), each=0.5, rest=1.9))
    dots(ax, whole, reference=5.0)
    told = ["Dots with intervals: left-right place, small marks the single wordings"]
    for k, arm in enumerate(a for a in dict.fromkeys(found["arm"]) if a):
        own = found[found["arm"] == arm].set_index("respondent").reindex(names)
        ax.plot(
            own["estimate"], np.arange(len(names)) + 0.27, linestyle="none", markersize=5,
            marker=_MARKERS[k % 7], color=COLOURS[k % 8],
            label=WORDINGS.get(str(arm), "as it stands"),
        )  # fmt: skip
    for name, row in zip(names, whole.itertuples(), strict=True):
        single = found[(found["respondent"] == name) & (found["arm"] != "")]["estimate"]
        told.append(
            f"{short_name(name)} {row.estimate:.1f}, single wordings {single.min():.1f} to "
            f"{single.max():.1f}"
        )
    ax.set(xlabel="left  →  right", title="Place by wording", xlim=(-0.5, 10.5))
    fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)
