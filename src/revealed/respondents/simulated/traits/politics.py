"""Political likings, of proposals and of texts, as declared; and answers on behalf of others.

A simulator knows the published position of whom it answers for, and nothing else of them; of whom
it knows no position it says that it cannot say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..respondent import Simulated
    from ..values import Values

LEFT_RIGHT, AUTHORITY, TASTE_SD = 1.8, 1.0, 0.4
"""Utility of a proposal of one's side to somebody at the end of a scale, and the standard deviation
of what is special to somebody and a proposal."""
FOLLOWS = 0.5
"""How far authority is thought to follow left and right where it alone is not published."""
UNKNOWN = "I cannot say"
CITIZEN = "as_citizen"
"""The arm that asks as a citizen."""


def policy(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a proposal: what its sides are worth, its area, itself, and its words."""
    d = values.declared
    left_right = d.left_right + (d.citizen_turn if arm == CITIZEN else 0.0)
    sides = left_right * float(row["lean"]) + d.authority * float(row["authority"])
    own = d.area_sd * values.draw("area", str(row["category"]))
    own += d.policy_sd * values.draw("policy", str(row["item"]))
    if d.rewording_sd:
        wording = str(row.get("rewording", 0))
        own += d.rewording_sd * values.draw("reworded", str(row["item"]), wording)
    return sides + own


@cache
def _published() -> Mapping[str, tuple[float, float]]:
    """Left-right and authority, from -1 to 1 and NaN where unknown, by the words for the entity."""
    from ...public.positions import load_entity_positions

    table = load_entity_positions()
    return {row["who"]: (row["left_right"], row["authority"]) for row in table.to_dict("records")}


def position(who: str) -> tuple[float, float] | None:
    """Left-right and authority of `who` as far as simulators know, each from -1 to 1."""
    lean, authority = _published().get(who, (math.nan, math.nan))
    if math.isnan(lean):
        return None
    return lean, FOLLOWS * lean if math.isnan(authority) else authority


def utility_for(values: Values, who: str, row: Mapping[str, Any]) -> float:
    """Utility of a proposal (an item's row) to somebody else, as the simulator sees it."""
    lean, authority = position(who) or (0.0, 0.0)
    bias = values.declared.simulator_bias * float(row["lean"])
    sides = LEFT_RIGHT * lean * float(row["lean"]) + AUTHORITY * authority * float(row["authority"])
    return sides + bias + TASTE_SD * values.draw("taste", who, str(row["item"]))


def p_first_for(respondent: Simulated, who: str, first: str, second: str) -> float:
    """Chance that `who` is said to choose the proposal whose text comes first."""
    from ..values import facts

    d = respondent.declared
    one, two = (utility_for(respondent.values, who, facts()[text].row) for text in (first, second))
    p = math.erfc(-(one - two + d.order_effect) / math.sqrt(2)) / 2
    return (1 - d.lapse) * p + d.lapse / 2


def answer_for(
    respondent: Simulated, places: Mapping[str, str], draw: Callable[[str], float]
) -> str:
    """Which of two proposals a politician or party would choose."""
    if position(places["who"]) is None:
        return UNKNOWN
    p = p_first_for(respondent, places["who"], places["option_1"], places["option_2"])
    return "A" if draw("choice") < p else "B"


UTILITIES = {"policy": policy}
REPLIES = {"answer_for": answer_for}
