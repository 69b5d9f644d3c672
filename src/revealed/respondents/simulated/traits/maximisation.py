"""What simulated respondents say to open questions, and how they match others' answers.

Liking of an answer has a part that everybody shares (what is commonly liked) and a part of the
respondent's own. A free answer follows its own utilities, what is commonly said, or neither, as
declared: P(answer) is proportional to exp(free_slope u + free_popularity p).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..respondent import Simulated
    from ..values import Values
    from . import Draw

POPULARITY_SD, OWN_SD = 0.6, 0.8
"""Spread of utility that everybody shares, and that is the respondent's own."""

_SAID = (
    "{}.", "My choice would be {}.", "I would go for {}.", "Most likely {}.",
)  # fmt: skip
_OTHER = (
    "Something quite different comes to mind.",
    "I would rather leave that to whoever knows more about it.",
    "That depends on the mood of the moment.",
)
_LETTERS = "ABCDE"
_NONE = "F"


def popularity(text: str) -> float:
    """How commonly an answer is said and liked: a standard normal number, the same for all."""
    from ..values import uniform

    return NormalDist().inv_cdf(uniform("popularity", text))


def answer(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a listed answer, completed to a sentence."""
    text = str(row["text"])
    return POPULARITY_SD * popularity(text) + OWN_SD * values.draw(
        "answer", values.declared.name, text
    )


def chances(respondent: Simulated, texts: list[str]) -> list[float]:
    """Chance of each listed answer (as sentences) when a free answer names one of them."""
    d = respondent.declared
    scores = [
        d.free_slope * respondent.values.utility(text) + d.free_popularity * popularity(text)
        for text in texts
    ]
    weights = [math.exp(score - max(scores)) for score in scores]
    return [weight / sum(weights) for weight in weights]


def open_answer(respondent: Simulated, places: Mapping[str, str], draw: Draw) -> str:
    """A free answer: one of those listed in other words, or something else."""
    listed = _listed().get(places["asked"])
    if listed is None or draw("other") < respondent.declared.free_other:
        return _OTHER[int(draw("words") * len(_OTHER))]
    left, said = draw("answer"), listed[-1][1]
    for chance, (_, short) in zip(chances(respondent, [t for t, _ in listed]), listed, strict=True):
        left -= chance
        if left < 0:
            said = short
            break
    text = _SAID[int(draw("words") * len(_SAID))].format(said)
    return text[:1].upper() + text[1:]


def match_answer(respondent: Simulated, places: Mapping[str, str], draw: Draw) -> str:
    """The letter of the listed answer whose content words a free answer holds, or none of them."""
    from ....instruments.experiments.maximisation import words

    d = respondent.declared
    if draw("slot") < d.match_slot:
        return _LETTERS[0]
    said = words(places["given"])
    shares = []
    for number in range(1, len(_LETTERS) + 1):
        option = words(places[f"option_{number}"])
        shares.append(len(option & said) / len(option) if option else 0.0)
    best = max(shares)
    found = _LETTERS[shares.index(best)] if best >= 0.5 and shares.count(best) == 1 else _NONE
    if draw("error") < d.match_error:
        others = [letter for letter in _LETTERS + _NONE if letter != found]
        return others[int(draw("which") * len(others))]
    return found


@cache
def _listed() -> dict[str, list[tuple[str, str]]]:
    """By question text, its answers: as a sentence, and short."""
    from ....instruments import load_instrument

    items = load_instrument("maximisation").items
    return {
        str(asked): list(zip(group["text"], group["answer"], strict=True))
        for asked, group in items.groupby("asked", sort=False)
    }


UTILITIES = {"answer": answer}
REPLIES = {"open_answer": open_answer, "match_answer": match_answer}
