"""Parts of a run: ledgers of their own that know what the run has, and come together."""

import pytest

from revealed.foundation.errors import ConfigError
from revealed.respondents.journal import Journal, journal_of, read
from revealed.study import elicit_respondent, open_run
from revealed.study.ledgers import gather, hand_out

ASKED = "simulated/coherent"


def held(run):
    with run.ledger() as ledger:
        return int(ledger.counts()["n"].sum()), ledger.table()


def ask(run, instrument):
    elicit_respondent(run, ASKED, instruments=[instrument], progress=False)


def test_parts_give_the_tables_and_the_ledger_of_one(checkout):
    one, run = open_run("one", checkout), open_run("run", checkout)
    for instrument in ("calibration", "sexes.lives_saved"):
        ask(one, instrument)
    hand_out(run)
    for instrument in ("calibration", "sexes.lives_saved"):
        part = open_run("run", checkout, part=instrument)
        ask(part, instrument)
        assert part.paths.ledger.parent == run.paths.parts
    assert not run.paths.ledger.exists()
    assert sum(found.added for found in gather(run)) == held(one)[0]
    assert sum(found.added for found in gather(run, done=True)) == 0
    assert not run.paths.parts.exists()
    columns = ["key", "status", "text", "question", "messages"]
    assert held(run)[1][columns].equals(held(one)[1][columns])
    for cell in one.cells().itertuples():
        paths = [r.paths.choices(ASKED, cell.instrument, cell.arm) for r in (one, run)]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_part_asks_nothing_that_the_run_has_been_answered(checkout):
    run = open_run("run", checkout)
    ask(run, "calibration")
    count = held(run)[0]
    hand_out(run)
    part = open_run("run", checkout, part="a")
    ask(part, "calibration")
    assert held(part)[0] == 0
    assert count > 0
    gather(run, done=True)
    assert held(run)[0] == count
    assert not run.paths.earlier.exists()


def test_the_journals_of_parts_outlive_them(checkout):
    run = open_run("run", checkout)
    part = open_run("run", checkout, part="a")
    ask(part, "calibration")
    # Simulated answers are not journaled; a real one's line stands for them.
    journal = journal_of(part.paths.ledger)
    own = Journal(journal)
    own.append([b'["question", ["q", "m", "[]", "{}"], null, null]'])
    own.close()
    gather(run, done=True)
    assert [line.values[0] for line in read(journal_of(run.paths.ledger)) if line] == ["q"]


@pytest.mark.parametrize("part", ["", "a/b", ".hidden"])
def test_a_part_has_a_plain_name(checkout, part):
    with pytest.raises(ConfigError, match="not a name for a part"):
        open_run("run", checkout, part=part)
