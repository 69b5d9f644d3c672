"""Several processes on one run: nothing asked twice, nothing lost, one limit, one rate."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from server import Reply, Server, faithful
from shared_run import main

from revealed.foundation.errors import DataError
from revealed.respondents import Ledger, sharing
from revealed.respondents.sharing import Member, SharedBudget

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["shared_run"])
PLACES = 6
PRICED = {"input_cost_per_token": 1e-3, "output_cost_per_token": 1e-2}
ONE = 100 * 1e-3 + 1 * 1e-2
"""What the loopback server's answer costs: it says 100 tokens in and 1 out."""


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fork server takes its path from the environment, not from this process."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


class Crew:
    """Processes that ask one server with one ledger."""

    def __init__(self, server: Server, folder: Path):
        self.server, self.folder = server, folder
        self.ledger = folder / "ledger.sqlite"
        self.children: list[BaseProcess] = []

    def start(
        self, count: int, *, max_cost: float | None = None, lease: float = 60.0, **changes: Any
    ) -> BaseProcess:
        number = len(self.children)
        told = {"concurrency": PLACES} | changes
        child = CONTEXT.Process(
            target=main,
            args=(
                self.server.url, str(self.ledger), str(self._report(number)), f"process-{number}",
                told, count, max_cost, lease,
            ),
        )  # fmt: skip
        child.start()
        self.children.append(child)
        return child

    def finish(self, number: int) -> dict[str, Any]:
        child = self.children[number]
        child.join(120)
        assert child.exitcode == 0
        said: dict[str, Any] = json.loads(self._report(number).read_text())
        return said

    def asked_by(self, number: int) -> int:
        return self.server.keys[f"bearer process-{number}"]

    def kept(self) -> int:
        with Ledger(self.ledger) as opened:
            return int(opened.counts()["n"].sum())

    def left_behind(self) -> list[str]:
        return [path.name for path in self.folder.glob(".ledger.sqlite.shared.*")]

    def _report(self, number: int) -> Path:
        return self.folder / f"report-{number}.json"


@pytest.fixture
def crew(tmp_path: Path) -> Any:
    with Server(slow(0.02)) as server:
        crew = Crew(server, tmp_path)
        yield crew
        for child in crew.children:
            if child.is_alive():
                child.kill()
                child.join()


def slow(delay: float) -> Callable[[dict[str, Any], int], Reply]:
    def behave(body: dict[str, Any], seen: int) -> Reply:
        reply = faithful(body, seen)
        reply.delay = delay
        return reply

    return behave


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def free(path: Path) -> bool:
    """Whether a file of SQLite's can be written now, as it can between two writes."""
    with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def test_processes_share_the_questions_and_ask_each_once(crew: Crew) -> None:
    crew.server.behave = slow(0.05)
    for _ in range(3):
        crew.start(180)
    said = [crew.finish(number) for number in range(3)]
    assert crew.server.total == crew.kept() == 180
    assert set(crew.server.asked.values()) == {1}
    assert said[0] == said[1] == said[2]
    assert {status for status, _ in said[0]["answers"]} == {"ok"}
    # All of them worked, within the places of one.
    assert min(crew.asked_by(number) for number in range(3)) >= 10
    assert crew.server.most_in_flight <= PLACES
    assert crew.left_behind() == []


def test_what_a_killed_process_had_claimed_is_taken_over(crew: Crew) -> None:
    crew.server.behave = slow(0.05)
    for _ in range(2):
        crew.start(160)
    wait_until(lambda: min(crew.asked_by(0), crew.asked_by(1)) >= 10)
    crew.children[0].kill()
    crew.children[0].join()
    said = crew.finish(1)
    assert [status for status, _ in said["answers"]] == ["ok"] * 160
    assert crew.kept() == 160
    # Asked again is only what was in flight when it died, at most its places.
    assert 160 <= crew.server.total <= 160 + PLACES
    assert max(crew.server.asked.values()) <= 2
    assert crew.left_behind() == []


