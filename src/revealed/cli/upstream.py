"""The command ``upstream``: whether a fork can take over what its upstream has changed."""

from __future__ import annotations

from typing import Annotated

import typer

upstream = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="What a fork and the project that it comes from have to do with each other.",
)  # fmt: skip

_DID = {"A": "added", "M": "changed", "D": "removed"}


@upstream.callback()
def _group() -> None:
    pass


@upstream.command("check")
def check(
    source: Annotated[str, typer.Argument(help="A path or an address that git can fetch from.")],
    branch: Annotated[str, typer.Option(help="Of the upstream; default: its main one.")] = "HEAD",
) -> None:
    """Say what upstream changed, what would conflict and why; no file is changed.

    Exit code 1 if something conflicts or the merged data is refused.
    """
    from revealed.foundation.paths import project_root
    from revealed.study.upstream import REF, compare

    found = compare(project_root(), source, branch)
    typer.echo(f"This fork has {found.ahead} commits of its own; upstream has {found.behind} more.")
    if found.uncommitted:
        typer.echo("Changes that are not committed were not looked at.")
    for kind, file in found.instruments:
        typer.echo(f"upstream {_DID.get(kind, 'changed')} {file}")
    for file in found.both:
        typer.echo(f"changed on both sides, merges: {file}")
    for conflict in found.conflicts:
        where = f" in {conflict.places} places" if conflict.places > 1 else ""
        typer.echo(f"CONFLICT {conflict.file}: {conflict.why}{where}; {conflict.todo}.")
    for problem in found.problems:
        typer.echo(f"REFUSED after the merge: {problem}")
    if found.conflicts or found.problems:
        raise typer.Exit(1)
    if found.behind:
        typer.echo(f"Nothing conflicts. Next:\n  git merge {REF}\n  make check test")
    else:
        typer.echo("Nothing to take over.")
