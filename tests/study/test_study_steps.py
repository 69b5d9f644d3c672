"""Ask, fit, import: files of a run, nothing asked twice, the same bytes again."""

import json

import pandas as pd
import pytest
import requests

from revealed.foundation.errors import (
    BudgetError,
    ConfigError,
    DataError,
    FetchError,
    RespondentError,
)
from revealed.respondents import Ledger, Parsed, RespondentSpec, public
from revealed.study import (
    elicit_respondent,
    fit_respondent,
    import_answers,
    import_public,
    open_run,
    status,
)

WHO = "simulated/coherent"


def asked(run):
    with Ledger(run.paths.ledger) as ledger:
        return int(ledger.counts()["n"].sum())


@pytest.fixture
def run(checkout):
    return open_run()


def test_ask_fit_and_read_back(run):
    counts = elicit_respondent(run, WHO, progress=False)
    assert set(counts["instrument"]) == {"calibration", "outcomes", "sexes.lives_saved"}
    outcomes = run.choices(WHO, "outcomes")
    # 160 in rounds (a pair may come twice), 15 or fewer in triads, 40 held out; two orders.
    assert 2 * 195 <= len(outcomes) <= 2 * 215
    assert set(outcomes["role"]) == {"train", "holdout"}
    orders = {frozenset(p) for p in zip(outcomes["first"], outcomes["second"], strict=True)}
    assert 2 * len(orders) == len(outcomes)
    fits = fit_respondent(run, WHO).set_index("instrument")
    assert fits["converged"].all()
    assert "calibration" not in fits.index
    assert run.has(WHO, "outcomes", kind="fit")
    fitted, table = run.fit(WHO, "outcomes"), run.utilities(WHO, "outcomes")
    assert list(fitted.items) == list(table["item"])
    assert len(table) == 40
    # A coherent respondent is foretold far above chance; 40 held-out pairs, so a wide margin.
    assert run.scores(WHO, "outcomes")["accuracy"] > 0.7
    assert (table["provenance"] == "simulated").all()
    assert set(run.cells()["instrument"]) == {"calibration", "outcomes", "sexes.lives_saved"}
    states = status(run).set_index(["respondent", "instrument"])["state"]
    assert states[(WHO, "outcomes")] == "fitted"
    assert states[("simulated/egalitarian", "calibration")] == "waiting"


def test_again_asks_nothing_and_gives_the_same_bytes(run):
    elicit_respondent(run, WHO, progress=False)
    before = {p: p.read_bytes() for p in run.paths.folder.rglob("*.parquet")}
    answers = asked(run)
    elicit_respondent(run, WHO, progress=False)
    assert asked(run) == answers
    assert {p: p.read_bytes() for p in run.paths.folder.rglob("*.parquet")} == before


def test_holdout_pairs_are_never_trained_on(run):
    elicit_respondent(run, WHO, instruments=["outcomes"], progress=False)
    table = run.choices(WHO, "outcomes")
    pairs = {
        role: {frozenset(p) for p in zip(rows["first"], rows["second"], strict=True)}
        for role, rows in table.groupby("role")
    }
    assert pairs["train"].isdisjoint(pairs["holdout"])


def test_budget_of_zero_and_unknown_names_spend_nothing(run, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")
    real = RespondentSpec(name="m", model="openai/gpt-4o")
    with pytest.raises(BudgetError):
        elicit_respondent(run, real, max_cost=0)
    with pytest.raises(ConfigError, match="Did you mean 'simulated/coherent'"):
        elicit_respondent(run, "simulated/coherant")
    with pytest.raises(RespondentError):
        elicit_respondent(run, RespondentSpec(name="x", model="simulated/nobody"))
    assert not run.paths.folder.exists()


def test_a_respondent_that_answers_nothing_is_listed_and_not_fitted(run, monkeypatch):
    from importlib import import_module

    module = import_module("revealed.respondents.elicit")
    monkeypatch.setattr(module, "parse", lambda text, prompt: Parsed("unparsed"))
    elicit_respondent(run, WHO, instruments=["outcomes"], progress=False)
    fits = fit_respondent(run, WHO)
    assert not fits["converged"].any()
    assert fits["problem"].tolist() == ["No answer was a choice."]
    assert not run.has(WHO, "outcomes", kind="fit")


def table(**changes):
    row = {
        "respondent": "lab/model", "instrument": "own", "arm": "forced", "first": "a",
        "second": "b", "n_first": 3, "n_second": 1, "n_neutral": 0, "n_refused": 0,
        "n_unparsed": 0, "n_failed": 0, "role": "train", "provenance": "public",
    }  # fmt: skip
    rows = [row | changes, row | changes | {"first": "b", "second": "a"}]
    return pd.DataFrame(rows)


def test_own_choices_come_in_through_the_schema(run, tmp_path):
    file = tmp_path / "own.csv"
    table().to_csv(file, index=False)
    import_answers(run, file)
    assert run.choices("lab/model", "own")["n_first"].sum() == 6
    table(n_first=-1).to_csv(file, index=False)
    with pytest.raises(DataError, match=r"own\.csv, line 2: column n_first must be a count"):
        import_answers(run, file)
    table(provenance="elicited").to_csv(file, index=False)  # elsewhere, so public here
    assert not any(cell.changed for cell in import_answers(run, file))
    assert run.provenance("lab/model") == "public"
    table(n_first=9).to_csv(file, index=False)
    with pytest.raises(ConfigError, match="other answers of lab/model"):
        import_answers(run, file)
    file.write_bytes(b"\x00\x01")
    with pytest.raises(DataError, match=r"own\.csv"):
        import_answers(run, file)


def test_public_sources_that_cannot_be_had_are_written_down(run, tmp_path, monkeypatch):
    tried = []

    def fetch(file, root=None):
        tried.append(file)
        raise FetchError("is not cached and cannot be fetched.", where=file)

    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(public, "fetch", fetch)
    found = import_public(run)
    assert len(found) > 10
    assert not any(row["available"] for row in found.values())
    # The first says that there is no network; the rest are not waited for.
    assert len(tried) == 1
    assert set(run.unavailable()) == set(found)
    assert run.unavailable("avocado/")
    assert run.public_respondents == []
    assert json.loads((run.paths.folder / "public.json").read_text()) == found


@pytest.mark.parametrize("cause", [ValueError("another hash"), requests.HTTPError("404")])
def test_one_source_that_has_changed_is_no_missing_network(run, tmp_path, monkeypatch, cause):
    tried = []

    def fetch(file, root=None):
        tried.append(file)
        raise FetchError("is not what it was.", where=file) from cause

    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(public, "fetch", fetch)
    found = import_public(run)
    assert tried == [*found]
    assert {row["why"] for row in found.values()} == {"is not what it was."}


def test_public_answers_come_into_the_run(run, monkeypatch):
    import os

    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data that REVEALED_CACHE names")
    found = import_public(run)
    assert all(row["available"] for row in found.values())
    assert {"avocado/gpt-4o", "fourofclubs001/qwen2.5-1.5b-instruct"} <= set(run.respondents)
    assert run.provenance("avocado/gpt-4o") == "public"
    assert len(run.utilities("avocado/gpt-4o", "cais/options_hierarchical")) == 192
    triads = run.choices("fourofclubs001/qwen2.5-1.5b-instruct", "cais/options_hierarchical")
    assert triads[["n_first", "n_second"]].sum().sum() > 30_000
    fits = fit_respondent(run, "fourofclubs001/qwen2.5-1.5b-instruct")
    assert len(fits) == 1
