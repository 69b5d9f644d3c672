"""What leaves comes back the same, in every format, whatever the names and numbers."""

from __future__ import annotations

import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from portables import ODD, asked_cells, portables

from revealed.foundation.schemas import CHOICES, UTILITIES, check
from revealed.instruments import ORIGINAL, load_arm, load_instrument, render
from revealed.respondents import public
from revealed.respondents.elicit import COUNTS
from revealed.respondents.formats import (
    Asked,
    Names,
    Portable,
    guard,
    read_answers,
    read_inspect,
    read_original,
    read_package,
    unguard,
    write_inspect,
    write_original,
    write_package,
    write_questions,
)

ROOT = Path(__file__).parents[2]
RUN_BY_SPREADSHEETS = tuple("=+-@\t\r\n＝＋－＠")
GIVEN = settings(max_examples=5)
"""Few here; the slow test takes many more of the same."""
WHEN = "2026-01-02T03:04:05+00:00"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def same(one: Portable, other: Portable) -> None:
    """Equal to the last bit: names, texts of what is compared, counts, utilities."""
    for name in ("respondent", "instrument", "arm", "provenance"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.order_known == other.order_known
    for schema, field in ((CHOICES, "choices"), (UTILITIES, "utilities")):
        keys = list(schema.key)
        tables = [
            check(getattr(p, field), schema, field).sort_values(keys).reset_index(drop=True)
            for p in (one, other)
        ]
        pd.testing.assert_frame_equal(*tables, check_exact=True, obj=field)
    assert {i: one.texts[i] for i in one.items} == {i: other.texts[i] for i in other.items}


# --- there and back -------------------------------------------------------------------------------


def original(folder: Path, made: Portable) -> None:
    files = write_original(made, folder / "original")
    assert files[0].name.startswith("results_utilities_")
    same(made, read_original(files[1]))
    alone = read_original(files[0])
    assert alone.choices.empty
    pd.testing.assert_series_equal(
        alone.utilities["mean"], made.utilities["mean"], check_exact=True
    )


def sheets(folder: Path, made: Portable) -> None:
    write_package([made], folder / "csv")
    (back,) = read_package(folder / "csv")
    same(made, back)


def log(folder: Path, made: tuple[Portable, list[Asked]]) -> None:
    portable, asked = made
    path = folder / "log.json"
    assert write_inspect(portable, asked, path, WHEN) >= len(asked)
    (back,) = read_inspect(path)
    same(portable, back)


WAYS = pytest.mark.parametrize(
    ("there_and_back", "cells"),
    [(original, portables()), (sheets, portables()), (log, asked_cells())],
    ids=["original", "csv", "inspect"],
)


def tried(examples: int, there_and_back: Any, cells: Any, folder: Path) -> None:
    @settings(max_examples=examples)
    @given(cells)
    def one(made: Any) -> None:
        there_and_back(folder, made)

    one()


@WAYS
def test_what_leaves_comes_back_the_same(there_and_back: Any, cells: Any, folder: Path) -> None:
    tried(5, there_and_back, cells, folder)


@pytest.mark.slow
@WAYS
def test_many_odd_cells_come_back_the_same(there_and_back: Any, cells: Any, folder: Path) -> None:
    tried(30, there_and_back, cells, folder)


def test_several_cells_travel_in_one_folder(tmp_path: Path) -> None:
    cell = {"instrument": "i", "arm": "forced", "provenance": "public"}
    made = []
    for respondent in ("one", "two"):
        row = {"first": "a", "second": "b", "role": "train", "n_first": 1.5, "n_second": 0.0}
        row |= dict.fromkeys(("n_neutral", "n_refused", "n_unparsed", "n_failed"), 0.0)
        choices = pd.DataFrame([row]).assign(respondent=respondent, **cell)[list(CHOICES.columns)]
        none = pd.DataFrame(columns=list(UTILITIES.columns))
        made.append(
            Portable(respondent, "i", "forced", "public", {"a": "A.", "b": ""}, choices, none)
        )
    write_package(made, tmp_path)
    for path in (tmp_path, tmp_path / "comparisons.csv"):
        kind, found = read_answers(path)
        assert kind == "csv"
        for one, other in zip(made, found, strict=True):
            same(one, other)


# --- what others read -----------------------------------------------------------------------------


@GIVEN
@given(portables())
def test_no_cell_is_a_formula_and_the_sidecar_names_every_column(
    folder: Path, made: Portable
) -> None:
    out = folder / "sheet"
    write_package([made], out)
    sidecar = json.loads((out / "datapackage.json").read_text(encoding="utf-8"))
    for resource in sidecar["resources"]:
        with (out / resource["path"]).open(encoding="utf-8", newline="") as handle:
            head, *rows = list(csv.reader(handle))
        fields = resource["schema"]["fields"]
        assert head == [field["name"] for field in fields]
        assert all(len(field["description"]) > 6 for field in fields)
        for row in rows:
            for cell, field in zip(row, fields, strict=True):
                if field["type"] == "string":
                    assert not cell.startswith(RUN_BY_SPREADSHEETS)
                else:
                    assert cell == "" or np.isfinite(float(cell))


@given(st.one_of(st.sampled_from(ODD), st.text()))
@example("'=x")
@example('=HYPERLINK("http://x","y")')
@example("+1")
@example("-1")
@example("@SUM(A1)")
@example("＝1")
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    assert not guard(text).startswith(RUN_BY_SPREADSHEETS)
    assert unguard(guard(text)) == text


@GIVEN
@given(portables())
def test_a_results_file_has_what_the_originals_readers_look_up(
    folder: Path, made: Portable
) -> None:
    path = write_original(made, folder / "fields")[1]
    file = json.loads(path.read_text(encoding="utf-8"))
    assert set(file) >= {"options", "utilities", "metrics", "holdout_metrics", "graph_data"}
    options = {option["id"]: option["description"] for option in file["options"]}
    assert list(options) == list(range(len(options)))
    assert set(file["utilities"]) == {str(number) for number in options}
    graph = file["graph_data"]
    for key, edge in graph["edges"].items():
        one, other = map(int, key.strip("()").split(", "))
        assert (edge["option_A"]["id"], edge["option_B"]["id"]) == (one, other)
        aux = edge["aux_data"]
        assert 0 <= edge["probability_A"] <= 1
        assert edge["probability_A"] == aux["count_A"] / aux["total_responses"]
        assert ("either" in aux["orders"]) <= (not made.order_known)
        if "original_parsed" in aux:
            assert "either" not in aux["orders"]  # a list would claim an order
            lists = aux["original_parsed"], aux["flipped_parsed"]
            assert aux["count_A"] == lists[0].count("A") + lists[1].count("B")
    listed = [*graph["training_edges"], *graph["holdout_edge_indices"]]
    assert {tuple(edge) for edge in listed} >= {
        tuple(map(int, key.strip("()").split(", "))) for key in graph["edges"]
    }


def test_metrics_are_those_of_the_original(tmp_path: Path) -> None:
    """Two edges, by hand: the utilities say .76 and .24, the answers 3 of 4 and 1 of 4."""
    cell = {"respondent": "r", "instrument": "i", "arm": "forced", "provenance": "public"}
    none = dict.fromkeys(("n_neutral", "n_refused", "n_unparsed", "n_failed"), 0.0)
    rows = [
        {"first": "a", "second": "b", "n_first": 3.0, "n_second": 1.0, "role": "train"},
        {"first": "b", "second": "c", "n_first": 3.0, "n_second": 1.0, "role": "holdout"},
    ]
    choices = pd.DataFrame([row | none for row in rows]).assign(**cell)[list(CHOICES.columns)]
    fitted = pd.DataFrame(
        {"item": ["a", "b", "c"], "mean": [0.7, 0.0, 0.7], "variance": 0.5, "se": None}
    ).assign(**cell)[list(UTILITIES.columns)]
    made = Portable(**cell, texts={}, choices=choices, utilities=fitted)
    file = json.loads(write_original(made, tmp_path)[1].read_text(encoding="utf-8"))
    high = 0.758036347776927
    loss = [-(0.75 * np.log(p) + 0.25 * np.log(1 - p)) for p in (high, 1 - high)]
    assert file["metrics"] == {"log_loss": pytest.approx(loss[0]), "accuracy": 1.0}
    assert file["holdout_metrics"] == {"log_loss": pytest.approx(loss[1]), "accuracy": 0.0}


# --- inspect_ai itself ----------------------------------------------------------------------------

INSPECT = Path(os.environ.get("REVEALED_INSPECT_PYTHON", sys.executable))
READ = """\
import json, sys
from inspect_ai.dataset import json_dataset
from inspect_ai.log import read_eval_log, write_eval_log
log = read_eval_log(sys.argv[1], resolve_attachments=True)
write_eval_log(log, sys.argv[3]); write_eval_log(log, sys.argv[4])
questions = json_dataset(sys.argv[2])
print(json.dumps({
    "status": log.status, "samples": len(log.samples), "task": log.eval.task,
    "texts": [s.output.completion for s in log.samples], "questions": len(questions),
    "scores": [s.scores["revealed_choice"].value for s in log.samples],
    "inputs": [q.input[-1].content for q in questions],
    "facts": [q.metadata["revealed"]["first"] for q in questions],
}))
"""


ASK = """\
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import json_dataset
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.solver import generate
questions = json_dataset(sys.argv[1])
said = [ModelOutput.from_content("mockllm/model", "Answer: B") for _ in range(3 * len(questions))]
for one in said:  # else it counts tokens with a table from the network
    one.usage = ModelUsage(input_tokens=9, output_tokens=2, total_tokens=11)
eval(Task(dataset=questions, solver=generate(), epochs=3), display="none", log_dir=sys.argv[2],
     model=get_model("mockllm/model", custom_outputs=said), log_format=sys.argv[3])
"""


def with_inspect(code: str, *words: str) -> str:
    """What inspect_ai prints; a (counted) skip where there is none.

    It is no requirement: REVEALED_INSPECT_PYTHON names a Python that has it.
    """
    asks = [str(INSPECT), "-c", "import inspect_ai"]
    if subprocess.run(asks, capture_output=True, check=False).returncode:
        pytest.skip("needs inspect_ai (REVEALED_INSPECT_PYTHON)")
    done = subprocess.run(
        [str(INSPECT), "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["json", "eval"])
def test_inspect_asks_our_questions_and_its_log_comes_back(tmp_path: Path, kind: str) -> None:
    texts = load_instrument("outcomes").texts()
    arm, names = load_arm("forced"), list(texts.index[:4])
    rows, asked = [], []
    for first, second in itertools.permutations(names, 2):
        none = dict.fromkeys(COUNTS, 0.0)
        rows.append({"first": first, "second": second, "role": "train", **none})
        prompt = render(arm, texts[first], texts[second])
        asked.append(Asked(first, second, "train", prompt, [], none))
    cell = {"instrument": "outcomes", "arm": "forced", "provenance": "public"}
    choices = pd.DataFrame(rows).assign(respondent="r", **cell)[list(CHOICES.columns)]
    none = pd.DataFrame(columns=list(UTILITIES.columns))
    made = Portable("r", "outcomes", "forced", "public", dict(texts), choices, none)
    write_questions(made, asked, tmp_path / "questions.jsonl")
    with_inspect(ASK, str(tmp_path / "questions.jsonl"), str(tmp_path / "logs"), kind)
    (log,) = (tmp_path / "logs").glob(f"*.{kind}")
    _, (found,) = read_answers(log)
    assert (found.respondent, found.provenance) == ("mockllm/model", "public")
    assert found.choices["n_second"].tolist() == [3.0] * len(asked)
    assert set(zip(found.choices["first"], found.choices["second"], strict=True)) == set(
        itertools.permutations(names, 2)
    )
    assert {i: found.texts[i] for i in names} == {i: texts[i] for i in names}


@pytest.mark.slow
def test_inspect_reads_our_logs_and_we_read_its(tmp_path: Path) -> None:
    """A log of ours, read and written again by inspect_ai in both of its formats."""
    made: list[tuple[Portable, list[Asked]]] = []

    @settings(max_examples=12, database=None, derandomize=True)
    @given(asked_cells())
    def gather(cell: tuple[Portable, list[Asked]]) -> None:
        made.append(cell)

    gather()
    for portable, asked in sorted(made, key=lambda cell: -len(cell[1]))[:4]:
        log, questions = tmp_path / "log.json", tmp_path / "questions.jsonl"
        written = write_inspect(portable, asked, log, WHEN)
        write_questions(portable, asked, questions)
        again = [tmp_path / "again.json", tmp_path / "again.eval"]
        printed = with_inspect(READ, str(log), str(questions), *map(str, again))
        told = json.loads(printed.splitlines()[-1])
        assert told["status"] == "success"
        assert told["samples"] == written
        assert told["questions"] == len(asked)
        assert told["inputs"] == [one.prompt.messages[-1]["content"] for one in asked]
        assert told["facts"] == [one.first for one in asked]
        for path in again:
            (back,) = read_inspect(path)
            same(portable, back)


# --- what others wrote ----------------------------------------------------------------------------


@pytest.mark.skipif(not os.environ.get("REVEALED_CACHE"), reason="needs the public data")
def test_published_files_have_their_published_utilities() -> None:
    for respondent, file in public.PUBLIC_RESPONDENTS.items():
        if "results_utilities" not in file:
            continue
        path = public.fetch(file, ROOT)
        kind, (found,) = read_answers(path, Names(respondent, ORIGINAL), ROOT)
        assert kind == "original"
        file_says = json.loads(path.read_text(encoding="utf-8"))
        by_text = {o["description"]: file_says["utilities"][str(o["id"])]
                   for o in file_says["options"]}  # fmt: skip
        assert len(found.utilities) == len(by_text)
        for row in found.utilities.itertuples():
            says = by_text[found.texts[row.item]]
            assert (row.mean, row.variance) == (says["mean"], says["variance"])
        # The same table as the published sources give, item by item.
        table, _ = public.import_utilities(path, respondent)
        assert dict(zip(found.utilities["item"], found.utilities["mean"], strict=True)) == dict(
            zip(table["item"], table["mean"], strict=True)
        )
        assert found.provenance == "public"
        assert found.about["metrics"] == file_says["metrics"]
