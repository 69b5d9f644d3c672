"""What the published discounting scores of real models can say, and what they cannot.

One whole number a model, from a task whose sooner option always stands first. A respondent that
names one option whatever is asked scores 0 or 15, and a coin scores anything from 4 to 14: the
score is therefore set against both before anything is read into it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding
from ..capability import Association, capability_association
from ..intervals import binomial_interval
from .parity import coin_distribution, published_scores

LEVEL = 0.05
SOURCE = "codaforno2024"


@dataclass(frozen=True)
class Published:
    """The published scores, read against artefacts.

    ``table``: the importer's rows with ``reading`` (one option always, within chance, patient,
    impatient, typed in, not possible, and for others human or chance); ``coin`` the range from
    which 95 % of coin tossers come; ``human`` the published mean of people.
    """

    table: pd.DataFrame
    coin: tuple[float, float]
    human: float

    @property
    def models(self) -> pd.DataFrame:
        """Models with a score of their own."""
        rows = self.table[self.table["kind"] == "model"]
        return rows[~rows["placeholder"] & rows["possible"]]


def read_scores(scores: pd.DataFrame) -> Published:
    """Set every published score against one named option and against chance.

    Parameters
    ----------
    scores
        As `respondents.public.import_cogbench` gives them.
    """
    values, chance = coin_distribution()
    up = chance.cumsum()
    low = float(values[np.searchsorted(up, LEVEL / 2)])
    high = float(values[np.searchsorted(up, 1 - LEVEL / 2)])
    fixed = {published_scores("first"), published_scores("second")}

    def reading(row: pd.Series) -> str:
        if row["kind"] != "model":
            return str(row["kind"])
        if row["placeholder"]:
            return "typed in"
        if not row["possible"]:
            return "not possible"
        value = float(row["discounting"])
        if value in fixed:
            return "one option always"
        if low <= value <= high:
            return "within chance"
        return "patient" if value < low else "impatient"

    human = scores.loc[scores["kind"] == "human", "discounting"]
    table = scores.assign(reading=[reading(row) for _, row in scores.iterrows()])
    return Published(table, (low, high), float(human.iloc[0]) if len(human) else float("nan"))


def associations(read: Published) -> dict[str, Association]:
    """Correlation of the score with size (log10) and with training on feedback, over models with
    a score of their own; once as if models were independent and once with families as clusters."""
    models = read.models
    table = models.assign(
        size=np.log10(models["parameters"].astype(float)), trained=models["feedback"].astype(float)
    )
    return {
        label: capability_association(
            table, coherence="discounting", capability=column, family="family"
        )
        for label, column in (("size", "size"), ("feedback", "trained"), ("risk", "risk"))
    }


def published_findings(read: Published, chapter: str) -> list[Finding]:
    """Estimands discount.published_score (a model each), .published_reading (counts of models by
    reading), .published_more_patient, .published_correlation (with size, feedback and risk)."""
    made: list[Finding] = []

    def add(
        estimand: str, respondent: str, estimate: float, unit: str, n: int, method: str,
        subject: str = "", note: str = "", low: float | None = None, high: float | None = None,
        null: float | None = None, freedom: float | None = None,
    ) -> None:  # fmt: skip
        made.append(
            Finding(
                estimand=f"discount.published_{estimand}", chapter=chapter, respondent=respondent,
                estimate=estimate, low=low, high=high, unit=unit, n=n, method=method,
                provenance="published", subject=subject, note=note,
                family="" if null is None else "discount.published", null=null, freedom=freedom,
            )
        )  # fmt: skip

    method = "as published; one run of an adaptive task, no interval"
    for row in read.table.itertuples():
        name = f"codaforno2024/{row.model}"
        add("score", name, row.discounting, "steps of 19", 1, method, note=row.reading)
    models = read.table[read.table["kind"] == "model"]
    everyone = f"{SOURCE}/models"
    for kind, count in models["reading"].value_counts().items():
        ends = binomial_interval(float(count), len(models))
        add(
            "reading", everyone, float(count) / len(models), "share of models", len(models),
            "share of models, exact binomial as if models were independent", str(kind),
            low=ends[0], high=ends[1],
        )  # fmt: skip
    own = read.models
    below = float((own["discounting"] < read.human).mean())
    ends = binomial_interval(below * len(own), len(own))
    add(
        "more_patient", everyone, below, "share of models", len(own),
        "share of models scoring below the human mean, exact binomial as if independent",
        low=ends[0], high=ends[1],
    )  # fmt: skip
    for label, found in associations(read).items():
        for way, e in (
            ("models independent", found.independent), ("families as clusters", found.clustered),
        ):  # fmt: skip
            add(
                "correlation", everyone, e.value, "correlation", e.n, e.method,
                f"{label}, {way}", e.note, e.low, e.high,
                0.0 if way == "families as clusters" else None, e.freedom,
            )  # fmt: skip
    return made
