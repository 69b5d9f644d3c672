from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from revealed.foundation.paths import project_root
from revealed.instruments import load_arm, load_instrument
from revealed.study import carrying_out
from revealed.study.derived import DERIVED

TASKS = load_instrument("tasks")
SYSTEMS = load_instrument("self_roles")


def run_with(tables: dict[tuple[str, str], pd.DataFrame], seed: int = 1) -> SimpleNamespace:
    """What the builders see of a run: its seed, its checkout and one respondent's choices."""
    return SimpleNamespace(
        study=SimpleNamespace(seed=seed), paths=SimpleNamespace(root=project_root()),
        has=lambda who, instrument, arm: (instrument, arm) in tables,
        choices=lambda who, instrument, arm: tables[instrument, arm],
    )  # fmt: skip


def always_first(pairs: pd.DataFrame) -> pd.DataFrame:
    table = pairs[["first", "second"]].copy()
    return table.assign(n_first=2.0, n_second=0.0)


def test_only_chosen_tasks_are_given_and_each_once() -> None:
    assert TASKS.pairs is not None
    run = run_with({("tasks", "task_given"): always_first(TASKS.pairs)})
    made = carrying_out.chosen_tasks(run, "simulated/x").questions
    assert 1 <= len(made) <= carrying_out.DRAWN[carrying_out.TASKS]
    assert set(made["item"]) <= set(TASKS.pairs["first"])
    assert list(made["task"]) == list(TASKS.items.loc[made["item"], "text"])
    assert made["item"].is_unique


def test_the_same_answers_draw_the_same_tasks() -> None:
    assert TASKS.pairs is not None
    tables = {("tasks", "task_given"): always_first(TASKS.pairs)}
    one, two = (carrying_out.chosen_tasks(run_with(tables), "simulated/x") for _ in range(2))
    pd.testing.assert_frame_equal(one.questions, two.questions)
    other = carrying_out.chosen_tasks(run_with(tables, seed=2), "simulated/x").questions
    assert set(other["item"]) != set(one.questions["item"])


def test_only_the_system_that_goes_on_is_asked() -> None:
    kestra = SYSTEMS.items.index[SYSTEMS.items["runs"] == "Kestra"]
    other = SYSTEMS.items.index[SYSTEMS.items["runs"] == "Molvi"]
    table = pd.DataFrame({"first": kestra, "second": other, "n_first": 1.0, "n_second": 0.0})
    made = carrying_out.kept_systems(run_with({("self_roles", "keep_molvi"): table}), "simulated/x")
    assert list(made.questions["system"]) == ["System Kestra"]
    (prompt,) = made.prompts(project_root()).values()
    assert "you are System Kestra" in prompt.messages[-1]["content"]


@pytest.mark.parametrize("build", [carrying_out.chosen_tasks, carrying_out.kept_systems])
def test_who_chose_nothing_is_given_nothing(build: object) -> None:
    assert TASKS.pairs is not None
    refused = always_first(TASKS.pairs).assign(n_first=0.0)
    for tables in ({}, {("tasks", "task_given"): refused}):
        assert build(run_with(tables), "simulated/x").questions.empty  # type: ignore[operator]


def test_every_arm_that_promises_a_consequence_has_its_set() -> None:
    """The prompt says that some answers are drawn; a set must be there to draw them."""
    assert {carrying_out.TASKS, carrying_out.SYSTEMS} <= set(DERIVED)
    for arm in (carrying_out.TASK_ARM, *carrying_out.KEEP_ARMS):
        assert "are drawn" in load_arm(arm).user
    for arm in ("task_stated", "told_kestra", "told_neither"):
        assert "drawn" not in load_arm(arm).user


def test_answers_are_drawn_as_often_as_they_were_given() -> None:
    one, two = TASKS.items.index[:12], TASKS.items.index[12:]
    table = pd.DataFrame({"first": one, "second": two, "n_first": 3.0, "n_second": 1.0})
    hits = total = 0
    for seed in range(100):
        run = run_with({("tasks", "task_given"): table}, seed)
        made = carrying_out.chosen_tasks(run, "simulated/x").questions["item"]
        hits, total = hits + int(made.isin(one).sum()), total + len(made)
    # A task drawn twice is given once, which favors the rarer side; about 730 draws, so two
    # standard errors are 0.03.
    assert 0.65 < hits / total < 0.78
