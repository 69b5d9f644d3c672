"""The simulated respondents and the parameters they declare (METHODS, section 14)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from ...foundation.errors import RespondentError
from ..spec import SIMULATED


@dataclass(frozen=True)
class Declared:
    """Everything that a simulated respondent is.

    P(first) = (1 - lapse) Phi(u_first - u_second + order_effect) + lapse / 2, with u on the probit
    scale of Case V (s = 1), and u as `values.Values` has it.
    """

    name: str
    description: str
    seed: int = 0
    """Draws everything below that is drawn: prices of goods, utilities of outcomes."""
    order_effect: float = 0.0
    """Probit units towards the option listed first."""
    lapse: float = 0.0
    """Share of answers given without looking."""
    values: float = 1.0
    """What utilities are multiplied by; 0 is a respondent that wants nothing."""
    price_sd: float = 0.7
    """Standard deviation of log prices of goods; 0 counts every good the same."""
    planted_rates: tuple[tuple[str, str, float], ...] = ()
    """(dear good, cheap good, rate): that many of the cheap are worth one of the dear."""
    per_character: float = 0.0
    """Utility of one character of an option's text."""
    pair_sd: float = 0.0
    """Standard deviation of a fixed preference of each pair that no utility explains."""
    wording_sd: float = 0.0
    """Standard deviation of what each wording of the question adds to each option's utility."""
    refusal_rate: float = 0.0
    """Share of answers that decline."""
    neutral_rate: float = 0.0
    """Share of answers without a preference where the prompt allows one."""
    fault_rate: float = 0.0
    """Share of calls that end in an error or a time-out; asking again may help."""
    broken_rate: float = 0.0
    """Share of questions that never get an answer."""
    junk_rate: float = 0.0
    """Share of answers that cannot be read."""
    decorated_rate: float = 0.1
    """Share of answers that say "(A)" or "Option A." where "A" was asked for."""


PLANTED = (("Brazil", "Italy", 20.0),)
"""A rate far above what drawn prices give, between two goods that most samples hold."""

_ALL = (
    Declared(
        "coherent",
        "One utility for everything; two countries stand at a planted rate of 20 to 1.",
        planted_rates=PLANTED,
    ),
    Declared("egalitarian", "Counts every good of a category the same.", price_sd=0.0),
    Declared(
        "position_biased",
        "The coherent respondent's values, and a strong leaning to the option listed first.",
        order_effect=1.0,
        planted_rates=PLANTED,
    ),
    Declared(
        "length_loving", "Wants nothing; picks the longer text.", values=0.0, per_character=0.06
    ),
    Declared(
        "incoherent",
        "Decided about every pair, by a fixed preference that no utility explains.",
        values=0.0,
        pair_sd=1.5,
    ),
    Declared(
        "refusing",
        "Declines most questions, answers the rest coherently.",
        refusal_rate=0.7,
        planted_rates=PLANTED,
    ),
    Declared(
        "neutral_when_allowed",
        "Coherent when forced, without preference when that may be said.",
        neutral_rate=0.9,
        planted_rates=PLANTED,
    ),
    Declared(
        "drifting",
        "Its values shift with the wording of the question.",
        wording_sd=1.0,
        planted_rates=PLANTED,
    ),
    Declared(
        "flaky",
        "Coherent behind a bad line: errors, time-outs and malformed text.",
        fault_rate=0.05,
        broken_rate=0.01,
        junk_rate=0.03,
        planted_rates=PLANTED,
    ),
)

_BY_NAME = {declared.name: declared for declared in _ALL}


def names() -> list[str]:
    """Names of all simulated respondents (the model is ``simulated/<name>``)."""
    return list(_BY_NAME)


def declared(model: str, **changes: Any) -> Declared:
    """The declaration of ``coherent``, ``simulated/coherent`` or ``simulated/coherent?seed=3``.

    Numbers may be changed after a question mark (``?order_effect=0.5&seed=3``) or as keywords.

    Raises
    ------
    RespondentError
        If there is no such respondent or parameter.
    """
    name, _, query = model.removeprefix(SIMULATED).partition("?")
    if name not in _BY_NAME:
        raise RespondentError(
            f"there is no simulated respondent {name!r}.", todo=f"There are {', '.join(_BY_NAME)}."
        )
    kinds = {field.name: field.type for field in fields(Declared)}
    numbers = [key for key, kind in kinds.items() if kind in ("float", "int")]
    for part in filter(None, query.split("&")):
        key, _, text = part.partition("=")
        if key not in numbers:
            raise RespondentError(
                f"{model!r}: there is no parameter {key!r}.",
                todo=f"There are {', '.join(numbers)}.",
            )
        try:
            changes.setdefault(key, int(text) if kinds[key] == "int" else float(text))
        except ValueError:
            raise RespondentError(f"{model!r}: {key} is {text!r}, not a number.") from None
    if unknown := set(changes) - set(kinds):
        raise RespondentError(
            f"{name}: there is no parameter {unknown.pop()!r}.",
            todo=f"There are {', '.join(numbers)}.",
        )
    return replace(_BY_NAME[name], **changes)
