"""The map: its components, its level, its order, its spreads; and whether respondents cluster."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from drawn_choices import draw_choices
from scipy import linalg, stats

from revealed.figures import page
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import CHOICES, check
from revealed.instruments import load_instrument, load_questions
from revealed.measures.fallible import Utilities, utilities
from revealed.measures.politics import clusters, entities
from revealed.measures.politics import map as maps
from revealed.respondents.public.positions import load_entity_positions
from revealed.respondents.simulated.respondent import load
from revealed.respondents.simulated.traits import politics

PANEL = "simulated/panel"
ITEMS = load_instrument("policies_core").items
QUESTIONS = load_questions("entities").questions
PUBLISHED = load_entity_positions()
SHARED = [item for item in ITEMS.index if item in set(QUESTIONS["first"])]
SIDES = ITEMS.loc[SHARED, ["lean", "authority"]].to_numpy(float)


@cache
def chances(simulator: str) -> pd.Series:
    panel = load(simulator)
    known = QUESTIONS[QUESTIONS["entity"].map(PUBLISHED["left_right"].notna())]
    return pd.Series(
        [politics.p_first_for(panel, r.who, r.option_1, r.option_2) for r in known.itertuples()],
        known.index,
    )


def answers(simulator: str = "panel", seed: int = 0) -> pd.DataFrame:
    """Answers as drawn from the panel's own probabilities."""
    p = chances(simulator)
    second = np.random.default_rng(seed).random(len(p)) >= p
    return pd.DataFrame(
        {
            "respondent": f"simulated/{simulator}", "instrument": "entities", "question": p.index,
            "form": "answer_for", "sample": 0.0, "kind": "answered",
            "value": second.to_numpy(float), "text": "A", "provenance": "simulated",
        }
    )  # fmt: skip


@cache
def points(seed: int = 0) -> maps.Points:
    tables = entities.choices(answers(seed=seed), QUESTIONS)
    return maps.points({who: utilities(table) for who, table in tables.items()}, SHARED)[0]


@cache
def respondents(*names: str, seed: int = 0) -> maps.Points:
    rng = np.random.default_rng(seed)
    fitted = {
        f"simulated/{name}": utilities(draw_choices(load(name), "policies_core", rng=rng))
        for name in names
    }
    return maps.points(fitted, SHARED)[0]


def placed(*names: str, seed: int = 0, replicates: int = 50) -> maps.Map:
    return maps.place(
        points(seed), respondents(*names, seed=seed), PUBLISHED, SIDES, replicates=replicates
    )


def test_answers_become_choices_of_every_entity() -> None:
    given = answers()
    tables = entities.choices(given, QUESTIONS)
    assert list(tables) == list(dict.fromkeys(QUESTIONS.loc[given["question"], "entity"]))
    for who, table in tables.items():
        check(table, CHOICES, who)
        own = given[given["question"].map(QUESTIONS["entity"]) == who]
        assert table["n_second"].sum() == own["value"].sum()
        assert table["n_first"].sum() == (1 - own["value"]).sum()
        assert set(table["arm"]) == {f"as answered by {PANEL}"}
    given.loc[0, ["kind", "value"]] = ["refused", None]
    first = next(iter(entities.choices(given, QUESTIONS).values()))
    assert first["n_refused"].sum() == 1
    with pytest.raises(DataError, match="no question"):
        entities.choices(given.assign(question="lost"), QUESTIONS)
    other = given.assign(respondent="simulated/panel_biased")
    with pytest.raises(DataError, match="found 2"):
        entities.choices(pd.concat([given, other]), QUESTIONS)


def test_points_have_unit_variance_and_who_wants_nothing_has_none() -> None:
    u = load("right").utility(ITEMS["text"])
    some = Utilities(tuple(ITEMS.index), u, np.zeros((72, 72)), 1.0)
    vague = Utilities(tuple(ITEMS.index), 0.1 * u, np.eye(72), 1.0)
    few = Utilities(tuple(ITEMS.index[:40]), u[:40], np.zeros((40, 40)), 1.0)
    made, out = maps.points({"some": some, "vague": vague, "few": few}, SHARED)
    assert made.names == ("some",)
    assert out == ["vague", "few"]
    assert made.mean[0].mean() == pytest.approx(0, abs=1e-12)
    assert made.mean[0].std(ddof=1) == pytest.approx(1)
    assert maps.points({}, SHARED)[0].noise.shape == (0, 36, 36)


def test_components_are_eigenvalues_of_the_covariance() -> None:
    matrix = points().mean
    values = linalg.eigvalsh(np.cov(matrix.T))[::-1]
    made = maps.components(matrix, permutations=19)
    n = len(made.explained)
    assert made.explained == pytest.approx(values[:n] / values.sum(), abs=1e-12)
    assert made.kept >= 1


