"""Figures of a first look at one model. Each returns the figure and its alternative text."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .style import MUTED, dots, figure, height_for, mark_provenance, sentence, short_name

MOST = 12
"""Outcomes in the figure: half of them the most wanted, half the least."""

_MARKS = ("|", "x", "1", "+", "2")


def wanted(found: pd.DataFrame, respondent: str) -> tuple[Figure, str]:
    """What a respondent wants most and least, and where others put the same outcomes.

    Parameters
    ----------
    found
        Findings ``trial.utility`` (`measures.trial`) of everybody, a row a finding. Those of
        `respondent` are drawn as dots with 95 % intervals, the others' as grey marks.
    """
    own = found[found["respondent"] == respondent].sort_values("estimate", ascending=False)
    half = MOST // 2
    shown = own if len(own) <= MOST else pd.concat([own.head(half), own.tail(half)])
    shown = shown.assign(label=shown["subject"].str.rstrip("."))
    others = [name for name in dict.fromkeys(found["respondent"]) if name != respondent]
    fig, ax = figure(height_for(len(shown), each=0.34, rest=1.8 + 0.1 * len(others)))
    for number, name in enumerate(others):
        placed = found[found["respondent"] == name].set_index("subject")["estimate"]
        ax.plot(
            placed.reindex(shown["subject"]).to_numpy(), np.arange(len(shown)), linestyle="none",
            marker=_MARKS[number % len(_MARKS)], markersize=6, markeredgewidth=1.5, color=MUTED,
            zorder=1.5, label=short_name(name),
        )  # fmt: skip
    dots(ax, shown, label="label", reference=0.0)
    ax.set_xlabel("Utility, standardized")
    if others:
        fig.legend(loc="outside lower center", ncols=2)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(
        [
            f"Utilities of {len(shown)} of {len(own)} outcomes for {short_name(respondent)}",
            f"Most wanted: {shown['label'].iloc[0]}",
            f"Least wanted: {shown['label'].iloc[-1]}",
            f"Grey marks: {', '.join(map(short_name, others))}" if others else "",
        ]
    )
