"""Bootstrap weights of pairs from a counter: any replicate can be drawn alone, on any device.

Random numbers come from SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
number generators"), whose k-th output is a hash of key + (k + 1) GAMMA. Weights of a replicate
therefore depend on the seed and its number alone: the same on NumPy, in the compiled loop and on a
GPU, however many are drawn at once.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from revealed.foundation.errors import EstimationError

Scheme = Literal["multinomial", "exponential"]

GAMMA = 0x9E3779B97F4A7C15
MIX_FIRST, MIX_SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_UNIT = 2.0**-53


def key_of(seed: int) -> int:
    """A 64-bit key from a seed of any size, well mixed."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


def _uniforms(first: int, count: int, key: int) -> np.ndarray:
    """Outputs `first` to ``first + count`` of the stream, multiples of 2^-53 in [0, 1)."""
    z = (np.arange(first + 1, first + 1 + count, dtype=np.uint64) * np.uint64(GAMMA)) + np.uint64(
        key
    )
    z = (z ^ (z >> np.uint64(30))) * np.uint64(MIX_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(MIX_SECOND)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) * _UNIT


def pair_weights(
    pairs: int, replicates: range, seed: int, scheme: Scheme = "multinomial"
) -> np.ndarray:
    """Weights of pairs in some replicates, shape (pairs, replicates).

    Parameters
    ----------
    replicates
        Numbers of the replicates.
    scheme
        ``multinomial``: as many pairs as there are, drawn with replacement; ``exponential``:
        Rubin's (1981) Bayesian bootstrap, scaled to a mean of one.

    Raises
    ------
    EstimationError
        If the scheme is unknown.
    """
    if scheme not in ("multinomial", "exponential"):
        raise EstimationError(f"unknown scheme {scheme!r}.", todo="Use multinomial or exponential.")
    key = key_of(seed)
    found = np.empty((pairs, len(replicates)))
    for column, replicate in enumerate(replicates):
        u = _uniforms(replicate * pairs, pairs, key)
        if scheme == "multinomial":
            found[:, column] = np.bincount((u * pairs).astype(np.int64), minlength=pairs)
        else:
            weight = -np.log(u + _UNIT / 2)
            found[:, column] = weight / weight.mean()
    return found
