"""What providers say of a request that brought no answer, and what is made of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from server import Reply, Server

from revealed.respondents import Request, RespondentSpec
from revealed.respondents.door import Door
from revealed.respondents.trouble import Trouble, clear

QUOTA = "You exceeded your current quota, please check your plan and billing details."


def google(code: int, status: str, message: str) -> tuple[str, int, str]:
    """An error as Google's models have them: JSON in several lines."""
    body = {"error": {"code": code, "message": message, "status": status, "details": []}}
    return "gemini/gemini-2.0-flash", code, json.dumps(body, indent=2)


def anthropic(code: int, kind: str, message: str) -> tuple[str, int, str]:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return "anthropic/claude-3-5-haiku-20241022", code, json.dumps(body)


def openai(code: int, kind: str, message: str) -> tuple[str, int, str]:
    body = {"error": {"message": message, "type": kind, "param": None, "code": kind}}
    return "openai/m", code, json.dumps(body)


@pytest.mark.parametrize(
    ("told", "kind", "says"),
    [
        (google(429, "RESOURCE_EXHAUSTED", f"{QUOTA} Please retry in 20 s."), "rate", QUOTA),
        (google(503, "UNAVAILABLE", "The model is overloaded."), "retry", "is overloaded"),
        (google(403, "PERMISSION_DENIED", "Not in your country."), "reject", "your country"),
        (google(400, "INVALID_ARGUMENT", "API key not valid."), "fatal", "key not valid"),
        (openai(429, "insufficient_quota", QUOTA), "fatal", QUOTA),
        (openai(429, "requests", "Rate limit reached for m"), "rate", "Rate limit"),
        (anthropic(400, "invalid_request_error", "Your credit balance is too low to access the "
                   "Anthropic API."), "fatal", "credit balance"),
        (anthropic(400, "invalid_request_error", "max_tokens: too large"), "reject", "too large"),
        (anthropic(529, "overloaded_error", "Overloaded"), "retry", "Overloaded"),
        (("openai/m", 502, "<html>\n<head><title>502 Bad Gateway</title></head>\n</html>"),
         "retry", "Bad Gateway"),
    ],
)  # fmt: skip
def test_what_providers_say_is_understood_and_shown(
    server: Server, monkeypatch: pytest.MonkeyPatch, told: tuple[str, int, str], kind: str,
    says: str,
) -> None:  # fmt: skip
    model, status, body = told
    monkeypatch.setenv("KEY_OF_LOOPBACK", "none-at-all")
    server.behave = lambda asked, seen: Reply(status, body.encode())
    address = server.url if model.startswith("openai") else server.url.removesuffix("/v1")
    spec = RespondentSpec(
        name="r", model=model, api_base=address, api_key_env="KEY_OF_LOOPBACK", timeout=5.0
    )
    door = Door(spec)
    with pytest.raises(Trouble) as raised:
        asyncio.run(door.ask(Request(door.question([{"role": "user", "content": "A or B?"}], 10))))
    assert raised.value.kind == kind
    assert says in raised.value.text


def test_a_text_of_a_provider_is_one_line_without_keys_and_commands_to_a_terminal() -> None:
    planted = "sk-" + "a1" * 10
    for text in (
        f"wrong key {planted}\nand more",
        f'{{\n "error": {{\n  "message": "wrong\x1b[2J key {planted}"\n }}\n}}',
        f"no way to https://me:{planted}@proxy/v1?key={planted}\x07",
    ):
        shown = clear(text, ())
        assert planted not in shown
        assert shown.isprintable()
        assert "and more" not in shown
        assert len(shown) > 10


@pytest.mark.parametrize("piece", ["<", "<>", "{", "< ", "a\n", "://a:"])
def test_no_text_takes_for_ever(piece: str) -> None:
    """What a pattern tries in every way that there is would not end within pytest's limit."""
    assert len(clear(piece * 1_000_000, ("secret",))) <= 300


def test_nothing_said_is_nothing_shown() -> None:
    empty: Any = ""
    assert clear(empty, ()) == ""
