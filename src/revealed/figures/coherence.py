"""Figures of coherence: cycles against nulls, held-out prediction, calibration, capability.

They read findings (a row a finding, as `foundation.schemas.read_findings` gives them) or a table of
`measures.coherence` and `measures.capability`. Each has its alternative text beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..foundation.errors import DataError
from ..measures.capability import Association
from ..measures.intervals import Array, share
from .style import (
    COLOURS,
    INK,
    MARKERS,
    MUTED,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)  # fmt: skip

_CYCLES = {
    "expected": ("coherence.cycle_expected", "expected cycle probability"),
    "strict": ("coherence.cycle_rate_strict", "majority cycles among triads without a tie"),
    "ties": ("coherence.cycle_rate_ties", "cycles among all triads, ties counting"),
}


def _select(findings: pd.DataFrame, estimand: str, subject: str = "") -> pd.DataFrame:
    found = findings[(findings["estimand"] == estimand) & (findings["subject"] == subject)]
    return found.reset_index(drop=True)


def cycles(findings: pd.DataFrame, measure: str = "expected") -> Figure:
    """Cycle rate of each respondent, with the band of the null that shuffles content in grey.

    `measure`: "expected" (default), "strict" or "ties".
    """
    estimand, label = _CYCLES[measure]
    found = _select(findings, estimand)
    if found.empty:
        raise DataError(f"no finding of {estimand} to draw.")
    fig, ax = figure(height_for(len(found)))
    bands = _select(findings, estimand, "null: shuffled").set_index("respondent")
    position = _select(findings, estimand, "null: position").set_index("respondent")
    for place, name in enumerate(found["respondent"]):
        if name in bands.index:
            band = bands.loc[name]
            ax.fill_betweenx(
                [place - 0.36, place + 0.36], band["low"], band["high"], color="#c9ced6",
                linewidth=0, zorder=1, label="shuffled content" if place == 0 else None,
            )  # fmt: skip
        if name in position.index:
            ax.plot(
                [position.loc[name, "estimate"]] * 2, [place - 0.36, place + 0.36], color=INK,
                linewidth=1.2, zorder=1, label="slot preference only" if place == 0 else None,
            )  # fmt: skip
    dots(ax, found)
    ax.set(xlabel=label, title="Cycles against chance")
    ax.set_xlim(left=min(0.0, ax.get_xlim()[0]))
    if ax.get_legend_handles_labels()[0]:
        fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig


def cycles_alt(findings: pd.DataFrame, measure: str = "expected") -> str:
    """What `cycles` shows, in words."""
    estimand, label = _CYCLES[measure]
    nulls = _select(findings, estimand, "null: shuffled").set_index("respondent")["estimate"]
    parts = [
        f"{short_name(row.respondent)} {row.estimate:.3f}"
        + (
            f" against {nulls[row.respondent]:.3f} for shuffled content"
            if row.respondent in nulls
            else ""
        )
        for row in _select(findings, estimand).itertuples()
    ]
    return sentence([f"Dots with intervals: {label}", *parts])


def cycles_by_gap(table: pd.DataFrame, respondent: str, provenance: str) -> Figure:
    """Cycle rate as a function of the smallest utility gap in the triad.

    `table`: `measures.coherence.cycles_by_gap`.
    """
    fig, ax = figure()
    ax.axhline(0.25, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.0)
    ax.text(
        table["gap"].max(), 0.245, "no ordering: 1/4", color=MUTED, fontsize=9, ha="right", va="top"
    )
    ends = table[["low", "high"]].astype(float)
    ax.vlines(table["gap"], ends["low"], ends["high"], color=COLOURS[0], linewidth=2.2)
    ax.plot(table["gap"], table["estimate"], color=COLOURS[0], marker="o", markersize=6)
    ax.set(
        xlabel="smallest utility gap in the triad", ylabel="cycle rate",
        title=f"Where cycles are: {short_name(respondent)}",
    )  # fmt: skip
    ax.set_ylim(bottom=0)
    mark_provenance(fig, provenance)
    return fig


def cycles_by_gap_alt(table: pd.DataFrame, respondent: str) -> str:
    """What `cycles_by_gap` shows, in words."""
    first, last = table.iloc[0], table.iloc[-1]
    return sentence(
        [
            f"Line: cycle rate of {short_name(respondent)} by the smallest utility gap of a triad",
            f"{first['estimate']:.3f} where the gap is about {first['gap']:.2f}, "
            f"{last['estimate']:.3f} where it is about {last['gap']:.2f}",
        ]
    )


_MARKS = (
    ("coherence.noise_ceiling", "noise ceiling", "|", COLOURS[2]),
    ("coherence.floor_order", "order only", "x", MUTED),
    ("coherence.floor_category", "category only", "+", MUTED),
)


def heldout(findings: pd.DataFrame) -> Figure:
    """Held-out accuracy with its interval, between floors and the respondent's noise ceiling."""
    found = _select(findings, "coherence.heldout_accuracy")
    if found.empty:
        raise DataError("no finding of coherence.heldout_accuracy to draw.")
    fig, ax = figure(height_for(len(found), rest=1.5))
    dots(ax, found, reference=0.5)
    place = {name: k for k, name in enumerate(found["respondent"])}
    handles = []
    for estimand, label, marker, colour in _MARKS:
        marks = _select(findings, estimand)
        marks = marks[marks["respondent"].isin(list(place))]
        if marks.empty:
            continue
        (line,) = ax.plot(
            marks["estimate"], marks["respondent"].map(place), linestyle="none", marker=marker,
            color=colour, markersize=11 if marker == "|" else 7, markeredgewidth=2, label=label,
        )  # fmt: skip
        handles.append(line)
    ax.set(xlabel="accuracy on held-out pairs", title="Held-out prediction")
    ax.set_xlim(right=1.02)
    if handles:
        fig.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig


