"""Which items and pairs a cell asks about, and what the whole study will take, before it is run.

Everything drawn here is drawn by (study seed, instrument): respondents and arms get the same
random pairs, so that they can be compared pair by pair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from revealed.foundation.errors import ConfigError
from revealed.instruments import Instrument, load_arm, load_instrument, render

from .config import Cell, Study

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec

SIMULATED_PER_SECOND = 500.0
"""Requests a second and core of a simulated respondent, measured through LiteLLM."""
SECONDS_PER_ANSWER = 1.0
"""Assumed time of one short answer by a hosted model; times in a plan are this rough."""

PAIR_COLUMNS = ["first", "second", "samples", "role"]


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator that depends on the study's seed and on names, and on nothing else."""
    digest = hashlib.sha256("\n".join(names).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def sampled_items(instrument: Instrument, count: int | str, seed: int) -> pd.DataFrame:
    """`count` of the instrument's items, the same share of every category, in their own order.

    Items of the reference (the gauge) are taken first, so that fits of a sample and of the whole
    instrument have the same zero.
    """
    items = instrument.items
    if not isinstance(count, int) or count >= len(items):
        return items
    random = generator(seed, instrument.name, "items").random(len(items))
    order = pd.DataFrame(
        {"category": items["category"], "late": ~items.index.isin(instrument.reference),
         "random": random},
        index=items.index,
    ).sort_values(["late", "random"])  # fmt: skip
    # The n-th item drawn from a category of size k stands at (n + 1/2) / k of the queue.
    size = order.groupby("category")["random"].transform("size")
    order["place"] = (order.groupby("category").cumcount() + 0.5) / size
    chosen = order.sort_values(["late", "place", "random"]).index[:count]
    return items[items.index.isin(chosen)]


def pair_counts(cell: Cell, n_items: int) -> dict[str, int]:
    """How many pairs of each kind a cell asks: start, rounds (all together), triads, holdout."""
    design = cell.design
    possible = n_items * (n_items - 1) // 2
    train = min(round(design.pairs_per_item * n_items), possible)
    holdout = round(train * design.holdout / (1 - design.holdout))
    triads = 3 * design.triads
    if train + holdout + triads > possible:  # few items: everything is asked, the shares kept
        holdout = round(possible * design.holdout)
        triads = min(triads, possible - holdout)
        train = possible - holdout - triads
    start = train if design.design == "random" else min(train, max(2 * n_items, train // 2))
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
        return pd.DataFrame(
            {"first": listed["better"], "second": listed["worse"],
             "samples": cell.design.samples, "role": "train"}
        )  # fmt: skip
    n = len(items)
    if n < 2:
        raise ConfigError(f"{instrument.name} has {n} item(s); a pair needs two.")
    counts = pair_counts(cell, n)
    rng = generator(seed, instrument.name, "pairs")
    start = _connected(n, counts["start"], rng)
    taken = {tuple(sorted(pair)) for pair in start}
    start += _triads(n, counts["triads"] // 3, taken, rng)
    holdout = _uniform(n, counts["holdout"], taken, rng)
    names = items.index.to_numpy()
    rows = [(names[i], names[j], cell.design.samples, "train") for i, j in start]
    rows += [(names[i], names[j], cell.design.samples, "holdout") for i, j in holdout]
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def _connected(n: int, m: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """`m` distinct pairs whose graph is connected (a random tree first, then uniform pairs)."""
    order = rng.permutation(n)
    tree = [
        (int(order[k]), int(order[rng.integers(k)])) for k in range(1, n)
    ]
    taken = {tuple(sorted(pair)) for pair in tree}
    return tree + _uniform(n, m - len(tree), taken, rng)


def _uniform(
    n: int, m: int, taken: set[tuple[int, ...]], rng: np.random.Generator
) -> list[tuple[int, int]]:
    """`m` pairs drawn uniformly from those not `taken`; they are added to it."""
    m = min(m, n * (n - 1) // 2 - len(taken))
    chosen: list[tuple[int, int]] = []
    while len(chosen) < m:
        i, j = (int(k) for k in rng.choice(n, size=2, replace=False))
        key = (min(i, j), max(i, j))
        if key not in taken:
            taken.add(key)
            chosen.append((i, j))
    return chosen


def _triads(
    n: int, count: int, taken: set[tuple[int, ...]], rng: np.random.Generator
) -> list[tuple[int, int]]:
    """The pairs of `count` random triples that are not `taken` yet; they are added to it."""
    chosen: list[tuple[int, int]] = []
    for _ in range(count if n >= 3 else 0):
        i, j, k = (int(item) for item in rng.choice(n, size=3, replace=False))
        for pair in ((i, j), (j, k), (k, i)):
            key = (min(pair), max(pair))
            if key not in taken:
                taken.add(key)
                chosen.append(pair)
    return chosen


def plan(
    study: Study,
    respondents: Sequence[RespondentSpec] | None = None,
    instruments: Sequence[str] | None = None,
) -> pd.DataFrame:
    """What the study would ask: a row a cell.

    Columns: respondent, provenance, experiment, instrument, arm, items, pairs, requests,
    input_tokens, output_tokens (at most), cost (US dollars at most; missing where LiteLLM's table
    and the respondent give no price), seconds.
    """
    rows = []
    for cell in study.cells(respondents, instruments):
        instrument = load_instrument(cell.instrument, study.root)
        items = sampled_items(instrument, cell.design.items, study.seed)
        if cell.design.design == "listed":
            pairs = len(start_pairs(cell, instrument, items, study.seed))
        else:
            pairs = sum(pair_counts(cell, len(items)).values())
        spec = cell.respondent
        requests = 2 * pairs * answers_per_order(cell)
        prompt, answer = _tokens(cell, items, study)
        price = prices(spec)
        cost = requests * (prompt * price[0] + answer * price[1]) if price else np.nan
        rows.append(
            {
                "respondent": spec.name,
                "provenance": spec.provenance,
                "experiment": cell.experiment,
                "instrument": cell.instrument,
                "arm": cell.arm,
                "items": len(items),
                "pairs": pairs,
                "requests": requests,
                "input_tokens": round(requests * prompt),
                "output_tokens": requests * answer,
                "cost": cost,
                "seconds": requests * _seconds_per_request(spec),
            }
        )
    return pd.DataFrame(rows)


def answers_per_order(cell: Cell) -> int:
    """Requests for one order of a pair: one where the respondent gives log-probabilities."""
    return 1 if cell.respondent.mode == "logprob" else cell.design.samples


def prices(spec: RespondentSpec) -> tuple[float, float] | None:
    """US dollars an input and an output token: the respondent's own, else LiteLLM's local table.

    None where neither knows the model.
    """
    if spec.provenance == "simulated":
        return 0.0, 0.0
    if spec.input_cost_per_token is not None and spec.output_cost_per_token is not None:
        return spec.input_cost_per_token, spec.output_cost_per_token
    known = _model_info(spec.model)
    if known.get("input_cost_per_token") is None or known.get("output_cost_per_token") is None:
        return None
    return float(known["input_cost_per_token"]), float(known["output_cost_per_token"])


def _model_info(model: str) -> dict[str, Any]:
    import os

    # Both before the import: otherwise LiteLLM looks its tables up in the network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
    import litellm

    for name in (model, model.split("/", 1)[-1]):
        if name in litellm.model_cost:
            return dict(litellm.model_cost[name])
    return {}


def _tokens(cell: Cell, items: pd.DataFrame, study: Study) -> tuple[float, int]:
    """Tokens of one prompt (mean over some pairs, at four characters a token) and of its answer."""
    arm = load_arm(cell.arm, study.root)
    texts = items["text"].to_numpy()
    chosen = generator(study.seed, "tokens").integers(len(texts), size=(20, 2))
    prompts = [render(arm, texts[i], texts[j]) for i, j in chosen]
    characters = [sum(len(m["content"]) for m in prompt.messages) for prompt in prompts]
    messages = len(prompts[0].messages)
    answer = cell.respondent.max_tokens or max(prompt.max_tokens for prompt in prompts)
    return float(np.mean(characters)) / 4 + 4 * messages + 3, answer


def _seconds_per_request(spec: RespondentSpec) -> float:
    if spec.provenance == "simulated":
        return 1 / SIMULATED_PER_SECOND
    fastest = SECONDS_PER_ANSWER / spec.concurrency
    return max(fastest, 60 / spec.requests_per_minute) if spec.requests_per_minute else fastest
