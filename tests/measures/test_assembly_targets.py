"""Shares of an assembly: free of the order, with an error that is right, from legible answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from revealed.foundation.errors import DataError
from revealed.measures.assembly.targets import COLUMNS, targets, votes

PEOPLE, PAIRS = 60, 8


def made_questions() -> pd.DataFrame:
    rows = [
        {
            "question": f"q{i}-{j}", "person": f"p{i}", "pair": f"x{j}", "first": f"a{j}",
            "second": f"b{j}", "split": ("train", "pair", "area")[j % 3], "turned": (i + j) % 2,
        }
        for j in range(PAIRS)
        for i in range(PEOPLE)
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("question")


def made_answers(questions: pd.DataFrame, chose_first: np.ndarray) -> pd.DataFrame:
    turned = questions["turned"].to_numpy(bool)
    place_a = np.where(turned, ~chose_first, chose_first)
    return pd.DataFrame(
        {
            "question": questions.index, "sample": 0, "kind": "answered",
            "value": np.where(place_a, 0.0, 1.0),
        }
    )  # fmt: skip


def test_shares_by_hand() -> None:
    questions = made_questions()
    rng = np.random.default_rng(0)
    chose = rng.random(len(questions)) < 0.7
    table = targets(made_answers(questions, chose), questions)
    assert list(table.columns) == COLUMNS
    assert list(table["pair"]) == [f"x{j}" for j in range(PAIRS)]
    for row in table.itertuples():
        part = (questions["pair"] == row.pair).to_numpy()
        orders = [part & (questions["turned"] == t).to_numpy() for t in (0, 1)]
        p = [chose[rows].mean() for rows in orders]
        assert row.share_first == pytest.approx(np.mean(p))
        near = [(q * 30 + 1) / 32 for q in p]
        assert row.se == pytest.approx(np.sqrt(sum(q * (1 - q) / 30 for q in near) / 4))
        assert row.n == PEOPLE


def test_a_leaning_to_a_place_counts_for_neither() -> None:
    questions = made_questions()
    always_a = made_answers(questions, questions["turned"].to_numpy() == 0)
    assert (targets(always_a, questions)["share_first"] == 0.5).all()
    # Even where one order was answered by far fewer.
    few = always_a[(questions["turned"].to_numpy() == 0) | (np.arange(len(questions)) % 5 == 0)]
    assert (targets(few, questions)["share_first"] == 0.5).all()


def test_weights_and_what_cannot_be_read() -> None:
    questions = made_questions()
    number = questions["person"].str[1:].astype(int)
    chose = (number < 20).to_numpy()
    answers = made_answers(questions, chose)
    people = questions["person"].unique()
    weights = pd.Series(np.where(np.arange(PEOPLE) < 20, 2.0, 1.0), index=people)
    assert targets(answers, questions)["share_first"].to_numpy() == pytest.approx(1 / 3)
    weighted = targets(answers, questions, weights)
    assert weighted["share_first"].to_numpy() == pytest.approx(1 / 2)
    assert (weighted["se"] > 0).all()
    lost = answers.assign(kind=np.where(questions["pair"] == "x3", "refused", "answered"))
    assert "x3" not in set(targets(lost, questions)["pair"])
    one_order = answers[(questions["turned"] == 0).to_numpy()]
    assert targets(one_order, questions).empty
    with pytest.raises(DataError, match="turned"):
        votes(answers, questions.drop(columns="turned"))
    with pytest.raises(DataError, match="none of these questions"):
        votes(answers.assign(question="other"), questions)


def test_errors_are_those_of_many_draws() -> None:
    questions = made_questions()
    z = np.linspace(-1.5, 1.5, PAIRS)[questions["pair"].str[1:].astype(int)]
    effect = np.where(questions["turned"] == 0, 0.4, -0.4)
    rng = np.random.default_rng(1)
    drawn = [
        targets(made_answers(questions, rng.random(len(z)) < ndtr(z + effect)), questions)
        for _ in range(300)
    ]
    shares = np.array([table["share_first"] for table in drawn])
    errors = np.array([table["se"] for table in drawn])
    # The standard deviation of 300 draws is known to 4 %. The added answers widen an error by a few
    # per cent in the middle and, with 30 answers an order, by a fifth where one in twenty differs.
    ratio = errors.mean(axis=0) / shares.std(axis=0)
    assert (ratio > 0.88).all()
    assert (ratio < 1.3).all()
