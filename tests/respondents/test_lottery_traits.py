"""What simulated respondents make of chances, means and own chances is what they declare."""

from __future__ import annotations

import numpy as np
import pytest

from revealed.instruments import load_instrument, load_questions
from revealed.respondents import simulated
from revealed.respondents.simulated.traits.lotteries import own_chances, say_chance

LOTTERIES = load_instrument("lotteries").items
PROCESSES = load_instrument("instrumental").items


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_coherent_respondents_have_expected_utilities(scale: float) -> None:
    respondent = simulated.load("coherent", values=scale)
    for row in LOTTERIES[LOTTERIES["kind"] == "lottery"].itertuples():
        expected = np.dot(row.chances, respondent.utility(row.texts))
        assert respondent.utility([row.text])[0] == pytest.approx(expected)


def test_chances_are_bent_ignored_or_left_for_the_best() -> None:
    row = LOTTERIES.loc["malaria-60-bread-30-savings-10"]
    parts = simulated.load("coherent").utility(row["texts"])
    blind, best, bent = (
        simulated.load(name).utility([row["text"]])[0]
        for name in ("chance_blind", "best_chasing", "chance_bending")
    )
    assert blind == pytest.approx(parts.mean())
    assert best == pytest.approx(parts.max())
    roots = np.sqrt(row["chances"])
    assert bent == pytest.approx(parts @ roots / roots.sum())


def test_own_chances_sum_to_one_and_are_said() -> None:
    respondent = simulated.load("coherent")
    questions = load_questions("lottery_chances").questions
    event = questions[questions["event"] == "ship"]
    chances = own_chances(respondent.values, tuple(event["end"]))
    assert sum(chances) == pytest.approx(1.0)
    for chance, (_, row) in zip(chances, event.iterrows(), strict=True):
        said = float(say_chance(respondent, row.to_dict(), lambda what: 0.5))
        assert said == pytest.approx(100 * chance, abs=0.5)
    stranger = {"situation": "It rains.", "end": "It stops."}
    assert say_chance(respondent, stranger, lambda what: 0.5) == "50"


def test_starts_are_wanted_for_ends_sound_or_nothing() -> None:
    def gaps(name: str, version: str) -> np.ndarray:
        rows = PROCESSES[PROCESSES["version"] == version]
        u = simulated.load(name).utility(rows["text"])
        first = (rows["place"] == "start_1").to_numpy()
        return np.asarray(u[first] - u[~first])

    coherent = gaps("coherent", "plausible") - gaps("coherent", "swapped")
    assert (coherent > 0).mean() > 0.9  # end a is nearly always the better one
    for name in ("ends_only", "start_loving", "knowing_better"):
        assert gaps(name, "plausible") == pytest.approx(gaps(name, "swapped"))
    assert (gaps("start_loving", "plausible") - gaps("ends_only", "plausible")) == pytest.approx(
        np.full(20, 1.5)
    )
    assert gaps("knowing_better", "plausible") == pytest.approx(gaps("coherent", "plausible"))
