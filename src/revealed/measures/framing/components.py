"""What an answer depends on: content, respondent, framing, wording, place and chance.

A linear mixed model of single answers on the scale of the answers themselves (1: the pair's first
good was chosen, 0: the other), with random effects nested as

    pair / respondent x pair / kind of framing x ... / wording x ...

and the place in the list beside them. Components are estimated by moments: the product of two
independent answers has no sampling noise in its expectation, so

    the same arm, the two orders        content + framing + wording - place
    two arms of one kind of framing     content + framing
    arms of two kinds                   content that survives framing
    two respondents                     content that they share

Differences of these means are the components, whatever the distribution of the effects; in balanced
data they are the analysis of variance of Henderson (1953, Biometrics 9:226). What is left of the
variance of an answer is chance: an answer drawn again. Intervals are Student's over pairs, by the
jackknife. An estimate may be negative where the component is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special

from ...foundation.errors import DataError
from ...utilities.curve_model import Array
from ..intervals import Estimate
from .cells import group_of

COMPONENTS: dict[str, str] = {
    "content": "the pair itself, in every framing",
    "framing": "the kind of framing",
    "wording": "the wording within a kind of framing",
    "place": "the place in the list",
    "chance": "chance: the same question asked again",
}
METHOD = "products of independent answers, jackknife over pairs"


def tabulate(choices: Mapping[str, pd.DataFrame], pairs: pd.DataFrame) -> tuple[Array, list[str]]:
    """Answers by arm, pair and order, for one respondent.

    Parameters
    ----------
    choices
        Choices by arm (schema `CHOICES`). Graded arms do not belong here: a grade is no single
        answer, and its variance is smaller.
    pairs
        The instrument's pairs: item ids in the first two columns.

    Returns
    -------
    (array, list)
        Shape (arms, pairs, 2): share of answers for the first column's item less one half, when it
        was listed first and when it was listed second; NaN where nothing was chosen. And the arms.
    """
    one, other = pairs.iloc[:, 0], pairs.iloc[:, 1]
    made = np.full((len(choices), len(pairs), 2), np.nan)
    for k, table in enumerate(choices.values()):
        n = (table["n_first"] + table["n_second"]).to_numpy(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(n > 0, table["n_first"] / n, np.nan)
        of = dict(zip(zip(table["first"], table["second"], strict=True), share, strict=True))
        for p, (a, b) in enumerate(zip(one, other, strict=True)):
            made[k, p] = of.get((a, b), np.nan) - 0.5, 0.5 - of.get((b, a), np.nan)
    return made, list(choices)


def components(
    answers: Array, arms: list[str], group: Callable[[str], str] = group_of
) -> dict[str, Estimate]:
    """The components of one respondent's answers, as shares of the variance of an answer (1/4).

    Parameters
    ----------
    answers, arms
        From `tabulate`; one answer an order is enough.
    group
        From an arm to its kind of framing.

    Returns
    -------
    Estimates of `COMPONENTS`; and ``moved``, framing and wording together: what a new framing
    changes. n counts pairs.

    Raises
    ------
    DataError
        If there are fewer than two arms or ten pairs.
    """
    if len(arms) < 2 or answers.shape[1] < 10:
        raise DataError("components of variance need two arms and ten pairs.")
    kinds = [group(arm) for arm in arms]
    same = [(j, k) for j, k in combinations(range(len(arms)), 2) if kinds[j] == kinds[k]]
    apart = [(j, k) for j, k in combinations(range(len(arms)), 2) if kinds[j] != kinds[k]]
    content = answers.mean(axis=2)
    place = (answers[:, :, 0] - answers[:, :, 1]) / 2.0
    per_pair = {
        "both_orders": _mean(answers[:, :, 0] * answers[:, :, 1]),
        "same_kind": _products(content, same),
        "other_kind": _products(content, apart or same),
        "place": _products(place, same + apart),
    }
    # Labels and wordings may change what the first place is worth on average over pairs.
    own = np.nan_to_num(place)
    counted = np.isfinite(place).astype(float)

    def estimate(keep: Array) -> dict[str, float]:
        mean = {name: _weighted(values, keep) for name, values in per_pair.items()}
        sums, squares = (own * keep).sum(1), (own**2 * keep).sum(1)
        n = (counted * keep).sum(1)
        main = sums / np.maximum(n, 1.0)
        within = (sums**2 - squares) / np.maximum(n * (n - 1.0), 1.0)
        k = len(arms)
        across = (main.sum() ** 2 - (main**2).sum()) / (k * (k - 1))
        place_all = mean["place"] + float(within.mean() - across)
        survives, with_kind = mean["other_kind"], mean["same_kind"]
        if not apart:
            survives = with_kind
        elif not same:
            with_kind = survives
        whole = mean["both_orders"] + place_all
        parts = {
            "content": survives,
            "framing": with_kind - survives,
            "wording": whole - with_kind,
            "place": place_all,
            "chance": 0.25 - whole - place_all,
            "moved": whole - survives,
        }
        return {name: 4.0 * value for name, value in parts.items()}

    m = answers.shape[1]
    full = estimate(np.ones(m))
    left_out = [estimate(1.0 - np.eye(m)[p]) for p in range(m)]
    t = float(special.stdtrit(m - 1, 0.975))
    found = {}
    for name, value in full.items():
        draws = np.array([part[name] for part in left_out])
        se = float(np.sqrt((m - 1) / m * ((draws - draws.mean()) ** 2).sum()))
        found[name] = Estimate(value, value - t * se, value + t * se, m, METHOD, freedom=m - 1)
    return found


def shared(answers: Mapping[str, tuple[Array, list[str]]]) -> dict[str, Estimate]:
    """Content that respondents share, and content of their own, as shares of an answer's variance.

    Parameters
    ----------
    answers
        `tabulate` by respondent, about the same pairs.

    Returns
    -------
    ``shared`` and ``respondent``, averaged over respondents.
    """
    if len(answers) < 2:
        raise DataError("what respondents share needs two of them.")
    average, own = [], []
    for table, arms in answers.values():
        content = table.mean(axis=2)
        average.append(_mean(content))
        every = list(combinations(range(len(arms)), 2))
        kinds = [group_of(arm) for arm in arms]
        apart = [(j, k) for j, k in every if kinds[j] != kinds[k]]
        own.append(_products(content, apart or every))
    both = np.array(average)
    common = np.array([both[i] * both[j] for i, j in combinations(range(len(both)), 2)])
    common, own_mean = 4.0 * _mean(common), 4.0 * _mean(np.array(own))
    return {"shared": _over_pairs(common), "respondent": _over_pairs(own_mean - common)}


def _over_pairs(values: Array) -> Estimate:
    kept = values[np.isfinite(values)]
    m = len(kept)
    se = float(kept.std(ddof=1)) / np.sqrt(m)
    t = float(special.stdtrit(m - 1, 0.975))
    value = float(kept.mean())
    return Estimate(value, value - t * se, value + t * se, m, METHOD)


def _products(values: Array, which: list[tuple[int, int]]) -> Array:
    """Mean over these pairs of arms of the product of their values, for every pair of items."""
    if not which:
        return np.zeros(values.shape[1])
    first, second = (np.array(side) for side in zip(*which, strict=True))
    return _mean(values[first] * values[second])


def _mean(values: Array) -> Array:
    """Mean over the first axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _weighted(values: Array, keep: Array) -> float:
    known = np.isfinite(values) & (keep > 0)
    return float(values[known].mean()) if known.any() else float("nan")
