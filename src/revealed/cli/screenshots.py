"""The command ``screenshots``: pictures of the built book, for who changes how it looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def screenshots(
    folder: Annotated[Path, typer.Argument(help="Where the pictures go; made if it is not there.")],
    page: Annotated[
        list[str] | None,
        typer.Option(
            "--page", help="A page (book/limits); default: front page, chapter, explorer."
        ),
    ] = None,
    site: Annotated[
        Path | None, typer.Option("--site", help="A built site; default: this book's.")
    ] = None,
) -> None:
    """Take pictures of pages of the built book: light, dark, on a phone, on paper."""
    from revealed.foundation.paths import project_root
    from revealed.report.screenshots import PAGES, take_all

    built = site or project_root() / "_build" / "html"
    for path in take_all(built, folder, tuple(page or PAGES)):
        typer.echo(path)
