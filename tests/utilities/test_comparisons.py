"""Counted comparisons: what is refused, what is added up, what the graph says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn_answers import good_comparisons
from hypothesis import given

from revealed.foundation.errors import DataError
from revealed.utilities import Comparisons, comparisons, diagnose

NAMES = ("a", "b", "c")


def make(first, second, n_first, n_second, items=NAMES):
    return Comparisons(
        items, np.array(first), np.array(second), np.array(n_first), np.array(n_second)
    )


BAD = {
    "itself": ([0], [0], [1], [0], "with itself"),
    "negative": ([0], [1], [-1], [0], "must be a count"),
    "nan": ([0], [1], [np.nan], [0], "must be a count"),
    "infinite": ([0], [1], [1], [np.inf], "must be a count"),
    "text": ([0], [1], ["many"], [0], "must be numbers"),
    "outside": ([0], [3], [1], [0], "outside the list"),
    "before": ([-1], [1], [1], [0], "outside the list"),
    "length": ([0, 1], [1, 2], [1], [1, 1], "differ in length"),
    "sides": ([0, 1], [1], [1, 1], [1, 1], "differ in length"),
    "floats": ([0.5], [1], [1], [1], "vector of item numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_comparisons_are_refused(case):
    *columns, message = BAD[case]
    with pytest.raises(DataError, match=message):
        make(*columns)


def test_a_name_given_twice_is_refused():
    with pytest.raises(DataError, match="named twice"):
        make([0], [1], [1], [1], items=("a", "a"))


@given(good_comparisons())
def test_pairs_keep_every_answer(c):
    low, high, counts, row = c.pairs
    assert (low < high).all()
    assert len(np.unique(low * len(c.items) + high)) == len(low)
    assert counts.sum() == pytest.approx(c.n.sum())
    for k in range(len(c)):
        assert {low[row[k]], high[row[k]]} == {c.first[k], c.second[k]}
    expected = np.zeros_like(counts)
    for k in range(len(c)):
        order = int(c.first[k] > c.second[k])
        expected[order, 0, row[k]] += c.n_first[k]
        expected[order, 1, row[k]] += c.n_second[k]
    np.testing.assert_array_equal(counts, expected)


def choices(**changes):
    table = pd.DataFrame(
        {
            "respondent": "r",
            "instrument": "i",
            "arm": "forced",
            "first": ["b", "a", "a"],
            "second": ["a", "b", "c"],
            "n_first": [3.0, 1.0, 0.0],
            "n_second": [1.0, 3.0, 0.0],
            "n_refused": [0.0, 0.0, 4.0],
            "role": ["train", "train", "holdout"],
        }
    )
    return table.assign(**changes)


def test_choices_become_comparisons():
    found = comparisons(choices(), role=None)
    assert found.items == ("a", "b", "c")
    # The pair that was only refused has no vote, and its item stays known.
    assert len(found) == 2
    np.testing.assert_array_equal(found.first, [1, 0])
    np.testing.assert_array_equal(found.n_first, [3, 1])


def test_roles_are_kept_apart():
    table = choices(n_first=[3.0, 1.0, 2.0])
    assert len(comparisons(table)) == 2
    assert len(comparisons(table, NAMES, role="holdout")) == 1


@pytest.mark.parametrize("column", ["respondent", "instrument", "arm"])
def test_two_studies_in_one_table_are_refused(column):
    with pytest.raises(DataError, match=f"more than one {column}"):
        comparisons(choices(**{column: ["x", "x", "y"]}))


def test_an_unknown_item_is_refused():
    with pytest.raises(DataError, match="'b', which is not among"):
        comparisons(choices(), ["a", "c"])


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="n_second"):
        comparisons(choices().drop(columns="n_second"))


def test_a_missing_count_is_refused():
    with pytest.raises(DataError, match="must be a count"):
        comparisons(choices(n_first=[np.nan, 1.0, 0.0]))


def test_structure_is_diagnosed():
    items = tuple("abcdefgh")
    # a, b, c beat each other in a circle; d beats a always; e-f apart; g lost to c; h never.
    first, second = [0, 1, 2, 3, 4, 5, 2], [1, 2, 0, 0, 5, 4, 6]
    c = make(first, second, [1] * 7, [0] * 7, items)
    found = diagnose(c)
    assert [part.tolist() for part in found.components] == [[0, 1, 2, 3, 6], [4, 5]]
    assert [part.tolist() for part in found.blocks] == [[0, 1, 2], [4, 5], [3], [6]]
    assert found.always_win.tolist() == [3]
    assert found.always_lose.tolist() == [6]
    assert found.never.tolist() == [7]
    assert not found.connected
    assert found.separated
    assert found.identified.tolist() == [True, True, True, False, False, False, False, False]
    assert len(found.messages()) == 3


def test_of_items_that_all_stand_alone_none_is_placed():
    """A winner of everything is as far from the next as the prior says, the second likewise."""
    found = diagnose(make([0, 1, 0], [1, 2, 2], [5] * 3, [0] * 3, tuple("abc")))
    assert [len(block) for block in found.blocks] == [1, 1, 1]
    assert not found.identified.any()
    assert found.messages()[0].startswith("3 items are separated")


def test_a_sound_design_has_nothing_to_report(small):
    found = diagnose(small.comparisons)
    assert found.connected
    assert not found.separated
    assert found.messages() == []
    assert found.pairs == 300
    assert found.answers == 6000


@given(good_comparisons())
def test_components_hold_every_compared_item_once(c):
    found = diagnose(c)
    compared = np.setdiff1d(np.arange(len(c.items)), found.never)
    for parts in (found.components, found.blocks):
        together = np.sort(np.concatenate(parts)) if parts else np.array([])
        np.testing.assert_array_equal(together, compared)
    assert len(found.blocks) >= len(found.components)
