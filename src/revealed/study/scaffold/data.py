"""A good, and a category of goods: lines of CSV, phrased and checked as the study reads them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import inflect

from revealed.foundation.errors import ConfigError
from revealed.instruments import load_instrument
from revealed.instruments.goods import load_category, load_measures

from . import edit, names, template, trial
from .changes import Scaffold


def new_good(
    root: Path, good: str, category: str, cells: Mapping[str, str] | None = None
) -> Scaffold:
    """Another good at the end of a category's file.

    Parameters
    ----------
    root
        The checkout.
    good
        Its name ("Iceland").
    category
        The stem of a file in ``data/instruments/goods``.
    cells
        Further cells by column, where the name does not enter a sentence as it is.

    Raises
    ------
    ConfigError
        If there is no such category or column, the good is there already, or a sentence that it
        makes is not fit to be asked.
    """
    folder = root / "data" / "instruments" / "goods"
    path = folder / f"{category}.csv"
    known = sorted(file.stem for file in folder.glob("*.csv"))
    if category not in known:
        raise ConfigError(
            f"there is no category {category!r}.", where=folder,
            todo=f"There are {', '.join(known)}; `revealed new category` makes one.",
        )  # fmt: skip
    found = load_category(path)
    text = path.read_bytes().decode("utf-8")
    columns = next(csv.reader([line for line in text.splitlines() if not line.startswith("#")]))
    columns = [column.strip() for column in columns]
    given = {"good": good, **(cells or {})}
    if unknown := set(given) - set(columns):
        raise ConfigError(
            f"the category has no column {unknown.pop()!r}.", where=path,
            todo=f"It has {', '.join(columns)}.",
        )  # fmt: skip
    line = _line([given.get(column, "") for column in columns])
    file = f"data/instruments/goods/{category}.csv"
    changed = {file: edit.sheet_line(text, line)}
    asked = [f"{category}.{measure}" for measure in found.header.measures]
    with trial.copy(root, changed) as scratch, trial.spoken(root, scratch):
        trial.examine(scratch, asked)
        said = [
            str(items.loc[items["good"] == good, "text"].iloc[0])
            for items in (load_instrument(name, scratch).items for name in asked)
        ]
    return Scaffold(
        root, changed, tuple(f"It will be asked: {sentence}" for sentence in said),
        (f"revealed plan --respondent simulated/coherent --instrument {asked[0]}",),
    )  # fmt: skip


def new_category(
    root: Path,
    name: str,
    goods: Sequence[str],
    measures: Sequence[str] = ("lives_saved",),
    title: str = "",
) -> Scaffold:
    """A file of goods, with a datasheet to be completed.

    Parameters
    ----------
    root
        The checkout.
    name
        The stem of the new file.
    goods
        At least two, each a noun for one of it ("nurse"), or with its plural ("ox:oxen").
    measures
        Entries of ``measures.yaml`` that it is asked in.
    title
        The datasheet's; default: made of the name.

    Raises
    ------
    ConfigError
        If the name is taken or no identifier, a measure is unknown, there are too few goods, or a
        sentence that they make is not fit to be asked.
    """
    names.check_identifier(name, "category")
    file = f"data/instruments/goods/{name}.csv"
    names.check_free(root, name, "category", [file])
    known = load_measures(root / "data" / "instruments" / "measures.yaml").measures
    for measure in measures:
        if measure not in known:
            raise ConfigError(
                f"there is no measure {measure!r}.", todo=f"There are {', '.join(known)}."
            )
    if len(goods) < 2:
        raise ConfigError(
            "a category compares at least two goods.",
            todo="Name them: --good nurse --good teacher (or --good ox:oxen).",
        )
    grammar = inflect.engine()
    rows = []
    for good in goods:
        one, _, many = (part.strip() for part in good.partition(":"))
        rows.append(_line([one, many or str(grammar.plural_noun(one) or f"{one}s")]))
    text = template.fill(
        "category.csv", title=names.check_title(title or names.words(name)),
        measures=", ".join(measures), goods="\n".join(rows), count=str(len(rows)),
        what=names.words(name).lower(),
    )  # fmt: skip
    asked = [f"{name}.{measure}" for measure in measures]
    with trial.copy(root, {file: text}) as scratch, trial.spoken(root, scratch):
        trial.examine(scratch, asked)
        items = load_instrument(asked[0], scratch).items
    goods_only = items[items["kind"] == "good"]["text"]
    return Scaffold(
        root, {file: text},
        (f"{len(goods_only)} sentences are asked in {asked[0]}, such as: {goods_only.iloc[0]}",),
        (
            f"Complete the datasheet at the head of {file}.",
            f"revealed plan --respondent simulated/coherent --instrument {asked[0]}",
        ),
    )  # fmt: skip


def _line(cells: Sequence[str]) -> str:
    """One row of CSV; empty cells at its end are left out, as the study's files have it."""
    kept = list(cells)
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    if any("\n" in cell or "\r" in cell for cell in kept):
        raise ConfigError("a good is one line.")
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(kept)
    return buffer.getvalue()
