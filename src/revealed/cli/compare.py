"""The command ``compare``: runs, respondents over time and forks side by side."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Annotated, Any

import typer

from revealed.foundation.errors import ConfigError

from .options import Format, FormatOption
from .printing import show

if TYPE_CHECKING:
    import pandas as pd

    from revealed.study.comparing import Told

_SHOWN = 40
"""Rows of one kind that the table shows; the other formats have them all."""


def compare(
    sides: Annotated[
        list[str],
        typer.Argument(
            metavar="A B [C ...]",
            help="A run here, a run's folder, a checkout or an unpacked release; with :RESPONDENT "
            "one respondent of it. A is what the others are compared with.",
        ),
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help="Chapter, estimand, respondent, instrument, arm or subject (a name or a pattern); "
            "repeatable.",
        ),
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what differs beyond chance.")
    ] = False,
    again: Annotated[
        str | None,
        typer.Option("--again", help="A asked again: what it moved by is taken off shifts."),
    ] = None,
    format: FormatOption = Format.table,
) -> None:
    """Compare runs, respondents and forks: both estimates, the difference, whether it is chance.

    Findings are lined up by estimand, respondent, instrument, arm and subject. The difference (B
    less A; for ratios B over A) has a 95 % interval and a p-value from both sides' intervals, the
    sides taken as independent. Answers are compared paired, on the items that both sides were
    asked about in the same words, with the noise of both fits taken out. p-values are adjusted by
    Holm over everything compared, simulated and real respondents apart.
    """
    from revealed.study import comparing

    if len(sides) < 2:
        raise ConfigError("one side is no comparison.", todo="revealed compare A B")
    found = [comparing.find_side(word) for word in sides]
    floor = comparing.find_side(again) if again is not None else None
    told = [
        comparing.compare(found[0], other, only or (), floor, progress=format is Format.table)
        for other in found[1:]
    ]
    if format is not Format.table:
        return show(_all(told, changed), format)
    for side in found:
        typer.echo(_plain(comparing.facts(side)))
    for one in told:
        _print(one, changed)
    return None


def _all(told: list[Told], changed: bool) -> pd.DataFrame:
    import pandas as pd

    parts = [one.rows.assign(side_a=one.a, side_b=one.b) for one in told]
    table = pd.concat(parts, ignore_index=True)
    table = table[["side_a", "side_b", *[c for c in table.columns if not c.startswith("side_")]]]
    return table[table["changed"] == True] if changed else table  # noqa: E712 (None is neither)


def _print(one: Told, changed: bool) -> None:
    import numpy as np

    rows = one.rows
    typer.echo(f"\nA = {_plain(one.a)}\nB = {_plain(one.b)}")
    for line in one.warnings:
        typer.echo(f"Mind: {_plain(line)}.")
    stand = rows["changed"] == True  # noqa: E712
    tried = rows["p"].notna()
    for level, name in (("finding", "findings"), ("utilities", "instruments"), ("item", "items")):
        mine = rows["level"] == level
        if (mine & tried).any():
            typer.echo(
                f"{name}: {int((mine & tried).sum()):,} tested, {int((mine & stand).sum()):,} "
                f"differ (p at most 0.05 after Holm; {int((mine & (rows['p'] <= 0.05)).sum()):,} "
                "before)."
            )
    single = rows["level"] == "item"
    same = rows["status"].eq("compared") & ~rows["level"].eq("utilities")
    ends = [rows[[f"{mark}{end}" for end in ("", "_low", "_high")]].astype(float) for mark in "ab"]
    # Two machines sum in another order: the last digits may differ.
    same &= np.isclose(ends[0], ends[1], rtol=1e-9, atol=1e-12, equal_nan=True).all(axis=1)
    told = rows["status"].eq("compared") & (~single | stand) & ~same
    listed = rows[stand] if changed else rows[told]
    if len(listed):
        typer.echo()
        _table(listed.sort_values("p_adjusted", kind="stable"))
    elif changed:
        typer.echo("Nothing differs beyond chance.")
    if changed:
        return
    if same.any():
        typer.echo(f"identical on both sides: {int(same.sum()):,} findings")
    rest = rows[~rows["status"].eq("compared")]
    for (status, why), part in rest.groupby(["status", "warning"], sort=False):
        examples = ", ".join(_about(row) for row in part.head(2).to_dict("records"))
        reason = f", {_plain(str(why))}" if why else ""
        typer.echo(f"{status}{reason}: {len(part):,} ({_plain(examples)})")


def _table(rows: pd.DataFrame) -> None:
    import pandas as pd

    shown = rows.head(_SHOWN)
    who = shown["respondent"].map(_plain)
    table = pd.DataFrame({
        **({"respondent": who} if len(set(who)) > 1 else {}),
        "about": [_plain(_about(row)) for row in shown.to_dict("records")],
        "A": [_interval(row, "a", "a_low", "a_high") for row in shown.to_dict("records")],
        "B": [_interval(row, "b", "b_low", "b_high") for row in shown.to_dict("records")],
        "difference": [_difference(row) for row in shown.to_dict("records")],
        "p": shown["p"],
        "Holm": shown["p_adjusted"],
    })  # fmt: skip
    show(table, Format.table)
    if len(rows) > len(shown):
        typer.echo(f"The first {len(shown)} of {len(rows):,}; --format csv has them all.")
    told = shown.loc[shown["warning"].astype(str).str.len() > 0, "warning"]
    for line in dict.fromkeys(told):
        typer.echo(f"Mind ({int((rows['warning'] == line).sum()):,} rows): {_plain(str(line))}.")


def _about(row: dict[str, Any]) -> str:
    parts = (row[name] for name in ("estimand", "instrument", "arm", "subject"))
    return " ".join(str(part) for part in parts if part)


def _difference(row: dict[str, Any]) -> str:
    text = _interval(row, "difference", "low", "high")
    return f"times {text}" if text and row["scale"] == "ratio" else text


def _interval(row: dict[str, Any], value: str, low: str, high: str) -> str:
    import pandas as pd

    if pd.isna(row[value]):
        return ""
    ends = [row[end] for end in (low, high)]
    known = [f"{end:.3g}" for end in ends if pd.notna(end)]
    if len(known) == 1:
        known = [f"above {known[0]}" if pd.notna(ends[0]) else f"below {known[0]}"]
    return f"{row[value]:.3g}" + (f" ({' to '.join(known)})" if known else "")


def _plain(text: str) -> str:
    """Text of strangers without what steers a terminal."""
    return "".join("?" if unicodedata.category(c).startswith("C") else c for c in text)
