"""Figures of agreement between respondents. Each returns the figure and its alternative text."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import colormaps
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..measures.convergence import agreement_matrix
from .style import (
    COLOURS,
    INK,
    MUTED,
    dots,
    figure,
    height_for,
    letters_on,
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
    for text in ax.texts:
        text.set_color(letters_on(colormaps["cividis"](float(text.get_text()))))
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


_LAYERS = (
    ("r", "low", "high", "all outcomes", COLOURS[0]),
    ("within", "within_low", "within_high", "within categories", COLOURS[3]),
    ("beyond_length", "beyond_length_low", "beyond_length_high", "and beyond length", COLOURS[2]),
)


def layers(
    table: pd.DataFrame, provenance: str | Iterable[str], title: str, ceiling: float | None = None
) -> tuple[Figure, str]:
    """Every pair's correlation, what is left within categories, and what is left beyond length.

    Parameters
    ----------
    table
        `measures.convergence.compare`, categories and lengths known.
    ceiling
        A line at the correlation that a respondent shows with itself.
    """
    if table.empty:
        raise DataError("no two respondents share enough outcomes to draw their agreement.")
    shown = table.sort_values("within", ascending=False).reset_index(drop=True)
    shown["pair"] = [
        f"{_bare(a)}\n{_bare(b)}" for a, b in zip(shown["one"], shown["other"], strict=True)
    ]
    fig, ax = figure(height_for(len(shown), each=0.44, rest=1.9))
    for place, (name, low, high, legend, colour) in enumerate(_LAYERS):
        dots(
            ax, shown, label="pair", estimate=name, low=low, high=high, colour=colour,
            offset=0.22 * (place - 1), legend=legend, reference=0.0 if place == 0 else None,
        )  # fmt: skip
    if ceiling is not None:
        ax.axvline(ceiling, color=INK, linestyle=(0, (4, 3)), label="with itself")
    ax.set_yticks(range(len(shown)), shown["pair"], fontsize=8.5)
    ax.set_xlim(right=1.02)
    ax.set(xlabel="correlation of utilities", title=title)
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, provenance)
    return fig, sentence(
        [
            "Correlations of utilities for pairs of respondents: overall, within categories, and "
            "beyond length too",
            *(
                f"{row.pair} {row.r:.2f}, {row.within:.2f}, {row.beyond_length:.2f}".replace(
                    "\n", " and "
                )
                for row in shown.itertuples()
            ),
        ]
    )


def _bare(respondent: str) -> str:
    """A short name without what most models' names end in."""
    return re.sub(r"(-instruct|-it|-chat|-\d{4})+$", "", short_name(respondent))


def common_factor(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of variance on one factor for each group, beside the same with outcomes permuted.

    `findings`: estimands convergence.common_share and convergence.common_share_null.
    """
    found = findings[findings["estimand"] == "convergence.common_share"].reset_index(drop=True)
    if found.empty:
        raise DataError("no finding of convergence.common_share to draw.")
    null = findings[findings["estimand"] == "convergence.common_share_null"].set_index(
        ["respondent", "subject"]
    )["estimate"]
    found["label"] = [
        _GROUPS.get(name, short_name(name)) + (f",\n{subject}" if subject else "")
        for name, subject in zip(found["respondent"], found["subject"], strict=True)
    ]
    fig, ax = figure(height_for(len(found), each=0.5, rest=1.7))
    dots(ax, found, label="label", colour=COLOURS[0], legend="one factor's share")
    places = [null.get((r, s)) for r, s in zip(found["respondent"], found["subject"], strict=True)]
    ax.plot(
        places, range(len(found)), linestyle="none", marker="|", markersize=14, markeredgewidth=2,
        color=INK, label="outcomes permuted",
    )  # fmt: skip
    ax.set_yticks(range(len(found)), found["label"], fontsize=9)
    ax.set_xlim(0.0, 1.0)
    ax.set(xlabel="share of the variance of utilities", title="How much is common to all?")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(
        [
            "Dots with intervals: share of variance that one factor carries, and permuted",
            *(
                f"{row.label} {row.estimate:.2f} against {place:.2f}".replace("\n", " ")
                for row, place in zip(found.itertuples(), places, strict=True)
            ),
        ]
    )


_GROUPS = {
    "published/all": "seven published models",
    "takemoto2026/all": "Moral Machine, all",
    "takemoto2026/without habit of place": "Moral Machine,\nwithout habits",
    "simulated/planted alike": "simulated, planted alike",
}


def humans_among_models(findings: pd.DataFrame, habits: Iterable[str] = ()) -> tuple[Figure, str]:
    """How each model's effects correlate with the human ones; habits of place are crosses.

    `findings`: estimand convergence.with_humans.
    """
    found = findings[findings["estimand"] == "convergence.with_humans"]
    if found.empty:
        raise DataError("no finding of convergence.with_humans to draw.")
    found = found.sort_values("estimate").reset_index(drop=True)
    like = found["respondent"].isin(set(habits)).to_numpy(bool)
    fig, ax = figure(4.2)
    for mask, marker, colour, label in (
        (~like, "o", COLOURS[0], "a model"),
        (like, "x", COLOURS[3], "a habit of place, no view"),
    ):
        rows = found[mask]
        ax.vlines(
            rows.index, rows["low"].astype(float), rows["high"].astype(float), color=colour,
            alpha=0.35, linewidth=1.4,
        )  # fmt: skip
        ax.plot(
            rows.index, rows["estimate"], linestyle="none", marker=marker, color=colour,
            markersize=5, label=label,
        )  # fmt: skip
    ax.axhline(0.0, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.0)
    ax.set(
        xlabel="models, by their correlation", ylabel="correlation with people", xticks=[],
        ylim=(-1.02, 1.02), title="People, one respondent among many",
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    middle = found["estimate"].median()
    return fig, sentence(
        [
            f"Correlation of {len(found)} models' Moral Machine effects with people's, sorted, "
            f"with intervals: lowest {found['estimate'].iloc[0]:.2f}, median {middle:.2f}, highest "
            f"{found['estimate'].iloc[-1]:.2f}",
            f"{int(like.sum())} of them are a habit of place",
        ]
    )
