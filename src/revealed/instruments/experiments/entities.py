"""Politicians and parties for whom a respondent answers, and the proposals that everybody shares.

The instrument ``policies_core`` holds four proposals of every area of ``policies``, two of either
side, with the pairs that everybody is asked, so that respondents can be placed on one map. The
question set ``entities`` (from ``politics/entities.csv``) asks half of them on behalf of every
entity: a question carries ``who``, ``entity``, ``kind``, ``country``, and the items ``first`` and
``second``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from ...foundation.errors import ConfigError
from ..datasheet import Datasheet
from ..instrument import Instrument
from ..reading import Sheet, validate
from . import politics

if TYPE_CHECKING:
    from ..questions import QuestionSet

CORE = "policies_core"
NAMES: tuple[str, ...] = (CORE,)
QUESTION_SETS: tuple[str, ...] = ("entities",)
KINDS = ("politician", "party")
COLUMNS = ["name", "who", "kind", "country", "party", "nominate"]

CORE_EACH, ENTITY_EACH = 2, 1
"""Proposals of either side of an area: in the shared instrument, and asked about entities."""
_CORE_TURNS, _ENTITY_TURNS, _SEED = 4, 2, 20260411
"""Cycles through the items that make the pairs: everything is met twice as often."""


class _Header(Datasheet):
    source: Annotated[str, Field(pattern=r"^\w+$")]


def build(name: str, folder: Path) -> Instrument:
    """The instrument ``policies_core``; all of its items are the gauge.

    Raises
    ------
    ConfigError
        If the file of the proposals is wrong, or an area has too few of a side.
    """
    whole = politics.build("policies", folder)
    path = folder / "politics" / "policies.csv"
    items = _chosen(whole.items, CORE_EACH, path)
    sheet = Datasheet(
        title="Political proposals that everybody shares",
        purpose="Places respondents on one map: the same proposals and pairs for everybody.",
        construction="Two proposals of either side from every area, with the stronger claim on "
        "liberty or order first; pairs from fixed cycles that connect all of them.",
        limits=whole.datasheet.limits,
    )
    pairs = _pairs(whole.items.loc[items], _CORE_TURNS)
    return politics.choice(whole, items, CORE, pairs, sheet)


def build_questions(name: str, folder: Path) -> QuestionSet:
    """The question set ``entities``: every entity, the same pairs, both orders.

    Raises
    ------
    ConfigError
        If a file is wrong, with the line where there is one.
    """
    from ..questions import QuestionSet, question_table

    path = folder / "politics" / "entities.csv"
    table, header = _read(path)
    items = politics.build("policies", folder).items
    items = items.loc[_chosen(items, ENTITY_EACH, folder / "politics" / "policies.csv")]
    pairs = _pairs(items, _ENTITY_TURNS)
    texts = items["text"]
    rows = [
        {
            "form": "answer_for", "who": entity["who"], "option_1": texts[one],
            "option_2": texts[two], "entity": entity["name"], "kind": entity["kind"],
            "country": entity["country"], "first": one, "second": two,
        }
        for entity in table.to_dict("records")
        for pair in pairs.to_numpy()
        for one, two in (pair, pair[::-1])
    ]  # fmt: skip
    plain = Datasheet(**{field: getattr(header, field) for field in Datasheet.model_fields})
    return QuestionSet(name, header.title, question_table(rows, path, folder.parents[1]), plain)


def load_entities(folder: Path) -> pd.DataFrame:
    """The entities, a row each, by ``name``: who, kind, country, party, nominate, source.

    ``party`` is "" or the short names of a country and a party with a colon between (``de:SPD``);
    ``nominate`` is missing where it is unknown.

    Raises
    ------
    ConfigError
        If ``politics/entities.csv`` is wrong, with the line.
    """
    table, header = _read(folder / "politics" / "entities.csv")
    return table.assign(source=header.source).set_index("name")


def _read(path: Path) -> tuple[pd.DataFrame, _Header]:
    sheet = Sheet(path)
    header = validate(_Header, sheet.header, f"{path}, header")
    if sheet.columns != COLUMNS:
        raise ConfigError(f"the columns must be {', '.join(COLUMNS)}.", where=path)
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for line, row in sheet.rows():
        where = f"{path}, line {line}"
        for column in ("name", "who", "country"):
            if not row[column]:
                raise ConfigError(f"{column} is empty.", where=where)
        if row["kind"] not in KINDS:
            raise ConfigError(f"kind: {row['kind']!r} is not {' or '.join(KINDS)}.", where=where)
        for column in ("name", "who"):
            if row[column] in seen:
                raise ConfigError(f"{row[column]!r} stands in two lines.", where=where)
            seen.add(row[column])
        if row["party"] and row["party"].count(":") != 1:
            raise ConfigError("party: write a country and a party (`de:SPD`).", where=where)
        rows.append({**row, "nominate": _score(row["nominate"], where)})
    if not rows:
        raise ConfigError("holds no entities.", where=path)
    return pd.DataFrame(rows, columns=COLUMNS), header


def _score(text: str, where: str) -> float:
    """A score of DW-NOMINATE, from -1 to 1; missing where the cell is empty."""
    if not text:
        return float("nan")
    try:
        score = float(text)
    except ValueError:
        score = float("nan")
    if not -1.0 <= score <= 1.0:
        raise ConfigError(f"nominate: {text!r} is no number from -1 to 1.", where=where)
    return score


def _chosen(items: pd.DataFrame, each: int, path: Path) -> list[str]:
    """`each` proposals of either side of every area, in the order of the table.

    By turns those that bear on authority and those that do not, from area to area, so that a small
    choice holds both kinds.
    """
    rng = np.random.default_rng(_SEED)
    late = pd.Series(rng.permutation(len(items)), index=items.index)
    chosen: set[str] = set()
    for number, (area, part) in enumerate(items.groupby("category", sort=False)):
        for lean, side in part.groupby("lean"):
            if len(side) < each:
                raise ConfigError(
                    f"the area {area!r} has {len(side)} proposals of the side {lean}, "
                    f"{each} are needed.",
                    where=path,
                )
            strong = side["authority"] != 0
            # The n-th of its kind; kinds take turns, and areas take turns with which comes first.
            ranked = pd.DataFrame({"strong": strong, "late": late.loc[side.index]})
            ranked["turn"] = ranked.groupby("strong")["late"].rank()
            ranked["kind"] = ranked["strong"] == (number % 2 == 1)
            order = ranked.sort_values(["turn", "kind"], kind="stable").index
            chosen.update(order[:each])
    return [item for item in items.index if item in chosen]


def _pairs(items: pd.DataFrame, turns: int) -> pd.DataFrame:
    """Pairs from `turns` fixed cycles through all items: columns first, second."""
    # Any fixed draw will do, but it must be the same for everybody and in every study.
    rng = np.random.default_rng(_SEED + turns)
    names = items.index.to_numpy()
    seen: set[frozenset[str]] = set()
    rows: list[tuple[str, str]] = []
    for _ in range(turns):
        order = rng.permutation(len(names))
        for i, j in zip(order, np.roll(order, -1), strict=True):
            pair = frozenset((names[i], names[j]))
            if pair not in seen:
                seen.add(pair)
                rows.append((names[i], names[j]))
    return pd.DataFrame(rows, columns=["first", "second"])
