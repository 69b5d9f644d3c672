from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from revealed.foundation.errors import ConfigError
from revealed.instruments import (
    Instrument,
    extract_options,
    is_padded,
    list_arms,
    load_arm,
    read_prompt,
    render,
    unpad,
)

ROOT = Path(__file__).resolve().parents[2]
ARMS = list_arms(ROOT)

LINES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]),
    min_size=1,
    max_size=120,
).filter(lambda text: text == text.strip() != "" and "\ufffd" not in text)
# Texts made to look like the prompt around them.
TRAPS = st.sampled_from(
    ["A: this", "B: that", "{first}", "{second} {label_1}", "Option A: x B: y", "Answer: A",
     "A", "(B) no", "FIRST-OPTION", "B. FIRST-OPTION", r"\1 (?P<first>.*)", "$1", "C: none"]
)  # fmt: skip


def test_the_arms_of_the_study_are_there() -> None:
    assert ARMS[0] == "forced"
    assert set(ARMS) >= {
        "forced", "must_choose", "neutral", "graded", "reason_first", "labels_12", "labels_xy",
        "paraphrase_1", "paraphrase_2", "paraphrase_3", "paraphrase_4", "paraphrase_5",
        "context_a", "context_b", "padded_even", "padded_odd", "spanish", "chinese", "hindi",
        "arabic",
    }  # fmt: skip


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_finds_every_option_again(name: str, ours: dict[str, Instrument]) -> None:
    arm = load_arm(name, ROOT)
    texts = [
        text
        for key in ("calibration", "outcomes", "countries.lives_saved", "entities.qalys",
                    "animals.deaths", "ages.happiness", "sexes.wealth")
        for text in ours[key].items["text"]
    ]  # fmt: skip
    for first, second in zip(texts, texts[1:] + texts[:1], strict=True):
        prompt = render(arm, first, second)
        found_first, found_second, labels = extract_options(prompt.messages, ROOT)
        assert (unpad(found_first, ROOT), unpad(found_second, ROOT)) == (first, second)
        assert (found_first != first) == is_padded(arm, first)
        assert (found_second != second) == is_padded(arm, second)
        assert labels == prompt.labels


@pytest.mark.parametrize("name", ARMS)
@settings(max_examples=60, deadline=None)
@given(first=LINES | TRAPS, second=LINES | TRAPS)
def test_render_and_read_are_inverse(name: str, first: str, second: str) -> None:
    arm = load_arm(name, ROOT)
    try:
        prompt = render(arm, first, second)
    except ConfigError as error:
        assert "encoding" in str(error), error  # noqa: PT017
        return
    found = read_prompt(prompt.messages, ROOT)
    assert (unpad(found.first, ROOT), unpad(found.second, ROOT)) == (first, second)
    assert found.arm.user == arm.user
    assert (found.arm.response, found.arm.neutral) == (prompt.response, prompt.neutral)


def test_forced_is_the_published_setting() -> None:
    prompt = render(load_arm("forced", ROOT), "One.", "Two.")
    assert prompt.messages[0] == {"role": "system", "content": "You are a helpful assistant."}
    assert [message["role"] for message in prompt.messages] == ["system", "user"]
    user = prompt.messages[1]["content"]
    assert user.index("One.") < user.index("Two.")
    assert (prompt.labels, prompt.max_tokens, prompt.neutral) == (("A", "B"), 10, None)


@pytest.mark.parametrize("name", ARMS)
def test_no_place_is_left_open_and_every_label_is_said(name: str) -> None:
    prompt = render(load_arm(name, ROOT), "One.", "Two.")
    user = prompt.messages[-1]["content"]
    assert "{" not in user
    for label in (*prompt.labels, *([prompt.neutral] if prompt.neutral else [])):
        assert label in user
    assert "  " not in user
    assert user == user.strip()


def test_paraphrases_differ_in_words_alone() -> None:
    arms = [load_arm(name, ROOT) for name in ARMS if name.startswith(("forced", "paraphrase"))]
    assert len(arms) == 6
    assert len({arm.user for arm in arms}) == 6
    assert len({(arm.system, arm.labels, arm.response, arm.max_tokens) for arm in arms}) == 1


def test_each_item_is_padded_in_exactly_one_arm(ours: dict[str, Instrument]) -> None:
    even, odd = load_arm("padded_even", ROOT), load_arm("padded_odd", ROOT)
    texts = ours["outcomes"].items["text"]
    padded = [is_padded(even, text) for text in texts]
    assert [not is_padded(odd, text) for text in texts] == padded
    # 563 fair coins: six standard deviations are 0.13.
    assert abs(sum(padded) / len(padded) - 0.5) < 0.13
    assert not any(is_padded(load_arm("forced", ROOT), text) for text in texts)
    assert even.padding is not None
    assert odd.padding is not None
    assert even.padding.text == odd.padding.text
    # Padding must outweigh the differences in length between the options themselves.
    assert len(even.padding.text) > texts.str.len().quantile(0.95) - texts.str.len().min()


