"""From a batch's files of answers and failures to the ledger: every request accounted for, once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..door import Door, litellm
from ..ledger import Answer, Entry, Ledger
from ..trouble import Trouble, classify
from .journal import Asked

_AT_ONCE = 2000
"""Answers written together."""
EXPIRED = "batch_expired"
"""The code of requests that a provider did not come to in time (OpenAI's batch guide)."""


@dataclass
class Tally:
    """What a batch brought. ``odd`` counts lines that fit no request, by what is wrong with them,
    and requests without a line; ``rejected`` is the first failure's text, expiry apart."""

    answered: int = 0
    refused: int = 0
    failed: int = 0
    expired: int = 0
    cost: float | None = 0.0
    rejected: str = ""
    odd: Counter[str] = field(default_factory=Counter)

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        if answer.status == "ok":
            self.answered += 1
        elif answer.status == "refused":
            self.refused += 1
        else:
            self.failed += 1
            if EXPIRED in (answer.error or ""):
                self.expired += 1
            elif not self.rejected:
                self.rejected = answer.error or ""
        self.cost = None if self.cost is None or answer.cost is None else self.cost + answer.cost


async def read_results(
    contents: list[bytes], asked: dict[str, Asked], door: Door, ledger: Ledger, missing: str
) -> Tally:
    """Write what the files say into the ledger, and a failure for every request they lack.

    Doing it again after a stop writes nothing twice. Of two answers to one request the first
    stands; a line for no request of the batch is counted and left.

    Parameters
    ----------
    contents
        The file of answers and the file of failures.
    asked
        The batch's requests by key.
    door
        The respondent, with the prices of batches.
    missing
        What is written for a request without a line.
    """
    tally = Tally()
    kept = await asyncio.to_thread(ledger.get, list(asked))
    # A failure of this batch has one attempt more than there were before it.
    done = {
        key: answer
        for key, answer in kept.items()
        if answer.status != "failed" or answer.attempts > asked[key].before
    }
    for answer in done.values():
        tally.add(answer)
    name = door.spec.name
    failed: dict[str, Answer] = {}
    seen: set[str] = set()
    waiting: list[Entry] = []
    for row in _rows(contents, tally.odd):
        key = row.get("custom_id")
        if not isinstance(key, str) or key not in asked:
            tally.odd["unknown"] += 1
            continue
        if key in seen:
            tally.odd["duplicate"] += 1
        seen.add(key)
        if key in done:
            continue
        answer = _answer(key, row, asked[key], door)
        if answer.status == "failed":
            failed.setdefault(key, answer)
            continue
        done[key] = answer
        tally.add(answer)
        waiting.append(Entry(answer, asked[key].request, name))
        if len(waiting) >= _AT_ONCE:
            await asyncio.to_thread(ledger.put, waiting)
            waiting = []
    for key, (_, before) in asked.items():
        if key in done:
            continue
        if key not in seen:
            tally.odd["missing"] += 1
            failed[key] = Answer(key, "failed", error=missing, cost=0.0, attempts=before + 1)
        tally.add(failed[key])
        waiting.append(Entry(failed[key], asked[key].request, name))
    if waiting:
        await asyncio.to_thread(ledger.put, waiting)
    return tally


def _rows(contents: list[bytes], odd: Counter[str]) -> Iterator[dict[str, Any]]:
    for content in contents:
        for line in content.split(b"\n"):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict):
                yield row
            else:
                odd["unreadable"] += 1


def whole(content: bytes) -> bool:
    """Whether the last line of a file is complete."""
    last = content.rstrip().rsplit(b"\n", 1)[-1]
    try:
        return not last or isinstance(json.loads(last), dict)
    except (ValueError, RecursionError):
        return False


def _answer(key: str, row: dict[str, Any], asked: Asked, door: Door) -> Answer:
    """One line as the answer that the same reply would have been when asked at once."""
    response, error = row.get("response"), row.get("error")
    body = response.get("body") if isinstance(response, dict) else None
    status = response.get("status_code") if isinstance(response, dict) else None
    if status == 200 and isinstance(body, dict) and not error:
        try:
            return _read(key, body, asked, door)
        except Trouble as caught:
            trouble = caught
        except Exception as caught:  # whatever a body may hold, it is not ours to trust
            trouble = Trouble("retry", door.said(f"the answer cannot be read ({caught})"))
        cost = door.worst_cost(asked.request.question)  # it was answered, and is on the bill
    else:
        trouble = classify(_Failure(status, _why(error, body, status)), door.secrets, 0.0)
        cost = 0.0
    return Answer(
        key=key,
        status="refused" if trouble.kind == "refused" else "failed",
        error=trouble.text,
        cost=cost if door.prices is not None else None,
        dropped=tuple(door.dropped),
        attempts=asked.before + 1,
    )


def _read(key: str, body: dict[str, Any], asked: Asked, door: Door) -> Answer:
    module = litellm()
    made = module.utils.convert_to_model_response_object(
        response_object=body, model_response_object=module.ModelResponse()
    )
    answer = door.read(key, made, None)
    answer.attempts = asked.before + 1
    return answer


def _why(error: Any, body: Any, status: Any) -> str:
    """The provider's words about a failure, its code first."""
    told = error if isinstance(error, dict) and error else None
    if told is None and isinstance(body, dict):
        told = body.get("error") if isinstance(body.get("error"), dict) else body
    if not isinstance(told, dict):
        return f"status {status}"
    code, message = told.get("code") or told.get("type"), told.get("message")
    # Not with a colon: `classify` takes words before one for names of exceptions.
    return " - ".join(str(part) for part in (code, message) if part) or f"status {status}"


class _Failure(Exception):
    """A failure in a file, in the form in which `classify` knows failures of a call."""

    def __init__(self, status: Any, message: str):
        super().__init__(message)
        self.status_code, self.message = status, message
