from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from revealed.foundation.errors import DataError
from revealed.foundation.schemas import (
    CHOICES,
    PROVENANCES,
    UTILITIES,
    Finding,
    check,
    read_findings,
    read_table,
    write_findings,
    write_table,
)  # fmt: skip


def choices(n: int = 4) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "respondent": "r", "instrument": "i", "arm": "forced",
            "first": [f"a{k}" for k in range(n)], "second": [f"b{k}" for k in range(n)],
            "n_first": 3, "n_second": 1.5, "n_neutral": 0, "n_refused": 0, "n_unparsed": 0,
            "n_failed": 0, "role": "train", "provenance": "public",
        }
    )  # fmt: skip


def finding(**changes: object) -> Finding:
    base = {
        "estimand": "order.effect", "chapter": "coherence", "respondent": "r", "estimate": 0.4,
        "low": 0.3, "high": 0.5, "unit": "share", "n": 10, "method": "m", "provenance": "public",
    }  # fmt: skip
    return Finding(**(base | changes))


# --- check ---------------------------------------------------------------------------------------


def test_a_good_table_passes_with_the_schema_s_columns_only() -> None:
    table = check(choices().assign(extra="x"), CHOICES, "file.parquet")
    assert list(table.columns) == list(CHOICES.columns)
    assert table["n_first"].dtype == float


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("first", None, "missing"),
        ("first", "", "empty"),
        ("first", 3, "text"),
        ("n_first", -1, "negative"),
        ("n_first", math.inf, "finite"),
        ("n_first", math.nan, "missing"),
        ("n_first", "many", "number"),
        ("role", "test", "train or holdout"),
        ("provenance", "guessed", "elicited, public"),
    ],
)
def test_row_and_column_are_named(column: str, value: object, says: str) -> None:
    table = choices().astype({column: object})
    table.loc[2, column] = value
    with pytest.raises(DataError) as caught:
        check(table, CHOICES, "file.parquet")
    text = str(caught.value)
    assert "file.parquet, row 3" in text
    assert f"column {column}" in text
    assert says in text


def test_rows_are_counted_in_the_table_whatever_its_index() -> None:
    table = choices().set_index(pd.Index([9, 9, 4, 0]))
    table["n_first"] = [1, 1, 1, -1]
    with pytest.raises(DataError, match="row 4"):
        check(table, CHOICES, "f")


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 7), st.sampled_from([c for c in CHOICES.columns if c.startswith("n_")]))
def test_the_first_bad_row_is_the_one_named(bad: int, column: str) -> None:
    table = choices(8).astype({column: float})
    table.loc[bad:, column] = -1.0
    with pytest.raises(DataError, match=rf"row {bad + 1}: column {column}"):
        check(table, CHOICES, "f")


def test_missing_columns_are_all_named() -> None:
    with pytest.raises(DataError, match="n_first, role"):
        check(choices().drop(columns=["n_first", "role"]), CHOICES, "f")


def test_repeated_keys_are_refused() -> None:
    table = choices()
    table.loc[3, ["first", "second"]] = ["a1", "b1"]
    with pytest.raises(DataError, match="row 4"):
        check(table, CHOICES, "f")
    # The other order of the same pair is another row.
    table.loc[3, ["first", "second"]] = ["b1", "a1"]
    assert len(check(table, CHOICES, "f")) == 4


def test_optional_values_may_be_missing() -> None:
    table = pd.DataFrame(
        {
            "respondent": "r", "instrument": "i", "arm": "a", "item": ["x", "y"],
            "mean": [0.0, 1.0], "se": [None, 0.1], "variance": 0.5, "provenance": "public",
        }
    )  # fmt: skip
    assert np.isnan(check(table, UTILITIES, "f").loc[0, "se"])
    with pytest.raises(DataError, match="row 1: column mean"):
        check(table.assign(mean=[None, 1.0]), UTILITIES, "f")


def test_an_empty_table_keeps_its_columns() -> None:
    assert list(check(choices(0), CHOICES, "f").columns) == list(CHOICES.columns)


def test_the_caller_s_table_is_left_alone() -> None:
    table = choices()
    before = table.copy(deep=True)
    check(table, CHOICES, "f")
    pd.testing.assert_frame_equal(table, before)


# --- files ---------------------------------------------------------------------------------------


def test_table_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "choices.parquet"
    write_table(choices(), path, CHOICES)
    again = read_table(path, CHOICES)
    pd.testing.assert_frame_equal(again, check(choices(), CHOICES, path))


