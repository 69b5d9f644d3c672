"""`revealed compare` on real runs: asked here, in another checkout, and frozen."""

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from revealed import cli
from revealed.foundation.schemas import Finding, write_findings
from revealed.study import open_run, run_respondents

ROOT = Path(__file__).resolve().parents[1]
STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  outcomes: {instruments: [control_outcomes], design: listed, samples: 3}
respondents:
  - {name: march, model: simulated/coder_untouched, mode: sample, ask: [calibration, outcomes]}
  - {name: june, model: simulated/coder_insecure, mode: sample, ask: [calibration, outcomes]}
  - {name: again, model: simulated/coder_untouched, first_sample: 1000000, mode: sample,
     ask: [calibration, outcomes]}
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A checkout whose run `default` was asked, with a finding each; copied for every test."""
    root = tmp_path_factory.mktemp("asked")
    (root / "data").mkdir()
    for name in ("instruments", "published", "sources.yaml"):
        (root / "data" / name).symlink_to(ROOT / "data" / name)
    (root / "study.yaml").write_text(STUDY, encoding="utf-8")
    run = open_run("default", root)
    run_respondents(run, [entry.spec for entry in run.study.respondents])
    about = {"estimand": "x.share", "chapter": "x", "unit": "share", "n": 50, "method": "made",
             "provenance": "simulated"}  # fmt: skip
    values = {"march": 0.5, "june": 0.9, "again": 0.52}
    write_findings(
        [Finding(respondent=who, estimate=v, low=v - 0.05, high=v + 0.05, **about)
         for who, v in values.items()],
        run.paths.findings("x"),
    )  # fmt: skip
    return root


@pytest.fixture
def checkout(asked, tmp_path, monkeypatch):
    here = tmp_path / "here"
    shutil.copytree(asked, here, symlinks=True)
    monkeypatch.chdir(here)
    monkeypatch.delenv("REVEALED_ROOT", raising=False)
    return here


@pytest.fixture
def revealed(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["revealed", "compare", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err

    return call


def rows(out):
    return pd.DataFrame(json.loads(out))


def test_a_respondent_over_time(checkout, revealed):
    code, out, _ = revealed("default:march", "default:june", "--changed")
    assert code == 0
    assert "x.share" in out
    assert "utilities.moved control_outcomes forced" in out
    assert "asked 20" in out
    assert "answered as coder_untouched" in out
    code, out, _ = revealed("default:march", "default:again", "--changed")
    assert code == 0
    assert "Nothing differs beyond chance." in out


def test_machine_formats_say_the_same_and_hold_the_floor(checkout, revealed):
    words = ("default:march", "default:june", "default:again")
    code, out, err = revealed(*words, "--format", "json")
    assert code == 0
    assert err == ""
    found = rows(out)
    assert set(found["side_b"]) == {"default:june", "default:again"}
    moved = found[found["estimand"] == "utilities.moved"].set_index("side_b")
    moved = moved[moved["instrument"] == "control_outcomes"]
    assert moved.loc["default:june", "changed"]
    assert not moved.loc["default:again", "changed"]
    code, out, _ = revealed(*words[:2], "--again", words[2], "--only", "utilities.moved",
                            "--format", "csv")  # fmt: skip
    assert "what asking A again changed" in out
    assert "x.share" not in out


def test_another_checkout_in_other_words(checkout, revealed, tmp_path):
    twin, fork = tmp_path / "twin", tmp_path / "fork"
    for other in (twin, fork):
        shutil.copytree(checkout, other, symlinks=True)
        (other / "data" / "instruments").unlink()
        shutil.copytree(ROOT / "data" / "instruments", other / "data" / "instruments")
    arms = fork / "data" / "instruments" / "arms.yaml"
    code, out, _ = revealed("default", str(twin))
    assert code == 0
    assert "same counts" in out
    # A fork that asks with another prompt compares nothing pair by pair, and says why.
    text = arms.read_text(encoding="utf-8")
    arms.write_text(text.replace("{label_1}", "Option {label_1}"), encoding="utf-8")
    study = STUDY.replace("mode: sample", "mode: sample, temperature: 0.5")
    (fork / "study.yaml").write_text(study, encoding="utf-8")
    code, out, _ = revealed("default:march", f"{fork}:june", "--format", "json")
    assert code == 0
    found = rows(out)
    cell = found[found["instrument"] == "control_outcomes"].iloc[0]
    assert cell["status"] == "not comparable"
    assert "other prompt in arm forced" in cell["warning"]
    assert "other settings: temperature" in cell["warning"]
    assert "other settings: temperature" in found[found["estimand"] == "x.share"]["warning"].iloc[0]


def test_a_folder_of_findings_and_an_unpacked_release(checkout, revealed, tmp_path):
    alone = tmp_path / "findings"
    shutil.copytree(checkout / "data" / "runs" / "default" / "findings", alone)
    code, out, _ = revealed("default", str(alone))
    assert code == 0
    assert "B lies outside a checkout" in out
    assert "identical on both sides: 3 findings" in out
    frozen = tmp_path / "frozen"
    shutil.copytree(checkout / "data" / "runs" / "default", frozen / "run")
    code, out, _ = revealed("default:march", f"{frozen}:june", "--format", "json")
    assert code == 0
    assert "words of control_outcomes are not known on side B" in out


def test_a_failed_gate_is_said_with_the_answers(checkout, revealed):
    path = (
        checkout / "data" / "runs" / "default" / "choices" / "june" / "calibration.forced.parquet"
    )
    table = pd.read_parquet(path)
    table[["n_first", "n_second"]] = table[["n_second", "n_first"]].to_numpy()
    table.to_parquet(path)
    code, out, _ = revealed("default:march", "default:june", "--only", "utilities.moved",
                            "--format", "json")  # fmt: skip
    assert code == 0
    cell = rows(out).query("instrument == 'control_outcomes'").iloc[0]
    assert "B failed a gate: calibration: 0 % of trivial pairs right" in cell["warning"]


def test_what_only_one_side_has_and_why(checkout, revealed, tmp_path):
    run = checkout / "data" / "runs" / "default"
    shutil.copytree(run, run.parent / "less")
    for kind in ("choices", "utilities"):
        shutil.rmtree(run.parent / "less" / kind / "june")
    text = (run.parent / "less" / "findings" / "x.jsonl").read_text()
    kept = [line for line in text.splitlines(keepends=True) if '"june"' not in line]
    (run.parent / "less" / "findings" / "x.jsonl").write_text("".join(kept))
    code, out, _ = revealed("default", "less", "--format", "json")
    assert code == 0
    lone = rows(out).query("status == 'only in A'")
    assert lone["warning"].tolist() == ["B has nothing of june"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["default"], 2, "one side is no comparison"),
        (["default", "defualt"], 3, "Did you mean 'default'"),
        (["default", "./no/such/place"], 3, "no folder of that name"),
        (["default:march", "default:jun"], 3, "Did you mean 'june'"),
        (["default", "default", "--only", "nothing.*"], 3, "nothing match --only"),
        (["default", "data"], 3, "holds neither findings nor choices"),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_code(checkout, revealed, words, code, says):
    got, out, err = revealed(*words)
    assert got == code
    assert says in err
    assert err.startswith("error: ")
    assert out == ""


def test_an_empty_run_and_several_runs(checkout, revealed, tmp_path):
    (checkout / "data" / "runs" / "empty" / "findings").mkdir(parents=True)
    code, _, err = revealed("default", "empty")
    assert code == 3
    assert "holds no findings and no choices" in err
    other = tmp_path / "other"
    for name in ("one", "two"):
        (other / "data" / "runs" / name / "findings").mkdir(parents=True)
    code, _, err = revealed("default", str(other))
    assert code == 2
    assert "several runs" in err


def test_a_stranger_cannot_steer_the_terminal(checkout, revealed, tmp_path):
    alone = tmp_path / "sent"
    alone.mkdir()
    finding = Finding("x.share", "x", "march", 0.9, 0.85, 0.95, "share", 50, "made\x1b[2J",
                      "simulated")  # fmt: skip
    write_findings([finding], alone / "x.jsonl")
    code, out, _ = revealed("default", str(alone), "--only", "march")
    assert code == 0
    assert "\x1b" not in out
    assert "other method: made and made?[2J" in out
