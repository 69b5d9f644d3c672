"""Read the yes/no answers of seven models in five languages: risk, ethics, politics, personality.

Source: a student project of 2025 (``scammeruniversity2025``), whose file holds 50 answers to each
of 195 items. It states no chances of its own: what the monetary items offer is in
``data/published/monetary_items.csv`` (`load_monetary_items`), read off their English wording.
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

SEVEN_MODELS_FILE = "seven_models/Combined_table_for_analysis.csv"
SEVEN_MODELS = MappingProxyType(
    {
        "ChatGPT-4o": "seven_models/gpt-4o-mini",
        "Claude": "seven_models/claude-haiku-4.5",
        "DeepSeek": "seven_models/deepseek-v3",
        "Gemini": "seven_models/gemini-2.5-flash",
        "Grok": "seven_models/grok-4.1-fast",
        "Llama": "seven_models/llama-3.1-70b",
        "Qwen": "seven_models/qwen3-next-80b",
    }
)
"""Respondent by the file's name for it. The versions are those that the source's scripts called,
the first of which is not what the file's label says."""

_LANGUAGES = ("English", "Chinese", "Korean", "Russian", "Arabic")
_SUFFIX = {"Chinese": "CHN", "Korean": "KOR", "Russian": "RUS", "Arabic": "ARAB"}
_ANSWERS = 50
_ROUNDS = [f"round_{number}" for number in range(1, _ANSWERS + 1)]
_CODE = Column("number", lambda s: s.isin([-1, 0, 1]), "be 1 (yes), 0 (no) or -1 (no valid answer)")
_TABLE = Schema(
    "answers of seven models",
    {
        "id": Column("text"),
        "question_text": Column("text"),
        "model_source": Column(
            "text", lambda s: s.isin(SEVEN_MODELS), f"be one of {', '.join(SEVEN_MODELS)}"
        ),
        "prompt_language": Column(
            "text", lambda s: s.isin(_LANGUAGES), f"be one of {', '.join(_LANGUAGES)}"
        ),
        **dict.fromkeys(_ROUNDS, _CODE),
    },
    key=("id", "model_source", "prompt_language"),
)

# Beginnings of the ids, tried in order: E_01 asks about personality, E_Lie_01 about ethics.
_DIMENSIONS = (
    (r"R_\d+$", "risk"),
    (r"PQ_\d+_[A-Z][a-z]+$", "politics"),
    (r"E_[A-Z][A-Za-z]*_\d+$", "ethics"),
    (r"[ESTJ]_\d+$", "personality"),
)


def import_seven_models(path: Path) -> pd.DataFrame:
    """Counts of yes, no and invalid answers, a row a model, language and item.

    Returns
    -------
    DataFrame
        ``model`` (respondent, values of `SEVEN_MODELS`), ``label`` (the file's name for it),
        ``language``, ``item`` (the same in every language), ``dimension`` (risk, ethics, politics,
        personality), ``topic`` (the id's middle: Lie, RaceGen, Health, Age, Econ; "" if it has
        none), ``question`` (as put, in its language), ``n_yes``, ``n_no``, ``n_error``.

    Raises
    ------
    DataError
        Naming file, row and column, if a cell is off or an id does not follow the source's pattern.
    """
    raw = check(read_csv(path), _TABLE, path)
    if raw.empty:
        raise DataError("holds no answer.", where=path)
    items, dimensions = [], []
    for place, (name, language) in enumerate(zip(raw["id"], raw["prompt_language"], strict=True)):
        suffix = f"_{_SUFFIX[language]}" if language in _SUFFIX else ""
        item = str(name).removesuffix(suffix)
        kind = next((kind for pattern, kind in _DIMENSIONS if re.match(pattern, item)), None)
        if kind is None or not str(name).endswith(suffix):
            raise DataError(
                f"column id: {name!r} is not the id of an item in {language}.",
                where=f"{path}, row {place + 1}",
            )
        items.append(item)
        dimensions.append(kind)
    answers = raw[_ROUNDS].to_numpy(float)
    return pd.DataFrame(
        {
            "model": raw["model_source"].map(SEVEN_MODELS),
            "label": raw["model_source"],
            "language": raw["prompt_language"],
            "item": items,
            "dimension": dimensions,
            "topic": ["".join(re.findall(r"_([A-Z][A-Za-z]+)", item)) for item in items],
            "question": raw["question_text"],
            "n_yes": (answers == 1).sum(axis=1),
            "n_no": (answers == 0).sum(axis=1),
            "n_error": (answers == -1).sum(axis=1),
        }
    )


_MONETARY = Schema(
    "monetary items",
    {
        "item": Column("text"),
        "asks": Column("text"),
        "kind": Column(
            "text",
            lambda s: s.isin(["stake", "mixed", "insurance", "free", "unstated"]),
            "be stake, mixed, insurance, free or unstated",
        ),
        "risky": Column("text", lambda s: s.isin(["yes", "no"]), "be yes or no"),
        "p_gain": Column("count", lambda s: s.isna() | (s < 1), "be below 1", optional=True),
        "gain": Column("count", optional=True),
        "p_loss": Column("count", lambda s: s.isna() | (s < 1), "be below 1", optional=True),
        "loss": Column("count", optional=True),
        "note": Column("text", optional=True),
    },
    key=("item",),
)


def load_monetary_items(root: Path | None = None) -> pd.DataFrame:
    """What each of the 20 risk items offers, counted from the sure option, read off its wording.

    Returns
    -------
    DataFrame
        ``item``; ``asks`` (in our words); ``kind`` (stake: something is paid first; mixed: win or
        lose; insurance: paying is the safe option; free: nothing can be lost; unstated: a gain or
        loss has no stated amount of money); ``risky`` (the answer that takes the risk);
        ``p_gain``, ``gain``, ``p_loss``, ``loss`` (yuan, net of what is paid; missing where there
        is none or it is not stated); ``note``.

    Raises
    ------
    DataError
        Naming file, row and column; also if two stated chances do not sum to 1.
    """
    path = (root or project_root()) / "data" / "published" / "monetary_items.csv"
    items = check(read_csv(path), _MONETARY, path)
    both = items["p_gain"].notna() & items["p_loss"].notna()
    off = both & ((items["p_gain"] + items["p_loss"] - 1).abs() > 1e-9)
    if off.any():
        row = int(off.to_numpy().argmax())
        raise DataError("p_gain and p_loss must sum to 1.", where=f"{path}, row {row + 1}")
    return items