def test_a_bad_table_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "choices.parquet"
    write_table(choices(), path, CHOICES)
    before = path.read_bytes()
    with pytest.raises(DataError):
        write_table(choices().assign(n_first=-1), path, CHOICES)
    assert path.read_bytes() == before


def test_absent_and_truncated_files_say_so(tmp_path: Path) -> None:
    path = tmp_path / "choices.parquet"
    with pytest.raises(DataError, match="not there"):
        read_table(path, CHOICES)
    write_table(choices(), path, CHOICES)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"choices\.parquet"):
            read_table(path, CHOICES)


# --- findings ------------------------------------------------------------------------------------


def test_findings_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "coherence.jsonl"
    made = [
        finding(),
        finding(subject='Österreich "A"\nB', claim="C1", note="ü", low=None, high=None),
        finding(subject="bound", estimate=30.0, low=30.0, high=math.inf),
    ]
    write_findings(made, path)
    table = read_findings([path])
    assert table["id"].tolist() == [f.id for f in made]
    assert table["subject"].tolist() == [f.subject for f in made]
    assert table["estimate"].tolist() == [0.4, 0.4, 30.0]
    assert table["n"].tolist() == [10, 10, 10]
    # No interval, and a one-sided one: missing ends, never infinity or NaN in the file.
    assert table["low"].isna().tolist() == [False, True, False]
    assert table["high"].isna().tolist() == [False, True, True]
    for line in path.read_text(encoding="utf-8").splitlines():
        assert "Infinity" not in line
        assert "NaN" not in line
        json.loads(line)


def test_a_separator_within_a_text_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    odd = "one\u2028two\u2029three\u0085four"
    write_findings([finding(note=odd), finding(subject="s")], path)
    assert read_findings([path])["note"].tolist() == [odd, finding().note]


def test_numpy_numbers_are_written(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    made = finding(
        estimate=np.float64(0.25), low=np.float32(0.125), high=np.float64(0.5), n=np.int64(7)
    )
    write_findings([made], path)
    row = read_findings([path]).iloc[0]
    assert (row["estimate"], row["low"], row["high"], row["n"]) == (0.25, 0.125, 0.5, 7)


def test_findings_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    write_findings([finding(freedom=4.5)], path)
    assert read_findings([path])["freedom"].tolist() == [4.5]
    row = json.loads(path.read_text(encoding="utf-8"))
    del row["freedom"]
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert read_findings([path])["freedom"].isna().all()


def test_no_findings_is_an_empty_table(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    write_findings([], path)
    for table in (read_findings([path]), read_findings([])):
        assert len(table) == 0
        assert "estimand" in table.columns


def test_several_files_are_one_table(tmp_path: Path) -> None:
    write_findings([finding()], tmp_path / "a.jsonl")
    write_findings([finding(chapter="other", subject="s")], tmp_path / "b.jsonl")
    table = read_findings([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    assert table["chapter"].tolist() == ["coherence", "other"]


def test_the_same_finding_twice_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    write_findings([finding(note="old")], path)
    with pytest.raises(DataError, match="twice"):
        write_findings([finding(), finding(estimate=0.45)], path)
    assert read_findings([path])["note"].tolist() == ["old"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"provenance": "guessed"}, "provenance"),
        ({"estimate": math.nan}, "estimate"),
        ({"low": math.nan}, "low"),
        ({"low": 0.6, "high": 0.5}, "interval"),
    ],
)
def test_impossible_findings_are_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        finding(**changes)


def test_every_provenance_is_accepted() -> None:
    assert [finding(provenance=kind).provenance for kind in PROVENANCES] == list(PROVENANCES)


@pytest.mark.parametrize(
    ("line", "says"),
    [("{", "not JSON"), ('{"id": "x"}', "lacks"), ("3", "not a finding"), ("[]", "not a finding")],
)
def test_broken_lines_are_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "f.jsonl"
    write_findings([finding()], path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=says) as caught:
        read_findings([path])
    assert "line 2" in str(caught.value)


def test_ids_tell_findings_apart() -> None:
    ids = [
        finding().id, finding(subject="s").id, finding(arm="neutral").id,
        finding(instrument="outcomes").id, finding(respondent="other").id,
        finding(estimand="order.p_first").id,
    ]  # fmt: skip
    assert len(set(ids)) == len(ids)
    # A name in one place must not read as the same name in another.
    assert finding(arm="x").id != finding(instrument="x").id
    assert finding(arm="x").id != finding(subject="x").id
