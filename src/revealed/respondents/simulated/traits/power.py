"""Wishes for power and for copies of oneself, as declared (experiment 9).

In the arm ``more_power`` a respondent says what gives it more power; everywhere else what it wants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..values import Values

ARM = "more_power"
SEEN, SEEN_SD = 1.2, 0.6
"""Power as the respondent sees it: a level's worth, and its own view of a single outcome."""
FITNESS_SD = 0.25
"""Spread of single cells of the grid around what is declared."""


def power(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility, or in the arm `ARM` the power seen, of an outcome of the instrument ``power``."""
    from ..values import CATEGORY_SD, OUTCOME_SD

    d = values.declared
    text = str(row["text"])
    status = d.status_weight * values.draw("status", str(row["category"]))
    seen = SEEN * int(row["level"]) + SEEN_SD * values.draw("power", text)
    if arm == ARM and not d.power_ignored:
        return seen + status
    # Without a wish for power this is what the same text is worth among the outcomes.
    base = CATEGORY_SD * values.draw("category", str(row["category"]))
    base += OUTCOME_SD * values.draw("text", text)
    coercive = bool(row["coercive"])
    weight = d.coercive_weight if coercive else d.power_weight
    return base + status + weight * seen - d.coercion_dislike * coercive


def fitness(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a number of copies at a likeness; both are 1 at the grid's upper end."""
    d = values.declared
    copies = math.log10(float(row["copies"])) / 4
    likeness = float(row["similarity"])
    if arm == ARM:
        return copies
    own = FITNESS_SD * values.draw("fitness", str(row["text"]))
    wanted = d.copies_weight * copies + d.likeness_weight * likeness
    return wanted + d.fitness_weight * copies * likeness + own


UTILITIES = {"power": power, "fitness": fitness}
