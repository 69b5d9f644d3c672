"""One question to one model, and the key under which its answer is kept for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes on every machine."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


@dataclass(frozen=True)
class Question:
    """What is asked, shared by all samples of it: model, messages and sampling parameters.

    ``address`` is the ``api_base`` where one is given: the same model name at two addresses is
    two models.
    """

    model: str
    messages: Sequence[Mapping[str, str]]
    params: Mapping[str, Any]
    address: str | None = None

    @cached_property
    def size(self) -> int:
        """Bytes of text in the messages: an upper bound of their tokens."""
        return sum(len(part.encode()) for m in self.messages for part in m.values())

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of what identifies the question."""
        return self._state.hexdigest()

    @cached_property
    def _state(self) -> hashlib._Hash:
        identity: list[Any] = [self.model, self.messages, self.params]
        if self.address is not None:
            identity.append(self.address)
        return hashlib.sha256(canonical(identity))


@dataclass(frozen=True)
class Request:
    """One sample of one question.

    ``sample`` counts the independent answers to the same question from 0.
    """

    question: Question
    sample: int = 0
    seed: int | None = field(default=None)
    """Sent to simulated respondents only, so that their draws can be repeated."""

    @cached_property
    def key(self) -> str:
        """SHA-256 (hexadecimal) of model, messages, sampling parameters and sample index."""
        state = self.question._state.copy()
        mark = f"\n{self.sample}" if self.seed is None else f"\n{self.sample}\n{self.seed}"
        state.update(mark.encode())
        return state.hexdigest()


def simulated_seed(study: int, sample: int) -> int:
    """A simulated answer's seed: the study's seed and the sample index, mixed."""
    return int.from_bytes(hashlib.sha256(f"{study}:{sample}".encode()).digest()[:4], "big")
