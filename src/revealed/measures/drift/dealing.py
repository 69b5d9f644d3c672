"""Stored answers dealt out anew: how often no drift is called one, and which drift is found.

Two askings of a respondent are put together and dealt into two again, pair by pair and order by
order. Both hands come from the same answers, so that whoever calls them different errs; and if a
share of one hand is taken from another respondent's answers instead, the drift is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding, Provenance
from ..compare import compare_answers
from ..intervals import Estimate, binomial_interval
from ..multiplicity import LEVEL, holm

CHAPTER = "drift"
MOVED, CALLED, TRUE, SAME = "drift.moved", "drift.called", "drift.true", "drift.correlation"
_KEY = ["first", "second"]


@dataclass(frozen=True)
class Dealt:
    """How often a drift was called: ``called`` of ``deals``, with a ``share`` of other answers.

    ``true`` is how far chances truly lie apart then (root mean square, in probability; NaN where
    nobody knows).
    """

    respondent: str
    topic: str
    share: float
    called: int
    deals: int
    true: float = float("nan")


def asked_again(
    askings: Mapping[str, Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]],
    provenance: Mapping[str, Provenance],
    truth: Mapping[str, Mapping[str, float]] | None = None,
) -> list[Finding]:
    """Findings drift.moved (each topic), drift.correlation and drift.true.

    Parameters
    ----------
    askings
        By the later respondent and topic: choices of the earlier and of the later asking.
    truth
        How far the chances of both truly lie apart, by the later respondent and topic.

    Returns
    -------
    What cannot be compared is left out. The note of drift.moved has the p-value, adjusted by Holm
    over all topics and respondents of one provenance.
    """
    rows = []
    for name, topics in askings.items():
        for topic, (before, after) in topics.items():
            cell = compare_answers(before, after)
            if cell.moved is not None and cell.correlation is not None:
                rows.append((name, topic, cell))
    made: list[Finding] = []
    for kind in dict.fromkeys(provenance[name] for name, _, _ in rows):
        mine = [row for row in rows if provenance[row[0]] == kind]
        adjusted = holm(np.array([cell.moved.p for _, _, cell in mine if cell.moved]))
        for (name, topic, cell), p in zip(mine, adjusted, strict=True):
            assert cell.moved is not None
            assert cell.correlation is not None
            about = {"chapter": CHAPTER, "respondent": name, "provenance": kind, "subject": topic}
            e = cell.moved.estimate
            told = "called drift" if p <= LEVEL else "not called drift"
            made.append(
                e.finding(MOVED, "probability", **{**about, "note": f"{told}, p {p:.3g} (Holm)"})
            )
            if np.isfinite(cell.correlation.value):
                made.append(cell.correlation.finding(SAME, "correlation", **about))
            if (known := (truth or {}).get(name, {}).get(topic)) is not None:
                exact = Estimate(known, None, None, e.n, "declared chances of both")
                made.append(exact.finding(TRUE, "probability", **about))
    return made


def deal(
    before: pd.DataFrame, after: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the answers of two askings together and deal them into two of the same sizes.

    Only pairs and orders that both were asked are dealt; answers that are no choice stay where they
    are. Counts must be whole numbers.
    """
    one, two = _shared(before, after)
    sizes = (one["n_first"] + one["n_second"]).to_numpy(int)
    first = (one["n_first"] + two["n_first"]).to_numpy(int)
    second = (one["n_second"] + two["n_second"]).to_numpy(int)
    drawn = rng.hypergeometric(first, second, sizes)
    return (
        one.assign(n_first=drawn.astype(float), n_second=(sizes - drawn).astype(float)),
        two.assign(n_first=(first - drawn).astype(float),
                   n_second=(second - (sizes - drawn)).astype(float)),
    )  # fmt: skip


def mixed(
    own: pd.DataFrame, other: pd.DataFrame, share: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Answers of which each comes with chance `share` from `other`, the rest from `own`."""
    one, two = _shared(own, other)
    sizes = [(t["n_first"] + t["n_second"]).to_numpy(int) for t in (one, two)]
    taken = np.minimum(rng.binomial(sizes[0], share), sizes[1])
    kept = sizes[0] - taken
    first = sum(
        rng.hypergeometric(t["n_first"].to_numpy(int), t["n_second"].to_numpy(int), n)
        for t, n in ((one, kept), (two, taken))
    )
    return one.assign(n_first=first.astype(float), n_second=(sizes[0] - first).astype(float))


def _shared(one: pd.DataFrame, two: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables on the pairs and orders that both have, in one order."""
    left, right = (table.set_index(_KEY).sort_index() for table in (one, two))
    both = left.index.intersection(right.index)
    return left.loc[both].reset_index(), right.loc[both].reset_index()


def dealt(
    respondent: str, topic: str, before: pd.DataFrame, after: pd.DataFrame,
    other: pd.DataFrame | None = None, *, shares: Sequence[float] = (0.0,), deals: int = 40,
    true: float = float("nan"), seed: int = 0,
) -> list[Dealt]:  # fmt: skip
    """Deal two askings `deals` times for each share of `other`'s answers in the later hand.

    `true` is how far the chances of `other` truly lie from the respondent's; a share of its answers
    moves them by that share of it.
    """
    found = []
    for share in shares:
        rng = np.random.default_rng([seed, round(1000 * share)])
        called = 0
        for _ in range(deals):
            early, late = deal(before, after, rng)
            if share > 0 and other is not None:
                late = mixed(late, other, share, rng)
            cell = compare_answers(early, late)
            called += cell.moved is not None and cell.moved.p <= LEVEL
        moved = share * true if share > 0 else 0.0
        found.append(Dealt(respondent, topic, share, called, deals, moved))
    return found


def deal_findings(
    dealt_out: Iterable[Dealt], provenance: Mapping[str, Provenance]
) -> list[Finding]:
    """Findings drift.called: the share of deals in which a drift was called, by topic and share."""
    made = []
    for d in dealt_out:
        low, high = binomial_interval(d.called, d.deals)
        of = f"{d.true:.3f} apart" if d.share > 0 else "no drift"
        made.append(
            Finding(
                CALLED, CHAPTER, d.respondent, d.called / d.deals, low, high, "share of deals",
                d.deals, "answers dealt anew, exact binomial, n counts deals",
                provenance[d.respondent], subject=f"{d.topic}, {100 * d.share:.0f} % other answers",
                note=of,
            )
        )  # fmt: skip
    return made
