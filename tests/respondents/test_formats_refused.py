"""Files that are off in one place: each gets an error that names file, place and what to do."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from revealed.foundation.errors import DataError
from revealed.respondents.formats import Names, read_answers, read_pairs
from revealed.respondents.formats import eval_files as eval_module

AUX = {"count_A": 3.0, "count_B": 1.0, "total_responses": 4.0}


def results(**changes: Any) -> dict[str, Any]:
    """A results file of three options in the original's own fields, nothing of ours."""
    options = [{"id": k, "description": f"You get {k}."} for k in range(3)]
    listed = {"original_parsed": ["A", "A"], "flipped_parsed": ["B", "A"]}
    edges = {
        f"({a}, {b})": {
            "option_A": options[a], "option_B": options[b], "probability_A": 0.75,
            "aux_data": {**AUX, **listed},
        }
        for a, b in ((0, 1), (1, 2))
    }  # fmt: skip
    made = {
        "options": options,
        "utilities": {str(k): {"mean": float(k), "variance": 1.0} for k in range(3)},
        "metrics": {"log_loss": 0.5, "accuracy": 0.9},
        "graph_data": {
            "options": options, "edges": edges, "training_edges": [[0, 1]],
            "training_edges_pool": [[0, 2]], "holdout_edge_indices": [[1, 2]],
        },
    }  # fmt: skip
    return made | changes


def write(folder: Path, content: Any) -> Path:
    path = folder / "results_theirs.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def refused(path: Path, *says: str) -> None:
    with pytest.raises(DataError) as caught:
        read_answers(path)
    text = str(caught.value)
    assert path.name in text
    for words in says:
        assert words in text, text


def test_a_whole_file_of_the_original_is_read(tmp_path: Path) -> None:
    kind, (found,) = read_answers(write(tmp_path, results()))
    assert (kind, found.respondent, found.instrument) == ("original", "theirs", "imported/theirs")
    rows = found.choices.set_index(["first", "second"])
    one, two, three = found.items
    assert found.texts[two] == "You get 1."
    assert rows.loc[(one, two), ["n_first", "n_second"]].tolist() == [2.0, 0.0]
    assert rows.loc[(two, one), ["n_first", "n_second"]].tolist() == [1.0, 1.0]
    assert rows.loc[(two, three), "role"] == "holdout"
    assert found.utilities["mean"].tolist() == [0.0, 1.0, 2.0]


def edge(key: str = "(0, 1)", **changes: Any) -> dict[str, Any]:
    made = results()
    made["graph_data"]["edges"][key].update(changes)
    return made


def other_edge(key: str, one: int, two: int) -> dict[str, Any]:
    made = results()
    made["graph_data"]["edges"][key] = {
        "option_A": {"id": one}, "option_B": {"id": two}, "aux_data": AUX,
    }  # fmt: skip
    return made


