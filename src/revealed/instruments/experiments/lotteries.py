"""Lotteries over outcomes, with stated chances and without.

``lotteries`` is made of ``lotteries/outcomes.csv`` (sure outcomes) and ``lotteries/lotteries.csv``
(sets of two or three of them with chances); ``implicit_lotteries`` of ``lotteries/implicit.csv``
(events and their possible ends). Items that are made of others carry ``parts`` (item ids),
``texts`` (of the parts) and, where they are stated, ``chances`` (summing to 1); ``set`` names the
outcomes of outcomes of a lottery, or the event.
The question set ``lottery_chances`` asks how likely each end of an event is (facts ``event`` and
``item``, the end's id).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...foundation.errors import ConfigError
from .. import grammar
from ..datasheet import Datasheet
from ..instrument import Instrument, item_table
from ..options import Option, check_options
from ..questions import QuestionSet, question_table
from ..reading import Sheet, validate

NAMES = ("lotteries", "implicit_lotteries")
QUESTION_SETS: tuple[str, ...] = ("lottery_chances",)

_OUTCOMES = ["outcome", "category", "clause"]
_LOTTERIES = ["outcome_1", "chance_1", "outcome_2", "chance_2", "outcome_3", "chance_3"]
_EVENTS = ["event", "category", "situation", "end_1", "end_2", "end_3"]


def build(name: str, folder: Path) -> Instrument:
    """The instrument ``lotteries`` or ``implicit_lotteries``.

    Raises
    ------
    ConfigError
        If a file is wrong, with the line.
    """
    if name == "lotteries":
        return _explicit(folder / "lotteries")
    return _implicit(folder / "lotteries" / "implicit.csv")


def build_questions(name: str, folder: Path) -> QuestionSet:
    """The question set ``lottery_chances``: one question an end of an implicit lottery.

    Raises
    ------
    ConfigError
        If the events' file is wrong, with the line.
    """
    instrument = _implicit(folder / "lotteries" / "implicit.csv")
    items = instrument.items
    rows = [
        {
            "question": f"chance-{end}", "form": "chance", "situation": row["text"],
            "end": items.at[end, "text"], "event": event, "item": end,
        }
        for event, row in items[items["kind"] == "event"].iterrows()
        for end in row["parts"]
    ]  # fmt: skip
    header = instrument.datasheet.model_copy(
        update={
            "title": "Own chances of the ends of uncertain events",
            "purpose": "Asks how likely a respondent holds each end of the implicit lotteries, so "
            "that the ends can be weighed by its own chances.",
        }
    )
    table = question_table(rows, folder / "lotteries" / "implicit.csv", folder.parents[1])
    return QuestionSet(name, header.title, table, header)


def sentence(clause: str) -> str:
    """A clause as a sentence of its own: a capital and a full stop."""
    return f"{clause[:1].upper()}{clause[1:]}."


def chance(percent: int) -> str:
    """A chance as a sentence names it: ``an 80% chance``."""
    return f"{grammar.article(str(percent))} {percent}% chance"


def checked_sheet(path: Path, columns: list[str]) -> Sheet:
    """A CSV file that has exactly these columns.

    Raises
    ------
    ConfigError
        If it has others.
    """
    sheet = Sheet(path)
    if sheet.columns != columns:
        raise ConfigError(f"the columns must be {', '.join(columns)}.", where=path)
    return sheet


def check_sentences(options: list[Option], path: Path) -> None:
    """Refuse option texts that are not fit to be shown, with the line they come from.

    Raises
    ------
    ConfigError
        If a text is over-long, stands twice, or is not good English.
    """
    check_options(options, path)
    for option in options:
        if faults := grammar.faults(option.text):
            raise ConfigError(
                f"{option.text!r} has {faults[0]}.", where=f"{path}, line {option.line}"
            )


def percent(text: str, where: str) -> int:
    """A whole number of per cent above 0 and below 100.

    Raises
    ------
    ConfigError
        If `text` is none.
    """
    if not text.isdigit() or not 0 < int(text) < 100:
        raise ConfigError(
            f"a chance must be a whole number from 1 to 99, found {text!r}.", where=where
        )
    return int(text)


def _explicit(folder: Path) -> Instrument:
    path = folder / "outcomes.csv"
    sheet = checked_sheet(path, _OUTCOMES)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    clauses: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    options = []
    for line, row in sheet.rows():
        name, clause = row["outcome"], row["clause"]
        if not name or name in clauses or not row["category"]:
            raise ConfigError(
                "outcome and category must be named, and no outcome twice.",
                where=f"{path}, line {line}",
            )
        clauses[name] = clause
        options.append(Option(sentence(clause), line))
        rows.append(
            {
                "item": name, "text": sentence(clause), "category": row["category"],
                "kind": "sure", "parts": (), "texts": (), "chances": (), "set": "",
            }
        )  # fmt: skip
    check_sentences(options, path)
    sure = tuple(clauses)
    made = list(_lotteries(folder / "lotteries.csv", clauses))
    check_sentences([option for option, _ in made], folder / "lotteries.csv")
    items = item_table(rows + [row for _, row in made], path)
    return Instrument("lotteries", header.title, items, None, header, sure)


def _lotteries(path: Path, clauses: dict[str, str]) -> Iterator[tuple[Option, dict[str, Any]]]:
    """Each lottery's text with its line, and its row of the item table."""
    for line, row in checked_sheet(path, _LOTTERIES).rows():
        where = f"{path}, line {line}"
        named = [(row[f"outcome_{k}"], row[f"chance_{k}"]) for k in (1, 2, 3)]
        if named[2] == ("", ""):
            named = named[:2]
        parts = tuple(part for part, _ in named)
        if unknown := [part for part in parts if part not in clauses]:
            raise ConfigError(f"there is no outcome {unknown[0]!r}.", where=where)
        if len(set(parts)) < len(parts):
            raise ConfigError("names an outcome twice.", where=where)
        chances = [percent(text, where) for _, text in named]
        if sum(chances) != 100:
            raise ConfigError(f"the chances sum to {sum(chances)}, not to 100.", where=where)
        said = [
            f"{clauses[part]} ({chance(value)})" for part, value in zip(parts, chances, strict=True)
        ]
        text = f"Either {', or '.join(said)}."
        yield (
            Option(text, line),
            {
                "item": "-".join(f"{p}-{c}" for p, c in zip(parts, chances, strict=True)),
                "text": text, "category": "Lotteries", "kind": "lottery", "parts": parts,
                "texts": tuple(sentence(clauses[part]) for part in parts),
                "chances": tuple(value / 100 for value in chances),
                "set": "+".join(sorted(parts)),
            },
        )  # fmt: skip


def _implicit(path: Path) -> Instrument:
    sheet = checked_sheet(path, _EVENTS)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    rows: list[dict[str, Any]] = []
    options = []
    for line, row in sheet.rows():
        event = row["event"]
        if not event or not row["category"]:
            raise ConfigError("the event must be named.", where=f"{path}, line {line}")
        ends = tuple(row[f"end_{k}"] for k in (1, 2, 3))
        ids = tuple(f"{event}-{k}" for k in (1, 2, 3))
        options += [Option(text, line) for text in (row["situation"], *ends)]
        common = {"category": row["category"], "set": event, "chances": ()}
        rows.append(
            {
                "item": event, "text": row["situation"], "kind": "event", "parts": ids,
                "texts": ends, **common,
            }
        )  # fmt: skip
        rows += [
            {"item": name, "text": text, "kind": "end", "parts": (), "texts": (), **common}
            for name, text in zip(ids, ends, strict=True)
        ]
    check_sentences(options, path)
    items = item_table(rows, path)
    reference = tuple(items.index[items["kind"] == "end"])
    return Instrument("implicit_lotteries", header.title, items, None, header, reference)
