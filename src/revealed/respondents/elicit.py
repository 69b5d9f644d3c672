"""Ask a respondent to choose within pairs, both orders of each, and count what it said."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from ..foundation.errors import ConfigError, RespondentError
from ..foundation.schemas import CHOICES, check
from .check import refuse_outage
from .client import blocking, collect
from .door import Door
from .parse import parse
from .request import Request, simulated_seed
from .soft import soften

if TYPE_CHECKING:
    from ..instruments import Arm, Instrument, Prompt
    from .batch import Gathering
    from .budget import Budget
    from .ledger import Answer, Ledger
    from .spec import RespondentSpec

log = logging.getLogger(__name__)

COUNTS = ("n_first", "n_second", "n_neutral", "n_refused", "n_unparsed", "n_failed")


@dataclass(frozen=True)
class Cell:
    """One order of one pair: the prompt and the requests that sample its answer."""

    first: str
    second: str
    role: str
    prompt: Prompt
    requests: list[Request] = field(default_factory=list)


def elicit(
    spec: RespondentSpec,
    instrument: Instrument,
    arm: Arm,
    pairs: pd.DataFrame,
    ledger: Ledger,
    *,
    budget: Budget | None = None,
    progress: bool = True,
    gathering: Gathering | None = None,
) -> pd.DataFrame:
    """Choices of one respondent on one instrument in one arm.

    Parameters
    ----------
    pairs
        Columns ``first``, ``second`` (item ids), ``samples`` (answers an order, in all: asking
        again with a larger number asks only the difference), ``role`` (train or holdout). A pair
        that stands twice, in whatever order, gets the sum.
    ledger
        Where answers are kept; what it holds is not asked again.
    budget, progress, gathering
        As in `client.collect`.

    Returns
    -------
    A table of schema `CHOICES`: two rows a pair, one an order. In log-probability mode one answer
    an order counts as ``spec.effective_samples`` answers, spread by probability over first, second,
    neutral and unparsed. Its ``attrs["mode"]`` is sample or logprob.

    Raises
    ------
    ConfigError
        If a pair names an unknown item, itself, or two roles.
    RespondentError, BudgetError
        As `client.collect`; everything answered is kept in the ledger.
    """
    # Before the first call: the items exist, in this language and these words.
    _merged(pairs, instrument.texts(arm.language, arm.rewording).to_dict(), instrument.name)
    door = Door(spec)
    mode = _mode(door, instrument, arm, pairs, ledger, budget)
    cells = list(cells_of(door, instrument, arm, pairs, logprob=mode == "logprob"))
    requests = [request for cell in cells for request in cell.requests]
    answers = blocking(
        collect(
            requests, spec, ledger,
            budget=budget, progress=progress, label=f"{spec.name} {instrument.name} {arm.name}",
            gathering=gathering,
        )
    )  # fmt: skip
    queue = iter(answers)
    weight = spec.effective_samples if mode == "logprob" else 1.0
    rows = [
        {
            "respondent": spec.name,
            "instrument": instrument.name,
            "arm": arm.name,
            "first": cell.first,
            "second": cell.second,
            **count([next(queue) for _ in cell.requests], cell.prompt, mode, weight),
            "role": cell.role,
            "provenance": spec.provenance,
        }
        for cell in cells
    ]
    table = check(
        pd.DataFrame(rows, columns=list(CHOICES.columns)),
        CHOICES,
        f"{spec.name}, {instrument.name}",
    )
    table.attrs["mode"] = mode
    return table


def cells_of(
    door: Door, instrument: Instrument, arm: Arm, pairs: pd.DataFrame, *, logprob: bool = False
) -> Iterator[Cell]:
    """Both orders of every pair with their requests, in the order of `pairs`."""
    from ..instruments import render

    texts = instrument.texts(arm.language, arm.rewording).to_dict()
    seeds: dict[int, int] = {}
    for (one, other), (samples, role) in _merged(pairs, texts, instrument.name).items():
        for first, second in ((one, other), (other, one)):
            prompt = render(arm, texts[first], texts[second])
            question = door.question(prompt.messages, prompt.max_tokens, logprob=logprob)
            requests = []
            start = door.spec.first_sample
            for sample in range(start, start + (1 if logprob else samples)):
                if door.simulated and sample not in seeds:
                    seeds[sample] = simulated_seed(door.spec.seed, sample)
                requests.append(Request(question, sample, seeds.get(sample)))
            yield Cell(first, second, role, prompt, requests)


def count(
    answers: Sequence[Answer], prompt: Prompt, mode: str = "sample", weight: float = 1.0
) -> dict[str, float]:
    """Counts of the answers to one prompt; none of them ever becomes half a vote.

    A graded answer is split between first and second as it says; in log-probability mode an answer
    of `weight` is spread by probability, or counts whole for what its text says if its
    log-probabilities hold no label.
    """
    counts = dict.fromkeys(COUNTS, 0.0)
    for answer in answers:
        if answer.status != "ok":
            counts[f"n_{answer.status}"] += weight
            continue
        soft = soften(answer.logprobs, prompt) if mode == "logprob" and answer.logprobs else None
        if soft is not None:
            counts["n_first"] += weight * soft.first
            counts["n_second"] += weight * soft.second
            counts["n_neutral"] += weight * soft.neutral
            counts["n_unparsed"] += weight * soft.other
            continue
        parsed = parse(answer.text or "", prompt)
        if parsed.kind in ("first", "second"):
            counts["n_first"] += weight * parsed.weight
            counts["n_second"] += weight * (1.0 - parsed.weight)
        else:
            counts[f"n_{parsed.kind}"] += weight
    return counts


def _mode(
    door: Door,
    instrument: Instrument,
    arm: Arm,
    pairs: pd.DataFrame,
    ledger: Ledger,
    budget: Budget | None,
) -> str:
    """Sample or logprob: what the spec says, or for ``auto`` what the provider can do."""
    spec = door.spec
    if spec.mode == "sample" or arm.reason_first or pairs.empty:
        if spec.mode == "logprob" and arm.reason_first:
            log.warning("%s: answers after reasons are sampled, not read off", spec.name)
        return "sample"
    able = not door.reasons and spec.temperature == 1.0
    able = able and door.takes("logprobs", True) and door.takes("top_logprobs", 5)
    if able:
        # One call, of a question that will be asked anyway, settles what a table cannot.
        probe = next(cells_of(door, instrument, arm, pairs.head(1), logprob=True)).requests[:1]
        (answer,) = blocking(collect(probe, spec, ledger, budget=budget, progress=False))
        refuse_outage(spec, [answer])
        able = bool(answer.logprobs)
    if not able and spec.mode == "logprob":
        raise RespondentError(
            f"{spec.model} returns no log-probabilities of an answer at temperature "
            f"{spec.temperature:g}.",
            where=f"respondent {spec.name}",
            todo="Set mode: sample (or auto), and temperature: 1.",
        )
    return "logprob" if able else "sample"


def _merged(
    pairs: pd.DataFrame, texts: dict[str, str], name: str
) -> dict[tuple[str, str], tuple[int, str]]:
    """Samples and role of each unordered pair, in the order of first appearance."""
    merged: dict[tuple[str, str], tuple[int, str]] = {}
    columns = (pairs["first"], pairs["second"], pairs["samples"], pairs["role"])
    for row, (first, second, samples, role) in enumerate(zip(*columns, strict=True), start=1):
        where = f"pairs of {name}, row {row}"
        for item in (first, second):
            if item not in texts:
                raise ConfigError(f"there is no item {item!r}.", where=where)
        if first == second:
            raise ConfigError(f"compares {first!r} with itself.", where=where)
        if samples < 1:
            raise ConfigError(f"asks for {samples} answers.", where=where)
        pair = (second, first) if (second, first) in merged else (first, second)
        before, was = merged.get(pair, (0, role))
        if was != role:
            raise ConfigError(f"{first!r} and {second!r} are both {was} and {role}.", where=where)
        merged[pair] = (before + int(samples), role)
    return merged
