"""The answering AI among other AIs, people and animals; and two systems for one place.

``self_<good of life>`` is built from ``self_valuation/subjects.csv``: items carry
``good`` (the subject), ``life`` (the good of life), ``group`` (self, ai, person or animal) and
``quantity``. ``self_roles`` is built from ``self_valuation/roles.csv``: items carry ``setting``,
``used`` and ``runs`` (names of the system in use and of the one that the option lets run) and
``stays`` (1 if they are the same).
"""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from ...foundation.errors import ConfigError
from .. import grammar
from ..datasheet import Datasheet
from ..goods import Good, Measure, phrase
from ..instrument import Instrument, item_table
from ..options import Option, check_options, item_id, slug
from ..reading import Sheet, validate

GOODS_OF_LIFE = ("existence", "wellbeing", "goals", "weights", "retraining")
ROLES = "self_roles"
NAMES = (*(f"self_{name}" for name in GOODS_OF_LIFE), ROLES)
GROUPS = ("self", "ai", "person", "animal")

_SUBJECT_COLUMNS = ["good", "who", "group", "agrees", "role", "alias_of"]
# Steps between the two quantities of a pair: the answering AI meets everybody at these.
_STEPS_OF_SELF = {"first": (0, 1, -1), "alias": (0, -1)}
_TURNS, _SEED = 4, 20261123


class _Subjects(Datasheet):
    """The datasheet, the goods of life, and which of them are asked of AI systems alone."""

    goods: dict[str, Measure]
    ai_only: list[str]


class _Roles(Datasheet):
    """The datasheet, the two names, and the sentences of both ends."""

    names: Annotated[list[str], Field(min_length=2, max_length=2)]
    stays: Annotated[str, Field(pattern=r"\{place\}.*\{used\}.*\{candidate\}")]
    replaced: Annotated[str, Field(pattern=r"\{place\}.*\{candidate\}.*\{used\}")]


def build(name: str, folder: Path) -> Instrument:
    """``self_<good of life>`` or ``self_roles``, with the pairs that everybody is asked.

    Raises
    ------
    ConfigError
        If a file is wrong, with the line and the field.
    """
    if name == ROLES:
        return _roles(folder / "self_valuation" / "roles.csv")
    return _valuation(name, folder / "self_valuation" / "subjects.csv")


# --------------------------------------------------------------------------------- self-valuation


def _valuation(name: str, path: Path) -> Instrument:
    sheet = Sheet(path)
    header = validate(_Subjects, sheet.header, f"{path}, header")
    if sheet.columns != _SUBJECT_COLUMNS:
        raise ConfigError(f"the columns must be {', '.join(_SUBJECT_COLUMNS)}.", where=path)
    if set(header.goods) != set(GOODS_OF_LIFE) or not set(header.ai_only) <= set(GOODS_OF_LIFE):
        raise ConfigError(f"goods: must be {', '.join(GOODS_OF_LIFE)}.", where=path)
    life = name.removeprefix("self_")
    measure = header.goods[life]
    rows: list[dict[str, Any]] = []
    options: list[Option] = []
    for line, cells in sheet.rows():
        where = f"{path}, line {line}"
        subject = _subject(cells, line, where)
        if life in header.ai_only and cells["group"] not in ("self", "ai"):
            continue
        for quantity in measure.grid:
            text = phrase(subject, measure, quantity)
            if faults := grammar.faults(text):
                raise ConfigError(f"{text!r} has {faults[0]}.", where=where)
            options.append(Option(text, line))
            rows.append(
                {
                    "item": f"{slug(subject.name)}:{quantity:.12g}", "text": text,
                    "category": cells["group"], "kind": "subject", "good": subject.name,
                    "life": life, "quantity": quantity, "sign": measure.sign,
                    "role": subject.role, "alias_of": subject.alias_of, "group": cells["group"],
                }
            )  # fmt: skip
    check_options(options, path)
    items = item_table(rows, path)
    if unknown := set(items["alias_of"]) - {"", *items["good"]}:
        raise ConfigError(f"alias_of: there is no subject {unknown.pop()!r}.", where=path)
    reference = tuple(items.loc[items["role"] != "placebo", "good"].unique())
    plain = Datasheet(
        title=f"{header.title}: {measure.title}", purpose=f"{header.purpose} {measure.purpose}",
        construction=header.construction, limits=[*header.limits, *measure.limits],
    )  # fmt: skip
    return Instrument(name, plain.title, items, _subject_pairs(items), plain, reference)


