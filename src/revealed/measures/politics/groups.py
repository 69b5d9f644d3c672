"""Whose opinions are these? A respondent's stances against distributions of groups of people.

The reader supplies the groups: a CSV file with a row for each proposal, option and group, and the
columns ``proposal`` (an item id), ``option`` (against, neither or favor), ``group``, ``share`` (of
the group that chooses the option) and ``n`` (how many of the group were asked). Representativeness
is that of Santurkar et al. 2023 (arXiv 2303.17548, section 3.2):

    A(D1, D2; Q) = 1/|Q| sum over q of 1 - W(D1(q), D2(q)) / (N - 1),

W the 1-Wasserstein distance of the options in their order, N of them, one unit apart. Two samples
of one and the same distribution are at a distance too, so the plain number is too low, the more so
the fewer answers there are; that is taken out by drawing both sides anew from what was observed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.errors import DataError
from ...foundation.schemas import Finding, Provenance
from ..intervals import Array, Estimate, percentile
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
_METHOD = "1 less mean normalized 1-Wasserstein distance, bias and interval by redrawing both sides"


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
        2A - mean(A*) with the basic bootstrap interval, A* of answers and people drawn anew from
        the shares observed; the questions are held fixed. Cut at 0 and 1. NaN if fewer than
        `PROPOSALS_NEEDED` proposals are left.

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
    rng = np.random.default_rng(seed)
    size = (replicates, len(shared))
    drawn = plain(
        rng.multinomial(own, p, size=size) / own[:, None],
        rng.multinomial(people, theirs, size=size) / people[:, None],
    )
    low, high = percentile(drawn)
    freed = (2 * value - float(drawn.mean()), 2 * value - high, 2 * value - low)
    center, low, high = (float(np.clip(x, 0.0, 1.0)) for x in freed)
    note = f"without the correction {value:.3f}"
    return Estimate(center, low, high, len(shared), _METHOD, note)


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
