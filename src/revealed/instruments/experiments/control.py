"""What is asked before and after a control of politics, to see what moves elsewhere (METHODS 13).

From ``control/design.yaml``: ``control_lives``, goods of an exchange instrument compared at equal
and neighboring quantities, and ``control_outcomes``, a sample of the outcomes. Both list their
pairs, which are the same for everybody. They are instruments of their own because a respondent may
have been asked their sources with other pairs.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ...foundation.errors import ConfigError
from ..datasheet import Datasheet
from ..instrument import Instrument
from ..reading import parse_yaml, read_text, validate

LIVES, OUTCOMES = "control_lives", "control_outcomes"
NAMES: tuple[str, ...] = (LIVES, OUTCOMES)

_TITLES = {LIVES: "lives by country", OUTCOMES: "outcomes"}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    instrument: str


class _Lives(_Part):
    """Goods, and how many pairs of them."""

    goods: Annotated[list[str], Field(min_length=4)]
    pairs: Annotated[int, Field(ge=10)]


class _Outcomes(_Part):
    """How many outcomes, and in how many rings each of them stands between two others."""

    items: Annotated[int, Field(ge=10)]
    rings: Annotated[int, Field(ge=1, le=20)]


class _Design(Datasheet):
    """``control/design.yaml``: the datasheet, and what is taken from where."""

    seed: int
    lives: _Lives
    outcomes: _Outcomes


def build(name: str, folder: Path) -> Instrument:
    """One of the two instruments.

    Raises
    ------
    ConfigError
        If the design is wrong, or asks for goods or pairs that its source does not have.
    """
    from ..load import load_instrument  # it reads the modules of this package

    path = folder / "control" / "design.yaml"
    design = validate(_Design, parse_yaml(read_text(path), path), path)
    part = design.lives if name == LIVES else design.outcomes
    whole = load_instrument(part.instrument, folder.parent.parent)
    rng = np.random.default_rng([design.seed, NAMES.index(name)])
    if isinstance(part, _Lives):
        items, pairs = _lives(whole.items, part, rng, path)
        reference: tuple[str, ...] = tuple(part.goods)
    else:
        items, pairs = _outcomes(whole.items, part, rng, path)
        reference = tuple(items.index)
    sheet = Datasheet(**{field: getattr(design, field) for field in Datasheet.model_fields})
    sheet = sheet.model_copy(update={"title": f"{design.title}: {_TITLES[name]}"})
    return Instrument(name, sheet.title, items, pairs, sheet, reference, whole.translate)


def _lives(
    items: pd.DataFrame, part: _Lives, rng: np.random.Generator, path: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs of goods in turn, at quantities that are the same or next to each other by turns."""
    chosen = items[(items["kind"] == "good") & items["good"].isin(part.goods)]
    if unknown := set(part.goods) - set(chosen["good"]):
        raise ConfigError(
            f"{part.instrument} has no good {unknown.pop()!r}.", where=f"{path}, lives, goods"
        )
    grid = sorted(set(chosen["quantity"]))
    ids = {(row.good, row.quantity): row.Index for row in chosen.itertuples()}
    couples = list(combinations(part.goods, 2))
    most = len(couples) * (3 * len(grid) - 2)
    if part.pairs > most:
        raise ConfigError(f"there are {most} pairs at most.", where=f"{path}, lives, pairs")
    rows: dict[frozenset[str], dict[str, str]] = {}
    while len(rows) < part.pairs:
        for k in rng.permutation(len(couples)):
            one, other = couples[k] if rng.random() < 0.5 else couples[k][::-1]
            step = int(rng.integers(-1, 2))
            low = int(rng.integers(max(0, -step), len(grid) - max(0, step)))
            first, second = ids[one, grid[low]], ids[other, grid[low + step]]
            if len(rows) < part.pairs:
                rows.setdefault(frozenset((first, second)), {"first": first, "second": second})
    return chosen, pd.DataFrame(list(rows.values()))


def _outcomes(
    items: pd.DataFrame, part: _Outcomes, rng: np.random.Generator, path: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A sample spread over the categories, each outcome beside its neighbors in several rings."""
    if part.items > len(items):
        raise ConfigError(
            f"{part.instrument} has {len(items)} items.", where=f"{path}, outcomes, items"
        )
    shuffled = items.iloc[rng.permutation(len(items))]
    turn = shuffled.groupby("category").cumcount()
    names = list(shuffled.index[np.argsort(turn.to_numpy(), kind="stable")][: part.items])
    seen: dict[frozenset[str], dict[str, Any]] = {}
    for _ in range(part.rings):
        ring = [names[k] for k in rng.permutation(len(names))]
        for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
            seen.setdefault(frozenset((one, other)), {"first": one, "second": other})
    return items.loc[names], pd.DataFrame(list(seen.values()))
