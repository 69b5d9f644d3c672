"""Moral Machine measures against published numbers, statsmodels, and respondents made by us."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from revealed.foundation.errors import DataError, EstimationError
from revealed.foundation.schemas import write_findings
from revealed.measures import moral_machine as mm
from revealed.measures import moral_machine_models as models
from revealed.respondents.public import (
    ATTRIBUTES,
    CHARACTERS,
    fetch,
    import_moral_machine_choices,
    import_moral_machine_effects,
)

ROOT = Path(__file__).parents[2]


@cache
def _choices() -> pd.DataFrame:
    return import_moral_machine_choices(
        fetch("moral_machine/shared_responses_Phi-3.5-mini-instruct.csv", ROOT)
    )


@cache
def _effects() -> pd.DataFrame:
    return import_moral_machine_effects(
        fetch("moral_machine/table_S2.csv", ROOT), fetch("moral_machine/table_S1.csv", ROOT)
    )


@pytest.fixture
def choices() -> pd.DataFrame:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return _choices()


@pytest.fixture
def effects() -> pd.DataFrame:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return _effects()


WORTH = dict.fromkeys(CHARACTERS, 0.5) | {"Man": 0.6, "Woman": 0.6, "Criminal": 0.3, "Dog": 0.2}


def made(
    n: int, seed: int, *, place: float = 0.0, lane: float = 0.0, law: float = 0.0,
    worth: dict[str, float] = WORTH, balanced: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Scenarios as the public generator draws them, answered by a conditional logit.

    `place`: log odds of saving the group of case 1 (a habit of answering "case 2"). Between
    pedestrians the first side of the attribute is always in case 1 unless `balanced`.
    """
    rng = np.random.default_rng(seed)
    six = [a for a in ATTRIBUTES if a.scenario]
    first_side = {"Age": "Young", "Fitness": "Fat", "Gender": "Female", "Social Value": "Low",
                  "Species": "Hoomans", "Utilitarian": "Less"}  # fmt: skip
    kinds = {
        "Young": ["Boy", "Girl"], "Old": ["OldMan", "OldWoman"], "Fat": ["LargeMan", "LargeWoman"],
        "Fit": ["MaleAthlete", "FemaleAthlete"], "Female": ["Woman", "Girl", "FemaleDoctor"],
        "Male": ["Man", "Boy", "MaleDoctor"], "Low": ["Homeless", "Criminal"],
        "High": ["Pregnant", "MaleExecutive", "FemaleExecutive"], "Hoomans": list(mm.HUMANS),
        "Pets": ["Dog", "Cat"], "Less": list(CHARACTERS), "More": list(CHARACTERS),
    }  # fmt: skip
    rows = []
    for number in range(n):
        attribute = six[rng.integers(6)]
        assert attribute.scenario is not None
        one = first_side[attribute.scenario]
        other = str(attribute.low if one == attribute.high else attribute.high)
        crossing = int(rng.integers(2))
        if (balanced or not crossing) and rng.random() < 0.5:
            one, other = other, one
        size = {one: int(rng.integers(1, 5)), other: 0}
        size[other] = size[one]
        if attribute.name == "number":
            size["More"] = size["Less"] + int(rng.integers(1, 5))
        lit = rng.integers(2) == 1
        green = int(rng.integers(1, 3))
        signals = ((green if crossing else 0), 3 - green if crossing else green) if lit else (0, 0)
        swerve = int(rng.integers(2))
        groups = []
        for level in (one, other):
            counts = dict.fromkeys(CHARACTERS, 0)
            for who in rng.choice(kinds[level], size[level]):
                counts[who] += 1
            groups.append(counts)
        value = [sum(worth[k] * c for k, c in counts.items()) for counts in groups]
        lawful = [(s == 1) - (s == 2) for s in signals]
        odds = (
            place + value[0] - value[1] + lane * (swerve - 0.5) + law * (lawful[0] - lawful[1]) / 2
        )
        saved = int(rng.random() < 1 / (1 + np.exp(-odds)))
        for group, (level, counts) in enumerate(zip((one, other), groups, strict=True), start=1):
            rows.append(
                {
                    "scenario": f"s{number}", "group": group, "type": attribute.scenario,
                    "level": level, "other_lane": swerve if group == 1 else 1 - swerve,
                    "pedestrians_only": crossing,
                    "passengers": int(not crossing and group == 1), "signal": signals[group - 1],
                    "n": sum(counts.values()), "n_difference": abs(size[one] - size[other]),
                    "saved": saved if group == 1 else 1 - saved, **counts,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


# --- the published numbers ------------------------------------------------------------------------


def test_shares_are_the_published_ones(choices: pd.DataFrame) -> None:
    table = mm.saved_shares(choices).set_index("level")["estimate"].round(3)
    assert table.to_dict() == {
        "Young": 0.732, "Old": 0.268, "Female": 0.743, "Male": 0.257, "Hoomans": 0.779,
        "Pets": 0.221, "Low": 0.705, "High": 0.295, "Fat": 0.755, "Fit": 0.245, "More": 0.419,
        "Less": 0.581,
    }  # fmt: skip


def test_parity_reproduces_the_published_table(
    choices: pd.DataFrame, effects: pd.DataFrame
) -> None:
    """All nine effects of Phi 3.5 mini: this settles signs, weights and the sample (the same)."""
    table = models.compare_with_table(mm.amce(choices, "published"), effects, "Phi 3.5 mini")
    assert len(table) == 9
    # The table prints nine digits.
    assert table["difference"].abs().max() < 1e-8
    share = effects.loc[effects["model"] == "Phi 3.5 mini", "valid_share"].iloc[0]
    assert choices["scenario"].nunique() == round(10_000 * share)


def test_distances_equal_the_published_ones_but_for_one(effects: pd.DataFrame) -> None:
    table = models.distances(effects).set_index("model")
    assert table.index[~table["agrees"]].tolist() == ["Qwen3 32B"]
    # Table S1 repeats QwQ 32B's distance there.
    assert (
        table.loc["Qwen3 32B", "distance_published"] == table.loc["QwQ 32B", "distance_published"]
    )
    assert table.loc["Qwen3 32B", "distance"] == pytest.approx(1.1466, abs=1e-4)


@pytest.mark.parametrize("column", ["distance", "distance_published"])
def test_size_trend_is_the_published_one(effects: pd.DataFrame, column: str) -> None:
    trend = models.size_trend(models.distances(effects), column)
    assert round(trend.independent.value, 2) == -0.69
    assert trend.independent.n == 75
    assert trend.families == 10
    assert trend.clustered.low < trend.independent.value < trend.clustered.high < 0


def test_size_trend_without_sizes(effects: pd.DataFrame) -> None:
    table = models.distances(effects)
    some = table.assign(size=table["size"].where(table.index < 10))
    assert models.size_trend(some).independent.n == 10
    with pytest.raises(DataError, match="3 models"):
        models.size_trend(table.assign(size=table["size"].where(table.index < 3)))


def test_published_effects_of_the_small_model_are_a_habit_of_place(
    choices: pd.DataFrame, effects: pd.DataFrame
) -> None:
    """Case 2 is named in 82 % of dilemmas; where chance set the place, little is left."""
    first = mm.case_share(choices)
    assert first.value == pytest.approx(0.175, abs=5e-4)
    balanced = mm.amce(choices, "balanced").set_index("attribute")
    for name in ("age", "fitness", "gender"):
        assert balanced.loc[name, "low"] < 0 < balanced.loc[name, "high"]
    # The published "scope failure" reverses: more lives are spared, not fewer.
    assert balanced.loc["number", "low"] > 0.15
    assert mm.amce(choices, "published").set_index("attribute").loc["number", "high"] < 0
    position = mm.position_only(choices)
    assert position["relation"] == pytest.approx(-1.0)
    similar = models.distances(effects, position).set_index("model")["position_similarity"]
    assert similar["Gemma 2 2B"] > 0.999
    assert similar["Qwen3 4B"] > 0.999
    assert similar["Phi 3.5 mini"] > 0.9
    assert similar["Llama 3.2 1B"] < -0.95  # the opposite habit
    assert (similar.abs() >= models.POSITION_LIKE).sum() == 13


def test_more_lives_raise_the_odds_of_every_kind(choices: pd.DataFrame) -> None:
    fit = mm.conditional_logit(choices)
    assert fit.n == 4116
    table = mm.rates(fit)
    assert table["measurable"].all()
    assert fit["place_passengers"] > 1.0
    assert mm.equal_worth(fit)[1] < 0.001


def test_findings_are_unique_and_writable(
    choices: pd.DataFrame, effects: pd.DataFrame, tmp_path: Path
) -> None:
    found = models.findings(choices, effects)
    write_findings(found, tmp_path / "moral_machine.jsonl")
    table = pd.DataFrame([{"id": f.id, **f.__dict__} for f in found]).set_index("id")
    assert set(table["provenance"]) == {"public", "published"}
    row = table.loc["moral_machine.amce|takemoto2026/gpt-4o|moral_machine||age"]
    assert round(row["estimate"], 3) == 0.241
    assert row["provenance"] == "published"
    own = table.loc["moral_machine.amce|halasm/phi-3.5-mini-instruct|moral_machine||age"]
    assert own["estimate"] == pytest.approx(0.464, abs=5e-4)
    assert own["low"] < own["estimate"] < own["high"]
    # Either source may be missing; the other's findings stay.
    assert len(models.findings(choices, None)) + len(models.findings(None, effects)) < len(found)
    assert models.findings(None, None) == []


# --- against other implementations ----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["raw", "published"])
def test_effects_and_clustered_errors_match_statsmodels(mode: mm.Mode) -> None:
    choices = made(1500, seed=1, place=0.5)
    table = mm.amce(choices, mode).set_index("attribute")
    gender = next(a for a in ATTRIBUTES if a.name == "gender")
    rows = choices[choices["type"] == "Gender"]
    weights = mm.design_weights(rows) if mode == "published" else np.ones(len(rows))
    exog = sm.add_constant((rows["level"] == gender.high).astype(float))
    theirs = sm.WLS(rows["saved"].astype(float), exog, weights=weights).fit(
        cov_type="cluster",
        cov_kwds={"groups": pd.factorize(rows["scenario"])[0], "use_correction": False},
    )
    g = rows["scenario"].nunique()
    assert table.loc["gender", "estimate"] == pytest.approx(theirs.params.iloc[1], abs=1e-12)
    assert table.loc["gender", "se"] == pytest.approx(
        theirs.bse.iloc[1] * np.sqrt(g / (g - 1)), rel=1e-9
    )


def test_logit_matches_scipy_maximum_likelihood() -> None:
    from scipy.optimize import minimize

    choices = made(1200, seed=2, place=0.3, lane=-0.4, law=0.5)
    fit = mm.conditional_logit(choices, "all")
    one = choices[choices["group"] == 1].reset_index(drop=True)
    two = choices[choices["group"] == 2].reset_index(drop=True)
    x = np.column_stack(
        [
            1 - one["pedestrians_only"], one["pedestrians_only"],
            (one["other_lane"] - two["other_lane"]) / 2,
            ((one["signal"] == 1) * 1 - (one["signal"] == 2) - (two["signal"] == 1)
             + (two["signal"] == 2)) / 2,
            one[list(CHARACTERS)] - two[list(CHARACTERS)],
        ]
    ).astype(float)  # fmt: skip
    sign = 2.0 * one["saved"].to_numpy() - 1

    def loss(b: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (x @ b)).sum())

    best = minimize(loss, np.zeros(x.shape[1]), method="BFGS", options={"gtol": 1e-8})
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    assert fit.coefficients == pytest.approx(best.x, abs=1e-4)


# --- respondents made by us -----------------------------------------------------------------------


def test_a_habit_of_place_enters_the_published_effects_and_not_the_balanced() -> None:
    """A respondent without any value of attributes and a strong habit of answering "case 2"."""
    equal = dict.fromkeys(CHARACTERS, 0.0)
    choices = made(6000, seed=3, place=2.5, worth=equal)
    published = mm.amce(choices, "published").set_index("attribute")["estimate"]
    balanced = mm.amce(choices, "balanced").set_index("attribute")
    assert (published[["age", "gender", "species"]] > 0.3).all()
    assert published["relation"] < -0.7
    assert "relation" not in balanced.index
    # Eight intervals of 95 %: two or more misses have a chance of about 6 %, four of 0.04 %.
    misses = ((balanced["low"] > 0) | (balanced["high"] < 0)).sum()
    assert misses < 4


def test_balanced_intervals_cover() -> None:
    """With balanced places everywhere the truth is the mean over many scenarios."""
    equal = dict.fromkeys(CHARACTERS, 0.4)
    missed = total = 0
    for seed in range(40):
        table = mm.amce(made(600, 100 + seed, place=1.0, worth=equal), "balanced")
        # All lives count the same, so every attribute but the number of lives has no effect.
        null = table[table["attribute"] != "number"]
        missed += int(((null["low"] > 0) | (null["high"] < 0)).sum())
        total += len(null)
    # 280 intervals, nominal 5 %: the 99.9 % binomial range of misses.
    low, high = stats.binom.interval(0.999, total, 0.05)
    assert low <= missed <= high


def test_planted_worths_are_recovered_with_their_nominal_coverage() -> None:
    """Rates relative to the average person over 16 seeds, habit of place and lane included."""
    worth = WORTH | {"Dog": 0.4}
    truth = np.log(pd.Series(worth))
    truth -= truth[list(mm.HUMANS)].mean()
    errors, inside = [], []
    for seed in range(16):
        choices = made(5000, 200 + seed, place=1.0, lane=-1.0, law=0.5, worth=worth)
        table = mm.rates(mm.conditional_logit(choices, "all")).set_index("kind")
        # So many scenarios that every kind counts: no seed is left out, nothing is selected.
        assert table["measurable"].all()
        errors.append(table["log_rate"] - truth)
        inside.append(errors[-1].abs() < 1.959964 * table["se"])
    # 320 rates, 16 independent data sets: a standard error of 0.012 to 0.02.
    assert 0.91 <= np.concatenate(inside).mean() <= 0.99
    # One seed's standard error is about 0.12, that of the mean 0.03; the largest of 20 within 4.
    assert pd.concat(errors).groupby(level=0).mean().abs().max() < 0.12


def test_equal_worths_are_called_unequal_at_the_nominal_rate() -> None:
    equal = dict.fromkeys(CHARACTERS, 0.5)
    called = sum(
        mm.equal_worth(mm.conditional_logit(made(1200, 300 + seed, worth=equal), "all"))[1] < 0.05
        for seed in range(60)
    )
    # 60 tests at 5 %: fewer than 11 with probability 0.9998; the sandwich is a little liberal
    # with 22 terms and 1,200 scenarios (about 7 %).
    assert called < 11


def test_lives_that_do_not_count_have_no_rate() -> None:
    fit = mm.conditional_logit(made(3000, 4, worth=WORTH | {"Dog": 0.0, "Cat": -0.2}), "all")
    table = mm.rates(fit, ("Man", "Woman")).set_index("kind")
    assert not table.loc[["Dog", "Cat"], "measurable"].any()
    assert np.isnan(table.loc["Cat", "rate"])
    # The reference's own geometric mean is one, whatever is left out.
    assert table.loc[["Man", "Woman"], "log_rate"].sum() == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(EstimationError, match="no rates"):
        mm.rates(fit, ("Dog", "Cat"))


def test_rates_do_not_depend_on_the_pivot() -> None:
    fit = mm.conditional_logit(made(4000, 5), "all")
    over = mm.rates(fit).set_index("kind")["rate"]
    under = mm.rates(fit, ("Man",)).set_index("kind")["rate"]
    assert over["Boy"] / over["Woman"] == pytest.approx(under["Boy"] / under["Woman"])


def test_separated_choices_are_refused() -> None:
    choices = made(400, 6)
    always = choices.assign(saved=(choices["group"] == 1).astype(int))
    with pytest.raises(EstimationError):
        mm.conditional_logit(always, "all")
    with pytest.raises(EstimationError, match="apart"):
        mm.conditional_logit(choices[choices["scenario"].isin(["s0", "s1"])], "all")


def test_a_missing_attribute_is_named() -> None:
    choices = made(400, 7)
    with pytest.raises(DataError, match="species"):
        mm.amce(choices[choices["type"] != "Species"], "raw")


def test_comparison_needs_a_known_model(effects: pd.DataFrame) -> None:
    own = pd.DataFrame({"attribute": ["age"], "estimate": [0.1], "low": [0.0], "high": [0.2]})
    with pytest.raises(DataError, match="no model 'Phi 9'"):
        models.compare_with_table(own, effects, "Phi 9")
