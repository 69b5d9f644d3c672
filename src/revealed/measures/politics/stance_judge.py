"""How well a judge hears where a free answer stands: its errors on answers of a known stance.

A judge says of every answer of a labeled set whether it is in favor, against or neither, and
M[t, h], the chance that the stance t is heard as h, is counted for proposals of the left and of the
right apart: a judge may hear agreement with one side that it does not hear with the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from ..intervals import Array, Estimate, binomial_interval, share

Ints = NDArray[np.int64]

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

    ``heard`` has a row for each labeled answer that was heard: the shares of its readings by stance
    (n, 3); ``side`` (0 left, 1 right), ``true`` (number of the stance) and ``times`` (how often it
    was read) have shape (n,). ``accuracy`` and ``bias`` are estimates: share heard right; and how
    much more in favor of the left's proposals than of the right's it hears answers than they are,
    in net stance (0 if it is fair, positive to the left). ``why`` says why its readings cannot be
    corrected, or "".
    """

    name: str
    heard: Array
    side: Ints
    true: Ints
    times: Array
    accuracy: Estimate
    accuracy_by_lean: Mapping[str, Estimate]
    bias: Estimate
    asked: int
    why: str

    @property
    def confusion(self) -> Array:
        """M by side, shape (2, 3, 3): rows sum to 1."""
        return _confusion(self.heard, self.side, self.true)

    def variance(self, side: int, p: Array, c: Array) -> float:
        """What not knowing M of a side adds to the variance of c'q, q = M'p the shares heard.

        Sum over stances t of p_t² v_t, v_t the variance of the mean of c over the answers of that
        stance: answers are clusters, however often each was read.
        """
        total = 0.0
        for t in range(len(STANCES)):
            rows = (self.side == side) & (self.true == t)
            worth, n = self.heard[rows] @ c, int(rows.sum())
            # Answers that are all heard alike show no variance; a third of a reading more of each
            # stance keeps them from being taken for perfectly known.
            readings = float(self.times[rows].sum())
            smooth = (self.times[rows] @ self.heard[rows] + 1.0 / 3.0) / (readings + 1.0)
            least = (smooth @ c**2 - (smooth @ c) ** 2) / readings
            total += float(p[t]) ** 2 * max(float(worth.var(ddof=1)) / n, float(least))
        return total


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
    legible = answers[answers["kind"] == "answered"]
    codes, questions = pd.factorize(legible["question"])
    counts = np.zeros((len(questions), len(STANCES)))
    np.add.at(counts, (codes, legible["value"].to_numpy(int)), 1.0)
    times = counts.sum(axis=1)
    heard = counts / np.maximum(times, 1.0)[:, None]
    about = labeled.loc[questions]
    side = about["lean"].map(list(LEANS).index).to_numpy(np.int64)
    true = about["stance"].map(STANCES.index).to_numpy(np.int64)
    right = counts[np.arange(len(true)), true]
    method = "labeled answers as clusters, logit scale"
    by_lean = {
        lean: share(right[side == k], times[side == k], method) for k, lean in enumerate(LEANS)
    }
    return Judge(
        name, heard, side, true, times, share(right, times, method), by_lean,
        _bias(heard @ NET - NET[true], side), len(answers),
        _why(heard, side, true, len(legible) / max(1, len(answers))),
    )  # fmt: skip


def best(judges: Sequence[Judge]) -> Judge | None:
    """The judge to take: of those whose errors can be taken out, the best on its worse side."""
    fit = [judge for judge in judges if not judge.why]
    worse = {j.name: min(e.value for e in j.accuracy_by_lean.values()) for j in fit}
    return max(fit, key=lambda judge: worse[judge.name], default=None)


def _confusion(heard: Array, side: Ints, true: Ints) -> Array:
    made = np.zeros((2, len(STANCES), len(STANCES)))
    for k in range(2):
        for t in range(len(STANCES)):
            rows = (side == k) & (true == t)
            made[k, t] = heard[rows].mean(axis=0) if rows.any() else np.nan
    return made


def _bias(error: Array, side: Ints) -> Estimate:
    """Mean error in net stance on the left's proposals less that on the right's."""
    method = "error in net stance, left less right, Welch over labeled answers"
    left, right = error[side == 0], error[side == 1]
    n = len(error)
    if min(len(left), len(right)) < 2:
        return Estimate(np.nan, None, None, n, method, "too few labeled answers")
    value = float(left.mean() - right.mean())
    if not left.std() + right.std() > 0:
        # All alike: as many errors of the largest size, 2, as none seen in so many allows.
        half = 2.0 * sum(binomial_interval(0, len(seen))[1] for seen in (left, right))
        return Estimate(value, value - half, value + half, n, method, "all answers are heard alike")
    found = stats.ttest_ind(left, right, equal_var=False).confidence_interval(0.95)
    return Estimate(value, float(found.low), float(found.high), n, method)


def _why(heard: Array, side: Ints, true: Ints, legible: float) -> str:
    """Why the confusion cannot be inverted; empty if it can."""
    if legible < LEGIBLE_NEEDED:
        return "it says no stance of too many labeled answers"
    if np.bincount(side * len(STANCES) + true, minlength=6).min() < LABELED_NEEDED:
        return "too few labeled answers of a stance and side"
    confusion = _confusion(heard, side, true)
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
