"""A wall clock that is set, by an hour or a day, under way: nothing hangs, nothing bursts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from email.utils import formatdate
from types import SimpleNamespace

import pytest
from server import Server, error, faithful

from revealed.respondents import Answer, Ledger, RespondentSpec
from revealed.respondents.trouble import classify

Ask = Callable[..., list[Answer]]
SpecFor = Callable[..., RespondentSpec]


@pytest.fixture
def _jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the wall clock finds it somewhere within a day of the truth."""
    true, rng = time.time, random.Random(0)
    monkeypatch.setattr(time, "time", lambda: true() + rng.uniform(-86_400, 86_400))


@pytest.mark.usefixtures("_jumping")
def test_a_clock_that_jumps_changes_neither_rate_nor_waits(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = lambda body, seen: (
        error(429, retry_after="0.4") if server.total == 5 else faithful(body, seen)
    )
    started = time.monotonic()
    answers = ask(spec_for(server, requests_per_minute=1200, concurrency=1), ledger, 30)
    assert [a.status for a in answers] == ["ok"] * 30
    assert server.times[5] - server.times[4] > 0.35  # everybody waits as long as was asked
    # 31 requests at 20 a second, of which one second's worth may go at once.
    assert server.times[-1] - server.times[0] > 10 / 20 * 0.9
    assert time.monotonic() - started < 20
    assert len(ledger.get(a.key for a in answers)) == 30


@pytest.mark.parametrize("skew", [-86_400.0, 0.0, 3_600.0])
def test_a_date_to_wait_for_is_read_by_the_clock_that_named_it(
    skew: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    headers = {
        "Date": formatdate(now, usegmt=True),
        "Retry-After": formatdate(now + 30, usegmt=True),
    }
    refusal = Exception("slow down")
    refusal.status_code = 429  # type: ignore[attr-defined]
    refusal.response = SimpleNamespace(headers=headers)  # type: ignore[attr-defined]
    monkeypatch.setattr(time, "time", lambda: now + skew)
    trouble = classify(refusal, (), 60.0)
    assert trouble.kind == "rate"
    assert trouble.retry_after == pytest.approx(30.0, abs=1.0)  # dates are whole seconds
