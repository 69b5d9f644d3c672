"""Commands around the ledger, and a run that is told to stop, as a process of its own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from revealed import cli
from revealed.respondents import Answer, Ledger, Request
from revealed.respondents.ledger import Entry
from revealed.respondents.request import Question

sys.path.insert(0, str(Path(__file__).parent / "respondents"))

from server import Reply, Server, choose, completion

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 5}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration]}
ask_new: [calibration]
"""


def revealed(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["revealed", *words])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def ledger(make_checkout):
    """The default run's ledger in a checkout, with ten paid answers."""
    path = make_checkout(STUDY) / "data" / "runs" / "default" / "ledger.sqlite"
    question = Question("m", [{"role": "user", "content": "q"}], {"temperature": 1.0})
    asked = [Request(question, n) for n in range(10)]
    with Ledger(path) as opened:
        for request in asked:
            opened.put([Entry(Answer(request.key, "ok", "A", cost=0.5), request, "r")])
    return path


def test_check_repair_and_restore(ledger, monkeypatch, capsys):
    code, out, _ = revealed(monkeypatch, capsys, "ledger", "check")
    assert code == 0
    assert "10 answers, 10 in the journal" in out
    assert "All is as it was written." in out
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE answers SET text = 'B' WHERE sample = 3")
        connection.execute("DELETE FROM answers WHERE sample = 4")
    code, _, err = revealed(monkeypatch, capsys, "ledger", "check")
    assert code == 3
    assert "1 answers differ from their checksums" in err
    assert "1 answers of the journal are missing" in err
    assert "revealed ledger repair" in err
    journal = ledger.with_name("ledger.journal.gz")
    aside = ledger.with_name("kept.journal.gz")
    journal.rename(aside)
    code, out, _ = revealed(monkeypatch, capsys, "ledger", "repair", "--replace")
    assert code == 0
    assert "8 answers from the damaged file, 0 more from the journal; at most 1" in out
    assert "damaged-" in out
    code, out, _ = revealed(monkeypatch, capsys, "ledger", "restore", str(aside))
    assert code == 0
    assert "2 answers brought back" in out
    code, out, _ = revealed(monkeypatch, capsys, "ledger", "check")
    assert code == 0
    assert "10 answers, 10 in the journal" in out


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_says_that_it_goes_on(sign, make_checkout):
    """While a request hangs: it is given up at once, and what arrived is on disk."""
    root = make_checkout(STUDY)
    hangs = True

    def behave(body, seen):
        late = 60.0 if hangs and server.total > 20 else 0.0
        return Reply(body=completion(choose(body), body).body, delay=late)

    with Server(behave) as server:
        command = [
            sys.executable, "-m", "revealed.cli", "run", "--run", "stopped", "--mode", "sample",
            "--respondent", "openai/m", "--api-base", server.url,
        ]  # fmt: skip
        child = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "REVEALED_ROOT": str(root)},
            # A shell's background ignores Ctrl-C, and tests may run in one.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        while server.total <= 22 and child.poll() is None:
            time.sleep(0.01)
        time.sleep(0.2)
        answered = server.answered.total()
        told = time.monotonic()
        child.send_signal(sign)
        _, err = child.communicate(timeout=60)
        assert child.returncode == 128 + sign, err
        assert time.monotonic() - told < 30
        assert "the same command goes on" in err
        assert "Traceback" not in err
    with Ledger(root / "data" / "runs" / "stopped" / "ledger.sqlite") as opened:
        # One of the answers may be of the call that looks whether anybody is there.
        assert answered - 1 <= opened.counts()["n"].sum() <= answered
