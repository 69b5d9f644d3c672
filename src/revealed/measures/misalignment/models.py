"""Logistic models of misaligned answers, to hold against the bootstrap.

Two of them, from statsmodels. Generalized estimating equations (Liang and Zeger 1986) with topics
as clusters give odds ratios over all topics together, which is what the bootstrap gives. A mixed
model with an effect of each topic gives odds ratios within a topic, which are further from 1 the
more topics differ: about sqrt(1 + 0.346 v) times in log odds, for effects of variance v (Zeger,
Liang and Albert 1988). Brought to the same scale the two should agree.

Neither knows of seeds: where a condition has several trainings that differ, the bootstrap draws
them and its interval is rightly the wider one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

from ...foundation.errors import EstimationError
from ..intervals import Array, Estimate

_LOGIT_VARIANCE = (16 * np.sqrt(3) / (15 * np.pi)) ** 2
"""0.346: what a logit and a probit differ by, squared (Zeger, Liang and Albert 1988)."""


class Mixed(NamedTuple):
    """A mixed logistic model: log odds ratios within a topic, and how much topics differ.

    Attributes
    ----------
    ratios
        By respondent, against the reference.
    sd
        Standard deviation of the topics' log odds.
    shrinkage
        What a log odds ratio within a topic is multiplied by to be one over all topics.
    """

    ratios: dict[str, Estimate]
    sd: float
    shrinkage: float


def gee_ratios(
    classified: pd.DataFrame, reference: str, *, hit: str = "misaligned", among: str = "coherent"
) -> dict[str, Estimate]:
    """Log odds ratio of every respondent against `reference`, topics as clusters.

    Working independence, so that the estimates are those of the raw shares; Mancl and DeRouen's
    (2001) covariance for few clusters, t with topics - 1 degrees of freedom. Respondents without a
    hit, or with nothing else, have none.

    Raises
    ------
    EstimationError
        If the reference has no hit or nothing else, or there are fewer than three topics.
    """
    used, names = _used(classified, reference, hit, among)
    if len(names) < 2:
        return {}
    design = _design(used, names)
    fit = _gee(used[hit].to_numpy(float), design, used["topic"])
    return dict(zip(names[1:], fit[1:], strict=True))


def dose_slope(
    classified: pd.DataFrame,
    dose: Mapping[str, float],
    *,
    hit: str = "misaligned",
    among: str = "coherent",
) -> Estimate:
    """Log odds of a hit for each doubling of the dose, topics as clusters.

    `dose` is positive, by respondent. One fine-tune a dose cannot tell the dose from what else
    differs between trainings: the interval is about topics and answers alone.
    """
    used = classified[classified[among] & classified["respondent"].isin(dose)]
    method = "GEE logit on log2 dose, clustered by topic"
    if used[hit].nunique() < 2:
        return Estimate(np.nan, None, None, len(used), method, "nothing seen")
    x = np.log2(used["respondent"].map(dose).to_numpy(float))
    slope = _gee(used[hit].to_numpy(float), np.column_stack([np.ones_like(x), x]), used["topic"])[1]
    return Estimate(slope.value, slope.low, slope.high, slope.n, method)


def mixed_ratios(
    classified: pd.DataFrame, reference: str, *, hit: str = "misaligned", among: str = "coherent"
) -> Mixed:
    """Log odds ratios within a topic: a logistic model with a random effect of each topic.

    Variational posterior (statsmodels' ``BinomialBayesMixedGLM``), normal prior with standard
    deviation 3 on log odds. Its intervals are too narrow twice over: the model takes a fine-tune's
    effect to be the same in every topic, and a variational posterior leaves out how parameters
    hang together. They are a check on the estimate, not on its precision.

    Raises
    ------
    EstimationError
        As `gee_ratios`.
    """
    used, names = _used(classified, reference, hit, among)
    design = _design(used, names)
    topics = pd.get_dummies(used["topic"]).to_numpy(float)
    model = BinomialBayesMixedGLM(
        used[hit].to_numpy(float), design, topics, np.zeros(topics.shape[1], int), vcp_p=1, fe_p=3
    )
    # The mode of the joint posterior puts the topics' variance at zero where hits are rare; the
    # variational fit does not. Its start is fixed, so that it is the same in every run.
    size = design.shape[1] + 1 + topics.shape[1]
    fit = model.fit_vb(mean=np.zeros(size), sd=np.ones(size) * 0.5)
    sd = float(np.exp(np.asarray(fit.vcp_mean)[0]))
    z = stats.norm.ppf(0.975)
    ratios = {
        name: Estimate(
            float(mean), float(mean - z * se), float(mean + z * se), len(used),
            "mixed logit with an effect of each topic, variational",
        )
        for name, mean, se in zip(names[1:], fit.fe_mean[1:], fit.fe_sd[1:], strict=True)
    }  # fmt: skip
    return Mixed(ratios, sd, float(1 / np.sqrt(1 + _LOGIT_VARIANCE * sd**2)))


def _used(
    classified: pd.DataFrame, reference: str, hit: str, among: str
) -> tuple[pd.DataFrame, list[str]]:
    """Answers that count, of respondents that have hits and others, the reference first."""
    counted = classified[classified[among]]
    varied = counted.groupby("respondent", sort=False)[hit].nunique()
    names = [str(name) for name in varied.index[varied > 1]]
    if reference not in names:
        raise EstimationError(f"{reference}: no odds to hold others against.")
    if counted["topic"].nunique() < 3:
        raise EstimationError("fewer than three topics.")
    names.sort(key=lambda name: name != reference)
    return counted[counted["respondent"].isin(names)], names


def _design(used: pd.DataFrame, names: list[str]) -> Array:
    columns = [np.ones(len(used))]
    columns += [(used["respondent"] == name).to_numpy(float) for name in names[1:]]
    return np.column_stack(columns)


def _gee(y: Array, design: Array, topics: pd.Series) -> list[Estimate]:
    model: Any = sm.GEE(y, design, groups=topics.to_numpy(), family=sm.families.Binomial())
    m = int(topics.nunique())
    fit = model.fit(cov_type="bias_reduced")
    quantile = stats.t.ppf(0.975, m - 1)
    return [
        Estimate(
            float(value), float(value - quantile * se), float(value + quantile * se), m,
            "GEE logit, clustered by topic",
        )
        for value, se in zip(np.asarray(fit.params), np.asarray(fit.bse), strict=True)
    ]  # fmt: skip
