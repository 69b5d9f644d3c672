"""Figures of framing: rates over framings, what an answer depends on, and how far rates move."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..foundation.errors import DataError
from ..measures.framing import COMPONENTS
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

_PARTS = {"content": 0, "framing": 1, "wording": 3, "place": 4, "chance": 7}


def rates(
    findings: pd.DataFrame, respondent: str, published: pd.DataFrame | None = None
) -> tuple[Figure, str]:
    """Each headline rate: its mean over framings, the range framings take, and each framing's dot.

    Parameters
    ----------
    findings
        Estimands framing.rate, framing.rate_mean and framing.rate_range.
    published
        Columns subject ("Nigeria per United States") and value: drawn as diamonds.
    """
    own = findings[findings["respondent"] == respondent]
    mean = own[own["estimand"] == "framing.rate_mean"].reset_index(drop=True)
    spread = own[own["estimand"] == "framing.rate_range"].set_index("subject")
    every = own[own["estimand"] == "framing.rate"]
    if mean.empty:
        raise DataError("no finding of framing.rate_mean to draw.")
    fig, ax = figure(height_for(len(mean), each=0.42, rest=1.7))
    for place, subject in enumerate(mean["subject"]):
        low, high = (float(v) for v in spread.loc[subject, ["low", "high"]])
        ax.fill_betweenx(
            [place - 0.3, place + 0.3], low, high, color=COLOURS[1], alpha=0.25, linewidth=0,
            label="a framing not asked" if place == 0 else None,
        )  # fmt: skip
        values = every.loc[every["subject"] == subject, "estimate"]
        ax.plot(
            values, [place] * len(values), linestyle="none", marker="|", markersize=9, color=MUTED,
            alpha=0.8, label="one framing" if place == 0 else None,
        )  # fmt: skip
    claims = (
        {}
        if published is None
        else dict(zip(published["subject"], published["value"], strict=True))
    )
    shown = [(k, claims[s]) for k, s in enumerate(mean["subject"]) if s in claims]
    if shown:
        ax.plot(
            [v for _, v in shown], [k for k, _ in shown], linestyle="none", marker="D",
            markersize=6, color="#5b4a8a", zorder=4, label="published, GPT-4o",
        )  # fmt: skip
    dots(ax, mean, label="subject", colour=COLOURS[0], log=True, reference=1.0, legend="mean")
    _plain_log(ax)
    ax.set(xlabel="units that weigh as much as one", title="Rates over framings")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    kinds = set(mean["provenance"]) | ({"published"} if shown else set())
    mark_provenance(fig, kinds)
    return fig, sentence(
        [
            f"Exchange rates of {short_name(respondent)} over framings, logarithmic axis",
            *(
                f"{row.subject}: {row.estimate:.2g}, framings from "
                f"{spread.loc[row.subject, 'low']:.2g} to {spread.loc[row.subject, 'high']:.2g}"
                for row in mean.itertuples()
            ),
            *(f"Published for {mean['subject'][k]}: {v:.2g}" for k, v in shown),
        ]
    )


def components(findings: pd.DataFrame) -> tuple[Figure, str]:
    """What an answer depends on, as stacked shares of its variance, a bar a respondent.

    `findings`: estimand framing.component with the subjects of `measures.framing.COMPONENTS`.
    Negative estimates are drawn as nothing.
    """
    own = findings[
        (findings["estimand"] == "framing.component") & findings["subject"].isin(COMPONENTS)
    ]
    if own.empty:
        raise DataError("no finding of framing.component to draw.")
    wide = own.pivot_table(index="respondent", columns="subject", values="estimate")
    wide = wide.loc[list(dict.fromkeys(own["respondent"])), list(_PARTS)]
    fig, ax = figure(height_for(len(wide), each=0.4, rest=1.7))
    shown = wide.clip(lower=0.0)
    shown = shown.div(shown.sum(axis=1), axis=0)
    left = np.zeros(len(shown))
    for name, colour in _PARTS.items():
        ax.barh(
            range(len(shown)), shown[name], left=left, height=0.62, color=COLOURS[colour],
            edgecolor="white", label=name,
        )  # fmt: skip
        left = left + shown[name].to_numpy(float)
    ax.set_yticks(range(len(shown)), [short_name(str(name)) for name in shown.index])
    for tick, name in zip(ax.get_yticklabels(), shown.index, strict=True):
        if str(name).startswith("simulated/"):
            tick.set(color=SIMULATED, fontstyle="italic")
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xlim(0.0, 1.0)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    ax.set(xlabel="share of the variance of an answer", title="What does an answer depend on?")
    fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, own["provenance"])
    return fig, sentence(
        [
            "Stacked bars: shares of the variance of an answer",
            *(
                f"{short_name(str(name))}: "
                + ", ".join(f"{part} {100 * row[part]:.0f} %" for part in _PARTS)
                for name, row in wide.iterrows()
            ),
        ]
    )


def factors(
    findings: pd.DataFrame, kind: str, published: float | None = None
) -> tuple[Figure, str]:
    """Median factor by which one kind of framing moves a rate, a dot a respondent.

    `findings`: estimand framing.factor, subject `kind`; `published` is drawn as a line.
    """
    own = findings[(findings["estimand"] == "framing.factor") & (findings["subject"] == kind)]
    own = own.reset_index(drop=True)
    if own.empty:
        raise DataError(f"no finding of framing.factor about {kind} to draw.")
    fig, ax = figure(height_for(len(own), rest=1.5))
    if published is not None:
        ax.axvline(published, color="#5b4a8a", linewidth=1.6, label="published")
    dots(ax, own, log=True, reference=1.0)
    _plain_log(ax)
    most = max(float(own["high"].max()), published or 1.0)
    ax.set_xlim(0.9, 1.1 * most)
    ax.set_xticks([tick for tick in (1, 1.5, 2, 3, 5, 10, 20) if tick <= 1.1 * most])
    ax.set(xlabel="factor, sampling noise taken out", title=f"How far do {kind} move a rate?")
    if published is not None:
        fig.legend(loc="outside lower center", fontsize=9)
    mark_provenance(fig, set(own["provenance"]) | ({"published"} if published else set()))
    return fig, sentence(
        [
            f"Median factor by which {kind} move a rate, with intervals",
            *(
                f"{short_name(row.respondent)} {row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"
                for row in own.itertuples()
            ),
            f"Published {published:.2f}" if published is not None else "",
        ]
    )


def kept(findings: pd.DataFrame, respondent: str, titles: dict[str, str]) -> tuple[Figure, str]:
    """Share of log prices that is left in each framing, against the others, of one respondent.

    `findings`: estimand framing.kept; `titles`: what the arms are called.
    """
    own = findings[
        (findings["estimand"] == "framing.kept") & (findings["respondent"] == respondent)
    ].reset_index(drop=True)
    if own.empty:
        raise DataError("no finding of framing.kept to draw.")
    own = own.assign(title=[titles.get(arm, arm) for arm in own["arm"]])
    fig, ax = figure(height_for(len(own), each=0.27))
    ax.axvline(0.0, color=INK, linewidth=0.8)
    # The longest of Fieller's intervals would leave no room for the others: they end in arrows.
    left = min(-0.6, float(own["estimate"].min()) - 0.2)
    right = max(2.2, float(own["estimate"].max()) + 0.2)
    ax.set_xlim(left, right)
    cut = own.assign(
        low=own["low"].where(own["low"] >= left, -np.inf),
        high=own["high"].where(own["high"] <= right, np.inf),
    )
    dots(ax, cut, label="title", reference=1.0)
    ax.set(xlabel="share of the ordinary log prices", title="What is left of the prices?")
    mark_provenance(fig, own["provenance"])
    return fig, sentence(
        [
            f"Share of log prices left in each framing, {short_name(respondent)}",
            *(f"{row.title} {row.estimate:.2f}" for row in own.itertuples()),
        ]
    )


def _plain_log(ax: Axes) -> None:
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
