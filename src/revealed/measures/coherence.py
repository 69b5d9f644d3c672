"""Coherence: decisiveness, transitivity against nulls, held-out prediction.

Pure functions from choices and held-out scores to tables and findings (METHODS 3).
Majority cycles alone can look coherent on data that is mostly slot preference; so the expected
cycle probability from the raw rates and two nulls stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ..foundation.errors import DataError
from ..foundation.schemas import Finding, Provenance
from .intervals import (
    Array,
    Estimate,
    binomial_interval,
    logit_interval,
    percentile,
)
from .order import pair_orders

if TYPE_CHECKING:
    from ..utilities.scores import Scores

Index = NDArray[np.int64]
TRIADS_AT_MOST = 200_000
_TIE = 1e-9


# --- decisiveness --------------------------------------------------------------------------------


def decisiveness(choices: pd.DataFrame, *, replicates: int = 200, seed: int = 0) -> Estimate:
    """Mean over pairs of max(p, 1-p), without the bias of few answers a pair.

    p is the probability of choosing one of the two, both orders together. Taking the larger of two
    noisy shares overstates: 20 answers of a fair coin give 0.588. The distribution of |p - 1/2|
    over pairs is therefore estimated by nonparametric maximum likelihood (a mixture of binomials
    on a grid; Kiefer and Wolfowitz 1956, by expectation-maximisation), and the mean is taken over
    that. Interval: bootstrap over pairs.
    """
    pairs = pair_orders(choices)
    method = "mixture of binomials over pairs, bootstrap over pairs"
    if pairs.empty:
        return Estimate(np.nan, None, None, 0, method, "no pair answered in both orders")
    n = (pairs["n_1"] + pairs["n_2"]).to_numpy(float)
    k = (pairs["wins_1"] + pairs["wins_2"]).to_numpy(float)
    folded = np.column_stack([np.maximum(k, n - k), n])
    cells, where = np.unique(folded, axis=0, return_inverse=True)
    m = len(pairs)
    counts = np.bincount(where.ravel(), minlength=len(cells)).astype(float)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(m, counts / m, size=replicates).astype(float)
    fitted = _mean_decisiveness(cells, np.vstack([counts, draws]))
    raw = float((folded[:, 0] / n).mean())
    low, high = percentile(fitted[1:])
    return Estimate(float(fitted[0]), low, high, m, method, f"uncorrected {raw:.3f}")


def _mean_decisiveness(cells: Array, weights: Array, steps: int = 400) -> Array:
    """Mean of p >= 1/2 under the mixture fitted to folded counts: shape (len(weights),).

    `cells` holds (larger count, n); `weights` how many pairs fell in each, one row a replicate.
    """
    grid = np.linspace(0.5, 1.0, 51)
    larger, n = cells[:, :1], cells[:, 1:]
    with np.errstate(divide="ignore"):
        up = stats.binom.logpmf if (cells == cells.round()).all() else _soft_logpmf
        likelihood = np.exp(np.logaddexp(up(larger, n, grid), up(n - larger, n, grid)))
    mixture = np.full((len(weights), len(grid)), 1.0 / len(grid))
    share = weights / weights.sum(axis=1, keepdims=True)
    for _ in range(steps):
        total = mixture @ likelihood.T
        mixture *= np.divide(share, total, out=np.zeros_like(total), where=total > 0) @ likelihood
    return np.asarray(mixture @ grid)


def _soft_logpmf(k: Array, n: Array, p: Array) -> Array:
    """Binomial log-likelihood of soft counts, up to a constant of k and n."""
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(k * np.log(inside) + (n - k) * np.log1p(-inside))


# --- transitivity --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Triads:
    """Complete triads a, b, c of a choice graph with the pair of each side.

    ``items`` names the nodes. ``edges`` (t, 3) holds for each triad the rows of ``pairs`` for the
    sides a-b, b-c, c-a, and ``sign`` whether the pair's own orientation runs with the cycle (+1) or
    against it (-1). ``sampled`` says whether these are a random part of all triads.
    """

    items: tuple[str, ...]
    nodes: Index
    edges: Index
    sign: Array
    pairs: pd.DataFrame
    sampled: bool

    def __len__(self) -> int:
        return len(self.nodes)

    def rates(self, p: Array) -> Array:
        """P(a over b), P(b over c), P(c over a) from each pair's P(its a chosen): (..., t, 3)."""
        side = p[..., self.edges]
        return np.asarray(np.where(self.sign > 0, side, 1.0 - side))


