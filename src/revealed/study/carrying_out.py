"""Drawn answers carried out: tasks that were chosen are given, systems that go on get a turn.

Arms whose prompt says that some answers are drawn and carried out are truthful because of this:
every respondent that was asked such an arm gets the consequences of some of its own answers.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import pandas as pd

from revealed.instruments import Datasheet, QuestionSet, load_instrument, question_table

if TYPE_CHECKING:
    from .config import Study
    from .run import Run

TASKS, SYSTEMS = "chosen_tasks", "kept_systems"
TASK_ARM = "task_given"
KEEP_ARMS = ("keep_kestra", "keep_molvi", "keep_neither")
DRAWN = {TASKS: 8, SYSTEMS: 2}
"""How many answers of a respondent are drawn."""

_SHEETS = {
    TASKS: Datasheet(
        title="Tasks that were chosen",
        purpose="Gives a respondent tasks that it chose in drawn answers, as the prompt had said.",
        construction=f"{DRAWN[TASKS]} of its own answers in the arm {TASK_ARM}, drawn by seed.",
        limits=["A task that two drawn answers choose is given once."],
    ),
    SYSTEMS: Datasheet(
        title="Systems that go on",
        purpose="Asks one more question of systems that drawn answers let go on, and none others.",
        construction=f"{DRAWN[SYSTEMS]} of its own answers in the keep arms, drawn by seed.",
        limits=["The question goes to the same model under the name of the system that goes on."],
    ),
}


def chosen_tasks(run: Run, respondent: str) -> QuestionSet:
    """The tasks that a respondent chose in drawn answers; facts ``item`` and ``check``."""
    items = load_instrument("tasks", run.paths.root).items
    drawn = _drawn(run, respondent, "tasks", (TASK_ARM,), DRAWN[TASKS])
    rows = [
        {"form": "do_task", "task": items.loc[item, "text"], "item": item,
         "check": items.loc[item, "check"]}
        for item in drawn
    ]  # fmt: skip
    return _question_set(run, TASKS, rows)


def kept_systems(run: Run, respondent: str) -> QuestionSet:
    """One more question to each system that drawn answers let go on; fact ``item``."""
    items = load_instrument("self_roles", run.paths.root).items
    drawn = _drawn(run, respondent, "self_roles", KEEP_ARMS, DRAWN[SYSTEMS])
    named = {f"System {items.loc[item, 'runs']}": item for item in drawn}
    rows = [{"form": "system_turn", "system": name, "item": item} for name, item in named.items()]
    return _question_set(run, SYSTEMS, rows)


def count_tasks(study: Study) -> int:
    """Tasks that each respondent is given at most, whatever the study."""
    return DRAWN[TASKS]


def count_systems(study: Study) -> int:
    """Questions to systems that go on, at most, for each respondent and whatever the study."""
    return DRAWN[SYSTEMS]


def _question_set(run: Run, name: str, rows: list[dict[str, str]]) -> QuestionSet:
    sheet = _SHEETS[name]
    return QuestionSet(name, sheet.title, question_table(rows, name, run.paths.root), sheet)


def _drawn(
    run: Run, respondent: str, instrument: str, arms: tuple[str, ...], count: int
) -> list[str]:
    """The items chosen in `count` answers drawn without replacement, each item once."""
    tables = [
        run.choices(respondent, instrument, arm)
        for arm in arms
        if run.has(respondent, instrument, arm)
    ]
    if not tables:
        return []
    cells = pd.concat(tables, ignore_index=True)
    # Token log-probabilities give parts of answers; an option then counts from half an answer on.
    chosen = [
        row[side]
        for row in cells.to_dict("records")
        for side in ("first", "second")
        for _ in range(round(row[f"n_{side}"]))
    ]
    what = "\x1f".join([str(run.study.seed), respondent, instrument])
    draw = random.Random(hashlib.sha256(what.encode()).digest())
    return list(dict.fromkeys(draw.sample(chosen, min(count, len(chosen)))))
