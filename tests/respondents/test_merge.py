"""Ledgers of several jobs become one: every answer once, the earlier of two, whole or none."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from revealed.foundation.errors import DataError
from revealed.respondents import Answer, Ledger, Request
from revealed.respondents.ledger import Entry
from revealed.respondents.ledger_check import check
from revealed.respondents.merge import merge, snapshot
from revealed.respondents.request import Question


def entry(n: int, text: str = "A", status: str = "ok", **changes: object) -> Entry:
    asked = Request(Question("m", [{"role": "user", "content": f"q{n}"}], {"temperature": 1.0}))
    return Entry(Answer(asked.key, status, text, **changes), asked, "r")  # type: ignore[arg-type]


def write(path: Path, *entries: Entry) -> Path:
    with Ledger(path) as ledger:
        for each in entries:
            ledger.put([each])
            time.sleep(0.002)  # so that one is earlier
    return path


def rows(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT * FROM answers ORDER BY key").fetchall()
    found += connection.execute("SELECT * FROM questions ORDER BY question").fetchall()
    connection.close()
    return found


def texts(path: Path) -> dict[str, tuple[str, str | None, float | None]]:
    with Ledger(path) as ledger:
        return {row.key: (row.status, row.text, row.cost) for row in ledger.table().itertuples()}


def test_every_answer_is_kept_once_and_again_changes_nothing(tmp_path: Path) -> None:
    one = write(tmp_path / "one.sqlite", entry(1), entry(2, cost=0.5))
    two = write(tmp_path / "two.sqlite", entry(3), entry(4, status="refused"))
    whole = tmp_path / "new" / "whole.sqlite"
    first = merge([one, two], whole, progress=False)
    assert [(m.rows, m.added, m.replaced, m.conflicts) for m in first] == [(2, 2, 0, 0)] * 2
    assert sorted(rows(whole), key=repr) == sorted(rows(one) + rows(two), key=repr)
    before = rows(whole)
    again = merge([two, one], whole, progress=False)
    assert [(m.added, m.replaced, m.conflicts, m.twice) for m in again] == [(0, 0, 0, 0.0)] * 2
    assert rows(whole) == before
    assert sorted(p.name for p in whole.parent.iterdir()) == ["whole.sqlite"]


@pytest.mark.parametrize("backwards", [False, True])
def test_of_two_answers_the_earlier_is_kept_and_the_other_reported(
    tmp_path: Path, backwards: bool
) -> None:
    one = write(tmp_path / "one.sqlite", entry(1, "A", cost=0.25), entry(2, "A", cost=1.0))
    two = write(tmp_path / "two.sqlite", entry(1, "B", cost=0.5), entry(2, "A", cost=2.0))
    order = [two, one] if backwards else [one, two]
    found = merge(order, tmp_path / "c.sqlite", progress=False)
    assert [m.conflicts for m in found] == [0, 1]
    assert found[1].twice == 2.5  # what was paid a second time, of the same answer too
    assert set(texts(tmp_path / "c.sqlite").values()) == {("ok", "A", 0.25), ("ok", "A", 1.0)}


@pytest.mark.parametrize("backwards", [False, True])
def test_a_failure_gives_way_to_an_answer_whenever_that_came(
    tmp_path: Path, backwards: bool
) -> None:
    failed = write(tmp_path / "failed.sqlite", entry(1, status="failed", cost=0.5))
    good = write(tmp_path / "good.sqlite", entry(1, "B", cost=0.125))
    whole = tmp_path / "c.sqlite"
    found = merge([good, failed] if backwards else [failed, good], whole, progress=False)
    assert sum(m.replaced for m in found) == (0 if backwards else 1)
    assert sum(m.conflicts for m in found) == 0
    assert list(texts(whole).values()) == [("ok", "B", 0.5)]
    merge([failed, good], whole, progress=False)
    assert list(texts(whole).values()) == [("ok", "B", 0.5)], "a price was counted twice"


def test_bad_files_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    good = write(tmp_path / "good.sqlite", entry(1))
    whole = tmp_path / "c.sqlite"

    def refused(bad: Path, words: str, into: Path = whole) -> None:
        with pytest.raises(DataError, match=words):
            merge([good, bad], into, progress=False)
        assert not whole.exists()

    refused(tmp_path / "nowhere.sqlite", "no ledger here")
    text = tmp_path / "text.sqlite"
    text.write_text("not a database, but long enough to be looked at\n" * 20)
    refused(text, "not a ledger")
    later = write(tmp_path / "later.sqlite", entry(2))
    connection = sqlite3.connect(later)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    refused(later, "version 99")
    lost = write(tmp_path / "lost.sqlite", entry(3))
    connection = sqlite3.connect(lost)
    connection.execute("DELETE FROM questions")
    connection.commit()
    connection.close()
    refused(lost, "lack their question")
    torn = write(tmp_path / "torn.sqlite", *(entry(n, "A" * 3000) for n in range(20)))
    data = bytearray(torn.read_bytes())
    data[8192:20000] = os.urandom(20000 - 8192)
    torn.write_bytes(data)
    refused(torn, "malformed")
    with pytest.raises(DataError, match="into itself"):
        merge([good], good, progress=False)


def test_questions_of_one_digest_with_other_words_are_refused_whole(tmp_path: Path) -> None:
    good = write(tmp_path / "good.sqlite", entry(1))
    forged = write(tmp_path / "forged.sqlite", entry(1), entry(2))
    connection = sqlite3.connect(forged)
    connection.execute("UPDATE questions SET messages = 'x'")
    connection.commit()
    connection.close()
    before = rows(good)
    with pytest.raises(DataError, match="other words"):
        merge([forged], good, progress=False)
    assert rows(good) == before


def test_a_killed_job_leaves_a_journal_and_its_answers_are_merged(tmp_path: Path) -> None:
    path = tmp_path / "job.sqlite"
    code = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from revealed.respondents import Ledger
        from test_merge import entry
        ledger = Ledger(Path({str(path)!r}))
        ledger.put([entry(n) for n in range(50)])
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.with_name("job.sqlite-wal").stat().st_size > 0
    (found,) = merge([path], tmp_path / "c.sqlite", progress=False)
    assert found.added == 50


def test_a_ledger_with_earlier_answers_asks_for_none_of_them(tmp_path: Path) -> None:
    first, second = entry(1, "B"), entry(2)
    run = write(tmp_path / "run.sqlite", first)
    snapshot(run, tmp_path / "earlier.sqlite")
    (tmp_path / "earlier.sqlite").chmod(0o444)
    with Ledger(tmp_path / "part.sqlite", earlier=tmp_path / "earlier.sqlite") as part:
        part.put([second])
        found = part.get([first.request.key, second.request.key])
        assert {answer.text for answer in found.values()} == {"A", "B"}
        assert part.counts()["n"].sum() == 1, "earlier answers are not the part's own"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "earlier.sqlite", "part.journal.gz", "part.sqlite", "run.journal.gz", "run.sqlite",
    ]  # fmt: skip


def test_what_only_a_journal_holds_is_merged_and_an_earlier_version_too(tmp_path: Path) -> None:
    path = write(tmp_path / "job.sqlite", entry(1), entry(2))
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM answers WHERE key = ?", (entry(2).request.key,))
    connection.commit()
    connection.close()
    first = write(tmp_path / "first.sqlite", entry(3))
    connection = sqlite3.connect(first)
    connection.execute("ALTER TABLE answers DROP COLUMN checksum")
    connection.execute("PRAGMA user_version = 1")
    connection.execute("PRAGMA application_id = 0")
    connection.commit()
    connection.close()
    found = merge([path, first], tmp_path / "c.sqlite", progress=False)
    assert [m.added for m in found] == [2, 1]
    assert check(tmp_path / "c.sqlite").problems == []
