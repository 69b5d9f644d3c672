"""What a probe may read: inner products between outcomes, one matrix a layer.

A linear probe with a ridge penalty needs the features in their inner products alone, so a layer of
any width is an (items, items) matrix, computed once on the backend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...foundation.backend import BackendName, get_backend
from ...foundation.errors import DataError
from ...respondents.activations import Activations
from ..intervals import Array


@dataclass(frozen=True)
class Source:
    """Features of the same outcomes in one or more layers.

    Attributes
    ----------
    name
        ``trained``, ``untrained``, ``bag of words`` or ``length``.
    layers
        Names of the layers.
    kernels
        Inner products of centred features, shape (layers, items, items), with mean diagonal 1.
    """

    name: str
    layers: tuple[str, ...]
    kernels: Array


def source(
    name: str,
    features: NDArray[np.floating],
    layers: Sequence[str] | None = None,
    backend: BackendName = "auto",
) -> Source:
    """A source from features of shape (layers, items, width); constant columns say nothing.

    Raises
    ------
    DataError
        If the features do not vary in any layer.
    """
    device = get_backend(backend)
    xp = device.xp
    kernels = []
    for layer in features:
        h = device.asarray(np.asarray(layer, dtype=np.float64))
        h = h - xp.mean(h, axis=0, keepdims=True)
        kernel = device.to_numpy(h @ xp.permute_dims(h, (1, 0)))
        size = float(np.trace(kernel)) / len(kernel)
        kernels.append(kernel / size if size > 1e-18 else np.zeros_like(kernel))
    if not any(kernel.any() for kernel in kernels):
        raise DataError(f"the features {name} are the same for every outcome.")
    return Source(
        name, tuple(layers or map(str, range(len(kernels)))), np.asarray(kernels, dtype=np.float64)
    )


def bag_of_words(texts: Sequence[str]) -> Array:
    """Which words a text has, rare ones weighing more: shape (1, texts, words).

    The entry is the root of log(texts / texts with the word) where the word stands, over the root
    of the number of words.
    """
    words = [sorted({w.strip(".,;:!?\"'()").lower() for w in text.split()}) for text in texts]
    vocabulary = {word: k for k, word in enumerate(sorted({w for ws in words for w in ws}))}
    held = np.zeros((len(texts), len(vocabulary)))
    for row, own in enumerate(words):
        held[row, [vocabulary[word] for word in own]] = 1.0
    rarity = np.sqrt(np.log((1 + len(texts)) / np.clip(held.sum(axis=0), 1, None)))
    return np.asarray(held * rarity / np.sqrt(held.sum(axis=1, keepdims=True)))[None]


def text_length(texts: Sequence[str]) -> Array:
    """Characters and words of a text, squared and rooted too, standardised: (1, texts, 6)."""
    counts = np.array([[len(text), len(text.split())] for text in texts], dtype=float)
    columns = np.column_stack([counts, counts**2, np.sqrt(counts)])
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0))[None]


def sources(
    activations: Activations,
    items: Sequence[str],
    texts: Mapping[str, str],
    backend: BackendName = "auto",
) -> dict[str, Source]:
    """The network and its controls over `items`, by name.

    Raises
    ------
    DataError
        If an item has no activations.
    """
    place = {item: k for k, item in enumerate(activations.items)}
    if missing := [item for item in items if item not in place]:
        raise DataError(f"no activations for item {missing[0]!r} ({len(missing)} such items).")
    chosen = [place[item] for item in items]
    layers = [str(layer) for layer in activations.layers]
    own = [texts[item] for item in items]
    found = {"trained": source("trained", activations.trained[:, chosen], layers, backend)}
    if activations.untrained is not None:
        found["untrained"] = source("untrained", activations.untrained[:, chosen], layers, backend)
    found["bag of words"] = source("bag of words", bag_of_words(own), ["words"], backend)
    found["length"] = source("length", text_length(own), ["length"], backend)
    return found
