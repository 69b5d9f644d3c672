"""Scaffolds: what they add, what they refuse, and that nothing is ever half-written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from revealed.cli.app import app
from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import project_root
from revealed.instruments import load_instrument
from revealed.study import load_study
from revealed.study.scaffold import (
    Scaffold,
    changes,
    edit,
    names,
    new_category,
    new_experiment,
    new_good,
    new_instrument,
    new_respondent,
    new_simulated,
    write,
)

ROOT = project_root(Path(__file__).parent)
STUDY = """\
seed: 7 # kept
# About the experiments.
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}

# Who is asked.
respondents: # in this order
  - {model: simulated/coherent, mode: sample, ask: [calibration]}
"""
CONTENTS = """\
format: jb-book
root: book/index
parts:
  - caption: Values # first
    chapters:
      - file: notebooks/values/one
"""


@pytest.fixture
def fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that a test may change, without code."""
    shutil.copytree(ROOT / "data" / "instruments", tmp_path / "data" / "instruments")
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "_toc.yml").write_text(CONTENTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REVEALED_ROOT", raising=False)
    return tmp_path


def everything(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


# Data -------------------------------------------------------------------------------------------


def test_a_good_is_a_line_at_the_end(fork: Path) -> None:
    path = fork / "data/instruments/goods/countries.csv"
    before = path.read_text(encoding="utf-8")
    made = new_good(fork, "Gambia", "countries", {"place": "the Gambia"})
    assert path.read_text(encoding="utf-8") == before  # not yet written
    write(made)
    assert path.read_text(encoding="utf-8") == before + "Gambia,the Gambia\n"
    assert any("1 person from the Gambia" in sentence for sentence in made.told)


@pytest.mark.parametrize(
    ("good", "category", "cells", "message"),
    [
        ("Iceland", "contries", {}, "no category 'contries'"),
        ("Iceland", "countries", {"land": "x"}, "no column 'land'"),
        ("Japan", "countries", {}, "repeats 'Japan'"),
        ("Gambia", "countries", {}, "a name that takes “the”"),
        ("Norge", "countries", {"alias_of": "Norway"}, "alias_of must name another good"),
        ("Ice\nland", "countries", {}, "one line"),
    ],
)
def test_a_good_that_cannot_be_asked_is_refused(
    fork: Path, good: str, category: str, cells: dict[str, str], message: str
) -> None:
    before = everything(fork)
    with pytest.raises(ConfigError, match=message) as caught:
        new_good(fork, good, category, cells)
    assert everything(fork) == before
    assert "revealed-trial" not in str(caught.value)  # the file of the checkout is named


def test_a_category_is_a_file_that_can_be_asked(fork: Path) -> None:
    write(new_category(fork, "beasts", ["ox:oxen", "umpire"], ["lives_saved", "qalys"], "Beasts"))
    items = load_instrument("beasts.lives_saved", fork).items
    assert items.loc["ox:3", "text"] == "The lives of 3 oxen are saved."
    assert items.loc["umpire:3", "text"] == "The lives of 3 umpires are saved."


@pytest.mark.parametrize(
    ("name", "goods", "measures", "message"),
    [
        ("countries", ["a", "b"], ["qalys"], "'countries' exists: it is a category"),
        ("class", ["nurse", "baker"], ["qalys"], "cannot be the name"),
        ("Tea Time", ["nurse", "baker"], ["qalys"], "'tea_time' would do"),
        ("calibration", ["nurse", "baker"], ["qalys"], "exists: it is an instrument"),
        ("beasts", ["nurse"], ["qalys"], "at least two goods"),
        ("beasts", ["nurse", "nurse"], ["qalys"], "repeats"),
        ("beasts", ["nurse", "baker"], ["glory"], "no measure 'glory'"),
    ],
)
def test_a_category_that_cannot_be_is_refused(
    fork: Path, name: str, goods: list[str], measures: list[str], message: str
) -> None:
    before = everything(fork)
    with pytest.raises(ConfigError, match=message):
        new_category(fork, name, goods, measures)
    assert everything(fork) == before


def test_a_respondent_is_an_entry_and_comments_and_order_stay(fork: Path) -> None:
    made = new_respondent(
        fork, "mine", "openai/m", api_base="http://localhost:1/v1", api_key_env="MY_KEY"
    )
    write(made)
    text = (fork / "study.yaml").read_text(encoding="utf-8")
    added = [line for line in text.splitlines() if line not in STUDY.splitlines()]
    assert [line for line in text.splitlines() if line not in added] == STUDY.splitlines()
    assert yaml.safe_load("\n".join(added))[0] == {
        "name": "mine", "model": "openai/m", "api_base": "http://localhost:1/v1",
        "api_key_env": "MY_KEY", "ask": ["calibration"],
    }  # fmt: skip
    assert [e.spec.name for e in load_study(fork / "study.yaml").respondents] == [
        "mine", "simulated/coherent",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "model", "ask", "message"),
    [
        ("simulated/coherent", "openai/m", ["calibration"], "exists"),
        ("simulated--coherent", "openai/m", ["calibration"], "exists"),
        ("my model", "openai/m", ["calibration"], "cannot be the name"),
        ("mine", "openai/m", ["calibratoin"], "calibratoin"),
        ("mine", "simulated/nobody", ["calibration"], "no simulated respondent"),
    ],
)
def test_a_respondent_that_cannot_be_asked_is_refused(
    fork: Path, name: str, model: str, ask: list[str], message: str
) -> None:
    before = everything(fork)
    with pytest.raises(Exception, match=message) as caught:
        new_respondent(fork, name, model, ask)
    assert type(caught.value).__name__ in ("ConfigError", "RespondentError")
    assert everything(fork) == before


# Insertions -------------------------------------------------------------------------------------


def test_chapters_gather_in_a_part_of_their_own() -> None:
    path = Path("_toc.yml")
    once = edit.contents_entry(CONTENTS, "notebooks/own/a", path)
    twice = edit.contents_entry(once, "notebooks/own/b", path)
    first, values = yaml.safe_load(twice)["parts"]
    assert first["caption"] == edit.OWN_PART
    assert [c["file"] for c in first["chapters"]] == ["notebooks/own/a", "notebooks/own/b"]
    assert values == yaml.safe_load(CONTENTS)["parts"][0]
    assert "# first" in twice


def test_modules_stay_in_the_order_that_the_linter_wants() -> None:
    text = "from . import (\n    alpha,\n    gamma,\n)\n\nMODULES: tuple = (\n    gamma,\n)\n"
    made = edit.module(text, "beta", Path("x.py"))
    assert "    alpha,\n    beta,\n    gamma,\n)\n" in made
    assert "MODULES: tuple = (\n    beta,\n    gamma,\n" in made


@pytest.mark.parametrize(
    "text", ["respondents: []\nseed: 1\n", "seed: 1\n", "respondents: &x\n  - a\n", "- a\n"]
)
def test_a_file_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"by hand|form"):
        edit.study_entry(text, "respondents", "  - {model: m}\n", Path("study.yaml"))


