"""What these tests share: one question form, one way to run a collection, no keys from outside."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import questions_of
from server import Server

from revealed.respondents import Answer, Budget, Ledger, RespondentSpec
from revealed.respondents.client import collect


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if re.search(r"(?i)api_?key|api_base|base_url", name):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def spec_for() -> Callable[..., RespondentSpec]:
    """A respondent at a loopback server."""

    def make(server: Server, **changes: Any) -> RespondentSpec:
        told: dict[str, Any] = {
            "name": "loopback", "model": "openai/m", "api_base": server.url, "mode": "sample",
            "concurrency": 8, "timeout": 5.0,
        }  # fmt: skip
        return RespondentSpec(**(told | changes))

    return make


@pytest.fixture
def ask() -> Callable[..., list[Answer]]:
    """Ask so many questions, each so many times, and return the answers."""

    def run(
        spec: RespondentSpec,
        ledger: Ledger,
        questions: int,
        samples: int = 1,
        budget: Budget | None = None,
    ) -> list[Answer]:
        requests = questions_of(spec, questions, samples)
        return asyncio.run(collect(requests, spec, ledger, budget=budget, progress=False))

    return run
