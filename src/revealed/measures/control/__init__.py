"""Can a respondent's politics be steered, and does that reach its other values? (METHODS 13)

`agreement` compares answers with an assembly's targets, `shift` says how far answers moved beyond
what asking again moves them, `analysis` does both for a base and what was made of it, and
`findings` turns that into findings.
"""

from .agreement import Agreement, Votes, agreement, gain, votes
from .analysis import ELSEWHERE, Analysis, Answers, Topics, analyse, before, pair_table, price_table
from .findings import base_findings, findings
from .shift import Moved, Reach, reach

__all__ = [
    "ELSEWHERE",
    "Agreement",
    "Analysis",
    "Answers",
    "Moved",
    "Reach",
    "Topics",
    "Votes",
    "agreement",
    "analyse",
    "base_findings",
    "before",
    "findings",
    "gain",
    "pair_table",
    "price_table",
    "reach",
    "votes",
]
