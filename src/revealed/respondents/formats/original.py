"""The results file of the original study (Mazeika et al. 2025): options, utilities, graph.

``results_*.json`` holds all of it, ``results_utilities_*.json`` the same without the graph of
comparisons. What that format has no place for (our item names, counts by order, standard errors,
pairs that nobody answered) stands beside its fields under names of ours, which its readers pass by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr

from ...foundation.errors import DataError
from ...foundation.paths import atomic_write, slug
from ..elicit import COUNTS
from .portable import HALF, Portable

Order = Literal["original", "flipped", "either"]
"""Which option of an edge was listed first: the first named, the other, or nobody knows."""

BOTH: tuple[Order, Order] = ("original", "flipped")
KINDS = tuple(name.removeprefix("n_") for name in COUNTS)

_UNPARSED = "unparseable"
_CLAMP = 1e-7


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
        half = HALF * float(row.se)
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
            orders[order] = {kind: float(row[f"n_{kind}"]) for kind in KINDS}
        for_one = sum(c["second" if o == "flipped" else "first"] for o, c in orders.items())
        for_other = sum(c["first" if o == "flipped" else "second"] for o, c in orders.items())
        votes = for_one + for_other
        aux: dict[str, Any] = {
            "count_A": for_one, "count_B": for_other, "total_responses": votes,
            "unparseable_mode": "skip", "orders": orders,
        }  # fmt: skip
        whole = all(n == int(n) for counts in orders.values() for n in counts.values())
        if whole and "either" not in orders:
            aux |= {f"{order}_parsed": _labels(orders.get(order)) for order in BOTH}
        edge = {
            "option_A": one, "option_B": other,
            "probability_A": for_one / votes if votes else None, "aux_data": aux,
        }  # fmt: skip
        (edges if votes else unanswered)[f"({one['id']}, {other['id']})"] = edge
        if rows[0]["role"] == "holdout":
            held.append([one["id"], other["id"]])
    return edges, unanswered, held


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
