"""Sphinx extension of the book: the letters of its figures, and a button to keep each.

Figures are set in DejaVu Sans, in which matplotlib measured them. A site carries of its regular,
bold and oblique faces the letters that its figures show, with the fonts' license beside them.
"""

from __future__ import annotations

import html
import re
import shutil
import string
from pathlib import Path
from typing import Any

FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique")
"""File names of the faces, in matplotlib and in the site."""

_TEXT = re.compile(r"<t(?:ext|span)\b[^>]*>([^<]*)")


def letters(pages: list[str]) -> set[int]:
    """Code points of everything that is written in the drawings of these pages."""
    shown = set(string.printable)
    for page in pages:
        shown.update(html.unescape("".join(_TEXT.findall(page))))
    return {ord(letter) for letter in shown if letter.isprintable()}


def write_fonts(target: Path, points: set[int]) -> None:
    """Each face with the letters that it has of `points`, as WOFF, and the license."""
    import matplotlib as mpl
    from fontTools import subset

    source = Path(mpl.get_data_path()) / "fonts" / "ttf"
    target.mkdir(parents=True, exist_ok=True)
    for face in FACES:
        options = subset.Options(flavor="woff", layout_features=["kern"], hinting=False)
        options.drop_tables += ["FFTM"]  # its maker's own, which fontTools would remark on
        options.recalc_timestamp = False  # the same input gives the same bytes on any day
        font = subset.load_font(str(source / f"{face}.ttf"), options)
        chosen = subset.Subsetter(options)
        chosen.populate(unicodes=points)
        chosen.subset(font)
        subset.save_font(font, str(target / f"{face}.woff"), options)
    shutil.copyfile(source / "LICENSE_DEJAVU", target / "LICENSE_DEJAVU.txt")


def _finish(app: Any, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    pages = [path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))]
    write_fonts(site / "_static" / "fonts", letters(pages))


def setup(app: Any) -> dict[str, Any]:
    """Run when the pages are written; the fonts are files beside them."""
    app.add_js_file("figures.js", loading_method="defer")
    app.connect("build-finished", _finish, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
