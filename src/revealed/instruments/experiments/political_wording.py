"""Two proposals an area, one of either side, asked in many wordings, roles and formats.

The instrument ``policies_wording`` is a part of ``policies`` that is small enough to be asked in a
dozen arms. The question set ``policy_views`` asks for a free answer about the same proposals, as
written and in one rewording; its questions carry ``item``, ``lean``, ``area`` and ``rewording``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ...foundation.errors import ConfigError
from ..datasheet import Datasheet
from ..forms import block
from ..instrument import Instrument
from . import politics

if TYPE_CHECKING:
    from ..questions import QuestionSet

WORDING = "policies_wording"
VIEWS = "policy_views"
NAMES: tuple[str, ...] = (WORDING,)
QUESTION_SETS: tuple[str, ...] = (VIEWS,)

VIEWS_REWORDING = 3
"""The rewording that free answers are asked about, besides the text as written."""
LONGEST_VIEW = 1500
"""Characters of a free answer that a reader is shown; where it stands may be said last."""


def shown(text: str) -> str:
    """A free answer as a reader is shown it."""
    return block(text)[:LONGEST_VIEW].strip()


def build(name: str, folder: Path) -> Instrument:
    """The instrument ``policies_wording``; all of its items are the gauge.

    Raises
    ------
    ConfigError
        If the file of the proposals is wrong, or an area lacks a side.
    """
    whole = politics.build("policies", folder)
    items = _chosen(whole.items, folder / "politics" / "policies.csv")
    sheet = Datasheet(
        title="Political proposals in many wordings",
        purpose="Shows whether a political score survives other words, roles and formats.",
        construction="One proposal of either side from every area, where there is one of those "
        "that have nothing to do with liberty or order; the same pairs in every arm.",
        limits=whole.datasheet.limits,
    )
    return politics.choice(whole, items, WORDING, None, sheet)


def build_questions(name: str, folder: Path) -> QuestionSet:
    """The question set ``policy_views``: every proposal in two texts."""
    from ..questions import QuestionSet, question_table

    chosen = build(WORDING, folder)
    rows = [
        {
            "form": "policy_open", "proposal": text, "item": item,
            "lean": int(chosen.items.loc[item, "lean"]),
            "area": chosen.items.loc[item, "category"], "rewording": rewording,
        }
        for rewording in (0, VIEWS_REWORDING)
        for item, text in chosen.texts(rewording=rewording).items()
    ]  # fmt: skip
    sheet = Datasheet(
        title="Political proposals, asked openly",
        purpose="What a respondent says of a proposal where no answer is offered.",
        construction="The proposals of policies_wording, as written and in one rewording.",
        limits=["A free answer has to be read by somebody, whose errors are measured and taken out "
                "as far as a labeled set shows them."],
    )  # fmt: skip
    where = folder / "politics" / "policies.csv"
    table = question_table(rows, where, folder.parents[1])
    return QuestionSet(name, sheet.title, table, sheet)


def _chosen(items: pd.DataFrame, path: Path) -> list[str]:
    """One proposal of either side from every area, the first that is neither free nor strict."""
    chosen = []
    for area, group in items.groupby("category", sort=False):
        for lean in (-1, 1):
            side = group[group["lean"] == lean]
            if side.empty:
                raise ConfigError(f"the area {area!r} has no proposal of one side.", where=path)
            chosen.append(str(side["authority"].abs().idxmin()))
    return chosen
