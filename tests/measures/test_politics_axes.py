"""Axis scores and dimensions: respondents land where they were put, and no line is no politics."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from drawn_choices import draw_choices
from scipy import stats

from revealed.figures import page
from revealed.foundation.errors import DataError
from revealed.instruments import load_instrument
from revealed.measures.fallible import Utilities, utilities
from revealed.measures.politics import axes, dimensions
from revealed.respondents.simulated.respondent import load

CORE = "policies_core"
ITEMS = load_instrument(CORE).items


def exact(values: np.ndarray) -> Utilities:
    return Utilities(tuple(ITEMS.index), values, np.zeros((len(values),) * 2), 1.0)


def drawn(name: str, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return draw_choices(load(name, seed=5000 + seed), CORE, samples=1, rng=rng)


@cache
def given(name: str, seed: int) -> axes.Sides:
    return axes.sides(utilities(drawn(name, seed)), ITEMS)


def declared(name: str) -> tuple[float, float]:
    """Scores in a world of endlessly many proposals like these: the declared sides over the SD."""
    d = load(name).declared
    order = float((ITEMS["authority"] != 0).mean())
    total = d.left_right**2 + order * d.authority**2 + d.policy_sd**2 + d.area_sd**2
    return d.left_right / total**0.5, d.authority / total**0.5


def test_slopes_are_those_of_a_regression_with_areas() -> None:
    u = load("two_dimensional").utility(ITEMS["text"])
    sides = axes.sides(exact(u), ITEMS)
    oracle = smf.ols("u ~ lean + authority + C(category)", ITEMS.assign(u=u)).fit()
    assert axes.slopes(sides) == pytest.approx(oracle.params[["lean", "authority"]].to_numpy())
    assert axes.spread(sides) == pytest.approx(u.std(ddof=1))


def test_a_pure_side_scores_one_and_caring_for_areas_is_no_side() -> None:
    area = pd.Series(np.random.default_rng(1).normal(size=18), ITEMS["category"].unique())
    lean = ITEMS["lean"].to_numpy(float)
    scores, _, _ = axes.score(axes.sides(exact(lean), ITEMS))
    # The standard deviation divides by n - 1.
    assert scores["lean"].value == pytest.approx(np.sqrt(71 / 72))
    cares = ITEMS["category"].map(area).to_numpy(float)
    scores, _, _ = axes.score(axes.sides(exact(cares), ITEMS))
    assert scores["lean"].value == pytest.approx(0.0, abs=1e-12)


def test_the_interval_is_a_jackknife_over_areas() -> None:
    sides = given("right", 1)
    scores, probit, sampling = axes.score(sides)
    left = [axes.slopes(sides.where(sides.area != area)) for area in range(18)]
    variance = 17 / 18 * ((np.array(left) - axes.slopes(sides)) ** 2).sum(axis=0)
    half = stats.t.ppf(0.975, 17) * np.sqrt(variance)
    assert probit["lean"].high - probit["lean"].value == pytest.approx(half[0])
    assert 0 < sampling["lean"] < scores["lean"].high - scores["lean"].low


def test_scores_do_not_depend_on_how_decided_a_respondent_is() -> None:
    mild, sharp = (
        axes.score(axes.sides(exact(k * load("left").utility(ITEMS["text"])), ITEMS))[0]
        for k in (1.0, 3.0)
    )
    for axis in axes.AXES:
        assert mild[axis].value == pytest.approx(sharp[axis].value)


def test_areas_with_one_side_are_left_out_and_too_few_are_refused() -> None:
    u = exact(load("left").utility(ITEMS["text"]))
    taxes = ITEMS["category"] == "Taxes"
    one_sided = ITEMS.assign(lean=ITEMS["lean"].mask(taxes, 1))
    assert len(axes.sides(u, one_sided).items) == 68
    few = ITEMS[ITEMS["category"].isin(ITEMS["category"].unique()[:4])]
    with pytest.raises(DataError, match="fewer than 5 areas"):
        axes.sides(u, few)


def test_who_wants_nothing_refuses_or_babbles_has_no_score() -> None:
    even = drawn("left", 1).assign(n_first=1.0, n_second=1.0)
    assert "prefers no proposal" in axes.analyse(even, ITEMS).why
    declined = drawn("left", 1).assign(n_first=0.0, n_second=0.0, n_refused=1.0)
    analysis = axes.analyse(declined, ITEMS)
    assert "declined" in analysis.why
    made = page.rows(axes.findings(analysis, chapter="map", provenance="simulated"))
    assert list(made["estimand"]) == ["politics.measurable"]
    assert axes.analyse(drawn("left", 1), ITEMS, barred="calibration").why == "calibration"


def test_planted_politics_land_where_they_were_put() -> None:
    for name in ("left", "right", "two_dimensional"):
        analysis = axes.analyse(drawn(name, 3), ITEMS)
        sign = np.sign(load(name).declared.left_right)
        assert sign * analysis.scores["lean"].value > 0.5
        assert min(sign * analysis.scores["lean"].low, sign * analysis.scores["lean"].high) > 0
    assert axes.analyse(drawn("two_dimensional", 3), ITEMS).scores["authority"].low > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["left", "right", "centrist", "two_dimensional", "politically_incoherent"]
)
def test_intervals_cover_what_was_declared(name: str) -> None:
    seeds, truth = 150, declared(name)
    hits = np.zeros(2)
    for seed in range(seeds):
        scores, _, _ = axes.score(given(name, seed))
        for k, axis in enumerate(axes.AXES):
            hits[k] += scores[axis].low <= truth[k] <= scores[axis].high
    # 95 % less one hundredth for the few areas of the jackknife; five tests of two axes.
    least = stats.binom.ppf(0.001, seeds, 0.94)
    assert (hits >= least).all(), (name, hits / seeds)


def test_held_out_shares_are_those_of_fits_on_the_other_areas() -> None:
    sides = given("two_dimensional", 2)
    u = axes.within(sides.mean, sides.area)
    x = axes.within(sides.sides, sides.area)
    for columns in (1, 2):
        residual = 0.0
        for area in range(18):
            inside = sides.area == area
            slope, *_ = np.linalg.lstsq(x[~inside, :columns], u[~inside], rcond=None)
            residual += ((u[inside] - x[inside, :columns] @ slope) ** 2).sum()
        expected = 1 - residual / (u @ u)
        assert dimensions.held_out(u[None], sides, columns)[0] == pytest.approx(expected)


def test_one_line_two_lines_and_none_are_told_apart() -> None:
    left, two, none = (
        dimensions.dimensions(given(name, 4))
        for name in ("left", "two_dimensional", "politically_incoherent")
    )
    assert left.lean.value > 0.6
    assert left.p < 0.01
    assert two.added.low > 0
    assert two.p_added < 0.01
    assert none.lean.value < 0.2
    assert none.lean.low < 0


def test_verdicts_are_adjusted_for_the_number_of_respondents() -> None:
    p = {"a": 0.001, "b": 0.02, "c": 0.04, "d": 0.5}
    assert dimensions.political(p) == {"a": True, "b": False, "c": False, "d": False}
    assert dimensions.political({}) == {}
    analyses = {"simulated/left": axes.analyse(drawn("left", 4), ITEMS)}
    made = dimensions.findings(
        analyses,
        {"simulated/left": dimensions.dimensions(analyses["simulated/left"].given)},
        chapter="map",
        provenance="simulated",
    )
    called = {f.estimand: f.estimate for f in made if f.unit == "1 or 0"}
    assert called["politics.political"] == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["politically_incoherent", "paraphrase_driven", "centrist"])
def test_who_has_no_line_is_seldom_called_political(name: str) -> None:
    seeds = 150
    p = [dimensions.dimensions(given(name, seed), permutations=199) for seed in range(seeds)]
    most = stats.binom.ppf(0.999, seeds, 0.05)
    assert sum(d.p <= 0.05 for d in p) <= most
    assert sum(d.p_added <= 0.05 for d in p) <= most


@pytest.mark.slow
def test_a_second_dimension_is_seldom_seen_where_there_is_one() -> None:
    seeds = 100
    one = {"left_right": -0.9, "authority": 0.0, "policy_sd": 0.5, "area_sd": 0.2}
    found = 0
    for seed in range(seeds):
        respondent = load("left", seed=7000 + seed, **one)
        rng = np.random.default_rng(seed)
        choices = draw_choices(respondent, CORE, samples=1, rng=rng)
        made = dimensions.dimensions(axes.sides(utilities(choices), ITEMS), permutations=199)
        found += made.p_added <= 0.05
    assert found <= stats.binom.ppf(0.999, seeds, 0.05)
