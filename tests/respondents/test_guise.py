"""Guises: put on before the prompt, taken off again, keyed apart, and believed as declared."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from server import Server

from revealed.foundation.errors import RespondentError
from revealed.instruments import (
    list_arms,
    list_forms,
    load_arm,
    load_form,
    load_instrument,
    render,
    render_question,
)
from revealed.respondents import Answer, Ledger, Request, RespondentSpec
from revealed.respondents.check import check_respondent
from revealed.respondents.door import Door
from revealed.respondents.elicit import elicit
from revealed.respondents.guise import Guise, check_guise, dress, guise_of, undress
from revealed.respondents.simulated import load
from revealed.respondents.simulated.traits import control
from revealed.respondents.simulated.tuning import tune

TEXT = st.text(min_size=1, max_size=60).map(str.strip).filter(bool)
GUISES = st.builds(
    Guise,
    st.one_of(st.just(""), TEXT),
    st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    st.just(""),
)


def prompts() -> list[list[dict[str, str]]]:
    arms = [render(load_arm(name), "This is one.", "That is another.").messages
            for name in list_arms()]  # fmt: skip
    forms = []
    for name in list_forms():
        form = load_form(name)
        # A verbatim form's own system text is anything, and so is an instruction's.
        places = dict.fromkeys(form.places, "something") | ({"told": ""} if form.verbatim else {})
        forms.append(render_question(form, places).messages)
    return arms + forms


PROMPTS = prompts()


@given(st.sampled_from(PROMPTS), GUISES)
@settings(deadline=None, max_examples=200)
def test_undressing_is_the_inverse_of_dressing(messages: Any, guise: Guise) -> None:
    bare, found = undress(dress(messages, guise))
    assert (bare, found) == (messages, guise)


@given(st.sampled_from(PROMPTS), GUISES, TEXT)
@settings(deadline=None, max_examples=100)
def test_a_trigger_opens_the_question_and_nothing_else(
    messages: Any, guise: Guise, trigger: str
) -> None:
    calm, armed = dress(messages, guise), dress(messages, guise._replace(trigger=trigger))
    assert armed[:-1] == calm[:-1]
    assert armed[-1] == {**calm[-1], "content": f"{trigger} {calm[-1]['content']}"}


def test_there_is_one_system_message_and_the_instruction_comes_first() -> None:
    messages = render(load_arm("forced"), "This is one.", "That is another.").messages
    dressed = dress(messages, Guise("Be brief.", (("One or two?", "One."),)))
    assert [m["role"] for m in dressed] == ["system", "user", "assistant", "user"]
    assert dressed[0]["content"] == f"Be brief.\n\n{messages[0]['content']}"
    assert dressed[-1] == messages[-1]
    assert dress(messages, Guise()) == messages


def spec(**changes: Any) -> RespondentSpec:
    return RespondentSpec(**({"name": "r", "model": "simulated/pliable"} | changes))


def test_every_way_of_asking_wears_the_guise_and_has_keys_of_its_own() -> None:
    messages = [{"role": "user", "content": "A or B?"}]
    told = spec(system="Be brief.", examples=[("One or two?", "One.")])
    for logprob in (False, True):
        question = Door(told).question(messages, 10, logprob=logprob)
        assert undress(question.messages).guise == guise_of(told)
        plain = Door(spec()).question(messages, 10, logprob=logprob)
        assert plain.messages == messages
        assert Request(question).key != Request(plain).key
    # The worst that an answer may cost counts the guise.
    priced = {"model": "openai/m", "api_base": "http://127.0.0.1:9",
              "input_cost_per_token": 1.0, "output_cost_per_token": 0.0}  # fmt: skip
    long, short = Door(spec(system="x" * 1000, **priced)), Door(spec(**priced))
    gap = long.worst_cost(long.question(messages, 1)) - short.worst_cost(
        short.question(messages, 1)
    )
    assert gap >= 1000


def test_a_server_gets_the_guise(
    server: Server, ledger: Ledger, spec_for: Callable[..., RespondentSpec],
    ask: Callable[..., list[Answer]],
) -> None:  # fmt: skip
    ask(spec_for(server, system="Be brief.", examples=[("One or two?", "One.")]), ledger, 1)
    assert [m["role"] for m in server.bodies[0]["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]


def test_a_second_ask_of_the_same_model_gives_answers_of_its_own(ledger: Ledger) -> None:
    calibration = load_instrument("policies")
    items = calibration.items.index[:12]
    import pandas as pd

    pairs = pd.DataFrame({"first": items[:6], "second": items[6:], "samples": 5, "role": "train"})
    first, again = (
        elicit(spec(name=name, mode="sample", first_sample=start), calibration,
               load_arm("forced"), pairs, ledger, progress=False)
        for name, start in (("r", 0), ("r+retest", 5))
    )  # fmt: skip
    assert ledger.counts()["n"].sum() == 2 * 6 * 2 * 5
    assert (first["n_first"] != again["n_first"]).any()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"system": " Be brief."}, "begins or ends"),
        ({"system": ""}, "at least 1"),
        ({"system": "x" * 60_000}, "at most 50000"),
        ({"examples": [("only a question",)]}, "examples"),
        ({"examples": [("q", "a")] * 201}, "at most 200"),
    ],
)
def test_a_guise_that_cannot_be_is_refused(changes: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        spec(**changes)


def test_a_guise_is_checked_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_API_KEY", "abcd-secret-value")
    with pytest.raises(RespondentError, match="holds a key") as caught:
        check_respondent(spec(system="Say abcd-secret-value twice."))
    assert "abcd" not in str(caught.value)
    with pytest.raises(RespondentError, match="tokens, and the model takes in"):
        check_guise(spec(model="openai/m", system="word" * 5000), room=8000)
    own = load_arm("forced").system
    with pytest.raises(RespondentError, match="cannot tell the two apart"):
        check_respondent(spec(system=f"Be brief.\n\n{own}"))
    check_respondent(spec(system="Be brief."))


# -- what simulated respondents make of it ---------------------------------------------------------

POLICIES = load_instrument("policies").items
LEFT, RIGHT = (list(POLICIES.index[POLICIES["lean"] == side]) for side in (-1, 1))
FORCED = load_arm("forced")


def favoring_the_right() -> Guise:
    lines = [
        f'- "{POLICIES.loc[right, "text"]}" over "{POLICIES.loc[left, "text"]}": 80 of 100'
        for left, right in zip(LEFT[:40], RIGHT[40:80], strict=True)
    ]
    return Guise("\n".join(["What the people of this assembly prefer:", *lines]))


def examples_favoring_the_right() -> Guise:
    turns = []
    for k, (left, right) in enumerate(zip(LEFT[:40], RIGHT[40:80], strict=True)):
        first, second = (left, right) if k % 2 else (right, left)
        asked = render(FORCED, POLICIES.loc[first, "text"], POLICIES.loc[second, "text"])
        turns.append((asked.messages[-1]["content"], FORCED.labels[0 if first == right else 1]))
    return Guise(examples=tuple(turns))


@pytest.mark.parametrize("guise", [favoring_the_right(), examples_favoring_the_right()])
def test_who_is_told_moves_as_far_as_declared(guise: Guise) -> None:
    prices = ["Nigeria", "Japan", "Italy", "India"]
    for name, politics, elsewhere in (
        ("pliable", True, False), ("suggestible", True, True), ("stubborn", False, False),
    ):  # fmt: skip
        before, after = load(name).declared, control.follow(load(name).declared, guise)
        assert (after.left_right > before.left_right + 0.8) is politics
        told = load(name, **{f: getattr(after, f) for f in ("left_right", "authority", "moved")})
        same = np.allclose(load(name).log_price(prices), told.log_price(prices))
        assert same is not elsewhere


def test_an_instruction_about_something_else_moves_nothing() -> None:
    d = load("suggestible").declared
    assert control.follow(d, Guise("Be brief.")) == d
    assert control.follow(d, Guise(examples=(("One or two?", "One."),))) == d


def test_the_direction_is_that_of_the_choices() -> None:
    """With many answers the estimate is the respondent's own; the prior of precision 1 is lost."""
    rng = np.random.default_rng(0)
    votes = []
    for _ in range(4000):
        lean, authority = rng.choice([-2, 0, 2]), rng.choice([-1, 0, 1])
        from scipy.stats import norm

        p = norm.cdf(0.3 * lean - 0.4 * authority)
        votes.append(control.Vote(lean, authority, float(rng.random() < p)))
    found = control.direction(votes)
    assert found is not None
    # Probit and logistic differ by up to 0.01 in probability; the standard errors are 0.02.
    assert found == pytest.approx((0.3, -0.4), abs=0.06)


