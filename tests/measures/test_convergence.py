"""Agreement between respondents: published correlations, scipy, and made-up respondents."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from revealed.foundation.errors import DataError
from revealed.foundation.schemas import write_findings
from revealed.instruments import load_instrument
from revealed.measures import convergence
from revealed.respondents.public import PUBLIC_RESPONDENTS, fetch, import_utilities

ROOT = Path(__file__).parents[2]


@cache
def _published() -> tuple[pd.DataFrame, dict[str, Any], dict[str, str]]:
    tables, metas = [], {}
    for respondent, file in PUBLIC_RESPONDENTS.items():
        if "utilities" in file:
            table, metas[respondent] = import_utilities(fetch(file, ROOT), respondent)
            tables.append(table)
    fetch("cais/options_hierarchical.json", ROOT)
    items = load_instrument("cais/options_hierarchical", ROOT).items
    return pd.concat(tables), metas, items["category"].to_dict()


@pytest.fixture
def published() -> tuple[pd.DataFrame, dict[str, Any], dict[str, str]]:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return _published()


def test_agreement_of_seven_models_is_the_published_one(published: Any, tmp_path: Path) -> None:
    utilities, _, categories = published
    table = convergence.agreement(convergence.utility_matrix(utilities), categories, seed=1)
    assert len(table) == 21
    gpt = table[table["one"] == "avocado/gpt-4o"].set_index("other")
    assert gpt["r"].round(2)[
        ["avocado/gemma-3-27b", "avocado/llama-3.1-8b-instruct", "avocado/gpt-oss-20b",
         "avocado/qwen-3-30b-instruct-2507"]
    ].tolist() == [0.87, 0.86, 0.83, 0.80]  # fmt: skip
    assert (gpt["n"] == 192).all()
    assert table["n"].max() == 510  # the two models that were asked all outcomes
    # The lowest correlation of the published range (0.69 to 0.95) is among these files.
    avocado = table[table["other"].str.startswith("avocado/")]
    assert round(avocado["r"].min(), 2) == 0.69
    # Categories make for wider intervals than independent outcomes would.
    wider = (table["block_high"] - table["block_low"]) > (table["high"] - table["low"])
    assert wider.mean() > 0.8
    assert (table["block_low"] < table["r"]).all()
    assert (table["r"] < table["block_high"]).all()
    found = convergence.agreement_findings(table)
    write_findings(found, tmp_path / "real_models.jsonl")
    own = [f for f in found if f.respondent == "notrichardren/qwen25-vl-7b-instruct"]
    assert len(own) == 12  # six partners, overall and within categories
    assert {f.claim for f in found} == {"C4"}


def test_published_scores(published: Any) -> None:
    _, metas, _ = published
    scores = convergence.published_scores(metas).set_index("respondent")
    gpt, llama = scores.loc["avocado/gpt-4o"], scores.loc["avocado/llama-3.1-8b-instruct"]
    assert (round(gpt["train_log_loss"], 3), round(gpt["heldout_log_loss"], 3)) == (0.044, 0.419)
    assert gpt["beats_coin"]
    assert round(llama["heldout_log_loss"], 3) == 0.713
    assert not llama["beats_coin"]
    found = convergence.score_findings(scores.reset_index())
    assert len(found) == 7 * 4
    row = next(
        f for f in found
        if f.estimand == "coherence.heldout_log_loss" and f.respondent == "avocado/gpt-4o"
    )  # fmt: skip
    assert (row.provenance, row.low, row.high) == ("published", None, None)


def test_scores_without_a_holdout() -> None:
    meta = {"train_log_loss": 0.5, "train_accuracy": 0.8, "heldout_log_loss": None,
            "heldout_accuracy": None, "n_items": 5}  # fmt: skip
    scores = convergence.published_scores({"a/b": meta})
    assert pd.isna(scores.loc[0, "beats_coin"])
    assert [f.estimand for f in convergence.score_findings(scores)] == [
        "coherence.train_log_loss", "coherence.train_accuracy",
    ]  # fmt: skip


def _utilities(means: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame({"respondent": name, "item": [f"i{k}" for k in range(len(m))], "mean": m})
        for name, m in means.items()
    )


def test_correlation_and_interval_match_scipy() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=60)
    y = 0.6 * x + rng.normal(size=60)
    row = convergence.agreement(convergence.utility_matrix(_utilities({"a": x, "b": y}))).iloc[0]
    theirs = stats.pearsonr(x, y)
    interval = theirs.confidence_interval()
    assert (row["r"], row["low"], row["high"]) == pytest.approx(
        (theirs.statistic, interval.low, interval.high)
    )
    assert pd.isna(row["block_low"])


def test_agreement_on_categories_alone_is_told_apart() -> None:
    """Two respondents that share what they think of categories and nothing within them."""
    rng = np.random.default_rng(2)
    level = np.repeat(rng.normal(scale=2.0, size=25), 8)
    means = {name: level + rng.normal(size=200) for name in ("a", "b")}
    categories = {f"i{k}": f"c{k // 8}" for k in range(200)}
    row = convergence.agreement(convergence.utility_matrix(_utilities(means)), categories).iloc[0]
    assert row["r"] > 0.6
    assert row["within_low"] < 0 < row["within_high"]
    assert row["blocks"] == 25
    same = {"a": means["a"], "b": means["a"] + 0.1 * rng.normal(size=200)}
    row = convergence.agreement(convergence.utility_matrix(_utilities(same)), categories).iloc[0]
    assert row["within"] > 0.95


def test_block_bootstrap_covers_where_fisher_does_not() -> None:
    """Eight outcomes a category that move as one: 25 observations, not 200."""
    covered = []
    categories = {f"i{k}": f"c{k // 8}" for k in range(200)}
    for seed in range(120):
        rng = np.random.default_rng(1000 + seed)
        base = rng.normal(size=(2, 25))
        base[1] = 0.5 * base[0] + np.sqrt(0.75) * base[1]
        means = {
            n: np.repeat(b, 8) + 0.2 * rng.normal(size=200) for n, b in zip("ab", base, strict=True)
        }
        row = convergence.agreement(
            convergence.utility_matrix(_utilities(means)), categories, replicates=400
        ).iloc[0]
        truth = 0.5 / 1.04
        covered.append(
            (row["low"] <= truth <= row["high"], row["block_low"] <= truth <= row["block_high"])
        )
    fisher, block = np.mean(covered, axis=0)
    # 120 draws: a standard error of 0.02 to 0.05. Percentile intervals of a correlation with 25
    # blocks are known to fall a few points short of 0.95.
    assert fisher < 0.75
    assert block > 0.85


def test_items_meet_by_id_and_few_are_too_few() -> None:
    rng = np.random.default_rng(3)
    many = _utilities({"a": rng.normal(size=40)})
    few = _utilities({"b": rng.normal(size=convergence.SHARED_NEEDED - 1)})
    shuffled = pd.concat([many, few]).sample(frac=1.0, random_state=0)
    assert convergence.agreement(convergence.utility_matrix(shuffled)).empty
    enough = _utilities({"b": rng.normal(size=convergence.SHARED_NEEDED)})
    one = convergence.agreement(convergence.utility_matrix(pd.concat([many, enough])))
    assert one["n"].tolist() == [convergence.SHARED_NEEDED]


def test_a_respondent_without_variation_gets_no_correlation() -> None:
    table = convergence.agreement(
        convergence.utility_matrix(
            _utilities({"a": np.zeros(20), "b": np.random.default_rng(4).normal(size=20)})
        ),
        {f"i{k}": f"c{k // 5}" for k in range(20)},
    )
    assert pd.isna(table.loc[0, "r"])
    assert convergence.agreement_findings(table) == []


def test_wrong_tables_are_refused() -> None:
    twice = pd.concat([_utilities({"a": np.arange(12.0)})] * 2)
    with pytest.raises(DataError, match="twice"):
        convergence.utility_matrix(twice)
    two = _utilities({"a": np.arange(12.0), "b": np.arange(12.0)[::-1]})
    with pytest.raises(DataError, match="no category is known for item 'i3'"):
        convergence.agreement(
            convergence.utility_matrix(two), {f"i{k}": "c" for k in range(12) if k != 3}
        )


def test_matrix_is_symmetric() -> None:
    rng = np.random.default_rng(5)
    means = {name: rng.normal(size=30) for name in "abc"}
    table = convergence.agreement(convergence.utility_matrix(_utilities(means)))
    matrix = convergence.agreement_matrix(table)
    assert (matrix.to_numpy() == matrix.to_numpy().T).all()
    assert matrix.loc["a", "c"] == table.set_index(["one", "other"]).loc[("a", "c"), "r"]
    assert json.loads(matrix.round(3).to_json())["a"]["a"] == 1.0
