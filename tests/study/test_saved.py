"""A question that two places of a study ask is paid once, and the plan says so."""

from __future__ import annotations

import pytest

from revealed.instruments import load_instrument
from revealed.respondents import Ledger, RespondentSpec
from revealed.study import elicit_respondent, load_study, open_run, plan
from revealed.study.saved import saved

WHO = "simulated/coherent"
# The same outcomes for two chapters: the second asks more answers in a list of its own.
STUDY = """\
seed: 7
experiments:
  one: {instruments: [control_outcomes], design: listed, samples: 1, share: 0.2}
  two: {instruments: [outcomes], design: random, items: 12, pairs_per_item: 5, holdout: 0}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [one, two]}
"""


@pytest.fixture
def twice(make_checkout):
    """A checkout with a second instrument of the very same pairs as `control_outcomes`."""
    return make_checkout(STUDY)


def held(run):
    with Ledger(run.paths.ledger) as ledger:
        return int(ledger.counts()["n"].sum())


def texts_of(name):
    instrument = load_instrument(name)
    return set(instrument.items["text"])


def test_what_is_answered_already_is_counted(twice):
    run = open_run()
    spec = run.spec(WHO)
    before = saved(run.study, [spec])
    assert before["asked"].sum() == 0
    elicit_respondent(run, WHO, instruments=["control_outcomes"], progress=False)
    with run.ledger() as ledger:
        after = saved(run.study, [spec], ledger=ledger).set_index("instrument")
    assert after.loc["control_outcomes", "asked"] == after.loc["control_outcomes", "known"]
    assert after.loc["control_outcomes", "known"] == held(run)
    # What is asked already is not counted as shared as well.
    assert (after["asked"] + after["shared"] <= after["known"]).all()


def test_a_question_of_two_chapters_is_paid_once(twice, monkeypatch):
    """Two experiments of a study that come to the same prompts, under two names."""
    from revealed.study import config

    run = open_run()
    spec = run.spec(WHO)
    (one, _) = run.study.cells([spec])
    again = config.Cell(
        one.respondent,
        "again",
        one.instrument,
        one.arm,
        one.design.model_copy(update={"samples": 3}),
    )
    monkeypatch.setattr(config.Study, "cells", lambda *_: [one, again])
    counted = saved(run.study, [spec])
    known = counted["known"].tolist()
    assert known[1] == 3 * known[0]
    # The first answer to every question is the same request; the second and third are new.
    assert counted["shared"].tolist() == [0, known[0]]
    elicit_respondent(run, WHO, progress=False)
    assert held(run) == known[1]


def test_anchors_of_two_instruments_are_paid_once(twice):
    """Where two instruments share their texts, pairs of them are one question."""
    assert texts_of("control_outcomes") <= texts_of("outcomes")
    from revealed.respondents.elicit import elicit

    run = open_run()
    spec, arm = run.spec(WHO), _arm()
    listed = load_instrument("control_outcomes")
    pairs = listed.pairs.iloc[:5, :2].set_axis(["first", "second"], axis=1)
    pairs = pairs.assign(samples=2, role="train")
    whole = load_instrument("outcomes")
    by_text = {text: item for item, text in whole.items["text"].items()}
    renamed = pairs.assign(
        **{side: [by_text[listed.items["text"][i]] for i in pairs[side]]
           for side in ("first", "second")}
    )  # fmt: skip
    with run.ledger() as ledger:
        first = elicit(spec, listed, arm, pairs, ledger, progress=False)
        answers = int(ledger.counts()["n"].sum())
        second = elicit(spec, whole, arm, renamed, ledger, progress=False)
        assert int(ledger.counts()["n"].sum()) == answers == 5 * 2 * 2
    counts = [name for name in first if name.startswith("n_")]
    assert (first[counts].to_numpy() == second[counts].to_numpy()).all()


def _arm():
    from revealed.instruments import load_arm

    return load_arm("forced")


def test_a_plan_counts_the_same_requests(twice):
    study = load_study()
    spec = RespondentSpec(name="k", model="openai/gpt-4o-2024-08-06", mode="sample")
    study.cells([spec], ["control_outcomes"])
    planned = plan(study, [spec], ["control_outcomes", "outcomes"])
    counted = saved(study, [spec], ["control_outcomes", "outcomes"])
    assert planned["requests"].tolist() == counted["known"].tolist()
