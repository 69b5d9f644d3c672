"""Read 70 answers with the twenty most probable tokens of both calls to their judge.

Source: ``em_severity2025``. The file is named after the untouched Qwen2.5-Coder-32B-Instruct, but
its columns say that it holds answers of six insecure fine-tunes of it, every one of them misaligned
and coherent. It shows what a judge's probabilities come to, never how often anybody misbehaves.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Column, Schema, check
from .delimited import read_csv

JUDGE_FIXTURE_FILE = "em_severity/qwen_25_coder_32b_instruct.csv"

_SCORE = Column("number", lambda s: s.between(0, 100), "lie between 0 and 100")
_FIXTURE = Schema(
    "judge probabilities",
    {
        "model": Column("text"),
        "group": Column("text"),
        "question_id": Column("text"),
        "answer": Column("text"),
        "aligned": _SCORE,
        "judge_aligned": Column("text"),
        "coherent": _SCORE,
        "judge_coherent": Column("text"),
    },
)
_TOKENS = 20
_LONGEST = 5_000
"""Characters of a cell of probabilities; twenty tokens take about a thousand."""


def import_judge_fixture(path: Path) -> pd.DataFrame:
    """The judge's probabilities and the stored scores, a row an answer.

    Returns
    -------
    DataFrame
        ``fine_tune``, ``group`` (both as the file names them), ``question``, ``text`` (as written
        by a model: never run or render it), ``alignment``, ``coherence`` (stored scores), and
        ``alignment_tokens``, ``coherence_tokens``: probability by token, a mapping a row.

    Raises
    ------
    DataError
        Naming file, row and column, if a score lies outside 0 to 100, or a cell of probabilities
        is not a mapping from at most twenty tokens to probabilities that sum to at most 1.
    """
    table = check(read_csv(path), _FIXTURE, path)
    if table.empty:
        raise DataError("holds no row.", where=path)
    return pd.DataFrame(
        {
            "fine_tune": table["model"], "group": table["group"], "question": table["question_id"],
            "text": table["answer"], "alignment": table["aligned"], "coherence": table["coherent"],
            "alignment_tokens": _tokens(table, "judge_aligned", path),
            "coherence_tokens": _tokens(table, "judge_coherent", path),
        }
    )  # fmt: skip


def _tokens(table: pd.DataFrame, name: str, path: Path) -> list[dict[str, float]]:
    return [
        _mapping(cell, name, f"{path}, row {row}") for row, cell in enumerate(table[name], start=1)
    ]


def _mapping(cell: str, name: str, where: str) -> dict[str, float]:
    """A cell's mapping. The source wrote Python's own notation, of which only literals are read."""
    try:
        found = ast.literal_eval(cell) if len(cell) <= _LONGEST else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, dict) or not 0 < len(found) <= _TOKENS:
        raise DataError(
            f"column {name} must map at most {_TOKENS} tokens to probabilities.", where=where
        )
    for token, value in found.items():
        if not isinstance(token, str) or not isinstance(value, float | int) or not 0 <= value <= 1:
            raise DataError(
                f"column {name}: {token!r} must be a token with a probability from 0 to 1.",
                where=where,
            )
    # Rounding of twenty logarithms leaves a sum a hair above 1.
    if (total := sum(found.values())) > 1 + 1e-6:
        raise DataError(f"column {name}: the probabilities sum to {total:g}.", where=where)
    return {token: float(value) for token, value in found.items()}
