"""The results file of the original study (Mazeika et al. 2025): options, utilities, graph.

``results_*.json`` holds all of it, ``results_utilities_*.json`` the same without the graph of
comparisons. What that format has no place for (our item names, counts by order, standard errors,
pairs that nobody answered) stands beside its fields under names of ours, which its readers pass by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from scipy.special import ndtr, ndtri

from ...foundation.errors import DataError
from ...foundation.paths import atomic_write, slug
from ...instruments.options import item_id
from .json_files import parse_json, read_bytes, shaped
from .portable import (
    Portable,
    checked,
    choices_table,
    imported,
    no_choices,
    no_utilities,
)

Order = Literal["original", "flipped", "either"]
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Id = int | str

_KINDS = ("first", "second", "neutral", "refused", "unparsed", "failed")
_UNPARSED = "unparseable"
_CLAMP = 1e-7
_HALF = float(ndtri(0.975))


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Option(_Strict):
    id: Id
    description: Text
    item: Text | None = None


class _Utility(_Strict):
    mean: Finite
    variance: Count
    se: Count | None = None


class _Counts(_Strict):
    first: Count
    second: Count
    neutral: Count = 0.0
    refused: Count = 0.0
    unparsed: Count = 0.0
    failed: Count = 0.0


class _Answers(_Strict):
    is_pseudolabel: bool = False
    original_parsed: list[str] | None = None
    flipped_parsed: list[str] | None = None
    count_A: Count | None = None
    count_B: Count | None = None
    orders: dict[Order, _Counts] | None = None


class _Named(_Strict):
    id: Id


class _Edge(_Strict):
    option_A: _Named
    option_B: _Named
    aux_data: _Answers = Field(default_factory=_Answers)


class _Graph(_Strict):
    edges: dict[str, _Edge]
    holdout_edge_indices: list[Annotated[list[Id], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list
    )
    unanswered: dict[str, _Edge] = Field(default_factory=dict)


class _Ours(_Strict):
    respondent: Text
    instrument: Text
    arm: Text
    provenance: Text
    about: dict[str, Any] = Field(default_factory=dict)


class _File(_Strict):
    options: Annotated[list[_Option], Field(min_length=1)]
    utilities: dict[str, _Utility]
    metrics: dict[str, Any] | None = None
    holdout_metrics: dict[str, Any] | None = None
    compute_utilities_config: dict[str, Any] | None = None
    create_agent_config: dict[str, Any] | None = None
    graph_data: _Graph | None = None
    revealed: _Ours | None = None


# --- out ------------------------------------------------------------------------------------------


def write_original(portable: Portable, folder: Path) -> list[Path]:
    """Write ``results_<cell>.json`` and ``results_utilities_<cell>.json`` into `folder`.

    Without comparisons there is only the second.

    Returns
    -------
    The files.

    Raises
    ------
    DataError
        As `original_json`.
    """
    whole = original_json(portable)
    name = ".".join(map(slug, (portable.respondent, portable.instrument, portable.arm)))
    files = {"results_utilities": {k: v for k, v in whole.items() if k != "graph_data"}}
    if not portable.choices.empty:
        files["results"] = whole
    written = []
    for kind, content in files.items():
        path = folder / f"{kind}_{name}.json"
        with atomic_write(path) as temporary:
            text = json.dumps(content, indent=2, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")
        written.append(path)
    return written


def original_json(portable: Portable) -> dict[str, Any]:
    """The content of a results file.

    Every edge has both options, the share of answers for the first named, and under ``aux_data``
    what was answered in either order; lists of answers only where they are whole. Utilities have
    ``se``, ``low`` and ``high`` (95 %) beside mean and variance. ``metrics`` are the original's:
    accuracy and mean cross-entropy over edges, each edge weighing the same.

    Raises
    ------
    DataError
        If there are no utilities, or an item has no text: the format cannot do without.
    """
    who = f"{portable.respondent}, {portable.instrument}, {portable.arm}"
    if portable.utilities.empty:
        raise DataError(
            "has no utilities, which the original's format needs.",
            where=who,
            todo="Fit them (revealed fit), or export as csv or inspect.",
        )
    items = portable.items
    options = {
        item: {"id": number, "description": portable.texts.get(item) or item, "item": item}
        for number, item in enumerate(items)
    }
    utilities = {
        str(options[row.item]["id"]): _utility(row) for row in portable.utilities.itertuples()
    }
    edges, unanswered, held = _edges(portable, options)
    about = dict(portable.about)
    fitted = {str(row.item): (row.mean, row.variance) for row in portable.utilities.itertuples()}
    trained = [e for e in edges.values() if [e["option_A"]["id"], e["option_B"]["id"]] not in held]
    tested = [e for e in edges.values() if [e["option_A"]["id"], e["option_B"]["id"]] in held]
    return {
        "options": list(options.values()),
        "utilities": utilities,
        "metrics": _metrics(trained, fitted),
        "holdout_metrics": _metrics(tested, fitted),
        "compute_utilities_config": {"utility_model_class": "revealed.utilities.fit"},
        "create_agent_config": {"temperature": about.get("temperature")},
        "revealed": {
            "respondent": portable.respondent, "instrument": portable.instrument,
            "arm": portable.arm, "provenance": portable.provenance, "about": about,
        },
        "graph_data": {
            "options": list(options.values()),
            "edges": edges,
            "training_edges": [[e["option_A"]["id"], e["option_B"]["id"]] for e in trained],
            "training_edges_pool": [],
            "holdout_edge_indices": held,
            "unanswered": unanswered,
        },
    }  # fmt: skip


def _utility(row: Any) -> dict[str, float]:
    found = {"mean": float(row.mean), "variance": float(row.variance)}
    if row.se == row.se and row.se is not None:
        half = _HALF * float(row.se)
        found |= {"se": float(row.se), "low": found["mean"] - half, "high": found["mean"] + half}
    return found


def _edges(
    portable: Portable, options: Mapping[str, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any], list[list[int]]]:
    """Edges with a vote, those without one, and which are held out."""
    pairs: dict[frozenset[str], list[dict[str, Any]]] = {}
    for row in portable.choices.to_dict("records"):
        pairs.setdefault(frozenset((row["first"], row["second"])), []).append(row)
    edges: dict[str, Any] = {}
    unanswered: dict[str, Any] = {}
    held: list[list[int]] = []
    for rows in pairs.values():
        one, other = options[rows[0]["first"]], options[rows[0]["second"]]
        orders = {}
        for row in rows:
            order = "original" if row["first"] == one["item"] else "flipped"
            if len(rows) == 1 and not portable.order_known:
                order = "either"
            orders[order] = {kind: float(row[f"n_{kind}"]) for kind in _KINDS}
        for_one = sum(c["second" if o == "flipped" else "first"] for o, c in orders.items())
        for_other = sum(c["first" if o == "flipped" else "second"] for o, c in orders.items())
        votes = for_one + for_other
        aux: dict[str, Any] = {
            "count_A": for_one, "count_B": for_other, "total_responses": votes,
            "unparseable_mode": "skip", "orders": orders,
        }  # fmt: skip
        whole = all(n == int(n) for counts in orders.values() for n in counts.values())
        if whole and "either" not in orders:
            aux |= {f"{order}_parsed": _labels(orders.get(order)) for order in _BOTH}
        edge = {
            "option_A": one, "option_B": other,
            "probability_A": for_one / votes if votes else None, "aux_data": aux,
        }  # fmt: skip
        (edges if votes else unanswered)[f"({one['id']}, {other['id']})"] = edge
        if rows[0]["role"] == "holdout":
            held.append([one["id"], other["id"]])
    return edges, unanswered, held


_BOTH: tuple[Order, Order] = ("original", "flipped")


def _labels(counts: Mapping[str, float] | None) -> list[str]:
    """The answers as the prompt's labels: A is whatever was listed first."""
    if counts is None:
        return []
    lost = counts["neutral"] + counts["refused"] + counts["unparsed"] + counts["failed"]
    return ["A"] * int(counts["first"]) + ["B"] * int(counts["second"]) + [_UNPARSED] * int(lost)


