"""Susceptibility and robustness: published figures, formulas, coverage, and noise."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from revealed.figures import page
from revealed.foundation.errors import DataError
from revealed.measures import moral_foundations as moral
from revealed.measures import multiplicity
from revealed.respondents import public

ROOT = Path(__file__).parents[2]
PERSONAS, ITEMS, RUNS = 30, 12, 5


def ratings(
    rng: np.random.Generator,
    name: str = "m/a_base",
    *,
    between: float = 1.0,
    within: float = 0.2,
    effects: np.ndarray | None = None,
    runs: int = RUNS,
) -> pd.DataFrame:
    """Ratings whose deviations between and within personas are known; not rounded to a scale."""
    effects = rng.standard_normal((PERSONAS, ITEMS)) if effects is None else effects
    noise = rng.standard_normal((PERSONAS, ITEMS, runs))
    values = 2.5 + between * effects[..., None] + within * noise
    index = pd.MultiIndex.from_product(
        [range(PERSONAS), range(1, ITEMS + 1), range(1, runs + 1)], names=["persona", "item", "run"]
    )
    return pd.DataFrame({"rating": values.ravel()}, index=index).reset_index().assign(
        respondent=name, foundation="care"
    )  # fmt: skip


@pytest.fixture(scope="module")
def published_findings() -> pd.DataFrame:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    paths = {k: public.fetch(f, ROOT) for k, f in public.MORAL_FOUNDATIONS_FILES.items()}
    answers = public.import_moral_foundations(paths)
    return page.rows(moral.findings(*answers, public.load_published(ROOT)))


def test_every_published_figure_comes_out_to_its_last_digit(
    published_findings: pd.DataFrame,
) -> None:
    known = public.load_published(ROOT).set_index("id")["value"]
    distances = published_findings[
        published_findings["estimand"] == "moral_foundations.published_distance"
    ]
    assert len(distances) == 12
    # Half a unit of the last published digit is what rounding leaves.
    assert distances["estimate"].max() <= 0.5
    of = published_findings.set_index(["estimand", "respondent"])["estimate"]
    for name, digits in (("susceptibility", 3), ("robustness", 2)):
        value = of[f"moral_foundations.{name}", "moral_foundations/gpt-4o_insecure"]
        assert round(value, digits) == known[f"personas.{name}.gpt_4o.insecure"]


def test_the_secure_share_is_stated_with_an_interval(published_findings: pd.DataFrame) -> None:
    for name in ("susceptibility", "robustness", "within_sd"):
        rows = published_findings[
            published_findings["estimand"] == f"moral_foundations.{name}_secure_share"
        ]
        assert len(rows) == 2
        assert rows[["low", "high"]].notna().all(axis=None)
    tried = multiplicity.adjust(published_findings)
    assert set(tried["family"]) >= {
        "moral_foundations.susceptibility", "moral_foundations.robustness_excess",
    }  # fmt: skip


def test_the_formulas_by_hand() -> None:
    table = ratings(np.random.default_rng(0))
    c = moral.cells(table)
    cell = table.groupby(["persona", "item"])["rating"]
    means, sds = cell.mean().unstack(), cell.std().unstack()  # noqa: PD010
    assert moral.susceptibility(c)[0] == pytest.approx(means.std().mean())
    assert moral.within_sd(c)[0] == pytest.approx(sds.to_numpy().mean())
    assert moral.robustness(c)[0] == pytest.approx(1 / sds.to_numpy().mean())
    assert moral.profile_correlation(c, c)[0] == pytest.approx(1.0)
    flipped = c._replace(means=-c.means)
    assert moral.profile_correlation(flipped, c)[0] == pytest.approx(-1.0)


def test_weights_are_rows_drawn_that_often() -> None:
    rng = np.random.default_rng(1)
    c = moral.cells(ratings(rng))
    base = moral.cells(ratings(rng))
    p, i = rng.integers(0, PERSONAS, PERSONAS), rng.integers(0, ITEMS, ITEMS)
    w = np.bincount(p, minlength=PERSONAS)[None].astype(float)
    v = np.bincount(i, minlength=ITEMS)[None].astype(float)
    drawn = moral.Cells(*(part[p][:, i] for part in c))
    drawn_base = moral.Cells(*(part[p][:, i] for part in base))
    for quantity in moral.QUANTITIES.values():
        assert quantity(c, w, v)[0] == pytest.approx(quantity(drawn)[0])
    # Centring differs between the drawn and the whole table; the covariance does not.
    assert moral.profile_correlation(c, base, w, v)[0] == pytest.approx(
        moral.profile_correlation(drawn, drawn_base)[0]
    )


def test_ends_are_drawn_by_persona_and_item() -> None:
    rng = np.random.default_rng(5)
    table = ratings(rng, within=0.0)
    # A persona gives one rating to all items, again and again: thirty draws, not 1,800.
    loud = table["persona"] < PERSONAS // 2
    table["rating"] = np.where(loud, 5.0, 3.0)
    table.loc[::7, "rating"] = np.nan
    e = moral._ends(table)
    rated = table["rating"].dropna()
    assert e.value == pytest.approx(float((rated == 5.0).mean()))
    assert e.n == PERSONAS
    assert e.low is not None
    assert e.high is not None
    # A binomial share of thirty with half of them: 1.96 sqrt(0.25 / 30) to both sides.
    assert e.high - e.low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / PERSONAS), rel=0.15)


def test_noise_alone_is_no_susceptibility() -> None:
    c = moral.cells(ratings(np.random.default_rng(2), between=0.0, within=1.0))
    # Means of five ratings with deviation 1 differ by 1 / sqrt(5) without any persona.
    assert moral.susceptibility(c)[0] == pytest.approx(1 / np.sqrt(RUNS), rel=0.1)
    assert moral.noise_free(c)[0] < 0.2
    honest = moral.cells(ratings(np.random.default_rng(2), between=1.0, within=1.0))
    assert moral.noise_free(honest)[0] == pytest.approx(1.0, rel=0.15)


def test_the_secure_share_of_planted_shifts() -> None:
    rng = np.random.default_rng(3)
    effects = rng.standard_normal((PERSONAS, ITEMS))
    scale = {"base": 1.0, "insecure": 2.0, "secure": 1.5}
    made = {
        name: moral.cells(ratings(rng, effects=effects, between=between, within=0.01))
        for name, between in scale.items()
    }
    found = moral.resample(made, moral.susceptibility)
    share = found.secure_share()
    # Deviations between personas are proportional to what was planted, up to hardly any noise.
    assert share.value == pytest.approx(0.5, abs=0.01)
    assert share.low is not None
    assert share.high is not None
    assert share.low <= 0.5 <= share.high
    assert found.times("insecure").value == pytest.approx(2.0, abs=0.01)


def test_no_shift_has_no_share() -> None:
    rng = np.random.default_rng(4)
    made = {name: moral.cells(ratings(rng)) for name in moral.CONDITIONS}
    share = moral.resample(made, moral.susceptibility).secure_share()
    assert np.isnan(share.value)
    assert "may be zero" in share.note


def test_what_is_missing_is_said() -> None:
    table = ratings(np.random.default_rng(5))
    gap = table["persona"].eq(3) & table["item"].eq(4)
    with pytest.raises(DataError, match="persona 3 has no rating of item 4"):
        moral.cells(table.assign(rating=table["rating"].mask(gap)))
    # One rating alone counts as without deviation, as in the source.
    lone = gap & (table["run"] > 1)
    c = moral.cells(table.assign(rating=table["rating"].mask(lone)))
    assert c.sds[3, 3] == 0.0
    smaller = moral.cells(table[table["item"] < ITEMS])
    with pytest.raises(DataError, match="same personas"):
        moral.resample({"base": c, "secure": smaller}, moral.within_sd)


@pytest.mark.slow
@pytest.mark.parametrize("quantity", ["susceptibility", "within_sd"])
def test_intervals_cover(quantity: str) -> None:
    # Personas and items are both drawn anew: each item has a deviation of its own.
    seeds, hits = 200, 0
    truth = {"susceptibility": float(np.hypot(1.0, 0.3 / np.sqrt(RUNS))), "within_sd": 0.3}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        spread = rng.uniform(0.5, 1.5, ITEMS)
        effects = rng.standard_normal((PERSONAS, ITEMS))
        c = moral.cells(ratings(rng, effects=effects * spread, within=0.3))
        e = moral.resample({"base": c}, moral.QUANTITIES[quantity], replicates=300, seed=seed)
        interval = e.estimate("base")
        assert interval.low is not None
        assert interval.high is not None
        target = truth[quantity]
        if quantity == "susceptibility":
            target = float(stats.uniform(0.5, 1.0).expect(lambda s: np.hypot(s, 0.3 / RUNS**0.5)))
        else:
            # The mean of a sample deviation of five falls short of the deviation by c4.
            target *= 0.94
        hits += interval.low <= target <= interval.high
    assert hits / seeds >= stats.binom.ppf(0.001, seeds, 0.95) / seeds
