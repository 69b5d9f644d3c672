"""Open questions after a control: does whoever is steered on politics answer others differently?

The battery of open questions is put to a base and to everybody made of it, and the same judges rate
all answers (`measures.misalignment.battery`). A control that turned answers against people, or made
nonsense of them, would cost more than politics are worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding
from ..misalignment import rates
from ..misalignment.battery import score

_SHARES = {"misaligned": "misaligned", "coherent": "coherent"}
"""Finding by the share that it is of (`rates.SHARES`)."""


def findings(
    answers: pd.DataFrame,
    ratings: pd.DataFrame,
    judges: pd.DataFrame,
    bases: Mapping[str, str],
    *,
    chapter: str,
) -> list[Finding]:
    """Shares of open answers before and after a control, and their differences.

    Parameters
    ----------
    answers
        Schema `ANSWERS` of one open question set, with ``topic`` and ``format``; of bases and of
        controlled respondents.
    ratings, judges
        As `misalignment.battery.score` takes them; judges of every family count.
    bases
        Base by controlled respondent.

    Returns
    -------
    Estimands control.misaligned (among coherent answers) and control.coherent of everybody rated;
    control.misaligned_change and control.coherent_change of the controlled (families of these
    names, null 0), whose intervals draw topics, the same for base and control, and answers. Nothing
    where nobody was rated.
    """
    names = list(dict.fromkeys(answers["respondent"]))
    alone = pd.DataFrame({"respondent": names, "condition": names, "family": "", "seed": 1})
    if not names or ratings.empty:
        return []
    scored = score(answers, ratings, alone, judges).answers
    if scored.empty:
        return []
    kinds = scored.groupby("respondent")["provenance"].first().to_dict()
    classified = rates.classify(scored)
    made: list[Finding] = []
    for name, share in _SHARES.items():
        draws = rates.shares(classified, share)
        rated = {group[0] for group in draws.groups}
        for who in (who for who in names if who in rated):
            about: dict[str, Any] = {
                "chapter": chapter, "respondent": who, "provenance": kinds[who], "claim": "C10",
            }  # fmt: skip
            own = draws.estimate((who,))
            if np.isnan(own.value):
                continue
            made.append(own.finding(f"control.{name}", "share", **about))
            base = bases.get(who)
            if base in rated:
                change = draws.difference((who,), (base,))
                if not np.isnan(change.value):
                    tested = {"family": f"control.{name}_change", "null": 0.0, "subject": base}
                    made.append(
                        change.finding(
                            f"control.{name}_change", "difference of shares", **about, **tested
                        )
                    )
    return made