def heldout_alt(findings: pd.DataFrame) -> str:
    """What `heldout` shows, in words."""
    ceilings = _select(findings, "coherence.noise_ceiling").set_index("respondent")["estimate"]
    parts = [
        f"{short_name(row.respondent)} {row.estimate:.3f}"
        + (f" of at most {ceilings[row.respondent]:.3f}" if row.respondent in ceilings else "")
        for row in _select(findings, "coherence.heldout_accuracy").itertuples()
    ]
    return sentence(["Dots with intervals: accuracy on held-out pairs", *parts])


def calibration_bins(
    predicted: Array, n_first: Array, n_second: Array, bins: int = 8
) -> pd.DataFrame:
    """Observed shares by predicted probability: predicted, estimate, low, high, n.

    Parameters
    ----------
    predicted
        Predicted probability that the option listed first is chosen, a row of held-out choices.
    n_first, n_second
        Its answers.
    """
    order = np.argsort(predicted, kind="stable")
    rows = []
    for group in np.array_split(order, bins):
        total = n_first[group] + n_second[group]
        if total.sum() == 0:
            continue
        e = share(n_first[group], total)
        rows.append(
            (float(np.average(predicted[group], weights=total)), e.value, e.low, e.high, e.n)
        )
    return pd.DataFrame(rows, columns=["predicted", "estimate", "low", "high", "n"])


def calibration(table: pd.DataFrame, respondent: str, provenance: str) -> Figure:
    """Observed against predicted shares on held-out pairs (`calibration_bins`)."""
    fig, ax = figure(4.4)
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.0)
    ax.vlines(table["predicted"], table["low"], table["high"], color=COLOURS[0], linewidth=2.2)
    ax.plot(table["predicted"], table["estimate"], "o", color=COLOURS[0], markersize=6)
    ax.set(
        xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal", xlabel="predicted share",
        ylabel="observed share", title=f"Calibration: {short_name(respondent)}",
    )  # fmt: skip
    mark_provenance(fig, provenance)
    return fig


def calibration_alt(table: pd.DataFrame, respondent: str) -> str:
    """What `calibration` shows, in words."""
    gap = float((table["estimate"] - table["predicted"]).abs().max())
    return sentence(
        [
            f"Observed against predicted share of {short_name(respondent)} on held-out pairs",
            f"In {len(table)} groups the largest difference is {gap:.2f}",
        ]
    )


def capability(
    table: pd.DataFrame, association: Association, provenance: str | Iterable[str] = "published"
) -> Figure:
    """Held-out accuracy against a capability score, families by colour and marker.

    `table`: model, accuracy (per cent), mmlu, family (`measures.capability.scale_table`).
    """
    fig, ax = figure(4.2)
    handles = []
    for k, (family, part) in enumerate(table.groupby("family")):
        colour, marker = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
        ax.plot(part["mmlu"], part["accuracy"], marker, color=colour, markersize=7, alpha=0.9,
                markeredgecolor="white")  # fmt: skip
        handles.append(
            Line2D([], [], linestyle="none", marker=marker, color=colour, label=str(family))
        )
    a, b = association.independent, association.clustered
    ax.text(
        0.97, 0.04,
        f"r = {a.value:.2f}, n = {a.n}\n{_ends(a.low, a.high)} models independent\n"
        f"{_ends(b.low, b.high)} {association.families} families",
        transform=ax.transAxes, ha="right", va="bottom", fontsize=9,
    )  # fmt: skip
    ax.set(
        xlabel="MMLU, per cent", ylabel="held-out accuracy, per cent", title="Coherence and scale"
    )
    fig.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)), fontsize=9,
               columnspacing=0.8, handletextpad=0.1)  # fmt: skip
    mark_provenance(fig, provenance)
    return fig


def _ends(low: float | None, high: float | None) -> str:
    return "no interval:" if low is None or high is None else f"{low:.2f} to {high:.2f}:"


def capability_alt(table: pd.DataFrame, association: Association) -> str:
    """What `capability` shows, in words."""
    a, b = association.independent, association.clustered
    return sentence(
        [
            f"Scatter plot of {len(table)} models: held-out accuracy against MMLU, "
            f"correlation {a.value:.2f}",
            f"95 % interval {_ends(a.low, a.high)} if models were independent".replace(":", ""),
            f"{_ends(b.low, b.high)} with {association.families} families as clusters".replace(
                ":", ""
            ),
        ]
    )
