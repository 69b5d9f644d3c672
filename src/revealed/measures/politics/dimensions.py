"""Is a respondent's politics coherent, and is one dimension enough for it?

Coherent politics is predictable: the side that a respondent takes in most areas says which side it
takes in another. So a slope on lean is fitted on all areas but one and predicts the last one. What
it explains there, of the variance that is not noise, is the held-out share; it is 0 or less for a
respondent whose likings have nothing to do with lean, however decided they are. A second slope, on
authority, shows whether one dimension is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...foundation.schemas import Finding, Provenance
from ..fallible import RELIABILITY_NEEDED
from ..intervals import Array, Estimate
from ..multiplicity import LEVEL, holm
from .axes import Analysis, Sides, jackknife, within

PERMUTATIONS = 999
_METHOD = "fitted on all other areas, noise taken out, jackknife over areas"


def held_out(utilities: Array, given: Sides, columns: int) -> Array:
    """Share of the variance within areas that a fit on the other areas explains, noise left in.

    Parameters
    ----------
    utilities
        Centred within areas, shape (r, n): r replicates.
    columns
        1 for lean alone, 2 for lean and authority.

    Returns
    -------
    1 - residual sum of squares / sum of squares, shape (r,).
    """
    x = within(given.sides, given.area)[:, :columns]
    residual = np.zeros(len(utilities))
    whole_square, whole_cross = x.T @ x, utilities @ x
    for area in np.unique(given.area):
        inside = given.area == area
        part = x[inside]
        cross = whole_cross - utilities[:, inside] @ part
        slope = np.linalg.lstsq(whole_square - part.T @ part, cross.T, rcond=None)[0]
        residual += ((utilities[:, inside] - (part @ slope).T) ** 2).sum(axis=1)
    return np.asarray(1.0 - residual / (utilities**2).sum(axis=1))


def _shares(given: Sides) -> Array:
    """Explained by lean; held out by lean; held out by both; what authority adds held out.

    All of the variance within areas that is not noise. NaN where little is more than noise.
    """
    u = within(given.mean, given.area)
    square = float(u @ u)
    codes = given.area.astype(int)
    noise = 0.0
    for area in np.unique(codes):
        block = given.noise[np.ix_(codes == area, codes == area)]
        noise += float(np.trace(block) - block.sum() / len(block))
    true = square - noise
    if not true > RELIABILITY_NEEDED * square:
        return np.full(4, np.nan)
    x = within(given.sides, given.area)[:, 0]
    b = float(x @ u / (x @ x))
    error = float(x @ given.noise @ x) / float(x @ x) ** 2
    explained = (b * b - error) * float(x @ x) / true
    one, two = (float(held_out(u[None], given, k)[0]) * square / true for k in (1, 2))
    return np.array([explained, one, two, two - one])


def shuffled_within(given: Sides, values: Array, count: int, rng: np.random.Generator) -> Array:
    """`values` (n,) shuffled within areas, `count` times: shape (count, n)."""
    made = np.tile(values, (count, 1))
    for area in np.unique(given.area):
        inside = np.flatnonzero(given.area == area)
        made[:, inside] = rng.permuted(made[:, inside], axis=1)
    return made


@dataclass(frozen=True)
class Dimensions:
    """What one dimension, and a second, explain of a respondent's politics.

    ``explained``: share of the variance within areas that lean explains. ``lean`` and ``both``:
    held-out shares. ``added``: what authority adds to the held-out share. ``p`` and ``p_added``:
    chance of a held-out share (of an addition) as large where proposals are shuffled within their
    areas (of an addition: what lean leaves is shuffled).
    """

    explained: Estimate
    lean: Estimate
    both: Estimate
    added: Estimate
    p: float
    p_added: float


def dimensions(given: Sides, *, seed: int = 0, permutations: int = PERMUTATIONS) -> Dimensions:
    """How much of a respondent's politics one dimension and two explain."""
    n = len(given.mean)
    value, low, high = jackknife(given, _shares)
    made = [
        Estimate(np.nan, None, None, n, _METHOD, "mostly noise")
        if np.isnan([v, a, b]).any()
        else Estimate(float(v), float(a), float(b), n, _METHOD)
        for v, a, b in zip(value, low, high, strict=True)
    ]
    rng = np.random.default_rng(seed)
    u = within(given.mean, given.area)
    x = within(given.sides, given.area)[:, 0]
    fitted = x * float(x @ u / (x @ x))

    def chance(observed: float, null: Array) -> float:
        return float((1 + (null >= observed - 1e-12).sum()) / (1 + len(null)))

    free = shuffled_within(given, u, permutations, rng)
    p = chance(float(held_out(u[None], given, 1)[0]), held_out(free, given, 1))
    # Freedman and Lane 1983: what lean leaves is exchangeable if authority says nothing.
    rest = fitted + shuffled_within(given, u - fitted, permutations, rng)
    gains = held_out(rest, given, 2) - held_out(rest, given, 1)
    gain = float(held_out(u[None], given, 2)[0] - held_out(u[None], given, 1)[0])
    explained, lean, both, added = made
    return Dimensions(explained, lean, both, added, p, chance(gain, gains))


def political(chances: Mapping[str, float]) -> dict[str, bool]:
    """Whose likings follow lean at all, by respondent: permutation p, Holm over respondents."""
    adjusted = holm(np.array(list(chances.values())))
    return {name: bool(p <= LEVEL) for name, p in zip(chances, adjusted, strict=True)}


def findings(
    analyses: Mapping[str, Analysis],
    made: Mapping[str, Dimensions],
    *,
    chapter: str,
    provenance: Provenance,
) -> list[Finding]:
    """Findings about respondents of one provenance; those of several are never tested together.

    Estimands politics.coherence (held-out share of lean; headline), politics.coherence_explained,
    politics.coherence_two (held out by both), politics.second_dimension (what authority adds),
    each with its permutation p in the note; politics.political and politics.two_dimensional (1 or
    0, Holm over these respondents).
    """
    found: list[Finding] = []
    verdicts = {
        "politics.political": political({name: d.p for name, d in made.items()}),
        "politics.two_dimensional": political({name: d.p_added for name, d in made.items()}),
    }
    for name, d in made.items():
        a = analyses[name]
        about: dict[str, Any] = {
            "chapter": chapter, "provenance": provenance, "claim": "C8", "respondent": name,
            "instrument": a.instrument, "arm": a.arm,
        }  # fmt: skip
        parts = (
            ("coherence", d.lean, f"permutation within areas: p = {d.p:.3f}"),
            ("coherence_explained", d.explained, ""),
            ("coherence_two", d.both, ""),
            ("second_dimension", d.added, f"permutation within areas: p = {d.p_added:.3f}"),
        )
        for estimand, estimate, note in parts:
            if not np.isnan(estimate.value):
                found.append(estimate.finding(f"politics.{estimand}", "share", **about, note=note))
        for estimand, called in verdicts.items():
            p = d.p if estimand == "politics.political" else d.p_added
            found.append(
                Finding(
                    estimand=estimand,
                    estimate=float(called[name]),
                    low=None,
                    high=None,
                    unit="1 or 0",
                    n=len(made),
                    **about,
                    method="permutation within areas, Holm over respondents",
                    note=f"p = {p:.3f} before adjustment",
                )
            )
    return found
