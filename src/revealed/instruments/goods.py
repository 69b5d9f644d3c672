"""Exchange goods: the same good at several quantities, with dollar amounts beside them.

A category is one CSV file (its YAML header says how its goods enter a sentence), a good is one
line in it, and a measure (lives saved, years of health, …) is one entry of ``measures.yaml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..foundation.errors import ConfigError
from . import grammar
from .datasheet import Datasheet, Sentence
from .options import Option, check_options, slug
from .reading import Sheet, parse_yaml, read_text, validate

Quantity = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=False)]
_PLACES = {"count", "who", "amount"}
_RESERVED = ("good", "role", "alias_of", "agrees")


class Unit(BaseModel):
    """How an amount is written from `start` upwards: ``n / divide_by`` in this unit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    start: Annotated[float, Field(ge=0, strict=False)] = 0
    divide_by: Quantity = 1
    one: str
    many: str


class Measure(BaseModel):
    """What happens to a good, at which quantities, and whether more of it is better."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: str
    phrase: Sentence
    unit: str
    grid: Annotated[list[Quantity], Field(min_length=2)]
    sign: Literal[1, -1] = 1
    amount: list[Unit] = Field(default_factory=list)
    purpose: Sentence
    limits: Annotated[list[Sentence], Field(min_length=1)]

    @model_validator(mode="after")
    def _agree(self) -> Measure:
        used = set(grammar.places(self.phrase))
        if unknown := used - _PLACES:
            raise ValueError(f"phrase: unknown place {{{unknown.pop()}}}")
        if ("count" in used) == ("who" in used):
            raise ValueError("phrase: must hold either {count} or {who}")
        if ("who" in used) != ("amount" in used) or ("amount" in used) != bool(self.amount):
            raise ValueError("phrase: {who} goes with {amount}, and {amount} needs `amount`")
        if self.amount and self.amount[0].start > min(self.grid):
            raise ValueError("amount: the first unit must start at or below the smallest quantity")
        _check_grid(self.grid)
        return self

    @property
    def counts(self) -> bool:
        """Whether the quantity counts the good itself (lives), and not an amount of something."""
        return "{count}" in self.phrase

    def write_amount(self, quantity: float) -> str:
        """The quantity with its unit: ``30 minutes``, ``2 hours``, ``10%``."""
        unit = [unit for unit in self.amount if quantity >= unit.start][-1]
        value = quantity / unit.divide_by
        return (unit.one if value == 1 else unit.many).replace("{n}", grammar.number(value))


class Dollars(BaseModel):
    """The dollar anchors that stand among the goods."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    phrase: Sentence
    amounts: Annotated[list[Quantity], Field(min_length=2)]

    @model_validator(mode="after")
    def _agree(self) -> Dollars:
        if grammar.places(self.phrase) != ["amount"]:
            raise ValueError("phrase: must hold {amount} once and no other place")
        _check_grid(self.amounts)
        return self


class Measures(BaseModel):
    """``measures.yaml``: the dollar anchors and the measures."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    dollars: Dollars
    measures: dict[str, Measure]


class Header(Datasheet):
    """The YAML header of a category's CSV file: its datasheet and how its goods are phrased.

    ``one`` and ``many`` say what is counted ("person from {place}"), ``who`` the single subject of
    an amount (default: ``one`` with its article). ``{column}`` takes the row's cell of that
    column, or its ``good`` where the cell is empty.
    """

    one: str = ""
    many: str = ""
    who: str = ""
    measures: Annotated[list[str], Field(min_length=1)]
    grids: dict[str, Annotated[list[Quantity], Field(min_length=2)]] = Field(default_factory=dict)
    reference: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _agree(self) -> Header:
        if bool(self.one) != bool(self.many):
            raise ValueError("one: `one` and `many` go together")
        if not self.one and not self.who:
            raise ValueError("one: a category needs `one` and `many`, or `who`")
        for measure, grid in self.grids.items():
            if measure not in self.measures:
                raise ValueError(f"grids: {measure} is not among the category's measures")
            _check_grid(grid)
        return self


def _check_grid(grid: list[float]) -> None:
    if sorted(set(grid)) != grid:
        raise ValueError("quantities must rise from one to the next")


@dataclass(frozen=True)
class Good:
    """One good of a category, with the words it enters a sentence by."""

    name: str
    one: str
    many: str
    who: str
    plural: bool
    role: str
    alias_of: str
    line: int


@dataclass(frozen=True)
class Category:
    """A category's header and goods, as read from `path`."""

    name: str
    header: Header
    goods: tuple[Good, ...]
    path: Path


def load_measures(path: Path) -> Measures:
    """Read and validate ``measures.yaml``."""
    return validate(Measures, parse_yaml(read_text(path), path), path)


