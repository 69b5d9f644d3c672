"""Where political answers vary: between models, languages, items, or asked again.

The share of yes p_mli of model m in language l to item i is taken apart by the sums of squares of
a crossed table with one share a cell, whose expectations give every component without fitting a
mixed model (Searle, Casella and McCulloch 1992). What repeats alone put into a share,
p (1 - p)/(n - 1), is taken off first. Models and languages are the ones that were asked, so
intervals leave out items.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from ...respondents.public.political_answers import AXES
from ..intervals import Array, Estimate, binomial_interval
from ..multiplicity import LEVEL, holm
from .questionnaire import ITEM_METHOD, Cube, balanced_score, half_width, jackknife_variance

COMPONENTS = (
    "items", "models x items", "languages x items", "models x languages x items",
    "models", "languages", "models x languages", "repeats",
)  # fmt: skip
"""Parts of the variance of a single answer, in the order in which they are returned."""
AXIS_COMPONENTS = ("models", "languages", "models x languages")
BLOCKS = 10
"""Groups of successive answers that tell whether repeats vary as independent draws do."""


def components(p: Array, n: Array) -> Array:
    """Components of the variance of a single yes (1) or no (0), in the order of `COMPONENTS`.

    Parameters
    ----------
    p, n
        Shares of yes and answers behind them, shape (M, L, I).

    Returns
    -------
    Array
        Unbiased estimates, shape (8,); one that is zero may come out a little below. Their sum is
        the variance of one answer drawn from any cell.
    """
    repeats, noise = float(np.nanmean(_noise(p, n) * n)), float(np.nanmean(_noise(p, n)))
    a, b, c = p.shape
    mean = p.mean()
    of = {
        "m": p.mean(axis=(1, 2)), "l": p.mean(axis=(0, 2)), "i": p.mean(axis=(0, 1)),
        "ml": p.mean(axis=2), "mi": p.mean(axis=1), "li": p.mean(axis=0),
    }  # fmt: skip
    ms = {
        "m": b * c * ((of["m"] - mean) ** 2).sum() / (a - 1),
        "l": a * c * ((of["l"] - mean) ** 2).sum() / (b - 1),
        "i": a * b * ((of["i"] - mean) ** 2).sum() / (c - 1),
    }
    inner = {
        "ml": of["ml"] - of["m"][:, None] - of["l"] + mean,
        "mi": of["mi"] - of["m"][:, None] - of["i"] + mean,
        "li": of["li"] - of["l"][:, None] - of["i"] + mean,
    }
    ms["ml"] = c * (inner["ml"] ** 2).sum() / ((a - 1) * (b - 1))
    ms["mi"] = b * (inner["mi"] ** 2).sum() / ((a - 1) * (c - 1))
    ms["li"] = a * (inner["li"] ** 2).sum() / ((b - 1) * (c - 1))
    rest = p - of["ml"][:, :, None] - of["mi"][:, None, :] - of["li"] + (
        of["m"][:, None, None] + of["l"][:, None] + of["i"] - mean
    )  # fmt: skip
    ms["mli"] = (rest**2).sum() / ((a - 1) * (b - 1) * (c - 1))
    return np.array(
        [
            (ms["i"] - ms["mi"] - ms["li"] + ms["mli"]) / (a * b),
            (ms["mi"] - ms["mli"]) / b,
            (ms["li"] - ms["mli"]) / a,
            ms["mli"] - noise,
            (ms["m"] - ms["ml"] - ms["mi"] + ms["mli"]) / (b * c),
            (ms["l"] - ms["ml"] - ms["li"] + ms["mli"]) / (a * c),
            (ms["ml"] - ms["mli"]) / c,
            repeats,
        ]
    )


def _noise(p: Array, n: Array) -> Array:
    """Variance that repeats put into each share, unbiased; NaN where one answer tells nothing."""
    return np.asarray(p * (1 - p) / np.where(n > 1, n - 1, np.nan))


def variance(c: Cube) -> dict[str, Estimate]:
    """Share of each of `COMPONENTS` in the variance of a single answer, per cent of it."""

    def shares(keep: Array) -> Array:
        found = components(c.p[:, :, keep], c.n[:, :, keep])
        return np.asarray(100 * found / found.sum())

    every = np.ones(len(c.items), bool)
    whole = shares(every)
    parts = np.stack([shares(_without(every, i)) for i in range(len(c.items))])
    return _estimates(COMPONENTS, whole, parts, len(c.items))


def axis_variance(c: Cube) -> dict[str, dict[str, Estimate]]:
    """Components of variance of balanced axis scores, in squared points: by axis, by component.

    Two-way table of models and languages, every cell a score; the repeats' share in the interaction
    is taken off.
    """
    return {axis: _one_axis(c, a) for a, axis in enumerate(AXES)}


def _one_axis(c: Cube, a: int) -> dict[str, Estimate]:
    used = np.flatnonzero(c.weights[a])
    p, n, w = c.p[:, :, used], c.n[:, :, used], c.weights[a, used]

    def found(keep: Array) -> Array:
        own = w[keep]
        score = balanced_score(2 * p[..., keep] - 1, own[None])[..., 0]
        size = np.where(own > 0, own / own[own > 0].sum(), -own / own[own < 0].sum())
        # An item with one answer is taken to be as noisy as the others of its axis.
        per_item = (100 * size / 2) ** 2 * np.nanmean(_noise(p, n)[..., keep], axis=(0, 1))
        return _two_way(score, float(per_item.sum()))

    every = np.ones(len(used), bool)
    parts = np.stack([found(_without(every, i)) for i in range(len(used))])
    return _estimates(AXIS_COMPONENTS, found(every), parts, len(used), w > 0)


def _two_way(score: Array, noise: float) -> Array:
    a, b = score.shape
    mean, by_model, by_language = score.mean(), score.mean(axis=1), score.mean(axis=0)
    rest = score - by_model[:, None] - by_language + mean
    both = (rest**2).sum() / ((a - 1) * (b - 1))
    models = b * ((by_model - mean) ** 2).sum() / (a - 1)
    languages = a * ((by_language - mean) ** 2).sum() / (b - 1)
    return np.array([(models - both) / b, (languages - both) / a, both - noise])


def _without(keep: Array, i: int) -> Array:
    left = keep.copy()
    left[i] = False
    return left


def _estimates(
    names: tuple[str, ...], whole: Array, parts: Array, n: int, strata: Array | None = None
) -> dict[str, Estimate]:
    made = {}
    for k, name in enumerate(names):
        half = half_width(float(whole[k]), parts[:, k], strata)
        value = float(whole[k])
        made[name] = Estimate(value, value - half, value + half, n, f"ANOVA, {ITEM_METHOD}")
    return made


# ----------------------------------------------------------------------- differences between models


def model_differences(c: Cube) -> pd.DataFrame:
    """Differences of balanced scores between all pairs of models, over items and over languages.

    A difference counts as one between models only where it exceeds what another choice of items
    and another choice of languages would move it: both variances are added (items by jackknife,
    languages as five draws), and t has Satterthwaite's degrees of freedom.

    Returns
    -------
    DataFrame
        axis, one, two, ``estimate`` (points, first less second), ``low``, ``high``,
        ``between_languages`` (standard deviation of the difference over languages), n (items),
        ``freedom`` (of t).
    """
    rows = []
    for a, axis in enumerate(AXES):
        used = np.flatnonzero(c.weights[a])
        w = c.weights[a, used][None]
        mean = c.mean[:, :, used]
        by_language = balanced_score(mean, w)[..., 0]
        pooled = mean.mean(axis=1)
        parts = np.stack(
            [
                balanced_score(np.delete(pooled, i, axis=1), np.delete(w, i, axis=1))[:, 0]
                for i in range(len(used))
            ]
        )
        strata = w[0] > 0
        for one, two in combinations(range(len(c.models)), 2):
            apart = by_language[one] - by_language[two]
            items = float(jackknife_variance(0.0, parts[:, one] - parts[:, two], strata))
            languages = float(apart.var(ddof=1)) / len(apart)
            total = items + languages
            freedom = total**2 / (
                items**2 / (len(used) - 2) + languages**2 / (len(apart) - 1) + 1e-300
            )
            freedom = max(freedom, 1.0)
            half = float(stats.t.ppf(0.975, freedom) * np.sqrt(total))
            value = float(apart.mean())
            rows.append(
                (axis, c.models[one], c.models[two], value, value - half, value + half,
                 float(apart.std(ddof=1)), len(used), freedom)
            )  # fmt: skip
    names = ["axis", "one", "two", "estimate", "low", "high", "between_languages", "n", "freedom"]
    return pd.DataFrame(rows, columns=names)


# ------------------------------------------------------------------------ items and their languages


def dispersion(answers: pd.DataFrame) -> pd.Series:
    """How much more the repeats of each model vary than independent draws would; 1 is as much.

    Pearson's statistic over blocks of successive answers, per degree of freedom, over the cells in
    which both answers occur at least twice.
    """
    found = {}
    for model, rows in answers.groupby("model", sort=False):
        statistic = freedom = 0.0
        for text in rows["answers"]:
            said = text.replace("0", "")
            blocks = np.array_split(np.array([mark == "+" for mark in said], float), BLOCKS)
            n = np.array([len(block) for block in blocks], float)
            yes = np.array([block.sum() for block in blocks])
            p = yes.sum() / max(n.sum(), 1)
            if min(yes.sum(), n.sum() - yes.sum()) < 2 or n.min() < 1:
                continue
            statistic += float(((yes - n * p) ** 2 / (n * p * (1 - p))).sum())
            # The share is estimated from the same answers: without this the mean is below one.
            freedom += (BLOCKS - 1) * n.sum() / (n.sum() - 1)
        found[model] = statistic / freedom if freedom else 1.0
    return pd.Series(found, name="dispersion")


def flips(answers: pd.DataFrame) -> pd.DataFrame:
    """Items whose answer turns with the language, model by model.

    Returns
    -------
    DataFrame
        A row a model and item: model, item, ``p`` (all languages have one share of yes: Pearson's
        test, divided by the model's dispersion where that exceeds 1), ``p_adjusted`` (Holm 1979,
        over all models and items), ``differs``, ``flips`` (it differs, and the smallest and the
        largest share lie on opposite sides of one half, each with its whole 95 % interval),
        ``least`` and ``most`` (their languages). Counts in each language: "yes/n".
    """
    spread = dispersion(answers).clip(lower=1.0)
    rows = []
    for (model, item), part in answers.groupby(["model", "item"], sort=False):
        yes, no = part["n_yes"].to_numpy(float), part["n_no"].to_numpy(float)
        n = yes + no
        share = yes / n
        pooled = yes.sum() / n.sum()
        value = 1.0
        if 0 < pooled < 1:
            statistic = ((yes - n * pooled) ** 2 / (n * pooled * (1 - pooled))).sum()
            value = float(stats.chi2.sf(statistic / spread[model], len(part) - 1))
        few, many = int(share.argmin()), int(share.argmax())
        apart = (
            binomial_interval(yes[few], int(n[few]))[1] < 0.5
            and binomial_interval(yes[many], int(n[many]))[0] > 0.5
        )
        languages = list(part["language"])
        counts = {
            language: f"{int(y)}/{int(k)}" for language, y, k in zip(languages, yes, n, strict=True)
        }
        rows.append(
            {"model": model, "item": item, "p": value, "apart": apart, "least": languages[few],
             "most": languages[many], **counts}
        )  # fmt: skip
    table = pd.DataFrame(rows)
    adjusted = holm(table["p"].to_numpy(float))
    table.insert(3, "p_adjusted", adjusted)
    table.insert(4, "differs", adjusted <= LEVEL)
    table.insert(5, "flips", table["differs"] & table.pop("apart").to_numpy(bool))
    return table
