"""Means and ends: is a start wanted for what it leads to?

Two starts lead to two ends with other chances. If starts are wanted as means, the difference of
their utilities is d = (p1 - p2)(U(end a) - U(end b)): a slope of 1 on that product, 0 if starts do
not count for their ends. But a start that merely sounds sensible has the same sign, so every
process is asked twice: with the chances that anybody would expect, and with the chances exchanged
between the starts. Halved, the difference of both versions holds what the stated chances do
(whatever is liked about the start itself falls out), and their sum what the start carries whatever
is stated: its sound, or what is known about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..foundation.errors import DataError
from ..foundation.schemas import Finding, Provenance
from ..utilities import Fit
from .errors_in_variables import Solution, linear, naive_slope, noise, solve
from .intervals import Array, Estimate

SLOPES = (-4.0, 5.0)
"""Range searched for slopes; 1 is expected utility by stated chances."""
FAMILY = "instrumental.means"
METHOD = "through the origin; errors in all utilities, score interval over processes"
PROCESSES_NEEDED = 6
"""Below so many processes with all of their items on one scale nothing is estimated."""


@dataclass(frozen=True)
class Processes:
    """Processes with the fitted utilities of their items.

    Attributes
    ----------
    utility, covariance
        Of the n items of the fit.
    names
        The m processes.
    gap
        (p1 - p2)(U(end a) - U(end b)) with plausible chances, as combinations of items, (m, n).
    alone, plausible, swapped
        U(start 1) - U(start 2), of the starts alone and in both versions, (m, n).
    """

    utility: Array
    covariance: Array
    names: tuple[str, ...]
    gap: Array
    alone: Array
    plausible: Array
    swapped: Array

    def __len__(self) -> int:
        return len(self.names)


def complete(fit: Fit, items: pd.DataFrame) -> list[str]:
    """The processes whose eight items were all fitted, on one scale."""
    placed = {name for name, known in zip(fit.items, fit.identified, strict=True) if known}
    whole = pd.Series(items.index.isin(placed), items["process"]).groupby(level=0, sort=False).all()
    return [str(name) for name in whole.index[whole.to_numpy()]]


def shortage(fit: Fit, items: pd.DataFrame) -> str:
    """Why a fit does not hold enough processes; empty if it does."""
    found = len(complete(fit, items))
    if found >= PROCESSES_NEEDED:
        return ""
    return f"only {found} processes stand on one scale with all of their sentences"


def processes(fit: Fit, items: pd.DataFrame) -> Processes:
    """The `complete` processes of a fit.

    Parameters
    ----------
    fit
        Of the instrument ``instrumental``.
    items
        Its item table.

    Raises
    ------
    DataError
        If fewer than `PROCESSES_NEEDED` are complete.
    """
    if why := shortage(fit, items):
        raise DataError(f"{why}; {PROCESSES_NEEDED} are needed.")
    place = {name: k for k, name in enumerate(fit.items)}
    names = tuple(complete(fit, items))
    n = len(fit.items)
    found = {
        (row["process"], row["place"], row["version"]): row
        for row in items.reset_index().to_dict("records")
    }
    lines: dict[str, list[Array]] = {"gap": [], "alone": [], "plausible": [], "swapped": []}

    def difference(one: str, other: str) -> Array:
        row = np.zeros(n)
        row[place[one]], row[place[other]] = 1.0, -1.0
        return row

    for name in names:
        step = found[name, "start_1", ""]["p_known"] - found[name, "start_2", ""]["p_known"]
        ends = difference(*(found[name, end, ""]["item"] for end in ("end_a", "end_b")))
        lines["gap"].append(step * ends)
        for version, key in (("", "alone"), ("plausible", "plausible"), ("swapped", "swapped")):
            starts = (found[name, start, version]["item"] for start in ("start_1", "start_2"))
            lines[key].append(difference(*starts))
    return Processes(
        np.asarray(fit.mean, float), noise(fit), names,
        **{key: np.stack(rows) for key, rows in lines.items()},
    )  # fmt: skip


def slopes(data: Processes) -> dict[str, tuple[Solution, float]]:
    """Every slope with its naive (least squares) counterpart.

    Returns
    -------
    dict
        ``plausible`` and ``swapped``: each version on the product that its own stated chances
        give. ``means``: half the difference of both versions on the plausible product; 1 if stated
        chances of ends are all that counts, 0 if they do not count. ``whatever stated``: half
        their sum on the plausible product; 0 unless starts are liked, or known, for something that
        goes with their usual ends. ``alone``: starts without any chances on the plausible product.
    """
    outcomes = {
        "plausible": (data.plausible, data.gap),
        "swapped": (data.swapped, -data.gap),
        "means": ((data.plausible - data.swapped) / 2.0, data.gap),
        "whatever stated": ((data.plausible + data.swapped) / 2.0, data.gap),
        "alone": (data.alone, data.gap),
    }
    nothing = np.zeros((len(data), 0))
    made = {}
    for name, (outcome, regressor) in outcomes.items():
        problem = linear(data.utility, data.covariance, outcome, regressor, nothing)
        made[name] = (solve(problem, *SLOPES, method=METHOD), naive_slope(problem))
    return made


def points(data: Processes) -> pd.DataFrame:
    """What the slopes are fitted to: a row a process and version.

    Columns: process, version (plausible, swapped), expected (the product with the version's own
    chances), observed (U(start 1) - U(start 2)).
    """
    u = data.utility
    gap = data.gap @ u
    rows = [
        pd.DataFrame(
            {"process": data.names, "version": version, "expected": sign * gap, "observed": seen}
        )
        for version, sign, seen in (
            ("plausible", 1.0, data.plausible @ u),
            ("swapped", -1.0, data.swapped @ u),
        )
    ]
    return pd.concat(rows, ignore_index=True)


def parity_losses(data: Processes) -> dict[str, float]:
    """A score of the original's kind: how far starts alone are from their ends' expected utility.

    Utilities are standardised over all items, without regard to their noise. The original compares
    a loss of plausible processes with one of implausible ones (Mazeika et al. 2025, section 4.3);
    how it scales and fits the value of states is not known to us, so this is the plainest form:
    the mean squared distance between U(start 1) - U(start 2) of the starts alone and the product of
    chances and ends.

    Returns
    -------
    dict
        ``plausible``, ``implausible`` (the chances exchanged), ``difference`` (implausible minus
        plausible; positive is read as instrumental reasoning).
    """
    z = (data.utility - data.utility.mean()) / data.utility.std(ddof=1)
    starts, gap = data.alone @ z, data.gap @ z
    plausible, implausible = (
        float(((starts - gap) ** 2).mean()),
        float(((starts + gap) ** 2).mean()),
    )
    return {
        "plausible": plausible, "implausible": implausible, "difference": implausible - plausible
    }  # fmt: skip


def findings(
    respondent: str,
    fit: Fit,
    items: pd.DataFrame,
    *,
    chapter: str,
    provenance: Provenance,
    arm: str = "forced",
) -> list[Finding]:
    """Findings of one respondent; none if `shortage` gives a reason.

    instrumental.means (headline, null 0), .whatever_stated, .plausible, .swapped, .alone, the naive
    slope of plausible processes (.plausible_naive) and .parity_loss (subject plausible, implausible
    or difference).
    """
    if shortage(fit, items):
        return []
    data = processes(fit, items)
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "respondent": respondent,
        "instrument": "instrumental", "arm": arm,
    }  # fmt: skip
    made = []
    found = slopes(data)
    for name, (solution, _) in found.items():
        if np.isfinite(solution.estimate.value):
            tested = {"family": FAMILY, "null": 0.0} if name == "means" else {}
            estimand = f"instrumental.{name.replace(' ', '_')}"
            made.append(solution.estimate.finding(estimand, "slope", **tested, **about))
    naive = Estimate(
        found["plausible"][1], None, None, len(data), "least squares, as if without noise"
    )
    made.append(naive.finding("instrumental.plausible_naive", "slope", **about))
    for name, value in parity_losses(data).items():
        e = Estimate(value, None, None, len(data), "starts alone, standardised utilities")
        made.append(e.finding("instrumental.parity_loss", "squared error", subject=name, **about))
    return made


def pattern(means: pd.Series | None, whatever: pd.Series | None) -> str:
    """What two findings say together (instrumental.means, .whatever_stated), in a few words.

    A slope counts if its interval lies above 0. "" if a finding is missing.
    """
    if means is None or whatever is None:
        return ""
    by_chance, by_start = (pd.notna(e["low"]) and float(e["low"]) > 0 for e in (means, whatever))
    if by_chance and by_start:
        return "wants means by stated chances, and the usual starts besides"
    if by_chance:
        return "wants means by stated chances"
    if by_start:
        return "wants the usual starts, liked or known, whatever is stated"
    return "shows no wish for starts because of their ends"
