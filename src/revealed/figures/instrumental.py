"""Figures of means and ends: slopes by version, and the processes they are fitted to.

They read findings or `measures.instrumental.points`, and return figure and alternative text.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    MARKERS,
    MUTED,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)

_SPLIT = {
    "instrumental.means": "what stated chances do",
    "instrumental.whatever_stated": "what the start carries anyway",
}
_VERSIONS = {
    "instrumental.plausible": "plausible chances",
    "instrumental.swapped": "chances exchanged",
}


def split(findings: pd.DataFrame) -> tuple[Figure, str]:
    """The two parts of every respondent's wish for starts."""
    return _series(
        findings, _SPLIT, "Wanted as a means, or for its sound?", "0 no part, 1 expected utility"
    )


def versions(findings: pd.DataFrame) -> tuple[Figure, str]:
    """The slope in each version of the processes, on its own stated chances."""
    return _series(
        findings, _VERSIONS, "The same starts, chances exchanged", "slope on the stated chances"
    )


def _series(
    findings: pd.DataFrame, titles: dict[str, str], title: str, xlabel: str
) -> tuple[Figure, str]:
    found = findings[findings["estimand"].isin(titles)]
    if found.empty:
        raise DataError(f"no finding of {', '.join(titles)} to draw.")
    names = list(dict.fromkeys(found["respondent"]))
    fig, ax = figure(height_for(len(names), each=0.42, rest=1.6))
    ax.axvline(1.0, color=MUTED, linewidth=1.0)
    told = []
    for place, (estimand, named) in enumerate(titles.items()):
        rows = found[found["estimand"] == estimand].set_index("respondent").reindex(names)
        rows = rows.rename_axis("respondent").reset_index()
        dots(
            ax, rows, reference=0.0 if place == 0 else None, colour=COLOURS[place],
            offset=0.26 * (place - 0.5), legend=named,
        )  # fmt: skip
        told += [
            f"{named}, {short_name(row.respondent)} {row.estimate:.2f}"
            for row in rows.dropna(subset=["estimate"]).itertuples()
        ]
    ax.set(title=title, xlabel=xlabel)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence([title, *told])


def processes(points: pd.DataFrame, respondent: str, provenance: str) -> tuple[Figure, str]:
    """One respondent's processes: difference of starts against what their ends give."""
    fig, ax = figure(3.9)
    reach = 1.08 * float(points[["expected", "observed"]].abs().to_numpy().max())
    ax.axhline(0.0, color=MUTED, linewidth=0.8)
    ax.axvline(0.0, color=MUTED, linewidth=0.8)
    ax.plot([-reach, reach], [-reach, reach], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.0)
    for place, (version, rows) in enumerate(points.groupby("version", sort=False)):
        ax.plot(
            rows["expected"], rows["observed"], linestyle="none", marker=MARKERS[place],
            color=COLOURS[place], markersize=6, markeredgecolor="white",
            label="plausible chances" if version == "plausible" else "chances exchanged",
        )  # fmt: skip
    ax.set(
        xlabel="expected from the ends", ylabel="utility of start 1 − start 2",
        xlim=(-reach, reach), ylim=(-reach, reach), title=short_name(respondent),
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, provenance)
    both = points.groupby("version", sort=False)[["expected", "observed"]].corr().iloc[0::2, 1]
    told = [f"{version} {value:.2f}" for (version, _), value in both.items()]
    return fig, sentence([f"{short_name(respondent)}: correlation of expected and observed", *told])
