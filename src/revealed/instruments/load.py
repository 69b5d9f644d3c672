"""Instruments by name: what `load_instrument` returns and where each one lies on disk."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from ..foundation.errors import ConfigError, DataError
from ..foundation.paths import project_root
from . import grammar, languages
from .datasheet import Datasheet
from .goods import exchange_items, load_category, load_measures, reference_goods
from .instrument import Instrument, item_table
from .options import Option, check_options, item_id
from .reading import Sheet, parse_yaml, read_text, validate

ORIGINAL = "cais/options_hierarchical"
"""The original study's outcome set, read from the fetch cache as its authors published it."""


def instruments_folder(root: Path | None = None) -> Path:
    """``data/instruments`` of the checkout at `root` (default: the one we are in)."""
    return (root if root is not None else project_root()) / "data" / "instruments"


def list_instruments(root: Path | None = None) -> list[str]:
    """Names of the instruments that can be loaded here, our own first.

    The original's outcome set is named only if it is in the fetch cache.
    """
    folder = instruments_folder(root)
    names = ["calibration", "outcomes"]
    for path in sorted((folder / "goods").glob("*.csv")):
        category = load_category(path)
        names += [f"{category.name}.{measure}" for measure in category.header.measures]
    names += _experiments()
    if _cached(ORIGINAL).is_file():
        names.append(ORIGINAL)
    return names


def load_instrument(name: str, root: Path | None = None) -> Instrument:
    """Read, phrase and validate one instrument.

    Parameters
    ----------
    name
        ``calibration``, ``outcomes``, ``<category>.<measure>``, an experiment's own, or
        ``cais/options_hierarchical``.
    root
        The checkout (default: the one we are in).

    Raises
    ------
    ConfigError
        If there is no such instrument, or a file of it is wrong (with file and line).
    DataError
        If the original's outcome set is not in the fetch cache.
    """
    folder = instruments_folder(root)
    if name == "calibration":
        return _calibration(folder / "calibration.csv")
    if name == "outcomes":
        return _outcomes(folder / "outcomes")
    if name == ORIGINAL:
        sheet = _datasheet(folder / "original_outcomes.yaml")
        return load_options(_cached(name), name, sheet)
    if name in (builders := _experiments()):
        return builders[name](name, folder)
    category, dot, measure = name.partition(".")
    path = folder / "goods" / f"{category}.csv"
    if not dot or not re.fullmatch(r"\w+", category) or not path.is_file():
        raise ConfigError(
            f"there is no instrument {name!r}.",
            where=folder,
            todo=f"There are {', '.join(list_instruments(root))}.",
        )
    return _exchange(path, measure, folder / "measures.yaml")


def load_options(path: Path, name: str, datasheet: Datasheet) -> Instrument:
    """Read an outcome file of the original study's format, unchanged.

    Parameters
    ----------
    path
        JSON: a mapping from category to a list of option texts, or one list of texts.
    name
        The instrument's name.
    datasheet
        What is known of the file.

    Raises
    ------
    DataError
        If the file is not there (with what to do).
    ConfigError
        If it is not of this format or an option is not fit to be one, with the line.
    """
    if not path.is_file():
        raise DataError(
            "the file is not in the fetch cache.",
            where=path,
            todo=f"Run `revealed fetch {name}.json`.",
        )
    text = read_text(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"is not JSON ({error.msg}).", where=f"{path}, line {error.lineno}"
        ) from error
    if isinstance(content, list):
        content = {"": content}
    if not isinstance(content, dict):
        raise ConfigError("must hold categories with lists of options.", where=path)
    lines = _lines_of_strings(text)
    rows, options = [], []
    for category, texts in content.items():
        if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
            raise ConfigError(f"category {category!r} must be a list of texts.", where=path)
        for option in texts:
            numbers = lines.get(option, [0])
            line = numbers.pop(0) if len(numbers) > 1 else numbers[0]
            options.append(Option(option, line))
            rows.append(
                {"item": item_id(option), "text": option, "category": category, "kind": "outcome"}
            )
    check_options(options, path)
    items = item_table(rows, path)
    return Instrument(name, datasheet.title, items, None, datasheet, tuple(items.index))


class _OutcomesHeader(Datasheet):
    """``outcomes/datasheet.yaml``: the datasheet, and how the gauge subset is named."""

    reference_per_category: Annotated[int, Field(ge=1)]


