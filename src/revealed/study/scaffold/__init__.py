"""New goods, categories, respondents, instruments and experiments, written whole or not at all.

A scaffold is the files that a new part of the study needs, made in memory from templates and from
edits of the files that register it. It is tried in a copy of the checkout, read there by the
study's own checks, and only then put in place.
"""

from .changes import Scaffold, write
from .data import new_category, new_good
from .parts import new_experiment, new_instrument
from .people import new_respondent, new_simulated

__all__ = [
    "Scaffold",
    "new_category",
    "new_experiment",
    "new_good",
    "new_instrument",
    "new_respondent",
    "new_simulated",
    "write",
]
