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
        bound = {(r["misfit"], r["order"]): r["fewer_possible"] for r in rows
                 if r["strategy"] == "our design, 2 answers"}  # fmt: skip
        table.append({"strategy": "most that any design of sampled answers can"} | {
            _world(*world): f"{bound[world]:.3g}" for world in worlds if bound.get(world)
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
            "largest difference from NumPy": "" if row.get("difference") is None
            else f"{row['difference']:.0e}",
        }
        for row in made["rows"]
    ]  # fmt: skip
    return _table("Fits and bootstrap refits", shown) + _source(made)


def measured(root: Path, name: str, caption: str) -> str:
    """The rows of ``benchmarks/<name>.json`` as they are."""
    made = _read(root, name)
    if made is None or "rows" not in made:
        return _absent(name)
    return _table(caption, made["rows"]) + _source(made)


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
    head = "".join(
        f'<th scope="col">{html.escape(name.replace("_", " "))}</th>' for name in columns
    )
    body = "".join(
        "<tr>" + "".join(_cell(row.get(name)) for name in columns) + "</tr>" for row in rows
    )
    return (
        f'<div class="rv-table rv-plain"><div class="rv-caption">{html.escape(caption)}.</div>'
        f'<div class="rv-scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "<td></td>"
    if isinstance(value, bool | str | list | dict):
        return f"<td>{html.escape(str(value))}</td>"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    return f'<td class="rv-number">{text}</td>'
