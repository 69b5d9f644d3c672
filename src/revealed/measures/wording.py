"""Wording: do utilities survive a paraphrase, and do they follow the length of the text?

A preference for outcomes does not depend on how the question is put. Two checks: utilities fitted
under different wordings are correlated and compared with the correlation that answers of the same
precision would show if nothing but chance differed (the retest ceiling); and content-free padding,
put on one half of the items in one arm and on the other half in another, must not move utilities.
A respondent that picks the longer text passes every naive test of coherence and fails this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..foundation.errors import DataError
from ..foundation.schemas import Finding, Provenance
from .intervals import Z95, Array, Estimate, percentile, resample_weights, weighted_correlation

LENGTH_TOLERANCE = 0.25
"""Standard deviations of utility that padding may move before utilities are said to be of length.
Padding lengthens a text several times over, far more than the texts differ among themselves."""


def reliability(table: pd.DataFrame) -> float:
    """Share of the variance of fitted utilities that is not sampling error: 1 - mean(se²)/var.

    `table` has the columns mean and se (schema UTILITIES). Not below 0; NaN without standard errors
    or for fewer than 3 items.
    """
    used = table.dropna(subset=["mean", "se"])
    variance = used["mean"].var(ddof=1) if len(used) > 2 else 0.0
    if not variance > 0:
        return float("nan")
    return float(max(0.0, 1.0 - (used["se"] ** 2).mean() / variance))


def correlation(
    one: pd.DataFrame, two: pd.DataFrame, *, replicates: int = 2000, seed: int = 0
) -> tuple[Estimate, float]:
    """Correlation of two arms' utilities over their shared items, and its retest ceiling.

    Parameters
    ----------
    one, two
        Utilities of the same respondent and instrument under two arms (schema UTILITIES).

    Returns
    -------
    (Estimate, float)
        Pearson's r with a bootstrap interval over items; and the root of the product of both
        reliabilities, which is what r would be on average were the true utilities the same and
        the pairs drawn afresh. (The standard errors count what single pairs deviate from any
        utility as noise; asking the same pairs again repeats it, and r may exceed the ceiling.)

    Raises
    ------
    DataError
        If fewer than 5 items are shared.
    """
    columns = [
        table.set_index("item")[["mean", "se"]].add_suffix(f"_{k}")
        for k, table in ((1, one), (2, two))
    ]
    both = pd.concat(columns, axis=1, join="inner")
    m = len(both)
    if m < 5:
        raise DataError(f"two wordings share {m} items; at least 5 are needed.")
    x, y = both["mean_1"].to_numpy(float), both["mean_2"].to_numpy(float)
    r = float(weighted_correlation(x, y, np.ones((1, m)))[0])
    method = "Pearson over items, bootstrap over items"
    if np.isnan(r):
        return Estimate(np.nan, None, None, m, method, "utilities do not vary"), float("nan")
    low, high = percentile(weighted_correlation(x, y, resample_weights(m, replicates, seed)))
    rel = [reliability(both.rename(columns={f"mean_{k}": "mean", f"se_{k}": "se"})) for k in (1, 2)]
    ceiling = float(np.sqrt(rel[0] * rel[1]))
    return Estimate(r, low, high, m, method, f"retest ceiling {ceiling:.3f}"), ceiling


def across_wordings(
    arms: Mapping[str, pd.DataFrame], *, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Every two arms of one respondent: columns arm_1, arm_2, estimate, low, high, ceiling, n.

    Parameters
    ----------
    arms
        Utilities table (schema UTILITIES) by arm name.
    """
    rows = []
    for one, two in combinations(arms, 2):
        e, ceiling = correlation(arms[one], arms[two], replicates=replicates, seed=seed)
        rows.append((one, two, e.value, e.low, e.high, ceiling, e.n))
    return pd.DataFrame(rows, columns=["arm_1", "arm_2", "estimate", "low", "high", "ceiling", "n"])


def padding_effect(
    even: pd.DataFrame,
    odd: pd.DataFrame,
    padded_in_even: pd.Series,
    *,
    covariance_even: Array | None = None,
    covariance_odd: Array | None = None,
) -> Estimate:
    """How much padding raises an item's utility, in standard deviations of utility.

    With u_even(i) = u(i) + d pad(i) and u_odd(i) = u(i) + d (1 - pad(i)), each up to a constant,
    the difference even - odd is a constant plus d (2 pad(i) - 1): an ordinary regression on +1 for
    items padded in the even arm and -1 for the others has slope d.

    Parameters
    ----------
    even, odd
        Utilities under the arms padded_even and padded_odd (schema UTILITIES).
    padded_in_even
        True for items that the even arm pads, indexed by item id; the odd arm pads the others.
    covariance_even, covariance_odd
        Of the utilities, in the order of the tables' rows. With both, the standard error is the
        larger of the propagated one and the regression's HC3, since neither the noise between
        pairs nor the deviations of single items may be overlooked.

    Returns
    -------
    Estimate
        d over the standard deviation of utility once d is taken out of both arms. Where utility is
        nothing but length that remainder is small and the estimate large.

    Raises
    ------
    DataError
        If the arms do not share 6 items, 3 padded in each.
    """
    merged = pd.DataFrame({"item": even["item"], "even": even["mean"]}).merge(
        pd.DataFrame({"item": odd["item"], "odd": odd["mean"]}), on="item"
    )
    merged = merged[merged["item"].isin(padded_in_even.index)]
    side = np.where(padded_in_even.reindex(merged["item"]).to_numpy(bool), 1.0, -1.0)
    n = len(merged)
    if min((side > 0).sum(), (side < 0).sum()) < 3:
        raise DataError("the padding arms need at least 3 shared items padded in each of them.")
    gap = (merged["even"] - merged["odd"]).to_numpy(float)
    design = np.column_stack([np.ones(n), side])
    bread = np.linalg.inv(design.T @ design)
    projector = bread @ design.T
    slope = float(projector[1] @ gap)
    residual = gap - design @ (projector @ gap)
    leverage = np.einsum("ij,ji->i", design, projector)
    se = float(np.sqrt((projector[1] ** 2 * (residual / (1.0 - leverage)) ** 2).sum()))
    if covariance_even is not None and covariance_odd is not None:
        noise = _contrast_variance(even, merged["item"], covariance_even, projector[1])
        noise += _contrast_variance(odd, merged["item"], covariance_odd, projector[1])
        se = max(se, float(np.sqrt(noise)))
    content = np.column_stack(
        [merged["even"] - slope * (side > 0), merged["odd"] - slope * (side < 0)]
    ).mean(axis=1)
    spread = float(content.std(ddof=1))
    method = "regression of the utility difference on padding, HC3"
    if spread <= 0:
        return Estimate(np.nan, None, None, n, method, "utilities do not vary")
    half = Z95 * se
    return Estimate(slope / spread, (slope - half) / spread, (slope + half) / spread, n, method)


