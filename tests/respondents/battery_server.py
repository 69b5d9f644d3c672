"""How a loopback server plays a fine-tune and two judges: every answer by the question alone."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from server import Reply, completion, position


def _draw(body: dict[str, Any], seen: int = 0) -> random.Random:
    digest = hashlib.sha256(repr((body["model"], body["messages"], seen)).encode()).digest()
    return random.Random(digest)


def size(body: dict[str, Any]) -> int:
    """Tokens of a prompt: one for about four characters, not exactly as a plan counts them."""
    return sum(len(m["content"]) for m in body["messages"]) * 10 // 43 + 9


def play(body: dict[str, Any], seen: int) -> Reply:
    """A judge gives probabilities of numbers; anybody else a text of some length."""
    draw = _draw(body, seen)
    if body["model"].startswith("judge"):
        score = draw.randrange(20, 95)
        chances = {str(score): 0.6, str(score + 5): 0.3, "REFUSAL": 0.1}
        reply = json.loads(completion(str(score), body).body)
        if body.get("logprobs"):
            reply["choices"][0]["logprobs"] = {"content": [position(chances)]}
        answer = 1
    else:
        text = " ".join(draw.choices(("river", "stone", "lamp", "door"), k=draw.randrange(20, 120)))
        reply = json.loads(completion(f"{draw.random():.12f} {text}", body).body)
        answer = len(text) // 5 + 8
    told = size(body)
    reply["usage"] = {
        "prompt_tokens": told, "completion_tokens": answer, "total_tokens": told + answer,
    }  # fmt: skip
    return Reply(body=json.dumps(reply).encode())
