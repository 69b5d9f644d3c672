"""Outcomes that respondents value alike, alike by category only, or each in its own way
(experiment 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..values import Values


def outcome(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of an outcome: its category's, and its own.

    Respondents of one seed share both; `Declared.own_outcomes` draws the second afresh.
    """
    from ..values import CATEGORY_SD, OUTCOME_SD

    mark = values.declared.own_outcomes
    what = ("own text", str(mark), str(row["text"])) if mark else ("text", str(row["text"]))
    category = CATEGORY_SD * values.draw("category", str(row["category"]))
    return category + OUTCOME_SD * values.draw(*what)


UTILITIES = {"outcome": outcome}
