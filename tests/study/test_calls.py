"""Worlds, bounds and the planner: what is planned is what simulation takes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import norm

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import project_root
from revealed.study.calls import bounds, paths, planner, pricing
from revealed.study.calls.worlds import Answers, goods_world, outcome_world
from revealed.study.config import Stop


def test_a_world_answers_as_it_says():
    world = outcome_world(6, misfit=0.5, order=0.4, seed=3)
    assert np.allclose(world.deviation, -world.deviation.T)
    pairs = np.array([[4, 1], [0, 5]])
    there, back = world.probabilities(pairs)
    x = world.utility[4] - world.utility[1] + world.deviation[4, 1]
    assert there[0] == pytest.approx(norm.cdf(x + 0.4))
    assert back[0] == pytest.approx(norm.cdf(0.4 - x))
    answers = Answers(world, np.random.default_rng(0))
    answers.ask(pairs, 3)
    answers.ask(np.array([[1, 4]]), 2)  # the same pair, given the other way around
    compared = answers.comparisons()
    assert answers.calls == 2 * 3 * 2 + 2 * 2
    assert len(compared.pairs.low) == 2
    assert compared.n.sum() == answers.calls
    many = Answers(world, np.random.default_rng(0))
    many.ask(pairs, 40_000)
    both = many.comparisons()
    rate = dict(zip(zip(both.first, both.second, strict=True), both.n_first / both.n, strict=True))
    # Four standard errors of 40,000 answers.
    assert rate[(4, 1)] == pytest.approx(there[0], abs=0.01)
    assert rate[(1, 4)] == pytest.approx(back[0], abs=0.01)


def test_prices_of_a_seed_do_not_depend_on_the_grid():
    few, many = goods_world(5, 7, seed=2), goods_world(5, 31, 27, seed=2)
    assert (few.price == many.price).all()
    assert len(many.utility) == 5 * 31 + 27
    assert planner.original_calls("prices", 50) == pytest.approx(335_000, rel=1e-3)


def test_the_bound_is_below_every_design_and_tight_where_it_is_known():
    # Without misfit and order effect an answer at indifference tells 2/pi.
    assert bounds.per_call(np.zeros(1), misfit=0.0, order=0.0)[0] == pytest.approx(2 / math.pi)
    assert bounds.per_call(np.zeros(1), misfit=0.5, order=1.0, logprob=True)[0] == 2.0
    # Two goods and one pair: var of half the difference of two, (1/I)/4, over slope².
    assert bounds.prices(2, slope=1.0, misfit=0.0, order=0.0) == pytest.approx(math.pi / 2 / 4)
    world = outcome_world(30, misfit=0.5, order=0.5, seed=1)
    least = bounds.utilities(world.utility, misfit=0.5, order=0.5)
    loss = [
        (step := paths.path(outcome_world(30, misfit=0.5, order=0.5, seed=s), calls=6000,
                            seed=s)[-1]).error ** 2 * step.calls
        for s in range(4)
    ]  # fmt: skip
    assert least < np.mean(loss)


def test_calls_at_an_error_are_read_off_a_path():
    steps = [paths.Step(c, c, e, 0.0, 0.0) for c, e in ((100, 1.0), (400, 0.5), (1600, 0.25))]
    assert paths.calls_at(steps, 0.5) == pytest.approx(400)
    assert paths.calls_at(steps, 0.7) == pytest.approx(100 * 0.7**-2)
    assert paths.calls_at(steps, 0.125) == pytest.approx(6400)
    assert paths.calls_at(steps, 2.0) == 100


@pytest.mark.parametrize("estimand", ["utilities", "prices"])
def test_a_plan_follows_the_laws(estimand):
    wide, narrow = (planner.strategies(estimand, 100, h).set_index("strategy") for h in (0.2, 0.1))
    for strategy in planner.STRATEGIES:
        far, near = (planner.calls_for(estimand, strategy.name, 100, h) for h in (0.2, 0.1))
        assert near / far == pytest.approx(4.0, rel=0.01)
        # Never fewer than a start takes, or than a width is believed from.
        least = planner.least_calls(estimand, strategy, 100)
        assert wide.loc[strategy.name, "calls"] == max(far, least)
    assert (wide["fewer"] > 0).all()
    more = planner.strategies(estimand, 200, 0.1).set_index("strategy")
    own = planner.STRATEGIES[2].name
    assert more.loc[own, "calls"] == pytest.approx(2 * narrow.loc[own, "calls"], rel=0.01)
    steep = planner.calls_for("prices", own, 50, 0.1, slope=1.2)
    assert steep == pytest.approx(planner.calls_for("prices", own, 50, 0.1) / 4, rel=0.01)


@pytest.mark.parametrize(
    "wrong", [{"misfit": 0.9}, {"order": -0.1}, {"half_width": 0.0}, {"size": 2}, {"slope": 0.0}]
)
def test_a_plan_outside_of_what_was_simulated_is_refused(wrong):
    options = {"size": 50, "half_width": 0.1} | wrong
    with pytest.raises(ConfigError):
        planner.strategies("prices", options.pop("size"), options.pop("half_width"), **options)


def test_a_call_costs_its_tokens():
    plain = pricing.cost_of_call("utilities", "openai/gpt-4o-2024-08-06")
    assert 1e-5 < plain < 1e-2
    own = pricing.cost_of_call("prices", None, 1.0, 0.0)
    assert pricing.cost_of_call("prices", None, 2.0, 0.0) == pytest.approx(2 * own)
    assert math.isnan(pricing.cost_of_call("prices", None))
    with pytest.raises(ConfigError, match="two parts"):
        pricing.cost_of_call("prices", None, 1.0)
    with pytest.raises(ConfigError, match="no price"):
        pricing.cost_of_call("prices", "openai/no-such-model-at-all")


def test_the_table_is_the_benchmark():
    """The planner's constants and the published rows come from one run."""
    rows = json.loads((project_root() / "benchmarks" / "calls.json").read_text())["rows"]
    assert {row["estimand"] for row in rows} == {"utilities", "prices"}
    for row in rows:
        value = row["constant_width"] or row["constant_error"]
        found = planner.constant(row["estimand"], row["strategy"], row["misfit"], row["order"])
        assert found == pytest.approx(value, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("misfit", "order"), [(0.0, 0.0), (0.0, 1.0), (0.5, 0.0), (0.5, 0.5)])
@pytest.mark.parametrize(("estimand", "size"), [("utilities", 60), ("prices", 15)])
def test_planned_calls_are_what_simulation_takes(estimand, size, misfit, order):
    """At another size and width than those the table was made with."""
    target = 0.35 if estimand == "utilities" else 0.25
    name = next(s.name for s in planner.STRATEGIES if s.stops and not s.logprob)
    planned = planner.calls_for(estimand, name, size, target, misfit=misfit, order=order)
    found = planner.simulate(estimand, size, target, misfit=misfit, order=order, seeds=5)
    # The planner says that it is off by a quarter below to a half above in worlds this small, as
    # 28 of them were; this holds it to no more than that, with room for five seeds' chance.
    assert 0.65 < found.calls / planned < 1.7
    assert found.width <= target


def test_a_path_stops_at_its_target():
    steps = paths.path(outcome_world(25, seed=1), calls=20_000, stop=Stop(utility=0.6))
    assert steps[-1].half_width <= 0.6 < steps[-2].half_width


def test_a_path_ends_where_all_pairs_are_asked():
    world = outcome_world(12, misfit=0.5, seed=2)
    for options in ({"logprob": True}, {"rule": "random"}):
        assert paths.path(world, calls=5000, **options)[-1].pairs == 66
