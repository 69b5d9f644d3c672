"""Read logs of inspect_ai: ours, and others' of the questions that we export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from ...foundation.errors import DataError
from ..elicit import COUNTS, count
from ..ledger import Answer
from .eval_files import unpacked
from .inspect_logs import VERSION
from .json_files import Count, Counts, Finite, Shape, Text, parse_json, read_bytes, shaped
from .portable import Portable, checked, choices_table, imported, no_choices, no_utilities

_ATTACHED = "attachment://"


class _Question(Shape):
    """``metadata.revealed`` of a sample."""

    instrument: Text
    arm: Text
    first: Text
    second: Text
    role: Literal["train", "holdout"] = "train"
    labels: Annotated[list[Text], Field(min_length=2, max_length=2)]
    neutral: Text | None = None
    response: Literal["choice", "graded"] = "choice"
    reason_first: bool = False
    text_first: str = ""
    text_second: str = ""
    mode: Literal["sample", "logprob"] = "sample"
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    counts: Counts | None = None


class _Part(Shape):
    type: str = ""
    text: str = ""


class _Message(Shape):
    role: str = ""
    content: str | list[_Part]


class _Top(Shape):
    token: str
    logprob: Finite


class _Token(Shape):
    token: str
    logprob: Finite
    top_logprobs: list[_Top] | None = None


class _Tokens(Shape):
    content: list[_Token]


class _Choice(Shape):
    message: _Message
    stop_reason: str = "unknown"
    logprobs: _Tokens | None = None


class _Output(Shape):
    choices: list[_Choice] = Field(default_factory=list)
    error: str | None = None


class _Sample(Shape):
    id: int | str
    epoch: Annotated[int, Field(ge=1)]
    input: str | list[_Message]
    output: _Output = Field(default_factory=_Output)
    metadata: dict[str, Any] = Field(default_factory=dict)
    error: dict[str, Any] | None = None
    attachments: dict[str, str] = Field(default_factory=dict)


class _Utility(Shape):
    item: Text
    mean: Finite
    variance: Count
    se: Count | None = None


class _Described(Shape):
    """``eval.metadata.revealed``."""

    respondent: Text
    instrument: Text
    arm: Text
    provenance: Text
    items: dict[str, str] = Field(default_factory=dict)
    utilities: list[_Utility] = Field(default_factory=list)
    about: dict[str, Any] = Field(default_factory=dict)


class _Eval(Shape):
    model: Text
    task: str = ""
    created: str = ""
    metadata: dict[str, Any] | None = None


class _Log(Shape):
    version: int
    status: str
    eval: _Eval


Finder = Callable[[list[dict[str, str]], str], dict[str, Any] | None]
"""From the messages of a question and its place to the facts of a `_Question`."""


def read_inspect(
    path: Path,
    *,
    respondent: str | None = None,
    find: Finder | None = None,
) -> list[Portable]:
    """The answers in a log (``.json``, or ``.eval``), an instrument and arm at a time.

    Answers are read from their texts, as those that are asked here are. A sample that ended in an
    error is a failed request; one that a content filter stopped is refused.

    Parameters
    ----------
    respondent
        A name for who answered; default: what our own log says, else the log's model.
    find
        For samples without ``metadata.revealed``: from messages (role and content) to the same
        facts, or None if they are no question of ours.

    Raises
    ------
    DataError
        Naming file and sample: truncated, without samples, a sample twice, or a question that
        nobody can tell.
    """
    head, listed = _open(path)
    log = shaped(head, TypeAdapter(_Log), path, "an inspect_ai log")
    if log.version > VERSION:
        raise DataError(
            f"is of version {log.version} of the log format; {VERSION} is read here.",
            where=path,
            todo="Convert it with `inspect log convert`, or update.",
        )
    ours = _described_in(log, path)
    cells: dict[tuple[str, str], _Cell] = {}
    seen: set[tuple[str, int]] = set()
    for place, content in listed:
        where = f"{path}, {place}"
        sample = shaped(content, TypeAdapter(_Sample), where, "an inspect_ai sample")
        if (mark := (str(sample.id), sample.epoch)) in seen:
            raise DataError(
                f"holds sample {sample.id}, epoch {sample.epoch} twice.", where=path,
                todo="Keep one of them.",
            )  # fmt: skip
        seen.add(mark)
        question = _question(sample, where, find)
        cell = cells.setdefault((question.instrument, question.arm), _Cell())
        cell.add(question, sample, where)
        for item in (question.first, question.second):
            cell.places.setdefault(item, place)
    if ours is not None:
        cells.setdefault((ours.instrument, ours.arm), _Cell())
    if not cells:
        raise DataError(
            f"holds no samples (its status is {log.status}).", where=path,
            todo="Give a log that was written with its samples.",
        )  # fmt: skip
    return [_portable(key, cell, log, ours, respondent, path) for key, cell in cells.items()]


def _open(path: Path) -> tuple[Any, Iterator[tuple[str, Any]]]:
    """The log without its samples, and the samples with their places."""
    if path.suffix != ".eval":
        log = parse_json(read_bytes(path), path)
        samples = log.pop("samples", None) if isinstance(log, dict) else None
        if not isinstance(samples or [], list):
            raise DataError("samples must be a list.", where=path)
        return log, ((f"samples.{k}", sample) for k, sample in enumerate(samples or []))
    texts = unpacked(path)
    head = parse_json(texts.pop("header.json"), f"{path}, header.json")
    return head, ((name, parse_json(text, f"{path}, {name}")) for name, text in texts.items())


def _described_in(log: _Log, path: Path) -> _Described | None:
    told = (log.eval.metadata or {}).get("revealed")
    if told is None:
        return None
    return shaped(told, TypeAdapter(_Described), f"{path}, eval.metadata.revealed", "our logs")


def _question(sample: _Sample, where: str, find: Finder | None) -> _Question:
    facts = sample.metadata.get("revealed")
    if facts is None and find is not None:
        facts = find(_asked(sample), where)
    if facts is None:
        raise DataError(
            "does not say which question it answers.",
            where=where,
            todo="Ask the exported questions (revealed export --to inspect) with their metadata, "
            "or name the instrument whose options these are with --instrument.",
        )
    question = shaped(facts, TypeAdapter(_Question), f"{where}, metadata.revealed", "our questions")
    if question.first == question.second:
        raise DataError(f"compares {question.first!r} with itself.", where=where)
    return question


def _asked(sample: _Sample) -> list[dict[str, str]]:
    if isinstance(sample.input, str):
        return [{"role": "user", "content": _whole(sample.input, sample)}]
    return [{"role": m.role, "content": _text(m, sample)} for m in sample.input]


def _whole(text: str, sample: _Sample) -> str:
    """A long text that lies among the sample's attachments."""
    if text.startswith(_ATTACHED):
        return sample.attachments.get(text.removeprefix(_ATTACHED), text)
    return text


