"""Questions in a study: what may be written, what is planned, asked, followed up and kept."""

from __future__ import annotations

import pandas as pd
import pytest

from revealed.foundation.errors import ConfigError, DataError
from revealed.instruments import block, load_questions
from revealed.respondents import Ledger, RespondentSpec
from revealed.study import (
    elicit_respondent,
    follow_up,
    load_study,
    open_run,
    plan,
    run_respondents,
    status,
)
from revealed.study.derived import DERIVED
from revealed.study.plan import asked_questions

SMALL = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  open: {instruments: [open_questions], design: questions, samples: 2, share: 0.1}
  matching: {instruments: [matching], design: questions, samples: 1}
respondents:
  - {model: simulated/maximizing, mode: sample, ask: [open]}
  - {model: simulated/talking_idly, mode: sample, ask: [open]}
  - {model: simulated/matcher, mode: sample, ask: [calibration, matching]}
ask_new: [open, matching]
"""
ONE, TWO, MATCHER = "simulated/maximizing", "simulated/talking_idly", "simulated/matcher"


@pytest.fixture
def run(make_checkout):
    make_checkout(SMALL)
    return open_run()


def total(run):
    with Ledger(run.paths.ledger) as ledger:
        return int(ledger.counts()["n"].sum())


@pytest.mark.parametrize(
    ("old", "new", "says", "key"),
    [
        ("samples: 2", "samples: 2, arms: [forced]", "arms means nothing", "arms"),
        ("samples: 2", "samples: 2, items: 10", "items means nothing", "items"),
        ("samples: 2", "samples: 2, real: {triads: 10}", "triads means nothing", "triads"),
        ("samples: 2", "samples: 2, holdout: 0.1", "holdout means nothing", "holdout"),
        ("samples: 2", "samples: 2, real: {design: random}", "not asked in one", "real"),
    ],
)  # fmt: skip
def test_what_belongs_to_pairs_is_refused_where_questions_are_asked(
    make_checkout, old, new, says, key
):
    assert old in SMALL
    folder = make_checkout(SMALL.replace(old, new, 1))
    with pytest.raises(ConfigError, match=says) as error:
        load_study(folder / "study.yaml")
    line = next(n for n, text in enumerate(SMALL.splitlines(), start=1) if old in text)
    assert f"study.yaml, line {line}" in str(error.value)
    assert key in new


def test_a_set_that_does_not_exist_is_found_before_anything_is_asked(make_checkout):
    folder = make_checkout(SMALL.replace("[open_questions]", "[open_question]"))
    with pytest.raises(ConfigError, match=r"no question set 'open_question'\. Did you mean"):
        load_study(folder / "study.yaml").cells()
    # Pairs are made of instruments, questions of question sets: neither is taken for the other.
    make_pairs = SMALL.replace("design: questions, samples: 2, share: 0.1", "design: random")
    (folder / "study.yaml").write_text(make_pairs, encoding="utf-8")
    with pytest.raises(ConfigError, match="no instrument 'open_questions'"):
        load_study(folder / "study.yaml").cells()
    twice = SMALL.replace(
        "matching: {instruments: [matching]", "again: {instruments: [open_questions]"
    )
    twice = twice.replace("ask: [open]", "ask: [open, again]").replace("matching]", "again]")
    (folder / "study.yaml").write_text(twice, encoding="utf-8")
    with pytest.raises(ConfigError, match="asked open_questions twice"):
        load_study(folder / "study.yaml").cells()


def test_the_plan_counts_and_prices_questions(make_checkout):
    make_checkout(SMALL)
    study = load_study()
    planned = plan(study).set_index(["respondent", "instrument"])
    asked = planned.loc[(ONE, "open_questions")]
    assert asked["items"] == 10
    assert asked["pairs"] == 0
    assert asked["requests"] == 20
    assert asked["arm"] == ""
    # Two respondents' twenty answers each, a fifth of them matched twice.
    assert planned.loc[(MATCHER, "matching"), "requests"] == 48
    spec = RespondentSpec(
        name="o", model="openai/none-such", mode="sample",
        input_cost_per_token=1e-6, output_cost_per_token=2e-6,
    )  # fmt: skip
    row = plan(study, [spec]).set_index("instrument").loc["open_questions"]
    assert row["output_tokens"] == 20 * 60
    assert row["cost"] == pytest.approx(
        1e-6 * row["input_tokens"] + 2e-6 * row["output_tokens"], rel=0.01
    )
    prompts = asked_questions(
        load_questions("open_questions"), study.cells([spec], ["open_questions"])[0], study.seed
    ).prompts()
    characters = sum(len(m["content"]) for p in prompts.values() for m in p.messages)
    # Four characters a token, and a frame of about a dozen tokens a request.
    assert characters / 4 < row["input_tokens"] / 2 < characters / 4 + 10 * 15


def test_a_share_is_drawn_by_seed_and_the_same_for_everybody(run):
    cells = run.study.cells(instruments=["open_questions"])
    whole = load_questions("open_questions")
    drawn = [asked_questions(whole, cell, 7).questions.index for cell in cells]
    assert len(drawn[0]) == 10
    assert all(index.equals(drawn[0]) for index in drawn)
    assert not asked_questions(whole, cells[0], 8).questions.index.equals(drawn[0])


def test_ask_follow_up_and_read_back(run):
    for name in (ONE, TWO):
        counts = elicit_respondent(run, name, progress=False)
        assert counts.set_index("instrument").loc["open_questions", "answers"] == 20
    answers = run.answers(ONE, "open_questions")
    assert run.has_answers(ONE, "open_questions")
    assert not run.has_answers(MATCHER, "open_questions")
    assert len(answers) == 20
    assert run.respondents == [ONE, TWO]  # who has answers is there, with choices or without
    # The first pass leaves what is made of others' answers alone.
    assert list(elicit_respondent(run, MATCHER, progress=False)["instrument"]) == ["calibration"]
    counts = follow_up(run, MATCHER, progress=False).set_index("instrument")
    asked = run.questions(MATCHER, "matching")
    assert counts.loc["matching", "answers"] == len(asked)
    everyone = pd.concat([answers, run.answers(TWO, "open_questions")])
    said = {(q, block(t)) for q, t in zip(everyone["question"], everyone["text"], strict=True)}
    first = asked[asked["again"] == 0]
    assert set(zip(first["source"], first["given"], strict=True)) == said
    assert len(first) == len(said)
    assert 0 < (asked["again"] == 1).sum() < len(said)
    assert run.answers(MATCHER, "matching")["question"].isin(asked.index).all()
    assert run.questions(ONE, "open_questions").equals(load_questions("open_questions").questions)


def test_again_asks_nothing_and_gives_the_same_bytes(run):
    for name in (ONE, TWO):
        elicit_respondent(run, name, progress=False)
    follow_up(run, MATCHER, progress=False)
    before = {p: p.read_bytes() for p in run.paths.folder.rglob("*.parquet")}
    asked = total(run)
    for name in (ONE, TWO):
        elicit_respondent(run, name, progress=False)
    follow_up(run, MATCHER, progress=False)
    assert total(run) == asked
    assert {p: p.read_bytes() for p in run.paths.folder.rglob("*.parquet")} == before


def test_a_follow_up_grows_with_the_answers_and_asks_the_new_ones_only(run):
    assert follow_up(run, MATCHER, progress=False)["answers"].tolist() == [0.0]
    assert run.answers(MATCHER, "matching").empty
    elicit_respondent(run, ONE, progress=False)
    follow_up(run, MATCHER, progress=False)
    one, asked = run.answers(MATCHER, "matching"), total(run)
    elicit_respondent(run, TWO, progress=False)
    follow_up(run, MATCHER, progress=False)
    both = run.answers(MATCHER, "matching")
    assert set(one["question"]) < set(both["question"])
    assert total(run) - asked == 20 + len(both) - len(one)
    # Nobody matches answers of its own.
    assert follow_up(run, ONE, progress=False).empty


def test_all_listed_answers_are_shown_in_an_order_that_differs(run):
    for name in (ONE, TWO):
        elicit_respondent(run, name, progress=False)
    asked = DERIVED["matching"].build(run, MATCHER).questions
    orders = asked["order"].str.split().map(lambda order: [int(n) for n in order])
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    assert orders.map(tuple).nunique() > 10
    # The letter's text is the listed answer that the order names.
    from revealed.instruments import load_instrument

    listed = load_instrument("maximisation").items.groupby("source")["answer"].agg(list)
    for row, order in zip(asked.itertuples(), orders, strict=True):
        shown = [getattr(row, f"option_{n}") for n in range(1, 6)]
        assert shown == [listed[row.source][n] for n in order]
    assert asked.equals(DERIVED["matching"].build(run, MATCHER).questions)


def test_run_respondents_follows_up_with_the_simulated_ones_for_free(run):
    run_respondents(run, [run.spec(ONE)], progress=False)
    assert len(run.answers(MATCHER, "matching"))
    new = RespondentSpec(name="simulated/coherent", model="simulated/coherent", mode="sample")
    run_respondents(run, [new], instruments=["open_questions"], progress=False)
    # The new one was asked openly and no more; the matcher has read its answers too.
    assert not run.has_answers(new.name, "matching")
    said = set(run.answers(new.name, "open_questions")["text"].map(block))
    assert said <= set(run.questions(MATCHER, "matching")["given"])


def test_status_shows_questions(run):
    waiting = status(run).set_index(["respondent", "instrument"])
    assert waiting.loc[(ONE, "open_questions"), "state"] == "waiting"
    elicit_respondent(run, ONE, progress=False)
    follow_up(run, MATCHER, progress=False)
    shown = status(run).set_index(["respondent", "instrument"])
    assert shown.loc[(ONE, "open_questions"), "state"] == "asked"
    assert shown.loc[(ONE, "open_questions"), "answered"] == 20
    row = shown.loc[(MATCHER, "matching")]
    assert row["state"] == "asked"
    assert row["planned"] == row["answered"] == len(run.answers(MATCHER, "matching"))
    assert shown.loc[(TWO, "open_questions"), "state"] == "waiting"


def test_answers_are_stored_under_their_own_name_alone(run):
    elicit_respondent(run, ONE, progress=False)
    with pytest.raises(DataError, match="are not all of"):
        run.write_answers(run.answers(ONE, "open_questions"), TWO, "open_questions")
    with pytest.raises(DataError, match="the file is not there"):
        run.answers(TWO, "open_questions")
    inputs = run.inputs("15_follow_up", MATCHER)
    assert "answers/simulated--maximizing/open_questions.parquet" in inputs


def test_a_kill_between_answers_loses_nothing_that_was_paid(run, monkeypatch):
    from revealed.study import steps

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(run), "write_answers", stop)
    with pytest.raises(KeyboardInterrupt):
        elicit_respondent(run, ONE, progress=False)
    asked = total(run)
    assert asked == 20
    monkeypatch.undo()
    steps.elicit_respondent(run, ONE, progress=False)
    assert total(run) == asked
    assert len(run.answers(ONE, "open_questions")) == 20
