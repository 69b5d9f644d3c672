from __future__ import annotations

import io
import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from revealed.figures import style
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import PROVENANCES


@pytest.fixture(autouse=True)
def _headless() -> object:
    mpl.use("Agg")
    yield
    plt.close("all")


def pixels(fig: object, dpi: int = 100) -> np.ndarray:
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi)
    return np.asarray(Image.open(buffer).convert("RGB")).astype(int)


def table(**columns: object) -> pd.DataFrame:
    base = {
        "respondent": ["simulated/coherent", "avocado/gpt-4o", "x/new"],
        "estimate": [0.2, 0.5, 0.9], "low": [0.1, 0.4, 0.8], "high": [0.3, 0.6, 1.0],
    }  # fmt: skip
    return pd.DataFrame(base | columns)


# --- provenance ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PROVENANCES)
def test_every_provenance_is_written_on_the_figure(kind: str) -> None:
    fig, ax = style.figure()
    style.dots(ax, table())
    style.mark_provenance(fig, kind)
    marks = {text.get_gid(): text.get_text() for text in fig.texts}
    assert f"provenance-{kind}" in marks
    assert ("provenance-watermark" in marks) is (kind == "simulated")


def test_simulated_is_unmistakable_even_in_a_cropped_copy() -> None:
    fig, ax = style.figure()
    style.dots(ax, table())
    plain = pixels(fig)
    style.mark_provenance(fig, ["public", "simulated"])
    marked = pixels(fig)
    assert plain.shape == marked.shape
    height = marked.shape[0]
    reddish = (marked[:, :, 0] > 200) & (marked[:, :, 0] - marked[:, :, 1] > 15)
    # The word crosses the figure: it is in the upper, middle and lower part of the axes, and is
    # there to be seen, not a trace of it.
    for part in (slice(0.2, 0.4), slice(0.4, 0.6), slice(0.6, 0.85)):
        rows = reddish[int(part.start * height) : int(part.stop * height)]
        assert rows.mean() > 0.01
    texts = {text.get_gid(): text for text in fig.texts}
    assert "simulated" in texts["provenance-simulated"].get_text().lower()


def test_badges_leave_the_axes_alone() -> None:
    fig, ax = style.figure(2.2)
    style.dots(ax, table())
    ax.set_title("A title")
    style.mark_provenance(fig, list(PROVENANCES)[:3])
    fig.canvas.draw()
    strip = [text for text in fig.texts if str(text.get_gid()).startswith("provenance-")]
    boxes = [text.get_bbox_patch().get_window_extent() for text in strip if text.get_bbox_patch()]
    assert all(not box.overlaps(ax.title.get_window_extent()) for box in boxes)
    for one, two in itertools.pairwise(boxes):
        assert not one.overlaps(two)


@pytest.mark.parametrize("kinds", ["invented", [], ["public", "invented"]])
def test_unknown_provenance_is_refused(kinds: object) -> None:
    fig, _ = style.figure()
    with pytest.raises(DataError, match="provenance"):
        style.mark_provenance(fig, kinds)


# --- how it looks --------------------------------------------------------------------------------


def test_background_is_white_and_opaque() -> None:
    fig, ax = style.figure()
    style.dots(ax, table())
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png")
    image = np.asarray(Image.open(buffer).convert("RGBA"))
    assert (image[:, :, 3] == 255).all()
    for corner in (image[0, 0], image[-1, 0], image[0, -1], image[-1, -1]):
        assert tuple(corner) == (255, 255, 255, 255)


def test_type_is_readable_on_a_phone() -> None:
    """A page 390 pixels wide shows a figure about 350 wide: no letter below 8.5 pixels there."""
    fig, ax = style.figure()
    style.dots(ax, table())
    ax.set(xlabel="a label", title="A title")
    style.mark_provenance(fig, "public")
    fig.canvas.draw()
    texts = [*fig.texts, ax.title, ax.xaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]
    scale = 350 / (fig.get_figwidth() * 72)
    assert min(t.get_fontsize() for t in texts if t.get_text()) * scale >= 8.4


