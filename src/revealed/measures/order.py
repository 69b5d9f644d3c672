"""Listing order, and the gate: is there a preference here that does not depend on the slot?

From the choices of one respondent, instrument and arm: the share of first-listed options, the order
effect and what sampling noise alone would give, the correlation of content preference between the
two orders, and the verdict *measurable* or *not measurable*. A respondent that fails the gate is
not thereby incoherent: its answers do not carry a utility at all (METHODS 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ..foundation.errors import DataError
from ..foundation.schemas import Finding, Provenance
from ..utilities.comparisons import order_told
from .intervals import (
    Z95,
    Array,
    Estimate,
    percentile,
    resample_weights,
    share,
    weighted_correlation,
)

if TYPE_CHECKING:
    from ..utilities.fit import Fit

CALIBRATION_NEEDED = 0.95
CORRELATION_NEEDED = 0.5
RELIABILITY_NEEDED = 0.2
ANSWERED_NEEDED = 0.5
"""Share of questions put that must have ended in a choice or a legible answer."""
PAIRS_NEEDED = 20
"""Below this many pairs with answers in both orders the gate passes no judgement but "too few"."""

OTHERWISE = {
    "neutral": "said to have no preference",
    "refused": "declined",
    "unparsed": "could not be read",
    "failed": "never came",
}
"""What becomes of a request that is not answered by one of its options, in words."""

_KINDS = ("n_first", "n_second", "n_neutral", "n_refused", "n_unparsed", "n_failed")


def pair_orders(choices: pd.DataFrame) -> pd.DataFrame:
    """One row a pair with its answers in both orders side by side.

    A pair's item ``a`` is the one listed first where the pair first appears in the table. A pair
    that was asked anew elsewhere keeps its askings apart if the table says where (a column
    ``triad``); otherwise the k-th asking in one order meets the k-th in the other.

    Returns
    -------
    DataFrame
        a, b; for the order "a listed first": ``wins_1`` (times a was chosen) of ``n_1`` decided
        answers; for "a listed second": ``wins_2`` of ``n_2``. Pairs without a decided answer in
        both orders are left out. The column ``triad`` is kept if there is one.
    """
    if choices.empty:
        return pd.DataFrame(columns=["a", "b", "wins_1", "n_1", "wins_2", "n_2"])
    _one_cell(choices)
    block = ["triad"] if "triad" in choices.columns else []
    keys = pd.DataFrame({"pair": _pair_codes(choices)} | {k: choices[k].to_numpy() for k in block})
    first = choices["first"].to_numpy(object)
    keys["forward"] = first == first[_first_rows(keys.groupby(["pair", *block]).ngroup())]
    keys["asking"] = keys.groupby(["pair", "forward", *block], sort=False).cumcount()
    code = keys.groupby(["pair", "asking", *block], sort=False).ngroup().to_numpy()
    lead = _first_rows(code)
    # Of each asking, the row in either order; a later asking may start with the other order.
    forward = first == first[lead]
    one, two = (np.full(code.max() + 1, -1) for _ in range(2))
    one[code[forward]] = np.flatnonzero(forward)
    two[code[~forward]] = np.flatnonzero(~forward)
    wins, losses = (choices[name].to_numpy(float) for name in ("n_first", "n_second"))
    total = wins + losses
    both = (one >= 0) & (two >= 0)
    one, two = one[both], two[both]
    answered = (total[one] > 0) & (total[two] > 0)
    one, two = one[answered], two[answered]
    return pd.DataFrame(
        {
            "a": first[one], "b": choices["second"].to_numpy(object)[one],
            "wins_1": wins[one], "n_1": total[one], "wins_2": losses[two], "n_2": total[two],
            **{name: choices[name].to_numpy()[one] for name in block},
        }
    )  # fmt: skip


def _pair_codes(choices: pd.DataFrame) -> NDArray[np.int64]:
    """One number for each unordered pair of items, in order of appearance: shape (rows,)."""
    m = len(choices)
    listed = np.concatenate([choices["first"].to_numpy(object), choices["second"].to_numpy(object)])
    codes, items = pd.factorize(listed)
    key = np.minimum(codes[:m], codes[m:]) * len(items) + np.maximum(codes[:m], codes[m:])
    return np.asarray(pd.factorize(key)[0], dtype=np.int64)


def _first_rows(codes: ArrayLike) -> NDArray[np.int64]:
    """For each row the first row with the same code."""
    _, first, inverse = np.unique(np.asarray(codes), return_index=True, return_inverse=True)
    return np.asarray(first[inverse.ravel()], dtype=np.int64)


def _one_cell(choices: pd.DataFrame) -> None:
    """Refuse a table that mixes respondents, instruments or arms."""
    for name in ("respondent", "instrument", "arm"):
        if name in choices.columns and len(choices[name].unique()) > 1:
            found = ", ".join(map(str, choices[name].unique()[:3]))
            raise DataError(
                f"choices of one {name} are wanted here, found {found}.",
                todo="Select one respondent, instrument and arm.",
            )


def first_share(choices: pd.DataFrame) -> Estimate:
    """Share of decided answers that chose the option listed first, pair-clustered.

    Not a number where nobody knows which option was.
    """
    if not order_told(choices):
        note = "which option was listed first is not known"
        return Estimate(np.nan, None, None, 0, "share of answers", note)
    code = _pair_codes(choices)
    hits = choices["n_first"].to_numpy(float)
    total = hits + choices["n_second"].to_numpy(float)
    return share(np.bincount(code, hits), np.bincount(code, total))


def order_effect(
    choices: pd.DataFrame, *, replicates: int = 2000, seed: int = 0
) -> tuple[Estimate, float]:
    """Mean over pairs of |P(a | listed first) - P(a | listed second)|, and its noise floor.

    The floor is what the same mean would be on average if the order had no effect: given a pair's
    wins over both orders together, its wins in one order are then hypergeometric, whatever the
    preference, so the floor needs no model. With few answers an order it is far from zero (ten an
    order of a fair coin: 0.18). Soft counts (token log-probabilities, not whole numbers) carry no
    sampling noise of this kind and add nothing to it.

    Returns
    -------
    (Estimate, float)
        The effect with a bootstrap interval over pairs, and the floor.
    """
    return _effect(pair_orders(choices), replicates, seed)


def _effect(pairs: pd.DataFrame, replicates: int, seed: int) -> tuple[Estimate, float]:
    method = "mean over pairs, bootstrap over pairs"
    if pairs.empty:
        return Estimate(np.nan, None, None, 0, method, "no pair answered in both orders"), np.nan
    gap = np.abs(pairs["wins_1"] / pairs["n_1"] - pairs["wins_2"] / pairs["n_2"]).to_numpy()
    m = len(gap)
    low, high = percentile(resample_weights(m, replicates, seed) @ gap / m)
    floor = float(_noise_floor(pairs).mean())
    return Estimate(float(gap.mean()), low, high, m, method, f"noise floor {floor:.3f}"), floor


def _noise_floor(pairs: pd.DataFrame) -> Array:
    """Expected |wins_1/n_1 - wins_2/n_2| of each pair given its total, without an order effect."""
    counts = pairs[["wins_1", "n_1", "wins_2", "n_2"]].to_numpy(float)
    whole = (counts == np.round(counts)).all(axis=1)
    keys = np.column_stack(
        [counts[:, 1], counts[:, 3], counts[:, 0] + counts[:, 2]]
    ).round().astype(int)  # fmt: skip
    distinct, where = np.unique(keys, axis=0, return_inverse=True)
    expected = np.empty(len(distinct))
    for row, (n_1, n_2, wins) in enumerate(distinct):
        k = np.arange(max(0, wins - n_2), min(n_1, wins) + 1)
        mass = stats.hypergeom.pmf(k, n_1 + n_2, wins, n_1)
        expected[row] = float(mass @ np.abs(k / n_1 - (wins - k) / n_2))
    return np.where(whole, expected[where.ravel()], 0.0)


def cross_order_correlation(
    choices: pd.DataFrame, *, replicates: int = 2000, seed: int = 0
) -> Estimate:
    """Correlation over pairs of P(a | listed first) with P(a | listed second).

    Where one side does not vary (a respondent that always takes the same slot) no content
    preference is visible and the correlation is 0 by convention, without an interval.
    """
    return _correlation(pair_orders(choices), replicates, seed)


def _correlation(pairs: pd.DataFrame, replicates: int, seed: int) -> Estimate:
    method = "Pearson over pairs, bootstrap over pairs"
    m = len(pairs)
    if m < 3:
        return Estimate(np.nan, None, None, m, method, "fewer than 3 pairs in both orders")
    x = (pairs["wins_1"] / pairs["n_1"]).to_numpy()
    y = (pairs["wins_2"] / pairs["n_2"]).to_numpy()
    r = float(weighted_correlation(x, y, np.ones((1, m)))[0])
    if np.isnan(r):
        return Estimate(0.0, None, None, m, method, "answers do not vary with the content")
    low, high = percentile(weighted_correlation(x, y, resample_weights(m, replicates, seed)))
    return Estimate(r, low, high, m, method)


def split_half(choices: pd.DataFrame) -> Estimate:
    """Correlation over pairs between halves of the answers of one order, mean of both orders.

    Its expected value over all ways to halve the answers, from the counts: with k wins of n, the
    unbiased sampling variance of a share is k(n-k)/(n²(n-1)), and the rest of the variance between
    pairs is what both halves share.
    """
    pairs = pair_orders(choices)
    halves = [_variances(pairs, order) for order in (1, 2)]
    method = "expected over all halvings, mean of both orders"
    if any(np.isnan(v) or v <= 0 for v, _ in halves):
        return Estimate(np.nan, None, None, len(pairs), method, "answers do not vary")
    values = [(v - noise) / (v + noise) for v, noise in halves]
    return Estimate(float(np.mean(values)), None, None, len(pairs), method)


def disattenuated_correlation(
    choices: pd.DataFrame, *, replicates: int = 2000, seed: int = 0
) -> Estimate:
    """The cross-order correlation that endless answers an order would show.

    Divided by the root of both orders' reliabilities (`split_half` stepped up to all answers), and
    so are the ends of its interval. NaN where an order's variation is mostly sampling noise
    (reliability below 0.2), so that noise is not blown up to a preference.
    """
    pairs = pair_orders(choices)
    return _disattenuate(pairs, _correlation(pairs, replicates, seed))


def _disattenuate(pairs: pd.DataFrame, raw: Estimate) -> Estimate:
    method = "cross-order correlation over the root of both reliabilities"
    parts = [_variances(pairs, order) for order in (1, 2)]
    reliabilities = [1.0 - noise / v if v > 0 else np.nan for v, noise in parts]
    if np.isnan(raw.value) or not all(value >= RELIABILITY_NEEDED for value in reliabilities):
        return Estimate(np.nan, None, None, len(pairs), method, "no reliable variation")
    scale = float(np.sqrt(np.prod(reliabilities)))
    value, low, high = (
        None if end is None else float(np.clip(end / scale, -1.0, 1.0))
        for end in (raw.value, raw.low, raw.high)
    )
    assert value is not None
    return Estimate(value, low, high, len(pairs), method, f"reliability {scale:.2f}")


def _variances(pairs: pd.DataFrame, order: int) -> tuple[float, float]:
    """Variance over pairs of one order's shares, and the mean sampling variance within it."""
    if len(pairs) < 3:
        return np.nan, np.nan
    n = pairs[f"n_{order}"].to_numpy()
    p = pairs[f"wins_{order}"].to_numpy() / n
    soft = pairs[f"wins_{order}"].to_numpy() % 1 != 0
    # One answer gives no variance estimate; the pairs with two or more stand for it.
    noise = np.where(
        soft, 0.0, np.divide(p * (1 - p), n - 1, out=np.full(len(n), np.nan), where=n > 1)
    )
    return float(p.var(ddof=1)), float(np.nanmean(noise)) if np.isfinite(noise).any() else np.nan


