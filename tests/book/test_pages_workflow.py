"""What the workflow does with the built book; its commands exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from revealed.cli.app import app
from revealed.foundation.paths import project_root

ROOT = project_root(Path(__file__).parent)


def workflow() -> Any:
    text = (ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def test_a_pull_request_is_checked_and_main_alone_is_published() -> None:
    made = workflow()
    assert {"push", "pull_request"} <= set(made[True])  # YAML's own word for `on`
    steps = [step.get("run", "") for step in made["jobs"]["book"]["steps"]]
    assert [step for step in steps if step.startswith("make")] == [
        "make check", "make test", "make book",
    ]  # fmt: skip
    assert made["jobs"]["publish"]["if"] == "github.ref == 'refs/heads/main'"
    # A pull request must not stop what is being published.
    assert "github.ref" in made["concurrency"]["group"]


def test_screenshots_are_kept_and_the_pdf_is_published_with_the_pages() -> None:
    steps = workflow()["jobs"]["book"]["steps"]
    runs = [step.get("run", "") for step in steps]
    kept = {step["with"]["path"] for step in steps if "upload" in step.get("uses", "")}
    assert kept == {"_build/html", "_build/screenshots"}
    ours = [run.split("revealed.cli ")[1].split() for run in runs if "revealed.cli " in run]
    assert ours == [["pdf"], ["screenshots", "_build/screenshots"]]
    assert runs.index("make book") < min(k for k, run in enumerate(runs) if "revealed.cli" in run)
    for command in ours:
        assert CliRunner().invoke(app, [command[0], "--help"]).exit_code == 0
