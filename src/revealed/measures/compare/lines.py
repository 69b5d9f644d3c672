"""Findings of two sides, line by line.

Assumed: the two sides' answers were drawn independently of each other. Where both intervals treat
the same items, pairs or people as a sample, the difference on these same ones is known better than
its interval says: the interval is too wide then, never too narrow. Two sides that share answers (a
copy of a run, an analysis made again) are not independent, and their difference is one of analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..intervals import Z95
from ..multiplicity import LEVEL, POSITIVE_UNITS, holm

KEY = ("estimand", "respondent", "instrument", "arm", "subject")
"""What makes two findings the same question."""
COLUMNS = (
    "level", "chapter", *KEY, "unit", "status", "a", "a_low", "a_high", "b", "b_low", "b_high",
    "scale", "difference", "low", "high", "p", "p_adjusted", "changed", "n_a", "n_b",
    "provenance_a", "provenance_b", "method", "warning",
)  # fmt: skip
"""A row of a comparison. ``status`` is compared, only in A, only in B or not comparable; on the
``scale`` ratio the difference is B over A, else B less A; ``warning`` says what to mind."""
COMPARED, ONLY_A, ONLY_B, APART = "compared", "only in A", "only in B", "not comparable"
DIFFERENCE, RATIO = "difference", "ratio"
METHOD = "intervals of both sides recovered, sides independent"


@dataclass(frozen=True)
class Difference:
    """B less A, or B over A, with a 95 % interval and a two-sided p-value; NaN where unknown."""

    value: float
    low: float
    high: float
    p: float
    scale: str


def difference(a: Mapping[str, Any], b: Mapping[str, Any]) -> Difference:
    """How far two estimates with intervals lie apart.

    Parameters
    ----------
    a, b
        With ``estimate``, ``low``, ``high`` and ``unit``; ends may be None.

    Returns
    -------
    Difference
        The interval takes from each side the half that faces the other (MOVER: Zou and Donner 2008,
        Statistics in Medicine 27), so that skewed intervals need not be made symmetric. The p-value
        is the level at which that interval reaches no difference, halves taken to grow as those of
        a normal distribution: it is below 0.05 where the interval leaves no difference out. Ratios
        (by their unit, or because both intervals are symmetric in logs) are compared in logs.
    """
    one, two = ([_number(side[name]) for name in ("estimate", "low", "high")] for side in (a, b))
    ratio = _of_ratios(a["unit"], one, two)
    scale = RATIO if ratio else DIFFERENCE
    (x, x_low, x_high), (y, y_low, y_high) = np.log([one, two]) if ratio else (one, two)
    back: Callable[[float], float] = (lambda v: float(np.exp(v))) if ratio else float
    value = y - x
    down, up = np.hypot(y - y_low, x_high - x), np.hypot(y_high - y, x - x_low)
    facing = down if value > 0 else up
    p = float("nan")
    if np.isfinite(facing) and np.isfinite(value):
        # Two points without width differ, or they are the same analysis of the same answers.
        p = float(2 * stats.norm.sf(Z95 * abs(value) / facing)) if facing > 0 else float(value == 0)
    return Difference(back(value), back(value - down), back(value + up), p, scale)


def compare_findings(
    a: pd.DataFrame, b: pd.DataFrame, *, respondents_differ: bool = False,
    why: Callable[[Mapping[str, Any], str], str] | None = None,
    warn: Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Findings of two sides, lined up: a row a finding that either side has.

    Parameters
    ----------
    a, b
        Findings tables.
    respondents_differ
        Each side is about one respondent, and the two stand for each other.
    why
        From a finding and the status of a line that one side lacks: why it lacks it.
    warn
        From both findings: what keeps them from being comparable, besides what can be read off
        them (unit, method, provenance, gates).

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; ``p_adjusted`` and ``changed`` are left to `adjusted`.
    """
    key = [name for name in KEY if not (respondents_differ and name == "respondent")]
    left, right = (
        {tuple(row[name] for name in key): row for row in side.to_dict("records")}
        for side in (a, b)
    )
    barred = (_barred(a, respondents_differ), _barred(b, respondents_differ))
    rows = []
    for at in dict.fromkeys([*left, *right]):
        rows.append(_line(left.get(at), right.get(at), respondents_differ, barred, why, warn))
    return pd.DataFrame(rows, columns=list(COLUMNS))


_Barred = Mapping[tuple[str, str, str], str]