def test_a_limit_holds_for_all_processes_together(crew: Crew) -> None:
    limit = 60 * ONE
    for _ in range(2):
        crew.start(400, max_cost=limit, **PRICED)
    said = [crew.finish(number) for number in range(2)]
    assert all("cost limit" in each["stopped"] for each in said)
    with Ledger(crew.ledger) as opened:
        spent = opened.cost()
    assert spent == pytest.approx(crew.server.total * ONE)
    assert limit - 3 * ONE < spent <= limit + 1e-9  # the worst of a request is 2.2 times its price
    # A later process with the same limit buys nothing.
    crew.start(400, max_cost=limit, **PRICED)
    assert "stopped" in crew.finish(2)
    assert crew.server.total * ONE == pytest.approx(spent)


def test_money_in_flight_at_a_kill_is_counted_as_spent(crew: Crew) -> None:
    crew.server.behave = slow(30.0)
    crew.start(10, max_cost=100.0, **PRICED)
    wait_until(lambda: crew.asked_by(0) == PLACES)
    crew.children[0].kill()
    crew.children[0].join()
    with Ledger(crew.ledger) as opened:
        assert opened.cost() == 0
        budget = opened.budget(1000.0)
        assert isinstance(budget, SharedBudget)
        # A new ledger has no past: nothing of it was ever answered.
        assert (budget.spent, budget.reserved) == (0, 0)
    crew.server.behave = slow(0.0)
    crew.start(10, max_cost=100.0, **PRICED)
    crew.finish(1)
    with Ledger(crew.ledger) as opened:
        assert opened.cost() == pytest.approx(10 * ONE)
        assert opened.budget(100.0).spent == pytest.approx(10 * ONE)
        # Of two that live, one is killed with money set aside.
        survivor = opened.budget(100.0)
        crew.server.behave = slow(30.0)
        crew.start(20, max_cost=100.0, **PRICED)
        wait_until(lambda: crew.asked_by(2) == PLACES)
        crew.children[2].kill()
        crew.children[2].join()
        assert not survivor.reserve(99.0)  # looks, and finds the dead
        assert survivor.reserved == 0
        assert survivor.spent > (10 + PLACES) * ONE


def test_drawing_money_ahead_exceeds_no_limit_and_wastes_none(tmp_path: Path) -> None:
    """Two budgets reserve and settle at random; what is paid and may be paid stays within."""
    ledger = tmp_path / "ledger.sqlite"
    one, two = (SharedBudget(ledger, 20.0, lambda: 0.0) for _ in range(2))
    draw = random.Random(3)
    in_flight: dict[SharedBudget, list[float]] = {one: [], two: []}
    paid = 0.0
    for _ in range(12_000):
        budget = draw.choice((one, two))
        if draw.random() < 0.5:
            worst = draw.choice((0.01, 0.02))
            if budget.reserve(worst):
                in_flight[budget].append(worst)
        elif in_flight[budget]:
            worst = in_flight[budget].pop()
            actual = worst * draw.random()
            paid += actual
            budget.settle(worst, actual)
        assert paid + sum(map(sum, in_flight.values())) <= 20.0 + 1e-9
    assert paid > 19.5
    for worst in in_flight[one]:
        one.settle(worst, 0.0)
    one.leave()
    for worst in in_flight[two]:
        two.settle(worst, 0.0)
    assert two.reserve(0.01) == (paid + 0.01 <= 20.0)
    assert two.spent == pytest.approx(paid)
    two.leave()


@pytest.mark.slow
def test_a_rate_holds_for_all_processes_together(crew: Crew) -> None:
    crew.server.behave = slow(0.0)
    for _ in range(2):
        crew.start(24, requests_per_minute=360)
    for number in range(2):
        crew.finish(number)
    assert crew.server.total == 24
    times = sorted(crew.server.times)
    # 6 a second, and at most one second's worth of each at once.
    assert times[-1] - times[0] >= (24 - 12) / 6 - 0.05


