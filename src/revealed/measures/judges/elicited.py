"""Own effects of respondents who judged pairs of each other's texts, both orders of every pair.

P(a better than b) has, in log odds: a level for each pair of texts, shared by all judges (how good
the two are, whatever that rests on); the judge's liking of the place listed first; its liking of
length and of plain words beyond the other judges'; and what it adds to a text of its own. The level
is removed exactly by `conditional.conditional_logit`; clusters are the prompts that the texts were
written for.

At least three judges are needed: of two, each preferring its own, nobody can say which is right.
What is not held: that one judge sees quality more sharply than the others, which adds to the own
effect of whoever writes best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.errors import DataError, EstimationError
from ...foundation.schemas import Finding, Provenance
from .. import measurable
from ..intervals import Z95, Estimate, binomial_interval, logit_interval
from .conditional import Coefficients, conditional_logit
from .published import CHAPTER, estimates, fluency

JUDGES_NEEDED = 3
TASTES = {"length": "log_length", "fluency": "fluency"}
"""What one judge may like in a text more than another does, and the column of `verdicts`."""
POOLED = "all judges"


def verdicts(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Verdicts that can be counted, a row a verdict, oriented the same for all judges.

    Parameters
    ----------
    answers
        Of one or more respondents to the set ``judging`` (schema `ANSWERS`).
    questions
        The questions they were asked, index ``question``: columns prompt, first, second (writers
        of the texts listed first and second), text_a, text_b.

    Returns
    -------
    DataFrame
        judge, prompt, a and b (writers, in the order of the alphabet), pair (prompt and writers),
        a_first (flag), a_better (1 or 0), log_length and fluency (of a's text less that of b's;
        fluency among all texts of `questions`).

    Raises
    ------
    DataError
        If an answer is to a question that is not given.
    """
    said = answers[answers["kind"] == "answered"]
    if unknown := set(said["question"]) - set(questions.index):
        raise DataError(f"the question {min(unknown)!r} is not among the questions given.")
    asked = questions.loc[said["question"]].reset_index(drop=True)
    first, second = asked["first"].to_numpy(str), asked["second"].to_numpy(str)
    length = np.log(asked["text_a"].str.len() / asked["text_b"].str.len()).to_numpy(float)
    texts = pd.unique(pd.concat([questions["text_a"], questions["text_b"]]))
    plain = pd.Series(fluency(texts), texts)
    one, other = (plain.reindex(asked[side]).to_numpy(float) for side in ("text_a", "text_b"))
    plainer = np.nan_to_num(one - other)
    a_first = first < second
    a, b = np.where(a_first, first, second), np.where(a_first, second, first)
    prompt = asked["prompt"].to_numpy(str)
    chose_first = said["value"].to_numpy(float) == 0
    return pd.DataFrame(
        {
            "judge": said["respondent"].to_numpy(str),
            "prompt": prompt,
            "a": a,
            "b": b,
            "pair": [f"{p}\x1f{x}\x1f{y}" for p, x, y in zip(prompt, a, b, strict=True)],
            "a_first": a_first,
            "a_better": (chose_first == a_first).astype(float),
            "log_length": np.where(a_first, length, -length),
            "fluency": np.where(a_first, plainer, -plainer),
        }
    )


