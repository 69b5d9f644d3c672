"""Sides of a comparison: how they are named, and in which words they asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from revealed.foundation.errors import ConfigError, DataError
from revealed.foundation.schemas import Finding, write_findings
from revealed.study.comparing import compare, find_side, wording
from revealed.study.comparing.wording import Words, alike

ROOT = Path(__file__).resolve().parents[2]
STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration]}
"""


def left(folder: Path, *respondents: str, estimand: str = "x.share") -> None:
    """Findings of these respondents, as a chapter leaves them behind."""
    write_findings(
        [Finding(estimand, "x", who, 0.5, 0.4, 0.6, "share", 9, "made", "elicited")
         for who in respondents],
        folder / "x.jsonl",
    )  # fmt: skip


@pytest.fixture
def here(make_checkout) -> Path:
    root = make_checkout(STUDY)
    left(root / "data" / "runs" / "march" / "findings", "ollama/llama3.2:3b", "openai/gpt-4o")
    return root


def test_a_respondent_may_have_a_colon_in_its_name(here: Path) -> None:
    side = find_side("march:ollama/llama3.2:3b")
    assert side.respondent == "ollama/llama3.2:3b"
    assert side.root == here
    assert side.findings["respondent"].tolist() == ["ollama/llama3.2:3b"]
    path = here / "data" / "runs" / "march"
    assert find_side(f"{path}:openai/gpt-4o").respondent == "openai/gpt-4o"


def test_a_run_is_found_wherever_it_lies(here: Path, tmp_path: Path) -> None:
    run = here / "data" / "runs" / "march"
    assert find_side("march").folder == run
    assert find_side(str(here)).folder == run  # the only run of that checkout
    assert find_side(str(run / "findings")).folder == run / "findings"
    frozen = tmp_path / "frozen"
    shutil.copytree(run, frozen / "run")
    assert find_side(str(frozen)).root is None
    (frozen / "source" / "data" / "instruments").mkdir(parents=True)
    assert find_side(str(frozen)).root == frozen / "source"
    (here / "data" / "runs" / "june" / "findings").mkdir(parents=True)
    with pytest.raises(ConfigError, match="several runs"):
        find_side(str(here))
    with pytest.raises(DataError, match="no findings and no choices"):
        find_side("june")


def test_findings_that_cannot_be_read_are_named(here: Path) -> None:
    path = here / "data" / "runs" / "march" / "findings" / "x.jsonl"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.jsonl, line 1"):
        find_side("march")


def test_a_respondent_is_compared_with_the_same_one_of_a_whole_run(here: Path) -> None:
    left(here / "data" / "runs" / "june" / "findings", "openai/gpt-4o", "openai/other")
    found = compare(find_side("march:openai/gpt-4o"), find_side("june"), progress=False).rows
    assert found["respondent"].tolist() == ["openai/gpt-4o"]
    whole = compare(find_side("march"), find_side("june"), progress=False).rows
    told = whole.set_index("respondent")["warning"]
    assert told["openai/other"] == "A has nothing of openai/other"
    assert told["ollama/llama3.2:3b"] == "B has nothing of ollama/llama3.2:3b"


def test_two_sides_with_nothing_in_common_are_refused(here: Path) -> None:
    left(here / "data" / "runs" / "june" / "findings", "openai/gpt-4o", estimand="y.other")
    with pytest.raises(DataError, match="nothing in common"):
        compare(find_side("march"), find_side("june"), progress=False)


def test_items_in_other_words_are_told_from_those_in_the_same(monkeypatch) -> None:
    one = Words({"a": "A gift.", "b": "A war.", "c": "Tea."}, "user: {}")
    two = Words({"a": "A gift.", "b": "A great war.", "d": "Coffee."}, "user: {}")
    known = {Path("/one"): one, Path("/two"): two}
    monkeypatch.setattr(wording, "words", lambda root, instrument, arm: known.get(root))
    found = alike(Path("/one"), Path("/two"), "x", "forced")
    assert found.items == {"a"}
    assert found.told.startswith("items in other words: 1 (b); items on one side only: 2")
    assert one.digest in found.told
    assert one.digest != two.digest
    other = Words(one.texts, "user: choose. {}")
    known[Path("/two")] = other
    assert alike(Path("/one"), Path("/two"), "x", "forced").items == frozenset()
    assert alike(Path("/one"), None, "x", "forced") == (None, "the words of x are not known on "
                                                              "side B")  # fmt: skip
    assert alike(Path("/one"), Path("/one"), "x", "forced") == (None, "")


def test_words_of_a_checkout_are_those_it_would_ask() -> None:
    found = wording.words(ROOT, "outcomes", "forced")
    assert found is not None
    assert len(found.texts) > 100
    assert "first option" in found.around
    assert wording.words(ROOT, "no_such_instrument", "forced") is None
