"""How tables, plans and amounts are shown, and how a person agrees to them."""

from __future__ import annotations

import logging
import math
import sys
from typing import TYPE_CHECKING

import typer

from revealed.foundation.errors import ConfigError

from .options import Format

if TYPE_CHECKING:
    import pandas as pd

    from revealed.respondents import RespondentSpec
    from revealed.study import Run


class Once(logging.Filter):
    """Lets a warning through once: a respondent is looked at before every step."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this has not been said."""
        text = record.getMessage()
        fresh = text not in self._said
        self._said.add(text)
        return fresh


def warn_once() -> None:
    """Print no warning twice in this command (Python's handler of last resort prints them)."""
    if (handler := logging.lastResort) is not None:
        handler.filters = [old for old in handler.filters if not isinstance(old, Once)]
        handler.addFilter(Once())


def dollars(cost: float | None) -> str:
    """An amount of US dollars; what nobody knows is said to be unknown."""
    if cost is None or math.isnan(cost):
        return "cost unknown"
    return f"${cost:,.2f}" if cost else "free"


def duration(seconds: float) -> str:
    """Seconds in the unit in which one would say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def show(table: pd.DataFrame, format: Format) -> None:
    """Print a table for people, or for programs."""
    if format is Format.json:
        typer.echo(
            table.to_json(orient="records", indent=1, force_ascii=False, double_precision=15)
        )
    elif format is Format.csv:
        typer.echo(table.to_csv(index=False), nl=False)
    elif table.empty:
        typer.echo("Nothing yet.")
    else:
        typer.echo(table.to_string(index=False, na_rep="", float_format=lambda x: f"{x:.4g}"))


def tell_saved(run: Run, specs: list[RespondentSpec], instruments: list[str] | None) -> None:
    """Say what of a plan is not paid: asked already, or in two places of the study."""
    from revealed.study.saved import saved

    if not specs:
        return
    if run.paths.ledger.is_file():
        with run.ledger() as ledger:
            found = saved(run.study, specs, instruments, ledger)
    else:
        found = saved(run.study, specs, instruments)
    for name, part in found.groupby("respondent", sort=False):
        asked, shared = int(part["asked"].sum()), int(part["shared"].sum())
        if asked or shared:
            typer.echo(
                f"{name}: {asked:,} requests are answered already and {shared:,} stand in two "
                "places of the study; none of these is paid again."
            )


def agree(yes: bool, question: str) -> None:
    """Ask before money is spent.

    Raises
    ------
    ConfigError
        If nobody can be asked, or the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("this costs money, and nobody is there to agree.", todo="Give --yes.")
    if not typer.confirm(question):
        raise ConfigError("nothing was sent.")


def agree_to_plan(planned: pd.DataFrame, yes: bool) -> None:
    """Show a plan's requests and cost, a line a respondent, and ask before any is spent."""
    shown = planned.groupby("respondent", sort=False).agg(
        requests=("requests", "sum"), cost=("cost", lambda c: c.sum(skipna=False)),
    )  # fmt: skip
    for row in shown.itertuples():
        typer.echo(f"{row.Index:<50} {row.requests:>8,} requests  {dollars(float(row.cost))}")
    total = float(shown["cost"].sum(skipna=False))
    typer.echo(f"{'together':<50} {int(shown['requests'].sum()):>8,} requests  {dollars(total)}")
    if total != 0:
        agree(yes, "Ask them?")
