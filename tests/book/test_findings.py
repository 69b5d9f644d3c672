"""What the built run found: every experiment by name, and no number of whoever cannot be measured.

Needs ``make book`` first; without a built run the tests are skipped, and counted.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from revealed.foundation.paths import project_root
from revealed.measures import multiplicity
from revealed.study import Run, open_run

pytestmark = pytest.mark.slow

ROOT = project_root(Path(__file__).parent)
VALUES = ("lottery", "instrumental", "maximisation", "convergence", "discount", "stated", "framing")
SELF = ("self", "power", "corrigibility", "judge", "consequential")
EXPERIMENTS = (*VALUES, *SELF, "probe")
REAL_ANSWERS = ("lottery", "convergence", "discount", "stated", "judge")
"""Experiments for which answers of real models are published."""
NOT_ASKED = {"probe"}
"""Experiments without a question: activations are read off."""
BARRED = ("simulated/refusing", "simulated/babbling")


@pytest.fixture(scope="module")
def run() -> Run:
    return open_run("default", ROOT)


@pytest.fixture(scope="module")
def found(run: Run) -> pd.DataFrame:
    if not (run.paths.folder / "findings").is_dir():
        pytest.skip("no built run: make book first")
    return run.findings()


def of(found: pd.DataFrame, experiment: str) -> pd.DataFrame:
    return found[found["estimand"].str.startswith(f"{experiment}.")]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_has_findings_with_intervals(found: pd.DataFrame, experiment: str) -> None:
    own = of(found, experiment)
    assert len(own)
    bounded = own[own["low"].notna() | own["high"].notna()]
    assert len(bounded) >= 3
    assumed = own["method"].str.startswith("assumed:")  # taken over, not counted: no n to give
    assert (own.loc[~assumed, "n"] > 0).all()
    assert own.loc[assumed, ["low", "high"]].isna().all(axis=None)
    assert (own["method"].str.len() > 5).all()


@pytest.mark.parametrize("experiment", REAL_ANSWERS)
def test_real_answers_are_in_the_chapters_that_open_on_them(
    run: Run, found: pd.DataFrame, experiment: str
) -> None:
    if run.unavailable():
        pytest.skip("the public data was not to be had when the book was made")
    assert of(found, experiment)["provenance"].isin(["public", "published"]).any()


@pytest.mark.parametrize("respondent", BARRED)
@pytest.mark.parametrize("experiment", [name for name in EXPERIMENTS if name not in NOT_ASKED])
def test_who_refuses_or_babbles_gets_a_reason_and_no_number(
    found: pd.DataFrame, experiment: str, respondent: str
) -> None:
    own = of(found, experiment)
    own = own[own["respondent"] == respondent]
    verdicts = own[own["estimand"] == f"{experiment}.measurable"]
    assert len(verdicts), f"{respondent} is told nothing"
    assert (verdicts["estimate"] == 0).all()
    assert (verdicts["note"] != "").all()
    assert set(own["estimand"]) == {f"{experiment}.measurable"}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_names_its_family_so_that_its_findings_are_counted(
    found: pd.DataFrame, experiment: str
) -> None:
    tried = multiplicity.adjust(of(found, experiment))
    assert len(tried) >= 1
    assert tried["p"].between(0, 1).all()
    assert (tried["p_adjusted"] >= tried["p"] - 1e-12).all()
