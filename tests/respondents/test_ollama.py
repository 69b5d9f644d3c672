"""Ollama by both of LiteLLM's names for it: what is sent, and what is said before anything is."""

from __future__ import annotations

import pytest
from ollama_server import Ollama

from revealed.doctor import _ollama
from revealed.foundation.errors import RespondentError
from revealed.respondents import RespondentSpec
from revealed.respondents.check import check_respondent
from revealed.respondents.client import blocking
from revealed.respondents.door import Door
from revealed.respondents.request import Request

QUESTION = [{"role": "system", "content": "Choose."}, {"role": "user", "content": "A or B?"}]


def spec(model: str, server: Ollama) -> RespondentSpec:
    return RespondentSpec(name=model, model=model, api_base=server.url)


@pytest.mark.parametrize("name", ["ollama", "ollama_chat"])
def test_an_answer_comes_and_costs_nothing(name: str) -> None:
    with Ollama() as server:
        door = Door(spec(f"{name}/llama3.2", server))
        answer = blocking(door.ask(Request(door.question(QUESTION, 10), 0, None)))
    assert answer.text in ("A", "B")
    assert (answer.cost, answer.prompt_tokens) == (0.0, 100)
    assert door.prices == (0.0, 0.0)


def test_only_one_of_the_names_sends_the_question_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Ollama() as server:
        for name in ("ollama_chat", "ollama"):
            door = Door(spec(f"{name}/llama3.2", server))
            check_respondent(door.spec)
            assert (f"ollama_chat/{door.model}" in caplog.text) == (name == "ollama")
            blocking(door.ask(Request(door.question(QUESTION, 10), 0, None)))
    (chat, sent), (generate, wrapped) = server.asked
    assert (chat, generate) == ("/api/chat", "/api/generate")
    assert [m["content"] for m in sent["messages"]] == ["Choose.", "A or B?"]
    assert "### User" in wrapped["prompt"]


@pytest.mark.parametrize(
    ("models", "has"),
    [(("b:latest", "a:7b"), "It has: a:7b, b:latest."), ((), "It lists none.")],
)
def test_a_model_that_was_not_pulled_is_named_before_it_is_asked(
    models: tuple[str, ...], has: str
) -> None:
    with Ollama(models) as server:
        with pytest.raises(RespondentError, match=r"ollama pull llama3\.2") as told:
            check_respondent(spec("ollama_chat/llama3.2", server))
        assert has in str(told.value)
        if models:
            check_respondent(spec("ollama_chat/b", server))
            check_respondent(spec("ollama_chat/a:7b", server))
    assert not server.asked
    with pytest.raises(RespondentError, match="does not answer"):
        check_respondent(spec("ollama_chat/b", server))


def test_the_doctor_sees_what_ollama_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with Ollama(("b:latest", "a:7b")) as server:
        monkeypatch.setenv("OLLAMA_API_BASE", server.url)
        assert _ollama().found == "2 models, a:7b, b:latest"
        server.models = ()
        assert "no model yet" in _ollama().found
    assert _ollama().state == "absent"
    assert "does not answer" in _ollama().found
