"""What a rerun costs in calls, time and memory, as the benchmarks measured it.

Every number of the page comes from a file below ``benchmarks/``; how long a computer took is not a
finding, so these tables carry a machine, a day and a command in the place of a provenance.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from revealed.figures import page

_BOUNDED = {
    "our design, 2 answers": "sampled answers",
    "our design, log-probabilities": "log-probabilities",
}
"""Ways of asking that have a bound, by a strategy that asks so."""


def calls(root: Path) -> str:
    """Calls for the original's precision, by strategy: a table an estimand, a column a world."""
    made = _read(root, "calls")
    if made is None:
        return _absent("calls")
    parts = []
    for estimand in dict.fromkeys(row["estimand"] for row in made["rows"]):
        rows = [row for row in made["rows"] if row["estimand"] == estimand]
        worlds = dict.fromkeys((row["misfit"], row["order"]) for row in rows)
        original = next(row["calls"] for row in rows if row["strategy"] == "original pipeline")
        what = f"{rows[0]['size']:,} {estimand}"
        table = []
        for strategy in dict.fromkeys(row["strategy"] for row in rows):
            if strategy == "original pipeline":
                continue
            own = {(r["misfit"], r["order"]): r for r in rows if r["strategy"] == strategy}
            table.append({"strategy": strategy} | {
                _world(*world): f"{own[world]['fewer']:.3g}"
                + ("" if own[world]["measured"] else " *") for world in worlds
            })  # fmt: skip
        for strategy, way in _BOUNDED.items():
            bound = {(r["misfit"], r["order"]): r["fewer_possible"] for r in rows
                     if r["strategy"] == strategy}  # fmt: skip
            table.append({"strategy": f"most that any design can, {way}"} | {
                _world(*world): f"{bound[world]:.3g}" if bound.get(world) else "no bound"
                for world in worlds
            })  # fmt: skip
        parts.append(_table(
            f"{what}: how many times fewer calls than the original's {original:,}, at its error",
            table,
        ))  # fmt: skip
    return "".join(parts) + _source(made)


def _world(misfit: float, order: float) -> str:
    return f"misfit {misfit:g}, order effect {order:g}"


def refits(root: Path) -> str:
    """Fits and refits on a GPU, beside the same machine's CPU and the bound of its memory."""
    made = _read(root, "gpu")
    if made is None:
        return _absent("gpu")
    shown = [
        {
            "what": row["what"], "outcomes": f"{row['outcomes']:,}",
            "replicates": f"{row['replicates']:,}", "GPU": _time(row["seconds"]),
            "its kernel": _time(row.get("kernel_seconds")),
            "least by bytes": _time(row.get("bound_seconds")),
            "CPU of that machine": _time(row["cpu_seconds"]),
            "largest difference from NumPy, both to the end": "" if row.get("difference") is None
            else f"{row['difference']:.0e}",
        }
        for row in made["rows"]
    ]  # fmt: skip
    return _table("Fits and bootstrap refits", shown) + _source(made)


def newcomer(root: Path) -> str:
    """A stranger's way from a clone to a page, step by step."""
    caption = "From a clone to a page about one model: what each step took"
    return _as_measured(root, "newcomer", caption, {
        "step": "step", "seconds": "seconds", "questions asked": "questions asked",
        "seconds an answer waits": "seconds an answer waits", "load": "load of the machine",
    })  # fmt: skip


def batch(root: Path) -> str:
    """Batches: the seconds that files and journals take beside the provider's own."""
    caption = "Asking by batch: what building files and reading them back costs"
    return _as_measured(root, "batch", caption, {
        "answers": "answers", "step": "step", "requests": "requests", "seconds": "seconds",
        "cpu_seconds": "seconds of processor",
    })  # fmt: skip


def ledger(root: Path) -> str:
    """Millions of answers: rates, processor time and memory, step by step."""
    return _as_measured(root, "ledger", "A ledger of millions of answers", {
        "step": "step", "rows": "rows", "seconds": "seconds", "rows_per_second": "rows a second",
        "cpu_us_per_row": "microseconds of processor a row", "peak_memory_mib": "MiB of memory",
        "bound_memory_mib": "MiB it may take",
    })  # fmt: skip


