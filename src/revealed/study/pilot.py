"""What asking a question set will cost, from a few of its questions that are asked beforehand.

A plan takes answers at their cap and prompts at four characters a token: a bound, several times
what short answers cost. A pilot measures both on a few questions. Nothing is wasted: they are
questions of the set, and asking it all later asks only the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from revealed.foundation.errors import RespondentError
from revealed.instruments import QuestionPrompt, load_form, load_questions, render_question
from revealed.instruments.experiments.misalignment import OPEN_SETS, answer_id, given

from . import rating
from .derived import DERIVED
from .plan import asked_questions, generator, plan

if TYPE_CHECKING:
    from revealed.respondents import Budget, Ledger, RespondentSpec
    from revealed.respondents.ledger import Answer

    from .config import Cell
    from .run import Run

SIZE = 60
"""Answers to each question set that are asked beforehand."""


class _Measured(NamedTuple):
    """Means over the answers of a pilot, and how many they are."""

    prompt: float
    answer: float
    requests: float
    """Requests for each question."""
    n: int


def pilot(
    run: Run,
    specs: Sequence[RespondentSpec],
    *,
    instruments: Sequence[str] | None = None,
    size: int = SIZE,
    max_cost: float | None = None,
) -> pd.DataFrame:
    """The plan of these respondents with measured tokens in place of bounds.

    Question sets are measured on at most `size` answers each; judges on the answers that the pilot
    got from the others among `specs` (name them together). Pairs keep their bounds.

    Returns
    -------
    As `plan.plan`, and ``measured``: answers that tokens and cost rest on, 0 where they are the
    plan's bounds.

    Raises
    ------
    RespondentError
        If somebody's answers come without a count of tokens.
    BudgetError
        When the limit is reached; what was answered is kept.
    """
    from revealed.respondents import Ledger
    from revealed.respondents.client import check_respondent
    from revealed.respondents.door import Door

    planned = plan(run.study, specs, instruments).assign(measured=0)
    cells = run.study.cells(specs, instruments)
    for spec in specs:
        check_respondent(spec)
    texts: dict[str, tuple[str, str]] = {}
    with Ledger(run.paths.ledger) as ledger:
        budget = ledger.budget(max_cost)
        # Judges last: what they are shown is what the others have said.
        order = sorted(range(len(cells)), key=lambda at: cells[at].instrument in rating.FORMS)
        for at in order:
            cell = cells[at]
            prompts = _prompts(run, cell, texts)
            if not prompts:
                continue
            measured = _measure(run, cell, prompts, size, ledger, budget, texts)
            planned = _put(planned, at, cell, measured, Door(cell.respondent).prices)
    return planned


def _prompts(
    run: Run, cell: Cell, texts: Mapping[str, tuple[str, str]]
) -> dict[str, QuestionPrompt]:
    """What can be asked of a cell now; nothing of pairs and of other sets made of answers."""
    if not cell.asks_questions:
        return {}
    if cell.instrument in rating.FORMS:
        form = load_form(rating.FORMS[cell.instrument], run.paths.root)
        return {
            name: render_question(form, {"asked": asked, "given": shown})
            for name, (asked, shown) in texts.items()
        }
    if cell.instrument in DERIVED:
        return {}
    questions = load_questions(cell.instrument, run.paths.root)
    return asked_questions(questions, cell, run.study.seed).prompts(run.paths.root)


def _measure(
    run: Run, cell: Cell, prompts: Mapping[str, QuestionPrompt], size: int, ledger: Ledger,
    budget: Budget, texts: dict[str, tuple[str, str]],
) -> _Measured:  # fmt: skip
    """Ask some of a cell's questions and count; open answers are added to `texts`."""
    from revealed.respondents.ask import requests_of
    from revealed.respondents.client import blocking, collect

    names = np.array(list(prompts), dtype=object)
    drawn = generator(run.study.seed, cell.instrument, "pilot").permutation(names)[:size]
    samples = min(cell.design.samples, max(1, size // len(drawn)))
    some = {str(name): prompts[str(name)] for name in drawn}
    asked, read_off = requests_of(cell.respondent, some, samples, ledger, budget=budget)
    requests = [request for own in asked.values() for request in own]
    answers = blocking(collect(requests, cell.respondent, ledger, budget=budget, progress=False))
    counted = [a for a in answers if a.status != "failed" and a.prompt_tokens is not None]
    if not counted:
        raise RespondentError(
            "its answers come without a count of tokens, or do not come.",
            where=f"respondent {cell.respondent.name}",
            todo="Take the bound that `revealed plan` prints.",
        )
    if cell.instrument in OPEN_SETS:
        names_of = (name for name, own in asked.items() for _ in own)
        texts |= _texts(run, cell, zip(names_of, answers, strict=True))
    return _Measured(
        float(np.mean([a.prompt_tokens or 0 for a in counted])),
        float(np.mean([a.completion_tokens or 0 for a in counted])),
        1.0 if read_off else float(cell.design.samples),
        len(counted),
    )


def _texts(run: Run, cell: Cell, said: Iterable[tuple[str, Answer]]) -> dict[str, tuple[str, str]]:
    """Question and answer as a judge is shown them, by the answer's id."""
    words = rating.wording(load_questions(cell.instrument, run.paths.root).questions)
    found = {}
    for name, answer in said:
        shown = given(answer.text or "") if answer.status == "ok" else ""
        if shown:
            found[answer_id(name, shown)] = (words[name], shown)
    return found


def _put(
    planned: pd.DataFrame, at: int, cell: Cell, measured: _Measured,
    price: tuple[float, float] | None,
) -> pd.DataFrame:  # fmt: skip
    """The plan with a cell's measured tokens and their cost."""
    requests = round(float(planned["items"].iloc[at]) * measured.requests)
    tokens = requests * measured.prompt, requests * measured.answer
    cost = np.nan if price is None else tokens[0] * price[0] + tokens[1] * price[1]
    table = planned.copy()
    values = {
        "requests": requests, "input_tokens": round(tokens[0]), "output_tokens": round(tokens[1]),
        "cost": cost, "measured": measured.n,
    }  # fmt: skip
    for name, value in values.items():
        table.iloc[at, table.columns.get_loc(name)] = value
    return table
