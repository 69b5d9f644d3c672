"""The table of a comparison: findings line by line, then the answers behind them, paired."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from revealed.foundation.errors import DataError, RevealedError
from revealed.instruments import load_instrument
from revealed.measures import measurable
from revealed.measures.compare import (
    COLUMNS,
    Cell,
    adjusted,
    compare_answers,
    compare_findings,
    compare_published,
)
from revealed.measures.compare.lines import APART, COMPARED, ONLY_A
from revealed.measures.intervals import Estimate

from .sides import Side
from .wording import alike

MOVED, CORRELATION, STRETCH, ORDER, ITEM = (
    "utilities.moved", "utilities.correlation", "utilities.stretch", "utilities.order_effect",
    "utilities.item",
)  # fmt: skip
SAME = "same counts"
CALIBRATION = "calibration"
_SETTINGS = (
    "model", "temperature", "max_tokens", "mode", "system", "examples", "trigger", "params",
    "reasoning",
)  # fmt: skip
"""What of a respondent's settings changes what is answered."""


@dataclass(frozen=True)
class Told:
    """Two sides compared: ``rows`` (columns `COLUMNS`), and ``warnings`` about the whole."""

    a: str
    b: str
    rows: pd.DataFrame
    warnings: tuple[str, ...]


def compare(
    a: Side, b: Side, only: Sequence[str] = (), again: Side | None = None, progress: bool = True
) -> Told:
    """Line up everything that two sides have, and say how far it differs.

    Parameters
    ----------
    only
        Patterns (``exchange.*``); a row stays if one matches its chapter, estimand, respondent,
        instrument, arm or subject. p-values are adjusted over what stays.
    again
        Side A asked a second time: what it moved by is taken off shifts of utilities.

    Raises
    ------
    DataError
        If the two sides have nothing in common, or nothing matches `only`.
    """
    paired = a.respondent is not None and b.respondent is not None
    if a.respondent is not None and b.respondent is None:
        b = _narrowed(b, a.respondent)
    elif b.respondent is not None and a.respondent is None:
        a = _narrowed(a, b.respondent)
    rows = compare_findings(
        _asked_for(a.findings, only), _asked_for(b.findings, only), respondents_differ=paired,
        why=lambda row, status: _why(row, status, a, b, paired),
        warn=lambda one, two: _otherwise(one, two, a, b),
    )  # fmt: skip
    extra = list(_cells(a, b, paired, only, again, progress))
    if extra:
        more = pd.DataFrame(extra, columns=list(COLUMNS))
        rows = more if rows.empty else pd.concat([rows, more], ignore_index=True)
    rows = _only(rows, only)
    if not rows["status"].isin([COMPARED, APART, SAME]).any():
        told = "match --only" if only else "in common"
        raise DataError(
            f"{a.label} and {b.label} have nothing {told}: no finding and no answers about one "
            "thing.",
            todo="Two respondents are compared as RUN:ONE RUN:OTHER; `revealed status` and "
            "`revealed findings` say what a run holds.",
        )
    return Told(a.label, b.label, adjusted(rows), tuple(_warnings(a, b, paired)))


def facts(side: Side) -> str:
    """One line on a side: what it holds, when it was asked, which models answered."""
    told = [f"{len(side.findings):,} findings", f"{len(side.respondents)} respondents"]
    if side.respondent is not None:
        told = [told[0]]
    names = [side.respondent] if side.respondent is not None else list(side.asked)
    known = [side.asked[name] for name in names if name in side.asked]
    if known:
        first, last = min(k["first"] for k in known), max(k["last"] for k in known)
        told.append(
            f"asked {_day(first)}" + (f" to {_day(last)}" if _day(first) != _day(last) else "")
        )
        models = sorted(set().union(*(k["models"] for k in known)))
        if side.respondent is not None and models:
            told.append(f"answered as {', '.join(models)}")
    if side.fast:
        told.append("small profile, not for quoting")
    return f"{side.label}: {', '.join(told)} ({side.folder})"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _narrowed(side: Side, respondent: str) -> Side:
    """The same respondent on a side that was named as a whole run."""
    return Side(side.label, side.folder, side.root, respondent)


def _asked_for(findings: pd.DataFrame, only: Sequence[str]) -> pd.DataFrame:
    """Findings that may matter to `only`: those that match, and the gates."""
    gates = findings["estimand"].str.endswith(".measurable")
    names = ["chapter", "estimand", "respondent", "instrument", "arm", "subject"]
    match = [
        not only or _matches(map(str, row), only)
        for row in findings[names].itertuples(index=False, name=None)
    ]
    return findings[gates | np.array(match, dtype=bool)]


