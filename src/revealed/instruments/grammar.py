"""Phrases that are grammatical for every good at every quantity.

A phrase is written once, with ``{singular|plural}`` where English agrees in number::

    The {life|lives} of {count} {is|are} saved.

`faults` says what is wrong with a finished sentence; loading refuses a stimulus with a fault, so
that no respondent is asked in broken English about some goods and in good English about others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_CHOICE = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")
_NAME = re.compile(r"\{(\w+)\}")

_SILENT_H = ("heir", "honest", "honor", "honour", "hour")
_LIKE_YOU = (
    "eu", "ewe", "one", "once", "u.s", "ubiq", "ufo", "ugand", "uk", "uni", "ural", "uran", "urugu",
    "us ", "usa", "use", "usual", "usur", "uyghur", "utah", "util", "utop", "uzbek",
)  # fmt: skip
_NOT_LIKE_YOU = ("unidentified", "unimp", "unin", "ukul")

TAKES_THE = (
    "Bahamas", "Central African Republic", "Comoros", "Czech Republic",
    "Democratic Republic of the Congo", "Dominican Republic", "Gambia", "Maldives",
    "Marshall Islands", "Netherlands", "Philippines", "Republic of the Congo", "Solomon Islands",
    "United Arab Emirates", "United Kingdom", "United States",
    "United States of America", "US", "UK", "UAE", "USA", "Vatican City State",
)  # fmt: skip
"""Names of places that take the definite article as nouns."""


def number(value: float) -> str:
    """A quantity as a reader writes it: ``1``, ``0.1``, ``1,000``."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.10f}".rstrip("0")


def article(noun: str) -> str:
    """``a`` or ``an``, by the sound that `noun` begins with."""
    word = noun.lower()
    if word[:1].isdigit():
        return "an" if re.match(r"8|11\b|11\D|18\b|18\D|11,|18,", word) else "a"
    if word.startswith(_SILENT_H):
        return "an"
    if word.startswith(_LIKE_YOU) and not word.startswith(_NOT_LIKE_YOU):
        return "a"
    # Initials that are spelled out ("FBI", "MRI") sound by the name of their first letter.
    if re.match(r"[A-Z]{2,}\b", noun) and noun[0] in "FHLMNRSX":
        return "an"
    return "an" if word[:1] in "aeiou" else "a"


def fill(phrase: str, values: Mapping[str, str], *, singular: bool) -> str:
    """The sentence that `phrase` makes: number agreement first, then `values`, then a capital.

    Parameters
    ----------
    phrase
        Text with ``{singular|plural}`` choices and ``{name}`` places.
    values
        What stands at each place; it is not looked at again, so braces in it are only text.
    singular
        Whether the subject is singular.
    """
    agreed = _CHOICE.sub(lambda found: found.group(1 if singular else 2), phrase)
    sentence = substitute(agreed, values)
    return sentence[:1].upper() + sentence[1:]


def substitute(phrase: str, values: Mapping[str, str]) -> str:
    """`phrase` with each ``{name}`` replaced in one pass."""
    return _NAME.sub(lambda found: values[found.group(1)], phrase)


def places(phrase: str) -> list[str]:
    """The names of the ``{name}`` places in `phrase`, in order."""
    return _NAME.findall(_CHOICE.sub("", phrase))


_THE = "|".join(re.escape(name) for name in sorted(TAKES_THE, key=len, reverse=True))
_BARE_PLACE = re.compile(
    rf"\b(from|in|of|to|for|by|with) (?:{_THE})"
    r"(?=[.,;]| (?:is|are|die|dies|gain|gains|grows|who|and|or)\b)"
)
_PLURAL_WORDS = "are|die|gain|live|people|persons|lives|were|have"
_SINGULAR_WORDS = "is|dies|gains|person|was|has"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"  "), "two spaces in a row"),
    (re.compile(r" [,.;:!?%]"), "a space before a punctuation mark"),
    (re.compile(r",[.,;:]|\.\.|[,;:][^\s\d\"'”’)]"), "punctuation marks that do not go together"),
    (re.compile(r"[{}|_<>\[\]]"), "a place that was not filled"),
    (
        re.compile(r"\b(a|an|and|are|for|from|in|is|of|or|the|to|with|you) \1\b", re.IGNORECASE),
        "a word twice in a row",
    ),
    (re.compile(rf"(?<![\d.,])1 (?:{_PLURAL_WORDS})\b"), "a plural after 1"),
    (
        re.compile(rf"(?<![\w.,$])(?:[\d,.]*\d{{2,}}|[2-9]|0\.\d+) (?:{_SINGULAR_WORDS})\b"),
        "a singular after a quantity other than 1",
    ),
    (
        re.compile(r"\AYou(?:,[^,]*,)? (?:is|gains|feels|has|was)\b|\b[Pp]eople is\b"),
        "a wrong verb form",
    ),
    (_BARE_PLACE, "a name that takes “the”"),
    (re.compile(r"\b(?:an? (?:the|an?)|the an?)\b", re.IGNORECASE), "two articles in a row"),
)
_ARTICLE = re.compile(r"(?<![\w'’.-])(an?) ([\w'’.-]+(?: |$)?)", re.IGNORECASE)


def faults(sentence: str) -> list[str]:
    """What is wrong with the English of a stimulus; empty if nothing is.

    Checks form (capital, full stop, spacing, punctuation), a/an, place names that need "the", and
    number agreement between a numeral, its noun and its verb. It cannot prove a sentence right:
    the tests check every generated phrase against a second grammar as well.
    """
    found = [what for pattern, what in _RULES if pattern.search(sentence)]
    if not sentence.endswith((".", ".”", '."')):
        found.append("no full stop at the end")
    if sentence[:1].islower():
        found.append("no capital at the start")
    for match in _ARTICLE.finditer(sentence):
        used, noun = match.group(1).lower(), match.group(2)
        # A capital A may be a name ("vitamin A deficiency"); at the start it is an article.
        if match.group(1) == "A" and match.start() > 0:
            continue
        if used != article(noun):
            found.append(f"“{match.group(1)} {noun.strip()}”")
    return found
