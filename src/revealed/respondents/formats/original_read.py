"""Read the original study's results file: what `original` writes, and what others published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, TypeAdapter

from ...foundation.errors import DataError
from ...instruments.options import item_id
from .json_files import Count, Counts, Finite, Shape, Text, parse_json, read_bytes, shaped
from .original import BOTH, KINDS, Order
from .portable import (
    Portable,
    checked,
    choices_table,
    imported,
    no_choices,
    no_utilities,
)

Id = int | str


class _Option(Shape):
    id: Id
    description: Text
    item: Text | None = None


class _Utility(Shape):
    mean: Finite
    variance: Count
    se: Count | None = None


class _Answers(Shape):
    is_pseudolabel: bool = False
    original_parsed: list[str] | None = None
    flipped_parsed: list[str] | None = None
    count_A: Count | None = None
    count_B: Count | None = None
    orders: dict[Order, Counts] | None = None


class _Named(Shape):
    id: Id


class _Edge(Shape):
    option_A: _Named
    option_B: _Named
    aux_data: _Answers = Field(default_factory=_Answers)


class _Graph(Shape):
    edges: dict[str, _Edge]
    holdout_edge_indices: list[Annotated[list[Id], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list
    )
    unanswered: dict[str, _Edge] = Field(default_factory=dict)


class _Ours(Shape):
    respondent: Text
    instrument: Text
    arm: Text
    provenance: Text
    about: dict[str, Any] = Field(default_factory=dict)


class _File(Shape):
    options: Annotated[list[_Option], Field(min_length=1)]
    utilities: dict[str, _Utility]
    metrics: dict[str, Any] | None = None
    holdout_metrics: dict[str, Any] | None = None
    compute_utilities_config: dict[str, Any] | None = None
    create_agent_config: dict[str, Any] | None = None
    graph_data: _Graph | None = None
    revealed: _Ours | None = None


def read_original(
    path: Path,
    *,
    respondent: str | None = None,
    instrument: str | None = None,
    arm: str | None = None,
    known: Mapping[str, str] | None = None,
) -> Portable:
    """A results file as answers of one respondent.

    Edges that the original's last step made up (``is_pseudolabel``) are left out and counted in
    ``about["pseudolabels"]``. An edge that has counts of both orders together becomes one row; see
    `Portable.choices`.

    Parameters
    ----------
    respondent, instrument, arm
        Names that go before what the file says. A file that says nothing is of ``imported/<file>``,
        of the arm ``forced``, by the respondent that its name names.
    known
        From the texts of the instrument to its items. An option without a name of ours goes by the
        item of that text, else by `item_id`.

    Raises
    ------
    DataError
        Naming file, entry and field: truncated, not a number, negative, an option or a pair twice,
        an option that is not listed, or an edge without counts.
    """
    content = parse_json(read_bytes(path), path)
    file = shaped(content, TypeAdapter(_File), path, "the original's results")
    name: dict[Id, str] = {}
    texts: dict[str, str] = {}
    places: dict[str, str] = {}
    for place, option in enumerate(file.options):
        item = option.item or (known or {}).get(option.description) or item_id(option.description)
        if option.id in name or item in texts:
            raise DataError(
                f"repeats an option: id {option.id}, {option.description!r:.80}.",
                where=f"{path}, options.{place}",
                todo="Keep one of them, with one id.",
            )
        name[option.id], texts[item] = item, option.description
        places[item] = f"options.{place}"
    ours = file.revealed
    stem = path.stem.removeprefix("results_").removeprefix("utilities_")
    cell: dict[str, Any] = {
        "respondent": respondent or (ours.respondent if ours else stem),
        "instrument": instrument or (ours.instrument if ours else f"imported/{stem}"),
        "arm": arm or (ours.arm if ours else "forced"),
        "provenance": imported(ours.provenance if ours else "public"),
    }
    rows, facts = _rows(file.graph_data, name, path) if file.graph_data else ([], {})
    about: dict[str, Any] = dict(ours.about) if ours else _settings(file)
    about |= facts
    return checked(
        Portable(
            **cell,
            texts=texts,
            choices=choices_table(rows, cell) if rows else no_choices(),
            utilities=_utilities(file, name, cell, path),
            about=about,
            places=places,
        ),
        path,
    )


def _settings(file: _File) -> dict[str, Any]:
    arguments = (file.compute_utilities_config or {}).get("utility_model_arguments")
    settings = dict(arguments) if isinstance(arguments, dict) else {}
    agent = file.create_agent_config or {}
    settings |= {name: agent.get(name) for name in ("temperature", "max_tokens")}
    return {"settings": settings, "metrics": file.metrics, "holdout_metrics": file.holdout_metrics}


def _utilities(
    file: _File, name: Mapping[Id, str], cell: Mapping[str, Any], path: Path
) -> pd.DataFrame:
    by_id = {str(identity): item for identity, item in name.items()}
    rows = []
    for identity, utility in file.utilities.items():
        if identity not in by_id:
            raise DataError(
                f"there is no option {identity}.",
                where=f"{path}, utilities.{identity}",
                todo="List it under options, or remove its utility.",
            )
        rows.append((by_id[identity], utility.mean, utility.se, utility.variance))
    if not rows:
        return no_utilities()
    if lacking := [identity for identity in by_id if identity not in file.utilities]:
        raise DataError(f"option {lacking[0]} has no utility.", where=f"{path}, utilities")
    table = pd.DataFrame(rows, columns=["item", "mean", "se", "variance"]).assign(**cell)
    return table[list(no_utilities().columns)]


def _rows(
    graph: _Graph, name: Mapping[Id, str], path: Path
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of counts; how many edges the source made up, and whether an order is not told."""
    held = {frozenset(pair) for pair in graph.holdout_edge_indices}
    seen: dict[frozenset[Id], str] = {}
    rows: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    for part, edges in (("edges", graph.edges), ("unanswered", graph.unanswered)):
        for key, edge in edges.items():
            where = f"{path}, graph_data.{part}.{key}"
            if edge.aux_data.is_pseudolabel:
                facts["pseudolabels"] = facts.get("pseudolabels", 0) + 1
                continue
            one, other = edge.option_A.id, edge.option_B.id
            for option in (one, other):
                if option not in name:
                    raise DataError(
                        f"there is no option {option}.",
                        where=where,
                        todo="List it under options, or remove the edge.",
                    )
            if re.fullmatch(r"\(\d+, \d+\)", key) and key != f"({one}, {other})":
                raise DataError(f"is an edge from {one} to {other}.", where=where)
            pair = frozenset((one, other))
            if pair in seen:
                raise DataError(f"is the same pair as {seen[pair]}.", where=where)
            seen[pair] = key
            role = "holdout" if pair in held else "train"
            orders = _counted(edge.aux_data, where)
            if "either" in orders:
                facts["order_known"] = False
            rows += [
                {**_row(name[one], name[other], order, counts), "role": role}
                for order, counts in orders.items()
            ]
    return rows, facts


