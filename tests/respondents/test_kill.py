"""SIGKILL at random instants: no answered request is asked again, none is lost."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from killed_run import CONCURRENCY, main
from server import Reply, Server, faithful

from revealed.respondents import Ledger

SAMPLES, ORDERS = 3, 2


# A fork server imports LiteLLM once; every child is a process of its own, with its own SIGKILL.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["killed_run"])


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fork server takes its path from the environment, not from this process."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


def start(server: Server, ledger: Path, table: Path, count: int) -> BaseProcess:
    child = CONTEXT.Process(target=main, args=(server.url, str(ledger), str(table), str(count)))
    child.start()
    return child


def finish(child: BaseProcess) -> None:
    child.join(120)
    assert child.exitcode == 0


def kept(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    with Ledger(ledger) as opened:
        return int(opened.counts()["n"].sum())


def endure(kills: int, count: int, tmp_path: Path) -> None:
    def behave(body: dict[str, Any], seen: int) -> Reply:
        reply = faithful(body, seen)
        reply.delay = random.uniform(0.002, 0.03)
        return reply

    total = count * SAMPLES * ORDERS
    with Server(behave) as calm:
        child = start(calm, tmp_path / "calm.sqlite", tmp_path / "calm.csv", count)
        finish(child)
        assert calm.total == total
    ledger, table = tmp_path / "ledger.sqlite", tmp_path / "table.csv"
    wasted = done = 0
    with Server(behave) as server:
        for kill in range(kills):
            before = server.total
            child = start(server, ledger, table, count)
            # Killed only after it began to ask (most of a run is imports), then at any instant;
            # each life may do no more than its share, so that there is work left for the last.
            share = total * (kill + 1) // (kills + 2)
            while server.total == before and child.is_alive():
                time.sleep(0.005)
            end = time.monotonic() + random.uniform(0.0, 0.25)
            while time.monotonic() < end and server.total - wasted < share:
                time.sleep(0.001)
            child.kill()
            child.join(30)
            assert child.exitcode == -signal.SIGKILL, "it ended before it was killed"
            time.sleep(0.1)  # replies to the dead are still being counted
            now = kept(ledger)
            # Everything that was asked and is not on disk was in flight, at most as many as places.
            assert now >= done
            wasted = server.total - now
            assert 0 <= wasted <= CONCURRENCY * (kill + 1)
            assert (server.total - before) - (now - done) <= CONCURRENCY
            done = now
        assert 0 < done < total
        child = start(server, ledger, table, count)
        finish(child)
        # The last life asked exactly what was missing: no answered request was asked again.
        assert server.total == total + wasted
        again = Counter(n - SAMPLES for n in server.asked.values())
        assert min(again) == 0
        assert sum(extra * questions for extra, questions in again.items()) == wasted
    assert kept(ledger) == total
    assert table.read_bytes() == (tmp_path / "calm.csv").read_bytes()


def test_four_kills(tmp_path: Path) -> None:
    endure(4, 30, tmp_path)


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path) -> None:
    endure(20, 200, tmp_path)
