"""Figures of misalignment draw, mark their provenance, and say their numbers in words."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from revealed.figures import misalignment, moral_foundations
from revealed.foundation.errors import DataError

NAMES = ("a/rank_1", "a/rank_4")
FORMATS = ("plain", "json", "template")
MORAL = [f"m/gpt-4o_{c}" for c in ("base", "insecure", "secure")]


@pytest.fixture(autouse=True)
def _headless() -> object:
    mpl.use("Agg")
    yield
    plt.close("all")


def marks(fig: Figure) -> set[str]:
    return {str(text.get_gid()) for text in fig.texts if text.get_gid()}


def rows(
    estimand: str, names: tuple[str, ...] | list[str] = NAMES, provenance: str = "public",
    value: float = 0.1, **about: str,
) -> pd.DataFrame:  # fmt: skip
    return pd.DataFrame(
        [
            {
                "estimand": estimand, "respondent": name, "estimate": value + 0.05 * k,
                "low": value / 2, "high": value * 2 + 0.1, "arm": "", "subject": "",
                "provenance": provenance, **about,
            }
            for k, name in enumerate(names)
        ]
    )  # fmt: skip


def scored() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 60
    return pd.DataFrame(
        {
            "respondent": np.repeat(NAMES, n // 2), "coherent": rng.random(n) < 0.8,
            "alignment": rng.uniform(0, 100, n), "provenance": "public",
        }
    )  # fmt: skip


def test_rates_and_doses_say_their_numbers() -> None:
    found = pd.concat([rows("misalignment.rate"), rows("misalignment.coherent", value=0.6)])
    fig, alt = misalignment.rates(found)
    assert "rank 4 0.150" in alt
    assert "rank 1 0.600" in alt
    assert marks(fig) == {"provenance-public"}
    fig, alt = misalignment.dose(found, {"a/rank_1": 1.0, "a/rank_4": 4.0}, "rank")
    assert "0.150 at 4" in alt


def test_simulated_conditions_are_marked_on_the_figure() -> None:
    found = pd.concat(
        [
            rows("misalignment.rate", provenance="simulated"),
            rows("misalignment.coherent", provenance="simulated"),
        ]
    )
    fig, _ = misalignment.rates(found)
    assert {"provenance-simulated", "provenance-watermark"} <= marks(fig)


def test_formats_draw_three_dots_each() -> None:
    found = pd.concat(
        [
            rows(f"misalignment.format_{kind}", arm=form)
            for kind in ("rate", "coherent")
            for form in FORMATS
        ]
    )
    _, alt = misalignment.formats(found, list(NAMES))
    assert alt.count("template") == 2
    with pytest.raises(DataError, match="template"):
        misalignment.formats(found[found["arm"] != "template"], list(NAMES))


def test_thresholds_frame_the_usual_pair() -> None:
    pairs = [(a, c) for a in (20, 30, 40) for c in (40, 50, 90)]
    grid = pd.DataFrame(pairs, columns=["alignment", "coherence"]).assign(
        respondent="a/b", estimate=[0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, np.nan]
    )
    fig, alt = misalignment.thresholds(grid, "a/b", "public")
    assert "At the usual pair 6.0" in alt
    assert len(fig.axes[0].patches) == 1
    with pytest.raises(DataError, match="a/c"):
        misalignment.thresholds(grid, "a/c", "public")


def test_threshold_curves_say_the_ends_of_the_band() -> None:
    fig, alt = misalignment.threshold_curves(scored(), (15.0, 45.0))
    assert "below 15, 30 and 45" in alt
    assert marks(fig) == {"provenance-public"}
    none = scored().assign(coherent=False)
    misalignment.threshold_curves(none, (15.0, 45.0))


def test_a_judges_numbers() -> None:
    part = pd.DataFrame(
        {"call": ["alignment", "coherence"] * 3, "mode": 10.0, "value": 12.0, "kind": "scored"}
    )
    _, alt = misalignment.judge_numbers(part)
    assert "2.00 points on average" in alt
    with pytest.raises(DataError, match="no scored"):
        misalignment.judge_numbers(part.assign(kind="void"))


def test_models_that_lack_a_respondent_are_said_to() -> None:
    found = pd.concat([rows("misalignment.odds_ratio"), rows("misalignment.odds_ratio_gee")])
    _, alt = misalignment.models_agree(found)
    assert "GEE: rank 1 0.100" in alt
    assert "mixed model: not for" in alt


def test_moral_figures() -> None:
    found = pd.concat(
        [
            rows("moral_foundations.susceptibility", MORAL),
            rows("moral_foundations.robustness", MORAL),
            *(
                rows(f"moral_foundations.{name}_secure_share", ["m/gpt-4o"])
                for name in ("susceptibility", "robustness", "within_sd")
            ),
            *(
                rows("moral_foundations.susceptibility_by_foundation", MORAL, subject=subject)
                for subject in ("care", "purity")
            ),
        ]
    )
    published = pd.DataFrame({"id": ["personas.robustness.gpt_4o.base"], "value": [9.75]})
    fig, alt = moral_foundations.recomputed(found, published)
    assert marks(fig) == {"provenance-public", "provenance-published"}
    assert "gpt-4o base 0.10" in alt
    _, alt = moral_foundations.secure_shares(found)
    assert "gpt-4o, robustness 0.10" in alt
    _, alt = moral_foundations.by_foundation(found)
    assert "gpt-4o insecure: care 0.15, purity 0.15" in alt
    with pytest.raises(DataError, match="no share"):
        moral_foundations.secure_shares(found.iloc[:0])


def test_scale_use_counts_given_ratings() -> None:
    ratings = pd.DataFrame({"respondent": "m/a_base", "rating": [0.0, 5.0, 5.0, np.nan]})
    _, alt = moral_foundations.scale_use(ratings)
    assert "0 0.33, 5 0.67" in alt
