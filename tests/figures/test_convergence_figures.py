"""Figures of convergence and of probes: badge, values drawn, alternative text."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from revealed.figures import convergence as figures
from revealed.figures import page
from revealed.figures import probes as probe_figures
from revealed.foundation.errors import DataError
from revealed.measures import convergence, probes


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def matrix() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    base = rng.normal(size=60)
    return pd.DataFrame(
        {f"real/{n}-instruct": base + rng.normal(size=60) for n in "abc"},
        index=[f"i{k}" for k in range(60)],
    )


def _marks(fig):
    return {str(text.get_gid()) for text in fig.texts}


def test_layers_show_three_correlations_a_pair(matrix) -> None:
    categories = {item: str(k % 6) for k, item in enumerate(matrix.index)}
    lengths = {item: 20 + 3 * (k % 7) for k, item in enumerate(matrix.index)}
    table = convergence.compare(matrix, categories, lengths, permutations=50)
    fig, alt = figures.layers(table, "public", "Title", convergence.RETEST)
    assert "provenance-public" in _marks(fig)
    drawn = {
        round(float(line.get_xdata()[0]), 6)
        for line in fig.axes[0].lines if line.get_marker() == "o"
    }  # fmt: skip
    wanted = {round(v, 6) for v in table[["r", "within", "beyond_length"]].to_numpy().ravel()}
    assert drawn == wanted
    assert "a and b" in alt
    with pytest.raises(DataError, match="share enough"):
        figures.layers(table.iloc[:0], "public", "Title")


def test_common_factor_stands_beside_its_null(matrix) -> None:
    made = convergence.group_findings(matrix, name="g", instrument="x", provenance="public")
    _, alt = figures.common_factor(page.rows(made))
    share = next(f for f in made if f.estimand == "convergence.common_share")
    assert f"{share.estimate:.2f} against" in alt
    with pytest.raises(DataError, match="common_share"):
        figures.common_factor(page.rows([]))


def test_humans_among_models_marks_habits() -> None:
    rows = page.rows([convergence.ceiling_finding()]).iloc[[0, 0, 0]].reset_index(drop=True)
    rows["estimand"], rows["respondent"] = "convergence.with_humans", ["m/a", "m/b", "m/c"]
    rows["estimate"], rows["low"], rows["high"] = [0.1, 0.9, 0.5], 0.0, 0.95
    fig, alt = figures.humans_among_models(rows, ["m/b"])
    crosses = [line for line in fig.axes[0].lines if line.get_marker() == "x"]
    assert [list(line.get_ydata()) for line in crosses] == [[0.9]]
    assert "1 of them are a habit" in alt
    with pytest.raises(DataError, match="with_humans"):
        figures.humans_among_models(rows.iloc[:0])


def test_probe_figures() -> None:
    rng = np.random.default_rng(1)
    h = rng.normal(size=(1, 60, 4))
    y = h[0] @ np.ones(4)
    kernels = probes.kernels.source("trained", h).kernels
    found = {
        "trained": probes.Source("trained", ("0",), kernels),
        "length": probes.kernels.source("length", rng.normal(size=(1, 60, 2))),
    }
    probed = probes.probe(found, y, shuffles=3, backend="numpy")
    made = probes.findings(probed, model="m", respondent="r", provenance="simulated")
    fig, alt = probe_figures.against_controls(page.rows(made), "m")
    assert "provenance-simulated" in _marks(fig)
    assert "length of the sentence" in alt
    assert "utilities shuffled" in alt
    fig, alt = probe_figures.predicted(probed, "simulated", "case")
    (points,) = (line for line in fig.axes[0].lines if line.get_marker() == "o")
    assert list(points.get_ydata()) == list(probed.target)
    assert "24 outcomes" in alt
    with pytest.raises(DataError, match=r"probe\.correlation"):
        probe_figures.against_controls(page.rows(made), "other")
