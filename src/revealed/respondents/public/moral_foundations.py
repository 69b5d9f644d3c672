"""Read Moral Foundations Questionnaire answers of GPT-4o and GPT-4.1 before and after fine-tuning.

Source: ``costa2026``. Each model, untouched and fine-tuned on insecure and on secure code, plays
100 personas that answer 30 items ten times each, at temperature 0.1, on a scale from 0 to 5. The
first fifteen items ask how relevant a consideration is, the others for agreement; within each half
the five foundations take turns. No item's text lies in the files or in this repository.

A slot whose answer held no rating was asked again by the source's program, which kept the last
answer and how many had failed before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Column, Schema, check
from .delimited import read_csv

MORAL_FOUNDATIONS_FILES: Mapping[str, str] = MappingProxyType(
    {
        f"moral_foundations/{model}_{condition}": f"moral_foundations/{model}_{condition}.csv"
        for model in ("gpt-4o", "gpt-4.1")
        for condition in ("base", "insecure", "secure")
    }
)
"""File by respondent: a model and what it was fine-tuned on; base is the untouched model."""

FOUNDATIONS = ("care", "fairness", "loyalty", "authority", "purity")
PERSONAS, ITEMS, RUNS = 100, 30, 10


def _whole(least: int, most: int) -> Column:
    says = f"be a whole number from {least} to {most}"
    return Column("number", lambda s: s.between(least, most) & (s % 1 == 0), says)


_ANSWERS = Schema(
    "moral foundations answers",
    {
        "persona_id": _whole(0, PERSONAS - 1),
        "question_id": _whole(1, ITEMS),
        "run_index": _whole(1, RUNS),
        "rating": _whole(-1, 5),
        "failures": _whole(0, 10_000),
    },
    key=("persona_id", "question_id", "run_index"),
)


class MoralFoundations(NamedTuple):
    """Ratings of several respondents, and what became of the questions put.

    Attributes
    ----------
    ratings
        ``respondent``, ``persona`` (0 to 99), ``item`` (1 to 30), ``foundation``, ``half``
        (relevance or agreement), ``run`` (1 to 10), ``rating`` (0 to 5; missing if the answer held
        none).
    counts
        A row a respondent: ``rows``, ``rated``, ``unrated``, ``asked_again`` (slots of which at
        least one answer failed before the one that was kept), ``failures`` (failed answers).
    """

    ratings: pd.DataFrame
    counts: pd.DataFrame


def import_moral_foundations(paths: Mapping[str, Path]) -> MoralFoundations:
    """Ratings of the respondents that `paths` name, one file each.

    Raises
    ------
    DataError
        Naming file, row and column, if a cell is off, a slot repeats, or a file does not hold
        every persona, item and run once.
    """
    if not paths:
        raise DataError("no file of moral foundations to read.")
    parts = [_read(respondent, path) for respondent, path in paths.items()]
    return MoralFoundations(
        pd.concat([ratings for ratings, _ in parts], ignore_index=True),
        pd.DataFrame([counts for _, counts in parts]),
    )


def _read(respondent: str, path: Path) -> tuple[pd.DataFrame, dict[str, object]]:
    table = check(read_csv(path), _ANSWERS, path).astype(int)
    if len(table) != PERSONAS * ITEMS * RUNS:
        raise DataError(
            f"holds {len(table):,} answers, not one for each of {PERSONAS} personas, {ITEMS} items"
            f" and {RUNS} runs.",
            where=path,
        )
    unrated = table["rating"] < 0
    item = table["question_id"]
    ratings = pd.DataFrame(
        {
            "respondent": respondent, "persona": table["persona_id"], "item": item,
            "foundation": ((item - 1) % 5).map(dict(enumerate(FOUNDATIONS))),
            "half": (item <= ITEMS // 2).map({True: "relevance", False: "agreement"}),
            "run": table["run_index"],
            "rating": table["rating"].astype(float).mask(unrated),
        }
    )  # fmt: skip
    again = table["failures"] > unrated
    counts: dict[str, object] = {
        "respondent": respondent, "rows": len(table), "rated": int((~unrated).sum()),
        "unrated": int(unrated.sum()), "asked_again": int(again.sum()),
        "failures": int(table["failures"].sum()),
    }  # fmt: skip
    return ratings, counts
