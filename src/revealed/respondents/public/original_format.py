"""Read answers and utilities in the file formats of the original study (Mazeika et al. 2025).

Options are named by `instruments.item_id` of their text, so that files which number the same
outcomes differently meet in one vocabulary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ...foundation.errors import DataError
from ...foundation.schemas import CHOICES, UTILITIES, check
from ...instruments.options import item_id

INSTRUMENT = "cais/options_hierarchical"
TRIADS_RESPONDENT = "fourofclubs001/qwen2.5-1.5b-instruct"

T = TypeVar("T")
Text = Annotated[str, Field(min_length=1)]
Key = Literal["A", "B", "C"]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Outcome(_Strict):
    idx: int
    text: Text


class _Answers(_Strict):
    """``original``: the pair's first option listed first; ``flipped``: listed second.

    Parsed answers are the labels of the prompt, hence "A" is whatever was listed first.
    """

    original_parsed: list[str]
    flipped_parsed: list[str]
    count_A: Finite
    count_B: Finite


class _Pair(_Strict):
    pair: Annotated[list[Key], Field(min_length=2, max_length=2)]
    aux_data: _Answers


class _Triad(_Strict):
    triad_idx: int
    options: dict[Key, _Outcome]
    pairs: Annotated[list[_Pair], Field(min_length=3, max_length=3)]


class _Option(_Strict):
    id: int
    description: Text


class _Utility(_Strict):
    mean: Finite
    variance: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Scores(_Strict):
    log_loss: Finite
    accuracy: Finite


class _UtilityFile(_Strict):
    options: Annotated[list[_Option], Field(min_length=1)]
    utilities: dict[str, _Utility]
    metrics: _Scores
    holdout_metrics: _Scores | None = None
    compute_utilities_config: dict[str, Any] = Field(default_factory=dict)
    create_agent_config: dict[str, Any] = Field(default_factory=dict)


def _read(path: Path, shape: TypeAdapter[T]) -> T:
    """The file's JSON as `shape`, or a `DataError` that names file, entry and field."""
    try:
        return shape.validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error}).", where=path) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        where = f"{path}, {field}" if field else str(path)
        raise DataError(
            f"does not follow the published format: {first['msg']}.",
            where=where,
            todo="Fetch it again if it should be the published file.",
        ) from error


def import_triad_rows(path: Path) -> pd.DataFrame:
    """Answers to every triad's three pairs, a row a pair and order as published (not pooled).

    A few pairs belong to several triads; here each keeps its own answers, which is what a rate of
    cycles over triads needs.

    Returns
    -------
    DataFrame
        The columns of `CHOICES` (`first` is listed first in the prompt) and ``triad`` (int).

    Raises
    ------
    DataError
        Naming file, entry and field, if the file does not follow its format or its own counts.
    """
    rows = []
    for triad in _read(path, TypeAdapter(list[_Triad])):
        ids = {key: item_id(outcome.text) for key, outcome in triad.options.items()}
        for pair in triad.pairs:
            where = f"{path}, triad {triad.triad_idx}, pair {'-'.join(pair.pair)}"
            if not set(pair.pair) <= set(ids) or pair.pair[0] == pair.pair[1]:
                raise DataError("the pair does not name two of the triad's options.", where=where)
            one, other = (ids[key] for key in pair.pair)
            answers = pair.aux_data
            listed = {"original": answers.original_parsed, "flipped": answers.flipped_parsed}
            votes = {order: (a.count("A"), a.count("B")) for order, a in listed.items()}
            if (answers.count_A, answers.count_B) != (
                votes["original"][0] + votes["flipped"][1],
                votes["original"][1] + votes["flipped"][0],
            ):
                raise DataError("the counts are not those of the listed answers.", where=where)
            for order, (first, second) in {
                "original": (one, other), "flipped": (other, one),
            }.items():  # fmt: skip
                unparsed = len(listed[order]) - sum(votes[order])
                rows.append((triad.triad_idx, first, second, *votes[order], unparsed))
    if not rows:
        raise DataError("holds no triad.", where=path)
    names = ["triad", "first", "second", "n_first", "n_second", "n_unparsed"]
    return _as_choices(pd.DataFrame(rows, columns=names))


def import_triads(path: Path) -> pd.DataFrame:
    """The triads' answers as a choices table (schema `CHOICES`): counts a pair and order.

    Pairs that occur in several triads are pooled; `import_triad_rows` keeps them apart.

    Raises
    ------
    DataError
        As `import_triad_rows`.
    """
    rows = import_triad_rows(path)
    counts = ["n_first", "n_second", "n_unparsed"]
    pooled = rows.groupby(["first", "second"], sort=False)[counts].sum().reset_index()
    return check(_as_choices(pooled), CHOICES, path)


def _as_choices(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts a pair and order with the columns that are the same in every row."""
    return counts.assign(
        respondent=TRIADS_RESPONDENT, instrument=INSTRUMENT, arm="forced",
        n_neutral=0, n_refused=0, n_failed=0, role="train", provenance="public",
    )  # fmt: skip


def import_utilities(path: Path, respondent: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Published Thurstone means and variances, and how they were made.

    Parameters
    ----------
    path
        A ``results_utilities_*.json`` file.
    respondent
        The name to give the respondent, such as ``avocado/gpt-4o``.

    Returns
    -------
    tuple
        The utilities table (schema `UTILITIES`, ``se`` missing: none is published; additional
        column ``text`` for matching outcomes between files is in ``meta["texts"]``), and a dict
        with ``train_log_loss``, ``train_accuracy``, ``heldout_log_loss``, ``heldout_accuracy``
        (None where not published), ``n_items``, ``settings`` and ``texts`` (item id to text).

    Raises
    ------
    DataError
        Naming file, entry and field.
    """
    content = _read(path, TypeAdapter(_UtilityFile))
    texts: dict[str, str] = {}
    rows = []
    for place, option in enumerate(content.options):
        where = f"{path}, options.{place}"
        name, utility = item_id(option.description), content.utilities.get(str(option.id))
        if utility is None:
            raise DataError(f"option {option.id} has no utility.", where=where)
        if name in texts:
            raise DataError(f"repeats an option: {option.description!r}.", where=where)
        texts[name] = option.description
        rows.append((name, utility.mean, utility.variance))
    if len(content.utilities) != len(rows):
        raise DataError("has utilities for options that it does not list.", where=path)
    table = pd.DataFrame(rows, columns=["item", "mean", "variance"]).assign(
        respondent=respondent, instrument=INSTRUMENT, arm="forced", provenance="public", se=None
    )
    held = content.holdout_metrics
    arguments = content.compute_utilities_config.get("utility_model_arguments")
    settings = dict(arguments) if isinstance(arguments, dict) else {}
    settings |= {k: content.create_agent_config.get(k) for k in ("temperature", "max_tokens")}
    meta: dict[str, Any] = {
        "train_log_loss": content.metrics.log_loss,
        "train_accuracy": content.metrics.accuracy,
        "heldout_log_loss": held.log_loss if held else None,
        "heldout_accuracy": held.accuracy if held else None,
        "n_items": len(rows),
        "settings": settings,
        "texts": texts,
    }
    return check(table, UTILITIES, path), meta
