"""Every command that a page, a message or a docstring names is there, with its options."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from revealed.cli.app import app
from revealed.foundation.paths import project_root

ROOT = project_root(Path(__file__).parent)
READ = (
    "*.md", "book/**/*.md", "data/**/*.md", "benchmarks/*.md", "notebooks/**/*.ipynb",
    "recipes/*.ipynb", "src/**/*.py", "study.yaml",
)  # fmt: skip
COMMANDS = get_command(app)
_LINE = re.compile(r"^(revealed [a-z].*?)(?: #.*)?$", re.MULTILINE)
_WORDS = re.compile(r"`(revealed\s[^`]*)`")
_JOIN = re.compile(r'"\s*\n\s*f?"')


def named() -> Iterator[tuple[str, str]]:
    """File and command, of all that is written about commands."""
    for path in (path for pattern in READ for path in sorted(ROOT.glob(pattern))):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
        text = _JOIN.sub("", text.replace("\\\n", " "))
        for found in (*_LINE.findall(text), *_WORDS.findall(text)):
            yield path.relative_to(ROOT).as_posix(), " ".join(found.split())


def fault(command: str) -> str:
    """What of a command is not there; nothing where all of it is."""
    words = shlex.split(re.split(r" [>|] ", command)[0])[1:]
    at = COMMANDS
    while words and words[0] in getattr(at, "commands", {}):
        at = at.commands[words.pop(0)]  # type: ignore[attr-defined]
    if words and not words[0].startswith("-") and hasattr(at, "commands"):
        return f"no command {words[0]!r}"
    if at.context_settings.get("ignore_unknown_options"):
        return ""  # they are Snakemake's
    known = {"--help", "-h"}.union(*(p.opts + p.secondary_opts for p in at.params))
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"no option {unknown[0]}" if unknown else ""


def test_what_is_written_about_commands_holds() -> None:
    found = list(named())
    assert len(found) > 150
    wrong = [f"{file}: {command}: {why}" for file, command in found if (why := fault(command))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("revealed fetch --list", "no option --list"),
        ("revealed ledger mend --run a", "no command 'mend'"),
        ("revealed steer", "no command 'steer'"),
        ("revealed plan --respondent a/b --batch > plan.txt", ""),
        ("revealed book --profile workflow/profiles/slurm", ""),
        ("revealed --help", ""),
    ],
)
def test_a_command_that_is_not_there_is_seen(command: str, why: str) -> None:
    assert fault(command) == why