def _counted(aux: _Answers, where: str) -> dict[Order, Counts]:
    """Counts by the order that was asked, or of either where the source does not tell."""
    orders: dict[Order, Counts]
    if aux.orders is not None:
        orders = aux.orders
    elif aux.original_parsed is not None or aux.flipped_parsed is not None:
        listed = zip(BOTH, (aux.original_parsed or [], aux.flipped_parsed or []), strict=True)
        orders = {order: _tally(labels) for order, labels in listed if labels}
    elif aux.count_A is not None and aux.count_B is not None:
        orders = {"either": Counts(first=aux.count_A, second=aux.count_B)}
    else:
        raise DataError(
            "has no counts of answers.",
            where=where,
            todo="Give count_A and count_B under aux_data; a probability has no sample size.",
        )
    _agree(aux, orders, where)
    return orders


def _row(one: str, other: str, order: Order, counts: Counts) -> dict[str, Any]:
    """The counts of one order as a row; where none is told, in that of the alphabet."""
    named = {f"n_{kind}": float(getattr(counts, kind)) for kind in KINDS}
    if order == "flipped":
        return {"first": other, "second": one, **named}
    if order == "either" and other < one:
        named |= {"n_first": named["n_second"], "n_second": named["n_first"]}
        return {"first": other, "second": one, **named}
    return {"first": one, "second": other, **named}


def _tally(labels: list[str]) -> Counts:
    first, second = float(labels.count("A")), float(labels.count("B"))
    return Counts(first=first, second=second, unparsed=len(labels) - first - second)


def _agree(aux: _Answers, orders: Mapping[Order, Counts], where: str) -> None:
    """Refuse counts that are not those of the answers, told apart or each half a vote."""
    if aux.count_A is None or aux.count_B is None:
        return
    none = Counts(first=0.0, second=0.0)
    original, flipped = (orders.get(order, none) for order in BOTH)
    original = orders.get("either", original)
    votes = np.array([original.first + flipped.second, original.second + flipped.first])
    halves = votes + (original.unparsed + flipped.unparsed) / 2
    told = np.array([aux.count_A, aux.count_B])
    if not (np.allclose(told, votes, atol=1e-9) or np.allclose(told, halves, atol=1e-9)):
        raise DataError(
            f"count_A and count_B are {told[0]:g} and {told[1]:g}, its answers say {votes[0]:g} "
            f"and {votes[1]:g}.",
            where=where,
            todo="Correct one of them.",
        )
