"""A fork takes over what its upstream changed: two real repositories, and a merge on trial."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import project_root
from revealed.study.scaffold import new_category, new_good, new_respondent, write
from revealed.study.scaffold.edit import arm_entry, contents_entry
from revealed.study.upstream import REF, compare

pytestmark = pytest.mark.slow

ROOT = project_root(Path(__file__).parent)
KEPT = ("data/instruments", "study.yaml", "_toc.yml", ".gitattributes")


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *settings, *arguments], capture_output=True, text=True,
        check=False, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    for name in KEPT:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    for name in ("published", "sources.yaml"):
        (folder / "data" / name).symlink_to(ROOT / "data" / name)
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    commit(folder, "as it was")
    return folder


@pytest.fixture
def fork(upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with a good, a category, a respondent and a chapter of its own."""
    folder = tmp_path / "fork"
    git(tmp_path, "clone", "-q", str(upstream), str(folder))
    monkeypatch.delenv("REVEALED_ROOT", raising=False)
    write(new_good(folder, "Iceland", "countries"))
    write(new_category(folder, "professions", ["nurse", "teacher"]))
    write(new_respondent(folder, "mine", "openai/my-model", api_base="http://localhost:8000/v1"))
    contents = folder / "_toc.yml"
    text = contents_entry(contents.read_text("utf-8"), "notebooks/own/mine", contents)
    contents.write_text(text, encoding="utf-8")
    (folder / "notebooks" / "own").mkdir(parents=True)
    (folder / "notebooks" / "own" / "mine.ipynb").write_text("{}", encoding="utf-8")
    commit(folder, "ours")
    return folder


def grow(upstream: Path) -> None:
    """What a newer upstream has: a good, an arm, outcomes, a respondent, a chapter."""
    append(upstream / "data/instruments/goods/countries.csv", "Norway\n")
    (upstream / "data/instruments/outcomes/gardening.csv").write_text(
        "# title: Gardening\ntext\nYou grow tomatoes on a balcony.\n", encoding="utf-8"
    )
    arms = upstream / "data/instruments/arms.yaml"
    entry = (
        "formal:\n  like: forced\n  title: Formal setting\n"
        "  purpose: The forced wording in a formal setting.\n  system: You advise a committee.\n"
    )
    arms.write_text(arm_entry(arms.read_text("utf-8"), entry, arms), encoding="utf-8")
    study = upstream / "study.yaml"
    replace(
        study, "\ncontrols:\n",
        "  - {model: simulated/coherent?seed=77, ask: [calibration]}\n\ncontrols:\n",
    )  # fmt: skip
    append(upstream / "_toc.yml", "  - caption: More\n    chapters:\n      - file: book/more\n")
    commit(upstream, "newer")


def test_a_fork_with_parts_of_its_own_takes_over_a_newer_upstream(
    upstream: Path, fork: Path
) -> None:
    grow(upstream)
    before = git(fork, "status", "--porcelain"), git(fork, "rev-parse", "HEAD")
    found = compare(fork, str(upstream))
    assert (found.ahead, found.behind) == (1, 1)
    assert found.conflicts == ()
    assert found.problems == ()
    assert ("A", "data/instruments/outcomes/gardening.csv") in found.instruments
    assert ("M", "data/instruments/arms.yaml") in found.instruments
    assert set(found.both) == {"_toc.yml", "data/instruments/goods/countries.csv", "study.yaml"}
    # Nothing was touched, and the merge that was tried is the one that git makes.
    assert (git(fork, "status", "--porcelain"), git(fork, "rev-parse", "HEAD")) == before
    git(fork, "merge", "-q", REF)
    goods = (fork / "data/instruments/goods/countries.csv").read_text(encoding="utf-8")
    assert {"Iceland", "Norway"} <= set(goods.splitlines())
    assert compare(fork, str(upstream)).behind == 0


def test_what_conflicts_is_named_with_its_reason(upstream: Path, fork: Path) -> None:
    measure = upstream / "data/instruments/outcomes/datasheet.yaml"
    line = next(x for x in measure.read_text("utf-8").splitlines() if x.startswith("title:"))
    replace(measure, line, "title: Theirs")
    replace(fork / "data/instruments/outcomes/datasheet.yaml", line, "title: Ours")
    shutil.copy(fork / "data/instruments/goods/professions.csv", upstream / "data/instruments/")
    theirs = upstream / "data/instruments/goods/professions.csv"
    theirs.write_text("another file of this name\n", encoding="utf-8")
    (upstream / "data/instruments/arms.yaml").unlink()
    append(fork / "data/instruments/arms.yaml", "\n# ours\n")
    commit(upstream, "theirs")
    commit(fork, "more of ours")
    found = {conflict.file: conflict for conflict in compare(fork, str(upstream)).conflicts}
    assert set(found) >= {
        "data/instruments/outcomes/datasheet.yaml", "data/instruments/arms.yaml",
    }  # fmt: skip
    same = found["data/instruments/outcomes/datasheet.yaml"]
    assert (same.why, same.places) == ("both sides changed the same lines", 1)
    removed = found["data/instruments/arms.yaml"].why
    assert removed == "one side changed the file, the other removed it"


def test_what_merges_and_is_still_wrong_is_refused(upstream: Path, fork: Path) -> None:
    append(upstream / "data/instruments/goods/countries.csv", "Norway\niceland\n")
    commit(upstream, "the same good")
    found = compare(fork, str(upstream))
    assert found.conflicts == ()
    assert len(found.problems) == 1
    assert "repeats" in found.problems[0]
    assert found.problems[0].startswith("data/instruments/goods/countries.csv, line ")


def test_a_stranger_and_nothing_are_refused(tmp_path: Path, fork: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", str(other))
    (other / "a").write_text("a", encoding="utf-8")
    commit(other, "a")
    with pytest.raises(ConfigError, match="no history in common"):
        compare(fork, str(other))
    with pytest.raises(ConfigError, match="cannot be fetched"):
        compare(fork, str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="not a path or an address"):
        compare(fork, "--upload-pack=touch x")
    with pytest.raises(ConfigError, match="no commit under git"):
        compare(tmp_path, str(other))
