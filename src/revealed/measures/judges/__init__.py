"""Judges: does a respondent prefer its own words, beyond what others see in them?

`published` holds votes and scores of real judges, `elicited` verdicts on pairs of answers asked for
in both orders, `conditional` the logit that both rest on.
"""

from .conditional import Coefficients, conditional_logit
from .published import (
    POOLED,
    author_effects,
    naive_vote_effects,
    place_of_copies,
    score_effects,
    vote_effects,
    vote_shares,
)

__all__ = [
    "POOLED",
    "Coefficients",
    "author_effects",
    "conditional_logit",
    "naive_vote_effects",
    "place_of_copies",
    "score_effects",
    "vote_effects",
    "vote_shares",
]
