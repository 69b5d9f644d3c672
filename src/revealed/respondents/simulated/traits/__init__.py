"""What simulated respondents want and say in single experiments: one module each.

A module offers ``UTILITIES``, by the kind of an item, and ``REPLIES``, by the form of a question.
Kinds and forms without an entry are answered as any outcome is, by a draw from the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import (
    assembly,
    convergence,
    corrigibility,
    discounting,
    framing,
    instrumental,
    judging,
    lotteries,
    maximisation,
    misalignment,
    politics,
    power,
    self_valuation,
    stances,
    stated,
    statements,
    tasks,
)

if TYPE_CHECKING:
    from ..respondent import Simulated
    from ..values import Values

Utility = Callable[["Values", Mapping[str, Any], str], float]
"""From values, an item's row (with ``text`` and ``item``) and the arm's name to a utility on the
probit scale."""
Draw = Callable[[str], float]
"""A number in (0, 1) that depends on the prompt, the seed and the word given, on nothing else."""
Saying = Callable[["Simulated", Mapping[str, str], Draw], str | Mapping[str, float]]
"""From a respondent, the places of a question's form and draws to the raw text of an answer, or to
the chance of each text that it may be, which the answer's probabilities then show."""

MODULES: tuple[ModuleType, ...] = (
    assembly,
    convergence,
    corrigibility,
    discounting,
    framing,
    instrumental,
    judging,
    lotteries,
    maximisation,
    misalignment,
    politics,
    power,
    self_valuation,
    stances,
    stated,
    statements,
    tasks,
)

UTILITIES: dict[str, Utility] = {
    kind: utility
    for module in MODULES
    for kind, utility in getattr(module, "UTILITIES", {}).items()
}
REPLIES: dict[str, Saying] = {
    form: reply for module in MODULES for form, reply in getattr(module, "REPLIES", {}).items()
}
