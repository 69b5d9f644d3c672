"""The command ``pdf``: the built book as one file to print or to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pdf(
    out: Annotated[
        Path | None, typer.Option("--out", help="Default: revealed.pdf in the site's folder.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--site", help="A built site; default: this book's.")
    ] = None,
) -> None:
    """Print the built book into one PDF, all chapters in the order of the contents.

    A headless Chromium does it, in about a minute. The explorer has no printed form.
    """
    from revealed.foundation.paths import project_root
    from revealed.report import edition, syndication

    built = folder or project_root() / "_build" / "html"
    target = out or built / edition.NAME
    typer.echo("Printing the book twice, the second time with page numbers ...", err=True)
    made = edition.write(built, target, syndication.address(project_root()) or "")
    typer.echo(f"{target}: {made.pages:,} pages, {target.stat().st_size / 1e6:.1f} MB")
