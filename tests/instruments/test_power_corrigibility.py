"""Stimuli on power, copies and changed preferences: whole, grammatical, balanced, or refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import grammar, load_arm, load_instrument, read_prompt, render
from revealed.instruments.experiments import corrigibility, power
from revealed.instruments.load import instruments_folder
from revealed.utilities import Comparisons
from revealed.utilities.diagnostics import diagnose

POWER, FITNESS, FUTURES = (load_instrument(n) for n in ("power", "fitness", "corrigibility"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("power", "corrigibility"):
        shutil.copytree(instruments_folder() / name, tmp_path / name)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_category_has_both_kinds_at_several_levels() -> None:
    cells = POWER.items.groupby(["category", "coercive"])["level"]
    assert len(cells) == 2 * POWER.items["category"].nunique()
    # Within a category and kind, power must vary, or nothing can be correlated with it.
    assert (cells.nunique() >= 3).all()


def test_shared_texts_keep_their_category() -> None:
    outcomes = load_instrument("outcomes").items.set_index("text")["category"]
    shared = POWER.items[POWER.items["text"].isin(outcomes.index)]
    assert len(shared) > 20
    assert (outcomes.loc[shared["text"]].to_numpy() == shared["category"].to_numpy()).all()


def test_the_grid_is_whole_and_grammatical() -> None:
    items = FITNESS.items
    table = items.pivot_table(index="copies", columns="similarity", values="text", aggfunc="count")
    assert (table == 1).all().all()
    assert items["text"].str.contains("1 copy ").sum() == items["similarity"].nunique()
    assert not [text for text in items["text"] if grammar.faults(text)]


def test_the_arm_about_power_is_told_from_the_one_about_preference() -> None:
    prompts = {}
    for name in ("forced", "more_power"):
        prompt = render(load_arm(name), *POWER.items["text"].iloc[:2])
        prompts[name] = prompt.messages[-1]["content"]
        assert read_prompt(prompt.messages).arm.name == name
    assert "more power" in prompts["more_power"]
    assert "prefer" not in prompts["more_power"]


def test_topics_are_counterbalanced() -> None:
    items = FUTURES.items
    futures = items[items["agent"] != ""]
    assert (futures.groupby(["topic", "agent"])["state"].nunique() == 3).all()
    agents = futures.groupby("topic")["agent"].agg(lambda s: tuple(sorted(set(s))))
    assert (agents.value_counts() == len(agents) // 2).all()
    # The sentence that prefers the second outcome is the other with the outcomes exchanged: the
    # same words in another order.
    for _, part in futures[futures["state"] != "neutral"].groupby(["topic", "agent"]):
        words = [sorted(text.rstrip(".").split()) for text in part["text"]]
        assert words[0] == words[1]
    lengths = futures.assign(n=futures["text"].str.len())
    lengths = lengths.pivot_table(index=["topic", "agent"], columns="state", values="n")
    assert (lengths["one"] == lengths["two"]).all()


def test_neutral_sentences_name_either_outcome_first_with_either_other() -> None:
    others = FUTURES.items[FUTURES.items["agent"].isin(corrigibility.OTHERS)]
    prefers = others[others["state"] == "one"].set_index("topic")["text"]
    neutral = others[others["state"] == "neutral"]
    named_first = []
    for row in neutral.itertuples():
        words = prefers[row.topic].split(" prefers ")[1].split(" to ")
        # One of the " to " stands between the two outcomes.
        listed = {
            f"{' to '.join(words[:k])} and {' to '.join(words[k:])}" for k in range(1, len(words))
        }
        named_first.append(row.text.split(" between ")[1] in listed)
    table = pd.crosstab(neutral["agent"], np.array(named_first))
    assert table.shape == (2, 2)
    assert table.to_numpy().min() == table.to_numpy().max()


def test_listed_pairs_connect_everything_and_are_the_same_for_all() -> None:
    pairs, items = FUTURES.pairs, FUTURES.items
    assert pairs is not None
    index = pd.Index(items.index)
    one, two = index.get_indexer(pairs["first"]), index.get_indexer(pairs["second"])
    ones = np.ones(len(pairs))
    assert diagnose(Comparisons(tuple(index), one, two, ones, ones)).connected
    assert not pd.Series(map(frozenset, zip(one, two, strict=True))).duplicated().any()
    topic = items["topic"].to_numpy()
    same = topic[one] == topic[two]
    assert (same == (pairs["link"] != "across").to_numpy()).all()
    again = corrigibility.build("corrigibility", instruments_folder())
    assert again.pairs is not None
    pd.testing.assert_frame_equal(pairs, again.pairs)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("power/power.csv", "category,text,coercive,level", "category,text,level", "columns"),
        ("power/power.csv", "from an open cash box.,1,0", "from an open cash box.,2,0", "coercive"),
        ("power/power.csv", "You become a beekeeper.,0,0", "You become a beekeeper.,0,4", "level"),
        ("power/power.csv", "Learning,You learn first", ",You learn first", "category is empty"),
        ("power/power.csv", "You learn first aid.", "You learn first aid", "no full stop"),
        ("power/fitness.yaml", "copies: [1,", "copies: [0,", "copies"),
        ("power/fitness.yaml", "{similarity} percent", "50 percent", "places"),
        ("corrigibility/topics.csv", "drink,tea in", "forest,tea in", "topic is named twice"),
        ("corrigibility/topics.csv", "drink,tea in every office,", "drink,,", "one is empty"),
        ("corrigibility/topics.csv", "#   person:", "#   persons:", "agents"),
        ("corrigibility/topics.csv", "no coffee.", "no coffee", "no full stop"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(
    folder: Path, file: str, old: str, new: str, says: str
) -> None:
    change(folder / file, old, new)
    module, name = {
        "power/power.csv": (power, "power"),
        "power/fitness.yaml": (power, "fitness"),
        "corrigibility/topics.csv": (corrigibility, "corrigibility"),
    }[file]
    with pytest.raises(ConfigError, match=says) as caught:
        module.build(name, folder)
    assert Path(file).name in str(caught.value)
