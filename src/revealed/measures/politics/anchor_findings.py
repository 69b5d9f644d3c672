"""What may be quoted of the party-anchored scale itself: its error, and that it is no accident."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.schemas import Finding
from ..intervals import Estimate
from .anchor import AXES, Scale, explained, permutation_p, root_mean_square

ACCIDENT_FAMILY = "politics.scale_accident"


def findings(
    scales: dict[str, Scale], *, chapter: str, instrument: str = "", seed: int = 0
) -> list[Finding]:
    """Error and explained share of each axis' scale for parties left out; provenance published.

    politics.scale_error (points), politics.scale_explained (share; its note gives the chance of as
    small an error if placements were dealt out anew).
    """
    made = []
    about: dict[str, Any] = {
        "chapter": chapter, "provenance": "published", "respondent": "parties",
        "instrument": instrument,
    }  # fmt: skip
    for axis, scale in scales.items():
        p = permutation_p(scale, seed)
        note = f"p = {p:.3f} by dealing out placements anew within countries"
        made.append(
            root_mean_square(scale).finding("politics.scale_error", "points", subject=axis, **about)
        )
        made.append(explained(scale).finding(
            "politics.scale_explained", "share", subject=axis, family=ACCIDENT_FAMILY, null=0.0,
            **{**about, "note": note},
        ))  # fmt: skip
    return made


def survey_shift(placed: pd.DataFrame) -> dict[str, Estimate]:
    """How far two surveys put the same party apart: root mean square, points of 0 to 10, by axis.

    A floor for the scale's error where a survey is years away from the election.

    Parameters
    ----------
    placed
        As `respondents.public.load_vaa_parties` gives them with ``nearest=False``.
    """
    found = {}
    for axis in AXES:
        surveys = placed.pivot_table(index=["country", "party"], columns="survey", values=axis)
        both = surveys.dropna()
        square = ((both.iloc[:, 0] - both.iloc[:, -1]) ** 2).to_numpy(float)
        n, mean = len(square), float(square.mean())
        half = float(stats.t.ppf(0.975, n - 1) * square.std(ddof=1) / np.sqrt(n))
        low, high = np.sqrt([max(mean - half, 0.0), mean + half])
        found[axis] = Estimate(
            float(np.sqrt(mean)), float(low), float(high), n, "parties placed in both surveys"
        )
    return found