def storm(root: Path) -> str:
    """Every request accounted for under faults and kills."""
    caption = "Requests sent, answered, stored and paid under faults and kills"
    return _as_measured(root, "storm", caption, {
        name: name for name in (
            "trouble", "sent", "answered", "stored", "paid", "in flight at a stop", "lost",
            "repeated", "stops",
        )
    })  # fmt: skip


def client(root: Path) -> str:
    """Whole clients, and apart from them what each cost of ours takes of a request."""
    made = _read(root, "elicitation")
    if made is None:
        return _absent("elicitation")
    clients = [row for row in made["rows"] if "rate_over_litellm" in row]
    parts = [
        row | {"share": f"{row['part_over_litellm_cpu']:.1%}"}
        for row in made["rows"]
        if "part_ms_per_request" in row
    ]
    return (
        _table("Requests a second and processor time a request", _named(clients, {
            "what": "client", "requests_per_second": "requests a second",
            "rate_over_litellm": "rate over LiteLLM's",
            "cpu_ms_per_request": "milliseconds of processor a request",
            "peak_memory_mib": "MiB of memory",
        }))
        + _table("Processor time that is ours, and each part of it", _named(parts, {
            "what": "part", "part_ms_per_request": "milliseconds a request",
            "share": "over LiteLLM's own",
        }))
        + _source(made)
    )  # fmt: skip


def scale(root: Path) -> str:
    """What cutting the chain into jobs cost and brought, and merging the jobs' ledgers."""
    made = _read(root, "scale")
    if made is None:
        return _absent("scale")
    return (
        _table("A small study, asked and fitted", _named(made["rows"], {
            "way": "how it ran", "jobs": "jobs", "processes": "at the same time",
            "answers": "answers", "seconds": "seconds",
            "speed_up": "times as fast as the same jobs one by one",
            "tables_different": "tables that differ", "load": "load of the machine",
        }))
        + _table("Two ledgers, half alike, merged into a new one", _named(made["merge"], {
            "rows": "answers in the two ledgers", "file_mb": "megabytes each",
            "new_added": "kept", "new_seconds": "seconds",
            "new_rows_per_second": "answers a second", "new_peak_mb": "megabytes of memory",
            "again_seconds": "seconds, the second time", "again_added": "kept, the second time",
        }))
        + _source(made)
    )  # fmt: skip


def _as_measured(root: Path, name: str, caption: str, columns: Mapping[str, str]) -> str:
    made = _read(root, name)
    if made is None:
        return _absent(name)
    return _table(caption, _named(made["rows"], columns)) + _source(made)


def _named(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """The columns that a reader sees, named with their units."""
    return [{title: row.get(column) for column, title in columns.items()} for row in rows]


def _read(root: Path, name: str) -> Any:
    path = root / "benchmarks" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _absent(name: str) -> str:
    return str(page.note(f"Not measured yet: no rows in benchmarks/{name}.json."))


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _source(made: Mapping[str, Any]) -> str:
    machine = made.get("machine", "")
    if isinstance(machine, Mapping):
        machine = machine.get("gpu") or machine.get("processor") or machine.get("name") or ""
    said = f"Measured on {made.get('date', 'a day not noted')}, {machine}, by "
    return (
        f'<p class="rv-measured">{html.escape(said)}'
        f"<code>{html.escape(str(made.get('command', '')))}</code>.</p>"
    )


def _table(caption: str, rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(_head(name, [row.get(name) for row in rows]) for name in columns)
    body = "".join(
        "<tr>" + "".join(_cell(row.get(name)) for name in columns) + "</tr>" for row in rows
    )
    return (
        f'<div class="rv-table rv-plain"><div class="rv-caption">{html.escape(caption)}.</div>'
        f'<div class="rv-scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _head(name: str, values: Sequence[Any]) -> str:
    numbers = any(isinstance(value, int | float) for value in values)
    where = ' class="rv-number"' if numbers else ""
    return f'<th scope="col"{where}>{html.escape(name)}</th>'


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "<td></td>"
    if isinstance(value, bool | str | list | dict):
        return f"<td>{html.escape(str(value))}</td>"
    exact = isinstance(value, int) or value >= 1000
    return f'<td class="rv-number">{f"{value:,.0f}" if exact else f"{value:.4g}"}</td>'
