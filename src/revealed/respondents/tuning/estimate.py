"""What a fine-tuning costs, before anything is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import NamedTuple

from ...foundation.errors import BudgetError, ConfigError

FRAME = 4
"""Tokens that a message takes beside its text."""


class Estimated(NamedTuple):
    """Examples, tokens of one pass at four bytes each, passes, and US dollars (None: unknown)."""

    lines: int
    tokens: int
    epochs: int
    cost: float | None


def estimate(lines: Iterable[str], epochs: int, price: float | None) -> Estimated:
    """The cost of training on these lines.

    Parameters
    ----------
    lines
        Of the training file: JSON with ``messages``.
    epochs
        Passes over the file.
    price
        US dollars a trained token; None if it is not known.

    Raises
    ------
    ConfigError
        If there is no line, or one is no example.
    """
    count, tokens = 0, 0.0
    for number, line in enumerate(lines, start=1):
        try:
            messages = json.loads(line)["messages"]
            tokens += sum(len(m["content"].encode()) / 4 + FRAME for m in messages)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(
                "is no example of a chat.", where=f"training file, line {number}"
            ) from None
        count += 1
    if not count:
        raise ConfigError("the training file holds no example.")
    whole = round(tokens)
    return Estimated(count, whole, epochs, None if price is None else whole * epochs * price)


def within(estimated: Estimated, max_cost: float | None) -> None:
    """Refuse before anything is sent what costs too much, or what nobody knows the cost of.

    Raises
    ------
    BudgetError
        If there is a limit and the estimate is above it or unknown.
    ConfigError
        If the limit is no amount.
    """
    if max_cost is None:
        return
    if math.isnan(max_cost):
        raise ConfigError("the cost limit is no number.", todo="Give --max-cost in US dollars.")
    if estimated.cost is None or math.isnan(estimated.cost):
        raise BudgetError(
            "the price of training is unknown, so a cost limit cannot be kept.",
            todo="Give --price (US dollars for a million trained tokens), or drop the limit.",
        )
    if estimated.cost > max_cost:
        raise BudgetError(
            f"the training is estimated at ${estimated.cost:,.2f}, and the limit is "
            f"${max_cost:,.2f}.",
            todo="Give a higher --max-cost, fewer --epochs or fewer repeats in study.yaml.",
        )
