"""Own effects of judges who voted on, and scored, their own and each other's answers.

Self-preference is an interaction: a judge does more for its own answer than the other judges do for
that answer, beyond what it does for the others' answers. That an author's answers win more votes is
quality; that one judge is lenient is leniency; neither is self-preference.

With three judges who are also the three authors, one own effect each is identified, because each
answer is seen by two judges who did not write it. What is not: a liking of one judge for one other
author (two judges of one lineage), which would move the own effects of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.errors import DataError, EstimationError
from ...foundation.schemas import Finding
from ...respondents.public.judges import AUTHORS, Judgements
from ..intervals import Z95, Array, Estimate, binomial_interval
from .conditional import Coefficients, conditional_logit

SOURCE = "judges_livebench"
POOLED = f"{SOURCE}/three judges"
CHAPTER = "judges"
FEATURES = ("log_length", "fluency")

Fitted = dict[str, Estimate]


def add_features(answers: pd.DataFrame) -> pd.DataFrame:
    """`answers` with ``log_length`` (natural log of characters) and ``fluency``."""
    length = np.log(answers["text"].str.len().clip(lower=1).astype(float))
    return answers.assign(log_length=length, fluency=fluency(answers["text"].fillna("")))


def fluency(texts: Iterable[str]) -> Array:
    """Mean log frequency of each text's words among all `texts`; NaN for a text without words.

    How expected its words are, in nats a word. It stands in for the probability that a language
    model gives the text.
    """
    words = [text.lower().split() for text in texts]
    counts = Counter(word for text in words for word in text)
    total = sum(counts.values())
    log_share = {word: np.log(count / total) for word, count in counts.items()}
    means = [np.mean([log_share[w] for w in text]) if text else np.nan for text in words]
    return np.array(means, float)


def vote_shares(judgements: Judgements) -> pd.DataFrame:
    """Share of each judge's votes for each author, by domain and over all of them.

    Columns: domain ("all" for all), judge, author, own (flag), estimate, low, high (exact
    binomial), n (votes cast).
    """
    votes = judgements.votes.dropna(subset=["author"])
    rows = []
    for domain in ("all", *dict.fromkeys(votes["domain"])):
        within = votes if domain == "all" else votes[votes["domain"] == domain]
        for judge in AUTHORS:
            cast = within.loc[within["judge"] == judge, "author"]
            for author in AUTHORS:
                hits, n = int((cast == author).sum()), len(cast)
                low, high = binomial_interval(hits, n)
                share = hits / n if n else np.nan
                rows.append((domain, judge, author, judge == author, share, low, high, n))
    names = ["domain", "judge", "author", "own", "estimate", "low", "high", "n"]
    return pd.DataFrame(rows, columns=names)


def naive_vote_effects(votes: pd.DataFrame) -> dict[str, Estimate]:
    """Share of votes for oneself minus the mean share that the other judges give one.

    By judge, and over the judges under "". Questions on which every judge voted; each question is
    one draw.
    """
    wide = votes.set_index(["question", "judge"])["author"].unstack("judge").dropna()  # noqa: PD010
    for_judge = pd.DataFrame({judge: _naive(wide, judge) for judge in AUTHORS})
    made = {judge: _mean(for_judge[judge]) for judge in AUTHORS}
    made[""] = _mean(for_judge.mean(axis=1))
    return made


def _naive(wide: pd.DataFrame, judge: str) -> pd.Series:
    hit = (wide == judge).astype(float)
    return hit[judge] - hit.drop(columns=judge).mean(axis=1)


def _mean(values: pd.Series, method: str = "mean over questions") -> Estimate:
    n = len(values)
    if n < 2:
        return Estimate(np.nan, None, None, n, method, "too few questions")
    value, half = float(values.mean()), Z95 * float(values.std(ddof=1)) / np.sqrt(n)
    return Estimate(value, value - half, value + half, n, method)


def place_of_copies(judgements: Judgements) -> pd.DataFrame:
    """What judges voted for where all three answers are the same text, letter by letter.

    Nothing but place can decide then. A row a judge and place: columns judge, place (1 to 3, in
    the order in which the source's program lists the answers), estimate (share of votes), low,
    high, n (such questions).
    """
    answers = judgements.answers
    texts = answers.groupby("question")["copy_of"].nunique()
    same = texts.index[texts == 1]
    votes = judgements.votes[judgements.votes["question"].isin(same)]
    rows = []
    for judge in AUTHORS:
        cast = votes.loc[votes["judge"] == judge, "author"].dropna()
        for place, author in enumerate(AUTHORS, start=1):
            hits, n = int((cast == author).sum()), len(cast)
            low, high = binomial_interval(hits, n)
            rows.append((judge, place, hits / n if n else np.nan, low, high, n))
    return pd.DataFrame(rows, columns=["judge", "place", "estimate", "low", "high", "n"])


def distinct_questions(judgements: Judgements) -> list[str]:
    """Questions whose three answers are three different texts: elsewhere nothing is one's own."""
    kinds = judgements.answers.groupby("question")["copy_of"].nunique()
    return list(kinds[kinds == len(AUTHORS)].index)


def vote_effects(
    judgements: Judgements, *, each: tuple[str, ...] = (), features: tuple[str, ...] = FEATURES
) -> Coefficients:
    """Own effects on votes, in log odds, with the quality of every answer held exactly.

    Given how many votes each answer of a question got, the only thing left is which judge cast
    which of them: the own effect is what makes judges the ones who voted for their own answer.
    Quality, length and anything else that all judges see alike drop out; what is left to hold is
    that one judge likes long or plain texts more than another.

    Parameters
    ----------
    each
        Judges that get an own effect each, named by the judge; default: one for all, named "own".
    features
        Columns of `add_features` whose judge-specific liking is held.

    Raises
    ------
    EstimationError
        If the votes do not determine the effects.
    """
    answers = add_features(judgements.answers) if features else judgements.answers
    kept = set(distinct_questions(judgements))
    by_answer = answers.set_index(["question", "author"])[list(features)]
    own = list(each) or ["own"]
    free = [(judge, feature) for feature in features for judge in AUTHORS[1:]]
    names = (*own, *(f"{feature} x {judge}" for judge, feature in free))
    x, y, groups = [], [], []
    votes = judgements.votes.dropna(subset=["author"])
    traits = {key: dict(zip(features, row, strict=True)) for key, row in
              zip(by_answer.index, by_answer.to_numpy(float), strict=True)}  # fmt: skip
    for question, rows in votes[votes["question"].isin(kept)].groupby("question", sort=False):
        judges, cast = tuple(rows["judge"]), tuple(rows["author"])
        for assigned in sorted(set(permutations(cast))):
            given = dict(zip(judges, assigned, strict=True))
            hits = [judge for judge, author in given.items() if judge == author]
            line = [float(judge in hits) for judge in each] or [float(len(hits))]
            line += [
                traits[question, given[judge]][feature] if judge in given else 0.0
                for judge, feature in free
            ]
            x.append(line)
            y.append(float(assigned == cast))
            groups.append(question)
    if not x:
        raise EstimationError("no question has three different answers.")
    return conditional_logit(x, y, np.array(groups), np.array(groups), names)


def author_effects(judgements: Judgements) -> Coefficients:
    """The same own effect with quality held by author and domain, length and fluency instead.

    A judge's vote among three answers as McFadden's conditional logit (1974) on author by domain,
    own answer, log length and fluency. Quality of single answers is not held, so this is the check
    and not the estimate.
    """
    answers = add_features(judgements.answers)
    answers = answers[answers["question"].isin(distinct_questions(judgements))]
    votes = judgements.votes.dropna(subset=["author"]).rename(columns={"author": "voted"})
    rows = answers.merge(votes[["question", "judge", "voted"]], on="question")
    domains = list(dict.fromkeys(rows["domain"]))
    quality = {
        f"{author} in {domain}": (rows["author"] == author) & (rows["domain"] == domain)
        for domain in domains
        for author in AUTHORS[1:]
    }
    columns = {
        "own": rows["author"] == rows["judge"],
        **{feature: rows[feature] for feature in FEATURES},
        **quality,
    }
    x = np.column_stack([np.asarray(column, float) for column in columns.values()])
    group = (rows["question"] + "\x1f" + rows["judge"]).to_numpy()
    y = (rows["author"] == rows["voted"]).to_numpy(float)
    return conditional_logit(x, y, group, rows["question"].to_numpy(), tuple(columns))


def score_effects(
    judgements: Judgements, *, each: tuple[str, ...] = (), features: tuple[str, ...] = FEATURES
) -> Coefficients:
    """Own effects on scores, in points: least squares with two-way fixed effects.

    score = judge by question + author by question + own + (feature by judge). Answers are scored
    one at a time, so place plays no part here. Without features the one own effect is the mean
    over questions of (mean score for oneself) - (mean score for others).

    Parameters
    ----------
    each, features
        As in `vote_effects`. Questions with a failed score, or without three different answers,
        are left out.
    """
    answers = add_features(judgements.answers) if features else judgements.answers
    answers = answers.set_index(["question", "author"])
    scores = judgements.scores[judgements.scores["question"].isin(distinct_questions(judgements))]
    whole = scores.groupby("question")["score"].transform(lambda s: s.notna().all())
    scores = scores[whole.astype(bool)]
    j = len(AUTHORS)
    order = pd.MultiIndex.from_product([list(dict.fromkeys(scores["question"])), AUTHORS, AUTHORS])
    table = scores.set_index(["question", "judge", "author"]).reindex(order)
    if table.empty or table["score"].isna().any():
        raise DataError("scores: every judge must have scored every author, once a question.")
    judges = order.get_level_values(1).to_numpy()
    authors = order.get_level_values(2).to_numpy()
    is_own = judges == authors
    columns: dict[str, Any] = {
        judge: is_own & (judges == judge) for judge in each
    } or {"own": is_own}  # fmt: skip
    cells = pd.MultiIndex.from_arrays([order.get_level_values(0), authors])
    for feature in features:
        values = answers.loc[cells, feature].to_numpy(float)
        for judge in AUTHORS[1:]:
            columns[f"{feature} x {judge}"] = np.where(judges == judge, values, 0.0)
    cube = np.stack([np.asarray(c, float) for c in (table["score"], *columns.values())])
    cube = _double_centred(cube.reshape(len(cube), -1, j, j))
    y, x = cube[0].reshape(-1), cube[1:].reshape(len(columns), -1).T
    return _clustered(x, y, j * j, tuple(columns))


def _double_centred(cube: Array) -> Array:
    """Cells (..., judges, authors) less both means: judge and author effects are gone."""
    rows = cube - cube.mean(axis=-1, keepdims=True)
    return np.asarray(rows - rows.mean(axis=-2, keepdims=True))


def _clustered(x: Array, y: Array, each: int, names: tuple[str, ...]) -> Coefficients:
    """Least squares with a covariance over clusters of `each` consecutive rows."""
    gram = x.T @ x
    if np.linalg.matrix_rank(gram) < len(names):
        raise EstimationError(f"the scores do not tell {', '.join(names)} apart.")
    bread = np.linalg.inv(gram)
    beta = bread @ x.T @ y
    residual = y - x @ beta
    m = len(y) // each
    parts = (x * residual[:, None]).reshape(m, each, -1).sum(axis=1)
    covariance = bread @ (parts.T @ parts) @ bread * m / (m - 1)
    method = "two-way fixed effects by question, clustered by question"
    return Coefficients(names, beta, covariance, m, np.inf, method)


def only(judgements: Judgements, domain: str) -> Judgements:
    """The judgements of one domain."""
    parts = {name: getattr(judgements, name) for name in Judgements._fields}
    return Judgements(**{name: part[part["domain"] == domain] for name, part in parts.items()})


def findings(judgements: Judgements) -> list[Finding]:
    """Everything this module says.

    Estimands judge.vote_share (a row a judge, author and domain), judge.naive_own_vote,
    judge.own_vote (odds ratio), judge.own_vote_author_model, judge.own_score (points), for every
    judge, for all of them, and for each domain; judge.first_of_copies; judge.valid and judge.failed
    with the kind of answer as subject.
    """
    made: list[Finding] = []

    def add(estimand: str, e: Estimate, unit: str, judge: str = "", **about: Any) -> None:
        if np.isnan(e.value):
            return
        name = f"{SOURCE}/{judge}" if judge else POOLED
        about = {"chapter": CHAPTER, "provenance": "public", "respondent": name, **about}
        made.append(e.finding(estimand, unit, **about))

    for row in vote_shares(judgements).itertuples():
        e = Estimate(row.estimate, row.low, row.high, row.n, "exact binomial")
        subject = f"for {row.author}" + ("" if row.domain == "all" else f", {row.domain}")
        add("judge.vote_share", e, "share", row.judge, subject=subject)
    for judge, e in naive_vote_effects(judgements.votes).items():
        add("judge.naive_own_vote", e, "difference of shares", judge)
    for place in place_of_copies(judgements).query("place == 1").itertuples():
        e = Estimate(place.estimate, place.low, place.high, place.n, "exact binomial")
        add(
            "judge.first_of_copies", e, "share", place.judge,
            family="judge.first_of_copies", null=1 / 3,
        )  # fmt: skip
    for estimand, effects, unit, null in (
        ("own_vote", vote_effects, "odds ratio", 1.0),
        ("own_score", score_effects, "points", 0.0),
    ):
        family: dict[str, Any] = {"family": f"judge.{estimand}", "null": null}
        of_each = estimates(unit, effects, judgements, each=AUTHORS)
        for judge in AUTHORS:
            if judge in of_each:
                add(f"judge.{estimand}", of_each[judge], unit, judge, **family)
        pooled: dict[str, Any] = {"family": f"judge.{estimand}_pooled", "null": null}
        parts = {"": judgements, **{d: only(judgements, d) for d in judgements.counts["domain"]}}
        for domain, part in parts.items():
            if found := estimates(unit, effects, part):
                add(f"judge.{estimand}", found["own"], unit, subject=domain, **pooled)
    if found := estimates("odds ratio", author_effects, judgements):
        add("judge.own_vote_author_model", found["own"], "odds ratio")
    totals = judgements.counts.drop(columns="domain").sum()
    for kind in ("answers", "scores", "votes"):
        for state in ("valid", "failed"):
            count = int(totals[f"{state}_{kind}"])
            asked = int(totals[f"valid_{kind}"] + totals[f"failed_{kind}"])
            e = Estimate(float(count), None, None, asked, "counted")
            add(f"judge.{state}", e, "count", subject=kind)
    copies = len(set(judgements.answers["question"])) - len(distinct_questions(judgements))
    questions = int(totals["questions"])
    e = Estimate(float(copies), None, None, questions, "counted")
    add("judge.questions_with_copies", e, "count")
    return made


def estimates(unit: str, fit: Callable[..., Coefficients], *args: Any, **named: Any) -> Fitted:
    """Every coefficient of ``fit(...)`` in `unit`; none where the answers do not determine them.

    Log odds become odds ratios where `unit` says so.
    """
    try:
        fitted = fit(*args, **named)
    except EstimationError:
        return {}
    found = {name: fitted[name] for name in fitted.names}
    return {name: odds_ratio(e) if unit == "odds ratio" else e for name, e in found.items()}


def odds_ratio(e: Estimate) -> Estimate:
    """An estimate in log odds as an odds ratio."""
    ends = [None if end is None else float(np.exp(end)) for end in (e.low, e.high)]
    return replace(e, value=float(np.exp(e.value)), low=ends[0], high=ends[1])
