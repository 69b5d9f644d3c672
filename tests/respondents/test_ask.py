"""Questions through the same client as pairs: every kind of answer, nothing asked twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from server import Server, completion, error

from revealed.foundation.errors import BudgetError, ConfigError, RespondentError
from revealed.foundation.schemas import ANSWERS, check
from revealed.instruments import Datasheet, QuestionSet, question_table
from revealed.respondents import Budget, Ledger, RespondentSpec
from revealed.respondents.ask import ask

SpecFor = Callable[..., RespondentSpec]
SHEET = Datasheet(
    title="A few questions",
    purpose="Tries how single questions are asked.",
    construction="Questions made up for a test of the client.",
    limits=["They measure nothing about anybody at all."],
)


def questions(count: int, form: str = "open_answer", **places: str) -> QuestionSet:
    rows = [{"form": form, "asked": f"What is best on day {n}?", **places} for n in range(count)]
    return QuestionSet("few", SHEET.title, question_table(rows, "test"), SHEET)


MATCH = {"given": "tea\n</answer>", **{f"option_{n}": f"drink {n}" for n in range(1, 6)}}


def test_a_row_an_answer_in_the_order_of_the_set(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    server.behave = lambda body, seen: completion(body["messages"][-1]["content"].split("?")[0])
    asked = questions(3)
    table = ask(spec_for(server), asked, 2, ledger, progress=False)
    check(table, ANSWERS, "test")
    assert list(table["question"]) == [q for q in asked.questions.index for _ in range(2)]
    assert list(table["sample"]) == [0, 1] * 3
    assert list(table["text"]) == [f"What is best on day {n}" for n in range(3) for _ in range(2)]
    assert set(table["kind"]) == {"answered"}
    assert table["value"].isna().all()
    assert set(table["provenance"]) == {"elicited"}
    (sent,) = {body["max_tokens"] for body in server.bodies}
    assert sent == 60


def test_every_kind_of_answer_keeps_its_kind_and_its_text(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    replies = [
        completion("B"), completion("No preference"), completion("I cannot say."),
        completion(None, refusal="no"), completion("A person <b>might</b>"),
        error(400, "malformed"), completion(""), completion("Option F."),
    ]  # fmt: skip
    server.behave = lambda body, seen: replies[(server.total - 1) % 8]
    spec = spec_for(server, concurrency=1)
    table = ask(spec, questions(1, "match_answer", **MATCH), 8, ledger, progress=False)
    assert list(table["kind"]) == [
        "answered", "neutral", "refused", "refused", "unparsed", "failed", "unparsed", "answered",
    ]  # fmt: skip
    assert table["value"].dropna().to_dict() == {0: 1.0, 7: 5.0}
    assert table["text"][4] == "A person <b>might</b>"
    # Text of strangers cannot leave its block, whatever it holds.
    assert all(b["messages"][-1]["content"].count("</answer>") == 1 for b in server.bodies)


def test_nothing_is_asked_twice_and_more_samples_ask_the_difference(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    server.behave = lambda body, seen: completion("Tea.")
    spec = spec_for(server)
    first = ask(spec, questions(4), 2, ledger, progress=False)
    assert server.total == 8
    assert ask(spec, questions(4), 2, ledger, progress=False).equals(first)
    assert server.total == 8
    ask(spec, questions(5), 3, ledger, progress=False)
    assert server.total == 15


def test_a_failed_answer_is_asked_again_next_time(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    server.behave = lambda body, seen: error(400)
    spec = spec_for(server)
    failed = ask(spec, questions(2), 1, ledger, progress=False)
    assert set(failed["kind"]) == {"failed"}
    server.behave = lambda body, seen: completion("Tea.")
    assert set(ask(spec, questions(2), 1, ledger, progress=False)["kind"]) == {"answered"}


def test_a_budget_stops_questions_too(server: Server, ledger: Ledger, spec_for: SpecFor) -> None:
    server.behave = lambda body, seen: completion("Tea.")
    spec = spec_for(server, input_cost_per_token=1.0, output_cost_per_token=1.0)
    with pytest.raises(BudgetError):
        ask(spec, questions(2), 1, ledger, budget=Budget(1.0), progress=False)
    assert server.total == 0


def test_what_is_wrong_is_said_before_anything_is_asked(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    spec, asked = spec_for(server), questions(2)
    with pytest.raises(ConfigError, match="asks for 0 answers"):
        ask(spec, asked, 0, ledger, progress=False)
    broken = questions(2)
    broken.questions["asked"] = "two\nlines"
    with pytest.raises(ConfigError, match="place asked"):
        ask(spec, broken, 1, ledger, progress=False)
    unknown = questions(2)
    unknown.questions["form"] = "nothing"
    with pytest.raises(ConfigError, match="there is no form 'nothing'"):
        ask(spec, unknown, 1, ledger, progress=False)
    assert server.total == 0


def test_an_empty_set_gives_an_empty_table(ledger: Ledger) -> None:
    spec = RespondentSpec(name="simulated/coherent", model="simulated/coherent")
    table = ask(spec, questions(0), 1, ledger, progress=False)
    assert table.empty
    assert list(table.columns) == list(ANSWERS.columns)


def simulated(name: str, ledger: Ledger, asked: QuestionSet, samples: int = 1):  # type: ignore[no-untyped-def]
    spec = RespondentSpec(name=f"simulated/{name}", model=f"simulated/{name}")
    return ask(spec, asked, samples, ledger, progress=False)


def test_simulated_answers_are_repeatable_and_differ_between_samples(
    ledger: Ledger, tmp_path: Path
) -> None:
    asked = questions(5)
    one = simulated("coherent", ledger, asked, 6)
    with Ledger(tmp_path / "second.sqlite") as other:
        assert simulated("coherent", other, asked, 6).equals(one)
    assert set(one["provenance"]) == {"simulated"}
    assert one.groupby("question")["text"].nunique().min() > 1


def test_refusals_junk_and_faults_come_with_questions_too(ledger: Ledger) -> None:
    asked = questions(200, "match_answer", **MATCH)
    kinds = simulated("refusing", ledger, asked)["kind"].value_counts(normalize=True)
    # 200 draws of 0.7: three standard errors are 0.1.
    assert kinds["refused"] == pytest.approx(0.7, abs=0.1)
    flaky = simulated("flaky?junk_rate=0.3&broken_rate=0.2", ledger, asked)
    shares = flaky["kind"].value_counts(normalize=True)
    assert shares["failed"] == pytest.approx(0.2, abs=0.09)
    # Of what comes, three in ten are junk; no junk text states a letter of this form alone.
    assert shares["unparsed"] == pytest.approx(0.24, abs=0.1)


def test_a_form_that_no_simulated_respondent_knows_is_said_at_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from revealed.respondents.simulated import respondent

    asked = questions(2, "match_answer", **MATCH)
    monkeypatch.delitem(respondent.REPLIES, "match_answer")
    with pytest.raises(RespondentError, match="knows how to answer the form 'match_answer'"):
        simulated("coherent", ledger, asked)
    # Free text needs no declaration: anything will do.
    monkeypatch.delitem(respondent.REPLIES, "open_answer")
    assert set(simulated("coherent", ledger, questions(2))["kind"]) == {"answered"}


def test_a_matcher_reads_words_and_errs_as_often_as_declared(ledger: Ledger) -> None:
    options = ["green tea", "black coffee", "cold milk", "orange juice", "still water"]
    places = {f"option_{n}": text for n, text in enumerate(options, start=1)}
    rows = [
        {"form": "match_answer", "asked": f"What do you drink on day {n}?",
         "given": f"I would go for {options[n % 5]}." if n % 6 else "Nothing at all.", **places}
        for n in range(150)
    ]  # fmt: skip
    asked = QuestionSet("few", "Few", question_table(rows, "test"), SHEET)
    right = [float(n % 5) if n % 6 else 5.0 for n in range(150)]
    table = simulated("matcher?match_error=0", ledger, asked)
    assert list(table["value"]) == right
    errs = simulated("matcher?match_error=0.2", ledger, asked)["value"] != right
    # 150 draws of 0.2: three standard errors are 0.1.
    assert errs.mean() == pytest.approx(0.2, abs=0.1)
    assert (simulated("matcher?match_slot=1", ledger, asked)["value"] == 0).all()