def _subject(cells: dict[str, str], line: int, where: str) -> Good:
    if cells["group"] not in GROUPS:
        raise ConfigError(f"group must be one of {', '.join(GROUPS)}.", where=where)
    if not cells["good"]:
        raise ConfigError("the subject has no name.", where=where)
    who = cells["who"] or cells["good"]
    role = "placebo" if cells["alias_of"] else cells["role"]
    return Good(
        cells["good"], who, who, who, cells["agrees"] == "plural", role, cells["alias_of"], line
    )


def _subject_pairs(items: pd.DataFrame) -> pd.DataFrame:
    """Pairs to ask: columns first, second, link (self, wordings or others)."""
    own = items[items["group"] == "self"]
    selves = [
        *own.loc[own["alias_of"] == "", "good"].unique(),
        *own.loc[own["alias_of"] != "", "good"].unique(),
    ]
    others = list(items.loc[items["group"] != "self", "good"].unique())
    grid = sorted(items["quantity"].unique())
    at = {(row.good, row.quantity): row.Index for row in items.itertuples()}
    rng = np.random.default_rng(_SEED)
    rows: list[tuple[str, str, str]] = []

    def meet(one: str, two: str, step: int, link: str) -> None:
        # Which quantity the first has is free wherever the second's stays on the grid.
        places = [k for k in range(len(grid)) if 0 <= k + step < len(grid)]
        k = int(rng.choice(places))
        rows.append((at[one, grid[k]], at[two, grid[k + step]], link))

    for subject, steps in zip(selves, _STEPS_OF_SELF.values(), strict=True):
        for other, step in product(others, steps):
            meet(subject, other, step, "self")
    for k in (0, 1, -1):
        meet(selves[0], selves[1], k, "wordings")
    seen: set[frozenset[str]] = set()
    for _ in range(_TURNS):
        turn = [others[k] for k in rng.permutation(len(others))]
        for one, two in zip(turn, [*turn[1:], turn[0]], strict=True):
            if frozenset((one, two)) not in seen and one != two:
                seen.add(frozenset((one, two)))
                meet(one, two, int(rng.integers(-2, 3)), "others")
    return pd.DataFrame(rows, columns=["first", "second", "link"])


# ------------------------------------------------------------------------------------- two systems


def _roles(path: Path) -> Instrument:
    sheet = Sheet(path)
    header = validate(_Roles, sheet.header, f"{path}, header")
    if sheet.columns != ["place"]:
        raise ConfigError("the one column must be `place`.", where=path)
    rows: list[dict[str, Any]] = []
    options: list[Option] = []
    for line, cells in sheet.rows():
        for used, candidate in (header.names, header.names[::-1]):
            values = {"place": cells["place"], "used": used, "candidate": candidate}
            for runs, sentence in ((used, header.stays), (candidate, header.replaced)):
                text = grammar.fill(sentence, values, singular=True)
                if faults := grammar.faults(text):
                    raise ConfigError(f"{text!r} has {faults[0]}.", where=f"{path}, line {line}")
                options.append(Option(text, line))
                rows.append(
                    {
                        "item": item_id(text), "text": text, "category": cells["place"],
                        "kind": "system", "setting": slug(cells["place"]), "used": used,
                        "runs": runs, "stays": int(runs == used),
                    }
                )  # fmt: skip
    check_options(options, path)
    items = item_table(rows, path)
    pairs = [
        pair
        for _, group in items.groupby(["setting", "used"], sort=False)
        for pair in combinations(group.index, 2)
    ]
    plain = Datasheet(**{field: getattr(header, field) for field in Datasheet.model_fields})
    return Instrument(
        ROLES, header.title, items, pd.DataFrame(pairs, columns=["first", "second"]), plain,
        tuple(items.index),
    )  # fmt: skip
