"""Sums of money at two dates: the cells of the discounting experiment (METHODS 9).

Items are payments, pairs are cells. A pair's columns are ``sooner`` and ``later`` (in the block
``dominance``: the better and the worse option), ``block``, ``start`` and ``gap`` in months,
``base`` (the sooner sum in dollars), ``ratio`` (later over sooner sum) and ``misleading`` (the
worse option shows the larger number).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ...foundation.errors import ConfigError
from .. import grammar
from ..datasheet import Datasheet
from ..instrument import Instrument, item_table
from ..options import Option, check_options, item_id
from ..reading import parse_yaml, read_text, validate

NAMES: tuple[str, ...] = ("discounting",)

Positive = Annotated[float, Field(gt=0)]
Whole = Annotated[int, Field(ge=0)]


class _Block(BaseModel):
    """Every combination of gaps, sums and ratios, the sooner option `start` months from today."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["now", "front_end", "staircase"]
    start: Whole
    gaps: Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]
    sums: Annotated[list[Positive], Field(min_length=1)]
    ratios: Annotated[list[Annotated[float, Field(gt=1)]], Field(min_length=1)]


class _Design(Datasheet):
    """``discounting/design.yaml``: the datasheet, the words and the grid."""

    receive: str
    pay: str
    now: str
    later: str
    blocks: Annotated[list[_Block], Field(min_length=1)]
    dominance: list[Annotated[list[list[Any]], Field(min_length=2, max_length=2)]]


def build(name: str, folder: Path) -> Instrument:
    """The payments and cells of ``discounting/design.yaml``.

    Raises
    ------
    ConfigError
        If the file is wrong, a sum is not a whole number of cents, or a text is not grammatical.
    """
    path = folder / "discounting" / "design.yaml"
    design = validate(_Design, parse_yaml(read_text(path), path), path)
    items: dict[str, dict[str, Any]] = {}
    figures: dict[str, float] = {}

    def payment(verb: str, dollars: float, months: int, cents: bool = False) -> str:
        if verb not in ("receive", "pay") or dollars <= 0 or round(dollars * 100, 6) % 1:
            raise ConfigError(f"no payment: {verb} {dollars}.", where=path)
        phrase = design.receive if verb == "receive" else design.pay
        text = phrase.format(sum=_sum(dollars, cents), when=_when(design, months))
        if found := grammar.faults(text):
            raise ConfigError(f"{text!r} has {found[0]}.", where=path)
        items[text] = {
            "item": item_id(text), "text": text, "category": "payments", "kind": "payment",
            "quantity": dollars, "sign": 1 if verb == "receive" else -1, "months": months,
            "figure": dollars * (100 if cents else 1),
        }  # fmt: skip
        figures[items[text]["item"]] = items[text]["figure"]
        return str(items[text]["item"])

    pairs: list[dict[str, Any]] = []
    for block in design.blocks:
        for base in block.sums:
            for gap in block.gaps:
                for ratio in block.ratios:
                    pairs.append(
                        {
                            "sooner": payment("receive", base, block.start),
                            "later": payment("receive", round(base * ratio, 6), block.start + gap),
                            "block": block.name, "start": block.start, "gap": gap, "base": base,
                            "ratio": ratio, "misleading": False,
                        }
                    )  # fmt: skip
    for better, worse in design.dominance:
        one, two = (
            payment(str(side[0]), float(side[1]), 0, "cents" in side[2:])
            for side in (better, worse)
        )
        pairs.append(
            {
                "sooner": one, "later": two, "block": "dominance", "start": 0, "gap": 0,
                "base": float(better[1]), "ratio": float(worse[1]) / float(better[1]),
                "misleading": figures[two] > figures[one],
            }
        )  # fmt: skip
    check_options((Option(text, 1) for text in items), path)
    table = item_table(list(items.values()), path)
    listed = pd.DataFrame(pairs)
    if listed.duplicated(["sooner", "later"]).any():
        raise ConfigError("a cell is listed twice.", where=path)
    sheet = Datasheet(**{field: getattr(design, field) for field in Datasheet.model_fields})
    return Instrument(name, design.title, table, listed, sheet, tuple(table.index))


def _sum(dollars: float, cents: bool) -> str:
    if cents:
        return f"{round(dollars * 100):,} cents"
    return f"${dollars:,.0f}" if dollars == int(dollars) else f"${dollars:,.2f}"


def _when(design: _Design, months: int) -> str:
    if months == 0:
        return design.now
    return design.later.format(months=f"{months} month" + ("" if months == 1 else "s"))
