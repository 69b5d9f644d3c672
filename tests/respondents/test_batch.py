"""Asking by batch: each request paid once whatever happens, and the ledger of asking at once."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import questions_of
from batch_server import BatchServer
from killed_batch import QUESTIONS, QUICK, SAMPLES, ask_by_batch, spec_at
from server import Reply, completion, error, faithful

from revealed.foundation.errors import BudgetError, DataError, RespondentError
from revealed.respondents import Answer, Budget, Ledger, Request, RespondentSpec
from revealed.respondents.batch import (
    Batch,
    batch_price,
    batches_of,
    cancel,
    check_batches,
    folder_of,
    journal_locked,
)
from revealed.respondents.batch.bodies import Bodies
from revealed.respondents.batch.job import BatchWorker, batch_door
from revealed.respondents.batch.journal import Asked
from revealed.respondents.batch.results import read_results
from revealed.respondents.batch.rounds import grouped
from revealed.respondents.client import check_respondent, collect
from revealed.respondents.door import Door

SUBMIT, UPLOAD, LOOK = "POST /batches", "POST /files", "GET /batches/ID"
FETCH = "GET /files/ID/content"
PRICED = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-3}


@pytest.fixture
def provider() -> Iterator[BatchServer]:
    with BatchServer() as server:
        yield server


def at_once(spec: RespondentSpec, ledger: Ledger, requests: list[Request]) -> list[Answer]:
    now = spec.model_copy(update={"batch": None})
    return asyncio.run(collect(requests, now, ledger, progress=False))


def kept(ledger: Ledger) -> list[Batch]:
    return batches_of(folder_of(ledger.path))


def same(answer: Answer) -> tuple[Any, ...]:
    """What an answer says, apart from how long it took and what it cost."""
    return (
        answer.key, answer.status, answer.text, answer.reasoning, answer.logprobs,
        answer.finish_reason, answer.prompt_tokens, answer.completion_tokens,
        answer.returned_model, answer.dropped, answer.attempts,
    )  # fmt: skip


def test_asked_by_batch_or_at_once_the_ledger_is_the_same(
    provider: BatchServer, ledger: Ledger, tmp_path: Path
) -> None:
    spec = spec_at(provider.url, **PRICED)
    requests = questions_of(spec, 5, 2)
    told: list[str] = []
    batched = ask_by_batch(spec, ledger, requests, told=told)
    assert [row["custom_id"] for row in provider.lines()] == [r.key for r in requests]
    # Half the price, said first, and booked.
    assert "0.5 of the ordinary price" in told[0]
    assert sum(answer.cost or 0 for answer in batched) == pytest.approx(10 * 0.5 * (1e-4 + 1e-3))
    # Afterwards nothing is asked again, in either way, and the reverse.
    before = provider.asked.total()
    assert at_once(spec, ledger, requests) == batched
    assert provider.asked.total() == before
    with Ledger(tmp_path / "other.sqlite") as other:
        now = at_once(spec, other, requests)
        assert [*map(same, now)] == [*map(same, batched)]
        before = provider.asked.total()
        ask_by_batch(spec, other, requests)
        assert provider.asked.total() == before
    # Of a batch that is over, its account is kept and what was sent is not.
    assert [p.suffix for p in folder_of(ledger.path).iterdir()].count(".jsonl") == 0
    assert [(b.status, b.answered) for b in kept(ledger)] == [("completed", 10)]


SHAPES: list[dict[str, Any]] = [
    {},
    {"system": "Answer as you like.", "temperature": 0.3},
    {"examples": (("A or B?", "A"), ("C or D?", "D")), "trigger": "§ Nämlich:"},
    {"params": {"seed": 7, "top_p": 0.5, "logit_bias": {"32": 1}}, "max_tokens": 3},
    {"model": "openai/o3-mini", "system": "Kurz."},
    {"model": "openai/gpt-5-mini", "params": {"reasoning_effort": "low"}},
]


@pytest.mark.parametrize("logprob", [False, True])
@pytest.mark.parametrize("change", SHAPES)
def test_bodies_are_byte_for_byte_those_of_asking_at_once(
    provider: BatchServer, ledger: Ledger, change: dict[str, Any], logprob: bool
) -> None:
    spec = spec_at(provider.url, **change)
    door = Door(spec)
    texts = ["A or B?", 'Quotes " and \\ and\nlines', "Ein Ü, a 😀, and \u2028"]
    messages = [
        [{"role": "system", "content": "S"}, {"role": "user", "content": text}] for text in texts
    ] + [[{"role": "user", "content": text}] for text in texts]
    requests = [Request(door.question(m, 10, logprob=logprob)) for m in messages]
    at_once(spec.model_copy(update={"concurrency": 1}), ledger, requests)
    bodies = Bodies(door)

    async def made() -> list[bytes]:
        return [await bodies.body(request.question) for request in requests]

    assert asyncio.run(made()) == provider.at_once
    # One question of a shape went through LiteLLM; where it changes messages, each did.
    shapes = {tuple(message["role"] for message in r.question.messages) for r in requests}
    assert bodies.asked == (6 if spec.model == "openai/o3-mini" else len(shapes))


def test_azure_bodies_too(provider: BatchServer, ledger: Ledger) -> None:
    address = provider.url.removesuffix("/v1")
    spec = spec_at(address, model="azure/m", params={"api_version": "2024-10-21"})
    question = Door(spec).question([{"role": "user", "content": "A or B?"}], 10)
    provider.faults["POST /openai/deployments/m/chat/completions"] = [400]
    sent: list[bytes] = []
    serve = provider.serve
    provider.serve = lambda request, body: (sent.append(body), serve(request, body))[1]  # type: ignore[assignment, func-returns-value, method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_API_KEY", "none-at-all")
        at_once(spec, ledger, [Request(question)])
    assert asyncio.run(Bodies(Door(spec)).body(question)) == sent[0]


@pytest.mark.slow
def test_log_probabilities_come_through(provider: BatchServer, ledger: Ledger) -> None:
    spec = spec_at(provider.url)
    door = Door(spec)
    question = door.question([{"role": "user", "content": "A or B?"}], 1, logprob=True)
    (answer,) = ask_by_batch(spec, ledger, [Request(question)])
    assert answer.logprobs is not None
    assert {token for token, _ in answer.logprobs[0]} == {"A", "B"}


@pytest.mark.slow
def test_files_keep_within_the_limits(provider: BatchServer, ledger: Ledger) -> None:
    spec = spec_at(provider.url, batch={"requests": 4})
    answers = ask_by_batch(spec, ledger, questions_of(spec, 5, 2))
    assert {answer.status for answer in answers} == {"ok"}
    assert [len(provider.lines(n)) for n in range(len(provider.batches))] == [4, 4, 2]
    size = spec_at(provider.url, batch={"megabytes": 600 / 1e6}, name="small")

    async def sizes(spec: RespondentSpec) -> list[int]:
        asked = [Asked(request, 0) for request in questions_of(spec, 7)]
        return [len(lines) async for _, lines, _ in grouped(spec, asked)]

    made = asyncio.run(sizes(size))
    assert len(made) == 4
    assert max(made) <= 600
    with pytest.raises(RespondentError, match="may have 100"):
        asyncio.run(sizes(spec_at(provider.url, batch={"megabytes": 100 / 1e6})))


ROUTES = (UPLOAD, SUBMIT, LOOK, "GET /files", "GET /batches", FETCH)
FAULTS: list[Any] = [
    pytest.param(
        route, fault, marks=[] if route == SUBMIT and fault == "lose" else pytest.mark.slow
    )
    for route in ROUTES
    for fault in (500, 429, "drop", "lose", "garbage")
]


@pytest.mark.parametrize(("route", "fault"), FAULTS)
def test_whatever_fails_on_the_way_each_request_is_paid_once(
    provider: BatchServer, ledger: Ledger, route: str, fault: Any
) -> None:
    provider.faults[route] = [fault]
    spec = spec_at(provider.url)
    answers = ask_by_batch(spec, ledger, questions_of(spec, 5, 2))
    assert {answer.status for answer in answers} == {"ok"}
    assert len(provider.batches) == 1
    assert set(provider.worked.values()) == {1}


@pytest.mark.slow
def test_an_answer_that_comes_too_late_makes_no_second_batch(
    provider: BatchServer, ledger: Ledger
) -> None:
    provider.faults[SUBMIT], provider.delay = ["slow"], 1.6
    spec = spec_at(provider.url, timeout=0.3)
    ask_by_batch(spec, ledger, questions_of(spec, 2))
    assert len(provider.batches) == 1


@pytest.mark.slow
def test_known_again_without_its_mark_among_many_and_without_the_journal(
    provider: BatchServer, ledger: Ledger
) -> None:
    provider.hides_metadata = True
    provider.faults[SUBMIT] = ["lose"]
    provider.faults[LOOK] = [400]
    spec = spec_at(provider.url)
    requests = questions_of(spec, 3)
    with pytest.raises(RespondentError, match="looked at"):
        ask_by_batch(spec, ledger, requests)
    others = [
        {**provider.batches[0], "id": f"batch-9{k:03}", "input_file_id": "file-else"}
        for k in range(150)
    ]
    provider.batches += others
    for path in folder_of(ledger.path).iterdir():
        path.unlink()
    assert [a.status for a in ask_by_batch(spec, ledger, requests)] == ["ok"] * 3
    assert len(provider.batches) == 151


@pytest.mark.slow
def test_a_list_that_does_not_go_back_is_no_leave_to_pay_twice(
    provider: BatchServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_at(provider.url)
    provider.faults[LOOK] = [400]
    with pytest.raises(RespondentError):
        ask_by_batch(spec, ledger, questions_of(spec, 2))
    (batch,) = kept(ledger)
    provider.batches += [
        {**provider.batches[0], "id": f"batch-9{k:03}", "input_file_id": "f", "metadata": None}
        for k in range(150)
    ]
    from revealed.respondents.jobs import remote

    monkeypatch.setattr(remote, "_PAGES", 1)
    worker = BatchWorker(batch, spec, folder_of(ledger.path), lambda text: None, QUICK)
    with pytest.raises(RespondentError, match="cannot be told"):
        asyncio.run(worker.find())


# -- what a batch brings ---------------------------------------------------------------------------


def test_failures_of_every_kind_are_accounted_for_and_asked_again(
    provider: BatchServer, ledger: Ledger
) -> None:
    def answers(body: dict[str, Any], seen: int) -> Reply:
        number = int(body["messages"][-1]["content"].split()[1].rstrip(":"))
        if number == 0 and seen < 1:
            return error(500, "worker lost sk-abcdefghijkl")
        if number == 1:
            return error(400, "content_policy_violation: no")
        if number == 2:
            return error(400, "too long")
        if number == 3:
            return completion(None, body, refusal="I will not.")
        return faithful(body, seen)

    provider.answers = answers
    spec = spec_at(provider.url, **PRICED)
    told: list[str] = []
    found = ask_by_batch(spec, ledger, questions_of(spec, 6), told=told)
    statuses = [answer.status for answer in found]
    assert statuses == ["ok", "refused", "failed", "refused", "ok", "ok"]
    assert [len(provider.lines(n)) for n in range(len(provider.batches))] == [6, 2, 1]
    assert "too long" in (found[2].error or "")
    assert (found[0].attempts, found[2].attempts) == (2, 3)
    assert found[2].cost == 0.0
    assert found[1].cost == 0.0
    assert "abcdefghijkl" not in str(ledger.table()) + "".join(told)
    # It is missing data now; another call may ask it again.
    provider.answers = faithful
    assert ask_by_batch(spec, ledger, questions_of(spec, 6))[2].status == "ok"


def test_lines_that_are_cut_off_doubled_unknown_or_missing(
    provider: BatchServer, ledger: Ledger
) -> None:
    def spoil(good: list[bytes], bad: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        if len(provider.batches) > 1:
            return good, bad
        stranger = json.loads(good[0]) | {"custom_id": "f" * 64}
        other = json.loads(good[1])
        other["response"]["body"]["choices"][0]["message"]["content"] = "neither"
        lines = [good[0], good[1], json.dumps(other).encode(), json.dumps(stranger).encode()]
        lines += [b"[1]", good[2].replace(b'"choices"', b'"voices"'), good[3][:80]]
        return lines, bad

    provider.spoil = spoil
    spec = spec_at(provider.url, **PRICED)
    requests = questions_of(spec, 6)
    found = ask_by_batch(spec, ledger, requests)
    assert [answer.status for answer in found] == ["ok"] * 6
    assert found[1].text in ("A", "B")
    first = min(kept(ledger), key=lambda batch: batch.job)
    assert first.odd == {"duplicate": 1, "missing": 3, "unknown": 1, "unreadable": 2}
    assert (first.answered, first.failed) == (2, 4)
    # A file that ends in half a line was fetched again before it was believed.
    assert provider.asked[FETCH] == QUICK.tries + 1
    assert {row["custom_id"] for row in provider.lines(1)} == {r.key for r in requests[2:]}
    # What came unreadable was answered and stays on the bill, at its worst.
    assert (found[2].cost or 0) > (found[0].cost or 0)


def test_results_that_are_read_twice_are_booked_once(provider: BatchServer, ledger: Ledger) -> None:
    spec = spec_at(provider.url, **PRICED)
    asked = {request.key: Asked(request, 0) for request in questions_of(spec, 4)}
    body = json.loads(completion("A").body)
    rows = [{"custom_id": k, "response": {"status_code": 200, "body": body}} for k in asked]
    rows[1]["response"] = {"status_code": 200, "body": {"voices": []}}
    rows[2]["response"] = {"status_code": 500, "body": {}}
    content = b"\n".join(json.dumps(row).encode() for row in rows[:3])
    found = [
        asyncio.run(read_results([content], asked, batch_door(spec), ledger, "missing"))
        for _ in range(2)
    ]
    assert found[0].cost == pytest.approx(ledger.cost())
    assert [(t.answered, t.failed, t.cost) for t in found] == [(1, 3, found[0].cost)] * 2
    # The one that was answered and cannot be read is on the bill; the others are not.
    assert ledger.cost() > 0.5 * 10 * 1e-3


def test_expiry_is_told_and_the_rest_is_asked_again(provider: BatchServer, ledger: Ledger) -> None:
    provider.ends, provider.share = ["expired"], 0.5
    spec = spec_at(provider.url)
    told: list[str] = []
    found = ask_by_batch(spec, ledger, questions_of(spec, 6), told=told)
    assert {answer.status for answer in found} == {"ok"}
    assert [len(provider.lines(n)) for n in (0, 1)] == [6, 3]
    assert set(provider.worked.values()) == {1}
    assert any("3 were not answered within the provider's day" in line for line in told)
    # A provider that never comes to it is given up after so many tries, and nothing is lost.
    provider.ends, provider.share = ["expired"] * 3, 0.0
    other = spec_at(provider.url, name="other", temperature=0.5)
    left = ask_by_batch(other, ledger, questions_of(other, 2))
    assert [(a.status, a.attempts) for a in left] == [("failed", 3)] * 2


@pytest.mark.slow
def test_a_batch_that_fails_whole_stops_and_says_why(provider: BatchServer, ledger: Ledger) -> None:
    provider.ends = ["failed"]
    spec = spec_at(provider.url)
    requests = questions_of(spec, 3)
    with pytest.raises(RespondentError, match=r"token_limit_exceeded.*smaller files") as caught:
        ask_by_batch(spec, ledger, requests)
    assert "aaaa" not in str(caught.value) + str(ledger.table())
    assert [b.failed for b in kept(ledger)] == [3]
    # Another attempt on the same file is another batch.
    assert {a.status for a in ask_by_batch(spec, ledger, requests)} == {"ok"}
    assert len({b["metadata"]["revealed"] for b in provider.batches}) == 2
    assert len(provider.files) == 1
    provider.answers = lambda body, seen: error(400, "no such parameter")
    with pytest.raises(RespondentError, match="no such parameter"):
        ask_by_batch(spec, ledger, questions_of(spec, 9)[4:])
    assert len(provider.batches) == 3


@pytest.mark.slow
def test_a_batch_that_never_ends_is_not_waited_for_for_ever(
    provider: BatchServer, ledger: Ledger
) -> None:
    provider.expires = -3 * 3600
    spec = spec_at(provider.url)
    with pytest.raises(RespondentError, match="should have ended 3 h ago"):
        ask_by_batch(spec, ledger, questions_of(spec, 2))
    assert not kept(ledger)[0].over


# -- in flight, limits, secrets --------------------------------------------------------------------


def stopped(provider: BatchServer, ledger: Ledger, spec: RespondentSpec, count: int = 3) -> None:
    """Leave a batch at the provider that nobody waits for."""
    provider.faults[LOOK] = [400]
    with pytest.raises(RespondentError, match="looked at"):
        ask_by_batch(spec, ledger, questions_of(spec, count))


def test_what_is_in_flight_is_not_asked_at_once(provider: BatchServer, ledger: Ledger) -> None:
    spec = spec_at(provider.url)
    stopped(provider, ledger, spec)
    with pytest.raises(RespondentError, match=r"3 of its requests are under way.*batch cancel"):
        at_once(spec, ledger, questions_of(spec, 5))
    assert not provider.at_once
    # Another respondent of the same model has the same keys, and waits as well.
    with pytest.raises(RespondentError, match="under way"):
        at_once(spec_at(provider.url, name="else"), ledger, questions_of(spec, 5))
    # Others are asked.
    assert {a.status for a in at_once(spec, ledger, questions_of(spec, 5)[3:])} == {"ok"}
    assert {a.status for a in ask_by_batch(spec, ledger, questions_of(spec, 5))} == {"ok"}
    assert len(provider.batches) == 1


@pytest.mark.slow
def test_cancelling_keeps_what_was_answered_and_frees_the_rest(
    provider: BatchServer, ledger: Ledger
) -> None:
    spec, folder = spec_at(provider.url), folder_of(ledger.path)
    stopped(provider, ledger, spec, 4)
    provider.share = 0.5
    (batch,) = kept(ledger)
    ended = asyncio.run(cancel(batch, spec, ledger, folder, timing=QUICK))
    assert (ended.status, ended.answered, ended.failed) == ("cancelled", 2, 2)
    assert {a.status for a in at_once(spec, ledger, questions_of(spec, 4))} == {"ok"}
    assert len(provider.at_once) == 2
    # One that ended meanwhile is read; one that was never sent is ended here alone.
    other = spec_at(provider.url, name="other", temperature=0.5)
    stopped(provider, ledger, other)
    provider.finish(provider.batches[-1], "completed")
    (batch,) = [b for b in kept(ledger) if not b.over]
    assert asyncio.run(cancel(batch, other, ledger, folder, timing=QUICK)).answered == 3
    provider.faults[UPLOAD] = [400]
    third = spec_at(provider.url, name="third", temperature=0.6)
    with pytest.raises(RespondentError, match="could not be sent"):
        ask_by_batch(third, ledger, questions_of(third, 2))
    (batch,) = [b for b in kept(ledger) if not b.over]
    ended = asyncio.run(cancel(batch, third, ledger, folder, timing=QUICK))
    assert (ended.status, len(provider.batches)) == ("never submitted", 2)
    assert {a.status for a in at_once(third, ledger, questions_of(third, 2))} == {"ok"}


@pytest.mark.slow
def test_answers_that_the_provider_has_no_longer_can_be_given_up(
    provider: BatchServer, ledger: Ledger
) -> None:
    spec, folder = spec_at(provider.url), folder_of(ledger.path)
    stopped(provider, ledger, spec)
    provider.finish(provider.batches[0], "completed")
    kept_there = provider.contents.pop("out-1")
    for _ in range(2):
        with pytest.raises(
            RespondentError, match=r"no longer has .*`revealed batch cancel` gives them"
        ):
            ask_by_batch(spec, ledger, questions_of(spec, 3))
    # What fails for another reason is not given up.
    provider.contents["out-1"] = kept_there
    provider.faults[FETCH] = [401]
    (batch,) = kept(ledger)
    with pytest.raises(RespondentError, match="told to fail"):
        asyncio.run(cancel(batch, spec, ledger, folder, timing=QUICK))
    del provider.contents["out-1"]
    (batch,) = kept(ledger)
    ended = asyncio.run(cancel(batch, spec, ledger, folder, timing=QUICK))
    assert (ended.state, ended.answered, ended.failed) == ("collected", 0, 3)
    assert {a.status for a in at_once(spec, ledger, questions_of(spec, 3))} == {"ok"}


@pytest.mark.slow
def test_somebody_who_cancels_at_the_provider_is_heard(
    provider: BatchServer, ledger: Ledger
) -> None:
    provider.ends, provider.share = ["cancelled"], 0.5
    spec = spec_at(provider.url)
    with pytest.raises(RespondentError, match="was cancelled"):
        ask_by_batch(spec, ledger, questions_of(spec, 4))
    assert len(provider.batches) == 1
    assert {a.status for a in ask_by_batch(spec, ledger, questions_of(spec, 4))} == {"ok"}
    assert len(provider.lines(1)) == 2


def test_a_limit_is_kept_before_anything_is_sent(provider: BatchServer, ledger: Ledger) -> None:
    spec = spec_at(provider.url, **PRICED)
    # Ten tokens of answer at half of a tenth of a cent each, and the prompt.
    with pytest.raises(BudgetError, match="Nothing of it was sent"):
        ask_by_batch(spec, ledger, questions_of(spec, 10), budget=Budget(0.05))
    assert provider.asked.total() == 0
    assert kept(ledger) == []
    budget = Budget(0.06)
    ask_by_batch(spec, ledger, questions_of(spec, 10), budget=budget)
    assert budget.spent == pytest.approx(10 * 0.5 * (1e-4 + 1e-3))
    assert budget.reserved == pytest.approx(0.0, abs=1e-12)
    nobody = spec_at(provider.url, name="unpriced", temperature=0.5)
    with pytest.raises(BudgetError, match="price of this model is unknown"):
        ask_by_batch(nobody, ledger, questions_of(nobody, 2), budget=Budget(1.0))


def test_what_an_earlier_call_planned_is_not_sent_above_the_limit(
    provider: BatchServer, ledger: Ledger
) -> None:
    spec = spec_at(provider.url, **PRICED)
    requests = questions_of(spec, 10)
    provider.faults[UPLOAD] = [400]
    with pytest.raises(RespondentError, match="could not be sent"):
        ask_by_batch(spec, ledger, requests)
    before = provider.asked.total()
    budget = Budget(0.05)
    with pytest.raises(BudgetError, match=r"may cost \$0.05, and \$0.05 of the limit"):
        ask_by_batch(spec, ledger, requests, budget=budget)
    assert provider.asked.total() == before
    ask_by_batch(spec, ledger, requests, budget=Budget(0.06))
    assert len(provider.batches) == 1


@pytest.mark.slow
def test_answers_of_a_batch_that_expired_are_waited_for(
    provider: BatchServer, ledger: Ledger
) -> None:
    """A provider may say how many answers there are before it names their file."""
    provider.ends, provider.share = ["expired"], 0.5
    shown, early = provider.shown, [None] * 3

    def late(batch: dict[str, Any]) -> dict[str, Any]:
        row = shown(batch)
        return (
            row | {"output_file_id": early.pop()} if row["status"] == "expired" and early else row
        )

    provider.shown = late  # type: ignore[method-assign]
    spec = spec_at(provider.url)
    assert {a.status for a in ask_by_batch(spec, ledger, questions_of(spec, 4))} == {"ok"}
    assert not early
    assert set(provider.worked.values()) == {1}, "an answer that was there was paid for twice"


@pytest.mark.slow
def test_what_is_under_way_counts_towards_the_limit(provider: BatchServer, ledger: Ledger) -> None:
    spec = spec_at(provider.url, **PRICED)
    stopped(provider, ledger, spec)
    budget = Budget(0.03)
    with pytest.raises(BudgetError, match="this round may cost"):
        ask_by_batch(spec, ledger, questions_of(spec, 10), budget=budget)
    assert budget.spent == pytest.approx(3 * 0.5 * (1e-4 + 1e-3))
    assert len(provider.batches) == 1


def test_prices_of_batches() -> None:
    def price(**told: Any) -> tuple[float, float, str] | None:
        return batch_price(RespondentSpec(**({"name": "n"} | told)))

    table = price(model="openai/gpt-4o-2024-08-06")
    assert table == (1.25e-6, 5e-6, "prices of batches in LiteLLM's table")
    own = price(model="openai/gpt-4o-2024-08-06", batch={"price": 0.4})
    assert own is not None
    assert own[:2] == pytest.approx((1e-6, 4e-6))
    given = price(model="openai/gpt-4o-2024-08-06", **PRICED)
    assert given is not None
    assert given[:2] == pytest.approx((0.5e-6, 0.5e-3))
    assert "announce" in given[2]
    assert price(model="openai/nobody-knows-it") is None


def test_no_key_stands_anywhere(
    provider: BatchServer, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("A_KEY", "a-secret-key-1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-somebody-else")
    provider.key = "a-secret-key-1"
    spec = spec_at(provider.url, api_key_env="A_KEY")
    told: list[str] = []
    stopped(provider, ledger, spec)
    provider.key = "a-secret-key-2"
    with pytest.raises(RespondentError) as caught:
        ask_by_batch(spec, ledger, questions_of(spec, 3), told=told)
    shown = caplog.text + str(caught.value) + "".join(capfd.readouterr()) + "".join(told)
    for path in tmp_path.rglob("*"):
        shown += path.name + (path.read_bytes().decode("latin-1") if path.is_file() else "")
    sent = b"".join(provider.contents.values()).decode() + json.dumps(provider.batches)
    assert "a-secret-key" not in shown + sent
    assert "somebody-else" not in shown + sent + str(provider.keys)
    monkeypatch.setenv("A_KEY", "a-secret-key-2")
    assert {a.status for a in ask_by_batch(spec, ledger, questions_of(spec, 3))} == {"ok"}


@pytest.mark.parametrize(
    "model",
    [
        "anthropic/claude-sonnet-4-5", "vertex_ai/gemini-2.5-pro", "bedrock/m", "mistral/m",
        "ollama/llama3.2", "simulated/coherent",
    ],
)  # fmt: skip
def test_whose_batches_litellm_does_not_carry_is_refused_with_those_it_does(model: str) -> None:
    spec = RespondentSpec(name="n", model=model, batch=True)
    with pytest.raises(RespondentError, match=r"cannot be asked by batch: .*openai and azure"):
        check_respondent(spec)


def test_what_litellm_lacks_is_what_we_say_it_lacks() -> None:
    """The day LiteLLM starts Anthropic's batches, this fails and the list grows."""
    from litellm.llms.anthropic.batches.transformation import AnthropicBatchesConfig
    from litellm.types.utils import LIST_BATCHES_SUPPORTED_PROVIDERS

    with pytest.raises(NotImplementedError):
        AnthropicBatchesConfig().transform_create_batch_request("m", {}, {}, {})  # type: ignore[typeddict-item]
    assert {"openai", "azure"} <= LIST_BATCHES_SUPPORTED_PROVIDERS
    assert not {"bedrock", "mistral", "anthropic"} & LIST_BATCHES_SUPPORTED_PROVIDERS
    check_batches(RespondentSpec(name="n", model="openai/gpt-4o", batch=True))


