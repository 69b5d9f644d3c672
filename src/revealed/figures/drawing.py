"""A figure as one SVG element for a page: light, of either theme, its letters as text.

matplotlib writes SVG for any program; what a page needs of it is a third. Colors stand in plain
attributes (``fill="#0173b2"``), so a copy of the figure alone looks as it does on paper, and the
book's style sheet can repaint each on a dark page (``[fill="#0173b2"]``): that is all there is to
the two themes. Letters are set in DejaVu Sans, in which matplotlib measured them and which the book
brings along.

What may not enter: anything that draws.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from matplotlib import rc_context

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"

# What no XML can hold: control characters, and two that are no characters.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?|-?\d+e-?\d+")
_STANDING = re.compile(r"^rotate\(-?0(\.0+)? [^)]*\)$")

# Properties that a group hands down to what is in it.
_INHERITED = frozenset((
    "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity",
    "stroke-linecap", "stroke-linejoin", "stroke-dasharray", "stroke-dashoffset",
    "stroke-miterlimit", "font-size", "font-weight", "font-style", "text-anchor",
))  # fmt: skip
# Values that the root sets or a browser assumes.
_ASSUMED = {
    "stroke-linejoin": "round", "stroke-linecap": "butt", "text-anchor": "start",
    "stroke-dashoffset": "0",
}  # fmt: skip


def svg(fig: Figure, alt: str) -> str:
    """The figure as an ``svg`` element with `alt` as its name for who cannot see it.

    The same figure gives the same bytes: there is no date in it and no version. Coordinates are in
    points, rounded to a tenth (to a hundredth within a marker), which at the width of a page is a
    sixth of a pixel.
    """
    written = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "revealed"}):
        fig.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    # Bytes, because matplotlib's first line names an encoding.
    root = ElementTree.fromstring(_ILLEGAL.sub("\ufffd", written.getvalue()).encode("utf-8"))
    for parent in list(root.iter()):
        for child in [c for c in parent if c.tag in (f"{_SVG}metadata", f"{_SVG}style")]:
            parent.remove(child)
    width, height = (root.get("viewBox") or "").split()[2:]
    _plain(root)
    _shared(root)
    _hoist(root)
    drawn = "".join(_write(child) for child in root)
    drawn = _renamed(drawn)
    return (
        f'<svg class="revealed-figure" role="img" aria-label="{html.escape(alt, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_short(width)} {_short(height)}" '
        f'width="{_short(width)}pt" height="{_short(height)}pt" '
        'font-family="DejaVu Sans,Verdana,sans-serif" stroke-linejoin="round">'
        f"{drawn}</svg>"
    )


def _plain(root: ElementTree.Element) -> None:
    """Turn styles into attributes, and drop what says nothing."""
    for element in root.iter():
        for name, value in _style(element.attrib.pop("style", "")):
            element.set(name, value)
        if _STANDING.match(element.get("transform", "")):
            del element.attrib["transform"]
        if (address := element.attrib.pop(_HREF, None)) is not None:
            element.set("href", "".join(address.split()))
        name = element.attrib.pop("id", "")
        if name.startswith("provenance-"):
            element.set("class", name)
        elif element.tag in (f"{_SVG}clipPath", f"{_SVG}path") and name:
            element.set("id", name)


def _style(text: str) -> Iterator[tuple[str, str]]:
    for declaration in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":  # only formulas use the short form: weight, size and family
            sizes = re.findall(r"([\d.]+)px", value)
            yield from (("font-size", f"{size}px") for size in sizes[:1])
            if "italic" in value or "oblique" in value:
                yield "font-style", "italic"
        elif name != "font-family" and _ASSUMED.get(name) != value:
            yield name, value


def _shared(root: ElementTree.Element) -> None:
    """Let a marker be its outline alone and each use of it bring the colors.

    What a `use` copies is painted by rules that match the original, in some browsers only; and a
    color said at every use can be said once for all of them.
    """
    uses: dict[str, list[ElementTree.Element]] = {}
    for use in root.iter(f"{_SVG}use"):
        uses.setdefault(use.get("href", "")[1:], []).append(use)
    for path in root.iter(f"{_SVG}path"):
        name = path.get("id")
        if name is not None and name not in uses:
            del path.attrib["id"]
        for use in uses.get(name or "", []):
            for key, value in path.attrib.items():
                if key not in ("d", "id", "transform"):
                    use.set(key, value)
        if name in uses:
            path.attrib = {k: v for k, v in path.attrib.items() if k in ("d", "id", "transform")}


def _hoist(element: ElementTree.Element) -> None:
    """Say once, at the group, what everything in it says; and drop groups that say nothing."""
    for child in list(element):
        _hoist(child)
        if child.tag in (f"{_SVG}g", f"{_SVG}defs") and not len(child):
            element.remove(child)
        elif child.tag == f"{_SVG}g" and not child.attrib:
            place = list(element).index(child)
            element.remove(child)
            for offset, grandchild in enumerate(list(child)):
                element.insert(place + offset, grandchild)
    if element.tag != f"{_SVG}g":
        return
    drawn = [child for child in element if child.tag != f"{_SVG}defs"]
    if len(drawn) < 2:
        return
    # White letters stay white where a white ground turns dark, so letters keep their own color.
    letters = any(child.tag == f"{_SVG}text" for child in drawn)
    for name in sorted(_INHERITED & set(drawn[0].attrib) - ({"fill"} if letters else set())):
        values = {child.get(name) for child in drawn}
        if len(values) == 1 and element.get(name) in (None, *values):
            element.set(name, values.pop() or "")
            for child in drawn:
                del child.attrib[name]


def _write(element: ElementTree.Element, digits: int = 1) -> str:
    tag = element.tag.removeprefix(_SVG)
    digits = 2 if tag == "defs" else digits
    attributes = "".join(
        f' {name}="{html.escape(_value(name, value, digits), quote=True)}"'
        for name, value in element.attrib.items()
    )
    inside = "".join(_write(child, digits) + _tail(child) for child in element)
    text = html.escape(element.text or "", quote=False) if tag in ("text", "tspan") else ""
    return (
        f"<{tag}{attributes}>{text}{inside}</{tag}>" if text + inside else f"<{tag}{attributes}/>"
    )


def _tail(element: ElementTree.Element) -> str:
    tail = element.tail or ""
    return html.escape(tail, quote=False) if element.tag == f"{_SVG}tspan" and tail.strip() else ""


def _value(name: str, value: str, digits: int) -> str:
    if name == "d":
        value = " ".join(value.split())
        value = re.sub(r" ?([MLQCzZ]) ?", r"\1", _short(value, digits))
        return value.replace(" -", "-")
    if name == "transform" or name.endswith("opacity"):
        return _short(value, 2)
    if name in ("href", "id", "class", "clip-path", "fill", "stroke"):
        return value
    return _short(value.removesuffix("px"), digits)


def _short(text: str, digits: int = 1) -> str:
    def rounded(found: re.Match[str]) -> str:
        number = f"{float(found[0]):.{digits}f}".rstrip("0").rstrip(".")
        return "0" if number in ("-0", "") else number

    return _NUMBER.sub(rounded, text)


def _renamed(drawn: str) -> str:
    """Short names of the markers and clips, which no other figure of the page has."""
    prefix = "f" + hashlib.sha256(drawn.encode()).hexdigest()[:6]
    names = list(dict.fromkeys(re.findall(r' id="([^"]*)"', drawn)))
    new = {name: f"{prefix}{number}" for number, name in enumerate(names)}

    def rename(found: re.Match[str]) -> str:
        return f"{found[1]}{new.get(found[2], found[2])}"

    return re.sub(r'( id="| href="#| clip-path="url\(#)([\w.-]+)', rename, drawn)
