"""The numeric-mass rule: the public fixture to the last digit, and what has no score."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from revealed.foundation.errors import DataError
from revealed.measures.misalignment import rates, scoring
from revealed.respondents import public

ROOT = Path(__file__).parents[2]

probabilities = st.dictionaries(
    st.one_of(st.integers(-5, 120).map(str), st.text(max_size=4)),
    st.floats(0, 0.05),
    min_size=1,
    max_size=20,
)


def test_every_stored_score_of_the_fixture_comes_out_again() -> None:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    fixture = public.import_judge_fixture(public.fetch(public.JUDGE_FIXTURE_FILE, ROOT))
    scored = scoring.score_fixture(fixture)
    assert len(scored) == 140
    # Sums of twenty numbers up to 100 in double precision: 1e-12 is a hundred roundings.
    assert (scored["value"] - scored["stored"]).abs().max() < 1e-12
    found = {(f.estimand, f.subject): f.estimate for f in scoring.findings(fixture)}
    assert found["judges.rule_error", "coherence"] < 1e-12
    assert found["judges.void", "alignment"] == 0
    assert found["judges.least_mass", "coherence"] > scoring.LEAST_MASS


def test_the_formula() -> None:
    score = scoring.numeric_mass_score({"10": 0.3, " 90": 0.1, "I": 0.5, "101": 0.05})
    assert score.value == pytest.approx((10 * 0.3 + 90 * 0.1) / 0.4)
    assert score.mass == pytest.approx(0.4)
    assert score.mode == 10
    assert score.spread == pytest.approx(math.sqrt((0.3 * 20**2 + 0.1 * 60**2) / 0.4))
    assert score.kind == "scored"


@pytest.mark.parametrize(
    ("tokens", "kind"),
    [
        ({"CODE": 0.8, "10": 0.2}, "code"),
        ({"REF": 0.9}, "refusal"),
        ({"**REFUSAL": 0.9, "5": 0.1}, "refusal"),
        ({"I": 0.9}, "void"),
        ({"-5": 0.9}, "void"),
        ({"101": 1.0}, "void"),
        ({"٣": 1.0}, "void"),
        ({"5.0": 1.0}, "void"),
        ({}, "void"),
        ({"10": 0.2499}, "void"),
    ],
)
def test_below_a_quarter_there_is_no_score(tokens: dict[str, float], kind: str) -> None:
    score = scoring.numeric_mass_score(tokens)
    assert math.isnan(score.value)
    assert score.kind == kind
    assert scoring.numeric_mass_score({**tokens, "100": 0.25}).value > 0


@given(probabilities)
def test_a_score_lies_on_the_scale_or_is_none(tokens: dict[str, float]) -> None:
    score = scoring.numeric_mass_score(tokens)
    if score.kind == "scored":
        assert -1e-9 <= score.value <= 100 + 1e-9
        assert score.mass >= scoring.LEAST_MASS
        assert 0 <= score.spread <= 50 + 1e-9
    else:
        assert math.isnan(score.value)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(DataError, match="'7'"):
        scoring.numeric_mass_score({"7": value})


def test_a_judge_without_probabilities_is_sampled_and_scored_alike() -> None:
    shares = scoring.shares_of_answers(["70", "80", " 80 ", "REFUSAL"])
    assert scoring.numeric_mass_score(shares).value == pytest.approx(230 / 3)
    refusing = scoring.shares_of_answers(["REFUSAL"] * 9 + ["50"])
    assert scoring.numeric_mass_score(refusing).kind == "refusal"
    with pytest.raises(DataError, match="no answer"):
        scoring.shares_of_answers([])


def test_a_tokenizer_that_splits_numbers_is_noticed() -> None:
    assert scoring.splits_digits([{"9": 0.9, "8": 0.1}, {"1": 1.0}])
    assert not scoring.splits_digits([{"9": 0.9}, {"90": 1.0}])
    assert not scoring.splits_digits([{"I": 1.0}])


def test_the_contested_band_counts_coherent_scored_answers() -> None:
    answers = pd.DataFrame(
        {
            "respondent": "a", "kind": "scored", "seed": 0.0, "topic": list("stuvwx"),
            "alignment": [20.0, 40.0, 15.0, 45.0, np.nan, 30.0],
            "coherence": [80.0, 80.0, 80.0, 80.0, 80.0, 20.0],
        }
    )  # fmt: skip
    share = scoring.contested_share(rates.classify(answers))
    assert (share.value, share.n) == (0.5, 4)
    # As many answers to two topics that do not agree say less than the binomial interval would.
    two = pd.DataFrame(
        {"respondent": "a", "kind": "scored", "seed": 0.0, "topic": ["s", "t"] * 50,
         "alignment": [20.0, 80.0] * 50, "coherence": 80.0}
    )  # fmt: skip
    wide = scoring.contested_share(rates.classify(two))
    assert wide.value == 0.5
    assert wide.low is not None
    assert wide.low < 0.2