def _line(
    one: dict[str, Any] | None, two: dict[str, Any] | None, differ: bool,
    barred: tuple[_Barred, _Barred],
    why: Callable[[Mapping[str, Any], str], str] | None,
    warn: Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]] | None,
) -> dict[str, Any]:  # fmt: skip
    either = one or two
    assert either is not None
    row: dict[str, Any] = {
        "level": "finding", "chapter": either["chapter"], "unit": either["unit"],
        **{name: either[name] for name in KEY}, "method": "", "scale": "",
    }  # fmt: skip
    for mark, side in (("a", one), ("b", two)):
        if side is not None:
            row |= {mark: side["estimate"], f"{mark}_low": side["low"],
                    f"{mark}_high": side["high"], f"n_{mark}": side["n"],
                    f"provenance_{mark}": side["provenance"]}  # fmt: skip
    if one is None or two is None:
        status = ONLY_B if one is None else ONLY_A
        lacking = barred[0 if one is None else 1]
        gate = lacking.get(_cell(either, differ), "")
        told = f"not measurable there: {gate}" if gate else why(either, status) if why else ""
        return row | {"status": status, "warning": told}
    if differ:
        row["respondent"] = f"{one['respondent']} / {two['respondent']}"
    told_apart = _apart(one, two)
    for mark, side, given in (("A", one, barred[0]), ("B", two, barred[1])):
        if gate := given.get(_cell(side, differ), ""):
            told_apart.append(f"{mark} failed a gate: {gate}")
    told_apart += warn(one, two) if warn else []
    if one["unit"] != two["unit"]:
        return row | {"status": APART, "warning": "; ".join(told_apart)}
    found = difference(one, two)
    if np.isnan(found.p) and one["estimate"] != two["estimate"]:
        told_apart.append("no interval on one side: nothing says how much of it is noise")
    return row | {
        "status": COMPARED, "scale": found.scale, "difference": found.value, "low": found.low,
        "high": found.high, "p": found.p, "method": METHOD, "warning": "; ".join(told_apart),
    }  # fmt: skip


def _apart(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[str]:
    """What keeps two findings from being comparable, as far as they say it themselves."""
    told = []
    if one["unit"] != two["unit"]:
        told.append(f"other unit: {one['unit']} and {two['unit']}")
    if one["method"] != two["method"]:
        told.append(f"other method: {one['method']} and {two['method']}")
    kinds = {one["provenance"], two["provenance"]}
    if len(kinds) > 1 and "simulated" in kinds:
        told.append("simulated against real")
    return told


def _cell(row: Mapping[str, Any], differ: bool) -> tuple[str, str, str]:
    who = "" if differ else str(row["respondent"])
    return str(row["estimand"]).partition(".")[0], who, str(row["instrument"])


def _barred(findings: pd.DataFrame, differ: bool) -> _Barred:
    """Why a measure could not be taken, by measure, respondent and instrument."""
    failed = findings[
        findings["estimand"].str.endswith(".measurable") & (findings["estimate"] == 0)
    ]
    return {_cell(row, differ): str(row["note"]) for row in failed.to_dict("records")}


def adjusted(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows with ``p_adjusted`` and ``changed``: Holm over each family of p-values.

    A family is everything of one level and kind: all findings and all instruments of simulated
    respondents, or of real ones; the items of an instrument are one of their own. Choose the rows
    before looking at them: fewer questions make a smaller family.
    """
    rows = rows.copy()
    rows["p_adjusted"], rows["changed"] = np.nan, None
    tried = rows[rows["p"].notna()]
    simulated = (tried["provenance_a"] == "simulated") & (tried["provenance_b"] == "simulated")
    single = tried["level"] == "item"
    about = tried["respondent"] + "|" + tried["instrument"] + "|" + tried["arm"]
    for _, family in tried.groupby([simulated, about.where(single, "")]):
        rows.loc[family.index, "p_adjusted"] = holm(family["p"].to_numpy(float))
    known = rows["p_adjusted"].notna()
    rows.loc[known, "changed"] = rows.loc[known, "p_adjusted"] <= LEVEL
    return rows


def _of_ratios(unit: str, one: list[float], two: list[float]) -> bool:
    """Whether two estimates with intervals are compared as ratios."""
    if any(v <= 0 for v in (*one, *two)):
        return False
    if unit in POSITIVE_UNITS:
        return True
    logs = np.log([one, two])
    middle, width = (logs[:, 1] + logs[:, 2]) / 2, logs[:, 2] - logs[:, 1]
    # A narrow interval is as good as symmetric on either scale.
    return bool((np.abs(logs[:, 0] - middle) < 1e-3 * width).all() and (width > 0.1).all())


def _number(value: object) -> float:
    return float("nan") if value is None else float(str(value))
