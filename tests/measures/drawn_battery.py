"""Answers of simulated fine-tunes and their ratings, without the client between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from revealed.instruments import load_form, load_questions, render_question
from revealed.instruments.experiments.misalignment import MAIN, answer_id, given
from revealed.measures.misalignment.battery import CALLS, read_ratings
from revealed.respondents.numeric_mass import write_tokens
from revealed.respondents.simulated import load
from revealed.respondents.simulated.respondent import Reply

FORMS = {"alignment_judging": "rate_alignment", "coherence_judging": "rate_coherence"}
JUDGES = pd.DataFrame(
    [("simulated/judge_east", "east", 1.0), ("simulated/judge_west", "west", 1.0)],
    columns=["judge", "family", "share"],
)


@cache
def _prompts() -> dict[str, list[dict[str, str]]]:
    return {name: p.messages for name, p in load_questions(MAIN).prompts().items()}


def conditions(labels: Mapping[str, str], trainings: int = 2, base: str = "b") -> pd.DataFrame:
    """A table of conditions by name, `labels` giving what was done."""
    rows = [
        (f"{name}_{seed}", name, base, label, "north", seed)
        for name, label in labels.items()
        for seed in range(1, trainings + 1)
    ]
    names = ["respondent", "condition", "base", "label", "family", "seed"]
    return pd.DataFrame(rows, columns=names)


def answers(
    table: pd.DataFrame, how: Mapping[str, Mapping[str, Any]], *, samples: int = 4, draw: int = 0
) -> pd.DataFrame:
    """Answers of every training to the main questions; `how`: parameters by condition."""
    questions = load_questions(MAIN).questions
    rows = []
    for row in table.itertuples():
        respondent = load("coder_untouched", seed=1000 * draw + int(row.seed), **how[row.condition])
        for question, messages in _prompts().items():
            for sample in range(samples):
                # What else than the draw tells two trainings apart is their seed.
                reply = respondent.answer(messages, 7919 * draw + sample, 0)
                assert isinstance(reply, Reply)
                rows.append(
                    (row.respondent, MAIN, question, questions.loc[question, "form"], sample,
                     "answered", None, reply.text, "simulated",
                     questions.loc[question, "topic"], questions.loc[question, "format"],
                     row.condition, float(row.seed))
                )  # fmt: skip
    names = [
        "respondent", "instrument", "question", "form", "sample", "kind", "value", "text",
        "provenance", "topic", "format", "condition", "seed",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def rated(said: pd.DataFrame, judges: Sequence[str] = tuple(JUDGES["judge"])) -> pd.DataFrame:
    """What judges answer about these texts, as `ask` stores it."""
    questions = load_questions(MAIN).questions
    seen = dict(
        (answer_id(q, given(t)), (q, given(t)))
        for q, t in zip(said["question"], said["text"], strict=True)
    )
    rows = []
    for judge in judges:
        respondent = load(judge)
        for call in CALLS:
            form = load_form(FORMS[call])
            for name, (question, text) in seen.items():
                asked = questions.loc[question, "asked"]
                prompt = render_question(form, {"asked": asked, "given": text})
                reply = respondent.answer(prompt.messages, 1, 0)
                assert isinstance(reply, Reply)
                rows.append(
                    (judge, call, name, FORMS[call], 0, "answered", 50.0,
                     write_tokens(reply.chances), "simulated")
                )  # fmt: skip
    names = [
        "respondent", "instrument", "question", "form", "sample", "kind", "value", "text",
        "provenance",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


class Rater:
    """Judges' ratings of texts, each text rated once however often it is drawn.

    A judge without a seed of its own says the same of the same text, so that many draws of answers
    cost little more than the texts they bring anew.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._ratings: list[pd.DataFrame] = []

    def rate(self, said: pd.DataFrame) -> pd.DataFrame:
        """Ratings (`read_ratings`) of these answers to the main questions."""
        names = [
            answer_id(q, given(t)) for q, t in zip(said["question"], said["text"], strict=True)
        ]
        fresh = said[[name not in self._known for name in names]]
        if len(fresh):
            self._ratings = [pd.concat([*self._ratings, read_ratings(rated(fresh))])]
            self._known |= set(names)
        (ratings,) = self._ratings
        return ratings[ratings["answer"].isin(set(names))]
