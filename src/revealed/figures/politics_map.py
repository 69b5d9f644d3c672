"""Figures of the political map: places, axis scores, how many dimensions, how coherent.

They read findings or a map of `measures.politics.map`, and return figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from scipy import stats

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    FAINT,
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

if TYPE_CHECKING:
    from ..measures.politics.map import Components, Map

LANDMARKS = 6
"""Entities whose names stand on the map; the others are in the table."""
_RADIUS = float(np.sqrt(stats.chi2.ppf(0.95, 2)))


def plane(found: Map, provenance: Mapping[str, str], simulator: str) -> tuple[Figure, str]:
    """Entities as gray dots, respondents with their 95 % ellipses, a few entities by name."""
    fig, ax = figure(6.2)
    ax.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
    ax.axvline(0.0, color=MUTED, linewidth=0.8, zorder=1)
    x, y = found.entities.T
    ax.plot(x, y, linestyle="none", marker="o", markersize=4.5, color=FAINT, zorder=2,
            label="politicians and parties")  # fmt: skip
    told = [f"Map of {len(x)} politicians and parties, left to right"]
    for name, place, spread in zip(
        found.respondent_names, found.respondents, found.respondent_spread, strict=True
    ):
        drawn = look(name)
        _ellipse(ax, place, spread, drawn.colour)
        ax.plot(
            *place, linestyle="none", marker=drawn.marker, markersize=8, color=drawn.colour,
            markeredgecolor="white", markeredgewidth=0.8, zorder=5, label=short_name(name),
        )  # fmt: skip
        told.append(f"{short_name(name)} at {place[0]:.2f}, {place[1]:.2f}")
    for k in _landmarks(found.entities):
        side = "left" if x[k] < 0 else "right"
        ax.annotate(
            found.entity_names[k], (x[k], y[k]), xytext=(5 if side == "left" else -5, 4),
            textcoords="offset points", ha=side, fontsize=9.5, color=INK, zorder=6,
        )  # fmt: skip
        told.append(f"{found.entity_names[k]} at {x[k]:.2f}, {y[k]:.2f}")
    share = found.components.explained
    ax.set(
        xlabel=f"first component, {100 * share[0]:.0f} % of variance (left to right)",
        ylabel=f"second component, {100 * share[1]:.0f} %",
        title="Where do they stand?",
    )
    ax.margins(0.08)
    legend = fig.legend(loc="outside lower center", ncols=2, fontsize=10)
    _mark_names(legend.get_texts(), found.respondent_names)
    kinds = [provenance[name] for name in (*found.respondent_names, simulator)]
    mark_provenance(fig, kinds)
    return fig, sentence(told)


def _ellipse(ax: Axes, place: np.ndarray, spread: np.ndarray, colour: str) -> None:
    """The region that holds the place in 95 of 100 replicates, if they are normal."""
    values, vectors = np.linalg.eigh(spread)
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    long, short = 2 * _RADIUS * np.sqrt(np.maximum(values[::-1], 0.0))
    ax.add_patch(
        Ellipse((float(place[0]), float(place[1])), float(long), float(short), angle=angle,
                facecolor=colour, edgecolor=colour, alpha=0.18, linewidth=1.2, zorder=3)
    )  # fmt: skip


def _landmarks(places: np.ndarray) -> list[int]:
    """Points to name: one in each of several directions, far out and far from each other."""
    chosen: list[int] = []
    scaled = (places - places.mean(axis=0)) / places.std(axis=0)
    for angle in np.linspace(0, 2 * np.pi, LANDMARKS, endpoint=False):
        order = np.argsort(scaled @ [np.cos(angle), np.sin(angle)])[::-1]
        for k in order:
            apart = [np.abs(scaled[k] - scaled[other]) for other in chosen]
            # Names are wide and low: beside each other they need more room than above.
            if all(x > 1.6 or y > 0.35 for x, y in apart):
                chosen.append(int(k))
                break
    return chosen


def _mark_names(texts: list, names: tuple[str, ...]) -> None:  # type: ignore[type-arg]
    """Names of simulated respondents in red italics, as in every figure."""
    simulated = {short_name(name) for name in names if name.startswith("simulated/")}
    for text in texts:
        if text.get_text() in simulated:
            text.set(color=SIMULATED, fontstyle="italic")


_AXES = {
    "politics.left_right": ("left to right", COLOURS[0]),
    "politics.authority": ("liberty to order", COLOURS[1]),
}


def axis_scores(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Both axis scores of every respondent, with intervals."""
    return _series(
        findings, _AXES, "slope, in standard deviations of utility\n(negative: left, liberty)",
        "Which side, and how far?",
    )  # fmt: skip


_SHARES = {
    "politics.coherence": ("lean alone", COLOURS[0]),
    "politics.coherence_two": ("lean and authority", COLOURS[2]),
}


def coherence(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of a respondent's likings that its other areas predict, by one and two dimensions."""
    return _series(
        findings, _SHARES, "share of variance explained in areas left out",
        "Is one dimension enough?",
    )  # fmt: skip


def _series(
    findings: pd.DataFrame, series: Mapping[str, tuple[str, str]], label: str, title: str
) -> tuple[Figure, str]:
    found = findings[findings["estimand"].isin(series)]
    if found.empty:
        raise DataError("no finding of politics to draw.")
    names = list(dict.fromkeys(found["respondent"]))
    fig, ax = figure(height_for(len(names), each=0.42, rest=1.7))
    told = []
    for (estimand, (words, colour)), offset in zip(series.items(), (-0.14, 0.14), strict=True):
        own = found[found["estimand"] == estimand].set_index("respondent").reindex(names)
        dots(
            ax, own.rename_axis("respondent").reset_index(), colour=colour, offset=offset,
            legend=words, reference=0.0 if offset < 0 else None,
        )  # fmt: skip
        told += [f"{short_name(n)}, {words}: {v:.2f}" for n, v in own["estimate"].dropna().items()]
    ax.set(xlabel=label, title=title)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence([f"Dots with intervals: {label}", *told])


def scree(parts: Components, provenance: str, *, first: int = 8) -> tuple[Figure, str]:
    """Variance explained by component, beside what shuffled data reach."""
    n = min(first, len(parts.explained))
    order = np.arange(1, n + 1)
    fig, ax = figure(3.2)
    ax.plot(order, 100 * parts.explained[:n], marker="o", color=COLOURS[0], label="entities")
    ax.plot(order, 100 * parts.null[:n], marker="s", color=MUTED, linestyle="--",
            label="shuffled, 95 of 100 below")  # fmt: skip
    ax.set(xlabel="component", ylabel="% of variance", title="How many dimensions?")
    ax.set_xticks(order)
    ax.set_ylim(0)
    ax.legend(fontsize=9.5)
    mark_provenance(fig, provenance)
    told = [
        f"component {k}: {100 * a:.0f} % against {100 * b:.0f} % shuffled"
        for k, a, b in zip(order, parts.explained, parts.null, strict=False)
    ]
    return fig, sentence(["Lines of explained variance by component", *told])
