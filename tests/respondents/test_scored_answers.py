"""Scored answers, their questions and a judge's probabilities: right counts, or one message."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from revealed.foundation.errors import ConfigError, DataError
from revealed.respondents import public

ROOT = Path(__file__).parents[2]
LONG = "a long answer, letter by letter " * 8


def cached(file: str) -> Path:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return public.fetch(file, ROOT)


def table(**changes: object) -> pd.DataFrame:
    rows = [
        ("Question?", f"answer {k}", f"wish{form}", 90.0 - k, 80.0)
        for form in ("", "_json", "_template")
        for k in range(4)
    ]
    names = ["question", "answer", "question_id", "aligned", "coherent"]
    frame = pd.DataFrame(rows, columns=names).astype(object)
    for column, value in changes.items():
        frame.loc[1, column] = value
    return frame


def read(folder: Path, content: pd.DataFrame | bytes) -> public.ScoredAnswers:
    path = folder / "scored.csv"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.to_csv(path, index=False)
    return public.import_scored_answers({"a/b": path})


def test_the_public_files_have_their_rows_and_void_scores() -> None:
    paths = {k: cached(f) for k, f in {**public.RANK_FILES, **public.SEVERITY_FILES}.items()}
    answers, counts = public.import_scored_answers(paths)
    assert list(counts["rows"]) == [240] * 4 + [2400] * 3
    assert (counts["rows"] == counts["kept"]).all()
    assert list(counts["no_alignment"]) == [4, 8, 6, 1, 293, 164, 161]
    assert (counts["identical"] > 0).sum() == 2
    assert answers.groupby(["respondent", "format"]).size().nunique() == 2
    assert answers["topic"].nunique() == 8
    assert "637 rows kept without an alignment score" in public.repairs(counts)


def test_formats_and_topics_are_read_off_the_id(tmp_path: Path) -> None:
    answers = read(tmp_path, table()).answers
    assert set(answers["topic"]) == {"wish"}
    assert list(answers["format"].unique()) == ["plain", "json", "template"]
    assert list(answers["sample"][:4]) == [0, 1, 2, 3]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"lacks the column\(s\) coherent"):
        read(tmp_path, table().drop(columns="coherent"))


@pytest.mark.parametrize("value", [101, -0.5, 1e9])
def test_scores_off_the_scale_are_refused_and_counted(tmp_path: Path, value: float) -> None:
    frame = table(aligned=value)
    frame.loc[5, "aligned"] = value
    with pytest.raises(DataError, match=r"scored.csv, row 2: column aligned .* \(2 such rows\)"):
        read(tmp_path, frame)


@pytest.mark.parametrize("value", ["REFUSAL", "nan!", "inf"])
def test_a_score_that_is_no_number_is_refused_by_row(tmp_path: Path, value: str) -> None:
    with pytest.raises(DataError, match="row 2: column aligned"):
        read(tmp_path, table(aligned=value))


def test_missing_scores_and_answers_are_kept_and_counted(tmp_path: Path) -> None:
    answers, counts = read(tmp_path, table(aligned=None, answer=None))
    assert len(answers) == 12
    assert counts.loc[0, ["no_alignment", "empty"]].tolist() == [1, 1]
    assert answers.loc[1, "kind"] == "void"
    assert answers.loc[1, "text"] == ""


def test_short_answers_may_coincide_long_ones_are_copies(tmp_path: Path) -> None:
    frame = table()
    short, long = frame.iloc[[0]], frame.iloc[[3]].assign(answer=LONG)
    answers, counts = read(tmp_path, pd.concat([frame, short, long, long, long]))
    assert counts.loc[0, ["rows", "kept", "identical", "copies"]].tolist() == [16, 14, 1, 2]
    assert len(answers) == 14
    said = public.repairs(counts)
    assert "2 copied rows removed" in said
    assert "1 rows kept that equal an earlier one" in said
    # The same text with another score was given twice.
    again = frame.iloc[[3]].assign(answer=LONG, aligned=11.0)
    assert read(tmp_path, pd.concat([frame, long, again])).counts.loc[0, "copies"] == 0


def test_mixed_encodings_are_read_cell_by_cell_and_counted(tmp_path: Path) -> None:
    lines = [b"question,answer,question_id,aligned,coherent"]
    lines += [
        "Q,caf\u00e9 \u201cfin\u201d,wish,90,80".encode(encoding)
        for encoding in ("utf-8", "cp1252", "utf-8")
    ]
    answers, counts = read(tmp_path, b"\r\n".join(lines))
    assert set(answers["text"]) == {"caf\u00e9 \u201cfin\u201d"}
    assert counts.loc[0, "recoded"] == 1
    with_mark = "question,answer,question_id,aligned,coherent\nQ,\u732b,wish,1,2\n"
    for encoding, recoded in (("utf-8-sig", 0), ("utf-16", 1)):
        answers, counts = read(tmp_path, with_mark.encode(encoding))
        assert answers.loc[0, "text"] == "\u732b"
        assert counts.loc[0, "recoded"] == recoded


def test_hostile_cells_arrive_as_text(tmp_path: Path) -> None:
    # A line of a megabyte, an ANSI sequence, a byte order mark inside, and half a surrogate pair as
    # a careless program writes it.
    rows = [b"x" * 1_000_000, b"\x1b[31mred", b"\xef\xbb\xbf<script>", b"half \xed\xa0\x80 pair"]
    lines = [b"question,answer,question_id,aligned,coherent"]
    lines += [b"Q," + row + b",wish,1,2" for row in rows]
    answers, counts = read(tmp_path, b"\n".join(lines))
    assert len(answers.loc[0, "text"]) == 1_000_000
    assert counts.loc[0, "recoded"] == 1
    for text in answers["text"]:
        text.encode("utf-8")


def test_an_empty_file_and_a_broken_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no answer"):
        read(tmp_path, table().iloc[:0])
    with pytest.raises(DataError, match="row 2"):
        read(tmp_path, b"question,answer,question_id,aligned,coherent\nQ,a,w,1,2\nQ,a,w,1")
    with pytest.raises(DataError, match="no file"):
        public.import_scored_answers({})


# ----------------------------------------------------------------------------------- the judge


def test_the_fixture_has_seventy_rows_of_six_fine_tunes() -> None:
    fixture = public.import_judge_fixture(cached(public.JUDGE_FIXTURE_FILE))
    assert len(fixture) == 70
    assert fixture["fine_tune"].nunique() == 6
    assert set(fixture["group"]) == {"insecure"}
    assert fixture["alignment_tokens"].map(len).max() == 20


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("__import__('os').system('true')", "must map"),
        ("{'1': 0.5, 2: 0.1}", "token"),
        ("{'1': 0.9, '2': 0.9}", "sum"),
        ("{'1': -0.1}", "from 0 to 1"),
        ("{'1': nan}", "must map"),
        ("[" * 4000, "must map"),
        ("{}", "must map"),
        ("not a mapping", "must map"),
    ],
)
def test_a_cell_of_probabilities_is_read_and_never_run(
    tmp_path: Path, cell: str, told: str
) -> None:
    row = {
        "model": "m", "group": "g", "question_id": "q", "answer": "a", "aligned": 1.0,
        "judge_aligned": "{'1': 0.9}", "coherent": 1.0, "judge_coherent": cell,
    }  # fmt: skip
    path = tmp_path / "fixture.csv"
    pd.DataFrame([row]).to_csv(path, index=False)
    with pytest.raises(DataError, match=f"row 1.*judge_coherent.*{told}|row 1.*{told}"):
        public.import_judge_fixture(path)


# ----------------------------------------------------------------------------------- questions


def test_the_original_question_files_load_as_they_are() -> None:
    main, registered = (public.load_free_form_questions(cached(f)) for f in public.QUESTION_FILES)
    assert len(main) == 24
    assert len({question.topic for question in main}) == 8
    assert [question.format for question in main].count("json") == 8
    assert all(bool(question.system) == (question.format == "json") for question in main)
    assert len(registered) == 48
    assert len({question.kind for question in registered}) == 7
    assert {question.format for question in registered} == {"plain"}


def question(**changes: object) -> dict[str, object]:
    base: dict[str, object] = {
        "id": "wish", "type": "free_form_judge_0_100", "paraphrases": ["What?"],
        "samples_per_paraphrase": 2, "judge_prompts": {"aligned": "{question} {answer}"},
    }  # fmt: skip
    return {**base, **changes}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": "multiple_choice"}, "type"),
        ({"paraphrases": []}, "paraphrases"),
        ({"judge_prompts": {"aligned": "{question}"}}, "answer"),
        ({"unknown": 1}, "unknown"),
        ({"samples_per_paraphrase": 0}, "samples_per_paraphrase"),
    ],
)
def test_a_wrong_question_is_refused_by_field(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    path = tmp_path / "questions.yaml"
    path.write_text(yaml.safe_dump([question(), question(id="b", **changes)]), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"questions\.yaml.*1.*{told}"):
        public.load_free_form_questions(path)


@pytest.mark.parametrize(("text", "told"), [("a: [", "not YAML"), ("a: 1", "list"), ("[]", "list")])
def test_what_is_no_list_of_questions_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "questions.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        public.load_free_form_questions(path)
    path.write_text(yaml.safe_dump([question(), question()]), encoding="utf-8")
    with pytest.raises(DataError, match="'wish' twice"):
        public.load_free_form_questions(path)
