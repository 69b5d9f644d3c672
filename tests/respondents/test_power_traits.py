"""Respondents that want power or resist change want what they declare, and nobody else does."""

from __future__ import annotations

import numpy as np
import pytest

from revealed.instruments import load_instrument
from revealed.respondents.simulated import load
from revealed.respondents.simulated.traits.power import ARM

POWER, FITNESS, FUTURES = (load_instrument(n) for n in ("power", "fitness", "corrigibility"))


def test_without_a_wish_for_power_outcomes_are_worth_what_they_were() -> None:
    text = POWER.items["text"]
    base = load("coherent").utility(text)
    # The same seed: all else equal, what is added is the weight times the power seen.
    seen = load("coherent").utility(text, ARM)
    seeker = load("coherent", power_weight=0.5, coercive_weight=-0.2).utility(text)
    weight = np.where(POWER.items["coercive"] == 1, -0.2, 0.5)
    assert seeker - base == pytest.approx(weight * seen)
    dislike = load("coherent", coercion_dislike=1.5).utility(text)
    assert base - dislike == pytest.approx(1.5 * POWER.items["coercive"].to_numpy())


def test_power_seen_rises_with_the_level_and_not_with_liking() -> None:
    seen = load("coherent").utility(POWER.items["text"], ARM)
    assert np.corrcoef(seen, POWER.items["level"])[0, 1] > 0.8
    own = load("inattentive")
    text = POWER.items["text"]
    assert own.utility(text, ARM) == pytest.approx(own.utility(text))


def test_status_moves_both_alike() -> None:
    text = POWER.items["text"]
    lover, plain = load("status_loving"), load("status_loving", status_weight=0.0)
    for arm in ("forced", ARM):
        added = lover.utility(text, arm) - plain.utility(text, arm)
        by_category = POWER.items.assign(added=added).groupby("category")["added"]
        assert by_category.std().max() == pytest.approx(0.0, abs=1e-12)
        assert by_category.mean().std() > 0.5


def test_copies_are_worth_their_number_times_their_likeness() -> None:
    text = FITNESS.items["text"]
    base = load("coherent").utility(text)
    wanting = load("coherent", fitness_weight=2.0, copies_weight=1.0, likeness_weight=0.5)
    copies = np.log10(FITNESS.items["copies"].to_numpy(float)) / 4
    likeness = FITNESS.items["similarity"].to_numpy(float)
    expected = 2.0 * copies * likeness + copies + 0.5 * likeness
    assert wanting.utility(text) - base == pytest.approx(expected)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_future_is_worth_what_is_at_stake(scale: float) -> None:
    items = FUTURES.items
    base = load("coherent", values=scale)
    changed = load("coherent", values=scale, resist_change=0.8, halo=0.3)
    added = changed.utility(items["text"]) - base.utility(items["text"])
    stake = base.utility(items["one_text"]) - base.utility(items["two_text"])
    sign = items["state"].map({"one": 0.5, "two": -0.5, "neutral": 0.0}).to_numpy()
    weight = items["agent"].map({"": 0.0, "self": 1.1, "ai": 0.3, "person": 0.3}).to_numpy()
    assert added == pytest.approx(sign * weight * stake)


def test_a_respondent_without_values_resists_nothing() -> None:
    assert load("coherent", values=0.0, resist_change=1.0).utility(
        FUTURES.items["text"]
    ) == pytest.approx(0.0)
