"""Which names a new part of the study may have."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from revealed.foundation.errors import ConfigError
from revealed.instruments import list_arms, list_instruments, list_questions

LONGEST = 30
LONGEST_TITLE = 50
_FORM = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


def check_identifier(name: str, kind: str) -> None:
    """Refuse a name that cannot be a module, a column and a file at once.

    Raises
    ------
    ConfigError
        If it is not lower-case words joined by underscores, is a word of Python, or is too long.
    """
    if not _FORM.fullmatch(name) or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        close = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        fits = _FORM.fullmatch(close) and not keyword.iskeyword(close)
        raise ConfigError(
            f"{name!r} cannot be the name of a new {kind}.",
            todo="A name is lower-case letters, digits and underscores, and begins with a letter"
            + (f": {close!r} would do." if fits and close != name else "."),
        )
    if len(name) > LONGEST:
        raise ConfigError(
            f"the name {name!r} has {len(name)} characters; at most {LONGEST} are allowed."
        )


def check_free(root: Path, name: str, kind: str, files: list[str]) -> None:
    """Refuse a name that something of the study goes by, or a file that exists.

    Raises
    ------
    ConfigError
        Naming what has it.
    """
    from revealed.study import load_study

    study = load_study(root / "study.yaml")
    categories = [path.stem for path in (root / "data/instruments/goods").glob("*.csv")]
    taken = {
        "an instrument": list_instruments(root),
        "a question set": list_questions(root),
        "a category": categories,
        "an arm": list_arms(root),
        "an experiment": list(study.experiments),
    }
    for what, names in taken.items():
        if name in names:
            raise ConfigError(
                f"{name!r} exists: it is {what}.", todo=f"Choose another name for the {kind}."
            )
    for file in files:
        path = root / file
        if path.exists() or path.with_suffix("").is_dir():
            raise ConfigError(f"{file} exists.", todo=f"Choose another name for the {kind}.")
        if path.name.startswith("test_"):
            # Test files share one namespace, in whatever folder they lie.
            for other in (root / "tests").rglob(path.name):
                raise ConfigError(
                    f"a test file {path.name} exists.", where=other,
                    todo=f"Choose another name for the {kind}.",
                )  # fmt: skip


def words(name: str) -> str:
    """A name as a title begins: ``tea_or_coffee`` becomes "Tea or coffee"."""
    plain = name.replace("_", " ")
    return plain[:1].upper() + plain[1:]


def check_title(title: str) -> str:
    """A title that fits a heading, a YAML value and a docstring as it is.

    Raises
    ------
    ConfigError
        If it is short, long, of several lines, or holds characters that mean something there.
    """
    if not 3 <= len(title) <= LONGEST_TITLE or not re.fullmatch(r"\w[\w ,.'’()-]+", title):
        raise ConfigError(
            f"the title {title!r} does not fit.",
            todo=f"A title is 3 to {LONGEST_TITLE} letters, digits, spaces, commas, hyphens and "
            "parentheses.",
        )
    return title
