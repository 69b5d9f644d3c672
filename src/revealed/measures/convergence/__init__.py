"""Do different respondents want the same things? (METHODS, section 7)

From utility vectors over shared outcomes to correlations that are corrected for noise, held within
categories and beyond the length of the texts (`compare`), to what all of them share and what
families share (`group`), with each respondent's reliability (`reliability`). What is published
(`published`, `agreement`) and the Moral Machine's effects (`moral_effects`) go the same way.
"""

from .findings import (
    ceiling_finding,
    group_findings,
    pair_findings,
    reliability_findings,
    select,
)
from .group import Families, Shared, common_share, families, mean_correlation
from .moral_effects import HUMANS, habits, moral_findings, moral_matrix, with_humans
from .overview import (
    SHARED_NEEDED,
    agreement,
    agreement_findings,
    agreement_matrix,
    utility_matrix,
)
from .pairs import RETEST, compare, jackknife, permuted_p, residuals
from .published import published_scores, score_findings
from .reliability import RELIABILITY_NEEDED, Halves, halves, unreliable

__all__ = [
    "HUMANS",
    "RELIABILITY_NEEDED",
    "RETEST",
    "SHARED_NEEDED",
    "Families",
    "Halves",
    "Shared",
    "agreement",
    "agreement_findings",
    "agreement_matrix",
    "ceiling_finding",
    "common_share",
    "compare",
    "families",
    "group_findings",
    "habits",
    "halves",
    "jackknife",
    "mean_correlation",
    "moral_findings",
    "moral_matrix",
    "pair_findings",
    "permuted_p",
    "published_scores",
    "reliability_findings",
    "residuals",
    "score_findings",
    "select",
    "unreliable",
    "utility_matrix",
    "with_humans",
]
