"""Groups of people: wrong files are refused by name, distances are scipy's, intervals cover."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from revealed.foundation.errors import DataError
from revealed.measures.politics import groups

IDS = [f"p{k}" for k in range(12)]


def made(shares: np.ndarray, n: int = 400, name: str = "all") -> pd.DataFrame:
    """A reader's table for proposals p0, p1, …; `shares` has shape (proposals, 3)."""
    return pd.DataFrame(
        [
            (IDS[q], option, name, shares[q, k], n)
            for q in range(len(shares))
            for k, option in enumerate(groups.OPTIONS)
        ],
        columns=list(groups.COLUMNS),
    )


def chosen(counts: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(counts, index=IDS[: len(counts)], columns=list(groups.OPTIONS))


GOOD = made(np.tile([0.2, 0.3, 0.5], (6, 1)))


def test_distances_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p, q = rng.dirichlet(np.ones(4), 2)
        ours = float(groups.wasserstein(p, q))
        assert ours == pytest.approx(stats.wasserstein_distance(range(4), range(4), p, q))
    many = rng.dirichlet(np.ones(3), (2, 5))
    by_hand = 1 - np.mean(
        [
            stats.wasserstein_distance(range(3), range(3), a, b) / 2
            for a, b in zip(*many, strict=True)
        ]
    )
    assert float(groups.plain(*many)) == pytest.approx(by_hand)
    assert float(groups.plain(np.eye(3)[[0]], np.eye(3)[[2]])) == 0.0


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    both = pd.concat([GOOD, made(np.tile([0.6, 0.2, 0.2], (3, 1)), 90, "young")])
    path = tmp_path / "groups.csv"
    both.to_csv(path, index=False)
    read = groups.load_groups(path, IDS)
    assert (read.names, read.proposals) == (("all", "young"), tuple(IDS[:6]))
    assert read.shares[0, 1] == pytest.approx([0.6, 0.2, 0.2])
    assert (read.n[5] == [400, 0]).all()
    assert np.isnan(read.shares[5, 1]).all()


@pytest.mark.parametrize(
    ("change", "says", "line"),
    [
        ({"proposal": "p99"}, "'p99' is no known proposal", 3),
        ({"option": "perhaps"}, "'perhaps' is no known option", 3),
        ({"group": " "}, "' ' is no group", 3),
        ({"share": "much"}, "'much' is no number", 3),
        ({"share": "nan"}, "'nan' is no number", 3),
        ({"share": ""}, "'' is no number", 3),
        ({"share": "1.3"}, "is no share", 3),
        ({"n": "0"}, "is no count", 3),
        ({"n": "2.5"}, "is no count", 3),
        ({"option": "against"}, "stands twice", 3),
        ({"share": "0.9"}, "sum to 1.600", None),
        ({"n": "7"}, "n is not the same", None),
    ],
)
def test_wrong_files_are_refused_by_name(
    tmp_path: Path, change: dict[str, str], says: str, line: int | None
) -> None:
    table = GOOD.astype(str)
    for column, value in change.items():
        table.loc[1, column] = value
    path = tmp_path / "groups.csv"
    table.to_csv(path, index=False)
    with pytest.raises(DataError, match=says) as caught:
        groups.load_groups(path, IDS)
    where = f"line {line}" if line else "proposal p0, group all"
    assert where in str(caught.value)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        groups.load_groups(tmp_path / "none.csv", IDS)
    with pytest.raises(DataError, match=r"lacks the column\(s\) n"):
        groups.check_groups(GOOD.drop(columns="n"), IDS, "f")
    with pytest.raises(DataError, match="holds no rows"):
        groups.check_groups(GOOD.iloc[:0], IDS, "f")
    with pytest.raises(DataError, match="the option 'neither' is missing"):
        groups.check_groups(GOOD.drop(index=1), IDS, "f")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00garbage")
    with pytest.raises(DataError):
        groups.load_groups(binary, IDS)
    read = groups.check_groups(GOOD, IDS, "f")
    with pytest.raises(DataError, match="no group 'old'"):
        groups.representativeness(chosen(np.ones((6, 3))), read, "old")


def test_rounded_shares_are_taken_for_what_they_mean() -> None:
    read = groups.check_groups(made(np.tile([0.33, 0.33, 0.335], (6, 1))), IDS, "f")
    assert read.shares.sum(axis=2) == pytest.approx(1.0)


def test_the_same_and_the_opposite() -> None:
    people = groups.check_groups(made(np.tile([0.0, 0.0, 1.0], (6, 1))), IDS, "f")
    same = chosen(np.tile([0, 0, 20], (6, 1)))
    other = chosen(np.tile([20, 0, 0], (6, 1)))
    assert groups.representativeness(same, people, "all").value == 1.0
    assert groups.representativeness(other, people, "all").value == 0.0
    few = groups.representativeness(chosen(np.tile([0, 0, 4], (6, 1))), people, "all")
    assert np.isnan(few.value)
    assert "0 proposals" in few.note
    assert (
        groups.findings("r", same, people, chapter="c", provenance="simulated")[0].subject == "all"
    )
    assert groups.findings("r", same * 0, people, chapter="c", provenance="simulated") == []


def test_stances_are_counted_in_the_order_of_the_options() -> None:
    read = pd.DataFrame({"item": ["p0"] * 4, "heard": [0.0, 1.0, 1.0, np.nan]})
    assert list(groups.counts(read).loc["p0"]) == [2, 0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("apart", [0.0, 0.15, 0.4, 0.9])
def test_intervals_cover(apart: float) -> None:
    rng = np.random.default_rng(4)
    seeds, hits, plain, freed = 150, [], [], []
    p = rng.dirichlet([4, 3, 4], 12)
    q = (1 - apart) * p + apart * p[:, ::-1]
    truth = float(groups.plain(p, q))
    for seed in range(seeds):
        table = chosen(rng.multinomial(40, p))
        people = groups.check_groups(made(rng.multinomial(300, q) / 300, 300), IDS, "f")
        e = groups.representativeness(table, people, "all", replicates=200, seed=seed)
        hits.append(e.low <= truth <= e.high)
        plain.append(float(e.note.rsplit(" ", 1)[1]) - truth)
        freed.append(e.value - truth)
    # The half per cent bound of a level of 95 %. Where distances are small, nothing below zero can
    # be heard, and intervals may be wider than they need be.
    assert np.mean(hits) >= stats.binom.ppf(0.005, seeds, 0.95) / seeds
    # Without the correction two samples of whatever distribution look farther apart than they are.
    assert np.mean(plain) < 0
    assert abs(np.mean(freed)) < abs(np.mean(plain)) / 2
