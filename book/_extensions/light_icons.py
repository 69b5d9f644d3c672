"""Sphinx extension of the book: of the theme's 1,900 icons, a site carries those that it shows.

The theme brings all of Font Awesome twice, as a script of 1.5 MB that every page loads and as
fonts. The script is left out, and the fonts and the style sheet keep what the pages name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_SCRIPT = re.compile(r'\s*<script src="[^"]*/fontawesome\.js[^"]*"></script>')
_NAMED = re.compile(r"\bfa-[a-z0-9-]+")
_RULE = re.compile(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"([^"]*)"\}')
_VARIABLE = re.compile(r'--pst-(?:icon|breadcrumb)[a-z-]*:"([^"]*)"')
_DRAWN = re.compile(r'\{[^{}]*content:"([^"]*)"[^{}]*Font Awesome[^{}]*\}')
_CLASSES = re.compile(r'class="([^"]*)"')
_SOURCES = re.compile(
    r'src:url\((\.\./vendor/fontawesome/webfonts/([a-z0-9-]+))\.woff2\) format\("woff2"\),'
    r'url\([^)]*\.ttf\) format\("truetype"\)'
)


def _points(content: str) -> set[int]:
    """Code points of a CSS string, escaped (``\\f0c9``) or not."""
    plain = re.sub(r"\\([0-9a-f]{2,6}) ?", lambda found: chr(int(found[1], 16)), content)
    return {ord(letter) for letter in plain if ord(letter) > 127}


def pruned(css: str, used: set[str]) -> tuple[str, set[int]]:
    """The style sheet with the icons in `used` alone, and the code points that it still draws."""
    drawn: set[int] = set()

    def keep(rule: re.Match[str]) -> str:
        names = {name.removeprefix(".").removesuffix(":before") for name in rule[1].split(",")}
        if not names & used:
            return ""
        drawn.update(_points(rule[2]))
        return rule[0]

    css = _RULE.sub(keep, css)
    for content in _VARIABLE.findall(css):
        drawn |= _points(content)
    return css, drawn


def subset(source: Path, target: Path, points: set[int]) -> None:
    """A font of `source` with the glyphs of `points` alone, as WOFF."""
    from fontTools import subset as tools

    options = tools.Options(flavor="woff", notdef_outline=True, layout_features=[])
    options.recalc_timestamp = False  # the same input gives the same bytes on any day
    font = tools.load_font(str(source), options)
    chosen = tools.Subsetter(options)
    chosen.populate(unicodes=points)
    chosen.subset(font)
    tools.save_font(font, str(target), options)


def lighten(site: Path) -> None:
    """Leave out of a built site what none of its pages shows."""
    static = site / "_static"
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    scripts = [*static.glob("*.js"), *(static / "scripts").glob("*theme.js")]
    used: set[str] = set()
    for script in scripts:
        used.update(_NAMED.findall(script.read_text(encoding="utf-8")))
    for path in site.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        for classes in _CLASSES.findall(page):
            used.update(_NAMED.findall(classes))
        path.write_text(_SCRIPT.sub("", page), encoding="utf-8")
    css, points = pruned(sheet.read_text(encoding="utf-8"), used)
    for other in sheet.parent.glob("*.css"):  # signs that another sheet of the theme sets itself
        for content in _DRAWN.findall(other.read_text(encoding="utf-8")):
            points |= _points(content)
    for _, name in _SOURCES.findall(css):
        fonts = static / "vendor" / "fontawesome" / "webfonts"
        subset(fonts / f"{name}.ttf", fonts / f"{name}.woff", points)
        for ending in ("ttf", "woff2"):
            (fonts / f"{name}.{ending}").unlink()
    css = _SOURCES.sub(r'src:url(\1.woff) format("woff")', css)
    sheet.write_text(css, encoding="utf-8")
    for left in (static / "scripts").glob("fontawesome.js*"):
        left.unlink()


def _finish(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        lighten(Path(app.outdir))


def setup(app: Any) -> dict[str, Any]:
    """Run before the policies, whose hashes are of the finished page."""
    app.connect("build-finished", _finish, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
