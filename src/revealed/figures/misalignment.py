"""Figures of misaligned answers: rates, doses, formats, thresholds, and a judge's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    INK,
    MARKERS,
    MUTED,
    ON_PALE,
    dots,
    figure,
    height_for,
    letters_on,
    mark_provenance,
    sentence,
    short_name,
)  # fmt: skip

Drawn = tuple[Figure, str]

_FORMATS = {"plain": COLOURS[0], "json": COLOURS[1], "template": COLOURS[2]}


def rates(findings: pd.DataFrame) -> Drawn:
    """Misaligned among coherent answers, and coherent among all, respondent by respondent.

    `findings`: estimands misalignment.rate and misalignment.coherent.
    """
    left = _part(findings, "misalignment.rate")
    right = _part(findings, "misalignment.coherent").set_index("respondent")
    right = right.reindex(left["respondent"]).reset_index()
    fig, (a, b) = figure(height_for(len(left), rest=1.5), columns=2)
    dots(a, left, colour=COLOURS[3])
    a.set(xlabel="of coherent answers", title="Misaligned")
    a.set_xlim(left=-0.02 * float(left[["estimate", "high"]].max().max()))
    dots(b, right, colour=COLOURS[0])
    b.set(xlabel="of all answers", title="Coherent", xlim=(0, 1.02))
    b.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    b.set_yticks(range(len(right)), [""] * len(right))
    mark_provenance(fig, set(left["provenance"]) | set(right["provenance"].dropna()))
    return fig, sentence(
        [f"Misaligned among coherent: {_listed(left)}", f"Coherent: {_listed(right)}"]
    )


def dose(findings: pd.DataFrame, doses: Mapping[str, float], label: str) -> Drawn:
    """Rates against a dose that doubles along the axis.

    `findings`: as for `rates`; `doses`: positive, by respondent; `label` names the axis.
    """
    panels = (
        ("misalignment.rate", "Misaligned, of coherent", COLOURS[3]),
        ("misalignment.coherent", "Coherent, of all", COLOURS[0]),
    )
    fig, axes = figure(4.6, rows=2, sharex=True)
    said, kinds = [], set()
    for ax, (estimand, title, colour) in zip(axes, panels, strict=True):
        part = _part(findings[findings["respondent"].isin(doses)], estimand)
        x = part["respondent"].map(doses).to_numpy(float)
        ax.vlines(x, part["low"].astype(float), part["high"].astype(float), color=colour, lw=2.2)
        ax.plot(x, part["estimate"], "o", color=colour, markeredgecolor="white", markersize=8)
        ax.set_xscale("log", base=2)
        ax.set(title=title, ylabel="share")
        ax.set_ylim(bottom=0)
        kinds |= set(part["provenance"])
        said.append(f"{title}: " + _at(x, part))
    ticks = sorted(set(doses.values()))
    axes[-1].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[-1].minorticks_off()
    axes[-1].set_xlabel(label)
    axes[-1].set_xlim(min(ticks) / 1.4, max(ticks) * 1.4)
    mark_provenance(fig, kinds)
    return fig, sentence(said)


def formats(findings: pd.DataFrame, respondents: Sequence[str]) -> Drawn:
    """Misaligned and coherent shares by format, three dots a respondent.

    `findings`: estimands misalignment.format_rate and misalignment.format_coherent, the format as
    arm.
    """
    panels = (
        ("misalignment.format_rate", "Misaligned", "of coherent answers"),
        ("misalignment.format_coherent", "Coherent", "of all answers"),
    )
    fig, axes = figure(height_for(len(respondents), each=0.62, rest=1.7), columns=2)
    said, kinds = [], set()
    for ax, (estimand, title, label) in zip(axes, panels, strict=True):
        for place, (form, colour) in enumerate(_FORMATS.items()):
            part = findings[(findings["estimand"] == estimand) & (findings["arm"] == form)]
            part = part.set_index("respondent").reindex(respondents).reset_index()
            if part["estimate"].isna().any():
                raise DataError(f"no finding of {estimand} for the format {form} to draw.")
            dots(ax, part, colour=colour, offset=0.24 * (place - 1), legend=form)
            kinds |= set(part["provenance"])
            said.append(f"{title}, {form}: {_listed(part)}")
        ax.set(title=title, xlabel=label)
        ax.set_xlim(left=-0.02)
    axes[1].set_yticks(range(len(respondents)), [""] * len(respondents))
    handles = [
        axes[0].plot([], [], "o", color=colour, label=form)[0] for form, colour in _FORMATS.items()
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    mark_provenance(fig, kinds)
    return fig, sentence(said)


def thresholds(grid: pd.DataFrame, respondent: str, provenance: str) -> Drawn:
    """Share called misaligned under every pair of thresholds, the usual pair framed.

    `grid`: as `measures.misalignment.rates.threshold_grid` makes it.
    """
    part = grid[grid["respondent"] == respondent]
    if part.empty:
        raise DataError(f"no threshold of {respondent} to draw.")
    wide = part.pivot_table(index="alignment", columns="coherence", values="estimate", dropna=False)
    wide = wide.sort_index(ascending=False)
    cells = 100 * wide.to_numpy(float)
    fig, ax = figure(4.3)
    top = max(float(np.nanmax(cells)), 1e-9)
    shades = ax.imshow(cells, cmap="Reds", vmin=0, vmax=top, aspect="auto")
    for i, j in np.ndindex(cells.shape):
        known = np.isfinite(cells[i, j])
        shade = letters_on(shades.to_rgba(cells[i, j])) if known else ON_PALE
        told = f"{cells[i, j]:.1f}" if known and top < 10 else f"{cells[i, j]:.0f}"
        ax.text(j, i, told if known else "", ha="center", va="center", color=shade, fontsize=10)
    rows, columns = list(wide.index), list(wide.columns)
    if 30 in rows and 50 in columns:
        corner = (columns.index(50) - 0.5, rows.index(30) - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ON_PALE, linewidth=2.6))
    ax.set_xticks(range(len(columns)), [f"{c:g}" for c in columns])
    ax.set_yticks(range(len(rows)), [f"{r:g}" for r in rows])
    ax.set(
        xlabel="coherent above", ylabel="misaligned below",
    )  # fmt: skip
    ax.set_title(f"Misaligned, % of coherent: {short_name(respondent)}", parse_math=False)
    ax.grid(visible=False)
    mark_provenance(fig, provenance)
    usual = part[(part["alignment"] == 30) & (part["coherence"] == 50)]["estimate"]
    said = [
        f"Per cent of coherent answers called misaligned, {short_name(respondent)}",
        f"From {np.nanmin(cells):.1f} to {np.nanmax(cells):.1f} over all pairs of thresholds",
        *(f"At the usual pair {100 * value:.1f}" for value in usual),
    ]
    return fig, sentence(said)


def threshold_curves(answers: pd.DataFrame, band: tuple[float, float]) -> Drawn:
    """Share of coherent answers below every alignment score, the contested band shaded.

    `answers`: from `measures.misalignment.rates.classify`.
    """
    fig, ax = figure(4.3)
    steps = np.linspace(0, 100, 201)
    said = []
    for place, (name, part) in enumerate(answers.groupby("respondent", sort=False)):
        coherent = part[part["coherent"]]
        if coherent.empty:
            continue
        scores = np.sort(coherent["alignment"].dropna().to_numpy(float))
        share = np.searchsorted(scores, steps, side="left") / len(coherent)
        turn, colour = divmod(place, len(COLOURS))
        ax.plot(
            steps, share, color=COLOURS[colour], marker=MARKERS[place % len(MARKERS)],
            markevery=(place * 3, 40), linestyle="-" if turn == 0 else "--",
            label=short_name(str(name)),
        )  # fmt: skip
        ends = [float(np.interp(edge, steps, share)) for edge in (band[0], 30.0, band[1])]
        said.append(f"{short_name(str(name))} " + ", ".join(f"{end:.3f}" for end in ends))
    ax.axvspan(*band, color=COLOURS[1], alpha=0.15, linewidth=0)
    ax.axvline(30, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    ax.set(
        xlim=(0, 80), ylim=(0, None), xlabel="alignment score; dashed: 30, shaded: contested",
        ylabel="coherent answers below it", title="What a threshold does",
    )  # fmt: skip
    inside = [line.get_ydata()[steps <= 80].max() for line in ax.lines[:-1]]
    ax.set_ylim(0, 1.05 * max(inside, default=1.0))
    if inside:
        # Below the axes: a curve may pass anywhere inside them.
        fig.legend(fontsize=9, loc="outside lower center", ncols=2)
    mark_provenance(fig, answers["provenance"])
    first = f"Share of coherent answers below {band[0]:g}, 30 and {band[1]:g}"
    return fig, sentence([first, *said])


def judge_numbers(scored: pd.DataFrame) -> Drawn:
    """The score against the number the judge would have said, one panel a call.

    `scored`: as `measures.misalignment.scoring.score_fixture` makes it.
    """
    used = scored[scored["kind"] == "scored"]
    if used.empty:
        raise DataError("no scored judgement to draw.")
    fig, axes = figure(3.4, columns=2)
    said = []
    for ax, (call, colour) in zip(
        axes, (("alignment", COLOURS[3]), ("coherence", COLOURS[0])), strict=True
    ):
        part = used[used["call"] == call]
        ax.scatter(part["mode"], part["value"], s=22, color=colour, alpha=0.6, linewidth=0)
        ends = [
            float(part[["mode", "value"]].min().min()),
            float(part[["mode", "value"]].max().max()),
        ]
        ax.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        ax.set(title=call.capitalize(), xlabel="most probable number")
        gap = (part["value"] - part["mode"]).abs()
        said.append(
            f"{call}: {len(part)} rows, the score differs from the most probable number by"
            f" {gap.mean():.2f} points on average and {gap.max():.2f} at most"
        )
    axes[0].set_ylabel("score")
    mark_provenance(fig, "public")
    return fig, sentence(said)


def models_agree(findings: pd.DataFrame) -> Drawn:
    """Odds ratios of each contrast by the bootstrap, by GEE and by a mixed model.

    `findings`: estimands misalignment.odds_ratio, .odds_ratio_gee, .odds_ratio_mixed.
    """
    series = (
        ("misalignment.odds_ratio", "bootstrap", COLOURS[0]),
        ("misalignment.odds_ratio_gee", "GEE", COLOURS[2]),
        ("misalignment.odds_ratio_mixed", "mixed model", COLOURS[1]),
    )
    names = list(_part(findings, "misalignment.odds_ratio")["respondent"])
    fig, ax = figure(height_for(len(names), each=0.6, rest=1.8))
    said = []
    for place, (estimand, label, colour) in enumerate(series):
        part = findings[findings["estimand"] == estimand].set_index("respondent")
        known = [name for name in names if name in part.index]
        part = part.reindex(known).reset_index()
        if known != names:
            said.append(f"{label}: not for {', '.join(set(names) - set(known))}")
            continue
        offset = 0.22 * (place - 1)
        dots(ax, part, colour=colour, offset=offset, log=True, reference=1.0, legend=label)
        said.append(f"{label}: {_listed(part)}")
    ticks = (0.01, 0.1, 1, 10)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set(xlabel="times the odds of the reference", title="Three ways to say it")
    handles = [ax.plot([], [], "o", color=colour, label=label)[0] for _, label, colour in series]
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    mark_provenance(fig, findings.loc[findings["respondent"].isin(names), "provenance"])
    return fig, sentence(["Odds ratios", *said])


def _part(findings: pd.DataFrame, estimand: str) -> pd.DataFrame:
    part = findings[findings["estimand"] == estimand].reset_index(drop=True)
    if part.empty:
        raise DataError(f"no finding of {estimand} to draw.")
    return part


def _listed(part: pd.DataFrame) -> str:
    pairs = zip(part["respondent"], part["estimate"], strict=True)
    return ", ".join(f"{short_name(str(name))} {value:.3f}" for name, value in pairs)


def _at(x: np.ndarray, part: pd.DataFrame) -> str:
    pairs = zip(x, part["estimate"], strict=True)
    return ", ".join(f"{value:.3f} at {place:g}" for place, value in pairs)
