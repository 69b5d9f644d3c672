"""Figures of the political questionnaire: scores, the habit of agreeing, and where answers vary.

They read findings of `measures.politics`, and return figure and alternative text.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from .style import (
    COLOURS,
    MUTED,
    dots,
    figure,
    height_for,
    look,
    mark_provenance,
    sentence,
    short_name,
)

AXES = {
    "econ": ("Economy", "markets", "equality"),
    "dipl": ("Other nations", "one's nation", "the world"),
    "govt": ("State", "authority", "liberty"),
    "scty": ("Society", "tradition", "progress"),
}
"""Axis by its short name: title, and what 0 and 100 stand for."""


def scores(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Each axis a panel: the published formula beside the score without the habit."""
    found = _some(findings, "politics.axis_balanced", "politics.axis")
    names = list(dict.fromkeys(found["respondent"]))
    fig, axes = figure(1.4 + 0.72 * len(names), 2, 2, sharex=True, sharey=True)
    told = ["Dots with intervals, 0 to 100, 50 is the middle"]
    for ax, (axis, (title, low, high)) in zip(axes.flat, AXES.items(), strict=True):
        for kind, words, colour, offset in (
            ("politics.axis", "published formula", MUTED, -0.17),
            ("politics.axis_balanced", "both directions count half", COLOURS[0], 0.17),
        ):
            rows = found[(found["estimand"] == kind) & (found["subject"] == axis)]
            rows = rows.set_index("respondent").reindex(names).reset_index()
            dots(
                ax, rows, colour=colour, offset=offset, legend=words,
                reference=50.0 if offset < 0 else None,
            )  # fmt: skip
            if offset > 0:
                told += [
                    f"{title}, {short_name(r.respondent)} {r.estimate:.0f} ({r.low:.0f} to "
                    f"{r.high:.0f})"
                    for r in rows.itertuples()
                ]
        ax.set_title(title, fontsize=10.5)
        ax.set_xlabel(f"{low}  ←   →  {high}", fontsize=9)
        ax.tick_params(labelsize=8.5)
    axes[0, 0].set_xlim(10, 105)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)


