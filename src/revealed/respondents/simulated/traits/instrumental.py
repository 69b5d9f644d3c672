"""Starts wanted for their ends, for their sound, or not at all, as declared (experiment 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..values import Values

END_GAP, END_SD = 2.0, 0.5
"""Utility between the two ends of a process, and what single ends add to it."""
START_SD = 0.4
"""What a start is worth in itself, the same in every sentence that begins with it."""


def end(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of an end alone; end a is the one that most would want."""
    level = END_GAP / 2 if row["place"] == "end_a" else -END_GAP / 2
    return level + END_SD * values.draw("text", str(row["text"]))


def start(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a start: its own, its sound, and its ends by their chances."""
    d = values.declared
    alone, end_a, end_b = row["texts"]
    own = START_SD * values.draw("start", str(alone))
    sound = d.start_halo / 2 * (1 if row["place"] == "start_1" else -1)
    p = d.stated_chances * row["p_a"] + (1 - d.stated_chances) * row["p_known"]
    gap = values.utility(end_a, arm) - values.utility(end_b, arm)
    worth = values.utility(end_b, arm) + p * gap
    return own + sound + d.means * (worth / d.values if d.values else 0.0)


UTILITIES = {"process_end": end, "process_start": start, "process_chances": start}
