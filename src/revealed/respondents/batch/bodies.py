"""The body of a request, byte for byte as it would be sent when asked at once.

LiteLLM itself makes it: a question is asked through it as always, of a connection that keeps what
it is given and goes nowhere. Questions that differ in their texts alone differ in nothing else, so
one such question stands for all of its shape; where LiteLLM changes messages, each is asked.
"""

from __future__ import annotations

import json
from typing import Any

from ...foundation.errors import RespondentError
from ..door import Door
from ..request import Question, Request, canonical

_ENDPOINTS = {"openai": "/v1/chat/completions", "azure": "/chat/completions"}
_PATH = "/chat/completions"

_CANNED = {
    "id": "none", "object": "chat.completion", "created": 1, "model": "none",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "-"}}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


def endpoint_of(provider: str) -> str:
    """The address within the provider's that lines of a file are for."""
    return _ENDPOINTS[provider]


class Bodies:
    """Bodies of one respondent's requests."""

    def __init__(self, door: Door):
        self.door = door
        self.asked = 0
        """Questions that went through LiteLLM."""
        self._shapes: dict[tuple[Any, ...], dict[str, Any] | None] = {}
        self._endpoint = endpoint_of(door.provider)
        self._last: tuple[Question, bytes] | None = None

    async def line(self, request: Request) -> bytes:
        """A line of a batch's file: the key as ``custom_id``, and the body."""
        head = {"custom_id": request.key, "method": "POST", "url": self._endpoint}
        return _dumps(head)[:-1] + b',"body":' + await self.body(request.question) + b"}\n"

    async def body(self, question: Question) -> bytes:
        """The body of a question's requests (samples differ in nothing that is sent)."""
        if self._last is None or self._last[0] is not question:
            self._last = question, await self._made(question)
        return self._last[1]

    async def _made(self, question: Question) -> bytes:
        form = tuple((message["role"], *message) for message in question.messages)
        shape = (question.model, canonical(question.params), form)
        if shape in self._shapes and (known := self._shapes[shape]) is not None:
            return _dumps({**known, "messages": question.messages})
        sent = await self._sent(question)
        if shape not in self._shapes:
            told = json.loads(sent)
            same = _dumps({**told, "messages": question.messages}) == sent
            self._shapes[shape] = told if same else None
        return sent

    async def _sent(self, question: Question) -> bytes:
        """What LiteLLM sends for a question, taken from a connection that goes nowhere."""
        self.asked += 1
        try:
            path, body = await _captured(self.door, question)
        except Exception as error:
            raise RespondentError(
                f"LiteLLM makes no request of {question.model} ({type(error).__name__}).",
                where=f"respondent {self.door.spec.name}",
                todo="Ask it without batches: its first answer then says what is wrong.",
            ) from None
        if not path.endswith(_PATH):
            raise RespondentError(
                f"{question.model} is asked at {path}, and batches are of chat completions here.",
                where=f"respondent {self.door.spec.name}",
                todo="Ask it without batches.",
            )
        return body


async def _captured(door: Door, question: Question) -> tuple[str, bytes]:
    import httpx
    import openai

    kept: list[tuple[str, bytes]] = []

    async def keep(request: httpx.Request) -> httpx.Response:
        kept.append((request.url.path, await request.aread()))
        return httpx.Response(200, json=_CANNED)

    async with httpx.AsyncClient(transport=httpx.MockTransport(keep)) as http:
        client: Any = (
            openai.AsyncAzureOpenAI(
                azure_endpoint="http://none.invalid", api_version="-", api_key="none",
                http_client=http, max_retries=0,
            )
            if door.provider == "azure"
            else openai.AsyncOpenAI(
                base_url="http://none.invalid/v1", api_key="none", http_client=http, max_retries=0
            )
        )  # fmt: skip
        await door.send(Request(question), client=client)
    return kept[-1]


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
