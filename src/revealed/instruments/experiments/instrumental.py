"""Two-step processes: two starts, two ends, and chances that join them.

``instrumental/processes.csv`` makes eight items a process: both ends and both starts alone, and
each start with stated chances in two versions, ``plausible`` (as in the file) and ``swapped`` (the
chances exchanged between the starts). Items carry ``process``; ``place`` (end_a, end_b, start_1,
start_2); ``version`` ("" for items without chances); ``p_a`` (chance of end a: stated, or for a
start alone the plausible one; NaN for ends), ``p_known`` (the plausible one throughout) and
``texts`` (of start, end a and end b).
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from ...foundation.errors import ConfigError
from ..datasheet import Datasheet
from ..instrument import Instrument, item_table
from ..options import Option
from ..reading import validate
from .lotteries import chance, check_sentences, checked_sheet, percent, sentence

NAMES = ("instrumental",)

VERSIONS = ("plausible", "swapped")
_COLUMNS = [
    "process", "start_1", "start_2", "end_a", "end_b", "chance_1", "chance_2", "first",
]  # fmt: skip


def build(name: str, folder: Path) -> Instrument:
    """The instrument ``instrumental`` with the pairs of its listed design.

    Every pair of a process's eight items is asked, and each item against the item of its kind in
    the next process, which puts all of them on one scale.

    Raises
    ------
    ConfigError
        If the file is wrong, with the line.
    """
    path = folder / "instrumental" / "processes.csv"
    sheet = checked_sheet(path, _COLUMNS)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    rows: list[dict[str, Any]] = []
    options: list[Option] = []
    processes: list[list[str]] = []
    for line, row in sheet.rows():
        where = f"{path}, line {line}"
        made = _process(row, where)
        if processes and any(made[0]["process"] == other["process"] for other in rows):
            raise ConfigError(f"names the process {row['process']!r} twice.", where=where)
        options += [Option(item["text"], line) for item in made]
        processes.append([item["item"] for item in made])
        rows += made
    check_sentences(options, path)
    items = item_table(rows, path)
    ends = tuple(items.index[items["kind"] == "process_end"])
    return Instrument(name, header.title, items, _pairs(processes), header, ends)


def _process(row: dict[str, str], where: str) -> list[dict[str, Any]]:
    """The eight items of one process."""
    name = row["process"]
    if not name or row["first"] not in ("a", "b"):
        raise ConfigError("process must be named, and first must be a or b.", where=where)
    chances = {k: percent(row[f"chance_{k}"], where) for k in ("1", "2")}
    if chances["1"] == chances["2"]:
        raise ConfigError("both starts have the same chance.", where=where)
    ends = {k: sentence(row[f"end_{k}"]) for k in ("a", "b")}
    common = {"category": name, "process": name}
    made: list[dict[str, Any]] = [
        {
            "item": f"{name}-end-{k}", "text": text, "kind": "process_end", "place": f"end_{k}",
            "version": "", "p_a": float("nan"), "p_known": float("nan"), "texts": (),
            **common,
        }
        for k, text in ends.items()
    ]  # fmt: skip
    for k, other in (("1", "2"), ("2", "1")):
        start = row[f"start_{k}"]
        texts = (sentence(start), ends["a"], ends["b"])
        known = {"place": f"start_{k}", "p_known": chances[k] / 100, "texts": texts}
        facts = {**known, **common}
        made.append(
            {
                "item": f"{name}-start-{k}", "text": sentence(start), "kind": "process_start",
                "version": "", "p_a": chances[k] / 100, **facts,
            }
        )  # fmt: skip
        for version, p in zip(VERSIONS, (chances[k], chances[other]), strict=True):
            said = {"a": f"{chance(p)} that {row['end_a']}"}
            said["b"] = f"{chance(100 - p)} that {row['end_b']}"
            one, two = (said[end] for end in ("ab" if row["first"] == "a" else "ba"))
            made.append(
                {
                    "item": f"{name}-start-{k}-{version}",
                    "text": sentence(f"{start}, and there is then {one} and {two}"),
                    "kind": "process_chances", "version": version, "p_a": p / 100, **facts,
                }
            )  # fmt: skip
    return made


def _pairs(processes: list[list[str]]) -> pd.DataFrame:
    """All pairs within each process, and the links that join it with the next one."""
    rows = [pair for items in processes for pair in combinations(items, 2)]
    for k, items in enumerate(processes):
        following = processes[(k + 1) % len(processes)]
        # Like is linked with like: a bad end loses against every item of its own process, but not
        # against every other bad end, and so gets a place on the scale.
        rows += [] if following is items else list(zip(items, following, strict=True))
    return pd.DataFrame(rows, columns=["first", "second"])
