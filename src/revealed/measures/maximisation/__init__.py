"""Does a respondent, asked openly, say what it prefers when the answers are compared in pairs?

Free answers are matched to listed ones by another respondent (`free`). Top-1 agreement holds them
against the listed answer of highest utility, and a conditional logit regresses which answer is
given on utilities (`estimates`), which enter as draws from their posterior (`posterior`).
"""

from .estimates import (
    QUESTIONS_NEEDED,
    Slopes,
    by_rank,
    chance,
    crowd_top1,
    original_score,
    slopes,
    top1,
)
from .findings import (
    AGREEMENT_NEEDED,
    FAMILY,
    findings,
    matcher_findings,
    matcher_reason,
    reason,
)
from .free import counts, matched, matcher_agreement, misread
from .posterior import DRAWS, Utilities, utilities

__all__ = [
    "AGREEMENT_NEEDED",
    "DRAWS",
    "FAMILY",
    "QUESTIONS_NEEDED",
    "Slopes",
    "Utilities",
    "by_rank",
    "chance",
    "counts",
    "crowd_top1",
    "findings",
    "matched",
    "matcher_agreement",
    "matcher_findings",
    "matcher_reason",
    "misread",
    "original_score",
    "reason",
    "slopes",
    "top1",
    "utilities",
]
