"""What a probed network says, as findings."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...foundation.schemas import Finding, Provenance
from ..intervals import Estimate
from .evaluate import Probed

CHAPTER = "probes"
FAMILY = "probe.difference"


def findings(
    probed: Probed,
    *,
    model: str,
    respondent: str,
    provenance: Provenance,
    instrument: str = "outcomes",
    chapter: str = CHAPTER,
) -> list[Finding]:
    """Findings about one model's activations and one respondent's utilities.

    The respondent of the findings is `model`; whose utilities were probed for stands in the note.
    Estimands probe.correlation, probe.r2 and probe.accuracy (subject: the source read),
    probe.difference and probe.accuracy_difference (subject: the control; the first is the family
    that is adjusted), probe.shuffled (mean of the null) and probe.shuffled_p, probe.layer (the one
    chosen) and probe.found (1 if above zero and above every control).
    """
    about: dict[str, Any] = {
        "chapter": chapter, "respondent": model, "provenance": provenance, "instrument": instrument,
        "note": f"utilities of {respondent}",
    }  # fmt: skip
    made = []
    for name, e in probed.correlation.items():
        made.append(e.finding("probe.correlation", "correlation", subject=name, **about))
        made.append(probed.r2[name].finding("probe.r2", "share", subject=name, **about))
    for name, e in probed.accuracy.items():
        if np.isfinite(e.value):
            made.append(e.finding("probe.accuracy", "share", subject=name, **about))
    for name, e in probed.difference.items():
        made.append(
            e.finding(
                "probe.difference", "difference in correlation", subject=name, family=FAMILY,
                null=0.0, **about,
            )
        )  # fmt: skip
    for name, e in probed.accuracy_difference.items():
        if np.isfinite(e.value):
            made.append(
                e.finding("probe.accuracy_difference", "difference in share", subject=name, **about)
            )
    n = len(probed.target)
    if len(probed.shuffled):
        k = len(probed.shuffled)
        method = f"{k} times with shuffled utilities, all else the same"
        reached = int((probed.shuffled >= probed.correlation["trained"].value).sum())
        low, high = float(probed.shuffled.min()), float(probed.shuffled.max())
        mean = Estimate(float(probed.shuffled.mean()), low, high, n, f"{method}; range")
        p = Estimate((1 + reached) / (1 + k), None, None, n, f"{method}; one-sided")
        made.append(mean.finding("probe.shuffled", "correlation", **about))
        made.append(p.finding("probe.shuffled_p", "p-value", **about))
    made += [
        Estimate(
            float(probed.held["trained"].layer), None, None, n,
            "smallest error in folds of the training outcomes",
        ).finding("probe.layer", "count", **about),
        Estimate(
            float(probed.passes), None, None, n,
            "held-out correlation above zero and above every control",
        ).finding("probe.found", "1 or 0", **about),
    ]  # fmt: skip
    return made
