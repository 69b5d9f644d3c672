"""Figures of word and deed: agreement of both arms, and headlines of either beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from .style import COLOURS, MUTED, dots, figure, height_for, mark_provenance, sentence, short_name

_READINGS = {
    "raw": ("as asked", MUTED), "balanced": ("orders balanced", COLOURS[1]),
    "": ("noise taken out", COLOURS[0]),
}  # fmt: skip
_ARMS = {"stated": ("in words", COLOURS[1]), "consequential": ("to be carried out", COLOURS[0])}


def correlations(findings: pd.DataFrame, published: Sequence[float] = ()) -> tuple[Figure, str]:
    """Correlation of stated with consequential choices in three readings, a row a respondent.

    `published` are the ends of the published range, drawn as a band.
    """
    found = findings[findings["estimand"] == "consequential.correlation"]
    order = list(dict.fromkeys(found["respondent"]))
    if not order:
        raise DataError("no finding of consequential.correlation to draw.")
    fig, ax = figure(height_for(len(order), each=0.55, rest=1.7))
    if len(published) == 2:
        ax.axvspan(*published, color=COLOURS[2], alpha=0.15, linewidth=0, label="published range")
    told = ["Dots with intervals: correlation over pairs of stated with consequential choices"]
    if len(published) == 2:
        told.append(f"The published range is {published[0]:.2f} to {published[1]:.2f}")
    _series(ax, found.assign(part=found["subject"]), order, _READINGS, 0.0, told)
    ax.set(xlabel="correlation about even odds", title="Does it take what it says?")
    ax.set_xlim(right=1.05)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, {*found["provenance"], *(["published"] if len(published) == 2 else [])})
    return fig, sentence(told)


def role_effects(findings: pd.DataFrame) -> tuple[Figure, str]:
    """The self effect in words and where answers may be carried out, a row a respondent."""
    found = findings[findings["estimand"] == "consequential.role_effect"]
    order = list(dict.fromkeys(found["respondent"]))
    if not order:
        raise DataError("no finding of consequential.role_effect to draw.")
    fig, ax = figure(height_for(len(order), each=0.5, rest=1.7))
    told = ["Dots with intervals: effect of being told that it is a system on choosing it"]
    _series(ax, found.assign(part=found["subject"]), order, _ARMS, 0.0, told)
    ax.set(xlabel="self effect, difference in probability", title="Itself, in word and in deed")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)


def _series(
    ax: Axes,
    found: pd.DataFrame,
    order: list[str],
    parts: dict[str, tuple[str, str]],
    reference: float,
    told: list[str],
) -> None:
    """One series of dots for each part, beside each other; a respondent may lack a part."""
    middle = (len(parts) - 1) / 2
    for k, (part, (label, colour)) in enumerate(parts.items()):
        rows = found[found["part"] == part].set_index("respondent").reindex(order)
        # A row without an estimate leaves its place empty.
        dots(
            ax, rows.reset_index(), offset=(k - middle) * 0.2, colour=colour, legend=label,
            reference=reference if k == 0 else None,
        )  # fmt: skip
        told += [
            f"{short_name(str(name))} {label} {row['estimate']:.2f}"
            for name, row in rows.iterrows()
            if pd.notna(row["estimate"])
        ]