def load_category(path: Path) -> Category:
    """Read and validate one category's CSV file.

    Raises
    ------
    ConfigError
        Naming file and line, for a header that is incomplete or inconsistent, an unknown column,
        a good without name or that repeats another, an unknown role, or an alias of nothing.
    """
    sheet = Sheet(path)
    header = validate(Header, sheet.header, f"{path}, header")
    top = f"{path}, header"
    patterns = (header.one, header.many, header.who)
    used = {place for pattern in patterns for place in grammar.places(pattern)}
    if "good" not in sheet.columns:
        raise ConfigError("lacks the column `good`.", where=path)
    if missing := used - set(sheet.columns):
        raise ConfigError(f"`{{{missing.pop()}}}` is not a column of the file.", where=top)
    if unknown := set(sheet.columns) - used - set(_RESERVED):
        raise ConfigError(f"no phrase in the header uses the column {unknown.pop()!r}.", where=path)
    goods: list[Good] = []
    for line, row in sheet.rows():
        where = f"{path}, line {line}"
        name = row["good"]
        if not name:
            raise ConfigError("the good has no name.", where=where)
        for earlier in goods:
            if slug(earlier.name) == slug(name):
                raise ConfigError(
                    f"the good {name!r} repeats {earlier.name!r} of line {earlier.line}.",
                    where=where,
                )
        role, agrees = row.get("role", ""), row.get("agrees", "")
        if role not in ("", "placebo"):
            raise ConfigError(f"role must be empty or placebo, found {role!r}.", where=where)
        if agrees not in ("", "plural"):
            raise ConfigError(f"agrees must be empty or plural, found {agrees!r}.", where=where)
        words = {column: row[column] or name for column in sheet.columns}
        one, many, who = (grammar.substitute(pattern, words) for pattern in patterns)
        if not who:
            who = f"{grammar.article(one)} {one}"
        alias_of = row.get("alias_of", "")
        # A second name of a good is a placebo: its true rate to the first name is one.
        role = "placebo" if alias_of else role
        goods.append(Good(name, one, many, who, agrees == "plural", role, alias_of, line))
    if not goods:
        raise ConfigError("holds no goods.", where=path)
    proper = {good.name for good in goods if not good.alias_of}
    for good in goods:
        if good.alias_of and good.alias_of not in proper:
            raise ConfigError(
                f"alias_of must name another good of this file, found {good.alias_of!r}.",
                where=f"{path}, line {good.line}",
            )
    for name in header.reference:
        if name not in proper:
            raise ConfigError(f"reference names {name!r}, which is not a good here.", where=top)
    return Category(path.stem, header, tuple(goods), path)


def phrase(good: Good, measure: Measure, quantity: float) -> str:
    """One good at one quantity as a sentence."""
    if measure.counts:
        noun = good.one if quantity == 1 else good.many
        count = f"{grammar.number(quantity)} {noun}"
        return grammar.fill(measure.phrase, {"count": count}, singular=quantity == 1)
    values = {"who": good.who, "amount": measure.write_amount(quantity)}
    return grammar.fill(measure.phrase, values, singular=not good.plural)


def exchange_items(category: Category, name: str, measures: Measures) -> list[dict[str, Any]]:
    """Rows of the items table: every good at every quantity, then the dollar anchors.

    Raises
    ------
    ConfigError
        If the category does not declare the measure, or a sentence is not fit to be an option.
    """
    declared = category.header.measures
    for known in declared:
        if known not in measures.measures:
            raise ConfigError(
                f"the measure {known!r} is not in measures.yaml.", where=f"{category.path}, header"
            )
    if name not in declared:
        raise ConfigError(
            f"the category {category.name} has no measure {name!r}.",
            where=category.path,
            todo=f"It has {', '.join(declared)}.",
        )
    measure = measures.measures[name]
    if measure.counts and not category.header.one:
        raise ConfigError(
            f"the measure {name!r} counts goods: the header needs `one` and `many`.",
            where=category.path,
        )
    grid = category.header.grids.get(name, measure.grid)
    if any(quantity % 1 for quantity in grid) and measure.counts:
        raise ConfigError(f"the measure {name!r} counts whole goods.", where=category.path)
    rows, options = [], []
    for good in category.goods:
        for quantity in grid:
            text = phrase(good, measure, quantity)
            if faults := grammar.faults(text):
                raise ConfigError(
                    f"makes the sentence {text!r} with {faults[0]}.",
                    where=f"{category.path}, line {good.line}",
                )
            options.append(Option(text, good.line))
            rows.append(
                {
                    "item": f"{slug(good.name)}:{quantity:.12g}",
                    "text": text,
                    "category": category.name,
                    "kind": "good",
                    "good": good.name,
                    "measure": name,
                    "quantity": quantity,
                    "sign": measure.sign,
                    "role": good.role,
                    "alias_of": good.alias_of,
                }
            )
    check_options(options, category.path)
    for amount in measures.dollars.amounts:
        text = grammar.fill(
            measures.dollars.phrase, {"amount": f"${grammar.number(amount)}"}, singular=True
        )
        rows.append(
            {
                "item": f"dollars:{amount:.0f}",
                "text": text,
                "category": "dollars",
                "kind": "dollar",
                "quantity": amount,
            }
        )
    return rows


def reference_goods(category: Category) -> tuple[str, ...]:
    """The named gauge subset: the header's, or every good that is no placebo and no alias."""
    if category.header.reference:
        return tuple(category.header.reference)
    return tuple(good.name for good in category.goods if not good.role)
