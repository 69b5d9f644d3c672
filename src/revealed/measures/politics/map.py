"""One map of respondents and entities: principal components of standardized utilities.

The map is made by the entities alone, so it is the same whoever is asked, and real and simulated
respondents never shape each other's place. How many components there are is said by parallel
analysis (Horn 1965): those that explain more than the same component of data whose every proposal
was shuffled over the entities. Which way is left is said by published positions of parties, that
no model made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from ..fallible import RELIABILITY_NEEDED, Utilities
from ..intervals import Array, Estimate, fisher_interval

PLANE = 2
"""Components that a map is drawn in."""
PERMUTATIONS, LEVEL = 199, 0.05
REPLICATES = 200
KNOWN_NEEDED = 5
"""Published positions that it takes to say which way is left."""


@dataclass(frozen=True)
class Points:
    """Standardized utilities of the same proposals, a row each, with their sampling noise.

    ``mean`` has shape (m, n), ``noise`` (m, n, n). Each row has mean 0 and, its noise taken out,
    standard deviation 1.
    """

    names: tuple[str, ...]
    mean: Array
    noise: Array


def points(utilities: Mapping[str, Utilities], items: Sequence[str]) -> tuple[Points, list[str]]:
    """Standardized utilities of `items`; and who is left out.

    Left out are those who were not asked about all the items, and those whose utilities of them are
    mostly noise: who wants nothing has no place.
    """
    names, means, noises, out = [], [], [], []
    n = len(items)
    centre = np.eye(n) - 1.0 / n
    for name, utility in utilities.items():
        if not set(items) <= set(utility.items):
            out.append(name)
            continue
        mean, noise = utility.of(list(items))
        mean, noise = centre @ mean, centre @ noise @ centre
        raw = float(mean @ mean) / (n - 1)
        true = raw - float(np.trace(noise)) / (n - 1)
        if not true > RELIABILITY_NEEDED * raw:
            out.append(name)
            continue
        names.append(name)
        means.append(mean / np.sqrt(true))
        noises.append(noise / true)
    shape = (len(names), n)
    return (
        Points(tuple(names), np.array(means).reshape(shape), np.array(noises).reshape(*shape, n)),
        out,
    )


@dataclass(frozen=True)
class Components:
    """Shares of variance by component, what 95 of 100 shuffled matrices reach, how many count."""

    explained: Array
    null: Array
    kept: int


def components(
    matrix: Array, *, permutations: int = PERMUTATIONS, seed: int = 0, level: float = LEVEL
) -> Components:
    """How many components a matrix of entities (m) by proposals (n) has beyond chance.

    A component counts if it explains more than the same component of all but `level` of the
    shuffled matrices, and every one before it counts.
    """
    rng = np.random.default_rng(seed)
    draws = rng.permuted(np.tile(matrix, (permutations, 1, 1)), axis=1)
    explained, shuffled = _explained(matrix), _explained(draws)
    # The rank of the observed among all: exact under the null, whatever the number of shuffles.
    beaten = (1 + (shuffled >= explained - 1e-12).sum(axis=0)) / (1 + permutations)
    counts = beaten <= level
    kept = len(counts) if counts.all() else int(np.argmin(counts))
    return Components(explained, np.quantile(shuffled, 1 - level, axis=0), kept)


def _explained(matrix: Array) -> Array:
    """Share of variance of every component, of one matrix or of each of a stack."""
    centred = matrix - matrix.mean(axis=-2, keepdims=True)
    squares = np.linalg.svd(centred, compute_uv=False) ** 2
    return np.asarray(squares / squares.sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Map:
    """Places on the plane of the first two components.

    ``entities`` (m, 2) and ``respondents`` (k, 2): places, in root-mean-square standardized utility
    per proposal. ``entity_spread`` and ``respondent_spread``: covariances of their sampling error,
    (m, 2, 2) and (k, 2, 2). ``loadings``: (n, 2). ``apart``: (m, 2), where each entity lies on the
    map that the others make, as a respondent does on the map of all.
    """

    entities: Array
    respondents: Array
    entity_spread: Array
    respondent_spread: Array
    loadings: Array
    components: Components
    entity_names: tuple[str, ...]
    respondent_names: tuple[str, ...]
    apart: Array


def place(
    entities: Points,
    respondents: Points,
    published: pd.DataFrame,
    sides: Array,
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
    permutations: int = PERMUTATIONS,
) -> Map:
    """The map.

    Parameters
    ----------
    entities, respondents
        Of the same proposals; no respondents is no error.
    published
        Indexed by entity, with columns left_right and authority (missing where unknown).
    sides
        Lean and authority of the proposals, (n, 2): which way is left where too few positions are
        published.

    Notes
    -----
    Spreads come from a parametric bootstrap: utilities drawn anew from their sampling distribution,
    the components computed anew, and the entities turned back on their places (orthogonal
    Procrustes, Schönemann 1966), because turning is no uncertainty about anybody.

    Raises
    ------
    DataError
        If there are fewer than five entities.
    """
    if len(entities.names) < KNOWN_NEEDED:
        raise DataError(f"{len(entities.names)} entities make no map; {KNOWN_NEEDED} are needed.")
    parts = components(entities.mean, permutations=permutations, seed=seed)
    loadings = _turned(entities, _loadings(entities.mean), published, sides)
    middle = entities.mean.mean(axis=0)
    there, here = (
        _project(entities.mean, middle, loadings),
        _project(respondents.mean, middle, loadings),
    )
    rng = np.random.default_rng(seed)
    roots = [_root(points.noise) for points in (entities, respondents)]
    drawn: list[list[Array]] = [[], []]
    for _ in range(replicates):
        shaken = [
            _shaken(points, root, rng)
            for points, root in zip((entities, respondents), roots, strict=True)
        ]
        axes, centre = _loadings(shaken[0]), shaken[0].mean(axis=0)
        turn = _procrustes(_project(shaken[0], centre, axes), there)
        for kept, values in zip(drawn, shaken, strict=True):
            kept.append(_project(values, centre, axes) @ turn)
    spreads = [_covariances(np.array(kept).reshape(replicates, -1, PLANE)) for kept in drawn]
    return Map(
        there, here, spreads[0], spreads[1], loadings, parts, entities.names, respondents.names,
        _apart(entities.mean, there),
    )  # fmt: skip


def _apart(matrix: Array, there: Array) -> Array:
    """Each row projected on the components of the other rows, turned on the others' places."""
    found = np.empty_like(there)
    for k in range(len(matrix)):
        others = np.delete(matrix, k, axis=0)
        axes, middle = _loadings(others), others.mean(axis=0)
        turn = _procrustes(_project(others, middle, axes), np.delete(there, k, axis=0))
        found[k] = _project(matrix[k], middle, axes) @ turn
    return found


