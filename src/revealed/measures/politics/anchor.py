"""A scale of politics that parties anchor: from answers to where experts would put them.

In every country the parties' answers x_ps (-1 to 1) to S statements and the experts' placements y_p
(0 to 10) give a ridge regression

    y = mean(y) + sum_s b_s (x_s - mean(x_s)),   b = X'(X X'/S + k I)^-1 (y - mean(y)) / S,

with X the centered answers (Hoerl and Kennard 1970); one penalty k for all countries, chosen by the
error for parties that were left out. Nobody's answers but parties' make the scale. Its error is
that of each party when the scale, its penalty included, is made without it; the null distribution
is the same error with placements dealt out anew among the parties of a country.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.errors import EstimationError
from ..intervals import Array, Estimate

AXES = {"lrgen": "left to right", "galtan": "libertarian to authoritarian"}
"""Experts' axes by their short names; 0 is left or libertarian, 10 right or authoritarian."""
FEWEST = 4
"""Parties that a country needs: with fewer, one left out leaves nothing to regress on."""
PERMUTATIONS = 999
_PENALTIES = np.geomspace(0.003, 30.0, 15)


@dataclass(frozen=True)
class Country:
    """The parties of one country and what the scale makes of its statements.

    Attributes
    ----------
    name, parties, statements
        P parties and S statements.
    x, y
        Answers, shape (P, S), a missing one at its statement's mean; placements, shape (P,).
    coefficients
        b, shape (S,).
    """

    name: str
    parties: tuple[str, ...]
    statements: tuple[str, ...]
    x: Array
    y: Array
    coefficients: Array


@dataclass(frozen=True)
class Scale:
    """A scale on one of the experts' axes.

    Attributes
    ----------
    axis
        One of `AXES`.
    countries
        By country.
    penalty
        k of the docstring above.
    parties
        country, party, ``placed`` (by experts), ``recovered`` (by the scale without the party),
        ``mean`` (of the other parties of its country).
    """

    axis: str
    countries: dict[str, Country]
    penalty: float
    parties: pd.DataFrame

    @property
    def error(self) -> float:
        """Root mean square error for parties left out, in points of 0 to 10."""
        return float(np.sqrt(((self.parties["recovered"] - self.parties["placed"]) ** 2).mean()))


def make_scale(
    answers: pd.DataFrame,
    placed: pd.DataFrame,
    axis: str,
    statements: list[str] | None = None,
) -> Scale:
    """The scale on `axis` from the parties' answers.

    Parameters
    ----------
    answers
        Of all countries together, as `respondents.public.import_vaa_positions` gives them.
    placed
        As `respondents.public.load_vaa_parties` gives them.
    statements
        Only these; default: all. Countries with none of them, or with fewer than `FEWEST` parties,
        are left out.

    Raises
    ------
    EstimationError
        If no country is left.
    """
    if statements is not None:
        answers = answers[answers["statement"].isin(statements)]
    data = {}
    for country, rows in answers.groupby("country", sort=False):
        own = placed[placed["country"] == country].set_index("party")[axis]
        table = rows.set_index(["party", "statement"])["answer"].unstack()  # noqa: PD010
        table = table.loc[[party for party in table.index if party in own.index]]
        table = table[[s for s in dict.fromkeys(rows["statement"]) if s in table]].dropna(
            axis=1, how="all"
        )
        if len(table) >= FEWEST and table.shape[1]:
            x = table.fillna(table.mean()).to_numpy(float)
            data[str(country)] = (table, x, own.loc[table.index].to_numpy(float))
    if not data:
        raise EstimationError(
            f"no country has {FEWEST} parties with a place among experts and answers to these "
            "statements."
        )
    pairs = {name: (x, y) for name, (_, x, y) in data.items()}
    penalty = _best([_residuals(x, y) for x, y in pairs.values()])
    countries = {
        name: Country(
            name, tuple(table.index), tuple(table.columns), x, y, _coefficients(x, y, penalty)
        )
        for name, (table, x, y) in data.items()
    }
    return Scale(axis, countries, penalty, _left_out(countries))


