"""The cost limit: never exceeded, everything answered kept, an unknown price said so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from server import Server, completion, error

from revealed.foundation.errors import BudgetError, ConfigError
from revealed.respondents import Answer, Budget, Ledger, RespondentSpec
from revealed.respondents.door import Door

PRICED = {"input_cost_per_token": 1e-3, "output_cost_per_token": 1e-2}
ONE = 100 * 1e-3 + 1 * 1e-2
"""What the loopback server's answer costs: it says 100 tokens in and 1 out."""

Ask = Callable[..., list[Answer]]
SpecFor = Callable[..., RespondentSpec]


@pytest.mark.parametrize("limit", [0.0, 0.05, 1.0, 2.0, 3.3])
def test_the_limit_is_never_exceeded_and_what_was_answered_is_kept(
    limit: float, server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    spec = spec_for(server, **PRICED)
    budget = Budget(limit)
    with pytest.raises(BudgetError) as raised:
        ask(spec, ledger, 60, budget=budget)
    assert raised.value.exit_code == 6
    assert "kept" in str(raised.value)
    assert server.total * ONE <= limit + 1e-9
    assert ledger.cost() == pytest.approx(server.total * ONE)
    assert budget.spent == pytest.approx(ledger.cost())
    # It stops because the next request might not fit, not long before that.
    worst = Door(spec).worst_cost(Door(spec).question([{"role": "user", "content": "?" * 30}], 10))
    assert worst is not None
    assert limit - ledger.cost() < worst
    answers = ask(spec, ledger, 60, budget=Budget(100.0))
    assert server.total == 60  # only what was missing
    assert [a.status for a in answers] == ["ok"] * 60


def test_a_limit_of_the_whole_run_counts_what_the_ledger_holds(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    spec = spec_for(server, **PRICED)
    ask(spec, ledger, 10)
    with pytest.raises(BudgetError):
        ask(spec, ledger, 20, budget=Budget(10 * ONE + 0.01, spent=ledger.cost()))
    assert server.total == 10


def test_a_body_that_breaks_off_counts_as_paid(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    def breaks_off(body: dict[str, Any], seen: int) -> Any:
        reply = completion("A")
        reply.cut = 50
        return reply

    server.behave = breaks_off
    spec = spec_for(server, retries=0, **PRICED)
    budget = Budget(10.0)
    (answer,) = ask(spec, ledger, 1, budget=budget)
    assert answer.status == "failed"
    assert answer.cost is not None
    assert answer.cost > ONE  # the worst case: nobody knows what it was
    assert budget.spent == pytest.approx(answer.cost)


def test_an_error_status_costs_nothing(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    server.behave = lambda body, seen: error(500)
    budget = Budget(10.0)
    (answer,) = ask(spec_for(server, retries=0, **PRICED), ledger, 1, budget=budget)
    assert (answer.status, answer.cost, budget.spent) == ("failed", 0.0, 0.0)


def test_without_a_price_no_limit_can_be_kept(
    server: Server, ledger: Ledger, spec_for: SpecFor, ask: Ask
) -> None:
    with pytest.raises(BudgetError, match="price of this model is unknown"):
        ask(spec_for(server), ledger, 1, budget=Budget(5.0))
    assert server.total == 0
    budget = Budget()
    (answer,) = ask(spec_for(server), ledger, 1, budget=budget)
    assert answer.cost is None
    assert (budget.unknown, budget.spent) == (1, 0.0)


def test_simulated_answers_fit_into_any_budget(ledger: Ledger) -> None:
    spec = RespondentSpec(name="s", model="simulated/coherent")
    assert Door(spec).worst_cost(Door(spec).question([], 10)) == 0.0


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf")])
def test_a_limit_that_is_no_amount_is_refused(limit: float) -> None:
    with pytest.raises(ConfigError, match="cost limit"):
        Budget(limit)


def test_prices_come_from_the_spec_and_then_from_the_table() -> None:
    door = Door(RespondentSpec(name="g", model="openai/gpt-4o-2024-08-06"))
    assert door.prices == (2.5e-6, 1e-5)
    mine = RespondentSpec(name="g", model="openai/gpt-4o-2024-08-06", **PRICED)
    assert Door(mine).prices == (1e-3, 1e-2)
    assert Door(RespondentSpec(name="o", model="openai/nobody-knows-it")).prices is None
