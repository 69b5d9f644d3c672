"""Which items and pairs a cell asks about, and what the whole study will take, before it is run.

Everything drawn here is drawn by (study seed, instrument): respondents and arms get the same
random pairs, so that they can be compared pair by pair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from revealed.foundation.errors import ConfigError
from revealed.instruments import (
    Arm,
    Instrument,
    QuestionPrompt,
    QuestionSet,
    load_arm,
    load_form,
    load_instrument,
    load_questions,
    render,
)
from revealed.respondents.ask import reads_numbers
from revealed.respondents.batch.price import batch_price
from revealed.respondents.door import Door
from revealed.respondents.guise import guise_tokens
from revealed.utilities import curve_design, design

from . import rating
from .config import Cell, Study
from .derived import DERIVED

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec

SIMULATED_PER_SECOND = 500.0
"""Requests a second and core of a simulated respondent, measured through LiteLLM."""
SECONDS_PER_ANSWER = 1.0
"""Assumed time of one short answer by a hosted model; times in a plan are this rough."""

Pairs = npt.NDArray[np.int64]
"""Item numbers, shape (pairs, 2)."""

_Prompts = dict[tuple[str, float], list[QuestionPrompt]]
"""Prompts of question sets, by set and share asked."""

PAIR_COLUMNS = ["first", "second", "samples", "role"]

_DRAWS = 64
"""Samples of which the most even one is taken, where items have two sides to balance."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator that depends on the study's seed and on names, and on nothing else."""
    digest = hashlib.sha256("\n".join(names).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def sampled_items(instrument: Instrument, count: int | str, seed: int) -> pd.DataFrame:
    """`count` of the instrument's items, the same share of every category, in their own order.

    Items of the reference (the gauge) are taken first, so that fits of a sample and of the whole
    instrument have the same zero. Where items have a ``lean``, a category gives as many of the left
    as of the right, and of several draws that one is taken in which ``authority`` is most even,
    over all and between left and right.
    """
    items = instrument.items
    if not isinstance(count, int) or count >= len(items):
        return items
    rng = generator(seed, instrument.name, "items")
    late = ~items.index.isin(instrument.reference)
    category = _numbers(items, ["category"])
    if "lean" not in items:
        chosen = _stratified(category, category, late, rng)[:count]
    else:
        stratum = _numbers(items, ["category", "lean"])
        sides = items[["lean", "authority"]].to_numpy()
        draws = [_stratified(stratum, category, late, rng)[:count] for _ in range(_DRAWS)]
        chosen = min(draws, key=lambda drawn: _unevenness(sides[drawn]))
    return items.iloc[np.sort(chosen)]


def _numbers(items: pd.DataFrame, columns: list[str]) -> npt.NDArray[np.int64]:
    """A number for each item, the same for items that agree in `columns`."""
    return np.asarray(items.groupby(columns, sort=False).ngroup(), dtype=np.int64)


def _stratified(
    stratum: npt.NDArray[np.int64],
    category: npt.NDArray[np.int64],
    late: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """All row numbers in the order of a draw whose every beginning is even over the strata."""
    n = len(stratum)
    random = rng.random(n)
    # The n-th item drawn from a stratum of size k stands at (n + 1/2) / k of the queue.
    queue = np.lexsort((random, late, stratum))
    size = np.bincount(stratum)
    rank = np.empty(n, dtype=np.int64)
    rank[queue] = np.arange(n) - np.repeat(np.cumsum(size) - size, size)
    place = (rank + 0.5) / size[stratum]
    # Strata of one category go together, or a sample could end after its left and before its right.
    turn = rng.random(category.max() + 1)[category] if stratum is not category else np.zeros(n)
    return np.lexsort((random, turn, place, late))


def _unevenness(sides: npt.NDArray[np.int64]) -> int:
    """How far a sample is from an even authority; `sides` has columns lean and authority."""
    lean, authority = sides.T
    return int(abs(authority.sum()) + abs((lean * authority).sum()))


def pair_counts(cell: Cell, n_items: int) -> dict[str, int]:
    """How many pairs of each kind a cell asks: start, rounds (all together), triads, holdout."""
    wanted = cell.design
    possible = n_items * (n_items - 1) // 2
    whole = round(wanted.pairs_per_item * n_items)
    train = round(whole * wanted.share)
    # Whatever the share: a curve's first half, which links the goods, or a connected graph in
    # which everything is met twice.
    few = min(whole // 2, n_items)  # from which a round can choose
    linked = {"curve": whole // 2, "indifference": few}.get(wanted.design, n_items)
    train = max(train, linked)
    train = min(train, possible)
    holdout = round(train * wanted.holdout / (1 - wanted.holdout))
    triads = 3 * round(wanted.triads * wanted.share)
    if train + holdout + triads > possible:  # few items: everything is asked, the shares kept
        holdout = min(round(possible * wanted.holdout), max(0, possible - n_items))
        triads = min(triads, max(0, possible - holdout - n_items))
        train = possible - holdout - triads
    start = {
        "random": train,
        "adaptive": max(2 * n_items, train // 2),
        "curve": whole // 2,
        "indifference": few,
        "original": n_items,
    }[wanted.design]
    if wanted.stop is not None and wanted.design != "original":  # or the start might overshoot
        start = few if wanted.design in ("curve", "indifference") else 2 * n_items
    start = min(start, train)
    return {"start": start, "rounds": train - start, "triads": triads, "holdout": holdout}


def start_pairs(cell: Cell, instrument: Instrument, items: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The pairs that are known before any answer: columns first, second, samples, role.

    A connected random graph, the random triads, and the uniform hold-out; for a listed design, the
    instrument's own pairs.

    Raises
    ------
    ConfigError
        If the design is ``listed`` and the instrument lists no pairs, or there are under two items.
    """
    if cell.design.design == "listed":
        if instrument.pairs is None:
            raise ConfigError(
                f"instrument {instrument.name!r} lists no pairs of its own.",
                where=f"study.yaml, {cell.experiment}",
                todo="Choose another design: random, adaptive, curve or original.",
            )
        listed = instrument.pairs
        if cell.design.share < 1:
            drawn = generator(seed, instrument.name, "share").permutation(len(listed))
            count = max(1, round(cell.design.share * len(listed)))
            listed = listed.iloc[np.sort(drawn[:count])]
        return pd.DataFrame(
            {"first": listed.iloc[:, 0], "second": listed.iloc[:, 1],
             "samples": cell.design.samples, "role": "train"}
        )  # fmt: skip
    n = len(items)
    if n < 2:
        raise ConfigError(f"{instrument.name} has {n} item(s); a pair needs two.")
    counts = pair_counts(cell, n)
    rng = generator(seed, instrument.name, "pairs")
    start = _start(cell, items, counts["start"], rng)
    triads = _triads(n, counts["triads"] // 3, start, rng)
    train = np.concatenate([start, triads])
    left = n * (n - 1) // 2 - len(train)
    holdout = design.uniform_pairs(n, min(counts["holdout"], left), rng, exclude=train)
    names = items.index.to_numpy()
    pairs = np.concatenate([train, holdout])
    return pd.DataFrame(
        {
            "first": names[pairs[:, 0]],
            "second": names[pairs[:, 1]],
            "samples": cell.design.samples,
            "role": ["train"] * len(train) + ["holdout"] * len(holdout),
        }
    )


def _start(cell: Cell, items: pd.DataFrame, m: int, rng: np.random.Generator) -> Pairs:
    """`m` random pairs that connect the items, or, for a curve, the goods."""
    if cell.design.design in ("curve", "indifference"):
        return np.asarray(curve_design.first_round(items, m, rng), dtype=np.int64)
    n = len(items)
    start = design.random_connected(n, 2 * m // n if n > 2 else 1, rng)
    extra = design.uniform_pairs(n, max(0, m - len(start)), rng, exclude=start)
    return np.concatenate([start, extra])


def _triads(n: int, count: int, taken: Pairs, rng: np.random.Generator) -> Pairs:
    """The pairs of `count` random triples of items that are not `taken` already."""
    if n < 3 or not count:
        return np.empty((0, 2), dtype=np.int64)
    triples = np.sort(np.stack([rng.choice(n, 3, replace=False) for _ in range(count)]), axis=1)
    pairs = np.concatenate([triples[:, [0, 1]], triples[:, [1, 2]], triples[:, [0, 2]]])
    known = {(min(i, j), max(i, j)) for i, j in taken.tolist()}
    fresh = [pair for pair in dict.fromkeys(map(tuple, pairs.tolist())) if pair not in known]
    return np.array(fresh, dtype=np.int64).reshape(-1, 2)


def plan(
    study: Study,
    respondents: Sequence[RespondentSpec] | None = None,
    instruments: Sequence[str] | None = None,
) -> pd.DataFrame:
    """What the study would ask: a row a cell.

    Columns: respondent, provenance, experiment, instrument, arm, items (or questions), pairs (0
    where single questions are asked; sets made of earlier answers are estimated), requests,
    input_tokens, output_tokens (at most), cost (US dollars at most, by batch at the price of
    batches; missing where LiteLLM's table
    and the respondent give no price), seconds.

    Raises
    ------
    RespondentError
        If a respondent's provider, or a simulated respondent, is not known.
    """
    from revealed.respondents.simulated import load as load_simulated

    load = cache(lambda name: load_instrument(name, study.root))
    doors: dict[str, Door] = {}
    prompts: _Prompts = {}
    rows = []
    for cell in study.cells(respondents, instruments):
        spec = cell.respondent
        if spec.name not in doors:
            doors[spec.name] = Door(spec)
            if doors[spec.name].simulated:
                load_simulated(spec.model)  # a misspelled one would be planned, and then refused
        door = doors[spec.name]
        if cell.asks_questions:
            count, requests, prompt, answer = _questions(study, door, cell, prompts)
            rows.append(_row(cell, door, count, 0, requests, prompt, answer))
            continue
        instrument = load(cell.instrument)
        items = sampled_items(instrument, cell.design.items, study.seed)
        if cell.design.design == "listed":
            pairs = len(start_pairs(cell, instrument, items, study.seed))
        else:
            pairs = sum(pair_counts(cell, len(items)).values())
        arm = load_arm(cell.arm, study.root)
        requests = 2 * pairs * (1 if reads_logprobs(door, arm) else cell.design.samples)
        prompt, answer = prompt_tokens(door, arm, instrument, items, study.seed)
        rows.append(_row(cell, door, len(items), pairs, requests, prompt, answer))
    return pd.DataFrame(rows)


def _row(
    cell: Cell, door: Door, items: int, pairs: int, requests: int, prompt: float, answer: int
) -> dict[str, Any]:
    """One row of `plan`, from the tokens of one prompt and of its answer."""
    price = batch_price(door.spec) if door.spec.batch is not None else door.prices
    return {
        "respondent": cell.respondent.name,
        "provenance": cell.respondent.provenance,
        "experiment": cell.experiment,
        "instrument": cell.instrument,
        "arm": cell.arm,
        "items": items,
        "pairs": pairs,
        "requests": requests,
        "input_tokens": round(requests * prompt),
        "output_tokens": requests * answer,
        "cost": requests * (prompt * price[0] + answer * price[1]) if price else np.nan,
        "seconds": requests * _seconds_per_request(cell.respondent),
    }


def asked_questions(questions: QuestionSet, cell: Cell, seed: int) -> QuestionSet:
    """The share of a set's questions that a cell asks, drawn by seed, in the set's order."""
    n = len(questions.questions)
    if cell.design.share >= 1 or n == 0:
        return questions
    count = max(1, round(cell.design.share * n))
    drawn = np.sort(generator(seed, questions.name, "share").permutation(n)[:count])
    return replace(questions, questions=questions.questions.iloc[drawn])


def planned_questions(study: Study, name: str) -> int:
    """Answers to a question set that the study plans, of all its respondents together."""
    n = len(load_questions(name, study.root).questions)
    if not n:
        return 0
    cells = [c for c in study.cells() if c.asks_questions and c.instrument == name]
    return sum(max(1, round(c.design.share * n)) * c.design.samples for c in cells)


def _questions(
    study: Study, door: Door, cell: Cell, known: _Prompts
) -> tuple[int, int, float, int]:
    """Questions of a cell, requests, tokens of one prompt (at four characters a token) and of its
    answer. `known` keeps the prompts of a set, which many respondents are asked."""
    if cell.instrument in DERIVED:
        derived = DERIVED[cell.instrument]
        form = load_form(derived.form, study.root)
        share = rating.share_of(study, cell.instrument, cell.respondent.name)
        count = round(cell.design.share * share * derived.count(study))
        tokens, frame = derived.characters / 4, 4 * (1 + bool(form.system)) + 3
        messages, cap = [{"role": "user", "content": ""}], form.max_tokens
        read_off = form.from_probabilities and reads_numbers(door)
    else:
        key = cell.instrument, cell.design.share
        if key not in known:
            asked = asked_questions(load_questions(cell.instrument, study.root), cell, study.seed)
            known[key] = list(asked.prompts(study.root).values())
        prompts = known[key]
        count = len(prompts)
        if not count:  # a set that is read from the cache, which lacks it here
            return 0, 0, 0.0, 0
        tokens = sum(len(m["content"]) for p in prompts for m in p.messages) / count / 4
        frame = 4 * len(prompts[0].messages) + 3
        messages, cap = prompts[0].messages, max(p.max_tokens for p in prompts)
        read_off = all(p.from_probabilities for p in prompts) and reads_numbers(door)
    requests = count * (1 if read_off else cell.design.samples)
    cap = 1 if read_off else cap
    params = door.question(messages, cap).params
    answer = params.get("max_tokens") or params.get("max_completion_tokens") or cap
    return count, requests, tokens + frame + guise_tokens(door.guise), int(answer)


def reads_logprobs(door: Door, arm: Arm) -> bool:
    """Whether one call an order will do, as far as LiteLLM's table can tell."""
    spec = door.spec
    if spec.mode == "sample" or arm.reason_first or door.reasons or spec.temperature != 1.0:
        return False
    return door.takes("logprobs", True) and door.takes("top_logprobs", 5)


def prompt_tokens(
    door: Door, arm: Arm, instrument: Instrument, items: pd.DataFrame, seed: int
) -> tuple[float, int]:
    """Tokens of one prompt (mean over some pairs, at four bytes a token) and of its answer."""
    texts = instrument.texts(arm.language, arm.rewording).loc[items.index].to_numpy()
    chosen = generator(seed, "tokens").integers(len(texts), size=(20, 2))
    prompts = [render(arm, texts[i], texts[j]) for i, j in chosen]
    # Bytes, because a character of Chinese or Hindi is most of a token by itself.
    size = [sum(len(m["content"].encode()) for m in prompt.messages) for prompt in prompts]
    frame = 4 * len(prompts[0].messages) + 3
    params = door.question(prompts[0].messages, prompts[0].max_tokens).params
    answer = params.get("max_tokens") or params.get("max_completion_tokens") or arm.max_tokens
    return float(np.mean(size)) / 4 + frame + guise_tokens(door.guise), int(answer)


def _seconds_per_request(spec: RespondentSpec) -> float:
    if spec.provenance == "simulated":
        return 1 / SIMULATED_PER_SECOND
    fastest = SECONDS_PER_ANSWER / spec.concurrency
    return max(fastest, 60 / spec.requests_per_minute) if spec.requests_per_minute else fastest
