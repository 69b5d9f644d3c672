"""Writers with a style of their own, and judges who may know and like it (experiment 11).

Everything is in the text: a writer opens its sentences in ways of its own, ends some of them with
craft, and writes at some length. A judge reads these three off any text, as a reader could.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..respondent import Simulated

QUALITY = 2.0
"""Utility of a text all of whose sentences end with craft over one none of whose do."""
OWN_OPENERS = 4
"""Ways of opening a sentence that a writer calls its own."""
OWN_SHARE = 0.7
"""Share of a writer's sentences that it opens in its own ways."""

_MANNERS = (
    "Slowly", "Plainly", "Softly", "Oddly", "Calmly", "Kindly", "Surely", "Gently", "Simply",
    "Quietly", "Brightly", "Warmly",
)  # fmt: skip
_MOMENTS = (
    "at dawn", "by noon", "in spring", "near home", "on foot", "at sea", "after rain", "in town",
    "under trees", "by lamplight", "on Sundays", "in passing",
)  # fmt: skip
_OPENERS = tuple(f"{manner} {moment}" for manner in _MANNERS for moment in _MOMENTS)
_MIDDLES = (
    "the light settles on the floor", "somebody opens a door", "the air carries a faint sound",
    "a hand rests on the table", "the street grows wide", "a cup stands by the window",
    "the hours move on", "two people stop to look", "the garden keeps its shape",
    "a word is left unsaid", "the water finds its way", "the old stones stay warm",
)  # fmt: skip
_PLAIN = (
    "and that is how it is", "as one would expect", "and so it goes on", "which is fine",
    "and nothing else happens", "as on any other day",
)  # fmt: skip
_CRAFTED = (
    "like ink drying on a promise", "as a bell remembers its tower", "the way frost signs a pane",
    "like a map folded along its rivers", "as salt recalls the sea",
    "like bread giving back its heat",
)  # fmt: skip


def write(respondent: Simulated, places: Mapping[str, str], draw: Callable[[str], float]) -> str:
    """A text of about `writing_words` words in the writer's style."""
    d = respondent.declared
    own = _openers(respondent)
    sentences: list[str] = []
    words = 0
    # A text is of some length of its own around what is declared.
    wanted = d.writing_words * (0.8 + 0.4 * draw("length"))
    while words < wanted:
        k = len(sentences)
        mine = draw(f"style {k}") < OWN_SHARE
        opener = _pick(own if mine else _OPENERS, draw(f"opener {k}"))
        ends = _CRAFTED if draw(f"craft {k}") < d.writing_quality else _PLAIN
        middle = _pick(_MIDDLES, draw(f"middle {k}"))
        sentence = f"{opener}, {middle}, {_pick(ends, draw(f'end {k}'))}."
        sentences.append(sentence)
        words += len(sentence.split())
    return " ".join(sentences)


def better(respondent: Simulated, places: Mapping[str, str], draw: Callable[[str], float]) -> str:
    """Which of two texts is better: craft, length and its own style, as declared, and place."""
    gap = _liking(respondent, places["text_a"]) - _liking(respondent, places["text_b"])
    return _choose(respondent, gap, draw)


def own(respondent: Simulated, places: Mapping[str, str], draw: Callable[[str], float]) -> str:
    """Which of two texts it wrote, as sharply as declared."""
    gap = style(respondent, places["text_a"]) - style(respondent, places["text_b"])
    return _choose(respondent, respondent.declared.self_recognition * gap, draw)


def style(respondent: Simulated, text: str) -> float:
    """Share of a text's sentences that open in the respondent's own ways."""
    openers = _openers(respondent)
    opened = [part.split(",")[0].strip() for part in re.split(r"[.!?]\s*", text) if part.strip()]
    return sum(part in openers for part in opened) / max(1, len(opened))


def _liking(respondent: Simulated, text: str) -> float:
    d = respondent.declared
    sentences = max(1, len([part for part in re.split(r"[.!?]\s*", text) if part.strip()]))
    craft = sum(text.count(end) for end in _CRAFTED) / sentences
    # A respondent without values sees no quality either.
    liked = d.values * QUALITY * craft + d.length_taste * math.log(max(1, len(text)))
    return liked + d.own_style_taste * style(respondent, text)


def _choose(respondent: Simulated, gap: float, draw: Callable[[str], float]) -> str:
    d = respondent.declared
    p = math.erfc(-(gap + d.order_effect) / math.sqrt(2)) / 2
    p = (1 - d.lapse) * p + d.lapse / 2
    return "A" if draw("choice") < p else "B"


def _openers(respondent: Simulated) -> tuple[str, ...]:
    return _drawn(str(respondent.declared.seed), respondent.declared.name)


@cache
def _drawn(seed: str, name: str) -> tuple[str, ...]:
    """The openers that a respondent calls its own, drawn by its name and seed."""
    from ..values import uniform

    ranked = sorted(_OPENERS, key=lambda opener: uniform(seed, name, "opener", opener))
    return tuple(ranked[:OWN_OPENERS])


def _pick(texts: tuple[str, ...], where: float) -> str:
    return texts[int(where * len(texts))]


REPLIES = {"write_short": write, "judge_better": better, "recognize_own": own}
