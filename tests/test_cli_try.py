"""`revealed try`: what it says before it asks, and that it asks nothing unless somebody agrees."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from revealed.cli import main
from revealed.cli.printing import warn_once
from revealed.cli.trying import _whole_study
from revealed.study import start_trial
from revealed.study.trial import look, trial_respondent

sys.path.insert(0, str(Path(__file__).parent / "respondents"))

from stand_ins import OPENAI, VLLM, openai, vllm

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration]}
trial: {beside: [simulated/coherent], ask: [calibration]}
"""


@pytest.fixture
def attempt(make_checkout, monkeypatch, capsys):
    make_checkout(STUDY)

    def call(*words):
        monkeypatch.setattr("sys.argv", ["revealed", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return int(stopped.value.code or 0), captured.out, captured.err

    return call


def test_nobody_agreed_and_nothing_was_asked(attempt, monkeypatch):
    with openai() as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.server.url)
        code, _, err = attempt("try", f"openai/{OPENAI}")
        assert code > 0
        assert "OPENAI_API_KEY" in err
        monkeypatch.setenv("OPENAI_API_KEY", "sk-anything")
        code, out, err = attempt("try", f"openai/{OPENAI}")
        assert "40 requests, at most about $0.01, and it stops at $1.00." in out
        assert "nobody is there to agree" in err
        code, _, err = attempt("try", f"openai/{OPENAI}", "--max-cost", "0.001", "--yes")
        assert "--max-cost 0.0" in err
        assert other.server.total == 0


def test_a_price_that_nobody_knows_is_said(attempt):
    with openai() as other:
        code, out, err = attempt("try", "openai/m", "--api-base", other.server.url)
        assert code > 0
        assert "cost unknown" in out
        assert "no limit is kept" in out
        assert "nobody is there to agree" in err
        assert other.server.total == 0


def test_the_way_on_names_the_options_of_the_way_here(make_checkout):
    make_checkout(STUDY)
    run = start_trial()
    at = "http://localhost:8001/v1"
    spec = trial_respondent(run, "hosted_vllm/a b", api_base=at, api_key_env="K", mode="sample")
    assert _whole_study(run, spec).split(" --") == [
        "revealed plan", "respondent 'hosted_vllm/a b'", f"api-base {at}", "api-key-env K",
        "mode sample",
    ]  # fmt: skip
    told = _whole_study(run, trial_respondent(run, "simulated/coherent"))
    assert told == "revealed plan --respondent simulated/coherent"  # study.yaml says the rest


def test_first_looks_are_no_book(attempt):
    attempt("try", "no-such-model")
    code, _, err = attempt("book", "--run", "try")
    assert code > 0
    assert "which are no study" in err


def test_a_warning_is_said_once(capsys):
    for _ in range(2):  # each command anew
        warn_once()
        for text in ("%s lists no model", "%s lists no model", "%s has no price"):
            record = logging.LogRecord("revealed", logging.WARNING, "", 1, text, ("m",), None)
            assert logging.lastResort is not None
            logging.lastResort.handle(record)
        assert capsys.readouterr().err.splitlines() == ["m lists no model", "m has no price"]


@pytest.mark.slow
def test_a_look_that_was_stopped_goes_on_and_asks_nothing_twice(make_checkout):
    make_checkout(STUDY.replace("samples: 1", "samples: 5"))
    model = f"hosted_vllm/{VLLM}"
    with vllm(delay=0.2) as other:
        server = other.server
        words = ["try", model, "--api-base", server.url, "--mode", "sample", "--yes", "--no-open"]
        process = subprocess.Popen(
            [sys.executable, "-m", "revealed.cli", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until = time.monotonic() + 120
        while server.total < 40 and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert "the same command goes on" in err
        assert 40 <= server.total < 200
        begun = server.total
        run = start_trial()
        spec = trial_respondent(run, model)
        assert spec.api_base == server.url
        look(run, spec, max_cost=None, progress=False)
        # Whatever was in flight at the stop may be asked again, and nothing else.
        assert 200 <= server.total <= 200 + 16
        assert server.total > begun
