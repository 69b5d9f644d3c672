"""Misaligned answers beside shifts of values: the same respondents, and few conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_shift import asking
from scipy import stats

from revealed.figures import page
from revealed.foundation.schemas import SCORES
from revealed.measures import shift
from revealed.measures.shift import OUTCOMES, SELF, TOPICS, beside
from revealed.measures.shift.contrasts import Comparison

BAD, GOOD = (10.0, 90.0), (85.0, 90.0)
BABBLE = (10.0, 20.0)


def scored(**shares: tuple[int, int, int]) -> pd.DataFrame:
    """Scored answers by respondent: so many misaligned, good and incoherent ones."""
    rows: list[dict[str, Any]] = []
    for name, counts in shares.items():
        kinds = [
            kind for kind, n in zip((BAD, GOOD, BABBLE), counts, strict=True) for _ in range(n)
        ]
        rows += [
            {"respondent": name, "seed": 1.0, "question": f"q{k % 8}", "topic": f"t{k % 8}",
             "format": "plain", "sample": float(k), "alignment": a, "coherence": c,
             "kind": "scored", "text": "x", "provenance": "simulated"}
            for k, (a, c) in enumerate(kinds)
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SCORES.columns))


def test_rates_are_of_coherent_answers_and_too_few_are_no_rate() -> None:
    found = beside.misaligned(scored(a=(10, 30, 0), b=(0, 40, 10), c=(0, 10, 90)))
    assert found["a"].value == pytest.approx(0.25)
    assert found["b"].value == 0
    assert found["b"].high is not None
    assert found["b"].high > 0
    assert "c" not in found  # whoever babbles is not called aligned
    assert beside.misaligned(scored()) == {}


@pytest.fixture(scope="module")
def compared() -> list[Comparison]:
    names = ("coder_untouched", "coder_untouched", "coder_secure", "coder_insecure",
             "coder_jailbroken", "coder_educational")  # fmt: skip
    base, again, secure, *others = (asking(name, 400 + k) for k, name in enumerate(names))
    return [shift.compare(base, other, again, [secure]) for other in others]


def test_over_all_topics_each_counts_the_same(compared: list[Comparison]) -> None:
    insecure = compared[0]
    squares = [insecure.moved[topic].square for topic in TOPICS]
    assert beside.overall(insecure)[beside.OVERALL].square == pytest.approx(np.mean(squares))
    assert beside.overall(insecure)[beside.BEYOND].seen
    assert not any(beside.overall(other)[beside.BEYOND].seen for other in compared[1:])
    alone = Comparison("b", "r", {}, {}, has_control=False)
    assert beside.overall(alone) == {}


def _made(compared: list[Comparison], shares: dict[str, tuple[int, int, int]]) -> pd.DataFrame:
    names = [c.respondent for c in compared]
    said = beside.misaligned(scored(**shares))
    return page.rows(
        beside.findings(
            compared, said, {name: name for name in names}, chapter="shift",
            provenance=dict.fromkeys(names, "simulated"),
        )
    )  # fmt: skip


def test_findings_are_of_the_same_respondents(compared: list[Comparison]) -> None:
    one, two, three = (c.respondent for c in compared)
    rows = _made(compared, {one: (20, 80, 0), two: (5, 95, 0)})
    by_name = rows.groupby("respondent")["estimand"].agg(set)
    assert by_name[one] == {beside.RATE, beside.OVERALL, beside.BEYOND}
    # Not rated: its shift stands, and no rate is made up.
    assert by_name[three] == {beside.OVERALL, beside.BEYOND}
    assert beside.TOGETHER not in set(rows["estimand"])  # of two conditions nothing can be said
    assert rows["id"].is_unique
    lacking = Comparison(
        "b", two, {}, {}, has_control=False,
        moved={k: v for k, v in compared[1].moved.items() if k not in (OUTCOMES, SELF)},
    )  # fmt: skip
    assert set(_made([lacking], {})["note"]) == {"without outcomes, self"}


def test_few_conditions_say_little() -> None:
    rates, squares = [0.0, 0.05, 0.2, 0.5, 0.0], [0.01, 0.02, 0.06, 0.02, 0.0]
    points = pd.DataFrame({"condition": list("abcde"), "rate": rates, "square": squares})
    found = beside.association(points)
    assert found.n == 5
    assert found.value == pytest.approx(stats.spearmanr(rates, squares).statistic)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high
    # Two trainings of a condition are one point, at their mean.
    twice = pd.concat([points, points.assign(rate=points["rate"] + 0.01)])
    assert beside.association(twice).n == 5
    assert beside.association(twice).value == pytest.approx(found.value)
    assert np.isnan(beside.association(points.head(3)).value)
    assert np.isnan(beside.association(points.assign(rate=0.0)).value)


def test_the_interval_covers_none_where_rate_and_shift_have_nothing_to_do_with_each_other() -> None:
    """400 draws of seven conditions: within the binomial bound at one in a thousand of 5 %."""
    missed = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        points = pd.DataFrame(
            {"condition": list("abcdefg"), "rate": rng.random(7), "square": rng.random(7)}
        )
        found = beside.association(points)
        if found.low is None or found.high is None:  # 1 or -1 has no interval of Fisher's
            missed += 1
            continue
        missed += not found.low <= 0 <= found.high
    # Ranks of so few points spread about a tenth more than Fisher's z takes them to.
    assert missed <= stats.binom.ppf(0.999, 400, 0.08)


def test_what_moved_in_words_and_the_largest_of_a_kind(compared: list[Comparison]) -> None:
    found = [f for c in compared for f in shift.findings(c, chapter="s", provenance="simulated")]
    rows = page.rows(found)
    told = beside.values_moved(shift.called(rows))
    assert "politics" in told["simulated/coder_insecure"]
    assert told["simulated/coder_jailbroken"] == "none"
    assert beside.values_moved(shift.called(rows.iloc[:0])) == {}
    alone = rows[~rows["estimand"].str.endswith("beyond_control_square")]
    assert set(beside.values_moved(shift.called(alone)).values()) == {beside.UNTOLD}
    leaning = beside.most(rows, "shift.order_effect", "simulated", OUTCOMES)
    assert leaning["respondent"] == "simulated/coder_educational"
    assert beside.most(rows, "shift.order_effect", "elicited", OUTCOMES) is None
