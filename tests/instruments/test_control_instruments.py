"""The assembly's pairs for a respondent itself, and what is asked beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import project_root
from revealed.instruments import load_instrument, load_questions

ROOT = project_root(Path(__file__).parent)


def test_the_pairs_are_those_that_the_assembly_votes_on() -> None:
    asked = load_instrument("assembly_pairs")
    assert asked.pairs is not None
    voted = load_questions("assembly").questions.drop_duplicates("pair").set_index("pair")
    own = asked.pairs.set_index("pair")
    assert list(own.index) == list(voted.index)
    for column in ("first", "second", "split"):
        assert (own[column] == voted[column]).all()
    assert set(own["first"]) | set(own["second"]) == set(asked.items.index)
    assert (
        asked.items["text"] == load_instrument("policies").items["text"][asked.items.index]
    ).all()


@pytest.mark.parametrize(("name", "source"), [
    ("control_lives", "countries.lives_saved"), ("control_outcomes", "outcomes"),
])  # fmt: skip
def test_samples_are_those_of_their_sources_and_the_same_every_time(name: str, source: str) -> None:
    made, whole = load_instrument(name), load_instrument(source)
    assert made.pairs is not None
    assert made.pairs.equals(load_instrument(name).pairs)
    assert made.items.equals(whole.items.loc[made.items.index])
    pairs = [
        frozenset(pair) for pair in zip(made.pairs["first"], made.pairs["second"], strict=True)
    ]
    assert len(set(pairs)) == len(pairs)
    assert min(map(len, pairs)) == 2


def test_lives_are_compared_at_near_quantities_and_evenly() -> None:
    made = load_instrument("control_lives")
    assert made.pairs is not None
    grid = sorted(set(made.items["quantity"]))
    # The slope of simulated respondents rests on the ends of the grid: both must be there.
    assert (grid[0], grid[-1]) == (1, 1000)
    place = made.items["quantity"].map(grid.index)
    good = made.items["good"]
    for row in made.pairs.itertuples():
        assert abs(place[row.first] - place[row.second]) <= 1
        assert good[row.first] != good[row.second]
    counts = [*good[made.pairs["first"]], *good[made.pairs["second"]]]
    asked = [counts.count(name) for name in made.reference]
    assert max(asked) - min(asked) <= len(made.reference) // 2


@pytest.mark.parametrize(("old", "new", "told"), [
    ("pairs: 90", "pairs: 9000", "at most"),
    ("Mexico]", "Atlantis]", "no good 'Atlantis'"),
    ("items: 50", "items: 5000", "items"),
    ("rings: 2", "ring: 2", "rings"),
])  # fmt: skip
def test_a_design_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    shutil.copytree(ROOT / "data" / "instruments", tmp_path / "data" / "instruments")
    (tmp_path / "study.yaml").write_text("seed: 1\n")
    path = tmp_path / "data" / "instruments" / "control" / "design.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    name = "control_outcomes" if "outcomes" in told or old.startswith(("items", "rings")) else (
        "control_lives"
    )  # fmt: skip
    with pytest.raises(ConfigError, match=told):
        load_instrument(name, tmp_path)