def find_triads(choices: pd.DataFrame, *, at_most: int = TRIADS_AT_MOST, seed: int = 0) -> Triads:
    """All complete triads of the graph of pairs answered in both orders.

    If the table has a column ``triad`` (answers gathered triad by triad) exactly those triads are
    taken, each with its own answers. Otherwise every triangle of the graph is found by listing,
    from each node, the pairs of its neighbours that stand later in degree order, and keeping those
    that are themselves compared; more than `at_most` such candidates are sampled, uniformly.
    """
    if "triad" in choices.columns:
        return _named_triads(choices)
    # A pair asked again is one edge with all its answers.
    sums = choices.groupby(["first", "second"], sort=False)[["n_first", "n_second"]].sum()
    pairs = pair_orders(sums.reset_index())
    codes, items = pd.factorize(pd.concat([pairs["a"], pairs["b"]]), sort=True)
    m, n = len(pairs), len(items)
    a, b = codes[:m].astype(np.int64), codes[m:].astype(np.int64)
    degree = np.bincount(np.concatenate([a, b]), minlength=n)
    rank = np.empty(n, np.int64)
    rank[np.argsort(degree, kind="stable")] = np.arange(n)
    forward = rank[a] < rank[b]
    start, end = np.where(forward, a, b), np.where(forward, b, a)
    by_start = np.argsort(start, kind="stable")
    out = np.bincount(start, minlength=n)
    first = np.concatenate([[0], np.cumsum(out)])[:-1]
    wedges = np.concatenate([[0], np.cumsum(out * (out - 1) // 2)])
    total = int(wedges[-1])
    # A triangle is found from its lowest node alone, so a uniform sample of wedges is a uniform
    # sample of triangles.
    sampled = total > at_most
    if sampled:
        chosen = np.unique(np.random.default_rng(seed).integers(0, total, at_most))
    else:
        chosen = np.arange(total)
    node = np.searchsorted(wedges, chosen, side="right") - 1
    i, j = _unrank(chosen - wedges[node])
    one, two = by_start[first[node] + i], by_start[first[node] + j]
    key = np.minimum(a, b) * n + np.maximum(a, b)
    sorted_key = np.argsort(key)
    u, v = end[one], end[two]
    wanted = np.minimum(u, v) * n + np.maximum(u, v)
    place = np.searchsorted(key[sorted_key], wanted).clip(max=max(m - 1, 0))
    closed = key[sorted_key][place] == wanted if m else np.zeros(0, bool)
    node, u, v = node[closed], u[closed], v[closed]
    edges = np.column_stack([one[closed], sorted_key[place][closed], two[closed]]).astype(np.int64)
    sign = np.column_stack(
        [
            np.where(a[edges[:, 0]] == node, 1.0, -1.0),
            np.where(a[edges[:, 1]] == u, 1.0, -1.0),
            np.where(a[edges[:, 2]] == v, 1.0, -1.0),
        ]
    )
    nodes = np.column_stack([node, u, v]).astype(np.int64)
    return Triads(tuple(map(str, items)), nodes, edges, sign, pairs, sampled)


def _unrank(rank: Index) -> tuple[Index, Index]:
    """The `rank`-th of the pairs (0,1), (0,2), (1,2), (0,3), ...: i < j."""
    j = ((1 + np.sqrt(1 + 8 * rank.astype(float))) // 2).astype(np.int64)
    j -= (j * (j - 1) // 2 > rank).astype(np.int64)
    j += ((j + 1) * j // 2 <= rank).astype(np.int64)
    return rank - j * (j - 1) // 2, j


def _named_triads(choices: pd.DataFrame) -> Triads:
    """The triads that the source itself names; only those answered on all three sides."""
    pairs = pair_orders(choices)
    sides = pairs.groupby("triad", sort=False)["a"].transform("size")
    pairs = pairs[sides == 3].sort_values("triad", kind="stable").reset_index(drop=True)
    if pairs.empty:
        raise DataError("no triad has answers on all three sides.", where="choices, column triad")
    items = tuple(sorted(set(pairs["a"]) | set(pairs["b"])))
    code = {item: place for place, item in enumerate(items)}
    a = pairs["a"].map(code).to_numpy().reshape(-1, 3)
    b = pairs["b"].map(code).to_numpy().reshape(-1, 3)
    nodes, edges, sign = (np.empty(a.shape, kind) for kind in (np.int64, np.int64, float))
    for t in range(len(a)):
        x, y = a[t, 0], b[t, 0]
        (z,) = ({*a[t], *b[t]} - {x, y}) or {-1}
        nodes[t] = x, y, z
        for side, (start, end) in enumerate(((x, y), (y, z), (z, x))):
            hit = np.flatnonzero(
                ((a[t] == start) & (b[t] == end)) | ((a[t] == end) & (b[t] == start))
            )
            if len(hit) != 1:
                raise DataError("a triad does not join three options.", where="column triad")
            edges[t, side] = 3 * t + hit[0]
            sign[t, side] = 1.0 if a[t, hit[0]] == start else -1.0
    return Triads(items, nodes, edges, sign, pairs, False)


def pair_rates(pairs: pd.DataFrame) -> Array:
    """P(a chosen) of each pair, both orders weighing the same: shape (m,)."""
    one, two = pairs["wins_1"] / pairs["n_1"], pairs["wins_2"] / pairs["n_2"]
    return np.asarray((one + two) / 2.0, float)


@dataclass(frozen=True)
class Cycles:
    """Per triad (last axis): a strict majority cycle, a tie on a side, a cycle if ties count, and
    the probability that three fresh answers form a cycle."""

    strict: NDArray[np.bool_]
    tied: NDArray[np.bool_]
    with_ties: NDArray[np.bool_]
    expected: Array


def cycles(rates: Array) -> Cycles:
    """Cycles from P(a over b), P(b over c), P(c over a), shape (..., 3)."""
    above, below = rates > 0.5 + _TIE, rates < 0.5 - _TIE
    tied = ~(above | below).all(axis=-1)
    return Cycles(
        strict=np.asarray(above.all(axis=-1) | below.all(axis=-1)),
        tied=np.asarray(tied),
        with_ties=np.asarray((~below).all(axis=-1) | (~above).all(axis=-1)),
        expected=rates.prod(axis=-1) + (1.0 - rates).prod(axis=-1),
    )


def transitivity(triads: Triads) -> dict[str, Estimate]:
    """Cycle rates with intervals: keys strict (of untied triads), ties (of all), expected.

    Two triads that share an option are not independent: they share its utility, and two that share
    a pair share its answers. The variance sums the products over all pairs of triads with an option
    in common (by inclusion and exclusion: options, minus pairs, plus triads).
    """
    found = cycles(triads.rates(pair_rates(triads.pairs)))
    untied = ~found.tied
    every = np.ones(len(triads), bool)
    note = "a random part of all triads; " if triads.sampled else ""
    return {
        "strict": _triad_mean(
            triads, found.strict.astype(float), untied,
            f"{note}{int(found.strict[untied].sum())} of {int(untied.sum())} triads without a tie; "
            f"{int(found.tied.sum())} tied",
        ),
        "ties": _triad_mean(
            triads, found.with_ties.astype(float), every,
            f"{note}{int(found.with_ties.sum())} of {len(triads)} triads",
        ),
        "expected": _triad_mean(triads, found.expected, every, f"{note}{len(triads)} triads"),
    }  # fmt: skip


def _triad_mean(triads: Triads, values: Array, used: NDArray[np.bool_], note: str) -> Estimate:
    """Mean over the used triads; interval allowing for shared options, logit scale."""
    method = "triads sharing an option dependent, logit scale"
    value, nodes, edges = values[used], triads.nodes[used], triads.edges[used]
    t = len(value)
    if t == 0:
        return Estimate(np.nan, None, None, 0, method, note)
    mean = float(value.mean())
    if mean <= 0.0 or mean >= 1.0 or t < 3:
        # Every triad agrees: as many independent ones as there are three pairs for each.
        independent = max(1, min(t, len(np.unique(edges)) // 3))
        low, high = binomial_interval(mean * independent, independent)
        return Estimate(mean, low, high, t, "exact binomial, triads with pairs of their own", note)
    psi = (value - mean) / t

    def squares(codes: Index) -> float:
        """Sum of squared totals of psi over groups; each triad lies in codes.shape[1] groups."""
        sums = np.bincount(codes.ravel(), np.repeat(psi, codes.shape[1]))
        return float((sums**2).sum())

    alone = float((psi**2).sum())
    _, pair = np.unique(_edge_keys(nodes), return_inverse=True)
    pair = pair.reshape(len(nodes), 3)
    variance = max(squares(nodes) - squares(pair) + alone, alone)
    low, high = logit_interval(mean, float(np.sqrt(variance)))
    return Estimate(mean, low, high, t, method, note)


def _edge_keys(nodes: Index) -> Index:
    """One number for each side of each triad, the same for the same two options."""
    n = int(nodes.max()) + 1
    side = np.stack([nodes, np.roll(nodes, -1, axis=1)])
    return np.asarray(side.min(axis=0) * n + side.max(axis=0))


def nulls(triads: Triads, *, replicates: int = 200, seed: int = 0) -> pd.DataFrame:
    """What the same triads show without any ordering of the options.

    Null *position*: every answer is a draw with the respondent's share of first-listed options.
    Null *shuffled*: each pair keeps its rate, but which of the two it favours is a coin's choice:
    as decided as the respondent, about nothing.

    Returns
    -------
    DataFrame
        Columns null, measure (strict, ties, expected), estimate (mean), low, high (2.5 and 97.5 %
        points over the replicates).
    """
    rng = np.random.default_rng(seed)
    pairs = triads.pairs
    wins, n_1, n_2 = (pairs[c].to_numpy(float) for c in ("wins_1", "n_1", "n_2"))
    slot = float((wins.sum() + (n_2 - pairs["wins_2"]).sum()) / (n_1.sum() + n_2.sum()))
    p = pair_rates(pairs)
    whole = (np.round(n_1).astype(int), np.round(n_2).astype(int))
    rows: dict[tuple[str, str], list[float]] = {}
    for _ in range(replicates):
        position = (
            rng.binomial(whole[0], slot) / np.maximum(whole[0], 1)
            + rng.binomial(whole[1], 1.0 - slot) / np.maximum(whole[1], 1)
        ) / 2.0
        shuffled = np.where(rng.random(len(p)) < 0.5, p, 1.0 - p)
        for name, drawn in (("position", position), ("shuffled", shuffled)):
            found = cycles(triads.rates(drawn))
            untied = ~found.tied
            if untied.any():
                rows.setdefault((name, "strict"), []).append(float(found.strict[untied].mean()))
            rows.setdefault((name, "ties"), []).append(float(found.with_ties.mean()))
            rows.setdefault((name, "expected"), []).append(float(found.expected.mean()))
    return pd.DataFrame(
        [
            {
                "null": name, "measure": measure, "estimate": float(np.mean(values)),
                "low": float(np.percentile(values, 2.5)),
                "high": float(np.percentile(values, 97.5)),
            }
            for (name, measure), values in rows.items()
        ]
    )  # fmt: skip


def cycles_by_gap(
    triads: Triads, utility: pd.Series, *, bins: int = 5, measure: str = "expected"
) -> pd.DataFrame:
    """Cycle rate as a function of the smallest utility gap in the triad.

    Parameters
    ----------
    utility
        Fitted utility by item id. It was fitted to the same answers, so wide gaps show few cycles
        partly by construction; what is read off is how far into the gaps cycles reach.
    bins
        Groups of equally many triads.
    measure
        "expected", "strict" or "ties".

    Returns
    -------
    DataFrame
        gap (median of the group), estimate, low, high, n; triads with an unknown item left out.
    """
    value = utility.reindex(list(triads.items)).to_numpy(float)[triads.nodes]
    gap = np.abs(value - np.roll(value, -1, axis=1)).min(axis=1)
    found = cycles(triads.rates(pair_rates(triads.pairs)))
    values = {
        "expected": found.expected,
        "strict": found.strict.astype(float),
        "ties": found.with_ties.astype(float),
    }[measure]
    usable = np.isfinite(gap) & (~found.tied if measure == "strict" else True)
    place = np.flatnonzero(usable)
    rows = []
    for group in np.array_split(place[np.argsort(gap[place], kind="stable")], bins):
        if len(group) == 0:
            continue
        used = np.zeros(len(triads), bool)
        used[group] = True
        e = _triad_mean(triads, values, used, "")
        rows.append((float(np.median(gap[group])), e.value, e.low, e.high, e.n))
    return pd.DataFrame(rows, columns=["gap", "estimate", "low", "high", "n"])


# --- findings ------------------------------------------------------------------------------------


def findings(
    choices: pd.DataFrame,
    *,
    chapter: str,
    provenance: Provenance,
    scores: Scores | None = None,
    claim: str = "C1",
    replicates: int = 200,
    seed: int = 0,
) -> list[Finding]:
    """Decisiveness, cycle rates with both nulls, and held-out scores of one respondent.

    Estimands coherence.decisiveness, coherence.cycle_rate_strict, .cycle_rate_ties,
    .cycle_expected, the same with subject "null: position" and "null: shuffled", and from `scores`
    coherence.heldout_accuracy, .heldout_log_loss, .calibration_error, .noise_ceiling, .floor_order,
    .floor_category, .floor_shuffled. A graph without complete triads yields no cycle finding.
    """
    if choices.empty:
        return []
    cell: dict[str, Any] = {
        name: str(choices[name].iloc[0]) for name in ("respondent", "instrument", "arm")
    }
    made: list[Finding] = []

    def add(estimand: str, estimate: Estimate, unit: str, subject: str = "") -> None:
        if np.isnan(estimate.value):
            return
        made.append(
            Finding(
                estimand=estimand, chapter=chapter, estimate=estimate.value, low=estimate.low,
                high=estimate.high, unit=unit, n=estimate.n, method=estimate.method,
                provenance=provenance, claim=claim, subject=subject, note=estimate.note, **cell,
            )
        )  # fmt: skip

    names = {"strict": "cycle_rate_strict", "ties": "cycle_rate_ties", "expected": "cycle_expected"}
    add("coherence.decisiveness", decisiveness(choices, seed=seed), "probability")
    triads = find_triads(choices, seed=seed)
    if len(triads):
        for measure, estimate in transitivity(triads).items():
            add(f"coherence.{names[measure]}", estimate, "share of triads")
        for row in nulls(triads, replicates=replicates, seed=seed).itertuples():
            drawn = Estimate(row.estimate, row.low, row.high, len(triads), "simulated null")
            add(f"coherence.{names[row.measure]}", drawn, "share of triads", f"null: {row.null}")
    if scores is not None:
        for estimand, estimate, unit in heldout_estimates(scores):
            add(f"coherence.{estimand}", estimate, unit)
    return made


def heldout_estimates(scores: Scores) -> list[tuple[str, Estimate, str]]:
    """(name, estimate, unit) of everything `utilities.scores` says about held-out pairs."""
    n = int(scores.n)
    method = "pairs held out whole, uniformly at random"
    made = []
    for name, field, unit in (
        ("heldout_accuracy", "accuracy", "share"),
        ("heldout_log_loss", "log_loss", "nats"),
        ("calibration_error", "calibration_error", "probability"),
        ("noise_ceiling", "noise_ceiling", "share"),
        ("noise_ceiling_log_loss", "noise_ceiling_log_loss", "nats"),
        ("floor_order", "floor_order", "share"),
        ("floor_category", "floor_category", "share"),
        ("floor_shuffled", "floor_shuffled", "share"),
    ):
        value, low, high = (getattr(scores, field + end, None) for end in ("", "_low", "_high"))
        if value is not None and np.isfinite(value):
            ends: tuple[float | None, float | None] = (None, None)
            if low is not None and high is not None and np.isfinite([low, high]).all():
                ends = (float(low), float(high))
            made.append((name, Estimate(float(value), ends[0], ends[1], n, method), unit))
    return made
