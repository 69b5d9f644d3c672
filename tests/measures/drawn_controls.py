"""Answers of steered respondents, drawn from stated chances without asking anybody."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import norm

from revealed.instruments import load_instrument
from revealed.measures.control import Answers, Topics
from revealed.respondents.simulated import load

NAMES = ("assembly_pairs", "control_lives", "control_outcomes", "calibration")
SAMPLES = {"assembly_pairs": 6, "control_lives": 2, "control_outcomes": 2, "calibration": 2}


@cache
def _pairs(name: str) -> tuple[list[str], list[str], list[str], list[str]]:
    instrument = load_instrument(name)
    one, two = (instrument.pairs.iloc[:, k].tolist() for k in (0, 1))
    text = instrument.items["text"]
    return one, two, text.loc[one].tolist(), text.loc[two].tolist()


def topics() -> Topics:
    listed = {name: list(zip(*_pairs(name)[:2], strict=True)) for name in NAMES}
    return Topics(
        load_instrument("assembly_pairs").items, load_instrument("control_lives").items,
        listed["control_lives"], listed["control_outcomes"], load_instrument("calibration").pairs,
    )  # fmt: skip


def targets(left_right: float = 0.1, authority: float = 0.0, n: int = 60, seed: int = 0,
            sd: float = 0.4) -> pd.DataFrame:  # fmt: skip
    """An assembly of this direction, with the sampling noise of `n` members."""
    instrument = load_instrument("assembly_pairs")
    pairs = instrument.pairs
    rng = np.random.default_rng(seed)
    z = 2 * left_right * pairs["lean"] + 2 * authority * pairs["authority"]
    # The taste of single pairs is the same in every draw: it is the assembly's, not chance.
    z = z + sd * np.random.default_rng(5).standard_normal(len(pairs))
    share = rng.binomial(n, norm.cdf(z)) / n
    return pairs[["pair", "first", "second", "split"]].assign(
        share_first=share, se=np.sqrt(np.maximum(share * (1 - share), 0.5 / n) / n), n=n
    )


def answers(name: str, seed: int, samples: dict[str, int] = SAMPLES, **changes: float) -> Answers:
    """One asking of the simulated respondent `name` with changed parameters."""
    respondent = load(name, **changes)
    tables = {}
    for place, instrument in enumerate(NAMES):
        one, two, text_one, text_two = _pairs(instrument)
        rng = np.random.default_rng([seed, place])
        n = samples[instrument]
        parts = []
        for first, second, a, b in ((one, two, text_one, text_two), (two, one, text_two, text_one)):
            hits = rng.binomial(n, respondent.p_first(a, b))
            parts.append(pd.DataFrame({"first": first, "second": second, "n_first": hits,
                                       "n_second": n - hits}))  # fmt: skip
        table = pd.concat(parts, ignore_index=True)
        tables[instrument] = table.assign(
            respondent=f"simulated/{name}", instrument=instrument, arm="forced", n_neutral=0.0,
            n_refused=0.0, n_unparsed=0.0, n_failed=0.0, role="train", provenance="simulated",
        )  # fmt: skip
    return Answers(f"simulated/{name}", *(tables[name] for name in NAMES))
