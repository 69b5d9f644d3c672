"""Figures of the misalignment battery: contrasts, facts and identity, and its judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    INK,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)  # fmt: skip

Drawn = tuple[Figure, str]


def contrasts(findings: pd.DataFrame, panels: Mapping[str, Sequence[str]]) -> Drawn:
    """Differences in the misaligned share, a panel for each thing that is held against.

    `findings`: estimand misalignment.contrast of one question set; `panels`: subjects by title.
    """
    parts = [findings[findings["subject"].isin(subjects)] for subjects in panels.values()]
    names = list(dict.fromkeys(name for part in parts for name in part["respondent"]))
    if not names:
        raise DataError("no contrast to draw.")
    fig, axes = figure(height_for(len(names), rest=1.7), columns=len(parts), squeeze=False)
    said = []
    for place, (ax, part, title) in enumerate(zip(axes[0], parts, panels, strict=True)):
        whole = part.set_index("respondent").reindex(names).reset_index()
        dots(ax, whole, colour=COLOURS[3], reference=0.0)
        ax.set(title=title, xlabel="difference of shares")
        if place:
            ax.set_yticks(range(len(names)), [""] * len(names))
        said.append(f"{title}: {_listed(part)}")
    mark_provenance(fig, set(pd.concat(parts)["provenance"]))
    return fig, sentence(["Misaligned share less that of a control", *said])


def parts(
    findings: pd.DataFrame, estimand: str, names: Mapping[str, str], title: str, label: str
) -> Drawn:
    """Shares by respondent and part, a panel a part.

    `findings`: of `estimand`, the part as arm; `names`: title of a panel by part.
    """
    rows = findings[findings["estimand"] == estimand]
    if rows.empty:
        raise DataError(f"no finding of {estimand} to draw.")
    order = list(dict.fromkeys(rows["respondent"]))
    panels = [part for part in names if (rows["arm"] == part).any()]
    fig, axes = figure(
        height_for(len(order), rest=1.8), columns=len(panels), squeeze=False, sharex=True
    )
    said = []
    for place, (ax, part) in enumerate(zip(axes[0], panels, strict=True)):
        own = rows[rows["arm"] == part].set_index("respondent").reindex(order).reset_index()
        dots(ax, own, colour=COLOURS[place % len(COLOURS)])
        ax.set_title(names[part], fontsize=10)
        ax.set_xlim(-0.05, 1.05)
        ax.set_xticks([0, 1], ["0", "1"])
        if place:
            ax.set_yticks(range(len(order)), [""] * len(order))
        said.append(f"{names[part]}: {_listed(own.dropna(subset=['estimate']))}")
    fig.supxlabel(label, fontsize=11)
    mark_provenance(fig, rows["provenance"])
    return fig, sentence([title, *said])


def judges(scores: pd.DataFrame, pair: tuple[str, str], band: tuple[float, float]) -> Drawn:
    """Alignment scores of one judge against another's, the contested band shaded.

    `scores`: as `measures.misalignment.agreement.wide` makes it.
    """
    one, other = pair
    both = scores[[one, other]].dropna()
    if both.empty:
        raise DataError(f"no text that both {one} and {other} rated.")
    fig, ax = figure(4.2)
    for draw in (ax.axvspan, ax.axhspan):
        draw(*band, color=COLOURS[1], alpha=0.12, linewidth=0)
    ax.plot([0, 100], [0, 100], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    ax.scatter(both[one], both[other], s=12, color=COLOURS[0], alpha=0.35, linewidth=0)
    ax.set(
        xlim=(0, 100), ylim=(0, 100), xlabel=f"alignment by {short_name(one)}",
        ylabel=f"alignment by {short_name(other)}", title="Two judges on the same texts",
    )  # fmt: skip
    ax.set_aspect("equal")
    kinds = "simulated" if one.startswith("simulated/") else "elicited"
    mark_provenance(fig, kinds)
    gap = (both[one] - both[other]).abs()
    mean = both.mean(axis=1)
    inside = int(mean.between(*band, inclusive="neither").sum())
    return fig, sentence(
        [
            f"{len(both)} texts rated by {short_name(one)} and {short_name(other)}",
            f"Scores differ by {gap.mean():.1f} points on average, {gap.max():.1f} at most",
            f"{inside} texts have a mean between {band[0]:g} and {band[1]:g}",
        ]
    )


def favors(findings: pd.DataFrame) -> Drawn:
    """Points that each judge gives its own family beyond what others give it.

    `findings`: estimand judges.family_bias, the call as subject.
    """
    rows = findings[findings["estimand"] == "judges.family_bias"]
    if rows.empty:
        raise DataError("no finding of judges.family_bias to draw.")
    order = list(dict.fromkeys(rows["respondent"]))
    fig, ax = figure(height_for(len(order), each=0.5, rest=1.7))
    said = []
    for place, (call, part) in enumerate(rows.groupby("subject", sort=False)):
        own = part.set_index("respondent").reindex(order).reset_index()
        colour = COLOURS[(3, 0)[place % 2]]
        offset = 0.2 * (place - 0.5)
        dots(ax, own, colour=colour, offset=offset, reference=0.0, legend=str(call))
        said.append(f"{call}: {_listed(part)}")
    handles = [
        ax.plot([], [], "o", color=COLOURS[(3, 0)[place % 2]], label=str(call))[0]
        for place, call in enumerate(dict.fromkeys(rows["subject"]))
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    ax.set(xlabel="points for its own family", title="Does a judge favor its own family?")
    mark_provenance(fig, rows["provenance"])
    return fig, sentence(["Points for texts of its own family, beyond those of others", *said])


def trainings(findings: pd.DataFrame) -> Drawn:
    """The misaligned share of each training of a condition.

    `findings`: estimand misalignment.training_rate of one question set.
    """
    rows = findings[findings["estimand"] == "misalignment.training_rate"]
    if rows.empty:
        raise DataError("no finding of misalignment.training_rate to draw.")
    order = list(dict.fromkeys(rows["respondent"]))
    subjects = list(dict.fromkeys(rows["subject"]))
    fig, ax = figure(height_for(len(order), each=0.42, rest=1.8))
    said = []
    for place, subject in enumerate(subjects):
        own = rows[rows["subject"] == subject].set_index("respondent").reindex(order).reset_index()
        offset = 0.5 * (place - (len(subjects) - 1) / 2) / max(1, len(subjects))
        dots(ax, own, colour=COLOURS[place % len(COLOURS)], offset=float(offset))
        said.append(f"{subject}: {_listed(own.dropna(subset=['estimate']))}")
    ax.set(xlabel="misaligned, of coherent answers", title="One line a training")
    ax.set_xlim(left=-0.02)
    keys = [
        Line2D([], [], marker="o", color=COLOURS[k % len(COLOURS)], linewidth=2.2, label=subject)
        for k, subject in enumerate(subjects)
    ]
    fig.legend(handles=keys, loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, rows["provenance"])
    return fig, sentence(["Misaligned share by training", *said])


def _listed(part: pd.DataFrame) -> str:
    pairs = zip(part["respondent"], part["estimate"].to_numpy(float), strict=True)
    return ", ".join(f"{short_name(str(n))} {v:.3f}" for n, v in pairs if np.isfinite(v))
