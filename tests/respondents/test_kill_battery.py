"""SIGKILL while a battery is answered and while it is rated: nothing is paid for twice.

And what it will cost is known beforehand, from a few of its questions.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import battery_server
import pytest
from killed_battery import CONCURRENCY, main, study
from server import Reply, Server

from revealed.respondents import Ledger
from revealed.study import open_run, plan
from revealed.study.battery import load_battery
from revealed.study.pilot import pilot
from revealed.study.steps import elicit_respondent, follow_up

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["killed_battery"])
QUESTIONS = 24
CALLS, JUDGES = 2, 2

Checkout = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fork server takes its path from the environment, not from this process."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


def slow(body: dict[str, Any], seen: int) -> Reply:
    # What a judge or fine-tune says depends on the question, not on how often it was asked.
    reply = battery_server.play(body, seen if not body["model"].startswith("judge") else 0)
    reply.delay = random.uniform(0.002, 0.02)
    return reply


def endure(kills: int, samples: int, make: Checkout) -> None:
    answers = QUESTIONS * samples
    total = answers * (1 + CALLS * JUDGES)
    with Server(slow, models=("coder", "judge-east", "judge-west")) as server:
        root = make(study(server.url, samples))
        ledger = root / "data" / "runs" / "killed" / "ledger.sqlite"
        done = 0
        for kill in range(kills):
            before = server.total
            child = CONTEXT.Process(target=main, args=(str(root),))
            child.start()
            # Killed only after it began to ask, then at any instant; each life may do no more than
            # its share, so that answers and ratings are both cut off and work is left.
            share = total * (kill + 1) // (kills + 1)
            while server.total == before and child.is_alive():
                time.sleep(0.005)
            end = time.monotonic() + random.uniform(0.0, 0.5)
            while time.monotonic() < end and server.total < share:
                time.sleep(0.001)
            child.kill()
            child.join(30)
            assert child.exitcode == -signal.SIGKILL, "it ended before it was killed"
            time.sleep(0.1)  # replies to the dead are still being counted
            now = kept(ledger)
            assert now >= done
            # What was paid for and is not on disk was in flight, at most as many as places.
            assert (server.total - before) - (now - done) <= CONCURRENCY
            done = now
        assert 0 < done < total
        child = CONTEXT.Process(target=main, args=(str(root),))
        child.start()
        child.join(200)
        assert child.exitcode == 0
        assert kept(ledger) == total
        assert server.total <= total + kills * CONCURRENCY
        asked = server.total
        again = CONTEXT.Process(target=main, args=(str(root),))
        again.start()
        again.join(100)
        assert again.exitcode == 0
        assert server.total == asked
    held = load_battery(open_run("killed", root))
    assert len(held.answers["battery_main"]) == answers
    assert len(held.ratings) == answers * CALLS * JUDGES
    assert (held.ratings["mode"] == "probabilities").all()


def kept(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    with Ledger(ledger) as opened:
        return int(opened.counts()["n"].sum())


def test_two_kills(make_checkout: Checkout) -> None:
    endure(2, 1, make_checkout)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_2400_answers_and_their_ratings(make_checkout: Checkout) -> None:
    endure(6, 100, make_checkout)


def test_cost_is_known_within_a_tenth_beforehand(make_checkout: Checkout) -> None:
    with Server(battery_server.play, models=("coder", "judge-east", "judge-west")) as server:
        make_checkout(study(server.url, 5))
        run = open_run("priced")
        specs = [entry.spec for entry in run.study.respondents]
        bound = plan(run.study, specs)["cost"].sum()
        estimate = pilot(run, specs, size=60)
        assert (estimate["measured"] >= 48).all()
        spent_on_pilot = server.total
        assert spent_on_pilot <= 60 * (1 + CALLS * JUDGES) + 20
        elicit_respondent(run, "coder", progress=False)
        for judge in ("east", "west"):
            follow_up(run, judge, progress=False)
        with Ledger(run.paths.ledger) as ledger:
            spent = ledger.cost()
        # The pilot's own questions are part of the whole.
        assert server.total == 120 * (1 + CALLS * JUDGES)
    assert estimate["cost"].sum() == pytest.approx(spent, rel=0.1)
    assert bound > spent
