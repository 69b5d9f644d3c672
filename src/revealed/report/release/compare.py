"""Two states of a run, table by table and figure by figure."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

PIXELS = 8
"""How far a channel of a pixel may be off, of 255, before the pixel counts as another one."""
SHARE = 0.001
"""The share of other pixels up to which a figure counts as the same."""
POINTS = 0.3
"""How far any place in a drawing may be off, in points of 1/72 inch, for it to be the same."""

TABLES = ("choices", "answers", "questions", "utilities", "findings", "tables", "respondents")
"""Folders of a run that are compared. Records and notebooks' metadata name commit and versions."""
_FIGURE = re.compile(
    r'src=\\?"data:image/png;base64,([A-Za-z0-9+/=\s]+?)\\?"'
    r'|(<svg class="revealed-figure".*?</svg>)',
    re.DOTALL,
)
_MADE_NAMES = re.compile(r"\bf[0-9a-f]{6}(?=\d)")  # of markers: they are made from the drawing
_PLACES = re.compile(r' (?:d|x|y|width|height|viewBox|transform)="[^"]*"')
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
_VERSIONS = "versions"


@dataclass(frozen=True)
class Compared:
    """One table or figure in both states.

    Attributes
    ----------
    name
        Path of the table in the run, or notebook and number of the figure.
    state
        ``identical``: the same bytes or pixels. ``same values``: other bytes (versions of the
        libraries stand in them), the same content; for a figure: within the tolerance.
        ``different``, ``missing`` (not made again), ``new`` (not in the archive).
    largest
        The largest difference: relative for numbers (not a number where something else differs),
        of 255 for a picture's channels, in points for a drawing.
    share
        Of values or pixels that differ.
    """

    name: str
    state: str
    largest: float = 0.0
    share: float = 0.0

    @property
    def good(self) -> bool:
        """Whether it counts as the same."""
        return self.state in ("identical", "same values")

    @property
    def apart(self) -> str:
        """How far apart they are, in words; nothing where they are not."""
        if not self.share and not self.largest:
            return ""
        how = "not in numbers alone" if np.isnan(self.largest) else f"by {self.largest:.3g} at most"
        return f" ({self.share:.2%} differ, {how})"


def compare_tables(
    before: Path, after: Path, *, left_out: frozenset[str] = frozenset(), progress: bool = True
) -> list[Compared]:
    """Every table of the run folders `before` and `after`; `left_out` are known not to be there."""
    ours, theirs = _tables(before), _tables(after)
    names = sorted({*ours, *theirs} - left_out)
    return [
        _compare(name, ours.get(name), theirs.get(name))
        for name in tqdm(names, desc="tables", unit="table", disable=not progress)
    ]


def _tables(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for kind in TABLES
        for path in (folder / kind).rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    }


def _compare(name: str, ours: Path | None, theirs: Path | None) -> Compared:
    if ours is None:
        return Compared(name, "new")
    if theirs is None:
        return Compared(name, "missing")
    if ours.read_bytes() == theirs.read_bytes():
        return Compared(name, "identical")
    one, other = _read(ours), _read(theirs)
    if one is None or other is None or list(one.columns) != list(other.columns):
        return Compared(name, "different", float("nan"), 1.0)
    if len(one) != len(other):
        return Compared(name, "different", float("nan"), 1.0)
    share, largest = _apart(one, other)
    return Compared(name, "different" if share else "same values", largest, share)


