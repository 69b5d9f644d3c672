"""What an option text must be, and the name it goes by.

An option is one line of text that a prompt shows to a respondent.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..foundation.errors import ConfigError

MAX_CHARACTERS = 240
"""Longer options would make length itself a difference between options."""

_MOJIBAKE = re.compile("[\u00c2\u00c3\u00e2][\u0080-\u00bf\u20ac\u2122]|\ufffd")
"""What UTF-8 looks like after a round trip through Latin-1 or Windows-1252."""

_INVISIBLE = ("Cc", "Cf", "Zl", "Zp")
"""Unicode categories of line breaks and of characters that nobody sees."""


@dataclass(frozen=True)
class Option:
    """An option text and the line of the file that it comes from."""

    text: str
    line: int


def check_option(text: str, where: str | Path) -> None:
    """Refuse a text that cannot stand as an option.

    Raises
    ------
    ConfigError
        If the text is empty, over-long, not a single line, or was decoded wrongly.
    """
    if not text.strip():
        raise ConfigError("the option is empty.", where=where)
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(
            f"the option has {len(text)} characters; at most {MAX_CHARACTERS} are allowed.",
            where=where,
        )
    if text != text.strip():
        raise ConfigError("the option begins or ends with a space.", where=where)
    if any(unicodedata.category(character) in _INVISIBLE for character in text):
        raise ConfigError(
            "the option holds a line break, a tab or an invisible character.", where=where
        )
    if found := _MOJIBAKE.search(text):
        raise ConfigError(
            f"the option holds {found.group()!r}, the trace of a wrong encoding.",
            where=where,
            todo="Save the file with the encoding UTF-8 and correct the text.",
        )


def check_options(options: Iterable[Option], path: Path) -> None:
    """Check each option and refuse two that differ at most in case and spacing."""
    seen: dict[str, int] = {}
    for option in options:
        where = f"{path}, line {option.line}"
        check_option(option.text, where)
        plain = " ".join(unicodedata.normalize("NFKC", option.text).casefold().split())
        if plain in seen:
            raise ConfigError(
                f"repeats the option of line {seen[plain]}: {option.text!r}.", where=where
            )
        seen[plain] = option.line


def slug(text: str) -> str:
    """Lower-case ASCII words joined by hyphens: ``São Tomé`` becomes ``sao-tome``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words or hashlib.sha256(text.encode()).hexdigest()[:8]


def item_id(text: str) -> str:
    """The stable name of an option that has no good and quantity, made from its text alone.

    The words tell a person what it is; six digits of the text's SHA-256 keep two options apart
    that begin alike. A reworded option is another stimulus and gets another name.
    """
    words = slug(text)[:48].strip("-")
    return f"{words}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
