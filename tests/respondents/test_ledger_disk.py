"""A disk that is full and a folder that cannot be written: said, and nothing paid for is lost."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asking import questions_of
from server import Server
from test_ledger import entry, request

from revealed.foundation.errors import DataError
from revealed.respondents import Ledger, RespondentSpec
from revealed.respondents.client import collect
from revealed.respondents.ledger_check import bring_back, check

SpecFor = Callable[..., RespondentSpec]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, which is where answers are kept."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with room for a few hundred answers."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=320k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_loses_nothing(
    small: Path, server: Server, spec_for: SpecFor, elsewhere: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    spec = spec_for(server, concurrency=8)
    requests = questions_of(spec, 200)
    path = small / "run" / "ledger.sqlite"
    with Ledger(path) as ledger, pytest.raises(DataError, match="the disk is full") as raised:
        asyncio.run(collect(requests, spec, ledger, progress=False))
    assert raised.value.exit_code == 3
    assert "Make room" in str(raised.value)
    # The ledger may be the first to find no room, or what processes share; whatever then arrives
    # is in the ledger, in its journal, or elsewhere, and that is said.
    told = re.search(r"ledger restore (\S+) --file (\S+)`", f"{raised.value} {caplog.text}")
    assert (told is not None) == bool(list(elsewhere.iterdir()))
    asked = server.total
    assert 8 < asked < 200 - 8, "it stops at once"
    subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
    # Of all that was sent nothing is missing, once what was kept is brought back.
    if told is not None:
        kept = Path(told[1])
        assert kept.parent == elsewhere
        assert told[2] == str(path)
        assert kept.stat().st_mode & 0o077 == 0, "nobody else may read answers"
        bring_back(kept, path)
    with Ledger(path) as ledger:
        assert len(ledger.get(r.key for r in requests)) == asked
        answers = asyncio.run(collect(requests, spec, ledger, progress=False))
    assert [a.status for a in answers] == ["ok"] * 200
    assert server.total == 200
    assert check(path).problems == []


def test_a_disk_that_has_room_again_needs_nothing_more(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is a small part of the ledger, and may have taken what the ledger could not."""
    path = tmp_path / "run" / "ledger.sqlite"
    connect = Ledger._connect

    def full(ledger: Ledger) -> sqlite3.Connection:
        connection = connect(ledger)
        connection.execute("PRAGMA max_page_count = 24")
        return connection

    monkeypatch.setattr(Ledger, "_connect", full)
    put = 0
    with Ledger(path) as ledger:
        try:
            for put in range(1000):
                ledger.put([entry(request(put), text="x" * 3000)])
        except DataError as error:
            told = str(error)
    monkeypatch.undo()
    assert "the disk is full" in told
    assert put > 3
    with Ledger(path) as ledger:
        assert len(ledger.get(request(n).key for n in range(put + 1))) == put + 1


def test_an_answer_that_cannot_be_written_is_kept_elsewhere_for_its_owner(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.put([entry(request(0))])

        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(ledger._journal, "append", refuse)
            for n in (1, 2):
                with pytest.raises(DataError, match="the disk is full") as raised:
                    ledger.put([entry(request(n))])
        (kept,) = elsewhere.iterdir()
        assert f"`revealed ledger restore {kept} --file {path}`" in str(raised.value)
        assert kept.stat().st_mode & 0o077 == 0, "nobody else may read answers"
    assert bring_back(kept, path) == 2
    with Ledger(path) as ledger:
        assert len(ledger.get(request(n).key for n in range(3))) == 3


def test_a_file_that_cannot_be_opened_to_be_written_is_an_error_and_not_a_wait(
    tmp_path: Path, elsewhere: Path
) -> None:
    """Opened to be read, as long as nothing is written; then there may be no handle left."""
    path = tmp_path / "run" / "ledger.sqlite"
    with Ledger(path) as ledger:
        path.parent.rename(tmp_path / "moved")
        for n in range(2):
            with pytest.raises(DataError, match="the ledger cannot be written") as raised:
                ledger.put([entry(request(n))])
        assert "Give yourself the right" in str(raised.value)
        (tmp_path / "moved").rename(path.parent)
        ledger.put([entry(request(2))])
    (kept,) = elsewhere.iterdir()
    assert bring_back(kept, path) == 2
    with Ledger(path) as ledger:
        assert len(ledger.get(request(n).key for n in range(3))) == 3


def test_a_file_of_who_is_at_work_that_cannot_be_written_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a limit, a full disk is met there too: answers kept elsewhere are told all the same."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def shared(*_: object) -> None:
        raise DataError("the disk of the shared file is full.")

    def write(path: Path, *, full: bool) -> None:
        with Ledger(path) as ledger:
            monkeypatch.setattr(ledger.budget(1.0), "leave", shared)
            written.append(ledger)
            if full:
                monkeypatch.setattr(ledger._journal, "append", refuse)
            ledger.put([entry(request(0))])

    written: list[Ledger] = []
    with pytest.raises(DataError, match="ledger restore"):
        write(tmp_path / "a.sqlite", full=True)
    assert "1 answers are kept in" in caplog.text
    with pytest.raises(DataError, match="the shared file"):
        write(tmp_path / "b.sqlite", full=False)
    assert [ledger._writer for ledger in written] == [None, None], "one had answers left to write"


def test_answers_that_find_room_nowhere_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.put([entry(request(0))])
        full = OSError(28, "No space left on device")

        def refuse(*_: object) -> None:
            raise full

        monkeypatch.setattr("revealed.respondents.journal.Journal.append", refuse)
        with pytest.raises(DataError, match="1 answers found room nowhere"):
            ledger.put([entry(request(1))])
        monkeypatch.undo()
        assert len(ledger.get([request(0).key])) == 1


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A ledger on a disk mounted for reading, or in a folder that we may not write."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() == 0:
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("root that may not mount: nothing is read-only for it")
    with Ledger(folder / "ledger.sqlite") as ledger:
        ledger.put([entry(request(0))])
    if os.geteuid() == 0:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    else:
        folder.chmod(0o555)
    yield folder
    if os.geteuid() == 0:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_asked(
    read_only: Path, server: Server, spec_for: SpecFor
) -> None:
    spec = spec_for(server)

    def run(path: Path) -> None:
        with Ledger(path) as ledger:
            asyncio.run(collect(questions_of(spec, 3), spec, ledger, progress=False))

    for path in (read_only / "ledger.sqlite", read_only / "new" / "ledger.sqlite"):
        with pytest.raises(DataError, match="cannot be written") as raised:
            run(path)
        assert "Give yourself the right to write" in str(raised.value)
    assert server.total == 0
