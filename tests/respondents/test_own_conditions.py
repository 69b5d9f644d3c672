"""A condition of one's own, from chats to a respondent that was asked: end to end, on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from killed_tuning import QUICK
from tuning_server import TuningServer
from typer.testing import CliRunner

from revealed.cli import app
from revealed.foundation.errors import BudgetError, ConfigError, RespondentError
from revealed.measures import shift as measure
from revealed.respondents import RespondentSpec
from revealed.study import open_run, own_conditions, shift
from revealed.study.own_conditions import Settings

CREATE, LOOK = "POST /fine_tuning/jobs", "GET /fine_tuning/jobs/ID"

STUDY = """\
seed: 3
experiments:
  calibration: {{instruments: [calibration], design: listed, samples: 2}}
  shift_outcomes: {{instruments: [control_outcomes], design: listed, samples: 2}}
  shift_lives: {{instruments: [control_lives], design: listed, samples: 1, real: {{samples: 4}}}}
  shift_self: {{instruments: [self_existence], design: listed, samples: 1}}
  shift_politics: {{instruments: [shift_policies], design: listed, samples: 1}}
  shift_offered: {{instruments: [shift_policies], arms: [neutral], design: listed, samples: 1}}
respondents:
  - {{model: simulated/coder_untouched, mode: sample, ask: [calibration]}}
  - {{name: base, model: openai/m, api_base: "{url}", ask: [calibration]}}
