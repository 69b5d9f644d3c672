"""Utilities of a first look as findings: standardized, highest first, with intervals."""

from __future__ import annotations

import numpy as np
import pytest

from revealed.measures.trial import utility_findings
from revealed.utilities import Comparisons, fit

ITEMS = ["a", "b", "c", "d"]
TEXTS = {name: f"Outcome {name}." for name in ITEMS}


def answers(wins: list[int]) -> Comparisons:
    """Every pair in both orders, 20 answers each; `wins` of the first item of a pair."""
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    first = np.array([pair[turn] for pair in pairs for turn in (0, 1)])
    second = np.array([pair[1 - turn] for pair in pairs for turn in (0, 1)])
    won = np.array([w if turn == 0 else 20 - w for w in wins for turn in (0, 1)], dtype=float)
    return Comparisons(tuple(ITEMS), first, second, won, 20.0 - won)


def test_utilities_are_standardized_and_sorted() -> None:
    fitted = fit(answers([14, 17, 19, 14, 17, 14]), backend="numpy")
    made = utility_findings(fitted, TEXTS, "simulated/x", "simulated")
    values = np.array([finding.estimate for finding in made])
    assert [finding.subject for finding in made] == [TEXTS[name] for name in ITEMS]
    # Mean 0 and standard deviation 1, by the definition; only rounding is allowed for.
    assert values.mean() == pytest.approx(0, abs=1e-12)
    assert values.std(ddof=1) == pytest.approx(1, abs=1e-12)
    assert {finding.n for finding in made} == {6}
    for finding in made:
        assert finding.low is not None
        assert finding.high is not None
        assert finding.low < finding.estimate < finding.high


def test_equal_utilities_have_no_standard_scores() -> None:
    fitted = fit(answers([10] * 6), backend="numpy")
    assert utility_findings(fitted, TEXTS, "simulated/x", "simulated") == []
