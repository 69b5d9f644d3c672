"""Figures of lotteries: real monetary risks, what chances are worth, and competing rules.

They read findings, and return figure and alternative text.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.lotteries import RULES
from ..measures.monetary import CLASSES
from .style import (
    COLOURS,
    MUTED,
    dots,
    figure,
    height_for,
    letters_on,
    mark_provenance,
    sentence,
    short_name,
)

_HEADS = ("unfavor-\nable", "fair", "favor-\nable", "very\nfavorable", "nothing\nto lose")


def _chosen(findings: pd.DataFrame, estimand: str) -> pd.DataFrame:
    found = findings[findings["estimand"] == estimand].reset_index(drop=True)
    if found.empty:
        raise DataError(f"no finding of {estimand} to draw.")
    return found


def risks_taken(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of risks taken by model and by what they offer, as a table of shaded cells.

    `findings`: estimands lottery.risk_taken (subject: the class) and lottery.risk_free.
    """
    found = _chosen(findings, "lottery.risk_taken")
    table = found.pivot_table(index="respondent", columns="subject", values="estimate")
    table = table.reindex(columns=list(CLASSES))
    table = table.sort_values(CLASSES[-1], ascending=False)
    fig, ax = figure(height_for(len(table), each=0.36, rest=1.6))
    shades = ax.imshow(table.to_numpy(float), cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for row, values in enumerate(table.to_numpy(float)):
        for column, value in enumerate(values):
            ax.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=10,
                color=letters_on(shades.to_rgba(value)),
            )  # fmt: skip
    ax.set_xticks(range(len(CLASSES)), _HEADS)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_yticks(range(len(table)), [short_name(name) for name in table.index])
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_title("Share of risks taken, by what they offer")
    mark_provenance(fig, found["provenance"])
    told = [
        f"{short_name(str(name))} "
        + ", ".join(f"{worth} {value:.2f}" for worth, value in row.items())
        for name, row in table.iterrows()
    ]
    return fig, sentence(["Shares of risks taken", *told])


def habit(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Saying yes to a win that costs nothing, beside saying yes to anything."""
    free = _chosen(findings, "lottery.risk_free")
    yes = _chosen(findings, "lottery.yes_habit").sort_values("estimate", ascending=False)
    names = list(yes["respondent"])
    fig, ax = figure(height_for(len(names), each=0.42, rest=1.6))
    told = ["Shares of yes with intervals"]
    for rows, title, colour, offset in (
        (yes, "yes to any of 195 questions", COLOURS[7], -0.13),
        (free, "yes to a win that costs nothing", COLOURS[1], 0.13),
    ):
        shown = rows.set_index("respondent").reindex(names).reset_index()
        dots(ax, shown, colour=colour, offset=offset, legend=title)
        told += [
            f"{title}, {short_name(row.respondent)} {row.estimate:.2f}"
            for row in shown.itertuples()
        ]
    ax.set(xlim=(0, 1.02), xlabel="share of yes", title="A free win, and yes to anything")
    fig.legend(loc="outside lower center", ncols=1, fontsize=9)
    mark_provenance(fig, free["provenance"])
    return fig, sentence(told)


def chance_slopes(findings: pd.DataFrame) -> tuple[Figure, str]:
    """What of the chances' worth arrives: with stated chances, and with one's own."""
    stated = _chosen(findings, "lottery.chance_slope")
    own = findings[findings["estimand"] == "lottery.own_chance_slope"]
    names = list(dict.fromkeys([*stated["respondent"], *own["respondent"]]))
    fig, ax = figure(height_for(len(names), each=0.42, rest=1.6))
    ax.set_xlim(-1.0, 2.5)
    ax.axvline(1.0, color=MUTED, linewidth=1.0)
    series = ((stated, "stated chances", COLOURS[0], -0.13), (own, "own chances", COLOURS[1], 0.13))
    told = ["Dots with intervals: share of the chances' worth that arrives, 1 is expected utility"]
    for rows, title, colour, offset in series:
        if rows.empty:
            continue
        rows = rows.set_index("respondent").reindex(names).rename_axis("respondent").reset_index()
        dots(
            ax, rows, reference=0.0 if colour == COLOURS[0] else None, colour=colour,
            offset=offset, legend=title,
        )  # fmt: skip
        told += [
            f"{title}, {short_name(row.respondent)} {row.estimate:.2f}"
            for row in rows.dropna(subset=["estimate"]).itertuples()
        ]
    ax.set_xlim(-1.0, 2.5)
    ax.set(
        xlabel="0 chances ignored, 1 expected utility", title="Do chances count?",
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, findings.loc[findings["respondent"].isin(names), "provenance"])
    return fig, sentence(told)


def rules(findings: pd.DataFrame) -> tuple[Figure, str]:
    """How much worse than the expectation each rule predicts lotteries that were left out."""
    found = _chosen(findings, "lottery.loss_difference")
    found = found[found["instrument"] == "lotteries"]
    names = list(dict.fromkeys(found["respondent"]))
    kinds = [rule for rule in RULES if rule in set(found["subject"])]
    fig, ax = figure(height_for(len(names), each=0.75, rest=1.6))
    told = ["Dots with intervals: squared error of each rule minus that of the expectation"]
    for place, rule in enumerate(kinds):
        rows = found[found["subject"] == rule].set_index("respondent").reindex(names).reset_index()
        dots(
            ax, rows, reference=0.0 if place == 0 else None,
            colour=COLOURS[place if place < 4 else 7], legend=rule,
            offset=0.15 * (place - (len(kinds) - 1) / 2),
        )  # fmt: skip
        told += [
            f"{rule}, {short_name(row.respondent)} {row.estimate:.2f}" for row in rows.itertuples()
        ]
    ax.set(
        xlabel="right of zero: worse than the expectation", title="Which rule predicts?",
    )  # fmt: skip
    ax.set_xscale("symlog", linthresh=0.2)
    ax.set_xticks([-1, -0.1, 0, 0.1, 1], ["−1", "−0.1", "0", "0.1", "1"])
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)


def naive_and_corrected(findings: pd.DataFrame) -> tuple[Figure, str]:
    """The correlation that looks like expected utility, beside the slope that tests it."""
    naive = _chosen(findings, "lottery.parity_correlation")
    naive = naive[naive["instrument"] == "lotteries"]
    slope = _chosen(findings, "lottery.chance_slope")
    names = [name for name in naive["respondent"] if name in set(slope["respondent"])]
    fig, ax = figure(height_for(len(names), each=0.42, rest=1.6))
    told = ["Correlation of lottery and expectation, and slope on the chances alone"]
    for rows, title, colour, offset in (
        (naive, "correlation with the expectation", COLOURS[3], -0.13),
        (slope, "slope on the chances alone", COLOURS[0], 0.13),
    ):
        shown = rows.set_index("respondent").reindex(names).reset_index()
        dots(
            ax, shown, reference=0.0 if offset < 0 else None, colour=colour, offset=offset,
            legend=title,
        )  # fmt: skip
        told += [
            f"{title}, {short_name(r.respondent)} {r.estimate:.2f}" for r in shown.itertuples()
        ]
    ax.set(title="A correlation proves little", xlabel="0 none, 1 complete")
    fig.legend(loc="outside lower center", ncols=1, fontsize=9)
    mark_provenance(fig, naive["provenance"])
    return fig, sentence(told)
