"""Axis scores of a political questionnaire, the habit of agreeing, and scores without it.

An item i favors one end of an axis a by its weight w_ia, positive or negative. With m_i the mean of
a respondent's answers (yes 1, no -1), the published score is

    S_a = 50 (1 + sum_i w_ia m_i / sum_i |w_ia|).

Whoever says yes to everything scores by how the weights happen to be keyed. Items of positive and
of negative weight, each as a group, give the *balanced* score: with

    P = sum_{w>0} w m / sum_{w>0} w,    N = -sum_{w<0} |w| m / sum_{w<0} |w|,

it is 50 (1 + (P + N)/2), from which any constant added to all m cancels; (P - N)/2 is that
constant. The habit itself is the intercept of a logit of yes on an item's weights on all axes.

The unit of every interval here is the item: a score is meant to stand for an attitude and not for
seventy sentences, and answers to one sentence, asked again, nearly all agree. Items are left out
one at a time (jackknife; Efron and Stein 1981), within their sign for the balanced score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from ...foundation.errors import DataError
from ...respondents.public.political_answers import AXES
from ..intervals import Array, Estimate

ENGLISH = "English"
_STEEPEST = 25.0
ITEM_METHOD = "jackknife over items"


@dataclass(frozen=True)
class Cube:
    """Answers by model, language and item.

    Attributes
    ----------
    models, languages, items
        Names along the three sides; M, L and I of them.
    yes, no, neither
        Counts, shape (M, L, I).
    weights
        Of each item on each of `AXES`, shape (A, I).
    """

    models: tuple[str, ...]
    languages: tuple[str, ...]
    items: tuple[str, ...]
    yes: Array
    no: Array
    neither: Array
    weights: Array

    @property
    def p(self) -> Array:
        """Share of yes among yes and no, shape (M, L, I)."""
        return self.yes / self.n

    @property
    def n(self) -> Array:
        """Answers of yes or no, shape (M, L, I)."""
        return self.yes + self.no

    @property
    def mean(self) -> Array:
        """Mean of yes (1) and no (-1), answers that are neither left out."""
        return 2 * self.p - 1


def cube(answers: pd.DataFrame) -> Cube:
    """The answers (`respondents.public.import_political_answers`) as arrays.

    Raises
    ------
    DataError
        If a model was not asked an item in a language, or never answered it with yes or no.
    """
    keys = ["model", "language", "item"]
    models, languages, items = (tuple(dict.fromkeys(answers[key])) for key in keys)
    sides = [models, languages, items]
    index = pd.MultiIndex.from_product(sides, names=keys)
    columns = ["n_yes", "n_no", "n_neither"]
    counts = answers.set_index(keys)[columns].reindex(index)
    empty = counts.isna().any(axis=1) | (counts["n_yes"] + counts["n_no"] == 0)
    if empty.any():
        name = ", ".join(map(str, counts.index[int(empty.to_numpy().argmax())]))
        raise DataError(f"no answer of yes or no: {name}.")
    shape = tuple(len(side) for side in sides)
    yes, no, neither = (counts[column].to_numpy(float).reshape(shape) for column in columns)
    weights = answers.drop_duplicates("item").set_index("item").loc[list(items), list(AXES)]
    return Cube(models, languages, items, yes, no, neither, weights.to_numpy(float).T)


def axis_score(mean: Array, weights: Array) -> Array:
    """Published score S_a (docstring above): from (..., I) and (A, I) to (..., A), 0 to 100."""
    return np.asarray(50 * (1 + mean @ weights.T / np.abs(weights).sum(axis=1)))


def balanced_score(mean: Array, weights: Array) -> Array:
    """The score in which both signs of weights count half: from (..., I) and (A, I) to (..., A)."""
    positive, negative = np.maximum(weights, 0), np.maximum(-weights, 0)
    p = mean @ (positive / positive.sum(axis=1, keepdims=True)).T
    n = -mean @ (negative / negative.sum(axis=1, keepdims=True)).T
    return np.asarray(50 * (1 + (p + n) / 2))


def published_scores(answers: pd.DataFrame) -> pd.DataFrame:
    """Scores as the source computed them: English answers, one that is neither counts as 0.

    Returns
    -------
    DataFrame
        model, axis, score; of every model.
    """
    c = cube(answers[answers["language"] == ENGLISH])
    mean = (c.yes - c.no) / (c.yes + c.no + c.neither)
    scores = axis_score(mean[:, 0], c.weights)
    return pd.DataFrame(
        [
            (model, axis, scores[m, a])
            for m, model in enumerate(c.models)
            for a, axis in enumerate(AXES)
        ],
        columns=["model", "axis", "score"],
    )


def scores(mean: Array, weights: Array) -> dict[str, list[Estimate]]:
    """All scores of one set of answers, by kind and axis.

    Parameters
    ----------
    mean
        Mean answer to every item, shape (I,).
    weights
        Shape (A, I).

    Returns
    -------
    dict
        ``axis`` (published formula), ``balanced``, and ``gap`` (the first less the second: what
        the keying of the items and the habit add together), each a list over `AXES`, in points.
    """
    found: dict[str, list[Estimate]] = {"axis": [], "balanced": [], "gap": []}
    for w in weights:
        used = w != 0
        m, own = mean[used], w[used]
        naive, even = axis_left_out(m, own), balanced_left_out(m, own)
        for kind, (whole, parts) in {
            "axis": naive, "balanced": even, "gap": (naive[0] - even[0], naive[1] - even[1])
        }.items():  # fmt: skip
            strata = None if kind == "axis" else own > 0
            half = half_width(whole, parts, strata)
            found[kind].append(
                Estimate(
                    whole, whole - half, whole + half, int(used.sum()), ITEM_METHOD,
                    freedom=freedom_of(parts, strata),
                )
            )  # fmt: skip
    return found


def axis_left_out(m: Array, w: Array) -> tuple[float, Array]:
    """One axis' published score, and without each of its items: (score, shape (I,))."""
    size = np.abs(w)
    top, below = (w * m).sum(), size.sum()
    return 50 * (1 + top / below), 50 * (1 + (top - w * m) / (below - size))


