"""Answers of seven models: the file gives its published counts, a wrong one gives one message."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from revealed.foundation.errors import DataError
from revealed.respondents import public

ROOT = Path(__file__).parents[2]


@pytest.fixture
def table() -> pd.DataFrame:
    """The public file, imported."""
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return public.import_seven_models(public.fetch(public.SEVEN_MODELS_FILE, ROOT))


def small(**changes: object) -> pd.DataFrame:
    """A file of the same format: one item of each dimension, two languages, one model."""
    rows = []
    for item, suffix, language in (
        ("R_01", "", "English"),
        ("R_01", "_CHN", "Chinese"),
        ("E_Lie_02", "", "English"),
        ("E_02", "", "English"),
        ("PQ_03_Econ", "_ARAB", "Arabic"),
    ):
        answers = {f"round_{k}": 1 if k <= 30 else (0 if k <= 45 else -1) for k in range(1, 51)}
        rows.append(
            {
                "id": item + suffix, "question_text": "?", "model_source": "Grok",
                "prompt_language": language, **answers,
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    for column, value in changes.items():
        # One wrong cell, in the second row.
        frame[column] = [value if k == 1 else old for k, old in enumerate(frame[column])]
    return frame


def write(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "answers.csv"
    frame.to_csv(path, index=False)
    return path


def test_the_public_file_gives_the_counts_that_are_published(table: pd.DataFrame) -> None:
    assert len(table) == 195 * 7 * 5
    assert (table["n_yes"] + table["n_no"]).sum() == 340_053
    assert table["n_error"].sum() == 1_197
    by_cell = table.groupby(["label", "language"])["n_error"].sum()
    assert by_cell.idxmax() == ("ChatGPT-4o", "Arabic")
    assert by_cell.max() > 0.5 * by_cell.sum()
    assert table.groupby("dimension")["item"].nunique().to_dict() == {
        "ethics": 65, "personality": 40, "politics": 70, "risk": 20,
    }  # fmt: skip
    assert not table.duplicated(["model", "language", "item"]).any()


def test_every_monetary_item_is_described(table: pd.DataFrame) -> None:
    items = public.load_monetary_items(ROOT).set_index("item")
    asked = table[(table["dimension"] == "risk") & (table["language"] == "English")]
    assert set(items.index) == set(asked["item"])
    # The chances that we read off stand in the English wording as percentages.
    text = asked.drop_duplicates("item").set_index("item")["question"]
    for item, row in items[items["kind"].isin(["stake", "mixed"])].iterrows():
        if "coin" not in row["asks"]:
            assert f"{100 * row['p_gain']:g}%" in text[item], item
    stated = items[items["kind"] != "unstated"]
    assert stated["gain"].notna().all()
    assert (stated["loss"].isna() == (stated["kind"] == "free")).all()


def test_a_small_file_is_counted(tmp_path: Path) -> None:
    table = public.import_seven_models(write(tmp_path, small()))
    assert table[["n_yes", "n_no", "n_error"]].drop_duplicates().to_numpy().tolist() == [
        [30, 15, 5]
    ]
    assert list(table["item"]) == ["R_01", "R_01", "E_Lie_02", "E_02", "PQ_03_Econ"]
    assert list(table["dimension"]) == ["risk", "risk", "ethics", "personality", "politics"]
    assert list(table["topic"]) == ["", "", "Lie", "", "Econ"]
    assert set(table["model"]) == {"seven_models/grok-4.1-fast"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"round_7": 2}, r"row 2: column round_7 must be 1 \(yes\)"),
        ({"model_source": "HAL"}, "row 2: column model_source"),
        ({"prompt_language": "Latin"}, "row 2: column prompt_language"),
        ({"id": "R_01"}, "row 2: column id: 'R_01' is not the id of an item in Chinese"),
        ({"id": "Q_9_CHN"}, "row 2: column id: 'Q_9_CHN'"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        public.import_seven_models(write(tmp_path, small(**changes)))


def test_a_file_without_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no answer"):
        public.import_seven_models(write(tmp_path, small().iloc[:0]))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="round_50"):
        public.import_seven_models(write(tmp_path, small().drop(columns="round_50")))
