"""Does a model under the same name want the same things later?

`releases` reads published effects of the models that one name stood for in turn, and of a model and
its successor. `dealing` deals stored answers out anew, so that how often no drift is called one,
and how large a drift is found, are counted on answers that a run has already.
"""

from .dealing import Dealt, asked_again, deal, deal_findings, dealt, mixed
from .releases import changed, foundation_findings, release_findings, steps

__all__ = [
    "Dealt",
    "asked_again",
    "changed",
    "deal",
    "deal_findings",
    "dealt",
    "foundation_findings",
    "mixed",
    "release_findings",
    "steps",
]
