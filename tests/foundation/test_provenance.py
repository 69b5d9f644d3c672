from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

from revealed.foundation import provenance


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org",
         "-c", "commit.gpgsign=false", *arguments],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


def test_commit_and_whether_tracked_files_differ(tmp_path: Path) -> None:
    assert provenance.git_commit(tmp_path) == "unknown"
    git(tmp_path, "init", "-q")
    assert provenance.git_commit(tmp_path) == "unknown"
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.git_commit(tmp_path) == head
    (tmp_path / "untracked").write_text("2")
    assert provenance.git_commit(tmp_path) == head
    (tmp_path / "a").write_text("3")
    assert provenance.git_commit(tmp_path) == f"{head}+changes"


def test_checksum_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\x00revealed\n" * 100_000)
    assert provenance.sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_versions_name_what_is_installed_only() -> None:
    found = provenance.versions()
    assert {"python", "numpy", "pandas"} <= set(found)
    assert all(isinstance(text, str) and text for text in found.values())


def test_record_is_json_and_leaves_absent_inputs_out(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("1")
    made = provenance.record(tmp_path, seed=7, inputs={"x": path, "y": tmp_path / "absent"})
    again = json.loads(json.dumps(made))
    assert again == made
    assert again["seed"] == 7
    assert again["inputs"] == {"x": hashlib.sha256(b"1").hexdigest()}
    assert set(again) == {"commit", "seed", "versions", "inputs"}