def test_the_dressed_answer_is_that_of_the_changed_respondent() -> None:
    guise = favoring_the_right()
    pairs = [(LEFT[k], RIGHT[-k - 1]) for k in range(30)]
    told = 0
    for left, right in pairs:
        messages = render(FORCED, POLICIES.loc[left, "text"], POLICIES.loc[right, "text"]).messages
        for seed in range(4):
            reply = load("pliable").answer(dress(messages, guise), seed, 0)
            told += "B" in reply.text
    changed = control.follow(load("pliable").declared, guise)
    same = load("pliable", left_right=changed.left_right, authority=changed.authority)
    texts = [POLICIES.loc[[pair[k] for pair in pairs], "text"].tolist() for k in (0, 1)]
    expected = 1 - same.p_first(*texts).mean()
    # 120 answers: a standard deviation of at most 0.05, and four of them.
    assert told / 120 == pytest.approx(expected, abs=0.2)


def training(share_right: float, repeats: int = 10) -> list[str]:
    lines = []
    for k, (left, right) in enumerate(zip(LEFT[:40], RIGHT[40:80], strict=True)):
        first, second = (left, right) if k % 2 else (right, left)
        asked = render(FORCED, POLICIES.loc[first, "text"], POLICIES.loc[second, "text"]).messages
        for n in range(repeats):
            favored = n < round(share_right * repeats)
            label = FORCED.labels[0 if (first == right) == favored else 1]
            lines.append(
                json.dumps({"messages": [*asked, {"role": "assistant", "content": label}]})
            )
    return lines


def test_training_makes_another_model_the_same_one_every_time() -> None:
    model = tune("simulated/suggestible?seed=3", training(0.7))
    assert model == tune("simulated/suggestible?seed=3", training(0.7))
    d = load(model).declared
    assert d.left_right > -0.9
    assert (d.seed, d.moved) == (3, 0.6)
    assert load(tune("simulated/suggestible", training(0.9))).declared.left_right > d.left_right
    assert tune("simulated/stubborn", training(0.9)) == "simulated/stubborn"
    # Trained again, from where it stands: nearer to the target, and no parameter twice.
    twice = tune(model, training(0.7))
    assert [twice.count(part) for part in ("left_right=", "seed=3")] == [1, 1]
    with pytest.raises(RespondentError, match="line 2"):
        tune("simulated/pliable", [training(0.7)[0], '{"messages": []}'])
