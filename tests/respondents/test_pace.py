"""Concurrency and rate: additive increase, multiplicative decrease, Retry-After, a ceiling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revealed.respondents.pace import Pace, backoff


def test_one_storm_halves_once_and_answers_bring_it_back() -> None:
    pace = Pace(16)
    for _ in range(16):  # all sixteen were sent at 0 and came back as 429 at 1
        pace.refused(started=0.0, now=1.0, retry_after=2.0)
    assert pace.limit == 8
    assert pace.wait(1.0) == 2.0
    assert pace.wait(3.0) == 0.0
    pace.refused(started=3.5, now=4.0, retry_after=0.0)
    assert pace.limit == 4
    for _ in range(4):  # one round trip of four raises it by about one
        pace.answered()
    assert pace.limit == pytest.approx(5, abs=0.15)
    for _ in range(1000):
        pace.answered()
    assert pace.limit == 16


def test_it_never_falls_below_one_request() -> None:
    pace = Pace(4)
    for n in range(100):
        pace.refused(started=n, now=n + 0.5, retry_after=None)
    assert pace.limit == 1


@given(st.floats(min_value=1, max_value=6000), st.integers(min_value=1, max_value=300))
def test_the_rate_is_kept_from_the_first_request_on(per_minute: float, count: int) -> None:
    pace, now = Pace(1000, per_minute), 100.0
    sent = []
    for _ in range(count):
        while (wait := pace.wait(now)) > 0:
            now += max(wait, 1e-9)
        pace.sent()
        sent.append(now)
    burst = max(1.0, per_minute / 60)
    # Whatever window one looks at: at most the rate times its length, plus one burst.
    for i in range(0, count, 7):
        for j in range(i, count, 7):
            assert j - i + 1 <= (sent[j] - sent[i]) * per_minute / 60 + burst + 1e-6


def test_backoff_doubles_and_is_bounded() -> None:
    for attempt in range(1, 50):
        most = min(60.0, 0.5 * 2 ** (attempt - 1))
        assert most / 2 <= backoff(attempt) <= most
