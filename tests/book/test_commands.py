"""The commands of *Rerun it* and *Fork it*, executed in a copy of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from revealed.foundation.paths import project_root
from revealed.respondents import public

ROOT = project_root(Path(__file__).parent)
_BLOCK = re.compile(r"^```\{code-block\} bash\n((?::[^\n]*\n)*)(.*?)^```$", re.M | re.S)


def blocks(page: str) -> list[tuple[str, str]]:
    """Options and commands of every shell block of a page."""
    return _BLOCK.findall((ROOT / "book" / f"{page}.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["rerun", "fork"])
def test_every_block_is_tested_or_says_why_not(page: str) -> None:
    text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
    assert "```bash" not in text
    found = blocks(page)
    assert sum(":class: tested" in options for options, _ in found) >= 4
    for options, commands in found:
        assert ":class: tested" in options or ":caption:" in options, commands


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout as a stranger would have it: tracked files, and new ones not yet committed."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", ["rerun", "fork"])
def test_the_commands_work(page: str, copy: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(copy / "src"),
        "REVEALED_ROOT": str(copy),
        "HOME": str(copy),
    }
    if "REVEALED_CACHE" not in os.environ:
        environment["REVEALED_CACHE"] = str(Path.home() / ".cache" / "revealed")
    for options, commands in blocks(page):
        if ":class: tested" not in options:
            continue
        if "needs-public-data" in options and not public.available(
            "cais/options_hierarchical.json"
        ):
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=copy, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
