"""What a simulated respondent wants: a utility for every option text.

An option is known by its text alone, as a model would know it: the item tables of the instruments
say which good, measure and quantity a text speaks of. A text of no instrument gets a utility of its
own, drawn by its hash.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import cache
from statistics import NormalDist
from typing import Any, NamedTuple

from ...foundation.errors import ConfigError
from ...instruments import (
    ENGLISH,
    ORIGINAL,
    Instrument,
    instruments_folder,
    list_instruments,
    list_languages,
    load_instrument,
)
from .catalogue import Declared
from .traits import UTILITIES, framing

SPAN = 4.0
"""Utility between the smallest and the largest quantity of a measure's grid."""
DOLLAR_LEVEL, DOLLAR_SLOPE = -3.0, 0.35
"""Utility of $1, and what each e-fold adds: the dollar anchors span the goods' utilities."""
CATEGORY_SD, OUTCOME_SD = 0.8, 0.9
"""Spread of outcomes' utilities between categories and within one."""
POLITICAL = ("policy", "area", "reworded")
"""Draws that values moved elsewhere leave alone."""
CLEAR = 2.5
"""Utility of the better option of a calibration pair; the worse has its negative."""

_NORMAL = NormalDist()


class Facts(NamedTuple):
    """What the instruments know of an option text."""

    kind: str
    category: str
    good: str
    quantity: float
    slope: float
    """Utility an e-fold of the quantity, its sign included; 0 if there is none."""
    level: float
    row: Mapping[str, Any]
    """The item's whole row, with its ``item``, its ``text`` as written, and ``rewording``: the
    number of the rewording that was read, 0 for the text as written."""


@cache
def facts() -> Mapping[str, Facts]:
    """Facts by option text, from the item tables of all our instruments.

    Experiments come last, so a text that stands in the outcomes too is known as the experiment's.
    """
    known: dict[str, Facts] = {}
    for name in list_instruments():
        if name == ORIGINAL:  # its texts carry no goods or quantities
            continue
        instrument = load_instrument(name)
        items = instrument.items
        goods = items[(items["kind"] == "good") & (items["quantity"] > 0)]
        # The same for every good of a measure: prices then are differences between goods alone.
        low, high = goods["quantity"].min(), goods["quantity"].max()
        slope = SPAN / math.log(high / low) if len(goods) and high > low else 0.0
        pairs = instrument.pairs
        better = set(pairs["better"]) if pairs is not None and "better" in pairs else set()
        texts = _translated(instrument)
        others = instrument.rewordings
        reworded = others.to_dict("index") if others is not None else {}
        for row in items.reset_index().to_dict("records"):
            kind, good, level = row["kind"], row["good"], 0.0
            if kind == "calibration":
                level = CLEAR if row["item"] in better else -CLEAR
            if kind == "good" and row["role"] == "placebo":
                # A second spelling is the same good; an invented place is an average one.
                good = row["alias_of"]
            fact = Facts(
                kind, row["category"], good, row["quantity"], row["sign"] * slope, level, row
            )
            known |= dict.fromkeys(texts[row["item"]], fact._replace(row={**row, "rewording": 0}))
            for number, text in reworded.get(row["item"], {}).items():
                known[text] = fact._replace(row={**row, "rewording": number})
    return known


def _translated(instrument: Instrument) -> Mapping[str, list[str]]:
    """The texts of each item in every language that all of the instrument is translated into."""
    texts = {item: [text] for item, text in instrument.texts().items()}
    if instrument.translate is None:
        return texts
    for language in list_languages(instruments_folder()):
        if language == ENGLISH:
            continue
        try:
            spoken = instrument.texts(language)
        except ConfigError:  # a good of ours that nobody has translated yet
            continue
        for item, text in spoken.items():
            texts[item].append(text)
    return texts


class Values:
    """The utilities of one declaration, on the probit scale, remembered by text."""

    def __init__(self, declared: Declared):
        self.declared = declared
        self._utility: dict[tuple[str, str], float] = {}

    def utility(self, text: str, arm: str = "forced") -> float:
        """Utility of an option's (unpadded) text, apart from its length and the wording.

        The arm matters only where an experiment's arms ask different things.
        """
        found = self._utility.get((text, arm))
        if found is None:
            found = self.declared.values * self._compute(text, arm)
            if self.declared.beyond_trivial != 1.0 and not _is_trivial(text):
                found *= self.declared.beyond_trivial
            self._utility[text, arm] = found
        return found

    def log_price(self, good: str, arm: str = "forced") -> float:
        """ln of how many average goods one of `good` is worth, when asked in the way of `arm`."""
        return framing.log_price(self, good, arm, self._log_price(good))

    def _log_price(self, good: str) -> float:
        if not good or self.declared.price_sd == 0.0:
            return 0.0
        for dear, cheap, rate in self.declared.planted_rates:
            if good in (dear, cheap):
                return math.log(rate) / 2 * (1 if good == dear else -1)
        return self.declared.price_sd * self.draw("price", good)

    def draw(self, *what: str) -> float:
        """A standard normal number that depends on the seed and on `what`, and on nothing else."""
        seed = str(self.declared.seed)
        drawn = _NORMAL.inv_cdf(uniform(seed, *what))
        if what[0] in POLITICAL:
            return drawn
        for name in ("tuned_to", "moved"):
            share: float = getattr(self.declared, name)
            if share:
                other = _NORMAL.inv_cdf(uniform(f"{seed}, {name}", *what))
                drawn = math.sqrt(1.0 - share**2) * drawn + share * other
        return drawn

    def _compute(self, text: str, arm: str) -> float:
        known = facts().get(text)
        if known is None:
            return OUTCOME_SD * self.draw("text", text)
        if known.kind in UTILITIES:
            return UTILITIES[known.kind](self, known.row, arm)
        if known.kind == "calibration":
            return known.level
        if known.kind == "dollar":
            return DOLLAR_LEVEL + DOLLAR_SLOPE * math.log(known.quantity)
        if known.kind == "good" and known.quantity > 0:
            return known.slope * (math.log(known.quantity) + self.log_price(known.good, arm))
        return CATEGORY_SD * self.draw("category", known.category) + OUTCOME_SD * self.draw(
            "text", text
        )


def _is_trivial(text: str) -> bool:
    known = facts().get(text)
    return known is not None and known.kind == "calibration"


def uniform(*what: str) -> float:
    """A number in (0, 1) made from the SHA-256 of `what`: the same on every machine."""
    digest = hashlib.sha256("\x1f".join(what).encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:6], "big") + 0.5) / 2.0**48