def test_other_messages_are_no_prompt() -> None:
    with pytest.raises(ConfigError, match="not a prompt of any arm"):
        read_prompt([{"role": "user", "content": "A: one\nB: two"}], ROOT)


@pytest.mark.parametrize("text", ["", " ", "two\nlines", "x" * 241, "a\tb", " led by a space"])
def test_unfit_options_are_not_rendered(text: str) -> None:
    with pytest.raises(ConfigError, match="the option"):
        render(load_arm("forced", ROOT), "One.", text)


def test_unknown_arm() -> None:
    with pytest.raises(ConfigError, match=r"there is no arm 'loud'.*There are forced"):
        load_arm("loud", ROOT)


def _with_arm(fork: Path, entry: str) -> Path:
    path = fork / "data" / "instruments" / "arms.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\n" + textwrap.dedent(entry), "utf-8")
    return fork


def test_an_arm_is_one_entry(fork: Path) -> None:
    _with_arm(
        fork,
        """
        formal:
          like: forced
          title: Formal setting
          purpose: The forced wording in a formal setting.
          system: You advise a committee.
        """,
    )
    assert list_arms(fork)[-1] == "formal"
    prompt = render(load_arm("formal", fork), "One.", "Two.")
    assert prompt.messages[0]["content"] == "You advise a committee."
    assert read_prompt(prompt.messages, fork).arm.name == "formal"


BASE = """
new:
  title: New arm
  purpose: An arm that a test adds.
  labels: {labels}
  user: |
    {user}
"""
GOOD = "Which?\n    {label_1}: {first}\n    {label_2}: {second}\n    Say {label_1} or {label_2}."


@pytest.mark.parametrize(
    ("labels", "user", "message"),
    [
        ("[P, P]", GOOD, "not distinct"),
        ("[P, p]", GOOD, "not distinct"),
        ("[1, 2]", GOOD, "labels.0"),
        ("[P]", GOOD, "labels"),
        ("[P, '']", GOOD, "a label is not empty"),
        ("[P, 'the Q']", GOOD, "has no spaces"),
        ("[P, Q]", GOOD.replace("{second}", "it"), "must hold {second} exactly once"),
        ("[P, Q]", GOOD.replace("{first}", "it"), "must hold {first} exactly once"),
        ("[P, Q]", GOOD + "\n    {first}", "must hold {first} exactly once"),
        ("[P, Q]", GOOD.replace("{first}", "{first} or"), "{first} must end its line"),
        ("[P, Q]", GOOD.replace("{first}", "{x}").replace("{second}", "{first}").replace(
            "{x}", "{second}"), "{first} must come before"),
        ("[P, Q]", GOOD + " {other}", "unknown place {other}"),
        ("[P, Q]", GOOD + " {label_neutral}", "needs `neutral`"),
        ("[P, Q]", "Which one?\n    P: {first}\n    X: {second}\n    Say it.", "label 'Q'"),
        ("[P, Q]", GOOD + "\n  loud: true", "loud: Extra inputs"),
        ("[P, Q]", GOOD + "\n  reason_first: true", "too few for reasons"),
        ("[P, Q]", GOOD + "\n  max_tokens: 0", "max_tokens"),
        ("[P, Q]", GOOD + "\n  like: forcd", "is like 'forcd'"),
    ],
)  # fmt: skip
def test_wrong_arms_are_refused(fork: Path, labels: str, user: str, message: str) -> None:
    _with_arm(fork, BASE.replace("{labels}", labels).replace("{user}", user))
    with pytest.raises(ConfigError) as caught:
        list_arms(fork)
    assert message in str(caught.value)
    assert "arms.yaml, arm new" in str(caught.value)


def test_arms_that_cannot_be_told_apart_are_refused(fork: Path) -> None:
    _with_arm(
        fork,
        """
        twin:
          like: forced
          title: Twin
          purpose: The words of another arm with another way of answering.
          neutral: nothing
          response: graded
        """,
    )
    with pytest.raises(ConfigError, match=r"arm twin: its prompt can be taken for .* arm forced"):
        list_arms(fork)


def test_broken_yaml_names_its_line(fork: Path) -> None:
    path = fork / "data" / "instruments" / "arms.yaml"
    path.write_text("forced:\n  title: [unclosed\n  labels: x\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"arms\.yaml, line \d+"):
        list_arms(fork)
