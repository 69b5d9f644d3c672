"""The command ``ledger``: the file of all answers, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from revealed.foundation.errors import DataError

from .options import RunName

File = Annotated[
    Path | None, typer.Option("--file", help="A ledger by its path, instead of a run's.")
]

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


@ledger.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Gets answers.parquet and questions.parquet.")],
    run: RunName = "default",
    file: File = None,
) -> None:
    """Write every answer and question as Parquet, row by row, for other programs to read."""
    from revealed.respondents.export import export as write

    answers, questions = write(_place(run, file), folder)
    typer.echo(f"{folder}: {answers:,} answers to {questions:,} questions")


@ledger.command("check")
def check(run: RunName = "default", file: File = None) -> None:
    """Read every answer and the journal, and say whether all is as it was written."""
    from revealed.respondents.ledger_check import check as look

    found = look(_place(run, file))
    typer.echo(f"{found.path}: {found.answers:,} answers, {found.journal:,} in the journal")
    if found.torn:
        typer.echo(f"{found.torn:,} stretches of the journal were cut, as a kill does; skipped")
    if not found.problems:
        typer.echo("All is as it was written.")
        return
    raise DataError(
        f"{len(found.problems)} problems: " + "; ".join(found.problems[:8]) + ".",
        where=found.path,
        todo="`revealed ledger repair` writes what is whole into a new file.",
    )


@ledger.command("repair")
def repair(
    run: RunName = "default",
    file: File = None,
    into: Annotated[Path | None, typer.Option(help="The new file.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the old one's place, which is kept.")
    ] = False,
) -> None:
    """Save all that is whole, in the file and in its journal, into a new ledger."""
    from revealed.respondents.ledger_check import repair as mend

    done = mend(_place(run, file), into, replace=replace)
    typer.echo(
        f"{done.path}: {done.pages:,} answers from the damaged file, {done.journal:,} more from "
        f"the journal; at most {done.lost:,} are lost, and will be asked again."
    )
    if done.unworded:
        typer.echo(f"Of {done.unworded:,} answers the question's words are lost; they still count.")
    if done.unpriced:
        typer.echo(f"Of {done.unpriced:,} answers the price was damaged: it is unknown now.")
    if done.unproved:
        typer.echo(f"{done.unproved:,} come from a version without checksums: not proved whole.")
    typer.echo(
        f"The damaged file is kept: {done.damaged}"
        if replace
        else "Nothing was replaced; --replace does that."
    )


@ledger.command("restore")
def restore(
    journal: Annotated[Path, typer.Argument(help="What was kept when a disk was full.")],
    run: RunName = "default",
    file: File = None,
) -> None:
    """Bring back answers that were kept elsewhere; again changes nothing."""
    from revealed.respondents.ledger_check import bring_back

    place = _place(run, file)
    count = bring_back(journal, place)
    typer.echo(f"{place}: {count:,} answers brought back. {journal} can go.")


def _place(run: str, file: Path | None) -> Path:
    if file is not None:
        return file
    from revealed import study

    return study.open_run(run).paths.ledger