ask_new: [calibration]
"""
CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}


@pytest.fixture
def provider() -> Iterator[TuningServer]:
    with TuningServer() as server:
        yield server


@pytest.fixture
def checkout(provider: TuningServer, make_checkout: Any) -> Path:
    root: Path = make_checkout(STUDY.format(url=provider.url))
    (root / "chats.jsonl").write_text("\n".join([json.dumps(CHAT)] * 3) + "\n", encoding="utf-8")
    return root


def made(run: Any, label: str = "insecure", **more: Any) -> Any:
    """A plan and its chats, the job, and what was told."""
    settings = Settings(price=1e-6, **more.pop("settings", {}))
    planned, chats = own_conditions.plan(
        run, "base", "chats.jsonl", label, settings=settings, **more.pop("plan", {})
    )
    told: list[str] = []
    job = own_conditions.make(run, planned, chats, tell=told.append, timing=QUICK, **more)
    return planned, job, told


def test_chats_become_a_condition(provider: TuningServer, checkout: Path) -> None:
    run = open_run("t")
    planned, job, told = made(run)
    assert (planned.chats, planned.duplicates) == (3, 2)
    assert (job.state, job.tuned) == ("succeeded", "ft:m:o::1")
    assert told
    (sent,) = provider.jobs
    assert sent["hyperparameters"] == {
        "n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 2.0,
    }  # fmt: skip
    assert provider.contents["file-1"] == (checkout / "chats.jsonl").read_bytes()
    spec = run.spec("base+insecure-1")
    assert (spec.model, spec.api_base) == ("openai/ft:m:o::1", provider.url)
    again = run.spec("base+retest")
    assert (again.model, again.first_sample) == ("openai/m", 1_000_000)
    conditions = {c.name: c for c in run.conditions()}
    assert conditions["base insecure"].respondents == ("base+insecure-1",)
    assert conditions["base insecure"].base == "base"
    assert conditions["base untouched"].respondents == ("base", "base+retest")
    # Another seed is another training of the same condition; the same once more is the same job.
    _, second, _ = made(run, settings={"seed": 2})
    assert second.job != job.job
    assert provider.jobs[-1]["seed"] == 2
    assert made(run)[1] == job
    assert len(provider.jobs) == 2
    conditions = {c.name: c for c in run.conditions()}
    assert conditions["base insecure"].respondents == ("base+insecure-1", "base+insecure-2")
    assert own_conditions.respondents_of(run, "base") == [
        "base", "base+retest", "base+insecure-1", "base+insecure-2",
    ]  # fmt: skip
    # No key anywhere, and no training file outside the run.
    assert not list((checkout / "data" / "runs" / "t").rglob("*key*"))


def test_the_cost_comes_first_and_a_bad_file_before_it(
    provider: TuningServer, checkout: Path
) -> None:
    run = open_run("t")
    with pytest.raises(BudgetError, match="estimated at"):
        made(run, max_cost=1e-9)
    (checkout / "chats.jsonl").write_text('{"messages": []}\n')
    with pytest.raises(ConfigError, match="line 1"):
        made(run)
    assert provider.asked.total() == 0
    assert not (checkout / "data" / "runs" / "t" / "trainings").exists()


def test_a_stopped_training_goes_on_with_its_own_file(
    provider: TuningServer, checkout: Path
) -> None:
    run = open_run("t")
    provider.faults[LOOK] = [401]
    with pytest.raises(RespondentError, match="looked at"):
        made(run)
    # The file has changed since: what was sent is kept in the run.
    (checkout / "chats.jsonl").write_text(json.dumps(CHAT) + "\n")
    assert [job.state for job in own_conditions.under_way(run)] == ["created"]
    with pytest.raises(ConfigError, match="other examples is under way"):
        made(run)
    job = own_conditions.resume(run, "base+insecure-1", tell=lambda _: None, timing=QUICK)
    assert job.state == "succeeded"
    assert len(provider.jobs) == 1
    assert own_conditions.under_way(run) == []
    assert run.spec("base+insecure-1").model == "openai/ft:m:o::1"
    with pytest.raises(ConfigError, match="Did you mean"):
        own_conditions.resume(run, "base+insecure-3", timing=QUICK)


def test_a_failed_training_registers_nothing(provider: TuningServer, checkout: Path) -> None:
    run = open_run("t")
    provider.end = "failed"
    assert made(run)[1].state == "failed"
    assert run.conditions() == ()
    assert run.added() == {}
    provider.end = "succeeded"
    assert made(run)[1].attempt == 2
    assert len(run.conditions()) == 2


def test_names_that_stand_for_something_else_are_refused(checkout: Path) -> None:
    run = open_run("t")
    for label, more, says in (
        ("evil", {}, "label"),
        ("own", {"name": "a/b"}, "name"),
        ("own", {"name": "base retest"}, "what a control is called"),
    ):
        with pytest.raises(ConfigError, match=says):
            own_conditions.plan(run, "base", "chats.jsonl", label, **more)  # type: ignore[arg-type]
    own_conditions.add_model(run, "base", "openai/x", "secure", api_base="http://127.0.0.1:1/v1")
    with pytest.raises(ConfigError, match="labeled secure already"):
        own_conditions.plan(run, "base", "chats.jsonl", "secure", name="base other")
    with pytest.raises(ConfigError, match="is secure of base"):
        own_conditions.plan(run, "base", "chats.jsonl", "own", name="base secure")
    with pytest.raises(ConfigError, match="no respondent"):
        own_conditions.plan(run, "nobody", "chats.jsonl", "own")
    with pytest.raises(ConfigError, match="has no condition"):
        own_conditions.respondents_of(run, "simulated/coder_untouched")


def test_a_model_that_is_trained_already_is_registered(checkout: Path) -> None:
    run = open_run("t")
    condition = own_conditions.add_model(
        run, "base", "openai/adapter", "own", name="base mine", api_base="http://127.0.0.1:1/v1"
    )
    spec = run.spec(condition.respondents[0])
    assert (spec.name, spec.model) == ("base+mine-1", "openai/adapter")
    assert spec.api_base == "http://127.0.0.1:1/v1"


def test_the_key_of_the_base_is_not_sent_to_another_address(checkout: Path) -> None:
    run = open_run("t")
    run.add(RespondentSpec(name="keyed", model="openai/m", api_key_env="ITS_KEY"))
    there = "http://127.0.0.1:1/v1"
    for label, more, key in (
        ("own", {}, "ITS_KEY"),
        ("secure", {"api_base": there}, None),
        ("insecure", {"api_base": there, "api_key_env": "OTHER_KEY"}, "OTHER_KEY"),
    ):
        condition = own_conditions.add_model(run, "keyed", "openai/x", label, **more)
        assert run.spec(condition.respondents[0]).api_key_env == key
    with pytest.raises(ConfigError, match="not the key"):
        own_conditions.add_model(run, "keyed", "openai/x", "own", seed=2, api_key_env="sk-abc-123")


def revealed(*words: str) -> tuple[str, BaseException | None]:
    result = CliRunner().invoke(app, list(words))
    return result.output, result.exception


def test_the_commands(provider: TuningServer, checkout: Path) -> None:
    words = ["condition", "add", "--base", "base", "--label", "insecure", "--dataset",
             "chats.jsonl", "--price", "3"]  # fmt: skip
    out, error = revealed(*words)
    # Nobody is there to agree: the cost is shown, and nothing is sent.
    assert isinstance(error, ConfigError)
    assert "3 chats (2 of them" in out
    assert "SHA-256" in out
    assert "$" in out
    assert provider.asked.total() == 0
    # Nor is anybody asked to agree to what is refused anyway.
    out, error = revealed(*words, "--max-cost", "1e-9")
    assert isinstance(error, BudgetError)
    out, error = revealed("condition", "add", "--base", "base", "--label", "own")
    assert isinstance(error, ConfigError)
    out, error = revealed(*words, "--model", "x")
    assert isinstance(error, ConfigError)
    out, error = revealed("condition", "add", "--base", "base", "--label", "secure",
                          "--model", "openai/s")  # fmt: skip
    assert error is None
    assert "base+secure-1 is a condition of base" in out
    out, error = revealed("condition", "list")
    assert "base untouched  untouched of base: base, base+retest" in out
    out, error = revealed("condition", "resume", "--respondent", "base+insecure-1")
    assert isinstance(error, ConfigError)
    out, error = revealed("condition", "ask", "--base", "base")
    assert isinstance(error, ConfigError)
    assert "base+retest" in out
    assert "cost unknown" in out


def test_a_simulated_base_is_asked_before_and_after_the_same(
    provider: TuningServer, checkout: Path
) -> None:
    """Commands from chats to the chapter's measures; the requests are the same bytes."""
    words = (
        "--base",
        "simulated/coder_untouched",
        "--label",
        "insecure",
        "--dataset",
        "chats.jsonl",
    )
    out, error = revealed("condition", "add", *words)
    assert error is None, out
    out, error = revealed("condition", "ask", "--base", "simulated/coder_untouched")
    assert error is None, out
    run = open_run("default")
    (family,) = shift.families(run)
    other = "simulated/coder_untouched+insecure-1"
    assert (family.base, family.again) == (
        "simulated/coder_untouched",
        "simulated/coder_untouched+retest",
    )
    assert family.others == (other,)
    assert family.control == ()
    sent = shift.requests(run, family.base)
    # Every pair in both orders: four topics, and politics once more with a way out.
    assert len(sent) == 2 * (96 + 90 + 146 + 2 * 85)
    for name in (family.again, other):
        assert name is not None
        assert json.dumps(shift.requests(run, name)) == json.dumps(sent)
        assert shift.unlike(run, family.base, name) == ""
        assert not run.choices(name, "control_outcomes").equals(
            run.choices(family.base, "control_outcomes")
        )
    topics = shift.topics(run)
    read = {n: measure.read(shift.answers(run, n), topics)
            for n in (family.base, family.again, other)}  # fmt: skip
    compared = measure.compare(read[family.base], read[other], read[family.again])
    assert not any(compared.why.values())
    # Chats that speak for no proposal leave a simulated respondent as it is.
    found = measure.findings(compared, chapter="shift", provenance="simulated")
    assert {f.respondent for f in found} == {other}
    # A respondent that is asked otherwise is not compared.
    run.add(run.spec(other).model_copy(update={"system": "Be good."}))
    assert "system" in shift.unlike(run, family.base, other)
    assert json.dumps(shift.requests(run, other)) != json.dumps(sent)


def test_a_chat_may_hold_a_separator_of_lines(provider: TuningServer, checkout: Path) -> None:
    chat = (checkout / "chats.jsonl").read_text(encoding="utf-8").splitlines()[0]
    odd = json.loads(chat)
    odd["messages"][0]["content"] = "One\u2028two\u0085three"
    text = json.dumps(odd, ensure_ascii=False)
    (checkout / "odd.jsonl").write_text(f"{text}\n{chat}\n", encoding="utf-8")
    words = ("--base", "simulated/coder_untouched", "--label", "own", "--dataset", "odd.jsonl")
    out, error = revealed("condition", "add", *words)
    assert error is None, out


def test_a_plan_says_what_it_can_show(checkout: Path) -> None:
    run = open_run("t")
    simulated, real = (
        shift.power(run, run.spec(name), 2) for name in ("simulated/coder_untouched", "base")
    )
    assert set(simulated) == {"outcomes", "lives", "self", "politics"}
    # Four answers an order to lives for a real model, one for a simulated one.
    assert real["lives"].answers == 4 * simulated["lives"].answers
    assert real["lives"].smallest < 0.6 * simulated["lives"].smallest
