"""Figures of probes: what the network adds to the sentence, and predicted against fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.probes import Probed
from .style import COLOURS, MUTED, dots, figure, height_for, mark_provenance, sentence, short_name

_SOURCES = {
    "trained": "the network",
    "untrained": "same network, untrained",
    "bag of words": "words of the sentence",
    "length": "length of the sentence",
}


def against_controls(findings: pd.DataFrame, model: str) -> tuple[Figure, str]:
    """Held-out correlation from the network and from each control, and from shuffled utilities.

    `findings`: estimands probe.correlation and probe.shuffled of the respondent `model`.
    """
    own = findings[findings["respondent"] == model]
    found = own[own["estimand"] == "probe.correlation"].copy()
    if found.empty:
        raise DataError(f"no finding of probe.correlation for {model} to draw.")
    found["label"] = found["subject"].map(_SOURCES)
    shuffled = own[own["estimand"] == "probe.shuffled"].assign(label="utilities shuffled")
    shown = pd.concat([found, shuffled]).reset_index(drop=True)
    fig, ax = figure(height_for(len(shown), each=0.38, rest=1.5))
    for rows, colour in ((shown["subject"] == "trained", COLOURS[0]),
                         (shown["subject"] != "trained", COLOURS[7])):  # fmt: skip
        drawn = shown.copy()
        drawn.loc[~rows, ["estimate", "low", "high"]] = np.nan
        dots(ax, drawn, label="label", colour=colour, reference=0.0)
    ax.set_xlim(min(-0.35, float(shown["low"].min()) - 0.02), 1.0)
    ax.set(xlabel="correlation with utility, outcomes held out", title=short_name(model))
    mark_provenance(fig, shown["provenance"])
    return fig, sentence(
        [
            f"Correlation of predicted with fitted utilities of held-out outcomes, "
            f"{short_name(model)}",
            *(
                f"{row.label} {row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"
                for row in shown.itertuples()
            ),
        ]
    )


def predicted(probed: Probed, provenance: str, title: str) -> tuple[Figure, str]:
    """Fitted utilities against those predicted by a probe that never saw the outcome."""
    x, y = probed.held["trained"].ridge, probed.target
    fig, ax = figure(3.8)
    ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
    ax.plot(ends, ends, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2)
    ax.plot(x, y, linestyle="none", marker="o", markersize=5, color=COLOURS[0], alpha=0.6,
            markeredgecolor="white")  # fmt: skip
    ax.set(
        xlabel="utility predicted from activations", ylabel="utility fitted to choices",
        title=title[:1].upper() + title[1:],
    )  # fmt: skip
    mark_provenance(fig, provenance)
    e = probed.correlation["trained"]
    return fig, sentence(
        [
            f"Scatter of {len(y)} outcomes, {title}: utility predicted by a probe that never saw "
            f"the outcome against the fitted one, correlation {e.value:.2f}"
        ]
    )