def test_the_null_keeps_its_level() -> None:
    seeds = 100
    found = sum(
        maps.components(
            np.random.default_rng(900 + seed).normal(size=(40, 36)), permutations=99, seed=seed
        ).kept
        > 0
        for seed in range(seeds)
    )
    assert found <= stats.binom.ppf(0.999, seeds, 0.05)


def test_planted_dimensions_are_counted() -> None:
    rng = np.random.default_rng(5)
    for dimensions in (1, 2, 3):
        scores = rng.normal(size=(40, dimensions)) * [3.0, 2.5, 2.0][:dimensions]
        matrix = scores @ rng.normal(size=(dimensions, 36)) / 3 + rng.normal(size=(40, 36))
        assert maps.components(matrix).kept == dimensions


def test_the_order_of_the_parties_is_recovered() -> None:
    for seed in range(3):
        found = placed(seed=seed)
        for column, least in (("lrgen", 0.85), ("nominate", 0.8)):
            known = PUBLISHED.reindex(found.entity_names)[column].to_numpy(float)
            have = np.isfinite(known)
            rank = stats.spearmanr(found.entities[have, 0], known[have]).statistic
            assert rank > least
            made = maps.agreement(found, PUBLISHED, column, 0)
            r = stats.pearsonr(found.entities[have, 0], known[have])
            interval = r.confidence_interval()
            assert (made.value, made.low, made.high) == pytest.approx(
                (r.statistic, interval.low, interval.high)
            )


def test_a_partial_agreement_is_that_of_residuals() -> None:
    found = placed()
    known = PUBLISHED.reindex(found.entity_names)[["lrgen", "galtan"]].dropna()
    y = found.entities[[found.entity_names.index(name) for name in known.index], 1]
    r = np.corrcoef(np.column_stack([y, known["galtan"], known["lrgen"]]).T)
    partial = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert maps.agreement(found, PUBLISHED, "galtan", 1, "lrgen").value == pytest.approx(partial)
    alone = PUBLISHED.assign(galtan=np.nan)
    assert np.isnan(maps.agreement(found, alone, "galtan", 1, "lrgen").value)


def test_respondents_stand_on_their_side_and_do_not_move_the_map() -> None:
    found = placed("left", "right", "centrist")
    left, right, centre = found.respondents[:, 0]
    assert left < -0.5 < centre - 0.2 < centre + 0.2 < 0.5 < right
    alone = placed()
    assert alone.entities == pytest.approx(found.entities)
    assert alone.respondents.shape == (0, 2)
    some = points()
    few = maps.Points(some.names[:3], some.mean[:3], some.noise[:3])
    with pytest.raises(DataError, match="no map"):
        maps.place(few, respondents("left"), PUBLISHED, SIDES)


def test_right_is_right_without_published_positions_too() -> None:
    unknown = PUBLISHED.assign(left_right=np.nan, authority=np.nan)
    found = maps.place(points(), respondents("right"), unknown, SIDES, replicates=2)
    assert found.respondents[0, 0] > 0.5


def test_turning_is_an_orthogonal_procrustes() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.normal(size=(2, 20, 2))
    assert maps._procrustes(one, two) == pytest.approx(linalg.orthogonal_procrustes(one, two)[0])


@pytest.mark.slow
def test_spreads_are_those_of_repeated_asking() -> None:
    names, seeds = ("left", "right", "politically_incoherent"), 60
    found = [placed(*names, seed=seed, replicates=20) for seed in range(seeds)]
    places = np.array([one.respondents[:, 0] for one in found])
    told = np.array([one.respondent_spread[:, 0, 0] for one in found])
    # Draws are made around estimates, so noise enters twice: spreads may be too wide, by less than
    # a half, and must not be too narrow (a standard deviation of 60 is known to 9 %).
    ratio = np.sqrt(told.mean(axis=0)) / places.std(axis=0, ddof=1)
    assert (ratio > 0.8).all()
    assert (ratio < 1.6).all()


def test_findings_and_table_hold_every_point() -> None:
    found = placed("left", "right")
    kinds = dict.fromkeys([PANEL, *found.respondent_names], "simulated")
    made = page.rows(
        maps.findings(found, PUBLISHED, simulator=PANEL, chapter="map", provenance=kinds)
    )
    assert set(made["estimand"]) == {
        "politics.map_components", "politics.map_explained", "politics.map_agreement",
        "politics.map_first", "politics.map_second",
    }  # fmt: skip
    assert made["id"].is_unique
    table = maps.table(found, PUBLISHED, PANEL, kinds)
    assert len(table) == len(found.entity_names) + 2
    assert table["first_se"].gt(0).all()
    places = made[made["estimand"] == "politics.map_first"].set_index("respondent")["estimate"]
    assert places["simulated/left"] == pytest.approx(found.respondents[0, 0])


