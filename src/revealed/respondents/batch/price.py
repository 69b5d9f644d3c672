"""What a batch costs, before it is sent and when it is booked."""

from __future__ import annotations

from typing import NamedTuple

from ..door import prices
from ..spec import Batching, RespondentSpec

HALF = 0.5
"""Share of the ordinary price, where no table and no study file gives the price of batches.

OpenAI's guide to batches and Azure's to global batches both name half of the price of asking at
once (as of 2026)."""


class BatchPrice(NamedTuple):
    """US dollars an input and an output token, and where that comes from."""

    into: float
    out: float
    source: str


def batch_price(spec: RespondentSpec) -> BatchPrice | None:
    """The price of tokens in a batch; None where nobody knows the model's ordinary price.

    The study's own share (``batch: {price: 0.5}``) comes first, then LiteLLM's table of batch
    prices, then `HALF`.
    """
    ordinary = prices(spec)
    if ordinary is None:
        return None
    own = (spec.batch or Batching()).price
    if own is not None:
        return BatchPrice(
            ordinary[0] * own, ordinary[1] * own, f"{own:g} of the ordinary price, by study.yaml"
        )
    if spec.input_cost_per_token is None or spec.output_cost_per_token is None:
        listed = prices(spec, "_batches")
        if listed is not None:
            return BatchPrice(*listed, "prices of batches in LiteLLM's table")
    return BatchPrice(
        ordinary[0] * HALF, ordinary[1] * HALF,
        f"{HALF:g} of the ordinary price, as OpenAI and Azure announce",
    )  # fmt: skip
