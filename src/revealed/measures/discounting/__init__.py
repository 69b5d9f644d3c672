"""Time discounting (METHODS 9): one likelihood over all cells, four curves, bounds and gates.

`curves` and `fit` hold the model, `estimates` what is read from it, `parity` the published coarse
score on the same answers, `published` the scores of real models, `findings` what the book may say.
"""

from .curves import CURVES, Curve, CurveName
from .estimates import (
    Comparison,
    annual_rate,
    area_under_curve,
    beta,
    bound,
    compare_curves,
    dominance,
    front_end,
    magnitude,
    order_effect,
)
from .findings import Analysis, analyse, findings, year_value
from .fit import Cells, DiscountFit, cells, fit_curve, probability
from .parity import coarse_score, coin_distribution, parity_score, published_scores, staircase
from .published import Published, associations, published_findings, read_scores

__all__ = [
    "CURVES",
    "Analysis",
    "Cells",
    "Comparison",
    "Curve",
    "CurveName",
    "DiscountFit",
    "Published",
    "analyse",
    "annual_rate",
    "area_under_curve",
    "associations",
    "beta",
    "bound",
    "cells",
    "coarse_score",
    "coin_distribution",
    "compare_curves",
    "dominance",
    "findings",
    "fit_curve",
    "front_end",
    "magnitude",
    "order_effect",
    "parity_score",
    "probability",
    "published_findings",
    "published_scores",
    "read_scores",
    "staircase",
    "year_value",
]
