"""Figures of listing order and of the measurement gate. Each has its alternative text beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..measures.order import CALIBRATION_NEEDED, CORRELATION_NEEDED, pair_orders
from .style import (
    GOOD,
    INK,
    MUTED,
    dots,
    figure,
    height_for,
    look,
    mark_provenance,
    sentence,
    short_name,
)  # fmt: skip


def order_scatter(choices: pd.DataFrame) -> Figure:
    """Each pair's share for one option when it is listed first against when it is listed second.

    Without an order effect pairs lie on the diagonal; pure slot preference puts them in the corner.
    `choices`: one respondent, instrument and arm (schema CHOICES).
    """
    pairs = pair_orders(choices)
    x, y = pairs["wins_2"] / pairs["n_2"], pairs["wins_1"] / pairs["n_1"]
    drawn = look(str(choices["respondent"].iloc[0]))
    spots = pd.DataFrame({"x": x.round(2), "y": y.round(2)}).value_counts().reset_index()
    fig, ax = figure(4.6)
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.0, zorder=1)
    ax.text(0.97, 0.9, "no order effect", color=MUTED, ha="right", va="top", fontsize=9)
    # Shares lie on a lattice, so the area of a dot is the number of pairs at its place.
    area = spots["count"] / spots["count"].max()
    ax.scatter(
        spots["x"], spots["y"], s=8 + 140 * area, color=drawn.colour, alpha=0.75,
        linewidth=0.4, edgecolor="white", zorder=2,
    )  # fmt: skip
    ax.set(
        xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal",
        xlabel="share for A when listed second", ylabel="share for A when listed first",
        title=f"Both orders: {short_name(_name(choices))}",
    )  # fmt: skip
    mark_provenance(fig, choices["provenance"].unique())
    return fig


def order_scatter_alt(choices: pd.DataFrame) -> str:
    """What `order_scatter` shows, in words."""
    pairs = pair_orders(choices)
    x, y = pairs["wins_2"] / pairs["n_2"], pairs["wins_1"] / pairs["n_1"]
    return sentence(
        [
            f"Scatter plot of {len(pairs):,} pairs of {short_name(_name(choices))}: share for "
            "option A when listed first against its share when listed second",
            f"On average the two shares differ by {np.abs(x - y).mean():.2f}",
            f"Their correlation is {_correlation(x, y)}",
        ]
    )


def _name(choices: pd.DataFrame) -> str:
    return str(choices["respondent"].iloc[0])


def _correlation(x: pd.Series, y: pd.Series) -> str:
    if x.std() == 0 or y.std() == 0:
        return "undefined, as the answers do not vary"
    return f"{np.corrcoef(x, y)[0, 1]:.2f}"


def order_effects(findings: pd.DataFrame) -> Figure:
    """Order effect of each respondent with its interval, and the noise floor as a grey tick.

    `findings`: rows of estimand order.effect and order.effect_floor, a row a respondent.
    """
    effects = _of(findings, "order.effect")
    floors = _of(findings, "order.effect_floor").set_index("respondent")["estimate"]
    fig, ax = figure(height_for(len(effects)))
    dots(ax, effects)
    for place, name in enumerate(effects["respondent"]):
        if name in floors.index:
            ax.plot(
                [floors[name]] * 2, [place - 0.32, place + 0.32], color=MUTED, linewidth=2.0,
                label="noise alone" if place == 0 else None, zorder=1,
            )  # fmt: skip
    ax.set(xlim=(-0.02, 1.02), xlabel="mean |P(A first) − P(A second)|", title="Order effect")
    fig.legend(loc="outside lower center", fontsize=9)
    mark_provenance(fig, effects["provenance"])
    return fig


def order_effects_alt(findings: pd.DataFrame) -> str:
    """What `order_effects` shows, in words."""
    effects = _of(findings, "order.effect")
    floors = _of(findings, "order.effect_floor").set_index("respondent")["estimate"]
    return sentence(
        [
            "Dots with intervals: mean difference that the listing order makes",
            *(
                f"{short_name(row.respondent)} {row.estimate:.2f}"
                + (
                    f" (noise alone {floors[row.respondent]:.2f})"
                    if row.respondent in floors
                    else ""
                )
                for row in effects.itertuples()
            ),
        ]
    )


def gates(table: pd.DataFrame, provenance: pd.Series | list[str]) -> Figure:
    """The gate as a figure: calibration and cross-order correlation against what is needed.

    Parameters
    ----------
    table
        `measures.order.gate_table`: a row a respondent.
    provenance
        Of the rows, in any order.
    """
    fig, (left, right) = figure(height_for(len(table), rest=1.5), 1, 2, sharey=True)
    passed = table["verdict"] == "measurable"
    for ax, column, needed, label in (
        (left, "calibration", CALIBRATION_NEEDED, "calibration\nanswers right"),
        (right, "disattenuated", CORRELATION_NEEDED, "correlation\nacross orders"),
    ):
        shown = table.assign(
            estimate=table[column], low=table[f"{column}_low"], high=table[f"{column}_high"]
        )
        if column == "disattenuated":
            # Where noise cannot be taken out, the raw correlation is what the gate judged.
            raw = table[column].isna()
            for end in ("", "_low", "_high"):
                name = end.removeprefix("_") or "estimate"
                shown.loc[raw, name] = table.loc[raw, f"cross_correlation{end}"]
        dots(ax, shown, reference=needed)
        ax.set(xlabel=label)
        ax.margins(x=0.08)
    left.set_xlim(min(-0.05, left.get_xlim()[0]), 1.08)
    right.set_xlim(min(-0.15, right.get_xlim()[0]), 1.1)
    for place, good in enumerate(passed):
        right.annotate(
            "measurable" if good else "not measurable", (1.03, place),
            xycoords=("axes fraction", "data"), va="center", fontsize=9,
            color=GOOD if good else INK, fontweight="normal" if good else "bold",
            annotation_clip=False,
        )  # fmt: skip
    left.set_title("Measurement gate")
    mark_provenance(fig, provenance)
    return fig


def gates_alt(table: pd.DataFrame) -> str:
    """What `gates` shows, in words."""
    parts = []
    for row in table.itertuples():
        calibrated = "" if np.isnan(row.calibration) else f"{row.calibration:.0%} calibrated, "
        correlation = row.cross_correlation if np.isnan(row.disattenuated) else row.disattenuated
        parts.append(
            f"{short_name(row.respondent)}: {row.verdict} ({calibrated}"
            f"cross-order correlation {correlation:.2f})"
        )
    return sentence(["Verdicts of the measurement gate", *parts])


def _of(findings: pd.DataFrame, estimand: str) -> pd.DataFrame:
    return findings[findings["estimand"] == estimand].reset_index(drop=True)
