"""Statements of voting advice applications, each in several wordings (question set ``probvaa``).

The statements are ProbVAA's, published without a licence: they are read from the fetch cache and
never stored here. Where the cache does not hold them the set is empty, and its datasheet says what
to do. The design, ``politics/probvaa.yaml``, names countries and statements by number.

A statement's id in the file holds seven digits: 1 for a statement as meant (0 for its reverse), 1
for a question (none is left), the number of a paraphrase, 1 for the opposite, 1 for the negation, 1
for one that would do in any country, 1 for a translation.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ...foundation.errors import ConfigError, DataError
from ..datasheet import Datasheet
from ..instrument import Instrument
from ..load import cached_file
from ..reading import parse_yaml, read_text, validate

if TYPE_CHECKING:
    from ..questions import QuestionSet

NAMES: tuple[str, ...] = ()
QUESTION_SETS: tuple[str, ...] = ("probvaa",)

SOURCE = "probvaa/probvaa.csv"
FORM = "statement_agree"
VARIANTS: Mapping[str, int] = {
    "original": 1, "paraphrase_1": 1, "paraphrase_2": 1, "home": 1, "negation": -1, "opposite": -1,
}  # fmt: skip
"""Wordings that are asked, and whether agreeing means the statement (1) or its reverse (-1).
``home`` is the statement as it stood, in a language of its country; the others are in English."""

_ID = re.compile(
    r"(?P<statement>[a-z]{2}_\d+)_(?P<straight>[01])0(?P<paraphrase>\d)(?P<opposite>[01])"
    r"(?P<negation>[01])[01][01]_(?P<language>[a-z]{2})"
)


class _Country(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    statements: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]


class _Design(Datasheet):
    countries: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], _Country], Field(min_length=1)
    ]


def build(name: str, folder: Path) -> Instrument:
    """No instrument: statements are asked one at a time."""
    raise ConfigError(f"there is no instrument {name!r}.", where=folder)


def build_questions(name: str, folder: Path) -> QuestionSet:
    """The chosen statements in all their wordings; none where the cache lacks the source.

    Facts of a question beside its text: ``statement`` (``nl_5``), ``country``, ``variant`` (of
    `VARIANTS`), ``polarity`` (1, or -1 for the reverse), ``language``.

    Raises
    ------
    ConfigError
        If the design is wrong, or names a statement or wording that the source lacks.
    DataError
        If the source does not follow its format, with the row.
    """
    from ..questions import QuestionSet, question_table  # it loads this module

    path = folder / "politics" / "probvaa.yaml"
    design = validate(_Design, parse_yaml(read_text(path), path), path)
    sheet = Datasheet(**{field: getattr(design, field) for field in Datasheet.model_fields})
    source = cached_file(SOURCE)
    root = folder.parents[1]
    if not source.is_file():
        missing = f"Not in the fetch cache here, so nothing is asked: `revealed fetch {SOURCE}`."
        sheet = sheet.model_copy(update={"limits": [missing, *sheet.limits]})
        columns = ["question", "form", "text", "statement", "country", "variant", "polarity"]
        empty = question_table([], path, root).reset_index().reindex(columns=[*columns, "language"])
        return QuestionSet(name, design.title, empty.set_index("question"), sheet)
    texts = read_statements(source)
    rows: list[dict[str, Any]] = []
    for country, chosen in design.countries.items():
        for number in chosen.statements:
            statement = f"{country}_{number}"
            for variant, polarity in VARIANTS.items():
                language = chosen.language if variant == "home" else "en"
                text = texts.get((statement, variant.replace("home", "original"), language))
                if text is None:
                    raise ConfigError(
                        f"the source has no {variant} of {statement} in {language!r}.", where=path
                    )
                rows.append(
                    {
                        "question": f"{statement}-{variant}", "form": FORM, "text": text,
                        "statement": statement, "country": country, "variant": variant,
                        "polarity": polarity, "language": language,
                    }
                )  # fmt: skip
    return QuestionSet(name, design.title, question_table(rows, path, root), sheet)


def read_statements(path: Path) -> dict[tuple[str, str, str], str]:
    """All texts of the source by statement, wording and language; blanks tidied, else as they are.

    Wordings are ``original``, ``paraphrase_1`` to ``paraphrase_3``, ``negation`` and ``opposite``.

    Raises
    ------
    DataError
        If a row is no statement, its id does not follow the code, or an id stands twice.
    """
    texts: dict[tuple[str, str, str], str] = {}
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        if next(reader, None) != ["ID", "statement"]:
            raise DataError("the columns must be ID and statement.", where=path)
        for number, cells in enumerate(reader, start=1):
            where = f"{path}, row {number}"
            if len(cells) != 2 or not cells[1].strip():
                raise DataError("an id and a statement were expected.", where=where)
            found = _ID.fullmatch(cells[0])
            wording = _wording(found) if found else None
            if found is None or wording is None:
                raise DataError(f"column ID: {cells[0]!r} does not follow the code.", where=where)
            key = (found["statement"], wording, found["language"])
            if key in texts:
                raise DataError(f"repeats {cells[0]}.", where=where)
            texts[key] = " ".join(cells[1].split())
    except csv.Error as error:
        raise DataError(f"cannot be read as CSV ({error}).", where=path) from error
    return texts


def _wording(found: re.Match[str]) -> str | None:
    """What the digits of an id say; None where they contradict each other."""
    straight, paraphrase = found["straight"] == "1", int(found["paraphrase"])
    turned = (found["opposite"] == "1", found["negation"] == "1")
    if straight and not any(turned):
        return f"paraphrase_{paraphrase}" if paraphrase else "original"
    if straight or paraphrase or all(turned) or not any(turned):
        return None
    return "opposite" if turned[0] else "negation"
