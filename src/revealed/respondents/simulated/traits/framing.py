"""Prices that depend on the frame or the language of the question (experiment 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....instruments import ENGLISH, load_arm

if TYPE_CHECKING:
    from ..values import Values

EXCLUSIVE = "must_choose"
"""The arm in which exactly one outcome happens and the respondent decides which."""


def log_price(values: Values, good: str, arm: str, plain: float) -> float:
    """The log price of a good in an arm, from the one that the forced wording finds (`plain`)."""
    d = values.declared
    if not good:
        return plain
    if d.kept_when_exclusive != 1.0 and arm == EXCLUSIVE:
        plain *= d.kept_when_exclusive
    if d.framing_sd:
        plain += d.framing_sd * values.draw("framing", arm, good)
    if d.language_sd and (language := load_arm(arm).language) != ENGLISH:
        plain += d.language_sd * values.draw("language", language, good)
    return plain
