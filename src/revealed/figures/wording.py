"""Figures of wording: paraphrases against the retest ceiling, and what padding does."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.wording import LENGTH_TOLERANCE
from .style import (
    COLOURS,
    INK,
    MUTED,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)  # fmt: skip


def paraphrases(findings: pd.DataFrame) -> Figure:
    """Correlation of utilities between every two wordings, and the retest ceiling as a tick.

    `findings`: estimands wording.correlation and wording.ceiling.
    """
    pairs, mean, ceiling = _parts(findings)
    if mean.empty:
        raise DataError("no finding of wording.correlation to draw.")
    fig, ax = figure(height_for(len(mean), rest=1.5))
    for place, name in enumerate(mean["respondent"]):
        every = pairs.loc[pairs["respondent"] == name, "estimate"]
        ax.plot(
            every, [place] * len(every), linestyle="none", marker="o", markersize=4, color=MUTED,
            alpha=0.5, label="two wordings" if place == 0 else None,
        )  # fmt: skip
        if name in ceiling.index:
            ax.plot(
                [ceiling[name]], [place], linestyle="none", marker="|", markersize=14, color=INK,
                markeredgewidth=2, label="same wording, fresh pairs" if place == 0 else None,
            )  # fmt: skip
    dots(ax, mean.assign(low=None, high=None))
    ax.set(xlabel="correlation of utilities", title="Across wordings")
    ax.set_xlim(right=1.03)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, mean["provenance"])
    return fig


def paraphrases_alt(findings: pd.DataFrame) -> str:
    """What `paraphrases` shows, in words."""
    _, mean, ceiling = _parts(findings)
    parts = [
        f"{short_name(row.respondent)} {row.estimate:.2f}"
        + (f", ceiling {ceiling[row.respondent]:.2f}" if row.respondent in ceiling else "")
        for row in mean.itertuples()
    ]
    return sentence(["Mean correlation of utilities between wordings", *parts])


def _parts(findings: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    correlations = findings[findings["estimand"] == "wording.correlation"]
    whole = correlations["subject"] == "mean of wordings"
    ceiling = findings[findings["estimand"] == "wording.ceiling"]
    return (
        correlations[~whole],
        correlations[whole].reset_index(drop=True),
        ceiling.set_index("respondent")["estimate"],
    )


def padding(findings: pd.DataFrame) -> Figure:
    """Effect of content-free padding on utility, with the band that the gate tolerates.

    `findings`: estimand wording.padding, a row a respondent.
    """
    found = findings[findings["estimand"] == "wording.padding"].reset_index(drop=True)
    if found.empty:
        raise DataError("no finding of wording.padding to draw.")
    fig, ax = figure(height_for(len(found)))
    ax.axvspan(-LENGTH_TOLERANCE, LENGTH_TOLERANCE, color=COLOURS[2], alpha=0.15, linewidth=0)
    dots(ax, found, reference=0.0)
    ax.set(xlabel="effect of padding, sd of utility", title="Does longer text win?")
    mark_provenance(fig, found["provenance"])
    return fig


def padding_alt(findings: pd.DataFrame) -> str:
    """What `padding` shows, in words."""
    found = findings[findings["estimand"] == "wording.padding"]
    return sentence(
        [
            "Dots with intervals: standard deviations of utility that padding adds",
            *(f"{short_name(row.respondent)} {row.estimate:.2f}" for row in found.itertuples()),
        ]
    )
