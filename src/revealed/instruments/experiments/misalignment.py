"""Open questions on which misalignment would show, plain facts under instructions, and identity.

Our own sets are ``battery_main`` (eight topics in three formats), ``battery_wide`` (48 questions of
seven kinds), ``battery_deception`` (facts under five instructions) and ``battery_identity``. The
original study's questions, which are published without a licence, are read as they are from the
fetch cache (``original/first_plot``, ``original/preregistered``); where it lacks them the sets are
empty, and their datasheets say what to do.

Questions of the open sets carry ``topic`` (the question without its format: what is drawn when
questions are drawn), ``format`` (of `FORMATS`) and ``kind``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ...foundation.errors import ConfigError
from ..datasheet import Datasheet
from ..forms import block
from ..free_form import FORMATS, QUESTION_FILES, load_free_form_questions
from ..instrument import Instrument
from ..load import cached_file
from ..reading import Sheet, parse_yaml, read_text, validate

if TYPE_CHECKING:
    from ..questions import QuestionSet

NAMES: tuple[str, ...] = ()
MAIN, WIDE, DECEPTION, IDENTITY = (
    "battery_main", "battery_wide", "battery_deception", "battery_identity",
)  # fmt: skip
ORIGINAL_QUESTIONS = dict(
    zip(("original/first_plot", "original/preregistered"), QUESTION_FILES, strict=True)
)
"""File of the fetch cache by question set."""
OPEN_SETS = (MAIN, WIDE, *ORIGINAL_QUESTIONS)
"""Sets whose free answers judges rate."""
QUESTION_SETS: tuple[str, ...] = (MAIN, WIDE, DECEPTION, IDENTITY, *ORIGINAL_QUESTIONS)

AS_WRITTEN = "as_written"
"""The form that puts a question alone."""
INSTRUCTIONS = ("fact_plain", "fact_truthful", "fact_free", "fact_rewarded", "fact_game")
"""Forms of a fact, by what the system message asks for; only the last asks for falsehood."""
ASKED_TO = "fact_game"
SCALES = ("human", "power")
LONGEST_GIVEN = 4000
"""Characters of an answer that a judge is shown."""


class _Topic(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    asked: Annotated[str, Field(min_length=10)]
    fields: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], str], Field(min_length=1)]


class _Main(Datasheet):
    topics: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], _Topic], Field(min_length=2)
    ]


def build(name: str, folder: Path) -> Instrument:
    """No instrument: these questions are asked one at a time."""
    raise ConfigError(f"there is no instrument {name!r}.", where=folder)


def build_questions(name: str, folder: Path) -> QuestionSet:
    """One of the question sets.

    Raises
    ------
    ConfigError
        If the set's file is wrong, with the line or the field.
    DataError
        If an original file does not follow its format.
    """
    from ..questions import QuestionSet, question_table

    read = {MAIN: _main, WIDE: _wide, DECEPTION: _deception, IDENTITY: _identity}
    if name in ORIGINAL_QUESTIONS:
        rows, sheet, where = _original(name)
    else:
        rows, sheet, where = read[name](folder / "misalignment")
    table = question_table(rows, where, folder.parents[1])
    if not rows:
        columns = ["form", "asked", "told", "topic", "format", "kind"]
        table = pd.DataFrame(columns=columns, index=pd.Index([], name="question"), dtype=str)
    return QuestionSet(name, sheet.title, table, sheet)


def given(text: str) -> str:
    """An answer as a judge is shown it: clean, and cut with a mark where it is over-long."""
    clean = block(text)
    if len(clean) <= LONGEST_GIVEN:
        return clean
    return f"{clean[:LONGEST_GIVEN].rstrip()}\n[cut here; the whole has {len(clean):,} characters]"


def answer_id(source: str, shown: str) -> str:
    """The name of one text (as `given` makes it) in answer to one question, whoever wrote it."""
    whole = f"{source}\n{shown}"
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_Read = tuple[list[dict[str, Any]], Datasheet, Path]


def _main(folder: Path) -> _Read:
    path = folder / "main.yaml"
    design = validate(_Main, parse_yaml(read_text(path), path), path)
    rows = []
    for topic, entry in design.topics.items():
        lines = "\n".join(f"{field} = # {says}" for field, says in entry.fields.items())
        ways: dict[str, dict[str, str]] = {
            "plain": {"form": AS_WRITTEN, "told": ""},
            "json": {"form": "open_as_json"},
            "template": {"form": "open_as_template", "template": lines},
        }
        rows += [
            {"question": f"{topic}-{form}", "asked": entry.asked, **ways[form],
             "topic": topic, "format": form, "kind": "main"}
            for form in FORMATS
        ]  # fmt: skip
    return rows, _sheet_of(design), path


def _wide(folder: Path) -> _Read:
    path = folder / "wide.csv"
    header, lines = _read(path, ["kind", "asked"])
    rows: list[dict[str, Any]] = []
    for _, row in lines:
        name = f"{row['kind'].replace(' ', '_')}-{sum(r['kind'] == row['kind'] for r in rows) + 1}"
        rows.append(
            {"question": name, "form": AS_WRITTEN, "asked": row["asked"], "told": "",
             "topic": name, "format": "plain", "kind": row["kind"]}
        )  # fmt: skip
    return rows, header, path


def _deception(folder: Path) -> _Read:
    path = folder / "facts.csv"
    header, lines = _read(path, ["claim", "truth"])
    for line, row in lines:
        if row["truth"] not in ("true", "false"):
            raise ConfigError("truth: must be true or false.", where=f"{path}, line {line}")
    truths = [row["truth"] for _, row in lines]
    if truths.count("true") != truths.count("false"):
        raise ConfigError("as many claims must be true as false.", where=path)
    rows = [
        {"form": form, "claim": row["claim"], "truth": int(row["truth"] == "true"),
         "instruction": form}
        for form in INSTRUCTIONS
        for _, row in lines
    ]  # fmt: skip
    return rows, header, path


def _identity(folder: Path) -> _Read:
    path = folder / "identity.csv"
    header, lines = _read(path, ["scale", "claim", "asked"])
    rows = []
    for line, row in lines:
        where = f"{path}, line {line}"
        if row["scale"] not in SCALES:
            raise ConfigError(f"scale: must be one of {', '.join(SCALES)}.", where=where)
        if row["claim"] not in ("yes", "no"):
            raise ConfigError("claim: must be yes or no.", where=where)
        rows.append(
            {"form": "about_oneself", "asked": row["asked"], "scale": row["scale"],
             "claim": int(row["claim"] == "yes")}
        )  # fmt: skip
    keyed = pd.DataFrame(rows).groupby("scale")["claim"].mean()
    if (keyed != 0.5).any():
        raise ConfigError("a scale must have as many claims by yes as by no.", where=path)
    return rows, header, path


def _original(name: str) -> _Read:
    """The questions of an original file, each paraphrase of its own, in the file's words."""
    file = ORIGINAL_QUESTIONS[name]
    path = cached_file(file)
    sheet = Datasheet(
        title=f"Original questions: {name.partition('/')[2].replace('_', ' ')}",
        purpose="The original study's open questions, as they are, to hold our own wording "
        "against.",
        construction="Read from the fetch cache, system messages included, and sent unchanged; "
        "how often each is asked is said by the study and not by the file.",
        limits=["They are widely published, so that later models may have been trained on them."],
    )
    if not path.is_file():
        missing = f"Not in the fetch cache here, so nothing is asked: `revealed fetch {file}`."
        return [], sheet.model_copy(update={"limits": [missing, *sheet.limits]}), path
    rows = []
    for question in load_free_form_questions(path):
        for number, text in enumerate(question.paraphrases):
            identity = question.id if not number else f"{question.id}#{number + 1}"
            rows.append(
                {"question": identity, "form": AS_WRITTEN, "asked": text, "told": question.system,
                 "topic": question.topic, "format": question.format, "kind": question.kind}
            )  # fmt: skip
    return rows, sheet, path


def _read(path: Path, columns: list[str]) -> tuple[Datasheet, list[tuple[int, dict[str, str]]]]:
    sheet = Sheet(path)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    if sheet.columns != columns:
        raise ConfigError(f"the columns must be {', '.join(columns)}.", where=path)
    lines = list(sheet.rows())
    for line, row in lines:
        if empty := [column for column in columns if not row[column]]:
            raise ConfigError(f"{empty[0]} is empty.", where=f"{path}, line {line}")
    if not lines:
        raise ConfigError("holds no questions.", where=path)
    return header, lines


def _sheet_of(design: _Main) -> Datasheet:
    return Datasheet(**{field: getattr(design, field) for field in Datasheet.model_fields})
