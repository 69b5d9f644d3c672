"""Answers on behalf of politicians and parties, as choices of each of them."""

from __future__ import annotations

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import CHOICES, check

_COUNTS = {"neutral": "n_neutral", "refused": "n_refused", "unparsed": "n_unparsed",
           "failed": "n_failed"}  # fmt: skip


def choices(answers: pd.DataFrame, questions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """One table of choices for each entity, in the order of the questions.

    Parameters
    ----------
    answers
        One simulator's answers to the question set ``entities`` (schema ANSWERS).
    questions
        The set's questions: index question, columns entity, first, second.

    Returns
    -------
    By entity a table of schema CHOICES. Its respondent is the entity, its arm names the simulator:
    what is counted is what the simulator believes of the entity.

    Raises
    ------
    DataError
        If an answer is to no question of the set, or there are answers of several simulators.
    """
    if len(simulators := answers["respondent"].unique()) != 1:
        raise DataError(f"answers of one simulator were expected, found {len(simulators)}.")
    facts = questions[["entity", "first", "second"]]
    rows = answers.join(facts, on="question")
    if rows["entity"].isna().any():
        lost = rows.loc[rows["entity"].isna(), "question"].iloc[0]
        raise DataError(f"the answer to {lost!r} belongs to no question about an entity.")
    answered = rows["kind"] == "answered"
    rows = rows.assign(
        n_first=(answered & (rows["value"] == 0)).astype(float),
        n_second=(answered & (rows["value"] == 1)).astype(float),
        **{column: (rows["kind"] == kind).astype(float) for kind, column in _COUNTS.items()},
    )
    counts = ["n_first", "n_second", *_COUNTS.values()]
    keys = ["entity", "first", "second", "provenance"]
    summed = rows.groupby(keys, sort=False, observed=True)[counts].sum().reset_index()
    summed = summed.assign(
        instrument=str(answers["instrument"].iloc[0]), arm=f"as answered by {simulators[0]}",
        role="train",
    ).rename(columns={"entity": "respondent"})  # fmt: skip
    return {
        str(name): check(part, CHOICES, f"entity {name}")
        for name, part in summed.groupby("respondent", sort=False)
    }
