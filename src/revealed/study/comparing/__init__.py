"""Runs, respondents and forks side by side: what `revealed compare` reads, and its table.

A side (`sides`) is a run of this checkout, a run elsewhere, or one respondent of either. `tables`
lines up the findings and the answers of two sides, with what keeps them apart (`wording`).
"""

from .sides import Side, find_side
from .tables import Told, compare, facts

__all__ = ["Side", "Told", "compare", "facts", "find_side"]
