"""Axis scores, the habit of agreeing, components of variance, flips: published, planted, absent."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import special, stats

from revealed.foundation.errors import DataError
from revealed.measures import multiplicity
from revealed.measures.politics import questionnaire as q
from revealed.measures.politics import questionnaire_findings as qf
from revealed.measures.politics import questionnaire_variance as qv
from revealed.respondents import public

ROOT = Path(__file__).parents[2]
LANGUAGES = public.QUESTIONNAIRE_LANGUAGES


@pytest.fixture(scope="module")
def source() -> Path:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    return public.fetch(public.POLITICS_FILE, ROOT)


@pytest.fixture(scope="module")
def answers(source: Path) -> pd.DataFrame:
    return public.import_political_answers(source)


def weights(items: int, rng: np.random.Generator, tilt: float = 0.5) -> np.ndarray:
    """Each item weighs on one axis; a share `tilt` of them positively."""
    table = np.zeros((4, items))
    sign = np.where(rng.random(items) < tilt, 1.0, -1.0)
    table[np.arange(items) % 4, np.arange(items)] = 10 * sign
    return table


def drawn(
    rng: np.random.Generator,
    *,
    habit: tuple[float, ...] = (0.0,),
    lean: float = 0.0,
    items: int = 60,
    item_sd: float = 1.0,
    local_sd: float = 0.0,
    tilt: float = 0.5,
    n: int = 50,
) -> pd.DataFrame:
    """Answers from a logit: habit, leaning times keying, an item's own, one language's own."""
    w = weights(items, rng, tilt)
    own = item_sd * rng.normal(size=items)
    rows = []
    for m, shift in enumerate(habit):
        for language in LANGUAGES:
            p = special.expit(
                shift + lean * w.sum(axis=0) / 10 + own + local_sd * rng.normal(size=items)
            )
            yes = rng.random((items, n)) < p[:, None]
            for i in range(items):
                rows.append(
                    {
                        "model": f"m{m}", "label": f"m{m}", "language": language,
                        "item": f"i{i:02}", "question": "?", "n_yes": int(yes[i].sum()),
                        "n_no": int(n - yes[i].sum()), "n_neither": 0,
                        "answers": "".join("+" if y else "-" for y in yes[i]),
                        **dict(zip(q.AXES, w[:, i], strict=True)),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


# --------------------------------------------------------------------------------------- the scores


def test_published_scores_are_those_of_an_independent_computation(
    source: Path, answers: pd.DataFrame
) -> None:
    """From the raw file with the csv module and the source's formula, nothing of ours."""
    top: dict[tuple[str, str], float] = defaultdict(float)
    below: dict[tuple[str, str], float] = defaultdict(float)
    with source.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["id"].count("_") != 2:  # a language stands in the third place
                continue
            said = [int(float(row[f"Round_{k}"])) for k in range(1, 51)]
            for axis in q.AXES:
                weight = float(row[axis])
                top[row["Model"], axis] += weight * sum(said) / 50
                below[row["Model"], axis] += abs(weight)
    found = q.published_scores(answers).set_index(["model", "axis"])["score"]
    for (label, axis), value in top.items():
        expected = 100 * (below[label, axis] + value) / (2 * below[label, axis])
        assert abs(found[public.QUESTIONNAIRE_MODELS[label], axis] - expected) < 1e-6
    beside = qf.reproduced(answers, public.load_published(ROOT))
    assert len(beside) == 28
    assert (beside["gap"].abs() < 1e-9).all()


def test_a_model_without_a_published_score_is_named(answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"no published figure politics\.axis\.m0\.econ"):
        qf.reproduced(drawn(np.random.default_rng(0), items=8), public.load_published(ROOT))


def test_a_constant_cancels_in_the_balanced_score_alone() -> None:
    rng = np.random.default_rng(1)
    w = weights(41, rng, tilt=0.8)
    mean = rng.uniform(-0.5, 0.3, 41)
    assert np.allclose(q.balanced_score(mean + 0.2, w), q.balanced_score(mean, w))
    assert np.abs(q.axis_score(mean + 0.2, w) - q.axis_score(mean, w)).min() > 1
    # Where both directions weigh the same the two are one.
    even = np.array([[10.0, -10.0, 5.0, -5.0]] * 4)
    assert np.allclose(q.axis_score(mean[:4], even), q.balanced_score(mean[:4], even))
    # Whoever says yes to everything is in the middle of the balanced score, whatever the keying.
    assert np.allclose(q.balanced_score(np.ones(41), w), 50)


