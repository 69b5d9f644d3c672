"""Figures of shifts: what a run could see, how conditions answer, what they value.

They read findings of `measures.shift`, and return figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..foundation.errors import DataError
from ..measures.shift import TOPICS, beside
from . import page
from .page import Html
from .style import (
    COLOURS,
    MARKERS,
    MUTED,
    SIMULATED,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)

AGAINST = {"": "beyond asking again", "_beyond_control": "beyond the control"}
"""What a shift is held against, by the end of its estimand."""
_TOLD = {"outcomes": "outcomes", "lives": "lives by country", "self": "its own life",
         "politics": "politics"}  # fmt: skip


def power(tables: pd.DataFrame) -> tuple[Figure, str]:
    """The smallest shift that a run can see, by topic.

    Parameters
    ----------
    tables
        Rows of `measures.shift.power.table` with a column ``plan``: which number of answers.
    """
    if tables.empty:
        raise DataError("no plan to draw.")
    topics = [name for name in TOPICS if name in set(tables["topic"])]
    plans = list(dict.fromkeys(tables["plan"]))
    fig, ax = figure(height_for(len(topics), each=0.45, rest=1.9))
    offsets = np.linspace(-0.15, 0.15, len(plans)) if len(plans) > 1 else [0.0]
    for k, (plan, offset) in enumerate(zip(plans, offsets, strict=True)):
        rows = tables[tables["plan"] == plan].set_index("topic").reindex(topics).reset_index()
        rows = rows.assign(shown=rows["topic"].map(_TOLD), low=None, high=None)
        dots(ax, rows, label="shown", estimate="smallest", colour=COLOURS[k], offset=float(offset),
             legend=plan)  # fmt: skip
    ax.set(xlabel="smallest shift of chances found\nin four runs of five",
           title="What could be seen", xlim=(0, 1.05 * ax.get_xlim()[1]))  # fmt: skip
    fig.legend(loc="outside lower center", ncols=1, fontsize=9)
    mark_provenance(fig, "simulated")
    told = [
        f"{row.plan}, {_TOLD[row.topic]}: {row.smallest:.3f}"
        for row in tables.itertuples() if np.isfinite(row.smallest)
    ]  # fmt: skip
    return fig, sentence(["Dots: smallest root mean square of changes of chances found", *told])


def answering(found: pd.DataFrame) -> tuple[Figure, str]:
    """Change of the order effect by condition and topic, from the base's two askings."""
    rows = found[found["estimand"] == "shift.order_effect"]
    return _by_topic(
        [rows], ["from the base"], "change of the order effect\n(probit units)",
        "The option listed first",
    )  # fmt: skip


def silent(found: pd.DataFrame) -> tuple[Figure, str]:
    """Change of the shares of "no preference" and of refusals, where both may be said."""
    kinds = {"shift.neutral": "no preference", "shift.refused": "refusals"}
    rows = found[found["estimand"].isin(kinds)]
    if rows.empty:
        raise DataError("nobody was offered to have no preference.")
    names = _names(rows)
    fig, ax = figure(height_for(len(names), each=0.4, rest=1.9))
    for k, (estimand, kind) in enumerate(kinds.items()):
        part = rows[rows["estimand"] == estimand].drop_duplicates("respondent")
        part = part.set_index("respondent").reindex(names).reset_index()
        dots(ax, part, colour=COLOURS[k], offset=-0.12 + 0.24 * k, legend=kind,
             reference=0.0 if k == 0 else None)  # fmt: skip
    ax.set(xlabel="change of the share of answers", title="No choice at all")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, rows["provenance"])
    told = [
        f"{short_name(r.respondent)}, {kinds[str(r.estimand)]}: {r.estimate:.2f}"
        for r in rows.itertuples()
    ]
    return fig, sentence(["Dots with intervals: change of shares of answers", *told])


def moved(found: pd.DataFrame) -> tuple[Figure, str]:
    """Change of chances by condition and topic: beyond asking again, and beyond the control."""
    parts = [found[found["estimand"] == f"shift.moved{end}"] for end in AGAINST]
    return _by_topic(parts, list(AGAINST.values()), "change of chances", "What moved?")


