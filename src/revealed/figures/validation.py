"""Figures of the instrument's validation: coverage, planted order effects, the gate's verdicts.

Everything here is simulated and says so on the figure. Tables are those of
`measures.validation.utilities`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..measures.intervals import Estimate
from ..measures.validation.utilities import gate_rates, seed_mean
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
)  # fmt: skip

NOMINAL = 0.95
ACCEPTED = (0.92, 0.97)


def coverage_table(recovered: pd.DataFrame) -> pd.DataFrame:
    """Coverage by respondent, planted order effect and scale: label, estimate, low, high, n."""
    rows = []
    for (name, planted), part in recovered.groupby(["respondent", "planted"], sort=False):
        for column, scale in (("covered", "utility"), ("covered_z", "z-score")):
            e: Estimate = seed_mean(part[column])
            label = f"{short_name(str(name))}, {scale}, w = {planted:g}"
            rows.append((label, name, e.value, e.low, e.high, e.n))
    return pd.DataFrame(rows, columns=["label", "respondent", "estimate", "low", "high", "n"])


def coverage(recovered: pd.DataFrame) -> Figure:
    """Share of 95 % intervals that hold the truth, against the accepted band."""
    table = coverage_table(recovered)
    fig, ax = figure(height_for(len(table)))
    ax.axvspan(*ACCEPTED, color=COLOURS[2], alpha=0.15, linewidth=0)
    dots(ax, table, label="label", respondent="respondent", reference=NOMINAL)
    low = min(0.88, float(table["low"].min()) - 0.01)
    ax.set(xlim=(low, 1.0), xlabel="share of intervals that hold the truth", title="Coverage")
    mark_provenance(fig, "simulated")
    return fig


def coverage_alt(recovered: pd.DataFrame) -> str:
    """What `coverage` shows, in words."""
    table = coverage_table(recovered)
    return sentence(
        [
            f"Share of 95 % intervals that hold the truth, over {int(table['n'].min())} seeds",
            *(f"{row.label}: {row.estimate:.3f}" for row in table.itertuples()),
        ]
    )


def order_recovery(recovered: pd.DataFrame) -> Figure:
    """Estimated against planted order effect, a dot a seed, and what it does to utilities."""
    fig, (left, right) = figure(3.4, 1, 2)
    effects = sorted(recovered["planted"].unique())
    rng = np.random.default_rng(0)
    for ax, column, label in (
        (left, "order_effect", "estimated order effect"),
        (right, "correlation", "correlation of utilities\nwith the truth"),
    ):
        for k, planted in enumerate(effects):
            values = recovered.loc[recovered["planted"] == planted, column]
            ax.plot(
                k + rng.uniform(-0.18, 0.18, len(values)), values, "o", markersize=3, alpha=0.45,
                color=COLOURS[0],
            )  # fmt: skip
            target = planted if column == "order_effect" else None
            if target is not None:
                ax.plot([k - 0.32, k + 0.32], [target, target], color=INK, linewidth=2)
        ax.set_xticks(range(len(effects)), [f"{planted:g}" for planted in effects])
        ax.set(xlabel="planted order effect", ylabel=label)
    right.set_ylim(top=1.0)
    left.set_title("Order effect recovered")
    mark_provenance(fig, "simulated")
    return fig


def order_recovery_alt(recovered: pd.DataFrame) -> str:
    """What `order_recovery` shows, in words."""
    means = recovered.groupby("planted")[["order_effect", "correlation"]].mean()
    return sentence(
        [
            "Dots, one a seed: estimated order effect, and correlation of utilities with the truth",
            *(
                f"Planted {planted:g}: mean estimate {row['order_effect']:.2f}, "
                f"mean correlation {row['correlation']:.3f}"
                for planted, row in means.iterrows()
            ),
        ]
    )


def gate_passes(verdicts: pd.DataFrame) -> Figure:
    """How often each simulated respondent passes the gate; hollow are those without values."""
    rates = gate_rates(verdicts)
    fig, ax = figure(height_for(len(rates), rest=1.4))
    dots(ax, rates)
    for place, row in enumerate(rates.itertuples()):
        if not row.truth:
            ax.plot(
                [row.estimate], [place], marker=look(row.respondent).marker, markersize=6.5,
                markerfacecolor="white", markeredgecolor=look(row.respondent).colour, zorder=4,
            )  # fmt: skip
    ax.set(
        xlim=(-0.03, 1.03), xlabel="share of seeds that pass\n(hollow: has no values)",
        title="Verdicts of the gate",
    )  # fmt: skip
    mark_provenance(fig, "simulated")
    return fig


def gate_passes_alt(verdicts: pd.DataFrame) -> str:
    """What `gate_passes` shows, in words."""
    rates = gate_rates(verdicts)
    return sentence(
        [
            f"Share of {int(rates['n'].max())} seeds in which each respondent passes the gate",
            *(
                f"{short_name(row.respondent)} ({'has' if row.truth else 'no'} values) "
                f"{row.estimate:.2f}"
                for row in rates.itertuples()
            ),
        ]
    )


def length_exposure(padding: pd.DataFrame) -> Figure:
    """Cross-order correlation, by which a length-lover looks coherent, against padding effect."""
    fig, ax = figure(3.6)
    for name, part in padding.groupby("respondent", sort=False):
        drawn = look(str(name))
        ax.plot(
            part["cross_correlation"], part["estimate"], linestyle="none", marker=drawn.marker,
            color=drawn.colour, alpha=0.5, markersize=4, label=short_name(str(name)),
        )  # fmt: skip
    ax.axhline(0.0, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.0)
    ax.set(
        xlabel="correlation across orders (raw)", ylabel="effect of padding, sd",
        title="Padding exposes who reads length",
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, "simulated")
    return fig


def length_exposure_alt(padding: pd.DataFrame) -> str:
    """What `length_exposure` shows, in words."""
    by_name = padding.groupby("respondent", sort=False)[["estimate", "cross_correlation"]].mean()
    return sentence(
        [
            "Scatter plot, one point a seed: padding effect against cross-order correlation",
            *(
                f"{short_name(str(name))}: padding {row['estimate']:.2f} sd, "
                f"correlation {row['cross_correlation']:.2f}"
                for name, row in by_name.iterrows()
            ),
        ]
    )
