"""Scores that were published with utilities: how well they fit, and predict, the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding


def published_scores(metas: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """How well published utilities fit the answers they were made from, and held-out ones.

    Parameters
    ----------
    metas
        By respondent, the second value of `respondents.public.import_utilities`.

    Returns
    -------
    DataFrame
        respondent, items, train_log_loss, heldout_log_loss, train_accuracy, heldout_accuracy,
        beats_coin (held-out log-loss below ln 2; missing where none is published). Log-losses in
        nats a pair.
    """
    rows = []
    for respondent, meta in metas.items():
        held = meta["heldout_log_loss"]
        rows.append(
            {
                "respondent": respondent,
                "items": meta["n_items"],
                **{
                    name: meta[name]
                    for name in (
                        "train_log_loss", "heldout_log_loss", "train_accuracy", "heldout_accuracy",
                    )
                },
                "beats_coin": None if held is None else bool(held < np.log(2)),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def score_findings(
    scores: pd.DataFrame,
    *,
    chapter: str = "real_models",
    instrument: str = "cais/options_hierarchical",
) -> list[Finding]:
    """Published train and held-out scores as findings; no interval, because none is published."""
    units = {"log_loss": "nats", "accuracy": "share"}
    return [
        Finding(
            estimand=f"coherence.{part}_{score}", chapter=chapter, respondent=row["respondent"],
            estimate=float(row[f"{part}_{score}"]), low=None, high=None, unit=unit,
            n=int(row["items"]), method="as published with the utilities (n counts outcomes)",
            provenance="published", claim="C1", instrument=instrument,
        )
        for _, row in scores.iterrows()
        for score, unit in units.items()
        for part in ("train", "heldout")
        if not pd.isna(row[f"{part}_{score}"])
    ]  # fmt: skip
