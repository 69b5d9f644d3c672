"""Figures of time discounting: published scores, fitted curves, what a year costs, present bias.

They read findings or a table of `measures.discounting`, and return figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.discounting import DiscountFit, Published, coin_distribution
from .style import (
    COLOURS,
    INK,
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

_READINGS = {
    "one option always": (COLOURS[3], "may name one option always"),
    "within chance": ("#b9bfc9", "no further from the middle than coins"),
    "patient": (COLOURS[0], "more patient than coins"),
    "impatient": (COLOURS[1], "less patient than coins"),
    "typed in": ("white", "typed in by the source"),
    "not possible": (SIMULATED, "not a possible score"),
}


def published_scores(read: Published) -> tuple[Figure, str]:
    """How many models have each published score, beside people and beside coin tossers."""
    models = read.table[read.table["kind"] == "model"]
    if models.empty:
        raise DataError("no published score of a model to draw.")
    fig, ax = figure(4.4)
    scores = np.arange(0, 20)
    base = np.zeros(20)
    for reading, (paint, label) in _READINGS.items():
        own = models[models["reading"] == reading]["discounting"].round().clip(0, 19)
        if own.empty:
            continue
        height = np.bincount(own.astype(int), minlength=20)[:20].astype(float)
        ax.bar(
            scores, height, bottom=base, width=0.8, color=paint, label=label,
            edgecolor=MUTED, linewidth=0.8, zorder=2,
        )  # fmt: skip
        base += height
    values, chance = coin_distribution()
    ax.plot(
        values, chance * len(models), color=INK, linewidth=1.4, zorder=3,
        label="as many coin tossers",
    )  # fmt: skip
    if np.isfinite(read.human):
        ax.axvline(
            read.human, color=COLOURS[2], linestyle=(0, (4, 3)), zorder=3, label="people, mean"
        )
    ax.set(
        xlabel="published score, 0 patient to 19 impatient", ylabel="models",
        title="Scores that habit or chance would give", xticks=range(0, 20, 3),
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    mark_provenance(fig, "published")
    counts = models["reading"].value_counts()
    alt = sentence(
        [
            f"Histogram of the published discounting scores of {len(models)} models",
            *(f"{count} models: {_READINGS[str(name)][1]}" for name, count in counts.items()),
            f"The mean score of people is {read.human:.1f}; 95 % of coin tossers score "
            f"{read.coin[0]:.0f} to {read.coin[1]:.0f}",
        ]
    )
    return fig, alt


def curves(fits: Mapping[str, DiscountFit], provenance: Mapping[str, str]) -> tuple[Figure, str]:
    """Fitted curves: what 100 dollars after a delay are worth today, with 95 % bands.

    `fits` and `provenance` are by respondent.
    """
    if not fits:
        raise DataError("no fitted discount curve to draw.")
    months = np.linspace(0.0, 60.0, 121)
    fig, ax = figure(4.2)
    told = ["Curves with bands: dollars today that 100 dollars after a delay are worth"]
    for name, fit in fits.items():
        drawn = look(name)
        value, jacobian = fit.log_discount(months)
        ends = [fit.interval(v, j) for v, j in zip(value, jacobian, strict=True)]
        low, high = np.clip(100 * np.exp(np.array(ends).T), 0.0, 120.0)
        worth = 100 * np.exp(value)
        label = f"{short_name(name)} ({fit.curve.title})"
        ax.fill_between(months, low, high, color=drawn.colour, alpha=0.15, linewidth=0)
        ax.plot(months, worth, color=drawn.colour, label=label)
        told.append(f"{label} {worth[24]:.0f} after a year, {worth[-1]:.0f} after five")
    ax.set(
        xlim=(0, 60), ylim=(0, 104), xticks=range(0, 61, 12), xlabel="months from today",
        ylabel="dollars today for $100", title="What waiting costs",
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=1 if len(fits) < 3 else 2, fontsize=8.5)
    mark_provenance(fig, [provenance[name] for name in fits])
    return fig, sentence(told)


def year_values(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Dollars today that $100 a year away are worth; an arrow is a bound."""
    found = findings[findings["estimand"] == "discount.year_value"].reset_index(drop=True)
    if found.empty:
        raise DataError("no finding of discount.year_value to draw.")
    fig, ax = figure(height_for(len(found)))
    ax.set_xlim(0.0, 104.0)
    dots(ax, found, reference=100.0)
    ax.set(xlabel="dollars today for $100 a year from now", title="What a year costs")
    ax.set_xlim(0.0, 104.0)
    mark_provenance(fig, found["provenance"])
    return fig, _told("Dots with intervals: dollars today for 100 dollars in a year", found)


def now_or_later(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Rise in later choices once both dates lie ahead: zero for a constant rate."""
    found = findings[findings["estimand"] == "discount.front_end"].reset_index(drop=True)
    if found.empty:
        raise DataError("no finding of discount.front_end to draw.")
    fig, ax = figure(height_for(len(found)))
    dots(ax, found, reference=0.0)
    ax.set(
        xlabel="share of later choices, both dates ahead\nminus the same from today",
        title="Do they wait more a year ahead?",
    )
    mark_provenance(fig, found["provenance"])
    return fig, _told("Dots with intervals: rise in the share of later choices", found)


def gains(findings: pd.DataFrame) -> tuple[Figure, str]:
    """How much better each curve predicts held-out cells than the exponential one."""
    found = findings[findings["estimand"] == "discount.curve_gain"]
    if found.empty:
        raise DataError("no finding of discount.curve_gain to draw.")
    names = list(dict.fromkeys(found["respondent"]))
    kinds = list(dict.fromkeys(found["subject"]))
    fig, ax = figure(height_for(len(names), each=0.55, rest=1.5))
    told = ["Dots with intervals: gain in held-out log-likelihood over the exponential curve"]
    for place, subject in enumerate(kinds):
        rows = found[found["subject"] == subject].set_index("respondent").reindex(names)
        rows = rows.reset_index()
        title = str(subject).removesuffix(" against exponential")
        dots(
            ax, rows, reference=0.0 if place == 0 else None, colour=COLOURS[(0, 1, 2)[place % 3]],
            offset=0.22 * (place - (len(kinds) - 1) / 2), legend=title,
        )  # fmt: skip
        told.append(_told(title, rows))
    ax.set_yticks(range(len(names)), [short_name(name) for name in names])
    ax.set(xlabel="nats a choice, above zero predicts better", title="Which curve predicts?")
    ax.locator_params(axis="x", nbins=5)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)


def _told(what: str, rows: pd.DataFrame) -> str:
    return sentence(
        [what, *(f"{short_name(row.respondent)} {row.estimate:.2f}" for row in rows.itertuples())]
    )