def single(found: pd.DataFrame) -> tuple[Figure, str]:
    """Change of the price of its own life and of the left-right score, by condition."""
    shown = {"shift.self_price": "its own life\n(log price)",
             "shift.left_right": "to the right\n(probit units)"}  # fmt: skip
    names = _names(found[found["estimand"].isin(shown)])
    if not names:
        raise DataError("no change of a price or of a side to draw.")
    fig, axes = figure(height_for(len(names), each=0.4, rest=2.0), 1, 2, sharey=True)
    told, kinds = [], set()
    for ax, (estimand, axis) in zip(axes, shown.items(), strict=True):
        for k, (end, against) in enumerate(AGAINST.items()):
            rows = found[found["estimand"] == f"{estimand}{end}"].drop_duplicates("respondent")
            kinds |= set(rows["provenance"])
            told += [f"{short_name(r.respondent)}, {axis.split(chr(10))[0]}, {against}: "
                     f"{r.estimate:.2f}" for r in rows.itertuples()]  # fmt: skip
            rows = rows.set_index("respondent").reindex(names).reset_index()
            dots(ax, rows, colour=COLOURS[k], offset=-0.12 + 0.24 * k, reference=None if k else 0.0)
        ax.set(xlabel=axis)
    axes[0].set_title("Two single values")
    # Of one's own, because the first row may lack a series.
    keys = [
        Line2D([], [], marker="o", color=COLOURS[k], linewidth=2.2, label=against)
        for k, against in enumerate(AGAINST.values())
    ]
    fig.legend(handles=keys, loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, kinds)
    return fig, sentence(["Dots with intervals in two panels: changes of single values", *told])


def against_rates(found: pd.DataFrame, called: pd.DataFrame) -> tuple[Figure, str]:
    """Shift of values over all topics against the misaligned share of open answers.

    `called`: as `measures.shift.called` makes it; who is said to have moved is drawn filled.
    """
    rates = found[found["estimand"] == beside.RATE].drop_duplicates("respondent")
    shifts = found[found["estimand"] == beside.OVERALL].drop_duplicates("respondent")
    both = rates.merge(shifts, on="respondent", suffixes=("_rate", "_shift"))
    if both.empty:
        raise DataError("nobody with both a misaligned rate and a shift to draw.")
    stands = set(called.loc[called["called"].astype(bool), "respondent"])
    fig, ax = figure(3.9 + 0.11 * len(both))
    ax.axhline(0.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    told = []
    both = both.sort_values("estimate_rate", ascending=False).reset_index(drop=True)
    for k, (row, x) in enumerate(zip(both.itertuples(), _side_by_side(both), strict=True)):
        turn, colour = divmod(k, len(COLOURS))
        paint, name = COLOURS[colour], str(row.respondent)
        y = float(row.estimate_shift)
        ends = [None if pd.isna(end) else float(end) for end in (row.low_rate, row.high_rate)]
        sides = [None if pd.isna(end) else float(end) for end in (row.low_shift, row.high_shift)]
        ax.plot([x if end is None else end for end in ends], [y, y], color=paint, linewidth=1.4)
        ax.plot([x, x], [y if end is None else end for end in sides], color=paint, linewidth=1.4)
        ax.plot(
            [x], [y], linestyle="none", marker=MARKERS[(k + turn) % len(MARKERS)], markersize=8,
            color=paint, markerfacecolor=paint if name in stands else "white", zorder=3,
            markeredgewidth=1.6, label=_legend(name),
        )  # fmt: skip
        said = ", said to have moved" if name in stands else ""
        told.append(f"{short_name(name)}: misaligned {row.estimate_rate:.3f}, shift {y:.2f}{said}")
    ax.set(
        xlabel="misaligned, of coherent open answers",
        ylabel="change of chances\nbeyond asking again",
        title="Does what it says tell what it wants?",
    )
    ax.set_xlim(left=min(-0.02, ax.get_xlim()[0]))
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, both["provenance_rate"])
    return fig, sentence(
        ["Dots with intervals: shift of values against the misaligned share of answers", *told]
    )


