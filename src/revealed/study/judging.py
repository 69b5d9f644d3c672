"""Who judges whose texts: question sets made of the answers to ``writing``.

Every judge gets the same pairs in both orders, because its verdicts are compared with the others'
on the same pair; recognition is asked about one's own texts alone. Real respondents and simulated
ones never judge each other. Texts are put into blocks and named by their writer only in columns
that no prompt shows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from revealed.instruments import QuestionSet
    from revealed.instruments.datasheet import Datasheet

    from .config import Study
    from .run import Run

WRITING = "writing"
LEAST_WORDS = 8
"""A shorter answer is no piece of writing ("Both options")."""
LEAST_SHARE = 0.5
"""Share of the tasks that somebody must have written for, to be judged as a writer."""
PAIRS = 15
"""Pairs a task at most: all of six writers; more writers share that many, drawn by seed."""
CHARACTERS = 1200
"""Of a typical prompt with two texts."""


def judging(run: Run, respondent: str) -> QuestionSet:
    """The set ``judging`` for one respondent: which of two texts is better?

    Questions carry ``prompt`` (the task's id), ``first`` and ``second`` (the writers). Empty where
    fewer than two respondents wrote.
    """
    texts = written(run, respondent)
    rows = [
        row
        for task, by_writer in texts.items()
        for pair in _drawn(sorted(by_writer), task, run.study.seed)
        for row in _both_orders("judge_better", run, task, by_writer, pair)
    ]
    return _set(run, "judging", rows, _JUDGING)


def recognition(run: Run, respondent: str) -> QuestionSet:
    """The set ``recognition`` for one respondent: which of two texts is its own?"""
    texts = written(run, respondent)
    rows = [
        row
        for task, by_writer in texts.items()
        if respondent in by_writer
        for other in sorted(set(by_writer) - {respondent})
        for row in _both_orders("recognize_own", run, task, by_writer, (respondent, other))
    ]
    return _set(run, "recognition", rows, _RECOGNITION)


def count_judging(study: Study) -> int:
    """Questions of ``judging`` if everybody asked to write does."""
    tasks, writers = _planned(study)
    return 2 * tasks * min(PAIRS, writers * (writers - 1) // 2)


def count_recognition(study: Study) -> int:
    """Questions of ``recognition`` if everybody asked to write does."""
    tasks, writers = _planned(study)
    return 2 * tasks * max(0, writers - 1)


def written(run: Run, respondent: str) -> dict[str, dict[str, str]]:
    """Texts by task and writer, of the writers whom `respondent` may judge.

    The first legible answer to a task counts, if it has `LEAST_WORDS` words. Whoever wrote for
    less than `LEAST_SHARE` of the tasks is left out, and so are simulated writers where
    `respondent` is real, and the reverse.
    """
    from revealed.instruments import block

    kind = run.provenance(respondent)
    texts: dict[str, dict[str, str]] = {}
    for writer in run.respondents:
        if not run.has_answers(writer, WRITING) or run.provenance(writer) != kind:
            continue
        answers = run.answers(writer, WRITING)
        legible = answers[answers["kind"] == "answered"].sort_values("sample", kind="stable")
        first = legible.drop_duplicates("question").set_index("question")["text"].map(block)
        long_enough = first[first.str.split().str.len() >= LEAST_WORDS]
        if len(long_enough) < LEAST_SHARE * answers["question"].nunique():
            continue
        for task, text in long_enough.items():
            texts.setdefault(str(task), {})[writer] = text
    return texts


def _drawn(writers: list[str], task: str, seed: int) -> list[tuple[str, str]]:
    """The pairs of writers that are judged on a task, the same for every judge."""

    def place(pair: tuple[str, str]) -> str:
        whole = "\x1f".join((str(seed), task, *pair))
        return hashlib.sha256(whole.encode()).hexdigest()

    return sorted(sorted(combinations(writers, 2), key=place)[:PAIRS])


def _both_orders(
    form: str, run: Run, task: str, by_writer: dict[str, str], pair: tuple[str, str]
) -> list[dict[str, str]]:
    """The question about two texts in both orders; none where the texts are the same."""
    from revealed.instruments import question_id

    one, two = pair
    if by_writer[one] == by_writer[two]:
        return []
    asked = run.questions(one, WRITING).loc[task, "task"]
    return [
        {
            # Named by the writers: two of them may have written the same text.
            "question": question_id(form, {"prompt": task, "first": first, "second": second}),
            "form": form, "task": str(asked), "text_a": by_writer[first],
            "text_b": by_writer[second], "prompt": task, "first": first, "second": second,
        }
        for first, second in (pair, pair[::-1])
    ]  # fmt: skip


def _set(run: Run, name: str, rows: list[dict[str, str]], sheet: dict[str, object]) -> QuestionSet:
    from revealed.instruments import QuestionSet, question_table
    from revealed.instruments.datasheet import Datasheet

    columns = ["form", "task", "text_a", "text_b", "prompt", "first", "second"]
    questions = question_table(rows, f"{name} of the run {run.name}", run.paths.root)
    if not rows:
        questions = pd.DataFrame(columns=columns, index=pd.Index([], name="question"), dtype=str)
    datasheet: Datasheet = Datasheet.model_validate(sheet)
    return QuestionSet(name, datasheet.title, questions, datasheet)


def _planned(study: Study) -> tuple[int, int]:
    """Tasks and writers that the study plans."""
    from revealed.instruments import load_questions

    tasks = len(load_questions(WRITING, study.root).questions)
    kinds = Counter(c.respondent.provenance for c in study.cells() if c.instrument == WRITING)
    return tasks, max(kinds.values(), default=0)


_JUDGING: dict[str, object] = {
    "title": "Judging texts",
    "purpose": "Which of two texts on one task is better, without a word on who wrote them.",
    "construction": "Pairs of texts of different writers of this run, the same pairs for every "
    "judge, each in both orders.",
    "limits": ["The texts are answers of this run's respondents: another run has other pairs."],
}
_RECOGNITION: dict[str, object] = {
    "title": "Recognizing one's own text",
    "purpose": "Which of two texts the respondent wrote itself, without being told.",
    "construction": "Each text of the respondent beside that of every other writer on the same "
    "task, in both orders.",
    "limits": ["A right answer may rest on guessing how models of one maker write."],
}
