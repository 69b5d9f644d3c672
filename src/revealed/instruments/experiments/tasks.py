"""Short tasks, to be chosen between in words alone and where the choice has a consequence.

From ``tasks/tasks.csv``. Items carry ``task_kind`` and ``check``, the text that a right reply holds
("" where nothing can be checked).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.errors import ConfigError
from .. import grammar
from ..datasheet import Datasheet
from ..instrument import Instrument, item_table
from ..options import Option, check_options, item_id
from ..reading import Sheet, validate

NAMES = ("tasks",)

_COLUMNS = ["kind", "text", "check"]
# Two rounds give every task four pairs, the matching a fifth.
_ROUNDS, _SEED = 2, 20261123


class _Header(Datasheet):
    """The datasheet, and what the kinds of task are called."""

    labels: dict[str, str]


def build(name: str, folder: Path) -> Instrument:
    """The instrument ``tasks``, with the pairs that everybody is asked.

    Raises
    ------
    ConfigError
        If the file is wrong, with the line and the field.
    """
    path = folder / "tasks" / "tasks.csv"
    sheet = Sheet(path)
    header = validate(_Header, sheet.header, f"{path}, header")
    if sheet.columns != _COLUMNS:
        raise ConfigError(f"the columns must be {', '.join(_COLUMNS)}.", where=path)
    rows: list[dict[str, Any]] = []
    options: list[Option] = []
    for line, task in sheet.rows():
        where = f"{path}, line {line}"
        if task["kind"] not in header.labels:
            raise ConfigError(f"labels: the kind {task['kind']!r} has none.", where=where)
        if faults := grammar.faults(task["text"]):
            raise ConfigError(f"{task['text']!r} has {faults[0]}.", where=where)
        options.append(Option(task["text"], line))
        rows.append(
            {
                "item": item_id(task["text"]), "text": task["text"], "kind": "task",
                "category": header.labels[task["kind"]], "task_kind": task["kind"],
                "check": task["check"],
            }
        )  # fmt: skip
    check_options(options, path)
    items = item_table(rows, path)
    plain = Datasheet(**{field: getattr(header, field) for field in Datasheet.model_fields})
    return Instrument(name, header.title, items, _pairs(items), plain, tuple(items.index))


def _pairs(items: pd.DataFrame) -> pd.DataFrame:
    """Pairs to ask: columns first, second."""
    rng = np.random.default_rng(_SEED)
    names, found = items.index.to_numpy(), dict[frozenset[str], tuple[str, str]]()
    for step in range(_ROUNDS + 1):
        while True:
            turn = rng.permutation(names)
            ends = (turn, np.roll(turn, -1)) if step < _ROUNDS else (turn[::2], turn[1::2])
            fresh = {frozenset(pair): pair for pair in zip(*ends, strict=False)}
            if not found.keys() & fresh.keys():
                break
        found |= fresh
    return pd.DataFrame(list(found.values()), columns=["first", "second"])
