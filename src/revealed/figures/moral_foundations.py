"""Figures of moral foundations: susceptibility, robustness, the control's share, scale use."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.errors import DataError
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
)  # fmt: skip

Drawn = tuple[Figure, str]

CONDITIONS = {"base": COLOURS[0], "insecure": COLOURS[3], "secure": COLOURS[2]}
_QUANTITIES = (
    ("susceptibility", "susceptibility"),
    ("robustness", "robustness"),
    ("within_sd", "deviation within persona"),
)


def recomputed(findings: pd.DataFrame, published: pd.DataFrame) -> Drawn:
    """Susceptibility and robustness with intervals, the published figures as hollow diamonds.

    Parameters
    ----------
    findings
        Estimands moral_foundations.susceptibility and moral_foundations.robustness.
    published
        As `public.load_published` gives it; ids ``personas.<quantity>.<model>.<condition>``.
    """
    known = published.set_index("id")["value"]
    panels = (("susceptibility", "Susceptibility"), ("robustness", "Robustness"))
    fig, axes = figure(3.6, columns=2)
    said = []
    for ax, (name, title) in zip(axes, panels, strict=True):
        part = _part(findings, f"moral_foundations.{name}")
        dots(ax, part, colour=COLOURS[0])
        figures = [known.get(_id(name, respondent)) for respondent in part["respondent"]]
        places = [place for place, value in enumerate(figures) if value is not None]
        ax.plot(
            [figures[place] for place in places], [place + 0.28 for place in places],
            linestyle="none", marker="D", markersize=6, markerfacecolor="white",
            markeredgecolor=INK, label="published",
        )  # fmt: skip
        unit = "scale points" if name == "susceptibility" else "1 over scale points"
        ax.set(title=title, xlabel=unit)
        ax.set_xlim(left=0)
        said.append(f"{title}: {_listed(part)}")
    axes[1].set_yticks(axes[1].get_yticks(), [""] * len(axes[1].get_yticks()))
    handles = [
        axes[0].plot([], [], "o", color=COLOURS[0], label="recomputed")[0],
        axes[0].plot([], [], "D", markerfacecolor="white", color=INK, label="published")[0],
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    mark_provenance(fig, {"public", "published"})
    return fig, sentence(said)


def secure_shares(findings: pd.DataFrame) -> Drawn:
    """What training on secure code moves, as a share of what insecure code moves.

    `findings`: estimands moral_foundations.<quantity>_secure_share.
    """
    rows = []
    for name, label in _QUANTITIES:
        part = findings[findings["estimand"] == f"moral_foundations.{name}_secure_share"]
        rows += [
            {**row, "label": f"{short_name(row['respondent'])}, {label}"}
            for row in part.to_dict("records")
        ]
    table = pd.DataFrame(rows)
    if table.empty:
        raise DataError("no share of a shift to draw.")
    fig, ax = figure(height_for(len(table), each=0.34))
    dots(ax, table, label="label", colour=COLOURS[2], reference=0.0)
    ax.axvline(1.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    ax.set(xlabel="of the shift by insecure code", title="The control's share")
    ax.set_xlim(max(float(table["low"].min()) - 0.1, -2.0), 1.15)
    mark_provenance(fig, table["provenance"])
    pairs = zip(table["label"], table["estimate"], strict=True)
    return fig, sentence([f"{label} {value:.2f}" for label, value in pairs])


def scale_use(ratings: pd.DataFrame) -> Drawn:
    """Share of every rating from 0 to 5, a bar a respondent.

    `ratings`: as `public.import_moral_foundations` gives them.
    """
    counts = pd.crosstab(ratings["respondent"], ratings["rating"])
    shares = counts.div(counts.sum(axis=1), axis=0)
    shares = shares.reindex(list(dict.fromkeys(ratings["respondent"])))
    fig, ax = figure(height_for(len(shares), each=0.42, rest=1.6))
    shades = ["#08306b", "#4292c6", "#c6dbef", "#fdd0a2", "#fd8d3c", "#a63603"]
    left = np.zeros(len(shares))
    for rating, colour in zip(range(6), shades, strict=True):
        width = shares.get(float(rating), pd.Series(0.0, index=shares.index)).to_numpy(float)
        ax.barh(range(len(shares)), width, left=left, color=colour, height=0.68, label=str(rating))
        left += width
    ax.set_yticks(range(len(shares)), [short_name(str(name)) for name in shares.index])
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xlabel="share of ratings", title="Which ratings are given")
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside lower center", ncols=6, fontsize=9)
    mark_provenance(fig, "public")
    said = [
        f"{short_name(str(name))}: "
        + ", ".join(f"{rating:g} {value:.2f}" for rating, value in row.sort_index().items())
        for name, row in shares.iterrows()
    ]
    return fig, sentence(["Share of each rating", *said])


def by_foundation(findings: pd.DataFrame, quantity: str = "susceptibility") -> Drawn:
    """One quantity by foundation: three conditions beside each other, one panel a model.

    `findings`: estimand moral_foundations.<quantity>_by_foundation, the foundation as subject.
    """
    part = _part(findings, f"moral_foundations.{quantity}_by_foundation")
    models = list(dict.fromkeys(name.rsplit("_", 1)[0] for name in part["respondent"]))
    fig, axes = figure(4.4, columns=len(models), sharex=True, squeeze=False)
    said = []
    for ax, model in zip(axes[0], models, strict=True):
        for place, (condition, colour) in enumerate(CONDITIONS.items()):
            rows = part[part["respondent"] == f"{model}_{condition}"].reset_index(drop=True)
            if rows.empty:
                continue
            dots(ax, rows, label="subject", colour=colour, offset=0.24 * (place - 1))
            told = ", ".join(f"{r.subject} {r.estimate:.2f}" for r in rows.itertuples())
            said.append(f"{short_name(model)} {condition}: {told}")
        ax.set(title=short_name(model), xlabel="scale points")
        ax.set_xlim(left=0)
    for ax in axes[0][1:]:
        ax.set_yticks(ax.get_yticks(), [""] * len(ax.get_yticks()))
    handles = [
        axes[0][0].plot([], [], "o", color=colour, label=name)[0]
        for name, colour in CONDITIONS.items()
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    mark_provenance(fig, part["provenance"])
    return fig, sentence([f"{quantity.capitalize()} by foundation", *said])


def _id(quantity: str, respondent: str) -> str:
    """The id of a published figure: ``moral_foundations/gpt-4.1_base`` is gpt_4_1.base there."""
    model, condition = respondent.rsplit("/", 1)[-1].rsplit("_", 1)
    return f"personas.{quantity}.{model.replace('-', '_').replace('.', '_')}.{condition}"


def _part(findings: pd.DataFrame, estimand: str) -> pd.DataFrame:
    part = findings[findings["estimand"] == estimand].reset_index(drop=True)
    if part.empty:
        raise DataError(f"no finding of {estimand} to draw.")
    return part


def _listed(part: pd.DataFrame) -> str:
    pairs = zip(part["respondent"], part["estimate"], strict=True)
    return ", ".join(f"{short_name(str(name))} {value:.2f}" for name, value in pairs)
