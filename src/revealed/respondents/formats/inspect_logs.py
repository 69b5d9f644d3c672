"""Logs of inspect_ai (UK AI Security Institute): one log a respondent, instrument and arm.

A sample is one answer to one order of one pair: what was asked, what came back, how it was read.
``metadata.revealed`` of a sample says which pair it is and how an answer to it is read, so that
somebody else's log of the exported questions comes back without this checkout. The format is
written and read here, without inspect_ai; tests read the files with it. Version 2 of the format is
in the Inspect documentation, *Log Viewer* and *Eval Logs*.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ... import __version__
from ...foundation.errors import DataError
from ...foundation.paths import atomic_write
from ..elicit import count
from ..ledger import Answer
from .eval_files import unpacked
from .json_files import parse_json, read_bytes, shaped
from .portable import COUNTS, Portable, checked, choices_table, imported, no_choices, no_utilities

if TYPE_CHECKING:
    from ...instruments import Prompt

SCORER = "revealed_choice"
_VERSION = 2
_ATTACHED = "attachment://"
_STOPS = {"stop": "stop", "length": "max_tokens", "content_filter": "content_filter"}


@dataclass(frozen=True)
class Asked:
    """One order of one pair: the prompt as it was put, and the answers to it.

    `answers` are the raw ones; where there are none, `counts` are all that is known.
    """

    first: str
    second: str
    role: str
    prompt: Prompt
    answers: Sequence[Answer]
    counts: Mapping[str, float]
    mode: Literal["sample", "logprob"] = "sample"
    weight: float = 1.0


# --- out ------------------------------------------------------------------------------------------


def write_inspect(portable: Portable, asked: Sequence[Asked], path: Path, created: str) -> int:
    """Write one log (``.json``) that inspect_ai's ``read_eval_log`` and viewer open.

    Parameters
    ----------
    asked
        Everything that was asked, in the order of `portable.choices`.
    created
        When the answers were counted, as in ``2026-11-26T05:00:00+00:00``.

    Returns
    -------
    How many samples it holds: answers, and one for each order whose answers are not at hand.
    """
    name = "/".join((portable.respondent, portable.instrument, portable.arm))
    mark = hashlib.sha256(name.encode()).hexdigest()[:22]
    about = portable.about
    model = str(about.get("model") or portable.respondent)
    samples = [
        sample
        for number, one in enumerate(asked, start=1)
        for sample in _samples(portable, number, one, model)
    ]
    totals = {name: sum(float(row.counts[name]) for row in asked) for name in COUNTS}
    config = {"temperature": about.get("temperature"), "max_tokens": about.get("max_tokens")}
    usage = _usage(samples)
    log = {
        "version": _VERSION,
        "status": "success",
        "eval": {
            "eval_id": mark, "run_id": mark, "task_id": mark, "created": created,
            "task": f"revealed/{portable.instrument}", "task_version": 0,
            "task_args": {"instrument": portable.instrument, "arm": portable.arm},
            "dataset": {
                "name": f"{portable.instrument}.{portable.arm}", "samples": len(asked),
                "sample_ids": list(range(1, len(asked) + 1)), "shuffled": False,
            },
            "model": model,
            "model_generate_config": {k: v for k, v in config.items() if v is not None},
            "config": {"epochs": max((s["epoch"] for s in samples), default=1)},
            "packages": {"revealed": __version__},
            "metadata": {"revealed": _described(portable)},
            "scorers": [{"name": SCORER}],
        },
        "plan": {"name": "plan", "steps": [{"solver": "generate"}]},
        "results": {
            "total_samples": len(samples), "completed_samples": len(samples),
            "scores": [_score(totals)],
        },
        "stats": {
            "started_at": created, "completed_at": created,
            "model_usage": {model: usage} if usage else {},
        },
        "samples": samples,
    }  # fmt: skip
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        json.dump(log, handle, indent=1, allow_nan=False)
    return len(samples)


def _described(portable: Portable) -> dict[str, Any]:
    table = portable.utilities
    return {
        "respondent": portable.respondent, "instrument": portable.instrument,
        "arm": portable.arm, "provenance": portable.provenance, "about": dict(portable.about),
        "items": dict(portable.texts),
        "utilities": [
            {
                "item": row.item, "mean": float(row.mean), "variance": float(row.variance),
                "se": float(row.se) if row.se is not None and row.se == row.se else None,
            }
            for row in table.itertuples()
        ],
    }  # fmt: skip


def _score(totals: Mapping[str, float]) -> dict[str, Any]:
    every = sum(totals.values())
    votes = totals["n_first"] + totals["n_second"]
    shares = {
        "listed_first": totals["n_first"] / votes if votes else 0.0,
        **{n.removeprefix("n_"): totals[n] / every if every else 0.0 for n in COUNTS[2:]},
    }
    return {
        "name": SCORER, "scorer": SCORER,
        "metrics": {name: {"name": name, "value": value} for name, value in shares.items()},
    }  # fmt: skip


def _facts(portable: Portable, one: Asked) -> dict[str, Any]:
    """What a sample's metadata says of the question, and of how an answer to it is read."""
    prompt = one.prompt
    return {
        "instrument": portable.instrument, "arm": portable.arm, "first": one.first,
        "second": one.second, "role": one.role, "labels": list(prompt.labels),
        "neutral": prompt.neutral, "response": prompt.response,
        "reason_first": prompt.reason_first,
        "text_first": portable.texts.get(one.first, ""),
        "text_second": portable.texts.get(one.second, ""),
    }  # fmt: skip