ORIGINALS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "truncated": (json.dumps(results(), indent=1)[:900], ("line ", "ends before", "get the file")),
    "no JSON": ("hello", ("line 1", "not JSON")),
    "another JSON": ({"a": 1}, ("neither the original's results nor",)),
    "a name twice": ('{"options": [], "options": []}', ("'options' twice",)),
    "nested": ("[" * 100_000, ("nested too deeply",)),
    "NaN": (
        json.dumps(results(utilities={"0": {"mean": float("nan"), "variance": 1.0}})),
        ("utilities.0.mean", "finite", "nan"),
    ),
    "a negative variance": (
        results(utilities={"0": {"mean": 0.0, "variance": -1.0}}),
        ("utilities.0.variance", "greater than or equal to 0", "-1.0"),
    ),
    "a negative count": (
        edge(aux_data={"count_A": -1.0, "count_B": 1.0}),
        ("graph_data.edges.(0, 1).aux_data.count_A", "-1.0"),
    ),
    "an option twice": (
        results(options=[{"id": 0, "description": "x"}, {"id": 1, "description": "x"}]),
        ("options.1", "repeats an option"),
    ),
    "an id twice": (
        results(options=[{"id": 0, "description": "x"}, {"id": 0, "description": "y"}]),
        ("options.1", "repeats an option"),
    ),
    "an unknown option": (other_edge("(0, 7)", 0, 7), ("edges.(0, 7)", "no option 7", "List it")),
    "an unknown utility": (
        results(utilities={str(k): {"mean": 0.0, "variance": 1.0} for k in range(4)}),
        ("utilities.3", "no option 3"),
    ),
    "a missing utility": (
        results(utilities={"0": {"mean": 0.0, "variance": 1.0}}), ("option 1 has no utility",),
    ),
    "a pair twice": (other_edge("(1, 0)", 1, 0), ("edges.(1, 0)", "same pair as (0, 1)")),
    "a wrong key": (other_edge("(0, 2)", 0, 1), ("edges.(0, 2)", "edge from 0 to 1")),
    "itself": (other_edge("(1, 1)", 1, 1), ("with itself",)),
    "no counts": (edge(aux_data={}), ("edges.(0, 1)", "no counts", "Give count_A")),
    "other counts": (
        edge(aux_data={**AUX, "original_parsed": ["B"]}), ("are 3 and 1", "say 0 and 1"),
    ),
    "half a character": (
        results(options=[{"id": k, "description": f"\ud800{k}"} for k in range(3)]),
        ("options.0.description", "unicode"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORIGINALS)
def test_results_that_are_off(name: str, tmp_path: Path) -> None:
    content, says = ORIGINALS[name]
    refused(write(tmp_path, content), *says)


def test_made_up_pairs_are_left_out_and_orders_are_not_made_up(tmp_path: Path) -> None:
    made = edge("(1, 2)", aux_data={**AUX, "is_pseudolabel": True})
    made["graph_data"]["edges"]["(0, 1)"]["aux_data"] = dict(AUX)
    _, (found,) = read_answers(write(tmp_path, made))
    assert found.about["pseudolabels"] == 1
    assert not found.order_known
    (row,) = found.choices.to_dict("records")  # one row: which was listed first is not known
    assert (row["n_first"] + row["n_second"], row["first"] < row["second"]) == (4.0, True)
    first = found.texts[row["first"]] == "You get 0."
    assert row["n_first"] == (3.0 if first else 1.0)


def test_an_unparsed_answer_may_be_half_a_vote_there_and_is_none_here(tmp_path: Path) -> None:
    aux = {
        "original_parsed": ["A", "unparseable"], "flipped_parsed": ["B", "B"],
        "count_A": 3.5, "count_B": 0.5,
    }  # fmt: skip
    _, (found,) = read_answers(write(tmp_path, edge(aux_data=aux)))
    assert found.choices["n_first"].iloc[0] == 1.0
    assert found.choices["n_unparsed"].iloc[0] == 1.0


# --- pairs ----------------------------------------------------------------------------------------


def csv(folder: Path, *lines: str) -> Path:
    path = folder / "mine.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_answers_a_row_are_counted(tmp_path: Path) -> None:
    (found,) = read_pairs(
        csv(tmp_path, "item_a,item_b,chosen", "x,y,x", "y,x,x", "x,y,b", "x,y,refused")
    )
    assert (found.respondent, found.instrument) == ("mine", "imported/mine")
    (row,) = found.choices.to_dict("records")
    assert (row["first"], row["n_first"], row["n_second"], row["n_refused"]) == ("x", 2, 1, 1)
    (found,) = read_pairs(
        csv(tmp_path, "item_a,item_b,chosen,listed_first", "x,y,x,a", "x,y,x,b", "x,y,x,y")
    )
    assert found.choices["first"].tolist() == ["x", "y"]
    assert found.choices["n_second"].tolist() == [0, 2]


def test_counts_a_row_are_kept(tmp_path: Path) -> None:
    both = read_pairs(
        csv(
            tmp_path, "respondent,first,second,n_first,n_second,n_unparsed,text_first,text_second",
            "me,x,y,1.5,0,2,An x.,A y.", "you,x,y,1,1,0,,",
        )
    )  # fmt: skip
    assert [found.respondent for found in both] == ["me", "you"]
    assert both[0].texts == {"x": "An x.", "y": "A y."}
    assert both[0].choices["n_first"].tolist() == [1.5]
    assert both[0].choices["n_unparsed"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("says", "is_called"),
    [("simulated", "simulated"), ("elicited", "public"), ("published", "published")],
)
def test_what_was_simulated_stays_so_and_nobody_elses_was_elicited_here(
    tmp_path: Path, says: str, is_called: str
) -> None:
    (found,) = read_pairs(csv(tmp_path, "item_a,item_b,chosen,provenance", f"x,y,x,{says}"))
    assert (found.provenance, found.choices["provenance"].iloc[0]) == (is_called, is_called)


def test_what_is_simulated_and_what_is_not_are_no_one_respondent(tmp_path: Path) -> None:
    path = csv(tmp_path, "item_a,item_b,chosen,provenance", "x,y,x,public", "x,y,y,simulated")
    with pytest.raises(DataError, match="provenances public, simulated in one arm") as raised:
        read_pairs(path)
    assert "two names" in str(raised.value)


PAIRS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "header": (("a,b,c", "1,2,3"), ("line 1", "item_a,item_b,chosen")),
    "no rows": (("item_a,item_b,chosen",), ("no rows",)),
    "itself": (("item_a,item_b,chosen", "x,x,x"), ("line 2", "with itself", "Remove")),
    "chosen": (("item_a,item_b,chosen", "x,y,x", "x,y,z"), ("line 3", "'z'", "Write 'x' or 'y'")),
    "missing": (("item_a,item_b,chosen", "x,,x"), ("line 2", "item_b must not be empty")),
    "negative": (("first,second,n_first,n_second", "x,y,1,-2"), ("line 2", "n_second", "'-2'")),
    "NaN": (("first,second,n_first,n_second", "x,y,nan,2"), ("line 2", "n_first", "'nan'")),
    "infinite": (("first,second,n_first,n_second", "x,y,inf,2"), ("line 2", "'inf'")),
    "text": (("first,second,n_first,n_second", "x,y,two,2"), ("line 2", "'two'")),
    "twice": (
        ("item_a,item_b,n_a,n_b", "x,y,1,2", "y,x,1,2"), ("line 3", "repeats line 2", "add them"),
    ),
    "sample twice": (
        ("item_a,item_b,chosen,sample", "x,y,x,1", "x,y,x,2", "x,y,y,1"), ("line 4", "line 2"),
    ),
    "role": (("item_a,item_b,chosen,role", "x,y,x,test"), ("line 2", "train or holdout")),
    "listed": (("item_a,item_b,chosen,listed_first", "x,y,x,z"), ("line 2", "listed_first")),
    "cells": (("item_a,item_b,chosen", "x,y,x,x"), ("row 1", "4 cells where the header has 3")),
    "provenance": (("item_a,item_b,chosen,provenance", "x,y,x,hearsay"), ("line 2", "hearsay")),
    "a line in a cell": (
        ("item_a,item_b,chosen", '"x', '1",y,y', "x,y,z"), ("line 4", "'z'"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_that_are_off(name: str, tmp_path: Path) -> None:
    lines, says = PAIRS[name]
    refused(csv(tmp_path, *lines), *says)


# --- logs -----------------------------------------------------------------------------------------


def sample(number: int, answer: str, **changes: Any) -> dict[str, Any]:
    facts = {
        "instrument": "i", "arm": "forced", "first": "x", "second": "y", "labels": ["A", "B"],
    }  # fmt: skip
    message = {"role": "assistant", "content": answer}
    made = {
        "id": 1, "epoch": number, "input": "Choose.", "target": "",
        "output": {"model": "m", "choices": [{"message": message, "stop_reason": "stop"}]},
        "metadata": {"revealed": facts},
    }  # fmt: skip
    return made | changes


def log(*samples: dict[str, Any], **changes: Any) -> dict[str, Any]:
    head = {
        "version": 2, "status": "success",
        "eval": {"model": "openai/m", "task": "t", "created": "2026-01-01T00:00:00+00:00"},
    }  # fmt: skip
    return head | {"samples": list(samples)} | changes


def test_somebody_elses_log_of_our_questions_is_read(tmp_path: Path) -> None:
    long = "attachment://abc"
    parts = [{"type": "reasoning", "reasoning": "B?"}, {"type": "text", "text": "A"}]
    output = {"choices": [{"message": {"role": "assistant", "content": parts}}]}
    content = log(
        sample(1, "B"), sample(2, "Answer: A"), sample(3, "Well."), sample(4, "", output=output),
        sample(5, long, attachments={"abc": "I choose A because " + "x" * 200}),
        sample(6, "A", error={"message": "timeout", "traceback": "", "traceback_ansi": ""}),
        sample(7, "A", output={"choices": []}),
    )  # fmt: skip
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    kind, (found,) = read_answers(path)
    assert (kind, found.respondent, found.provenance) == ("inspect", "openai/m", "public")
    (row,) = found.choices.to_dict("records")
    told = {name: row[f"n_{name}"] for name in ("first", "second", "unparsed", "failed")}
    assert told == {"first": 3, "second": 1, "unparsed": 1, "failed": 2}


def test_questions_are_known_by_their_words(tmp_path: Path) -> None:
    from revealed.instruments import load_arm, load_instrument, render

    texts = load_instrument("outcomes").texts()
    shown = render(load_arm("forced"), texts.iloc[3], texts.iloc[8])
    path = tmp_path / "theirs.json"
    path.write_text(
        json.dumps(log(sample(1, "B", input=shown.messages, metadata={}))), encoding="utf-8"
    )
    refused(path, "samples.0", "does not say which question", "--instrument")
    _, (found,) = read_answers(path, Names(instrument="outcomes"))
    (row,) = found.choices.to_dict("records")
    assert (row["first"], row["second"]) == (texts.index[3], texts.index[8])
    assert row["n_second"] == 1


LOGS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "truncated": (json.dumps(log(sample(1, "A")), indent=1)[:300], ("line ", "ends before")),
    "no samples": (log(), ("no samples", "success")),
    "header only": ({k: v for k, v in log().items() if k != "samples"}, ("no samples",)),
    "later version": (log(sample(1, "A"), version=3), ("version 3",)),
    "no version": (log(sample(1, "A"), version="two"), ("version",)),
    "twice": (log(sample(1, "A"), sample(1, "B")), ("sample 1, epoch 1 twice",)),
    "itself": (
        log(sample(1, "A", metadata={"revealed": {
            "instrument": "i", "arm": "a", "first": "x", "second": "x", "labels": ["A", "B"]}})),
        ("samples.0", "with itself"),
    ),
    "one label": (
        log(sample(1, "A", metadata={"revealed": {
            "instrument": "i", "arm": "a", "first": "x", "second": "y", "labels": ["A"]}})),
        ("samples.0, metadata.revealed, labels",),
    ),
    "a NaN": (
        json.dumps(log(sample(1, "A", output={"choices": [{
            "message": {"content": "A"},
            "logprobs": {"content": [{"token": "A", "logprob": float("nan")}]}}]}))),
        ("samples.0, output.choices.0.logprobs.content.0.logprob", "finite"),
    ),
    "samples": (log(samples=3), ("samples must be a list",)),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_logs_that_are_off(name: str, tmp_path: Path) -> None:
    content, says = LOGS[name]
    refused(write(tmp_path, content), *says)


def test_zips_that_are_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.eval"
    path.write_bytes(b"PK\x03\x04 and no more")
    refused(path, "cannot be read as an .eval file", "inspect log convert")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample(1, "A")))
    refused(path, "no header.json", "inspect log recover")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps({**log(), "samples": None}))
    _, (found,) = read_answers(path)
    assert found.choices["n_first"].tolist() == [1.0]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "cannot be read as an .eval file")
    path.write_bytes(whole)
    monkeypatch.setattr(eval_module, "LARGEST", 100)
    refused(path, "are read at most")


def test_folders_and_files_that_are_none_of_these(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.json", "no such file")
    refused(tmp_path, "neither comparisons.csv nor utilities.csv")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    refused(tmp_path / "x.parquet", "Parquet")
