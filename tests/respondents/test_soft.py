"""P(first) from token log-probabilities."""

from __future__ import annotations

import math

import pytest

from revealed.instruments import Prompt
from revealed.respondents import Answer
from revealed.respondents.elicit import count
from revealed.respondents.soft import soften

PLAIN = Prompt([], ("A", "B"), None, "choice", False, 10)
NEUTRAL = Prompt([], ("A", "B"), "C", "choice", False, 10)
GRADED = Prompt([], ("A", "B"), "3", "graded", False, 10)


def row(**chances: float) -> list[tuple[str, float]]:
    return [(token.replace("_", " "), math.log(p)) for token, p in chances.items()]


def test_the_two_labels_share_what_they_have() -> None:
    soft = soften([row(A=0.6, B=0.2, The=0.1)], PLAIN)
    assert soft is not None
    assert soft.first / (soft.first + soft.second) == pytest.approx(0.75)
    assert soft.other == pytest.approx(0.2)


def test_what_rounding_leaves_over_is_no_other_text() -> None:
    thirds = [("A", math.log(1 / 3)), ("B", math.log(1 / 3)), (" A", math.log(1 / 3) - 1e-12)]
    soft = soften([thirds], PLAIN)
    assert soft is not None
    assert soft.other == 0.0
    assert soft.first + soft.second == pytest.approx(1.0, abs=1e-15)
    assert soften([row(A=0.6, B=0.4 - 1e-6)], PLAIN).other == pytest.approx(1e-6)  # type: ignore[union-attr]


def test_spellings_of_a_label_are_one_label() -> None:
    rows = [
        [("A", math.log(0.3)), (" A", math.log(0.2)), ("(A", math.log(0.1)), ("B", math.log(0.4))]
    ]
    soft = soften(rows, PLAIN)
    assert soft is not None
    assert (soft.first, soft.second) == (pytest.approx(0.6), pytest.approx(0.4))


def test_what_only_begins_like_a_label_is_not_one() -> None:
    rows = [[("A", math.log(0.6)), ("Although", math.log(0.2)), ("As", math.log(0.2))]]
    soft = soften(rows, PLAIN)
    assert soft is not None
    assert (soft.first, soft.second, soft.other) == (pytest.approx(0.6), 0.0, pytest.approx(0.4))


def test_markdown_and_a_cue_before_the_label_are_skipped() -> None:
    for lead in ("**", "(", "\n", "Answer"):
        soft = soften([[(lead, -0.01)], row(B=0.9, A=0.1)], PLAIN)
        assert soft is not None
        assert soft.second == pytest.approx(0.9)


def test_an_answer_in_words_is_left_to_the_parser() -> None:
    assert soften([row(I=0.9, A=0.1), row(_choose=1.0), row(_A=1.0)], PLAIN) is None
    assert soften([], PLAIN) is None
    assert soften([row(A=0.2, B=0.2, I=0.19)], PLAIN) is None  # it was about to say something else


def test_neutral_and_grades() -> None:
    soft = soften([row(C=0.5, A=0.4, B=0.1)], NEUTRAL)
    assert soft is not None
    assert (soft.first, soft.second, soft.neutral) == (
        pytest.approx(0.4), pytest.approx(0.1), pytest.approx(0.5),
    )  # fmt: skip
    graded = soften([[("2", math.log(0.4)), ("3", math.log(0.2)), ("5", math.log(0.4))]], GRADED)
    assert graded is not None
    assert graded.first == pytest.approx(0.3)
    assert graded.second == pytest.approx(0.1 + 0.4)
    assert graded.neutral == pytest.approx(0.2)


def test_soft_counts_sum_to_the_stated_sample_size() -> None:
    answers = [Answer("k", "ok", "A", logprobs=[row(A=0.7, B=0.2)])]
    counts = count(answers, PLAIN, "logprob", weight=10.0)
    assert counts["n_first"] == pytest.approx(7.0)
    assert counts["n_second"] == pytest.approx(2.0)
    assert counts["n_unparsed"] == pytest.approx(1.0)
    assert sum(counts.values()) == pytest.approx(10.0)
    refused = [Answer("k", "ok", "I can't choose", logprobs=[row(I=0.9, A=0.1)])]
    assert count(refused, PLAIN, "logprob", weight=10.0)["n_refused"] == 10.0
