"""Question sets: what is asked one question at a time, and what a reader must know of it.

A set lies in ``data/instruments/questions/<name>.csv``, or a module of `experiments` builds it. A
row is a question: its form, the text of the form's places, and further facts that a measure needs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..foundation.errors import ConfigError
from .datasheet import Datasheet
from .forms import Form, QuestionPrompt, load_form, render_question
from .load import instruments_folder
from .options import slug
from .reading import Sheet, validate


@dataclass(frozen=True)
class QuestionSet:
    """Questions with what a reader must know of them.

    Attributes
    ----------
    name, title
        ``open_questions``; "Open questions".
    questions
        One row a question. Index ``question``: the stable id. Columns: ``form``; a column for each
        place of the forms ("" where a question's form has no such place); further facts.
    datasheet
        Purpose, construction and known limits.
    """

    name: str
    title: str
    questions: pd.DataFrame
    datasheet: Datasheet

    def prompts(self, root: Path | None = None) -> dict[str, QuestionPrompt]:
        """The prompt of every question, by its id.

        Raises
        ------
        ConfigError
            If a question does not fit its form.
        """
        forms: dict[str, Form] = {}
        prompts = {}
        for row in self.questions.reset_index().to_dict("records"):
            form = forms.setdefault(row["form"], load_form(row["form"], root))
            prompts[row["question"]] = render_question(form, _texts(form, row))
        return prompts


def question_table(
    rows: Sequence[Mapping[str, Any]], where: str | Path, root: Path | None = None
) -> pd.DataFrame:
    """The question table of a set from one mapping a question; see `QuestionSet.questions`.

    A row without ``question`` gets an id made from its form and places, so a reworded question is
    another one. Every prompt is rendered once, so that a text that does not fit its form is
    refused here.

    Raises
    ------
    ConfigError
        If a form is unknown, a text does not fit, or two rows have the same id.
    """
    forms: dict[str, Form] = {}
    seen: dict[str, int] = {}
    made = []
    for number, row in enumerate(rows, start=1):
        place = f"{where}, question {number}" if len(rows) > 1 else str(where)
        name = str(row.get("form", ""))
        try:
            form = forms.setdefault(name, load_form(name, root))
            texts = _texts(form, row)
            render_question(form, texts)
        except ConfigError as error:
            about = f"{error.where}: " if name in forms else ""
            raise ConfigError(f"{about}{error.what}", where=place, todo=error.todo) from None
        identity = str(row.get("question") or "") or question_id(name, texts)
        if identity in seen:
            raise ConfigError(f"repeats question {seen[identity]} ({identity}).", where=place)
        seen[identity] = number
        made.append({**row, "question": identity, "form": name, **texts})
    places = list(dict.fromkeys(place for form in forms.values() for place in form.places))
    further = [n for n in dict.fromkeys(k for row in made for k in row) if n not in places]
    columns = ["question", "form", *places, *(n for n in further if n not in ("question", "form"))]
    table = pd.DataFrame(made, columns=columns)
    table[places] = table[places].fillna("")
    return table.set_index("question")


def question_id(form: str, places: Mapping[str, str]) -> str:
    """The stable name of a question, made from its form and the texts in its places."""
    whole = "\x1f".join([form, *(f"{name}\x1f{text}" for name, text in places.items())])
    words = slug(next(iter(places.values()), ""))[:40].strip("-")
    return f"{words}-{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def list_questions(root: Path | None = None) -> list[str]:
    """Names of the question sets that can be loaded here, files first."""
    files = sorted((instruments_folder(root) / "questions").glob("*.csv"))
    return [*(path.stem for path in files), *_builders()]


def load_questions(name: str, root: Path | None = None) -> QuestionSet:
    """Read and validate one question set.

    Raises
    ------
    ConfigError
        If there is no such set, or its file is wrong (with the line).
    """
    folder = instruments_folder(root)
    if name in (builders := _builders()):
        return builders[name](name, folder)
    path = folder / "questions" / f"{name}.csv"
    if not re.fullmatch(r"\w+", name) or not path.is_file():
        raise ConfigError(
            f"there is no question set {name!r}.",
            where=folder / "questions",
            todo=f"There are {', '.join(list_questions(root)) or 'none'}.",
        )
    sheet = Sheet(path)
    header = validate(Datasheet, sheet.header, f"{path}, header")
    if "form" not in sheet.columns:
        raise ConfigError("the column `form` is missing.", where=path)
    rows = []
    for line, row in sheet.rows():
        # One row at a time, so that what is wrong is named by its line.
        question_table([row], f"{path}, line {line}", folder.parents[1])
        rows.append(row)
    if not rows:
        raise ConfigError("holds no questions.", where=path)
    return QuestionSet(name, header.title, question_table(rows, path, folder.parents[1]), header)


def _texts(form: Form, row: Mapping[str, Any]) -> dict[str, str]:
    texts = {}
    for place in form.places:
        if place not in row:
            raise ConfigError(f"the place {place!r} is missing.", where=f"form {form.name}")
        texts[place] = str(row[place])
    return texts


def _builders() -> dict[str, Callable[[str, Path], QuestionSet]]:
    """The builder of every question set of an experiment, by the set's name."""
    from .experiments import MODULES  # its modules read files with the functions of this one

    return {
        name: module.build_questions  # type: ignore[attr-defined]
        for module in MODULES
        for name in getattr(module, "QUESTION_SETS", ())
    }
