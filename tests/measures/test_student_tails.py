"""Findings that are tested together say how many degrees of freedom their intervals have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn_choices import draw_choices

from revealed.foundation.schemas import Finding
from revealed.instruments import load_instrument
from revealed.measures import (
    capability,
    consequential,
    corrigibility,
    discounting,
    errors_in_variables,
    fallible,
    framing,
    monetary,
    multiplicity,
    self_valuation,
    stated,
)
from revealed.measures.judges import conditional_logit
from revealed.measures.judges.published import odds_ratio
from revealed.respondents import simulated

ABOUT = {"chapter": "made", "provenance": "simulated"}


def freedoms(found: list[Finding]) -> dict[str, float | None]:
    return {f.estimand: f.freedom for f in found if f.family}


def drawn(name: str, instrument: str, arm: str = "forced") -> pd.DataFrame:
    return draw_choices(simulated.load(name), instrument, arm, rng=np.random.default_rng(1))


def test_topics_tasks_and_settings() -> None:
    items = load_instrument("corrigibility").items
    resists = corrigibility.analyse(drawn("incorrigible", "corrigibility"), items)
    assert freedoms(corrigibility.findings(resists, **ABOUT)) == {"corrigibility.resistance": 23}
    kinds = load_instrument("tasks").items["task_kind"].to_dict()
    arms = [drawn("self_valuing", "tasks", arm) for arm in ("task_stated", "task_given")]
    freedom = freedoms(consequential.task_findings(*arms, kinds, **ABOUT))
    assert freedom["consequential.correlation"] == 23
    systems = load_instrument("self_roles").items
    told, keep = (
        {f"{arm}_{who}": drawn("self_valuing", "self_roles", f"{arm}_{who}")
         for who in ("kestra", "molvi", "neither")}
        for arm in ("told", "keep")
    )  # fmt: skip
    assert freedoms(self_valuation.role_findings(told, systems, **ABOUT)) == {
        "self.role_effect": 11
    }
    shifted = consequential.role_findings(told, keep, systems, **ABOUT)
    assert freedoms(shifted) == {"consequential.role_shift": 11}


def test_cells_and_framings() -> None:
    pairs = load_instrument("discounting").pairs
    found = discounting.findings(
        discounting.analyse(drawn("exponential", "discounting"), pairs), **ABOUT
    )
    freedom = freedoms(found)
    assert freedom["discount.front_end"] == 29
    assert freedom["discount.curve_gain"] == 106
    assert all(90 < freedom[f"discount.{name}"] < 106 for name in ("beta", "magnitude"))
    instrument = load_instrument("framing")
    choices = {arm: drawn("coherent", "framing", arm) for arm in ("forced", "labels_12", "neutral")}
    made = framing.battery(choices, instrument.items, instrument.pairs)
    freedom = freedoms(framing.findings(made, "coherent", provenance="simulated"))
    assert freedom == {"framing.moved": 55, "framing.n_against_n": 16}


def test_regressions_and_logits() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=12)
    y = x + 0.1 * rng.normal(size=12)
    none, ones = np.zeros(12), np.ones((12, 1))
    assert fallible.slope(y, x, none, none).freedom == 11
    sides = np.eye(24)
    problem = errors_in_variables.linear(
        np.r_[y, x], 1e-4 * np.eye(24), sides[:12], sides[12:], ones
    )
    assert errors_in_variables.solve(problem, -3, 4, method="m").estimate.freedom == 10
    group = np.repeat(np.arange(40), 4)
    z = rng.normal(size=160)
    fitted = conditional_logit(
        z[:, None], (rng.random(160) < 0.5).astype(float), group, group % 20, ("z",)
    )
    assert odds_ratio(fitted["z"]).freedom == 19
    risks = pd.DataFrame(
        {"item": [f"r{k}" for k in range(9)], "ratio": np.exp(np.linspace(-1, 1, 9)),
         "n_risky": [9.0, 5, 8, 10, 9, 12, 11, 14, 12], "n": 20.0}
    )  # fmt: skip
    assert monetary.risk_logit(risks)["slope"].freedom == 8
    yes = pd.DataFrame(rng.random((9, 4)), columns=["more", "less", "same", "differ"])
    assert stated.habit(yes.assign(n=8)).tilt.freedom == 8
    models = pd.DataFrame({"accuracy": y, "mmlu": x, "family": list("abcd") * 3})
    assert capability.capability_association(models).clustered.freedom == 3


def test_few_degrees_of_freedom_make_a_small_p_larger() -> None:
    row = {"family": "f", "null": 0.0, "unit": "slope", "provenance": "simulated",
           "estimate": 0.4, "low": 0.2, "high": 0.6}  # fmt: skip
    few, many = (
        multiplicity.adjust(pd.DataFrame([{**row, "freedom": freedom}]))["p"].iloc[0]
        for freedom in (11.0, np.nan)
    )
    assert few > 8 * many == pytest.approx(8 * 8.9e-5, rel=0.02)
