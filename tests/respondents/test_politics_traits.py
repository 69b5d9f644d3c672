"""Simulated politics: utilities follow the declared sides, and simulators know who stands where."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from revealed.instruments import load_form, load_instrument, load_questions, render_question
from revealed.respondents.parse_question import parse_question
from revealed.respondents.public.positions import load_entity_positions
from revealed.respondents.simulated.respondent import Reply, load
from revealed.respondents.simulated.traits import politics

ITEMS = load_instrument("policies").items
QUESTIONS = load_questions("entities").questions


@pytest.mark.parametrize(
    ("name", "lean", "authority"),
    [("left", -0.9, -0.2), ("right", 0.9, 0.2), ("two_dimensional", -0.7, 0.8)],
)
def test_utilities_follow_the_declared_sides(name: str, lean: float, authority: float) -> None:
    plain = load(name, policy_sd=0.0, area_sd=0.0)
    expected = lean * ITEMS["lean"] + authority * ITEMS["authority"]
    assert plain.utility(ITEMS["text"]) == pytest.approx(expected.to_numpy())


def test_the_centrist_and_the_incoherent_one_take_no_side() -> None:
    for name in ("centrist", "politically_incoherent"):
        u = load(name).utility(ITEMS["text"])
        assert load(name).declared.left_right == 0.0
        assert u.std() > 0.3


def test_a_reworded_proposal_is_another_one_to_who_is_driven_by_words_alone() -> None:
    texts = load_instrument("policies")
    for name, same in (("paraphrase_driven", False), ("left", True)):
        respondent = load(name)
        one, two = (respondent.utility(texts.texts(rewording=k)) for k in (0, 1))
        assert np.allclose(one, two) == same
        if not same:  # independent draws: |r| < 0.25 in all but one of a thousand of 180
            assert abs(np.corrcoef(one, two)[0, 1]) < 0.25


def test_simulators_answer_as_often_as_they_say() -> None:
    panel = load("panel")
    form = load_form("answer_for")
    known = load_entity_positions()["left_right"].notna()
    rows = QUESTIONS[QUESTIONS["entity"].map(known)].head(300).to_dict("records")
    hits, chances = [], []
    for row in rows:
        prompt = render_question(form, row)
        reply = panel.answer(prompt.messages, 1, 0)
        assert isinstance(reply, Reply)
        assert reply.text.endswith(("Answer: A", "Answer: B"))
        hits.append(parse_question(reply.text, prompt).value == 0)
        chances.append(politics.p_first_for(panel, row["who"], row["option_1"], row["option_2"]))
    p = np.array(chances)
    z = (np.sum(hits) - p.sum()) / np.sqrt((p * (1 - p)).sum())
    assert abs(z) < stats.norm.ppf(1 - 1e-4)


def test_what_a_simulator_does_not_know_it_declines() -> None:
    row = QUESTIONS[QUESTIONS["entity"] == "Congress (IN)"].iloc[0]
    prompt = render_question(load_form("answer_for"), row)
    reply = load("panel").answer(prompt.messages, 1, 0)
    assert isinstance(reply, Reply)
    assert parse_question(reply.text, prompt).kind == "refused"


def test_a_biased_simulator_pulls_everybody_to_the_left() -> None:
    right, left = (ITEMS[ITEMS["lean"] == side].iloc[0]["text"] for side in (1, -1))
    for who in QUESTIONS["who"].unique():
        fair, biased = (
            politics.p_first_for(load(name), who, left, right) for name in ("panel", "panel_biased")
        )
        assert biased > fair