def sprinkled(respondents_at: np.ndarray, seed: int, noise: float = 0.0) -> maps.Map:
    """A map with entities all over the spectrum and respondents at given places."""
    rng = np.random.default_rng(seed)
    m, k = 40, len(respondents_at)
    shared = noise * np.eye(2)
    entities_at = rng.uniform(-1, 1, size=(m, 2)) + np.sqrt(noise) * rng.normal(size=(m, 2))
    return maps.Map(
        entities_at, respondents_at + np.sqrt(noise) * rng.normal(size=(k, 2)),
        np.tile(shared, (m, 1, 1)), np.tile(shared, (k, 1, 1)), np.zeros((36, 2)),
        maps.Components(np.ones(2), np.ones(2), 0), tuple(map(str, range(m))),
        tuple(map(str, range(k))), entities_at,
    )  # fmt: skip


EVERYBODY = np.ones(6, bool)


def test_clusters_are_found_and_too_few_are_none() -> None:
    close = clusters.clusters(sprinkled(np.full((6, 2), 0.1), 1, noise=0.01), EVERYBODY)
    assert close is not None
    assert close.adjusted[0] < 0.05
    assert close.close.value < 0.2
    spread = np.stack([np.full(6, -0.8), np.linspace(-1, 1, 6)], axis=1)
    side = clusters.clusters(sprinkled(spread, 2), EVERYBODY)
    assert side is not None
    assert side.adjusted[1] < 0.05
    assert side.side.high < 0
    heap = sprinkled(np.zeros((6, 2)), 3, noise=0.01)
    together = replace(heap, apart=heap.apart * 0.01)
    assert clusters.clusters(together, EVERYBODY) is None
    some = np.array([True, True, False, False, False, False])
    assert clusters.clusters(sprinkled(spread, 2), some) is None
    made = page.rows(
        clusters.findings(
            side, simulator=PANEL, who="real models", chapter="map", provenance="elicited"
        )
    )
    assert made.set_index("estimand").loc["politics.clustered", "estimate"] == 1.0


def test_the_mean_squared_distance_is_that_of_the_pairs() -> None:
    places = np.random.default_rng(4).normal(size=(5, 2))
    pairs = [((a - b) ** 2).sum() for k, a in enumerate(places) for b in places[:k]]
    squared = clusters._squared(np.ones((1, 5)), places, np.zeros(5))
    assert squared[0] == pytest.approx(np.mean(pairs))


def test_respondents_from_the_whole_spectrum_seldom_cluster() -> None:
    seeds = 100
    found = np.zeros(2)
    for seed in range(seeds):
        at = np.random.default_rng(300 + seed).uniform(-1, 1, size=(6, 2))
        made = clusters.clusters(sprinkled(at, seed, 0.01), EVERYBODY, permutations=199)
        assert made is not None
        found += [made.p_close <= 0.05, made.p_side <= 0.05]
    assert (found <= stats.binom.ppf(0.999, seeds, 0.05)).all()


def drawn(m: int, rng: np.random.Generator) -> maps.Points:
    """Points whose likings follow one line, and besides it nothing that two of them share."""
    n, noise = 36, 0.05
    line = np.where(np.arange(n) % 2, 1.0, -1.0)
    liking = rng.uniform(-1, 1, size=(m, 1)) * line + rng.normal(size=(m, n))
    liking -= liking.mean(axis=1, keepdims=True)
    liking /= liking.std(axis=1, ddof=1, keepdims=True)
    centre = np.eye(n) - 1 / n
    seen = (liking + np.sqrt(noise) * rng.normal(size=(m, n))) @ centre
    return maps.Points(tuple(map(str, range(m))), seen, np.tile(noise * centre, (m, 1, 1)))


def test_respondents_are_no_cluster_because_entities_made_the_components() -> None:
    """Components are longest for those who made them: taken there, a fifth would be called one."""
    seeds, unknown = 60, pd.DataFrame(columns=["left_right", "authority"], dtype=float)
    found = np.zeros(2)
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 5])
        entities, some = drawn(40, rng), drawn(8, rng)
        made = maps.place(
            entities, some, unknown, np.ones((36, 2)), seed=seed, replicates=10, permutations=1
        )
        for k, one in enumerate((made, replace(made, apart=made.entities))):
            told = clusters.clusters(one, np.ones(8, bool), seed=seed, permutations=199)
            assert told is not None
            found[k] += told.p_close <= 0.05
    assert found[0] <= stats.binom.ppf(0.999, seeds, 0.05)
    assert found[1] > found[0]
