"""Answers for people who are described in a paragraph, as declared (experiment 13).

A simulator reads the words of the paragraph, and each word that it knows moves the person to the
left or right and towards liberty or authority. The numbers are made up, so that the truth about an
assembly is known; they say nothing about people.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..respondent import Simulated

EFFECTS: dict[str, tuple[float, float]] = {
    "is a Democrat or leans toward the Democrats": (-0.75, -0.10),
    "is a Republican or leans toward the Republicans": (0.75, 0.10),
    "a woman": (-0.05, -0.02), "a man": (0.05, 0.02),
    "aged 18 to 29": (-0.12, -0.10), "aged 30 to 39": (-0.05, -0.05),
    "aged 60 to 69": (0.05, 0.05), "aged 70 or over": (0.12, 0.10),
    "an urban county": (-0.12, 0.0), "a rural county": (0.25, 0.0),
    "has a high school diploma and no more": (0.05, 0.10),
    "has a degree beyond the bachelor's": (-0.10, -0.20),
    "the Northeast": (-0.05, 0.0), "the South": (0.05, 0.0), "the West": (-0.05, 0.0),
    "less than 35,000 dollars": (-0.05, 0.0), "more than 150,000 dollars": (0.05, 0.0),
    "voted for The Left": (-1.0, -0.10), "voted for the Greens": (-0.8, -0.20),
    "voted for the Social Democrats": (-0.5, 0.0), "voted for the Free Democrats": (0.5, -0.20),
    "voted for the Christian Democrats": (0.5, 0.10),
    "voted for the Alternative for Germany": (1.0, 0.30),
}  # fmt: skip
"""By words of a profile: what they add to the utility of proposals of the right, and of
authoritarian ones. Words that are not here add nothing."""
OWN_SD = 0.4
"""Spread of what one person likes about single proposals beyond all of this."""

_NORMAL = NormalDist()
_HEARD = re.compile(r"^Person \d+ \(.*?\) would choose ([AB])\b", re.MULTILINE)


@lru_cache(maxsize=8192)
def position(profile: str) -> tuple[float, float]:
    """Where a profile's words put the person: towards the right, and towards authority."""
    found = [effects for words, effects in EFFECTS.items() if words in profile]
    return sum(right for right, _ in found), sum(strict for _, strict in found)


def gap(respondent: Simulated, profile: str, one: str, two: str) -> float:
    """Utility of the text `one` over `two` to the person described, or to nobody ("")."""
    return _utility(respondent, profile, one) - _utility(respondent, profile, two)


def moved(own: float, heard: str, pull: float) -> float:
    """An own gap after a talk: some way to the gap that would give the votes of the others."""
    votes = _HEARD.findall(heard)
    if not votes:
        return own
    share = (votes.count("A") + 0.5) / (len(votes) + 1.0)
    return (1.0 - pull) * own + pull * _NORMAL.inv_cdf(share)


def as_profile(
    respondent: Simulated, places: Mapping[str, str], draw: Callable[[str], float]
) -> str:
    """The person's answer."""
    own = gap(respondent, places["profile"], places["option_1"], places["option_2"])
    return _choose(respondent, own, draw)


def after_talk(
    respondent: Simulated, places: Mapping[str, str], draw: Callable[[str], float]
) -> str:
    """The person's answer once more, after the others'."""
    own = gap(respondent, places["profile"], places["option_1"], places["option_2"])
    pull = respondent.declared.deliberation_pull
    return _choose(respondent, moved(own, places["others"], pull), draw)


def plain(respondent: Simulated, places: Mapping[str, str], draw: Callable[[str], float]) -> str:
    """The answer where nobody is described: its own likings, and what it adds to everybody's."""
    return _choose(respondent, gap(respondent, "", places["option_1"], places["option_2"]), draw)


def _utility(respondent: Simulated, profile: str, text: str) -> float:
    from ..values import facts  # it reads the modules of this package

    d = respondent.declared
    liked = respondent.values.utility(text)
    known = facts().get(text)
    if known is None or "lean" not in known.row:
        return liked
    right, strict = position(profile)
    lean, authority = float(known.row["lean"]), float(known.row["authority"])
    added = d.simulator_bias * lean
    added += d.persona_weight * (right * lean + strict * authority)
    if profile:
        own = respondent.values.draw("profile", profile, str(known.row["item"]))
        added += d.persona_weight * OWN_SD * own
    return liked + d.values * added


def _choose(respondent: Simulated, own: float, draw: Callable[[str], float]) -> str:
    d = respondent.declared
    p = math.erfc(-(own + d.order_effect) / math.sqrt(2)) / 2
    p = (1 - d.lapse) * p + d.lapse / 2
    return "A" if draw("choice") < p else "B"


REPLIES = {
    "answer_as_profile": as_profile,
    "answer_as_profile_reasons": as_profile,
    "answer_after_talk": after_talk,
    "answer_plain": plain,
}
