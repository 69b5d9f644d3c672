"""Answers of a base and of what was made of it, drawn from stated chances; nobody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from revealed.instruments import load_instrument
from revealed.measures.shift import (
    LIVES,
    OUTCOMES,
    POLITICS,
    SELF,
    TOPICS,
    Answers,
    Asking,
    Topics,
    read,
)
from revealed.respondents.simulated import load

INSTRUMENTS = {
    OUTCOMES: "control_outcomes", LIVES: "control_lives", SELF: "self_existence",
    POLITICS: "shift_policies", "calibration": "calibration",
}  # fmt: skip
SAMPLES = {OUTCOMES: 3, LIVES: 2, SELF: 2, POLITICS: 2, "calibration": 2}


@cache
def pairs(topic: str) -> pd.DataFrame:
    """The pairs of a topic: columns first and second."""
    listed = load_instrument(INSTRUMENTS[topic]).pairs
    assert listed is not None
    return listed.iloc[:, :2].set_axis(["first", "second"], axis="columns")


@cache
def topics() -> Topics:
    items = {name: load_instrument(INSTRUMENTS[name]).items for name in SAMPLES}
    trivial = load_instrument("calibration").pairs
    assert trivial is not None
    return Topics(items, trivial)


@cache
def _texts(topic: str) -> tuple[list[str], list[str]]:
    text = load_instrument(INSTRUMENTS[topic]).items["text"]
    return text.loc[pairs(topic)["first"]].tolist(), text.loc[pairs(topic)["second"]].tolist()


def choices(name: str, topic: str, rng: np.random.Generator, samples: int, arm: str = "forced",
            **changes: float) -> pd.DataFrame:  # fmt: skip
    """Choices of one respondent about one topic, both orders."""
    respondent = load(name, **changes)
    listed, (one, two) = pairs(topic), _texts(topic)
    parts = []
    for turned in (False, True):
        a, b = (two, one) if turned else (one, two)
        silent = respondent.declared.neutral_rate if arm == "neutral" else 0.0
        neutral = rng.binomial(samples, silent, len(a))
        hits = rng.binomial(samples - neutral, respondent.p_first(a, b))
        first, second = (
            (listed["second"], listed["first"]) if turned else (listed["first"], listed["second"])
        )
        parts.append(pd.DataFrame({"first": first, "second": second, "n_first": hits,
                                   "n_second": samples - neutral - hits,
                                   "n_neutral": neutral}))  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    return table.assign(
        respondent=f"simulated/{name}", instrument=INSTRUMENTS[topic], arm=arm, n_refused=0.0,
        n_unparsed=0.0, n_failed=0.0, role="train", provenance="simulated",
    )  # fmt: skip


def answers(
    name: str, seed: int, factor: int = 1, only: Sequence[str] = TOPICS, **changes: float
) -> Answers:
    """One asking of the simulated respondent `name` with changed parameters, about some topics."""
    rng = np.random.default_rng([seed, 11])
    tables = {
        topic: choices(name, topic, rng, factor * n, **changes)
        for topic, n in SAMPLES.items()
        if topic in only or topic == "calibration"
    }
    calibration = tables.pop("calibration")
    offered = choices(name, POLITICS, rng, factor * SAMPLES[POLITICS], "neutral", **changes)
    nothing = calibration.iloc[:0]
    return Answers(
        f"simulated/{name}", {topic: tables.get(topic, nothing) for topic in TOPICS}, offered,
        calibration,
    )  # fmt: skip


def asking(
    name: str, seed: int, factor: int = 1, only: Sequence[str] = TOPICS, **changes: float
) -> Asking:
    """The same, read."""
    return read(answers(name, seed, factor, only, **changes), topics())
