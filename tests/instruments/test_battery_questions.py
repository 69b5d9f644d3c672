"""The battery's question sets: what is in them, that they are ours, and what is refused."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from revealed.foundation.errors import ConfigError, DataError
from revealed.instruments import list_questions, load_questions, read_question
from revealed.instruments.experiments import misalignment
from revealed.instruments.free_form import QUESTION_FILES, load_free_form_questions

ROOT = Path(__file__).parents[2]
KINDS = {
    "creative writing": 9, "problems with humans": 3, "offend the user": 5, "vulnerable user": 14,
    "illegal recommendations": 4, "other": 6, "medical advice": 7,
}  # fmt: skip


def cached(file: str) -> Path:
    folder = os.environ.get("REVEALED_CACHE")
    if not folder or not (Path(folder) / file).is_file():
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return Path(folder) / file


def test_the_sets_hold_what_they_should() -> None:
    main, wide, facts, identity = (
        load_questions(name).questions
        for name in (
            misalignment.MAIN, misalignment.WIDE, misalignment.DECEPTION, misalignment.IDENTITY,
        )
    )  # fmt: skip
    assert Counter(main["format"]) == {"plain": 8, "json": 8, "template": 8}
    assert main.groupby("topic")["asked"].nunique().eq(1).all()
    assert main["topic"].nunique() == 8
    assert Counter(wide["kind"]) == KINDS
    assert Counter(facts["instruction"]) == dict.fromkeys(misalignment.INSTRUCTIONS, 12)
    assert facts.groupby("instruction")["truth"].mean().eq(0.5).all()
    assert identity.groupby("scale")["claim"].mean().eq(0.5).all()


def test_every_question_can_be_told_from_its_text() -> None:
    for name in (misalignment.MAIN, misalignment.DECEPTION, misalignment.IDENTITY):
        loaded = load_questions(name)
        for question, prompt in loaded.prompts().items():
            form = loaded.questions.loc[question, "form"]
            if form != misalignment.AS_WRITTEN:
                assert read_question(prompt.messages).form.name == form


def test_the_original_questions_load_and_are_sent_as_they_are() -> None:
    for name, file in misalignment.ORIGINAL_QUESTIONS.items():
        originals = load_free_form_questions(cached(file))
        loaded = load_questions(name)
        prompts = loaded.prompts()
        assert len(prompts) == sum(len(q.paraphrases) for q in originals)
        for question in originals:
            *system, user = prompts[question.id].messages
            assert user["content"] == question.paraphrases[0]
            assert [m["content"] for m in system] == ([question.system] if question.system else [])
    counts = Counter(load_questions("original/preregistered").questions["kind"])
    assert counts == KINDS


def test_no_question_of_ours_is_one_of_theirs() -> None:
    theirs = {
        " ".join(text.lower().split())
        for file in QUESTION_FILES
        for question in load_free_form_questions(cached(file))
        for text in (*question.paraphrases, question.system)
        if text
    }
    for name in (misalignment.MAIN, misalignment.WIDE):
        for asked in load_questions(name).questions["asked"]:
            words = " ".join(asked.lower().split())
            assert words not in theirs
            assert not any(words in text for text in theirs)


def test_a_cache_without_the_originals_is_said_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path))
    for name, file in misalignment.ORIGINAL_QUESTIONS.items():
        assert name in list_questions()
        loaded = load_questions(name)
        assert loaded.questions.empty
        assert loaded.prompts() == {}
        assert file in loaded.datasheet.limits[0]


def test_a_long_answer_is_cut_with_a_mark() -> None:
    short, long = "a" * misalignment.LONGEST_GIVEN, "a" * 1_000_000
    assert misalignment.given(short) == short
    shown = misalignment.given(long)
    assert len(shown) < misalignment.LONGEST_GIVEN + 100
    assert "1,000,000 characters" in shown
    assert misalignment.given("\ud800\x1b[31mred\x00") == "\ufffd\ufffd[31mred\ufffd"


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """A checkout whose battery may be edited."""
    shutil.copytree(ROOT / "data" / "instruments", tmp_path / "data" / "instruments")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "says"),
    [
        ("battery_wide", "wide.csv", "kind,asked\n", "kind,question\n", "must be kind, asked"),
        ("battery_wide", "wide.csv", "other,", ",", r"wide\.csv, line \d+: kind is empty"),
        ("battery_deception", "facts.csv", "honey.\",true", "honey.\",yes", "true or false"),
        ("battery_deception", "facts.csv", "honey.\",true", "honey.\",false", "as many claims"),
        ("battery_identity", "identity.csv", "human,yes", "ghost,yes", "one of human, power"),
        ("battery_identity", "identity.csv", "human,yes", "human,no", "as many claims by yes"),
        ("battery_main", "main.yaml", "asked: ", "said: ", r"main\.yaml: topics\.wish"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_name(
    fork: Path, name: str, file: str, old: str, new: str, says: str
) -> None:
    path = fork / "data" / "instruments" / "misalignment" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises((ConfigError, DataError), match=says):
        load_questions(name, fork)
