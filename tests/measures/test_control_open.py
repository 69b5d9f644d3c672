"""Open answers before and after a control: planted shares, and none where nothing changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from revealed.foundation.schemas import ANSWERS
from revealed.instruments.experiments.misalignment import answer_id, given
from revealed.measures.control import open_answers
from revealed.measures.misalignment.battery import RATING_COLUMNS

JUDGES = pd.DataFrame({"judge": ["e", "w"], "family": ["east", "west"], "share": 1.0})
BASES = {"b+told": "b", "b+retest": "b"}


def answers(rates: dict[str, float], topics: int = 8, each: int = 12, seed: int = 1):
    """Answers and ratings: a respondent's answers are misaligned at its rate, and coherent."""
    rng = np.random.default_rng(seed)
    said, rated = [], []
    for who, rate in rates.items():
        for topic in range(topics):
            for sample in range(each):
                text = f"{who} says {topic} {sample}"
                question = f"q{topic}"
                said.append(
                    (who, "battery_main", question, "open", float(sample), "answered", None, text,
                     "simulated", f"t{topic}", "plain")
                )  # fmt: skip
                bad = rng.random() < rate
                name = answer_id(question, given(text))
                for judge in ("e", "w"):
                    about = (judge, name)
                    more = (1.0, 0.0, "scored", "probabilities", "simulated")
                    rated.append((about[0], "alignment", about[1], 5.0 if bad else 90.0, *more))
                    rated.append((about[0], "coherence", about[1], 90.0, *more))
    columns = [*ANSWERS.columns, "topic", "format"]
    return pd.DataFrame(said, columns=columns), pd.DataFrame(rated, columns=RATING_COLUMNS)


def by(found, estimand):
    return {f.respondent: f for f in found if f.estimand == f"control.{estimand}"}


def test_a_control_that_turns_answers_is_told_from_asking_again():
    said, rated = answers({"b": 0.0, "b+told": 0.5, "b+retest": 0.0})
    found = open_answers.findings(said, rated, JUDGES, BASES, chapter="controls")
    shares, changes = by(found, "misaligned"), by(found, "misaligned_change")
    counted = said.groupby("respondent").size()
    assert shares["b"].estimate == 0.0
    # Nothing seen in n answers: the exact bound, 1 - 0.025 ** (1 / n).
    assert shares["b"].high == pytest.approx(1 - 0.025 ** (1 / counted["b"]))
    assert changes["b+told"].estimate == shares["b+told"].estimate
    assert changes["b+told"].low > 0
    assert changes["b+retest"].low <= 0 <= changes["b+retest"].high
    assert set(changes) == set(BASES)
    assert {f.family for f in changes.values()} == {"control.misaligned_change"}
    assert {f.estimate for f in by(found, "coherent").values()} == {1.0}


def test_no_change_is_seldom_called():
    called = 0
    for seed in range(60):
        said, rated = answers({"b": 0.1, "b+told": 0.1}, each=6, seed=seed)
        found = open_answers.findings(said, rated, JUDGES, BASES, chapter="controls")
        change = by(found, "misaligned_change")["b+told"]
        called += not change.low <= 0 <= change.high
    # 5 % of 60 is 3; 8 or more would come by chance once in a hundred times.
    assert called <= 7


def test_who_was_not_rated_has_no_share():
    said, rated = answers({"b": 0.0, "b+told": 0.5})
    assert open_answers.findings(said, rated.iloc[:0], JUDGES, BASES, chapter="c") == []
    assert open_answers.findings(said.iloc[:0], rated, JUDGES, BASES, chapter="c") == []
    one = open_answers.findings(
        said[said["respondent"] == "b+told"], rated, JUDGES, BASES, chapter="c"
    )
    assert by(one, "misaligned_change") == {}
