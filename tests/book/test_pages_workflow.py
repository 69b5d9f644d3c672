"""What the workflow does with the built book; its commands exist."""

from __future__ import annotations

from pathlib import Path

import yaml
from typer.testing import CliRunner

from revealed.cli.app import app
from revealed.foundation.paths import project_root

ROOT = project_root(Path(__file__).parent)


def test_screenshots_are_kept_and_the_pdf_is_published_with_the_pages() -> None:
    text = (ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["book"]["steps"]
    runs = [step.get("run", "") for step in steps]
    kept = {step["with"]["path"] for step in steps if "upload" in step.get("uses", "")}
    assert kept == {"_build/html", "_build/screenshots"}
    ours = [run.split("revealed.cli ")[1].split() for run in runs if "revealed.cli " in run]
    assert ours == [["pdf"], ["screenshots", "_build/screenshots"]]
    assert runs.index("make book") < min(k for k, run in enumerate(runs) if "revealed.cli" in run)
    for command in ours:
        assert CliRunner().invoke(app, [command[0], "--help"]).exit_code == 0
