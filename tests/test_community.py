"""Forms and papers for people are well formed and name only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from revealed import __version__
from revealed.cli.app import app
from revealed.foundation.paths import project_root

ROOT = project_root(Path(__file__).parent)
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
PAPERS = [
    ROOT / name
    for name in ("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "README.md")
] + [ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md", *FORMS]  # fmt: skip
KINDS = {"input", "textarea", "dropdown", "checkboxes", "markdown"}


@pytest.mark.parametrize(
    "path", [path for path in FORMS if path.name != "config.yml"], ids=lambda path: path.stem
)
def test_a_form_asks_for_something_and_gives_every_field_a_name(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "labels", "body"} == set(form)
    assert {field["type"] for field in form["body"]} <= KINDS
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    assert all(field["attributes"]["label"] for field in form["body"])
    assert sum(field.get("validations", {}).get("required", False) for field in form["body"]) >= 2


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_commands_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for named in re.findall(r"`make ((?:[a-z]+ ?)+)`", text):
        assert set(named.split()) <= targets, named
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for named in re.findall(r"`revealed ([a-z]+)", text):
        assert named in commands, named


def test_the_changelog_has_this_version_and_a_place_for_the_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]( - \d{4}-\d\d-\d\d)?$", text, re.M)
    assert headings[0] == ("Unreleased", "")
    assert __version__ in [version for version, date in headings if date]
    kinds = set(re.findall(r"^### (.+)$", text, re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