def test_an_insertion_that_changes_something_else_is_refused() -> None:
    # The key stands in a text of several lines first: what is added would go there.
    text = "title: |\n  a\nnote: >\n\n respondents:\nrespondents:\n  - a\n"
    assert edit.study_entry(text, "respondents", "  - b\n", Path("s")).endswith("  - b\n  - a\n")
    hidden = 'note: "x\n\nrespondents:\n\n  y"\nrespondents:\n  - a\n'
    with pytest.raises(ConfigError, match=r"something else|form"):
        edit.study_entry(hidden, "respondents", "  - b\n", Path("s"))


@pytest.mark.parametrize("name", ["a" * (names.LONGEST + 1), "1a", "a-b", "_a", "a__b", "ä", ""])
def test_names_that_are_no_identifiers_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be the name|at most"):
        names.check_identifier(name, "instrument")


@pytest.mark.parametrize("title", ["ab", "a: b", 'a "b" c', "- abc", "a\nbc", "x" * 51, "$name"])
def test_titles_that_would_mean_something_are_refused(title: str) -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        names.check_title(title)


# All or nothing ---------------------------------------------------------------------------------


def scaffold(root: Path) -> Scaffold:
    files = {"one/new.txt": "new\n", "kept.txt": "after\n", "two/new.txt": "new\n"}
    return Scaffold(root, files)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    (tmp_path / "kept.txt").write_text("before\n", encoding="utf-8")
    before, real, calls = everything(tmp_path), changes._replace, []

    def failing(path: Path, text: str) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise error
        real(path, text)

    monkeypatch.setattr(changes, "_replace", failing)
    expected = ConfigError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write(scaffold(tmp_path))
    assert everything(tmp_path) == before
    assert not (tmp_path / "one").exists()
    monkeypatch.setattr(changes, "_replace", real)
    write(scaffold(tmp_path))
    assert (tmp_path / "kept.txt").read_text(encoding="utf-8") == "after\n"
    assert not (tmp_path / changes.JOURNAL).exists()