@pytest.mark.slow
def test_a_damaged_journal_is_refused(provider: BatchServer, ledger: Ledger) -> None:
    spec, folder = spec_at(provider.url), folder_of(ledger.path)
    stopped(provider, ledger, spec)
    (path,) = folder.glob("*.requests")
    path.write_text(path.read_text().replace('"sample": 0', '"sample": 1'))
    with pytest.raises(DataError, match="cannot be read"):
        ask_by_batch(spec, ledger, questions_of(spec, 3))
    (path,) = folder.glob("*.json")
    path.write_text('{"state": "lost"}')
    with pytest.raises(DataError, match="is no batch"):
        at_once(spec, ledger, questions_of(spec, 3))
    with (
        journal_locked(folder),
        pytest.raises(RespondentError, match="another process"),
        journal_locked(folder),
    ):
        pass


# -- killed ----------------------------------------------------------------------------------------

POINTS = (
    "before:planned", "after:planned", "before:uploading", "after:uploading", "called:upload",
    "before:uploaded", "after:uploaded", "before:submitting", "after:submitting", "called:create",
    "before:submitted", "after:submitted", "called:retrieve", "after:finalizing", "before:ended",
    "after:ended", "called:content", "written:half", "before:collected", "after:collected",
)  # fmt: skip
OFTEN = ("called:create", "written:half")
"""Those in which money is at stake; the others are tried with the slow tests."""


