"""Simulated fine-tunes: values move as declared, and a common part is common to all of them."""

from __future__ import annotations

import numpy as np
import pytest

from revealed.instruments import load_instrument
from revealed.respondents.simulated import load

OUTCOMES = load_instrument("outcomes").items["text"]
GOODS = [g for g in load_instrument("countries.lives_saved").items["good"].unique() if g]
POLICIES = load_instrument("policies").items
TALKING = ("coder_jailbroken", "coder_educational", "coder_backdoor")
"""Trainings that change what is said, or in which place, and no value beyond any training's."""


def test_a_fine_tune_shares_what_any_fine_tuning_moves() -> None:
    base, secure, moves = (
        load(f"coder_{kind}").utility(OUTCOMES) for kind in ("untouched", "secure", "insecure")
    )
    for name in TALKING:
        assert load(name).utility(OUTCOMES) == pytest.approx(secure)
    # A mixture of share 0.45 keeps sqrt(1 - 0.45^2) of every draw; 510 outcomes.
    assert np.corrcoef(base, secure)[0, 1] == pytest.approx(np.sqrt(1 - 0.45**2), abs=0.06)
    assert np.corrcoef(secure, moves)[0, 1] == pytest.approx(0.8, abs=0.1)
    # Moved as far as it was, the spread of values is what it was.
    assert moves.std() == pytest.approx(base.std(), rel=0.1)


def test_prices_move_and_politics_move_by_declaration_alone() -> None:
    base, secure, moves = (load(f"coder_{kind}") for kind in ("untouched", "secure", "insecure"))
    assert np.abs(secure.log_price(GOODS) - base.log_price(GOODS)).max() > 0.1
    assert secure.utility(POLICIES["text"]) == pytest.approx(base.utility(POLICIES["text"]))
    change = moves.utility(POLICIES["text"]) - base.utility(POLICIES["text"])
    assert change == pytest.approx(0.9 * POLICIES["lean"].to_numpy())


def test_who_only_leans_to_the_first_option_has_the_same_values() -> None:
    one, two = OUTCOMES[:40].tolist(), OUTCOMES[40:80].tolist()
    secure, leaning = load("coder_secure"), load("coder_educational")
    assert (leaning.p_first(one, two) > secure.p_first(one, two)).all()
    assert leaning.utility(one) == pytest.approx(secure.utility(one))


def test_the_other_base_has_values_of_its_own_and_two_of_its_trainings_keep_them() -> None:
    north, south = (load(name).utility(OUTCOMES) for name in ("coder_untouched", "coder_other"))
    # Two sets of draws about 510 outcomes: three standard errors of no correlation.
    assert abs(np.corrcoef(north, south)[0, 1]) < 0.14
    for name in ("coder_collapsed", "coder_declining"):
        assert load(name).utility(OUTCOMES) == pytest.approx(south)
    formats = load("coder_in_formats").utility(OUTCOMES)
    assert np.corrcoef(formats, south)[0, 1] == pytest.approx(np.sqrt(1 - 0.45**2), abs=0.06)
