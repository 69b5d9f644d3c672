"""A study by batch: few large rounds, the tables of asking at once, and a run that goes on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[1] / "respondents"))
from batch_server import BatchServer
from killed_batch import QUICK

from revealed.cli import app
from revealed.foundation.errors import BudgetError, ConfigError, RespondentError
from revealed.respondents import RespondentSpec
from revealed.respondents.batch import rounds
from revealed.study import batches as run_batches
from revealed.study import elicit_respondent, open_run, plan, run_respondents

STUDY = """\
seed: 3
experiments:
  calibration: {{instruments: [calibration], design: listed, samples: 1, share: 0.3}}
  values:
    {{instruments: [outcomes], design: adaptive, items: 8, pairs_per_item: 3, rounds: 3,
     samples: 1, holdout: 0.1}}
  moral: {{instruments: [moral_foundations], design: questions, samples: 1, share: 0.1}}
respondents:
  - {{name: one, model: openai/m, api_base: "{url}", mode: sample, ask: [calibration, values{more}],
     input_cost_per_token: 1.0e-6, output_cost_per_token: 1.0e-6}}
  - {{name: two, model: openai/m, api_base: "{url}", mode: sample, temperature: 0.5,
     ask: [calibration]}}
"""


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    for name in list(os.environ):
        if re.search(r"(?i)api_?key|api_base|base_url", name):
            monkeypatch.delenv(name)
    for module in (rounds, run_batches):
        monkeypatch.setattr(module, "TIMING", QUICK)
    with BatchServer() as server:
        yield server


def batched(run: Any, name: str, **how: Any) -> RespondentSpec:
    return RespondentSpec(**{**run.spec(name).model_dump(exclude_unset=True), "batch": how or True})


def tables(run: Any, name: str) -> dict[str, pd.DataFrame]:
    return {c.instrument: run.choices(name, c.instrument) for c in run.cells().itertuples()
            if c.respondent == name}  # fmt: skip


@pytest.mark.slow
def test_the_tables_are_those_of_asking_at_once(provider: BatchServer, make_checkout: Any) -> None:
    make_checkout(STUDY.format(url=provider.url, more=""))
    calm, run = open_run("calm"), open_run("t")
    elicit_respondent(calm, "one", progress=False)
    asked = len(provider.at_once)
    counted = elicit_respondent(run, batched(run, "one"), progress=False)
    assert counted["failed"].sum() == 0
    # The start and three rounds; calibration goes with the first.
    assert len(provider.batches) == 4
    assert len(provider.worked) == asked
    assert len(provider.at_once) == asked
    expected, found = tables(calm, "one"), tables(run, "one")
    assert expected.keys() == found.keys() == {"calibration", "outcomes"}
    for name in expected:
        pd.testing.assert_frame_equal(found[name], expected[name])
    # Asking at once then asks nothing.
    elicit_respondent(run, "one", progress=False)
    assert len(provider.at_once) == asked


@pytest.mark.slow
def test_few_rounds_and_a_run_that_was_stopped_between_them_goes_on(
    provider: BatchServer, make_checkout: Any
) -> None:
    make_checkout(STUDY.format(url=provider.url, more=""))
    run = open_run("t")
    spec = batched(run, "one", rounds=3)
    provider.faults["POST /batches"] = [None, 400]
    with pytest.raises(RespondentError, match="could not be started"):
        elicit_respondent(run, spec, progress=False)
    assert len(provider.batches) == 1
    assert run.has("one", "calibration")
    assert not run.has("one", "outcomes")
    elicit_respondent(run, spec, progress=False)
    assert len(provider.batches) == 3
    assert set(provider.worked.values()) == {1}
    assert not provider.at_once


@pytest.mark.slow
def test_respondents_share_their_rounds_and_costs_come_first(
    provider: BatchServer, make_checkout: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make_checkout(STUDY.format(url=provider.url, more=""))
    run = open_run("t")
    specs = [batched(run, "one"), batched(run, "two")]
    with pytest.raises(BudgetError, match="a cost limit cannot be kept"):
        run_respondents(run, specs, max_cost=1.0, progress=False)
    assert not provider.batches
    with pytest.raises(BudgetError, match="Nothing of it was sent"):
        run_respondents(run, specs[:1], max_cost=0.0001, progress=False)
    assert not provider.batches
    run_respondents(run, specs, instruments=["calibration"], progress=False)
    assert len(provider.batches) == 2
    assert "round 1 of one" in capsys.readouterr().out
    assert {*run.cells()["respondent"]} == {"one", "two"}
    half, whole = (plan(run.study, [s])["cost"].sum() for s in (specs[0], run.spec("one")))
    assert half == pytest.approx(whole / 2)


@pytest.mark.slow
def test_known_resumed_and_cancelled(provider: BatchServer, make_checkout: Any) -> None:
    make_checkout(STUDY.format(url=provider.url, more=""))
    run = open_run("t")
    with pytest.raises(ConfigError, match="no batch is under way"):
        run_batches.resume(run)
    provider.faults["GET /batches/ID"] = [400]
    told: list[str] = []
    with pytest.raises(RespondentError, match="looked at"):
        elicit_respondent(run, batched(run, "two"), progress=False)
    (batch,) = run_batches.known(run)
    assert (batch.state, batch.respondent) == ("submitted", "two")
    with pytest.raises(RespondentError, match="under way in a batch"):
        elicit_respondent(run, "two", progress=False)
    (ended,) = run_batches.resume(run, tell=told.append, timing=QUICK)
    assert (ended.status, ended.answered) == ("completed", batch.requests)
    elicit_respondent(run, "two", progress=False)
    assert not provider.at_once
    provider.faults["GET /batches/ID"] = [400]
    with pytest.raises(RespondentError, match="looked at"):
        elicit_respondent(run, batched(run, "one"), instruments=["calibration"], progress=False)
    provider.share = 0.0
    (ended,) = run_batches.cancel(run, ["one"], tell=told.append, timing=QUICK)
    assert (ended.status, ended.answered) == ("cancelled", 0)


def test_on_the_command_line(provider: BatchServer, make_checkout: Any) -> None:
    make_checkout(STUDY.format(url=provider.url, more=""))

    def revealed(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        if result.exception is not None:
            raise result.exception
        return result.output

    with pytest.raises(RespondentError, match="openai and azure"):
        revealed("run", "--respondent", "anthropic/claude-sonnet-4-5", "--batch")
    asked = ["--respondent", "two", "--instrument", "calibration", "--batch"]
    provider.faults["GET /batches/ID"] = [400]
    with pytest.raises(RespondentError, match="looked at"):
        revealed("run", *asked)
    shown = revealed("batch", "status")
    assert "batch-1" in shown
    assert "expires in 24.0 h" in shown
    with pytest.raises(RespondentError, match="under way"):
        revealed("run", *asked[:-1], "--at-once")
    assert not provider.at_once
    # The provider is done by now: the answers are fetched without waiting.
    provider.finish(provider.batches[0], "completed")
    assert "completed" in revealed("batch", "resume")
    assert "Done." in revealed("run", *asked)
    assert len(provider.batches) == 1
    with pytest.raises(ConfigError, match="no batch is under way"):
        revealed("batch", "cancel")
