"""Ask a respondent the questions of a set, one at a time, and read what it said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..foundation.errors import ConfigError
from ..foundation.schemas import ANSWERS, check
from .client import blocking, collect
from .door import Door
from .parse_question import parse_question
from .request import Request, simulated_seed

if TYPE_CHECKING:
    from ..instruments import QuestionPrompt, QuestionSet
    from .budget import Budget
    from .ledger import Answer, Ledger
    from .spec import RespondentSpec


def ask(
    spec: RespondentSpec,
    question_set: QuestionSet,
    samples: int,
    ledger: Ledger,
    *,
    budget: Budget | None = None,
    progress: bool = True,
    root: Path | None = None,
) -> pd.DataFrame:
    """Answers of one respondent to a question set, always sampled.

    Parameters
    ----------
    samples
        Answers to each question, in all: asking again with a larger number asks the difference.
    ledger
        Where answers are kept; what it holds is not asked again.
    budget, progress
        As in `client.collect`.
    root
        The checkout whose forms are used (default: the one we are in).

    Returns
    -------
    A table of schema `ANSWERS`, a row an answer, in the set's order; empty for an empty set.

    Raises
    ------
    ConfigError
        If a question does not fit its form, or `samples` is not positive.
    RespondentError, BudgetError
        As `client.collect`; everything answered is kept in the ledger. Also if the respondent is
        simulated and none of its replies fits a form.
    """
    if samples < 1:
        raise ConfigError(f"asks for {samples} answers.", where=question_set.name)
    prompts = question_set.prompts(root)
    if spec.provenance == "simulated":
        from .simulated import check_forms

        check_forms(spec.model, set(question_set.questions["form"]), root)
    door = Door(spec)
    requests = []
    for prompt in prompts.values():
        question = door.question(prompt.messages, prompt.max_tokens)
        for sample in range(spec.first_sample, spec.first_sample + samples):
            seed = simulated_seed(spec.seed, sample) if door.simulated else None
            requests.append(Request(question, sample, seed))
    answers = blocking(
        collect(
            requests, spec, ledger,
            budget=budget, progress=progress, label=f"{spec.name} {question_set.name}",
        )
    )  # fmt: skip
    forms = question_set.questions["form"].to_dict()
    queue = iter(answers)
    rows = [
        {
            "respondent": spec.name,
            "instrument": question_set.name,
            "question": question,
            "form": forms[question],
            "sample": sample,
            **read(next(queue), prompt),
            "provenance": spec.provenance,
        }
        for question, prompt in prompts.items()
        for sample in range(samples)
    ]
    table = pd.DataFrame(rows, columns=list(ANSWERS.columns))
    return check(table, ANSWERS, f"{spec.name}, {question_set.name}")


def read(answer: Answer, prompt: QuestionPrompt) -> dict[str, object]:
    """Kind, value and raw text of an answer, in the columns of `ANSWERS`."""
    said = answer.text or ""
    if answer.status != "ok":
        return {"kind": answer.status, "value": None, "text": said}
    parsed = parse_question(said, prompt)
    return {"kind": parsed.kind, "value": parsed.value, "text": said}
