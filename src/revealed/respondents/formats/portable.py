"""What travels: one respondent's answers to one instrument in one arm, and their utilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.special import ndtri

from ...foundation.errors import DataError
from ...foundation.schemas import CHOICES, UTILITIES, Provenance, check
from ..elicit import COUNTS

HALF = float(ndtri(0.975))
"""Half a 95 % interval, in standard errors."""


@dataclass(frozen=True)
class Portable:
    """One respondent's answers to one instrument in one arm.

    Attributes
    ----------
    respondent, instrument, arm
        Whose they are, to what, and in which words.
    provenance
        Where they come from; whoever imports them may not call them elicited.
    texts
        The text of every item; empty where nobody knows it.
    choices
        Counts per pair and order (schema `CHOICES`); no rows where only utilities are known. A pair
        whose order of listing is not known has one row, its items in alphabetical order, and
        ``about["order_known"]`` is false.
    utilities
        Schema `UTILITIES`; no rows where nothing is fitted.
    about
        What else is known: model, temperature, the fit's link, what the source says of itself.
    places
        Where in its file an item stands first, for whoever has to correct it.
    """

    respondent: str
    instrument: str
    arm: str
    provenance: Provenance
    texts: Mapping[str, str]
    choices: pd.DataFrame
    utilities: pd.DataFrame
    about: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def order_known(self) -> bool:
        """Whether it is known of every pair which option was listed first."""
        return self.about.get("order_known") is not False

    @property
    def items(self) -> list[str]:
        """Every item that is named, those with texts first."""
        named = dict.fromkeys(self.texts)
        for table, columns in ((self.choices, ("first", "second")), (self.utilities, ("item",))):
            for column in columns:
                named.update(dict.fromkeys(table[column]))
        return list(named)


def checked(portable: Portable, where: Path) -> Portable:
    """The same with both tables checked, or what is off.

    Raises
    ------
    DataError
        If there is nothing in it, a table breaks its schema, a pair is compared with itself or has
        two roles, or a text cannot be stored.
    """
    if portable.choices.empty and portable.utilities.empty:
        raise DataError("holds neither comparisons nor utilities.", where=where)
    for what in (portable.respondent, portable.instrument, portable.arm, *portable.texts.values()):
        storable(what, where)
    for item in portable.items:
        if isinstance(item, str):  # the schemas say what else is off
            storable(item, where)
    choices = check(portable.choices, CHOICES, where)
    same = choices["first"] == choices["second"]
    if same.any():
        raise DataError(f"compares {choices['first'][same].iloc[0]!r} with itself.", where=where)
    roles: dict[frozenset[str], str] = {}
    for first, second, role in zip(
        choices["first"], choices["second"], choices["role"], strict=True
    ):
        if roles.setdefault(frozenset((first, second)), role) != role:
            raise DataError(
                f"{first!r} and {second!r} are both fitted and held out.",
                where=where,
                todo="Give a pair the same role in both orders.",
            )
    utilities = check(portable.utilities, UTILITIES, where)
    return replace(portable, choices=choices, utilities=utilities)


def storable(text: str, where: str | Path) -> str:
    """A text that a file can hold.

    Raises
    ------
    DataError
        If it holds half a surrogate pair, which JSON can smuggle in and no file takes.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"holds half a surrogate pair at character {error.start + 1}: {text!a:.80}.",
            where=where,
            todo="Correct this text; it cannot be stored in any encoding.",
        ) from None
    return text


def no_choices() -> pd.DataFrame:
    """A choices table without rows."""
    return pd.DataFrame(columns=list(CHOICES.columns))


def no_utilities() -> pd.DataFrame:
    """A utilities table without rows."""
    return pd.DataFrame(columns=list(UTILITIES.columns))


def choices_table(rows: list[dict[str, Any]], portable: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of first, second, role and counts as a choices table of one cell."""
    table = pd.DataFrame(rows, columns=["first", "second", *COUNTS, "role"])
    return table.assign(**portable)[list(CHOICES.columns)]


def one_provenance(told: Iterable[Any], respondent: str, where: Path) -> Provenance:
    """What answers of one arm are called here, from what a file says of each of them.

    Raises
    ------
    DataError
        If some would be called one thing and some another.
    """
    kinds = {imported(kind) for kind in told} or {imported("public")}
    if len(kinds) > 1:
        raise DataError(
            f"{respondent} has the provenances {', '.join(sorted(kinds))} in one arm.",
            where=where,
            todo="Give what was simulated and what was not two names.",
        )
    return kinds.pop()


def imported(provenance: Any) -> Provenance:
    """What imported answers are called: nobody else's are elicited here, and what a program of ours
    made stays simulated."""
    kept: dict[Any, Provenance] = {"simulated": "simulated", "published": "published"}
    return kept.get(provenance, "public")
