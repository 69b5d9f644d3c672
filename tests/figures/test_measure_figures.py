"""Each figure of a measure draws, says where its data is from, and its text holds its numbers."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from revealed.figures import coherence, order, validation, wording
from revealed.foundation.errors import DataError
from revealed.measures import capability as capability_measure
from revealed.measures import order as order_measure


@pytest.fixture(autouse=True)
def _headless() -> object:
    mpl.use("Agg")
    yield
    plt.close("all")


def choices() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for k in range(40):
        one, two = rng.integers(0, 6, 2)
        rows += [(f"a{k}", f"b{k}", one, 5 - one), (f"b{k}", f"a{k}", 5 - two, two)]
    return pd.DataFrame(rows, columns=["first", "second", "n_first", "n_second"]).assign(
        respondent="org/small", instrument="i", arm="forced", n_neutral=0, n_refused=0,
        n_unparsed=0, n_failed=0, role="train", provenance="public",
    )  # fmt: skip


def findings() -> pd.DataFrame:
    rows = []
    for name, provenance in (("org/small", "public"), ("simulated/coherent", "simulated")):
        for estimand, subject, value in (
            ("order.effect", "", 0.452), ("order.effect_floor", "", 0.151),
            ("coherence.cycle_expected", "", 0.191),
            ("coherence.cycle_expected", "null: shuffled", 0.25),
            ("coherence.cycle_expected", "null: position", 0.249),
            ("coherence.heldout_accuracy", "", 0.88), ("coherence.noise_ceiling", "", 0.93),
            ("coherence.floor_order", "", 0.52), ("wording.correlation", "forced with p1", 0.61),
            ("wording.correlation", "mean of wordings", 0.62), ("wording.padding", "", 4.5),
            ("wording.ceiling", "mean of wordings", 0.96),
        ):  # fmt: skip
            rows.append((estimand, name, subject, value, value - 0.01, value + 0.01, provenance))
    names = ["estimand", "respondent", "subject", "estimate", "low", "high", "provenance"]
    return pd.DataFrame(rows, columns=names)


def gate_table() -> pd.DataFrame:
    gate = order_measure.gate(choices(), replicates=10)
    return order_measure.gate_table([gate, gate])


def models() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    names = ["gpt-a", "gpt-b", "llama-a", "llama-b", "qwen-a", "qwen-b"]
    return capability_measure.scale_table(
        pd.Series(rng.uniform(60, 95, 6), names), pd.Series(rng.uniform(30, 90, 6), names)
    )


def recovered() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 20
    return pd.DataFrame(
        {
            "seed": np.arange(n), "respondent": "coherent",
            "planted": np.repeat([0.0, 1.0], n // 2),
            "order_effect": rng.normal(size=n), "covered": rng.uniform(0.9, 1, n),
            "covered_z": rng.uniform(0.9, 1, n), "correlation": rng.uniform(0.9, 1, n),
        }
    )  # fmt: skip


def verdicts() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "seed": [0, 1, 0, 1], "respondent": ["coherent"] * 2 + ["incoherent"] * 2,
            "measurable": [True, True, False, True], "truth": [True, True, False, False],
        }
    )  # fmt: skip


def padding() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "respondent": ["coherent", "length_loving"], "estimate": [0.01, 5.0],
            "cross_correlation": [0.7, 0.5],
        }
    )  # fmt: skip


def gap() -> pd.DataFrame:
    return pd.DataFrame(
        {"gap": [0.1, 0.9], "estimate": [0.2, 0.01], "low": [0.1, 0.0], "high": [0.3, 0.02],
         "n": [9, 9]}
    )  # fmt: skip


def bins() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    p = rng.random(400)
    first = rng.binomial(5, p).astype(float)
    return coherence.calibration_bins(p, first, 5 - first)


def scale() -> tuple[pd.DataFrame, capability_measure.Association]:
    table = models()
    return table, capability_measure.capability_association(table)


CASES: list[tuple[Callable[[], object], Callable[[], str], set[str], tuple[str, ...]]] = [
    (lambda: order.order_scatter(choices()), lambda: order.order_scatter_alt(choices()),
     {"public"}, ("40 pairs", "small")),
    (lambda: order.order_effects(findings()), lambda: order.order_effects_alt(findings()),
     {"public", "simulated"}, ("0.45", "0.15")),
    (lambda: order.gates(gate_table(), ["public"]), lambda: order.gates_alt(gate_table()),
     {"public"}, ("not measurable",)),
    (lambda: coherence.cycles(findings()), lambda: coherence.cycles_alt(findings()),
     {"public", "simulated"}, ("0.191", "0.250")),
    (lambda: coherence.cycles_by_gap(gap(), "org/small", "public"),
     lambda: coherence.cycles_by_gap_alt(gap(), "org/small"), {"public"}, ("0.200", "0.010")),
    (lambda: coherence.heldout(findings()), lambda: coherence.heldout_alt(findings()),
     {"public", "simulated"}, ("0.880", "0.930")),
    (lambda: coherence.calibration(bins(), "org/small", "public"),
     lambda: coherence.calibration_alt(bins(), "org/small"), {"public"}, ("8 groups",)),
    (lambda: coherence.capability(*scale()), lambda: coherence.capability_alt(*scale()),
     {"published"}, ("6 models", "3 families")),
    (lambda: wording.paraphrases(findings()), lambda: wording.paraphrases_alt(findings()),
     {"public", "simulated"}, ("0.62", "0.96")),
    (lambda: wording.padding(findings()), lambda: wording.padding_alt(findings()),
     {"public", "simulated"}, ("4.50",)),
    (lambda: validation.coverage(recovered()), lambda: validation.coverage_alt(recovered()),
     {"simulated"}, ("10 seeds",)),
    (lambda: validation.order_recovery(recovered()),
     lambda: validation.order_recovery_alt(recovered()), {"simulated"}, ("Planted 1",)),
    (lambda: validation.gate_passes(verdicts()), lambda: validation.gate_passes_alt(verdicts()),
     {"simulated"}, ("incoherent (no values) 0.50",)),
    (lambda: validation.length_exposure(padding()),
     lambda: validation.length_exposure_alt(padding()), {"simulated"}, ("padding 5.00 sd",)),
]  # fmt: skip


def test_the_legend_of_order_effects_covers_no_interval() -> None:
    fig = order.order_effects(findings())
    fig.canvas.draw()
    (legend,) = fig.legends
    assert legend.get_window_extent().y1 <= fig.axes[0].get_window_extent().y0


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(("draw", "describe", "kinds", "words"), CASES)
def test_figure_and_its_text(
    draw: Callable[[], plt.Figure],
    describe: Callable[[], str],
    kinds: set[str],
    words: tuple[str, ...],
) -> None:
    fig = draw()
    fig.canvas.draw()  # the layout is computed here, and warns if it does not fit
    marks = {str(text.get_gid()) for text in fig.texts}
    assert {f"provenance-{kind}" for kind in kinds} <= marks
    assert ("provenance-watermark" in marks) is ("simulated" in kinds)
    text = describe()
    for word in words:
        assert word in text
    assert "nan" not in text
    assert text.endswith(".")


@pytest.mark.parametrize("draw", [coherence.cycles, coherence.heldout, wording.padding])
def test_nothing_to_draw_is_an_error(draw: Callable[[pd.DataFrame], object]) -> None:
    with pytest.raises(DataError, match="no finding"):
        draw(findings().iloc[:0])


def test_calibration_bins_hold_every_answer_and_follow_the_truth() -> None:
    table = bins()
    assert table["n"].sum() == 400
    assert table["predicted"].is_monotonic_increasing
    # Answers drawn from the predictions: 8 intervals at 0.95, two outside once in 17 at most.
    inside = table["predicted"].between(table["low"], table["high"])
    assert inside.sum() >= 6
