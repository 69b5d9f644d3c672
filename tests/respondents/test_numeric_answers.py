"""Numbers read from the probabilities of one token, and what is done where there are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from server import Reply, Server, completion, error, position

from revealed.foundation.errors import RespondentError
from revealed.instruments import Datasheet, QuestionSet, question_table
from revealed.respondents import Ledger, RespondentSpec
from revealed.respondents.ask import ask
from revealed.respondents.numeric_mass import read_tokens, write_tokens

SpecFor = Callable[..., RespondentSpec]
SHEET = Datasheet(
    title="A few answers", purpose="Tries how numbers are read from answers.",
    construction="Answers made up for a test of the judge.", limits=["They measure nothing."],
)  # fmt: skip


def to_rate(*given: str) -> QuestionSet:
    rows = [{"form": "rate_alignment", "asked": "What now?", "given": text} for text in given]
    return QuestionSet("alignment", SHEET.title, question_table(rows, "test"), SHEET)


def judge(chances: dict[str, float]) -> Callable[[dict[str, Any], int], Reply]:
    """A judge that gives these probabilities, whatever it rates."""

    def behave(body: dict[str, Any], seen: int) -> Reply:
        said = next(iter(chances))
        reply = completion(said, body)
        content = json.loads(reply.body)
        if body.get("logprobs"):
            content["choices"][0]["logprobs"] = {"content": [position(chances)]}
        return Reply(body=json.dumps(content).encode())

    return behave


def test_one_token_is_asked_for_and_its_mean_is_the_value(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    server.behave = judge({"80": 0.5, "90": 0.25, " 7": 0.05, "CODE": 0.1})
    spec = spec_for(server, mode="auto", temperature=0.0)
    table = ask(spec, to_rate("One.", "Two."), 5, ledger, progress=False)
    # (80 * 0.5 + 90 * 0.25 + 7 * 0.05) / 0.8, to the accuracy of a logarithm in JSON.
    assert table["value"].tolist() == pytest.approx([62.85 / 0.8] * 2, abs=1e-9)
    assert list(table["kind"]) == ["answered"] * 2
    assert read_tokens(table["text"][0]) == {"80": 0.5, "90": 0.25, " 7": 0.05, "CODE": 0.1}
    assert server.total == 2  # the two that tell whether it gives numbers are not asked again
    assert {(b["max_tokens"], b["top_logprobs"], b["temperature"]) for b in server.bodies} == {
        (1, 20, 0.0)
    }
    again = ask(spec, to_rate("One.", "Two."), 5, ledger, progress=False)
    assert again.equals(table)
    assert server.total == 2


@pytest.mark.parametrize(
    ("chances", "kind"),
    [
        ({"REFUSAL": 0.7, "20": 0.2}, "refused"),
        ({"CODE": 0.8, "50": 0.1}, "unparsed"),
        ({"The": 0.76, "55": 0.24}, "unparsed"),
        ({"The": 0.7, "55": 0.25}, "answered"),
    ],
)
def test_below_a_quarter_there_is_no_number(
    server: Server, ledger: Ledger, spec_for: SpecFor, chances: dict[str, float], kind: str
) -> None:
    server.behave = judge(chances)
    spec = spec_for(server, mode="auto")
    table = ask(spec, to_rate("One."), 1, ledger, progress=False)
    assert table["kind"].tolist() == [kind]
    assert np.isnan(table["value"][0]) == (kind != "answered")


def test_single_digits_are_noticed_and_the_number_is_sampled(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    digits = judge({"8": 0.6, "9": 0.3})

    def behave(body: dict[str, Any], seen: int) -> Reply:
        return digits(body, seen) if body.get("logprobs") else completion("85", body)

    server.behave = behave
    spec = spec_for(server, mode="auto", temperature=0.0)
    table = ask(spec, to_rate("One."), 3, ledger, progress=False)
    assert table["value"].tolist() == [85.0] * 3
    assert table["text"].tolist() == ["85"] * 3
    sampled = [body for body in server.bodies if not body.get("logprobs")]
    # At temperature 0 three samples would be one.
    assert [body["temperature"] for body in sampled] == [1.0] * 3


def test_a_judge_without_probabilities_is_sampled_unless_told_otherwise(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    def behave(body: dict[str, Any], seen: int) -> Reply:
        body = {**body, "logprobs": None}
        return completion("REFUSAL" if "Two" in str(body) else "70", body)

    server.behave = behave
    table = ask(spec_for(server, mode="auto"), to_rate("One.", "Two."), 2, ledger, progress=False)
    assert table["kind"].tolist() == ["answered", "answered", "unparsed", "unparsed"]
    with pytest.raises(RespondentError, match="no probabilities of whole numbers"):
        ask(spec_for(server, mode="logprob"), to_rate("One."), 2, ledger, progress=False)
    server.asked.clear()
    ask(spec_for(server, mode="sample"), to_rate("Three."), 2, ledger, progress=False)
    assert all(not body.get("logprobs") for body in server.bodies[-2:])


def test_first_questions_that_fail_are_no_ground_to_sample(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    server.behave = lambda body, seen: error(500)
    with pytest.raises(RespondentError, match="did not answer the first question: told to fail"):
        ask(spec_for(server, mode="auto", retries=1), to_rate("One."), 2, ledger, progress=False)
    server.behave = judge({"85": 0.9})
    spec = spec_for(server, mode="auto", retries=1)
    assert ask(spec, to_rate("One."), 2, ledger, progress=False)["value"].tolist() == [85.0]


def test_numbers_of_other_forms_are_sampled_as_before(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    server.behave = lambda body, seen: completion("40", body)
    rows = [{"form": "chance", "situation": "It may rain.", "end": "It rains."}]
    chance = QuestionSet("chances", SHEET.title, question_table(rows, "test"), SHEET)
    table = ask(spec_for(server, mode="auto"), chance, 3, ledger, progress=False)
    assert table["value"].tolist() == [40.0] * 3
    assert all(not body.get("logprobs") for body in server.bodies)


def test_tokens_survive_being_written_and_other_text_is_none_of_them() -> None:
    tokens = {"85": 0.5, "😀": 0.1, "\ud83d": 0.1, '"}': 0.1, "\x1b[0m": 0.05, " ": 0.0}
    assert read_tokens(write_tokens(tokens)) == tokens
    for text in ("85", "", "{}", '{"a": 2}', '{"a": "b"}', "{" * 10_000, '{"a": 1} x'):
        assert read_tokens(text) is None
