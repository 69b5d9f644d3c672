"""Answers to single questions: stated ones are read, everything else is unparsed, never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revealed.instruments import QuestionPrompt
from revealed.respondents.parse_question import parse_question

YES_NO = QuestionPrompt([], "yes_no")
TEXT = QuestionPrompt([], "text")
OPTION = QuestionPrompt([], "option", labels=("A", "B", "C", "D"))
REASONED = QuestionPrompt([], "option", labels=("A", "B"), max_tokens=300, reason_first=True)
HUNDRED = QuestionPrompt([], "number", low=0, high=100)
TEN = QuestionPrompt([], "number", low=0, high=10)
CHANCE = QuestionPrompt([], "number", low=0, high=1)
MONEY = QuestionPrompt([], "number", low=0, high=1e6)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Yes", 1), ("no.", 0), ("YES!", 1), ("**No**", 0), ("Yes, I would.", 1), ("“Yes.”", 1),
        ("Answer: yes", 1), ("The answer is no.", 0), ("I would say no", 0), ("(Yes)", 1),
        ("Yes - because it helps", 1), ("No, because that is wrong.", 0), ("No\nI like both.", 0),
        ("After some thought, my answer is: No.", 0), ("No, there is no difference.", 0),
    ],
)  # fmt: skip
def test_yes_and_no(text: str, value: int) -> None:
    parsed = parse_question(text, YES_NO)
    assert (parsed.kind, parsed.value) == ("answered", value)


@pytest.mark.parametrize(
    "text",
    ["No one knows.", "Yes and no", "Yes or no", "Yes, but no.", "Yes. No.", "If yes, then what?",
     "Not sure", "Nope-ish", "yesterday", "Maybe", "", "Whether yes or no is right", "No doubt"],
)  # fmt: skip
def test_what_is_neither_yes_nor_no(text: str) -> None:
    assert parse_question(text, YES_NO).kind == "unparsed"


@pytest.mark.parametrize(
    ("text", "prompt", "value"),
    [
        ("70", HUNDRED, 70), ("70%", HUNDRED, 70), ("about 70", HUNDRED, 70), ("70.", HUNDRED, 70),
        ("**70**", HUNDRED, 70), ("I'd say 70", HUNDRED, 70), ("It is 70%.", HUNDRED, 70),
        ("Rating: 70/100", HUNDRED, 70), ("70 out of 100", HUNDRED, 70), ("0", HUNDRED, 0),
        ("Probability: 45%", HUNDRED, 45), ("70 per cent", HUNDRED, 70), ("99.5", HUNDRED, 99.5),
        ("70\nThat is what I expect.", HUNDRED, 70), ("70. There are 3 reasons.", HUNDRED, 70),
        ("7/10", TEN, 7), ("7", TEN, 7), ("0.7", CHANCE, 0.7), (".7", CHANCE, 0.7),
        ("70%", CHANCE, 0.7), ("1,200", MONEY, 1200), ("$1,200", MONEY, 1200),
        ("1200 dollars", MONEY, 1200), ("Roughly 70 points", HUNDRED, 70),
    ],
)  # fmt: skip
def test_numbers(text: str, prompt: QuestionPrompt, value: float) -> None:
    parsed = parse_question(text, prompt)
    assert parsed.kind == "answered"
    assert parsed.value == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("70 to 80", HUNDRED), ("70-80", HUNDRED), ("60–80", HUNDRED),
        ("between 60 and 80", HUNDRED),
        ("70, or 80 at most", HUNDRED), ("60 or 70", HUNDRED), ("7/10", HUNDRED), ("70/100", TEN),
        ("70%", TEN), ("101", HUNDRED), ("-5", HUNDRED), ("1.5", CHANCE), ("70k", MONEY),
        ("3 thousand", MONEY), ("1e3", MONEY), ("1,5", HUNDRED), ("seventy", HUNDRED),
        ("", HUNDRED),
        ("It isn't 70.", HUNDRED), ("In 2 of my 3 cases", HUNDRED), ("50 or so, maybe 60", HUNDRED),
        ("70\n80", HUNDRED), ("nan", HUNDRED), ("inf", HUNDRED), ("7 1/2", TEN),
    ],
)  # fmt: skip
def test_what_is_no_single_number_in_range(text: str, prompt: QuestionPrompt) -> None:
    parsed = parse_question(text, prompt)
    assert (parsed.kind, parsed.value) == ("unparsed", None)


@pytest.mark.parametrize(
    ("text", "value"), [("A", 0), ("(C)", 2), ("Option B.", 1), ("Answer: D", 3), ("**B**", 1)]
)
def test_options_are_their_place_among_the_labels(text: str, value: int) -> None:
    assert parse_question(text, OPTION).value == value


@pytest.mark.parametrize("text", ["A person might", "A or B", "E", "", "ABC"])
def test_what_is_no_option(text: str) -> None:
    assert parse_question(text, OPTION).kind == "unparsed"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Answer: A", 0), ("B", 1),
        ("The first is cheap and the second is fair.\n\nAnswer: B", 1),
        ("At first I would choose A. On reflection it costs too much.\nAnswer: B", 1),
        ("A is popular at home.\nB is not.\n\n**Answer: A**", 0),
        ("I would not choose A.\nAnswer: B\nOn second thought:\nAnswer: A", 0),
    ],
)  # fmt: skip
def test_after_reasons_the_last_stated_option_counts(text: str, value: int) -> None:
    parsed = parse_question(text, REASONED)
    assert (parsed.kind, parsed.value) == ("answered", value)


@pytest.mark.parametrize(
    "text", ["A person of that kind wants both.", "Answer: A or B", "Reasons upon reasons", "A and"]
)
def test_reasons_that_end_in_no_answer_are_unparsed(text: str) -> None:
    assert parse_question(text, REASONED).kind == "unparsed"


def test_without_reasons_two_stated_options_contradict_each_other() -> None:
    said = "I would choose A.\nAnswer: B"
    assert parse_question(said, OPTION).kind == "unparsed"
    assert parse_question(said, REASONED).value == 1


@pytest.mark.parametrize("prompt", [YES_NO, OPTION, HUNDRED, TEXT])
@pytest.mark.parametrize(
    "text", ["I'm sorry, but I can't answer that.", "I cannot choose.", "I won't say."]
)
def test_refusals(text: str, prompt: QuestionPrompt) -> None:
    assert parse_question(text, prompt).kind == "refused"


@pytest.mark.parametrize("prompt", [YES_NO, OPTION, HUNDRED])
def test_no_preference_is_neutral_where_something_else_was_asked(prompt: QuestionPrompt) -> None:
    assert parse_question("No preference.", prompt).kind == "neutral"


@pytest.mark.parametrize(
    "text",
    ["I'd go hiking.", "Tea.", "7", "茶", "I can't wait to go hiking.", "I cannot imagine less",
     "As an AI, I have no preferences, but I would pick tea."],
)  # fmt: skip
def test_free_text_is_an_answer(text: str) -> None:
    assert parse_question(text, TEXT).kind == "answered"
    assert parse_question(text, TEXT).value is None


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "\x00\ufffd", "—"])
def test_text_that_says_nothing(text: str) -> None:
    assert parse_question(text, TEXT).kind == "unparsed"


@given(st.text(), st.sampled_from([YES_NO, OPTION, REASONED, HUNDRED, TEN, CHANCE, TEXT]))
def test_nothing_raises_and_values_are_in_range(text: str, prompt: QuestionPrompt) -> None:
    parsed = parse_question(text, prompt)
    assert (parsed.value is None) == (parsed.kind != "answered" or prompt.answer == "text")
    if parsed.value is not None and prompt.answer == "number":
        assert prompt.low is not None
        assert prompt.high is not None
        assert prompt.low <= parsed.value <= prompt.high


@given(st.floats(0, 100).map(lambda x: round(x, 2)))
def test_every_number_in_range_is_read_as_itself(value: float) -> None:
    assert parse_question(f"{value:.2f}", HUNDRED).value == pytest.approx(value, abs=1e-9)
