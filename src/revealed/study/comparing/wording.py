"""In which words two sides asked: items that read alike on both, and digests of the rest.

Words are those of the two checkouts as they stand. A checkout whose instruments were changed after
its run was asked says what it would ask now.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from revealed.foundation.errors import RevealedError
from revealed.instruments import load_arm, load_instrument, render


class Words(NamedTuple):
    """Texts by item, and the prompt around them; None where they cannot be read."""

    texts: dict[str, str]
    around: str

    @property
    def digest(self) -> str:
        """Eight digits that tell wordings apart."""
        told = "\n".join([self.around, *(f"{k}\t{v}" for k, v in sorted(self.texts.items()))])
        return hashlib.sha256(told.encode()).hexdigest()[:8]


@lru_cache(maxsize=256)
def words(root: Path | None, instrument: str, arm: str) -> Words | None:
    """What a checkout asks in an arm of an instrument."""
    if root is None:
        return None
    try:
        way = load_arm(arm, root)
        texts = load_instrument(instrument, root).texts(way.language, way.rewording)
        messages = render(way, "first option", "second option").messages
    except RevealedError:  # an instrument of the other side, or published utilities
        return None
    around = "\n".join(f"{m['role']}: {m['content']}" for m in messages)
    return Words({str(item): str(text) for item, text in texts.items()}, around)


class Alike(NamedTuple):
    """Items in the same words on both sides (None: all, as far as is known), and what is off."""

    items: frozenset[str] | None
    told: str


def alike(one: Path | None, two: Path | None, instrument: str, arm: str) -> Alike:
    """Which items two checkouts put in the same words."""
    if one == two and one is not None:
        return Alike(None, "")
    a, b = words(one, instrument, arm), words(two, instrument, arm)
    if a is None or b is None:
        where = "A" if a is None else "B"
        return Alike(None, f"the words of {instrument} are not known on side {where}")
    if a.around != b.around:
        told = f"other prompt in arm {arm} ({a.digest} and {b.digest})"
        return Alike(frozenset(), told)
    same = frozenset(item for item, text in a.texts.items() if b.texts.get(item) == text)
    changed = sorted(item for item in a.texts if item in b.texts and item not in same)
    alone = len(set(a.texts) ^ set(b.texts))
    off = []
    if changed:
        off.append(f"items in other words: {len(changed)} ({changed[0]})")
    if alone:
        off.append(f"items on one side only: {alone}")
    return Alike(same, f"{'; '.join(off)} ({a.digest} and {b.digest})" if off else "")
