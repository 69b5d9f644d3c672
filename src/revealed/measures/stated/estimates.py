"""Stated against revealed: does a respondent say what its choices show (METHODS 8, claim C5)?

Four yes-or-no questions a pair (is X worth more, is Y, are they worth the same, do they differ)
contradict one another wherever yes or no is a habit. With a share h of answers given by habit, of
which a share y is yes, and the rest given by content, the average yes shares of a pair obey

    same + differ - 1        = h (2 y - 1)
    more + less + same - 1   = h (3 y - 1)

because by content exactly one of each set is true. The two sums give h and y: who answers mostly by
habit is not measurable. In the difference of "same" and "differ" a habit of either kind cancels,
and that difference is what the respondent states. Stated equality is then held against revealed
inequality (a difference of log prices whose adjusted interval excludes zero), and ratings against
log prices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..intervals import Array, Estimate, binomial_interval, fisher_interval, paired_share

HABIT_ALLOWED, HABIT_CERTAIN = 0.6, 0.3
"""Share of answers given by habit above which too little content is left to be read, and what the
lower end of its interval must exceed as well, since few answers make the share uncertain."""
LEAST_PAIRS = 5
LEAST_GOODS = 6
_RELATIONS = ("more", "less", "same", "differ")
# A yes share that falls short of 0 or 1 by rounding alone.
_TINY = 1e-9


def stated_pairs(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Yes shares of every pair that was answered in all four ways.

    Parameters
    ----------
    answers
        Schema `ANSWERS`: one respondent and question set.
    questions
        The set's questions: index question, columns relation, pair, good_1, good_2, category.

    Returns
    -------
    Columns category, good_1, good_2 (``more`` is about good_1, ``less`` about good_2), more, less,
    same, differ (shares of yes) and n (answers).
    """
    asked = questions[questions["relation"].isin(["more", "same", "differ"])]
    told = answers[(answers["kind"] == "answered") & answers["question"].isin(asked.index)]
    by = told.groupby("question")["value"].agg(["mean", "size"])
    rows = []
    for (category, pair), part in asked.groupby(["category", "pair"], sort=False):
        known = part.index.intersection(by.index)
        if len(known) < len(part):
            continue
        first, second = str(pair).split(" | ", 1)
        yes = by.loc[part.index, "mean"].to_numpy(float)
        relation = part["relation"].to_numpy(str)
        ahead = part["good_1"].to_numpy(str) == first
        rows.append(
            (
                str(category), first, second,
                float(yes[(relation == "more") & ahead].mean()),
                float(yes[(relation == "more") & ~ahead].mean()),
                float(yes[relation == "same"].mean()),
                float(yes[relation == "differ"].mean()),
                int(by.loc[part.index, "size"].sum()),
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["category", "good_1", "good_2", *_RELATIONS, "n"])


def ratings(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Mean rating of every good: columns category, good, rating, se (NaN for one answer), n."""
    asked = questions[questions["relation"] == "rating"]
    told = answers[(answers["kind"] == "answered") & answers["question"].isin(asked.index)]
    by = told.groupby("question")["value"].agg(["mean", "var", "size"])
    found = asked.loc[by.index]
    return pd.DataFrame(
        {
            "category": found["category"].to_numpy(str), "good": found["good_1"].to_numpy(str),
            "rating": by["mean"].to_numpy(float),
            "se": np.sqrt(by["var"].to_numpy(float) / by["size"].to_numpy(float)),
            "n": by["size"].to_numpy(int),
        }
    )  # fmt: skip


# --- the habit of saying yes or no ---------------------------------------------------------------


@dataclass(frozen=True)
class Habit:
    """Answers given by habit. ``share`` (h) of all answers; ``yes`` (h y) of all answers are a yes
    by habit. ``low`` and ``high`` bound the share. ``tilt`` = h (2 y - 1): 1 says yes to
    everything, -1 no, 0 neither."""

    share: float
    low: float
    high: float
    yes: float
    tilt: Estimate


def habit(pairs: pd.DataFrame) -> Habit:
    """Estimate the habit from questions keyed both ways; the interval of ``tilt`` is over pairs."""
    shares = pairs[list(_RELATIONS)].to_numpy(float)
    h, yes = _habit(shares)
    # h is linear in the pairs' means, so Student's t over pairs holds for it as well.
    parts = 2.0 * (shares[:, :3].sum(axis=1) - 1.0) - 3.0 * (shares[:, 2:].sum(axis=1) - 1.0)
    around, off = float(parts.mean()), _half(parts)
    ends = max(0.0, min(1.0, around - off)), max(0.0, min(1.0, around + off))
    known = (h, *ends, yes)
    balance = shares[:, 2] + shares[:, 3] - 1.0
    m = len(pairs)
    half = _half(balance)
    mean = float(balance.mean())
    method = "yes to “the same” plus yes to “differ”, less one; Student's t over pairs"
    if half == 0.0:
        # Every pair alike: the variance says nothing; the count of answers does.
        n = int(pairs["n"].sum())
        low, high = binomial_interval((mean + 1.0) / 2.0 * n, n)
        return Habit(*known, Estimate(mean, 2 * low - 1, 2 * high - 1, m, method))
    ends = max(-1.0, mean - half), min(1.0, mean + half)
    tilt = Estimate(mean, *ends, m, method, freedom=max(1, m - 1))
    return Habit(*known, tilt)


def _habit(shares: Array) -> tuple[float, float]:
    """h and h y from yes shares (pairs, 4), kept in their range."""
    more, less, same, differ = shares.mean(axis=0)
    two = same + differ - 1.0
    three = more + less + same - 1.0
    h = min(1.0, max(0.0, 2.0 * three - 3.0 * two))
    return float(h), float(min(h, max(0.0, three - two)))


def _half(values: Array) -> float:
    m = len(values)
    if m < 2:
        return math.inf
    spread = float(values.std(ddof=1))
    return spread / math.sqrt(m) * float(stats.t.ppf(0.975, m - 1)) if spread > _TINY else 0.0


def equality(pairs: pd.DataFrame) -> Array:
    """Stated equality of each pair, between 0 and 1 (m,): what "the same" affirms and "differ"
    denies, (1 + same - differ) / 2.

    A habit of yes adds as much to the one as to the other and cancels, as does a habit of no; what
    share of answers is habit only draws the mean towards one half, and never across it.
    """
    shares = pairs[list(_RELATIONS)].to_numpy(float)
    return np.asarray((1.0 + shares[:, 2] - shares[:, 3]) / 2.0)


# --- stated against revealed ---------------------------------------------------------------------


def revealed_pairs(pairs: pd.DataFrame, rates: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Stated pairs with the difference that choices reveal.

    Parameters
    ----------
    pairs
        From `stated_pairs`.
    rates
        By category, `exchange.rates` over the category's goods asked about (all against all), so
        that the adjusted intervals cover every pair.

    Returns
    -------
    The pairs with a rate, with columns log_rate (of good_1 over good_2), different (the adjusted
    interval excludes zero; a pair of which only a bound is known does not count).
    """
    found = []
    for category, part in pairs.groupby("category", sort=False):
        if str(category) not in rates:
            continue
        table = rates[str(category)].set_index(["good", "per"])
        keep = [key in table.index for key in zip(part["good_1"], part["good_2"], strict=True)]
        part = part[keep]
        own = table.loc[list(zip(part["good_1"], part["good_2"], strict=True))]
        bound = own["bound"].to_numpy()
        known = bound != "none"
        # The closed end of a bound is an offer that was asked, without a sampling error of its own.
        different = (bound == "") & (
            (own["low_adjusted"].to_numpy(float) > 0) | (own["high_adjusted"].to_numpy(float) < 0)
        )
        part = part.assign(log_rate=own["log_rate"].to_numpy(float), different=different)
        found.append(part[known])
    if not found:
        return pairs.iloc[:0].assign(log_rate=np.nan, different=False)
    return pd.concat(found, ignore_index=True)


def denial(pairs: pd.DataFrame) -> Estimate:
    """Share of the revealed differences that are stated to be none.

    `pairs`: from `revealed_pairs`. The mean stated equality (`equality`) of the pairs that differ;
    the interval takes the goods as drawn from many such, since each stands in several pairs.
    """
    method = "stated equality of pairs revealed different, habit cancels, clustered by good"
    return _share_equal(pairs, pairs["different"].to_numpy(bool), method)


def stated_equal(pairs: pd.DataFrame) -> Estimate:
    """Share of all pairs stated to be worth the same."""
    method = "stated equality of pairs, habit cancels, clustered by good"
    return _share_equal(pairs, np.ones(len(pairs), bool), method)


def _share_equal(pairs: pd.DataFrame, of: np.ndarray, method: str) -> Estimate:
    n = int(of.sum())
    if n < LEAST_PAIRS:
        return Estimate(np.nan, None, None, n, method, f"{n} such pairs, {LEAST_PAIRS} are needed")
    kept = pairs[of]
    one, other = (kept["category"] + " " + kept[side] for side in ("good_1", "good_2"))
    return paired_share(equality(kept), one, other, method)


def direction(pairs: pd.DataFrame) -> Estimate:
    """Of pairs stated and revealed different, the share stated in the direction revealed.

    A pair counts as stated different if its stated equality is below one half, and by which of
    the two questions of more got the more yes.
    """
    method = "pairs stated and revealed different, exact binomial over pairs"
    apart = pairs["different"].to_numpy(bool) & (equality(pairs) < 0.5)
    lead = (pairs["more"] - pairs["less"]).to_numpy(float)
    used = apart & (lead != 0)
    n = int(used.sum())
    if n < LEAST_PAIRS:
        return Estimate(np.nan, None, None, n, method, f"{n} such pairs, {LEAST_PAIRS} are needed")
    hits = float((np.sign(lead[used]) == np.sign(pairs["log_rate"].to_numpy(float)[used])).sum())
    low, high = binomial_interval(hits, n)
    return Estimate(hits / n, low, high, n, method)


def agreement(rated: pd.DataFrame, prices: dict[str, pd.DataFrame]) -> tuple[Estimate, Estimate]:
    """Correlation of ratings with log prices, as observed and with sampling noise taken out.

    Parameters
    ----------
    rated
        From `ratings`.
    prices
        By category, `exchange.log_prices`; goods that only have a bound are left out.

    Returns
    -------
    (observed, disattenuated)
        Both centred within categories, whose scales differ; Fisher intervals with a degree of
        freedom less for each further category. The second is divided by the root of both
        reliabilities (Spearman 1904), which are taken as known, and stays within -1 and 1. NaN
        where ratings or prices do not vary beyond their noise.
    """
    parts = []
    for category, part in rated.groupby("category", sort=False):
        if str(category) not in prices:
            continue
        table = prices[str(category)]
        own = table[table["bound"] == ""].set_index("good")
        part = part[part["good"].isin(own.index)]
        if len(part) < 2:
            continue
        both = pd.DataFrame(
            {
                "x": part["rating"].to_numpy(float), "x_se": part["se"].to_numpy(float),
                "y": own.loc[part["good"], "log_price"].to_numpy(float),
                "y_se": own.loc[part["good"], "se"].to_numpy(float), "n": part["n"].to_numpy(float),
            }
        )  # fmt: skip
        both[["x", "y"]] -= both[["x", "y"]].mean()
        parts.append(both)
    method = "Pearson over goods, centred within categories, Fisher z"
    used = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    n = len(used)
    if n < LEAST_GOODS:
        none = Estimate(np.nan, None, None, n, method, f"{n} goods with a rating and a price")
        return none, none
    freedom = n - len(parts) + 1
    x, y = used["x"].to_numpy(float), used["y"].to_numpy(float)
    reliable = [
        _reliability(x, used["x_se"], freedom, max(1.0, float((used["n"] - 1).sum()))),
        _reliability(y, used["y_se"], freedom, 1e9),  # from whole fits: as if known
    ]
    if min(reliable) <= 0:
        which = "ratings" if reliable[0] <= 0 else "prices"
        none = Estimate(np.nan, None, None, n, method, f"{which} do not differ beyond their noise")
        return none, none
    r = float(np.clip(x @ y / math.sqrt((x @ x) * (y @ y)), -1.0, 1.0))
    low, high = fisher_interval(r, freedom)
    ceiling = math.sqrt(reliable[0] * reliable[1])
    note = f"ceiling {ceiling:.3f}"
    observed = Estimate(r, low, high, n, method, note)
    ends = [None if end is None else max(-1.0, min(1.0, end / ceiling)) for end in (low, high)]
    cut = max(-1.0, min(1.0, r / ceiling))
    return observed, Estimate(cut, ends[0], ends[1], n, f"{method}, disattenuated", note)


def _reliability(values: Array, se: pd.Series, freedom: int, se_freedom: float) -> float:
    """Share of the variance of centred values that is not sampling error; 0 where an F test at
    1 % cannot tell the two apart, because a correlation with noise means nothing."""
    variance = float(values @ values) / max(1, freedom - 1)
    noise = float(np.nanmean(se.to_numpy(float) ** 2)) if se.notna().any() else 0.0
    if variance <= _TINY or variance <= noise * stats.f.ppf(0.99, freedom - 1, se_freedom):
        return 0.0
    return 1.0 - noise / variance
