"""Does a model under the same name want the same things later?

`releases` reads published effects of the models that one name stood for in turn, and of a model and
its successor. `dealing` deals stored answers out anew, so that how often no drift is called one,
and how large a drift is found, are counted on answers that a run has already. `telling` picks what
a page says of either.
"""

from .dealing import Dealt, asked_again, deal, deal_findings, dealt, mixed
from .releases import foundation_findings, release_findings, steps
from .telling import between, changed, extreme, rates, whole

__all__ = [
    "Dealt",
    "asked_again",
    "between",
    "changed",
    "deal",
    "deal_findings",
    "dealt",
    "extreme",
    "foundation_findings",
    "mixed",
    "rates",
    "release_findings",
    "steps",
    "whole",
]
