"""A first look at a model: a run of its own, a cap, and nothing asked twice."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from revealed.foundation.errors import BudgetError, ConfigError, RespondentError
from revealed.study import load_study, open_run, start_fast, start_trial
from revealed.study.trial import look, trial_plan, trial_respondent, tried

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "respondents"))

from server import Server, error  # noqa: E402
from stand_ins import OPENAI, Valued, ollama, openai, vllm  # noqa: E402

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  outcomes: {instruments: [outcomes], design: random, items: 12, pairs_per_item: 2, samples: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration]}
  - {model: simulated/egalitarian, mode: sample, ask: [calibration]}
  - {name: mine, model: openai/m, batch: true, ask: [calibration]}
fast: {respondents: [simulated/coherent, simulated/egalitarian], share: 0.5, items: 20}
trial: {beside: [simulated/coherent], ask: [calibration, outcomes]}
"""


@pytest.fixture
def checkout(make_checkout):
    return make_checkout(STUDY)


def test_a_trial_asks_everybody_the_same_few_things(checkout):
    study = load_study().trial_version()
    assert [entry.spec.name for entry in study.respondents] == ["simulated/coherent", "mine"]
    assert {entry.ask for entry in study.respondents} == {("calibration", "outcomes")}
    assert study.ask_new == ("calibration", "outcomes")


def test_a_trial_stays_one_and_never_takes_over_another(checkout):
    assert start_trial().trial
    assert open_run("try").study.ask_new == ("calibration", "outcomes")
    assert start_trial("try").trial
    with pytest.raises(ConfigError, match="holds answers to a trial"):
        start_fast("try")
    start_fast("fast")
    with pytest.raises(ConfigError, match="holds answers to the fast profile"):
        start_trial("fast")
    (checkout / "data" / "runs" / "default" / "choices").mkdir(parents=True)
    with pytest.raises(ConfigError, match="holds answers to the whole study"):
        start_trial("default")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("beside: [simulated/coherent]", "beside: [simulated/coherant]", "no respondent"),
        ("ask: [calibration, outcomes]}", "ask: [calibration, outcome]}", "no experiment"),
        ("trial: {beside", "trial: {besides: [], beside", "unknown key 'besides'"),
    ],
)
def test_mistakes_in_the_trial_are_named(checkout, old, new, says):
    file = checkout / "study.yaml"
    head, tail = file.read_text(encoding="utf-8").rsplit(old, 1)
    file.write_text(head + new + tail, encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as told:
        load_study()
    assert "line 10" in str(told.value)


def test_what_the_study_describes_is_asked_as_it_says_and_at_once(checkout):
    run = start_trial()
    assert run.study.respondents[1].spec.batch is not None
    assert trial_respondent(run, "mine", api_base=None).batch is None
    with pytest.raises(ConfigError, match="Change api_base, mode there"):
        trial_respondent(run, "mine", api_base="http://localhost:1/v1", mode="sample")


def test_a_study_without_a_trial_says_what_to_add(checkout):
    file = checkout / "study.yaml"
    file.write_text(STUDY.rpartition("trial:")[0], encoding="utf-8")
    with pytest.raises(ConfigError, match="no trial"):
        start_trial()
    assert not (checkout / "data" / "runs").exists()


def test_a_look_with_a_key_is_capped_and_asks_nothing_twice(checkout, monkeypatch):
    with openai() as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.environment["OPENAI_BASE_URL"])
        run = start_trial()
        spec = trial_respondent(run, f"openai/{OPENAI}")
        with pytest.raises(RespondentError, match="OPENAI_API_KEY"):
            trial_plan(run, spec, 1.0)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-anything")
        bound = float(trial_plan(run, spec, 1.0)["cost"].sum())
        assert 0 < bound < 1
        with pytest.raises(BudgetError, match="may cost"):
            look(run, spec, max_cost=bound / 2, progress=False)
        assert other.server.total == 0
        look(run, spec, max_cost=1.0, progress=False)
        asked = other.server.total
        assert asked == trial_plan(run, spec, 1.0)["requests"].sum()
        look(run, spec, max_cost=1.0, progress=False)
        assert other.server.total == asked
        # What another model cost does not count against this one's dollar.
        with run.ledger() as ledger:
            spent = ledger.cost()
        assert spent > 0
        second = trial_respondent(run, "again", api_base=other.server.url)
        second = second.model_copy(update={"model": f"openai/{OPENAI}", "temperature": 0.9})
        low = float(trial_plan(run, second, 1.0)["cost"].sum())
        look(run, second, max_cost=low * 1.01, progress=False)
    assert tried(run, spec.name) == [f"openai/{OPENAI}", "again", "simulated/coherent"]
    assert run.has(spec.name, "outcomes", kind="fit")


