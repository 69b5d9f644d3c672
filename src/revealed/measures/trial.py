"""What a first look at one model says of its utilities: one finding an outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..foundation.schemas import Finding, Provenance
from ..utilities.result import Fit
from .intervals import Z95


def utility_findings(
    fit: Fit, texts: Mapping[str, str], respondent: str, provenance: Provenance
) -> list[Finding]:
    """``trial.utility``: the standardized utility of every outcome, subject its text.

    Parameters
    ----------
    fit
        Of the outcome set.
    texts
        Text of every item.
    respondent, provenance
        Whose fit it is.

    Returns
    -------
    Utilities with mean 0 and standard deviation 1 over the outcomes asked, highest first, with 95 %
    intervals by the delta method; ``n`` counts pairs. None where all are equal.
    """
    if not np.ptp(fit.mean) > 0:
        return []
    scored = fit.zscored()
    made = []
    for at in np.argsort(-scored.mean, kind="stable"):
        value, se = float(scored.mean[at]), float(scored.se[at])
        known = math.isfinite(se)
        made.append(
            Finding(
                estimand="trial.utility",
                chapter="trial",
                respondent=respondent,
                estimate=value,
                low=value - Z95 * se if known else None,
                high=value + Z95 * se if known else None,
                unit="standard deviations",
                n=fit.diagnostics.pairs,
                method="Thurstone, standardized, delta method",
                provenance=provenance,
                instrument="outcomes",
                arm="forced",
                subject=texts[str(fit.items[at])],
            )
        )
    return made
