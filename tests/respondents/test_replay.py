"""Exported answers as a ledger again, row by row; and reading it asks nobody."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from revealed.foundation.errors import BudgetError, DataError
from revealed.respondents import Answer, Ledger, Request, RespondentSpec
from revealed.respondents.client import blocking, collect
from revealed.respondents.export import export
from revealed.respondents.ledger import Entry
from revealed.respondents.ledger_check import check
from revealed.respondents.replay import NothingToSpend, Replay, read_export
from revealed.respondents.request import Question


def requests(count: int) -> list[Request]:
    asked = [Question("openai/m", [{"role": "user", "content": f"Q{n}: ß?"}], {}) for n in range(9)]
    return [Request(asked[n % 9], n // 9) for n in range(count)]


def fill(path: Path, count: int = 40) -> None:
    entries = []
    for n, request in enumerate(requests(count)):
        answer = Answer(
            request.key, ("ok", "refused", "failed")[n % 3], f"A{n}\n" if n % 3 == 0 else None,
            logprobs=[[("A", -0.1), ("B", -2.3)]] if n % 2 else None, prompt_tokens=n or None,
            cost=0.1 * n if n % 5 else None, latency=1 / 3, dropped=("seed",) if n % 7 == 0 else (),
        )  # fmt: skip
        entries.append(Entry(answer, request, f"r{n % 2}"))
    with Ledger(path) as ledger:
        ledger.put(entries)


def rows(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("answers", "questions")
        ]


def test_a_ledger_comes_back_row_by_row(tmp_path: Path) -> None:
    fill(tmp_path / "ledger.sqlite")
    export(tmp_path / "ledger.sqlite", tmp_path / "out", progress=False)
    back = tmp_path / "back" / "ledger.sqlite"
    assert read_export(tmp_path / "out", back, progress=False) == (40, 0)
    assert rows(back) == rows(tmp_path / "ledger.sqlite")
    assert check(back).problems == []
    read_export(tmp_path / "out", back, progress=False)  # again changes nothing
    assert rows(back) == rows(tmp_path / "ledger.sqlite")
    export(back, tmp_path / "again", progress=False)
    for name in ("answers.parquet", "questions.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_an_answer_without_words_is_no_answer(tmp_path: Path) -> None:
    fill(tmp_path / "ledger.sqlite")
    export(tmp_path / "ledger.sqlite", tmp_path / "out", progress=False)
    table = pd.read_parquet(tmp_path / "out" / "answers.parquet")
    table.loc[table["respondent"] == "r0", ["text", "logprobs"]] = None
    table.to_parquet(tmp_path / "out" / "answers.parquet")
    kept, wordless = read_export(tmp_path / "out", tmp_path / "back.sqlite", progress=False)
    assert (kept, wordless) == (33, 7)  # of 14 that were ok, every other is of r0
    with Ledger(tmp_path / "back.sqlite") as ledger:
        counts = ledger.counts().set_index(["respondent", "status"])["n"]
    assert ("r0", "ok") not in counts.index
    assert counts["r1", "ok"] == 7


def test_what_is_no_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no exported answers"):
        read_export(tmp_path, tmp_path / "back.sqlite", progress=False)


def test_reading_again_asks_nobody_and_failures_stay(tmp_path: Path) -> None:
    fill(tmp_path / "ledger.sqlite", 9)
    # Nobody listens there, and a request would be tried for minutes.
    spec = RespondentSpec(model="openai/m", name="r0", api_base="http://127.0.0.1:9/v1")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        answers = blocking(
            collect(requests(9), spec, ledger, progress=False, gathering=Replay(spec))
        )
        assert [answer.status for answer in answers] == ["ok", "refused", "failed"] * 3
        with pytest.raises(DataError, match="lack 3 that the study needs"):
            blocking(collect(requests(12), spec, ledger, progress=False, gathering=Replay(spec)))
        with pytest.raises(BudgetError, match="nobody is asked"):
            blocking(collect(requests(12), spec, ledger, progress=False, budget=NothingToSpend()))
