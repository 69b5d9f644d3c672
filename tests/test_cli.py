"""The command line: errors that speak, exit codes, machine formats, nothing spent by mistake."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from revealed import cli, study
from revealed.cli.app import _specs
from revealed.respondents import RespondentSpec
from revealed.study.trial import trial_respondent

ROOT = Path(__file__).resolve().parents[1]

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  sexes: {instruments: [sexes.lives_saved], design: random, pairs_per_item: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration, sexes]}
ask_new: [calibration]
"""


@pytest.fixture
def checkout(make_checkout):
    return make_checkout(STUDY)


def revealed(monkeypatch, capsys, *words):
    """Exit code, output and error stream of one command, in this process."""
    monkeypatch.setattr(sys, "argv", ["revealed", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    out, err = capsys.readouterr()
    return end.value.code or 0, out, err


def spent_nothing(checkout):
    return not (checkout / "data" / "runs").exists()


def test_help_begins_with_what_a_newcomer_does(monkeypatch, capsys):
    got, out, _ = revealed(monkeypatch, capsys, "--help")
    assert got == 0
    listed = re.findall(r"^\W*([a-z]+)  ", out.partition("Commands")[2], re.MULTILINE)
    assert listed[:4] == ["try", "plan", "pilot", "run"]
    assert {"compare", "import", "export", "site", "pdf", "screenshots"} <= set(listed)


def test_a_run_without_answers_has_nothing_to_fit_and_says_so(checkout, monkeypatch, capsys):
    got, out, err = revealed(monkeypatch, capsys, "fit", "--run", "defualt")
    assert (got, err) == (0, "")
    assert "Nothing to fit: run 'defualt'" in out
    assert spent_nothing(checkout)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "--respondent", "openai/gpt-4o"], 5, "OPENAI_API_KEY not set"),
        (["run", "--respondent", "nobody/knows-this"], 5, "knows no provider"),
        (["run", "--respondent", "simulated/coherant"], 5, "coherent"),
        (
            ["run", "--respondent", "openai/gpt-4o", "--api-key-env", "NO_SUCH_KEY"],
            5,
            "NO_SUCH_KEY",
        ),
        (["run", "--respondent", "openai/m", "--api-base", "localhost"], 5, "not an address"),
        (["plan", "--respondent", "openai/m", "--api-key-env", "sk-abc-123"], 2, "not the key"),
        (
            ["plan", "--respondent", "openai/m", "--api-base", "http://me:word@there/v1"],
            2,
            "belongs into a variable",
        ),
        (["run", "--respondent", "openai/gpt-4o", "--max-cost", "0"], 6, "a budget of 0 buys no"),
        (["run", "--instrument", "sexes.lives_safed"], 2, "Did you mean 'sexes.lives_saved'"),
        (["run", "--api-base", "http://127.0.0.1:1/v1"], 2, "Name it with --respondent"),
        (["run", "--run", "../elsewhere"], 2, "not a name for a run"),
        (["plan", "--instrument", "nothing"], 2, "no instrument 'nothing'"),
        (["plan", "--respondent", "simulated/coherant"], 5, "Near it: coherent"),
        (["fit", "--respondent", "nobody"], 2, "`revealed plan` lists the known"),
        (["import", "not-there.csv"], 3, "not-there.csv"),
        (["fetch", "no/such.csv"], 4, "no public source 'no/such.csv'"),
        (["fetch", "cais/options.json"], 4, "Did you mean cais/options_hierarchical.json"),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_code(
    checkout, monkeypatch, capsys, words, code, says
):
    got, out, err = revealed(monkeypatch, capsys, *words)
    assert got == code
    assert says in err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert "sk-abc" not in err, "a key in the wrong place is not repeated"
    assert "me:word" not in err
    assert out == ""
    assert spent_nothing(checkout)


def test_the_key_of_one_address_is_not_sent_to_another(checkout):
    run = study.open_run("default")
    run.add(RespondentSpec(name="keyed", model="openai/m", api_key_env="ITS_KEY"))
    (spec,) = _specs(run, ["keyed"], "http://127.0.0.1:1/v1", None, None)
    assert (spec.api_base, spec.api_key_env) == ("http://127.0.0.1:1/v1", None)
    (spec,) = _specs(run, ["keyed"], "http://127.0.0.1:1/v1", "OTHER_KEY", None)
    assert spec.api_key_env == "OTHER_KEY"
    (spec,) = _specs(run, ["keyed"], None, None, None)
    assert spec.api_key_env == "ITS_KEY"
    spec = trial_respondent(run, "keyed", api_base="http://127.0.0.1:1/v1")
    assert spec.api_key_env is None
    assert trial_respondent(run, "keyed").api_key_env == "ITS_KEY"


