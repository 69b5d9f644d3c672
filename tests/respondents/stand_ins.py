"""Servers on loopback in the place of a provider with a key, of Ollama and of vLLM.

Behind each answers a simulated respondent, so that a page about it has something to show; what is
sent and what comes back are in the forms of the protocol. Nothing of a real model's speed is shown.
"""

from __future__ import annotations

import json
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ollama_server import Ollama
from server import Reply, Server, completion, position

from revealed.respondents.simulated import load
from revealed.respondents.simulated.respondent import Reply as Said

OPENAI, VLLM, OLLAMA = "gpt-4o-2024-08-06", "Qwen/Qwen2.5-1.5B-Instruct", "llama3.2"
KEY = "sk-stand-in-0123456789"


@dataclass
class StandIn:
    """Where a stand-in is reached, and what a shell needs to reach it."""

    server: Server | Ollama | None
    environment: dict[str, str] = field(default_factory=dict)
    instead: dict[str, str] = field(default_factory=dict)
    """Addresses in commands, and what stands in for them."""
    typed: str = ""
    """What a person would type."""


class Valued:
    """Answers as a simulated respondent does; asked the same again, it draws again."""

    def __init__(self, respondent: str = "coherent", delay: float = 0.0) -> None:
        self.respondent, self.delay = load(respondent), delay
        self._asked: Counter[str] = Counter()

    def said(self, messages: list[dict[str, Any]]) -> Said:
        """The answer to these messages, with the chances of its first token."""
        plain = [{"role": m["role"], "content": m["content"]} for m in messages]
        asked = repr(plain)
        self._asked[asked] += 1
        answer = self.respondent.answer(plain, self._asked[asked], 0)
        assert isinstance(answer, Said)
        return answer

    def behave(self, body: dict[str, Any], seen: int) -> Reply:
        """In the form of OpenAI's protocol, with log-probabilities where they are asked for."""
        answer = self.said(body["messages"])
        reply = completion(answer.text, {"model": body["model"]})
        if body.get("logprobs") and answer.chances:
            drawn = {answer.text: answer.chances.get(answer.text, 0.5), **answer.chances}
            content = json.loads(reply.body)
            content["choices"][0]["logprobs"] = {"content": [position(drawn)]}
            reply = Reply(body=json.dumps(content).encode())
        reply.delay = self.delay
        return reply

    def text(self, body: dict[str, Any]) -> str:
        """The text alone, for Ollama."""
        messages = body["messages"]
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.said(messages).text


@contextmanager
def openai(delay: float = 0.0, respondent: str = "coherent") -> Iterator[StandIn]:
    """A provider that wants a key, in the place of OpenAI; the key is typed in."""
    with Server(Valued(respondent, delay).behave, models=(OPENAI,)) as server:
        yield StandIn(server, {"OPENAI_BASE_URL": server.url}, typed=f"{KEY}\ny\n")


@contextmanager
def vllm(delay: float = 0.0, respondent: str = "coherent") -> Iterator[StandIn]:
    """An address without a key and without a price."""
    with Server(Valued(respondent, delay).behave, models=(VLLM,)) as server:
        yield StandIn(server, instead={"http://localhost:8001/v1": server.url}, typed="y\n")


@contextmanager
def ollama(folder: Path, delay: float = 0.0, respondent: str = "coherent") -> Iterator[StandIn]:
    """Ollama's own paths; `folder` gets a program of its name, which notes what it was told."""
    program = folder / "ollama"
    program.write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/told"\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    valued = Valued(respondent)
    with Ollama((f"{OLLAMA}:latest",), valued.text, delay) as server:
        yield StandIn(server, {"OLLAMA_API_BASE": server.url})