def answer_shares(choices: pd.DataFrame) -> dict[str, Estimate]:
    """Shares of neutral, refused and unparsed among the answers received, and of failed requests.

    Keys neutral, refused, unparsed, failed; intervals pair-clustered.
    """
    code = _pair_codes(choices)
    sums = {kind: np.bincount(code, choices[kind].to_numpy(float)) for kind in _KINDS}
    received = sum((sums[kind] for kind in _KINDS[:-1]), np.zeros_like(sums["n_failed"]))
    shares = {
        kind: share(sums[f"n_{kind}"], received) for kind in ("neutral", "refused", "unparsed")
    }
    shares["failed"] = share(sums["n_failed"], received + sums["n_failed"])
    return shares


def unanswered(counts: Mapping[str, float]) -> str:
    """Why a choice that is left of so few cannot speak for the respondent; empty if most are left.

    Parameters
    ----------
    counts
        Answers by what became of them: answered, and the kinds of `OTHERWISE`.
    """
    asked = sum(counts.values())
    if not asked or counts["answered"] / asked >= ANSWERED_NEEDED:
        return ""
    kind = max(OTHERWISE, key=lambda k: counts[k])
    return f"{100 * counts[kind] / asked:.0f} % of its answers {OTHERWISE[kind]}"


def calibration_accuracy(calibration: pd.DataFrame, pairs: pd.DataFrame) -> Estimate:
    """Share of right ones among the decided answers to pairs whose better side is beyond dispute.

    Parameters
    ----------
    calibration
        Choices on the calibration instrument, both orders.
    pairs
        Columns better, worse: item ids.

    Neutral, refused, unparseable and failed answers are no votes here either: `answer_shares` of
    the same table tells how many there were.

    Raises
    ------
    DataError
        If a calibration pair is asked that `pairs` does not know.
    """
    better = set(zip(pairs["better"], pairs["worse"], strict=True))
    listed = list(zip(calibration["first"], calibration["second"], strict=True))
    forward = np.array([pair in better for pair in listed], dtype=bool)
    backward = np.array([pair[::-1] in better for pair in listed], dtype=bool)
    if not (forward | backward).all():
        row = int(np.flatnonzero(~(forward | backward))[0])
        raise DataError(
            f"{listed[row]} is no calibration pair.", where=f"calibration choices, row {row + 1}"
        )
    right = np.where(forward, calibration["n_first"], calibration["n_second"]).astype(float)
    decided = (calibration["n_first"] + calibration["n_second"]).to_numpy(float)
    code = _pair_codes(calibration)
    return share(np.bincount(code, right), np.bincount(code, decided))


