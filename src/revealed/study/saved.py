"""Requests that cost nothing: asked already, or in two places of a study.

An answer is kept under its model, messages, parameters and number, and under nothing else: a
question that two instruments, chapters or runs of a study share is paid once. Only pairs and
questions that are known before any answer are counted here; what rounds choose comes on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from revealed.instruments import load_arm, load_instrument, load_questions
from revealed.respondents.door import Door
from revealed.respondents.elicit import cells_of
from revealed.respondents.request import Request, simulated_seed

from .config import Cell, Study
from .derived import DERIVED
from .plan import asked_questions, reads_logprobs, sampled_items, start_pairs

if TYPE_CHECKING:
    from revealed.respondents import Ledger, RespondentSpec

_COLUMNS = ["respondent", "instrument", "arm", "known", "asked", "shared"]


def saved(
    study: Study,
    respondents: Sequence[RespondentSpec],
    instruments: Sequence[str] | None = None,
    ledger: Ledger | None = None,
) -> pd.DataFrame:
    """What a study does not have to pay, cell by cell, in the order in which it is asked.

    Parameters
    ----------
    ledger
        Where earlier answers are; without one, nothing is asked already.

    Returns
    -------
    Columns respondent, instrument, arm, known (requests known before any answer), asked (of them,
    answered already), shared (of the rest, asked by an earlier cell of this plan as well).
    """
    rows = []
    seen: set[str] = set()
    for cell in study.cells(respondents, instruments):
        keys = dict.fromkeys(request.key for request in _requests(study, cell))
        held = set()
        if ledger is not None:
            found = ledger.get(keys)
            held = {key for key, answer in found.items() if answer.status != "failed"}
        fresh = keys.keys() - held
        shared = fresh & seen
        seen |= fresh
        rows.append(
            (cell.respondent.name, cell.instrument, cell.arm, len(keys), len(held), len(shared))
        )
    return pd.DataFrame(rows, columns=_COLUMNS)


def _requests(study: Study, cell: Cell) -> Iterator[Request]:
    """The requests of a cell that do not depend on answers."""
    door = Door(cell.respondent)
    if cell.asks_questions:
        if cell.instrument in DERIVED:
            return
        questions = asked_questions(load_questions(cell.instrument, study.root), cell, study.seed)
        prompts = questions.prompts(study.root).values()
        if any(prompt.from_probabilities for prompt in prompts):
            return  # how they are asked is settled by a first call
        first = cell.respondent.first_sample
        for prompt in prompts:
            question = door.question(prompt.messages, prompt.max_tokens)
            for sample in range(first, first + cell.design.samples):
                seed = simulated_seed(cell.respondent.seed, sample) if door.simulated else None
                yield Request(question, sample, seed)
        return
    instrument = load_instrument(cell.instrument, study.root)
    arm = load_arm(cell.arm, study.root)
    items = sampled_items(instrument, cell.design.items, study.seed)
    pairs = start_pairs(cell, instrument, items, study.seed)
    for order in cells_of(door, instrument, arm, pairs, logprob=reads_logprobs(door, arm)):
        yield from order.requests
