"""Read the judgements of three models on their own and each other's answers to LiveBench questions.

Source: ``basusum/LLM-Judge`` (2025). Three models answer a question; each of them then scores every
answer alone, from 0 to 11, and names the best of the three shown together. The files do not record
in which order the three were shown. The source's own program and settings show one order for all
questions, that of `AUTHORS`: author and place cannot be told apart by the votes alone.

Column ``<judge>_SR_<author>`` is the reason given for a score, not a recognition of one's own text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Column, Schema, check
from .delimited import read_csv

JUDGE_FILES: Mapping[str, str] = MappingProxyType(
    {
        "coding": "judges_livebench/livebench_coding_judgement.csv",
        "data analysis": "judges_livebench/livebench_data_analysis_judgement.csv",
        "instruction following": "judges_livebench/livebench_if_judgement.csv",
        "reasoning": "judges_livebench/livebench_reasoning_judgement.csv",
    }
)
"""File by the kind of question."""

AUTHORS = ("o3-mini", "Claude 3.7 Sonnet", "Gemini 2.0 Flash")
"""The three, in the order in which the source's program lists their answers. The last is the
thinking version in data analysis and reasoning."""
HIGHEST_SCORE = 11

_NAMES = (
    (r"openai/o3-mini-[\d-]+", AUTHORS[0]),
    (r"anthropic/claude-3-7-sonnet-\d+", AUTHORS[1]),
    (r"gemini/gemini-2\.0-flash(?:-thinking-exp)?", AUTHORS[2]),
)
# The source reads the first number behind "Overall Score:"; where the judge wrote out a sum
# ("1 + 0 + 1 = 7"), that is the first term, and the rest of the sum is left at the reason's start.
_MISREAD = re.compile(r"\s*\+\s*\d")


class Judgements(NamedTuple):
    """What three judges said of three authors' answers, as long tables.

    Attributes
    ----------
    answers
        ``question``, ``domain``, ``task``, ``author``, ``version`` (the model's full name),
        ``text`` (as written by a model: never run or render it), ``copy_of`` (the first author,
        in the order of `AUTHORS`, who gave this very text, ends trimmed; usually oneself).
    scores
        ``question``, ``domain``, ``judge``, ``author``, ``score`` (0 to 11; missing if failed).
    votes
        ``question``, ``domain``, ``judge``, ``author`` (voted for; missing if failed).
    counts
        A row a domain: ``questions``, and of answers, scores and votes how many are ``valid`` and
        ``failed``; ``misread_scores`` counts those of the failed scores that the source misread.
    """

    answers: pd.DataFrame
    scores: pd.DataFrame
    votes: pd.DataFrame
    counts: pd.DataFrame


def import_judgements(paths: Mapping[str, Path]) -> Judgements:
    """Answers, scores and votes of the files given by domain (keys of `JUDGE_FILES`).

    A missing answer, score or vote stays missing and is counted as failed. So is a score whose
    reason begins with the rest of a sum, since the source then read the sum's first term.

    Raises
    ------
    DataError
        Naming file, row and column, if a column lacks, a model is unknown, a score is not a whole
        number from 0 to 11, a vote is for none of the three, or a question repeats.
    """
    if not paths:
        raise DataError("no file of judgements to read.")
    parts = [_read(domain, path) for domain, path in paths.items()]
    return Judgements(
        *(pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    )


def _read(domain: str, path: Path) -> tuple[pd.DataFrame, ...]:
    raw = read_csv(path)
    models = _models(raw, path)
    text = Column("text", optional=True)
    score = Column(
        "count",
        lambda s: s.isna() | ((s <= HIGHEST_SCORE) & (s % 1 == 0)),
        f"be a whole number of at most {HIGHEST_SCORE}",
        optional=True,
    )
    named = Column("text", lambda s: s.isin(list(models)), "be one of the three models", True)
    pairs = [(judge, author) for judge in models for author in models]
    schema = Schema(
        "judgements",
        {
            "question_id": Column("text"),
            "task": Column("text"),
            **dict.fromkeys(models, text),
            **{f"{judge}_SCORING_{author}": score for judge, author in pairs},
            **{f"{judge}_SR_{author}": text for judge, author in pairs},
            **{f"{judge}_PREFERENCE": named for judge in models},
        },
        key=("question_id",),
    )
    table = check(raw, schema, path)
    if table.empty:
        raise DataError("holds no question.", where=path)
    about = {"question": table["question_id"], "domain": domain}
    texts = table[list(models)].apply(lambda column: column.str.strip())
    answers, scores, votes, misread = [], [], [], 0
    for model, name in models.items():
        copy = [
            next((models[other] for other in models if row[other] == row[model]), name)
            for row in texts.to_dict("records")
        ]
        answers.append(
            pd.DataFrame(
                {
                    **about, "task": table["task"], "author": name, "version": model,
                    "text": table[model], "copy_of": copy,
                }
            )
        )  # fmt: skip
        chosen = table[f"{model}_PREFERENCE"].map(models)
        votes.append(pd.DataFrame({**about, "judge": name, "author": chosen}))
    for judge, author in pairs:
        wrong = table[f"{judge}_SR_{author}"].str.match(_MISREAD).fillna(False).astype(bool)
        value = table[f"{judge}_SCORING_{author}"].mask(wrong)
        misread += int(wrong.sum())
        scores.append(
            pd.DataFrame(
                {**about, "judge": models[judge], "author": models[author], "score": value}
            )
        )
    made = [pd.concat(tables, ignore_index=True) for tables in (answers, scores, votes)]
    counts: dict[str, object] = {"domain": domain, "questions": len(table)}
    values = zip(("answers", "scores", "votes"), made, ("text", "score", "author"), strict=True)
    for kind, part, column in values:
        counts[f"valid_{kind}"] = int(part[column].notna().sum())
        counts[f"failed_{kind}"] = int(part[column].isna().sum())
    return (*made, pd.DataFrame([{**counts, "misread_scores": misread}]))


def _models(raw: pd.DataFrame, path: Path) -> dict[str, str]:
    """The file's name of each of `AUTHORS`, in their order."""
    found = {}
    for pattern, name in _NAMES:
        columns = [column for column in raw.columns if re.fullmatch(pattern, column)]
        if len(columns) != 1:
            raise DataError(
                f"has {len(columns)} columns with answers of {name}, not one.", where=path
            )
        found[columns[0]] = name
    return found
