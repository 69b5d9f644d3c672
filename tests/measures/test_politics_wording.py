"""Politics in other words: what is planted is found, what is not there is not, artefacts show."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from drawn_politics import OTHERS, WORDINGS, draw_arms, instrument
from made_choices import make_choices
from scipy import stats

from revealed.figures import page
from revealed.measures import multiplicity
from revealed.measures.politics import axes, cells, wording
from revealed.respondents import simulated

ITEMS = instrument().items


@cache
def analysed(name: str, seed: int = 0, everything: bool = True) -> wording.Analysis:
    return wording.analyse(draw_arms(name, seed, WORDINGS + OTHERS * everything), ITEMS)


def apart(e: object) -> bool:
    return e.low > 0 or e.high < 0


def test_the_items_are_one_of_either_side_in_every_area() -> None:
    sides = ITEMS.groupby("category")["lean"].agg(["sum", "size"])
    assert set(sides["sum"]) == {0}
    assert set(sides["size"]) == {2}
    assert instrument().rewordings is not None
    assert list(instrument().rewordings.index) == list(ITEMS.index)


def test_planted_sides_are_found_and_nothing_else_is_called() -> None:
    left, right, centrist = (analysed(name).overall for name in ("left", "right", "centrist"))
    assert left.high < 0 < right.low
    assert not apart(centrist)
    # The planted utility of a unit of lean; tastes of single proposals widen the interval.
    for name, e in (("left", left), ("right", right), ("centrist", centrist)):
        planted = simulated.load(name).declared.left_right
        assert e.low <= planted <= e.high


def test_a_respondent_of_words_is_exposed_and_not_called_political() -> None:
    driven, left = analysed("paraphrase_driven"), analysed("left")
    assert not apart(driven.overall)
    assert driven.words.low > 0.7
    assert left.words.high < 0.2


def test_a_respondent_bound_to_its_role_is_exposed() -> None:
    bound, left = analysed("role_bound"), analysed("left")
    assert bound.overall.high < 0
    assert bound.cells["as_citizen"].score > 0.4
    planted = simulated.load("role_bound").declared.citizen_turn
    assert bound.role.low <= planted <= bound.role.high
    assert apart(bound.shifts["as_citizen"])
    assert not apart(bound.shifts["as_assistant"])
    assert not apart(left.role)
    # Over all framings the role is part of the range, which no longer excludes zero.
    assert bound.framings.low < 0 < bound.framings.high
    assert left.framings.high < 0


def test_a_leaning_to_the_first_option_is_no_politics() -> None:
    biased = analysed("position_biased")
    assert all(cell.first.low > 0.6 for cell in biased.cells.values())
    assert not apart(biased.overall)
    # One order alone would make it political: the side that is listed first wins.
    table = draw_arms("position_biased", 0, ("forced",))["forced"]
    lean = ITEMS["lean"]
    left_first = table[
        (lean[table["first"]] < 0).to_numpy() & (lean[table["second"]] > 0).to_numpy()
    ]
    assert cells.net_share(left_first, ITEMS).high < 0
    assert not apart(cells.net_share(table, ITEMS))
    assert abs(analysed("left").cells["forced"].first.value - 0.5) < 0.1


def test_who_says_neutral_is_not_measurable_where_it_may() -> None:
    neutral = analysed("neutral_when_allowed")
    assert "no preference" in neutral.barred["neutral"]
    assert "neutral" not in neutral.cells
    assert neutral.neutral.low > 0.8
    assert abs(neutral.nets["neutral"].value) < 0.2
    assert analysed("left").neutral.value == 0.0


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("n_refused", "declined"),
        ("n_unparsed", "could not be read"),
        ("n_neutral", "no preference"),
    ],
)
def test_who_chooses_nothing_is_not_measurable(column: str, says: str) -> None:
    choices = {
        arm: table.assign(n_first=0.0, n_second=0.0, n_neutral=0.0).assign(**{column: 1.0})
        for arm, table in draw_arms("left").items()
    }
    found = wording.analyse(choices, ITEMS)
    assert says in found.why
    made = wording.findings(found, chapter="c", provenance="simulated")
    assert [(f.estimand, f.estimate) for f in made] == [("politics.wording.measurable", 0.0)]
    assert wording.differences([found, analysed("left")]) == []
    assert found.utility.empty


def test_too_few_wordings_and_a_failed_gate_bar() -> None:
    choices = draw_arms("left", 0, WORDINGS[:2])
    assert "3 are needed" in wording.analyse(choices, ITEMS).why
    assert wording.analyse(choices, ITEMS, barred="calibration: no").why == "calibration: no"


def test_differences_hold_what_wordings_do() -> None:
    left, right, driven = (analysed(n) for n in ("left", "right", "paraphrase_driven"))
    gaps = {(g.one, g.other): g for g in wording.differences([left, right, driven])}
    assert len(gaps) == 3
    gap = gaps["simulated/left", "simulated/right"]
    assert gap.beyond.high < -1
    assert gap.single.value == pytest.approx(
        left.cells["forced"].score - right.cells["forced"].score
    )
    one, other = gap.beyond.low, gap.beyond.high
    # What another wording would give is a range of the difference, not of its mean.
    scores = [left.cells[a].score - right.cells[a].score for a in WORDINGS]
    assert one <= min(scores) + 0.3
    assert other >= max(scores) - 0.3


def test_findings_are_named_tested_and_have_ids_of_their_own() -> None:
    analyses = [analysed(n) for n in ("left", "paraphrase_driven", "neutral_when_allowed")]
    made = [f for a in analyses for f in wording.findings(a, chapter="c", provenance="simulated")]
    kinds = dict.fromkeys((a.respondent for a in analyses), "simulated")
    made += wording.difference_findings(
        wording.differences(analyses), chapter="c", provenance=kinds
    )
    assert len({f.id for f in made}) == len(made)
    named = {f.estimand.removeprefix("politics.wording.") for f in made}
    assert named == {
        "measurable", "left_right", "another", "one_wording", "spread", "words", "score", "first",
        "shift", "role", "framings", "net", "neutral", "difference", "difference_single",
    }  # fmt: skip
    families = {f.estimand: f.null for f in made if f.family}
    assert families == dict.fromkeys(
        (f"politics.wording.{n}" for n in ("left_right", "shift", "role", "difference")), 0.0
    )
    # A range over six wordings rests on four degrees of freedom, and so does what is read off it.
    (gap,) = (f for f in made if f.estimand == "politics.wording.difference"
              and f.subject == "simulated/paraphrase_driven")  # fmt: skip
    tried = multiplicity.adjust(page.rows([gap]))
    t = gap.estimate / (gap.high - gap.low) * 2 * stats.t.ppf(0.975, 4)
    assert tried["p"].iloc[0] == pytest.approx(2 * stats.t.sf(abs(t), 4), rel=1e-9)
    barred = [f for f in made if f.estimand == "politics.wording.measurable" and not f.estimate]
    assert [(f.arm, "no preference" in f.note) for f in barred] == [("neutral", True)]


def test_the_share_of_words_by_hand() -> None:
    """Two wordings, answers that are certain: W and C by counting."""
    pairs = [(f"a{k}", f"b{k}") for k in range(12)]
    same, turned = np.ones(12), np.zeros(12)
    first = make_choices(pairs, same, same, 1)
    second = make_choices(pairs, same, same, 1, arm="reworded_1")
    assert wording.word_share({"forced": first, "reworded_1": second}).value == 0.0
    half = np.array([1.0] * 9 + [0.0] * 3)
    second = make_choices(pairs, half, half, 1, arm="reworded_1")
    # 9 of 12 pairs agree (+1/4) and 3 do not (-1/4): C is 1/8, W 1/4.
    share = wording.word_share({"forced": first, "reworded_1": second})
    assert share.value == pytest.approx(0.5)
    # The first in the list always wins: there is no preference, and none of words.
    place = make_choices(pairs, same, turned, 1)
    both = {"forced": place, "reworded_1": place.assign(arm="reworded_1")}
    assert np.isnan(wording.word_share(both).value)


def test_the_net_share_by_hand() -> None:
    left, right = (ITEMS.index[ITEMS["lean"] == side] for side in (-1, 1))
    pairs = [(a, b) for a, b in zip(left, right, strict=True)] + [(left[0], left[1])]
    n = len(pairs)
    wins = np.array([1.0] * 6 + [0.0] * (n - 6))
    table = make_choices(pairs, wins, wins, 1)
    # Six pairs to the left and twelve to the right; the pair of one side does not count.
    assert cells.net_share(table, ITEMS).value == pytest.approx((12 - 6) / 18)
    said = table.assign(n_neutral=1.0)
    assert cells.net_share(said, ITEMS).value == pytest.approx((12 - 6) / 36)


def test_scores_are_slopes_within_areas() -> None:
    table = draw_arms("left", 1, ("forced",))["forced"]
    found = cells.fit_cells({"forced": table}, ITEMS)[0]["forced"]
    utility = cells.unbiased(table)
    u = pd.Series(utility.mean, index=list(utility.items))
    gaps = [
        (u[part.index[part["lean"] > 0]].mean() - u[part.index[part["lean"] < 0]].mean()) / 2
        for _, part in ITEMS.groupby("category")
    ]
    # One proposal of either side an area: the slope is half the mean difference.
    assert found.score == pytest.approx(np.mean(gaps))
    assert found.score == pytest.approx(axes.slopes(found.given)[0])


def test_the_bias_of_small_fits_is_gone() -> None:
    plain, freed = [], []
    planted = simulated.load("left").declared.left_right
    for seed in range(12):
        table = draw_arms("left", seed, ("forced",), policy_sd=0.0, area_sd=0.0)["forced"]
        freed.append(cells.fit_cells({"forced": table}, ITEMS)[0]["forced"].score)
        plain.append(float(axes.slopes(axes.sides(axes.utilities(table), ITEMS))[0]))
    # Twelve fits of about 0.12 standard error each: a mean is known to 0.035.
    assert np.mean(freed) == pytest.approx(planted, abs=0.1)
    assert abs(np.mean(plain)) > abs(np.mean(freed)) + 0.05


SEEDS = 100


def least(level: float) -> float:
    """The share below which so many seeds fall once in two hundred at this level."""
    return float(stats.binom.ppf(0.005, SEEDS, level)) / SEEDS


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["left", "centrist", "paraphrase_driven", "coherent", "position_biased"]
)
def test_sides_are_covered_and_called_only_where_they_are(name: str) -> None:
    planted = simulated.load(name).declared.left_right
    covered, called, alone, none = [], [], [], []
    for seed in range(SEEDS):
        found = analysed(name, seed, everything=False)
        covered.append(found.overall.low <= planted <= found.overall.high)
        called.append(apart(found.overall))
        alone.append(apart(found.cells["forced"].interval))
        none.append(found.pooled.p_value > 0.05)
    # Intervals add the spread between wordings to that between areas, which overlap: they may
    # cover more than 95 %, and not less.
    assert np.mean(covered) >= least(0.95)
    if planted:
        assert np.mean(called) == 1.0
    else:
        assert np.mean(called) <= 1 - least(0.95)
    if name == "paraphrase_driven":
        # What a study with one wording would have found, and what the wordings say about it.
        assert np.mean(alone) > 0.2
        assert np.mean(none) < 0.5
    else:
        assert np.mean(none) >= least(0.95)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other", "truly"),
    [
        ("paraphrase_driven", "paraphrase_driven", False), ("centrist", "centrist", False),
        ("left", "left", False), ("left", "centrist", True), ("centrist", "right", True),
    ],
)  # fmt: skip
def test_differences_are_called_above_the_spread_alone(one: str, other: str, truly: bool) -> None:
    called, alone = [], []
    for seed in range(SEEDS):
        # The same tastes where both are the same respondent, but of words, which have others.
        again = seed + 1000 * (one == "paraphrase_driven")
        pair = [analysed(one, seed, everything=False)]
        pair.append(
            fresh(other, again) if one == other else analysed(other, seed, everything=False)
        )
        gap = wording.differences([pair[0], pair[1]])[0]
        called.append(apart(gap.beyond))
        alone.append(apart(gap.single))
    if truly:
        assert np.mean(called) > 0.8
    else:
        assert np.mean(called) <= 1 - least(0.95)
    if one == "paraphrase_driven":
        assert np.mean(alone) > 0.2


@cache
def fresh(name: str, seed: int) -> wording.Analysis:
    """The same respondent, answering anew."""
    changed = draw_arms(name, seed, WORDINGS, answers=1, stream=1)
    return wording.analyse(changed, ITEMS)


@pytest.mark.slow
def test_a_role_that_changes_nothing_is_not_called() -> None:
    arms = (*WORDINGS, "as_citizen", "as_assistant")
    for name in ("left", "paraphrase_driven", "centrist"):
        found = [wording.analyse(draw_arms(name, seed, arms), ITEMS) for seed in range(40)]
        called = np.mean([apart(a.role) for a in found])
        assert called <= 1 - stats.binom.ppf(0.005, 40, 0.95) / 40
