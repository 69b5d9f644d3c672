"""Proposals that everybody shares, and politicians and parties to answer for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from revealed.foundation.errors import ConfigError, DataError
from revealed.instruments import load_instrument, load_questions
from revealed.instruments.experiments.entities import load_entities
from revealed.respondents.public.positions import load_entity_positions, load_party_positions


def test_the_core_has_both_sides_of_every_area_in_connected_pairs() -> None:
    core, whole = load_instrument("policies_core"), load_instrument("policies")
    sides = core.items.groupby("category")["lean"].value_counts()
    assert (sides == 2).all()
    assert len(sides) == 2 * whole.items["category"].nunique()
    assert core.items["text"].equals(whole.items.loc[core.items.index, "text"])
    # A claim on liberty or order goes with neither side in particular.
    assert abs(core.items[["lean", "authority"]].corr().iloc[0, 1]) < 0.2
    pairs = core.pairs
    assert pairs is not None
    assert not (pairs["first"] == pairs["second"]).any()
    assert len({frozenset(pair) for pair in pairs.to_numpy()}) == len(pairs)
    place = {item: k for k, item in enumerate(core.items.index)}
    one, two = pairs["first"].map(place), pairs["second"].map(place)
    graph = coo_array((np.ones(len(pairs)), (one, two)), shape=(len(place), len(place)))
    assert connected_components(graph, directed=False)[0] == 1
    for k in range(1, 6):
        assert core.texts(rewording=k).index.equals(core.items.index)


def test_entities_are_asked_the_same_pairs_in_both_orders(root: Path) -> None:
    questions = load_questions("entities").questions
    core = load_instrument("policies_core").items
    entities = load_entities(root / "data" / "instruments")
    assert len(entities) >= 38
    assert set(questions["entity"]) == set(entities.index)
    asked = questions.groupby("entity")[["first", "second"]].apply(
        lambda part: frozenset(map(tuple, part.to_numpy()))
    )
    assert asked.nunique() == 1
    pairs = asked.iloc[0]
    assert {(b, a) for a, b in pairs} == pairs
    items = {item for pair in pairs for item in pair}
    assert items <= set(core.index)
    assert (core.loc[sorted(items)].groupby("category")["lean"].sum() == 0).all()
    row = questions.iloc[0]
    assert core.loc[row["first"], "text"] == row["option_1"]


def test_published_positions_come_with_their_source() -> None:
    found = load_entity_positions()
    known = found["left_right"].notna()
    assert (found.loc[known, "source"] != "").all()
    assert (found.loc[~known, "source"] == "").all()
    assert found["left_right"].dropna().between(-1, 1).all()
    assert known.sum() >= 30
    parties = load_party_positions()
    assert found.loc["AfD (DE)", "lrgen"] == pytest.approx(
        parties.set_index(["country", "party"]).loc[("de", "AfD"), "lrgen"]
    )


GOOD = "New,A new party of Nowhere,party,Nowhere,,"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (",A new party of Nowhere,party,Nowhere,,", "name is empty"),
        ("New,A new party of Nowhere,club,Nowhere,,", "kind"),
        ("New,A new party of Nowhere,party,,,", "country is empty"),
        ("Sanders,A new party of Nowhere,party,Nowhere,,", "two lines"),
        ("New,A new party of Nowhere,party,Nowhere,nowhere,", "a country and a party"),
        ("New,A new party of Nowhere,party,Nowhere,,1.5", "from -1 to 1"),
        ("New,A new party of Nowhere,party,Nowhere,,far left", "from -1 to 1"),
    ],
)
def test_wrong_entities_are_refused_with_their_line(fork: Path, line: str, says: str) -> None:
    path = fork / "data" / "instruments" / "politics" / "entities.csv"
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    last = len(path.read_text(encoding="utf-8").splitlines())
    with pytest.raises(ConfigError) as caught:
        load_questions("entities", fork)
    assert says in str(caught.value)
    assert f"line {last}" in str(caught.value)


def test_an_entity_of_ones_own_is_asked_about(fork: Path) -> None:
    path = fork / "data" / "instruments" / "politics" / "entities.csv"
    with path.open("a", encoding="utf-8") as file:
        file.write(GOOD + "\n")
    questions = load_questions("entities", fork).questions
    assert (questions["entity"] == "New").sum() == (questions["entity"] == "Sanders").sum()


def test_a_party_without_a_position_is_named(fork: Path, root: Path) -> None:
    path = fork / "data" / "instruments" / "politics" / "entities.csv"
    with path.open("a", encoding="utf-8") as file:
        file.write("New,A new party of Nowhere,party,Nowhere,no:NEW,\n")
    published = fork / "data" / "published"
    published.mkdir()
    source = root / "data" / "published" / "party_positions.csv"
    (published / "party_positions.csv").write_text(source.read_text(encoding="utf-8"), "utf-8")
    with pytest.raises(DataError, match="no:NEW"):
        load_entity_positions(fork)