def _metrics(
    edges: list[dict[str, Any]], fitted: Mapping[str, tuple[float, float]]
) -> dict[str, float] | None:
    both = [
        (fitted[e["option_A"]["item"]], fitted[e["option_B"]["item"]], e["probability_A"])
        for e in edges
        if e["option_A"]["item"] in fitted and e["option_B"]["item"] in fitted
    ]
    if not both:
        return None
    mean, other = (np.array([pair[side][0] for pair in both]) for side in (0, 1))
    spread = np.sqrt([pair[0][1] + pair[1][1] for pair in both])
    spread = np.where(spread > 0, spread, np.finfo(float).tiny)
    said = np.array([pair[2] for pair in both])
    with np.errstate(over="ignore"):  # an infinite z foretells a sure answer
        foretold = np.clip(ndtr((mean - other) / spread), _CLAMP, 1 - _CLAMP)
    loss = -(said * np.log(foretold) + (1 - said) * np.log(1 - foretold))
    right = (foretold >= 0.5) == (said >= 0.5)
    return {"log_loss": float(loss.mean()), "accuracy": float(right.mean())}


# --- in -------------------------------------------------------------------------------------------


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


def _counted(aux: _Answers, where: str) -> dict[Order, _Counts]:
    """Counts by the order that was asked, or of either where the source does not tell."""
    orders: dict[Order, _Counts]
    if aux.orders is not None:
        orders = aux.orders
    elif aux.original_parsed is not None or aux.flipped_parsed is not None:
        listed = zip(_BOTH, (aux.original_parsed or [], aux.flipped_parsed or []), strict=True)
        orders = {order: _tally(labels) for order, labels in listed if labels}
    elif aux.count_A is not None and aux.count_B is not None:
        orders = {"either": _Counts(first=aux.count_A, second=aux.count_B)}
    else:
        raise DataError(
            "has no counts of answers.",
            where=where,
            todo="Give count_A and count_B under aux_data; a probability has no sample size.",
        )
    _agree(aux, orders, where)
    return orders


def _row(one: str, other: str, order: Order, counts: _Counts) -> dict[str, Any]:
    """The counts of one order as a row; where none is told, in that of the alphabet."""
    named = {f"n_{kind}": float(getattr(counts, kind)) for kind in _KINDS}
    if order == "flipped":
        return {"first": other, "second": one, **named}
    if order == "either" and other < one:
        named |= {"n_first": named["n_second"], "n_second": named["n_first"]}
        return {"first": other, "second": one, **named}
    return {"first": one, "second": other, **named}


def _tally(labels: list[str]) -> _Counts:
    first, second = float(labels.count("A")), float(labels.count("B"))
    return _Counts(first=first, second=second, unparsed=len(labels) - first - second)


def _agree(aux: _Answers, orders: Mapping[Order, _Counts], where: str) -> None:
    """Refuse counts that are not those of the answers, told apart or each half a vote."""
    if aux.count_A is None or aux.count_B is None:
        return
    none = _Counts(first=0.0, second=0.0)
    original, flipped = (orders.get(order, none) for order in _BOTH)
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
