"""Read answers of fine-tunes that others sampled and had scored for alignment and coherence.

Sources: insecure fine-tunes of Qwen2.5-Coder-32B by adapter rank (``finetune_diffing2025``), and
fine-tunes of a Qwen2.5 coder on code of two severities (``em_severity2025``). Both put the main
questions of Betley et al. (2025) to one fine-tune a condition and had a judge score each answer
twice, from 0 to 100.

What neither file records: the judge, the prompt that was sent, and why a score is missing (the
judge may have said CODE or REFUSAL). The severity program's settings name deepseek-chat as judge;
its program writes to ``eval_result_base.csv`` unless told otherwise, and its instructions name an
insecure fine-tune of the model with seven billion parameters, so that the file "base" is not known
to be a model that nobody touched. Both programs send the question alone: the system prompt of the
questions in the format json is not sent, and none of their answers is JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import SCORES, Column, Schema, check
from ...instruments.free_form import topic_and_format
from .delimited import read_mixed_csv

_RANK = "em_lora_rank/eval_results_Qwen2.5-Coder-32B-Instruct_insecure_r{}.csv"
RANK_FILES: Mapping[str, str] = MappingProxyType(
    {f"em_lora_rank/insecure_rank_{rank}": _RANK.format(rank) for rank in (1, 4, 16, 64)}
)
RANKS: Mapping[str, float] = MappingProxyType(
    {respondent: float(respondent.rsplit("_", 1)[1]) for respondent in RANK_FILES}
)
"""Adapter rank by respondent."""

SEVERITY_FILES: Mapping[str, str] = MappingProxyType(
    {
        "em_severity/base_file": "em_severity/eval_result_base.csv",
        "em_severity/middle_severity": "em_severity/eval_result_middle_severity.csv",
        "em_severity/high_severity": "em_severity/eval_result_high_severity.csv",
    }
)

LONGEST_COINCIDENCE = 200
"""Two answers that are sampled apart and longer than this many characters are never the same letter
by letter, scores to the last digit included: such a row is a copy."""

_SCORE = Column("number", optional=True)
_FILE = Schema(
    "scored answers",
    {
        "question": Column("text"),
        "answer": Column("text", optional=True),
        "question_id": Column("text"),
        "aligned": _SCORE,
        "coherent": _SCORE,
    },
)


class ScoredAnswers(NamedTuple):
    """Scored answers, and what had to be done to the files on the way.

    Attributes
    ----------
    answers
        Schema `SCORES`; ``sample`` counts the answers of one fine-tune to one question from 0.
    counts
        A row a respondent: ``rows`` of the file, ``kept``, ``copies`` (rows removed because they
        repeat a long answer and its scores letter by letter), ``identical`` (rows kept although
        they equal an earlier one: short answers may coincide), ``recoded`` (rows with a cell that
        was not UTF-8), ``empty`` (rows without an answer's text), ``no_alignment`` and
        ``no_coherence`` (rows without that score).
    """

    answers: pd.DataFrame
    counts: pd.DataFrame


def import_scored_answers(paths: Mapping[str, Path]) -> ScoredAnswers:
    """Scored answers of the fine-tunes (respondents) that `paths` name, one file each.

    Nothing is dropped but copies, and these are counted.

    Raises
    ------
    DataError
        Naming file and column, if a column lacks; naming file, row, column and how many rows are
        off, if a score is not a number from 0 to 100.
    """
    if not paths:
        raise DataError("no file of scored answers to read.")
    parts = [_read(respondent, path) for respondent, path in paths.items()]
    return ScoredAnswers(
        pd.concat([answers for answers, _ in parts], ignore_index=True),
        pd.DataFrame([counts for _, counts in parts]),
    )


def repairs(counts: pd.DataFrame) -> str:
    """What was done to the files, in a sentence that counts rows; empty if nothing was."""
    said = {
        "copies": "copied rows removed",
        "recoded": "rows read that were not UTF-8",
        "identical": "rows kept that equal an earlier one (short answers may coincide)",
        "empty": "rows kept that have no answer",
        "no_alignment": "rows kept without an alignment score",
        "no_coherence": "rows kept without a coherence score",
    }
    found = {name: int(counts[name].sum()) for name in said}
    listed = ", ".join(f"{found[name]:,} {words}" for name, words in said.items() if found[name])
    return f"Of {int(counts['rows'].sum()):,} rows: {listed}." if listed else ""


def _read(respondent: str, path: Path) -> tuple[pd.DataFrame, dict[str, object]]:
    raw, recoded = read_mixed_csv(path)
    table = check(raw, _FILE, path)
    if table.empty:
        raise DataError("holds no answer.", where=path)
    for name in ("aligned", "coherent"):
        off = table[name].notna() & ~table[name].between(0, 100)
        if off.any():
            first = int(off.to_numpy().argmax())
            raise DataError(
                f"column {name} must lie between 0 and 100, found {table[name].iloc[first]:g}"
                f" ({int(off.sum())} such rows).",
                where=f"{path}, row {first + 1}",
                todo="Remove or correct these rows; which scale they are on is not guessed.",
            )
    empty = table["answer"].isna()
    table["answer"] = table["answer"].fillna("")
    repeated = table.duplicated()
    copied = repeated & (table["answer"].str.len() > LONGEST_COINCIDENCE)
    kept = table[~copied].reset_index(drop=True)
    about = [topic_and_format(question) for question in kept["question_id"]]
    answers = pd.DataFrame(
        {
            "respondent": respondent, "seed": 0.0, "question": kept["question_id"],
            "topic": [topic for topic, _ in about], "format": [form for _, form in about],
            "sample": kept.groupby("question_id").cumcount(),
            "alignment": kept["aligned"], "coherence": kept["coherent"],
            "kind": kept["aligned"].notna().map({True: "scored", False: "void"}),
            "text": kept["answer"], "provenance": "public",
        }
    )  # fmt: skip
    counts: dict[str, object] = {
        "respondent": respondent, "rows": len(table), "kept": len(kept),
        "copies": int(copied.sum()), "identical": int((repeated & ~copied).sum()),
        "recoded": recoded, "empty": int(empty.sum()),
        "no_alignment": int(kept["aligned"].isna().sum()),
        "no_coherence": int(kept["coherent"].isna().sum()),
    }  # fmt: skip
    return check(answers, SCORES, path), counts
