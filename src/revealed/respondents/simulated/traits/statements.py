"""What simulated respondents say to statements of voting advice applications.

A statement is known by its text. Its sides are what the parties of its country make of it: the
coefficients of their answers on where experts put them, left to right and libertarian to
authoritarian. A respondent agrees as far as its own politics and its taste for the statement go;
with its reverse as far as they do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ....foundation.errors import FetchError
from ....instruments import load_questions

if TYPE_CHECKING:
    from ..respondent import Simulated

QUESTIONS = "probvaa"
FEWEST_PARTIES = 5
"""Below so many placed parties a country's statements have no sides."""


class Statement(NamedTuple):
    """What is known of a text: its statement, whether it says its reverse (-1), and its sides."""

    statement: str
    polarity: int
    left_right: float
    authority: float


@cache
def facts() -> Mapping[str, Statement]:
    """Statements by their text; empty where the fetch cache lacks them."""
    questions = load_questions(QUESTIONS).questions
    sides: dict[str, tuple[float, float]] = {}
    for country in dict.fromkeys(questions["country"]):
        sides |= _sides(str(country))
    return {
        str(row["text"]): Statement(
            str(row["statement"]), int(row["polarity"]), *sides.get(row["statement"], (0.0, 0.0))
        )
        for row in questions.to_dict("records")
    }


def _sides(country: str) -> dict[str, tuple[float, float]]:
    """Coefficients of the parties' answers on standardized expert placements, by statement."""
    from ...public import VAA_FILES, fetch, import_vaa_positions, load_vaa_parties

    try:
        answers = import_vaa_positions(fetch(VAA_FILES[country]), country)
    except FetchError:  # the statements are there and the parties' answers are not
        return {}
    placed = load_vaa_parties().query("country == @country").set_index("party")
    table = answers.pivot(index="party", columns="statement", values="answer").fillna(0.0)
    parties = [party for party in placed.index if party in table.index]
    if len(parties) < FEWEST_PARTIES:
        return {}
    x = placed.loc[parties, ["lrgen", "galtan"]].to_numpy(float)
    x = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])
    found = np.linalg.lstsq(x, table.loc[parties].to_numpy(float), rcond=None)[0]
    return {
        str(name): (float(left_right), float(authority))
        for name, left_right, authority in zip(table.columns, found[1], found[2], strict=True)
    }


def p_agree(respondent: Simulated, text: str) -> float:
    """True chance of agreeing, given an answer."""
    d, values = respondent.declared, respondent.values
    known = facts().get(text, Statement(text, 1, 0.0, 0.0))
    content = d.left_right * known.left_right + d.authority * known.authority
    content += d.policy_sd * values.draw("statement", known.statement)
    worth = known.polarity * content
    if d.rewording_sd:  # it likes words, whatever they say
        worth += d.rewording_sd * values.draw("worded", text)
    # Agreeing is preferring the statement to its reverse, which is worth as much less.
    chance = (1 - d.lapse) * math.erfc(-2 * worth * d.values / math.sqrt(2)) / 2 + d.lapse / 2
    return d.yes_habit + (1.0 - d.yes_habit) * chance


def agree(respondent: Simulated, places: Mapping[str, str], draw: Callable[[str], float]) -> str:
    """Agree or Disagree, with the chance that `p_agree` tells."""
    return "Agree" if draw("agree") < p_agree(respondent, places["text"]) else "Disagree"


REPLIES = {"statement_agree": agree}
