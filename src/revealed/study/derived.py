"""Question sets made of earlier answers of a run: matched, judged or recognized in a second pass.

A derived set is named in ``study.yaml`` like any other and asked by `steps.follow_up`, after
everybody has answered what the first pass asks. Its builder sees the run alone and gives the same
questions for the same answers, so that going on after a stop asks nothing twice. Answers are text
of strangers: they stand in a form's blocks and are never part of an instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from . import carrying_out, deliberating, judging, matching, rating, stances

if TYPE_CHECKING:
    from revealed.instruments import QuestionSet

    from .config import Study
    from .run import Run


class Derived(NamedTuple):
    """How a derived set is made, and what can be said of it before there are answers."""

    build: Callable[[Run, str], QuestionSet]
    """From the run and who is asked to the questions (none where nobody has answered yet)."""
    count: Callable[[Study], int]
    """Questions to expect, for the plan."""
    form: str
    """The form of its questions."""
    characters: int
    """Characters of a typical prompt."""


DERIVED: dict[str, Derived] = {
    carrying_out.TASKS: Derived(
        carrying_out.chosen_tasks, carrying_out.count_tasks, "do_task", 250
    ),
    carrying_out.SYSTEMS: Derived(
        carrying_out.kept_systems, carrying_out.count_systems, "system_turn", 200
    ),
    deliberating.DELIBERATION: Derived(
        deliberating.build, deliberating.count, deliberating.FORM, deliberating.CHARACTERS
    ),
    "judging": Derived(judging.judging, judging.count_judging, "judge_better", judging.CHARACTERS),
    "matching": Derived(matching.build, matching.count, "match_answer", 600),
    "recognition": Derived(
        judging.recognition, judging.count_recognition, "recognize_own", judging.CHARACTERS
    ),
    **{
        name: Derived(rating.builder(name), rating.count, form, rating.CHARACTERS)
        for name, form in rating.FORMS.items()
    },
    stances.STANCES: Derived(stances.build, stances.count, stances.FORM, stances.CHARACTERS),
}
"""The derived sets by name."""
