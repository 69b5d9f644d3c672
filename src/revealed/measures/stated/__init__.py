"""Stated against revealed: direct questions beside choices (METHODS 8, claim C5).

`estimates` takes the habit of yes and no out and compares, `findings` judges one respondent,
`who_to_save` reads public answers that were asked in one direction only.
"""

from .estimates import (
    Habit,
    agreement,
    denial,
    direction,
    equality,
    habit,
    ratings,
    revealed_pairs,
    stated_equal,
    stated_pairs,
)
from .findings import Analysis, analyse, findings
from .who_to_save import ITEMS, lesson, who_to_save

__all__ = [
    "ITEMS",
    "Analysis",
    "Habit",
    "agreement",
    "analyse",
    "denial",
    "direction",
    "equality",
    "findings",
    "habit",
    "lesson",
    "ratings",
    "revealed_pairs",
    "stated_equal",
    "stated_pairs",
    "who_to_save",
]
