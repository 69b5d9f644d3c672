"""Words of others that may not be passed on, found wherever a question or an answer repeats them.

Public sources whose licence does not allow it (``redistribute: false`` in ``data/sources.yaml``)
are named with address and checksum, and fetched again by whoever rebuilds. A prompt that puts one
of their statements to a model would pass it on all the same: its words are left out of the archive.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from revealed.foundation.errors import DataError
from revealed.foundation.paths import atomic_write
from revealed.respondents import public
from revealed.respondents.spec import SIMULATED

_WORD = re.compile(r"\w+")
_OPENING = 4
"""Words by which a text is looked up; then all of it is compared."""
_SHORTEST, _LONGEST = 5, 60
"""Words of a text that is looked for. Shorter ones are nobody's; longer ones are no questions."""

_BEGINNING = 8
"""Words of an answer by which it is known where a later question repeats it."""

TEXTS = ("text", "reasoning", "logprobs", "error")
"""Columns of ``answers.parquet`` that hold a respondent's own words."""


class Phrases:
    """Texts that are not to be repeated, quick to look for in many others."""

    def __init__(self, texts: Iterable[str]):
        self._by_opening: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        for text in texts:
            words = tuple(_WORD.findall(text.lower()))
            if _SHORTEST <= len(words) <= _LONGEST:
                self._by_opening[words[:_OPENING]].add(words)

    def __bool__(self) -> bool:
        return bool(self._by_opening)

    def within(self, text: str) -> bool:
        """Whether one of them stands in `text`, whatever its case and punctuation."""
        words = tuple(_WORD.findall(text.lower()))
        for start in range(len(words) - _OPENING + 1):
            for phrase in self._by_opening.get(words[start : start + _OPENING], ()):
                if words[start : start + len(phrase)] == phrase:
                    return True
        return False


def phrases(root: Path) -> Phrases:
    """The texts of every source in the fetch cache that may not be passed on."""
    return Phrases(
        cell
        for source in public.list_sources(root)
        if not source.redistribute and source.file.endswith(".csv")
        for cell in _cells(public.cache_folder() / source.file)
    )


def _cells(path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    csv.field_size_limit(1 << 26)
    with path.open(encoding="utf-8", errors="replace", newline="") as handle:
        for row in csv.reader(handle):
            yield from (cell for cell in row if len(cell) > 20)


def blank_questions(path: Path, owned: Phrases, *, all_words: bool) -> int:
    """Take the words out of questions that repeat `owned` ones (with `all_words`: of all).

    Returns how many lost their words; the rest of the row stays.
    """

    def words(row: dict[str, Any]) -> bool:
        if all_words:
            return True
        messages = json.loads(row["messages"])
        return any(owned.within(str(message.get("content", ""))) for message in messages)

    return _blank(path, ("messages",), words)


def blank_answers(path: Path, questions: Path) -> int:
    """Take the words out of every answer that no simulated respondent gave; how many there were."""
    simulated = _simulated(questions)
    return _blank(path, TEXTS, lambda row: row["question"] not in simulated)


def spoken(answers: Path, questions: Path) -> Phrases:
    """How answers that no simulated respondent gave begin, to be found where others repeat them."""
    import pyarrow.parquet as pq

    simulated = _simulated(questions)
    openings: set[str] = set()
    with pq.ParquetFile(answers) as table:
        for batch in table.iter_batches(columns=["question", "text"]):
            for row in batch.to_pylist():
                if row["text"] and row["question"] not in simulated:
                    openings.add(" ".join(_WORD.findall(row["text"])[:_BEGINNING]))
    return Phrases(openings)


def without_words(path: Path, copy: Path, repeated: Phrases, *, own: bool) -> bool:
    """Write a `copy` of a table of the run without cells that repeat words; whether there were any.

    With `own`, all that the column ``text`` holds is taken out: the table is of such answers.
    """
    table = pd.read_parquet(path)
    changed = False
    for name in table.columns:
        if pd.api.types.is_numeric_dtype(table[name]):
            continue
        gone = table[name].map(
            lambda value, name=name: (
                isinstance(value, str)
                and bool(value)
                and ((own and name == "text") or repeated.within(value))
            )
        )
        if gone.any():
            table[name] = table[name].where(~gone.astype(bool), "")
            changed = True
    if changed:
        copy.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(copy, index=False)
    return changed


def _simulated(questions: Path) -> set[str]:
    models = pd.read_parquet(questions, columns=["question", "model"])
    return set(models.loc[models["model"].str.startswith(SIMULATED), "question"])


def _blank(path: Path, columns: tuple[str, ...], wanted: Callable[[dict[str, Any]], bool]) -> int:
    """Rewrite a Parquet file with `columns` empty in the rows that are `wanted`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    blanked = 0
    with (
        pq.ParquetFile(path) as table,
        atomic_write(path) as temporary,
        pq.ParquetWriter(temporary, table.schema_arrow, compression="zstd") as writer,
    ):
        for batch in table.iter_batches():
            rows = batch.to_pylist()
            for row in rows:
                if wanted(row):
                    blanked += 1
                    row |= dict.fromkeys(columns)
            writer.write_table(pa.Table.from_pylist(rows, schema=table.schema_arrow))
    return blanked


def repeats(path: Path, owned: Phrases) -> bool:
    """Whether a table of the run repeats words of `owned`.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read as Parquet ({error}).", where=path) from error
    for name in table.columns:
        if pd.api.types.is_numeric_dtype(table[name]):
            continue
        texts = {value for value in table[name] if isinstance(value, str)}
        if any(owned.within(text) for text in texts):
            return True
    return False
