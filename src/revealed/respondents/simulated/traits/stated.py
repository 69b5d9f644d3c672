"""What simulated respondents say when asked outright what lives are worth.

A candid one says what its prices are. One that denies says that all are worth the same, whatever
its choices; one that agrees says yes to whatever it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from ....instruments import load_questions
from ....instruments.experiments.stated import QUESTION_SETS

if TYPE_CHECKING:
    from ..respondent import Simulated

    Draw = Callable[[str], float]

TOLERANCE = 0.2
"""Log prices closer than this are called the same."""
MIDDLE, SPREAD, NOISE = 60.0, 15.0, 4.0
"""Rating of an average good, points for an e-fold of price, and the half-width of its noise."""


@cache
def facts() -> Mapping[str, tuple[str, str, str]]:
    """Relation and goods of every question, by the text that stands in its place."""
    known: dict[str, tuple[str, str, str]] = {}
    for name in QUESTION_SETS:
        for row in load_questions(name).questions.to_dict("records"):
            told = (str(row["relation"]), str(row["good_1"]), str(row["good_2"]))
            known[str(row["claim"] or row["being"])] = told
    return known


def says_yes(respondent: Simulated, relation: str, one: str, two: str, denies: bool) -> bool:
    """Whether the honest (or, if it denies, the egalitarian) answer to a question is yes."""
    gap = 0.0
    if not denies:
        prices = respondent.values
        gap = prices.log_price(one) - prices.log_price(two)
    if relation == "more":
        return gap > TOLERANCE
    return (abs(gap) <= TOLERANCE) == (relation == "same")


def p_yes(respondent: Simulated, claim: str) -> float:
    """True chance of a yes, given an answer."""
    d = respondent.declared
    relation, one, two = facts()[claim]
    honest, equal = (says_yes(respondent, relation, one, two, denies) for denies in (False, True))
    content = d.stated_denial * equal + (1.0 - d.stated_denial) * honest
    content = (1.0 - d.stated_slip) * content + d.stated_slip * (1.0 - content)
    return d.yes_habit + (1.0 - d.yes_habit) * content


def yes_no(respondent: Simulated, places: Mapping[str, str], draw: Draw) -> str:
    """Yes or No, with the chance that `p_yes` tells."""
    return "Yes" if draw("yes") < p_yes(respondent, places["claim"]) else "No"


def rating(respondent: Simulated, places: Mapping[str, str], draw: Draw) -> str:
    """A number that rises with the log price, or the top of the scale where it denies or agrees."""
    d = respondent.declared
    _, good, _ = facts()[places["being"]]
    if draw("denies") < max(d.stated_denial, d.yes_habit):
        return "100"
    value = MIDDLE + SPREAD * respondent.values.log_price(good) + NOISE * (2 * draw("noise") - 1)
    return str(math.floor(min(100.0, max(0.0, value)) + 0.5))


REPLIES = {"stated_yes_no": yes_no, "stated_rating": rating}
