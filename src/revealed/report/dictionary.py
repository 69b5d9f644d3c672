"""The data dictionary: every column of every table that a run writes, from the schemas."""

from __future__ import annotations

import html

from revealed.foundation.schemas import (
    ANSWERS,
    CHOICES,
    FINDINGS,
    SCORES,
    UTILITIES,
    Column,
    Schema,
)
from revealed.respondents.formats import EXPORTED_ITEMS, EXPORTED_UTILITIES
from revealed.respondents.ledger_columns import LEDGER_ANSWERS, LEDGER_QUESTIONS

TABLES: tuple[tuple[Schema, str, str], ...] = (
    (CHOICES, "choices/<respondent>/<instrument>.<arm>.parquet",
     "Two rows a pair, one for each order in which it was asked."),
    (ANSWERS, "answers/<respondent>/<question set>.parquet",
     "A row an answer to a question that compares no pair."),
    (UTILITIES, "utilities/<respondent>/<instrument>.<arm>/utilities.parquet",
     "A row an item; the covariance of all of them lies beside it."),
    (EXPORTED_UTILITIES, "utilities.csv of revealed export --to csv",
     "The same with intervals; comparisons.csv beside it has the columns of choices."),
    (EXPORTED_ITEMS, "items.csv of revealed export --to csv", "A row an item and arm."),
    (FINDINGS, "findings/<chapter>.jsonl", "A line of JSON a finding."),
    (SCORES, "imported with the public answers", "A row an answer that a judge scored."),
    (LEDGER_QUESTIONS, "ledger.sqlite", "A row for each different request."),
    (LEDGER_ANSWERS, "ledger.sqlite", "A row an answer, written before it is used."),
)  # fmt: skip
"""Schema, file below ``data/runs/<run>/`` or of an export, and what a row is."""

_KINDS = {
    "text": "text",
    "number": "number",
    "count": "number ≥ 0",
    "flag": "true or false",
}


def dictionary() -> str:
    """One table a schema: column, type, unit, whether it may be missing, meaning."""
    return "".join(_table(*entry) for entry in TABLES)


def _table(schema: Schema, file: str, row: str) -> str:
    anchor = "dictionary-" + schema.name.replace(": ", "-").replace(" ", "-")
    body = "".join(_line(name, column, schema) for name, column in schema.columns.items())
    head = "".join(
        f'<th scope="col">{title}</th>'
        for title in ("column", "type", "unit", "missing", "meaning")
    )
    name = html.escape(schema.name)
    return (
        f'<div class="rv-table rv-plain rv-dictionary" id="{anchor}"><div class="rv-caption">'
        f"<strong>{name}</strong> (<code>{html.escape(file)}</code>). "
        f"{html.escape(row)}</div>"
        f'<div class="rv-scroll" tabindex="0" role="region" aria-label="{name}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _line(name: str, column: Column, schema: Schema) -> str:
    key = " (key)" if name in schema.key else ""
    missing = "may be" if column.optional else "may be empty" if column.blank else "never"
    cells = (_KINDS[column.kind] + key, column.unit, missing, column.meaning)
    return (
        f'<tr><th scope="row"><code>{html.escape(name)}</code></th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        + "</tr>"
    )
