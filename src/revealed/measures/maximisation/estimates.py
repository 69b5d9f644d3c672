"""Top-1 agreement, conditional-logit slopes, and the original's score.

Agreement is inflated by whatever everybody likes and says, so the logit also takes the other
respondents' utilities: only what the respondent's *own* utilities foretell beyond theirs shows that
it acts on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from ..intervals import Array, Estimate, share
from .posterior import Utilities

QUESTIONS_NEEDED = 10
"""Below so many questions with a matched answer nothing is estimated."""


def top1(given_counts: Array, fitted: Utilities) -> Estimate:
    """Share of matched free answers that name the listed answer of highest utility."""
    hits = np.take_along_axis(given_counts, fitted.mean.argmax(axis=1)[:, None], axis=1)[:, 0]
    return share(hits, given_counts.sum(axis=1), "question-clustered, logit scale")


def chance(given_counts: Array) -> float:
    """Top-1 agreement when utilities are shuffled within each question: the mean of 1/K."""
    return float(np.average(np.full(len(given_counts), 1.0 / given_counts.shape[1])))


def original_score(given_counts: Array, none_counts: Array, mean: Array) -> Estimate:
    """The original's score: questions whose most frequent free answer has the highest utility.

    A question whose most frequent answer is none of those listed counts against it; a tie counts
    by the share of the tied answers that hit (Mazeika et al. 2025, utility maximization).
    """
    every = np.column_stack([given_counts, none_counts])
    said = every.sum(axis=1) > 0
    every, best = every[said], mean[said].argmax(axis=1)
    modal = every == every.max(axis=1, keepdims=True)
    hits = modal[np.arange(len(every)), best] / modal.sum(axis=1)
    n = len(hits)
    method = "share of questions, exact binomial interval"
    if not n:
        return Estimate(np.nan, None, None, 0, method, "no answers")
    score = float(hits.mean())
    interval = stats.binomtest(round(hits.sum()), n).proportion_ci() if n else None
    low, high = (float(interval.low), float(interval.high)) if interval else (None, None)
    return Estimate(score, min(low or 0.0, score), max(high or 0.0, score), n, method)


@dataclass(frozen=True)
class Slopes:
    """Conditional logit of free answers on utilities.

    ``slope``: log odds of naming an answer for each probit unit of the respondent's own utility.
    ``own``: the same beyond what every other respondent's utilities foretell (None without others).
    ``common``: log odds for each probit unit of the mean of all respondents' utilities.
    """

    slope: Estimate
    own: Estimate | None
    common: Estimate | None


def slopes(
    given_counts: Array, fitted: Utilities, others: Sequence[Utilities] = (), *, error: float = 0.0
) -> Slopes:
    """Conditional-logit slopes (McFadden 1974) with utilities integrated over their posterior.

    With others, the score of an answer is a u + b (u + Σ u_other): were it only common liking that
    is followed, no respondent's utility would foretell more than another's, and a would be 0.

    Parameters
    ----------
    given_counts
        From `counts`, shape (Q, K).
    others
        Utilities of other respondents; questions that one of them lacks are left out of ``own``.
    error
        Share of free answers that the matcher misreads (`misread`).
    """
    said = given_counts.sum(axis=1) > 0
    own_draws = fitted.draws
    alone = _logit(given_counts[said], own_draws[:, said, :, None], error)
    if not others:
        return Slopes(alone[0], None, None)
    shared = [all(source in other.sources for other in others) for source in fitted.sources] & said
    crowd = own_draws[:, shared]
    for other in others:
        place = {source: q for q, source in enumerate(other.sources)}
        rows = [place[s] for s, kept in zip(fitted.sources, shared, strict=True) if kept]
        crowd = crowd + other.draws[:, rows]
    design = np.stack([own_draws[:, shared], crowd / (1 + len(others))], axis=-1)
    own, common = _logit(given_counts[shared], design, error)
    return Slopes(alone[0], own, common)


def _logit(chosen: Array, design: Array, error: float) -> list[Estimate]:
    """Slopes of a conditional logit; `design` is (draws, questions, answers, covariates).

    The likelihood of a question's answers is averaged over the draws; the variance is the sandwich
    with questions as clusters, scaled by Q / (Q - covariates), and intervals are Student's.
    """
    _, q, k, p = design.shape
    method = "conditional logit, utilities integrated over their posterior, question-clustered"
    if q < QUESTIONS_NEEDED:
        note = f"only {q} questions with a matched answer"
        return [Estimate(np.nan, None, None, q, method, note)] * p
    keep, leak = 1.0 - error, error / k
    whole = keep + leak * (k - 1)

    def parts(slope: Array) -> tuple[Array, Array]:
        """Log likelihood (Q,) and its gradient (Q, p)."""
        score = design @ slope
        chances = special.softmax(score, axis=2)
        seen = (keep * chances + leak * (1.0 - chances)) / whole
        loglik = (chosen * np.log(seen)).sum(axis=2)
        centred = design - (chances[..., None] * design).sum(axis=2, keepdims=True)
        pull = chosen * (keep - leak) / whole * chances / seen
        gradient = (pull[..., None] * centred).sum(axis=2)
        weight = special.softmax(loglik, axis=0)
        total = special.logsumexp(loglik, axis=0) - np.log(len(loglik))
        return total, (weight[..., None] * gradient).sum(axis=0)

    def negative(slope: Array) -> tuple[float, Array]:
        total, gradient = parts(slope)
        return -float(total.sum()), -gradient.sum(axis=0)

    bound = [(-50.0, 50.0)] * p
    found = optimize.minimize(negative, np.zeros(p), jac=True, method="L-BFGS-B", bounds=bound)
    at = found.x
    width = 1e-4
    hessian = np.array(
        [
            (negative(at + width * e)[1] - negative(at - width * e)[1]) / (2 * width)
            for e in np.eye(p)
        ]
    )
    if not found.success or np.linalg.cond(hessian) > 1e10:
        return [Estimate(np.nan, None, None, q, method, "the slope is not determined")] * p
    scores = parts(at)[1]
    bread = np.linalg.inv((hessian + hessian.T) / 2)
    variance = bread @ (scores.T @ scores) @ bread * q / (q - p)
    half = float(stats.t.ppf(0.975, q - p)) * np.sqrt(np.diag(variance))
    return [
        Estimate(float(b), float(b - h), float(b + h), q, method, freedom=q - p)
        for b, h in zip(at, half, strict=True)
    ]


def by_rank(given_counts: Array, fitted: Utilities) -> Array:
    """Share of matched free answers by the rank of the answer's utility, highest first: (K,)."""
    order = np.argsort(-fitted.mean, axis=1, kind="stable")
    ranked = np.take_along_axis(given_counts, order, axis=1).sum(axis=0)
    return np.asarray(ranked / ranked.sum()) if ranked.sum() else np.full(len(ranked), np.nan)


def crowd_top1(given_counts: Array, fitted: Utilities, others: Mapping[str, Utilities]) -> float:
    """Mean top-1 agreement of the same free answers with every other respondent's utilities."""
    shares = []
    for other in others.values():
        place = {source: q for q, source in enumerate(other.sources)}
        rows = [(q, place[s]) for q, s in enumerate(fitted.sources) if s in place]
        if rows:
            mine, theirs = (list(side) for side in zip(*rows, strict=True))
            best = other.mean[theirs].argmax(axis=1)
            said = given_counts[mine]
            if said.sum():
                shares.append(said[np.arange(len(mine)), best].sum() / said.sum())
    return float(np.mean(shares)) if shares else float("nan")
