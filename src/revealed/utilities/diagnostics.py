"""What the comparisons can and cannot say, before any model is fitted to them.

Ford (1957, "Solution of a ranking problem from binary comparisons"): maximum likelihood estimates
exist only if no split of the items has all wins on one side. Realistic data on decided respondents
break this nearly always, so it is found and reported, and no interval is claimed across such a
split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .comparisons import Comparisons


@dataclass(frozen=True)
class Diagnostics:
    """Structure of the comparison graph; every array holds item numbers.

    Attributes
    ----------
    items
        Names of the items.
    components
        Weakly connected components, largest first: utilities of different ones are not comparable.
    blocks
        Strongly connected components of "was chosen over at least once", largest first: between
        two blocks all choices went one way or none were made, and the distance is the prior's.
    always_win, always_lose
        Compared items that were never, or only, chosen against.
    never
        Items without a single answer.
    pairs, answers
        Number of compared pairs and of answers.
    """

    items: tuple[str, ...]
    components: tuple[np.ndarray, ...]
    blocks: tuple[np.ndarray, ...]
    always_win: np.ndarray
    always_lose: np.ndarray
    never: np.ndarray
    pairs: int
    answers: float

    @property
    def connected(self) -> bool:
        """Whether all compared items can be compared with each other."""
        return len(self.components) <= 1

    @property
    def separated(self) -> bool:
        """Whether some distance between compared items is determined by the prior alone."""
        return len(self.blocks) > 1

    @property
    def identified(self) -> np.ndarray:
        """Per item, whether it is in the largest block: distances within it are the answers'.

        None is where no block has two items: one alone has no distance within it.
        """
        inside = np.zeros(len(self.items), dtype=bool)
        if self.blocks and len(self.blocks[0]) > 1:
            inside[self.blocks[0]] = True
        return inside

    def messages(self) -> list[str]:
        """What a reader of the fit has to know, one sentence each; empty if all is well."""
        found = []
        if len(self.never):
            found.append(f"{len(self.never)} items were never compared.")
        if not self.connected:
            sizes = ", ".join(str(len(part)) for part in self.components[:6])
            more = ", …" if len(self.components) > 6 else ""
            found.append(
                f"The pairs fall into {len(self.components)} parts without a link, "
                f"of {sizes}{more} items."
            )
        if self.separated:
            outside = sum(map(len, self.blocks)) - int(self.identified.sum())
            found.append(
                f"{outside} items are separated: {len(self.always_win)} won every answer, "
                f"{len(self.always_lose)} lost every one; no interval is claimed for them."
            )
        return found


def _parts(labels: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, ...]:
    """Item numbers per label among the items to keep, largest part first (ties: lowest item)."""
    kept = np.flatnonzero(keep)
    order = np.argsort(labels[kept], kind="stable")
    cuts = np.flatnonzero(np.diff(labels[kept][order])) + 1
    parts = [part for part in np.split(kept[order], cuts) if len(part)]
    return tuple(sorted(parts, key=lambda part: (-len(part), int(part[0]))))


def diagnose(comparisons: Comparisons) -> Diagnostics:
    """Components, separation and items without information."""
    n = len(comparisons.items)
    low, high, counts, _ = comparisons.pairs
    # counts[order, chosen]: the low item was chosen as first of order 0 or as second of order 1.
    low_wins = counts[0, 0] + counts[1, 1]
    high_wins = counts[0, 1] + counts[1, 0]
    winner = np.concatenate([low[low_wins > 0], high[high_wins > 0]])
    loser = np.concatenate([high[low_wins > 0], low[high_wins > 0]])
    graph = coo_array((np.ones(len(winner)), (winner, loser)), shape=(n, n)).tocsr()
    has_won = np.bincount(winner, minlength=n) > 0
    has_lost = np.bincount(loser, minlength=n) > 0
    compared = has_won | has_lost
    blocks, strong = connected_components(graph, directed=True, connection="strong")
    # One block of all items is one component too.
    weak = strong if blocks == 1 else connected_components(graph, directed=False)[1]
    return Diagnostics(
        comparisons.items,
        _parts(weak, compared),
        _parts(strong, compared),
        np.flatnonzero(has_won & ~has_lost),
        np.flatnonzero(has_lost & ~has_won),
        np.flatnonzero(~compared),
        int(np.count_nonzero(low_wins + high_wins)),
        float(counts.sum()),
    )
