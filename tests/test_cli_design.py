"""`revealed design`: a target in, calls and cost out; nobody is asked."""

from __future__ import annotations

import json

import pytest

from revealed.cli import main


def design(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["revealed", "design", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    captured = capsys.readouterr()
    return int(stopped.value.code or 0), captured.out, captured.err


def test_a_target_becomes_calls_and_cost(monkeypatch, capsys):
    words = ("prices", "--goods", "50", "--to", "0.1", "--model", "openai/gpt-4o-2024-08-06")
    code, out, _ = design(monkeypatch, capsys, *words, "--format", "json")
    assert code == 0
    rows = {row["strategy"]: row for row in json.loads(out)}
    spent, ours = rows["original pipeline, as published"], rows["our design, 2 answers"]
    assert spent["calls"] == pytest.approx(335_000, rel=0.001)
    assert ours["calls"] < rows["random pairs, 4 answers"]["calls"]
    assert ours["cost"] / ours["calls"] == pytest.approx(spent["cost"] / spent["calls"])
    code, out, _ = design(monkeypatch, capsys, *words)
    assert f"{ours['calls']:,}" in out
    assert f"${ours['cost']:,.2f}" in out


def test_a_plan_is_checked_by_simulation(monkeypatch, capsys):
    words = ("utilities", "--items", "25", "--to", "0.6", "--check", "2")
    code, out, _ = design(monkeypatch, capsys, *words)
    assert code == 0
    assert "2 simulated respondents" in out
    assert "Name a --model" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("utilities", "--misfit", "2"), "was not simulated"),
        (("utilities", "--to", "0"), "half-width"),
        (("prices", "--model", "openai/no-such-model-at-all"), "no price"),
        (("prices", "--input-price", "1"), "two parts"),
    ],
)
def test_a_target_that_cannot_be_is_refused(monkeypatch, capsys, words, message):
    code, out, err = design(monkeypatch, capsys, *words)
    assert code > 0
    assert message in err
    assert "Traceback" not in out + err
