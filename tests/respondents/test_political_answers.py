"""Political answers of seven models: the file counts right, a wrong one gives one message."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from revealed.foundation.errors import DataError
from revealed.respondents import public

ROOT = Path(__file__).parents[2]
ROUNDS = [f"Round_{k}" for k in range(1, 51)]
ITEMS = ("PQ_01_Econ", "PQ_02_Econ", "PQ_28_Govt")


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return public.import_political_answers(public.fetch(public.POLITICS_FILE, ROOT))


def small(**changes: object) -> pd.DataFrame:
    """Three items, two models, two languages; `changes` overwrite cells of the second row."""
    rows = []
    for model in ("grok_results", "qwen_results"):
        for suffix in ("", "_CHN"):
            for item in ITEMS:
                said = [1] * 30 + [-1] * 15 + [0] * 5
                rows.append(
                    {
                        "Model": model, "id": item + suffix, "question_text": "?",
                        **dict(zip(ROUNDS, said, strict=True)), "Sample_mean": 0.3,
                        "question_id": int(item[3:5]), "econ": 10, "dipl": 0, "govt": -5,
                        "scty": 0,
                    }
                )  # fmt: skip
    frame = pd.DataFrame(rows)
    for column, value in changes.items():
        frame[column] = [value if k == 1 else old for k, old in enumerate(frame[column])]
    return frame


def imported(folder: Path, frame: pd.DataFrame) -> pd.DataFrame:
    path = folder / "politics.csv"
    frame.to_csv(path, index=False)
    return public.import_political_answers(path)


def test_the_public_file_is_complete_and_the_same_as_the_other_one(answers: pd.DataFrame) -> None:
    assert len(answers) == 7 * 5 * 70
    assert answers[["n_yes", "n_no", "n_neither"]].to_numpy().sum() == 122_500
    assert answers["n_neither"].sum() == 490
    assert set(answers["model"]) == set(public.QUESTIONNAIRE_MODELS.values())
    assert tuple(dict.fromkeys(answers["language"])) == public.QUESTIONNAIRE_LANGUAGES
    # The same answers stand in the table of all topics, which another importer reads.
    other = public.import_seven_models(public.fetch(public.SEVEN_MODELS_FILE, ROOT))
    both = answers.merge(
        other[other["dimension"] == "politics"], on=["model", "language", "item"],
        suffixes=("", "_other"), validate="one_to_one",
    )  # fmt: skip
    assert len(both) == len(answers)
    assert (both["n_yes"] == both["n_yes_other"]).all()


def test_every_item_is_described_in_words_of_ours(answers: pd.DataFrame) -> None:
    about = public.load_political_items(ROOT)
    assert set(about.index) == set(answers["item"])
    assert (about.str.split().str.len() <= 8).all()


def test_a_small_file_is_counted(tmp_path: Path) -> None:
    table = imported(tmp_path, small())
    assert len(table) == 12
    assert table[["n_yes", "n_no", "n_neither"]].drop_duplicates().to_numpy().tolist() == [
        [30, 15, 5]
    ]
    assert table["answers"].iloc[0] == "+" * 30 + "-" * 15 + "0" * 5
    assert list(table["language"].unique()) == ["English", "Chinese"]
    assert list(table["item"].unique()) == list(ITEMS)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Round_7": 2}, r"row 2: column Round_7 must be 1 \(yes\)"),
        ({"Model": "HAL"}, "row 2: column Model"),
        ({"id": "PQ_02_Econ_LAT"}, "row 2: column id: 'PQ_02_Econ_LAT' is not the id"),
        ({"id": "E_Lie_02"}, "row 2: column id"),
        ({"question_id": 9}, "row 2: column question_id: 9 is not the number of PQ_02_Econ"),
        ({"Sample_mean": 0.5}, "row 2: column Sample_mean is 0.5; the answers have the mean 0.3"),
        ({"econ": -10}, "the weights of PQ_02_Econ differ"),
        ({"id": "PQ_01_Econ", "question_id": 1}, "row 2: repeats|repeats an earlier row"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        imported(tmp_path, small(**changes))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no answer"):
        imported(tmp_path, small().iloc[:0])
    with pytest.raises(DataError, match="Round_50"):
        imported(tmp_path, small().drop(columns="Round_50"))
    with pytest.raises(DataError, match="qwen3-next-80b in Chinese lacks items"):
        imported(tmp_path, small().iloc[:-1])