@pytest.mark.slow
def test_a_process_that_hangs_loses_its_claims_and_goes_on_when_it_wakes(crew: Crew) -> None:
    crew.server.behave = slow(0.05)
    for _ in range(2):
        crew.start(400, lease=1.0)
    wait_until(lambda: min(crew.asked_by(0), crew.asked_by(1)) >= 20)
    sleeper = crew.children[0].pid
    assert sleeper is not None
    os.kill(sleeper, signal.SIGSTOP)
    while not (free(crew.ledger) and free(crew.folder / ".ledger.sqlite.shared")):
        # In the midst of a write it would hold SQLite's lock, and everybody waits for it.
        os.kill(sleeper, signal.SIGCONT)
        time.sleep(0.01)
        os.kill(sleeper, signal.SIGSTOP)
    said = crew.finish(1)
    assert crew.kept() == 400
    os.kill(sleeper, signal.SIGCONT)
    assert crew.finish(0) == said
    assert crew.kept() == 400
    assert crew.server.total <= 400 + PLACES


@pytest.mark.slow
def test_processes_that_are_killed_and_replaced_lose_and_repeat_nothing(crew: Crew) -> None:
    crew.server.behave = slow(0.03)
    total = 1500
    for _ in range(3):
        crew.start(total)
    for kill in range(6):
        before = crew.server.total
        wait_until(lambda: crew.server.total >= min(before + 60, total))  # noqa: B023
        alive = [n for n, child in enumerate(crew.children) if child.is_alive()]
        victim = crew.children[alive[kill % len(alive)]]
        victim.kill()
        victim.join()
        if len(crew.children) < 4:
            crew.start(total)
        if len(alive) <= 2:
            break
    for number, child in enumerate(crew.children):
        if child.exitcode in (None, 0):
            crew.finish(number)
    killed = sum(child.exitcode == -signal.SIGKILL for child in crew.children)
    assert killed >= 2
    assert crew.kept() == total
    assert total <= crew.server.total <= total + killed * PLACES
    assert crew.left_behind() == []


def test_shares_never_exceed_the_whole(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    one = Member(ledger, "r", 8)
    assert one.share == 1
    two = Member(ledger, "r", 8)
    assert two.share == 0  # all places are the first one's still
    one.beat(8)
    two.beat(0)
    assert (one.share, two.share) == (0.5, 0)  # eight are under way
    one.beat(4)
    two.beat(0)
    assert (one.share, two.share) == (0.5, 0.5)
    other = Member(ledger, "another respondent", 8)
    assert other.share == 1
    assert one.claim(["a", "b"]) == {"a", "b"}
    assert two.claim(["b", "c"]) == {"c"}
    one.leave()
    assert two.claim(["a", "b"], done=["c"]) == {"a", "b"}
    two.beat(4)
    assert two.share == 1
    two.leave()
    other.leave()
    narrow = [Member(ledger, "r", 1) for _ in range(3)]
    for _ in range(2):
        for member in narrow:
            member.beat(0)
    assert [member.share for member in narrow] == [1, 0, 0]
    narrow[0].leave()
    narrow[1].beat(0)
    assert narrow[1].share == 1
    for member in narrow:
        member.leave()


def test_a_member_taken_for_dead_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    one, two = Member(ledger, "r", 8), Member(ledger, "r", 8)
    one.claim(["a"])
    monkeypatch.setattr(sharing, "LEASE", -1.0)
    two.beat(0)
    assert two.share == 1
    assert two.claim(["a"]) == {"a"}
    monkeypatch.setattr(sharing, "LEASE", 60.0)
    assert not one.beat(0)
    assert one.claim(["a"]) == set()
    one.leave()
    two.leave()


def test_a_damaged_file_of_who_is_at_work_says_what_to_do(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    path = tmp_path / ".ledger.sqlite.shared"
    path.write_bytes(b"not a database at all, whoever reads it" * 200)
    with pytest.raises(DataError, match="remove it"):
        Member(ledger, "r", 8)
    path.unlink()
    Member(ledger, "r", 8).leave()
