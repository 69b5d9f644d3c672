"""Moral foundations answers: the files give their counts, a wrong one gives one message."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from revealed.foundation.errors import DataError
from revealed.respondents import public

ROOT = Path(__file__).parents[2]


def whole() -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [range(100), range(1, 31), range(1, 11)], names=["persona_id", "question_id", "run_index"]
    )
    return index.to_frame(index=False).assign(rating=3, failures=0, response="3")


def read(folder: Path, frame: pd.DataFrame) -> public.MoralFoundations:
    path = folder / "answers.csv"
    frame.to_csv(path, index=False)
    return public.import_moral_foundations({"m/a_base": path})


def test_the_public_files_give_their_counts() -> None:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    paths = {k: public.fetch(f, ROOT) for k, f in public.MORAL_FOUNDATIONS_FILES.items()}
    ratings, counts = public.import_moral_foundations(paths)
    assert len(ratings) == 180_000
    assert counts["unrated"].tolist() == [0, 0, 15, 4, 0, 1]
    assert counts["asked_again"].tolist() == [24, 16_150, 81, 0, 0, 0]
    assert ratings["rating"].isna().sum() == 20
    assert ratings.groupby("foundation")["item"].nunique().tolist() == [6] * 5


def test_an_answer_without_a_rating_stays_missing(tmp_path: Path) -> None:
    frame = whole()
    frame.loc[[0, 1], "rating"], frame.loc[[0, 1, 2], "failures"] = -1, [1, 3, 2]
    ratings, counts = read(tmp_path, frame)
    assert ratings["rating"].isna().sum() == 2
    # The first failed once and was left; the others were asked again.
    assert counts.loc[0, ["unrated", "asked_again", "failures"]].tolist() == [2, 2, 6]


@pytest.mark.parametrize(
    ("column", "value"),
    [("rating", 6), ("rating", 2.5), ("persona_id", 100), ("question_id", 0), ("failures", -1)],
)
def test_a_cell_that_is_off_is_named(tmp_path: Path, column: str, value: float) -> None:
    frame = whole().astype({column: object})
    frame.loc[7, column] = value
    with pytest.raises(DataError, match=rf"row 8: column {column}"):
        read(tmp_path, frame)


def test_a_repeated_or_missing_slot_is_refused(tmp_path: Path) -> None:
    frame = whole()
    with pytest.raises(DataError, match="repeats an earlier row"):
        read(tmp_path, pd.concat([frame, frame.iloc[[5]]]))
    with pytest.raises(DataError, match="29,999 answers"):
        read(tmp_path, frame.iloc[1:])
    with pytest.raises(DataError, match="run_index"):
        read(tmp_path, frame.drop(columns="run_index"))
