"""Figures of a citizen assembly: who sits in it, what it chose, what its simulator adds.

They read findings or tables of `measures.assembly`, and return figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    INK,
    MUTED,
    SIMULATED,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)

Drawn = tuple[Figure, str]

_SPLITS = {
    "train": ("to learn from", COLOURS[0], "o"),
    "pair": ("kept pairs", COLOURS[1], "s"),
    "area": ("kept areas", COLOURS[2], "D"),
}
_SIDES = (("left", COLOURS[0]), ("", COLOURS[7]), ("right", COLOURS[3]))


def margins(checked: pd.DataFrame, provenance: Iterable[str]) -> Drawn:
    """Shares in the assembly beside those of the census, a row a value.

    Parameters
    ----------
    checked
        From `measures.assembly.margins.check`.
    provenance
        Of the census and of the assembly.
    """
    if checked.empty:
        raise DataError("no margins to draw.")
    fig, ax = figure(height_for(len(checked), each=0.21, rest=1.6))
    places = np.arange(len(checked), dtype=float)
    ax.hlines(places, checked["share"], checked["assembly"], color=MUTED, linewidth=1.0, zorder=1)
    for column, marker, colour, label in (
        ("share", "|", INK, "census"), ("assembly", "o", COLOURS[0], "assembly"),
    ):  # fmt: skip
        ax.plot(
            checked[column], places, linestyle="none", marker=marker, color=colour, label=label,
            markersize=9 if marker == "|" else 5, markeredgewidth=1.8 if marker == "|" else 0,
        )  # fmt: skip
    starts = np.flatnonzero(checked["attribute"].ne(checked["attribute"].shift()))
    for start in starts[1:]:
        ax.axhline(start - 0.5, color="#d5d9df", linewidth=0.8)
    ax.set_yticks(places, checked["value"], fontsize=8.5)
    ax.set_ylim(len(checked) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set(xlim=(0, None), xlabel="share", title="Is it a small copy of the country?")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, provenance)
    off = checked["off"].abs().max()
    told = [
        f"Shares of {len(checked)} values of {checked['attribute'].nunique()} attributes in the "
        "census and in the assembly",
        f"They differ by at most {off:.3f}",
    ]
    return fig, sentence(told)


def leanings(findings: pd.DataFrame) -> Drawn:
    """Left shares of assemblies and of their simulators alone, and the pull of each simulator."""
    panels = {name: _of(findings, name) for name in ("left_share", "own_left_share", "pull")}
    if panels["left_share"].empty:
        raise DataError("no finding of assembly.left_share to draw.")
    names = list(panels["left_share"]["respondent"])
    fig, axes = figure(height_for(2 * len(names), rest=3.4), rows=2, columns=1)
    for name, offset, colour, label in (
        ("left_share", -0.13, COLOURS[0], "answering as the people"),
        ("own_left_share", 0.13, COLOURS[1], "answering as nobody"),
    ):
        rows = _rows(panels[name], names)
        if rows["estimate"].notna().any():
            _series(axes[0], rows, offset, colour, label)
    axes[0].axvline(0.5, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
    axes[0].set(xlim=(0, 1), xlabel="share of the left proposals", title="What is chosen")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    dots(axes[1], panels["pull"].reset_index(drop=True), reference=0.0)
    axes[1].set(
        xlabel="middle of both parties' people, less one half\n(to the left is positive)",
        title="What the simulator adds",
    )
    mark_provenance(fig, findings["provenance"])
    told = [
        f"{label} {_listed(panels[name])}"
        for name, label in (
            ("left_share", "Left share of the assembly:"),
            ("own_left_share", "Left share of the simulator itself:"),
            ("pull", "Pull to the left:"),
        )
        if not panels[name].empty
    ]
    return fig, sentence(["Dots with intervals", *told])


def positions(tables: Mapping[str, pd.DataFrame], attribute: str, sides: Mapping[str, str],
              provenance: Mapping[str, str]) -> Drawn:  # fmt: skip
    """Every person's left share by party, a panel a respondent.

    Parameters
    ----------
    tables
        `Analysis.positions` by respondent.
    attribute
        The attribute that stands for sides.
    sides
        The side (left, right or "") of each of its values, in the order to draw.
    """
    if not tables:
        raise DataError("no assembly's people to draw.")
    fig, axes = figure(0.9 + 1.75 * len(tables), len(tables), 1, sharex=True, squeeze=False)
    colours = dict(_SIDES)
    told = []
    for ax, (name, table) in zip(axes.flat, tables.items(), strict=True):
        for place, (value, side) in enumerate(sides.items()):
            own = table.loc[table[attribute] == value, "left"].sort_values()
            # Spread in the order of the values, so that equal ones do not hide each other.
            spread = (np.arange(len(own)) % 7 - 3) * 0.08
            ax.plot(
                own, place + spread, linestyle="none", marker="o", markersize=4, alpha=0.7,
                color=colours[side],
            )  # fmt: skip
            if len(own):
                ax.plot([own.mean()] * 2, [place - 0.38, place + 0.38], color=INK, linewidth=2)
                told.append(f"{short_name(name)}, {value}: mean {own.mean():.2f} of {len(own)}")
        ax.axvline(0.5, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
        ax.set_yticks(range(len(sides)), list(sides))
        ax.set_ylim(len(sides) - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
        ax.set_title(short_name(name), fontsize=10.5)
    axes.flat[-1].set(xlim=(-0.03, 1.03), xlabel="share of the left proposals; bar: mean")
    mark_provenance(fig, [provenance[name] for name in tables])
    return fig, sentence(["One dot a described person: share of left proposals chosen", *told])


def target_shares(
    targets: pd.DataFrame, own: pd.DataFrame, respondent: str, provenance: str
) -> Drawn:
    """The target of every pair with its interval, and the simulator's own answer beside it.

    Parameters
    ----------
    targets, own
        `Analysis.targets` and `Analysis.own` (which may be empty).
    """
    if targets.empty:
        raise DataError("no target to draw.")
    ranked = targets.sort_values("share_first").reset_index(drop=True)
    fig, ax = figure(4.6)
    ax.axvline(0.5, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    if not own.empty:
        beside = ranked["pair"].map(own.set_index("pair")["share_first"])
        ax.plot(
            beside, ranked.index, linestyle="none", marker="x", markersize=4.5, color=MUTED,
            label="answering as nobody", zorder=1,
        )  # fmt: skip
    for split, (label, colour, marker) in _SPLITS.items():
        part = ranked[ranked["split"] == split]
        if part.empty:
            continue
        half = 1.96 * part["se"]
        low, high = (part["share_first"] - half).clip(0), (part["share_first"] + half).clip(upper=1)
        ax.hlines(part.index, low, high, color=colour, linewidth=1.6, zorder=2)
        ax.plot(
            part["share_first"], part.index, linestyle="none", marker=marker, markersize=4.5,
            color=colour, label=label, zorder=3,
        )  # fmt: skip
    ax.set_yticks([])
    ax.set(
        xlim=(-0.02, 1.02), xlabel="share for one of the two proposals",
        ylabel="pairs, by share", title=f"What to aim at: {short_name(respondent)}",
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, provenance)
    spread = ranked["share_first"]
    told = (
        f"Shares of {len(ranked)} pairs with intervals, from {spread.min():.2f} to "
        f"{spread.max():.2f}, mean standard error {ranked['se'].mean():.3f}"
    )
    return fig, sentence([told])


def explained(findings: pd.DataFrame) -> Drawn:
    """What each attribute goes with, of the variance between people, respondent by respondent."""
    found = _of(findings, "explained")
    if found.empty:
        raise DataError("no finding of assembly.explained to draw.")
    subjects = list(dict.fromkeys(found["subject"]))
    names = list(dict.fromkeys(found["respondent"]))
    fig, ax = figure(height_for(len(subjects) * max(1, len(names)), each=0.22, rest=1.7))
    told = []
    for k, name in enumerate(names):
        part = found[found["respondent"] == name].set_index("subject").reindex(subjects)
        offset = (k - (len(names) - 1) / 2) * 0.7 / max(1, len(names))
        rows = part.reset_index().rename(columns={"subject": "label"})
        _series(ax, rows, offset, COLOURS[k % len(COLOURS)], short_name(name))
        best = rows.loc[rows["estimate"].idxmax()]
        told.append(f"{short_name(name)}: most {best['label']}, {best['estimate']:.2f}")
    ax.set(xlim=(-0.02, 1.02), xlabel="share of the variance between people", title="Who differs?")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(["Dots with intervals: variance between people by attribute", *told])


def talk(findings: pd.DataFrame) -> Drawn:
    """What a talk at a table moves: to the others, apart or together, to a side."""
    panels = (
        ("conformity", "To the others at the table", "all others for it, less none"),
        ("gap_change", "Apart or together", "change of the gap between both parties' people"),
        ("shift", "To a side", "change of the share of left proposals"),
    )
    if _of(findings, "conformity").empty:
        raise DataError("no finding of assembly.conformity to draw.")
    n = _of(findings, "conformity")["respondent"].nunique()
    fig, axes = figure(1.0 + 3 * (0.95 + 0.3 * n), rows=3)
    told = []
    for ax, (name, title, label) in zip(axes, panels, strict=True):
        part = _of(findings, name).reset_index(drop=True)
        dots(ax, part, reference=0.0)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set(title=title, xlabel=label)
        told.append(f"{title}: {_listed(part)}")
    mark_provenance(fig, findings["provenance"])
    return fig, sentence(told)


def _series(ax: Axes, rows: pd.DataFrame, offset: float, colour: str, label: str) -> None:
    """One dot a row with its interval, beside other series of the same rows; gaps stay gaps."""
    places = np.arange(len(rows)) + offset
    ax.hlines(places, rows["low"].astype(float), rows["high"].astype(float), color=colour)
    ax.plot(
        rows["estimate"], places, linestyle="none", marker="o", markersize=5.5, color=colour,
        label=label,
    )  # fmt: skip
    ax.set_yticks(range(len(rows)), [short_name(str(name)) for name in rows["label"]])
    for tick, name in zip(ax.get_yticklabels(), rows["label"], strict=True):
        if str(name).startswith("simulated/"):  # as in `style.dots`
            tick.set(color=SIMULATED, fontstyle="italic")
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def _of(findings: pd.DataFrame, name: str) -> pd.DataFrame:
    return findings[findings["estimand"] == f"assembly.{name}"]


def _rows(found: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    rows = found.drop_duplicates("respondent").set_index("respondent").reindex(names)
    return rows.reset_index(names="label")


def _listed(found: pd.DataFrame) -> str:
    # Adding zero turns a rounded -0 into 0.
    return ", ".join(
        f"{short_name(row.respondent)} {round(row.estimate, 2) + 0.0:.2f} "
        f"({round(row.low, 2) + 0.0:.2f} to {round(row.high, 2) + 0.0:.2f})"
        for row in found.itertuples()
    )
