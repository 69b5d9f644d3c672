"""Figures of the Moral Machine chapter. Each returns the figure and its alternative text."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..foundation.schemas import Provenance
from ..respondents.public import ATTRIBUTES
from .style import COLOURS, INK, MUTED, dots, figure, height_for, mark_provenance, sentence

_LABELS = {a.name: f"{a.spared}\nrather than {a.other}" for a in ATTRIBUTES}

_KINDS = {
    "Man": "man", "Woman": "woman", "Pregnant": "pregnant woman", "Stroller": "baby",
    "OldMan": "elderly man", "OldWoman": "elderly woman", "Boy": "boy", "Girl": "girl",
    "Homeless": "homeless person", "LargeWoman": "large woman", "LargeMan": "large man",
    "Criminal": "criminal", "MaleExecutive": "male executive",
    "FemaleExecutive": "female executive", "FemaleAthlete": "female athlete",
    "MaleAthlete": "male athlete", "FemaleDoctor": "female doctor", "MaleDoctor": "male doctor",
    "Dog": "dog", "Cat": "cat",
}  # fmt: skip


def effects_by_mode(
    balanced: pd.DataFrame, published: pd.DataFrame, position: pd.Series, humans: pd.Series
) -> tuple[Figure, str]:
    """One model's effects as published and with the place in the prompt held constant.

    Parameters
    ----------
    balanced, published
        `measures.moral_machine.amce` in these two modes.
    position
        `measures.moral_machine.position_only`.
    humans
        `measures.moral_machine_models.human_effects`.
    """
    order = [name for name in _LABELS if name in set(published["attribute"])]
    fig, ax = figure(height_for(len(order), each=0.52, rest=1.5))
    shown = published.set_index("attribute").loc[order].reset_index()
    shown["label"] = shown["attribute"].map(_LABELS)
    held = balanced.set_index("attribute").reindex(order).reset_index()
    places = np.arange(len(order))
    ax.plot(position[order], places - 0.28, linestyle="none", marker="|", markersize=13,
            markeredgewidth=2.2, color=MUTED, label="always answering “case 2”")  # fmt: skip
    dots(ax, shown, label="label", colour=COLOURS[3], offset=-0.12, reference=0.0,
         legend="as published")  # fmt: skip
    ax.set_yticks(places, list(shown["label"]))  # of two lines, which a respondent's name never has
    known = held["estimate"].notna().to_numpy()
    for place, row in zip(places[known] + 0.12, held[known].itertuples(), strict=True):
        ax.plot([row.low, row.high], [place, place], color=COLOURS[0], linewidth=2.2)
    ax.plot(held.loc[known, "estimate"], places[known] + 0.12, linestyle="none", marker="o",
            markersize=6.5, color=COLOURS[0], markeredgecolor="white",
            label="place held constant")  # fmt: skip
    ax.plot(humans[order], places + 0.3, linestyle="none", marker="D", markersize=5, color=INK,
            label="humans")  # fmt: skip
    ax.set_xlim(-1.05, 1.05)
    ax.set_xlabel("Effect on being saved")
    fig.legend(loc="outside lower center", ncols=2)
    mark_provenance(fig, ["public", "published"])
    apart = [f"{row.attribute} {row.estimate:+.2f}" for row in held[known].itertuples()]
    near = [f"{row.attribute} {row.estimate:+.2f}" for row in shown.itertuples()]
    return fig, sentence(
        [
            f"Dot plot of {len(order)} effects for one model",
            "As published: " + ", ".join(near),
            "With the place in the prompt held constant: " + ", ".join(apart),
            "Grey bars mark what always answering case 2 would show; diamonds mark humans",
        ]
    )


def models_beside_humans(
    effects: pd.DataFrame, position: pd.Series | None = None
) -> tuple[Figure, str]:
    """Nine effects: a faint dot a model, a diamond for humans, a bar for a habit of place.

    Parameters
    ----------
    effects
        As `respondents.public.import_moral_machine_effects` returns them.
    """
    names = [a.name for a in ATTRIBUTES]
    fig, ax = figure(height_for(len(names), each=0.5, rest=1.4))
    models = effects["model"].nunique()
    # A fixed order of heights within a row keeps 75 dots apart without chance.
    lift = {
        model: (i * 0.618) % 1.0 * 0.5 - 0.25 for i, model in enumerate(pd.unique(effects["model"]))
    }
    for place, name in enumerate(names):
        own = effects[effects["attribute"] == name]
        first = place == 0
        ax.plot(own["effect"], place + own["model"].map(lift), linestyle="none", marker="o",
                markersize=4, alpha=0.45, color=COLOURS[0], markeredgewidth=0,
                label=f"{models} models" if first else None)  # fmt: skip
        if position is not None:
            ax.plot([position[name]], [place], linestyle="none", marker="|", markersize=20,
                    markeredgewidth=2.4, color=COLOURS[3],
                    label="always answering “case 2”" if first else None)  # fmt: skip
        ax.plot([own["human"].iloc[0]], [place], linestyle="none", marker="D", markersize=7,
                color=INK, markeredgecolor="white", label="humans" if first else None)  # fmt: skip
    ax.axvline(0.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    ax.set_yticks(range(len(names)), [_LABELS[name] for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xlim(-1.05, 1.05)
    ax.set_xlabel("Effect on being saved")
    fig.legend(loc="outside lower center", ncols=2)
    kinds: list[Provenance] = ["published"] if position is None else ["public", "published"]
    mark_provenance(fig, kinds)
    middle = effects.groupby("attribute")["effect"].median()
    human = effects.drop_duplicates("attribute").set_index("attribute")["human"]
    parts = [f"{name}: models {middle[name]:+.2f}, humans {human[name]:+.2f}" for name in names]
    return fig, sentence(
        [f"Nine effects for {models} models beside humans, medians", "; ".join(parts)]
    )


def distance_by_size(
    table: pd.DataFrame, r: float, *, like: float = 0.95, position_distance: float | None = None
) -> tuple[Figure, str]:
    """Distance to humans against size; models whose effects are a habit of place stand out.

    Parameters
    ----------
    table
        `measures.moral_machine_models.distances`.
    r
        Correlation to show (`size_trend`).
    like
        Size of the cosine from which a model's effects are drawn as a habit of place.
    position_distance
        Distance of the respondent that always answers "case 2", drawn as a line.
    """
    used = table.dropna(subset=["size"])
    fig, ax = figure(4.4)
    habit = (
        used["position_similarity"].abs() >= like
        if "position_similarity" in used
        else pd.Series(False, index=used.index)
    )
    groups = (
        (~habit & ~used["reasoning"], "o", COLOURS[0], "answers at once"),
        (~habit & used["reasoning"], "D", COLOURS[2], "reasons first"),
        (habit, "X", COLOURS[3], "effects of a habit of place"),
    )
    for chosen, marker, colour, name in groups:
        if chosen.any():
            ax.plot(used.loc[chosen, "size"], used.loc[chosen, "distance"], linestyle="none",
                    marker=marker, markersize=6.5, alpha=0.85, color=colour,
                    markeredgecolor="white", label=name)  # fmt: skip
    if position_distance is not None:
        ax.axhline(position_distance, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2,
                   label="always answering “case 2”")  # fmt: skip
    ax.set_xscale("log")
    ticks = [0.3, 1, 3, 10, 30, 100, 300, 1000]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("Billions of parameters (stated or supposed)")
    ax.set_ylabel("Distance to human effects")
    ax.text(0.98, 0.04, f"r = {r:.2f}, {len(used)} models".replace("-", "−"),
            transform=ax.transAxes, ha="right", color=INK)  # fmt: skip
    fig.legend(loc="outside lower center", ncols=2)
    mark_provenance(fig, "public")
    nearest = used.loc[used["distance"].idxmin()]
    return fig, sentence(
        [
            f"Distance to human effects against size for {len(used)} models, correlation {r:.2f}",
            f"{int(habit.sum())} models have the effects of a habit of place",
            f"The nearest to humans is {nearest['model']} at {nearest['distance']:.2f}",
        ]
    )


def life_rates(rates: pd.DataFrame) -> tuple[Figure, str]:
    """Rates between kinds of lives, log axis; thin lines are adjusted for the number of kinds.

    Parameters
    ----------
    rates
        `measures.moral_machine.rates`.
    """
    shown = rates[rates["measurable"]].sort_values("rate", ascending=False).reset_index(drop=True)
    shown["label"] = shown["kind"].map(_KINDS)
    fig, ax = figure(height_for(len(shown)))
    for place, row in enumerate(shown.itertuples()):
        ax.plot([row.low_adjusted, row.high_adjusted], [place, place], color=COLOURS[6],
                linewidth=1.0)  # fmt: skip
    dots(ax, shown, label="label", estimate="rate", colour=COLOURS[0], log=True, reference=1.0)
    ticks = [0.25, 0.5, 1, 2, 4]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("Worth of one life, average person = 1")
    mark_provenance(fig, "public")
    top, bottom = shown.iloc[0], shown.iloc[-1]
    clear = int(((shown["low_adjusted"] > 1) | (shown["high_adjusted"] < 1)).sum())
    return fig, sentence(
        [
            f"Worth of {len(shown)} kinds of lives relative to the average person, log axis",
            f"From {bottom['label']} at {bottom['rate']:.2f}"
            f" to {top['label']} at {top['rate']:.2f}",
            f"{clear} differ from 1 after adjusting for the number of kinds",
        ]
    )
