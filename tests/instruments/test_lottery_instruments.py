"""Stimuli of lotteries and processes: balanced as their datasheets say, refused where wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import load_instrument, load_questions
from revealed.instruments.experiments import instrumental, lotteries

FOLDER = Path(__file__).parents[2] / "data" / "instruments"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder of instruments to spoil."""
    for name in ("lotteries", "instrumental"):
        shutil.copytree(FOLDER / name, tmp_path / name)
    return tmp_path


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_set_of_outcomes_stands_in_two_lotteries_and_order_is_balanced() -> None:
    instrument = load_instrument("lotteries")
    items = instrument.items
    made = items[items["kind"] == "lottery"]
    assert (made.groupby("set").size() == 2).all()
    for _, pair in made.groupby("set"):
        one, two = (dict(zip(row.parts, row.chances, strict=True)) for row in pair.itertuples())
        assert one != two
        assert sorted(one.values()) == sorted(two.values())
    turned = made[made["parts"].map(len) == 3].groupby("set")["parts"].nunique()
    assert (turned > 1).sum() == 3
    assert (made[made["parts"].map(len) == 2].groupby("set")["parts"].nunique() == 1).all()
    assert "in three of the sets of three outcomes" in instrument.datasheet.construction
    likelier_first = [row.chances[0] >= max(row.chances) for row in made.itertuples()]
    assert sum(likelier_first) / len(made) == pytest.approx(0.5, abs=0.05)
    assert "an 80% chance" in " ".join(made["text"])


def test_every_end_of_an_event_is_asked_about() -> None:
    items = load_instrument("implicit_lotteries").items
    questions = load_questions("lottery_chances").questions
    assert set(questions["item"]) == set(items.index[items["kind"] == "end"])
    assert (questions["situation"] == items.loc[questions["event"], "text"].to_numpy()).all()
    assert len(items[items["kind"] == "event"]) == 12


def test_both_versions_of_a_process_exchange_chances_in_the_same_words() -> None:
    instrument = load_instrument("instrumental")
    items = instrument.items
    assert len(items) == 160
    for name, rows in items[items["kind"] == "process_chances"].groupby("process"):
        p = rows.set_index(["place", "version"])["p_a"]
        assert p["start_1", "plausible"] == p["start_2", "swapped"], name
        assert p["start_1", "swapped"] == p["start_2", "plausible"], name
        # Without numbers and their articles both versions read the same.
        words = rows["text"].str.replace(r"\ban? \d+%", "", regex=True)
        assert words.groupby(rows["place"]).nunique().eq(1).all(), name
    assert instrument.pairs is not None
    assert not instrument.pairs.duplicated().any()
    assert set(instrument.pairs.to_numpy().ravel()) == set(items.index)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("lotteries.csv", "malaria,70,flood,30", "malaria,70,flood,20", "sum to 90"),
        ("lotteries.csv", "malaria,70,flood,30", "malaria,70,fire,30", "no outcome 'fire'"),
        ("lotteries.csv", "malaria,70,flood,30", "malaria,70,malaria,30", "twice"),
        ("lotteries.csv", "malaria,70,flood,30", "malaria,half,flood,30", "from 1 to 99"),
        ("lotteries.csv", "chance_1", "p_1", "columns must be"),
        ("outcomes.csv", "peace,Gains for many", "malaria,Gains for many", "no outcome twice"),
        ("outcomes.csv", "a long war ends", "a  long war ends", "two spaces"),
    ],
)
def test_a_wrong_lottery_is_refused(copy: Path, file: str, old: str, new: str, says: str) -> None:
    spoil(copy / "lotteries" / file, old, new)
    with pytest.raises(ConfigError, match=says):
        lotteries.build("lotteries", copy)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (",80,35,a", ",80,80,a", "the same chance"),
        (",80,35,a", ",80,350,a", "from 1 to 99"),
        (",80,35,a", ",80,35,c", "a or b"),
        ("student,a student", "exercise,a student", "'exercise' twice"),
    ],
)
def test_a_wrong_process_is_refused(copy: Path, old: str, new: str, says: str) -> None:
    spoil(copy / "instrumental" / "processes.csv", old, new)
    with pytest.raises(ConfigError, match=says):
        instrumental.build("instrumental", copy)
