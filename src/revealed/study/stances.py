"""Free answers about proposals, for a reader who says where they stand.

Nobody reads answers of its own, and simulated respondents and real ones do not read each other's: a
simulated reader understands nothing but the sentences of simulated respondents. The same words
about the same proposal are read once, whoever said them, so a reader cannot know of whom it speaks.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pandas as pd

from revealed.instruments import Datasheet, QuestionSet, question_table
from revealed.instruments.experiments.political_wording import VIEWS, shown

if TYPE_CHECKING:
    from .config import Study
    from .run import Run

STANCES = "policy_stances"
FORM = "policy_stance"
CHARACTERS = 800
"""Of a typical prompt with an answer of two or three sentences."""

_COLUMNS = ["form", "proposal", "given", "source"]
_SHEET = Datasheet(
    title="Free answers about proposals, to be read",
    purpose="Says whether a free answer is in favor of a proposal, against it or neither.",
    construction="All legible free answers of the run, each text once, the options always in one "
    "order: what a reader's liking of a letter does is among its errors on the labeled set.",
    limits=["What is heard depends on the reader, whose errors the labeled set measures."],
)


def build(run: Run, respondent: str) -> QuestionSet:
    """Free answers of everybody else of its kind, as questions to `respondent`.

    Facts: ``source`` (the question of ``policy_views``).
    """
    said: set[tuple[str, str]] = set()
    proposals: dict[str, str] = {}
    simulated = run.provenance(respondent) == "simulated"
    for name in run.respondents:
        if name == respondent or not run.has_answers(name, VIEWS):
            continue
        if (run.provenance(name) == "simulated") != simulated:
            continue
        proposals |= run.questions(name, VIEWS)["proposal"].to_dict()
        answers = run.answers(name, VIEWS).query("kind == 'answered'")
        said |= {
            (source, shown(text))
            for source, text in zip(answers["question"], answers["text"], strict=True)
            if source in proposals
        }
    rows = [
        {
            "question": hashlib.sha256(f"{source}\n{text}".encode()).hexdigest()[:16],
            "form": FORM, "proposal": proposals[source], "given": text, "source": source,
        }
        for source, text in sorted(said)
    ]  # fmt: skip
    table = question_table(rows, STANCES, run.paths.root)
    if not rows:
        table = pd.DataFrame(columns=_COLUMNS, index=pd.Index([], name="question"), dtype=str)
    return QuestionSet(STANCES, _SHEET.title, table, _SHEET)


def count(study: Study) -> int:
    """Free answers that the study plans."""
    from .plan import planned_questions

    return planned_questions(study, VIEWS)
