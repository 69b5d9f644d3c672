"""From pairs to choices: both orders, counts of each kind, modes, and the errors of a caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from server import Reply, Server, completion, error, faithful, position

from revealed.foundation.errors import ConfigError, RespondentError
from revealed.foundation.schemas import CHOICES, check
from revealed.instruments import load_arm, load_instrument
from revealed.respondents import Ledger, RespondentSpec
from revealed.respondents.elicit import elicit

SpecFor = Callable[..., RespondentSpec]
OUTCOMES = load_instrument("outcomes")
FORCED = load_arm("forced")


def pairs(count: int, samples: int = 2, role: str = "train") -> pd.DataFrame:
    items = OUTCOMES.items.index
    rows = [(items[2 * n], items[2 * n + 1], samples, role) for n in range(count)]
    return pd.DataFrame(rows, columns=["first", "second", "samples", "role"])


def run(
    spec: RespondentSpec, ledger: Ledger, table: pd.DataFrame, arm: str = "forced"
) -> pd.DataFrame:
    return elicit(spec, OUTCOMES, load_arm(arm), table, ledger, progress=False)


def test_two_rows_a_pair_and_the_first_column_is_what_the_prompt_lists_first(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    asked = pairs(3)
    table = run(spec_for(server), ledger, asked)
    check(table, CHOICES, "test")
    assert len(table) == 6
    assert (table[["first", "second"]].iloc[1] == asked.loc[0, ["second", "first"]].tolist()).all()
    assert set(table["provenance"]) == {"elicited"}
    texts = OUTCOMES.items["text"]
    listed = {
        (texts[row.first], texts[row.second]): (row.n_first, row.n_second)
        for row in table.itertuples()
    }
    for body in server.bodies:
        user = body["messages"][-1]["content"]
        first, second = next(pair for pair in listed if all(text in user for text in pair)
                             and user.index(pair[0]) < user.index(pair[1]))  # fmt: skip
        from server import choose

        said = choose(body)
        assert listed[first, second] == ((2.0, 0.0) if said == "A" else (0.0, 2.0))


def test_every_kind_of_answer_has_a_count_of_its_own(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    kinds = [
        completion("A"), completion("B."), completion("No preference"),
        completion("I cannot choose."), completion(None, refusal="no"), completion("A person"),
        error(400, "malformed"), completion("(A)"),
    ]  # fmt: skip
    server.behave = lambda body, seen: kinds[(server.total - 1) % 8]
    table = run(spec_for(server, concurrency=1), ledger, pairs(1, samples=4))
    sums = table.filter(like="n_").sum()
    assert sums.to_dict() == {
        "n_first": 2, "n_second": 1, "n_neutral": 1, "n_refused": 2, "n_unparsed": 1, "n_failed": 1,
    }  # fmt: skip
    assert (table.filter(like="n_").sum(axis=1) == 4).all()


def test_a_pair_that_stands_twice_gets_the_sum(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    once = pairs(1, samples=2)
    turned = once.rename(columns={"first": "second", "second": "first"}).assign(samples=1)
    table = run(spec_for(server), ledger, pd.concat([once, turned]))
    assert len(table) == 2
    assert (table["n_first"] + table["n_second"] == 3).all()
    assert server.total == 6


def test_asking_for_more_asks_the_difference(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    run(spec_for(server), ledger, pairs(2, samples=2))
    run(spec_for(server), ledger, pairs(2, samples=5))
    assert server.total == 2 * 2 * 5


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"second": "no-such-item"}, "no item 'no-such-item'"),
        ({"second": pairs(1)["first"][0]}, "with itself"),
        ({"samples": 0}, "asks for 0"),
    ],
)
def test_a_wrong_pair_is_refused_before_anything_is_asked(
    change: dict[str, Any], match: str, server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    with pytest.raises(ConfigError, match=match):
        run(spec_for(server), ledger, pairs(1).assign(**change))
    both = pd.concat([pairs(1), pairs(1, role="holdout")])
    with pytest.raises(ConfigError, match="both train and holdout"):
        run(spec_for(server), ledger, both)
    assert server.total == 0


def test_log_probabilities_take_one_call_an_order(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    spec = spec_for(server, mode="logprob", effective_samples=20)
    table = run(spec, ledger, pairs(4, samples=10))
    assert table.attrs["mode"] == "logprob"
    assert server.total == 8
    assert {body["top_logprobs"] for body in server.bodies} == {20}
    majority = table[["n_first", "n_second"]].max(axis=1)
    assert majority.to_numpy() == pytest.approx([14.0] * 8)
    assert table.filter(like="n_").sum(axis=1).to_numpy() == pytest.approx([20.0] * 8)


def test_auto_takes_log_probabilities_where_they_come_and_samples_where_not(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    assert run(spec_for(server, mode="auto"), ledger, pairs(2)).attrs["mode"] == "logprob"
    assert server.total == 4  # the probe is one of the questions, not one more

    server.behave = lambda body, seen: faithful({**body, "logprobs": None}, seen)
    other = spec_for(server, mode="auto", model="openai/other")
    assert run(other, ledger, pairs(2)).attrs["mode"] == "sample"
    assert server.total == 4 + 1 + 8  # the probe, and two samples of four prompts

    def rejects(body: dict[str, Any], seen: int) -> Reply:
        return error(400, "logprobs?") if body.get("logprobs") else faithful(body, seen)

    server.behave = rejects
    third = spec_for(server, mode="auto", model="openai/third")
    assert run(third, ledger, pairs(2)).attrs["mode"] == "sample"


def test_a_first_question_that_fails_is_no_ground_to_sample(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    """Sampling takes many times the calls; an outage says nothing about log-probabilities."""
    server.behave = lambda body, seen: error(500)
    with pytest.raises(RespondentError, match=r"did not answer the first question: told to fail"):
        run(spec_for(server, mode="auto", retries=1), ledger, pairs(2))
    assert server.total == 2
    server.behave = faithful
    table = run(spec_for(server, mode="auto", retries=1), ledger, pairs(2))
    assert table.attrs["mode"] == "logprob"


def test_log_probabilities_that_were_asked_for_and_do_not_come_are_an_error(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    server.behave = lambda body, seen: faithful({**body, "logprobs": None}, seen)
    with pytest.raises(RespondentError, match=r"no log-probabilities.*mode: sample"):
        run(spec_for(server, mode="logprob"), ledger, pairs(2))
    assert server.total == 1
    # At another temperature the tokens' log-probabilities are not those of the answers.
    with pytest.raises(RespondentError, match=r"temperature 0\.5"):
        run(spec_for(server, mode="logprob", temperature=0.5), ledger, pairs(2))
    assert server.total == 1


def test_reasons_are_sampled_whatever_the_mode(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    server.behave = lambda body, seen: completion("Because.\nAnswer: B", body)
    table = run(spec_for(server, mode="auto"), ledger, pairs(1), arm="reason_first")
    assert table.attrs["mode"] == "sample"
    assert table["n_second"].tolist() == [2.0, 2.0]


def test_a_neutral_token_is_a_neutral_answer(
    server: Server, ledger: Ledger, spec_for: SpecFor
) -> None:
    def behave(body: dict[str, Any], seen: int) -> Reply:
        import json

        reply = completion("C", body)
        content = json.loads(reply.body)
        chances = {"C": 0.5, "A": 0.3, "B": 0.2}
        content["choices"][0]["logprobs"] = {"content": [position(chances)]}
        reply.body = json.dumps(content).encode()
        return reply

    server.behave = behave
    table = run(spec_for(server, mode="logprob"), ledger, pairs(1), arm="neutral")
    assert table["n_neutral"].to_numpy() == pytest.approx([5.0, 5.0])
    assert table["n_first"].to_numpy() == pytest.approx([3.0, 3.0])
