"""Insertions into files that people edit: comments, order and spacing stay as they are.

Everything is put at the head of its list. Whoever keeps the study adds at the end, so that a merge
of both meets no line that both have changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from revealed.foundation.errors import ConfigError

OWN_PART = "Own chapters"
"""The part of the table of contents that a fork's chapters stand in."""


def study_entry(text: str, part: str, entry: str, path: Path) -> str:
    """`text` of a study file with `entry` (YAML, indented by two) first under the key `part`."""
    fresh = yaml.safe_load(f"{part}:\n{entry}")[part]

    def grown(content: dict[str, Any]) -> None:
        old = content.get(part) or type(fresh)()
        content[part] = {**fresh, **old} if isinstance(fresh, dict) else fresh + old

    return _checked(text, _after(text, rf"^{part}:[ \t]*(?:#.*)?\n", entry, path), grown, path)


def arm_entry(text: str, entry: str, path: Path) -> str:
    """`text` of ``arms.yaml`` with another arm behind the first, which it is like."""
    names = list(re.finditer(r"^\w+:[ \t]*(?:#.*)?\n", text, re.M))
    if not names:
        raise _lost("an arm", path)
    at = names[1].start() if len(names) > 1 else len(text)
    return _checked(
        text, f"{text[:at]}{entry}\n{text[at:]}",
        lambda content: content.update(yaml.safe_load(entry)), path,
    )  # fmt: skip


def contents_entry(text: str, chapter: str, path: Path) -> str:
    """`text` of ``_toc.yml`` with a chapter last in the part of own chapters, made if missing."""
    line = f"      - file: {chapter}\n"
    own = re.search(
        rf"^  - caption: {OWN_PART}\n    chapters:\n(?:      - file: .*\n)*", text, re.M
    )
    if own:
        changed = text[: own.end()] + line + text[own.end() :]
    else:
        entry = f"  - caption: {OWN_PART}\n    chapters:\n{line}"
        changed = _after(text, r"^parts:[ \t]*\n", entry, path)

    def grown(content: dict[str, Any]) -> None:
        if own:
            part = next(p for p in content["parts"] if p["caption"] == OWN_PART)
            part["chapters"].append({"file": chapter})
        else:
            content["parts"].insert(0, {"caption": OWN_PART, "chapters": [{"file": chapter}]})

    return _checked(text, changed, grown, path)


def sheet_line(text: str, line: str) -> str:
    """`text` of a CSV file with another line at its end, with the line ends that it has."""
    end = "\r\n" if "\r\n" in text else "\n"
    return text + ("" if text.endswith("\n") else end) + line + end


def table_row(text: str, row: str, path: Path) -> str:
    """`text` of a Markdown page with another row first in its first table."""
    return _after(text, r"^\|(?:-+\|)+\n", f"{row}\n", path)


def module(text: str, name: str, path: Path) -> str:
    """`text` of a package that lists its modules in ``MODULES``, with another one."""
    block = re.search(r"^from \. import \(\n((?:    \w+,\n)+)\)\n", text, re.M)
    if not block:
        raise _lost("`from . import (...)`", path)
    # In the order of the alphabet, as the linter wants imports.
    lines = sorted([*block.group(1).splitlines(), f"    {name},"])
    text = text[: block.start(1)] + "\n".join(lines) + "\n" + text[block.end(1) :]
    return _after(text, r"^MODULES\b.*\(\n", f"    {name},\n", path)


def declaration(text: str, parameter: str, respondents: str, path: Path) -> str:
    """`text` of the catalogue with another parameter and further simulated respondents."""
    if parameter:
        found = re.search(r"^class Declared:\n.*?(?=^    # )", text, re.M | re.S)
        if not found:
            raise _lost("`class Declared` with groups of parameters", path)
        text = text[: found.end()] + parameter + text[found.end() :]
    return _after(text, r"^_ALL = \(\n", respondents, path)


def _after(text: str, pattern: str, addition: str, path: Path) -> str:
    found = re.search(pattern, text, re.M)
    if not found:
        raise _lost(f"a line like /{pattern}/", path)
    return text[: found.end()] + addition + text[found.end() :]


def _lost(what: str, path: Path) -> ConfigError:
    return ConfigError(
        f"the place to add to was not found ({what}).", where=path,
        todo="Bring the file back into the form in which it was shipped, or add by hand.",
    )  # fmt: skip


def _checked(old: str, new: str, grown: Callable[[dict[str, Any]], None], path: Path) -> str:
    """`new`, provided that it reads as `old` with what `grown` adds to it."""
    try:
        wanted, read = yaml.safe_load(old), yaml.safe_load(new)
        grown(wanted)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise ConfigError("is not in a form that can be added to.", where=path) from error
    if read != wanted:
        raise ConfigError(
            "adding here would change something else.", where=path, todo="Add by hand."
        )
    return new