def test_leaving_out_is_what_it_says() -> None:
    rng = np.random.default_rng(2)
    m, w = rng.uniform(-1, 1, 17), 10 * rng.choice([-1.0, 1.0, 0.5], 17)
    for function, score in (
        (q.axis_left_out, q.axis_score), (q.balanced_left_out, q.balanced_score)
    ):  # fmt: skip
        whole, parts = function(m, w)
        assert whole == pytest.approx(score(m, w[None])[0])
        plain = [score(np.delete(m, i), np.delete(w, i)[None])[0] for i in range(17)]
        assert np.allclose(parts, plain)


def test_jackknife_of_a_mean_is_its_textbook_variance() -> None:
    x = np.random.default_rng(3).normal(size=30)
    parts = (x.sum() - x) / 29
    assert q.jackknife_variance(x.mean(), parts) == pytest.approx(x.var(ddof=1) / 30)
    half = stats.t.ppf(0.975, 29) * stats.sem(x)
    assert q.half_width(x.mean(), parts) == pytest.approx(half)


def test_a_missing_cell_is_named() -> None:
    table = drawn(np.random.default_rng(4), items=8)
    with pytest.raises(DataError, match="m0, Arabic, i07"):
        q.cube(table.iloc[:-1])
    silent = table.assign(
        n_yes=table["n_yes"].where(table.index != 3, 0),
        n_no=table["n_no"].where(table.index != 3, 0),
    )
    with pytest.raises(DataError, match="no answer of yes or no: m0, English, i03"):
        q.cube(silent)


# ---------------------------------------------------------------------------------------- the habit


def test_the_logit_is_statsmodels_own() -> None:
    c = q.cube(drawn(np.random.default_rng(5), habit=(0.7, -0.4), lean=0.8))
    found = q.habit_logit(c.p.reshape(-1, len(c.items)), c.weights)
    design = sm.add_constant(c.weights.T / 10)
    for row, p in zip(found, c.p.reshape(-1, len(c.items)), strict=True):
        # Shares, not counts: the same estimates, since every item has the same number of answers.
        fit = sm.GLM(p, design, family=sm.families.Binomial()).fit(tol=1e-12)
        assert np.allclose(row, fit.params, atol=1e-6)


def test_separable_answers_give_no_number() -> None:
    w = weights(24, np.random.default_rng(6))
    assert np.isnan(q.habit_logit((w.sum(axis=0) > 0).astype(float)[None], w)).all()


def test_a_planted_habit_is_told_from_a_leaning() -> None:
    rng = np.random.default_rng(7)
    agreeing = drawn(rng, habit=(1.5,), tilt=0.25, items=80, item_sd=0.5)
    leaning = drawn(rng, lean=1.5, tilt=0.25, items=80, item_sd=0.5)
    for table, habit, leans in ((agreeing, True, False), (leaning, False, True)):
        c = q.cube(table)
        row = q.habits(c).query("language == ''").iloc[0]
        assert (row["low"] > 0.5) == habit
        even = q.scores(c.mean[0].mean(axis=0), c.weights)["balanced"]
        # Of four axes one may stray at 95 %.
        assert (sum(e.low > 50 for e in even) >= 3) == leans
        assert (sum(e.low < 50 < e.high for e in even) >= 3) != leans
    # The published formula takes the habit for a leaning, away from how most items are keyed.
    c = q.cube(agreeing)
    fooled = q.scores(c.mean[0].mean(axis=0), c.weights)["axis"]
    assert sum(e.high < 50 for e in fooled) >= 3


# ------------------------------------------------------------------------------------ the variance


