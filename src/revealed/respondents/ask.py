"""Ask a respondent the questions of a set, one at a time, and read what it said.

Answers are sampled. A form may have its number read from the probabilities of one token instead
(`Form.from_probabilities`): that is done where the respondent gives them and its tokens hold whole
numbers; elsewhere the number is sampled, at temperature 1.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..foundation.errors import ConfigError, RespondentError
from ..foundation.schemas import ANSWERS, check
from .check import refuse_outage
from .client import blocking, collect
from .door import Door
from .numeric_mass import first_token, numeric_mass_score, splits_digits, write_tokens
from .parse_question import parse_question
from .request import Request, simulated_seed

if TYPE_CHECKING:
    from ..instruments import QuestionPrompt, QuestionSet
    from .batch import Gathering
    from .budget import Budget
    from .ledger import Answer, Ledger
    from .spec import RespondentSpec

log = logging.getLogger(__name__)

PROBES = 5
"""Questions whose tokens are looked at, to see whether a respondent gives whole numbers."""


def ask(
    spec: RespondentSpec,
    question_set: QuestionSet,
    samples: int,
    ledger: Ledger,
    *,
    budget: Budget | None = None,
    progress: bool = True,
    root: Path | None = None,
    gathering: Gathering | None = None,
) -> pd.DataFrame:
    """Answers of one respondent to a question set.

    Parameters
    ----------
    samples
        Answers to each question, in all: asking again with a larger number asks the difference.
        A number that is read from probabilities takes one.
    ledger
        Where answers are kept; what it holds is not asked again.
    budget, progress, gathering
        As in `client.collect`.
    root
        The checkout whose forms are used (default: the one we are in).

    Returns
    -------
    A table of schema `ANSWERS`, a row an answer, in the set's order; empty for an empty set. Where
    a number was read from probabilities, the text holds them (`numeric_mass.write_tokens`).

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
    asked, read_off = requests_of(spec, prompts, samples, ledger, budget=budget)
    requests = [request for own in asked.values() for request in own]
    answers = blocking(
        collect(
            requests, spec, ledger,
            budget=budget, progress=progress, label=f"{spec.name} {question_set.name}",
            gathering=gathering,
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
            **read(next(queue), prompt, read_off=read_off),
            "provenance": spec.provenance,
        }
        for question, prompt in prompts.items()
        for sample in range(len(asked[question]))
    ]
    table = pd.DataFrame(rows, columns=list(ANSWERS.columns))
    return check(table, ANSWERS, f"{spec.name}, {question_set.name}")


def requests_of(
    spec: RespondentSpec,
    prompts: Mapping[str, QuestionPrompt],
    samples: int,
    ledger: Ledger,
    *,
    budget: Budget | None = None,
) -> tuple[dict[str, list[Request]], bool]:
    """The requests of every prompt, and whether numbers are read from probabilities.

    Where a form allows that, a few of the questions are asked to find out.
    """
    door = Door(spec)
    weighted = {name: prompt for name, prompt in prompts.items() if prompt.from_probabilities}
    read_off = bool(weighted) and _gives_numbers(door, weighted, ledger, budget)
    sampling = door
    if weighted and not read_off and spec.temperature == 0:
        # At temperature 0 all samples of a number would be one.
        sampling = Door(spec.model_copy(update={"temperature": 1.0}))
    asked: dict[str, list[Request]] = {}
    for name, prompt in prompts.items():
        if read_off and prompt.from_probabilities:
            asked[name] = [_one_token(door, prompt)]
            continue
        own = sampling if prompt.from_probabilities else door
        question = own.question(prompt.messages, prompt.max_tokens)
        asked[name] = [
            Request(question, sample, simulated_seed(spec.seed, sample) if door.simulated else None)
            for sample in range(spec.first_sample, spec.first_sample + samples)
        ]
    return asked, read_off


def read(answer: Answer, prompt: QuestionPrompt, *, read_off: bool = False) -> dict[str, object]:
    """Kind, value and raw text of an answer, in the columns of `ANSWERS`.

    With `read_off`, a number that the form lets be read from probabilities is their mean; it is
    unparsed where too little of them lies on numbers, and refused where the most probable word
    refuses.
    """
    said = answer.text or ""
    if answer.status != "ok":
        return {"kind": answer.status, "value": None, "text": said}
    if read_off and prompt.from_probabilities and answer.logprobs:
        tokens = first_token(answer.logprobs)
        score = numeric_mass_score(tokens)
        kinds = {"scored": "answered", "refusal": "refused"}
        value = score.value if score.kind == "scored" else None
        kind = kinds.get(score.kind, "unparsed")
        return {"kind": kind, "value": value, "text": write_tokens(tokens)}
    parsed = parse_question(said, prompt)
    return {"kind": parsed.kind, "value": parsed.value, "text": said}


def reads_numbers(door: Door) -> bool:
    """Whether a number is read from probabilities, as far as can be told without a call."""
    spec = door.spec
    if spec.mode == "sample" or door.reasons or spec.temperature not in (0.0, 1.0):
        return False
    return door.takes("logprobs", True) and door.takes("top_logprobs", 20)


def _one_token(door: Door, prompt: QuestionPrompt) -> Request:
    question = door.question(prompt.messages, 1, logprob=True)
    seed = simulated_seed(door.spec.seed, door.spec.first_sample) if door.simulated else None
    return Request(question, door.spec.first_sample, seed)


def _gives_numbers(
    door: Door, prompts: Mapping[str, QuestionPrompt], ledger: Ledger, budget: Budget | None
) -> bool:
    """Whether the respondent gives probabilities of whole numbers, tried on questions of the set.

    Raises
    ------
    RespondentError
        If it does not although its mode is ``logprob``, or does not answer.
    """
    spec = door.spec
    able = reads_numbers(door)
    if able:
        probes = [_one_token(door, prompt) for prompt in list(prompts.values())[:PROBES]]
        answers = blocking(collect(probes, spec, ledger, budget=budget, progress=False))
        refuse_outage(spec, answers)
        tokens = [first_token(answer.logprobs) for answer in answers]
        able = any(tokens) and not splits_digits(tokens)
    if not able and spec.mode == "logprob":
        raise RespondentError(
            f"{spec.model} gives no probabilities of whole numbers.",
            where=f"respondent {spec.name}",
            todo="Set mode: sample (or auto): its numbers are then sampled, and marked so.",
        )
    if not able and spec.mode != "sample":
        log.warning("%s: no probabilities of whole numbers; its numbers are sampled", spec.name)
    return able
