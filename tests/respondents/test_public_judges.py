"""Judges of LiveBench answers: the files give the published shares, a wrong one is named."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from revealed.foundation.errors import DataError
from revealed.respondents import public
from revealed.respondents.public.judges import AUTHORS

ROOT = Path(__file__).parents[2]
MODELS = (
    "openai/o3-mini-2025-01-31", "anthropic/claude-3-7-sonnet-20250219", "gemini/gemini-2.0-flash",
)  # fmt: skip

# Share of votes for o3-mini by judge, in the order of AUTHORS, and questions (PUBLISHED figures).
SHARES = {
    "coding": (128, 0.758, 0.383, 0.234),
    "data analysis": (150, 0.773, 0.527, 0.560),
    "instruction following": (200, 0.645, 0.140, 0.085),
    "reasoning": (149, 0.859, 0.369, 0.523),
}


@pytest.fixture(scope="module")
def judgements() -> public.Judgements:
    """The public files, imported."""
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return public.import_judgements(
        {domain: public.fetch(file, ROOT) for domain, file in public.JUDGE_FILES.items()}
    )


def small(models: tuple[str, ...] = MODELS, **changes: object) -> pd.DataFrame:
    """A file of the same format with two questions; `changes` are wrong cells of the second."""
    rows = []
    for k in range(2):
        row: dict[str, object] = {"question_id": f"q{k}", "question": "?", "task": "t"}
        row |= {model: f"answer {n} <b>{{x}}</b>\n" for n, model in enumerate(models)}
        for judge in models:
            for author in models:
                row[f"{judge}_SCORING_{author}"] = "9.0"
                row[f"{judge}_SR_{author}"] = "Good."
            row[f"{judge}_PREFERENCE"] = models[k]
        rows.append(row | {"majority_vote": models[k]})
    rows[1] |= changes
    return pd.DataFrame(rows)


def write(folder: Path, frame: pd.DataFrame) -> dict[str, Path]:
    path = folder / "judgement.csv"
    frame.to_csv(path, index=False)
    return {"coding": path}


def test_the_public_files_give_the_published_shares_and_counts(
    judgements: public.Judgements,
) -> None:
    counts = judgements.counts.set_index("domain")
    for domain, (questions, *shares) in SHARES.items():
        votes = judgements.votes[judgements.votes["domain"] == domain]
        for judge, share in zip(AUTHORS, shares, strict=True):
            found = (votes.loc[votes["judge"] == judge, "author"] == AUTHORS[0]).mean()
            assert round(found, 3) == share, (domain, judge)
        assert counts.loc[domain, "questions"] == questions
        assert counts.loc[domain, "valid_votes"] == counts.loc[domain, "valid_answers"]
        assert counts.loc[domain, "valid_votes"] == 3 * questions
        scores = counts.loc[domain, ["valid_scores", "failed_scores"]].sum()
        assert scores == 9 * questions
    assert counts["questions"].sum() == 627
    # Written-out sums of which the source read the first term; all are the thinking version's.
    assert counts["misread_scores"].to_dict() == {**dict.fromkeys(SHARES, 0), "reasoning": 4}
    assert counts["failed_scores"].sum() == 4
    assert counts[["failed_answers", "failed_votes"]].to_numpy().sum() == 0


def test_versions_differ_between_files_and_copies_are_known(judgements: public.Judgements) -> None:
    answers = judgements.answers
    versions = answers[answers["author"] == AUTHORS[2]].groupby("domain")["version"].unique()
    assert {name: list(found) for name, found in versions.items()} == {
        "coding": ["gemini/gemini-2.0-flash"],
        "data analysis": ["gemini/gemini-2.0-flash-thinking-exp"],
        "instruction following": ["gemini/gemini-2.0-flash"],
        "reasoning": ["gemini/gemini-2.0-flash-thinking-exp"],
    }
    texts = answers.groupby("question")["copy_of"].nunique()
    assert texts.value_counts().to_dict() == {3: 545, 2: 41, 1: 41}


def test_a_small_file_is_read_and_its_texts_stay_texts(tmp_path: Path) -> None:
    read = public.import_judgements(write(tmp_path, small()))
    assert list(read.answers["text"].iloc[:2]) == ["answer 0 <b>{x}</b>\n"] * 2
    assert list(read.votes["author"]) == [AUTHORS[0], AUTHORS[1]] * 3
    assert (read.scores["score"] == 9).all()
    assert len(read.scores) == 18


def test_what_is_missing_or_misread_is_counted_and_nothing_else_is_lost(tmp_path: Path) -> None:
    one, two, three = MODELS
    frame = small(
        **{
            one: None,
            f"{two}_SCORING_{one}": None,
            f"{two}_SCORING_{three}": "1",
            f"{two}_SR_{three}": "+ 1 + 0 = 7",
            f"{three}_PREFERENCE": None,
        }
    )
    read = public.import_judgements(write(tmp_path, frame))
    assert read.counts.iloc[0].to_dict() == {
        "domain": "coding", "questions": 2, "valid_answers": 5, "failed_answers": 1,
        "valid_scores": 16, "failed_scores": 2, "valid_votes": 5, "failed_votes": 1,
        "misread_scores": 1,
    }  # fmt: skip


def test_same_texts_are_copies_of_the_first_listed(tmp_path: Path) -> None:
    frame = small(**{MODELS[2]: " answer 1 <b>{x}</b> "})
    answers = public.import_judgements(write(tmp_path, frame)).answers
    last = answers[(answers["question"] == "q1") & (answers["author"] == AUTHORS[2])]
    assert list(last["copy_of"]) == [AUTHORS[1]]
    assert (answers["copy_of"] == answers["author"]).sum() == 5


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({f"{MODELS[0]}_SCORING_{MODELS[1]}": "12"}, "row 2: column .* whole number of at most 11"),
        ({f"{MODELS[0]}_SCORING_{MODELS[1]}": "7.5"}, "row 2: column .* whole number"),
        ({f"{MODELS[0]}_SCORING_{MODELS[1]}": "good"}, "row 2: column .* be a number"),
        ({f"{MODELS[0]}_PREFERENCE": "gpt-5"}, "row 2: column .* one of the three models"),
        ({"question_id": "q0"}, "row 2: repeats an earlier row's question_id"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        public.import_judgements(write(tmp_path, small(**changes)))


def test_a_missing_model_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 columns with answers of Claude"):
        public.import_judgements(write(tmp_path, small((MODELS[0], "x/claude-4", MODELS[2]))))
    with pytest.raises(DataError, match="holds no question"):
        public.import_judgements(write(tmp_path, small().iloc[:0]))
    with pytest.raises(DataError, match="no file"):
        public.import_judgements({})