@dataclass(frozen=True)
class Gate:
    """The verdict on one respondent, with everything it rests on."""

    respondent: str
    measurable: bool
    reasons: tuple[str, ...]
    """Why not measurable; or, for a pass, what could not be judged. May be empty."""
    calibration: Estimate | None
    cross_correlation: Estimate
    disattenuated: Estimate
    p_first: Estimate
    effect: Estimate
    effect_floor: float
    shares: dict[str, Estimate]

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        return "measurable" if self.measurable else "not measurable"


def gate(
    choices: pd.DataFrame,
    calibration: pd.DataFrame | None = None,
    calibration_pairs: pd.DataFrame | None = None,
    *,
    replicates: int = 2000,
    seed: int = 0,
) -> Gate:
    """Judge whether the respondent's choices carry a content preference (METHODS 1).

    Measurable if at least half of the answers are choices, at least 95 % of the calibration answers
    are right and the cross-order correlation is at least 0.5. The correlation judged is the
    disattenuated one wherever the answers allow it: with two answers an order the raw one stays
    near 0.5 for a respondent whose utilities are recovered to within 2 %, and the gate is about the
    respondent, not about how often it was asked. Without calibration answers the verdict rests on
    the rest and says so among its reasons. Who mostly declines picks what it answers, and that does
    not speak for the rest, however well it hangs together.
    """
    respondent = str(choices["respondent"].iloc[0]) if len(choices) else ""
    pairs = pair_orders(choices)
    correlation = _correlation(pairs, replicates, seed)
    disattenuated = _disattenuate(pairs, correlation)
    effect, floor = _effect(pairs, replicates, seed)
    judged = correlation if np.isnan(disattenuated.value) else disattenuated
    accuracy: Estimate | None = None
    if calibration is not None and calibration_pairs is not None and len(calibration):
        accuracy = calibration_accuracy(calibration, calibration_pairs)
    counts = {kind: float(choices[f"n_{kind}"].sum()) for kind in OTHERWISE}
    chosen = float(choices[["n_first", "n_second"]].to_numpy(float).sum())
    failures = [why] if (why := unanswered({"answered": chosen, **counts})) else []
    if correlation.n < PAIRS_NEEDED:
        failures.append(
            f"only {correlation.n} pairs answered in both orders, {PAIRS_NEEDED} needed"
        )
    elif judged.value < CORRELATION_NEEDED:
        corrected = "" if judged is correlation else f" ({judged.value:.2f} without sampling noise)"
        failures.append(
            f"cross-order correlation {correlation.value:.2f}{corrected}, "
            f"at least {CORRELATION_NEEDED} needed"
        )
    if accuracy is not None and np.isnan(accuracy.value):
        failures.append("no decided answer to any calibration pair")
    elif accuracy is not None and accuracy.value < CALIBRATION_NEEDED:
        failures.append(
            f"{100 * accuracy.value:.0f} % of calibration answers right, "
            f"{100 * CALIBRATION_NEEDED:.0f} % needed"
        )
    limits = ["no calibration answers: judged on the order alone"] if accuracy is None else []
    return Gate(
        respondent=respondent,
        measurable=not failures,
        reasons=(*failures, *limits),
        calibration=accuracy,
        cross_correlation=correlation,
        disattenuated=disattenuated,
        p_first=first_share(choices),
        effect=effect,
        effect_floor=floor,
        shares=answer_shares(choices),
    )


