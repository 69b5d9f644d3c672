"""Simulated activations: noise that looks like a network's, with what is planted in it.

Layers are noise of a few strong directions and many weak ones, words of the text leave a trace in
every layer (trained or not), and the planted signal is one direction of the named layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...foundation.errors import DataError
from .file import About, Activations, checksum


@dataclass(frozen=True)
class Planted:
    """What stands in simulated activations.

    Attributes
    ----------
    utility
        Strength of the utility direction in `layer`, in standard deviations of one coordinate
        times the root of the width; 0 plants nothing.
    length
        The same for the number of characters of the text, in every layer.
    layer, layers, width
        Where the utility stands, and the shape.
    words
        Strength of the words of a text, in every layer and in the untrained twin.
    """

    utility: float = 1.0
    length: float = 0.0
    layer: int = 3
    layers: int = 6
    width: int = 48
    words: float = 0.5


def planted(
    texts: Mapping[str, str],
    utilities: Mapping[str, float],
    what: Planted,
    instrument: str,
    *,
    seed: int = 0,
) -> Activations:
    """Activations with what `Planted` says, the same for the same seed.

    Raises
    ------
    DataError
        If a text has no utility, or the layer does not exist.
    """
    if missing := [item for item in texts if item not in utilities]:
        raise DataError(f"no utility for item {missing[0]!r}.")
    if not 0 <= what.layer < what.layers:
        raise DataError(f"layer {what.layer} of {what.layers} does not exist.")
    rng = np.random.default_rng(seed)
    items = tuple(texts)
    n, width = len(items), what.width
    scale = 1.0 / np.sqrt(1.0 + np.arange(width) / 4.0)
    utility = _standard(np.array([utilities[item] for item in items]))
    length = _standard(np.array([float(len(texts[item])) for item in items]))
    words = _words([texts[item] for item in items], width, rng)

    def noise() -> np.ndarray:
        shape = (what.layers, n, width)
        rotation, _ = np.linalg.qr(rng.normal(size=(width, width)))
        return np.asarray((rng.normal(size=shape) * scale) @ rotation)

    def direction() -> np.ndarray:
        drawn = rng.normal(size=width)
        return np.asarray(drawn / np.linalg.norm(drawn))

    towards_utility, towards_length = direction(), direction()
    both = []
    for trained in (True, False):
        states = noise() + what.words * words
        states += what.length * np.sqrt(width) / 4 * length[:, None] * towards_length
        if trained:
            states[what.layer] += (
                what.utility * np.sqrt(width) / 4 * utility[:, None] * towards_utility
            )
        both.append(states.astype(np.float32))
    about = About(
        model="simulated/planted", revision="none", instrument=instrument, texts=checksum(texts),
        pooling="mean", dtype="float32", provenance="simulated",
    )  # fmt: skip
    return Activations(items, tuple(range(what.layers)), both[0], both[1], about)


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return np.asarray((values - values.mean()) / (spread if spread > 0 else 1.0))


def _words(texts: list[str], width: int, rng: np.random.Generator) -> np.ndarray:
    """The mean of one random vector a word, shape (1, texts, width)."""
    known: dict[str, np.ndarray] = {}
    means = []
    for text in texts:
        vectors = [known.setdefault(w, rng.normal(size=width)) for w in text.lower().split()]
        means.append(np.mean(vectors, axis=0))
    return np.array(means)[None]
