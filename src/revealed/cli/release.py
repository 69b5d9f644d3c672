"""The commands ``release``: freeze a run for publication, verify an archive, make it again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from revealed.foundation.errors import ConfigError, DataError

from .options import RunName

if TYPE_CHECKING:
    from revealed.report.release import Compared

Archive = Annotated[Path, typer.Argument(help="The zip file that `revealed release` wrote.")]
Cores = Annotated[int, typer.Option(min=1, help="Steps at the same time.")]

release = typer.Typer(
    invoke_without_command=True, pretty_exceptions_enable=False,
    help="Freeze a run for publication: one archive with answers, tables, notebooks and site.",
)  # fmt: skip


@release.callback()
def freeze(
    context: typer.Context,
    run: RunName = "default",
    version: Annotated[str | None, typer.Option(help="Its name, such as 2026.11.")] = None,
    into: Annotated[Path, typer.Option(help="Folder that gets the release.")] = Path("dist"),
    texts: Annotated[
        bool,
        typer.Option(
            "--texts/--without-texts",
            help="With the raw answers of real models. Without, nobody can check how they were "
            "read, and a rebuild begins with their counts.",
        ),
    ] = True,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Files differ from the commit; it is recorded.")
    ] = False,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Answers are missing; it is recorded.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Fingerprint of a string that looks like a secret and is none."),
    ] = None,
    date: Annotated[
        str | None, typer.Option(help="Of publication, YYYY-MM-DD; default: the commit's.")
    ] = None,
) -> None:
    """Freeze a run: answers and tables as Parquet, checksums, environment, notebooks, site.

    Nothing is written if the run is incomplete or damaged, the book is of another state, files
    differ from the commit, or a key would be published.
    """
    if context.invoked_subcommand is not None:
        return
    if version is None:
        raise ConfigError("a release needs a name.", todo="Give one: --version 2026.11.")
    from revealed import study
    from revealed.report.release import release as freeze_run

    made = freeze_run(
        study.open_run(run), version, into, texts=texts, allow_dirty=allow_dirty,
        allow_incomplete=allow_incomplete,
        accepted=accept or (), date=date, tell=lambda what: typer.echo(f"{what} ..."),
    )  # fmt: skip
    facts, size = made.facts, made.archive.stat().st_size / 1e6
    typer.echo(f"{made.archive}: {size:,.1f} MB, {facts['answers']:,} answers, {facts['commit']}")
    typer.echo(f"SHA-256 {made.sha256}")
    if not texts:
        typer.echo(
            f"Without texts: choices and answers of {len(facts['given'])} respondents are taken as "
            "they are by a rebuild. Notebooks and site still show what chapters quote."
        )
    if left := facts["left_out"]["files"]:
        typer.echo(f"{len(left)} files hold words of others and were left out (release.json).")
    typer.echo(f"For GitHub Pages: {made.folder / 'site'}. For Zenodo: the archive, .zenodo.json.")


@release.command()
def verify(archive: Archive) -> None:
    """Read every file of an archive against its checksum and its RO-Crate metadata."""
    from revealed.report.release import verify as look

    found = look(archive)
    if found.problems:
        raise DataError(
            f"{len(found.problems)} problems: " + "; ".join(found.problems[:8]) + ".",
            where=archive,
            todo="Get the archive again: it is not as it was written.",
        )
    typer.echo(
        f"{archive}: {found.files:,} files, {found.bytes / 1e6:,.1f} MB, version "
        f"{found.release['version']} of run {found.release['run']!r}. All is as it was written."
    )


@release.command()
def rebuild(
    archive: Archive,
    into: Annotated[Path, typer.Option(help="A new folder, or that of a stopped rebuild.")],
    cores: Cores = 1,
    every: Annotated[bool, typer.Option("--all", help="Print every table and figure.")] = False,
) -> None:
    """Make the study again from an archive's answers, asking nobody, and compare the results.

    Exit code 1 if a table or a figure is not the same.
    """
    from revealed.report.release import PIXELS, SHARE
    from revealed.report.release import rebuild as make_again

    made = make_again(archive, into, cores=cores, tell=lambda what: typer.echo(f"{what} ..."))
    for row in [*made.tables, *made.figures]:
        if every or not row.good:
            typer.echo(f"{row.state:12} {row.name}{row.apart}")
    for name, why in made.failed.items():
        typer.echo(f"not made     {name}: {why}")
    for name, (theirs, mine) in made.versions.items():
        typer.echo(f"version      {name}: {theirs} then, {mine} here")
    for file in made.not_available:
        typer.echo(f"not had      {file}: chapters that need it differ (`revealed fetch`)")
    typer.echo(f"tables:  {_counts(made.tables)}")
    largest = max((row.largest for row in made.figures), default=0.0)
    typer.echo(
        f"figures: {_counts(made.figures)}; largest difference {largest:.0f} of 255 (the same: at "
        f"most {SHARE:.1%} of the pixels differ by more than {PIXELS})"
    )
    if not made.same:
        raise typer.Exit(1)


@release.command(hidden=True)
def remake(frozen: Path, run: RunName = "default", cores: Cores = 1) -> None:
    """Make a run again from an unpacked archive, in this checkout (`rebuild` calls it)."""
    from revealed.report.release import remake as make

    make(frozen, run, cores=cores)


def _counts(rows: list[Compared]) -> str:
    counted = Counter(row.state for row in rows)
    order = ("identical", "same values", "different", "missing", "new")
    said = ", ".join(f"{counted[state]:,} {state}" for state in order if counted[state])
    return said or "none"