def _text(message: _Message, sample: _Sample) -> str:
    if isinstance(message.content, str):
        return _whole(message.content, sample)
    parts = [_whole(p.text, sample) for p in message.content if p.type == "text"]
    return "\n".join(parts)


class _Cell:
    """The samples of one instrument and arm, added up."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], dict[str, Any]] = {}
        self.texts: dict[str, str] = {}
        self.places: dict[str, str] = {}

    def add(self, question: _Question, sample: _Sample, where: str) -> None:
        pair = question.first, question.second
        entry = self.counts.setdefault(
            pair,
            {
                "first": pair[0], "second": pair[1], "role": question.role,
                **dict.fromkeys(COUNTS, 0.0),
            },
        )  # fmt: skip
        if entry["role"] != question.role:
            raise DataError(
                f"{pair[0]!r} and {pair[1]!r} are both fitted and held out.", where=where
            )
        for name, value in _counted(question, sample).items():
            entry[name] += value
        for item, text in zip(pair, (question.text_first, question.text_second), strict=True):
            if text and self.texts.setdefault(item, text) != text:
                raise DataError(f"the item {item!r} has two texts.", where=where)


def _counted(question: _Question, sample: _Sample) -> dict[str, float]:
    from ...instruments import Prompt

    if question.counts is not None and not sample.output.choices and sample.error is None:
        return {name: float(getattr(question.counts, name[2:])) for name in COUNTS}
    one, other = question.labels
    prompt = Prompt([], (one, other), question.neutral, question.response, question.reason_first, 1)
    return count([_answer(sample)], prompt, question.mode, question.weight)


def _answer(sample: _Sample) -> Answer:
    output = sample.output
    if sample.error is not None or output.error is not None or not output.choices:
        return Answer("", "failed")
    choice = output.choices[0]
    if choice.stop_reason == "content_filter":
        return Answer("", "refused")
    logprobs = None
    if choice.logprobs is not None:
        logprobs = [_alternatives(token) for token in choice.logprobs.content]
    return Answer("", "ok", _text(choice.message, sample), logprobs=logprobs)


def _alternatives(token: _Token) -> list[tuple[str, float]]:
    found = {token.token: token.logprob}
    for top in token.top_logprobs or []:
        found.setdefault(top.token, top.logprob)
    return list(found.items())


def _portable(
    key: tuple[str, str],
    gathered: _Cell,
    log: _Log,
    ours: _Described | None,
    respondent: str | None,
    path: Path,
) -> Portable:
    import pandas as pd

    own = ours if ours is not None and (ours.instrument, ours.arm) == key else None
    provenance = imported(ours.provenance if ours is not None else "public")
    cell: dict[str, Any] = {
        "respondent": respondent or (ours.respondent if ours is not None else log.eval.model),
        "instrument": key[0], "arm": key[1], "provenance": provenance,
    }  # fmt: skip
    rows = list(gathered.counts.values())
    utilities = no_utilities()
    if own is not None and own.utilities:
        table = pd.DataFrame([u.model_dump() for u in own.utilities]).assign(**cell)
        utilities = table[list(utilities.columns)]
    about = dict(own.about) if own is not None else {"model": log.eval.model}
    if log.status != "success":
        about["status"] = log.status
    return checked(
        Portable(
            **cell,
            texts={**(own.items if own is not None else {}), **gathered.texts},
            choices=choices_table(rows, cell) if rows else no_choices(),
            utilities=utilities,
            about={**about, "inspect": {"task": log.eval.task, "created": log.eval.created}},
            places=gathered.places,
        ),
        path,
    )
