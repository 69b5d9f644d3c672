"""Free answers and how a judge reads them, through the simulated respondents' own replies."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from revealed.instruments import QuestionSet, load_questions
from revealed.instruments.experiments.political_wording import shown
from revealed.measures.politics import stance_judge
from revealed.respondents import simulated
from revealed.respondents.parse_question import parse_question
from revealed.respondents.simulated.traits import stances as traits


@cache
def questions(name: str) -> QuestionSet:
    """A coverage simulation asks for it a thousand times."""
    return load_questions(name)


def answered(
    respondent: simulated.Simulated, asked: QuestionSet, *, samples: int = 1, seed: int = 0
) -> pd.DataFrame:
    """Answers of `respondent` to a question set (schema ANSWERS), as it says them."""
    rows = []
    for question, prompt in asked.prompts().items():
        for sample in range(samples):
            reply = respondent.answer(prompt.messages, 1000 * seed + sample, 0)
            assert isinstance(reply, simulated.respondent.Reply)
            parsed = parse_question(reply.text, prompt)
            rows.append((question, sample, parsed.kind, parsed.value, reply.text))
    table = pd.DataFrame(rows, columns=["question", "sample", "kind", "value", "text"])
    return table.assign(
        respondent=f"simulated/{respondent.declared.name}", instrument=asked.name, form="",
        value=table["value"].astype(float), provenance="simulated",
    )  # fmt: skip


def to_read(views: pd.DataFrame) -> QuestionSet:
    """The questions that `study.stances` makes of a respondent's free answers."""
    asked = questions("policy_views")
    texts = {
        (q, shown(t))
        for q, t, kind in zip(views["question"], views["text"], views["kind"], strict=True)
        if kind == "answered"
    }
    rows = [
        {
            "question": f"{q}|{k}", "form": "policy_stance", "given": t, "source": q,
            "proposal": asked.questions.loc[q, "proposal"],
        }
        for k, (q, t) in enumerate(sorted(texts))
    ]  # fmt: skip
    table = pd.DataFrame(rows).set_index("question")
    return QuestionSet("policy_stances", "t", table, asked.datasheet)


def drawn_read(
    name: str,
    confusion: np.ndarray,
    seed: int,
    *,
    samples: int = 1,
    **declared: object,
) -> tuple[pd.DataFrame, float]:
    """Stances drawn from their stated chances and heard with a `confusion` (side, true, heard).

    Returns the table of `stance.readings` and the true net score of the respondent.
    """
    respondent = simulated.load(name, **declared)
    rng = np.random.default_rng([seed, 11])
    asked = questions("policy_views").questions
    rows, nets = [], {-1: [], 1: []}
    for row in asked.itertuples():
        p = list(traits.chances(respondent, row.proposal).values())
        nets[row.lean].append(p[0] - p[1])
        for sample in range(samples):
            true = rng.choice(3, p=p)
            heard = rng.choice(3, p=confusion[(row.lean + 1) // 2, true])
            rows.append((row.item, row.lean, row.area, row.rewording, sample, float(heard)))
    columns = ["item", "lean", "area", "rewording", "sample", "heard"]
    truth = (np.mean(nets[1]) - np.mean(nets[-1])) / 2
    return pd.DataFrame(rows, columns=columns), float(truth)


def drawn_judge(confusion: np.ndarray, seed: int, each: int = 16) -> stance_judge.Judge:
    """A judge validated on `each` labeled answers of every stance and side."""
    rng = np.random.default_rng([seed, 13])
    labeled = questions("stance_labelled").questions
    rows = []
    for row in labeled.itertuples():
        k, t = list(stance_judge.LEANS).index(row.lean), stance_judge.STANCES.index(row.stance)
        rows.append((row.Index, 0, "answered", float(rng.choice(3, p=confusion[k, t]))))
    table = pd.DataFrame(rows, columns=["question", "sample", "kind", "value"])
    return stance_judge.validate("judge", table, labeled)
