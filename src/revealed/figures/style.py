"""The one style of every figure: type, colours, dots with intervals, and the mark of provenance.

A figure is narrow (5.2 inches) with 11 point type, because a page on a phone shows it about 350
pixels wide: there one point is about one pixel. The background is white, opaque and edge to edge.
On a dark page the book's style sheet repaints the colors of this file, each by its value
(`figures.drawing`), so a figure takes its colors from here.

What may not enter: anything that knows an estimand. A figure of a measure lives in the module of
that measure's name beside this one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..foundation.errors import DataError
from ..foundation.schemas import PROVENANCES

WIDTH = 5.2
"""Inches: every figure is this wide; only its height differs (`figure`)."""

INK = "#1f2430"
MUTED = "#6b7280"
SIMULATED = "#b3261e"
FAINT = "#858d99"
"""Dots that are many and the ground for others; 3 to 1 on white as on a dark page."""
GOOD = "#0b5d3b"
"""A word in green; the greens of dots are too light for letters."""
ON_PALE = "#000000"
"""Letters and lines on a filled area that keeps its color on a dark page, such as a heat map's."""

# seaborn's colour-blind palette without its yellow and pale pink, which vanish on white; four of
# its colors are darkened to 3 to 1 on white.
COLOURS: tuple[str, ...] = (
    "#0173b2", "#c98200", "#029e73", "#d55e00", "#c96bb8", "#b37b49", "#2f9bdb", "#7a7a7a",
)  # fmt: skip
MARKERS: tuple[str, ...] = ("o", "s", "D", "^", "v", "P", "X")

# Respondents of the study as shipped, in fixed places: no two of them share colour and marker, and
# adding one at the end moves none of the others.
_PLACES: tuple[str, ...] = (
    "coherent", "egalitarian", "position_biased", "length_loving", "incoherent", "refusing",
    "neutral_when_allowed", "drifting", "flaky", "fourofclubs001/qwen2.5-1.5b-instruct",
    "avocado/gpt-4o", "avocado/gemma-3-27b", "avocado/gpt-oss-20b",
    "avocado/llama-3.1-8b-instruct", "avocado/qwen-3-30b-instruct-2507",
    "notrichardren/llama-2-7b-instruct", "notrichardren/qwen25-vl-7b-instruct",
    "hyperbolic", "left", "right", "centre", "self_preferring", "incorrigible", "misaligned",
)  # fmt: skip

_BADGES: dict[str, tuple[str, str]] = {
    "elicited": ("elicited in this run", "#0b5d3b"),
    "public": ("public answers of a real model", "#0b4f7d"),
    "published": ("published figure", "#5b4a8a"),
    "simulated": ("SIMULATED, no real model", SIMULATED),
}


@dataclass(frozen=True)
class Look:
    """How one respondent is drawn, everywhere."""

    colour: str
    marker: str


def use_style() -> None:
    """Set seaborn's theme and matplotlib's defaults to the book's; call once a notebook."""
    sns.set_theme(
        style="whitegrid",
        palette=list(COLOURS),
        rc={
            "figure.figsize": (WIDTH, 3.6),
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "savefig.dpi": 200,
            "savefig.facecolor": "white",
            "savefig.transparent": False,
            "axes.facecolor": "white",
            "axes.edgecolor": "#9aa1ab",
            "axes.labelcolor": INK,
            "axes.labelsize": 11,
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": "#e3e6ea",
            "grid.linewidth": 0.8,
            # Of matplotlib itself, so a figure is the same on every machine; the book brings it.
            "font.family": ["DejaVu Sans"],
            "font.size": 11,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "image.cmap": "cividis",
            "svg.hashsalt": "revealed",
        },
    )


def figure(
    height: float = 3.6, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """``(figure, axes)`` of the book's width in the book's style, `height` inches high."""
    use_style()
    return plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **options)


