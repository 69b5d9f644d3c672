"""The explorer's files hold what the tables hold, and texts of strangers stay values."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_hostile_text import HOSTILE

from revealed.foundation.schemas import CHOICES, UTILITIES, Finding, check
from revealed.instruments import load_arm, load_instrument, render
from revealed.measures import intervals
from revealed.report import explore
from revealed.report.explore import answers, cells, encode, files, schema
from revealed.respondents import Answer, Ledger, Request
from revealed.respondents.ledger import Entry
from revealed.respondents.raw import RawAnswers
from revealed.respondents.request import Question
from revealed.respondents.spec import RespondentSpec
from revealed.study import open_run
from revealed.utilities import comparisons, fit

STUDY = """\
seed: 7
experiments:
  sexes: {instruments: [sexes.lives_saved], design: random, pairs_per_item: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [sexes]}
"""
CELL = ("simulated/coherent", "sexes.lives_saved", "forced")


def choices(rows: list[tuple[object, ...]], respondent: str = "real/one") -> pd.DataFrame:
    """Rows of first, second, n_first, n_second and, if given, neutral, refused and role."""
    full = [(*row, 0, 0, "train")[:7] if len(row) < 7 else row for row in rows]
    table = pd.DataFrame(
        full, columns=["first", "second", "n_first", "n_second", "n_neutral", "n_refused", "role"]
    )
    table = table.assign(
        respondent=respondent, instrument="outcomes", arm="forced", n_unparsed=0, n_failed=0,
        provenance="elicited",
    )  # fmt: skip
    return check(table, CHOICES, "drawn")


def drawn(seed: int = 0, items: str = "abcdef", answers_an_order: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for i, one in enumerate(items):
        for j, other in enumerate(items):
            if i != j:
                n = int(rng.binomial(answers_an_order, 1 / (1 + math.exp((i - j) / 3))))
                rows.append((one, other, n, answers_an_order - n))
    return choices(rows)


def test_a_pair_is_one_row_with_both_orders() -> None:
    table = choices([
        ("a", "b", 3, 1), ("b", "c", 1, 2, 1, 0, "holdout"), ("b", "a", 4, 0),
        ("c", "b", 0, 2, 0, 2, "holdout"), ("c", "a", 2, 2),
    ])  # fmt: skip
    pairs = cells.pairs_of(table, {"a": 0, "b": 1, "c": 2})
    assert list(zip(pairs.a, pairs.b, strict=True)) == [(0, 1), (1, 2), (2, 0)]
    assert pairs.for_a == [[3, 0], [1, 2], [2, None]]  # b was chosen 4 times where it stood first
    assert pairs.for_b == [[1, 4], [2, 0], [2, None]]
    assert pairs.lost == [[1, 0, 1, 0, 0, 0], [1, 1, 0, 2, 0, 0]]
    assert pairs.holdout == [1]


def test_shares_count_each_pair_as_one_draw() -> None:
    table = drawn()
    made = cells.cell(table, None, list("abcdef"), provenance="elicited", why="")
    a = table[(table["first"] == "a") | (table["second"] == "a")].copy()
    a["hits"] = np.where(a["first"] == "a", a["n_first"], a["n_second"])
    a["other"] = np.where(a["first"] == "a", a["second"], a["first"])
    by = a.groupby("other").agg(hits=("hits", "sum"), rows=("hits", "size"))
    expected = intervals.share(by["hits"], by["rows"] * 6)
    assert made.share[0] == pytest.approx(expected.value, rel=1e-4)
    assert made.share_low[0] == pytest.approx(expected.low, rel=1e-4)
    assert made.asked == [5] * 6
    assert made.mean == [None] * 6


def test_few_pairs_have_a_share_without_an_interval() -> None:
    rows = [("a", "b", 3, 1), ("a", "c", 3, 1), ("d", "b", 0, 4), ("d", "c", 0, 4)]
    made = cells.cell(choices(rows), None, list("abcd"), provenance="elicited", why="")
    assert made.share == pytest.approx([0.75, 5 / 8, 5 / 8, 0.0])
    assert made.share_low == [None, None, None, 0.0]
    assert made.share_high[3] == pytest.approx(intervals.binomial_interval(0, 2)[1], rel=1e-4)


def test_nothing_is_estimated_where_nothing_is_measurable() -> None:
    table = drawn()
    utilities = fit(comparisons(table, list("abcdef"))).table("real/one", "outcomes", "forced",
                                                             "elicited")  # fmt: skip
    made = cells.cell(table, utilities, list("abcdef"), provenance="elicited", why="it declined")
    assert made.mean == made.se == [None] * 6
    assert made.pairs is not None
    assert made.why == "it declined"
    told = cells.cell(table, utilities, list("abcdef"), provenance="elicited", why="")
    assert told.mean == pytest.approx(list(utilities["mean"]), rel=1e-4)


def test_differences_are_those_of_the_fit() -> None:
    fitted = fit(comparisons(drawn(), list("abcdef")))
    names = list("fedcba")  # another order than the fit's
    made = cells.differences(fitted, names)
    assert made is not None
    codes = np.frombuffer(base64.b64decode(made.se), dtype="<u2")
    k = 0
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            # Half a step of the scale is the rounding of the largest number to 16 bits.
            expected = fitted.difference(one, other).se
            assert codes[k] * made.scale == pytest.approx(expected, abs=made.scale)
            k += 1
    assert k == len(codes)


def test_what_the_prior_alone_places_has_no_difference() -> None:
    rows = [("a", "b", 3, 1), ("b", "a", 2, 2), ("a", "c", 4, 0), ("c", "a", 0, 4)]
    fitted = fit(comparisons(choices(rows), list("abc")))
    assert list(fitted.identified) == [True, True, False]
    made = cells.differences(fitted, list("abc"))
    assert made is not None
    codes = np.frombuffer(base64.b64decode(made.se), dtype="<u2")
    assert list(codes == 65_535) == [False, True, True]


def test_too_many_options_have_no_file_of_differences() -> None:
    fitted = fit(comparisons(drawn(), list("abcdef")))
    assert cells.differences(fitted, ["a"] * (cells.MOST_DIFFERENCES + 1)) is None


def test_rates_keep_their_bounds_and_prices_their_ends() -> None:
    every = pd.DataFrame(
        [("x", "y", 2.0, 1.0, 4.0, ""), ("x", "z", 9.0, 5.0, math.inf, ">"),
         ("y", "z", 1.0, 0.0, math.inf, "none")],
        columns=["good", "per", "rate", "rate_low", "rate_high", "bound"],
    ).sample(frac=1, random_state=1)  # fmt: skip
    # Goods are named in the order in which the table has them, whatever that is.
    every = every.sort_values(["good", "per"])
    prices = pd.DataFrame(
        {"subject": ["x", "y"], "estimate": [0.0, math.log(0.5)], "low": [-1.0, None],
         "high": [1.0, 0.0], "method": "m"}
    )  # fmt: skip
    made = cells.rates(every, prices)
    assert made is not None
    assert made.goods == ["x", "y", "z"]
    assert made.rate == [2.0, 9.0, None]
    assert made.high == [4.0, None, None]
    assert made.bound == ["", ">", "none"]
    assert made.price == [1.0, 0.5, None]
    assert made.price_low == [pytest.approx(math.exp(-1), rel=1e-4), None, None]
    assert cells.rates(every.head(2), prices) is None  # not every pair


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_is_ascii_and_comes_back_whole(text: str) -> None:
    content = schema.Items(
        ids=["__proto__", text], texts=[encode.text(text)] * 2, categories=[""], category=[0, 0],
        goods=[], good=[-1, -1], quantity=[None, 1.5],
    ) if text != HOSTILE["surrogate"] else schema.Items(
        ids=["__proto__"], texts=[encode.text(text)], categories=[""], category=[0], goods=[],
        good=[-1], quantity=[None],
    )  # fmt: skip
    written = encode.script("items/x", content)
    assert written.isascii()
    assert "\n" not in written.rstrip("\n")
    name, read = encode.read(written)
    assert name == "items/x"
    assert schema.Items.model_validate(read) == content


def test_no_name_in_a_file_is_a_strangers() -> None:
    """A name such as ``__proto__`` means something to a browser; lists of values do not."""

    def names(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for part in value.values() for name in names(part)}
        if isinstance(value, list):
            return {name for part in value for name in names(part)}
        return set()

    rows = pd.DataFrame(
        [{"estimand": "__proto__", "respondent": "constructor", "subject": "x", "instrument": "",
          "arm": "", "unit": "share", "method": "m", "provenance": "public", "note": "__proto__",
          "estimate": 0.5, "low": None, "high": float("nan"), "n": 3}]
    )  # fmt: skip
    made = files.findings_file(rows)
    assert made.estimands == ["__proto__"]
    assert made.high == [None]
    assert "__proto__" not in names(made.model_dump())


# ------------------------------------------------------------------------------------ raw answers


def said(ledger: Ledger, spec: RespondentSpec, messages: list[dict[str, str]],
         texts: list[str | None]) -> None:  # fmt: skip
    """Put answers to one prompt into the ledger; None is a failed request."""
    question = Question(spec.model, messages, {"temperature": 1.0, "max_tokens": 10})
    entries = []
    for sample, text in enumerate(texts):
        request = Request(question, sample, seed=sample)
        status = "ok" if text is not None else "failed"
        entries.append(Entry(Answer(request.key, status, text), request, spec.name))
    ledger.put(entries)


def test_answers_are_those_that_were_counted(tmp_path: Path) -> None:
    spec = RespondentSpec(name="real/one", model="simulated/coherent")
    arm, instrument = load_arm("forced"), load_instrument("outcomes")
    one, other = instrument.items.index[:2]
    texts = instrument.texts()
    prompts = [
        render(arm, texts[a], texts[b]).messages for a, b in ((one, other), (other, one))
    ]  # fmt: skip
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        # The last answer is another experiment's, which asked the pair again.
        said(
            ledger,
            spec,
            prompts[0],
            ["A", "B", "A", None, "I'm sorry, but I can't help with that.", "A"],
        )
        said(ledger, spec, prompts[1], ["A", "<b>B</b>"])
        said(ledger, spec.model_copy(update={"model": "simulated/left"}), prompts[1], ["B"] * 9)
    raw = RawAnswers(tmp_path / "ledger.sqlite")
    assert len(raw) == 17
    table = choices([(one, other, 2, 1), (other, one, 1, 0)])
    table.loc[0, ["n_refused", "n_failed"]] = 1.0
    table.loc[1, "n_unparsed"] = 1.0
    pairs = cells.pairs_of(table, {one: 0, other: 1})
    found = answers.said_to(pairs, [one, other], spec, instrument, arm, raw)
    assert sorted(found[0]) == [
        ("", "failed", 1), ("A", "first", 2), ("B", "second", 1),
        ("I'm sorry, but I can't help with that.", "refused", 1),
    ]  # fmt: skip
    assert [(way.text, way.times) for way in found[1]] == [("A", 1), ("<b>B</b>", 1)]
    # One model asked the same by another name has one set of answers; at another temperature not.
    twin = spec.model_copy(update={"name": "twin"})
    assert answers.said_to(pairs, [one, other], twin, instrument, arm, raw) == found
    cold = spec.model_copy(update={"temperature": 0.0})
    assert not any(answers.said_to(pairs, [one, other], cold, instrument, arm, raw))


def test_without_a_ledger_nobody_said_anything(tmp_path: Path) -> None:
    raw = RawAnswers(tmp_path / "none.sqlite")
    assert len(raw) == 0
    assert not (tmp_path / "none.sqlite").exists()
    assert "ledger" in answers.why_silent("elicited", raw, pd.DataFrame())


def test_files_of_answers_are_bounded_and_count_what_they_leave_out() -> None:
    many = [answers.Said(f"{k} {'x' * 2000}", "unparsed", 2) for k in range(9)]
    ways = [[way._replace(text=f"{k} {way.text}") for way in many] for k in range(200)]
    ways = [part for way in ways for part in (way, [])]
    made = list(answers.files(ways))
    assert len(made) > 3
    assert [part.start for part in made] == list(np.cumsum([0] + [len(p.said) // 2 for p in made]))[
        :-1
    ]
    assert sum(len(part.said) for part in made) == len(ways)
    for part in made:
        assert len(encode.script("x", part)) < 2 * answers.FILE_SIZE
        assert all(len(entry) <= answers.MOST_DIFFERENT for entry in part.said)
        assert part.left_out[0] == [0, 2 * (9 - answers.MOST_DIFFERENT)]
        assert all(len(text) < 700 for text in part.texts)


# ---------------------------------------------------------------------------------- a whole run


def a_run(root: Path) -> None:
    """A run with one simulated cell, one imported one, and findings, as the steps leave it."""
    run = open_run("default", root)
    items = list(load_instrument(CELL[1], root).items.index)[:6]
    rows = drawn(items="abcdef").replace(dict(zip("abcdef", items, strict=True)))
    rows = rows.assign(respondent=CELL[0], instrument=CELL[1], provenance="simulated")
    run.write_choices(rows)
    made = fit(comparisons(rows, items))
    made.save(run.paths.utilities(*CELL), made.table(*CELL, "simulated"))
    public = {"x.json": {"respondent": "else/where", "available": True, "why": "", "sha256": "0"}}
    (run.paths.folder / "public.json").write_text(json.dumps(public))
    run.write_utilities(
        check(
            pd.DataFrame(
                {"respondent": "else/where", "instrument": "unknown/set", "arm": "forced",
                 "item": ["p", "q"], "mean": [0.5, -0.5], "se": [None, None], "variance": 0.5,
                 "provenance": "public"}
            ),
            UTILITIES, "drawn",
        )
    )  # fmt: skip
    gate = Finding("gate.measurable", "coherence", CELL[0], 0.0, None, None, "1 or 0", 4, "m",
                   "simulated", note="answers by place")  # fmt: skip
    run.write_findings("coherence", [gate])
    spec = run.spec(CELL[0])
    texts = load_instrument(CELL[1], root).texts()
    with Ledger(run.paths.ledger) as ledger:
        for row in rows.itertuples():
            prompt = render(load_arm("forced", root), texts[row.first], texts[row.second])
            said(ledger, spec, prompt.messages,
                 ["A"] * int(row.n_first) + ["B"] * int(row.n_second))  # fmt: skip


def test_a_run_becomes_files_that_name_each_other(
    make_checkout: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = make_checkout(STUDY)
    a_run(root)
    folder = tmp_path_factory.mktemp("explore")
    index = explore.write(open_run("default", root), folder)
    name, content = encode.read((folder / "index.js").read_text())
    assert name == "index"
    assert schema.Index.model_validate(content) == index
    assert [one.name for one in index.respondents] == ["else/where", CELL[0]]  # real ones first
    assert [one.gate for one in index.respondents] == ["", "answers by place"]
    models = {
        "items": schema.Items, "findings": schema.Findings, "answers": schema.Answers,
        "differences": schema.Differences, "cells": schema.Cell,
    }  # fmt: skip
    written = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.js")}
    for file in written - {"index"}:
        name, content = encode.read((folder / f"{file}.js").read_text())
        assert name == file
        kind = next((k for k in ("answers", "differences") if f".{k}" in file), file.split("/")[0])
        models[kind].model_validate(content)
    simulated = index.cells[1]
    assert simulated.has == ["choices", "utilities", "differences", "answers"]
    cell = schema.Cell.model_validate(encode.read((folder / f"{simulated.file}.js").read_text())[1])
    assert cell.answers_from == [0]
    assert cell.silent == ""
    told = schema.Answers.model_validate(
        encode.read((folder / f"{simulated.file}.answers-0.js").read_text())[1]
    )
    assert cell.pairs is not None
    for k, (for_a, for_b) in enumerate(zip(cell.pairs.for_a, cell.pairs.for_b, strict=True)):
        for order in (0, 1):
            counts = {schema.KINDS[kind]: n for _, kind, n in told.said[2 * k + order]}
            here = (for_a, for_b) if order == 0 else (for_b, for_a)
            assert counts.get("first", 0) == here[0][order]
            assert counts.get("second", 0) == here[1][order]
    imported = schema.Cell.model_validate(
        encode.read((folder / f"{index.cells[0].file}.js").read_text())[1]
    )
    assert imported.pairs is None
    assert "published" in imported.silent


def test_an_empty_run_has_an_index(
    make_checkout: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("explore")
    index = explore.write(open_run("default", make_checkout(STUDY)), folder)
    assert index.cells == index.chapters == []
    assert [path.name for path in folder.iterdir()] == ["index.js"]


def test_the_page_loads_every_script_that_there_is(make_checkout: Callable[[str], Path]) -> None:
    markup = explore.entry(open_run("default", make_checkout(STUDY)), "data/runs/default")
    static = Path(__file__).parents[2] / "book" / "_static" / "explore"
    there = {path.name for path in static.glob("*.js")}
    assert there == set(files.SCRIPTS)
    for name in there:
        assert f"../_static/explore/{name}" in markup
    assert 'src="../data/runs/default/explore/index.js"' in markup
