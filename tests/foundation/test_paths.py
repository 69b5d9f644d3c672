from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import RunPaths, atomic_write, project_root, slug


def checkout(folder: Path) -> Path:
    (folder / "data" / "instruments").mkdir(parents=True)
    (folder / "study.yaml").touch()
    return folder


# --- project_root --------------------------------------------------------------------------------


def test_root_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REVEALED_ROOT", raising=False)
    root = checkout(tmp_path / "study")
    deep = root / "notebooks" / "values"
    deep.mkdir(parents=True)
    assert project_root(deep) == root.resolve()
    monkeypatch.chdir(deep)
    assert project_root() == root.resolve()


def test_root_in_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, named = checkout(tmp_path / "here"), checkout(tmp_path / "named")
    monkeypatch.setenv("REVEALED_ROOT", str(named))
    assert project_root(here) == named.resolve()


def test_a_study_file_alone_is_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REVEALED_ROOT", raising=False)
    outer = checkout(tmp_path / "outer")
    inner = outer / "inner"
    inner.mkdir()
    (inner / "study.yaml").touch()
    assert project_root(inner) == outer.resolve()


def test_no_checkout_says_what_to_do(tmp_path: Path) -> None:
    # In a process whose package lies outside any checkout.
    code = (
        "import sys, shutil, pathlib\n"
        "import revealed.foundation.paths as paths\n"
        "paths.__file__ = sys.argv[1] + '/paths.py'\n"
        "try: paths.project_root(pathlib.Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    clean = {k: v for k, v in os.environ.items() if k != "REVEALED_ROOT"}
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True, text=True, env=clean, check=True, cwd=tmp_path,
    ).stdout  # fmt: skip
    assert said.startswith(ConfigError.__name__)
    assert "REVEALED_ROOT" in said


def test_a_checkout_that_appears_or_goes_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REVEALED_ROOT", raising=False)
    ours = project_root(tmp_path)
    (tmp_path / "data" / "instruments").mkdir(parents=True)
    (tmp_path / "study.yaml").write_text("seed: 1\n")
    assert project_root(tmp_path) == tmp_path.resolve() != ours
    assert project_root(tmp_path) == tmp_path.resolve()
    (tmp_path / "study.yaml").unlink()
    assert project_root(tmp_path) == ours


# --- slug ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai/gpt-4o", "openai--gpt-4o"),
        ("countries.lives_saved", "countries.lives_saved"),
        ("a b:c", "a-b-c"),
        ("../../etc/passwd", "..--..--etc--passwd"),
    ],
)
def test_slug(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.text(max_size=60))
def test_slug_never_leaves_its_folder(name: str) -> None:
    made = slug(name)
    assert "/" not in made
    assert "\\" not in made
    assert "\0" not in made
    assert slug(made) == made


# --- atomic_write --------------------------------------------------------------------------------


def test_writes_whole_and_makes_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "table.csv"
    with atomic_write(path) as temporary:
        assert temporary.name == path.name
        temporary.write_text("whole")
        assert not path.exists()
        # Nobody who lists tables from here or from above meets the unfinished one.
        assert not [
            *path.parent.glob("*.csv"),
            *tmp_path.glob("*/*.csv"),
            *tmp_path.glob("a/*/*.csv"),
        ]
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def write_half() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="disk on fire"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with atomic_write(tmp_path / "a") as temporary:
            temporary.touch()
    finally:
        assert os.umask(before) == 0o022  # and the process's own mask is left as it was
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


WRITER = """
import sys
from pathlib import Path
from revealed.foundation.paths import atomic_write
path = Path(sys.argv[1])
print("ready", flush=True)
for turn in range(10**9):
    letter = "ab"[turn % 2]
    with atomic_write(path) as temporary, temporary.open("w") as handle:
        for _ in range(50):
            handle.write(letter * 1000)
            handle.flush()
"""


def test_killed_at_any_instant_the_file_is_whole(tmp_path: Path) -> None:
    """SIGKILL lands in the middle of a write in most of these twelve trials."""
    path = tmp_path / "table"
    path.write_text("a" * 50_000)
    for trial in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.02 + 0.0037 * trial)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        text = path.read_text()
        assert text in ("a" * 50_000, "b" * 50_000)
    # What a kill leaves behind is hidden and is never the file itself.
    assert all(left.name.startswith(".writing-") for left in tmp_path.iterdir() if left != path)


# --- RunPaths ------------------------------------------------------------------------------------


def test_every_file_of_a_run_is_below_it_and_apart(tmp_path: Path) -> None:
    run = RunPaths(tmp_path, "trial")
    made = [
        run.ledger,
        run.choices("openai/gpt-4o", "cais/options_hierarchical", "forced"),
        run.choices("openai/gpt-4o", "outcomes", "forced"),
        run.utilities("openai/gpt-4o", "outcomes", "forced"),
        run.findings("coherence"),
        run.tables("coherence"),
    ]
    assert len(set(made)) == len(made)
    assert all(path.is_relative_to(tmp_path / "data" / "runs" / "trial") for path in made)
    assert run.choices("a/b", "c", "d").name == "c.d.parquet"