def test_what_was_planned_is_not_planned_again(checkout, monkeypatch):
    run = start_trial()
    spec = trial_respondent(run, "simulated/coherent")
    planned = trial_plan(run, spec, 1.0)
    monkeypatch.setattr("revealed.study.trial.trial_plan", None)
    look(run, spec, max_cost=1.0, progress=False, planned=planned)
    assert run.has(spec.name, "outcomes", kind="fit")


def test_ollama_is_asked_few_at_a_time_and_costs_nothing(checkout, tmp_path, monkeypatch):
    with ollama(tmp_path, delay=0.01) as other:
        monkeypatch.setenv("OLLAMA_API_BASE", other.server.url)
        run = start_trial()
        spec = trial_respondent(run, "ollama_chat/llama3.2")
        assert trial_plan(run, spec, 0.01)["cost"].sum() == 0
        look(run, spec, max_cost=0.01, progress=False)
        assert other.server.most_at_once <= 4
        assert {path for path, _ in other.server.asked} == {"/api/chat"}
        with pytest.raises(RespondentError, match=r"`ollama pull qwen3`. It has: llama3.2"):
            trial_plan(run, trial_respondent(run, "ollama_chat/qwen3"), None)
    with pytest.raises(RespondentError, match="ollama serve"):
        trial_plan(run, spec, None)


def test_vllm_has_no_price_and_gives_log_probabilities(checkout):
    with vllm() as other:
        run = start_trial()
        spec = trial_respondent(
            run, "hosted_vllm/Qwen/Qwen2.5-1.5B-Instruct", api_base=other.server.url
        )
        planned = trial_plan(run, spec, 1.0)
        assert planned["cost"].isna().any()
        look(run, spec, max_cost=None, progress=False)
        assert other.server.total == planned["requests"].sum()
        assert any(body.get("logprobs") for body in other.server.bodies)
    # Named again without its address, it is the one that this run knows.
    assert trial_respondent(run, spec.name).api_base == spec.api_base


def test_no_page_is_made_of_a_model_that_never_answered(checkout):
    with Server(lambda body, seen: error(404, "no such thing"), models=("m",)) as server:
        run = start_trial()
        spec = trial_respondent(run, "openai/m", api_base=server.url)
        with pytest.raises(RespondentError):
            look(run, spec, max_cost=None, progress=False)
        assert not run.has("simulated/coherent", "outcomes")
    with Server(Valued().behave, models=("m",)) as server:
        look(run, spec.model_copy(update={"api_base": server.url}), max_cost=None, progress=False)
    assert run.has("openai/m", "outcomes", kind="fit")


def test_the_designs_that_the_page_on_forking_shows_can_be_read(checkout):
    page = (ROOT / "book" / "fork.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```\{code-block\} yaml\n:class: tested\n(.*?)^```$", page, re.M | re.S)
    file = checkout / "study.yaml"
    file.write_text(STUDY.replace("experiments:\n", f"experiments:\n{shown}"), encoding="utf-8")
    study = load_study()
    narrow, lives = study.experiments["outcomes_narrow"], study.experiments["countries_narrow"]
    assert narrow.stop is not None
    assert narrow.stop.of == "largest"
    assert lives.design == "indifference"
    assert lives.design_for(trial_respondent(open_run(), "openai/m")).stop.target == 0.2
