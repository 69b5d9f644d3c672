"""A citizen assembly: profiles that answer the same pairs of proposals (METHODS 13).

Question sets, all from ``assembly/design.yaml`` and the margins it names:

- ``assembly``: every profile, every pair, once;
- ``assembly_reasons``: one person of every table says why, on the pairs that are talked about;
- ``assembly_plain``: the same pairs in both orders, and nobody to answer as.

Facts of a question: ``person`` ("" in the plain set) with the person's attributes and ``short``,
``group`` (the table); ``pair``, ``first``, ``second`` (item ids), ``split`` (train, pair, area),
``heard`` (1 where the pair is talked about), ``turned`` (1 where the second proposal stands in
place A), and ``lean`` and ``authority`` of the first proposal over the second, from -1 to 1.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from ...foundation.errors import ConfigError
from ..census import Census, draw_profiles, load_census
from ..datasheet import Datasheet
from ..instrument import Instrument
from ..reading import parse_yaml, read_text, validate
from . import politics

if TYPE_CHECKING:
    from ..questions import QuestionSet

NAMES: tuple[str, ...] = ()
ASSEMBLY, REASONS, PLAIN = "assembly", "assembly_reasons", "assembly_plain"
QUESTION_SETS: tuple[str, ...] = (ASSEMBLY, REASONS, PLAIN)
SPLITS = ("train", "pair", "area")

_FORMS = {
    ASSEMBLY: "answer_as_profile", REASONS: "answer_as_profile_reasons", PLAIN: "answer_plain",
}  # fmt: skip
_TITLES = {
    ASSEMBLY: "", REASONS: ": reasons for the talk", PLAIN: ": nobody to answer as",
}  # fmt: skip

Some = Annotated[int, Field(ge=1)]


class Design(Datasheet):
    """``assembly/design.yaml``: the datasheet, who is drawn and which pairs are asked."""

    census: Annotated[str, Field(pattern=r"^\w+$")]
    profiles: Annotated[int, Field(ge=2, le=2000)]
    seed: int
    held_out_areas: Some
    pairs: dict[str, Some]
    opposed: Annotated[float, Field(strict=False, ge=0.0, le=1.0)]
    seats: Annotated[int, Field(ge=2)]
    discussed: Annotated[float, Field(strict=False, ge=0.0, le=1.0)]


def build(name: str, folder: Path) -> Instrument:
    """There is no instrument of pairs here."""
    raise ConfigError(f"there is no instrument {name!r}.", where=folder)


def load_design(folder: Path) -> Design:
    """The design, validated.

    Raises
    ------
    ConfigError
        If the file is wrong, with the field.
    """
    path = folder / "assembly" / "design.yaml"
    design = validate(Design, parse_yaml(read_text(path), path), path)
    if set(design.pairs) != set(SPLITS):
        raise ConfigError(f"pairs: name {', '.join(SPLITS)} and no other.", where=path)
    return design


def census_of(folder: Path) -> Census:
    """The margins that the design names."""
    design = load_design(folder)
    path = folder / "assembly" / f"{design.census}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml") if p.stem != "design")
        raise ConfigError(
            f"census: there are no margins {design.census!r}.",
            where=folder / "assembly" / "design.yaml", todo=f"There are {', '.join(known)}.",
        )  # fmt: skip
    return load_census(path)


def build_questions(name: str, folder: Path) -> QuestionSet:
    """One of the question sets.

    Raises
    ------
    ConfigError
        If the design, the margins or the proposals are wrong.
    """
    from ..questions import QuestionSet  # it loads this module

    design = load_design(folder)
    stamp = tuple(
        path.stat().st_mtime_ns
        for path in sorted([*folder.glob("assembly/*.yaml"), *folder.glob("politics/*.csv"),
                            folder / "forms.yaml"])
    )  # fmt: skip
    table = _table(name, folder, stamp)
    plain = Datasheet(**{field: getattr(design, field) for field in Datasheet.model_fields})
    return QuestionSet(name, f"{design.title}{_TITLES[name]}", table.copy(), plain)


@lru_cache(maxsize=8)
def _table(name: str, folder: Path, stamp: tuple[int, ...]) -> pd.DataFrame:
    """The questions of a set; `stamp` makes edited files be read again."""
    from ..questions import question_table

    design, census = load_design(folder), census_of(folder)
    items = politics.build(census.proposals, folder).items
    pairs = choose_pairs(items, design, folder / "assembly" / "design.yaml")
    profiles = seat(draw_profiles(census, design.profiles, design.seed), design)
    rows = {ASSEMBLY: _everybody, REASONS: _speakers, PLAIN: _plain}[name](pairs, profiles, design)
    texts = items["text"]
    made = [
        {
            "question": "-".join(filter(None, [name, row["person"], row["pair"], row["order"]])),
            "form": _FORMS[name],
            "option_1": texts[row["second" if row["turned"] else "first"]],
            "option_2": texts[row["first" if row["turned"] else "second"]],
            **{key: value for key, value in row.items() if key != "order"},
        }
        for row in rows
    ]
    return question_table(made, folder / "assembly", folder.parents[1])


def seat(profiles: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Profiles with ``group``: tables of `Design.seats` people or more. The draw is in no order."""
    tables = max(1, len(profiles) // design.seats)
    groups = [f"table-{k % tables + 1:02d}" for k in range(len(profiles))]
    return profiles.assign(group=groups)


def choose_pairs(items: pd.DataFrame, design: Design, where: Path) -> pd.DataFrame:
    """The pairs: columns pair, first, second, split, heard, lean, authority.

    Raises
    ------
    ConfigError
        If there are too few areas or proposals for as many pairs.
    """
    rng = np.random.default_rng(design.seed)
    areas = list(dict.fromkeys(items["category"]))
    if len(areas) < design.held_out_areas + 2 or design.held_out_areas < 2:
        raise ConfigError(
            f"held_out_areas: {design.held_out_areas} of {len(areas)} areas leave no pair of two "
            "areas on one of the sides.",
            where=where,
        )
    held = set(rng.permutation(areas)[: design.held_out_areas])
    inside = [area for area in areas if area not in held]
    rows: list[dict[str, Any]] = []
    kept = _Stock(items, sorted(held), rng, where)
    rest = _Stock(items, inside, rng, where)
    turns = {True: 0, False: 0}
    for split in SPLITS:
        count, stock = design.pairs[split], kept if split == "area" else rest
        opposed = round(design.opposed * count)
        for k, number in enumerate(rng.permutation(count)):
            differs = bool(number < opposed)
            # Which side an opposed pair begins with, and of which side the others are, takes turns.
            lean = -1 if turns[differs] % 2 else 1
            turns[differs] += 1
            one, two = stock.pair(lean, -lean if differs else lean)
            facts = {
                side: (float(items.loc[one, side]) - float(items.loc[two, side])) / 2
                for side in ("lean", "authority")
            }
            heard = int(np.floor((k + 1) * design.discussed) > np.floor(k * design.discussed))
            name = f"{split}-{k + 1:02d}"
            rows.append({"pair": name, "first": one, "second": two, "split": split,
                         "heard": heard, **facts})  # fmt: skip
    return pd.DataFrame(rows)


class _Stock:
    """Proposals of some areas, dealt out in pairs; none comes back before all have been used."""

    def __init__(
        self, items: pd.DataFrame, areas: list[str], rng: np.random.Generator, where: Path
    ):
        self._rng, self._where = rng, where
        part = items[items["category"].isin(areas)]
        self._all = {
            (str(area), int(lean)): list(rows.index)
            for (area, lean), rows in part.groupby(["category", "lean"], sort=False)
        }
        self._left: dict[tuple[str, int], list[str]] = {key: [] for key in self._all}
        self._dealt: set[frozenset[str]] = set()
        self._most = len(part)

    def pair(self, lean: int, other: int) -> tuple[str, str]:
        """Two proposals of these sides, from two areas."""
        while len(self._dealt) < self._most:
            area, one = self._take(lean, "")
            _, two = self._take(other, area)
            if frozenset((one, two)) not in self._dealt:
                self._dealt.add(frozenset((one, two)))
                return one, two
        raise ConfigError("pairs: there are too few proposals for so many.", where=self._where)

    def _take(self, lean: int, other: str) -> tuple[str, str]:
        """An area with most left of a side, but not `other`, and a proposal of it."""
        own = [key for key in self._all if key[1] == lean]
        if not any(self._left[key] for key in own if key[0] != other):
            for key in own:
                self._left[key] = list(self._rng.permutation(self._all[key]))
        open_ = [key for key in own if key[0] != other and self._left[key]]
        if not open_:
            raise ConfigError(
                f"pairs: there is no second area with proposals of the side {lean}.",
                where=self._where,
            )
        most = max(len(self._left[key]) for key in open_)
        best = [key for key in open_ if len(self._left[key]) == most]
        chosen = best[self._rng.integers(len(best))]
        return chosen[0], self._left[chosen].pop()


def _everybody(pairs: pd.DataFrame, profiles: pd.DataFrame, design: Design) -> list[dict[str, Any]]:
    """Every profile and every pair; of each pair half of the profiles see the other order.

    A table that talks about a pair sees it in one order, or the letters in a reason would mislead.
    """
    rng = np.random.default_rng([design.seed, 1])
    people = profiles.reset_index().to_dict("records")
    groups = profiles.groupby("group", sort=False).ngroup().to_numpy()
    rows = []
    for number, pair in enumerate(pairs.to_dict("records")):
        # An odd one out sees one order in the first pair and the other in the next.
        by_group = (rng.permutation(groups.max() + 1) + number) % 2
        by_person = (rng.permutation(len(people)) + number) % 2
        turned = by_group[groups] if pair["heard"] else by_person
        rows += [
            {**pair, **person, "turned": int(t), "order": ""}
            for person, t in zip(people, turned, strict=True)
        ]
    return rows


def _speakers(pairs: pd.DataFrame, profiles: pd.DataFrame, design: Design) -> list[dict[str, Any]]:
    """Of the pairs that are talked about, one person of each table; everybody takes turns."""
    asked = _everybody(pairs, profiles, design)
    groups = profiles.groupby("group", sort=False).indices
    heard = [pair for pair, told in zip(pairs["pair"], pairs["heard"], strict=True) if told]
    chosen = {
        (pair, profiles.index[members[(k + shift) % len(members)]])
        for k, pair in enumerate(heard)
        for shift, members in enumerate(groups.values())
    }
    return [row for row in asked if (row["pair"], row["person"]) in chosen]


def _plain(pairs: pd.DataFrame, profiles: pd.DataFrame, design: Design) -> list[dict[str, Any]]:
    """Every pair in both orders."""
    return [
        {**pair, "person": "", "turned": turned, "order": "ab"[turned]}
        for pair in pairs.to_dict("records")
        for turned in (0, 1)
    ]
