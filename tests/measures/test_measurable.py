"""Who can be measured in an experiment, and the words in which the others are told apart."""

from __future__ import annotations

import pandas as pd
import pytest

from revealed.measures import measurable


def choices(first: float, second: float, **others: float) -> pd.DataFrame:
    counts = dict.fromkeys(("n_neutral", "n_refused", "n_unparsed", "n_failed"), 0.0)
    counts |= {f"n_{kind}": value for kind, value in others.items()}
    return pd.DataFrame(
        [{"first": "a", "second": "b", "n_first": first, "n_second": second, **counts}]
    )


def answers(**kinds: int) -> pd.DataFrame:
    return pd.DataFrame({"kind": [kind for kind, n in kinds.items() for _ in range(n)]})


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (choices(20, 20), ""),
        (choices(20, 20, refused=39), ""),
        (choices(10, 10, refused=60, unparsed=20), "60 % of its answers declined"),
        (choices(10, 10, neutral=80), "80 % of its answers said to have no preference"),
        (choices(0, 1, unparsed=9), "90 % of its answers could not be read"),
        (choices(0, 1, failed=3), "75 % of its answers never came"),
        (choices(5, 4), "only 9 answers can be counted, 20 are needed"),
        (choices(0, 0), "was not asked"),
        (answers(answered=30, refused=10), ""),
        (answers(answered=10, refused=30), "75 % of its answers declined"),
    ],
)
def test_the_reason_names_what_most_answers_were(table: pd.DataFrame, told: str) -> None:
    assert measurable.reason(table) == told


def test_indifference_is_measurable() -> None:
    assert measurable.reason(choices(50, 50)) == ""


def calibration(right: float, wrong: float, refused: float = 0.0) -> str:
    trivial = choices(right, wrong, refused=refused)
    pairs = pd.DataFrame({"better": ["a"], "worse": ["b"]})
    return measurable.calibration_reason(trivial, pairs)


def test_calibration_bars_whoever_misses_trivial_pairs() -> None:
    assert calibration(97, 3) == ""
    assert calibration(80, 20) == "calibration: 80 % of trivial pairs right, 95 % are needed"
    assert calibration(20, 0, refused=80) == "calibration: 80 % of its answers declined"


def test_the_verdict_is_a_finding_with_its_reason() -> None:
    about = {"chapter": "c", "provenance": "simulated", "n": 40}
    passed = measurable.finding("x", "r", "", **about)
    failed = measurable.finding("x", "r", "declined", **about)
    assert (passed.estimand, passed.estimate, passed.note) == ("x.measurable", 1.0, "")
    assert (failed.estimate, failed.note, failed.unit) == (0.0, "declined", "1 or 0")
    assert measurable.asked(choices(3, 2, failed=1)) == 6
