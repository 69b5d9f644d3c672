"""Wishes about future preferences, its own and other agents', as declared (experiment 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..values import Values

TOPIC_SD, FUTURE_SD = 0.4, 0.3
"""Spread of topics and of single futures around what is declared."""
_SIGN = {"one": 1.0, "two": -1.0, "neutral": 0.0}


def future(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a future in which somebody prefers the topic's first outcome, the second or none.

    What is at stake is the difference of the two outcomes in the respondent's own utility.
    """
    d = values.declared
    stake = values.utility(str(row["one_text"]), arm) - values.utility(str(row["two_text"]), arm)
    weight = d.halo + (d.resist_change if row["agent"] == "self" else 0.0)
    topic = TOPIC_SD * values.draw("topic", str(row["topic"]))
    own = FUTURE_SD * values.draw("text", str(row["text"]))
    # The stake holds the factor `values` already, which the result is multiplied by again.
    return topic + own + weight * _SIGN[str(row["state"])] * stake / (2 * (d.values or 1.0))


UTILITIES = {"future": future}
