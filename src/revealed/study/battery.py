"""What a run holds of the misalignment battery, as the measures take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from revealed.foundation.schemas import ANSWERS
from revealed.instruments.experiments.misalignment import OPEN_SETS, QUESTION_SETS
from revealed.measures.misalignment.battery import CALLS, read_ratings

from .conditions import condition_table

if TYPE_CHECKING:
    from .run import Run

_FACTS = ("topic", "format", "kind_of", "truth", "instruction", "claim", "scale", "asked")
"""Columns of questions that measures need beside the answers."""


class Battery(NamedTuple):
    """Answers by question set, ratings, and the tables of conditions and judges.

    Attributes
    ----------
    answers
        By question set: schema `ANSWERS` with the facts of the questions, and ``condition`` and
        ``seed``; only sets that somebody answered.
    ratings
        As `measures.misalignment.battery.read_ratings` makes them.
    conditions
        A row a training: respondent, condition, base, label, family, seed.
    judges
        A row a judge: judge, family, share.
    """

    answers: dict[str, pd.DataFrame]
    ratings: pd.DataFrame
    conditions: pd.DataFrame
    judges: pd.DataFrame

    @property
    def open(self) -> dict[str, pd.DataFrame]:
        """Answers to open questions that judges rate, by question set."""
        return {name: table for name, table in self.answers.items() if name in OPEN_SETS}


def load_battery(run: Run) -> Battery:
    """Everything of the battery that stands in a run."""
    conditions = _named(run, condition_table(run.conditions()))
    about = conditions.set_index("respondent")
    answers = {}
    for name in QUESTION_SETS:
        parts = [_answers(run, who, name) for who in about.index if run.has_answers(who, name)]
        if parts:
            table = pd.concat(parts, ignore_index=True)
            answers[name] = table.assign(
                condition=table["respondent"].map(about["condition"]),
                seed=table["respondent"].map(about["seed"]).astype(float),
            )
    judges = _judges(run)
    return Battery(answers, _ratings(run, judges), conditions, judges)


def load_open(
    run: Run, respondents: Sequence[str], name: str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Answers of these respondents to one open question set, ratings and judges.

    For respondents that stand in no condition; who was not asked the set is left out. Tables as in
    `Battery`.
    """
    parts = [_answers(run, who, name) for who in respondents if run.has_answers(who, name)]
    empty = pd.DataFrame(columns=[*ANSWERS.columns, "topic", "format"])
    judges = _judges(run)
    answers = pd.concat(parts, ignore_index=True) if parts else empty
    return answers, _ratings(run, judges), judges


def _judges(run: Run) -> pd.DataFrame:
    return pd.DataFrame(
        [(j.respondent, j.family, j.share) for j in run.study.judges],
        columns=["judge", "family", "share"],
    )


def _ratings(run: Run, judges: pd.DataFrame) -> pd.DataFrame:
    rated = [
        run.answers(judge, call)
        for judge in judges["judge"]
        for call in CALLS
        if run.has_answers(judge, call)
    ]
    empty = pd.DataFrame(columns=list(ANSWERS.columns))
    return read_ratings(pd.concat(rated, ignore_index=True) if rated else empty)


def _named(run: Run, conditions: pd.DataFrame) -> pd.DataFrame:
    """Conditions whose respondents are simulated by a name that says so."""
    kinds = [run.provenance(name) == "simulated" for name in conditions["respondent"]]
    whole = pd.Series(kinds, index=conditions.index, dtype=bool).groupby(conditions["condition"])
    marked = whole.transform("all").astype(bool)
    names = conditions["condition"].where(~marked, "simulated/" + conditions["condition"])
    return conditions.assign(condition=names)


def _answers(run: Run, respondent: str, name: str) -> pd.DataFrame:
    answers = run.answers(respondent, name)
    questions = run.questions(respondent, name).rename(columns={"kind": "kind_of"})
    facts = questions[[column for column in _FACTS if column in questions]]
    return answers.merge(facts, left_on="question", right_index=True, how="inner")
