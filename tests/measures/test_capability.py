from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from revealed.foundation.errors import DataError
from revealed.measures import capability


def test_published_correlation_and_what_it_leaves_out() -> None:
    """The published 0.756 (31 models) is ours without one model; all 32 give 0.811."""
    cache = os.environ.get("REVEALED_CACHE")
    if not cache or not (Path(cache) / "cais/capability_scores.csv").is_file():
        pytest.skip("needs the public capability scores (REVEALED_CACHE)")
    from revealed.respondents.public.published import load_published

    figures = load_published(Path(__file__).parents[2]).set_index("id")
    chosen = figures.index.str.startswith("accuracy.") & (
        figures["quantity"] == "held-out accuracy"
    )
    models = figures[chosen & (figures.index != "accuracy.random")].set_index("subject")["value"]
    scores = pd.read_csv(Path(cache) / "cais/capability_scores.csv", index_col="Model Name")["MMLU"]
    table = capability.scale_table(models, scores)
    assert len(table) == 32
    found = capability.capability_association(table)
    assert found.independent.value == pytest.approx(0.811, abs=0.0005)
    without = capability.leave_one_out(table)
    assert without.loc[0, "model"] == "qwen1.5-0.5b"
    published = figures.loc["coherence.mmlu"]
    assert (published["value"], published["n"]) == (0.756, 31)
    assert round(without.loc[0, "r"], 3) == published["value"]
    # Six families: the clustered interval is far wider than the published one, and excludes zero.
    assert found.families == 6
    assert 0 < found.clustered.low < found.independent.low


def test_names_of_one_model_in_two_spellings() -> None:
    scored = ["llama-31-8b", "llama-31-8b-instruct", "gemma-2-9b-it", "olmo-2-1124-7b-instruct",
              "gpt-35-turbo", "qwen15-05b", "llama-31-405b-instruct-fp8"]  # fmt: skip
    found = capability.match_models(
        ["llama-3.1-8b", "gemma-2-9b", "olmo-2-7b", "gpt-3.5-turbo", "qwen1.5-0.5b",
         "llama-3.1-405b-fp8", "qwen1.5-5b", "gpt-4"], scored,
    )  # fmt: skip
    assert found == {
        "llama-3.1-8b": "llama-31-8b-instruct", "gemma-2-9b": "gemma-2-9b-it",
        "olmo-2-7b": "olmo-2-1124-7b-instruct", "gpt-3.5-turbo": "gpt-35-turbo",
        "qwen1.5-0.5b": "qwen15-05b", "llama-3.1-405b-fp8": "llama-31-405b-instruct-fp8",
    }  # fmt: skip


def test_association_with_independent_models_matches_scipy() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=31)
    table = pd.DataFrame(
        {"mmlu": x, "accuracy": x + rng.normal(size=31), "family": [f"f{k}" for k in range(31)]}
    )
    found = capability.capability_association(table)
    theirs = stats.pearsonr(table["mmlu"], table["accuracy"])
    assert found.independent.value == pytest.approx(theirs.statistic)
    interval = theirs.confidence_interval()
    assert found.independent.low == pytest.approx(interval.low)
    assert found.independent.high == pytest.approx(interval.high)
    # Each model its own family: both intervals estimate the same width.
    width = np.arctanh(found.clustered.high) - np.arctanh(found.clustered.low)
    plain = np.arctanh(interval.high) - np.arctanh(interval.low)
    assert width == pytest.approx(plain, rel=0.5)


def test_families_that_move_together_widen_the_interval() -> None:
    """Five families of six near copies: 5 observations, not 30."""
    rng = np.random.default_rng(8)
    wider, covered = 0, []
    for _ in range(200):
        x = np.repeat(rng.normal(size=5), 6) + 0.05 * rng.normal(size=30)
        y = np.repeat(rng.normal(size=5), 6) + 0.05 * rng.normal(size=30)
        table = pd.DataFrame({"mmlu": x, "accuracy": y, "family": np.repeat(list("abcde"), 6)})
        found = capability.capability_association(table)
        a, b = found.independent, found.clustered
        wider += (b.high - b.low) > (a.high - a.low)
        covered.append((a.low <= 0 <= a.high, b.low <= 0 <= b.high))
    as_independent, as_clusters = np.mean(covered, axis=0)
    assert as_independent < 0.7
    # Five clusters are few for any method; the jackknife with t is within ten points of 0.95.
    assert as_clusters > 0.85
    assert wider > 150


def test_missing_scores_and_too_few_models() -> None:
    table = pd.DataFrame(
        {"mmlu": [1.0, 2, 3, np.nan], "accuracy": [1.0, 2, 3, 4], "family": list("abcd")}
    )
    with pytest.raises(DataError, match="3 models"):
        capability.capability_association(table)


@pytest.mark.parametrize(
    ("name", "family"),
    [("gpt-4o", "gpt"), ("meta/Llama-3.1-8b", "llama"), ("qwen2.5-0.5b", "qwen"), ("x-1", "x")],
)
def test_family_of_a_name(name: str, family: str) -> None:
    assert capability.model_family(name) == family


def test_capability_findings_are_two_intervals_of_one_number() -> None:
    rng = np.random.default_rng(9)
    table = pd.DataFrame(
        {
            "mmlu": rng.normal(size=12),
            "accuracy": rng.normal(size=12),
            "family": list("aabbccddeeff"),
        }
    )
    made = capability.capability_findings(
        capability.capability_association(table), chapter="coherence", provenance="published"
    )
    assert made[0].estimate == made[1].estimate
    assert len({f.id for f in made}) == 2