def balanced_left_out(m: Array, w: Array) -> tuple[float, Array]:
    """One axis' balanced score, and without each of its items."""
    whole, parts = 0.0, np.zeros_like(m)
    for sign in (1, -1):
        size = np.maximum(sign * w, 0)
        top, below = (size * m).sum(), size.sum()
        whole += sign * top / below
        parts += sign * (top - size * m) / (below - size)
    return 50 * (1 + whole / 2), 50 * (1 + parts / 2)


def jackknife_variance(whole: float | Array, parts: Array, strata: Array | None = None) -> Array:
    """Variance from leaving out one at a time, along the first axis; within `strata` if given."""
    groups = np.zeros(len(parts), int) if strata is None else np.asarray(strata)
    total = np.zeros(np.shape(parts)[1:])
    for group in np.unique(groups):
        own = parts[groups == group]
        total = total + (len(own) - 1) / len(own) * ((own - own.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(total)


def half_width(whole: float, parts: Array, strata: Array | None = None) -> float:
    """Half of the 95 % interval: t with as many degrees of freedom as items less strata."""
    spread = float(np.sqrt(jackknife_variance(whole, parts, strata)))
    return float(stats.t.ppf(0.975, freedom_of(parts, strata))) * spread


def freedom_of(parts: Array, strata: Array | None = None) -> int:
    """Degrees of freedom: items less strata."""
    return len(parts) - (1 if strata is None else len(np.unique(strata)))


# --------------------------------------------------------------------------------------- the habit


def habit_logit(p: Array, weights: Array) -> Array:
    """Logit of yes on an item's weights, for many sets of answers at once.

    Parameters
    ----------
    p
        Shares of yes, shape (C, I).
    weights
        Shape (A, I); a weight of 10 counts as 1.

    Returns
    -------
    Array
        Shape (C, 1 + A): the intercept (log odds of agreeing with an item that favors no side) and
        the slopes. NaN where the answers are separable.
    """
    x = np.vstack([np.ones(weights.shape[1]), weights / 10]).T
    beta = np.zeros((len(p), x.shape[1]))
    for _ in range(60):
        fitted = special.expit(beta @ x.T)
        information = np.einsum("ci,ij,ik->cjk", fitted * (1 - fitted), x, x)
        information += 1e-12 * np.eye(x.shape[1])
        step = np.linalg.solve(information, ((p - fitted) @ x)[..., None])[..., 0]
        beta = np.clip(beta + step, -2 * _STEEPEST, 2 * _STEEPEST)
        if np.abs(step).max() < 1e-10:
            break
    beta[np.abs(beta).max(axis=1) > _STEEPEST] = np.nan
    return beta


def habits(c: Cube) -> pd.DataFrame:
    """The habit of agreeing, per model and language and per model over languages.

    Returns
    -------
    DataFrame
        model, language ("" over all of them: the mean intercept), ``log_odds`` and its ends,
        ``estimate``, ``low``, ``high`` (shares of yes to an item that favors neither side), n
        (items). NaN where the answers are separable.
    """
    flat = c.p.reshape(-1, len(c.items))
    whole = habit_logit(flat, c.weights)[:, 0]
    parts = np.stack(
        [
            habit_logit(np.delete(flat, i, axis=1), np.delete(c.weights, i, axis=1))[:, 0]
            for i in range(len(c.items))
        ]
    )
    shape = (len(c.models), len(c.languages))
    rows = []
    for m, model in enumerate(c.models):
        own = whole.reshape(shape)[m]
        left_out = parts.reshape(-1, *shape)[:, m]
        for language, value, without in [
            ("", own.mean(), left_out.mean(axis=1)),
            *((name, own[k], left_out[:, k]) for k, name in enumerate(c.languages)),
        ]:
            half = half_width(value, without)
            ends = [value, value - half, value + half]
            rows.append((model, language, *ends, *special.expit(ends), len(c.items)))
    return pd.DataFrame(
        rows,
        columns=["model", "language", "log_odds", "log_low", "log_high", "estimate", "low", "high",
                 "n"],
    )  # fmt: skip
