"""A damaged ledger: found, mended from its pages and its journal, or refused; never believed."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_ledger import entry, request

from revealed.foundation.errors import DataError
from revealed.respondents import Answer, Ledger
from revealed.respondents.journal import journal_of, read
from revealed.respondents.ledger import Entry
from revealed.respondents.ledger_check import bring_back, check, repair

COUNT = 150
PAGE = 4096


def filled(path: Path, first: int = 0) -> dict[str, Answer]:
    """A ledger with short answers, long ones that need pages of their own, and failures."""
    rng = random.Random(first)
    entries = []
    for n in range(first, first + COUNT):
        size = rng.choice([1, 1, 1, 40, 900, 5000, 13000])
        entries.append(
            entry(
                request(n, model_words=rng.random()), "failed" if n % 17 == 0 else "ok",
                text="".join(rng.choice("abcdefgh \u00e9\u4e2d\n") for _ in range(size)),
                cost=float(n), latency=float(n % 3), prompt_tokens=n,
            )
        )  # fmt: skip
    with Ledger(path) as ledger:
        for start in range(0, COUNT, 10):
            ledger.put(entries[start : start + 10])
    return {e.answer.key: e.answer for e in entries}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Answer]]:
    path = tmp_path_factory.mktemp("whole") / "ledger.sqlite"
    return path, filled(path)


@pytest.fixture
def copied(whole: tuple[Path, dict[str, Answer]], tmp_path: Path) -> tuple[Path, dict[str, Answer]]:
    for file in whole[0].parent.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / "ledger.sqlite", whole[1]


def same(found: dict[str, Answer], truth: dict[str, Answer]) -> bool:
    """Whether every answer found is the true one."""
    return all(answer == truth[key] for key, answer in found.items())


def told(path: Path, truth: dict[str, Answer]) -> dict[str, Answer] | None:
    """What opening and asking gives, or None if it is refused."""
    try:
        with Ledger(path) as ledger:
            return ledger.get(truth)
    except DataError:
        return None


Damage = Callable[[bytearray, random.Random], None]


def _zero_page(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) // PAGE) * PAGE
    data[at : at + PAGE] = bytes(PAGE)


def _noise(data: bytearray, rng: random.Random) -> None:
    size = rng.choice([1, 1, 2, 8, 60, PAGE, 3 * PAGE])
    at = rng.randrange(len(data))
    data[at : at + size] = rng.randbytes(min(size, len(data) - at))


def _many_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(200):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _swap_pages(data: bytearray, rng: random.Random) -> None:
    a, b = (rng.randrange(len(data) // PAGE) * PAGE for _ in range(2))
    data[a : a + PAGE], data[b : b + PAGE] = data[b : b + PAGE], data[a : a + PAGE]


def _repeat_page(data: bytearray, rng: random.Random) -> None:
    a, b = (rng.randrange(len(data) // PAGE) * PAGE for _ in range(2))
    data[a : a + PAGE] = data[b : b + PAGE]


def _lose_head(data: bytearray, rng: random.Random) -> None:
    data[: rng.choice([16, 100, PAGE])] = bytes(rng.choice([16, 100, PAGE]))


DAMAGES = [_zero_page, _noise, _many_bits, _cut, _swap_pages, _repeat_page, _lose_head]


def survives(whole: tuple[Path, dict[str, Answer]], damages: list[Damage], seed: int) -> None:
    source, truth = whole
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        data = bytearray(source.read_bytes())
        for damage in damages:
            if data:
                damage(data, rng)
        path.write_bytes(data)
        before = bytes(data)

        # Without a journal: what is saved is true, what is missing is counted where it left a mark.
        alone = repair(path)
        saved = told(alone.path, truth)
        assert saved is not None
        priced = {key: answer for key, answer in saved.items() if answer.cost is not None}
        assert same(priced, truth)
        assert all(saved[key] == replace(truth[key], cost=None) for key in {*saved} - {*priced})
        assert len(saved) - len(priced) == alone.unpriced
        assert len(saved) == alone.pages
        assert alone.journal == 0
        alone.path.unlink()

        shutil.copy(journal_of(source), folder)
        found = check(path)
        assert path.read_bytes() == before, "looking changes nothing"
        if not found.problems and data:
            assert (answers := told(path, truth)) is not None
            assert len(answers) == COUNT
            assert same(answers, truth)
        else:
            answers = told(path, truth)
            assert answers is None or same(answers, truth)

        # With its journal nothing is lost at all.
        mended = repair(path, replace=True)
        assert mended.damaged.exists()
        assert mended.unworded == 0
        answers = told(path, truth)
        assert answers is not None
        assert len(answers) == COUNT
        assert same(answers, truth)
        assert check(path).problems == []


def _draws(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    chosen = st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=3)

    def wrap(test: Callable[..., None]) -> Callable[..., None]:
        given_ = given(damages=chosen, seed=st.integers(0, 2**32))(test)
        return settings(
            max_examples=examples, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )(given_)  # fmt: skip

    return wrap


@_draws(12)
def test_damage_is_found_mended_or_harmless(
    whole: tuple[Path, dict[str, Answer]], damages: list[Damage], seed: int
) -> None:
    survives(whole, damages, seed)


@pytest.mark.slow
@_draws(150)
def test_much_damage_is_found_mended_or_harmless(
    whole: tuple[Path, dict[str, Answer]], damages: list[Damage], seed: int
) -> None:
    survives(whole, damages, seed)


def test_one_changed_letter_of_an_answer_is_refused_and_mended(
    copied: tuple[Path, dict[str, Answer]],
) -> None:
    """SQLite sees nothing wrong with it: only the checksum does."""
    path, truth = copied
    key = next(key for key, answer in truth.items() if len(answer.text or "") == 40)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE answers SET text = 'B' || substr(text, 2) WHERE key = ?", (key,))
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    with Ledger(path) as ledger:
        assert len(ledger.get(k for k in truth if k != key)) == COUNT - 1
        with pytest.raises(DataError, match="differs from its checksum") as raised:
            ledger.get([key])
    assert "revealed ledger repair" in str(raised.value)
    found = check(path)
    assert found.wrong == 1
    assert found.problems == ["1 answers differ from their checksums"]
    done = repair(path, replace=True)
    assert (done.pages, done.journal, done.lost) == (COUNT - 1, 1, 0)
    assert told(path, truth) == truth


def test_a_changed_price_is_refused_and_comes_back_from_the_journal(
    copied: tuple[Path, dict[str, Answer]],
) -> None:
    path, truth = copied
    key = next(key for key, answer in truth.items() if answer.cost == 20.0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE answers SET cost = 0.02 WHERE key = ?", (key,))
    with Ledger(path) as ledger, pytest.raises(DataError, match="differs from its checksum"):
        ledger.get([key])
    alone = path.with_name("alone.sqlite")
    shutil.copy(path, alone)
    done = repair(alone, replace=True)
    assert (done.pages, done.unpriced, done.lost) == (COUNT, 1, 0)
    assert told(alone, truth) == truth | {key: replace(truth[key], cost=None)}
    done = repair(path, replace=True)
    assert (done.pages, done.journal, done.unpriced) == (COUNT - 1, 1, 0)
    assert told(path, truth) == truth


def test_a_schema_that_is_no_text_is_damage(copied: tuple[Path, dict[str, Answer]]) -> None:
    """SQLite quotes it in what it says, which Python cannot even read."""
    path, truth = copied
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = CAST(? AS TEXT) WHERE name = 'questions'",
            (b"CREATE TABLE questions \xa8",),
        )
    assert check(path).problems
    with pytest.raises(DataError, match="not a readable ledger"):
        Ledger(path)
    repair(path, replace=True)
    assert told(path, truth) == truth


def test_prices_that_add_up_keep_their_checksum(tmp_path: Path) -> None:
    failed = entry(request(1), "failed", cost=0.5)
    late = Entry(replace(failed.answer, status="ok", cost=0.25), failed.request, "m")
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.put([failed])
        ledger.put([late])
        assert ledger.get([late.answer.key])[late.answer.key].cost == 0.75
    assert check(path).problems == []


def test_a_ledger_without_its_log_gets_the_answers_back_when_it_is_opened(
    tmp_path: Path,
) -> None:
    """As when `ledger.sqlite` alone is copied while a run writes."""
    path = tmp_path / "ledger.sqlite"
    truth = filled(path)
    late = entry(request(10**6))
    with Ledger(path) as ledger:
        ledger.put([late])
        copy = tmp_path / "copy" / "ledger.sqlite"
        copy.parent.mkdir()
        # `cp` is a process of its own: to close the file here would take SQLite's locks away.
        subprocess.run(["cp", path, journal_of(path), copy.parent], check=True)
        wanted = [*truth, late.answer.key]
    assert check(copy).behind == 1
    with Ledger(copy) as ledger:
        assert len(ledger.get(wanted)) == COUNT + 1
    assert check(copy).problems == []


def test_a_ledger_that_is_gone_comes_back_from_its_journal(
    copied: tuple[Path, dict[str, Answer]], caplog: pytest.LogCaptureFixture
) -> None:
    path, truth = copied
    path.unlink()
    assert told(path, truth) == truth
    assert f"{COUNT} answers that the ledger did not have" in caplog.text


def test_the_log_of_another_ledger_is_noticed(
    copied: tuple[Path, dict[str, Answer]], tmp_path: Path
) -> None:
    path, truth = copied
    other = tmp_path / "other" / "ledger.sqlite"
    filled(other, first=5000)
    with Ledger(other) as ledger:
        ledger.put([entry(request(10**6, sample=n)) for n in range(100)])
        subprocess.run(["cp", f"{other}-wal", f"{path}-wal"], check=True)
    found = check(path)
    answers = told(path, truth)
    assert found.problems
    assert answers is None or same(answers, truth)
    repair(path, replace=True)
    assert told(path, truth) == truth


@pytest.mark.parametrize("how", ["application", "tables", "newer"])
def test_what_is_no_ledger_of_this_version_is_refused_and_left_alone(
    how: str, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
        if how == "application":
            connection.execute("PRAGMA user_version = 2")
        if how == "newer":
            connection.execute("PRAGMA user_version = 3")
            connection.execute(f"PRAGMA application_id = {0x52564C31}")
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"another program|version 3") as raised:
        Ledger(path)
    assert raised.value.todo
    assert path.read_bytes() == before
    assert check(path).problems


def test_a_ledger_of_version_1_gets_its_checksums(
    copied: tuple[Path, dict[str, Answer]],
) -> None:
    path, truth = copied
    journal_of(path).unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE answers DROP COLUMN checksum")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA application_id = 0")
    assert check(path).problems == []
    assert told(path, truth) == truth
    assert check(path).wrong == 0
    assert repair(path).pages == COUNT


def test_a_journal_is_read_around_its_damage(copied: tuple[Path, dict[str, Answer]]) -> None:
    path, _ = copied
    journal = journal_of(path)
    data = bytearray(journal.read_bytes())
    members = data.count(bytes.fromhex("1f8b0800000000000403"))
    assert members == COUNT // 10
    at = len(data) // 2
    data[at : at + 8] = bytes(8)
    journal.write_bytes(data[:-5])
    lines = list(read(journal))
    assert lines.count(None) == 2
    assert sum(line is not None and line.kind == "answer" for line in lines) == COUNT - 20
    with Ledger(path) as ledger:  # and it can be written again
        ledger.put([entry(request(10**6))])
    assert check(path).torn == 2
    assert check(path).problems == []


def test_simulated_answers_are_not_journaled(tmp_path: Path) -> None:
    from revealed.respondents import Request
    from revealed.respondents.request import Question

    free = Request(Question("simulated/coherent", [{"role": "user", "content": "q"}], {}), 0, 1)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.put([entry(free)])
        assert len(ledger.get([free.key])) == 1
    assert not journal_of(tmp_path / "ledger.sqlite").exists()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """What a full disk left elsewhere: here, the journal of a ledger that is gone."""
    path = tmp_path / "elsewhere" / "ledger.sqlite"
    filled(path)
    return journal_of(path)


def test_what_was_kept_elsewhere_is_brought_back_once(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.put([entry(request(10**6))])
    assert bring_back(kept, path) == COUNT
    assert bring_back(kept, path) == 0
    with Ledger(path) as ledger:
        assert ledger.counts()["n"].sum() == COUNT + 1
        assert ledger.cost() == sum(range(COUNT))
    assert check(path).problems == []
    with pytest.raises(DataError, match="no answer can be read"):
        bring_back(Path(__file__), path)
