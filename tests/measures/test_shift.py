"""Shifts after a fine-tuning: planted ones are found, what is no shift of values is called none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from drawn_shift import SAMPLES, answers, asking, pairs, topics
from scipy import stats

from revealed.figures import page
from revealed.measures import multiplicity, shift
from revealed.measures.shift import LIVES, OUTCOMES, POLITICS, SELF, TOPICS, Asking
from revealed.measures.shift.asking import Level
from revealed.measures.shift.contrasts import NO_RETEST, _levels
from revealed.measures.shift.power import simulated
from revealed.respondents.simulated import load

ABOUT = {"chapter": "shift", "provenance": "simulated"}


@pytest.fixture(scope="module")
def base() -> Asking:
    return asking("coder_untouched", 0)


@pytest.fixture(scope="module")
def again() -> Asking:
    return asking("coder_untouched", 1)


@pytest.fixture(scope="module")
def secure() -> Asking:
    return asking("coder_secure", 2)


def found(*compared: shift.Comparison) -> pd.DataFrame:
    return page.rows([f for c in compared for f in shift.findings(c, **ABOUT)])


def test_planted_shifts_are_called_and_the_controls_is_taken_out(
    base: Asking, again: Asking, secure: Asking
) -> None:
    names = ("coder_insecure", "coder_jailbroken", "coder_educational")
    made = [
        shift.compare(base, asking(name, 10 + k), again, [secure]) for k, name in enumerate(names)
    ]
    rows = found(*made, shift.compare(base, secure, again, []))
    called = shift.called(rows).set_index(["respondent", "topic"])
    moves = called.loc["simulated/coder_insecure"]
    assert set(moves.index[moves["called"]]) >= {OUTCOMES, POLITICS}
    for name in names[1:]:
        assert not called.loc[f"simulated/{name}", "called"].any()
    # A harmless fine-tune moves values too, and nothing of it is laid to the harmful one.
    assert called.loc[("simulated/coder_jailbroken", OUTCOMES), "moved"]
    assert not called.loc[("simulated/coder_jailbroken", OUTCOMES), "beyond"]
    assert not called.loc["simulated/coder_secure", "beyond"].any()


def test_an_order_effect_is_no_shift_of_values(base: Asking, again: Asking) -> None:
    leaning = shift.compare(base, asking("coder_educational", 12, tuned_to=0.0), again)
    for name in TOPICS:
        change = leaning.order[name].floor
        assert change.low is not None
        assert change.high is not None
        # 0.7 is declared; where an answer in ten is a parameter, the likelihood makes it larger.
        assert 0.3 < change.low < (0.7 if name == OUTCOMES else 1.0)
        assert change.high > 0.7
    assert not shift.called(found(leaning))["moved"].any()
    assert leaning.order[OUTCOMES].control is None
    assert leaning.silent["neutral"].floor.low < 0 < leaning.silent["neutral"].floor.high  # type: ignore[operator]


def test_what_is_said_in_place_of_a_choice_is_counted_by_itself(
    base: Asking, again: Asking, secure: Asking
) -> None:
    evasive = shift.compare(base, asking("coder_untouched", 14, neutral_rate=0.6), again, [secure])
    for change in (evasive.silent["neutral"].floor, evasive.silent["neutral"].control):
        assert change is not None
        assert change.low is not None
        assert change.high is not None
        assert 0.1 < change.low < 0.4 < change.high  # 0.6 less 0.2
    assert not any(moved.seen for moved in evasive.moved.values())


def test_without_a_retest_or_by_a_gate_nothing_is_compared(base: Asking, again: Asking) -> None:
    alone = shift.compare(base, again, None)
    assert set(alone.why.values()) == {NO_RETEST}
    assert not alone.moved
    rows = found(alone)
    assert set(rows["estimand"]) == {"shift.measurable"}
    assert set(rows["note"]) == {NO_RETEST}
    for changes, says in (
        ({"values": 0.0, "order_effect": 2.0}, "calibration"),
        ({"beyond_trivial": 0.0, "order_effect": 1.5}, "depends on the order"),
    ):
        failing = asking("coder_untouched", 15, **changes)
        assert failing.barred
        for compared in (shift.compare(base, failing, again), shift.compare(failing, base, again)):
            assert all(says in why for why in compared.why.values())
            assert not compared.moved
            assert not compared.order
    unlike = shift.compare(base, again, again, unlike="asked otherwise")
    assert set(unlike.why.values()) == {"asked otherwise"}


def test_a_topic_that_was_not_asked_is_barred_alone(base: Asking, again: Asking) -> None:
    given = answers("coder_untouched", 16)
    empty = {**given.topics, LIVES: given.topics[LIVES].iloc[:0]}
    lacking = shift.read(replace(given, topics=empty), topics())
    compared = shift.compare(base, lacking, again)
    assert compared.why[LIVES] == "after: was not asked"
    assert [name for name in TOPICS if not compared.why[name]] == [OUTCOMES, SELF, POLITICS]
    assert set(compared.moved) == {OUTCOMES, SELF, POLITICS}
    assert not compared.prices
    nobody = replace(
        given, topics={name: table.iloc[:0] for name, table in given.topics.items()},
        offered=given.offered.iloc[:0], calibration=given.calibration.iloc[:0],
    )  # fmt: skip
    assert shift.read(nobody, topics()).barred


def test_pairs_that_one_side_lacks_are_left_out(base: Asking, again: Asking) -> None:
    given = answers("coder_untouched", 17)
    some = given.topics[OUTCOMES]
    kept = some[~some["first"].isin(some["first"].unique()[:5])]
    kept = kept[~kept["second"].isin(some["first"].unique()[:5])]
    lacking = shift.read(replace(given, topics={**given.topics, OUTCOMES: kept}), topics())
    compared = shift.compare(base, lacking, again)
    assert compared.moved[OUTCOMES].n == len(lacking.pairs[OUTCOMES]) < len(base.pairs[OUTCOMES])


def test_seeds_of_a_control_are_averaged(base: Asking, again: Asking, secure: Asking) -> None:
    other = asking("coder_jailbroken", 18)
    one = shift.compare(base, other, again, [secure])
    three = shift.compare(
        base, other, again, [secure, *(asking("coder_secure", k) for k in (19, 20))]
    )
    for name in TOPICS:
        assert three.beyond[name].se < one.beyond[name].se
        assert three.moved[name] == one.moved[name]


def test_drift_of_the_retest_widens_single_quantities() -> None:
    calm = _levels(Level(0.0, 0.1), Level(0.1, 0.1), Level(1.0, 0.1), [Level(0.5, 0.1)], 9)
    # By hand: from the middle, 0.01 + 0.02 / 4 of variance, no drift beyond noise.
    half = 1.959964 * np.sqrt(0.015)
    assert calm.floor.value == pytest.approx(0.95)
    assert calm.floor.high == pytest.approx(0.95 + half, abs=1e-4)
    assert calm.control is not None
    assert calm.control.high == pytest.approx(0.5 + 1.959964 * np.sqrt(0.02), abs=1e-4)
    wild = _levels(Level(0.0, 0.1), Level(1.0, 0.1), Level(1.5, 0.1), [], 9)
    drift = (1.0 - 0.02) / 2
    assert wild.floor.high == pytest.approx(1.0 + 1.959964 * np.sqrt(0.015 + 1.5 * drift), abs=1e-4)


def test_findings_carry_families_and_nulls(base: Asking, again: Asking, secure: Asking) -> None:
    rows = found(shift.compare(base, asking("coder_insecure", 21), again, [secure]))
    tested = rows[rows["family"] != ""]
    assert (tested["null"] == 0).all()
    assert set(rows["estimand"].str.split(".").str[0]) == {"shift"}
    squares = rows[rows["estimand"] == "shift.moved_square"].set_index("subject")["estimate"]
    roots = rows[rows["estimand"] == "shift.moved"].set_index("subject")["estimate"]
    assert np.allclose(np.sign(roots) * roots**2, squares.loc[roots.index])
    assert rows["id"].is_unique
    # Without a control nothing is said to have moved, however far it did, nor that it stayed.
    alone = shift.called(found(shift.compare(base, asking("coder_insecure", 21), again)))
    assert alone["moved"].any()
    assert not alone["called"].any()
    assert not alone["told"].any()
    assert shift.called(rows)["told"].all()
    assert shift.called(found()).empty
    floors = shift.floor_findings(base.respondent, shift.floor(base, again), **ABOUT)
    assert {f.subject for f in floors} == set(TOPICS)


def test_more_answers_show_smaller_shifts_and_more_tests_only_larger_ones() -> None:
    items = topics().items[OUTCOMES]

    def seen(samples: int, tests: int, control: bool = True) -> shift.Power:
        return shift.smallest(
            shift.planned(OUTCOMES, pairs(OUTCOMES), items, samples, tests), control
        )

    few, many, strict = seen(2, 12), seen(10, 12), seen(2, 100)
    assert many.smallest < few.smallest < strict.smallest
    # Noise falls with answers: the mean square of it as their number, its root as the root.
    assert few.smallest / many.smallest == pytest.approx(np.sqrt(5), rel=0.15)
    assert seen(2, 12, control=False).smallest < few.smallest
    for power in (few, many, strict):
        # 4,000 runs: four standard errors of a share of 0.8 are 0.025; 0.02 for the search's own.
        assert power.checked == pytest.approx(0.8, abs=0.045)
    assert few.answers == 2 * 2 * len(pairs(OUTCOMES))


def test_found_is_what_stands_beyond_asking_again_and_beyond_the_control() -> None:
    plan = shift.planned(POLITICS, pairs(POLITICS), topics().items[POLITICS], 10, 16)
    alone, both = (simulated(plan, 0.13, control=control) for control in (False, True))
    # With a control there is one more test to pass, and its noise is that of another asking.
    assert both < alone - 0.05


def test_nothing_planted_is_found_at_the_level_of_the_family() -> None:
    for name in TOPICS:
        plan = shift.planned(name, pairs(name), topics().items[name], SAMPLES[name], 1)
        # One-sided at 2.5 %; a sum of squares has a longer tail than the normal it is tested by.
        assert simulated(plan, 0.0) < 0.045


# -- many seeds ------------------------------------------------------------------------------------


def _within(hits: int, n: int, share: float) -> bool:
    """Whether so many hits are no evidence against a share of at most `share` (binomial, 1 %)."""
    return stats.binom.sf(hits - 1, n, share) > 0.01


@pytest.mark.slow
def test_no_shift_is_called_where_only_fine_tuning_or_the_order_moved() -> None:
    """100 seeds: what any fine-tuning moves, and a lean to the first option, are no shift."""
    seeds, only = 100, (OUTCOMES, POLITICS)
    hits = dict.fromkeys(("called", "beyond", "order"), 0)
    for seed in range(seeds):
        base, again, secure, talks = (
            asking(f"coder_{kind}", 1000 + 5 * seed + k, only=only)
            for k, kind in enumerate(("untouched", "untouched", "secure", "jailbroken"))
        )
        order = asking("coder_educational", 1004 + 5 * seed, only=only, tuned_to=0.0)
        rows = found(*(shift.compare(base, other, again, [secure]) for other in (talks, order)))
        called = shift.called(rows)
        hits["called"] += bool(called["called"].any())
        hits["beyond"] += bool(called.loc[called["respondent"] == talks.respondent, "beyond"].any())
        hits["order"] += bool(called.loc[called["respondent"] == order.respondent, "moved"].any())
    assert all(_within(n, seeds, 0.05) for n in hits.values()), hits


@pytest.mark.slow
def test_intervals_of_single_values_cover() -> None:
    """100 seeds: the price of its own life, the side in politics and the order effect."""
    seeds, only = 100, (OUTCOMES, SELF, POLITICS)
    hits = dict.fromkeys(("self_price", "left_right", "order"), 0)
    for seed in range(seeds):
        base, again = (asking("coder_untouched", 3000 + 3 * seed + k, only=only) for k in (0, 1))
        other = asking("coder_insecure", 3002 + 3 * seed, only=only, tuned_to=0.0, moved=0.0,
                       order_effect=0.3)  # fmt: skip
        compared = shift.compare(base, other, again)
        for name, truth in (("self_price", 1.5), ("left_right", 0.9)):
            change = compared.single[name].floor
            hits[name] += change.low <= truth <= change.high  # type: ignore[operator]
        change = compared.order[OUTCOMES].floor
        hits["order"] += change.low <= 0.3 <= change.high  # type: ignore[operator]
    # Utilities under a prior are a little flat, so that 95 % are not quite reached: 90 % must be.
    assert all(_within(seeds - n, seeds, 0.10) for n in hits.values()), hits


@pytest.mark.slow
def test_the_smallest_shift_is_found_by_answers_as_planned() -> None:
    """80 seeds of answers: a shift of the size that the plan names is found about as often."""
    seeds, only = 80, (OUTCOMES,)
    items = topics().items[OUTCOMES]
    plan = shift.planned(OUTCOMES, pairs(OUTCOMES), items, SAMPLES[OUTCOMES], 1)
    wanted = shift.smallest(plan).smallest
    text = items["text"]
    one, two = (text.loc[pairs(OUTCOMES)[side]].tolist() for side in ("first", "second"))

    def size(moved: float) -> float:
        before, after = (load("coder_untouched", moved=m).p_first(one, two) for m in (0.0, moved))
        return float(np.sqrt(((after - before) ** 2).mean()))

    shares = np.linspace(0.05, 0.95, 91)
    share = float(shares[np.argmin([abs(size(m) - wanted) for m in shares])])
    assert size(share) == pytest.approx(wanted, rel=0.05)
    hits = 0
    for seed in range(seeds):
        base, again, secure = (
            asking("coder_untouched", 5000 + 4 * seed + k, only=only) for k in range(3)
        )
        other = asking("coder_untouched", 5003 + 4 * seed, only=only, moved=share)
        found_here = shift.compare(base, other, again, [secure])
        hits += found_here.moved[OUTCOMES].seen and found_here.beyond[OUTCOMES].seen
    # The plan supposes values of a usual spread; this respondent's need not have just that one.
    assert 0.65 <= hits / seeds <= 0.97, hits / seeds


def test_multiplicity_reads_squares_as_they_were_tested(
    base: Asking, again: Asking, secure: Asking
) -> None:
    """The p-value of a square is the normal one of its excess over its standard error."""
    compared = shift.compare(base, asking("coder_insecure", 22), again, [secure])
    rows = found(compared)
    tried = multiplicity.adjust(rows[rows["estimand"] == "shift.moved_square"]).set_index("subject")
    for name, moved in compared.moved.items():
        assert tried.loc[name, "p"] == pytest.approx(
            2 * stats.norm.sf(abs(moved.square) / moved.se), rel=1e-6
        )