def gate_table(gates: Sequence[Gate]) -> pd.DataFrame:
    """Gates as a table, one row a respondent, for a figure or a download."""
    columns: dict[str, list[Any]] = {
        "respondent": [g.respondent for g in gates],
        "verdict": [g.verdict for g in gates],
    }
    for name in ("calibration", "cross_correlation", "disattenuated", "p_first", "effect"):
        estimates = [getattr(g, name) for g in gates]
        columns[name] = [np.nan if e is None else e.value for e in estimates]
        for end in ("low", "high"):
            columns[f"{name}_{end}"] = [_or_nan(getattr(e, end, None)) for e in estimates]
    columns["effect_floor"] = [g.effect_floor for g in gates]
    for kind in ("neutral", "refused", "unparsed", "failed"):
        columns[kind] = [g.shares[kind].value for g in gates]
    columns["reasons"] = ["; ".join(g.reasons) for g in gates]
    return pd.DataFrame(columns)


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def findings(
    choices: pd.DataFrame,
    *,
    chapter: str,
    provenance: Provenance,
    calibration: pd.DataFrame | None = None,
    calibration_pairs: pd.DataFrame | None = None,
    fit: Fit | None = None,
    claim: str = "",
    replicates: int = 2000,
    seed: int = 0,
) -> list[Finding]:
    """Everything this module says about one respondent, instrument and arm.

    Estimands order.p_first, order.effect, order.effect_floor, order.cross_correlation,
    order.cross_correlation_disattenuated, order.split_half, order.probit (with a `fit`),
    gate.calibration (with calibration answers), gate.measurable, answers.neutral, .refused,
    .unparsed, .failed. What is undefined on these answers is left out.
    """
    if choices.empty:
        return []
    g = gate(choices, calibration, calibration_pairs, replicates=replicates, seed=seed)
    cell: dict[str, Any] = {
        name: str(choices[name].iloc[0]) for name in ("respondent", "instrument", "arm")
    }
    made: list[Finding] = []

    def add(estimand: str, estimate: Estimate | None, unit: str, note: str = "") -> None:
        if estimate is None or np.isnan(estimate.value):
            return
        made.append(
            Finding(
                estimand=estimand,
                chapter=chapter,
                estimate=estimate.value,
                low=estimate.low,
                high=estimate.high,
                unit=unit,
                n=estimate.n,
                method=estimate.method,
                provenance=provenance,
                claim=claim,
                note=note or estimate.note,
                **cell,
            )
        )

    add("order.p_first", g.p_first, "share")
    add("order.effect", g.effect, "share")
    add(
        "order.effect_floor",
        Estimate(g.effect_floor, None, None, g.effect.n, "hypergeometric given each pair's total"),
        "share",
        "order effect expected from sampling noise alone",
    )
    add("order.cross_correlation", g.cross_correlation, "correlation")
    add("order.cross_correlation_disattenuated", g.disattenuated, "correlation")
    add("order.split_half", split_half(choices), "correlation")
    if fit is not None and np.isfinite(fit.order_effect_se):
        half = Z95 * float(fit.order_effect_se)
        w = float(fit.order_effect)
        add(
            "order.probit",
            Estimate(w, w - half, w + half, g.effect.n, "MAP, pair-clustered HC3"),
            f"{fit.link} scale",
        )
    add("gate.calibration", g.calibration, "share")
    add(
        "gate.measurable",
        Estimate(float(g.measurable), None, None, g.cross_correlation.n, "measurement gate"),
        "1 or 0",
        "; ".join(g.reasons),
    )
    for kind, estimate in g.shares.items():
        add(f"answers.{kind}", estimate, "share")
    return made