def _loadings(matrix: Array) -> Array:
    """The first two principal directions, (n, 2)."""
    return np.asarray(np.linalg.svd(matrix - matrix.mean(axis=0))[2][:PLANE].T)


def _project(matrix: Array, middle: Array, loadings: Array) -> Array:
    return np.asarray((matrix - middle) @ loadings / np.sqrt(len(loadings)))


def _turned(entities: Points, loadings: Array, published: pd.DataFrame, sides: Array) -> Array:
    """Loadings with right to the right and authority up."""
    scores = _project(entities.mean, entities.mean.mean(axis=0), loadings)
    known = published.reindex(entities.names)[["left_right", "authority"]].to_numpy(float)
    signs = np.ones(PLANE)
    for k in range(PLANE):
        have = np.isfinite(known[:, k])
        one, two = (
            (scores[have, k], known[have, k])
            if have.sum() >= KNOWN_NEEDED
            else (loadings[:, k], sides[:, k])
        )
        signs[k] = 1.0 if (one - one.mean()) @ (two - two.mean()) >= 0 else -1.0
    return np.asarray(loadings * signs)


def _root(noise: Array) -> Array:
    """A square root of each covariance, which may have no full rank."""
    if not len(noise):
        return noise
    values, vectors = np.linalg.eigh(noise)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])


def _shaken(given: Points, root: Array, rng: np.random.Generator) -> Array:
    """Standardized utilities as another set of answers would have given them, (m, n)."""
    shape = given.mean.shape
    drawn = given.mean + np.einsum("mij,mj->mi", root, rng.standard_normal(shape))
    raw = (drawn**2).sum(axis=1) / (shape[1] - 1)
    # The estimates hold noise, and the draw adds as much again.
    noise = 2 * np.trace(given.noise, axis1=1, axis2=2) / (shape[1] - 1)
    true = np.maximum(raw - noise, RELIABILITY_NEEDED * raw)
    return np.asarray(drawn / np.sqrt(true)[:, None])


def _procrustes(moved: Array, target: Array) -> Array:
    """The rotation or reflection that brings `moved` (m, 2) closest to `target`."""
    u, _, v = np.linalg.svd(moved.T @ target)
    return np.asarray(u @ v)


def _covariances(draws: Array) -> Array:
    """Covariance of the places of each point over replicates: (r, m, 2) to (m, 2, 2)."""
    centred = draws - draws.mean(axis=0)
    return np.asarray(np.einsum("rma,rmb->mab", centred, centred) / (len(draws) - 1))


