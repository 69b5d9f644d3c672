"""Figures of discounting and of stated against revealed: marked, told in words, from few rows."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from revealed.figures import discounting, page, stated
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding
from revealed.measures import discounting as measure
from revealed.measures import stated as direct


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def found(estimand: str, **changes: object) -> pd.DataFrame:
    rows = []
    for k, name in enumerate(("simulated/hyperbolic", "openai/gpt-4o")):
        rows.append(
            Finding(
                estimand=estimand, chapter="c", respondent=name, estimate=0.2 + 0.3 * k,
                low=0.1 + 0.3 * k, high=0.4 + 0.3 * k, unit="share", n=9, method="m",
                provenance="simulated" if k == 0 else "elicited", **changes,
            )
        )  # fmt: skip
    return page.rows(rows)


@pytest.mark.parametrize(
    ("draw", "estimand", "subject"),
    [
        (discounting.year_values, "discount.year_value", ""),
        (discounting.now_or_later, "discount.front_end", ""),
        (discounting.gains, "discount.curve_gain", "hyperbolic against exponential"),
        (stated.denial, "stated.denial", ""),
    ],
)
def test_dots_are_marked_and_told(draw, estimand: str, subject: str) -> None:  # type: ignore[no-untyped-def]
    fig, alt = draw(found(estimand, subject=subject))
    assert "gpt-4o" in alt
    marks = {str(text.get_gid()) for text in fig.texts}
    assert {"provenance-simulated", "provenance-elicited", "provenance-watermark"} <= marks
    with pytest.raises(DataError, match=estimand.replace(".", "[.]")):
        draw(found("other.thing"))


def test_published_scores_name_every_reading() -> None:
    scores = pd.DataFrame(
        {
            "model": ["a", "b", "c", "human"], "kind": ["model"] * 3 + ["human"],
            "family": ["x", "y", "z", ""], "discounting": [15.0, 9.0, -2.0, 10.3],
            "possible": [True, True, False, True], "placeholder": [False] * 4,
            "risk": [1.0, 2.0, 3.0, 4.0], "parameters": [1.0, 2.0, 3.0, np.nan],
            "feedback": [True, False, True, False],
        }
    )  # fmt: skip
    fig, alt = discounting.published_scores(measure.read_scores(scores))
    assert "one option always" in alt
    assert "not a possible score" in alt
    assert "provenance-published" in {str(text.get_gid()) for text in fig.texts}


def test_who_to_save_tells_the_extremes() -> None:
    rows = [
        ("m", "English", item, *pair, share, 50, 50 * share)
        for (item, pair), share in zip(direct.ITEMS.items(), np.linspace(0, 0.5, 6), strict=True)
    ]
    names = ["model", "language", "item", "saved", "other", "yes", "n", "n_yes"]
    _, alt = stated.who_to_save(pd.DataFrame(rows, columns=names))
    assert "adult over child: yes in 50 %" in alt


def test_said_and_done_needs_both() -> None:
    pairs = pd.DataFrame(
        {
            "category": "c", "good_1": list("abcdef"), "good_2": list("bcdefa"), "more": 0.0,
            "less": 0.0, "same": 1.0, "differ": 0.0, "n": 8, "log_rate": np.linspace(-1, 1, 6),
            "different": [True, True, False, False, True, True],
        }
    )  # fmt: skip
    analysis = direct.Analysis("simulated/denying", "", 48, pairs, pd.DataFrame(), {}, None)
    kinds = {"simulated/denying": "simulated"}
    _, alt = stated.said_and_done({"simulated/denying": analysis}, kinds)
    assert "4 of 6 pairs revealed different, stated equality of those 1.00" in alt
    with pytest.raises(DataError, match="stated and revealed"):
        stated.said_and_done({}, kinds)