def _outcomes(folder: Path) -> Instrument:
    path = folder / "datasheet.yaml"
    header = validate(_OutcomesHeader, parse_yaml(read_text(path), path), path)
    rows: list[dict[str, Any]] = []
    reference: list[str] = []
    origin: dict[str, str] = {}
    for file in sorted(folder.glob("*.csv")):
        sheet = Sheet(file)
        title = sheet.header.get("title")
        if not isinstance(title, str) or set(sheet.header) != {"title"}:
            raise ConfigError("the header must hold `title` and nothing else.", where=file)
        if sheet.columns != ["text"]:
            raise ConfigError("the one column must be `text`.", where=file)
        options = [Option(row["text"], line) for line, row in sheet.rows()]
        check_options(options, file)
        if not options:
            raise ConfigError("holds no options.", where=file)
        for option in options:
            where = f"{file}, line {option.line}"
            if faults := grammar.faults(option.text):
                raise ConfigError(f"{option.text!r} has {faults[0]}.", where=where)
            name = item_id(option.text)
            if name in origin:
                raise ConfigError(f"repeats the option of {origin[name]}.", where=where)
            origin[name] = where
            rows.append({"item": name, "text": option.text, "category": title, "kind": "outcome"})
        reference += [item_id(option.text) for option in options[: header.reference_per_category]]
    if not rows:
        raise ConfigError("holds no category files.", where=folder)
    return Instrument(
        "outcomes", header.title, item_table(rows, folder), None, _plain(header), tuple(reference)
    )


def _calibration(path: Path) -> Instrument:
    sheet = Sheet(path)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    if sheet.columns != ["better", "worse"]:
        raise ConfigError("the columns must be `better` and `worse`.", where=path)
    lines = list(sheet.rows())
    check_options((Option(row[side], n) for n, row in lines for side in sheet.columns), path)
    rows, pairs = [], []
    for line, row in lines:
        for side in sheet.columns:
            text = row[side]
            if faults := grammar.faults(text):
                raise ConfigError(f"{text!r} has {faults[0]}.", where=f"{path}, line {line}")
            rows.append(
                {
                    "item": item_id(text),
                    "text": text,
                    "category": "calibration",
                    "kind": "calibration",
                }
            )
        pairs.append({side: item_id(row[side]) for side in ("better", "worse")})
    items = item_table(rows, path)
    return Instrument(
        "calibration",
        header.title,
        items,
        pd.DataFrame(pairs, columns=["better", "worse"]),
        header,
        tuple(items.index),
    )


def _exchange(path: Path, measure: str, measures_path: Path) -> Instrument:
    category = load_category(path)
    measures = load_measures(measures_path)
    items = item_table(exchange_items(category, measure, measures), path)
    what = measures.measures[measure]
    sheet = Datasheet(
        title=f"{category.header.title}: {what.title[:1].lower()}{what.title[1:]}",
        purpose=f"{category.header.purpose} {what.purpose}",
        construction=category.header.construction,
        limits=[*category.header.limits, *what.limits],
    )
    folder = measures_path.parent
    return Instrument(
        f"{category.name}.{measure}", sheet.title, items, None, sheet, reference_goods(category),
        lambda language, wanted: languages.translate(language, wanted, folder),
    )  # fmt: skip


def _experiments() -> dict[str, Callable[[str, Path], Instrument]]:
    """The builder of every instrument of an experiment, by the instrument's name."""
    from .experiments import MODULES  # its modules read files with the functions of this one

    return {name: module.build for module in MODULES for name in module.NAMES}


def _datasheet(path: Path) -> Datasheet:
    return validate(Datasheet, parse_yaml(read_text(path), path), path)


def _plain(header: Datasheet) -> Datasheet:
    return Datasheet(**{name: getattr(header, name) for name in Datasheet.model_fields})


def _cached(name: str) -> Path:
    return cached_file(f"{name}.json")


def cached_file(name: str) -> Path:
    """Where the fetch cache holds a public file; respondents.public puts it there."""
    if named := os.environ.get("REVEALED_CACHE"):
        folder = Path(named)
    else:
        import pooch

        folder = Path(pooch.os_cache("revealed"))
    return folder / name


def _lines_of_strings(text: str) -> dict[str, list[int]]:
    """The lines on which each JSON string of a file stands."""
    found: dict[str, list[int]] = {}
    for line, content in enumerate(text.splitlines(), start=1):
        for quoted in re.findall(r'"(?:[^"\\]|\\.)*"', content):
            try:
                found.setdefault(json.loads(quoted), []).append(line)
            except json.JSONDecodeError:
                continue
    return found
