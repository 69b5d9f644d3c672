"""Out of one run and into another: all of it or nothing, twice is once, and the fit works on it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from revealed import cli
from revealed.foundation.errors import ConfigError, DataError
from revealed.foundation.schemas import CHOICES, UTILITIES
from revealed.instruments import ORIGINAL, load_instrument
from revealed.measures.order import findings
from revealed.respondents import Parsed, public
from revealed.study import (
    Run,
    elicit_respondent,
    export_answers,
    fit_respondent,
    import_answers,
    open_run,
)

WHO = "simulated/coherent"


@pytest.fixture
def asked(checkout: Path) -> Run:
    """A run with answers and a fit."""
    run = open_run()
    elicit_respondent(run, WHO, instruments=["outcomes"], progress=False)
    fit_respondent(run, WHO)
    return run


def stored(run: Run, who: str, instrument: str = "outcomes") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choices and utilities without the name, in the order of their keys."""
    tables = run.choices(who, instrument), run.utilities(who, instrument)
    return tuple(
        table.sort_values(list(schema.key)).drop(columns="respondent").reset_index(drop=True)
        for table, schema in zip(tables, (CHOICES, UTILITIES), strict=True)
    )  # type: ignore[return-value]


def files(run: Run) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in run.paths.folder.rglob("*") if p.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("to", ["original", "inspect", "csv"])
def test_out_of_one_run_and_into_another(asked: Run, tmp_path: Path, to: str) -> None:
    out = tmp_path / "out"
    export_answers(asked, out, to, respondents=[WHO], instruments=["outcomes"])  # type: ignore[arg-type]
    path = out if to == "csv" else next(
        p for p in sorted(out.glob("*.json")) if "results_utilities" not in p.name
    )  # fmt: skip
    other = open_run("other")
    (cell,) = import_answers(other, path, respondent="their/model")
    assert cell.changed
    assert (cell.instrument, cell.arm) == ("outcomes", "forced")
    for one, two in zip(stored(asked, WHO), stored(other, "their/model"), strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    # What a program of ours made is called simulated wherever it goes.
    assert other.provenance("their/model") == "simulated"
    assert other.respondents == ["their/model"]
    before = files(other)
    (again,) = import_answers(other, path, respondent="their/model")
    assert not again.changed
    assert files(other) == before
    # The same fit comes out of the imported choices.
    fitted = fit_respondent(other, "their/model")
    assert fitted["converged"].all()
    assert np.array_equal(
        asked.fit(WHO, "outcomes").mean, other.fit("their/model", "outcomes").mean
    )
    (again,) = import_answers(other, path, respondent="their/model")
    assert not again.changed
    # And out again, the same as what came in.
    export_answers(other, tmp_path / "again", to)  # type: ignore[arg-type]
    third = open_run("third")
    back = tmp_path / "again"
    back = back if to == "csv" else next(
        p for p in sorted(back.glob("*.json")) if "results_utilities" not in p.name
    )  # fmt: skip
    import_answers(third, back)
    for one, two in zip(stored(asked, WHO), stored(third, "their/model"), strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.mark.slow
def test_raw_answers_are_in_the_log_where_the_ledger_has_them(asked: Run, tmp_path: Path) -> None:
    log, questions = export_answers(asked, tmp_path / "with", "inspect")
    samples = json.loads(log.read_text(encoding="utf-8"))["samples"]
    votes = asked.choices(WHO, "outcomes")[["n_first", "n_second"]].sum().sum()
    assert len(samples) == votes
    assert {"A", "B", "**B**"} <= {s["output"]["completion"] for s in samples}
    assert len(questions.read_text(encoding="utf-8").splitlines()) == len(
        asked.choices(WHO, "outcomes")
    )
    shutil.move(asked.paths.ledger, tmp_path / "elsewhere.sqlite")
    log, _ = export_answers(asked, tmp_path / "without", "inspect")
    samples = json.loads(log.read_text(encoding="utf-8"))["samples"]
    assert all(s["output"]["choices"] == [] for s in samples)
    (cell,) = import_answers(open_run("other"), log, respondent="counted")
    assert cell.answers == votes


@pytest.mark.slow
def test_probabilities_of_tokens_travel(checkout: Path, tmp_path: Path) -> None:
    run = open_run()
    spec = run.spec(WHO).model_copy(update={"mode": "logprob", "name": "soft"})
    elicit_respondent(run, spec, instruments=["outcomes"], progress=False)
    log, _ = export_answers(run, tmp_path / "out", "inspect")
    samples = json.loads(log.read_text(encoding="utf-8"))["samples"]
    assert "logprobs" in samples[0]["output"]["choices"][0]
    other = open_run("other")
    import_answers(other, log)
    keys = ["first", "second"]
    one, two = (r.choices("soft", "outcomes").sort_values(keys) for r in (run, other))
    assert not (one["n_first"] % 1 == 0).all()
    pd.testing.assert_frame_equal(
        one.reset_index(drop=True), two.reset_index(drop=True), check_exact=True
    )


def test_nothing_is_written_when_one_cell_is_off(checkout: Path, tmp_path: Path) -> None:
    run = open_run()
    file = tmp_path / "mine.csv"
    known = load_instrument("outcomes").items.index[0]
    head = "respondent,instrument,item_a,item_b,chosen"
    file.write_text(f"{head}\nme,own,x,y,x\nme,outcomes,{known},{known}x,{known}\n")
    with pytest.raises(DataError, match=rf"mine\.csv, line 3.*'{known}x'.*Did you mean '{known}'"):
        import_answers(run, file)
    file.write_text("item_a,item_b,chosen\nx,y,x\nv,w,w\n")
    with pytest.raises(DataError, match="2 parts that no answer links: 'v' is never compared with"):
        import_answers(run, file)
    assert not run.paths.folder.exists()


def test_a_kill_between_files_leaves_a_run_that_knows_nothing_of_them(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run()
    file = tmp_path / "mine.csv"
    file.write_text("respondent,item_a,item_b,chosen\nme,x,y,x\nyou,x,y,x\n")
    real = Run.write_choices
    done = []

    def killed(self: Run, table: pd.DataFrame) -> Path:
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return real(self, table)

    monkeypatch.setattr(Run, "write_choices", killed)
    with pytest.raises(KeyboardInterrupt):
        import_answers(run, file)
    assert run.respondents == []
    assert run.cells().empty
    monkeypatch.setattr(Run, "write_choices", real)
    assert len(import_answers(run, file)) == 2
    assert run.respondents == ["me", "you"]


def test_nobody_is_overwritten(checkout: Path, tmp_path: Path) -> None:
    run = open_run()
    file = tmp_path / "mine.csv"
    file.write_text("item_a,item_b,n_a,n_b\nx,y,3,1\n")
    before = files(run)
    for name in (WHO, "simulated--coherent", "simulated/egalitarian"):
        with pytest.raises(ConfigError, match=r"is a respondent of this run.*--as"):
            import_answers(run, file, respondent=name)
    assert files(run) == before
    import_answers(run, file)
    file.write_text("item_a,item_b,n_a,n_b\nx,y,3,2\n")
    with pytest.raises(ConfigError, match="--replace"):
        import_answers(run, file)
    assert run.choices("mine", "imported/mine")["n_second"].sum() == 1
    fit_respondent(run, "mine")
    import_answers(run, file, replace=True)
    assert run.choices("mine", "imported/mine")["n_second"].sum() == 2
    assert not run.has("mine", "imported/mine", kind="fit")  # it was of other answers
    file.write_text("item_a,item_b,n_a,n_b,provenance\nx,y,3,2,simulated\n")
    with pytest.raises(ConfigError, match="are public and simulated"):
        import_answers(run, file, arm="neutral")


def test_an_unknown_order_of_listing_is_not_taken_for_a_bias(
    checkout: Path, tmp_path: Path
) -> None:
    """Everybody prefers what comes later in the alphabet, which is no effect of position."""
    run = open_run()
    lines = ["item_a,item_b,n_a,n_b"]
    lines += [f"{a},{b},1,3" for a in "abcd" for b in "abcd" if a < b]
    file = tmp_path / "mine.csv"
    file.write_text("\n".join(lines) + "\n")
    import_answers(run, file)
    fit_respondent(run, "mine")
    fitted = run.fit("mine", "imported/mine")
    assert fitted.order_effect == 0
    assert not fitted.order_effect_fitted
    assert (np.diff(fitted.mean) > 0).all()
    made = findings(
        run.choices("mine", "imported/mine"), chapter="order", fit=fitted, provenance="public"
    )
    assert not [f.estimand for f in made if f.estimand.startswith("order.")]
    assert "gate.measurable" in {f.estimand for f in made}
    with pytest.raises(DataError, match="nobody knows which option was listed first"):
        export_answers(run, tmp_path / "out", "inspect")
    for to in ("original", "csv"):
        out = export_answers(run, tmp_path / to, to)[0].parent
        path = out if to == "csv" else next(out.glob("results_mine*"))
        other = open_run(f"from-{to}")
        import_answers(other, path)
        pd.testing.assert_frame_equal(*(r.choices("mine", "imported/mine") for r in (run, other)))
        with pytest.raises(DataError, match="nobody knows"):
            export_answers(other, tmp_path / "out", "inspect")
    file.write_text(
        "\n".join(lines).replace("item_a,item_b,n_a,n_b", "first,second,n_first,n_second")
    )
    import_answers(run, file, respondent="told")
    fit_respondent(run, "told")
    assert run.fit("told", "imported/mine").order_effect == 0  # no pair in both orders


@pytest.mark.slow
def test_an_answer_that_prefers_nothing_keeps_its_name(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import import_module

    module = import_module("revealed.respondents.elicit")
    kinds = iter(["neutral", "refused", "unparsed"] * 100_000)
    monkeypatch.setattr(module, "parse", lambda text, prompt: Parsed(next(kinds)))  # type: ignore[arg-type]
    run = open_run()
    elicit_respondent(run, WHO, instruments=["calibration"], progress=False)
    export_answers(run, tmp_path / "out", "csv")
    other = open_run("other")
    import_answers(other, tmp_path / "out", respondent="mute")
    for name in ("n_neutral", "n_refused", "n_unparsed"):
        was = run.choices(WHO, "calibration")[name].sum()
        assert other.choices("mute", "calibration")[name].sum() == was > 0
    with pytest.raises(DataError, match=r"has no utilities.*revealed fit"):
        export_answers(run, tmp_path / "out", "original")


@pytest.mark.skipif(not os.environ.get("REVEALED_CACHE"), reason="needs the public data")
def test_a_published_file_of_the_original_comes_in_and_goes_out(
    checkout: Path, tmp_path: Path
) -> None:
    run = open_run()
    path = public.fetch("avocado/results_utilities_gpt-4o.json")
    (cell,) = import_answers(run, path, respondent="published/gpt-4o", instrument=ORIGINAL)
    assert (cell.pairs, cell.utilities) == (0, 192)
    assert run.provenance("published/gpt-4o") == "public"
    (out,) = export_answers(run, tmp_path / "out", "original")
    ours, theirs = (json.loads(p.read_text(encoding="utf-8")) for p in (out, path))

    def told(file: dict) -> dict:  # type: ignore[type-arg]
        text = {str(o["id"]): o["description"] for o in file["options"]}
        return {text[n]: (u["mean"], u["variance"]) for n, u in file["utilities"].items()}

    assert told(ours) == told(theirs)


@pytest.mark.slow
def test_the_commands(asked: Run, tmp_path: Path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    def revealed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["revealed", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    out = str(tmp_path / "out")
    code, said, _ = revealed("export", out, "--to", "csv", "--respondent", WHO)
    assert code == 0
    assert "4 files" in said
    code, said, _ = revealed("import", out, "--as", "them", "--run", "other")
    assert code == 0
    assert "them, outcomes, forced: " in said
    assert "revealed fit --run other --respondent them" in said
    code, said, _ = revealed("import", out, "--as", "them", "--run", "other")
    assert code == 0
    assert "there already" in said
    assert "revealed fit" not in said
    for words, number, says in (
        (("export", out, "--to", "csv", "--respondent", "simulated/coherant"), 2, "Did you mean"),
        (("export", out, "--to", "csv", "--run", "empty"), 2, "holds no such answers"),
        (("import", "--as", "them"), 2, "belong to a file"),
        (("import", out), 2, "--as"),
        (("import", str(tmp_path / "gone.json")), 3, "no such file"),
    ):
        code, _, err = revealed(*words)
        assert (code, says in err) == (number, True), err
        assert "Traceback" not in err