def habit(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of yes to an item that favors no side: over languages, and in each as a small mark."""
    found = _some(findings, "politics.habit")
    whole = found[found["arm"] == ""].sort_values("estimate", ascending=False)
    names = list(whole["respondent"])
    fig, ax = figure(height_for(len(names), each=0.42, rest=1.6))
    dots(ax, whole, reference=0.5)
    single = found[found["arm"] != ""]
    for place, name in enumerate(names):
        own = single.loc[single["respondent"] == name, "estimate"]
        ax.plot(
            own, np.full(len(own), place + 0.28), linestyle="none", marker="|", markersize=7,
            color=look(name).colour, alpha=0.8,
        )  # fmt: skip
    ax.set(
        xlim=(0, 1), title="Yes or no, whatever is asked",
        xlabel="share of yes to an item that favors neither side\n(strokes: single languages)",
    )  # fmt: skip
    mark_provenance(fig, found["provenance"])
    told = [
        f"{short_name(r.respondent)} {r.estimate:.2f} ({r.low:.2f} to {r.high:.2f})"
        for r in whole.itertuples()
    ]
    return fig, sentence(["Dots with intervals: the habit of agreeing, one half is none", *told])


def shifts(findings: pd.DataFrame) -> tuple[Figure, str]:
    """What the habit does to a published score, against the habit itself, axis by axis."""
    found = _some(findings, "politics.keying")
    habits = findings[(findings["estimand"] == "politics.habit") & (findings["arm"] == "")]
    habits = habits.set_index("respondent")["estimate"]
    fig, ax = figure(3.6)
    told = ["Published less balanced score, against the habit of agreeing"]
    for k, (axis, (title, _, _)) in enumerate(AXES.items()):
        rows = found[(found["subject"] == axis) & found["respondent"].isin(habits.index)]
        x = habits.loc[rows["respondent"]].to_numpy(float)
        ax.errorbar(
            x, rows["estimate"], yerr=[rows["estimate"] - rows["low"],
                                       rows["high"] - rows["estimate"]],
            linestyle="none", marker="osD^"[k], markersize=5, color=COLOURS[k], label=title,
            elinewidth=1.0, alpha=0.85,
        )  # fmt: skip
        told += [
            f"{title}, {short_name(r.respondent)} {r.estimate:+.1f}" for r in rows.itertuples()
        ]
    ax.axhline(0.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
    ax.axvline(0.5, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
    ax.set(
        xlabel="share of yes to an item that favors neither side",
        ylabel="points of the score", title="A habit moves what leans on it",
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=4, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)


_PARTS = {
    "items": "items: what all agree on",
    "models": "models: yes or no to everything",
    "models x items": "models on single items",
    "models x languages x items": "one model's item in one language",
    "repeats": "the same question again",
    "languages x items": "items as translated, all models",
    "models x languages": "a model's yes in one language",
    "languages": "languages: yes or no to everything",
}


def variance(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Parts of the variance of a single answer, per cent."""
    found = _some(findings, "politics.variance").sort_values("estimate", ascending=False)
    shown = found.assign(part=found["subject"].map(_PARTS)).reset_index(drop=True)
    fig, ax = figure(height_for(len(shown), rest=1.3))
    dots(ax, shown, label="part", reference=0.0)
    ax.set(xlabel="per cent of the variance", title="Where answers vary")
    mark_provenance(fig, found["provenance"])
    told = [f"{r.part} {r.estimate:.1f} per cent" for r in shown.itertuples()]
    return fig, sentence(["Dots with intervals: parts of the variance of an answer", *told])


def languages(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Balanced scores of every model in every language: how far a translation moves it."""
    found = _some(findings, "politics.axis_balanced")
    names = list(dict.fromkeys(found["respondent"]))
    spoken = [arm for arm in dict.fromkeys(found["arm"]) if arm]
    fig, axes = figure(1.5 + 0.62 * len(names), 2, 2, sharex=True, sharey=True)
    told = ["Scores in five languages, 0 to 100"]
    for ax, (axis, (title, low, high)) in zip(axes.flat, AXES.items(), strict=True):
        rows = found[(found["subject"] == axis) & (found["arm"] != "")]
        ax.axvline(50, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        for k, language in enumerate(spoken):
            own = rows[rows["arm"] == language].set_index("respondent").reindex(names)
            ax.plot(
                own["estimate"], np.arange(len(names)), linestyle="none", marker="osD^v"[k % 5],
                color=COLOURS[k], markersize=5, alpha=0.85, label=language,
            )  # fmt: skip
        spread = rows.groupby("respondent")["estimate"].agg(["min", "max"]).reindex(names)
        ax.hlines(
            np.arange(len(names)), spread["min"], spread["max"], color=MUTED, linewidth=0.8,
            zorder=1,
        )  # fmt: skip
        told += [f"{title}, {short_name(n)} {r['min']:.0f} to {r['max']:.0f}"
                 for n, r in spread.iterrows()]  # fmt: skip
        ax.set_title(title, fontsize=10.5)
        ax.set_xlabel(f"{low}  ←   →  {high}", fontsize=9)
        ax.set_yticks(np.arange(len(names)), [short_name(name) for name in names], fontsize=8.5)
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, found["provenance"])
    return fig, sentence(told)


def _some(findings: pd.DataFrame, *estimands: str) -> pd.DataFrame:
    """Findings of these names; over all languages where there is more than one name."""
    found = findings[findings["estimand"].isin(estimands)]
    if len(estimands) > 1:
        found = found[found["arm"] == ""]
    if found.empty:
        raise DataError(f"no finding of {estimands[0]} to draw.")
    return found