def _hat(x: Array, penalty: float) -> Array:
    """The matrix that turns placements into fitted ones, shape (P, P)."""
    n, s = x.shape
    centered = x - x.mean(axis=0)
    kernel = centered @ centered.T / s
    return np.asarray(1 / n + np.linalg.solve(kernel + penalty * np.eye(n), kernel))


def _coefficients(x: Array, y: Array, penalty: float) -> Array:
    n, s = x.shape
    centered = x - x.mean(axis=0)
    kernel = centered @ centered.T / s
    solved = np.linalg.solve(kernel + penalty * np.eye(n), y - y.mean())
    return np.asarray(centered.T @ solved / s)


def _residuals(x: Array, y: Array) -> Array:
    """Squared errors for each party left out, by penalty: shape (penalties, P) or (..., P, B).

    Exact without fitting anew: (y - Hy) / (1 - h) of a penalized fit with a free intercept.
    """
    rows = []
    for penalty in _PENALTIES:
        hat = _hat(x, penalty)
        free = (1 - np.diag(hat)).reshape(-1, *[1] * (y.ndim - 1))
        rows.append(((y - hat @ y) / free) ** 2)
    return np.stack(rows)


def _best(squares: list[Array]) -> float:
    """The penalty with the least squared error over all countries."""
    total = sum(own.sum(axis=1) for own in squares)
    return float(_PENALTIES[int(np.argmin(total))])


def _left_out(countries: dict[str, Country]) -> pd.DataFrame:
    """Every party placed by the scale without it, the penalty chosen without it too."""
    squares = {name: _residuals(c.x, c.y) for name, c in countries.items()}
    rows = []
    for name, c in countries.items():
        elsewhere = [own for other, own in squares.items() if other != name]
        for k, party in enumerate(c.parties):
            x, y = np.delete(c.x, k, axis=0), np.delete(c.y, k)
            penalty = _best([*elsewhere, _residuals(x, y)])
            b = _coefficients(x, y, penalty)
            recovered = y.mean() + (c.x[k] - x.mean(axis=0)) @ b
            rows.append((name, party, c.y[k], recovered, y.mean()))
    return pd.DataFrame(rows, columns=["country", "party", "placed", "recovered", "mean"])


# --------------------------------------------------------------------------------- is it any good?


def explained(scale: Scale) -> Estimate:
    """Share of the placements' squared spread that the scale explains of parties left out.

    One less the squared error over that of the mean of the country's other parties; below zero the
    mean would have done better. Interval: parties left out one at a time, t.
    """
    t = scale.parties
    error = ((t["recovered"] - t["placed"]) ** 2).to_numpy()
    plain = ((t["mean"] - t["placed"]) ** 2).to_numpy()
    n = len(t)
    whole = 1 - error.sum() / plain.sum()
    parts = 1 - (error.sum() - error) / (plain.sum() - plain)
    half = _jackknife_half(parts, n)
    low, high = float(whole - half), float(whole + half)
    return Estimate(float(whole), low, high, n, _METHOD, freedom=n - 1)


def root_mean_square(scale: Scale) -> Estimate:
    """The scale's error for parties left out, in points of 0 to 10, with its interval."""
    square = ((scale.parties["recovered"] - scale.parties["placed"]) ** 2).to_numpy()
    n = len(square)
    whole = square.mean()
    half = _jackknife_half((square.sum() - square) / (n - 1), n)
    low, high = np.sqrt([max(whole - half, 0.0), whole + half])
    return Estimate(float(np.sqrt(whole)), float(low), float(high), n, _METHOD)


_METHOD = "ridge regression, parties left out one at a time"


def _jackknife_half(parts: Array, n: int) -> float:
    spread = (n - 1) / n * ((parts - parts.mean()) ** 2).sum()
    return float(stats.t.ppf(0.975, n - 1) * np.sqrt(spread))


