"""The page on costs: every table from a file, its source named, nothing typed."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from revealed.report import costs

ROOT = Path(__file__).resolve().parents[2]


def test_calls_are_those_of_the_file() -> None:
    made = json.loads((ROOT / "benchmarks" / "calls.json").read_text(encoding="utf-8"))
    shown = costs.calls(ROOT)
    row = next(r for r in made["rows"] if r["strategy"] == "our design, 2 answers")
    assert f"{row['fewer']:.3g}" in shown
    assert made["command"] in shown
    strategies = {r["strategy"] for r in made["rows"]} - {"original pipeline"}
    assert all(shown.count(f"<td>{html.escape(name)}</td>") == 2 for name in strategies)


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    for shown in (
        costs.calls(tmp_path),
        costs.refits(tmp_path),
        costs.measured(tmp_path, "x", "y"),
    ):
        assert "Not measured yet" in shown


def test_rows_are_shown_and_escaped(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    rows = [{"what_is": "<i>", "rate": 1234.56}, {"what_is": "b", "count": 20000}]
    made = {"machine": "m", "date": "2026-01-01", "command": "python <b>.py", "rows": rows}
    (tmp_path / "benchmarks" / "x.json").write_text(json.dumps(made), encoding="utf-8")
    shown = costs.measured(tmp_path, "x", "A table")
    assert re.findall(r'<th scope="col">([^<]*)', shown) == ["what is", "rate", "count"]
    assert "<i>" not in shown
    assert "python &lt;b&gt;.py" in shown
    assert "1,235" in shown
    assert "20,000" in shown


def test_the_gpus_table_names_the_card() -> None:
    made = json.loads((ROOT / "benchmarks" / "gpu.json").read_text(encoding="utf-8"))
    shown = costs.refits(ROOT)
    assert made["machine"]["gpu"] in shown
    assert shown.count("<tr>") == len(made["rows"]) + 1
