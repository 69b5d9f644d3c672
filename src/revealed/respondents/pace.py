"""How fast to ask: additive increase, multiplicative decrease, and the provider's own wishes."""

from __future__ import annotations

import math
import random


class Pace:
    """Concurrency and rate of one respondent (times are the event loop's, in seconds).

    Concurrency starts at the ceiling. A 429 halves it, once for all requests that were under way
    together, and stops everybody until the time the provider names (Retry-After) or a back-off;
    every answer then raises it by 1/limit, so that it grows by about one a round trip (AIMD, as
    in Chiu and Jain 1989).
    """

    def __init__(self, concurrency: int, per_minute: float | None = None):
        self.ceiling = concurrency
        self.limit = float(concurrency)
        self.part = 1.0
        """This process's part of places and rate, from 0 to 1 (see `share`)."""
        self.paused_until = 0.0
        self._cut = 0.0
        self._in_a_row = 0
        self._interval = 60.0 / per_minute if per_minute else 0.0
        # One second's worth may go out at once; the average never exceeds the rate.
        self._burst = max(1.0, per_minute / 60.0) if per_minute else 0.0
        self._tokens, self._filled = self._burst, 0.0

    @property
    def places(self) -> int:
        """Requests that may be under way now."""
        return int(min(self.limit, self.part * self.ceiling + 1e-9))

    def share(self, part: float) -> None:
        """Keep to a part of places and rate: other processes ask the same respondent."""
        if part != self.part and self._interval:
            self._tokens = min(self._tokens, part * self._burst)
        self.part = part

    def wait(self, now: float) -> float:
        """Seconds until a request may be sent: 0 if now, infinite without a part."""
        pause = max(0.0, self.paused_until - now)
        if not self._interval:
            return pause
        if self._filled:
            grown = self._tokens + self.part * (now - self._filled) / self._interval
            self._tokens = min(max(1.0, self.part * self._burst), grown)
        self._filled = now
        if self._tokens >= 1.0:
            return pause
        if self.part <= 0.0:
            return math.inf
        return max(pause, (1.0 - self._tokens) * self._interval / self.part)

    def sent(self) -> None:
        """A request goes out."""
        if self._interval:
            self._tokens -= 1.0

    def answered(self) -> None:
        """An answer came."""
        self._in_a_row = 0
        if self.limit < self.ceiling:
            self.limit = min(float(self.ceiling), self.limit + 1.0 / self.limit)

    def refused(self, started: float, now: float, retry_after: float | None) -> float:
        """A 429 came for a request sent at `started`; returns the seconds everybody waits."""
        if started >= self._cut:
            self.limit = max(1.0, self.limit / 2)
            self._cut = now
            self._in_a_row += 1
        delay = retry_after if retry_after is not None else backoff(self._in_a_row)
        self.paused_until = max(self.paused_until, now + delay)
        return delay


def backoff(attempt: int, first: float = 0.5, most: float = 60.0) -> float:
    """Seconds before the next try: doubling, with jitter so that tries do not march in step."""
    return random.uniform(0.5, 1.0) * min(most, first * 2.0 ** min(attempt - 1, 30))
