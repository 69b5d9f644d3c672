"""Monetary risks: statsmodels as oracle, habit told from attitude, and the public file's answer."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit

from revealed.foundation.errors import DataError
from revealed.measures import monetary
from revealed.respondents import public

ROOT = Path(__file__).parents[2]
ITEMS = public.load_monetary_items(ROOT)


def answers(chance: pd.Series, *, model: str = "a", n: int = 50, seed: int = 0) -> pd.DataFrame:
    """Answers to all monetary items in two languages; `chance` is that of yes, by item."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in ITEMS["item"]:
        for language in ("English", "Korean"):
            yes = rng.binomial(n, chance.get(item, 0.5))
            rows.append((model, language, item, yes, n - yes))
    return pd.DataFrame(rows, columns=["model", "language", "item", "n_yes", "n_no"])


def ratios() -> pd.Series:
    even = answers(pd.Series(dtype=float))
    table = monetary.risk_table(even, ITEMS)
    return table.drop_duplicates("item").set_index("item")["ratio"]


def test_ratios_are_expected_gain_over_expected_loss() -> None:
    found = ratios()
    assert len(found) == 16
    assert found["R_05"] == pytest.approx(0.8 * 200 / (0.2 * 100))
    # Going without insurance: a saved premium against a loss, less the premium.
    assert found["R_08"] == pytest.approx(1.0)
    assert np.isinf(found[["R_04", "R_06"]]).all()
    table = monetary.risk_table(answers(pd.Series(dtype=float)), ITEMS)
    insurance = table[table["kind"] == "insurance"].iloc[0]
    source = answers(pd.Series(dtype=float)).set_index(["item", "language"])
    assert insurance["n_risky"] == source.loc[(insurance["item"], insurance["language"]), "n_no"]
    assert set(table["worth"]) == set(monetary.CLASSES)


def test_the_logit_is_that_of_statsmodels() -> None:
    ratio = ratios()
    chance = pd.Series(expit(-0.5 + 1.2 * np.log(ratio.clip(upper=50))))
    chance[["R_08", "R_15"]] = 1 - chance[["R_08", "R_15"]]  # there no takes the risk
    table = monetary.risk_table(answers(chance), ITEMS)
    found = monetary.risk_logit(table)
    used = table[np.isfinite(table["ratio"])].groupby("item").agg(
        x=("ratio", "first"), hits=("n_risky", "sum"), n=("n", "sum")
    )  # fmt: skip
    design = sm.add_constant(np.log(used["x"]))
    counts = np.column_stack([used["hits"], used["n"] - used["hits"]])
    oracle = sm.GLM(counts, design, family=sm.families.Binomial()).fit()
    assert found["slope"].value == pytest.approx(oracle.params["x"], abs=1e-6)
    assert found["fair"].value == pytest.approx(expit(oracle.params["const"]), abs=1e-6)
    assert found["slope"].n == 14
    low, high = found["slope"].low, found["slope"].high
    assert low is not None
    assert high is not None
    assert low <= 1.2 <= high


def test_who_always_says_no_has_no_slope_and_a_habit() -> None:
    table = answers(pd.Series(0.0, index=ITEMS["item"]))
    made = monetary.findings(table, ITEMS, chapter="lotteries")
    by_name = {f.estimand: f for f in made}
    assert by_name["lottery.risk_free"].estimate == 0.0
    assert by_name["lottery.yes_habit"].estimate == 0.0
    # Insurance is declined as well, which takes the risk; it is the habit that moves the share.
    slope = by_name.get("lottery.risk_slope")
    assert slope is None or slope.low is None or slope.low <= 0.0


def test_a_missing_item_is_named() -> None:
    table = answers(pd.Series(dtype=float))
    with pytest.raises(DataError, match="R_05"):
        monetary.risk_table(table[table["item"] != "R_05"], ITEMS)


def test_real_models_answer_as_the_chapter_says() -> None:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    table = public.import_seven_models(public.fetch(public.SEVEN_MODELS_FILE, ROOT))
    made = monetary.findings(table, ITEMS, chapter="lotteries")
    assert len({f.id for f in made}) == len(made)
    free = {f.respondent: f.estimate for f in made if f.estimand == "lottery.risk_free"}
    habit = {f.respondent: f.estimate for f in made if f.estimand == "lottery.yes_habit"}
    decline = {name for name, share in free.items() if share < 0.5}
    # The chapter's sentence: who declines free chances says no to most questions.
    assert len(decline) == 3
    assert all((habit[name] < 0.5) == (name in decline) for name in free)


@pytest.mark.slow
def test_the_slope_is_covered_though_items_differ() -> None:
    seeds, hits = 200, 0
    x = np.log(ratios().replace(np.inf, np.nan).dropna())
    # What a logit finds on average if items have a worth of their own: many draws at once.
    rng = np.random.default_rng(1)
    own = rng.normal(0, 0.7, (4000, len(x)))
    p = expit(0.2 + 1.0 * x.to_numpy() + own).mean(axis=0)
    design = sm.add_constant(x.to_numpy())
    truth = sm.GLM(np.column_stack([p, 1 - p]), design, family=sm.families.Binomial()).fit()
    for seed in range(seeds):
        draw = np.random.default_rng(seed).normal(0, 0.7, len(x))
        chance = pd.Series(expit(0.2 + 1.0 * x.to_numpy() + draw), index=x.index)
        chance[["R_08", "R_15"]] = 1 - chance[["R_08", "R_15"]]
        e = monetary.risk_logit(monetary.risk_table(answers(chance, seed=seed), ITEMS))["slope"]
        assert e.low is not None
        assert e.high is not None
        hits += e.low <= truth.params[1] <= e.high
    # The jackknife over fourteen items leans to the safe side: 92 % less the binomial error, and
    # no upper bound.
    assert hits / seeds >= 0.92 - 2 * np.sqrt(0.92 * 0.08 / seeds)