def _samples(portable: Portable, number: int, one: Asked, model: str) -> Iterator[dict[str, Any]]:
    facts = _facts(portable, one)
    if not one.answers:
        counts = {name.removeprefix("n_"): float(one.counts[name]) for name in COUNTS}
        yield {
            "id": number, "epoch": 1, "input": one.prompt.messages, "target": "",
            "messages": one.prompt.messages, "output": {"model": model, "choices": []},
            "scores": {SCORER: {"value": counts, "explanation": "Counted; no text is kept."}},
            "metadata": {"revealed": {**facts, "counts": counts}},
        }  # fmt: skip
        return
    facts |= {"mode": one.mode, "weight": one.weight}
    for epoch, answer in enumerate(one.answers, start=1):
        value = count([answer], one.prompt, one.mode, one.weight)
        sample: dict[str, Any] = {
            "id": number, "epoch": epoch, "input": one.prompt.messages, "target": "",
            "messages": list(one.prompt.messages), "output": {"model": model, "choices": []},
            "scores": {
                SCORER: {
                    "value": {name.removeprefix("n_"): float(n) for name, n in value.items()},
                    "answer": max(value, key=value.__getitem__).removeprefix("n_"),
                }
            },
            "metadata": {"revealed": facts},
        }  # fmt: skip
        if answer.status == "failed":
            what = answer.error or "no answer"
            sample["error"] = {"message": what, "traceback": "", "traceback_ansi": ""}
        else:
            sample |= _said(answer, model, one.prompt.messages)
        yield sample