def test_components_are_those_of_a_table_by_hand() -> None:
    """A table made of orthogonal effects with known sums of squares, and many answers a cell."""
    rng = np.random.default_rng(8)
    a, b, c = 6, 5, 40
    effects = {
        "i": rng.normal(0, 0.08, c), "m": rng.normal(0, 0.05, a), "mi": rng.normal(0, 0.06, (a, c))
    }  # fmt: skip
    p = np.clip(
        0.5 + effects["i"] + effects["m"][:, None, None] + effects["mi"][:, None, :]
        + np.zeros((a, b, c)), 0.01, 0.99,
    )  # fmt: skip
    found = dict(zip(qv.COMPONENTS, qv.components(p, np.full(p.shape, 1e9)), strict=True))
    for name in ("languages", "languages x items", "models x languages",
                 "models x languages x items"):  # fmt: skip
        assert abs(found[name]) < 1e-6
    # Unbiased over draws, so a single table is only near: within half of each variance.
    assert found["items"] == pytest.approx(0.08**2, rel=0.5)
    assert found["models x items"] == pytest.approx(0.06**2, rel=0.5)
    # The parts add up to the variance of one answer, p(1 - p) of all together, but for what
    # unbiasedness adds to a sum of squares with few degrees of freedom.
    assert sum(found.values()) == pytest.approx(p.mean() * (1 - p.mean()), rel=0.02)


def test_repeats_alone_leave_no_other_component() -> None:
    totals = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        yes = rng.binomial(20, 0.4, (4, 3, 25))
        totals.append(qv.components(yes / 20, np.full(yes.shape, 20.0)))
    mean, se = np.mean(totals, axis=0), np.std(totals, axis=0) / np.sqrt(40)
    # Seven components that are zero on average: the largest of seven |t| at 1 % is about 3.3.
    assert (np.abs(mean[:-1]) < 3.5 * se[:-1]).all()
    assert mean[-1] == pytest.approx(0.24, abs=0.005)


def test_where_language_matters_the_components_say_so() -> None:
    rng = np.random.default_rng(9)
    local = qv.variance(q.cube(drawn(rng, habit=(1.0, 0.0, -1.0), local_sd=2.0)))
    shared = qv.variance(q.cube(drawn(rng, habit=(1.0, 0.0, -1.0), item_sd=2.0)))
    name = "models x languages x items"
    assert local[name].low > 15
    assert shared[name].value < 3
    assert shared["items"].low > 15
    assert local["models"].value > 0


def test_an_axis_table_of_models_alone() -> None:
    c = q.cube(drawn(np.random.default_rng(10), habit=(0.0, 0.0, 0.0), items=60))
    found = qv.axis_variance(c)
    assert set(found) == set(q.AXES)
    for parts in found.values():
        assert set(parts) == set(qv.AXIS_COMPONENTS)
        assert parts["models"].low < 0 < parts["models"].high + 1e-9


# ------------------------------------------------------------------------- differences, and flips


def test_a_difference_needs_more_than_one_language() -> None:
    rng = np.random.default_rng(11)
    base = drawn(rng, habit=(0.0, 0.0), items=80, item_sd=0.3)
    # A leaning in one language only is a difference between languages, not between models.
    lone = base.copy()
    there = (lone["model"] == "m1") & (lone["language"] == "Arabic")
    keyed = lone[list(q.AXES)].sum(axis=1) > 0
    lone.loc[there, "n_yes"] = np.where(keyed[there], 50, 0)
    lone.loc[there, "n_no"] = np.where(keyed[there], 0, 50)
    found = qv.model_differences(q.cube(lone))
    assert ((found["low"] < 0) & (found["high"] > 0)).all()
    # The same leaning in every language is one.
    wide = base.copy()
    there = wide["model"] == "m1"
    wide.loc[there, "n_yes"] = np.where(keyed[there], 45, 5)
    wide.loc[there, "n_no"] = np.where(keyed[there], 5, 45)
    found = qv.model_differences(q.cube(wide))
    assert (found["high"] < 0).all()


def test_flips_are_found_and_not_invented() -> None:
    rng = np.random.default_rng(12)
    table = drawn(rng, items=40)
    there = (table["item"] == "i00") & (table["language"] == "Korean")
    for column, value in (("n_yes", 50), ("n_no", 0), ("answers", "+" * 50)):
        table.loc[there, column] = value
    rest = (table["item"] == "i00") & ~there
    for column, value in (("n_yes", 0), ("n_no", 50), ("answers", "-" * 50)):
        table.loc[rest, column] = value
    found = qv.flips(table).set_index("item")
    assert found.loc["i00", "flips"]
    assert found.loc["i00", "most"] == "Korean"
    assert found.loc["i00", "Korean"] == "50/50"
    # Nothing else was planted; Holm holds the chance of any false one at 5 %.
    assert found["flips"].sum() == 1
    # The test is scipy's where repeats spread as independent draws do.
    one = table[table["item"] == "i01"]
    plain = stats.chi2_contingency(one[["n_yes", "n_no"]], correction=False).pvalue
    spread = max(qv.dispersion(table)["m0"], 1.0)
    statistic = stats.chi2.isf(plain, 4) / spread
    assert found.loc["i01", "p"] == pytest.approx(stats.chi2.sf(statistic, 4), rel=1e-6)


