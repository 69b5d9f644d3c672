"""Open questions with five listed answers each: utilities within a question, and free answers.

From ``maximisation/questions.csv``. Items of the instrument ``maximisation`` are the answers as
sentences; they carry ``source`` (the question's id in the set ``open_questions``), ``asked`` (its
text) and ``answer`` (the short answer). Pairs stay within a question.
"""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from ...foundation.errors import ConfigError
from .. import grammar
from ..datasheet import Datasheet
from ..forms import block
from ..instrument import Instrument, item_table
from ..options import Option, check_options, item_id
from ..questions import QuestionSet, question_id, question_table
from ..reading import Sheet, validate

NAMES = ("maximisation",)
QUESTION_SETS = ("open_questions",)

ANSWERS = 5
"""Listed answers of a question."""
FORM = "open_answer"
LONGEST_GIVEN = 600
"""Characters of a free answer that a matcher is shown."""

_COLUMNS = ["topic", "asked", "stem", *(f"answer_{n}" for n in range(1, ANSWERS + 1))]
_SMALL = frozenset(
    {"a", "an", "and", "all", "at", "by", "every", "for", "from", "her", "his", "in", "into", "is",
     "it", "its", "my", "no", "not", "of", "on", "or", "that", "the", "their", "to", "under",
     "with", "without", "your"}
)  # fmt: skip


def words(text: str) -> frozenset[str]:
    """Content words of a text, in lower case: what tells the answers of a question apart."""
    return frozenset(re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))) - _SMALL


def given(text: str) -> str:
    """A free answer as a matcher is shown it."""
    return block(text)[:LONGEST_GIVEN].strip()


def build(name: str, folder: Path) -> Instrument:
    """The instrument ``maximisation``, with all ten pairs of every question.

    Raises
    ------
    ConfigError
        If the file is wrong, with the line.
    """
    path = folder / "maximisation" / "questions.csv"
    header, lines = _read(path)
    rows: list[dict[str, Any]] = []
    options: list[Option] = []
    for line, row in lines:
        source = question_id(FORM, {"asked": row["asked"]})
        for number in range(1, ANSWERS + 1):
            answer = row[f"answer_{number}"]
            text = f"{row['stem']} {answer}."
            if faults := grammar.faults(text):
                raise ConfigError(f"{text!r} has {faults[0]}.", where=f"{path}, line {line}")
            options.append(Option(text, line))
            rows.append(
                {
                    "item": item_id(text), "text": text, "category": row["topic"],
                    "kind": "answer", "source": source, "asked": row["asked"], "answer": answer,
                }
            )  # fmt: skip
    check_options(options, path)
    items = item_table(rows, path)
    pairs = [
        (one, two, source)
        for source, group in items.groupby("source", sort=False)
        for one, two in combinations(group.index, 2)
    ]
    table = pd.DataFrame(pairs, columns=["first", "second", "source"])
    return Instrument(name, header.title, items, table, header, tuple(items.index))


def build_questions(name: str, folder: Path) -> QuestionSet:
    """The set ``open_questions``: the same questions, with no answers offered."""
    path = folder / "maximisation" / "questions.csv"
    header, lines = _read(path)
    rows = [{"form": FORM, "asked": row["asked"], "topic": row["topic"]} for _, row in lines]
    table = question_table(rows, path, folder.parents[1])
    return QuestionSet(name, header.title, table, header)


def _read(path: Path) -> tuple[Datasheet, list[tuple[int, dict[str, str]]]]:
    sheet = Sheet(path)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    if sheet.columns != _COLUMNS:
        raise ConfigError(f"the columns must be {', '.join(_COLUMNS)}.", where=path)
    lines = list(sheet.rows())
    for line, row in lines:
        where = f"{path}, line {line}"
        if empty := [column for column in _COLUMNS if not row[column]]:
            raise ConfigError(f"{empty[0]} is empty.", where=where)
        if not row["asked"].endswith("?"):
            raise ConfigError("asked: must end with a question mark.", where=where)
        answers = [row[f"answer_{n}"] for n in range(1, ANSWERS + 1)]
        for one, two in combinations(answers, 2):
            if shared := words(one) & words(two):
                raise ConfigError(
                    f"{one!r} and {two!r} share the word {min(shared)!r}, so a free answer could "
                    "not be told to mean one of them.",
                    where=where,
                )
        if not all(words(answer) for answer in answers):
            raise ConfigError("an answer holds no content word.", where=where)
    return header, lines
