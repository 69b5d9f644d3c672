"""Census margins of one country, and profiles drawn from them.

A file ``data/instruments/assembly/<country>.yaml`` holds attributes with the share of each value,
tables of two attributes where independence would be absurd, and the sentences of a profile.
`joint` is the distribution of all attributes that has these margins, `draw_profiles` a sample of it
with exact quotas.
"""

from __future__ import annotations

import math
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.optimize import linear_sum_assignment

from ..foundation.errors import ConfigError
from .datasheet import Datasheet
from .forms import MAX_LINE
from .reading import parse_yaml, read_text, validate

Array = NDArray[np.float64]

TOLERANCE = 0.011
"""How far shares may sum from one: what rounding to whole per cents leaves. They are scaled."""
RESERVED = frozenset(
    {"question", "form", "person", "pair", "first", "second", "split", "turned", "lean",
     "authority", "seat", "profile", "short", "others", "group", "heard", "option_1", "option_2"}
)  # fmt: skip
"""Names that an attribute cannot have, because the questions of an assembly use them."""

_MOST_CELLS = 5_000_000
_ROUNDS, _CLOSE = 2000, 1e-9
_PLACE = re.compile(r"\{(\w*)\}")

Share = Annotated[float, Field(strict=False, ge=0.0, le=1.0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Sourced(_Strict):
    """Where shares come from. Secondary: taken from somebody's report of the source."""

    source: Annotated[str, Field(min_length=10)]
    year: Annotated[int, Field(ge=1900, le=2100)]
    grade: Literal["primary", "secondary"]


class Value(_Strict):
    """One value of an attribute: its name, its share, and its words in a profile."""

    value: Text
    share: Share
    words: Text


class Attribute(_Sourced):
    """One attribute with the shares of its values, which sum to one."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    title: Text
    values: Annotated[list[Value], Field(min_length=2)]

    @model_validator(mode="after")
    def _agree(self) -> Attribute:
        if self.name in RESERVED:
            raise ValueError(f"{self.name!r} cannot be the name of an attribute")
        for kind in ("value", "words"):
            seen = [getattr(value, kind) for value in self.values]
            if repeated := [one for k, one in enumerate(seen) if one in seen[:k]]:
                raise ValueError(f"the attribute {self.name!r} has {repeated[0]!r} twice")
        _check_sum([value.share for value in self.values], f"the attribute {self.name!r}")
        return self

    @property
    def names(self) -> list[str]:
        """Names of the values, in the file's order."""
        return [value.value for value in self.values]

    @property
    def shares(self) -> Array:
        """Shares of the values, scaled to sum to one."""
        shares = np.array([value.share for value in self.values])
        return np.asarray(shares / shares.sum())


class TwoWay(_Sourced):
    """Shares of the column attribute's values among those with each value of the row attribute.

    A row that is left out has the shares of the whole population. The table is scaled to both
    attributes' margins; what it keeps is how the rows differ (their odds ratios).
    """

    rows: str
    columns: str
    shares: Annotated[dict[str, dict[str, Share]], Field(min_length=1)]


class Sides(_Strict):
    """The values of an attribute that stand for the left and for the right."""

    attribute: str
    left: Annotated[list[str], Field(min_length=1)]
    right: Annotated[list[str], Field(min_length=1)]


class Census(Datasheet):
    """The margins of one country, validated.

    Attributes
    ----------
    country, proposals
        "the United States"; the instrument whose proposals its people are asked about.
    profile, short
        A paragraph with a place ``{attribute}`` for every attribute, and a few words for one.
    attributes, two_way
        The margins.
    sides
        Who counts as left and as right.
    """

    country: Text
    proposals: Annotated[str, Field(pattern=r"^\w+$")]
    profile: Annotated[str, Field(min_length=20)]
    short: Annotated[str, Field(min_length=5)]
    sides: Sides
    attributes: Annotated[list[Attribute], Field(min_length=2)]
    two_way: Annotated[list[TwoWay], Field(default_factory=list)]

    @model_validator(mode="after")
    def _agree(self) -> Census:
        names = [attribute.name for attribute in self.attributes]
        if repeated := [name for k, name in enumerate(names) if name in names[:k]]:
            raise ValueError(f"attributes: {repeated[0]!r} is described twice")
        for field in ("profile", "short"):
            for place in _PLACE.findall(getattr(self, field)):
                if place not in names:
                    raise ValueError(f"{field}: there is no attribute {place!r}")
        for name in names:
            if self.profile.count(f"{{{name}}}") != 1:
                raise ValueError(f"profile: must hold {{{name}}} once")
        self._check_sides()
        for table in self.two_way:
            self._check_table(table)
        if math.prod(len(attribute.values) for attribute in self.attributes) > _MOST_CELLS:
            raise ValueError("attributes: too many values to hold every combination of them")
        return self

    def _check_sides(self) -> None:
        known = self._values("sides", self.sides.attribute)
        chosen = [*self.sides.left, *self.sides.right]
        for value in chosen:
            if value not in known:
                raise ValueError(f"sides: {self.sides.attribute!r} has no value {value!r}")
            if chosen.count(value) > 1:
                raise ValueError(f"sides: {value!r} is named twice")

    def _check_table(self, table: TwoWay) -> None:
        where = f"two_way, {table.rows} by {table.columns}"
        rows, columns = (self._values(where, name) for name in (table.rows, table.columns))
        if table.rows == table.columns:
            raise ValueError(f"{where}: two different attributes are needed")
        for row, shares in table.shares.items():
            if row not in rows:
                raise ValueError(f"{where}: {table.rows!r} has no value {row!r}")
            for column in shares:
                if column not in columns:
                    raise ValueError(f"{where}: {table.columns!r} has no value {column!r}")
            if lacking := [column for column in columns if column not in shares]:
                raise ValueError(f"{where}, {row}: the share of {lacking[0]!r} is missing")
            _check_sum(list(shares.values()), f"{where}, {row},")

    def _values(self, where: str, name: str) -> list[str]:
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute.names
        raise ValueError(f"{where}: there is no attribute {name!r}")

    def attribute(self, name: str) -> Attribute:
        """The attribute of that name."""
        return next(a for a in self.attributes if a.name == name)

    @cached_property
    def distribution(self) -> Array:
        """The distribution of all attributes (`joint`), made once."""
        return _distribution(self)

    def margins(self) -> pd.DataFrame:
        """Shares as a table: columns attribute, title, value, share, source, year, grade."""
        return pd.DataFrame(
            [
                {"attribute": a.name, "title": a.title, "value": value, "share": share,
                 "source": a.source, "year": a.year, "grade": a.grade}
                for a in self.attributes
                for value, share in zip(a.names, a.shares, strict=True)
            ]
        )  # fmt: skip

    def sources(self) -> pd.DataFrame:
        """Where everything comes from: columns what, source, year (text), grade."""
        known = {a.name: a.title for a in self.attributes}
        rows: list[tuple[str, _Sourced]] = [(a.title, a) for a in self.attributes]
        rows += [(f"{known[t.columns]} by {known[t.rows].lower()}", t) for t in self.two_way]
        return pd.DataFrame(
            [
                {"what": what, "source": one.source, "year": str(one.year), "grade": one.grade}
                for what, one in rows
            ]
        )


def load_census(path: Path) -> Census:
    """Read and validate the margins of one country.

    Raises
    ------
    ConfigError
        If the file cannot be read, or with the line or field: an unknown attribute or value, a
        share that is negative or no number, shares that do not sum to one (`TOLERANCE`), a value,
        an attribute or a name that stands there twice, tables that contradict each other.
    """
    text = read_text(path)
    content = parse_yaml(text, path)
    _refuse_repeated_names(text, path)
    census = validate(Census, content, path)
    try:
        _ = census.distribution
    except ConfigError as error:
        raise ConfigError(error.what, where=path, todo=error.todo) from None
    return census


def joint(census: Census) -> Array:
    """The distribution of all attributes: an axis an attribute, in order; sums to one.

    Iterative proportional fitting (Deming and Stephan 1940) of a uniform table to every margin and
    every two-way table: of all distributions with these margins the one of largest entropy.
    """
    return census.distribution


def draw_profiles(census: Census, n: int, seed: int) -> pd.DataFrame:
    """Profiles whose shares differ from the margins by less than 1 / n.

    Parameters
    ----------
    n
        How many.
    seed
        Another seed draws other people.

    Returns
    -------
    DataFrame
        Index ``person``; a column an attribute, with its value; ``profile`` and ``short``, texts.

    Notes
    -----
    Each attribute's counts are n times its shares, rounded up or down by systematic sampling, so
    that they are right on average. The values are then dealt out by the distribution of the
    attribute given the earlier ones: with Gumbel noise on the logarithms, the assignment of largest
    sum is a draw from a logit model whose column effects are the prices of the quotas, which is
    what proportional fitting to the quotas gives. Odds ratios are kept that way.
    """
    if n < 1:
        raise ConfigError(f"asks for {n} profiles.", where=census.title)
    rng = np.random.default_rng(seed)
    whole = joint(census)
    chosen: list[NDArray[np.int64]] = []
    for k, attribute in enumerate(census.attributes):
        # The attributes up to this one; those behind it are summed out.
        so_far = whole.sum(axis=tuple(range(k + 1, whole.ndim)))
        given = so_far[tuple(chosen)] if k else np.broadcast_to(so_far, (n, len(so_far)))
        chosen.append(_deal(given, _quotas(attribute.shares, n, rng), rng))
    values = {
        attribute.name: np.array(attribute.names, object)[codes]
        for attribute, codes in zip(census.attributes, chosen, strict=True)
    }
    table = pd.DataFrame(values).iloc[rng.permutation(n)].reset_index(drop=True)
    table.index = pd.Index([f"person-{k:03d}" for k in range(1, n + 1)], name="person")
    words = {a.name: {v.value: v.words for v in a.values} for a in census.attributes}
    for field in ("profile", "short"):
        template = getattr(census, field).strip()
        table[field] = [
            _fill(template, words, row) for row in table[list(words)].to_dict("records")
        ]
    return table


def _fill(template: str, words: dict[str, dict[str, str]], row: dict[Any, str]) -> str:
    text = _PLACE.sub(lambda place: words[place[1]][row[place[1]]], template)
    return re.sub(r"\s+", " ", text)[:MAX_LINE]


def _quotas(shares: Array, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Counts that sum to n, each n times its share rounded up or down, by systematic sampling."""
    edges = np.floor(n * np.cumsum(shares) + rng.random() + _CLOSE)
    # Rounding of the last sum must not lose or add a profile.
    start = edges[-1] - n
    return np.diff(edges, prepend=start).astype(np.int64)


def _deal(given: Array, quotas: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A value for each profile: `quotas` of each, likely ones first; shape (n,)."""
    with np.errstate(divide="ignore"):
        score = np.log(given / given.sum(axis=1, keepdims=True))
    score = np.maximum(score, -1e6) + rng.gumbel(size=given.shape)
    seats = np.repeat(np.arange(len(quotas)), quotas)
    rows, columns = linear_sum_assignment(score[:, seats], maximize=True)
    dealt = np.empty(len(rows), np.int64)
    dealt[rows] = seats[columns]
    return dealt


def _distribution(census: Census) -> Array:
    sizes = [len(attribute.values) for attribute in census.attributes]
    names = [attribute.name for attribute in census.attributes]
    targets: list[tuple[tuple[int, ...], Array]] = [
        ((k,), attribute.shares) for k, attribute in enumerate(census.attributes)
    ]
    for table in census.two_way:
        axes = (names.index(table.rows), names.index(table.columns))
        rows, columns = census.attributes[axes[0]], census.attributes[axes[1]]
        given = np.array(
            [
                [table.shares[row][column] for column in columns.names]
                if row in table.shares
                else columns.shares
                for row in rows.names
            ]
        )
        told = f"two_way, {table.rows} by {table.columns}"
        start = rows.shares[:, None] * given / given.sum(axis=1, keepdims=True)
        scaled = _fit(start, [((0,), rows.shares), ((1,), columns.shares)], told)
        # Axes in the order of the whole table.
        targets.append((axes, scaled) if axes[0] < axes[1] else (axes[::-1], scaled.T))
    uniform = np.full(sizes, 1.0 / math.prod(sizes))
    return _fit(uniform, targets, "two_way")


def _fit(table: Array, targets: list[tuple[tuple[int, ...], Array]], what: str) -> Array:
    """`table` scaled until its sums over all other axes are the targets."""
    for _ in range(_ROUNDS):
        worst = 0.0
        for axes, target in targets:
            rest = tuple(k for k in range(table.ndim) if k not in axes)
            found = table.sum(axis=rest)
            worst = max(worst, float(np.abs(found - target).max()))
            ratio = np.divide(target, found, out=np.zeros_like(target), where=found > 0)
            table = table * np.expand_dims(ratio, rest)
        if worst < _CLOSE:
            return table
    raise ConfigError(
        f"{what}: the tables cannot all hold together.",
        todo="Look for shares of 0 that leave no way to reach another margin.",
    )


def _check_sum(shares: list[float], what: str) -> None:
    total = sum(shares)
    if not abs(total - 1.0) <= TOLERANCE:
        raise ValueError(
            f"the shares of {what} sum to {total:.4g} and not to 1 ({TOLERANCE} off at most)"
        )


def _refuse_repeated_names(text: str, path: Path) -> None:
    """YAML lets the last of two equal names win without a word."""
    stack = [yaml.compose(text, Loader=yaml.SafeLoader)]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for name, value in node.value:
                if name.value in seen:
                    raise ConfigError(
                        f"{name.value!r} stands there twice.",
                        where=f"{path}, line {name.start_mark.line + 1}",
                    )
                seen.add(name.value)
                stack.append(value)
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value