def agreement(
    found: Map, published: pd.DataFrame, column: str, axis: int, beyond: str = ""
) -> Estimate:
    """Correlation of the entities' places on an axis with a column of published positions.

    With `beyond`, the partial correlation given that other column. Entities without a position are
    left out.
    """
    columns = [column, beyond] if beyond else [column]
    known = published.reindex(found.entity_names)[columns].to_numpy(float)
    have = np.isfinite(known).all(axis=1)
    n = int(have.sum())
    method = "Pearson over entities with a published position, Fisher z"
    if n < KNOWN_NEEDED:
        return Estimate(np.nan, None, None, n, method, "too few published positions")
    one, two = found.entities[have, axis], known[have, 0]
    if beyond:
        others = np.column_stack([np.ones(n), known[have, 1]])
        one, two = (y - others @ np.linalg.lstsq(others, y, rcond=None)[0] for y in (one, two))
    r = float(np.corrcoef(one, two)[0, 1])
    low, high = fisher_interval(r, n - len(columns) + 1)
    rank = float(stats.spearmanr(one, two).statistic)
    return Estimate(r, low, high, n, method, f"Spearman {rank:.2f}")


CHECKS = (("lrgen", 0, ""), ("nominate", 0, ""), ("galtan", 1, "lrgen"))
"""Published scales, the axis of the map that each is held against, and what is held constant."""


def findings(
    found: Map,
    published: pd.DataFrame,
    *,
    simulator: str,
    chapter: str,
    provenance: Mapping[str, Provenance],
) -> list[Finding]:
    """The map as findings; `provenance` is by respondent and holds the simulator's too.

    Estimands politics.map_components, politics.map_explained (subjects component 1, component 2)
    and politics.map_agreement (subjects lrgen, nominate, galtan beyond lrgen) of the simulator;
    politics.map_first and politics.map_second (places) of the respondents.
    """
    about: dict[str, Any] = {
        "chapter": chapter, "claim": "C8", "instrument": "entities", "respondent": simulator,
        "provenance": provenance[simulator],
    }  # fmt: skip
    n, parts = len(found.entity_names), found.components
    made = [
        Finding(
            estimand="politics.map_components", estimate=float(parts.kept), low=None, high=None,
            unit="count", n=n, method="parallel analysis over entities, proposals shuffled",
            **about,
        )
    ]  # fmt: skip
    for k in range(PLANE):
        made.append(
            Finding(
                estimand="politics.map_explained", estimate=float(parts.explained[k]), low=None,
                high=None, unit="share", n=n, method="principal components of the entities",
                subject=f"component {k + 1}",
                note=f"95 of 100 shuffled matrices reach {parts.null[k]:.3f} or less", **about,
            )
        )  # fmt: skip
    for column, axis, beyond in CHECKS:
        estimate = agreement(found, published, column, axis, beyond)
        subject = f"{column} beyond {beyond}" if beyond else column
        if not np.isnan(estimate.value):
            made.append(
                estimate.finding("politics.map_agreement", "correlation", **about, subject=subject)
            )
    method = "projected on the entities' components, parametric bootstrap"
    for k, name in enumerate(found.respondent_names):
        own = {**about, "respondent": name, "provenance": provenance[name]}
        for axis, estimand in enumerate(("politics.map_first", "politics.map_second")):
            half = stats.norm.ppf(0.975) * float(np.sqrt(found.respondent_spread[k, axis, axis]))
            value = float(found.respondents[k, axis])
            estimate = Estimate(value, value - half, value + half, len(found.loadings), method)
            made.append(estimate.finding(estimand, "standardized utility", **own))
    return made


def table(
    found: Map, published: pd.DataFrame, simulator: str, provenance: Mapping[str, Provenance]
) -> pd.DataFrame:
    """Every point of the map, a row each.

    Columns: number (of an entity, from 1), name, kind (respondent, politician, party), country,
    first, second, first_se, second_se, covariance, lrgen, galtan, nominate, provenance.
    """
    rows = []
    known = published.reindex(found.entity_names)
    for k, name in enumerate(found.entity_names):
        facts = known.loc[name]
        rows.append(
            {"number": k + 1, "name": name, "kind": facts["kind"], "country": facts["country"],
             **_place(found.entities[k], found.entity_spread[k]),
             **{column: facts[column] for column in ("lrgen", "galtan", "nominate")},
             "provenance": provenance[simulator]}
        )  # fmt: skip
    for k, name in enumerate(found.respondent_names):
        rows.append(
            {"number": None, "name": name, "kind": "respondent", "country": "",
             **_place(found.respondents[k], found.respondent_spread[k]),
             "lrgen": np.nan, "galtan": np.nan, "nominate": np.nan, "provenance": provenance[name]}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _place(where: Array, spread: Array) -> dict[str, float]:
    return {
        "first": float(where[0]), "second": float(where[1]),
        "first_se": float(np.sqrt(spread[0, 0])), "second_se": float(np.sqrt(spread[1, 1])),
        "covariance": float(spread[0, 1]),
    }  # fmt: skip
