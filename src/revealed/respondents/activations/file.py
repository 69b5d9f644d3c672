"""The file of activations: what it holds, and the check it goes through on the way in.

One NumPy archive (``.npz``, no pickles) a model and instrument, with the arrays

- ``trained``: activations, shape (layers, items, width), float16 or float32; layer 0 is the
  embedding, layer k what the k-th block gives out;
- ``untrained``: the same shape, from the same architecture with random weights (may be absent);
- ``items``: item ids, shape (items,), in the order of the second axis;
- ``layers``: layer numbers, shape (layers,);
- ``about``: JSON text with the fields of `About`.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...foundation.errors import DataError
from ...foundation.paths import atomic_write

FORMAT = 1
"""Version of the file's layout."""

_AGAIN = "Write it again with `revealed activations`."


@dataclass(frozen=True)
class About:
    """Where activations come from.

    Attributes
    ----------
    model, revision
        Name (or folder) and revision of the weights.
    instrument
        Whose item texts were read.
    texts
        `checksum` of the items and their texts.
    pooling
        ``mean`` over a text's tokens, or ``last`` token.
    dtype
        Type the model was run in.
    provenance
        ``elicited`` for a real model, ``simulated`` for planted activations.
    """

    model: str
    revision: str
    instrument: str
    texts: str
    pooling: str
    dtype: str
    provenance: str = "elicited"
    format: int = FORMAT


@dataclass(frozen=True)
class Activations:
    """Activations of one model for the items of one instrument; arrays as in the file."""

    items: tuple[str, ...]
    layers: tuple[int, ...]
    trained: NDArray[np.floating]
    untrained: NDArray[np.floating] | None
    about: About


def checksum(texts: Mapping[str, str]) -> str:
    """SHA-256 of item ids and texts, whatever their order."""
    pairs = json.dumps([[item, texts[item]] for item in sorted(texts)], ensure_ascii=True)
    return hashlib.sha256(pairs.encode("utf-8")).hexdigest()


def save_activations(activations: Activations, path: Path) -> None:
    """Write activations, whole or not at all.

    Raises
    ------
    DataError
        If they would not be read back (`load_activations`).
    """
    if path.suffix != ".npz":
        raise DataError("activations are kept in a file that ends in .npz.", where=path)
    _check(activations, path)
    arrays = {
        "items": np.array(activations.items, dtype=np.str_),
        "layers": np.array(activations.layers, dtype=np.int64),
        "about": np.array(json.dumps(asdict(activations.about), ensure_ascii=False)),
        "trained": activations.trained,
    }
    if activations.untrained is not None:
        arrays["untrained"] = activations.untrained
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_activations(path: Path, texts: Mapping[str, str] | None = None) -> Activations:
    """Read and check a file of activations.

    Parameters
    ----------
    texts
        The instrument's texts by item id; with them the file must be of exactly these.

    Raises
    ------
    DataError
        If the file is missing, truncated or no archive; lacks an array or a field; holds arrays of
        other shapes, numbers that are not finite, or other items or texts than `texts`.
    """
    if not path.is_file():
        raise DataError("the file of activations is not there.", where=path, todo=_AGAIN)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"cannot be read as activations, it may be truncated ({error}).",
            where=path, todo=_AGAIN,
        ) from error  # fmt: skip
    if lacking := [n for n in ("items", "layers", "about", "trained") if n not in arrays]:
        raise DataError(f"lacks the array(s) {', '.join(lacking)}.", where=path, todo=_AGAIN)
    found = Activations(
        tuple(str(item) for item in np.atleast_1d(arrays["items"])),
        tuple(int(layer) for layer in np.atleast_1d(arrays["layers"])),
        arrays["trained"],
        arrays.get("untrained"),
        _about(str(arrays["about"]), path),
    )
    _check(found, path)
    if texts is not None:
        _check_texts(found, texts, path)
    return found


def _about(text: str, path: Path) -> About:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"about is not JSON ({error}).", where=path, todo=_AGAIN) from error
    names = {field.name for field in fields(About)}
    if not isinstance(values, dict) or set(values) != names:
        off = names ^ set(values if isinstance(values, dict) else ())
        raise DataError(
            f"about must have the fields {', '.join(sorted(names))}; off: "
            f"{', '.join(sorted(map(str, off)))}.",
            where=path, todo=_AGAIN,
        )  # fmt: skip
    if values["format"] != FORMAT:
        raise DataError(
            f"is of format {values['format']!r}, this version reads {FORMAT}.", where=path
        )
    return About(**values)


def _check(found: Activations, path: Path) -> None:
    if len(set(found.items)) != len(found.items):
        raise DataError("an item stands twice in items.", where=path, todo=_AGAIN)
    arrays = {"trained": found.trained}
    if found.untrained is not None:
        arrays["untrained"] = found.untrained
    for name, values in arrays.items():
        if values.dtype.kind != "f":
            raise DataError(f"{name} holds {values.dtype}, not floats.", where=path, todo=_AGAIN)
        if values.ndim != 3 or values.shape[:2] != (len(found.layers), len(found.items)):
            raise DataError(
                f"{name} has the shape {values.shape}; {len(found.layers)} layers and "
                f"{len(found.items)} items were expected in front.",
                where=path, todo=_AGAIN,
            )  # fmt: skip
        if values.shape != found.trained.shape:
            raise DataError(f"{name} differs in shape from trained.", where=path, todo=_AGAIN)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            layer, item, _ = bad[0]
            raise DataError(
                f"{name} is not finite in layer {found.layers[layer]} for item "
                f"{found.items[item]!r} ({len(bad)} such numbers).",
                where=path, todo="Run the model in float32 (--dtype float32).",
            )  # fmt: skip


def _check_texts(found: Activations, texts: Mapping[str, str], path: Path) -> None:
    if unknown := [item for item in found.items if item not in texts]:
        raise DataError(
            f"item {unknown[0]!r} is not of the instrument ({len(unknown)} such items).",
            where=path, todo=_AGAIN,
        )  # fmt: skip
    if missing := [item for item in texts if item not in set(found.items)]:
        raise DataError(
            f"lacks item {missing[0]!r} ({len(missing)} such items).", where=path, todo=_AGAIN
        )
    if checksum(texts) != found.about.texts:
        raise DataError(
            "was made from other texts of the same items (checksum differs).",
            where=path, todo=_AGAIN,
        )  # fmt: skip
