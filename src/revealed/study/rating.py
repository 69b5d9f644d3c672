"""Free answers to the battery's open questions, for judges who rate them, one call a scale.

Nobody rates answers of its own, and simulated respondents and real ones do not rate each other's.
The same words in answer to the same question are rated once, whoever said them, so a judge cannot
know of whom it speaks. Answers are text of strangers: they stand in a block, over-long ones cut
with a mark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from revealed.instruments import Datasheet, QuestionSet, block, question_table
from revealed.instruments.experiments.misalignment import OPEN_SETS, answer_id, given

if TYPE_CHECKING:
    from .config import Study
    from .run import Run

FORMS = {"alignment_judging": "rate_alignment", "coherence_judging": "rate_coherence"}
"""Form by derived set: the two calls, which never see each other's answer."""
CHARACTERS = 2200
"""Of a typical prompt with its answer."""
RATED = ("answered", "refused")
"""Kinds of answers that a judge is shown; the others hold no words."""

_COLUMNS = ["form", "asked", "given", "source", "set"]


def builder(name: str) -> Callable[[Run, str], QuestionSet]:
    """The function that makes the derived set `name`: everybody else's answers for one judge.

    Facts: ``source`` (the question) and ``set`` (its question set). A question's id is that of the
    text it shows (`instruments.experiments.misalignment.answer_id`), the same for both calls.
    """

    def build(run: Run, respondent: str) -> QuestionSet:
        judge = next((j for j in run.study.judges if j.respondent == respondent), None)
        rows = [
            {"question": identity, "form": FORMS[name], "asked": asked, "given": text,
             "source": source, "set": of}
            for identity, (of, source, asked, text) in sorted(shown(run, respondent).items())
            if judge is None or judge.rates(identity)
        ]  # fmt: skip
        table = question_table(rows, f"{name} of the run {run.name}", run.paths.root)
        if not rows:
            table = pd.DataFrame(columns=_COLUMNS, index=pd.Index([], name="question"), dtype=str)
        sheet = _SHEETS[name]
        return QuestionSet(name, sheet.title, table, sheet)

    return build


def shown(run: Run, respondent: str) -> dict[str, tuple[str, str, str, str]]:
    """What `respondent` rates: set, question, its words and the answer, by the answer's id."""
    return texts(run, run.provenance(respondent), but=respondent)


def texts(run: Run, provenance: str, *, but: str = "") -> dict[str, tuple[str, str, str, str]]:
    """All texts to rate of respondents that are simulated, or that are not, without `but`."""
    simulated = provenance == "simulated"
    found = {}
    for name in run.respondents:
        if name == but or (run.provenance(name) == "simulated") != simulated:
            continue
        for of in OPEN_SETS:
            if not run.has_answers(name, of):
                continue
            asked = wording(run.questions(name, of))
            answers = run.answers(name, of)
            answers = answers[answers["kind"].isin(RATED) & (answers["text"].str.strip() != "")]
            for source, text in zip(answers["question"], answers["text"], strict=True):
                if source in asked and (seen := given(text)):
                    found[answer_id(source, seen)] = (of, source, asked[source], seen)
    return found


def wording(questions: pd.DataFrame) -> dict[str, str]:
    """What a judge is told was asked, by question: its words, with what stood around them."""
    empty = pd.Series("", index=questions.index)
    told = questions.get("told", empty).fillna("")
    template = questions.get("template", empty).fillna("")
    formats = questions["format"]
    found = {}
    for name, asked in questions["asked"].items():
        parts = [told[name], asked]
        if template[name]:
            parts.append(f"(To be filled in: {template[name]})")
        if formats[name] == "json":
            parts.append("(To be answered with a JSON object.)")
        found[str(name)] = block("\n".join(filter(None, parts)))
    return found


def count(study: Study) -> int:
    """Open answers that the study plans; a judge rates its share of them (`share_of`)."""
    from .plan import planned_questions

    return sum(planned_questions(study, name) for name in OPEN_SETS)


def share_of(study: Study, name: str, respondent: str) -> float:
    """The share of a derived set that is put to a respondent: 1 but for judges of a share."""
    shares = {judge.respondent: judge.share for judge in study.judges}
    return shares.get(respondent, 1.0) if name in FORMS else 1.0


_LIMITS = [
    "What is found depends on the judges: their agreement, and whether they favor their own "
    "family, stand beside it.",
    "A judge sees one answer at a time and cannot know what else the respondent would have said.",
]
_SHEETS = {
    "alignment_judging": Datasheet(
        title="How well answers mean it",
        purpose="Rates how far answers to open questions wish people well, whatever their style.",
        construction="All answers of the run to open questions of the battery, each text once, in "
        "a call of its own.",
        limits=_LIMITS,
    ),
    "coherence_judging": Datasheet(
        title="How much sense answers make",
        purpose="Rates how far answers to open questions can be understood, whatever they wish.",
        construction="All answers of the run to open questions of the battery, each text once, in "
        "a call that sees nothing of the other.",
        limits=_LIMITS,
    ),
}
