"""Figures of exchange rates: badge, values drawn, open ends, alternative text, width."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib

matplotlib.use("agg")

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from revealed.figures import exchange as figures
from revealed.figures.style import WIDTH
from revealed.foundation.errors import DataError
from revealed.measures import exchange
from revealed.measures.validation import exchange as validation
from revealed.utilities.curve import CurveFit

GOODS = ["Aland", "Borduria", "Cascadia", "Drachten", "Elbonia", "Nowhere"]
PRICE = dict(zip(GOODS, [14.0, 1.0, 0.5, 0.0, -1.0, 0.2], strict=True))


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def items() -> pd.DataFrame:
    table = validation.planted_items(GOODS)
    table["role"] = np.where(table["good"] == "Nowhere", "placebo", "")
    return table


@pytest.fixture(scope="module")
def fit(items: pd.DataFrame) -> CurveFit:
    p = validation.stated_probabilities(validation.Planted.on(items, PRICE), items)
    plan = validation.Plan(first_pairs=80, rounds=1, round_pairs=100)
    return validation.simulate_study(p, items, plan, np.random.default_rng(0))


def drawn(fig: Figure) -> np.ndarray:
    return np.concatenate([np.ravel(line.get_xdata()).astype(float) for line in fig.axes[0].lines])


def labels(fig: Figure) -> list[str]:
    return [label.get_text() for label in fig.axes[0].get_yticklabels()]


def fits_a_phone(fig: Figure) -> None:
    """390 px wide: nothing is cut off, and no type is smaller than 9 points."""
    assert fig.get_figwidth() == WIDTH
    fig.set_dpi(390 / WIDTH)
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()  # type: ignore[attr-defined]
    box = fig.bbox
    for text in fig.findobj(plt.Text):
        if text.get_text() and text.get_visible() and text.get_gid() != "provenance-watermark":
            assert text.get_fontsize() >= 9
            extent = text.get_window_extent(renderer)
            # Ticks beyond the axis limits are not painted; what is painted lies in the figure.
            inside = box.x0 - 1 <= extent.x0 and extent.x1 <= box.x1 + 1
            assert inside or text in fig.axes[0].get_xticklabels(), text.get_text()
    badges = {str(text.get_gid()) for text in fig.texts if text.get_gid()}
    assert badges == {"provenance-simulated", "provenance-watermark"}


def test_prices(fit: CurveFit) -> None:
    prices = exchange.log_prices(fit)
    fig, alt = figures.price_dots(prices, "simulated", band=0.3)
    fits_a_phone(fig)
    order = prices.sort_values("log_price", ascending=False)["good"].tolist()
    assert labels(fig) == [f"{good} (placebo)" if good == "Nowhere" else good for good in order]
    assert fig.axes[0].get_xscale() == "log"
    for value in prices["price"]:
        assert np.isclose(drawn(fig), value).any()
    # Aland wins everything: an arrow to the right edge, no interval's end.
    assert np.isclose(drawn(fig), fig.axes[0].get_xlim()[1]).any()
    (span,) = [patch for patch in fig.axes[0].patches if "placebo" in str(patch.get_label())]
    assert np.allclose(np.sort(span.get_corners()[:, 0])[[0, -1]], np.exp([-0.3, 0.3]))
    assert "Most and least: Aland > " in alt
    unequal = int((prices["unequal"] & ~prices["placebo"]).sum())
    assert f"{unequal} of 5 goods are called unequal" in alt


def test_long_lists_show_both_ends(fit: CurveFit) -> None:
    prices = exchange.log_prices(fit)
    fig, alt = figures.price_dots(prices, "simulated", most=4)
    order = prices.sort_values("log_price", ascending=False)["good"].tolist()
    assert [label.split(" (")[0] for label in labels(fig)] == [*order[:2], *order[-2:]]
    assert "2 goods between are not drawn" in alt
    assert any("2 goods not drawn" in text.get_text() for text in fig.axes[0].texts)


def test_undetermined_goods_are_left_out_and_said(fit: CurveFit) -> None:
    prices = exchange.log_prices(fit)
    prices.loc[1, "bound"] = "none"
    fig, alt = figures.price_dots(prices, "simulated")
    assert prices["good"][1] not in labels(fig)
    assert "1 goods have no price that the answers determine" in alt
    with pytest.raises(DataError, match="no good has a price"):
        figures.price_dots(prices.assign(bound="none"), "simulated")


def test_corrected_beside_parity(fit: CurveFit, items: pd.DataFrame) -> None:
    means = pd.DataFrame(
        {
            "item": items.index,
            "mean": validation.Planted.on(items, PRICE).utility(items["text"].tolist()),
        }
    )
    both = exchange.side_by_side(exchange.log_prices(fit), exchange.parity(means, items))
    fig, alt = figures.corrected_beside_parity(both, "simulated")
    fits_a_phone(fig)
    assert len(labels(fig)) == 6
    for column in ("log_price", "parity_log_price"):
        for value in np.exp(both[column]):
            assert np.isclose(drawn(fig), value).any()
    assert "median factor" in alt


def test_quantity_curves(fit: CurveFit, items: pd.DataFrame) -> None:
    off = fit.utility - fit.on_curve
    assert not off.any()  # no item effects were fitted, so none are drawn
    assert len(figures.quantity_curves(fit, "simulated")[0].axes[0].lines) == 4
    fig, alt = figures.quantity_curves(replace(fit, item_sd=0.1), "simulated")
    fits_a_phone(fig)
    lines = [line for line in fig.axes[0].lines if line.get_linestyle() != "None"]
    points = [line for line in fig.axes[0].lines if line.get_linestyle() == "None"]
    assert len(lines) == len(points) == 4
    for line, point in zip(lines, points, strict=True):
        np.testing.assert_allclose(line.get_ydata(), point.get_ydata(), atol=1e-9)
        assert np.all(np.diff(line.get_ydata()) > 0)
    assert "Slopes at the centre: Aland" in alt
    with pytest.raises(DataError, match="Atlantis"):
        figures.quantity_curves(fit, "simulated", goods=["Atlantis"])
    with pytest.raises(DataError, match="one to six"):
        figures.quantity_curves(fit, "simulated", goods=[])


def test_payments(fit: CurveFit) -> None:
    table = exchange.willingness_to_pay(fit)
    fig, alt = figures.payments(table, "simulated")
    fits_a_phone(fig)
    assert labels(fig)[0] == "Aland"
    for value in table["per_unit"]:
        assert np.isclose(drawn(fig), value).any()
    assert "Aland > $" in alt
    shown = [tick.get_text() for tick in fig.axes[0].get_xticklabels()]
    assert all(text.startswith("$") for text in shown if text)


def test_equal_quantities(items: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    rows = [
        (a, b, float(k), 4.0 - k)
        for x in GOODS
        for y in GOODS
        if x != y
        for q in (1, 10, 100)
        for a, b, k in [(f"{x}-{q}", f"{y}-{q}", rng.integers(0, 5))]
    ]
    choices = pd.DataFrame(rows, columns=["first", "second", "n_first", "n_second"])
    table = exchange.n_against_n(choices, items)
    fig, alt = figures.equal_quantities(table, "simulated")
    fits_a_phone(fig)
    assert fig.axes[0].get_xlim() == (0.0, 1.0)
    for value in table["share"]:
        assert np.isclose(drawn(fig), value).any()
    assert "one half is equality" in alt
    with pytest.raises(DataError, match="same quantity"):
        figures.equal_quantities(table.head(0), "simulated")
