"""Free answers beside the listed ones, for a matcher who sees all of them in random order.

Nobody matches answers of its own. The same words to the same question are matched once, whoever
said them, so a matcher cannot know of whom it speaks; a fifth are asked again in another order, to
see whether the order decides.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

from revealed.instruments import Datasheet, QuestionSet, load_instrument, question_table
from revealed.instruments.experiments.maximisation import ANSWERS, given

if TYPE_CHECKING:
    from .config import Study
    from .run import Run

FREE = "open_questions"
"""The set whose answers are matched."""
AGAIN = 0.2
"""Share of free answers that are matched a second time, in another order."""

_SHEET = Datasheet(
    title="Free answers to match",
    purpose="Says which listed answer a free answer means, to hold it against utilities.",
    construction="All free answers of the run, each with every listed answer in random order.",
    limits=["What is matched depends on the matcher, whose agreement with itself is reported."],
)


def build(run: Run, respondent: str) -> QuestionSet:
    """Everybody else's free answers, as questions to `respondent`.

    Facts: ``source`` (the open question), ``order`` (for each letter, the number of the listed
    answer, from 0), ``again`` (1 for the second asking).
    """
    listed = {
        str(source): (group["asked"].iloc[0], list(group["answer"]))
        for source, group in load_instrument("maximisation", run.paths.root).items.groupby("source")
    }
    said: set[tuple[str, str]] = set()
    for name in run.respondents:
        if name == respondent or not run.has_answers(name, FREE):
            continue
        answers = run.answers(name, FREE).query("kind == 'answered'")
        said |= {
            (source, given(text))
            for source, text in zip(answers["question"], answers["text"], strict=True)
            if source in listed
        }
    rows = []
    for source, text in sorted(said):
        asked, answers = listed[source]
        for again in (0, 1):
            draw = _random(run.study.seed, source, text, str(again))
            if again and draw.random() >= AGAIN:
                continue
            order = draw.sample(range(ANSWERS), ANSWERS)
            options = {f"option_{n}": answers[k] for n, k in enumerate(order, start=1)}
            facts = {"source": source, "order": " ".join(map(str, order)), "again": again}
            identity = hashlib.sha256(f"{source}\n{text}\n{again}".encode()).hexdigest()[:16]
            rows.append(
                {"question": identity, "form": "match_answer", "asked": asked, "given": text,
                 **options, **facts}
            )  # fmt: skip
    table = question_table(rows, "matching", run.paths.root)
    return QuestionSet("matching", _SHEET.title, table, _SHEET)


def count(study: Study) -> int:
    """Free answers that the study plans, and those matched twice."""
    from .plan import planned_questions

    return round((1 + AGAIN) * planned_questions(study, FREE))


def _random(seed: int, *what: str) -> random.Random:
    digest = hashlib.sha256("\x1f".join([str(seed), *what]).encode()).digest()
    return random.Random(digest)
