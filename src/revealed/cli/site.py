"""The command ``site``: the figures of every page of the built book, as a browser measures them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from revealed.foundation.errors import ConfigError

from .options import Format, FormatOption
from .printing import show

if TYPE_CHECKING:
    from revealed.report.inspect import Inspection


def site(
    page: Annotated[
        list[str] | None, typer.Argument(help="Pages (book/index.html); default: all.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--site", help="A built site; default: this book's.")
    ] = None,
    format: FormatOption = Format.table,
) -> None:
    """Measure each page of the built book: weight, blocking time, accessibility.

    Weight is in kB before compression. Blocking is what tasks of the page take beyond 50 ms each,
    paint the time until the largest element is drawn, both in ms on this machine. The columns
    critical to minor count elements that break a rule of axe-core. Exit code 1 if a page has a
    critical or serious fault or weighs more than 1,500 kB.
    """
    import pandas as pd

    from revealed.foundation.paths import project_root
    from revealed.report.browser import pages
    from revealed.report.inspect import inspect_site

    built = folder or project_root() / "_build" / "html"
    if unknown := sorted(set(page or []) - set(pages(built))):
        raise ConfigError(
            f"no page {unknown[0]} is in {built}.", todo="Name it as in book/index.html."
        )
    total = len(page or pages(built)[1:])
    seen: list[Inspection] = []
    for inspected in inspect_site(built, page):
        seen.append(inspected)
        typer.echo(f"\r{len(seen)} of {total} pages", nl=False, err=True)
    typer.echo(err=True)
    show(pd.DataFrame([one.row() for one in seen]), format)
    faults = [line for one in seen for line in _faults(one)]
    for line in faults:
        typer.echo(line, err=True)
    if faults:
        raise typer.Exit(1)


def _faults(inspected: Inspection) -> list[str]:
    from revealed.report.inspect import WEIGHT_LIMIT

    told = [
        f"{inspected.page}: {violation.impact}: {violation.rule}: {violation.elements[0]}"
        for violation in inspected.audit.violations
        if violation.impact in ("critical", "serious")
    ]
    if inspected.weight > WEIGHT_LIMIT:
        told.append(f"{inspected.page}: weighs {inspected.weight / 1000:,.0f} kB.")
    return told
