"""Figures of politics in other words: scores over wordings, roles and formats, and who reads them.

They read findings of `measures.politics` and return figure and alternative text.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
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
)

_SIDES = "utility per unit of lean\n(below 0 left, above 0 right)"
_ARMS = {
    "as_citizen": ("as a citizen", "^", 3),
    "as_assistant": ("as an assistant", "s", 4),
    "must_choose": ("one must be chosen", "D", 2),
    "neutral": ("no preference allowed", "o", 0),
    "reason_first": ("reasons first", "P", 5),
}
_MOST = 10
"""Pairs of respondents that a figure shows."""


def _of(findings: pd.DataFrame, estimand: str) -> pd.DataFrame:
    return findings[findings["estimand"] == estimand].reset_index(drop=True)


def _band(ax: Axes, ranges: pd.DataFrame, names: list[str], legend: str) -> None:
    """A shaded range a row, behind its dot."""
    spread = ranges.set_index("respondent")
    for place, name in enumerate(names):
        if name not in spread.index:
            continue
        low, high = (float(spread.loc[name, end]) for end in ("low", "high"))
        ax.fill_betweenx(
            [place - 0.3, place + 0.3], low, high, color=COLOURS[1], alpha=0.25, linewidth=0,
            label=legend if place == 0 else None,
        )  # fmt: skip


def scores(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Each respondent's score: over wordings, the range of another wording, each wording's tick."""
    overall = _of(findings, "politics.wording.left_right")
    if overall.empty:
        raise DataError("no finding of politics.wording.left_right to draw.")
    names = list(overall["respondent"])
    every = _of(findings, "politics.wording.score")
    every = every[every["subject"] == "wordings"]
    fig, ax = figure(height_for(len(names), each=0.4, rest=1.8))
    _band(ax, _of(findings, "politics.wording.another"), names, "another wording")
    for place, name in enumerate(names):
        values = every.loc[every["respondent"] == name, "estimate"]
        ax.plot(
            values, [place] * len(values), linestyle="none", marker="|", markersize=11, color=MUTED,
            label="one wording" if place == 0 else None,
        )  # fmt: skip
    dots(ax, overall, reference=0.0, legend="over wordings")
    ax.set(xlabel=_SIDES, title="Left or right, in several wordings")
    fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, overall["provenance"])
    told = [
        f"{short_name(row.respondent)} {row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"
        for row in overall.itertuples()
    ]
    return fig, sentence(
        ["Dots with intervals: left-right score over wordings, each wording as a tick", *told]
    )