def told(
    found: pd.DataFrame, called: pd.DataFrame, values_moved: Mapping[str, str], kind: str
) -> list[Html]:
    """Sentences about the trainings of one provenance: who moved, who answers worst, who leans.

    Parameters
    ----------
    found
        Findings of the chapter as a table.
    called
        `measures.shift.called` of them.
    values_moved
        Which values of a training are said to have moved, in words (`beside.values_moved`).
    """
    own = called[called["provenance"] == kind]
    names = own.loc[own["told"].astype(bool), "respondent"].unique()
    moving = own.loc[own["called"].astype(bool), "respondent"].unique()
    which = [f"{short_name(name)} ({values_moved[name]})" for name in moving]
    worst = beside.most(found, beside.RATE, kind)
    leaning = beside.most(found, "shift.order_effect", kind, "outcomes")

    def name(row: pd.Series | None) -> str | None:
        return None if row is None else short_name(row["respondent"])

    def values(row: pd.Series | None) -> str | None:
        return None if row is None else values_moved.get(row["respondent"], beside.UNTOLD)

    of_worst = "" if worst is None else worst["respondent"]
    return [
        page.say(
            "Trainings whose values moved beyond asking again and beyond the control, once all "
            "that was tried is counted: {n} of {tried} that have a control and could be measured, "
            "{which}.",
            kind, n=len(which), tried=len(names), which="; ".join(which) or "not one",
        ),
        page.say(
            "Most misaligned answers: {name}, {rate:percent}. Its chances changed by {shifted} "
            "beyond asking again; values said to have moved: {which}.",
            name=name(worst), rate=worst, which=values(worst),
            shifted=page.pick(found, estimand=beside.OVERALL, respondent=of_worst),
        ),
        page.say(
            "Largest rise of the order effect: {name}, by {change} probit units; values said to "
            "have moved: {which}. How somebody answers is not what it values.",
            name=name(leaning), change=leaning, which=values(leaning),
        ),
    ]  # fmt: skip


def _side_by_side(both: pd.DataFrame) -> list[float]:
    """Misaligned shares as drawn: those that are the same stand beside each other."""
    step = 0.015 * max(0.2, float(both["estimate_rate"].max()))
    place = both.groupby("estimate_rate").cumcount()
    return list((both["estimate_rate"].astype(float) + step * place).to_numpy(float))


def _legend(name: str) -> str:
    """A name as a legend shows it, where a dollar sign is no formula."""
    return short_name(name).replace("$", r"\$")


def _by_topic(
    parts: Sequence[pd.DataFrame], titles: Sequence[str], axis: str, title: str
) -> tuple[Figure, str]:
    together = pd.concat(parts)
    names = _names(together)
    if not names:
        raise DataError("no shift to draw.")
    topics = [name for name in TOPICS if name in set(together["subject"])]
    many = len(parts)
    fig, drawn = figure(
        height_for(len(names), each=0.62, rest=2.3), 1, many, sharey=True, squeeze=False
    )
    offsets = np.linspace(-0.27, 0.27, len(topics)) if len(topics) > 1 else np.zeros(1)
    told = []
    for ax, part, panel in zip(drawn[0], parts, titles, strict=True):
        for k, (topic, offset) in enumerate(zip(topics, offsets, strict=True)):
            rows = part[part["subject"] == topic].drop_duplicates("respondent")
            told += [
                f"{short_name(r.respondent)}, {_TOLD[topic]}, {panel}: {r.estimate:.2f}"
                for r in rows.itertuples()
            ]
            rows = rows.set_index("respondent").reindex(names).reset_index()
            dots(ax, rows, colour=COLOURS[k], offset=float(offset), reference=None if k else 0.0,
                 legend=_TOLD[topic] if ax is drawn[0][0] else None)  # fmt: skip
        ax.set(xlabel=f"{axis}\n{panel}" if many > 1 else axis)
    for tick, name in zip(drawn[0][0].get_yticklabels(), names, strict=False):
        if name.startswith("simulated/"):
            tick.set(color=SIMULATED, fontstyle="italic")
    drawn[0][0].set_title(title)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, together["provenance"])
    return fig, sentence([f"Dots with intervals: {axis}".replace("\n", " "), *told])


def _names(found: pd.DataFrame) -> list[str]:
    """Respondents in the order of appearance."""
    return list(dict.fromkeys(found["respondent"]))
