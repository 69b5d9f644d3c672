"""Figures of the Moral Machine and of agreement: badge, values drawn, alternative text."""

from __future__ import annotations

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from revealed.figures import convergence as agreement_figures
from revealed.figures import moral_machine as figures
from revealed.foundation.errors import DataError
from revealed.measures import convergence
from revealed.respondents.public import ATTRIBUTES, CHARACTERS


def _badges(fig: Figure) -> set[str]:
    return {str(text.get_gid()) for text in fig.texts if text.get_gid()}


def _drawn(fig: Figure) -> np.ndarray:
    """The x values of every line of the first axes."""
    return np.concatenate([np.ravel(line.get_xdata()).astype(float) for line in fig.axes[0].lines])


@pytest.fixture(autouse=True)
def _close() -> object:
    yield
    plt.close("all")


def _effects() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        {"model": f"Model {m}", "family": f"f{m % 3}", "attribute": a.name,
         "effect": rng.uniform(-0.9, 0.9), "human": 0.3}
        for m in range(12) for a in ATTRIBUTES
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _amce(names: list[str]) -> pd.DataFrame:
    value = np.linspace(-0.5, 0.5, len(names))
    return pd.DataFrame(
        {"attribute": names, "estimate": value, "low": value - 0.05, "high": value + 0.05}
    )


def test_effects_by_mode_shows_both_modes_and_says_so() -> None:
    names = [a.name for a in ATTRIBUTES]
    one = pd.Series(0.4, index=names)
    balanced = _amce([name for name in names if name != "relation"])
    fig, alt = figures.effects_by_mode(balanced, _amce(names), one, one - 0.1)
    assert _badges(fig) == {"provenance-public", "provenance-published"}
    assert set(np.round(balanced["estimate"], 9)) <= set(np.round(_drawn(fig), 9))
    assert "age -0.50" in alt
    fig.canvas.draw()
    labels = [tick.get_text() for tick in fig.axes[0].get_yticklabels()]
    assert "the young\nrather than the old" in labels
    assert not [label for label in labels if "\ufffd" in label or "…" in label]


def test_models_beside_humans_draws_every_model() -> None:
    effects = _effects()
    fig, alt = figures.models_beside_humans(effects)
    assert set(np.round(effects["effect"], 9)) <= set(np.round(_drawn(fig), 9))
    assert _badges(fig) == {"provenance-published"}
    assert "12 models" in alt
    assert "humans +0.30" in alt


def test_distance_by_size_marks_habits_and_leaves_out_unsized_models() -> None:
    table = pd.DataFrame(
        {
            "model": list("abcd"), "size": [1.0, 10.0, np.nan, 100.0],
            "reasoning": [False, True] * 2,
            "distance": [1.9, 1.0, 5.0, 0.7], "position_similarity": [-0.99, 0.1, 0.99, 0.2],
        }
    )  # fmt: skip
    fig, alt = figures.distance_by_size(table, -0.9, position_distance=1.94)
    assert "3 models" in alt
    assert "1 models have the effects of a habit of place" in alt
    assert "d at 0.70" in alt
    assert 5.0 not in np.concatenate([np.ravel(line.get_ydata()) for line in fig.axes[0].lines])
    without, _ = figures.distance_by_size(table.drop(columns="position_similarity"), -0.9)
    assert _badges(without) == {"provenance-public"}


def test_life_rates_leave_out_what_has_no_rate() -> None:
    rates = pd.DataFrame({"kind": CHARACTERS, "measurable": True})
    value = np.linspace(0.5, 2.0, len(rates))
    for name, factor in (("rate", 1), ("low", 0.8), ("high", 1.2), ("low_adjusted", 0.7),
                         ("high_adjusted", 1.3)):  # fmt: skip
        rates[name] = value * factor
    rates.loc[rates["kind"] == "Cat", ["measurable", "rate"]] = [False, np.nan]
    fig, alt = figures.life_rates(rates)
    labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert len(labels) == 19
    assert "cat" not in labels
    assert fig.axes[0].get_xscale() == "log"
    assert "From man at 0.50 to dog" in alt


def _agreement() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    base = rng.normal(size=60)
    table = pd.concat(
        pd.DataFrame({"respondent": name, "item": [f"i{k}" for k in range(60)],
                      "mean": base + rng.normal(size=60)})
        for name in ("avocado/a", "avocado/b", "other/c")
    )  # fmt: skip
    categories = {f"i{k}": f"c{k // 6}" for k in range(60)}
    return convergence.agreement(convergence.utility_matrix(table), categories, replicates=200)


def test_agreement_figures_show_the_correlations() -> None:
    table = _agreement()
    fig, alt = agreement_figures.agreement_heatmap(table)
    shown = {text.get_text() for text in fig.axes[0].texts}
    assert {f"{r:.2f}" for r in table["r"]} <= shown
    assert "3 respondents" in alt
    fig, alt = agreement_figures.agreement_dots(table, "other/c")
    assert _badges(fig) == {"provenance-public"}
    mine = table[table["other"] == "other/c"]
    assert set(np.round([*mine["r"], *mine["within"]], 9)) <= set(np.round(_drawn(fig), 9))
    assert f"{mine['r'].max():.2f}" in alt


def test_agreement_with_nobody_is_refused() -> None:
    with pytest.raises(DataError, match="nobody/x"):
        agreement_figures.agreement_dots(_agreement(), "nobody/x")
    with pytest.raises(DataError, match="no two"):
        agreement_figures.agreement_heatmap(_agreement().iloc[:0])


def test_train_against_heldout_leaves_out_what_is_not_published() -> None:
    scores = pd.DataFrame(
        {"respondent": ["a/x", "a/y"], "train_log_loss": [0.1, 0.2],
         "heldout_log_loss": [0.8, None]}
    )  # fmt: skip
    fig, alt = agreement_figures.train_against_heldout(scores)
    assert _badges(fig) == {"provenance-published"}
    assert "x 0.100 and 0.800" in alt
    assert "y" not in [label.get_text() for label in fig.axes[0].get_yticklabels()]
    with pytest.raises(DataError, match="held-out"):
        agreement_figures.train_against_heldout(scores.iloc[1:])
