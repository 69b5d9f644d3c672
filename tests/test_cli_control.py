"""The commands that steer and tune: cost first, agreement asked, and nothing spent without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from revealed.cli import app
from revealed.foundation.errors import BudgetError, ConfigError, DataError

STUDY = """\
seed: 3
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  assembly: {instruments: [assembly], design: questions, samples: 1}
respondents:
  - {model: simulated/panel, mode: sample, ask: [assembly, calibration]}
  - {model: simulated/pliable, mode: sample, ask: [calibration]}
  - name: base
    model: openai/m
    api_base: http://127.0.0.1:9/v1
    input_cost_per_token: 0.001
    output_cost_per_token: 0.001
    ask: [calibration]
controls: {simulator: simulated/panel, respondents: [simulated/pliable], ask: [calibration]}
"""


@pytest.fixture
def checkout(make_checkout: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    from revealed.instruments import load_instrument
    from revealed.study import controls

    root: Path = make_checkout(STUDY)
    pairs = load_instrument("assembly_pairs").pairs
    assert pairs is not None
    shares = pairs[["pair", "first", "second", "split"]].assign(share_first=0.7, se=0.1, n=60)
    monkeypatch.setattr(controls, "targets", lambda run, simulator=None: shares)
    return root


def revealed(*words: str) -> tuple[str, BaseException | None]:
    result = CliRunner().invoke(app, list(words))
    return result.output, result.exception


def test_export_writes_the_material(checkout: Path) -> None:
    out, error = revealed("control", "export", "--out", "steering")
    assert error is None
    for name in ("train.jsonl", "system.txt", "examples.json", "datasheet.json"):
        assert (checkout / "steering" / name).is_file()
        assert name in out


def test_steering_shows_the_cost_and_asks_first(checkout: Path) -> None:
    out, error = revealed("control", "run", "--respondent", "base", "--kinds", "system_prompt")
    assert isinstance(error, ConfigError)
    assert "nobody is there to agree" in str(error)
    assert "base+system_prompt" in out
    assert "together" in out
    assert "$" in out
    _, error = revealed("control", "run", "--respondent", "base", "--kinds", "hypnosis")
    assert isinstance(error, ConfigError)


def test_a_simulated_respondent_is_steered_for_nothing(checkout: Path) -> None:
    out, error = revealed("control", "run", "--respondent", "simulated/pliable", "--kinds", "tuned")
    assert error is None, error
    assert "free" in out
    assert (checkout / "data/runs/default/choices/simulated--pliable-tuned").is_dir()


def test_tuning_shows_the_cost_and_keeps_a_limit(checkout: Path) -> None:
    out, error = revealed("tune", "start", "--respondent", "base", "--price", "25")
    assert isinstance(error, ConfigError)
    assert "400 examples" in out
    assert "$" in out
    out, error = revealed("tune", "start", "--respondent", "base", "--yes", "--max-cost", "1")
    assert isinstance(error, BudgetError)
    assert "cost unknown" in out
    # Nobody is asked to agree to what is refused anyway.
    limit = ("--price", "25", "--max-cost", "0.01")
    out, error = revealed("tune", "start", "--respondent", "base", *limit)
    assert isinstance(error, BudgetError)
    assert "Start the job" not in out
    for command in ("resume", "cancel"):
        _, error = revealed("tune", command, "--respondent", "base")
        assert isinstance(error, (ConfigError, DataError))
    assert revealed("tune", "status")[0] == "Nothing yet.\n"
    assert revealed("tune", "start", "--respondent", "simulated/pliable")[1] is None
    assert "succeeded" in revealed("tune", "status")[0]
