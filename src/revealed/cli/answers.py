"""The commands ``export`` and ``import``: answers to and from the formats that others use."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from revealed.foundation.errors import ConfigError

from .options import RunName

if TYPE_CHECKING:
    from revealed.study import Run


class To(StrEnum):
    """A format to export to."""

    original = "original"
    inspect = "inspect"
    csv = "csv"


def export(
    folder: Annotated[Path, typer.Argument(help="Gets the files; made where it is missing.")],
    to: Annotated[
        To, typer.Option(help="The original study's JSON, inspect_ai logs, or CSV with a sidecar.")
    ],
    run: RunName = "default",
    respondent: Annotated[
        list[str] | None, typer.Option("--respondent", help="Whose; repeatable. Default: all.")
    ] = None,
    instrument: Annotated[
        list[str] | None, typer.Option("--instrument", help="To what; repeatable. Default: all.")
    ] = None,
    arm: Annotated[
        list[str] | None, typer.Option("--arm", help="In which words; repeatable. Default: all.")
    ] = None,
) -> None:
    """Write choices and fitted utilities in a format that other programs read."""
    from revealed import study

    files = study.export_answers(
        study.open_run(run), folder, to.value,
        respondents=respondent, instruments=instrument, arms=arm,
    )  # fmt: skip
    size = sum(path.stat().st_size for path in files)
    typer.echo(f"{folder}: {len(files):,} files, {size / 1e6:,.1f} MB")


def import_(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="Answers to bring in: the original's JSON, an inspect_ai log, CSV or Parquet; "
            "default: the public sources."
        ),
    ] = None,
    run: RunName = "default",
    name: Annotated[
        str | None, typer.Option("--as", help="The respondent's name here; default: the file's.")
    ] = None,
    instrument: Annotated[
        str | None, typer.Option(help="What was asked, where the file does not say.")
    ] = None,
    arm: Annotated[str | None, typer.Option(help="In which words, likewise.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put these in the place of earlier imported ones.")
    ] = False,
) -> None:
    """Bring answers from elsewhere into the run: a file's, or all published ones."""
    from revealed import study

    opened = study.open_run(run)
    if path is None:
        if name or instrument or arm or replace:
            raise ConfigError("--as, --instrument, --arm and --replace belong to a file.")
        return _published(opened)
    brought = study.import_answers(
        opened, path, respondent=name, instrument=instrument, arm=arm, replace=replace
    )
    for row in brought:
        done = "imported" if row.changed else "there already"
        words = f"{row.respondent}, {row.instrument}, {row.arm}: {row.pairs:,} pairs, "
        words += f"{row.answers:,.0f} choices, {row.utilities:,} utilities: {done}"
        typer.echo(f"{words}; {row.note}" if row.note else words)
    for who in dict.fromkeys(row.respondent for row in brought if row.changed and row.pairs):
        typer.echo(f"Fit them with `revealed fit --run {run} --respondent {who}`.")


def _published(opened: Run) -> None:
    from revealed import study

    found = study.import_public(opened)
    missing = opened.unavailable()
    typer.echo(f"{len(found) - len(missing)} of {len(found)} public sources are in the run.")
    for file, why in list(missing.items())[:3]:
        typer.echo(f"not available: {file}: {why}", err=True)
    if missing:
        typer.echo(
            f"{len(missing)} sources are missing: their chapters say so. `revealed fetch` brings "
            "them where there is a network; REVEALED_CACHE names a folder that has them.",
            err=True,
        )