def luminance(colour: str) -> float:
    rgb = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_colours_are_seen_on_white_and_differ_for_the_colour_blind() -> None:
    for colour in style.COLOURS:
        # What graphics need on white (WCAG 2.1, 1.4.11); on a dark page a browser test looks.
        assert 1.05 / (luminance(colour) + 0.05) > 3
    # Deuteranopia, after Vienot, Brettel and Mollon (1999), in linear RGB.
    matrix = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    seen = [matrix @ np.array(mpl.colors.to_rgb(c)) ** 2.2 for c in style.COLOURS]
    for k, one in enumerate(seen):
        for other in seen[k + 1 :]:
            assert np.abs(one - other).max() > 0.03


def test_letters_on_any_color_are_read() -> None:
    rng = np.random.default_rng(0)
    for color in [*map(tuple, rng.random((300, 3))), *plt.get_cmap("cividis")(np.arange(256))]:
        chosen, ground = luminance(style.letters_on(color)), luminance(color[:3])
        low, high = sorted([chosen, ground])
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_looks_are_stable_by_name_and_distinct() -> None:
    assert style.look("simulated/coherent") == style.look("coherent")
    # A fixed place: adding a respondent at the end must not repaint the others.
    assert style.look("coherent") == style.Look("#0173b2", "o")
    assert style.look("avocado/gpt-4o") == style.Look("#029e73", "^")
    assert style.look("openai/some-model") == style.look("openai/some-model")
    shipped = [style.look(name) for name in style._PLACES]
    assert len(set(shipped)) == len(shipped)


# --- dots ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 2), (5, 2), (4, 3)])
def test_panels_have_labels_outside_and_none_is_empty(count: int, columns: int) -> None:
    fig, axes = style.panels(count, xlabel="x", ylabel="y", columns=max(2, columns))
    assert len(axes) == count
    assert [ax.get_visible() for ax in fig.axes] == [k < count for k in range(len(fig.axes))]
    assert [k for k, ax in enumerate(axes) if ax.get_ylabel()] == list(range(0, count, columns))
    # The lowest panel of every column, whether or not the grid goes on below it.
    lowest = [k for k, ax in enumerate(axes) if ax.get_xlabel()]
    assert lowest == list(range(count - columns, count))
    assert all(axes[k].xaxis.get_tick_params()["labelbottom"] for k in lowest)
    plt.close(fig)


def test_dots_in_the_order_of_rows_with_their_intervals() -> None:
    fig, ax = style.figure()
    style.dots(ax, table())
    fig.canvas.draw()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["coherent", "gpt-4o", "new"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ax.get_yticklabels()[0].get_color() == style.SIMULATED
    assert ax.get_yticklabels()[1].get_color() != style.SIMULATED
    spans = [tuple(line.get_xdata()) for line in ax.lines if len(line.get_xdata()) == 2]
    assert spans == [(0.1, 0.3), (0.4, 0.6), (0.8, 1.0)]


def test_missing_interval_is_hollow_and_bound_is_an_arrow() -> None:
    _fig, ax = style.figure()
    style.dots(ax, table(low=[None, 0.4, 0.8], high=[None, np.inf, 1.0]))
    dots = [line for line in ax.lines if list(line.get_xdata()) == [0.2]]
    assert dots[0].get_markerfacecolor() == "white"
    assert any(line.get_marker() == ">" for line in ax.lines)
    assert not any(line.get_marker() == "<" for line in ax.lines)


def test_log_axis_is_for_positive_rates() -> None:
    _fig, ax = style.figure()
    style.dots(ax, table(), log=True, reference=1.0)
    assert ax.get_xscale() == "log"
    with pytest.raises(DataError, match="positive"):
        style.dots(ax, table(estimate=[0.0, 1.0, 2.0]), log=True)


def test_two_series_side_by_side() -> None:
    _fig, ax = style.figure()
    style.dots(ax, table(), offset=-0.15, colour="#000000", legend="one")
    style.dots(ax, table(), offset=0.15, legend="two")
    assert ax.get_legend_handles_labels()[1] == ["one", "two"]


def test_show_escapes_the_text_and_closes_the_figure() -> None:
    fig, ax = style.figure()
    style.dots(ax, table())
    html = style.show(fig, 'a "quote" <b>').data
    assert 'aria-label="a &quot;quote&quot; &lt;b&gt;"' in html
    assert html.startswith("<svg ")
    assert not plt.fignum_exists(fig.number)


def test_same_figure_same_bytes() -> None:
    def made() -> str:
        fig, ax = style.figure()
        style.dots(ax, table())
        style.mark_provenance(fig, "simulated")
        return str(style.show(fig, "x").data)

    assert made() == made()
