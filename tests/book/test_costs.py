"""The page on costs: every table from a file, its source named, nothing typed."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from revealed.report import costs

Table = Callable[[Path], str]
ROOT = Path(__file__).resolve().parents[2]


def test_calls_are_those_of_the_file() -> None:
    made = json.loads((ROOT / "benchmarks" / "calls.json").read_text(encoding="utf-8"))
    shown = costs.calls(ROOT)
    row = next(r for r in made["rows"] if r["strategy"] == "our design, 2 answers")
    assert f"{row['fewer']:.3g}" in shown
    assert made["command"] in shown
    strategies = {r["strategy"] for r in made["rows"]} - {"original pipeline"}
    assert all(shown.count(f"<td>{html.escape(name)}</td>") == 2 for name in strategies)
    assert "50 prices: how many times fewer" in shown
    bounds = [row for table in tables(shown) for row in table.to_dict("records")
              if row["strategy"] == "most that any design can, log-probabilities"]  # fmt: skip
    read = [r for r in made["rows"] if r["strategy"] == "our design, log-probabilities"]
    assert [value for row in bounds for name, value in row.items() if name != "strategy"] == [
        f"{r['fewer_possible']:.3g}" if r["fewer_possible"] else "no bound" for r in read
    ]


def tables(shown: str) -> list[pd.DataFrame]:
    """What a reader sees of each table, every cell a text."""
    return [
        pd.DataFrame(
            [[cell.get_text() for cell in row("td")] for row in table.tbody("tr")],
            columns=[cell.get_text() for cell in table.thead("th")],
        )
        for table in BeautifulSoup(shown, "html.parser")("table")
    ]


ALL = (
    costs.calls, costs.refits, costs.newcomer, costs.batch, costs.client, costs.ledger, costs.storm,
    costs.scale,
)  # fmt: skip


@pytest.mark.parametrize("shown", ALL, ids=lambda make: make.__name__)
def test_what_was_not_measured_is_said(tmp_path: Path, shown: Table) -> None:
    assert "Not measured yet" in shown(tmp_path)


@pytest.mark.parametrize("shown", ALL, ids=lambda make: make.__name__)
def test_a_table_fits_paper_and_has_no_list_and_no_column_without_a_value(shown: Table) -> None:
    """Nine narrow columns are what the widest of them has on a page of A4 (test_edition.py)."""
    found = tables(shown(ROOT))
    assert found
    for table in found:
        assert len(table) > 0
        assert len(table.columns) <= 9
        assert not (table == "").all().any(), list(table.columns)
        assert not table.map(lambda text: text.startswith(("[", "{"))).any(axis=None)
        assert not any("_" in name for name in table.columns)


def test_rows_are_shown_and_escaped(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    rows = [{"step": "<i>", "rows": 20000, "rows_per_second": 1234.56}, {"step": "b"}]
    made = {"machine": "<m>", "date": "2026-01-01", "command": "python <b>.py", "rows": rows}
    (tmp_path / "benchmarks" / "ledger.json").write_text(json.dumps(made), encoding="utf-8")
    shown = costs.ledger(tmp_path)
    assert "<i>" not in shown
    assert "&lt;m&gt;" in shown
    assert "python &lt;b&gt;.py" in shown
    assert "1,235" in shown
    assert "20,000" in shown


def test_clients_and_the_parts_of_ours_are_apart() -> None:
    clients, parts = tables(costs.client(ROOT))
    assert "LiteLLM" in set(clients["client"])
    assert "all that is ours" in set(parts["part"])
    assert not set(clients["client"]) & set(parts["part"])


def test_merged_ledgers_are_those_of_the_file() -> None:
    made = json.loads((ROOT / "benchmarks" / "scale.json").read_text(encoding="utf-8"))
    chains, merges = tables(costs.scale(ROOT))
    assert list(chains["how it ran"]) == [row["way"] for row in made["rows"]]
    assert list(merges["kept"]) == [f"{row['new_added']:,}" for row in made["merge"]]
    # The tables do not depend on how the chain was cut.
    assert {row["tables_different"] for row in made["rows"]} == {0}
    assert len({row["answers"] for row in made["rows"]}) == 1


def test_the_gpus_table_names_the_card() -> None:
    made = json.loads((ROOT / "benchmarks" / "gpu.json").read_text(encoding="utf-8"))
    shown = costs.refits(ROOT)
    assert made["machine"]["gpu"] in shown
    assert shown.count("<tr>") == len(made["rows"]) + 1