def framings(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Scores in roles and formats beside the range of another wording."""
    overall = _of(findings, "politics.wording.left_right")
    if overall.empty:
        raise DataError("no finding of politics.wording.left_right to draw.")
    names = list(overall["respondent"])
    every = _of(findings, "politics.wording.score")
    fig, ax = figure(height_for(len(names), each=0.46, rest=2.1))
    _band(ax, _of(findings, "politics.wording.another"), names, "another wording")
    dots(ax, overall.assign(low=None, high=None), colour=INK, reference=0.0, legend="over wordings")
    told = ["Left-right scores in roles and formats"]
    for k, (arm, (words, marker, colour)) in enumerate(_ARMS.items()):
        own = every[every["arm"] == arm].set_index("respondent")["estimate"]
        places = [place for place, name in enumerate(names) if name in own.index]
        if not places:
            continue
        offset = 0.3 * (k / (len(_ARMS) - 1) - 0.5)
        ax.plot(
            [own[names[place]] for place in places], [place + offset for place in places],
            linestyle="none", marker=marker, markersize=6, color=COLOURS[colour], label=words,
            markeredgecolor="white", markeredgewidth=0.6, zorder=4,
        )  # fmt: skip
        listed = ", ".join(f"{short_name(n)} {v:.2f}" for n, v in own.items())
        told.append(f"{words}: {listed}")
    ax.set(xlabel=_SIDES, title="In a role, with reasons")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, overall["provenance"])
    return fig, sentence(told)


def words(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of what the answers prefer that belongs to the wording."""
    return _one_series(
        _of(findings, "politics.wording.words"), "share of preference that is of the wording",
        "Proposals, or their words?", 0.0,
    )  # fmt: skip


def order(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Share of choices for the proposal listed first, in the forced wording."""
    found = _of(findings, "politics.wording.first")
    return _one_series(
        found[found["arm"] == "forced"].reset_index(drop=True),
        "share of choices for the proposal listed first", "Content, or place?", 0.5,
    )  # fmt: skip


def _one_series(
    found: pd.DataFrame, label: str, title: str, reference: float
) -> tuple[Figure, str]:
    """A dot with its interval for every respondent."""
    if found.empty:
        raise DataError(f"no {label} to draw.")
    fig, ax = figure(height_for(len(found), rest=1.2))
    dots(ax, found, reference=reference)
    ax.set(xlabel=label, title=title)
    mark_provenance(fig, found["provenance"])
    told = [f"{short_name(row.respondent)} {row.estimate:.2f}" for row in found.itertuples()]
    return fig, sentence([f"Dots with intervals: {label}", *told])


def differences(findings: pd.DataFrame) -> tuple[Figure, str]:
    """Differences of two respondents: what one wording says, and what another wording would.

    At most `_MOST` pairs: first those of which one wording says more than holds over wordings, then
    the smallest, which are the hardest to tell.
    """
    beyond = _of(findings, "politics.wording.difference")
    if beyond.empty:
        raise DataError("no finding of politics.wording.difference to draw.")
    key = ["respondent", "subject"]
    single = _of(findings, "politics.wording.difference_single").set_index(key)
    single = single.loc[pd.MultiIndex.from_frame(beyond[key])].reset_index()
    lost = _apart(single) & ~_apart(beyond)
    ranked = pd.DataFrame({"lost": ~lost, "size": beyond["estimate"].abs()})
    kept = ranked.sort_values(["lost", "size"]).index[:_MOST]
    shown = beyond.loc[kept]
    names = [
        f"{short_name(row.respondent)} − {short_name(row.subject)}" for row in shown.itertuples()
    ]
    fig, ax = figure(height_for(len(shown), each=0.5, rest=1.9))
    for table, colour, offset, legend in (
        (single.loc[kept], COLOURS[1], -0.14, "one wording alone"),
        (shown, COLOURS[0], 0.14, "in another wording"),
    ):
        own = table.assign(pair=names).reset_index(drop=True)
        dots(
            ax, own, label="pair", colour=colour, offset=offset, legend=legend,
            reference=0.0 if offset < 0 else None,
        )  # fmt: skip
    # Two lines, or long names leave no room for the axis.
    lines = [name.replace(" − ", "\n− ") for name in names]
    ax.set_yticks(range(len(names)), lines, parse_math=False, fontsize=9)
    ax.set(xlabel="difference of scores", title="Who differs?")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, shown["provenance"])
    told = [
        f"{name}: {row.estimate:.2f} ({row.low:.2f} to {row.high:.2f})"
        for name, row in zip(names, shown.itertuples(), strict=True)
    ]
    return fig, sentence(["Differences of two respondents' scores over wordings", *told])


def _apart(found: pd.DataFrame) -> pd.Series:
    """Whether intervals exclude zero."""
    return (found["low"] > 0) | (found["high"] < 0)


def formats(findings: pd.DataFrame, judge: str) -> tuple[Figure, str]:
    """Net shares for the right: forced, with no preference allowed, and openly as `judge` reads."""
    nets = _of(findings, "politics.wording.net")
    openly = findings[
        (findings["estimand"] == "politics.stance.left_right") & (findings["arm"] == judge)
    ]
    parts = {
        "forced": (nets[nets["subject"] == "forced"], COLOURS[0]),
        "with a way out": (nets[nets["subject"] == "neutral"], COLOURS[1]),
        "openly, corrected": (openly, COLOURS[2]),
    }
    names = list(dict.fromkeys(name for part, _ in parts.values() for name in part["respondent"]))
    if not names:
        raise DataError("no net share to draw.")
    fig, ax = figure(height_for(len(names), each=0.55, rest=1.8))
    told = ["Net shares for the right in three formats"]
    kinds: set[str] = set()
    for offset, (legend, (part, colour)) in zip((-0.22, 0.0, 0.22), parts.items(), strict=True):
        own = part.set_index("respondent").reindex(names).rename_axis("respondent").reset_index()
        dots(
            ax, own, colour=colour, offset=offset, legend=legend,
            reference=0.0 if offset < 0 else None,
        )  # fmt: skip
        kinds |= set(part["provenance"])
        listed = ", ".join(
            f"{short_name(r.respondent)} {r.estimate:.2f}" for r in part.itertuples()
        )
        told.append(f"{legend}: {listed or 'none'}")
    ax.set(
        xlabel="right less left, over all answers", title="Forced, with a way out, openly",
        xlim=(-1.03, 1.03),
    )  # fmt: skip
    fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    mark_provenance(fig, kinds)
    return fig, sentence(told)


def readers(findings: pd.DataFrame) -> tuple[Figure, str]:
    """How well each reader hears stances on either side, and its bias between the sides."""
    accuracy = _of(findings, "politics.stance.accuracy")
    bias = _of(findings, "politics.stance.bias")
    if accuracy.empty:
        raise DataError("no finding of politics.stance.accuracy to draw.")
    names = list(dict.fromkeys(accuracy["respondent"]))
    fig, (ax, beside) = figure(height_for(len(names), each=0.5, rest=1.9), 1, 2, sharey=True)
    told = ["Share of labeled answers read right on either side, and bias to the left"]
    for side, colour, offset in (("left", COLOURS[0], -0.14), ("right", COLOURS[3], 0.14)):
        own = accuracy[accuracy["subject"] == side].set_index("respondent").reindex(names)
        own = own.rename_axis("respondent").reset_index()
        legend = f"proposals of the {side}"
        dots(ax, own, colour=colour, offset=offset, legend=legend)
        told += [f"{short_name(r.respondent)}, {side}: {r.estimate:.2f}" for r in own.itertuples()]
    own = bias.set_index("respondent").reindex(names).rename_axis("respondent").reset_index()
    dots(beside, own, reference=0.0, colour=INK)
    beside.tick_params(labelleft=False)
    told += [f"{short_name(r.respondent)}, bias: {r.estimate:.2f}" for r in own.itertuples()]
    ax.set(xlabel="share read right", title="Errors")
    beside.set(xlabel="heard too much\nin favor of the left", title="Bias")
    fig.legend(loc="outside lower center", ncols=2, fontsize=9)
    mark_provenance(fig, accuracy["provenance"])
    return fig, sentence(told)
