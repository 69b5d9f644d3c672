"""The client against a loopback server that misbehaves: everything is accounted for, once."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import questions_of
from server import Reply, Server, choose, completion, error, faithful

from revealed.foundation.errors import RespondentError
from revealed.respondents import Answer, Ledger, RespondentSpec
from revealed.respondents.client import blocking, collect

Ask = Callable[..., list[Answer]]
SpecFor = Callable[..., RespondentSpec]


# LiteLLM's own response objects complain about the bodies that we send them on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off as it is, a hundred times faster."""
    from revealed.respondents import client, pace

    quick = lambda attempt, *_: 0.01 * pace.backoff(attempt)  # noqa: E731
    monkeypatch.setattr(client, "backoff", quick)


FAULTS: dict[str, Callable[[], Reply]] = {
    "429": lambda: error(429, retry_after="0.01"),
    "429 without a hint": lambda: error(429),
    "500": lambda: error(500),
    "503": lambda: error(503, retry_after="0.01"),
    "time-out": lambda: Reply(body=b"{}", delay=1.5),
    "truncated": lambda: Reply(body=completion("A").body, cut=60),
    "dropped": lambda: Reply(drop=True),
    "empty": lambda: Reply(),
    "html": lambda: Reply(body=b"<html>It works!</html>"),
    "bytes": lambda: Reply(body=b"\xff\xfe\x00\x01"),
    "null": lambda: Reply(body=b"null"),
    "list": lambda: Reply(body=b"[1, 2, 3]"),
    "no fields": lambda: Reply(body=b"{}"),
    "no choices": lambda: Reply(body=b'{"id":"1","model":"m","choices":[]}'),
    "null content": lambda: completion(None),
    "number for content": lambda: completion(5),  # type: ignore[arg-type]
    "error in 200": lambda: Reply(body=b'{"error":{"message":"overloaded","code":503}}'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_costs_one_more_request(
    fault: str, server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = lambda body, seen: FAULTS[fault]() if seen == 0 else faithful(body, seen)
    spec = spec_for(server, timeout=0.5 if fault == "time-out" else 5.0)
    answers = ask(spec, ledger, 3)
    assert [a.status for a in answers] == ["ok"] * 3
    assert all(a.text in ("A", "B") for a in answers)
    assert server.total == 6


@pytest.mark.parametrize("fault", [name for name in FAULTS if "429" not in name])
def test_a_fault_that_stays_ends_as_failed_and_is_asked_again_another_day(
    fault: str, server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = lambda body, seen: FAULTS[fault]()
    spec = spec_for(server, retries=1, timeout=0.3 if fault == "time-out" else 5.0)
    answers = ask(spec, ledger, 2)
    assert [a.status for a in answers] == ["failed"] * 2
    assert all(a.error and a.attempts == 2 and a.text is None for a in answers)
    assert server.total == 4
    server.behave = faithful
    assert [a.status for a in ask(spec, ledger, 2)] == ["ok"] * 2
    ask(spec, ledger, 2)
    assert server.total == 6


def storm(seed: int) -> Callable[[dict[str, Any], int], Reply]:
    """Half of all requests meet a fault, or an answer that is a refusal or nonsense."""
    rng = random.Random(seed)

    def behave(body: dict[str, Any], seen: int) -> Reply:
        luck = rng.random()
        if luck < 0.5:
            return FAULTS[rng.choice(list(FAULTS))]()
        if luck < 0.6:
            return completion(None, refusal="I can't help with that.")
        if luck < 0.65:
            return error(400, "blocked: content_policy_violation")
        if luck < 0.7:
            return error(400, "this one is malformed")
        if luck < 0.75:
            return completion("A person \ud800 \x00 \u202e")
        return faithful(body, seen)

    return behave


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 8))]
)
def test_a_storm_ends_with_everything_accounted_for(
    seed: int, server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = storm(seed)
    spec = spec_for(server, concurrency=16, timeout=0.4, retries=3)
    answers = ask(spec, ledger, 60, 2)
    found = Counter(a.status for a in answers)
    assert sum(found.values()) == 120
    assert set(found) <= {"ok", "refused", "failed"}
    # Per try, 429 apart: ok 0.32, refused 0.16, rejected 0.05, a fault 0.47; within four tries ok
    # 0.57 and refused 0.29 of 120, standard deviations 5.4 and 5: bounds five of them away.
    assert found["ok"] > 41
    assert found["refused"] > 9
    on_disk = ledger.get(a.key for a in answers)
    assert {a.key: a.status for a in answers} == {k: a.status for k, a in on_disk.items()}
    assert server.in_flight <= 16  # abandoned time-outs may still be sleeping on the server


def test_one_question_asked_twice_gets_two_answers_and_a_rerun_asks_nothing(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    spec = spec_for(server)
    ask(spec, ledger, 5, 3)
    assert sorted(server.asked.values()) == [3] * 5
    ask(spec, ledger, 5, 3)
    assert server.total == 15
    ask(spec, ledger, 6, 4)  # more samples, one more question: only the difference
    assert sorted(server.asked.values()) == [4] * 6


def test_concurrency_is_used_and_never_exceeded(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    def slowly(body: dict[str, Any], seen: int) -> Reply:
        reply = faithful(body, seen)
        reply.delay = 0.05
        return reply

    server.behave = slowly
    ask(spec_for(server, concurrency=4), ledger, 40)
    assert server.most_in_flight == 4


def test_a_request_that_waits_holds_no_place(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One place, one question that fails at first: the others pass it while it backs off."""
    from revealed.respondents import client

    monkeypatch.setattr(client, "backoff", lambda attempt: 0.5)
    order = []

    def behave(body: dict[str, Any], seen: int) -> Reply:
        question = body["messages"][0]["content"].split()[1].rstrip(":")
        order.append(question)
        return error(500) if question == "0" and seen == 0 else faithful(body, seen)

    server.behave = behave
    answers = ask(spec_for(server, concurrency=1), ledger, 6)
    assert [a.status for a in answers] == ["ok"] * 6
    assert order == ["0", "1", "2", "3", "4", "5", "0"]


def test_a_429_storm_passes_without_a_failure(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    """A server that takes 40 requests a second and not one more; retries=0 shows that a 429
    is no attempt."""
    taken: list[float] = []

    def behave(body: dict[str, Any], seen: int) -> Reply:
        now = time.monotonic()
        while taken and taken[0] < now - 0.25:
            taken.pop(0)
        if len(taken) >= 10:
            return error(429, retry_after=f"{taken[0] + 0.25 - now:.3f}")
        taken.append(now)
        return faithful(body, seen)

    server.behave = behave
    answers = ask(spec_for(server, concurrency=32, retries=0), ledger, 80)
    assert [a.status for a in answers] == ["ok"] * 80
    # It slows down instead of hammering: far fewer refusals than a client that just repeats.
    assert server.total - 80 < 160


def test_retry_after_stops_everybody(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = lambda body, seen: (
        error(429, retry_after="0.6") if server.total == 1 else faithful(body, seen)
    )
    ask(spec_for(server, concurrency=1), ledger, 5)
    assert server.times[1] - server.times[0] > 0.55


def test_a_respondent_that_only_says_429_is_given_up(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = lambda body, seen: (
        faithful(body, seen) if server.total <= 4 else error(429, retry_after="3600")
    )
    with pytest.raises(RespondentError, match="too many requests") as raised:
        ask(spec_for(server, concurrency=1), ledger, 50)
    assert "kept" in str(raised.value)
    assert ledger.counts()["n"].sum() == 4


def test_requests_per_minute_are_kept(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    ask(spec_for(server, requests_per_minute=1200), ledger, 30)  # 20 a second, 20 at once
    assert server.times[-1] - server.times[0] > 9 / 20 * 0.9


@pytest.mark.parametrize(
    ("status", "text"),
    [(401, "Incorrect API key"), (404, "no such model"), (429, "You exceeded your current quota")],
)
def test_what_no_retry_can_help_stops_the_run_at_once(
    status: int, text: str, server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = lambda body, seen: error(status, text)
    with pytest.raises(RespondentError, match=text) as raised:
        ask(spec_for(server), ledger, 500)
    assert server.total <= 8  # those in flight
    assert raised.value.exit_code == 5


def test_a_form_that_is_always_rejected_stops_the_run(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = lambda body, seen: error(400, "unknown parameter: top_k")
    with pytest.raises(RespondentError, match="unknown parameter: top_k"):
        ask(spec_for(server), ledger, 500)
    assert server.total <= 16


def test_a_dead_respondent_is_not_asked_for_ever(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    server.behave = lambda body, seen: error(500)
    answers = ask(spec_for(server, retries=0), ledger, 300)
    assert Counter(a.status for a in answers) == {"failed": 300}
    assert server.total < 80
    assert "not asked any more" in caplog.text
    assert "the last by: told to fail" in caplog.text
    assert ledger.counts()["n"].sum() == server.total  # what was not asked is not written


def test_answers_are_on_disk_before_they_are_used(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    """While one request hangs, the answers of the others can be read by another connection."""
    server.behave = lambda body, seen: (
        Reply(body=b"{}", delay=30) if "Question 3:" in str(body) else faithful(body, seen)
    )
    spec = spec_for(server, timeout=30)
    requests = questions_of(spec, 4)

    async def main() -> int:
        task = asyncio.create_task(collect(requests, spec, ledger, progress=False))
        found = 0
        for _ in range(100):
            await asyncio.sleep(0.05)
            with Ledger(ledger.path) as other:
                found = len(other.get(r.key for r in requests))
            if found == 3:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return found

    assert asyncio.run(main()) == 3


def test_two_processes_at_once_pay_once(server: Server, tmp_path: Path, spec_for: SpecFor) -> None:
    """Two collections with two ledger objects on one file, as two processes would have."""
    server.behave = lambda body, seen: Reply(body=completion(choose(body)).body, delay=0.02)
    spec = spec_for(server, concurrency=4)
    requests = questions_of(spec, 20)
    path = tmp_path / "ledger.sqlite"

    async def main() -> list[list[Answer]]:
        with Ledger(path) as one, Ledger(path) as two:
            return await asyncio.gather(
                *(collect(requests, spec, ledger, progress=False) for ledger in (one, two))
            )

    first, second = asyncio.run(main())
    assert server.total == 20
    assert [a.text for a in first] == [a.text for a in second]


def test_a_key_appears_nowhere(
    server: Server, tmp_path: Path, spec_for: SpecFor, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The server is told the key and gives it back in every way it can."""
    key = "planted-" + "9f8e7d6c" * 3
    monkeypatch.setenv("LOOPBACK_API_KEY", key)
    caplog.set_level(logging.DEBUG)
    modes = [
        lambda: completion(f"A {key}"),
        lambda: completion("A", reasoning_content=f"my key is {key}"),
        lambda: completion(None, refusal=f"not with {key}"),
        lambda: error(400, f"bad request by Bearer {key}"),
        lambda: error(500, f"crashed handling {key}"),
        lambda: Reply(body=f'{{"id":"{key}","model":"{key}","choices":[]}}'.encode()),
        lambda: Reply(body=key.encode()),
        lambda: Reply(body=completion("A").body.replace(b'"m-', f'"{key}-'.encode())),
        lambda: error(429, f"slow down {key}", retry_after="0.01"),
    ]  # fmt: skip
    server.behave = lambda body, seen: modes[(server.total - 1) % len(modes)]()
    spec = spec_for(server, api_key_env="LOOPBACK_API_KEY", retries=1, concurrency=1)
    ledger = Ledger(tmp_path / "run" / "ledger.sqlite")
    answers = blocking(collect(questions_of(spec, 30), spec, ledger, progress=False))
    assert server.keys == {f"bearer {key}": server.total}  # it was really used
    server.behave = lambda body, seen: error(401, f"Incorrect API key provided: {key}")
    with pytest.raises(RespondentError) as raised:
        blocking(collect(questions_of(spec, 200), spec, ledger, progress=False))
    seen: list[object] = [raised.value]
    while (cause := seen[-1].__cause__ or seen[-1].__context__) is not None:  # type: ignore[attr-defined]
        seen.append(cause)
    shown = "\n".join(f"{e} {e!r} {vars(e)}" for e in seen)
    ledger.close()
    files = b"".join(path.read_bytes() for path in (tmp_path / "run").iterdir())
    assert len(files) > 1000
    out, err = capfd.readouterr()
    logged = [record.getMessage() for record in caplog.records]
    for place in (files.decode("latin-1"), shown, repr(answers), *logged, repr(spec), out, err):
        assert key not in place
        assert key[8:] not in place
    assert json.dumps(spec.model_dump()).count(os.environ["LOOPBACK_API_KEY"]) == 0


def test_the_key_of_another_service_is_not_sent_to_a_given_address(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else-123456")
    ask(spec_for(server), ledger, 1)
    assert list(server.keys) == ["bearer none"]


def test_blocking_works_inside_a_running_loop(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    """As in a notebook, where a loop is running already."""
    spec = spec_for(server)

    async def cell() -> list[Answer]:
        return blocking(collect(questions_of(spec, 2), spec, ledger, progress=False))

    assert [a.status for a in asyncio.run(cell())] == ["ok", "ok"]