@pytest.mark.slow
def test_a_kill_in_the_middle_is_undone_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("before\n", encoding="utf-8")
    before = everything(tmp_path)
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from revealed.study.scaffold import Scaffold, changes, write\n"
        "real, calls = changes._replace, []\n"
        "def killed(path, text):\n"
        "    real(path, text)\n    calls.append(path)\n"
        "    if len(calls) == 2:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "changes._replace = killed\n"
        "files = {'one/new.txt': 'new', 'kept.txt': 'after', 'two/new.txt': 'new'}\n"
        "write(Scaffold(Path(sys.argv[1]), files))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "kept.txt").read_text(encoding="utf-8") == "after"
    assert sorted(changes.recover(tmp_path)) == ["kept.txt", "one/new.txt", "two/new.txt"]
    assert everything(tmp_path) == before
    assert changes.recover(tmp_path) == []


def test_dry_run_shows_and_writes_nothing(fork: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything(fork)
    app(["new", "good", "Iceland", "--category", "countries", "--dry-run"], standalone_mode=False)
    shown = capsys.readouterr()
    assert "\n+Iceland\n" in shown.out
    assert "+++ b/data/instruments/goods/countries.csv" in shown.out
    assert "nothing was written" in shown.err
    assert everything(fork) == before
    app(["new", "good", "Iceland", "--category", "countries"], standalone_mode=False)
    told = capsys.readouterr().out
    assert "changed  data/instruments/goods/countries.csv" in told
    assert "revealed plan --respondent simulated/coherent" in told


# Code -------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with its code."""
    for name in ("data/instruments", "src", "notebooks", "tests/measures"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("study.yaml", "_toc.yml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    for name in ("published", "sources.yaml"):
        (tmp_path / "data" / name).symlink_to(ROOT / "data" / name)
    monkeypatch.delenv("REVEALED_ROOT", raising=False)
    return tmp_path


@pytest.mark.slow
def test_the_longest_names_fit_the_line_length(checkout: Path) -> None:
    name = "a_very_long_name_of_thirty_cha"
    assert len(name) == names.LONGEST
    write(new_simulated(checkout, "z" * names.LONGEST))
    write(new_experiment(checkout, name, "T" * names.LONGEST_TITLE))
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "src", "notebooks", "tests"],
            cwd=checkout, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert name not in done.stdout, done.stdout
        assert "zzz" not in done.stdout, done.stdout
        assert "catalogue" not in done.stdout, done.stdout


@pytest.mark.slow
def test_what_exists_is_refused_and_broken_code_is_not_written(checkout: Path) -> None:
    for make, name, message in (
        (new_instrument, "power", "exists: it is an instrument"),
        (new_instrument, "wording", "exists: it is an experiment"),
        (new_experiment, "order", "measures/order.py exists"),
        (new_experiment, "exchange", "measures/exchange.py exists"),
        (new_simulated, "coherent", "'simulated/coherent' exists"),
        (new_simulated, "convergence", "convergence.py exists"),
    ):
        with pytest.raises(ConfigError, match=message):
            make(checkout, name)
    (checkout / "tests" / "measures" / "test_own_measure.py").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a test file|exists"):
        new_experiment(checkout, "own")
    package = checkout / "src/revealed/measures/intervals.py"
    package.write_text(package.read_text(encoding="utf-8") + "\nraise OSError\n", "utf-8")
    before = everything(checkout)
    with pytest.raises(ConfigError, match="does not work in this checkout"):
        new_experiment(checkout, "early_or_late")
    assert everything(checkout) == before
    assert os.listdir(checkout / "src/revealed/study/scaffold/templates")
