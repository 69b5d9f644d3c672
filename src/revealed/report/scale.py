"""What cutting the chain into jobs cost and brought, as ``benchmarks/scale.py`` measured it."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from revealed.figures import page

_CHAINS = {
    "way": "how it ran", "jobs": "jobs", "processes": "at the same time", "answers": "answers",
    "seconds": "seconds", "speed_up": "times as fast as the same jobs one by one",
    "tables_different": "tables that differ", "load": "load of the machine",
}  # fmt: skip
_MERGES = {
    "rows": "answers in the two ledgers", "file_mb": "megabytes each", "new_added": "kept",
    "new_seconds": "seconds", "new_rows_per_second": "answers a second",
    "new_peak_mb": "megabytes of memory", "again_seconds": "seconds, the second time",
    "again_added": "kept, the second time",
}  # fmt: skip


def measured(root: Path) -> str:
    """Both tables with the machine, the day and the command; a note where nothing was measured."""
    path = root / "benchmarks" / "scale.json"
    if not path.is_file():
        return str(page.note("Nothing has been measured: benchmarks/scale.json is not there."))
    made = json.loads(path.read_text(encoding="utf-8"))
    where = f"Measured on {made['date']} on {made['machine']}, which did other work as well, by "
    return (
        _table("A small study, asked and fitted", made["rows"], _CHAINS)
        + _table("Two ledgers, half alike, merged into a new one", made["merge"], _MERGES)
        + f"<p>{html.escape(where)}<code>{html.escape(made['command'])}</code>.</p>"
    )


def _table(caption: str, rows: list[dict[str, Any]], columns: dict[str, str]) -> str:
    # No `page.table`: how long a computer took is not a finding and has no provenance.
    head = "".join(f'<th scope="col">{html.escape(title)}</th>' for title in columns.values())
    body = "".join(
        "<tr>" + "".join(_cell(row.get(name)) for name in columns) + "</tr>" for row in rows
    )
    return (
        f'<div class="rv-table rv-plain"><div class="rv-caption">{html.escape(caption)}.</div>'
        f'<div class="rv-scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"<td>{html.escape(value)}</td>"
    return f'<td class="rv-number">{"" if value is None else f"{value:,}"}</td>'
