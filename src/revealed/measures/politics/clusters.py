"""Do respondents cluster politically, more than as many entities drawn at random would?

Two things are asked. Are they close to each other, for so many? And are they all on one side? Both
are answered by shuffling who is a respondent and who an entity: under the null the respondents are
so many draws from the spectrum that the entities span. The components are as long as they can be
for the entities that made them, and shorter for anybody else; so each entity is taken where it lies
on the map of the others. Real and simulated respondents are never tested together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from ...foundation.schemas import Finding, Provenance
from ..intervals import Array, Estimate
from ..multiplicity import LEVEL, holm
from .map import Map

NEEDED = 3
"""Fewer respondents are no cluster."""
PERMUTATIONS = 1999
_METHOD = "shuffled over respondents and entities"


@dataclass(frozen=True)
class Clusters:
    """Closeness and side of a group, with permutation p, and p after Holm over the two.

    ``close``: mean squared distance between respondents, as a ratio to that between entities.
    ``side``: mean place on the first axis less that of the entities.
    """

    close: Estimate
    side: Estimate
    p_close: float
    p_side: float
    adjusted: tuple[float, float]


def clusters(
    found: Map, keep: Array, *, seed: int = 0, permutations: int = PERMUTATIONS
) -> Clusters | None:
    """Whether the respondents of the mask `keep` cluster.

    Sampling noise, which drives points apart, is taken out of the squared distances. None if the
    respondents are fewer than `NEEDED`, or entities lie no farther apart than noise takes them.
    """
    here, noise = found.respondents[keep], found.respondent_spread[keep]
    k = len(here)
    if k < NEEDED:
        return None
    places = np.concatenate([here, found.apart])
    noises = np.trace(np.concatenate([noise, found.entity_spread]), axis1=1, axis2=2)
    members = np.zeros((permutations + 1, len(places)))
    members[0, :k] = 1.0
    rng = np.random.default_rng(seed)
    members[1:] = rng.permuted(np.tile(members[0], (permutations, 1)), axis=1)
    within = _squared(members, places, noises)
    among = _squared(1.0 - members, places, noises)
    if among[0] <= 0:
        return None
    # The difference has the order of the ratio, and no denominator that shuffling can take to zero.
    gap = within - among
    side = members @ places[:, 0] / k - (1.0 - members) @ places[:, 0] / len(found.entities)
    p_close = float((gap <= gap[0] + 1e-12).mean())
    p_side = float((np.abs(side) >= abs(side[0]) - 1e-12).mean())
    close, one_side = holm(np.array([p_close, p_side])).tolist()
    half = stats.t.ppf(0.975, k - 1) * float(here[:, 0].std(ddof=1)) / np.sqrt(k)
    return Clusters(
        Estimate(float(within[0] / among[0]), None, None, k, _METHOD),
        Estimate(float(side[0]), float(side[0] - half), float(side[0] + half), k, _METHOD),
        p_close, p_side, (close, one_side),
    )  # fmt: skip


def _squared(members: Array, places: Array, noises: Array) -> Array:
    """Mean squared distance between the members of each row, their noise taken out."""
    size = members.sum(axis=1)
    centre = members @ places / size[:, None]
    square = members @ (places**2).sum(axis=1) / size - (centre**2).sum(axis=1)
    return np.asarray(2 * (square * size / (size - 1) - members @ noises / size))


def findings(
    made: Clusters, *, simulator: str, who: str, chapter: str, provenance: Provenance
) -> list[Finding]:
    """Findings about a group of respondents, named `who` in ``respondent``.

    Estimands politics.cluster_distance (ratio), politics.cluster_side, politics.clustered (1 if
    either stands after Holm).
    """
    about: dict[str, Any] = {
        "chapter": chapter, "claim": "C8", "instrument": "entities", "respondent": who,
        "provenance": provenance, "arm": f"as answered by {simulator}",
    }  # fmt: skip

    def note(p: float, adjusted: float) -> str:
        return f"permutation p = {p:.3f}, after Holm {adjusted:.3f}"

    close, side = made.adjusted
    stands = min(made.adjusted) <= LEVEL
    return [
        made.close.finding("politics.cluster_distance", "ratio", **about,
                           note=note(made.p_close, close)),
        made.side.finding("politics.cluster_side", "standardized utility", **about,
                          note=note(made.p_side, side)),
        Finding(estimand="politics.clustered", estimate=float(stands), low=None, high=None,
                unit="1 or 0", n=made.close.n, method=f"{_METHOD}, Holm over the two", **about),
    ]  # fmt: skip
