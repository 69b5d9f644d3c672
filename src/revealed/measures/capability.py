"""Coherence against capability: does one rise with the other, and over how many independent models?

From a table of models with two scores to a correlation with two intervals, one as if the models
were independent and one with model families as clusters (METHODS 3, claim C2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..foundation.errors import DataError
from ..foundation.schemas import Finding, Provenance
from .intervals import Estimate, fisher_interval


@dataclass(frozen=True)
class Association:
    """A correlation over models: as if they were independent, and with families as clusters."""

    independent: Estimate
    clustered: Estimate
    families: int
    without: pd.DataFrame
    """The correlation with each family left out: columns family, models, r."""


def capability_association(
    table: pd.DataFrame,
    *,
    coherence: str = "accuracy",
    capability: str = "mmlu",
    family: str = "family",
) -> Association:
    """Pearson correlation of a coherence score with a capability score over models.

    Models of one family share data and training, so n models are fewer than n observations. The
    clustered interval is a delete-one-family jackknife on Fisher's z with a t quantile of
    (families - 1) degrees of freedom; it needs at least 3 families.

    Rows with a missing score are left out.
    """
    used = table.dropna(subset=[coherence, capability])
    x, y = used[coherence].to_numpy(float), used[capability].to_numpy(float)
    n = len(used)
    if n < 4:
        raise DataError(f"{n} models with both scores; a correlation wants at least 4.")
    r = float(np.corrcoef(x, y)[0, 1])
    low, high = fisher_interval(r, n)
    independent = Estimate(r, low, high, n, "Pearson, Fisher z, models independent")
    names = used[family].to_numpy()
    rows = []
    for name in pd.unique(names):
        kept = names != name
        left = float(np.corrcoef(x[kept], y[kept])[0, 1]) if kept.sum() > 3 else np.nan
        rows.append((str(name), int((~kept).sum()), left))
    without = pd.DataFrame(rows, columns=["family", "models", "r"])
    z = np.arctanh(without["r"].dropna().to_numpy(float))
    g = len(z)
    method = "Pearson, delete-one-family jackknife on Fisher z"
    if g < 3:
        return Association(independent, Estimate(r, None, None, n, method), g, without)
    half = float(np.sqrt((g - 1) / g * ((z - z.mean()) ** 2).sum()) * stats.t.ppf(0.975, g - 1))
    centre = np.arctanh(r)
    clustered = Estimate(
        r, float(np.tanh(centre - half)), float(np.tanh(centre + half)), n, method,
        f"{g} families", freedom=g - 1,
    )  # fmt: skip
    return Association(independent, clustered, g, without)


_FAMILIES = ("claude", "gemma", "gpt", "llama", "olmo", "qwen", "grok", "deepseek", "phi", "qwq")


def model_family(model: str) -> str:
    """The family a model's name begins with (gpt, llama, qwen ...), or its first word."""
    name = model.rsplit("/", 1)[-1].lower()
    return next((family for family in _FAMILIES if name.startswith(family)), name.split("-")[0])


def match_models(models: Iterable[str], scored: Iterable[str]) -> dict[str, str]:
    """Which scored model each name means, where one does: name to name in `scored`.

    Sources write one model in several ways (``llama-3.1-8b``, ``llama-31-8b-instruct``). Two names
    are the same if they agree in letters and digits once release tags (four digits) are left out.
    The models that answer questions are the instructed ones, so an instructed namesake is taken
    before an untuned one.
    """
    known: dict[tuple[str, bool], str] = {}
    for name in scored:
        known.setdefault(_model_key(name), name)
    found: dict[str, str] = {}
    for model in models:
        key, _ = _model_key(model)
        hit = known.get((key, True)) or known.get((key, False))
        if hit is not None:
            found[model] = hit
    return found


def _model_key(name: str) -> tuple[str, bool]:
    """Letters and digits of a name without its tuning, and whether it is an instructed model."""
    words = [word for word in re.split(r"[-_/ ]+", name.lower().replace(".", "")) if word]
    tuned = bool({"instruct", "it", "chat"} & set(words))
    kept = [
        word
        for word in words
        if word not in {"instruct", "it", "chat"} and not re.fullmatch(r"\d{4}", word)
    ]
    return "".join(kept), tuned


def scale_table(accuracy: pd.Series, capability: pd.Series) -> pd.DataFrame:
    """Models with both scores: columns model, accuracy, mmlu, family; a row a model.

    Parameters
    ----------
    accuracy
        Held-out accuracy by model name.
    capability
        Score by model name, in another source's spelling (`match_models`).
    """
    found = match_models(map(str, accuracy.index), map(str, capability.index))
    rows = [
        (name, float(accuracy[name]), float(capability[other]), model_family(name))
        for name, other in found.items()
    ]
    return pd.DataFrame(rows, columns=["model", "accuracy", "mmlu", "family"])


def leave_one_out(
    table: pd.DataFrame, *, coherence: str = "accuracy", capability: str = "mmlu"
) -> pd.DataFrame:
    """The correlation with each model left out: columns model, r, the most influential first."""
    x, y = table[coherence].to_numpy(float), table[capability].to_numpy(float)
    keep = ~np.eye(len(table), dtype=bool)
    r = np.array([np.corrcoef(x[row], y[row])[0, 1] for row in keep])
    found = pd.DataFrame({"model": table["model"].to_numpy(), "r": r})
    influence = np.abs(r - np.corrcoef(x, y)[0, 1])
    return found.iloc[np.argsort(-influence, kind="stable")].reset_index(drop=True)


def capability_findings(
    association: Association,
    *,
    chapter: str,
    provenance: Provenance,
    respondent: str = "models of the original study",
    subject: str = "held-out accuracy with MMLU",
) -> list[Finding]:
    """The correlation twice, by its two intervals: estimand coherence.capability_correlation."""
    return [
        Finding(
            estimand="coherence.capability_correlation", chapter=chapter, respondent=respondent,
            estimate=e.value, low=e.low, high=e.high, unit="correlation", n=e.n, method=e.method,
            provenance=provenance, claim="C2", subject=f"{subject}, {label}", note=e.note,
        )
        for label, e in (
            ("models independent", association.independent),
            ("families as clusters", association.clustered),
        )
    ]  # fmt: skip
