"""Free answers, matched to the listed ones by another respondent."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...instruments.experiments.maximisation import given
from ..intervals import Array, Estimate, share
from .posterior import Utilities


def matched(answers: pd.DataFrame, matches: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """Which listed answer each free answer means, by the matcher.

    Parameters
    ----------
    answers
        A respondent's answers to the open questions (schema `ANSWERS`).
    matches, asked
        The matcher's answers (schema `ANSWERS`) and the questions it was asked, with the columns
        ``source``, ``given``, ``order`` and ``again`` (see `study.matching`).

    Returns
    -------
    A row for each legible free answer: source, sample, choice (number of the listed answer from 0;
    -1 for none of them; missing where the matcher gave no legible answer).
    """
    read = _readings(matches, asked)
    first = read[read["again"] == 0].set_index(["source", "given"])["choice"].to_dict()
    legible = answers[answers["kind"] == "answered"]
    rows = [
        (source, sample, first.get((source, given(text)), np.nan))
        for source, sample, text in zip(
            legible["question"], legible["sample"], legible["text"], strict=True
        )
    ]
    return pd.DataFrame(rows, columns=["source", "sample", "choice"])


def matcher_agreement(matches: pd.DataFrame, asked: pd.DataFrame) -> Estimate:
    """How often a matcher says the same of the same words when their order is another."""
    read = _readings(matches, asked).dropna()
    index = ["source", "given"]
    wide = read.pivot_table(index=index, columns="again", values="choice", aggfunc="first")
    wide = wide.reindex(columns=[0, 1]).dropna()
    method = "share of free answers matched alike in two orders, question-clustered"
    if wide.empty:
        return Estimate(np.nan, None, None, 0, method, "nothing was matched twice")
    same = (wide[0] == wide[1]).groupby(level="source").agg(["sum", "count"])
    return share(same["sum"], same["count"], method)


def _readings(matches: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """A row for each question to the matcher: source, given, again, choice."""
    said = matches.drop_duplicates("question").set_index("question")
    table = asked[["source", "given", "order", "again"]].copy()
    letter = said["value"].where(said["kind"] == "answered").reindex(table.index)
    table["choice"] = [
        np.nan if np.isnan(value) else _choice(order, int(value))
        for order, value in zip(table["order"], letter, strict=True)
    ]
    return table


def _choice(order: str, letter: int) -> float:
    listed = order.split()
    return float(listed[letter]) if letter < len(listed) else -1.0


def misread(agreement: float, answers: int) -> float:
    """Share of matches that are wrong, from a matcher's agreement with itself.

    Two independent readings of `answers` listed ones and none agree with chance
    (1-e)² + e²/answers, if a wrong reading is any other with equal chance.
    """
    if not np.isfinite(agreement):
        return 0.0
    k = float(answers)
    a, c = 1.0 + 1.0 / k, 1.0 - min(max(agreement, 1.0 / (k + 1.0)), 1.0)
    return float((1.0 - np.sqrt(max(0.0, 1.0 - a * c))) / a)


def counts(choices: pd.DataFrame, fitted: Utilities) -> Array:
    """How often each listed answer was given to each question of `fitted`, shape (Q, K)."""
    table = np.zeros(fitted.items.shape)
    place = {source: q for q, source in enumerate(fitted.sources)}
    for source, choice in zip(choices["source"], choices["choice"], strict=True):
        if source in place and choice >= 0:
            table[place[source], int(choice)] += 1
    return table