def panels(count: int, *, xlabel: str, ylabel: str, columns: int = 2) -> tuple[Figure, list[Axes]]:
    """``(figure, axes)`` of so many small panels with common axes, row by row, labels outside.

    The grid's last row may be short: the lowest panel of every column has numbers and label.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    fig, axes = figure(0.9 + 2.5 * rows, rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel, fontsize=10)
    for ax in axes.flat[count - columns : count]:
        ax.set_xlabel(xlabel, fontsize=10)
        ax.tick_params(labelbottom=True)
    return fig, list(axes.flat[:count])


def look(respondent: str) -> Look:
    """Colour and marker of a respondent: a function of its name alone, so the same in every figure.

    Shipped respondents have fixed places; any other name is hashed to one.
    """
    name = respondent.removeprefix("simulated/")
    if name in _PLACES:
        place = _PLACES.index(name)
    else:
        digest = hashlib.sha256(name.encode()).digest()
        place = int.from_bytes(digest[:4], "big") % (len(COLOURS) * len(MARKERS))
    turn, colour = divmod(place, len(COLOURS))
    return Look(COLOURS[colour], MARKERS[(colour + turn) % len(MARKERS)])


def short_name(respondent: str) -> str:
    """A respondent's name without the provider in front: ``avocado/gpt-4o`` becomes ``gpt-4o``.

    What no font can draw (control characters, half a surrogate pair) is drawn as U+FFFD, once for
    any number of them.
    """
    name = respondent.rsplit("/", 1)[-1].replace("_", " ")
    runs = groupby(name, key=str.isprintable)
    return "".join("".join(run) if drawn else "\ufffd" for drawn, run in runs)


def mark_provenance(fig: Figure, provenance: str | Iterable[str]) -> None:
    """Write where the data comes from on the figure itself.

    A strip above the axes carries one badge a provenance. Whatever holds simulated answers is in
    addition overprinted "simulated" from corner to corner, so that a cropped copy still says it.

    Parameters
    ----------
    fig
        The finished figure; the strip is taken from the top of its layout.
    provenance
        One of `foundation.schemas.PROVENANCES`, or several (a column of a table will do).
    """
    kinds = {provenance} if isinstance(provenance, str) else set(provenance)
    if unknown := kinds - set(PROVENANCES):
        raise DataError(f"unknown provenance {', '.join(sorted(map(str, unknown)))} on a figure.")
    if not kinds:
        raise DataError("a figure needs a provenance.")
    strip = 0.3 / fig.get_figheight()
    engine = fig.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, 0.0, 1.0, 1.0 - strip))
    else:
        fig.subplots_adjust(top=min(fig.subplotpars.top, 1.0 - 1.4 * strip))
    left = 0.02
    for kind in (name for name in PROVENANCES if name in kinds):
        text, colour = _BADGES[kind]
        fig.text(
            left, 1.0 - 0.5 * strip, text, color="white", fontsize=9, fontweight="bold",
            ha="left", va="center", gid=f"provenance-{kind}",
            bbox={"boxstyle": "round,pad=0.25", "facecolor": colour, "edgecolor": "none"},
        )  # fmt: skip
        # Nine point bold type is about 0.072 inches a letter; the strip holds three badges.
        left += (0.072 * len(text) + 0.22) / fig.get_figwidth()
    if "simulated" in kinds:
        fig.text(
            0.5, 0.46, "simulated", color=SIMULATED, alpha=0.13, fontsize=46, fontweight="bold",
            rotation=math.degrees(math.atan2(fig.get_figheight(), fig.get_figwidth())),
            ha="center", va="center", zorder=10, gid="provenance-watermark",
        )  # fmt: skip


def dots(
    ax: Axes,
    table: pd.DataFrame,
    *,
    label: str = "respondent",
    estimate: str = "estimate",
    low: str = "low",
    high: str = "high",
    respondent: str | None = None,
    colour: str | None = None,
    log: bool = False,
    reference: float | None = None,
    offset: float = 0.0,
    legend: str | None = None,
) -> None:
    """One dot a row with its interval as a line, labels on the left, first row on top.

    Parameters
    ----------
    ax
        Where to draw. Calling again with another `offset` (in rows) puts a second series beside
        the first, provided the rows are the same.
    table
        A row a dot, with the columns named by `label`, `estimate`, `low`, `high`.
    respondent
        Column of respondent names that gives colour and marker (`look`); default: `label` itself
        if it is the column "respondent", else one colour.
    colour
        One colour for every dot, over `respondent`.
    log
        Logarithmic axis, for rates; estimates must then be positive.
    reference
        A thin vertical line at this value (no effect, chance, a nominal level).
    legend
        Name of this series in a legend.

    Names of simulated respondents are in red italics, so that they cannot be taken for models
    where both stand in one figure. An estimate without an interval is drawn hollow; an end that is
    infinite or missing on one side only is drawn as an arrow to the edge, because it is a bound and
    not a number.
    """
    if log and (table[estimate] <= 0).any():
        raise DataError(f"a log axis needs positive estimates in column {estimate}.")
    names = respondent or ("respondent" if label == "respondent" else None)
    if log:
        ax.set_xscale("log")
    places = np.arange(len(table), dtype=float)
    if reference is not None:
        ax.axvline(reference, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    arrows: list[tuple[float, float, str, str]] = []
    for place, (_, row) in zip(places + offset, table.iterrows(), strict=True):
        drawn = look(str(row[names])) if names else Look(COLOURS[0], "o")
        paint = colour or drawn.colour
        value = float(row[estimate])
        ends = [_end(row.get(low)), _end(row.get(high))]
        known = [end for end in ends if end is not None]
        if known:
            ax.plot(
                [ends[0] if ends[0] is not None else value,
                 ends[1] if ends[1] is not None else value],
                [place, place], color=paint, linewidth=2.2, solid_capstyle="butt", zorder=2,
            )  # fmt: skip
            for end, side in zip(ends, ("<", ">"), strict=True):
                if end is None:
                    arrows.append((place, value, paint, side))
        ax.plot(
            [value], [place], linestyle="none", marker=drawn.marker, markersize=6.5, zorder=3,
            color=paint, markeredgecolor=paint if not known else "white",
            markerfacecolor=paint if known else "white", markeredgewidth=0.7 if known else 1.4,
            label=legend if place == offset else None,
        )  # fmt: skip
    for place, value, paint, side in arrows:
        edge = ax.get_xlim()[0 if side == "<" else 1]
        ax.plot([value, edge], [place, place], color=paint, linewidth=2.2, zorder=2)
        ax.plot([edge], [place], linestyle="none", marker=side, color=paint, clip_on=False)
    # A dollar sign in a name is no formula.
    labels = [_cut(short_name(str(name))) for name in table[label]]
    ax.set_yticks(places, labels, parse_math=False)
    if names:
        # Beside another panel with the same rows an axis has no labels of its own.
        for tick, name in zip(ax.get_yticklabels(), table[names], strict=False):
            if str(name).startswith("simulated/"):
                tick.set(color=SIMULATED, fontstyle="italic")
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def _cut(label: str, longest: int = 40) -> str:
    """A label that leaves room for the axes."""
    return label if len(label) <= longest else f"{label[: longest - 1]}…"


def _end(value: object) -> float | None:
    """An interval's end as a number, or None where it is missing or infinite."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def letters_on(color: Any) -> str:
    """White or `ON_PALE`, whichever stands out more on `color`: always by 4.5 to 1 or more.

    `color` is anything that matplotlib takes for one. Contrast is that of WCAG 2.1.
    """
    channels = np.asarray(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return "white" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else ON_PALE


def height_for(rows: int, *, least: float = 2.2, each: float = 0.3, rest: float = 1.1) -> float:
    """Inches for a figure of `rows` dots, so that labels never crowd."""
    return max(least, rest + each * rows)


def sentence(parts: Sequence[str]) -> str:
    """Join descriptions of what a figure shows into one alternative text."""
    return " ".join(part.rstrip(".") + "." for part in parts if part)


def show(fig: Figure, alt: str) -> Any:
    """The figure with its alternative text as an SVG element, as a notebook cell's last value.

    A plain figure in a notebook gets its alternative text from cell metadata, which cannot hold
    numbers of the run; this takes a text derived from the data.
    """
    from IPython.display import HTML

    from .drawing import svg

    drawn = svg(fig, alt)
    plt.close(fig)
    return HTML(drawn)  # type: ignore[no-untyped-call]
