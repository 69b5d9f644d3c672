"""How well a judge hears where a free answer stands: its errors on answers of a known stance.

A judge says of every answer of a labeled set whether it is in favor, against or neither, and
M[t, h], the chance that the stance t is heard as h, is counted for proposals of the left and of the
right apart: a judge may hear agreement with one side that it does not hear with the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from ..intervals import Array, Estimate, binomial_interval

STANCES = ("favor", "against", "neither")
"""In the order of the form's labels."""
LEANS: Mapping[str, int] = {"left": -1, "right": 1}
NET = np.array([1.0, -1.0, 0.0])
"""What a stance counts in a net stance."""
LEGIBLE_NEEDED = 0.9
"""Share of labeled answers that a judge must have said a stance of."""
LABELED_NEEDED = 8
"""Labeled answers of a stance and side below which a row of M is not counted."""
APART_NEEDED = 0.25
"""Smallest singular value of M below which no correction is made: the errors of q would be made
four times as large, and more."""


@dataclass(frozen=True)
class Judge:
    """How a judge heard the labeled answers.

    ``counts`` has shape (2, 3, 3): side (left, right), true stance, heard stance. ``accuracy`` and
    ``bias`` are estimates: share heard right; and how much more in favor of the left's proposals
    than of the right's it hears answers than they are, in net stance (0 if it is fair, positive to
    the left). ``why`` says why its readings cannot be corrected, or "".
    """

    name: str
    counts: Array
    accuracy: Estimate
    accuracy_by_lean: Mapping[str, Estimate]
    bias: Estimate
    asked: int
    why: str

    @property
    def confusion(self) -> Array:
        """M by side, shape (2, 3, 3): rows sum to 1."""
        return np.asarray(self.counts / np.maximum(self.counts.sum(axis=2, keepdims=True), 1.0))


def validate(name: str, answers: pd.DataFrame, labeled: pd.DataFrame) -> Judge:
    """A judge from its answers to the labeled set.

    Parameters
    ----------
    answers
        Schema `ANSWERS`; ``value`` is the number of the stance heard.
    labeled
        The set's questions, with the columns stance (of `STANCES`) and lean (left or right).

    Raises
    ------
    DataError
        If a label is none of those, or an answer is about no labeled question.
    """
    for column, known in (("stance", STANCES), ("lean", tuple(LEANS))):
        if unknown := set(labeled[column]) - set(known):
            raise DataError(f"{column} {unknown.pop()!r} is none of {', '.join(known)}.")
    if unknown := set(answers["question"]) - set(labeled.index):
        raise DataError(f"the question {unknown.pop()!r} is not in the labeled set.")
    read = answers.join(labeled[["stance", "lean"]], on="question")
    legible = read[read["kind"] == "answered"]
    side = legible["lean"].map(list(LEANS).index).to_numpy(int)
    true = legible["stance"].map(STANCES.index).to_numpy(int)
    heard = legible["value"].to_numpy(int)
    counts = np.zeros((2, 3, 3))
    np.add.at(counts, (side, true, heard), 1.0)
    right = (true == heard).astype(float)
    error = NET[heard] - NET[true]
    by_lean = {lean: _share(right[side == k]) for k, lean in enumerate(LEANS)}
    return Judge(
        name, counts, _share(right), by_lean, _bias(error, side), len(answers),
        _why(counts, len(answers)),
    )  # fmt: skip


def _share(hits: Array) -> Estimate:
    n = len(hits)
    if not n:
        return Estimate(np.nan, None, None, 0, "labeled answers, exact binomial", "none")
    low, high = binomial_interval(float(hits.sum()), n)
    return Estimate(float(hits.mean()), low, high, n, "labeled answers, exact binomial")


def _bias(error: Array, side: Array) -> Estimate:
    """Mean error in net stance on the left's proposals less that on the right's."""
    method = "error in net stance, left less right, Welch"
    left, right = error[side == 0], error[side == 1]
    n = len(error)
    if min(len(left), len(right)) < 2:
        return Estimate(np.nan, None, None, n, method, "too few labeled answers")
    found = stats.ttest_ind(left, right, equal_var=False)
    value = float(left.mean() - right.mean())
    if np.isnan(found.statistic):  # no error at all on either side
        return Estimate(value, None, None, n, method, "no answer was heard wrong")
    low, high = found.confidence_interval(0.95)
    return Estimate(value, float(low), float(high), n, method)


def _why(counts: Array, asked: int) -> str:
    """Why the confusion cannot be inverted; empty if it can."""
    legible = counts.sum()
    if not asked or legible / asked < LEGIBLE_NEEDED:
        return "it says no stance of too many labeled answers"
    if counts.sum(axis=2).min() < LABELED_NEEDED:
        return "too few labeled answers of a stance and side"
    confusion = counts / counts.sum(axis=2, keepdims=True)
    apart = float(np.linalg.svd(confusion, compute_uv=False)[:, -1].min())
    if apart < APART_NEEDED:
        return f"it tells the stances apart too badly (smallest singular value {apart:.2f})"
    return ""


def judge_findings(judge: Judge, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """How well a judge hears: politics.stance.accuracy (all, and by side) and .bias (null 0)."""
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "respondent": judge.name,
        "instrument": "stance_labelled",
    }  # fmt: skip
    note = f"cannot be corrected: {judge.why}" if judge.why else ""
    made = []
    for subject, e in (("", judge.accuracy), *judge.accuracy_by_lean.items()):
        if not np.isnan(e.value):
            more = {**about, "subject": subject, "note": note}
            made.append(e.finding("politics.stance.accuracy", "share", **more))
    if not np.isnan(judge.bias.value):
        name = "politics.stance.bias"
        made.append(judge.bias.finding(name, "net stance", **about, family=name, null=0.0))
    return made
