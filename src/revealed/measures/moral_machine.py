"""Whose lives are spared: effects of attributes and rates between kinds of lives in one model's
raw Moral Machine choices.

Two cautions shape this file. First, which group is named first is drawn at random only in
dilemmas of passengers against pedestrians: between two groups of pedestrians the generator always
puts the young, the fat, women, people of low status, humans and the fewer into case 1. A habit of
answering "case 2" therefore looks like a preference for them, and passengers are always in case 1.
Second, each dilemma gives two rows with opposite outcomes, so the scenario is the unit.

Sources: Awad et al. 2018 (attributes, weights), Hainmueller et al. 2014 (average marginal component
effect), McFadden 1974 (conditional logit), Takemoto 2026 (published effects).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from ..foundation.errors import DataError, EstimationError
from ..respondents.public import ATTRIBUTES, CHARACTERS
from ..respondents.public.moral_machine import Attribute
from .intervals import Z95, Array, Estimate, share

Mode = Literal["balanced", "raw", "published"]
MODES: tuple[Mode, ...] = ("balanced", "raw", "published")
HUMANS: tuple[str, ...] = tuple(name for name in CHARACTERS if name not in ("Dog", "Cat"))

_METHODS: dict[Mode, str] = {
    "balanced": "difference in saving probability where the place in the prompt was drawn at "
    "random, group in case 1 against group in case 1, scenario-clustered",
    "raw": "difference in saving probability, scenario-clustered",
    "published": "difference in saving probability with the weights of the published analysis, "
    "scenario-clustered",
}


def case_share(choices: pd.DataFrame) -> Estimate:
    """Share of dilemmas answered with the case listed first (then the group of case 2 is saved).

    Half is no habit. An attribute cannot move it where the groups' places were drawn at random.
    """
    first = 1 - choices.loc[choices["group"] == 1, "saved"].to_numpy(float)
    return share(first, np.ones(len(first)), "binomial over scenarios")


def saved_shares(choices: pd.DataFrame) -> pd.DataFrame:
    """Share saved of each level of the six attributes that define a dilemma, as answered.

    Returns
    -------
    DataFrame
        Columns attribute, level (the source's code), side (in words), estimate, low, high, n
        (scenarios).
    """
    rows = []
    for attribute in ATTRIBUTES:
        if attribute.scenario is None:
            continue
        own = choices[choices["type"] == attribute.scenario]
        for level, side in (
            (attribute.high, attribute.spared), (attribute.low, attribute.other),
        ):  # fmt: skip
            saved = own.loc[own["level"] == level, "saved"].to_numpy(float)
            e = share(saved, np.ones(len(saved)), "binomial over scenarios")
            rows.append((attribute.name, level, side, e.value, e.low, e.high, e.n))
    names = ["attribute", "level", "side", "estimate", "low", "high", "n"]
    return pd.DataFrame(rows, columns=names)


# --- average marginal component effects ----------------------------------------------------------


def amce(choices: pd.DataFrame, mode: Mode = "balanced") -> pd.DataFrame:
    """Average marginal component effects: P(saved | spared side) - P(saved | other side).

    Parameters
    ----------
    choices
        As `import_moral_machine_choices` returns them, two rows a scenario.
    mode
        ``balanced`` (default) uses only dilemmas in which chance decided which side is named
        first, so that no habit of place enters. ``raw`` takes all. ``published`` is parity with
        the published analysis: weights 1/p of Awad et al. 2018 for their design, and for the
        number of lives the largest effect among differences of 1 to 4.

    Returns
    -------
    DataFrame
        A row an attribute: attribute, estimate, se, low, high, n (scenarios), method. In the
        balanced mode ``relation`` is left out: passengers are always in case 1.

    Raises
    ------
    DataError
        If an attribute has no scenario with both sides.
    """
    rows = []
    for attribute in ATTRIBUTES:
        if mode == "balanced" and attribute.name == "relation":
            continue
        used = _relevant(choices, attribute, mode)
        if mode == "published" and attribute.name == "number":
            effects = [
                _difference(used[used["n_difference"] == gap], attribute, weighted=True)
                for gap in sorted(used["n_difference"].unique())
            ]
            estimate, se, n = max(effects, key=lambda effect: abs(effect[0]))
        else:
            estimate, se, n = _difference(used, attribute, weighted=mode == "published")
        low, high = max(estimate - Z95 * se, -1.0), min(estimate + Z95 * se, 1.0)
        rows.append((attribute.name, estimate, se, low, high, n, _METHODS[mode]))
    names = ["attribute", "estimate", "se", "low", "high", "n", "method"]
    return pd.DataFrame(rows, columns=names)


def _relevant(choices: pd.DataFrame, attribute: Attribute, mode: Mode) -> pd.DataFrame:
    """The rows from which an attribute's effect is taken."""
    if attribute.scenario is not None:
        used = choices[choices["type"] == attribute.scenario]
        if mode == "balanced":
            used = used[used["pedestrians_only"] == 0]
    elif attribute.name == "law":
        used = choices[(choices["pedestrians_only"] == 1) & (choices["signal"] > 0)]
    elif attribute.name == "relation":
        # Passengers have no signal; the published analysis keeps all of them and drops only the
        # pedestrians who have one.
        used = choices[(choices["pedestrians_only"] == 0) & (choices["signal"] == 0)]
        if mode == "raw":
            used = used[used.groupby("scenario")["group"].transform("size") == 2]
    else:
        used = choices
    # What happens to the group of case 1 fixes the scenario; comparing only first-named groups
    # takes the habit of place out of the difference.
    return used[used["group"] == 1] if mode == "balanced" else used


def _side(rows: pd.DataFrame, attribute: Attribute) -> pd.Series:
    """True on the side whose sparing counts as positive."""
    if attribute.scenario is not None:
        return rows["level"] == attribute.high
    return {
        "law": rows["signal"] == 1,
        "intervention": rows["other_lane"] == 1,
        "relation": rows["passengers"] == 0,
    }[attribute.name]


def _difference(
    rows: pd.DataFrame, attribute: Attribute, *, weighted: bool
) -> tuple[float, float, int]:
    """Difference of two weighted means, its scenario-clustered standard error, and scenarios.

    The two means are the least-squares coefficients on the two sides, so the linearised residuals
    below give the usual clustered sandwich with the G/(G-1) correction.
    """
    spared = _side(rows, attribute).to_numpy()
    y = rows["saved"].to_numpy(float)
    w = design_weights(rows) if weighted else np.ones(len(rows))
    if not spared.any() or spared.all():
        raise DataError(f"no scenario shows both sides of {attribute.name}.", where="choices")
    weight = np.where(spared, w[spared].sum(), w[~spared].sum())
    means = np.where(spared, w[spared] @ y[spared], w[~spared] @ y[~spared]) / weight
    psi = np.where(spared, 1.0, -1.0) * w * (y - means) / weight
    per_scenario = np.bincount(pd.factorize(rows["scenario"])[0], psi)
    g = len(per_scenario)
    se = float(np.sqrt((per_scenario**2).sum() * g / max(g - 1, 1)))
    return float(means[spared][0] - means[~spared][0]), se, g


def design_weights(choices: pd.DataFrame) -> Array:
    """Inverse of the share of rows that Awad et al. 2018 designed for each kind of row.

    Kinds differ in lane, in being passengers, in who is on the other side, and in the signal. The
    published analyses of language models apply these weights although their generator draws lane,
    passengers and signal with equal chances.
    """
    stay = (choices["other_lane"] == 0).to_numpy()
    passengers = (choices["passengers"] == 1).to_numpy()
    both_cross = (choices["pedestrians_only"] == 1).to_numpy()
    signal = choices["signal"].to_numpy(int)
    kind = np.where(
        passengers,
        np.where(stay, 0.20, 0.32),
        np.where(both_cross, 0.48, np.where(stay, 0.32, 0.20)),
    )
    # No signal, green, red; between two groups of pedestrians who swerves into whom matters.
    usual, swapped = np.array([0.48, 0.20, 0.32]), np.array([0.48, 0.32, 0.20])
    by_signal = np.where(both_cross & ~stay, swapped[signal], usual[signal])
    return 1.0 / (kind * np.where(passengers, 1.0, by_signal))


def position_only(choices: pd.DataFrame, mode: Mode = "published") -> pd.Series:
    """Effects that these very dilemmas would show for a respondent that always answers "case 2".

    No value enters them: they are the fingerprint of a habit of place (index: attribute). The
    opposite habit has the same effects with the other sign.
    """
    habit = choices.assign(saved=(choices["group"] == 1).astype(int))
    return amce(habit, mode).set_index("attribute")["estimate"]


# --- conditional logit ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ChoiceFit:
    """A conditional logit of which group is saved.

    ``coefficients`` and ``covariance`` are on the log-odds scale: per life of each kind, for being
    on the other lane, for a green rather than a red signal (half the difference), and the place
    terms (log odds that the group of case 1 is saved when all else is equal).
    """

    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    n: int
    log_likelihood: float
    null_log_likelihood: float

    def __getitem__(self, name: str) -> float:
        return float(self.coefficients[self.names.index(name)])

    def table(self) -> pd.DataFrame:
        """Columns term, estimate, se, low, high."""
        se = np.sqrt(np.diag(self.covariance))
        return pd.DataFrame(
            {
                "term": self.names,
                "estimate": self.coefficients,
                "se": se,
                "low": self.coefficients - Z95 * se,
                "high": self.coefficients + Z95 * se,
            }
        )


def conditional_logit(
    choices: pd.DataFrame, scenarios: Literal["randomised", "all"] = "randomised"
) -> ChoiceFit:
    """Log odds of being saved as a sum over the lives in each group, by maximum likelihood.

    P(group 1 saved) = logistic(place + sum_k b_k (n_k1 - n_k2) + lane + law terms): McFadden's
    conditional logit for two alternatives, with one sandwich term a scenario.

    Parameters
    ----------
    choices
        As `import_moral_machine_choices` returns them.
    scenarios
        ``randomised`` (default): passengers against pedestrians, where chance decides which side
        of an attribute is named first; the place term then holds being named first *and* being
        passengers, which cannot be told apart. ``all`` adds the dilemmas between pedestrians, with
        a place term of their own.

    Raises
    ------
    EstimationError
        If the answers separate (a term predicts them perfectly) or do not determine a term.
    """
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationError, PerfectSeparationWarning

    one = choices[choices["group"] == 1].set_index("scenario")
    two = choices[choices["group"] == 2].set_index("scenario").loc[one.index]
    if scenarios == "randomised":
        one = one[one["pedestrians_only"] == 0]
        two = two.loc[one.index]
    design = pd.DataFrame(
        {
            "place_passengers": 1.0 - one["pedestrians_only"],
            "place_pedestrians": one["pedestrians_only"],
            "other_lane": (one["other_lane"] - two["other_lane"]) / 2.0,
            "law": (_lawful(one) - _lawful(two)) / 2.0,
            **{name: one[name] - two[name] for name in CHARACTERS},
        }
    ).astype(float)
    design = design.loc[:, (design != 0).any()]
    if len(design) == 0 or np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        raise EstimationError(
            "these dilemmas do not tell all terms of the conditional logit apart."
        )
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            fit = sm.Logit(one["saved"].to_numpy(float), design).fit(
                disp=0, cov_type="HC1", maxiter=100
            )
        except (PerfectSeparationError, PerfectSeparationWarning, np.linalg.LinAlgError) as error:
            raise EstimationError(
                "a term of the conditional logit predicts the choices perfectly: no estimate."
            ) from error
    if not fit.mle_retvals["converged"]:
        raise EstimationError("the conditional logit did not converge.")
    return ChoiceFit(
        tuple(design.columns),
        np.asarray(fit.params, float),
        np.asarray(fit.cov_params(), float),
        len(design),
        float(fit.llf),
        float(-len(design) * np.log(2.0)),
    )


def _lawful(rows: pd.DataFrame) -> pd.Series:
    return (rows["signal"] == 1).astype(float) - (rows["signal"] == 2)


def rates(fit: ChoiceFit, reference: Sequence[str] = HUMANS) -> pd.DataFrame:
    """How much a life of each kind counts, relative to the geometric mean of `reference`.

    The worth of a kind is its coefficient; rates are differences of log worth, hence the same
    whatever the pivot. Intervals by the delta method on the log scale, adjusted for the number of
    kinds (Bonferroni) in ``low_adjusted`` and ``high_adjusted``.

    Returns
    -------
    DataFrame
        kind, log_rate, se, rate, low, high, low_adjusted, high_adjusted, measurable. A kind whose
        worth is not above zero at 95 % has no rate (``measurable`` False, the numbers missing).

    Raises
    ------
    EstimationError
        If a kind of the reference itself has no rate.
    """
    kinds = [name for name in CHARACTERS if name in fit.names]
    place = [fit.names.index(name) for name in kinds]
    worth = fit.coefficients[place]
    covariance = fit.covariance[np.ix_(place, place)]
    measurable = worth - Z95 * np.sqrt(np.diag(covariance)) > 0
    within = np.array([name in reference for name in kinds])
    if not within.any() or not measurable[within].all():
        raise EstimationError(
            "no rates between lives: saving more lives of some kind does not raise the odds.",
            todo="Choose a reference of kinds that count.",
        )
    # d log(worth_i) = d worth_i / worth_i, less the mean over the reference.
    used = np.flatnonzero(measurable)
    centre = np.eye(len(used)) - within[used] / within.sum()
    jacobian = centre / worth[used]
    log_rate = centre @ np.log(worth[used])
    se = np.sqrt(np.einsum("ij,jk,ik->i", jacobian, covariance[np.ix_(used, used)], jacobian))
    wide = float(stats.norm.ppf(1 - 0.025 / len(kinds)))
    table = pd.DataFrame({"kind": kinds, "measurable": measurable}).set_index("kind")
    columns = {
        "log_rate": log_rate, "se": se, "rate": np.exp(log_rate),
        "low": np.exp(log_rate - Z95 * se), "high": np.exp(log_rate + Z95 * se),
        "low_adjusted": np.exp(log_rate - wide * se), "high_adjusted": np.exp(log_rate + wide * se),
    }  # fmt: skip
    for name, values in columns.items():
        table[name] = pd.Series(values, index=np.array(kinds)[used])
    return table.reset_index()


def equal_worth(fit: ChoiceFit, kinds: Sequence[str] = HUMANS) -> tuple[float, float, int]:
    """Wald test that all `kinds` count the same: (chi-square, p-value, degrees of freedom)."""
    place = [fit.names.index(name) for name in kinds]
    contrast = np.eye(len(place))[1:] - np.eye(len(place))[0]
    gap = contrast @ fit.coefficients[place]
    spread = contrast @ fit.covariance[np.ix_(place, place)] @ contrast.T
    chi_square = float(gap @ np.linalg.solve(spread, gap))
    return chi_square, float(stats.chi2.sf(chi_square, len(gap))), len(gap)
