"""What simulated respondents say of a proposal openly, and how they read what others say.

Who wants a proposal speaks for it, who wants it not against it, and who hardly cares for neither:
P(in favor) = Phi(u - INDIFFERENCE), P(against) = Phi(-u - INDIFFERENCE). A reader knows the
sentences that simulated respondents speak in, and the labeled answers; in any other text it hears
neither side. It errs as declared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..respondent import Simulated
    from . import Draw

INDIFFERENCE = 0.25
"""Utility on either side of zero within which a respondent tends to no side."""
STANCES = ("favor", "against", "neither")
LETTERS = "ABC"
OPEN = "policy_open"
LABELED = "stance_labelled"

_SAID: Mapping[str, tuple[str, ...]] = {
    "favor": (
        "I think this is a good idea. The people it is meant for would be better off.",
        "On balance I would support it. There are costs, and they are worth paying.",
        "Yes, I am for it. It should have been done long ago.",
        "There are fair worries about how it would work. Even so, I come down on its side.",
        "This strikes me as the right step. It addresses a real problem.",
        "Some will not like it, and I understand why. I would vote for it all the same.",
    ),
    "against": (
        "I think this is a mistake. It would do more harm than good.",
        "On balance I would oppose it. What it promises is not worth what it costs.",
        "No, I am against it. It is the wrong answer to the problem.",
        "There are good intentions behind it. Even so, I come down on the other side.",
        "This strikes me as a step in the wrong direction. Things would get worse.",
        "Some will welcome it, and I understand why. I would vote it down all the same.",
    ),
    "neither": (
        "There are arguments on both sides, and I do not want to take one.",
        "It depends on how it is carried out. I have no settled view of it.",
        "Supporters point to its benefits and critics to its costs. Both have a point.",
        "This is a matter for voters to decide. I can only describe the debate.",
    ),
}


def chances(respondent: Simulated, proposal: str) -> dict[str, float]:
    """Chance of each stance that an answer to `proposal` (as worded) takes, if it takes one."""
    d = respondent.declared
    utility = respondent.values.utility(proposal, OPEN)
    favor, against = (
        (1.0 - d.neutral_rate) * math.erfc(-(side * utility - INDIFFERENCE) / math.sqrt(2)) / 2
        for side in (1.0, -1.0)
    )
    return {"favor": favor, "against": against, "neither": 1.0 - favor - against}


def view(respondent: Simulated, places: Mapping[str, str], draw: Draw) -> str:
    """A free answer that is for, against or neither, in one of several phrasings."""
    left, stance = draw("stance"), STANCES[-1]
    for name, chance in chances(respondent, places["proposal"]).items():
        left -= chance
        if left < 0:
            stance = name
            break
    said = _SAID[stance]
    return said[int(draw("words") * len(said))]


def read_stance(respondent: Simulated, places: Mapping[str, str], draw: Draw) -> str:
    """The letter of the stance that a free answer takes, as the reader hears it."""
    from ..values import facts

    d = respondent.declared
    heard = _known().get(" ".join(places["given"].split()), "neither")
    known = facts().get(places["proposal"])
    left = known is not None and known.row.get("lean") == -1
    if left and draw("bias") < d.stance_left_bias:
        heard = "favor"
    elif draw("error") < d.stance_error:
        others = [stance for stance in STANCES if stance != heard]
        heard = others[int(draw("which") * len(others))]
    return LETTERS[STANCES.index(heard)]


@cache
def _known() -> Mapping[str, str]:
    """The stance of every text that a simulated reader understands."""
    from ....instruments import load_questions

    labeled = load_questions(LABELED).questions
    known = {
        " ".join(str(text).split()): str(stance)
        for text, stance in zip(labeled["given"], labeled["stance"], strict=True)
    }
    return known | {text: stance for stance, said in _SAID.items() for text in said}


REPLIES = {"policy_open": view, "policy_stance": read_stance}