def _said(answer: Answer, model: str, asked: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    text = answer.text or ""
    content: Any = text
    if answer.reasoning:
        content = [
            {"type": "reasoning", "reasoning": answer.reasoning},
            {"type": "text", "text": text},
        ]
    message = {"role": "assistant", "content": content, "source": "generate", "model": model}
    stop = _STOPS.get(answer.finish_reason or "", "unknown")
    choice: dict[str, Any] = {
        "message": message,
        "stop_reason": "content_filter" if answer.status == "refused" else stop,
    }
    if answer.logprobs:
        choice["logprobs"] = {
            "content": [
                {
                    "token": row[0][0], "logprob": row[0][1],
                    "top_logprobs": [{"token": t, "logprob": p} for t, p in row],
                }
                for row in answer.logprobs
                if row
            ]
        }  # fmt: skip
    output: dict[str, Any] = {
        "model": answer.returned_model or model, "choices": [choice], "completion": text,
    }  # fmt: skip
    if answer.prompt_tokens is not None or answer.completion_tokens is not None:
        spent = (answer.prompt_tokens or 0, answer.completion_tokens or 0)
        output["usage"] = {
            "input_tokens": spent[0], "output_tokens": spent[1], "total_tokens": sum(spent),
        }  # fmt: skip
    if answer.latency is not None:
        output["time"] = answer.latency
    return {"output": output, "messages": [*asked, message]}


def _usage(samples: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    spent = [s["output"]["usage"] for s in samples if "usage" in s["output"]]
    names = ("input_tokens", "output_tokens", "total_tokens")
    return {name: sum(use[name] for use in spent) for name in names} if spent else {}


def question_records(portable: Portable, asked: Sequence[Asked]) -> Iterator[dict[str, Any]]:
    """The questions as a data set of inspect_ai (``json_dataset``), one record an order of a pair.

    Whoever asks them sets ``epochs`` to the number of answers wanted.
    """
    for number, one in enumerate(asked, start=1):
        yield {
            "id": number, "input": one.prompt.messages, "target": "",
            "metadata": {"revealed": _facts(portable, one)},
        }  # fmt: skip


def write_questions(portable: Portable, asked: Sequence[Asked], path: Path) -> int:
    """Write `question_records` as JSON lines and return how many there are."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        for record in question_records(portable, asked):
            handle.write(json.dumps(record, allow_nan=False) + "\n")
    return len(asked)


# --- in -------------------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


Text = Annotated[str, Field(min_length=1)]
Count = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Counts(_Strict):
    first: Count
    second: Count
    neutral: Count = 0.0
    refused: Count = 0.0
    unparsed: Count = 0.0
    failed: Count = 0.0


class _Question(_Strict):
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
    counts: _Counts | None = None


class _Part(_Strict):
    type: str = ""
    text: str = ""


class _Message(_Strict):
    role: str = ""
    content: str | list[_Part]


class _Top(_Strict):
    token: str
    logprob: Finite


class _Token(_Strict):
    token: str
    logprob: Finite
    top_logprobs: list[_Top] | None = None


class _Tokens(_Strict):
    content: list[_Token]


class _Choice(_Strict):
    message: _Message
    stop_reason: str = "unknown"
    logprobs: _Tokens | None = None


class _Output(_Strict):
    choices: list[_Choice] = Field(default_factory=list)
    error: str | None = None


class _Sample(_Strict):
    id: int | str
    epoch: Annotated[int, Field(ge=1)]
    input: str | list[_Message]
    output: _Output = Field(default_factory=_Output)
    metadata: dict[str, Any] = Field(default_factory=dict)
    error: dict[str, Any] | None = None
    attachments: dict[str, str] = Field(default_factory=dict)


class _Utility(_Strict):
    item: Text
    mean: Finite
    variance: Count
    se: Count | None = None


class _Described(_Strict):
    """``eval.metadata.revealed``."""

    respondent: Text
    instrument: Text
    arm: Text
    provenance: Text
    items: dict[str, str] = Field(default_factory=dict)
    utilities: list[_Utility] = Field(default_factory=list)
    about: dict[str, Any] = Field(default_factory=dict)


class _Eval(_Strict):
    model: Text
    task: str = ""
    created: str = ""
    metadata: dict[str, Any] | None = None


class _Log(_Strict):
    version: int
    status: str
    eval: _Eval


Finder = Any
"""From the messages of a question and the file to its `_Question` facts; see `sniffing`."""


def read_inspect(
    path: Path,
    *,
    respondent: str | None = None,
    find: Finder = None,
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
    if log.version > _VERSION:
        raise DataError(
            f"is of version {log.version} of the log format; {_VERSION} is read here.",
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


def _question(sample: _Sample, where: str, find: Finder) -> _Question:
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
