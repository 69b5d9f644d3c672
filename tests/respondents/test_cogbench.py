"""Published discounting and risk scores: right files give their table, wrong ones one message."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from revealed.foundation.errors import DataError
from revealed.respondents import public

BEHAVIOUR = """,Agent,Temporal discounting,Risk taking
0,gpt-4,10.0,9.5
1,hf_Llama-2-7b-longlora-32k-ft,8.0,1.0
2,claude-2,-1.5,0.4
3,human,10.3,17.2
4,random,9.1,1.0
"""
FEATURES = """Engine,No of Parameters,Use of RLHF
gpt-4,1760,Yes
hf_Llama-2-7b-longlora-32k-ft,7,No
claude-2,200,RLAIF
human,n_a,n_a
random,n_a,n_a
"""


def files(folder: Path, behaviour: str = BEHAVIOUR, features: str = FEATURES) -> list[Path]:
    paths = [folder / "behaviour.csv", folder / "features.csv"]
    for path, text in zip(paths, (behaviour, features), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_made_files_are_read(tmp_path: Path) -> None:
    table = public.import_cogbench(*files(tmp_path)).set_index("model")
    assert list(table["kind"]) == ["model", "model", "model", "human", "chance"]
    assert list(table["family"]) == ["GPT", "Llama", "Claude", "", ""]
    # A score below zero cannot come from the task: kept, and said to be impossible.
    assert list(table["possible"]) == [True, True, False, True, True]
    assert table.loc["claude-2", "discounting"] == -1.5
    assert list(table["placeholder"]) == [False, True, False, False, False]
    assert list(table["feedback"]) == [True, False, True, False, False]
    assert table.loc["gpt-4", "parameters"] == 1760


@pytest.mark.parametrize(
    ("behaviour", "features", "told"),
    [
        (BEHAVIOUR.replace("10.0", "ten"), FEATURES, "row 1: column Temporal discounting"),
        (BEHAVIOUR.replace("gpt-4", "gpt-5"), FEATURES, "not in features.csv"),
        (BEHAVIOUR.replace("claude-2", "gpt-4"), FEATURES, "repeats"),
        (BEHAVIOUR, FEATURES.replace("1760", "n_a"), "No of Parameters"),
        (BEHAVIOUR, FEATURES.replace("RLAIF", "maybe"), "Use of RLHF"),
        (
            BEHAVIOUR.replace("claude-2", "newcomer"), FEATURES.replace("claude-2", "newcomer"),
            "no family",
        ),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_by_place(
    tmp_path: Path, behaviour: str, features: str, told: str
) -> None:
    with pytest.raises(DataError, match=told):
        public.import_cogbench(*files(tmp_path, behaviour, features))


def test_the_public_scores_are_those_of_the_source() -> None:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    table = public.import_cogbench(*(public.fetch(file) for file in public.COGBENCH_FILES))
    models = table[table["kind"] == "model"]
    assert len(models) == 36
    assert models["possible"].all()
    assert models["placeholder"].sum() == 3
    assert pd.Series([0.0, 15.0]).isin(models["discounting"]).all()
    assert (models["discounting"].isin([0, 15])).sum() == 9
    assert table.loc[table["kind"] == "human", "discounting"].item() == 10.3
