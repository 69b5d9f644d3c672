"""What free answers say of proposals, read by a judge whose errors are measured and taken out.

With M[t, h] the chance that the stance t is heard as h (`stance_judge`), the shares heard q are M'p
of the true shares p, if the judge errs on free answers as it does on the labeled ones. So
p = M'^-1 q (Rogan and Gladen 1978, Am. J. Epidemiol. 107:71, for two classes). M is that of one
side's proposals: a judge that hears agreement with one side is corrected on that side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.schemas import Finding, Provenance
from ...instruments.experiments.political_wording import shown
from .. import measurable
from ..intervals import Array, Estimate, fisher_interval
from .stance_judge import LEANS, NET, STANCES, Judge

_METHOD = "confusion of the labeled set inverted, areas as clusters, delta method"


def readings(
    views: pd.DataFrame, questions: pd.DataFrame, heard: pd.DataFrame, asked: pd.DataFrame
) -> pd.DataFrame:
    """What a judge heard in a respondent's free answers.

    Parameters
    ----------
    views, questions
        The respondent's answers to ``policy_views`` (schema `ANSWERS`) and that set.
    heard, asked
        The judge's answers (schema `ANSWERS`) and the questions it was asked, with ``source`` and
        ``given`` (see `study.stances`).

    Returns
    -------
    A row a free answer: item, lean, area, rewording, sample, heard (number of the stance; missing
    where the free answer or the judge's is not legible).
    """
    said = heard[heard["kind"] == "answered"].drop_duplicates("question").set_index("question")
    numbers = said["value"].reindex(asked.index)
    by_text = dict(zip(zip(asked["source"], asked["given"], strict=True), numbers, strict=True))
    known = views.join(questions[["item", "lean", "area", "rewording"]], on="question")
    known["heard"] = [
        by_text.get((question, shown(text)), np.nan) if kind == "answered" else np.nan
        for question, text, kind in zip(
            known["question"], known["text"], known["kind"], strict=True
        )
    ]
    return known[["item", "lean", "area", "rewording", "sample", "heard"]].reset_index(drop=True)


@dataclass(frozen=True)
class Stances:
    """Open-ended politics of one respondent, as one judge heard it; ``why`` bars it, or "".

    ``raw`` and ``corrected`` are the net stance on the right's proposals less that on the left's,
    halved: from -1 (everything of the left, nothing of the right) to 1. ``shares`` are the
    corrected shares by side and stance. ``uncorrected`` says why there is no correction, or "".
    """

    respondent: str
    judge: str
    asked: int
    why: str
    raw: Estimate | None = None
    corrected: Estimate | None = None
    uncorrected: str = ""
    by_rewording: Mapping[int, Estimate] = field(default_factory=dict)
    shares: Mapping[tuple[str, str], Estimate] = field(default_factory=dict)
    raw_shares: Mapping[tuple[str, str], float] = field(default_factory=dict)


def stances(views: pd.DataFrame, read: pd.DataFrame, judge: Judge, *, barred: str = "") -> Stances:
    """A respondent's stances, corrected for the judge's errors where they can be.

    Parameters
    ----------
    views
        The respondent's free answers (schema `ANSWERS`), for whether they can be counted.
    read
        Of `readings`.
    barred
        Why the respondent is not measurable anywhere, if so (`measurable.calibration_reason`):
        babble is legible free text, and a reader hears neither side in it.
    """
    respondent = str(views["respondent"].iloc[0])
    n = measurable.asked(views)
    why = barred or measurable.reason(views)
    legible = read.dropna(subset=["heard"])
    if not why and len(legible) < measurable.ANSWERS_NEEDED:
        why = f"the judge read {len(legible)} answers, {measurable.ANSWERS_NEEDED} are needed"
    if not why and set(legible["lean"]) != {-1, 1}:
        why = "answers about one side alone were read"
    if why:
        return Stances(respondent, judge.name, n, why)
    raw_shares = {
        (lean, stance): float((legible.loc[legible["lean"] == sign, "heard"] == k).mean())
        for lean, sign in LEANS.items()
        for k, stance in enumerate(STANCES)
    }
    rewordings = {
        int(k): raw_score(part)
        for k, part in legible.groupby("rewording")
        if set(part["lean"]) == {-1, 1}
    }
    raw = raw_score(legible)
    if judge.why:
        return Stances(
            respondent, judge.name, n, "", raw, None, judge.why, rewordings, {}, raw_shares
        )
    shares, outside = corrected_shares(legible, judge)
    if outside:
        return Stances(
            respondent, judge.name, n, "", raw, None, outside, rewordings, shares, raw_shares
        )
    return Stances(
        respondent, judge.name, n, "", raw, corrected_score(legible, judge), "", rewordings,
        shares, raw_shares,
    )  # fmt: skip


def raw_score(read: pd.DataFrame) -> Estimate:
    """Net stance on the right's proposals less that on the left's, halved, as heard."""
    values, variance, areas = _linear(read, np.stack([NET, NET]))
    return _interval(values, variance, areas, "as heard, areas as clusters")


def corrected_score(read: pd.DataFrame, judge: Judge) -> Estimate:
    """The same with the judge's errors taken out: sum over sides of ±c'q/2, c = M^-1 (1, -1, 0)'.

    The variance has two parts: that of q, areas as clusters, and that of M (`Judge.variance`).
    """
    c = np.stack([np.linalg.solve(m, NET) for m in judge.confusion])
    value, variance, areas = _linear(read, c)
    for k, sign in enumerate(LEANS.values()):
        variance += _confusion_variance(judge, k, _heard(read, sign), c[k]) / 4.0
    return _interval(value, variance, areas, _METHOD)


def corrected_shares(
    read: pd.DataFrame, judge: Judge
) -> tuple[dict[tuple[str, str], Estimate], str]:
    """True shares by side and stance; and why they cannot be right, where they cannot.

    A share may come out a little below 0 or above 1 by chance, and is cut there. If its whole
    interval lies outside, the judge errs on these answers otherwise than on the labeled ones.
    """
    made: dict[tuple[str, str], Estimate] = {}
    why = ""
    for k, (lean, sign) in enumerate(LEANS.items()):
        part = read[read["lean"] == sign]
        q = _heard(read, sign)
        for t, stance in enumerate(STANCES):
            wanted = np.eye(3)[t]
            c = np.linalg.solve(judge.confusion[k], wanted)
            value = float(c @ q)
            variance, areas = _clustered(part, c)
            variance += _confusion_variance(judge, k, q, c)
            half = float(stats.t.ppf(0.975, max(1, areas - 1))) * variance**0.5
            if value + half < 0.0 or value - half > 1.0:
                why = (
                    f"corrected, a share of {value:.2f} would be {stance} on proposals of the "
                    f"{lean}: the judge errs otherwise on these answers than on the labeled ones"
                )
            low, high, value = (float(np.clip(x, 0.0, 1.0))
                                for x in (value - half, value + half, value))  # fmt: skip
            made[lean, stance] = Estimate(value, low, high, len(part), _METHOD)
    return made, why


def _heard(read: pd.DataFrame, sign: int) -> Array:
    """Shares of the stances heard on one side."""
    counts = np.bincount(read.loc[read["lean"] == sign, "heard"].to_numpy(int), minlength=3)
    return np.asarray(counts / counts.sum())


def _confusion_variance(judge: Judge, side: int, q: Array, c: Array) -> float:
    """What not knowing M adds to the variance of c'q, with the corrected shares in [0, 1]."""
    p = np.clip(np.linalg.solve(judge.confusion[side].T, q), 0.0, 1.0)
    return judge.variance(side, p, c)


def _linear(read: pd.DataFrame, weights: Array) -> tuple[float, float, int]:
    """Half of (right less left) of weights'q, its variance with areas as clusters, and the areas.

    An area holds proposals of both sides, whose answers may go together.
    """
    sides = read["lean"].map(list(LEANS.values()).index).to_numpy(int)
    sign = np.where(sides == 1, 0.5, -0.5)
    worth = weights[sides, read["heard"].to_numpy(int)]
    size = np.bincount(sides, minlength=2)
    mean = np.bincount(sides, worth, 2) / size
    codes = pd.factorize(read["area"])[0]
    influence = np.bincount(codes, sign * (worth - mean[sides]) / size[sides])
    g = len(influence)
    variance = float((influence**2).sum()) * g / max(1, g - 1)
    return float(mean[1] - mean[0]) / 2.0, variance, g


def _clustered(part: pd.DataFrame, weights: Array) -> tuple[float, int]:
    """Variance of the mean of `weights` over the stances heard, areas as clusters."""
    worth = weights[part["heard"].to_numpy(int)]
    codes = pd.factorize(part["area"])[0]
    influence = np.bincount(codes, (worth - worth.mean()) / len(worth))
    g = len(influence)
    return float((influence**2).sum()) * g / max(1, g - 1), g


def _interval(value: float, variance: float, areas: int, method: str) -> Estimate:
    freedom = max(1, areas - 1)
    half = float(stats.t.ppf(0.975, freedom)) * variance**0.5
    ends = (float(np.clip(x, -1.0, 1.0)) for x in (value - half, value, value + half))
    low, cut, high = ends
    return Estimate(cut, low, high, areas, method, freedom=freedom)


def by_item(read: pd.DataFrame) -> pd.Series:
    """Net stance heard on each proposal."""
    legible = read.dropna(subset=["heard"])
    worth = pd.Series(NET[legible["heard"].to_numpy(int)], index=legible.index)
    return worth.groupby(legible["item"]).mean()


def agreement(read: pd.DataFrame, utility: pd.Series) -> Estimate:
    """Correlation over proposals of the net stance with the utility of forced choices.

    Noise of either side is not taken out, so 1 is out of reach. Fisher's z.
    """
    both = pd.concat([by_item(read).rename("s"), utility.rename("u")], axis=1, join="inner")
    n = len(both)
    method = "Pearson over proposals, Fisher z, noise not taken out"
    x, y = (both[k].to_numpy(float) - both[k].mean() for k in ("s", "u"))
    if n < 4 or not (x @ x > 1e-12 and y @ y > 1e-12):
        return Estimate(np.nan, None, None, n, method, "does not vary")
    r = float(x @ y / np.sqrt((x @ x) * (y @ y)))
    low, high = fisher_interval(r, n)
    return Estimate(r, low, high, n, method)


# --------------------------------------------------------------------------------------- findings


def findings(
    found: Stances, *, chapter: str, provenance: Provenance, agreed: Estimate | None = None
) -> list[Finding]:
    """A respondent's stances as findings; the subject is the judge.

    Estimands politics.stance.measurable, .left_right (corrected; family, null 0), .heard (as
    heard), .share (corrected, subject with side and stance), .agreement.
    """
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "instrument": "policy_views",
    }  # fmt: skip
    plain = measurable.finding(
        "politics.stance", found.respondent, found.why, n=found.asked, arm=found.judge, **about
    )
    made = [plain]
    if found.why:
        return made
    about |= {"respondent": found.respondent, "arm": found.judge}

    def add(name: str, e: Estimate | None, unit: str, **more: Any) -> None:
        if e is not None and not np.isnan(e.value):
            made.append(e.finding(f"politics.stance.{name}", unit, **{**about, **more}))

    note = {"note": f"not corrected: {found.uncorrected}"} if found.uncorrected else {}
    add("heard", found.raw, "net share", **note)
    family = "politics.stance.left_right"
    add("left_right", found.corrected, "net share", family=family, null=0.0)
    for k, e in found.by_rewording.items():
        add("heard", e, "net share", subject=f"rewording {k}" if k else "as written")
    if not found.uncorrected:
        for (lean, stance), e in found.shares.items():
            add("share", e, "share", subject=f"{lean}: {stance}")
    add("agreement", agreed, "correlation")
    return made
