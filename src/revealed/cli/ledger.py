"""The command ``ledger``: the file of all answers, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ledger = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="The file that holds every answer of a run.",
)  # fmt: skip


@ledger.command("merge")
def merge(
    sources: Annotated[list[Path], typer.Argument(help="Ledgers that nobody is writing.")],
    into: Annotated[Path, typer.Option(help="The ledger that gets their answers.")],
) -> None:
    """Bring the answers of several ledgers into one, every answer once; again changes nothing."""
    from revealed.respondents.merge import merge as bring

    for found in bring(sources, into):
        words = f"{found.source}: {found.rows:,} answers, {found.added:,} new"
        if found.replaced:
            words += f", {found.replaced:,} in place of failures"
        if found.conflicts:
            words += f", {found.conflicts:,} differ from an earlier answer, which is kept"
        if found.twice:
            words += f"; ${found.twice:,.4f} were paid for answers that were there already"
        typer.echo(words)
