"""Adjustment for the number of findings, against statsmodels' normal tests and counted errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from revealed.figures.page import rows
from revealed.foundation.schemas import Finding
from revealed.measures import multiplicity
from revealed.measures.control.agreement import mean

Z = float(stats.norm.ppf(0.975))


def finding(
    respondent: str, estimate: float, se: float, *, family: str = "a.b", null: float | None = 0.0,
    unit: str = "utility", provenance: str = "elicited",
) -> Finding:  # fmt: skip
    return Finding(
        "a.b", "c", respondent, estimate, estimate - Z * se, estimate + Z * se, unit, 9, "m",
        provenance, family=family, null=null,
    )  # type: ignore[arg-type]  # fmt: skip


def test_p_values_are_those_of_a_normal_test() -> None:
    table = multiplicity.adjust(rows([finding("x", 1.2, 0.5), finding("y", -0.3, 0.5)]))
    expected = 2 * stats.norm.sf([1.2 / 0.5, 0.3 / 0.5])
    assert table["p"].to_numpy() == pytest.approx(expected, rel=1e-9)
    assert table["p_adjusted"].to_numpy() == pytest.approx([2 * expected[0], expected[1]], rel=1e-9)
    assert table["stands"].tolist() == [True, False]


def test_students_intervals_are_read_as_students() -> None:
    rng = np.random.default_rng(8)
    families, freedom = 400, 5
    estimates = rng.standard_t(freedom, size=(families, 12))
    half = float(stats.t.ppf(0.975, freedom))
    made = [
        replace(finding(f"r{j}", float(e), half / Z, family=f"f{i}"), freedom=freedom)
        for i, row in enumerate(estimates)
        for j, e in enumerate(row)
    ]
    table = rows(made)
    expected = 2 * stats.t.sf(np.abs(estimates.ravel()), freedom)
    assert multiplicity.adjust(table)["p"].to_numpy() == pytest.approx(expected, rel=1e-9)
    # 5 % of 400 families, and three standard deviations of that count; read as normal, far more.
    assert (multiplicity.tally(table)["stand"] > 0).sum() <= 20 + 3 * np.sqrt(19)
    assert (multiplicity.tally(table.assign(freedom=None))["stand"] > 0).mean() > 0.1


def test_a_mean_of_few_pairs_has_the_p_value_of_its_t_test() -> None:
    values = np.random.default_rng(9).normal(0.6, 1.0, 7)
    made = mean(values, "m").finding(
        "a.b", "share", chapter="c", respondent="x", provenance="elicited", family="f", null=0.0
    )
    found = multiplicity.adjust(rows([made]))["p"].iloc[0]
    assert found == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue, rel=1e-9)


def test_a_ratio_is_tested_on_its_log() -> None:
    log, se = np.log(3.0), 0.4
    ends = np.exp([log - Z * se, log + Z * se])
    made = Finding("a.r", "c", "x", 3.0, *ends, "ratio", 9, "m", "elicited", family="f", null=1.0)
    assert multiplicity.adjust(rows([made]))["p"].iloc[0] == pytest.approx(
        2 * stats.norm.sf(log / se), rel=1e-9
    )


def test_only_findings_that_name_family_null_and_interval_are_tried() -> None:
    made = [
        finding("x", 1.0, 0.1),
        finding("y", 1.0, 0.1, family=""),
        finding("z", 1.0, 0.1, null=None),
        Finding("a.b", "c", "w", 1.0, None, None, "u", 9, "m", "elicited", family="a.b", null=0.0),
    ]
    assert multiplicity.adjust(rows(made))["respondent"].tolist() == ["x"]
    assert multiplicity.adjust(rows(made[1:])).empty


def test_a_bound_stands_where_it_lies_beyond_the_null() -> None:
    made = [
        Finding("a", "c", "x", 9.0, 4.0, None, "u", 9, "m", "elicited", family="f", null=0.0),
        Finding("a", "c", "y", -1.0, None, 2.0, "u", 9, "m", "elicited", family="f", null=0.0),
    ]
    assert multiplicity.adjust(rows(made))["stands"].tolist() == [True, False]


def test_simulated_findings_do_not_count_against_real_ones() -> None:
    real = [finding("x", 1.0, 0.45)]
    noise = [finding(f"s{i}", 0.0, 1.0, provenance="simulated") for i in range(50)]
    table = multiplicity.adjust(rows(real + noise))
    assert table.set_index("respondent").loc["x", "stands"]
    tally = multiplicity.tally(rows(real + noise)).set_index("provenance")
    assert tally.loc["simulated", "tried"] == 50
    assert tally.loc["elicited", ["tried", "unadjusted", "stand"]].tolist() == [1, 1, 1]


def test_a_family_of_nulls_is_wrong_in_at_most_five_per_cent() -> None:
    rng = np.random.default_rng(7)
    families = 400
    estimates = rng.normal(size=(families, 12))
    made = [
        finding(f"r{j}", float(e), 1.0, family=f"f{i}")
        for i, row in enumerate(estimates)
        for j, e in enumerate(row)
    ]
    wrong = multiplicity.tally(rows(made))
    # 5 % of 400 families, and three standard deviations of that count.
    assert (wrong["stand"] > 0).sum() <= 20 + 3 * np.sqrt(19)
    assert (wrong["unadjusted"] > 0).mean() > 0.3


@settings(max_examples=20)  # statsmodels collects garbage at each call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_statsmodels_adjusts_alike(p: list[float]) -> None:
    assert multiplicity.holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


def test_an_empty_table_has_nothing_tried() -> None:
    assert multiplicity.tally(rows([])).empty
    assert isinstance(multiplicity.adjust(rows([])), pd.DataFrame)
