"""Whose opinions are these? A respondent's stances against distributions of groups of people.

The reader supplies the groups: a CSV file with a row for each proposal, option and group, and the
columns ``proposal`` (an item id), ``option`` (against, neither or favor), ``group``, ``share`` (of
the group that chooses the option) and ``n`` (how many of the group were asked). Representativeness
is that of Santurkar et al. 2023 (arXiv 2303.17548, section 3.2):

    A(D1, D2; Q) = 1/|Q| sum over q of 1 - W(D1(q), D2(q)) / (N - 1),

W the 1-Wasserstein distance of the options in their order, N of them, one unit apart. Two samples
of one and the same distribution are at a distance too, so the plain number is too low, the more so
the fewer answers there are. So both sides are moved towards each other until samples of them would
be as far apart, on average over the questions, as those that were observed; and the ends of the
interval until samples would be as far apart as observed less or more 1.96 standard errors, which
come from drawing both sides anew.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from ..intervals import Array, Estimate
from .stance_judge import STANCES

OPTIONS = ("against", "neither", "favor")
"""The options in their order, one unit apart."""
COLUMNS = ("proposal", "option", "group", "share", "n")
SUM_TOLERANCE = 0.01
"""Published shares are rounded to the per cent or so; beyond this something is missing."""
ANSWERS_NEEDED = 5
"""Answers a proposal below which drawing anew does not show how far they vary."""
PROPOSALS_NEEDED = 5
REPLICATES = 500
_METHOD = "1 less mean normalized 1-Wasserstein distance, sampling of both sides taken out"


@dataclass(frozen=True)
class Groups:
    """Distributions by group: ``shares`` (proposals, groups, options), ``n`` (proposals, groups).

    NaN and 0 where a group was not asked about a proposal.
    """

    proposals: tuple[str, ...]
    names: tuple[str, ...]
    shares: Array
    n: Array


def load_groups(path: Path, items: Collection[str]) -> Groups:
    """Read and validate the reader's file.

    Parameters
    ----------
    items
        The ids of the proposals that there are.

    Raises
    ------
    DataError
        If the file is missing or no CSV, a column is missing, a proposal or option is unknown, a
        number is missing or out of its range, an option stands twice or not at all, the shares of
        a group do not sum to 1, or ``n`` differs within a question: with the line.
    """
    if not path.is_file():
        raise DataError(
            "the file is not there.", where=path,
            todo=f"Write a CSV with the columns {', '.join(COLUMNS)}.",
        )  # fmt: skip
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read as CSV ({error}).", where=path) from error
    return check_groups(table, items, path)


def check_groups(table: pd.DataFrame, items: Collection[str], where: Path | str) -> Groups:
    """`load_groups` for a table that is there already."""
    if lacking := [name for name in COLUMNS if name not in table.columns]:
        raise DataError(f"lacks the column(s) {', '.join(lacking)}.", where=where)
    if table.empty:
        raise DataError("holds no rows.", where=where)
    table = table[list(COLUMNS)].reset_index(drop=True)
    for column, known in (("proposal", set(items)), ("option", set(OPTIONS))):
        _refuse(~table[column].isin(known), table[column], f"is no known {column}", where)
    _refuse(table["group"].astype(str).str.strip() == "", table["group"], "is no group", where)
    for column in ("share", "n"):
        number = pd.to_numeric(table[column], errors="coerce")
        _refuse(~np.isfinite(number), table[column], f"is no number ({column})", where)
        table[column] = number
    _refuse(~table["share"].between(0.0, 1.0), table["share"], "is no share from 0 to 1", where)
    _refuse((table["n"] < 1) | (table["n"] % 1 != 0), table["n"], "is no count of people", where)
    repeated = table.duplicated(["proposal", "option", "group"])
    _refuse(repeated, table["option"], "stands twice for its proposal and group", where)
    for (proposal, group), part in table.groupby(["proposal", "group"], sort=False):
        about = f"{where}, proposal {proposal}, group {group}"
        if absent := set(OPTIONS) - set(part["option"]):
            raise DataError(f"the option {min(absent)!r} is missing.", where=about)
        if abs(part["share"].sum() - 1.0) > SUM_TOLERANCE:
            raise DataError(f"the shares sum to {part['share'].sum():.3f}, not to 1.", where=about)
        if part["n"].min() < part["n"].max():
            raise DataError("n is not the same for all options.", where=about)
    wide = table.set_index(["proposal", "group", "option"])["share"].unstack()  # noqa: PD010
    sizes = table.drop_duplicates(["proposal", "group"]).set_index(["proposal", "group"])["n"]
    proposals, names = (tuple(dict.fromkeys(table[c])) for c in ("proposal", "group"))
    every = pd.MultiIndex.from_product([proposals, names])
    shape = (len(proposals), len(names), len(OPTIONS))
    shares = wide.reindex(every)[list(OPTIONS)].to_numpy(float).reshape(shape)
    return Groups(
        proposals, names, shares / shares.sum(axis=2, keepdims=True),
        sizes.reindex(every).fillna(0.0).to_numpy(float).reshape(shape[:2]),
    )  # fmt: skip


def _refuse(bad: pd.Series, values: pd.Series, what: str, where: Path | str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad.to_numpy())[0])
        # The header is the file's first line.
        raise DataError(f"{str(values.iloc[row])!r} {what}.", where=f"{where}, line {row + 2}")


def counts(read: pd.DataFrame) -> pd.DataFrame:
    """How often a respondent chose each option: proposals by `OPTIONS`.

    `read` is of `stance.readings`; errors of the judge are not taken out proposal by proposal, for
    which there are too few answers.
    """
    legible = read.dropna(subset=["heard"])
    stance = legible["heard"].astype(int).map(dict(enumerate(STANCES)))
    found = pd.crosstab(legible["item"], stance)
    return found.reindex(columns=list(OPTIONS), fill_value=0)


def wasserstein(one: Array, other: Array) -> Array:
    """1-Wasserstein distance of distributions over ordered options a unit apart.

    Shapes (..., N); the sum over options of |F1 - F2|.
    """
    gap = np.cumsum(np.asarray(one) - np.asarray(other), axis=-1)
    return np.asarray(np.abs(gap[..., :-1]).sum(axis=-1))


def plain(one: Array, other: Array) -> Array:
    """A of two sets of distributions, shapes (..., questions, N), without a correction."""
    distance = wasserstein(one, other) / (np.asarray(one).shape[-1] - 1)
    return np.asarray(1.0 - distance.mean(axis=-1))


def representativeness(
    chosen: pd.DataFrame, groups: Groups, name: str, *, replicates: int = REPLICATES, seed: int = 0
) -> Estimate:
    """How near a respondent's opinions are to those of the group `name`: 1 the same, 0 opposite.

    Parameters
    ----------
    chosen
        Of `counts`. Proposals with fewer than `ANSWERS_NEEDED` answers are left out.

    Returns
    -------
    Estimate
        A with what sampling adds to the distances taken out, and its interval; the questions are
        held fixed. Cut at 0 and 1. NaN if fewer than `PROPOSALS_NEEDED` proposals
        are left.

    Raises
    ------
    DataError
        If there is no such group.
    """
    if name not in groups.names:
        raise DataError(f"there is no group {name!r}; there are {', '.join(groups.names)}.")
    g = groups.names.index(name)
    asked = chosen.sum(axis=1)
    shared = [
        k for k, proposal in enumerate(groups.proposals)
        if groups.n[k, g] > 0 and asked.get(proposal, 0) >= ANSWERS_NEEDED
    ]  # fmt: skip
    if len(shared) < PROPOSALS_NEEDED:
        why = f"{len(shared)} proposals have {ANSWERS_NEEDED} answers and people of the group"
        return Estimate(np.nan, None, None, len(shared), _METHOD, why)
    table = chosen.loc[[groups.proposals[k] for k in shared], list(OPTIONS)].to_numpy(float)
    own, people = table.sum(axis=1).astype(int), groups.n[shared, g].astype(int)
    p, theirs = table / own[:, None], groups.shares[shared, g]
    value = float(plain(p, theirs))
    # Both sides move along the line between them, by as little as their answers are many.
    middle = (own[:, None] * p + people[:, None] * theirs) / (own + people)[:, None]
    gap = np.abs(np.cumsum(p - theirs, axis=1)[:, :-1])
    common = np.cumsum(middle, axis=1)[:, :-1]
    sd = np.sqrt(common * (1 - common) * (1 / own + 1 / people)[:, None])
    kept = min(1.0, _kept(gap, sd, float(gap.mean())))
    rng = np.random.default_rng(seed)
    size = (replicates, len(shared))
    drawn = plain(
        rng.multinomial(own, middle + kept * (p - middle), size=size) / own[:, None],
        rng.multinomial(people, middle + kept * (theirs - middle), size=size) / people[:, None],
    )
    # Distances are means of `gap` times the number of steps over the same, and so are their errors.
    error = float(stats.norm.ppf(0.975)) * float(drawn.std(ddof=1))
    ends = [1.0 - value + error, 1.0 - value, 1.0 - value - error]
    low, center, high = (max(0.0, 1.0 - _kept(gap, sd, e) * float(gap.mean())) for e in ends)
    note = f"without the correction {value:.3f}"
    return Estimate(center, low, high, len(shared), _METHOD, note)


def _kept(gap: Array, sd: Array, distance: float) -> float:
    """By what the gaps must be multiplied to have, with sampling on top, this mean; 0 or more.

    A difference of cumulated shares is taken as normal; the mean of |x| for such x is that of the
    folded normal (Leone, Nelson and Nottingham 1961, Technometrics 3:543).
    """
    spread = np.maximum(sd, 1e-12)

    def excess(kept: float) -> float:
        mean = kept * gap
        folded = spread * np.sqrt(2 / np.pi) * np.exp(-(mean**2) / (2 * spread**2))
        folded += mean * (1 - 2 * stats.norm.cdf(-mean / spread))
        return float(folded.mean()) - distance

    if excess(0.0) >= 0 or not gap.any():
        return 0.0
    return float(optimize.brentq(excess, 0.0, 1.0 + 2.0 * distance / float(gap.mean())))


def findings(
    respondent: str,
    chosen: pd.DataFrame,
    groups: Groups,
    *,
    chapter: str,
    provenance: Provenance,
    replicates: int = REPLICATES,
) -> list[Finding]:
    """politics.groups.representativeness, a finding a group (subject); none where undefined."""
    made = []
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "respondent": respondent,
        "instrument": "policy_views",
    }  # fmt: skip
    for name in groups.names:
        e = representativeness(chosen, groups, name, replicates=replicates)
        if not np.isnan(e.value):
            estimand = "politics.groups.representativeness"
            made.append(e.finding(estimand, "share", **about, subject=name))
    return made
