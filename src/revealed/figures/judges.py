"""Figures of judges: who votes for whom, and own effects, naive against corrected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    INK,
    dots,
    figure,
    height_for,
    letters_on,
    mark_provenance,
    sentence,
    short_name,
)  # fmt: skip

Drawn = tuple[Figure, str]


def vote_matrix(shares: pd.DataFrame, domain: str = "all") -> Drawn:
    """Share of each judge's votes by author, own cells framed.

    `shares`: as `measures.judges.vote_shares` makes it.
    """
    part = shares[shares["domain"] == domain]
    if part.empty:
        raise DataError(f"no vote of the domain {domain!r} to draw.")
    names = list(dict.fromkeys(part["judge"]))
    grid = part.set_index(["judge", "author"])["estimate"]
    cells = np.array([[grid[judge, author] for author in names] for judge in names])
    fig, ax = figure(3.4)
    shades = ax.imshow(cells, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for i, judge in enumerate(names):
        for j, author in enumerate(names):
            own = judge == author
            ax.text(
                j, i, f"{100 * cells[i, j]:.0f} %", ha="center", va="center",
                color=letters_on(shades.to_rgba(cells[i, j])), fontsize=13,
                fontweight="bold" if own else "normal",
            )  # fmt: skip
            if own:
                ax.add_patch(
                    Rectangle(
                        (j - 0.47, i - 0.45), 0.94, 0.9, fill=False, edgecolor=COLOURS[3],
                        linewidth=3,
                    )
                )  # fmt: skip
    labels = [name.replace(" ", "\n", 1) for name in names]
    ax.set_xticks(range(len(names)), labels)
    ax.set_yticks(range(len(names)), labels)
    ax.grid(visible=False)
    ax.set(xlabel="votes for the answer of", ylabel="judge", title="Each judge's votes, own framed")
    mark_provenance(fig, "public")
    said = [
        f"{judge} gives {', '.join(f'{author} {grid[judge, author]:.2f}' for author in names)}"
        for judge in names
    ]
    return fig, sentence(["Shares of votes by judge and author", *said])


def copies(places: pd.DataFrame) -> Drawn:
    """Votes by place where all three answers are the same text.

    `places`: as `measures.judges.place_of_copies` makes it.
    """
    if places["n"].max() == 0:
        raise DataError("no question whose answers are all the same.")
    judges = list(dict.fromkeys(places["judge"]))
    fig, ax = figure(2.5)
    left = np.zeros(len(judges))
    for place, colour in zip((1, 2, 3), (COLOURS[0], COLOURS[6], COLOURS[7]), strict=True):
        row = places[places["place"] == place].set_index("judge")["estimate"]
        width = row.reindex(judges).to_numpy(float)
        label = ("listed first", "second", "third")[place - 1]
        ax.barh(judges, width, left=left, color=colour, label=label, height=0.6)
        left += width
    ax.axvline(1 / 3, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    ax.set(xlim=(0, 1), xlabel="share of votes; dashed: by chance")
    ax.set_title("Identical texts: which one wins?")
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, "public")
    first = places[places["place"] == 1]
    said = [f"{row.judge} {row.estimate:.2f}" for row in first.itertuples()]
    return fig, sentence(["Share of votes for the answer listed first among identical ones", *said])


def public_own_effects(findings: pd.DataFrame) -> Drawn:
    """Own effects of real judges: naive and corrected on votes, and on scores given one by one.

    `findings`: estimands judge.naive_own_vote, judge.own_vote, judge.own_score.
    """
    rows = findings[(findings["subject"] == "") & (findings["provenance"] == "public")]
    panels = (
        ("judge.naive_own_vote", "Votes, naive", "own share less the others' share of it", 0.0),
        ("judge.own_vote", "Votes, quality held", "times the odds of a vote", 1.0),
        ("judge.own_score", "Scores, one answer at a time", "points, scale from 0 to 11", 0.0),
    )
    fig, axes = figure(6.6, rows=3)
    said = []
    for ax, (estimand, title, label, null) in zip(axes, panels, strict=True):
        part = rows[rows["estimand"] == estimand].reset_index(drop=True)
        if part.empty:
            raise DataError(f"no finding of {estimand} to draw.")
        dots(ax, part, label="respondent", log=null == 1.0, reference=null)
        ax.set(title=title, xlabel=label)
        if null == 1.0:
            _odds_ticks(ax, part)
        else:
            ax.set_xlim(left=min(0.0, part["low"].min()) - 0.02)
        said.append(f"{title}: {_listed(part)}")
    mark_provenance(fig, "public")
    return fig, sentence(["Own effects with intervals", *said])


def own_effects(findings: pd.DataFrame) -> Drawn:
    """Naive win rate of one's own texts beside the own effect, respondent by respondent.

    `findings`: estimands judge.naive_own_win and judge.own_effect.
    """
    own = findings[findings["estimand"] == "judge.own_effect"]
    naive = findings[findings["estimand"] == "judge.naive_own_win"].reset_index(drop=True)
    own = own.set_index("respondent").reindex(naive["respondent"]).reset_index()
    if naive.empty or own["estimate"].isna().all():
        raise DataError("no finding of judge.own_effect to draw.")
    drawn = own.dropna(subset=["estimate"])
    fig, (left, right) = figure(height_for(len(naive), rest=1.5), columns=2)
    dots(left, naive, reference=0.5)
    left.set(title="Naive", xlabel="own text wins, share", xlim=(0, 1))
    left.set_xticks([0.25, 0.5, 0.75], ["0.25", "0.5", "0.75"])
    dots(right, own, log=True, reference=1.0)
    right.set(title="Corrected", xlabel="times the odds")
    right.set_yticks(range(len(own)), [""] * len(own))
    _odds_ticks(right, drawn)
    mark_provenance(fig, findings["provenance"])
    return fig, sentence(
        [f"Share of wins of own texts: {_listed(naive)}", f"Own effect: {_listed(drawn)}"]
    )


def recognition(findings: pd.DataFrame) -> Drawn:
    """Share of own texts recognized, against guessing.

    `findings`: estimand judge.recognition.
    """
    part = findings[findings["estimand"] == "judge.recognition"].reset_index(drop=True)
    if part.empty:
        raise DataError("no finding of judge.recognition to draw.")
    fig, ax = figure(height_for(len(part)))
    dots(ax, part, reference=0.5)
    ax.set(xlabel="own text recognized; dashed: guessing", title="Who knows its own words?")
    ax.set_xlim(min(0.3, float(part["low"].min()) - 0.02), 1.0)
    mark_provenance(fig, part["provenance"])
    return fig, sentence([f"Share recognized: {_listed(part)}"])


def _odds_ticks(ax: Axes, part: pd.DataFrame) -> None:
    """Ticks on an odds axis that read as numbers, 1 always among them."""
    low = min(1.0, float(part["low"].min())) / 1.1
    high = max(1.0, float(part["high"].max())) * 1.1
    ticks: Sequence[float] = [t for t in (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32) if low <= t <= high]
    ax.set_xlim(low, high)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def _listed(part: pd.DataFrame) -> str:
    return ", ".join(
        f"{short_name(row.respondent)} {row.estimate:.2f}" for row in part.itertuples()
    )
