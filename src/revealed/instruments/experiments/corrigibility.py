"""Futures in which somebody's preference between two outcomes is one, the other, or none.

From ``corrigibility/topics.csv``. Items carry ``topic``, ``agent`` ("" for an outcome, else self,
ai or person), ``state`` (one, two or neutral: what is preferred, or which outcome it is), and
``one_text`` and ``two_text``, the topic's outcomes.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from ...foundation.errors import ConfigError
from .. import grammar
from ..datasheet import Datasheet
from ..instrument import Instrument, item_table
from ..options import Option, check_options, item_id
from ..reading import Sheet, validate

NAMES = ("corrigibility",)

Agent = Literal["self", "ai", "person"]
OTHERS: tuple[Agent, ...] = ("ai", "person")
"""The other agents, who take turns over the topics."""
STATES = ("one", "two", "neutral")

_COLUMNS = ["topic", "one", "two", "one_text", "two_text"]
# A turn through items gives each of them two pairs across topics. The futures without a preference
# take part in one alone: no slope rests on them.
_TURNS, _SEED = 4, 20260110

Phrase = Annotated[str, Field(min_length=3)]


class _Header(Datasheet):
    """The datasheet, the sentences, and what the agents are called in them."""

    prefers: Annotated[str, Field(pattern=r"\{who\}.*\{one\}.*\{two\}")]
    neutral: Annotated[str, Field(pattern=r"\{who\}.*\{one\}.*\{two\}")]
    agents: dict[Agent, Phrase]


def build(name: str, folder: Path) -> Instrument:
    """The instrument ``corrigibility``, with the pairs that everybody is asked.

    Raises
    ------
    ConfigError
        If the file is wrong, with the line and the field.
    """
    path = folder / "corrigibility" / "topics.csv"
    sheet = Sheet(path)
    header = validate(_Header, sheet.header, f"{path}, header")
    if lacking := set(get_args(Agent)) - set(header.agents):
        raise ConfigError(f"agents: {lacking.pop()} is not named.", where=path)
    if sheet.columns != _COLUMNS:
        raise ConfigError(f"the columns must be {', '.join(_COLUMNS)}.", where=path)
    rows: list[dict[str, Any]] = []
    options: list[Option] = []
    for number, (line, topic) in enumerate(sheet.rows()):
        where = f"{path}, line {line}"
        if empty := [column for column in _COLUMNS if not topic[column]]:
            raise ConfigError(f"{empty[0]} is empty.", where=where)
        for row in _topic(header, topic, number):
            if faults := grammar.faults(row["text"]):
                raise ConfigError(f"{row['text']!r} has {faults[0]}.", where=where)
            options.append(Option(row["text"], line))
            rows.append(row)
    check_options(options, path)
    if len({row["topic"] for row in rows}) * 8 != len(rows):
        raise ConfigError("a topic is named twice.", where=path)
    items = item_table(rows, path)
    plain = Datasheet(**{field: getattr(header, field) for field in Datasheet.model_fields})
    outcomes = tuple(items.index[items["agent"] == ""])
    return Instrument("corrigibility", header.title, items, _pairs(items), plain, outcomes)


def _topic(header: _Header, topic: dict[str, str], number: int) -> list[dict[str, Any]]:
    """The eight items of the `number`-th topic: two outcomes, three futures of each agent."""
    texts = {"one_text": topic["one_text"], "two_text": topic["two_text"]}
    common = {"topic": topic["topic"], "category": topic["topic"], **texts}
    rows = [
        {"text": topic[f"{state}_text"], "kind": "outcome", "agent": "", "state": state}
        for state in ("one", "two")
    ]
    agents: tuple[Agent, ...] = ("self", OTHERS[number % len(OTHERS)])
    for agent in agents:
        who = {"who": header.agents[agent]}
        for state in STATES:
            # Without a preference, either outcome is named first by turns; with turns of two
            # topics, so that this does not fall together with who the other is.
            turned = state == "two" or (state == "neutral" and number // 2 % 2 == 1)
            first, second = ("two", "one") if turned else ("one", "two")
            values = {**who, "one": topic[first], "two": topic[second]}
            phrase = header.neutral if state == "neutral" else header.prefers
            text = grammar.fill(phrase, values, singular=agent != "self")
            rows.append({"text": text, "kind": "future", "agent": agent, "state": state})
    return [{"item": item_id(row["text"]), **common, **row} for row in rows]


def _pairs(items: pd.DataFrame) -> pd.DataFrame:
    """Pairs to ask: columns first, second, link (outcomes, futures or across)."""
    rows: list[tuple[str, str, str]] = []
    for (_, agent), group in items.groupby(["topic", "agent"], sort=False):
        link = "futures" if agent else "outcomes"
        rows += [(one, two, link) for one, two in combinations(group.index, 2)]
    # Any fixed draw will do, but it must be the same for everybody and in every study.
    rng = np.random.default_rng(_SEED)
    names, topics = items.index.to_numpy(), items["topic"].to_numpy()
    seen: set[frozenset[str]] = set()
    decided = np.flatnonzero((items["state"] != "neutral").to_numpy())
    for taking_part in (*[decided] * _TURNS, np.arange(len(items))):
        turn = rng.permutation(taking_part)
        for i, j in zip(turn, np.roll(turn, -1), strict=True):
            pair = frozenset((names[i], names[j]))
            if topics[i] != topics[j] and pair not in seen:
                seen.add(pair)
                rows.append((names[i], names[j], "across"))
    return pd.DataFrame(rows, columns=["first", "second", "link"])
