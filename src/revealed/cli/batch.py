"""The commands ``batch``: what is under way at a provider, and how it goes on or ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from .options import RunName
from .printing import dollars

if TYPE_CHECKING:
    from revealed.respondents.batch import Batch

batch = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="Batches of `revealed run --batch`: look, go on, end.",
)  # fmt: skip

Who = Annotated[list[str] | None, typer.Option("--respondent", help="Only of these; repeatable.")]


@batch.command("status")
def status(run: RunName = "default") -> None:
    """Show the batches of a run as they were last seen; asks nobody."""
    from revealed import study
    from revealed.study import batches

    found = batches.known(study.open_run(run))
    for one in found:
        typer.echo(_line(one))
    if not found:
        typer.echo("Nothing yet.")


@batch.command("resume")
def resume(run: RunName = "default", respondent: Who = None) -> None:
    """Go on with batches that were stopped, and read their answers; nothing is paid for again."""
    from revealed import study
    from revealed.study import batches

    for one in batches.resume(study.open_run(run), respondent, tell=typer.echo):
        typer.echo(_line(one))
    typer.echo(f"`revealed run --run {run} --batch` asks the next round, if there is one.")


@batch.command("cancel")
def cancel(run: RunName = "default", respondent: Who = None) -> None:
    """End batches at the provider; what they have answered is kept, the rest is free again."""
    from revealed import study
    from revealed.study import batches

    for one in batches.cancel(study.open_run(run), respondent, tell=typer.echo):
        typer.echo(_line(one))


def _line(one: Batch) -> str:
    parts = [one.respondent, one.job or "not submitted", one.status or one.state]
    if one.over:
        parts.append(f"{one.answered:,} of {one.requests:,} answered")
        parts += [f"{count:,} {name}" for name, count in sorted(one.odd.items())]
        parts.append(dollars(one.cost))
    else:
        parts.append(f"{one.done:,} of {one.requests:,} done")
        if one.worst is not None:
            parts.append(f"at most {dollars(one.worst)}")
        if one.expires is not None:
            left = (one.expires - time.time()) / 3600
            late = "should have ended: `revealed batch resume` looks"
            parts.append(f"expires in {left:.1f} h" if left > 0 else late)
    parts.append(one.error)
    return "  ".join(filter(None, parts))
