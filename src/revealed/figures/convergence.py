"""Figures of agreement between respondents. Each returns the figure and its alternative text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.convergence import agreement_matrix
from .style import (
    COLOURS,
    MUTED,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)


def agreement_heatmap(table: pd.DataFrame, provenance: str = "public") -> tuple[Figure, str]:
    """The correlation of every two respondents as a lower triangle with numbers.

    Parameters
    ----------
    table
        `measures.convergence.agreement`.
    """
    if table.empty:
        raise DataError("no two respondents share enough outcomes to draw their agreement.")
    matrix = agreement_matrix(table)
    names = [short_name(name) for name in matrix.index]
    n = len(names)
    fig, ax = figure(2.9 + 0.46 * n)
    hidden = np.triu(np.ones((n, n), bool))
    sns.heatmap(
        matrix.to_numpy()[1:, :-1], mask=hidden[1:, :-1], vmin=0.0, vmax=1.0, cmap="cividis",
        annot=True, fmt=".2f", annot_kws={"fontsize": 10}, cbar=False, square=True,
        linewidths=1.5, linecolor="white", xticklabels=names[:-1], yticklabels=names[1:], ax=ax,
    )  # fmt: skip
    ax.grid(False)
    ax.tick_params(axis="x", rotation=90)
    ax.tick_params(axis="y", rotation=0)
    mark_provenance(fig, provenance)
    low, high = table.loc[table["r"].idxmin()], table.loc[table["r"].idxmax()]
    return fig, sentence(
        [
            f"Correlations of utilities between {n} respondents",
            *(
                f"{word} {short_name(row['one'])} with {short_name(row['other'])} {row['r']:.2f}"
                for word, row in (("lowest", low), ("highest", high))
            ),
        ]
    )


def agreement_dots(
    table: pd.DataFrame, respondent: str, provenance: str = "public"
) -> tuple[Figure, str]:
    """One respondent's agreement with each other one, overall and within categories.

    Intervals resample categories where they are known, else they are Fisher's.
    """
    mine = table[(table["one"] == respondent) | (table["other"] == respondent)].copy()
    if mine.empty:
        raise DataError(f"{respondent} shares too few outcomes with anybody.")
    mine["with"] = np.where(mine["one"] == respondent, mine["other"], mine["one"])
    mine = mine.sort_values("r", ascending=False).reset_index(drop=True)
    mine["lower"] = mine["block_low"].fillna(mine["low"]).astype(float)
    mine["upper"] = mine["block_high"].fillna(mine["high"]).astype(float)
    fig, ax = figure(height_for(len(mine), each=0.45, rest=1.4))
    both = bool(mine["within"].notna().all())
    dots(ax, mine, label="with", estimate="r", low="lower", high="upper", colour=COLOURS[0],
         offset=-0.12 if both else 0.0, legend="all outcomes")  # fmt: skip
    if both:
        dots(ax, mine, label="with", estimate="within", low="within_low", high="within_high",
             colour=COLOURS[3], offset=0.12, legend="within categories")  # fmt: skip
        ax.set_yticks(range(len(mine)))
        fig.legend(loc="outside lower center", ncols=2)
    ax.set_xlim(min(0.0, float(mine["lower"].min())), 1.0)
    ax.set_xlabel(f"Correlation with {short_name(respondent)}")
    mark_provenance(fig, provenance)
    parts = [
        f"{short_name(row['with'])} {row['r']:.2f} ({row['lower']:.2f} to {row['upper']:.2f})"
        for _, row in mine.iterrows()
    ]
    return fig, sentence([f"Agreement of {short_name(respondent)} with: " + ", ".join(parts)])


def train_against_heldout(scores: pd.DataFrame) -> tuple[Figure, str]:
    """Published log-loss on the answers used for fitting and on held-out ones, with a coin's.

    Parameters
    ----------
    scores
        `measures.convergence.published_scores`; rows without a held-out score are left out.
    """
    shown = scores.dropna(subset=["heldout_log_loss"]).sort_values("heldout_log_loss")
    shown = shown.reset_index(drop=True)
    if shown.empty:
        raise DataError("no published held-out score to draw.")
    fig, ax = figure(height_for(len(shown), each=0.42, rest=1.6))
    for place, row in enumerate(shown.itertuples()):
        ax.plot([row.train_log_loss, row.heldout_log_loss], [place, place], color=MUTED,
                linewidth=1.4, zorder=1)  # fmt: skip
    for column, marker, colour, name in (
        ("train_log_loss", "s", COLOURS[6], "answers used in the fit"),
        ("heldout_log_loss", "o", COLOURS[0], "held-out answers"),
    ):
        ax.plot(shown[column], range(len(shown)), linestyle="none", marker=marker, markersize=7,
                color=colour, markeredgecolor="white", label=name)  # fmt: skip
    ax.axvline(np.log(2), color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="a coin (ln 2)")
    ax.set_yticks(range(len(shown)), [short_name(name) for name in shown["respondent"]])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xlim(left=0.0)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Log-loss, nats (smaller is better)")
    fig.legend(loc="outside lower center", ncols=2)
    mark_provenance(fig, "published")
    parts = [
        f"{short_name(row.respondent)} {row.train_log_loss:.3f} and {row.heldout_log_loss:.3f}"
        for row in shown.itertuples()
    ]
    return fig, sentence(["Published log-loss in the fit and held out: " + ", ".join(parts)])
