"""The questions of an assembly: pairs in balance, orders counterbalanced, splits kept apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import instruments_folder, load_instrument, load_questions, read_question
from revealed.instruments.experiments import assembly
from revealed.respondents.simulated.traits.assembly import EFFECTS

QUESTIONS = load_questions("assembly").questions
ITEMS = load_instrument("policies").items
PAIRS = QUESTIONS.drop_duplicates("pair").set_index("pair")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data" / "instruments"
    for name in ("assembly", "politics"):
        shutil.copytree(instruments_folder() / name, made / name)
    for name in ("forms.yaml", "arms.yaml"):
        shutil.copy(instruments_folder() / name, made / name)
    return made


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "assembly" / "design.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_everybody_answers_every_pair_once() -> None:
    design = assembly.load_design(instruments_folder())
    counts = QUESTIONS.groupby(["person", "pair"]).size()
    assert (counts == 1).all()
    assert len(counts) == design.profiles * sum(design.pairs.values()) == len(QUESTIONS)


def test_half_of_the_profiles_see_either_order() -> None:
    turned = QUESTIONS.groupby("pair")["turned"].sum()
    assert (turned == QUESTIONS["person"].nunique() / 2).all()
    # What a place holds is what the question says.
    for row in QUESTIONS.iloc[::97].itertuples():
        shown = ITEMS.loc[[row.first, row.second], "text"].tolist()
        assert [row.option_1, row.option_2] == (shown[::-1] if row.turned else shown)


def test_a_table_sees_what_it_talks_about_in_one_order() -> None:
    orders = QUESTIONS[QUESTIONS["heard"] == 1].groupby(["pair", "group"])["turned"].nunique()
    assert (orders == 1).all()


def test_pairs_join_two_areas_and_use_a_proposal_once() -> None:
    first, second = (ITEMS.loc[PAIRS[side]] for side in ("first", "second"))
    assert (first["category"].to_numpy() != second["category"].to_numpy()).all()
    assert len({*PAIRS["first"], *PAIRS["second"]}) == 2 * len(PAIRS)
    lean = (first["lean"].to_numpy() - second["lean"].to_numpy()) / 2
    assert (PAIRS["lean"] == lean).all()


def test_sides_and_places_are_in_balance() -> None:
    assert (PAIRS["lean"] != 0).mean() == pytest.approx(0.7)
    assert (PAIRS["lean"] == 1).sum() == (PAIRS["lean"] == -1).sum()
    same = PAIRS[PAIRS["lean"] == 0]
    assert ITEMS.loc[same["first"], "lean"].sum() == 0


def test_kept_areas_touch_no_other_pair() -> None:
    areas = {
        split: {
            area
            for side in ("first", "second")
            for area in ITEMS.loc[PAIRS.loc[PAIRS["split"] == split, side], "category"]
        }
        for split in assembly.SPLITS
    }
    assert not areas["area"] & (areas["train"] | areas["pair"])
    assert areas["pair"] <= areas["train"]


def test_one_of_each_table_speaks_on_every_pair_that_is_heard() -> None:
    spoken = load_questions("assembly_reasons").questions
    assert (spoken["heard"] == 1).all()
    assert (spoken.groupby(["pair", "group"]).size() == 1).all()
    assert spoken["pair"].nunique() == PAIRS["heard"].sum() == len(PAIRS) / 2
    assert spoken["person"].nunique() > 0.9 * QUESTIONS["person"].nunique()
    # They see the order that they saw before.
    keys = ["person", "pair"]
    both = spoken.merge(QUESTIONS, on=keys, suffixes=("", "_before"))
    assert (both["turned"] == both["turned_before"]).all()


def test_the_plain_set_names_nobody() -> None:
    plain = load_questions("assembly_plain")
    assert set(plain.questions["pair"]) == set(PAIRS.index)
    assert (plain.questions.groupby("pair")["turned"].sum() == 1).all()
    for prompt in plain.prompts().values():
        assert "person" not in prompt.messages[-1]["content"].split("\n")[0]
        assert read_question(prompt.messages).form.name == "answer_plain"


def test_forms_are_read_back() -> None:
    for name in assembly.QUESTION_SETS:
        asked = load_questions(name)
        prompts = asked.prompts()
        for question in list(prompts)[::29]:
            form, places = read_question(prompts[question].messages)
            assert form.name == asked.questions.loc[question, "form"]
            for place, text in places.items():
                assert text == asked.questions.loc[question, place]


def test_simulators_know_words_that_the_margins_use() -> None:
    words = {
        value.words
        for country in ("us", "de")
        for attribute in assembly.load_census(
            instruments_folder() / "assembly" / f"{country}.yaml"
        ).attributes
        for value in attribute.values
    }
    assert set(EFFECTS) <= words


def test_another_country_is_one_file_and_one_word(folder: Path) -> None:
    change(folder, "census: us", "census: de")
    change(folder, "held_out_areas: 6", "held_out_areas: 4")
    asked = assembly.build_questions("assembly", folder).questions
    world = load_instrument("policies_world").items
    assert {*asked["first"], *asked["second"]} <= set(world.index)
    assert asked["profile"].str.contains("Germany").any()
    # Fewer proposals than places: they are used again, and no pair is.
    pairs = asked.drop_duplicates("pair")
    assert pairs[["first", "second"]].apply(frozenset, axis=1).is_unique
    assert pairs[["first", "second"]].stack().value_counts().max() == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("census: us", "census: atlantis", r"no margins 'atlantis'.*There are de, us"),
        ("area: 10}", "area: 100}", "too few proposals"),
        ("area: 10}", "other: 10}", "pairs: name train, pair, area"),
        ("held_out_areas: 6", "held_out_areas: 17", "leave no pair of two areas"),
        ("profiles: 60", "profiles: 1", "profiles"),
        ("opposed: 0.7", "opposed: .nan", "opposed"),
        ("seats: 5", "chairs: 5", "seats"),
    ],
)
def test_a_wrong_design_is_refused_by_name(folder: Path, old: str, new: str, told: str) -> None:
    change(folder, old, new)
    with pytest.raises(ConfigError, match=told):
        assembly.build_questions("assembly", folder)


def test_an_edited_file_is_read_again(folder: Path) -> None:
    before = assembly.build_questions("assembly", folder).questions
    change(folder, "profiles: 60", "profiles: 61")
    after = assembly.build_questions("assembly", folder).questions
    assert len(after) == len(before) * 61 / 60
    # An odd one out does not always see the same order.
    assert set(after.groupby("pair")["turned"].sum()) == {30, 31}
