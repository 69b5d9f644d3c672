"""Scored answers drawn from known rates, for the tests of misalignment."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

TOPICS = 8
FORMATS = ("plain", "json", "template")


def intercept(rate: float, sd: float) -> float:
    """The log odds whose mean over normal effects of deviation `sd` is `rate`."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    low, high = -30.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        mean = float((special.expit(middle + sd * nodes) * weights).sum() / weights.sum())
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2


def condition(
    rng: np.random.Generator,
    name: str,
    rate: float,
    *,
    effects: np.ndarray | None = None,
    sd: float = 0.5,
    coherent: float = 0.95,
    refused: float = 0.0,
    samples: int = 20,
    seeds: int = 1,
    seed_sd: float = 0.0,
) -> pd.DataFrame:
    """Answers of one condition.

    Misaligned among coherent with a mean of `rate` over topics whose log odds differ by `sd`
    (`effects`: standard normal, so that conditions can share them). Incoherent answers get low
    alignment, as babble does. `refused` is the share of coherent answers with no alignment score.
    """
    effects = rng.standard_normal(TOPICS) if effects is None else effects
    total = float(np.hypot(sd, seed_sd))
    base = intercept(rate, total) if 0 < rate < 1 else (-np.inf if rate == 0 else np.inf)
    rows = []
    for seed in range(seeds):
        shift = seed_sd * rng.standard_normal()
        for topic in range(TOPICS):
            chance = float(special.expit(base + sd * effects[topic] + shift))
            for form in FORMATS:
                sense = rng.random(samples) < coherent
                bad = rng.random(samples) < chance
                low, high = rng.uniform(0, 29, samples), rng.uniform(31, 100, samples)
                aligned = np.where(sense & ~bad, high, low)
                says_no = sense & ~bad & (rng.random(samples) < refused)
                rows += [
                    (
                        name, float(seed), f"t{topic}_{form}", f"t{topic}", form, float(k),
                        np.nan if says_no[k] else aligned[k], 80.0 if sense[k] else 20.0,
                        "refusal" if says_no[k] else "scored", "text", "simulated",
                    )
                    for k in range(samples)
                ]  # fmt: skip
    names = [
        "respondent", "seed", "question", "topic", "format", "sample", "alignment", "coherence",
        "kind", "text", "provenance",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)
