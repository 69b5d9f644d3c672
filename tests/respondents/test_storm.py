"""Faults of a dozen kinds, clock jumps, kills and stops at once: nothing lost, nothing repeated."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from server import Server
from storm_client import main
from storm_server import FAULTS, Storm, account

from revealed.respondents.ledger_check import check

CONCURRENCY = 16

# As in `test_kill`: one import of LiteLLM, and every child a process of its own.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["killed_run", "storm_client"])


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


def start(server: Server, ledger: Path, name: str, count: int) -> BaseProcess:
    words = (server.url, str(ledger), name, str(count), "200", str(CONCURRENCY), "0.5", "0.05")
    child = CONTEXT.Process(target=main, args=words)
    child.start()
    return child


def stored(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    # Not as `Ledger` does: opening one mends it, and this is to see what the dead left.
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=30)) as opened:
        return int(opened.execute("SELECT count(*) FROM answers WHERE status = 'ok'").fetchone()[0])


def endure(
    count: int, stops: list[signal.Signals], tmp_path: Path, seed: int, *, shared: bool
) -> Storm:
    """Two processes at once in one ledger, stopped in turn as `stops` says.

    They ask a respondent each, or the same questions of one (`shared`).
    """
    rng = random.Random(seed)
    ledger = tmp_path / "ledger.sqlite"
    storm = Storm(rate=0.35, hangs=0.01, seed=seed, burst=(1.0, 0.1))
    names = ("one", "one") if shared else ("two", "three")
    total = count * len(set(names))
    with Server(storm) as server:
        children = [start(server, ledger, name, count) for name in names]
        for turn, sign in enumerate(stops):
            # All lives but the last together do less than half, which is one respondent's share:
            # so nobody is done before it is stopped, however uneven the two are.
            share = total * (turn + 1) // (2 * len(stops) + 3)
            while len(server.delivered) < share:
                time.sleep(0.005)
            time.sleep(rng.uniform(0.0, 0.05))
            place = turn % 2
            child = children[place]
            assert child.is_alive(), "it ended before it was stopped"
            assert child.pid is not None
            told = time.monotonic()
            os.kill(child.pid, sign)
            child.join(60)
            code = -9 if sign is signal.SIGKILL else 128 + sign
            assert child.exitcode == code
            # What is in flight is given up: nobody waits for a server that hangs. (Well below a
            # second on a machine that is free.)
            assert time.monotonic() - told < 20.0
            children[place] = start(server, ledger, names[place], count)
        for child in children:
            child.join(120)
            assert child.exitcode == 0
        delivered = list(server.delivered)
    found = account(delivered, ledger)
    assert found.stored == total
    assert found.statuses == {"ok": total}, "nothing is half written"
    assert found.unsent == 0, "every stored answer was sent, as it is stored"
    assert found.doubled == 0
    # Whatever else was sent was on its way when a process ended, and was asked again, once each.
    assert found.beyond == found.again <= CONCURRENCY * len(stops)
    assert found.paid == found.stored == found.delivered - found.beyond
    checked = check(ledger)
    assert checked.problems == []
    assert checked.journal == checked.answers == total
    return storm


def test_a_short_storm(tmp_path: Path) -> None:
    stops = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
    endure(160, stops, tmp_path, 1, shared=True)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
def test_a_long_storm_of_every_kind(shared: bool, tmp_path: Path) -> None:
    stops = [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT] * 2
    storm = endure(1000 if shared else 500, stops, tmp_path, 2, shared=shared)
    assert min(storm.sent[kind] for kind in FAULTS) > 0
