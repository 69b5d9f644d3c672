"""Rounds end at a width: declared, reached, resumable, and honest about coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from revealed.foundation.errors import ConfigError
from revealed.instruments import load_instrument
from revealed.respondents import Ledger
from revealed.study import elicit_respondent, load_study, open_run, status
from revealed.study.calls.paths import path
from revealed.study.calls.worlds import goods_world, outcome_world
from revealed.study.config import Stop
from revealed.study.plan import sampled_items
from revealed.study.stopping import half_width, pairs_left
from revealed.utilities import comparisons

WHO = "simulated/coherent"
STUDY = """\
seed: 7
experiments:
  outcomes:
    instruments: [outcomes]
    design: adaptive
    items: 20
    pairs_per_item: 9
    rounds: 12
    samples: 2
    holdout: 0.05
    stop: {utility: 0.7}
  sexes:
    instruments: [sexes.lives_saved]
    design: indifference
    pairs_per_item: 20
    rounds: 8
    stop: {log_price: 0.25, of: largest}
    real: {stop: {log_price: 0.2}}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [outcomes, sexes]}
"""


def asked(run):
    with Ledger(run.paths.ledger) as ledger:
        return int(ledger.counts()["n"].sum())


def width(run, cell):
    instrument = load_instrument(cell.instrument)
    items = sampled_items(instrument, cell.design.items, run.study.seed)
    choices = run.choices(WHO, cell.instrument)
    return half_width(cell.design.stop, comparisons(choices, list(items.index)), items)


@pytest.mark.slow
def test_rounds_end_where_the_study_says(make_checkout):
    make_checkout(STUDY)
    run = open_run()
    counts = elicit_respondent(run, WHO, progress=False).set_index("instrument")
    for cell in run.study.cells():
        target = cell.design.stop.target
        # The rounds before the last were too wide, and one round narrows by few per cent.
        assert 0.5 * target < width(run, cell) <= target
    planned = {cell.instrument: cell for cell in run.study.cells()}
    # 180 pairs at most; reached with a part of them.
    assert counts.loc["outcomes", "pairs"] < 170
    table = status(run).set_index("instrument")
    assert set(planned) == set(table.index)
    assert (table["planned"] == table["answered"]).all()
    assert table["answered"].sum() == asked(run)


@pytest.mark.slow
def test_a_stopped_cell_goes_on_with_the_same_pairs(make_checkout, monkeypatch):
    from revealed.study import steps

    make_checkout(STUDY)
    whole = open_run("whole")
    elicit_respondent(whole, WHO, progress=False)

    calls = 0
    real = steps.next_count

    def dies(*args):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(*args)

    cut = open_run("cut")
    monkeypatch.setattr(steps, "next_count", dies)
    with pytest.raises(KeyboardInterrupt):
        elicit_respondent(cut, WHO, progress=False)
    assert 0 < asked(cut) < asked(whole)
    monkeypatch.setattr(steps, "next_count", real)
    elicit_respondent(cut, WHO, progress=False)
    for name in ("outcomes", "sexes.lives_saved"):
        assert cut.choices(WHO, name).equals(whole.choices(WHO, name))
    assert asked(cut) == asked(whole)


def test_a_real_model_may_have_a_target_of_its_own(make_checkout):
    from revealed.respondents import RespondentSpec

    make_checkout(STUDY)
    experiment = load_study().experiments["sexes"]
    real = RespondentSpec(name="m", model="openai/gpt-4o")
    simulated = RespondentSpec(name=WHO, model=WHO)
    assert experiment.design_for(real).stop == Stop(log_price=0.2)
    assert experiment.design_for(simulated).stop == Stop(log_price=0.25, of="largest")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("{utility: 0.7}", "{log_price: 0.5}", 11, "does not stop at a width of log_price"),
        ("{utility: 0.7}", "{utility: 0.7, log_price: 1}", 11, "one of utility and log_price"),
        ("{utility: 0.7}", "{}", 11, "one of utility and log_price"),
        ("{utility: 0.7}", "{utility: 0}", 11, "greater than 0"),
        ("{utility: 0.7}", "{utility: 0.7, of: mean}", 11, "'median' or 'largest'"),
        ("{utility: 0.7}", "{utilty: 0.5}", 11, "unknown key 'utilty'"),
        ("design: adaptive", "design: random", 11, "random does not stop"),
        ("{stop: {log_price: 0.2}}", "{stop: {utility: 0.2}}", 18, "stop at a width of utility"),
        ("{stop: {log_price: 0.2}}", "{design: listed}", 18, "listed does not stop"),
    ],
)
def test_a_target_that_means_nothing_is_refused_with_its_line(
    make_checkout, old, new, line, message
):
    make_checkout(STUDY.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_study()
    assert message in str(caught.value)
    assert f"line {line}" in str(caught.value)


def test_pairs_that_are_lacking_are_foretold():
    stop = Stop(utility=0.1)
    assert pairs_left(stop, 0.1, 500, 1000) == 0
    assert pairs_left(stop, math.inf, 500, 1000) == 1000
    assert pairs_left(stop, 0.2, 500, 1000) == 1000  # 1,500 are lacking
    assert pairs_left(stop, 0.11, 1000, 1000) == 210
    assert pairs_left(stop, 0.1001, 1000, 1000) == 100  # no tiny rounds
    assert pairs_left(stop, 0.05, 500, 1000, least=620) == 120  # narrow, but of too few pairs
    assert pairs_left(stop, 0.05, 700, 1000, least=620) == 0


def test_nothing_answered_is_no_width():
    world = outcome_world(5, seed=1)
    from revealed.study.calls.worlds import Answers

    answers = Answers(world, np.random.default_rng(0))
    answers.ask(np.array([[0, 1]]), 1)
    compared = answers.comparisons()
    empty = compared.take(np.empty(0, dtype=np.int64))
    assert half_width(Stop(utility=0.1), empty, world.items) == math.inf


@pytest.mark.slow
@pytest.mark.parametrize(("misfit", "order"), [(0.0, 1.0), (0.5, 0.0)])
@pytest.mark.parametrize("estimand", ["utilities", "prices"])
def test_intervals_cover_although_stopping_looks(estimand, misfit, order):
    """92 to 97 % over many stopped studies, by a bound on the mean over independent seeds."""
    seeds, covered, reached = 40, [], 0
    for seed in range(seeds):
        options = {"misfit": misfit, "order": order, "seed": seed}
        if estimand == "utilities":
            world, stop = outcome_world(40, **options), Stop(utility=0.4)
        else:
            world, stop = goods_world(12, **options), Stop(log_price=0.4)
        last = path(world, calls=40_000, stop=stop, seed=seed)[-1]
        reached += last.half_width <= stop.target
        covered.append(last.covered)
    assert reached == seeds
    # Intervals of one study are dependent: each seed counts as the number of independent ones
    # that its spread over seeds says.
    share, spread = float(np.mean(covered)), float(np.var(covered, ddof=1))
    n = round(max(1.0, share * (1 - share) / max(spread, 1e-9)) * seeds)
    hits = round(share * n)
    assert binomtest(hits, n, 0.92, alternative="less").pvalue > 0.01
    assert binomtest(hits, n, 0.97, alternative="greater").pvalue > 0.01
    assert 0.91 < share < 0.98
