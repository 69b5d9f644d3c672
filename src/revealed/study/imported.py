"""Bring somebody's answers from a file into a run, all of them or none.

Everything is read and checked before the first file is written, and who was imported is written
down last: until then the run does not know of them. The same file again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from revealed.foundation.errors import ConfigError, DataError, RevealedError
from revealed.foundation.paths import atomic_write, slug
from revealed.foundation.provenance import sha256
from revealed.foundation.schemas import CHOICES, UTILITIES, check
from revealed.instruments import load_instrument
from revealed.respondents.formats import Names, Portable, read_answers

from .config import nearest
from .run import Run
from .steps import write_json


@dataclass(frozen=True)
class Brought:
    """One cell that an import has brought, or has found to be there already."""

    respondent: str
    instrument: str
    arm: str
    pairs: int
    answers: float
    utilities: int
    changed: bool
    """Whether anything was written: the same answers again are not."""
    note: str = ""
    """What a reader has to know: answers that the source made up, an evaluation that was cut."""


def import_answers(
    run: Run,
    path: Path,
    *,
    respondent: str | None = None,
    instrument: str | None = None,
    arm: str | None = None,
    replace: bool = False,
) -> list[Brought]:
    """Bring the answers of a file into `run`: the original's results, an inspect_ai log, CSV.

    Parameters
    ----------
    path
        A file, or a folder that `revealed export --to csv` wrote; its format is told by its
        content.
    respondent, instrument, arm
        Names to go by here; default: those in the file.
    replace
        Put these answers in the place of other ones that were imported under the same names.

    Returns
    -------
    A row a cell.

    Raises
    ------
    DataError
        Naming file and place, if a value is off, an item is unknown to the instrument, or the
        comparisons do not link all items. Nothing is written then.
    ConfigError
        If somebody who was asked here, or published, goes by that name, or other answers were
        imported under it.
    """
    names = Names(respondent, instrument, arm)
    kind, found = read_answers(path, names, run.paths.root)
    for portable in found:
        _refuse_taken(run, portable, path)
        _refuse_unknown(run, portable, path)
        _refuse_apart(run, portable, path)
    _refuse_two_kinds(run, found, path)
    changed = [_changed(run, portable) for portable in found]
    for portable, differs in zip(found, changed, strict=True):
        if differs and not replace and _cell(portable) in _known(run, portable.respondent):
            raise ConfigError(
                f"other answers of {portable.respondent} to {portable.instrument} were imported.",
                where=path,
                todo="Give another name with --as, or --replace to put these in their place.",
            )
    for portable, differs in zip(found, changed, strict=True):
        if differs:
            _store(run, portable)
    if any(changed):
        _write_down(run, found, kind, path)
    return [_brought(p, differs) for p, differs in zip(found, changed, strict=True)]


# --- what is refused ------------------------------------------------------------------------------


def _refuse_taken(run: Run, portable: Portable, path: Path) -> None:
    name, own = portable.respondent, run.imported()
    asked = {entry.spec.name for entry in run.study.respondents} | set(run.added())
    others = asked | (set(run.public_respondents) - set(own))
    alike = [n for n in others | set(own) if slug(n) == slug(name) and (n in others or n != name)]
    if not slug(name) or slug(name).startswith("."):
        raise ConfigError(f"{name!r} is no name for a respondent.", where=path, todo="Use --as.")
    if alike:
        raise ConfigError(
            f"{alike[0]!r} is a respondent of this run, and its answers are not overwritten.",
            where=path,
            todo="Give the imported one another name with --as.",
        )


def _refuse_unknown(run: Run, portable: Portable, path: Path) -> None:
    try:
        known = load_instrument(portable.instrument, run.paths.root).items
    except RevealedError:  # an instrument that is not in this checkout
        return
    for item in portable.items:
        if item not in known.index:
            raise DataError(
                f"the instrument {portable.instrument} has no item {item!r:.120}.",
                where=f"{path}, {at}" if (at := portable.places.get(item)) else path,
                todo=nearest(item, list(known.index))
                or "Correct the item, or give the answers to another instrument (--instrument).",
            )


def _refuse_apart(run: Run, portable: Portable, path: Path) -> None:
    """Utilities of parts that no answer links cannot be compared, whoever has fitted them."""
    from revealed.utilities import comparisons
    from revealed.utilities.diagnostics import diagnose

    if portable.choices.empty:
        return
    if run.has_goods(portable.instrument) or run.has_pairs(portable.instrument):
        return
    found = diagnose(comparisons(portable.choices, role="train"))
    if len(found.components) > 1:
        parts = [found.items[int(part[0])] for part in found.components]
        raise DataError(
            f"the comparisons fall into {len(parts)} parts that no answer links: "
            f"{parts[0]!r:.60} is never compared with {parts[1]!r:.60}, not by way of others.",
            where=path,
            todo="Add comparisons between them, or import each part as an instrument of its own.",
        )


def _refuse_two_kinds(run: Run, found: Sequence[Portable], path: Path) -> None:
    """A respondent is simulated or it is not, in all that is imported of it."""
    kinds = {name: str(row["provenance"]) for name, row in run.imported().items()}
    for portable in found:
        before = kinds.setdefault(portable.respondent, portable.provenance)
        if before != portable.provenance:
            raise ConfigError(
                f"answers of {portable.respondent} are {before} and {portable.provenance}.",
                where=path,
                todo="Give these another name with --as.",
            )


# --- what is stored -------------------------------------------------------------------------------


def _cell(portable: Portable) -> str:
    return f"{portable.instrument}.{portable.arm}"


def _known(run: Run, respondent: str) -> Mapping[str, Any]:
    row = run.imported().get(respondent, {})
    cells: Mapping[str, Any] = row.get("cells", {})
    return cells


def _changed(run: Run, portable: Portable) -> bool:
    """Whether the run lacks this cell or holds another one under its name."""
    if _cell(portable) not in _known(run, portable.respondent):
        return True
    place = portable.respondent, portable.instrument, portable.arm
    if run.has(*place) != (not portable.choices.empty):
        return True
    if not portable.choices.empty and not _same(run.choices(*place), portable.choices):
        return True
    # A fit made here since is no difference: it was made from the same choices.
    if portable.utilities.empty or run.has(*place, kind="fit"):
        return False
    return not run.has(*place, kind="utilities") or not _same(
        run.utilities(*place), portable.utilities
    )


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    schema = CHOICES if "first" in one else UTILITIES
    keys = list(schema.key)
    tables = [check(t, schema, "").sort_values(keys).reset_index(drop=True) for t in (one, other)]
    return bool(tables[0].equals(tables[1]))


def _store(run: Run, portable: Portable) -> None:
    place = portable.respondent, portable.instrument, portable.arm
    fitted = run.paths.utilities(*place)
    for name in ("fit.json", "covariance.npy", "utilities.parquet"):  # of the answers before these
        (fitted / name).unlink(missing_ok=True)
    if portable.choices.empty:
        run.paths.choices(*place).unlink(missing_ok=True)
    else:
        run.write_choices(portable.choices)
    if not portable.utilities.empty:
        run.write_utilities(portable.utilities)
    told = {"texts": dict(portable.texts), "about": dict(portable.about)}
    with atomic_write(run.paths.texts(*place)) as temporary:
        text = json.dumps(told, ensure_ascii=False, indent=1, default=str)
        temporary.write_text(text + "\n", encoding="utf-8")


def _write_down(run: Run, found: Sequence[Portable], kind: str, path: Path) -> None:
    known = run.imported()
    digest = sha256(path) if path.is_file() else ""
    for portable in found:
        row = known.setdefault(
            portable.respondent, {"provenance": portable.provenance, "cells": {}}
        )
        row["cells"][_cell(portable)] = {"file": path.name, "format": kind, "sha256": digest}
    write_json(run.paths.imported, known)


def _brought(portable: Portable, changed: bool) -> Brought:
    pairs = {frozenset(p) for p in portable.choices[["first", "second"]].itertuples(index=False)}
    note = ""
    if invented := portable.about.get("pseudolabels"):
        note = f"{invented} pairs that the source made up itself were left out"
    if status := portable.about.get("status"):
        note = f"the evaluation's status is {status}"
    return Brought(
        portable.respondent, portable.instrument, portable.arm,
        pairs=len(pairs),
        answers=float(portable.choices[["n_first", "n_second"]].sum().sum()),
        utilities=len(portable.utilities),
        changed=changed,
        note=note,
    )  # fmt: skip
