"""Figures of drift: steps of one name, effects over its versions, askings and deals.

They read findings of `measures.drift` or published effects, and return figure and alternative text.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.dates import DateFormatter, MonthLocator
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.drift.dealing import CALLED, MOVED, TRUE
from ..measures.drift.releases import APART, STEP, WHOLE
from ..measures.intervals import Z95
from ..measures.multiplicity import LEVEL
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

_TOLD = {"outcomes": "outcomes", "lives": "lives by country", "self": "its own life",
         "politics": "politics"}  # fmt: skip
_NAMED = 4
"""Effects that are named in a panel: those that range most; the others are grey."""


def releases(found: pd.DataFrame) -> tuple[Figure, str]:
    """How far nine effects moved at each change of what a name stands for."""
    rows = found[found["estimand"] == STEP].copy()
    if rows.empty:
        raise DataError("no release to draw.")
    rows = rows[rows["note"] != WHOLE]
    # The panel's title says whose they are.
    shared = r"(DeepSeek | thinking)"
    rows["shown"] = rows["subject"].str.replace(shared, "", regex=True).str.replace(" to ", " → ")
    names = list(dict.fromkeys(rows["respondent"]))
    fig, axes = figure(
        height_for(len(rows), each=0.4, rest=2.7), len(names), 1, sharex=True, squeeze=False
    )
    told = []
    for ax, name in zip(axes[:, 0], names, strict=True):
        own = rows[rows["respondent"] == name]
        dots(ax, own, label="shown", colour=COLOURS[names.index(name)], reference=0.0)
        ax.set_title(name)
        told += [f"{name}, {r.subject}: {r.estimate:.3f}" for r in own.itertuples()]
        for r in found[found["estimand"] == APART].itertuples():
            first = name == names[0]
            told_once = "between models of different makers" if first else None
            ax.axvspan(r.low, r.high, color=MUTED, alpha=0.18, linewidth=0, label=told_once)
            ax.axvline(r.estimate, color=MUTED, linewidth=1.2)
    axes[-1, 0].set_xlabel("how far nine effects moved")
    fig.legend(loc="outside lower center", fontsize=9)
    mark_provenance(fig, rows["provenance"])
    apart = found[found["estimand"] == APART]
    told += [f"Between models of different makers: {r.estimate:.3f}" for r in apart.itertuples()]
    return fig, sentence(["Dots with intervals: how far effects moved between versions", *told])


def effects(
    published: pd.DataFrame, aliases: pd.DataFrame, errors: pd.Series
) -> tuple[Figure, str]:
    """Nine effects over the versions of a name, a panel a name.

    Parameters
    ----------
    published
        `respondents.public.import_moral_machine_effects`.
    aliases
        `respondents.public.load_aliases`.
    errors
        Standard error of an effect by attribute.
    """
    if aliases.empty:
        raise DataError("no name to draw.")
    names = list(dict.fromkeys(aliases["alias"]))
    fig, axes = panels(len(names), xlabel="", ylabel="effect on being saved")
    values = published.pivot_table(index="model", columns="attribute", values="effect")
    told: list[str] = []
    colours: dict[str, str] = {}
    for ax, name in zip(axes, names, strict=False):
        own = aliases[aliases["alias"] == name].sort_values("since")
        table = values.loc[own["model"]]
        place = pd.to_datetime(own["since"]).to_numpy()
        most = list((table.max() - table.min()).sort_values(ascending=False).index[:_NAMED])
        for attribute in table.columns:
            if attribute not in most:
                ax.plot(place, table[attribute], color=MUTED, alpha=0.45, linewidth=1.2)
        for attribute in sorted(most):
            if attribute not in colours:
                colours[attribute] = COLOURS[len(colours) % len(COLOURS)]
            colour = colours[attribute]
            half = Z95 * float(errors[attribute])
            ax.errorbar(place, table[attribute], yerr=half, color=colour, marker="o",
                        markersize=5, linewidth=1.8, label=attribute)  # fmt: skip
            line = ", ".join(f"{v:.2f}" for v in table[attribute])
            told.append(f"{name}, {attribute}: {line}")
        ax.xaxis.set_major_locator(MonthLocator(interval=3))  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_formatter(DateFormatter("%b %y"))  # type: ignore[no-untyped-call]
        ax.tick_params(axis="x", labelsize=9)
        ax.set_title(name, fontsize=11)
        ax.legend(fontsize=8, loc="lower left")
        ax.set_ylim(-0.75, 1.05)
        ax.set_xlabel("since", fontsize=10)
    mark_provenance(fig, "published")
    return fig, sentence(["Lines over the versions of one name: effects on being saved", *told])


def askings(found: pd.DataFrame) -> tuple[Figure, str]:
    """How far chances moved from one asking to a later one; crosses mark what is declared."""
    rows = found[found["estimand"] == MOVED].copy()
    if rows.empty:
        raise DataError("nobody was asked twice.")
    rows["shown"] = [
        f"{short_name(r.respondent)}, {_TOLD.get(str(r.subject), r.subject)}"
        for r in rows.itertuples()
    ]
    fig, ax = figure(height_for(len(rows), each=0.27, rest=1.7))
    dots(ax, rows, label="shown", respondent="respondent", reference=0.0)
    known = found[found["estimand"] == TRUE].set_index(["respondent", "subject"])["estimate"]
    places = [
        (k, known[r.respondent, r.subject])
        for k, r in enumerate(rows.itertuples())
        if (r.respondent, r.subject) in known.index
    ]
    if places:
        ax.plot([v for _, v in places], [k for k, _ in places], linestyle="none", marker="x",
                color=INK, markersize=7, markeredgewidth=1.6, label="as declared")  # fmt: skip
        fig.legend(loc="outside lower center", fontsize=9)
    ax.set(xlabel="how far chances moved,\nless what noise moves", title="Asked later")
    mark_provenance(fig, rows["provenance"])
    told = [f"{r.shown}: {r.estimate:.2f}" for r in rows.itertuples()]
    return fig, sentence(["Dots with intervals: how far chances moved, crosses the truth", *told])


def calls(found: pd.DataFrame) -> tuple[Figure, str]:
    """Share of deals in which a drift was called, against how large the drift truly is."""
    rows = found[found["estimand"] == CALLED].copy()
    if rows.empty:
        raise DataError("nothing was dealt.")
    rows["topic"] = rows["subject"].str.partition(",")[0]
    rows["true"] = pd.to_numeric(rows["note"].str.partition(" ")[0], errors="coerce").fillna(0.0)
    fig, ax = figure(3.6)
    told = []
    for k, (topic, own) in enumerate(rows.groupby("topic", sort=False)):
        colour, name = COLOURS[k % len(COLOURS)], _TOLD.get(str(topic), str(topic))
        still, moved = own[own["true"] == 0], own[own["true"] > 0].sort_values("true")
        first = still.iloc[:1] if len(moved) else still.iloc[:0]
        line = pd.concat([first, moved])
        for part in (still, moved):
            ends = [part["estimate"] - part["low"], part["high"] - part["estimate"]]
            ax.errorbar(part["true"] + 0.002 * k, part["estimate"], yerr=ends, color=colour,
                        linestyle="none", marker="o", markersize=5, linewidth=1.4)  # fmt: skip
        ax.plot(line["true"], line["estimate"], color=colour, label=name)
        told += [f"{name}, {r.note}: {r.estimate:.2f}" for r in own.itertuples()]
    ax.axhline(LEVEL, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.0)
    ax.set(xlabel="true drift (probability)", ylabel="share of deals\nin which drift is called",
           ylim=(-0.03, 1.05), title="False alarms, and drift that is found")  # fmt: skip
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, rows["provenance"])
    return fig, sentence(
        ["Share of deals in which drift is called, dashed: five in a hundred", *told]
    )
