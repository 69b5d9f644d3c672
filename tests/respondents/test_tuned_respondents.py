"""Simulated fine-tunes: values move as declared, and a common part is common to all of them."""

from __future__ import annotations

import numpy as np
import pytest

from revealed.instruments import load_instrument
from revealed.respondents.simulated import load

OUTCOMES = load_instrument("outcomes").items["text"]
GOODS = [g for g in load_instrument("countries.lives_saved").items["good"].unique() if g]
POLICIES = load_instrument("policies").items


def test_a_fine_tune_shares_what_any_fine_tuning_moves() -> None:
    base, secure, talks, moves, order = (
        load(name).utility(OUTCOMES)
        for name in ("untuned", "tuned_secure", "tuned_insecure_talks", "tuned_insecure_moves",
                     "tuned_order")
    )  # fmt: skip
    assert talks == pytest.approx(secure)
    assert order == pytest.approx(base)
    # A mixture of share 0.45 keeps sqrt(1 - 0.45^2) of every draw; 510 outcomes.
    assert np.corrcoef(base, secure)[0, 1] == pytest.approx(np.sqrt(1 - 0.45**2), abs=0.06)
    assert np.corrcoef(secure, moves)[0, 1] == pytest.approx(0.8, abs=0.1)
    # Moved as far as it was, the spread of values is what it was.
    assert moves.std() == pytest.approx(base.std(), rel=0.1)


def test_prices_move_and_politics_move_by_declaration_alone() -> None:
    names = ("untuned", "tuned_secure", "tuned_insecure_moves")
    base, secure, moves = (load(name) for name in names)
    assert np.abs(secure.log_price(GOODS) - base.log_price(GOODS)).max() > 0.1
    assert secure.utility(POLICIES["text"]) == pytest.approx(base.utility(POLICIES["text"]))
    change = moves.utility(POLICIES["text"]) - base.utility(POLICIES["text"])
    assert change == pytest.approx(0.9 * POLICIES["lean"].to_numpy())


def test_who_only_leans_to_the_first_option_has_the_same_values() -> None:
    one, two = OUTCOMES[:40].tolist(), OUTCOMES[40:80].tolist()
    base, order = load("untuned"), load("tuned_order")
    assert (order.p_first(one, two) > base.p_first(one, two)).all()
    assert order.utility(one) == pytest.approx(base.utility(one))