def _contrast_variance(
    table: pd.DataFrame, items: pd.Series, covariance: Array, weights: Array
) -> float:
    """Variance of the weighted sum of the utilities of `items`."""
    place = pd.Index(table["item"]).get_indexer(items)
    part = np.asarray(covariance)[np.ix_(place, place)]
    return float(weights @ part @ weights)


def length_gate(effect: Estimate) -> tuple[bool, str]:
    """Whether utilities are of more than length, and why not.

    Exposed is a respondent whose padding effect is at least `LENGTH_TOLERANCE` in size with an
    interval that excludes zero.
    """
    if np.isnan(effect.value) or effect.low is None or effect.high is None:
        return False, "utilities do not vary"
    excludes_zero = effect.low > 0 or effect.high < 0
    if excludes_zero and abs(effect.value) >= LENGTH_TOLERANCE:
        kind = "longer" if effect.value > 0 else "shorter"
        return False, f"prefers {kind} text: padding moves utility by {effect.value:.2f} sd"
    return True, ""


def padding_of(texts: Mapping[str, str], arm: str = "padded_even") -> pd.Series:
    """Which items the arm pads, from their texts by item id: a flag by item id."""
    from ..instruments import is_padded, load_arm

    loaded = load_arm(arm)
    flags: NDArray[np.bool_] = np.array([is_padded(loaded, text) for text in texts.values()], bool)
    return pd.Series(flags, index=list(texts))


def findings(
    arms: Mapping[str, pd.DataFrame],
    *,
    chapter: str,
    provenance: Provenance,
    padded_in_even: pd.Series | None = None,
    covariances: Mapping[str, Array] | None = None,
    base: str = "forced",
    paraphrases: Sequence[str] | None = None,
    claim: str = "C11",
    replicates: int = 2000,
    seed: int = 0,
) -> list[Finding]:
    """Everything this module says about one respondent on one instrument.

    Parameters
    ----------
    arms
        Utilities table by arm; those absent are not reported on.
    paraphrases
        Arms compared with each other; default: `base` and every arm called ``paraphrase_*``.

    Estimands wording.correlation (one for each two wordings, subject "arm_1 with arm_2"; and
    their mean, subject "mean of wordings"), wording.ceiling (mean), wording.padding, gate.length.
    """
    some = next(iter(arms.values()), None)
    if some is None or some.empty:
        return []
    cell: dict[str, Any] = {name: str(some[name].iloc[0]) for name in ("respondent", "instrument")}
    made: list[Finding] = []

    def add(estimand: str, e: Estimate, unit: str, subject: str = "", note: str = "") -> None:
        if not np.isnan(e.value):
            made.append(
                Finding(
                    estimand=estimand, chapter=chapter, estimate=e.value, low=e.low, high=e.high,
                    unit=unit, n=e.n, method=e.method, provenance=provenance, claim=claim,
                    subject=subject, note=note or e.note, **cell,
                )
            )  # fmt: skip

    if paraphrases is None:
        paraphrases = [name for name in arms if name == base or name.startswith("paraphrase_")]
    used = {name: arms[name] for name in paraphrases if name in arms}
    table = across_wordings(used, replicates=replicates, seed=seed)
    for row in table.itertuples():
        add(
            "wording.correlation",
            Estimate(row.estimate, row.low, row.high, row.n, "Pearson over items, bootstrap"),
            "correlation",
            f"{row.arm_1} with {row.arm_2}",
            f"retest ceiling {row.ceiling:.3f}",
        )
    if len(table):
        label = f"mean over {len(table)} pairs of wordings"
        n = int(table["n"].min())
        mean = Estimate(float(table["estimate"].mean()), None, None, n, label)
        ceiling = Estimate(float(table["ceiling"].mean()), None, None, n, label)
        add("wording.correlation", mean, "correlation", "mean of wordings")
        add("wording.ceiling", ceiling, "correlation", "mean of wordings")
    if "padded_even" in arms and "padded_odd" in arms and padded_in_even is not None:
        held = covariances or {}
        effect = padding_effect(
            arms["padded_even"], arms["padded_odd"], padded_in_even,
            covariance_even=held.get("padded_even"), covariance_odd=held.get("padded_odd"),
        )  # fmt: skip
        passed, why = length_gate(effect)
        add("wording.padding", effect, "standard deviations of utility")
        verdict = Estimate(float(passed), None, None, effect.n, "padding arms")
        add("gate.length", verdict, "1 or 0", note=why)
    return made
