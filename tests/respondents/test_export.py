"""A ledger as Parquet: every value as it was, in bounded memory, whole or not at all."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from revealed.cli.app import app
from revealed.foundation.errors import DataError
from revealed.respondents import Answer, Ledger, Request
from revealed.respondents import export as export_module
from revealed.respondents.export import export
from revealed.respondents.ledger import Entry
from revealed.respondents.request import Question


def fill(path: Path, count: int) -> dict[str, Answer]:
    """Answers of every kind, three to a question."""
    entries = []
    for n in range(count):
        question = Question("m", [{"role": "user", "content": f"Frage {n // 3}: ß?"}], {"t": 1.0})
        request = Request(question, n % 3)
        answer = Answer(
            request.key, ("ok", "refused", "failed")[n % 3], f"A{n}\n" if n % 3 == 0 else None,
            logprobs=[[("A", -0.5)]] if n % 2 else None, prompt_tokens=n or None,
            cost=0.5 * n if n % 5 else None, latency=0.25, dropped=("seed",) if n % 7 == 0 else (),
        )  # fmt: skip
        entries.append(Entry(answer, request, f"r{n % 2}"))
    with Ledger(path) as ledger:
        ledger.put(entries)
    return {entry.answer.key: entry.answer for entry in entries}


def test_every_value_comes_out_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "ROWS", 7)  # several groups
    told = fill(tmp_path / "ledger.sqlite", 60)
    assert export(tmp_path / "ledger.sqlite", tmp_path / "out", progress=False) == (60, 20)
    answers = pd.read_parquet(tmp_path / "out" / "answers.parquet").set_index("key")
    assert list(answers.index) == sorted(told)
    for key, answer in told.items():
        row = answers.loc[key]
        assert row["status"] == answer.status
        assert (None if pd.isna(row["text"]) else row["text"]) == answer.text
        assert (None if pd.isna(row["cost"]) else row["cost"]) == answer.cost
        assert (None if pd.isna(row["prompt_tokens"]) else row["prompt_tokens"]) == (
            answer.prompt_tokens
        )
        assert ([] if pd.isna(row["dropped"]) else json.loads(row["dropped"])) == list(
            answer.dropped
        )
        assert pd.isna(row["logprobs"]) == (answer.logprobs is None)
    questions = pd.read_parquet(tmp_path / "out" / "questions.parquet")
    joined = answers.merge(questions, on="question")
    assert joined["messages"].str.contains("Frage").all()
    assert joined["messages"].nunique() == 20


def test_a_damaged_answer_leaves_nothing_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(path, 30)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE answers SET text = 'B' WHERE status = 'ok'")
    with pytest.raises(DataError, match="checksum"):
        export(path, tmp_path / "out", progress=False)
    assert list((tmp_path / "out").rglob("*.parquet")) == []


def test_without_a_ledger_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no ledger"):
        export(tmp_path / "none.sqlite", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    fill(tmp_path / "ledger.sqlite", 30)
    done = CliRunner().invoke(
        app,
        ["ledger", "export", str(tmp_path / "out"), "--file", str(tmp_path / "ledger.sqlite")],
    )
    assert done.exit_code == 0, done.output
    assert "30 answers" in done.output
    assert "10 questions" in done.output
