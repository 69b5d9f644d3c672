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
from typing import TYPE_CHECKING, Any, Literal

from ... import __version__
from ...foundation.paths import atomic_write
from ..elicit import COUNTS, count
from ..ledger import Answer
from .portable import Portable

if TYPE_CHECKING:
    from ...instruments import Prompt

SCORER = "revealed_choice"
VERSION = 2
"""Of the log format."""

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
        "version": VERSION,
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
