"""From the tables of one respondent, instrument and arm to the numbers and pairs of its file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from revealed.foundation.schemas import Provenance
from revealed.instruments import Instrument
from revealed.measures import intervals
from revealed.respondents.elicit import COUNTS
from revealed.utilities import Fit

from . import encode
from .schema import Cell, Differences, Items, Pairs, Rates

MOST_DIFFERENCES = 600
"""Items up to which every difference has its own standard error: a file of half a megabyte."""
MOST_RATES = 300
"""Goods up to which every rate is in the file."""
LEAST_PAIRS = 5
_MISSING = 65_535


def items(instrument: Instrument) -> Items:
    """The options of an instrument."""
    table = instrument.items
    categories, category = encode.coded([str(name) for name in table["category"]])
    goods = list(dict.fromkeys(str(name) for name in table["good"] if name))
    place = {name: k for k, name in enumerate(goods)}
    return Items(
        ids=[str(name) for name in table.index],
        texts=[encode.text(str(words)) for words in table["text"]],
        categories=[encode.text(name) for name in categories],
        category=category,
        goods=[encode.text(name) for name in goods],
        good=[place.get(str(name), -1) for name in table["good"]],
        quantity=encode.numbers(table["quantity"]),
    )


def unlisted(names: Sequence[str]) -> Items:
    """Options of an instrument that this checkout does not have: their ids are all we know."""
    shown = [encode.text(name) for name in names]
    blank = [0] * len(shown)
    return Items(
        ids=list(names), texts=shown, categories=[""], category=blank, goods=[],
        good=[-1] * len(shown), quantity=[None] * len(shown),
    )  # fmt: skip


def pairs_of(choices: pd.DataFrame, place: dict[str, int]) -> Pairs:
    """Both orders of every pair in one row, in the order of first appearance.

    Parameters
    ----------
    choices
        Schema `CHOICES`, one cell.
    place
        The number of every item among the cell's.
    """
    number: dict[tuple[int, int], int] = {}
    made: dict[str, list] = {"a": [], "b": [], "for_a": [], "for_b": []}  # type: ignore[type-arg]
    lost: list[list[float]] = []
    holdout: dict[int, None] = {}
    columns = ("first", "second", "role", *COUNTS)
    for first, second, role, n_first, n_second, *others in zip(
        *(choices[name] for name in columns), strict=True
    ):
        a, b = place[first], place[second]
        k, order = number.get((a, b)), 0
        if k is None and (k := number.get((b, a))) is not None:
            order = 1
        if k is None:
            k = number[a, b] = len(number)
            made["a"].append(a)
            made["b"].append(b)
            made["for_a"].append([None, None])
            made["for_b"].append([None, None])
        for_first, for_second = ("for_a", "for_b") if order == 0 else ("for_b", "for_a")
        made[for_first][k][order] = encode.short(n_first)
        made[for_second][k][order] = encode.short(n_second)
        if any(others):
            lost.append([float(k), float(order), *(float(encode.short(n) or 0) for n in others)])
        if role == "holdout":
            holdout[k] = None
    return Pairs(**made, lost=lost, holdout=list(holdout))


def shares(pairs: Pairs, count: int) -> list[intervals.Estimate]:
    """Per item the share of decided answers that chose it, each pair one draw.

    Without an interval below `LEAST_PAIRS`, unless all answers agree: two pairs that happen to be
    answered alike would have one of no width.
    """
    hits: list[list[float]] = [[] for _ in range(count)]
    totals: list[list[float]] = [[] for _ in range(count)]
    for a, b, for_a, for_b in zip(pairs.a, pairs.b, pairs.for_a, pairs.for_b, strict=True):
        chosen, against = (sum(filter(None, side)) for side in (for_a, for_b))
        for item, won in ((a, chosen), (b, against)):
            hits[item].append(won)
            totals[item].append(chosen + against)
    found = [intervals.share(h, t) for h, t in zip(hits, totals, strict=True)]
    return [
        replace(one, low=None, high=None) if one.n < LEAST_PAIRS and 0 < one.value < 1 else one
        for one in found
    ]


def cell(
    choices: pd.DataFrame | None,
    utilities: pd.DataFrame | None,
    listed: Sequence[str],
    *,
    provenance: Provenance,
    why: str,
    silent: str = "",
    answers_from: Sequence[int] = (),
) -> Cell:
    """One cell's file.

    Parameters
    ----------
    choices, utilities
        Schemas `CHOICES` and `UTILITIES`; None where there are none.
    listed
        Ids of the instrument's items, in the order of its file.
    why
        Why nothing can be estimated; then utilities are left out, because no number is made of
        what is left. Shares are counts and stay.
    silent, answers_from
        As in `Cell`.
    """
    held: dict[str, None] = {}
    if utilities is not None:
        held.update(dict.fromkeys(utilities["item"]))
    if choices is not None:
        held.update(dict.fromkeys([*choices["first"], *choices["second"]]))
    names = [name for name in listed if name in held]
    names += [name for name in held if name not in set(names)]
    number = {name: k for k, name in enumerate(listed)}
    names = [name for name in names if name in number]
    place = {name: k for k, name in enumerate(names)}
    fitted: dict[str, list[float | None]] = {"mean": [None] * len(names), "se": [None] * len(names)}
    if utilities is not None and not why:
        own = utilities.set_index("item").reindex(names)
        fitted = {name: encode.numbers(own[name]) for name in fitted}
    pairs = None if choices is None else pairs_of(choices, place)
    counted = [] if pairs is None else shares(pairs, len(names))
    asked = [0] * len(names)
    if pairs is not None:
        asked = np.bincount([*pairs.a, *pairs.b], minlength=len(names)).tolist()
    return Cell(
        provenance=provenance,
        why=why,
        items=[number[name] for name in names],
        mean=fitted["mean"],
        se=fitted["se"],
        method=_method(choices, utilities),
        share=encode.numbers(e.value for e in counted),
        share_low=encode.numbers(e.low for e in counted),
        share_high=encode.numbers(e.high for e in counted),
        asked=asked,
        pairs=pairs,
        answers_from=list(answers_from),
        silent=silent,
    )


def _method(choices: pd.DataFrame | None, utilities: pd.DataFrame | None) -> str:
    if utilities is None:
        return "No utilities were fitted to these pairs."
    if choices is None:
        return "Utilities as their source published them, which gives no standard errors."
    return (
        "Thurstone model fitted to both orders, order effect included; intervals are "
        "pair-clustered HC3, 95 %. Only differences mean something: 0 is the mean of the "
        "reference items."
    )


def differences(fit: Fit, names: Sequence[str]) -> Differences | None:
    """Standard errors of all differences of `names`, two bytes each; None where there are too many.

    The numbers are `Fit.difference`'s, to one part in 65,000 of the largest.
    """
    if len(names) > MOST_DIFFERENCES:
        return None
    place = {name: k for k, name in enumerate(fit.items)}
    known = np.array([name in place and bool(fit.identified[place[name]]) for name in names])
    at = [place.get(name, 0) for name in names]
    covariance = fit.covariance[np.ix_(at, at)]
    own = np.diag(covariance)
    variance = own[:, None] + own[None, :] - 2.0 * covariance
    i, j = np.triu_indices(len(names), 1)
    se = np.sqrt(np.maximum(variance[i, j], 0.0))
    there = known[i] & known[j]
    scale = float(se[there].max()) / (_MISSING - 1) if there.any() else 0.0
    codes = np.full(len(se), _MISSING, dtype="<u2")
    if scale > 0:
        codes[there] = np.round(se[there] / scale)
    elif there.any():
        codes[there] = 0
    return Differences(scale=scale, se=base64.b64encode(codes.tobytes()).decode("ascii"))


def rates(every: pd.DataFrame, prices: pd.DataFrame) -> Rates | None:
    """Rates of one respondent and instrument; None where there are none or too many.

    Parameters
    ----------
    every
        `exchange.every_rate`'s columns, rows of one cell.
    prices
        The cell's findings ``exchange.log_price``: subject, estimate, low, high, method.
    """
    goods = list(dict.fromkeys([*every["good"], *every["per"]]))
    if not goods or len(goods) > MOST_RATES:
        return None
    place = {name: k for k, name in enumerate(goods)}
    order = every.assign(i=every["good"].map(place), j=every["per"].map(place))
    order = order.sort_values(["i", "j"])
    if len(order) != len(goods) * (len(goods) - 1) // 2 or (order["i"] >= order["j"]).any():
        return None
    # A good that only has a bound gives none against the mean: its price is left out.
    own = prices.drop_duplicates("subject").set_index("subject").reindex(goods)
    own = np.exp(own[["estimate", "low", "high"]].astype(float))
    bound = order["bound"].fillna("").astype(str)
    return Rates(
        goods=[encode.text(name) for name in goods],
        rate=encode.numbers(order["rate"].where(bound != "none")),
        low=encode.numbers(order["rate_low"]),
        high=encode.numbers(order["rate_high"]),
        bound=bound.tolist(),
        price=encode.numbers(own["estimate"]),
        price_low=encode.numbers(own["low"]),
        price_high=encode.numbers(own["high"]),
        method=str(prices["method"].iloc[0]) if len(prices) else "",
    )