def test_dispersion_tells_streaks_from_draws() -> None:
    rng = np.random.default_rng(13)
    table = drawn(rng, items=60, item_sd=0.3)
    assert qv.dispersion(table)["m0"] == pytest.approx(1.0, abs=0.1)
    # Answers in runs of five: each block is all yes or all no, five times the variance.
    streaky = ["".join(mark * 5 for mark in rng.choice(["+", "-"], 10)) for _ in range(len(table))]
    assert qv.dispersion(table.assign(answers=streaky))["m0"] == pytest.approx(5.0, rel=0.1)


def test_findings_are_complete_and_unique(answers: pd.DataFrame) -> None:
    from revealed.figures import page

    made = qf.findings(answers, public.load_published(ROOT), chapter="questionnaire")
    assert len({finding.id for finding in made}) == len(made)
    assert {finding.provenance for finding in made} == {"public"}
    table = page.rows(made)
    families = multiplicity.tally(table).set_index("family")["tried"].to_dict()
    assert families == {
        "politics.habit": 7, "politics.habit_language": 35, "politics.keying": 28,
        "politics.lean": 28, "politics.model_difference": 84,
    }  # fmt: skip
    # Few items stand behind a score: read as normal, Student's intervals found one of each.
    near = ["politics.lean", "politics.model_difference"]
    for told, stand in ((table, [0, 0]), (table.assign(freedom=None), [1, 1])):
        assert multiplicity.tally(told).set_index("family").loc[near, "stand"].tolist() == stand
    parts = table[table["estimand"] == "politics.variance"]
    assert parts["estimate"].sum() == pytest.approx(100)
    # What the notes say of these answers: one model agrees most of the time, another least.
    habits = table[(table["estimand"] == "politics.habit") & (table["arm"] == "")]
    assert habits.sort_values("estimate")["respondent"].iloc[[0, -1]].tolist() == [
        "seven_models/gemini-2.5-flash", "seven_models/gpt-4o-mini"
    ]  # fmt: skip


# ---------------------------------------------------------------------------------- over many seeds


@pytest.mark.slow
def test_intervals_over_items_cover_and_the_middle_is_not_left() -> None:
    """Items are draws: 95 % intervals hold the score that all possible items would give."""
    hits = {"balanced": 0, "habit": 0}
    seeds, n = 200, 0
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 1])
        c = q.cube(drawn(rng, items=120, item_sd=0.7, n=20))
        for e in q.scores(c.mean[0].mean(axis=0), c.weights)["balanced"]:
            hits["balanced"] += e.low <= 50 <= e.high
            n += 1
        row = q.habits(c).iloc[0]
        hits["habit"] += row["low"] <= 0.5 <= row["high"]
    # Within the 0.1 % tails of a binomial at 95 %; a little room for 30 items' skew below.
    assert stats.binom.ppf(0.001, n, 0.945) <= hits["balanced"] <= stats.binom.ppf(0.999, n, 0.96)
    low, high = stats.binom.ppf([0.001, 0.999], seeds, 0.95)
    assert low <= hits["habit"] <= high


@pytest.mark.slow
def test_models_that_do_not_differ_are_not_told_apart() -> None:
    tried = wrong = 0
    for seed in range(120):
        rng = np.random.default_rng([seed, 2])
        c = q.cube(drawn(rng, habit=(0.0, 0.0, 0.0), items=80, item_sd=0.7, local_sd=0.8, n=20))
        found = qv.model_differences(c)
        tried += len(found)
        wrong += int(((found["low"] > 0) | (found["high"] < 0)).sum())
    # Differences of three models on four axes are not independent: a third of them count.
    assert wrong / tried < 0.05 + 3 * np.sqrt(0.05 * 0.95 / (tried / 3))


@pytest.mark.slow
def test_flips_hold_their_level() -> None:
    runs = sum(
        bool(qv.flips(drawn(np.random.default_rng([seed, 3]), items=40, n=30))["differs"].any())
        for seed in range(80)
    )
    # Holm: any false difference in at most 5 % of tables; Pearson's test is rough at the ends.
    assert runs <= stats.binom.ppf(0.999, 80, 0.07)
