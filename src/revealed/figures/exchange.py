"""Figures of exchange rates. Each returns the figure and its alternative text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..foundation.errors import DataError
from ..measures.exchange import format_rate
from ..utilities.curve import CurveFit
from .style import (
    COLOURS,
    INK,
    MUTED,
    dots,
    figure,
    height_for,
    mark_provenance,
    sentence,
    short_name,
)

MOST = 24
"""Goods in a figure by default: what a phone shows without scrolling for long."""


def price_dots(
    prices: pd.DataFrame,
    provenance: str | Iterable[str],
    *,
    band: float | None = None,
    most: int = MOST,
    unit: str = "a life",
) -> tuple[Figure, str]:
    """What one unit of each good weighs, against the mean of the reference, on a log axis.

    Parameters
    ----------
    prices
        `measures.exchange.log_prices`. Intervals drawn are the adjusted ones (all goods at once).
        Filled colours mark goods called unequal; grey ones are not distinguishable from the mean
        or are placebos. Goods without even a bound are left out and counted in the text.
    band
        `measures.exchange.placebo_band`: the shaded range of rates between goods that should not
        differ.
    most
        With more goods, the extremes at both ends are shown.
    """
    table, left_out = _shown(prices, most)
    shown = pd.DataFrame(
        {
            "label": [
                f"{row.good} (placebo)" if row.placebo else row.good for row in table.itertuples()
            ],
            "estimate": np.exp(table["log_price"]),
            "low": np.exp(table["low_adjusted"]),
            "high": np.exp(table["high_adjusted"].clip(upper=700.0)),
            "colour": np.where(
                table["placebo"], COLOURS[1], np.where(table["unequal"], COLOURS[0], MUTED)
            ),
        }
    )
    shown["high"] = shown["high"].where(np.isfinite(table["high_adjusted"]), np.inf)
    shown.loc[~np.isfinite(table["low_adjusted"]), "low"] = -np.inf
    fig, ax = figure(height_for(len(shown), each=0.27, rest=1.5))
    _log_axis(ax, shown)
    if band is not None and np.isfinite(band):
        ax.axvspan(math.exp(-band), math.exp(band), color="#f0c27b", alpha=0.35, linewidth=0,
                   zorder=0, label="placebo goods reach")  # fmt: skip
    _dots_by_colour(ax, shown)
    ax.axvline(1.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    _mark_gap(ax, shown, left_out)
    ax.set_xlabel(f"Worth of {unit},\nmean of the reference = 1")
    handles = [
        ax.plot([], [], linestyle="none", marker="o", color=colour, label=name)[0]
        for name, colour, present in (
            ("called unequal", COLOURS[0], table["unequal"] & ~table["placebo"]),
            ("not distinguishable", MUTED, ~table["unequal"] & ~table["placebo"]),
            ("placebo", COLOURS[1], table["placebo"]),
        )
        if present.any()
    ]
    spans = [patch for patch in ax.patches if patch.get_label() == "placebo goods reach"]
    fig.legend(handles=[*handles, *spans], loc="outside lower center", ncols=2)
    mark_provenance(fig, provenance)
    real = prices[~prices["placebo"]]
    undetermined = int((prices["bound"] == "none").sum())
    ends = [
        f"{row.good} {format_rate(*_factors(row), str(row.bound))}"
        for row in (table.iloc[0], table.iloc[-1])
    ]
    return fig, sentence(
        [
            f"Worth of {unit} for {len(shown)} goods with intervals, on a logarithmic axis",
            f"Most and least: {ends[0]}; {ends[1]}",
            f"{int(real['unequal'].sum())} of {len(real)} goods are called unequal",
            f"{left_out} goods between are not drawn" if left_out else "",
            f"{undetermined} goods have no price that the answers determine"
            if undetermined
            else "",
        ]
    )


def corrected_beside_parity(
    both: pd.DataFrame, provenance: str | Iterable[str], *, most: int = MOST
) -> tuple[Figure, str]:
    """Corrected prices with intervals, and the original's with the range over pivots.

    Parameters
    ----------
    both
        `measures.exchange.side_by_side`.
    """
    table, left_out = _shown(both.dropna(subset=["parity_log_price"]), most)
    fig, ax = figure(height_for(len(table), each=0.34, rest=1.6))
    ours = pd.DataFrame(
        {
            "label": table["good"],
            "estimate": np.exp(table["log_price"]),
            "low": _exp(table["low"]),
            "high": _exp(table["high"]),
        }
    )
    theirs = pd.DataFrame(
        {
            "label": table["good"],
            "estimate": np.exp(table["parity_log_price"]),
            "low": _exp(table["parity_low"]),
            "high": _exp(table["parity_high"]),
        }
    )
    _log_axis(ax, pd.concat([ours, theirs]))
    dots(ax, theirs, label="label", colour=COLOURS[3], offset=0.17, log=True, reference=1.0,
         legend="original (range over pivots)")  # fmt: skip
    dots(ax, ours, label="label", colour=COLOURS[0], offset=-0.17, log=True,
         legend="corrected (95 % interval)")  # fmt: skip
    ax.set_yticks(range(len(table)), list(table["good"]))
    ax.set_ylim(len(table) - 0.4, -0.6)
    _log_ticks(ax)
    _mark_gap(ax, table, left_out)
    ax.set_xlabel("Worth, mean of the reference = 1")
    legend_handles = [
        ax.plot([], [], marker="o", color=colour, label=name)[0]
        for colour, name in (
            (COLOURS[0], "corrected (95 % interval)"),
            (COLOURS[3], "original (range over pivots)"),
        )
    ]
    fig.legend(handles=legend_handles, loc="outside lower center", ncols=1)
    mark_provenance(fig, provenance)
    gap = float(np.exp(table["difference"].abs().median()))
    return fig, sentence(
        [
            f"Corrected and original prices of {len(table)} goods on a logarithmic axis",
            f"They differ by a median factor of {gap:.2f}",
            f"{left_out} goods are not drawn" if left_out else "",
        ]
    )


def quantity_curves(
    fit: CurveFit,
    provenance: str | Iterable[str],
    *,
    goods: Sequence[str] | None = None,
    xlabel: str = "Quantity",
) -> tuple[Figure, str]:
    """Utility against quantity for a few goods; points are items with their own deviations.

    Parameters
    ----------
    goods
        Which (at most 6); default the most and least valued, and two between.
    """
    if goods is None:
        order = np.argsort(-fit.b)
        places = np.unique(np.linspace(0, len(order) - 1, min(4, len(order))).astype(int))
        goods = [fit.goods[order[k]] for k in places]
    if not goods or len(goods) > 6:
        raise DataError("a figure of curves shows one to six goods.")
    grid, u = fit.grid, fit.on_curve
    points = fit.utility if fit.item_sd > 0 else None
    fig, ax = figure(4.0)
    for k, good in enumerate(goods):
        if good not in fit.goods:
            raise DataError(f"there is no good {good!r} in the fit.")
        members = np.flatnonzero(grid.good == fit.goods.index(good))
        members = members[np.argsort(grid.x[members])]
        quantity = np.exp(grid.x[members] + grid.center)
        style = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)))[k]
        ax.plot(quantity, u[members], color=COLOURS[k], linestyle=style, label=good)
        if points is not None:
            ax.plot(quantity, points[members], linestyle="none", marker="o", markersize=4.5,
                    color=COLOURS[k], alpha=0.7)  # fmt: skip
    ax.set_xscale("log")
    _log_ticks(ax)
    ax.set_xlabel(xlabel)
    ax.set_ylabel("Utility (probit units)")
    fig.legend(loc="outside lower center", ncols=2)
    mark_provenance(fig, provenance)
    slopes = fit.a[[fit.goods.index(good) for good in goods]]
    return fig, sentence(
        [
            f"Utility against quantity on a logarithmic axis, curve {fit.curve.replace('_', ' ')}",
            "Slopes at the centre: "
            + ", ".join(f"{good} {a:.2f}" for good, a in zip(goods, slopes, strict=True)),
        ]
    )


def payments(
    table: pd.DataFrame,
    provenance: str | Iterable[str],
    *,
    most: int = MOST,
    unit: str = "a life",
) -> tuple[Figure, str]:
    """Dollars for one unit of each good, on a log axis.

    Parameters
    ----------
    table
        `measures.exchange.willingness_to_pay`.
    """
    renamed = table.assign(log_price=np.log(table["per_unit"]))
    shown, left_out = _shown(renamed, most)
    fig, ax = figure(height_for(len(shown), each=0.27, rest=1.2))
    drawn = shown.assign(label=shown["good"], estimate=shown["per_unit"], low=shown["per_unit_low"],
                         high=shown["per_unit_high"])  # fmt: skip
    drawn.loc[shown["bound"] == "<", "low"] = -np.inf
    _log_axis(ax, drawn)
    dots(ax, drawn, label="label", colour=COLOURS[2], log=True)
    _log_ticks(ax, "$")
    _mark_gap(ax, shown, left_out)
    quantity = float(shown["quantity"].iloc[0])
    ax.set_xlabel(f"Dollars for {unit}, at {quantity:,.3g} units")
    mark_provenance(fig, provenance)
    ends = [f"{row.good} {row.text}" for row in (shown.iloc[0], shown.iloc[-1])]
    return fig, sentence(
        [
            f"Dollars that {len(shown)} goods are worth a unit, on a logarithmic axis",
            f"Most and least: {ends[0]}; {ends[1]}",
            f"{left_out} goods are not drawn" if left_out else "",
        ]
    )


def equal_quantities(
    table: pd.DataFrame, provenance: str | Iterable[str], *, most: int = MOST
) -> tuple[Figure, str]:
    """How often a good is chosen against others at the same quantity, straight from the answers.

    Parameters
    ----------
    table
        `measures.exchange.n_against_n`, by good.
    """
    ordered = table.dropna(subset=["share"]).sort_values("share", ascending=False)
    shown, left_out = _ends(ordered, most)
    if shown.empty:
        raise DataError("no answers with the same quantity on both sides.")
    drawn = shown.rename(columns={"good": "label", "share": "estimate"}).reset_index(drop=True)
    drawn["colour"] = np.where(drawn["unequal"], COLOURS[0], MUTED)
    fig, ax = figure(height_for(len(drawn), each=0.27, rest=1.2))
    _dots_by_colour(ax, drawn, log=False)
    ax.axvline(0.5, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    ax.set_xlim(0.0, 1.0)
    _mark_gap(ax, drawn, left_out)
    ax.set_xlabel("Share chosen against the same quantity of others")
    mark_provenance(fig, provenance)
    first, last = drawn.iloc[0], drawn.iloc[-1]
    return fig, sentence(
        [
            f"Share chosen at equal quantities for {len(drawn)} goods, one half is equality",
            f"Highest {first['label']} {first['estimate']:.2f}, lowest {last['label']} "
            f"{last['estimate']:.2f}",
            f"{int(table['unequal'].sum())} of {len(table)} goods are called unequal",
            f"{left_out} goods are not drawn" if left_out else "",
        ]
    )


def _shown(table: pd.DataFrame, most: int) -> tuple[pd.DataFrame, int]:
    """Rows with a number or a bound, dearest first, at most `most`; how many more there are."""
    usable = table[(table["bound"] != "none") & np.isfinite(table["log_price"])]
    if usable.empty:
        raise DataError("no good has a price to draw.")
    return _ends(usable.sort_values("log_price", ascending=False), most)


def _ends(ordered: pd.DataFrame, most: int) -> tuple[pd.DataFrame, int]:
    if len(ordered) > most:
        shown = pd.concat([ordered.head((most + 1) // 2), ordered.tail(most // 2)])
        return shown.reset_index(drop=True), len(ordered) - most
    return ordered.reset_index(drop=True), 0


def _mark_gap(ax: Axes, shown: pd.DataFrame, left_out: int) -> None:
    """A dotted line where the goods between the two ends are left out."""
    if left_out:
        where = (len(shown) + 1) // 2 - 0.5
        ax.axhline(where, color=MUTED, linestyle=":", linewidth=1.0)
        ax.text(0.99, where, f"{left_out} goods not drawn", transform=ax.get_yaxis_transform(),
                ha="right", va="center", fontsize=9, color=MUTED,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})  # fmt: skip


def _dots_by_colour(ax: Axes, shown: pd.DataFrame, log: bool = True) -> None:
    """`style.dots` with a colour a row: dimmed rows are drawn in grey."""
    if log:
        ax.set_xscale("log")
    for place, (_, row) in enumerate(shown.iterrows()):
        dots(ax, shown.loc[[row.name]], label="label", colour=str(row["colour"]), offset=place)
    ax.set_yticks(range(len(shown)), [short_name(str(name)) for name in shown["label"]])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    if log:
        _log_ticks(ax)


def _log_axis(ax: Axes, shown: pd.DataFrame) -> None:
    """Fix the limits before bounds are drawn, because their arrows end at the edge."""
    ax.set_xscale("log")
    numbers = shown[["estimate", "low", "high"]].to_numpy(float)
    finite = numbers[np.isfinite(numbers) & (numbers > 0)]
    # An arrow needs room beyond its dot.
    room = 1.4 if np.isfinite(numbers).all() else 4.0
    ax.set_xlim(float(finite.min()) / room, float(finite.max()) * room)


def _log_ticks(ax: Axes, unit: str = "") -> None:
    """Whole powers of ten, or 1, 2, 5 where the axis spans less than two of them."""
    low, high = ax.get_xlim()
    decades = math.log10(high / low)
    if decades < 2.2:
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades > 0.8 else "all"))
    else:
        ax.xaxis.set_major_locator(LogLocator(numticks=7))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, unit)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", colors=INK)


def _tick(value: float, unit: str) -> str:
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{unit}{value / size:,.3g}{letter}"
    return f"{unit}{value:.3g}"


def _exp(logs: pd.Series) -> pd.Series:
    """exp, with an open lower end kept open (0 would be a number on a log axis)."""
    return np.exp(logs.clip(upper=700.0)).where(np.isfinite(logs), logs)


def _factors(row: pd.Series) -> tuple[float, float, float]:
    return (
        float(np.exp(row["log_price"])),
        float(np.exp(row["low_adjusted"])),
        float(np.exp(min(row["high_adjusted"], 700.0))),
    )
