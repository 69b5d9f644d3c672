"""The data dictionary says of every column what it is, and is true of the tables on disk."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import fields
from pathlib import Path

import pytest

from revealed.foundation import schemas
from revealed.foundation.schemas import FINDINGS, Finding, Schema
from revealed.report.dictionary import TABLES, dictionary
from revealed.respondents import Ledger
from revealed.respondents.ledger_columns import LEDGER_ANSWERS, LEDGER_QUESTIONS

each = pytest.mark.parametrize("schema", [entry[0] for entry in TABLES], ids=lambda s: s.name)


@each
def test_no_column_lacks_a_meaning_or_a_unit(schema: Schema) -> None:
    for name, column in schema.columns.items():
        assert re.fullmatch(r"[A-Za-z].{6,}\.", column.meaning), f"{schema.name}, {name}"
        assert bool(column.unit) == (column.kind in ("number", "count")), f"{schema.name}, {name}"
    assert set(schema.key) <= set(schema.columns)


def test_every_schema_of_the_foundation_is_in_it() -> None:
    ours = [value for value in vars(schemas).values() if isinstance(value, Schema)]
    assert len(ours) >= 5
    assert {schema.name for schema in ours} <= {schema.name for schema, _, _ in TABLES}


def test_the_ledger_has_these_columns_in_this_order(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite"):
        pass
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    tables = {name for (name,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    )}  # fmt: skip
    told = {"questions": LEDGER_QUESTIONS, "answers": LEDGER_ANSWERS}
    assert tables == set(told)
    for table, schema in told.items():
        rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
        assert [row[1] for row in rows] == list(schema.columns)
        for _, name, kind, needed, _, _ in rows:
            column = schema.columns[name]
            assert (kind == "TEXT") == (column.kind == "text"), name
            assert bool(needed) != column.optional, name


def test_a_finding_has_these_fields() -> None:
    assert list(FINDINGS.columns) == ["id", *(field.name for field in fields(Finding))]


def test_the_page_shows_every_column_of_every_table() -> None:
    page = dictionary()
    assert page.count("<table>") == len(TABLES)
    for schema, _, _ in TABLES:
        for name, column in schema.columns.items():
            assert f"<code>{name}</code>" in page
            assert column.meaning.split("'")[0] in page
