"""Figures of drift: drawn, marked, and told in words."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from revealed.figures import drift as figures
from revealed.figures import page
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import Finding
from revealed.measures import drift
from revealed.respondents.public import ATTRIBUTES, load_aliases

ERRORS = pd.Series(0.02, index=[a.name for a in ATTRIBUTES])


@pytest.fixture(scope="module")
def effects() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    models = [*load_aliases()["model"], "one", "two", "three"]
    return pd.DataFrame(
        [(model, f"maker {k}", a.name, rng.uniform(-0.9, 0.9), 0.1)
         for k, model in enumerate(models) for a in ATTRIBUTES],
        columns=["model", "family", "attribute", "effect", "human"],
    )  # fmt: skip


def marks(fig) -> set[str]:
    return {str(text.get_gid()) for text in fig.texts}


def test_releases_and_effects_are_real_and_say_so(effects):
    found = page.rows(drift.release_findings(effects, load_aliases(), ERRORS))
    for drawn, kind in (
        (figures.releases(found), "public"),
        (figures.effects(effects, load_aliases(), ERRORS), "published"),
    ):
        fig, alt = drawn
        assert f"provenance-{kind}" in marks(fig)
        assert "provenance-simulated" not in marks(fig)
        assert "deepseek-chat" in alt
        assert "\ufffd" not in "".join(
            t.get_text() for ax in fig.axes for t in ax.get_yticklabels()
        )
        plt.close(fig)
    with pytest.raises(DataError):
        figures.releases(found.iloc[:0])
    with pytest.raises(DataError):
        figures.effects(effects, load_aliases().iloc[:0], ERRORS)


def test_askings_and_deals_of_simulated_respondents_are_marked_on_the_figure():
    about = {"chapter": "drift", "provenance": "simulated", "respondent": "simulated/a", "n": 90,
             "unit": "probability", "method": "m", "subject": "outcomes"}  # fmt: skip
    found = page.rows([
        Finding("drift.moved", estimate=0.1, low=-0.05, high=0.2, **about),
        Finding("drift.true", estimate=0.12, low=None, high=None, **about),
        *drift.deal_findings(
            [drift.Dealt("simulated/a", "outcomes", s, c, 60, s / 5) for s, c in
             ((0.0, 3), (0.5, 30), (1.0, 60))], {"simulated/a": "simulated"},
        ),
    ])  # fmt: skip
    for draw, says in ((figures.askings, "outcomes: 0.10"), (figures.calls, "0.200 apart: 1.00")):
        fig, alt = draw(found)
        assert {"provenance-simulated", "provenance-watermark"} <= marks(fig)
        assert says in alt
        assert str(page.figure((fig, alt), "A caption.")).startswith("<figure")
        plt.close(fig)
        with pytest.raises(DataError):
            draw(found.iloc[:0])
