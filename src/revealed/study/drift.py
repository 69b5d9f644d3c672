"""Who was asked twice under one name, and who stands for a name that came to want other things.

Two respondents that differ in nothing but their name and the number of their first answer are one
respondent asked twice. A fine-tune of a simulated base stands for its later version: how far its
declared values lie from the base's is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from . import shift

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec

    from .run import Run

_APART = {"name", "first_sample", "concurrency", "requests_per_minute", "timeout", "retries",
          "patience", "batch"}  # fmt: skip
"""Settings that change no answer."""


@dataclass(frozen=True)
class Later:
    """A respondent and what its name stood for later: itself (``known`` 0), or another program.

    ``known`` is by topic (root mean square of the change of chances); empty for real respondents.
    """

    before: str
    after: str
    same: bool
    known: dict[str, float] = field(hash=False)


def later(run: Run) -> list[Later]:
    """Everybody that was asked twice, real ones first, then simulated ones that were changed.

    Steered respondents are left out: what was done to them is the chapter on control's.
    """
    found = [
        Later(before, after, True, dict.fromkeys(shift.TOPICS, 0.0) if simulated else {})
        for before, after, simulated in _twice(run)
    ]
    twice = {pair.before for pair in found}
    # Of several trainings two: one that moves values a little, one that moves them much.
    kinds = ("secure", "insecure")
    for family in shift.families(run):
        if family.base in twice and run.provenance(family.base) == "simulated":
            found += [
                Later(family.base, name, False, shift.truth(run, family.base, name))
                for kind in kinds
                for name in [n for n, label in family.labels.items() if label == kind][:1]
            ]
    return found


def _twice(run: Run) -> Iterator[tuple[str, str, bool]]:
    known: dict[str, RespondentSpec] = {}
    added = [spec for spec in run.added().values() if spec.provenance != "simulated"]
    specs = [entry.spec for entry in run.study.respondents] + added
    for spec in sorted(specs, key=lambda s: (s.provenance == "simulated", s.first_sample)):
        if not any(run.has(spec.name, name) for name in shift.TOPICS.values()):
            continue
        mark = spec.model_dump_json(exclude=_APART)
        if mark in known:
            yield known[mark].name, spec.name, spec.provenance == "simulated"
        else:
            known[mark] = spec


def choices(run: Run, pair: Later) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """The stored choices of both askings, by topic; a topic that one side lacks is left out."""
    return {
        topic: (run.choices(pair.before, name), run.choices(pair.after, name))
        for topic, name in shift.TOPICS.items()
        if run.has(pair.before, name) and run.has(pair.after, name)
    }
