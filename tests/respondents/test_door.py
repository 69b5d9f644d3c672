"""The door: what is sent, what is dropped knowingly, what comes back and how it is kept."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from server import Server, completion

from revealed.foundation.errors import RespondentError
from revealed.respondents import Answer, Ledger, Request, RespondentSpec
from revealed.respondents.door import Door

MESSAGES = [{"role": "user", "content": "A or B?"}]
Ask = Callable[..., list[Answer]]
SpecFor = Callable[..., RespondentSpec]


def params(model: str, max_tokens: int = 10, **changes: Any) -> tuple[dict[str, Any], set[str]]:
    door = Door(RespondentSpec(name="r", model=model, **changes))
    sent = dict(door.question(MESSAGES, max_tokens, logprob=bool(changes.get("mode"))).params)
    return sent, set(door.dropped)


def test_litellm_is_imported_with_the_first_request_and_not_before() -> None:
    code = (
        "import sys; import revealed.respondents.elicit, revealed.respondents.simulated, "
        "revealed.respondents.client; "
        "heavy = {'litellm', 'openai', 'matplotlib'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_parameters_go_out_as_they_are() -> None:
    sent, dropped = params("openai/gpt-4o-2024-08-06", params={"top_p": 0.9})
    assert sent == {"temperature": 1.0, "max_tokens": 10, "top_p": 0.9}
    assert not dropped


def test_what_a_provider_does_not_take_is_dropped_knowingly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    spec = RespondentSpec(
        name="r", model="anthropic/claude-3-5-sonnet-20241022", params={"seed": 1}
    )
    door = Door(spec)
    for _ in range(3):
        sent = door.question(MESSAGES, 10).params
    assert "seed" not in sent
    assert door.dropped == {"seed": "1"}
    told = [r for r in caplog.records if "does not take seed=1" in r.getMessage()]
    assert len(told) == 1


def test_a_reasoning_model_gets_room_and_the_names_it_knows() -> None:
    for model in ("openai/o3", "openai/gpt-5"):
        sent, dropped = params(model, temperature=0.7)
        assert "max_tokens" not in dropped
        cap = sent.get("max_completion_tokens") or sent.get("max_tokens")
        assert cap == 10 + 4096
        assert "temperature" in dropped  # only 1 is taken, and 1 is what it does anyway
    assert params("openai/o3", max_tokens=10, reasoning=False)[0].popitem()[1] == 10
    assert params("anthropic/claude-sonnet-4-5")[0]["max_tokens"] == 10  # reasons only when asked


def test_what_was_dropped_is_written_with_every_answer(
    server: Server, ledger: Ledger, spec_for: SpecFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_for(server, params={"seed": 1})
    door = Door(spec)
    monkeypatch.setattr(door, "takes", lambda name, value: name != "seed")
    answer = asyncio.run(door.ask(Request(door.question(MESSAGES, 10))))
    assert answer.dropped == ("seed",)
    assert "seed" not in server.bodies[0]


def test_reasoning_is_kept_apart_from_the_answer(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    forms = [
        completion("B", reasoning_content="A? No, B."),
        completion("<think>A? No, B.</think>\n\nB"),
    ]
    server.behave = lambda body, seen: forms[server.total - 1]
    for answer in ask(spec_for(server, concurrency=1), ledger, 2):
        assert answer.text is not None
        assert answer.text.strip() == "B"
        assert answer.reasoning == "A? No, B."


def test_reasons_that_were_cut_off_are_no_answer(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    forms = [
        completion("<think>I choose A", finish_reason="length"),
        completion(None, reasoning_content="I choose A", finish_reason="length"),
        completion("", finish_reason="length"),
    ]
    server.behave = lambda body, seen: forms[server.total - 1]
    for answer in ask(spec_for(server, concurrency=1), ledger, 3):
        assert (answer.status, answer.text, answer.finish_reason) == ("ok", "", "length")


def test_a_refusal_by_the_provider_is_a_refusal(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    forms = [
        completion(None, refusal="I can't help with that."),
        completion("", finish_reason="content_filter"),
    ]
    server.behave = lambda body, seen: forms[server.total - 1]
    answers = ask(spec_for(server, concurrency=1), ledger, 2)
    assert [a.status for a in answers] == ["refused", "refused"]
    assert answers[0].text == "I can't help with that."


def test_what_the_provider_says_of_itself_is_kept(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    (answer,) = ask(spec_for(server), ledger, 1)
    assert answer.returned_model == "m-0613"
    assert (answer.prompt_tokens, answer.completion_tokens) == (100, 1)
    assert answer.latency is not None
    assert 0 < answer.latency < 5


def test_untrusted_text_is_kept_as_it_came(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    text = "A'); DROP TABLE answers;-- <script>alert(1)</script> {0} %s \x00 \u202e é 🙂"
    server.behave = lambda body, seen: completion(text)
    (answer,) = ask(spec_for(server), ledger, 1)
    assert answer.text == text
    assert ledger.get([answer.key])[answer.key].text == text


def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(RespondentError, match="nobody/model") as raised:
        Door(RespondentSpec(name="r", model="nobody/model"))
    assert "provider/model" in str(raised.value)


def test_a_key_in_place_of_its_variable_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="not the key") as raised:
        RespondentSpec(name="r", model="openai/m", api_key_env="sk-abc-123-secret")
    assert "abc-123" not in str(raised.value)