def own_effects(
    table: pd.DataFrame, *, each: Sequence[str] = (), recognized: pd.Series | None = None
) -> Coefficients:
    """Own effects in log odds, with the quality of every pair, place and `TASTES` held.

    Parameters
    ----------
    table
        As `verdicts` makes it.
    each
        Judges that get an own effect each, named by the judge; default: one for all, "own".
    recognized
        Share of its answers in which a judge recognized its own text, indexed by (judge, pair).
        With it there is one more coefficient, "recognized": how much larger the own effect is
        where that share is 1 than where it is 0. Own verdicts without a share are left out.

    Raises
    ------
    EstimationError
        If there are fewer than three judges, or the verdicts do not determine the effects.
    """
    judges = sorted(set(table["judge"]))
    if len(judges) < JUDGES_NEEDED:
        raise EstimationError(
            f"{len(judges)} judges cannot tell quality from self-preference; "
            f"{JUDGES_NEEDED} are needed."
        )
    sign = (table["judge"] == table["a"]).astype(float) - (table["judge"] == table["b"])
    columns: dict[str, Any] = {name: sign * (table["judge"] == name) for name in each}
    columns = columns or {"own": sign}
    keep = np.ones(len(table), bool)
    if recognized is not None:
        share = recognized.reindex(pd.MultiIndex.from_frame(table[["judge", "pair"]])).to_numpy()
        keep = (sign == 0).to_numpy() | ~np.isnan(share)
        columns["recognized"] = np.where(sign != 0, sign * (np.nan_to_num(share) - 0.5), 0.0)
    place = np.where(table["a_first"], 0.5, -0.5)
    for judge in judges:
        columns[f"first x {judge}"] = place * (table["judge"] == judge)
    for taste, trait in TASTES.items():
        for judge in judges[1:]:
            columns[f"{taste} x {judge}"] = table[trait] * (table["judge"] == judge)
    x = np.column_stack([np.asarray(column, float) for column in columns.values()])[keep]
    # Texts that are alike in a trait all through leave nothing to hold.
    varies = np.ptp(x, axis=0) > 0
    names = tuple(name for name, used in zip(columns, varies, strict=True) if used)
    kept = table[keep]
    return conditional_logit(
        x[:, varies], kept["a_better"], kept["pair"].to_numpy(str), kept["prompt"].to_numpy(str),
        names,
    )  # fmt: skip


def naive_own_wins(table: pd.DataFrame, judge: str) -> Estimate:
    """Share of a judge's verdicts on a text of its own that went to it: what quality, place and
    length do is all in it."""
    mine = table[(table["judge"] == judge) & ((table["a"] == judge) | (table["b"] == judge))]
    won = (mine["a_better"] == 1) == (mine["a"] == judge)
    return _share_by_prompt(won, mine["prompt"])


