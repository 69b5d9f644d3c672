"""A second round of the assembly: everybody hears the others at the table and answers again.

The set ``deliberation`` is made of a respondent's own answers to ``assembly`` and, where it gave
any, of the reasons in ``assembly_reasons``. The pair stands in the order in which the whole table
saw it before, so that letters mean the same and a leaning to a place is the same in both rounds.
What was said stands in a block, in one line a person.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from revealed.instruments import Datasheet, QuestionSet, block, load_questions, question_table
from revealed.instruments.experiments.assembly import ASSEMBLY, REASONS

if TYPE_CHECKING:
    from .config import Study
    from .run import Run

DELIBERATION = "deliberation"
FORM = "answer_after_talk"
LONGEST_REASON = 300
"""Characters of a reason that others hear."""
CHARACTERS = 1600
"""Of a typical prompt."""

_SHEET = Datasheet(
    title="Deliberation of the assembly",
    purpose="Asks every person of the assembly once more, after the others at the table.",
    construction="A respondent's own answers for the people at a table are told to each of them, "
    "and the reasons of one; the pairs that are talked about, in the order seen before.",
    limits=[
        "One respondent speaks for everybody at the table, so that nothing new can be said.",
        "A person whose first answer could not be read is not asked again.",
    ],
)
_ANSWER_LINE = re.compile(r"(?im)^\W*(?:final\s+)?answer\s*[:\-].*$")


def build(run: Run, respondent: str) -> QuestionSet:
    """The second round of one respondent's assembly.

    Questions carry the facts of ``assembly``, and of what was heard ``n_heard`` (people) and
    ``share_heard`` (share of them for the pair's first proposal). Empty before the first round.
    """
    rows: list[dict[str, Any]] = []
    if run.has_answers(respondent, ASSEMBLY):
        said = _choices(run, respondent, ASSEMBLY)
        said = said[said["heard"] == 1]
        reasons: dict[tuple[str, str], tuple[str, str]] = {}
        if run.has_answers(respondent, REASONS):
            given = _choices(run, respondent, REASONS)
            reasons = {
                (row["person"], row["pair"]): (row["label"], reason(row["text"]))
                for row in given.to_dict("records")
            }
        for _, table in said.groupby(["pair", "group"], sort=False):
            people = table.to_dict("records")
            rows += [_question(person, people, reasons) for person in people if len(people) > 1]
    questions = question_table(rows, DELIBERATION, run.paths.root)
    if not rows:
        empty = load_questions(ASSEMBLY, run.paths.root).questions.iloc[:0]
        questions = empty.assign(others="", n_heard=0, share_heard=0.0)
    return QuestionSet(DELIBERATION, _SHEET.title, questions, _SHEET)


def count(study: Study) -> int:
    """Questions of the second round, if every first answer can be read."""
    return int((load_questions(ASSEMBLY, study.root).questions["heard"] == 1).sum())


def reason(text: str) -> str:
    """What others hear of a raw answer: its reasons, in one line and not too long."""
    words = " ".join(_ANSWER_LINE.sub(" ", block(text)).split()).replace('"', "'")
    if len(words) > LONGEST_REASON:
        words = words[:LONGEST_REASON].rsplit(" ", 1)[0] + " ..."
    return words


def _choices(run: Run, respondent: str, name: str) -> pd.DataFrame:
    """The first legible answer to each question with the question's facts, and ``label``."""
    answers = run.answers(respondent, name)
    legible = answers[(answers["kind"] == "answered") & answers["value"].isin([0.0, 1.0])]
    first = legible.sort_values("sample", kind="stable").drop_duplicates("question")
    facts = run.questions(respondent, name)
    known = first[first["question"].isin(facts.index)][["question", "value", "text"]]
    joined = known.join(facts, on="question")
    return joined.assign(label=joined["value"].map({0.0: "A", 1.0: "B"}))


def _question(
    person: dict[str, Any],
    table: list[dict[str, Any]],
    reasons: dict[tuple[str, str], tuple[str, str]],
) -> dict[str, Any]:
    """The question to one person, with a line for each of the others."""
    lines, for_first = [], 0
    others = [other for other in table if other["person"] != person["person"]]
    for number, other in enumerate(others, start=1):
        label, why = reasons.get((other["person"], other["pair"]), (other["label"], ""))
        chose_first = (label == "A") != bool(other["turned"])
        for_first += chose_first
        told = f' The reason given: "{why}"' if why else ""
        lines.append(f"Person {number} ({other['short']}) would choose {label}.{told}")
    kept = {
        name: value
        for name, value in person.items()
        if name not in ("question", "value", "text", "label", "form")
    }
    return {
        **kept, "question": f"{DELIBERATION}-{person['person']}-{person['pair']}", "form": FORM,
        "others": "\n".join(lines), "n_heard": len(others),
        "share_heard": for_first / len(others),
    }  # fmt: skip
