"""Read files that people write: UTF-8 text, YAML, and CSV with a YAML header in its comments.

Everything refused is refused with file and line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ..foundation.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)

# The C loader is ten times faster; PyYAML built without libyaml has only the other one.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file; a byte order mark at its start is dropped.

    Raises
    ------
    ConfigError
        If the file is missing or not UTF-8, with the line of the first wrong byte.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror}).", where=path) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"is not UTF-8 (byte 0x{raw[error.start]:02x}).",
            where=f"{path}, line {line}",
            todo="Save the file with the encoding UTF-8.",
        ) from error


def parse_yaml(text: str, path: Path) -> dict[str, Any]:
    """The mapping that a YAML text holds; `path` is named where something is wrong."""
    try:
        content = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        problem = getattr(error, "problem", None) or "not valid"
        raise ConfigError(f"is not YAML ({problem}).", where=where) from error
    if not isinstance(content, dict):
        raise ConfigError("must hold names with values (`name: value`).", where=path)
    return content


def validate(model: type[Model], content: Any, where: str | Path) -> Model:
    """`content` as a `model`, or a `ConfigError` that names the field."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{field}: {message}." if field else message, where=where) from error


class Sheet:
    """A CSV file: its YAML header, its column names, and its rows with their line numbers."""

    def __init__(self, path: Path):
        self.path = path
        lines = read_text(path).splitlines()
        skipped = 0
        while skipped < len(lines) and lines[skipped].startswith("#"):
            skipped += 1
        header = "\n".join(line[1:].removeprefix(" ") for line in lines[:skipped])
        self.header = parse_yaml(header, path) if header.strip() else {}
        self._lines, self._skipped = lines[skipped:], skipped
        reader = csv.reader(self._lines, strict=True)
        self.columns = [name.strip() for name in next(reader, [])]
        if not self.columns or not all(self.columns):
            raise ConfigError(
                "the line of column names is missing or has an empty name.",
                where=f"{path}, line {skipped + 1}",
            )

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Line number and cells of each row; cells left out at a row's end are empty."""
        reader = csv.reader(self._lines, strict=True)
        next(reader)
        while True:
            # A row may only start on a fresh line, so its number is known even if it is broken.
            line = self._skipped + reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise ConfigError(
                    f"is not CSV ({error}).", where=f"{self.path}, line {line}"
                ) from error
            if not any(cell.strip() for cell in cells):
                if cells:
                    raise ConfigError("the row is empty.", where=f"{self.path}, line {line}")
                continue
            if self._skipped + reader.line_num > line:
                raise ConfigError(
                    "a cell holds a line break.",
                    where=f"{self.path}, line {line}",
                    todo="Put the whole row on one line, and close every double quote on it.",
                )
            if len(cells) > len(self.columns):
                raise ConfigError(
                    f"has {len(cells)} cells for {len(self.columns)} column(s).",
                    where=f"{self.path}, line {line}",
                    todo='Put text that contains a comma between double quotes ("…").',
                )
            cells += [""] * (len(self.columns) - len(cells))
            yield line, {k: v.strip() for k, v in zip(self.columns, cells, strict=True)}
