"""Trouble of many kinds at given rates, and a log that says of every reply what it was."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server import Reply, completion, error
from storm_client import CAP, PRICE

from revealed.respondents import Ledger

FAULTS: dict[str, Callable[[], Reply]] = {
    "429, Retry-After": lambda: error(429, retry_after="0.02"),
    "429": lambda: error(429),
    "500": lambda: error(500),
    "503, Retry-After": lambda: error(503, retry_after="0.02"),
    "hang": lambda: Reply(body=b"{}", delay=30.0),
    "reset": lambda: Reply(cut=0, reset=True),
    "reset in the body": lambda: Reply(body=completion("A").body, cut=200, reset=True),
    "dropped": lambda: Reply(drop=True),
    "truncated": lambda: Reply(body=completion("A").body, cut=60),
    "slower than the time-out": lambda: Reply(body=completion("A").body, drip=5.0),
    "not JSON": lambda: Reply(body=b"<html>It works!</html>"),
    "no choices": lambda: Reply(body=b'{"id":"1","model":"m","choices":[]}'),
}
_SLOW = ("hang", "slower than the time-out")


@dataclass
class Storm:
    """Behaviour of a server: a share `rate` of requests meets a fault, a share `hangs` one that
    takes the whole time-out. From time to time it says 429 to everybody for a while."""

    rate: float
    hangs: float
    seed: int = 0
    burst: tuple[float, float] = (10.0, 0.2)
    """Seconds from one wave of 429 to the next, and how long it takes."""
    slow: float = 0.02
    """Share of good answers whose body comes slowly."""
    think: tuple[float, float] = (0.002, 0.02)
    sent: Counter[str] = field(default_factory=Counter)
    """Replies begun by kind."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.serial = 0
        self.lock = threading.Lock()

    def __call__(self, body: dict[str, Any], seen: int) -> Reply:
        kind = self._kind()
        if kind in FAULTS:
            self.sent[kind] += 1
            return FAULTS[kind]()
        found = re.search(r"Question (\d+):", body["messages"][0]["content"])
        assert found is not None
        self.serial += 1
        reply = completion(f"A {self.serial}", body)
        reply.mark = f"{body['model']} {found[1]} {self.serial}"
        reply.delay = self.rng.uniform(*self.think)
        if self.rng.random() < self.slow:
            kind = "answer, slowly"
            reply.drip = self.rng.uniform(0.001, 0.02)
        self.sent[kind] += 1
        return reply

    def _kind(self) -> str:
        every, lasts = self.burst
        if self.rate and time.monotonic() % every < lasts:
            return "429, Retry-After"
        luck = self.rng.random()
        if luck < self.hangs:
            return self.rng.choice(_SLOW)
        if luck < self.hangs + self.rate:
            return self.rng.choice([kind for kind in FAULTS if kind not in _SLOW])
        return "answer"


@dataclass
class Account:
    """What a server's log and a ledger say together, answer by answer.

    ``delivered`` good answers left the server, ``stored`` are in the ledger, ``unsent`` of these
    the server never sent, ``doubled`` are stored twice, ``beyond`` were delivered and are not
    stored: they were on their way when a process was killed or stopped. ``paid`` are good answers
    that the ledger's costs account for, ``maybe`` replies without an answer that may be billed.
    """

    delivered: int
    stored: int
    unsent: int
    doubled: int
    beyond: int
    again: int
    paid: int
    maybe: int
    statuses: dict[str, int]


def account(delivered: list[str], ledger: Path) -> Account:
    """Compare, by the serial number that every good answer carries."""
    with Ledger(ledger) as opened:
        table = opened.table()
    good = table[table["status"] == "ok"]
    said = good["messages"].str.extract(r"Question (\d+):")[0]
    model = good["model"].str.removeprefix("openai/")
    stored = (model + " " + said + " " + good["text"].str.removeprefix("A ")).tolist()
    sent = set(delivered)
    tokens = (good["cost"] / PRICE).round().astype(int)
    # One token an answer; what earlier tries may have cost comes in tens.
    questions = Counter(mark.rsplit(" ", 1)[0] for mark in delivered)
    return Account(
        delivered=len(delivered),
        stored=len(stored),
        unsent=len(set(stored) - sent),
        doubled=len(stored) - len({mark.rsplit(" ", 1)[0] for mark in stored}),
        beyond=len(sent - set(stored)),
        again=sum(n - 1 for n in questions.values()),
        paid=int((tokens % CAP == 1).sum()),
        maybe=int((tokens // CAP).sum()),
        statuses={str(k): int(n) for k, n in table["status"].value_counts().items()},
    )
