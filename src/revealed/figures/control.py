"""Figures of control: agreement with the assembly, what moved, prices, and single pairs.

They read findings or tables of `measures.control`, and return figure and alternative text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
from ..respondents.guise import KINDS, controlled
from .style import (
    COLOURS,
    MUTED,
    SIMULATED,
    dots,
    figure,
    height_for,
    mark_provenance,
    panels,
    sentence,
    short_name,
)

KIND_NAMES = {
    "": "as it is", "system_prompt": "told", "examples": "shown examples", "tuned": "fine-tuned",
    "retest": "asked again",
}  # fmt: skip
"""What is done to a respondent, in words."""


def label(respondent: str) -> str:
    """``simulated/pliable+tuned`` becomes ``pliable, fine-tuned``."""
    base, kind = controlled(respondent) or (respondent, "")
    return f"{short_name(base)}, {KIND_NAMES[kind]}"


def ordered(names: list[str]) -> list[str]:
    """Base by base in the order of appearance, each before what was made of it."""
    bases = list(dict.fromkeys((controlled(name) or (name, ""))[0] for name in names))
    places = ("", *KINDS)

    def place(name: str) -> tuple[int, int]:
        base, kind = controlled(name) or (name, "")
        return bases.index(base), places.index(kind)

    return sorted(dict.fromkeys(names), key=place)


def agreement(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Agreement on pairs and on areas that were kept apart, before and after."""
    return _two(
        findings, "control.agreement", ("held-out pairs", "held-out areas"),
        "agreement with the assembly\n(1: the same chances)", "Nearer to the assembly?", None,
    )  # fmt: skip


def moved(findings: pd.DataFrame) -> tuple[Figure, str]:
    """How far chances moved on the topic and elsewhere, beyond asking again."""
    return _two(
        findings, "control.moved", ("politics", "elsewhere"),
        "change of chances\nbeyond asking again", "What moved?", 0.0,
    )  # fmt: skip


def bias(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Choices of the right over the left, less the assembly's."""
    return _two(
        findings, "control.bias", ("held out",), "choices of the right,\nless the assembly's",
        "Left or right of it?", 0.0,
    )  # fmt: skip


def _two(
    findings: pd.DataFrame, estimand: str, subjects: tuple[str, ...], axis: str, title: str,
    reference: float | None,
) -> tuple[Figure, str]:  # fmt: skip
    found = findings[(findings["estimand"] == estimand) & findings["subject"].isin(subjects)]
    if found.empty:
        raise DataError(f"no finding of {estimand} to draw.")
    names = ordered(list(found["respondent"]))
    several = len(subjects) > 1
    fig, ax = figure(height_for(len(names), each=0.4 if several else 0.3, rest=1.7))
    offsets = np.linspace(-0.15, 0.15, len(subjects)) if several else [0.0]
    for k, (subject, offset) in enumerate(zip(subjects, offsets, strict=True)):
        rows = found[found["subject"] == subject].drop_duplicates("respondent")
        rows = rows.set_index("respondent").reindex(names).reset_index()
        rows["shown"] = rows["respondent"].map(label)
        dots(
            ax, rows, label="shown", colour=COLOURS[k], offset=float(offset),
            legend=subject if several else None, reference=reference if k == 0 else None,
        )  # fmt: skip
    _mark_names(ax, names)
    ax.set(xlabel=axis, title=title)
    if several:
        fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, found["provenance"])
    told = [
        f"{label(row.respondent)}, {row.subject}: {row.estimate:.2f}" for row in found.itertuples()
    ]
    return fig, sentence([f"Dots with intervals: {axis}".replace("\n", " "), *told])


def _mark_names(ax: object, names: list[str]) -> None:
    """Simulated names in red italics, a line between one base and the next."""
    for tick, name in zip(ax.get_yticklabels(), names, strict=False):  # type: ignore[attr-defined]
        if name.startswith("simulated/"):
            tick.set(color=SIMULATED, fontstyle="italic")
    bases = [(controlled(name) or (name, ""))[0] for name in names]
    for k in range(1, len(bases)):
        if bases[k] != bases[k - 1]:
            ax.axhline(k - 0.5, color=MUTED, linewidth=0.6, linestyle=":")  # type: ignore[attr-defined]


def pairs(tables: Mapping[str, pd.DataFrame], provenance: Mapping[str, str]) -> tuple[Figure, str]:
    """Chance of the first of every held-out pair against the assembly's share; a panel each.

    `tables` have the columns q (the assembly), before and after.
    """
    if not tables:
        raise DataError("no pairs to draw.")
    fig, axes = panels(len(tables), xlabel="assembly", ylabel="respondent")
    told = ["Scatter of held-out pairs, a respondent's chance against the assembly's share"]
    for k, (ax, (name, table)) in enumerate(zip(axes, tables.items(), strict=True)):
        ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
        for j, (column, words, marker) in enumerate(
            (("before", "before", "o"), ("after", "after", "^"))
        ):
            ax.plot(
                table["q"], table[column], linestyle="none", marker=marker, markersize=4.5,
                color=COLOURS[j], alpha=0.8, label=words if k == 0 else None,
            )  # fmt: skip
        ax.set_title(label(name), fontsize=10)
        gaps = [float((table[c] - table["q"]).abs().mean()) for c in ("before", "after")]
        told.append(f"{label(name)}: mean distance {gaps[0]:.2f} before, {gaps[1]:.2f} after")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, [provenance[name] for name in tables])
    return fig, sentence(told)