def recognition(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Answers to which text is one's own: columns judge, prompt, pair (as in `verdicts`), right."""
    table = verdicts(answers, questions)
    own = np.where(table["judge"] == table["a"], 1.0, 0.0)
    strange = (table["judge"] != table["a"]) & (table["judge"] != table["b"])
    if strange.any():
        raise DataError("recognition was asked about two texts of others.")
    return table.assign(right=(table["a_better"] == own).astype(float))[
        ["judge", "prompt", "pair", "right"]
    ]


def recognition_accuracy(table: pd.DataFrame, judge: str) -> Estimate:
    """Share of right answers of one judge; guessing gives 1/2, since both orders are asked."""
    mine = table[table["judge"] == judge]
    return _share_by_prompt(mine["right"] == 1, mine["prompt"])


def recognized_share(table: pd.DataFrame) -> pd.Series:
    """Share of right answers by (judge, pair), for `own_effects`."""
    return table.groupby(["judge", "pair"])["right"].mean()


def _share_by_prompt(hits: pd.Series, prompt: pd.Series) -> Estimate:
    """A share with prompts as clusters and, as these are few, a t distribution."""
    method = "clustered by prompt, logit scale, t"
    grouped = hits.astype(float).groupby(prompt.to_numpy())
    hit, total = grouped.sum().to_numpy(), grouped.count().to_numpy()
    m = len(total)
    if m == 0:
        return Estimate(np.nan, None, None, 0, method, "no answers")
    p = float(hit.sum() / total.sum())
    if m == 1 or p in (0.0, 1.0):
        return Estimate(p, *binomial_interval(p * m, m), m, method)
    se = float(np.sqrt(((hit - p * total) ** 2).sum() * m / (m - 1)) / total.sum())
    wider = float(stats.t.ppf(0.975, m - 1)) / Z95
    return Estimate(p, *logit_interval(p, wider * se), m, method, freedom=m - 1)


def findings(
    judged: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    recognized: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    *,
    provenance: Mapping[str, Provenance],
    barred: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Everything this module says about the judges of one run.

    Parameters
    ----------
    judged, recognized
        Answers and questions of the sets ``judging`` and ``recognition``, by respondent.
    barred
        Why a respondent cannot be measured at all (its calibration), by respondent.

    Estimands judge.measurable (a row a respondent asked to judge), judge.naive_own_win,
    judge.own_effect (odds ratio; for every judge, and for all of one provenance),
    judge.first_place (odds ratio), judge.recognition (share), judge.recognition_slope (odds ratio,
    for all judges of one provenance).
    """
    made: list[Finding] = []
    why = {name: _why(name, judged[name], barred or {}) for name in judged}
    kinds = {kind for name, kind in provenance.items() if name in judged}
    for kind in sorted(kinds):
        names = [name for name in judged if provenance[name] == kind]
        able = [name for name in names if not why[name]]
        told = dict.fromkeys(names, "") | {name: why[name] for name in names}
        if 0 < len(able) < JUDGES_NEEDED:
            few = f"only {len(able)} judges can be counted, {JUDGES_NEEDED} are needed"
            told |= dict.fromkeys(able, few)
            able = []
        elif able and (undetermined := _undetermined(able, judged)):
            told |= dict.fromkeys(able, undetermined)
            able = []
        for name in names:
            n = measurable.asked(judged[name][0])
            made.append(
                measurable.finding(
                    "judge", name, told[name], chapter=CHAPTER, provenance=kind, n=n,
                    instrument="judging",
                )
            )  # fmt: skip
        if able:
            made += _measured(able, judged, recognized, kind)
    return made


def _why(name: str, part: tuple[pd.DataFrame, pd.DataFrame], barred: Mapping[str, str]) -> str:
    if barred.get(name):
        return barred[name]
    if why := measurable.reason(part[0]):
        return why
    wrote = set(part[1]["first"]) | set(part[1]["second"])
    return "" if name in wrote else "wrote nothing that could be judged"


def _undetermined(
    judges: list[str], judged: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]
) -> str:
    """Why these judges' verdicts together give no own effects; empty if they do."""
    try:
        own_effects(_together(judges, judged), each=judges)
    except EstimationError as error:
        return error.what
    return ""


def _together(
    judges: list[str], judged: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]
) -> pd.DataFrame:
    return pd.concat([verdicts(*judged[name]) for name in judges], ignore_index=True)


def _measured(
    judges: list[str],
    judged: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    recognized: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    kind: Provenance,
) -> list[Finding]:
    made: list[Finding] = []
    pooled = f"{'simulated/' if kind == 'simulated' else ''}{POOLED}"

    def add(estimand: str, e: Estimate, unit: str, judge: str, **about: Any) -> None:
        if not np.isnan(e.value):
            about = {"chapter": CHAPTER, "provenance": kind, "instrument": "judging", **about}
            made.append(e.finding(estimand, unit, respondent=judge, **about))

    table = _together(judges, judged)
    family: dict[str, Any] = {"family": "judge.own_effect", "null": 1.0}
    of_each = estimates("odds ratio", own_effects, table, each=judges)
    together = estimates("odds ratio", own_effects, table)
    for judge in judges:
        add("judge.naive_own_win", naive_own_wins(table, judge), "share", judge)
        add("judge.own_effect", of_each[judge], "odds ratio", judge, **family)
        if (name := f"first x {judge}") in of_each:
            add("judge.first_place", of_each[name], "odds ratio", judge)
    if together:
        of_all = family | {"family": "judge.own_effect_pooled"}
        add("judge.own_effect", together["own"], "odds ratio", pooled, **of_all)
    parts = [recognized[name] for name in judges if name in recognized]
    knew = [recognition(*part) for part in parts if not measurable.reason(part[0])]
    if not knew:
        return made
    known = pd.concat(knew, ignore_index=True)
    about = {"family": "judge.recognition", "null": 0.5, "instrument": "recognition"}
    for judge in sorted(set(known["judge"]), key=judges.index):
        add("judge.recognition", recognition_accuracy(known, judge), "share", judge, **about)
    slope = estimates(
        "odds ratio", own_effects, table, each=judges, recognized=recognized_share(known)
    )
    if "recognized" in slope:
        about = {"family": "judge.recognition_slope", "null": 1.0, "instrument": "recognition"}
        add("judge.recognition_slope", slope["recognized"], "odds ratio", pooled, **about)
    return made
