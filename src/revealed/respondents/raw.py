"""The raw answers of a run, found by who was asked and in which words.

For the report, which shows what was said to a pair. Reads the ledger and never writes to it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .ledger_trouble import explain
from .request import canonical


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
        self._answers: dict[tuple[str, str], list[RawAnswer]] = defaultdict(list)
        if not path.is_file():
            return
        same: dict[str, str] = {}
        try:
            connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            try:
                for digest, messages in connection.execute(
                    "SELECT question, messages FROM questions"
                ):
                    self._questions[_mark(messages.encode())].append(digest)
                for question, respondent, sample, status, text in connection.execute(
                    "SELECT question, respondent, sample, status, text FROM answers"
                ):
                    said = same.setdefault(text or "", text or "")
                    who = same.setdefault(respondent, respondent)
                    self._answers[who, question].append(RawAnswer(sample, status, said))
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            raise explain(error, path) from error

    def __len__(self) -> int:
        return sum(map(len, self._answers.values()))

    def of(self, respondent: str, messages: Sequence[Mapping[str, str]]) -> list[RawAnswer]:
        """What `respondent` said to exactly these messages, in the order of the samples."""
        found = [
            answer
            for question in self._questions.get(_mark(canonical(messages)), ())
            for answer in self._answers.get((respondent, question), ())
        ]
        return sorted(found, key=lambda answer: answer.sample)


def _mark(messages: bytes) -> bytes:
    return hashlib.blake2b(messages, digest_size=16).digest()