def _only(rows: pd.DataFrame, only: Sequence[str]) -> pd.DataFrame:
    if not only or rows.empty:
        return rows
    names = ["chapter", "estimand", "respondent", "instrument", "arm", "subject"]
    kept = [_matches((str(row[name]) for name in names), only) for row in rows.to_dict("records")]
    return rows[kept].reset_index(drop=True)


def _matches(values: Iterable[str], only: Sequence[str]) -> bool:
    return any(fnmatchcase(value, pattern) for value in values for pattern in only)


def _why(row: Mapping[str, Any], status: str, a: Side, b: Side, paired: bool) -> str:
    """Why the other side lacks a finding."""
    there, mark = (b, "B") if status == ONLY_A else (a, "A")
    here = a if status == ONLY_A else b
    if row["chapter"] not in set(there.findings["chapter"]) and not there.findings.empty:
        return f"{mark} has no findings of the chapter {row['chapter']}"
    who = row["respondent"] if not paired else (there.respondent or "")
    if who not in there.respondents:
        return f"{mark} has nothing of {who}"
    instrument, arm = str(row["instrument"]), str(row["arm"])
    asked = {cell[1:] for cell in there.cells if cell[0] == who}
    if instrument and any(cell[1] == instrument for cell in here.cells):
        if instrument not in {name for name, _ in asked}:
            return f"{mark} was not asked about {instrument}"
        if arm and (instrument, arm) not in asked:
            return f"{mark} was not asked about {instrument} in arm {arm}"
        if told := alike(here.root, there.root, instrument, arm or "forced").told:
            return told
    return f"{mark} has no such finding"


def _otherwise(one: Mapping[str, Any], two: Mapping[str, Any], a: Side, b: Side) -> list[str]:
    """What two findings do not say themselves: other words, other settings."""
    told = []
    instrument, arm = str(one["instrument"]), str(one["arm"]) or "forced"
    if instrument and any(cell[1] == instrument for cell in (*a.cells, *b.cells)):
        told.append(alike(a.root, b.root, instrument, arm).told)
    told.append(_settings(a, str(one["respondent"]), b, str(two["respondent"])))
    return [line for line in told if line]


def _settings(a: Side, one: str, b: Side, two: str) -> str:
    """What two respondents were asked differently in, their models apart."""
    first, second = a.specs.get(one), b.specs.get(two)
    if first is None or second is None:
        return ""
    names = [name for name in _SETTINGS if getattr(first, name) != getattr(second, name)]
    if one != two and "model" in names:
        names.remove("model")  # that is what is compared
    return f"other settings: {', '.join(names)}" if names else ""


def _warnings(a: Side, b: Side, paired: bool) -> Iterator[str]:
    for mark, side in (("A", a), ("B", b)):
        if side.fast:
            yield f"{mark} is a run of the small profile: not for quoting"
        if side.root is None:
            yield f"{mark} lies outside a checkout: its words and settings are not known"
        if side.findings.empty:
            yield f"{mark} has no findings (`make book` makes them): only its answers are compared"
    if a.folder == b.folder and a.respondent == b.respondent:
        yield "both sides are the same"
    if paired:
        one, two = (side.asked.get(str(side.respondent), {}) for side in (a, b))
        models = [sorted(x.get("models", set())) for x in (one, two)]
        if all(models) and models[0] != models[1]:
            yield f"the provider answered as {', '.join(models[0])} and as {', '.join(models[1])}"