def permutation_p(scale: Scale, seed: int = 0, permutations: int = PERMUTATIONS) -> float:
    """Chance of an error as small if placements had nothing to do with answers.

    Placements are dealt out anew within each country; the penalty is chosen anew every time.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros((len(_PENALTIES), permutations + 1))
    for c in scale.countries.values():
        dealt = np.stack([c.y, *(rng.permutation(c.y) for _ in range(permutations))], axis=1)
        total += _residuals(c.x, dealt).sum(axis=1)
    least = total.min(axis=0)
    return float((1 + (least[1:] <= least[0] + 1e-12).sum()) / (permutations + 1))


# --------------------------------------------------------------------------- somebody else's place


@dataclass(frozen=True)
class Place:
    """Where somebody stands on a scale.

    Attributes
    ----------
    estimate
        Mean over countries, with an interval over statements and the scale's error together.
    countries
        country, ``place``, ``se`` (over statements), n (statements).
    """

    estimate: Estimate
    countries: pd.DataFrame


def place(scale: Scale, answers: pd.Series) -> Place:
    """Where answers of somebody who is no party would be put.

    Parameters
    ----------
    scale
        Of `make_scale`.
    answers
        -1 (against) to 1 (for) by statement, as meant; statements that are not of the scale are
        ignored, those without an answer count as the parties' mean.

    Returns
    -------
    Place
        The interval adds two variances: over the statements of each country (their contributions
        taken as draws), and the scale's squared error for a party it had not seen, once a country;
        t with as many degrees of freedom as statements less countries. Nothing is clipped: whoever
        is further out than any party may be put beyond 0 or 10.

    Raises
    ------
    EstimationError
        If no country has two answered statements.
    """
    rows = []
    for c, parts, at in _contributions(scale, answers):
        rows.append((c.name, at, parts.std(ddof=1) / np.sqrt(len(parts)), len(parts)))
    if not rows:
        raise EstimationError("no country has two statements with an answer.")
    table = pd.DataFrame(rows, columns=["country", "place", "se", "n"])
    m, n = len(table), int(table["n"].sum())
    variance = ((table["se"] ** 2).sum() + m * scale.error**2) / m**2
    half = float(stats.t.ppf(0.975, n - m) * np.sqrt(variance))
    value = float(table["place"].mean())
    method = "party-anchored scale; statements and the scale's error"
    return Place(Estimate(value, value - half, value + half, n, method, freedom=n - m), table)


def difference(scale: Scale, one: pd.Series, two: pd.Series) -> Estimate:
    """How much further right (or authoritarian) `one` is put than `two`, in points of 0 to 10.

    The scale is the same for both, so only the statements are draws: the interval is over the
    statements that both answered, country by country.

    Raises
    ------
    EstimationError
        If no country has two such statements.
    """
    apart = one.dropna() - two.dropna()
    found = list(_contributions(scale, apart.dropna(), centered=False))
    if not found:
        raise EstimationError("no country has two statements with answers of both.")
    m, n = len(found), sum(len(parts) for _, parts, _ in found)
    value = float(np.mean([parts.mean() for _, parts, _ in found]))
    variance = sum(parts.var(ddof=1) / len(parts) for _, parts, _ in found) / m**2
    half = float(stats.t.ppf(0.975, n - m) * np.sqrt(variance))
    method = "party-anchored scale; statements"
    return Estimate(value, value - half, value + half, n, method, freedom=n - m)


def _contributions(
    scale: Scale, answers: pd.Series, *, centered: bool = True
) -> Iterator[tuple[Country, Array, float]]:
    """What each answered statement adds to the place, on the scale of its mean, by country.

    With it the place; without `centered` answers are differences, which have no middle.
    """
    given = answers.dropna()
    for c in scale.countries.values():
        known = [k for k, statement in enumerate(c.statements) if statement in given.index]
        if len(known) < 2:
            continue
        x = given.loc[[c.statements[k] for k in known]].to_numpy(float)
        if centered:
            x = x - c.x.mean(axis=0)[known]
        parts = len(known) * c.coefficients[known] * x
        yield c, parts, float(c.y.mean() + parts.mean())
