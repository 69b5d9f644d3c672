"""The options of an instrument in languages other than English.

A language is one file of ``data/instruments/languages``: how a measure is phrased for each plural
category of the language, what its goods and the dollar amounts are called, and who has looked at
it. A translated option keeps the id of the English one, so that answers in all languages are about
the same items. Text is kept in reading order, without marks of direction.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..foundation.errors import ConfigError
from . import grammar
from .datasheet import Datasheet, Sentence
from .options import Option, check_options
from .reading import parse_yaml, read_text, validate

ENGLISH = "en"

Plural = Literal["zero", "one", "two", "few", "many", "other"]
Phrases = dict[Plural, Annotated[str, Field(min_length=5)]]


class _Dollars(BaseModel):
    """The sentence on a sum, and how each amount is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phrase: Phrases
    amounts: dict[int, str]


class Language(Datasheet):
    """One language file, validated.

    Attributes
    ----------
    language, name, endonym, direction
        ISO 639-1 code; the language's English name and own name; how its script runs.
    review
        Who or what has checked the texts.
    thousands
        What separates thousands in a quantity.
    contractions
        Replacements in a finished sentence ("de el" is "del").
    measures, dollars, goods
        Phrases by measure and plural category; sums; names of goods by category.
    """

    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    name: Annotated[str, Field(min_length=3)]
    endonym: Annotated[str, Field(min_length=2)]
    direction: Literal["ltr", "rtl"]
    review: Sentence
    thousands: str = ""
    contractions: dict[str, str] = Field(default_factory=dict)
    measures: dict[str, Phrases]
    dollars: _Dollars
    goods: dict[str, dict[str, Annotated[str, Field(min_length=1)]]]

    @model_validator(mode="after")
    def _agree(self) -> Language:
        if self.language not in _CATEGORIES:
            raise ValueError(f"language: the plural rule of {self.language!r} is not known")
        wanted = {"place": "measures", "amount": "dollars"}
        phrases = [("place", p) for form in self.measures.values() for p in form.values()]
        phrases += [("amount", p) for p in self.dollars.phrase.values()]
        for place, phrase in phrases:
            if grammar.places(phrase).count(place) != 1:
                raise ValueError(f"{wanted[place]}: {phrase!r} must hold {{{place}}} once")
            if unknown := set(grammar.places(phrase)) - {place, "n"}:
                raise ValueError(f"{wanted[place]}: unknown place {{{unknown.pop()}}}")
        for form in (*self.measures.values(), self.dollars.phrase):
            if "other" not in form:
                raise ValueError("measures: a phrase for the category `other` is missing")
        return self

    def number(self, value: int) -> str:
        """A quantity in digits, thousands set apart as the language does."""
        return f"{value:,}".replace(",", self.thousands)

    def sentence(self, phrases: Phrases, n: int, **words: str) -> str:
        """The phrase for the plural category of `n`, filled, contracted and in NFC."""
        phrase = phrases.get(plural(self.language, n), phrases["other"])
        text = grammar.substitute(phrase, {"n": self.number(n), **words})
        for apart, together in self.contractions.items():
            text = text.replace(apart, together)
        return unicodedata.normalize("NFC", text)


def plural(language: str, n: int) -> Plural:
    """The plural category of a whole number, by the rules of the Unicode CLDR."""
    return _CATEGORIES[language](n)


def _arabic(n: int) -> Plural:
    small: tuple[Plural, ...] = ("zero", "one", "two")
    if n < len(small):
        return small[n]
    if 3 <= n % 100 <= 10:
        return "few"
    return "many" if n % 100 >= 11 else "other"


_CATEGORIES: dict[str, Callable[[int], Plural]] = {
    "ar": _arabic,
    "es": lambda n: "one" if n == 1 else "many" if n and n % 1_000_000 == 0 else "other",
    "hi": lambda n: "one" if n in (0, 1) else "other",
    "zh": lambda n: "other",
}


def list_languages(folder: Path) -> list[str]:
    """English and the languages that have a file in `folder` (``data/instruments``)."""
    return [ENGLISH, *sorted(path.stem for path in (folder / "languages").glob("*.yaml"))]


def load_language(code: str, folder: Path) -> Language:
    """One language by its code.

    Raises
    ------
    ConfigError
        If there is no such language, or its file is wrong (with the field).
    """
    path = folder / "languages" / f"{code}.yaml"
    if not path.is_file():
        raise ConfigError(
            f"there is no language {code!r}.",
            where=path.parent,
            todo=f"There are {', '.join(list_languages(folder))}.",
        )
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _read(path: Path, stamp: int) -> Language:
    """The language of a file; `stamp` makes an edited file be read again."""
    found = validate(Language, parse_yaml(read_text(path), path), path)
    if found.language != path.stem:
        raise ConfigError(f"is of the language {found.language!r}.", where=path)
    return found


def translate(code: str, items: pd.DataFrame, folder: Path) -> pd.Series:
    """The texts of goods and dollar amounts in another language, by item id.

    Parameters
    ----------
    code
        The language.
    items
        An item table (`instrument.Instrument.items`).
    folder
        ``data/instruments``.

    Raises
    ------
    ConfigError
        Naming what the language has no words for, or a sentence that is not fit to be an option.
    """
    language = load_language(code, folder)
    path = folder / "languages" / f"{code}.yaml"
    texts = {}
    for item, row in zip(items.index, items.to_dict("records"), strict=True):
        quantity = row["quantity"]
        if row["kind"] not in ("good", "dollar") or quantity != quantity // 1:
            raise ConfigError(f"{language.name} has no words for {row['text']!r}.", where=path)
        n = int(quantity)
        if row["kind"] == "dollar":
            amount = _word(language.dollars.amounts, n, f"${n:,}", path)
            texts[item] = language.sentence(language.dollars.phrase, n, amount=amount)
            continue
        phrases = _word(language.measures, row["measure"], f"the measure {row['measure']}", path)
        names = _word(language.goods, row["category"], f"the category {row['category']}", path)
        place = _word(names, row["good"], row["good"], path)
        texts[item] = language.sentence(phrases, n, place=place)
    check_options((Option(text, 1) for text in texts.values()), path)
    return pd.Series(texts, index=items.index, name="text", dtype=object)


def _word(words: Any, key: Any, called: str, path: Path) -> Any:
    if key not in words:
        raise ConfigError(
            f"there are no words for {called}.", where=path, todo="Add them to the file."
        )
    return words[key]
