"""The ledger: durable, unique, shared between processes, and honest about what it is."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from revealed.foundation.errors import DataError
from revealed.respondents import Answer, Ledger, Request
from revealed.respondents.ledger import Entry
from revealed.respondents.request import Question


def request(n: int = 0, sample: int = 0, **params: object) -> Request:
    question = Question("m", [{"role": "user", "content": f"q{n}"}], params or {"temperature": 1.0})
    return Request(question, sample)


def entry(request: Request, status: str = "ok", **changes: object) -> Entry:
    answer = Answer(request.key, status, **({"text": "A"} | changes))  # type: ignore[arg-type]
    return Entry(answer, request, "r")


def test_the_key_tells_apart_whatever_identifies_a_request() -> None:
    base = Question("m", [{"role": "user", "content": "q"}], {"temperature": 1.0, "max_tokens": 9})
    others = [
        Question("n", base.messages, base.params),
        Question("m", [{"role": "user", "content": "r"}], base.params),
        Question("m", [{"role": "system", "content": "q"}], base.params),
        Question("m", base.messages, {"temperature": 0.5, "max_tokens": 9}),
        Question("m", base.messages, base.params, address="http://127.0.0.1:1/v1"),
    ]
    keys = {Request(q).key for q in (base, *others)} | {
        Request(base, 1).key,
        Request(base, 0, 7).key,
    }
    assert len(keys) == len(others) + 3
    # The order in which parameters were written down does not matter.
    same = Question("m", base.messages, {"max_tokens": 9, "temperature": 1.0})
    assert Request(same).key == Request(base).key
    assert len(Request(base).key) == 64


def test_what_was_put_comes_back_as_it_was(ledger: Ledger) -> None:
    asked = request()
    answer = Answer(
        asked.key, "ok", "A\n'; DROP TABLE answers; --", "because", [[("A", -0.1), (" B", -2.0)]],
        "stop", None, 100, 1, 1e-5, 0.25, "m-0613", ("seed",), 2,
    )  # fmt: skip
    ledger.put([Entry(answer, asked, "r")])
    assert ledger.get([asked.key, "nowhere"]) == {asked.key: answer}
    table = ledger.table("r")
    assert table.loc[0, "messages"] == '[{"content":"q0","role":"user"}]'
    assert table.loc[0, "params"] == '{"temperature":1.0}'


def test_more_keys_than_sqlite_takes_at_once(ledger: Ledger) -> None:
    asked = [request(n) for n in range(2100)]
    ledger.put([entry(r) for r in asked])
    assert len(ledger.get(r.key for r in asked)) == 2100


def test_an_answer_stands_and_a_failure_may_be_replaced(ledger: Ledger) -> None:
    asked = request()
    ledger.put([entry(asked, "failed", text=None, error="500", cost=0.25)])
    ledger.put([entry(asked, "ok", text="A", cost=0.5)])
    ledger.put([entry(asked, "failed", text=None)])
    ledger.put([entry(asked, "ok", text="B", cost=9.0)])
    found = ledger.get([asked.key])[asked.key]
    assert (found.status, found.text, found.error) == ("ok", "A", None)
    assert found.cost == 0.75  # both attempts were paid for
    assert ledger.cost() == 0.75


def test_counts_by_respondent_and_status(ledger: Ledger) -> None:
    ledger.put([entry(request(n)) for n in range(3)] + [entry(request(9), "refused")])
    counts = ledger.counts().set_index("status")["n"].to_dict()
    assert counts == {"ok": 3, "refused": 1}


def test_a_kill_keeps_every_answer_that_was_put(tmp_path: Path) -> None:
    """The child prints a key only after `put` returned; then it is killed while writing."""
    path = tmp_path / "ledger.sqlite"
    code = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from revealed.respondents import Ledger
        from test_ledger import entry, request
        ledger = Ledger(Path({str(path)!r}))
        for n in range(100_000):
            ledger.put([entry(request(n))])
            print(n, flush=True)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(50):
        child.stdout.readline()
    child.kill()
    said = [*range(50), *(int(line) for line in child.stdout.read().splitlines() if line.strip())]
    child.wait()
    with Ledger(path) as ledger:
        kept = ledger.get(request(n).key for n in said)
        assert len(kept) == len(said) >= 50
        ledger.put([entry(request(10**6))])  # and it can be written again


def _fill(path: Path, start: int) -> None:
    with Ledger(path) as ledger:
        for n in range(start, start + 40):
            ledger.put([entry(request(n))])


def test_processes_write_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_fill, args=(path, start)) for start in (0, 20, 40)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    with Ledger(path) as ledger:
        assert ledger.counts()["n"].sum() == 80


def _make(path: Path, barrier: Barrier) -> None:
    for n in range(100):
        barrier.wait(30)
        Ledger(path / f"{n}.sqlite").close()


def test_processes_make_a_ledger_at_once(tmp_path: Path) -> None:
    """SQLite itself tells some of them at once that it is locked."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(6)
    children = [context.Process(target=_make, args=(tmp_path, barrier)) for _ in range(6)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 6


def test_answers_that_arrive_together_are_committed_together(ledger: Ledger) -> None:
    async def many() -> None:
        await asyncio.gather(*(ledger.put_soon(entry(request(n))) for n in range(500)))

    commits = 0
    original = ledger._commit

    def counted(connection: sqlite3.Connection, entries: list[Entry]) -> None:
        nonlocal commits
        commits += 1
        time.sleep(0.002)  # a disk that takes its time
        original(connection, entries)

    ledger._commit = counted  # type: ignore[method-assign]
    asyncio.run(many())
    assert len(ledger.get(request(n).key for n in range(500))) == 500
    assert commits < 50


def test_threads_that_bring_the_first_answers_together_have_one_writer(tmp_path: Path) -> None:
    """A second one would never be told to end, or the first one's end be waited for in vain."""

    def writers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "ledger"}

    before, interval = writers(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for attempt in range(30):
            ledger = Ledger(tmp_path / f"{attempt}.sqlite")
            together = threading.Barrier(16)

            def put(n: int, ledger: Ledger = ledger, together: Any = together) -> None:
                together.wait()
                ledger.put([entry(request(n))])

            threads = [threading.Thread(target=put, args=(n,)) for n in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(writers() - before) == 1
            ledger.close()
            assert not writers() - before
    finally:
        sys.setswitchinterval(interval)


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is not a database, but it is long enough to look like a file" * 20)
    with pytest.raises(DataError, match="not a readable ledger"):
        Ledger(path)


def test_a_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(DataError, match="version 99"):
        Ledger(path)


def test_an_index_of_earlier_programs_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    asked = [request(n) for n in range(10)]
    with Ledger(path) as ledger:
        ledger.put([entry(r) for r in asked])
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE INDEX answers_of ON answers (respondent, status)")
    with Ledger(path) as ledger, Ledger(path) as other:
        assert len(ledger.get(r.key for r in asked)) == 10
        other.put([entry(request(10))])
        assert ledger.counts()["n"].sum() == 11
    with sqlite3.connect(path) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert names == {"answers", "questions"}


def test_an_answer_that_cannot_be_written_is_an_error_and_not_a_wait(ledger: Ledger) -> None:
    asked = request()
    with pytest.raises(DataError, match="could not be written"):
        ledger.put([entry(asked, "nonsense")])

    async def soon() -> None:
        await ledger.put_soon(entry(asked, "nonsense"))

    with pytest.raises(DataError, match="could not be written"):
        asyncio.run(soon())
