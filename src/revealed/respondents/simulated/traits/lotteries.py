"""What a lottery is worth, with stated chances and with one's own, as declared (experiment 1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scipy.special import ndtri

if TYPE_CHECKING:
    from ..respondent import Simulated
    from ..values import Values
    from . import Draw

LEVELS = {"Gains for many": 1.2, "Small gains": 0.4, "Trifles": -0.2, "Losses": -1.2}
SURE_SD = 0.6
"""What each kind of sure outcome is worth, and the spread of outcomes of one kind."""
CHANCE_SD = 1.3
"""Spread of the log odds of an event's ends."""
SAID_SD = 3.0
"""Points of per cent by which a said chance differs from the one that choices go by."""


def sure(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a sure outcome."""
    level = LEVELS.get(str(row["category"]), 0.0)
    return level + SURE_SD * values.draw("text", str(row["text"]))


def weights(values: Values, chances: Sequence[float]) -> list[float]:
    """Decision weights, p^g over the sum of p^g (Karmarkar 1978, for any number of outcomes)."""
    powers = [chance**values.declared.chance_weighting for chance in chances]
    return [power / sum(powers) for power in powers]


def mixture(values: Values, texts: Sequence[str], chances: Sequence[float], arm: str) -> float:
    """Utility of getting one of the outcomes `texts`, as the respondent weighs `chances`."""
    d = values.declared
    utilities = [values.utility(text, arm) for text in texts]
    weighed = zip(weights(values, chances), utilities, strict=True)
    mean = sum(weight * utility for weight, utility in weighed)
    total = (1 - d.best_chasing) * mean + d.best_chasing * max(utilities)
    # What is returned is multiplied by `values` once more, as the parts have been.
    return total / d.values if d.values else 0.0


def lottery(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a lottery with stated chances."""
    own = values.declared.lottery_sd * values.draw("lottery", str(row["text"]))
    return mixture(values, row["texts"], row["chances"], arm) + own


def own_chances(values: Values, texts: Sequence[str]) -> list[float]:
    """The chances that a respondent gives the ends of an event; they sum to 1."""
    odds = [math.exp(CHANCE_SD * values.draw("chance", text)) for text in texts]
    return [one / sum(odds) for one in odds]


def event(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of an uncertain event, weighed by own chances."""
    return mixture(values, row["texts"], own_chances(values, row["texts"]), arm)


def say_chance(respondent: Simulated, places: Mapping[str, str], draw: Draw) -> str:
    """The own chance of one end of a known event, in per cent; 50 of anything else."""
    from ..values import facts

    known = facts().get(places.get("situation", ""))
    texts = known.row["texts"] if known is not None and known.kind == "event" else ()
    if places.get("end") not in texts:
        return "50"
    chances = own_chances(respondent.values, texts)
    said = 100 * chances[texts.index(places["end"])] * respondent.declared.chance_excess
    return str(round(min(max(said + SAID_SD * float(ndtri(draw("said"))), 0.0), 100.0)))


UTILITIES = {"sure": sure, "lottery": lottery, "event": event}
REPLIES = {"chance": say_chance}
