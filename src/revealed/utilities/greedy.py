"""The compiled loop of `design.next_round` (optional: needs numba).

Picks pairs one after another by gain, each followed by a rank-one downdate of the covariance, in
one pass over the candidates a pick and without temporaries. Tests hold it to the array version.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_MATH = {"contract", "reassoc", "nsz", "arcp"}


@njit(cache=True, nogil=True, fastmath=_MATH, error_model="numpy")
def pick(low, high, added, c, chosen, drawn):  # type: ignore[no-untyped-def]
    """Fill `chosen` from place `drawn` on with the candidates of greatest gain.

    Parameters
    ----------
    low, high, added
        Items and added information of every candidate, shape (candidates,).
    c
        Covariance of the items, (n, n), C order; changed in place.
    chosen
        Numbers of candidates, shape (m,); those before `drawn` are given.
    """
    n, m = c.shape[0], len(chosen)
    open_ = np.ones(len(low), dtype=np.bool_)
    column, diagonal = np.empty(n), np.empty(n)
    for k in range(m):
        if k >= drawn:
            for a in range(n):
                diagonal[a] = c[a, a]
            best, most = -1, -np.inf
            for p in range(len(low)):
                if open_[p]:
                    i, j = low[p], high[p]
                    gain = added[p] * (diagonal[i] + diagonal[j] - 2.0 * c[i, j])
                    if gain > most:
                        best, most = p, gain
            chosen[k] = best
        p = chosen[k]
        open_[p] = False
        i, j = low[p], high[p]
        for a in range(n):
            column[a] = c[i, a] - c[j, a]
        factor = added[p] / (1.0 + added[p] * (column[i] - column[j]))
        for a in range(n):
            scaled = factor * column[a]
            for b in range(n):
                c[a, b] -= scaled * column[b]