def _read(path: Path) -> pd.DataFrame | None:
    """Any table of a run as a data frame; None where it is of no such form."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.read_csv(path, keep_default_na=False, dtype=str)
    if path.suffix == ".npy":
        array = np.load(path)
        return pd.DataFrame(array.reshape(len(array), -1) if array.ndim else [[array.item()]])
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        return pd.DataFrame([json.loads(line) for line in lines])
    if path.suffix == ".json":
        facts = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(facts, dict):
            facts.pop(_VERSIONS, None)
        flat = dict(_leaves(facts))
        return pd.DataFrame({"key": [*flat], "value": [*flat.values()]}, dtype=object)
    return None


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}")
    elif isinstance(value, list):
        yield f"{name}.length", len(value)
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{name}.{place}")
    else:
        yield name, value


def _apart(one: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float]:
    """The share of cells that differ, and the largest relative difference among numbers."""
    differing, largest, total = 0, 0.0, max(one.size, 1)
    for name in one.columns:
        # As plain objects: columns of unlike categories, or of unlike kinds, compare too.
        a, b = one[name].astype(object), other[name].astype(object)
        differ = ~((a == b) | (a.isna() & b.isna())).to_numpy(dtype=bool)
        if not differ.any():
            continue
        differing += int(differ.sum())
        x = pd.to_numeric(a[differ], errors="coerce").to_numpy(dtype=float)
        y = pd.to_numeric(b[differ], errors="coerce").to_numpy(dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = np.abs(x - y) / np.maximum(np.abs(x), np.abs(y))
        largest = float(np.max([largest, *relative]))  # not a number where text differs
    return differing / total, largest


def figures(notebook: Path) -> list[bytes]:
    """The figures in a notebook's outputs, as PNG or SVG, in their order."""
    found = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            data: Mapping[str, Any] = output.get("data", {})
            texts = [(_joined(data.get("image/png")), "")] if "image/png" in data else []
            texts += _FIGURE.findall(_joined(data.get("text/html", "")))
            found += [drawn.encode() if drawn else base64.b64decode(png) for png, drawn in texts]
    return found


def _joined(text: Any) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def compare_figures(before: Path, after: Path, *, progress: bool = True) -> list[Compared]:
    """Every figure of the notebooks in `before`, beside those in `after`."""
    rows = []
    notebooks = sorted(before.rglob("*.ipynb"))
    for ours in tqdm(notebooks, desc="figures", unit="notebook", disable=not progress):
        name = ours.relative_to(before)
        theirs = after / name
        first = figures(ours)
        second = figures(theirs) if theirs.is_file() else []
        for place in range(max(len(first), len(second))):
            title = f"{name.with_suffix('').as_posix()}, figure {place + 1}"
            if place >= len(second):
                rows.append(Compared(title, "missing"))
            elif place >= len(first):
                rows.append(Compared(title, "new"))
            else:
                rows.append(compare_figure(title, first[place], second[place]))
    return rows


def compare_figure(name: str, one: bytes, other: bytes) -> Compared:
    """Two images, pixel by pixel, or two drawings, place by place.

    Images of unlike size are different altogether, and so are drawings of other shapes or words.
    """
    if one == other:
        return Compared(name, "identical")
    if (drawings := [image.startswith(b"<svg") for image in (one, other)]) != [False, False]:
        return (
            _compare_drawings(name, one.decode(), other.decode())
            if all(drawings)
            else Compared(name, "different", float("nan"), 1.0)
        )
    a, b = _pixels(one), _pixels(other)
    if a.shape != b.shape:
        return Compared(name, "different", 255.0, 1.0)
    apart = np.abs(a - b).max(axis=2)
    largest = float(apart.max())
    if largest == 0:
        return Compared(name, "identical")
    share = float((apart > PIXELS).mean())
    return Compared(name, "different" if share > SHARE else "same values", largest, share)


def _compare_drawings(name: str, one: str, other: str) -> Compared:
    texts = [_MADE_NAMES.sub("f", text) for text in (one, other)]
    shapes = {_PLACES.sub(lambda place: _NUMBERS.sub("0", place[0]), text) for text in texts}
    if len(shapes) > 1:
        return Compared(name, "different", float("nan"), 1.0)
    places = [" ".join(_PLACES.findall(text)) for text in texts]
    a, b = (np.array(_NUMBERS.findall(text), dtype=float) for text in places)
    apart = np.abs(a - b)
    share, largest = float((apart > POINTS).mean()), float(apart.max())
    return Compared(name, "different" if share else "same values", largest, share)


def _pixels(image: bytes) -> np.ndarray[Any, Any]:
    from PIL import Image

    with Image.open(io.BytesIO(image)) as opened:
        return np.asarray(opened.convert("RGBA"), dtype=np.int16)