def test_a_broken_study_file_is_said_with_its_line(checkout, monkeypatch, capsys):
    (checkout / "study.yaml").write_text(STUDY.replace("samples: 1", "sample: 1"))
    code, _, err = revealed(monkeypatch, capsys, "plan")
    assert code == 2
    assert "study.yaml, line 3: unknown key 'sample'. Did you mean 'samples'" in err


def test_outside_a_checkout(tmp_path):
    """Even from elsewhere an editable installation finds its own checkout; a bare copy says so."""
    done = subprocess.run(
        [sys.executable, "-m", "revealed.cli", "plan"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "REVEALED_ROOT": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_plan_prints_totals_and_unknown_costs(checkout, monkeypatch, capsys):
    words = ["plan", "--respondent", "openai/gpt-4o-2024-08-06", "--respondent", "openai/nothing-x"]
    code, out, _ = revealed(monkeypatch, capsys, *words)
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "$0." in rows["openai/gpt-4o-2024-08-06"]
    assert "unknown" in rows["openai/nothing-x"]
    assert "unknown" in rows["total"]
    assert "openai/nothing-x: cost unknown" in out
    assert spent_nothing(checkout)


def test_plan_speaks_to_machines(checkout, monkeypatch, capsys):
    code, out, _ = revealed(monkeypatch, capsys, "plan", "--format", "json")
    assert code == 0
    rows = json.loads(out)
    assert {row["instrument"] for row in rows} == {"calibration", "sexes.lives_saved"}
    assert all(row["cost"] == 0 for row in rows)
    code, out, _ = revealed(monkeypatch, capsys, "plan", "--format", "csv")
    assert out.splitlines()[0].startswith("respondent,provenance,experiment,instrument,arm,")


def test_run_status_and_findings(checkout, monkeypatch, capsys):
    code, out, _ = revealed(monkeypatch, capsys, "status", "--format", "json")
    assert [row["state"] for row in json.loads(out)] == ["waiting", "waiting"]
    assert spent_nothing(checkout)
    code, out, err = revealed(monkeypatch, capsys, "run")
    assert (code, out.startswith("Done.")) == (0, True), err
    code, out, _ = revealed(monkeypatch, capsys, "status", "--format", "json")
    rows = {row["instrument"]: row for row in json.loads(out)}
    assert rows["calibration"]["state"] == "asked"
    assert rows["sexes.lives_saved"]["state"] == "fitted"
    assert rows["calibration"]["answered"] == rows["calibration"]["planned"] == 40
    code, out, _ = revealed(monkeypatch, capsys, "findings", "--format", "json")
    assert (code, json.loads(out)) == (0, [])


def test_a_respondent_that_the_study_does_not_list_is_remembered(checkout, monkeypatch, capsys):
    code, _, err = revealed(monkeypatch, capsys, "run", "--respondent", "simulated/egalitarian")
    assert code == 0, err
    code, out, _ = revealed(monkeypatch, capsys, "status", "--format", "json")
    rows = [row for row in json.loads(out) if row["respondent"] == "simulated/egalitarian"]
    assert [(row["instrument"], row["state"]) for row in rows] == [("calibration", "asked")]


def test_doctor_speaks_to_people_and_machines(checkout, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-doctor-0123456789")
    code, out, _ = revealed(monkeypatch, capsys, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)}
    assert set(checks) == {
        "python", "packages", "checkout", "kernel", "gpu", "keys", "ollama", "cache", "browser",
    }  # fmt: skip
    assert checks["checkout"]["state"] == "ok"
    assert "OPENAI_API_KEY" in checks["keys"]["found"]
    assert "0123456789" not in out
    assert code == int(any(check["state"] == "missing" for check in checks.values()))
    _, out, _ = revealed(monkeypatch, capsys, "doctor")
    assert "0123456789" not in out


def test_doctor_says_what_is_missing(checkout, monkeypatch, capsys):
    (checkout / "study.yaml").write_text("seed: [")
    code, out, _ = revealed(monkeypatch, capsys, "doctor")
    assert code == 1
    assert "study.yaml cannot be used" in out


def test_help_names_every_command(monkeypatch, capsys):
    code, out, _ = revealed(monkeypatch, capsys, "--help")
    assert code == 0
    for name in ("plan", "run", "status", "fit", "import", "fetch", "findings", "report", "doctor",
                 "try"):  # fmt: skip
        assert f" {name} " in out
    assert " notebook " not in out


def test_version(monkeypatch, capsys):
    from revealed import __version__

    assert revealed(monkeypatch, capsys, "--version")[1].strip() == __version__
