"""The raw answers of a run, found by the model that was asked and in which words.

For the report, which shows what was said to a pair. Reads the ledger and never writes to it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .ledger_trouble import TROUBLE, explain
from .request import canonical
from .spec import RespondentSpec


class RawAnswer(NamedTuple):
    """One answer: its sample number, its status (ok, refused, failed) and its text as it came."""

    sample: int
    status: str
    text: str


class RawAnswers:
    """All answers of a ledger in memory, about 200 bytes each besides their texts.

    Equal texts are kept once. Reasoning, costs and log-probabilities are not read.

    Parameters
    ----------
    path
        The ledger. Where there is none, nobody has answered anything.

    Raises
    ------
    DataError
        If the file is not a ledger or is damaged.
    """

    def __init__(self, path: Path):
        self._questions: dict[bytes, list[str]] = defaultdict(list)
        self._answers: dict[str, list[RawAnswer]] = defaultdict(list)
        if not path.is_file():
            return
        same: dict[str, str] = {}
        try:
            connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            try:
                for question, *asked in connection.execute(
                    "SELECT question, model, messages, params FROM questions"
                ):
                    self._questions[_mark(*asked)].append(question)
                for question, sample, status, text in connection.execute(
                    "SELECT question, sample, status, text FROM answers"
                ):
                    said = same.setdefault(text or "", text or "")
                    self._answers[question].append(RawAnswer(sample, status, said))
            finally:
                connection.close()
        except TROUBLE as error:
            raise explain(error, path) from error

    def __len__(self) -> int:
        return sum(map(len, self._answers.values()))

    def of(self, spec: RespondentSpec, messages: Sequence[Mapping[str, str]]) -> list[RawAnswer]:
        """What was said to exactly these messages as `spec` puts them, by the number of the sample.

        By model and temperature and not by name: two respondents that ask one model the same in the
        same way share its answers, which bear the name of who asked first.
        """
        asked = canonical(messages).decode()
        # A provider that takes no temperature is sent none.
        marks = {_mark(spec.model, asked, sent) for sent in (_params(spec.temperature), "{}")}
        found = [
            answer
            for mark in marks
            for question in self._questions.get(mark, ())
            for answer in self._answers.get(question, ())
        ]
        return sorted(found, key=lambda answer: answer.sample)


def _params(temperature: float) -> str:
    return json.dumps({"temperature": temperature})


def _mark(model: str, messages: str, params: str) -> bytes:
    """What tells questions apart here; labels are read off or sampled at one temperature alike."""
    temperature = json.loads(params).get("temperature")
    told = f"{model}\n{temperature}\n{messages}"
    return hashlib.blake2b(told.encode(), digest_size=16).digest()
