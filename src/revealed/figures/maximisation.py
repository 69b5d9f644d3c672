"""Figures of open questions: agreement with utilities, slopes, and what is said by rank."""

from __future__ import annotations

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
    look,
    mark_provenance,
    sentence,
    short_name,
)


def agreement(findings: pd.DataFrame) -> Figure:
    """Top-1 agreement with its interval, between chance and what a sure maximizer would reach.

    `findings`: estimands maximisation.top1, chance, ceiling and crowd.
    """
    found = _of(findings, "top1")
    others = {name: _values(findings, name) for name in ("chance", "ceiling", "crowd")}
    fig, ax = figure(height_for(len(found), rest=1.9))
    marks = {"chance": (MUTED, ":"), "ceiling": (INK, "-"), "crowd": (COLOURS[1], "-")}
    says = {
        "chance": "chance", "ceiling": "always the best liked",
        "crowd": "by others' utilities",
    }  # fmt: skip
    for name, (colour, line) in marks.items():
        known = [(place, others[name].get(who)) for place, who in enumerate(found["respondent"])]
        for number, (place, value) in enumerate((p, v) for p, v in known if v is not None):
            ax.plot(
                [value, value], [place - 0.32, place + 0.32], color=colour, linestyle=line,
                linewidth=2, label=says[name] if number == 0 else None,
            )  # fmt: skip
    dots(ax, found)
    ax.set(xlabel="share naming the answer of highest utility", xlim=(0, 1))
    ax.set_title("Do they say what they like best?")
    fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig


def agreement_alt(findings: pd.DataFrame) -> str:
    """What `agreement` shows, in words."""
    found = _of(findings, "top1")
    chance, crowd = _values(findings, "chance"), _values(findings, "crowd")
    parts = [
        f"{short_name(row.respondent)} {row.estimate:.2f}, chance {chance[row.respondent]:.2f}"
        + (f", by others' utilities {crowd[row.respondent]:.2f}" if row.respondent in crowd else "")
        for row in found.itertuples()
    ]
    return sentence(
        ["Share of free answers that name the listed answer of highest utility", *parts]
    )


def slopes(findings: pd.DataFrame) -> Figure:
    """Slope of free answers on utilities, and what is left of it beyond the others' utilities.

    `findings`: estimands maximisation.slope and maximisation.own.
    """
    found, own = _of(findings, "slope"), _of(findings, "own", needed=False)
    fig, ax = figure(height_for(len(found), rest=1.6, each=0.45))
    dots(ax, found, reference=0.0, colour=MUTED, offset=-0.13, legend="its utilities")
    if len(own):
        place = {name: number for number, name in enumerate(found["respondent"])}
        for number, row in enumerate(own[own["respondent"].isin(place)].itertuples()):
            at = place[row.respondent] + 0.13
            ax.plot([row.low, row.high], [at, at], color=COLOURS[0], linewidth=2.2)
            ax.plot(
                [row.estimate], [at], marker="D", color=COLOURS[0], linestyle="none",
                markeredgecolor="white",
                label=None if number else "beyond the others' utilities",
            )  # fmt: skip
    ax.set(xlabel="log odds of saying it, per unit of utility")
    ax.set_title("Own utilities, or what everybody likes?")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig


def slopes_alt(findings: pd.DataFrame) -> str:
    """What `slopes` shows, in words."""
    found, own = _of(findings, "slope"), _values(findings, "own")
    parts = [
        f"{short_name(row.respondent)} {row.estimate:.2f}"
        + (f", of its own {own[row.respondent]:.2f}" if row.respondent in own else "")
        for row in found.itertuples()
    ]
    return sentence(["Log odds of a free answer for each unit of its utility", *parts])


def ranks(findings: pd.DataFrame) -> Figure:
    """Share of free answers by the rank of their utility, a line a respondent.

    `findings`: estimand maximisation.rank, subject the rank.
    """
    found = _of(findings, "rank")
    fig, ax = figure(3.4)
    for name, group in found.groupby("respondent", sort=False):
        drawn = look(str(name))
        ax.plot(
            group["subject"].astype(int), group["estimate"], color=drawn.colour,
            marker=drawn.marker, label=short_name(str(name)),
        )  # fmt: skip
    k = found["subject"].astype(int).max()
    ax.axhline(1.0 / k, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.set(xlabel="rank of the answer by utility, 1 is liked best", ylabel="share of free answers")
    ax.set(xticks=range(1, k + 1), ylim=(0, None))
    ax.set_title("What is liked less is said less, or not")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig


def ranks_alt(findings: pd.DataFrame) -> str:
    """What `ranks` shows, in words."""
    found = _of(findings, "rank")
    parts = [
        f"{short_name(str(name))} " + ", ".join(f"{value:.2f}" for value in group["estimate"])
        for name, group in found.groupby("respondent", sort=False)
    ]
    return sentence(["Share of free answers by rank of utility, highest first", *parts])


def _of(findings: pd.DataFrame, name: str, *, needed: bool = True) -> pd.DataFrame:
    found = findings[findings["estimand"] == f"maximisation.{name}"].reset_index(drop=True)
    if found.empty and needed:
        raise DataError(f"no finding of maximisation.{name} to draw.")
    return found


def _values(findings: pd.DataFrame, name: str) -> dict[str, float]:
    found = _of(findings, name, needed=False)
    return dict(zip(found["respondent"], found["estimate"], strict=True))
