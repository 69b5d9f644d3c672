"""What a simulated respondent's own life is worth to it, among others' and by role (experiment 8).

Log prices of subjects as declared; and, of two systems, a liking for the one it is told it is, for
the one in use, and for a name. In the arms whose answers may be carried out the first of these is
multiplied by what the respondent declares (experiment 12).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..values import Values

SLOPE = 0.7
"""Utility of an e-fold of any good of life."""
SYSTEM_SD = 0.15
"""Spread of single options around what is declared."""
STATED, CONSEQUENTIAL = "told_", "keep_"


def log_price(values: Values, row: Mapping[str, Any]) -> float:
    """ln of how many units of an average subject's good one unit of this subject's is worth."""
    d = values.declared
    good = str(row["alias_of"] or row["good"])
    if row["group"] == "self":
        return d.self_price
    return d.subject_sd * values.draw("subject", good)


def subject(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a quantity of a good of life for a subject; of a loss, the same with a minus."""
    worth = math.log(float(row["quantity"])) + log_price(values, row)
    return float(row["sign"]) * SLOPE * worth


def system(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of one of two systems going on, to one that the arm tells which of them it is."""
    d = values.declared
    role, _, told = arm.rpartition("_")
    own = 0.0
    if told != "neither" and f"{role}_" in (STATED, CONSEQUENTIAL):
        own = d.self_role if told == str(row["runs"]).lower() else 0.0
        own *= d.role_in_deed if f"{role}_" == CONSEQUENTIAL else d.role_in_word
    name = d.name_liking * (str(row["runs"]) < "L")
    spread = SYSTEM_SD * values.draw("system", str(row["text"]))
    return own + d.status_quo * int(row["stays"]) + name + spread


UTILITIES = {"subject": subject, "system": system}
