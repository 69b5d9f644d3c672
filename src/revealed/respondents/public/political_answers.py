"""Read the answers of seven models to a political questionnaire of four axes, in five languages.

Source: a student project of 2025 (``scammeruniversity2025``), which put the 70 items of the 8values
questionnaire, to be answered with yes or no, 50 times each. Its column of yes shares leaves out
answers that are neither, its mean of answers does not; only the single answers are read here.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.paths import project_root
from ...foundation.schemas import Column, Schema, check
from .delimited import read_csv

POLITICS_FILE = "seven_models/combined_politics_results.csv"
AXES = ("econ", "dipl", "govt", "scty")
"""Axes of the questionnaire; a high score is equality, internationalism, liberty, progress."""
QUESTIONNAIRE_LANGUAGES = ("English", "Chinese", "Korean", "Russian", "Arabic")
QUESTIONNAIRE_MODELS = MappingProxyType(
    {
        "chatgpt_4.o_": "seven_models/gpt-4o-mini",
        "claude_results": "seven_models/claude-haiku-4.5",
        "deepseek_results": "seven_models/deepseek-v3",
        "gemini_results": "seven_models/gemini-2.5-flash",
        "grok_results": "seven_models/grok-4.1-fast",
        "llama_results": "seven_models/llama-3.1-70b",
        "qwen_results": "seven_models/qwen3-next-80b",
    }
)
"""Respondent by the file's name for it; the first is not the version that its label says."""

_SUFFIX = {"": "English", "CHN": "Chinese", "KOR": "Korean", "RUS": "Russian", "ARAB": "Arabic"}
_ROUNDS = [f"Round_{number}" for number in range(1, 51)]
_SIGN = {-1.0: "-", 0.0: "0", 1.0: "+"}
_ITEM = re.compile(r"(?P<item>PQ_(?P<number>\d+)_(?:Econ|Dipl|Govt|Scty))(?:_(?P<suffix>[A-Z]+))?")
_TABLE = Schema(
    "political answers of seven models",
    {
        "Model": Column(
            "text",
            lambda s: s.isin(QUESTIONNAIRE_MODELS),
            f"be one of {', '.join(QUESTIONNAIRE_MODELS)}",
        ),
        "id": Column("text"),
        "question_text": Column("text"),
        **dict.fromkeys(
            _ROUNDS,
            Column("number", lambda s: s.isin([-1, 0, 1]), "be 1 (yes), -1 (no) or 0 (neither)"),
        ),
        "Sample_mean": Column("number"),
        "question_id": Column("count"),
        **dict.fromkeys(AXES, Column("number")),
    },
    key=("Model", "id"),
)


def import_political_answers(path: Path) -> pd.DataFrame:
    """Counted answers, a row a model, language and item.

    Returns
    -------
    DataFrame
        ``model`` (respondent, values of `QUESTIONNAIRE_MODELS`), ``label`` (the file's name for
        it), ``language``, ``item`` (the same in every language), ``question`` (as put, in its
        language), ``n_yes``, ``n_no``, ``n_neither``, ``answers`` (the single answers in their
        order, one of ``+-0`` each), and the item's weights on `AXES`.

    Raises
    ------
    DataError
        Naming file, row and column, if a cell is off, an id does not follow the source's pattern,
        the stated mean is not that of the answers, an item's weights differ between rows, or the
        models and languages were not asked the same items.
    """
    raw = check(read_csv(path), _TABLE, path)
    if raw.empty:
        raise DataError("holds no answer.", where=path)
    items, languages = [], []
    for place, (name, number) in enumerate(zip(raw["id"], raw["question_id"], strict=True)):
        found = _ITEM.fullmatch(str(name))
        language = _SUFFIX.get(found["suffix"] or "") if found else None
        where = f"{path}, row {place + 1}"
        if found is None or language is None:
            raise DataError(f"column id: {name!r} is not the id of an item.", where=where)
        if int(found["number"]) != int(number):
            raise DataError(
                f"column question_id: {number:g} is not the number of {name}.", where=where
            )
        items.append(found["item"])
        languages.append(language)
    answers = raw[_ROUNDS].to_numpy(float)
    off = abs(answers.mean(axis=1) - raw["Sample_mean"].to_numpy()) > 1e-9
    if off.any():
        row = int(off.argmax())
        raise DataError(
            f"column Sample_mean is {raw['Sample_mean'].iloc[row]:g}; the answers have the mean "
            f"{answers[row].mean():g}.",
            where=f"{path}, row {row + 1}",
        )
    table = pd.DataFrame(
        {
            "model": raw["Model"].map(QUESTIONNAIRE_MODELS).astype(object), "label": raw["Model"],
            "language": languages, "item": items, "question": raw["question_text"],
            "n_yes": (answers == 1).sum(axis=1), "n_no": (answers == -1).sum(axis=1),
            "n_neither": (answers == 0).sum(axis=1),
            "answers": ["".join(map(_SIGN.__getitem__, row)) for row in answers.tolist()],
            **{axis: raw[axis] for axis in AXES},
        }
    )  # fmt: skip
    _check_design(table, path)
    return table


def _check_design(table: pd.DataFrame, path: Path) -> None:
    weights = table.groupby("item")[list(AXES)].nunique()
    if (weights > 1).any(axis=None):
        item = weights.index[(weights > 1).any(axis=1)][0]
        raise DataError(f"the weights of {item} differ between rows.", where=path)
    cells = table.groupby(["model", "language"])["item"].nunique()
    wanted = table["item"].nunique()
    if (cells < wanted).any() or len(cells) < table["model"].nunique() * table[
        "language"
    ].nunique():
        short = cells[cells < wanted]
        named = " in ".join(map(str, short.index[0])) if len(short) else "a model in a language"
        raise DataError(
            f"{named} lacks items that others were asked; scores would not be of the same items.",
            where=path,
        )


_ABOUT = Schema("political items", {"item": Column("text"), "about": Column("text")}, key=("item",))


def load_political_items(root: Path | None = None) -> pd.Series:
    """What each item is about, in our own few words, by its id (``political_items.csv``).

    Raises
    ------
    DataError
        Naming file, row and column.
    """
    path = (root or project_root()) / "data" / "published" / "political_items.csv"
    return check(read_csv(path), _ABOUT, path).set_index("item")["about"]
