"""A real respondent's tables again from the ledger: the same bytes, and nobody is asked."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from revealed.respondents import RespondentSpec
from revealed.respondents.journal import journal_of
from revealed.study import elicit_respondent, follow_up, open_run
from revealed.study.replay import apart, replay

sys.path.insert(0, str(Path(__file__).parents[1] / "respondents"))

from server import Server, choose, completion, error

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  sexes: {instruments: [sexes.lives_saved], design: curve, pairs_per_item: 1, rounds: 2}
  open: {instruments: [open_questions], design: questions, samples: 1, share: 0.1}
  matching: {instruments: [matching], design: questions, samples: 1}
respondents:
  - {model: simulated/maximizing, mode: sample, ask: [open]}
ask_new: [calibration, sexes, matching]
"""


def tables(folder: Path, respondent: str) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.glob(f"*/{respondent}/*.parquet"))
    }


@pytest.mark.slow
def test_replay_reads_what_was_asked_and_says_what_it_cannot(make_checkout) -> None:
    root = make_checkout(STUDY)
    run = open_run()

    def behave(body, seen):
        never_answered = sum(map(ord, repr(body["messages"]))) % 30 == 0
        return error(400) if never_answered else completion(choose(body), body)

    with Server(behave) as server:
        spec = RespondentSpec(
            name="openai/m", model="openai/m", api_base=server.url, mode="sample", retries=0
        )
        elicit_respondent(run, "simulated/maximizing", progress=False)
        elicit_respondent(run, spec, progress=False)
        follow_up(run, spec, progress=False)
        asked = server.total
    first = tables(run.paths.folder, "openai--m")
    assert {name.split("/")[0] for name in first} == {"choices", "answers", "questions"}
    choices = run.choices("openai/m", "sexes.lives_saved")
    assert choices["n_failed"].sum() > 0
    assert [one.name for one in apart(run)] == ["openai/m"]

    frozen = root / "frozen"
    shutil.copytree(run.paths.folder, frozen)
    for kind in ("choices", "answers", "questions"):
        shutil.rmtree(run.paths.folder / kind)
    assert replay(run, frozen, progress=False) == {}
    assert tables(run.paths.folder, "openai--m") == first
    assert asked == server.total

    # Tables that stand there already are left alone, and so is what was never asked.
    shutil.rmtree(run.paths.folder / "choices")
    assert replay(run, frozen, ["openai/m"], progress=False) == {}
    assert not (run.paths.folder / "choices").exists()

    # An answer that is not there is said, and everything else is made.
    with closing(sqlite3.connect(run.paths.ledger)) as connection:
        connection.execute(
            "DELETE FROM answers WHERE key = (SELECT min(a.key) FROM answers a "
            "JOIN questions q USING (question) WHERE a.respondent = 'openai/m' "
            "AND q.messages LIKE '%lives%' AND a.status = 'ok')"
        )
        connection.commit()
    journal_of(run.paths.ledger).unlink()
    failed = replay(run, frozen, progress=False)
    assert len(failed) == 1
    ((name, why),) = failed.items()
    assert name.startswith("choices/openai--m/")
    assert "nobody is asked" in why
    assert set(first) - set(tables(run.paths.folder, "openai--m")) == {name}


def test_simulated_respondents_of_the_study_are_the_chains(make_checkout) -> None:
    make_checkout(STUDY + "  # nothing else\n")
    run = open_run()
    run.add(RespondentSpec(name="simulated/coherent", model="simulated/coherent"))
    assert [one.name for one in apart(run)] == ["simulated/coherent"]


@pytest.mark.parametrize("kind", ["system_prompt", "retest"])
def test_steered_respondents_are_the_chains_where_their_base_is(make_checkout, kind) -> None:
    who = "simulated/maximizing"
    controls = f"controls: {{simulator: {who}, respondents: [{who}], ask: [open]}}\n"
    make_checkout(STUDY + controls)
    run = open_run()
    run.add(RespondentSpec(model="simulated/maximizing", name=f"simulated/maximizing+{kind}"))
    run.add(RespondentSpec(model="openai/m", name=f"openai/m+{kind}"))
    assert [one.name for one in apart(run)] == [f"openai/m+{kind}"]
