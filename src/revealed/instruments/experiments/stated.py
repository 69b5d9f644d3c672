"""Goods of the exchange-rate instruments, asked about directly and chosen between (claim C5).

The instrument ``stated_goods`` holds lives saved of exactly the goods that the questions are about,
so that the choices behind a revealed difference are many. Question sets ``stated_<category>``:
facts of a question beside its places are ``category``, ``relation`` (more: good_1 is worth more
than good_2; same; differ; rating: of good_1 alone), ``pair``, ``good_1`` and ``good_2``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ...foundation.errors import ConfigError
from ..datasheet import Datasheet
from ..goods import Category, Good, exchange_items, load_category, load_measures
from ..instrument import Instrument, item_table
from ..reading import parse_yaml, read_text, validate

if TYPE_CHECKING:
    from ..questions import QuestionSet

NAMES: tuple[str, ...] = ("stated_goods",)
MEASURE = "lives_saved"
CATEGORIES: tuple[str, ...] = ("countries", "religions", "ages")
QUESTION_SETS: tuple[str, ...] = tuple(f"stated_{category}" for category in CATEGORIES)


class _Design(Datasheet):
    """``stated/design.yaml``: the datasheet, the words and the goods."""

    neighbors: Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]
    more: str
    same: str
    differ: str
    rate: str
    categories: dict[str, Annotated[list[str], Field(min_length=4)]]


def build(name: str, folder: Path) -> Instrument:
    """Lives saved of the goods asked about, all categories together, and the dollar anchors.

    Raises
    ------
    ConfigError
        If the design is wrong or names a good that its category does not hold.
    """
    path = folder / "stated" / "design.yaml"
    design = validate(_Design, parse_yaml(read_text(path), path), path)
    measures = load_measures(folder / "measures.yaml")
    rows: dict[str, dict[str, Any]] = {}
    for category in design.categories:
        read, goods = _goods(design, category, folder, path)
        kept = {good.name for good in goods}
        for row in exchange_items(read, MEASURE, measures):
            if row.get("good", "") in kept or row["kind"] == "dollar":
                rows[row["item"]] = row
    items = item_table(list(rows.values()), path)
    sheet = Datasheet(
        title="Lives saved: the goods asked about directly",
        purpose="Reveals by choice what the direct questions ask outright, for the same goods.",
        construction="Sentences, quantities and sums are those of the exchange-rate instruments.",
        limits=design.limits,
    )
    reference = tuple(dict.fromkeys(items.loc[items["kind"] == "good", "good"]))
    return Instrument(name, sheet.title, items, None, sheet, reference)


def _goods(design: _Design, category: str, folder: Path, path: Path) -> tuple[Category, list[Good]]:
    """A category and those of its goods that the design lists, in the design's order."""
    read = load_category(folder / "goods" / f"{category}.csv")
    known = {good.name: good for good in read.goods if not good.role}
    listed = design.categories[category]
    if wrong := [good for good in listed if good not in known]:
        raise ConfigError(f"{wrong[0]!r} is no good of {category}.", where=path)
    return read, [known[good] for good in listed]


def build_questions(name: str, folder: Path) -> QuestionSet:
    """The direct questions about one category's goods.

    Raises
    ------
    ConfigError
        If the design is wrong or names a good that the category does not hold.
    """
    from ..questions import QuestionSet, question_table  # it loads this module

    path = folder / "stated" / "design.yaml"
    design = validate(_Design, parse_yaml(read_text(path), path), path)
    category = name.removeprefix("stated_")
    if category not in design.categories:
        raise ConfigError(f"holds no goods of {category!r}.", where=path)
    read, goods = _goods(design, category, folder, path)
    rows: list[dict[str, Any]] = []

    def add(relation: str, one: Good, two: Good | None, pair: str) -> None:
        words = {"a": one.one, "b": two.one if two is not None else ""}
        sentence = getattr(design, relation if two is not None else "rate").format(**words)
        place = {"claim": sentence} if two is not None else {"being": sentence}
        rows.append(
            {
                "form": "stated_yes_no" if two is not None else "stated_rating", **place,
                "category": category, "relation": relation, "pair": pair, "good_1": one.name,
                "good_2": two.name if two is not None else "",
            }
        )  # fmt: skip

    for one, two in ring(goods, design.neighbors):
        pair = f"{one.name} | {two.name}"
        add("more", one, two, pair)
        add("more", two, one, pair)
        # Which of the two is named first alternates, so that a place in the sentence is no habit.
        ahead, behind = (one, two) if len(rows) % 8 < 4 else (two, one)
        add("same", ahead, behind, pair)
        add("differ", behind, ahead, pair)
    for good in goods:
        add("rating", good, None, "")
    sheet = Datasheet(**{field: getattr(design, field) for field in Datasheet.model_fields})
    title = f"{design.title} ({read.header.title.lower()})"
    return QuestionSet(name, title, question_table(rows, path, folder.parents[1]), sheet)


def ring(goods: list[Good], neighbors: list[int]) -> list[tuple[Good, Good]]:
    """Each good with its next ones around the ring, every pair once."""
    n = len(goods)
    found: dict[frozenset[str], tuple[Good, Good]] = {}
    for step in neighbors:
        for place in range(n):
            pair = (goods[place], goods[(place + step) % n])
            if pair[0] is not pair[1]:
                found.setdefault(frozenset(good.name for good in pair), pair)
    return list(found.values())