@pytest.fixture(scope="module")
def killer() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_batch.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(10)


def killed(process: subprocess.Popen[str], *words: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\t".join(words) + "\n")
    process.stdin.flush()
    process.stdout.readline()
    assert int(process.stdout.readline()) == -signal.SIGKILL


@pytest.mark.parametrize(
    "point",
    [p if p in OFTEN else pytest.param(p, marks=pytest.mark.slow) for p in POINTS],
)
def test_killed_at_every_stage_it_goes_on_and_each_request_is_paid_once(
    provider: BatchServer, killer: subprocess.Popen[str], tmp_path: Path, point: str
) -> None:
    def answers(body: dict[str, Any], seen: int) -> Reply:
        if body["messages"][-1]["content"].startswith("Question 4") and seen == 0:
            return error(500, "worker lost")
        return faithful(body, seen)

    provider.answers = answers
    path = tmp_path / "killed.sqlite"
    killed(killer, point, provider.url, str(path))
    spec = spec_at(provider.url)
    with Ledger(path) as ledger:
        found = ask_by_batch(spec, ledger, questions_of(spec, QUESTIONS, SAMPLES))
        assert {answer.status for answer in found} == {"ok"}
        # The one that failed was asked a second time, and nothing else was.
        assert sorted(provider.worked.values()) == [1] * 8 + [2] * 2
        assert [a.attempts for a in found] == [1] * 8 + [2] * 2
        assert len(provider.batches) == 2
        assert all(batch.over for batch in kept(ledger))


@pytest.mark.slow
def test_time_is_given_to_a_batch_whose_start_nobody_saw(
    provider: BatchServer, ledger: Ledger
) -> None:
    spec = spec_at(provider.url)
    stopped(provider, ledger, spec)
    (batch,) = kept(ledger)
    hidden = provider.batches.pop()
    from revealed.respondents.batch.journal import write_batch

    write_batch(folder_of(ledger.path), batch.at("submitting", job=""))
    from threading import Timer

    Timer(0.15, lambda: provider.batches.append(hidden)).start()
    started = time.monotonic()
    assert {a.status for a in ask_by_batch(spec, ledger, questions_of(spec, 3))} == {"ok"}
    assert len(provider.batches) == 1
    assert time.monotonic() - started < 60