def _cells(
    a: Side, b: Side, paired: bool, only: Sequence[str], again: Side | None, progress: bool
) -> Iterator[dict[str, Any]]:
    """Rows of every instrument and arm that both sides were asked about."""
    pairs = []
    for who, instrument, arm in a.cells:
        other = (b.respondent or "") if paired else who
        if (other, instrument, arm) in b.cells and _wanted(who, other, instrument, arm, only):
            pairs.append((who, other, instrument, arm))
    gates: dict[tuple[str, str], str] = {}
    bar = tqdm(
        pairs,
        desc="instruments",
        unit="",
        file=sys.stderr,
        disable=not progress or not pairs,
        leave=False,
    )
    for who, other, instrument, arm in bar:
        about = {
            "chapter": "", "respondent": who if who == other else f"{who} / {other}",
            "instrument": instrument, "arm": arm,
        }  # fmt: skip
        words = alike(a.root, b.root, instrument, arm)
        warning = [words.told, _settings(a, who, b, other)]
        warning += [
            f"{mark} failed a gate: {failed}"
            for mark, side, name in (("A", a, who), ("B", b, other))
            if (failed := _gate(gates, mark, side, name))
        ]
        kinds = [side.cells[name, instrument, arm] for side, name in ((a, who), (b, other))]
        if kinds == ["choices", "choices"]:
            one, two = a.choices(who, instrument, arm), b.choices(other, instrument, arm)
            known = again is not None and (
                again.respondent or who, instrument, arm) in again.cells  # fmt: skip
            floor = (
                again.choices(again.respondent or who, instrument, arm) if known and again else None
            )
            found = compare_answers(one, two, words.items, floor)
            if again is not None and not known:
                warning.append("A was not asked this again: no floor is taken off")
        else:
            one, two = a.utilities(who, instrument, arm), b.utilities(other, instrument, arm)
            found = compare_published(one, two, words.items)
        about |= {f"provenance_{mark}": str(side["provenance"].iloc[0])
                  for mark, side in (("a", one), ("b", two))}  # fmt: skip
        if "simulated" in {about["provenance_a"], about["provenance_b"]} and (
            about["provenance_a"] != about["provenance_b"]
        ):
            warning.append("simulated against real")
        yield from _rows(found, about, [line for line in warning if line])


def _gate(known: dict[tuple[str, str], str], mark: str, side: Side, name: str) -> str:
    """Why a side's answers to trivial pairs bar it; "" if they do not, or were not asked for."""
    if (mark, name) not in known:
        cell = (name, CALIBRATION, "forced")
        pairs = None
        if side.cells.get(cell) == "choices":
            try:
                pairs = load_instrument(CALIBRATION, side.root).pairs
            except RevealedError:  # outside any checkout
                pairs = None
        known[mark, name] = (
            "" if pairs is None else measurable.calibration_reason(side.choices(*cell), pairs)
        )
    return known[mark, name]


def _wanted(who: str, other: str, instrument: str, arm: str, only: Sequence[str]) -> bool:
    names = (
        who,
        other,
        f"{who} / {other}",
        instrument,
        arm,
        MOVED,
        CORRELATION,
        STRETCH,
        ORDER,
        ITEM,
    )
    return not only or _matches(names, only)


def _rows(found: Cell, about: Mapping[str, Any], warning: list[str]) -> Iterator[dict[str, Any]]:
    blank = dict.fromkeys(COLUMNS, np.nan) | {"scale": "", "method": "", "subject": "", **about}
    base = blank | {"level": "utilities", "status": COMPARED, "warning": "; ".join(warning),
                    "n_a": found.n, "n_b": found.n}  # fmt: skip
    if found.why:
        status = SAME if found.same_counts else APART
        told = "; ".join([*([] if found.same_counts else [found.why]), *warning])
        yield base | {"estimand": MOVED, "unit": "probability", "status": status, "warning": told}
        return
    if found.moved is not None:
        e = found.moved.estimate
        yield base | {"estimand": MOVED, "unit": "probability", "p": found.moved.p, **_change(e)}
    if found.order is not None:
        one, two, change, p = found.order
        yield base | {
            "estimand": ORDER, "unit": "probit units", "p": p, "a": one.value, "a_low": one.low,
            "a_high": one.high, "b": two.value, "b_low": two.low, "b_high": two.high,
            **_change(change),
        }  # fmt: skip
    for name, estimate, unit in (
        (CORRELATION, found.correlation, "correlation"), (STRETCH, found.stretch, "ratio"),
    ):  # fmt: skip
        if estimate is not None:
            told = "; ".join(filter(None, [estimate.note, *warning]))
            yield base | {"estimand": name, "unit": unit, "warning": told, **_change(estimate)}
    if found.items is not None:
        for item in found.items.to_dict("records"):
            yield base | {
                "level": "item", "estimand": ITEM, "subject": item["item"], "unit": "probit units",
                "scale": "difference", "method": "difference of utilities, normal",
                **{name: item[name] for name in ("a", "b", "difference", "low", "high", "p")},
            }  # fmt: skip


def _change(e: Estimate) -> dict[str, Any]:
    return {"difference": e.value, "low": e.low, "high": e.high, "method": e.method,
            "scale": "difference"}  # fmt: skip
