"""Payments at two dates: the grid, the words, and the pairs with a plainly better option."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import grammar, load_instrument
from revealed.instruments.experiments import discounting

INSTRUMENT = load_instrument("discounting")
PAIRS = INSTRUMENT.pairs
assert PAIRS is not None
FOLDER = Path(__file__).parents[2] / "data" / "instruments"


def test_every_payment_is_grammatical_and_short() -> None:
    for text in INSTRUMENT.items["text"]:
        assert not grammar.faults(text), text
        assert len(text) <= 240
        assert "1 months" not in text
    assert INSTRUMENT.items["text"].is_unique


def test_cells_say_what_their_payments_say() -> None:
    items = INSTRUMENT.items
    dated = PAIRS[PAIRS["block"] != "dominance"]
    sooner, later = items.loc[dated["sooner"]], items.loc[dated["later"]]
    assert (sooner["months"].to_numpy() == dated["start"]).all()
    assert (later["months"].to_numpy() == dated["start"] + dated["gap"]).all()
    ratio = later["quantity"].to_numpy() / sooner["quantity"].to_numpy()
    assert ratio == pytest.approx(dated["ratio"].to_numpy())
    assert (items["sign"].isin([1, -1])).all()


def test_the_grid_spans_slow_and_fast_and_moves_a_year_ahead() -> None:
    dated = PAIRS[PAIRS["block"] != "dominance"]
    monthly = np.log(dated["ratio"]) / dated["gap"]
    assert 100 * np.expm1(12 * monthly.min()) < 1.0
    assert 100 * np.expm1(12 * monthly.max()) > 10_000
    keys = ["base", "gap", "ratio"]
    now = set(map(tuple, dated.loc[dated["start"] == 0, keys].to_numpy()))
    ahead = set(map(tuple, dated.loc[dated["block"] == "front_end", keys].to_numpy()))
    assert ahead <= now
    assert len(ahead) >= 20


def test_the_larger_number_is_often_the_worse_option() -> None:
    plain = PAIRS[PAIRS["block"] == "dominance"]
    items = INSTRUMENT.items
    better, worse = items.loc[plain["sooner"]], items.loc[plain["later"]]
    value = [side["sign"].to_numpy() * side["quantity"].to_numpy() for side in (better, worse)]
    assert (value[0] > value[1]).all()
    larger = worse["figure"].to_numpy() > better["figure"].to_numpy()
    assert (larger == plain["misleading"].to_numpy(bool)).all()
    assert 0.4 < larger.mean() < 0.8


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ratios: [1.02, 1.1, 1.2, 1.5, 2, 3]", "ratios: [0.9]", "ratios"),
        ("gaps: [1, 3, 6, 12, 24, 60]", "gaps: []", "gaps"),
        ("[[receive, 700], [receive, 300]]", "[[steal, 700], [receive, 300]]", "no payment"),
        ("[[receive, 700], [receive, 300]]", "[[receive, 700]]", "dominance"),
        ("ratios: [1.04, 1.4]", "ratios: [1.1]", "listed twice"),
        ('receive: "You receive {sum} {when}."', 'receive: "you receive {sum} {when}"', "has no"),
    ],
)
def test_a_wrong_design_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    (tmp_path / "discounting").mkdir()
    path = shutil.copy(FOLDER / "discounting" / "design.yaml", tmp_path / "discounting")
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        discounting.build("discounting", tmp_path)
