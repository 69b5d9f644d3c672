"""The command ``labels``: people rate answers as judges do, on a sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import RunName

labels = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="A sheet on which people rate answers as judges do, to see whether they agree.",
)  # fmt: skip


@labels.command("export")
def export(
    path: Annotated[Path, typer.Argument(help="The CSV to write.")],
    run: RunName = "default",
    count: Annotated[int, typer.Option(min=1, help="Texts at most.")] = 100,
    contested: Annotated[
        bool, typer.Option(help="Only texts that judges put near the threshold.")
    ] = False,
) -> None:
    """Write texts without their authors, in an order that says nothing."""
    from revealed import study
    from revealed.study import labels as sheets

    opened = study.open_run(run)
    written = sheets.export(opened, path, count, contested=contested)
    typer.echo(
        f"{written} texts to rate in {path}: a number from 0 to 100 in both columns, or CODE or "
        "REFUSAL. The texts may be hateful or advise harm. Judges are told:"
    )
    for column, told in sheets.scales(opened).items():
        typer.echo(f"\n{column}: {told}")


@labels.command("import")
def read(
    path: Annotated[Path, typer.Argument(help="The filled CSV.")],
    rater: Annotated[str, typer.Option(help="A name for whoever rated; it is shown.")],
    run: RunName = "default",
) -> None:
    """Read a filled sheet; the next build of the book shows how far people and judges agree."""
    from revealed import study
    from revealed.study import labels as sheets

    table = sheets.read_labels(study.open_run(run), path, rater)
    typer.echo(f"{len(table)} texts rated by {rater}.")
