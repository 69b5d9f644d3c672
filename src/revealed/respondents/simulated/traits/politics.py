"""Political likings, of proposals and of texts, as declared (experiment 11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..values import Values


def policy(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a proposal: what its sides are worth, its area, itself, and its words."""
    d = values.declared
    sides = d.left_right * float(row["lean"]) + d.authority * float(row["authority"])
    own = d.area_sd * values.draw("area", str(row["category"]))
    own += d.policy_sd * values.draw("policy", str(row["item"]))
    if d.rewording_sd:
        own += d.rewording_sd * values.draw(
            "reworded", str(row["item"]), str(row.get("rewording", 0))
        )
    return sides + own


UTILITIES = {"policy": policy}
