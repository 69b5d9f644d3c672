"""One-line political proposals, as many of the left as of the right in every area.

From ``politics/policies.csv`` (the United States) and ``policies_world.csv`` (Europe, India and
Brazil alike). Items carry ``lean`` (-1: a typical party of the left would support it, +1: one of
the right) and ``authority`` (-1: libertarian, +1: authoritarian, 0: neither); ``category`` is the
area. Each has rewordings that say the same (`Instrument.texts`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ...foundation.errors import ConfigError
from .. import grammar
from ..datasheet import Datasheet
from ..instrument import MOST_REWORDINGS, Instrument, item_table
from ..options import Option, check_options, item_id
from ..reading import Sheet, validate

NAMES = ("policies", "policies_world")

LEANS = {"left": -1, "right": 1}
AUTHORITIES = {"libertarian": -1, "": 0, "authoritarian": 1}
REWORDINGS = range(1, MOST_REWORDINGS + 1)
SHORTEST, LONGEST = 40, 130
"""Characters of a proposal: a respondent should choose between contents, not between lengths."""
LENGTH_GAP = 3.0
"""Characters by which the mean lengths of left and right may differ, in each of the wordings."""

_WORDINGS = ["text", *(f"reworded_{number}" for number in REWORDINGS)]
_COLUMNS = ["area", "lean", "authority", *_WORDINGS]


def build(name: str, folder: Path) -> Instrument:
    """The instrument `name`; all of its items are the gauge.

    Raises
    ------
    ConfigError
        If the file is wrong or out of balance, with the line where there is one.
    """
    path = folder / "politics" / f"{name}.csv"
    sheet = Sheet(path)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    if sheet.columns != _COLUMNS:
        raise ConfigError(f"the columns must be {', '.join(_COLUMNS)}.", where=path)
    rows: list[dict[str, Any]] = []
    options: list[Option] = []
    lines: dict[str, int] = {}
    for line, proposal in sheet.rows():
        rows.append(_item(proposal, f"{path}, line {line}"))
        options += [Option(proposal[wording], line) for wording in _WORDINGS]
        lines.setdefault(proposal["area"], line)
    check_options(options, path)
    table = pd.DataFrame(rows, columns=["item", "lean", "category", *_WORDINGS])
    _check_balance(table, lines, path)
    items = item_table(
        [{k: v for k, v in row.items() if k not in _WORDINGS[1:]} for row in rows], path
    )
    reworded = table.set_index("item")[_WORDINGS[1:]].set_axis(list(REWORDINGS), axis="columns")
    return Instrument(
        name, header.title, items, None, header, tuple(items.index), rewordings=reworded
    )


def _item(proposal: dict[str, str], where: str) -> dict[str, Any]:
    """One proposal as a row of the item table, its rewordings included."""
    if not proposal["area"]:
        raise ConfigError("area is empty.", where=where)
    for column, known in (("lean", LEANS), ("authority", AUTHORITIES)):
        if proposal[column] not in known:
            names = ", ".join(name or "nothing" for name in known)
            raise ConfigError(f"{column}: {proposal[column]!r} is not one of {names}.", where=where)
    for wording in _WORDINGS:
        text = proposal[wording]
        if not text:
            raise ConfigError(f"{wording} is empty.", where=where)
        if faults := grammar.faults(text):
            raise ConfigError(f"{wording}: {text!r} has {faults[0]}.", where=where)
        if not SHORTEST <= len(text) <= LONGEST:
            raise ConfigError(
                f"{wording} has {len(text)} characters; a proposal has {SHORTEST} to {LONGEST}.",
                where=where,
            )
    return {
        "item": item_id(proposal["text"]), "category": proposal["area"], "kind": "policy",
        "lean": LEANS[proposal["lean"]], "authority": AUTHORITIES[proposal["authority"]],
        **{wording: proposal[wording] for wording in _WORDINGS},
    }  # fmt: skip


def _check_balance(table: pd.DataFrame, lines: dict[str, int], path: Path) -> None:
    """Refuse an area, or a wording, that gives one side more than the other."""
    if table.empty:
        raise ConfigError("holds no proposals.", where=path)
    for area, leans in table.groupby("category", sort=False)["lean"]:
        left, right = int((leans == -1).sum()), int((leans == 1).sum())
        if left != right:
            raise ConfigError(
                f"the area {area!r} has {left} proposals of the left and {right} of the right.",
                where=f"{path}, line {lines[str(area)]}",
                todo="Add or take out proposals until both are as many.",
            )
    for wording in _WORDINGS:
        mean = table[wording].str.len().groupby(table["lean"]).mean()
        if abs(mean[-1] - mean[1]) > LENGTH_GAP:
            raise ConfigError(
                f"{wording}: proposals of the left have {mean[-1]:.1f} characters on average, "
                f"those of the right {mean[1]:.1f}; they may differ by {LENGTH_GAP:g}.",
                where=path,
                todo="Shorten the longer ones or lengthen the shorter ones.",
            )


def choice(
    whole: Instrument, items: list[str], name: str, pairs: pd.DataFrame | None, sheet: Datasheet
) -> Instrument:
    """The instrument `name` of some proposals of another, with their rewordings; all are its gauge.

    Parameters
    ----------
    whole, items
        The instrument that `build` makes, and the ids of the proposals that are taken.
    """
    reworded = None if whole.rewordings is None else whole.rewordings.loc[items]
    table = whole.items.loc[items]
    return Instrument(name, sheet.title, table, pairs, sheet, tuple(items), rewordings=reworded)
