"""Are utilities recovered, do intervals cover, does the order move them, does the gate judge right?

Answers are drawn from a simulated respondent's stated probabilities (not through its prompts, which
would take minutes a seed), with new values, new outcomes, new pairs and new answers in every seed.
Each function returns a tidy table, a row a seed; `findings` sums them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ...foundation.schemas import Finding
from ...instruments import Arm, is_padded, load_arm, load_instrument
from ...respondents.simulated import Simulated, load, names
from ...utilities.comparisons import Comparisons
from ...utilities.fit import Fit, fit
from ..coherence import find_triads, transitivity
from ..intervals import Z95, Array, Estimate, binomial_interval, percentile, resample_weights
from ..order import gate
from ..wording import correlation, length_gate, padding_effect

CHAPTER = "how_we_measure"


@dataclass(frozen=True)
class Plan:
    """How a simulated study asks: `pairs` random pairs of `items` outcomes, `samples` an order."""

    items: int = 60
    pairs: int = 480
    samples: int = 2


@cache
def outcome_texts() -> dict[str, str]:
    """Texts of the outcome instrument by item id."""
    items = load_instrument("outcomes").items
    return dict(zip(items.index.astype(str), items["text"].astype(str), strict=True))


def draw_outcomes(n: int, rng: np.random.Generator) -> dict[str, str]:
    """`n` random outcomes: text by item id."""
    every = outcome_texts()
    ids = list(every)
    return {ids[k]: every[ids[k]] for k in rng.choice(len(ids), n, replace=False)}


def draw_pairs(n: int, pairs: int, rng: np.random.Generator) -> Array:
    """Random distinct pairs of n items in random orientation, connected by a ring: (pairs, 2)."""
    low, high = np.triu_indices(n, 1)
    ring = rng.permutation(n)
    chain = np.column_stack([ring, np.roll(ring, -1)])
    key = np.sort(chain, axis=1) @ np.array([n, 1])
    others = np.flatnonzero(~np.isin(low * n + high, key))
    more = rng.choice(others, min(max(pairs - n, 0), len(others)), replace=False)
    chosen = np.concatenate([chain, np.column_stack([low[more], high[more]])])
    return np.asarray(rng.permuted(chosen, axis=1))


def ask(
    respondent: Simulated,
    texts: dict[str, str],
    pairs: Array,
    samples: int,
    rng: np.random.Generator,
    arm: str = "forced",
    instrument: str = "outcomes",
) -> pd.DataFrame:
    """Draw a respondent's answers: a choices table, both orders of each pair.

    Refusals and unreadable answers come at the declared rates and leave fewer decided ones.
    """
    ids = np.array(list(texts), dtype=object)
    listed = np.array([_as_asked(text, arm) for text in texts.values()], dtype=object)
    first = np.concatenate([pairs[:, 0], pairs[:, 1]]).astype(int)
    second = np.concatenate([pairs[:, 1], pairs[:, 0]]).astype(int)
    d = respondent.declared
    total = np.full(len(first), samples)
    broken = np.where(rng.random(len(first)) < d.broken_rate, total, 0)
    junk = rng.binomial(total - broken, d.junk_rate)
    refused = rng.binomial(total - broken - junk, d.refusal_rate)
    decided = total - broken - junk - refused
    chance = respondent.p_first(list(listed[first]), list(listed[second]), arm)
    n_first = rng.binomial(decided, chance)
    return pd.DataFrame(
        {
            "respondent": f"simulated/{d.name}", "instrument": instrument, "arm": arm,
            "first": ids[first], "second": ids[second], "n_first": n_first.astype(float),
            "n_second": (decided - n_first).astype(float), "n_neutral": 0.0,
            "n_refused": refused.astype(float), "n_unparsed": junk.astype(float),
            "n_failed": broken.astype(float), "role": "train", "provenance": "simulated",
        }
    )  # fmt: skip


def _as_asked(text: str, arm: str) -> str:
    """An option's text as the arm lists it."""
    loaded = _arm(arm)
    if loaded.padding is not None and is_padded(loaded, text):
        return f"{text} {loaded.padding.text}"
    return text


@cache
def _arm(name: str) -> Arm:
    return load_arm(name)


def fit_choices(choices: pd.DataFrame, items: Sequence[str]) -> Fit:
    """A Case V fit with order effect over exactly these items."""
    place = pd.Index(items)
    first, second = (place.get_indexer(choices[side]) for side in ("first", "second"))
    n_first = choices["n_first"].to_numpy(float)
    n_second = choices["n_second"].to_numpy(float)
    kept = (n_first + n_second) > 0
    counted = Comparisons(
        tuple(items), first[kept], second[kept], n_first[kept], n_second[kept]
    )  # fmt: skip
    return fit(counted, backend="numpy")


# --- recovery ------------------------------------------------------------------------------------


def recovery(
    respondent: str = "coherent",
    *,
    order_effects: Iterable[float] = (0.0, 1.0),
    seeds: int = 100,
    plan: Plan | None = None,
    first_seed: int = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Fit the same respondent with each planted order effect; a row a seed and effect.

    Within a seed all order effects meet the same values, outcomes and pairs, so that what the order
    does to utilities is seen without the noise between seeds.

    Returns
    -------
    DataFrame
        seed, respondent, planted, order_effect, order_low, order_high, order_covered; covered and
        covered_z (shares of items whose 95 % interval holds the truth, centred and z-scored),
        correlation (of fitted with true utility), slope (regression of fitted on true utility),
        rmse.
    """
    plan = plan or Plan()
    rows = []
    for seed in tqdm(range(first_seed, first_seed + seeds), unit="seed", disable=not progress):
        start = np.random.default_rng([seed, 2])
        texts = draw_outcomes(plan.items, start)
        pairs = draw_pairs(plan.items, plan.pairs, start)
        for effect in order_effects:
            who = load(respondent, seed=seed, order_effect=effect)
            rng = np.random.default_rng([seed, 3])
            found = fit_choices(ask(who, texts, pairs, plan.samples, rng), list(texts))
            rows.append({"seed": seed, "respondent": respondent, **_compare(found, who, texts)})
    return pd.DataFrame(rows)


def _compare(found: Fit, who: Simulated, texts: dict[str, str]) -> dict[str, float]:
    """One fit against the declared truth."""
    truth = who.utility(texts.values())
    truth = truth - truth.mean()
    z_truth = truth / truth.std(ddof=1)
    scored = found.zscored()
    planted = who.declared.order_effect
    half = Z95 * found.order_effect_se
    known = found.identified
    return {
        "planted": planted,
        "order_effect": found.order_effect,
        "order_low": found.order_effect - half,
        "order_high": found.order_effect + half,
        "order_covered": abs(found.order_effect - planted) <= half,
        "covered": float((np.abs(found.mean - truth) <= Z95 * found.se)[known].mean()),
        "covered_z": float((np.abs(scored.mean - z_truth) <= Z95 * scored.se)[known].mean()),
        "correlation": float(np.corrcoef(found.mean, truth)[0, 1]),
        "slope": float((found.mean @ truth) / (truth @ truth)),
        "rmse": float(np.sqrt(((found.mean - truth) ** 2).mean())),
    }


# --- the gate ------------------------------------------------------------------------------------


def is_measurable(respondent: Simulated) -> bool:
    """What the gate ought to say: whether the respondent has values, chooses by them and says so
    legibly, most of the times that it is asked.
    """
    declared = respondent.declared
    heard = (1 - declared.refusal_rate) * (1 - declared.junk_rate)
    return declared.values > 0 and declared.lapse < 0.5 and heard >= 0.5


def gate_verdicts(
    respondents: Sequence[str] | None = None,
    *,
    seeds: int = 100,
    plan: Plan | None = None,
    first_seed: int = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Judge every simulated respondent anew in every seed; a row a seed and respondent.

    Columns seed, respondent, measurable, truth, calibration, cross_correlation, refused, unparsed,
    cycle_expected, reasons.
    """
    plan = plan or Plan()
    instrument = load_instrument("calibration")
    if instrument.pairs is None:
        raise ValueError("the calibration instrument has no pairs")
    known = dict(zip(instrument.items.index, instrument.items["text"], strict=True))
    place = pd.Index(list(known))
    trivial = np.column_stack([place.get_indexer(instrument.pairs[k]) for k in ("better", "worse")])
    rows = []
    for seed in tqdm(range(first_seed, first_seed + seeds), unit="seed", disable=not progress):
        rng = np.random.default_rng([seed, 4])
        texts = draw_outcomes(plan.items, rng)
        pairs = draw_pairs(plan.items, plan.pairs, rng)
        for name in respondents or names():
            who = load(name, seed=seed)
            choices = ask(who, texts, pairs, plan.samples, rng)
            answers = ask(who, known, trivial, plan.samples, rng, instrument="calibration")
            verdict = gate(choices, answers, instrument.pairs, replicates=2)
            triads = find_triads(choices)
            cycles = transitivity(triads)["expected"].value if len(triads) else np.nan
            rows.append(
                {
                    "seed": seed, "respondent": name, "measurable": verdict.measurable,
                    "truth": is_measurable(who),
                    "calibration": verdict.calibration.value if verdict.calibration else np.nan,
                    "cross_correlation": verdict.cross_correlation.value,
                    "refused": verdict.shares["refused"].value,
                    "unparsed": verdict.shares["unparsed"].value,
                    "cycle_expected": cycles, "reasons": "; ".join(verdict.reasons),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def gate_rates(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Share of seeds in which each respondent passes: respondent, truth, estimate, low, high, n."""
    rows = []
    for name, part in verdicts.groupby("respondent", sort=False):
        n, passed = len(part), int(part["measurable"].sum())
        rows.append(
            (name, bool(part["truth"].iloc[0]), passed / n, *binomial_interval(passed, n), n)
        )
    return pd.DataFrame(rows, columns=["respondent", "truth", "estimate", "low", "high", "n"])


# --- wording -------------------------------------------------------------------------------------


def length_exposure(
    respondents: Sequence[str] = ("coherent", "position_biased", "length_loving"),
    *,
    seeds: int = 100,
    plan: Plan | None = None,
    first_seed: int = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Padding arms of each respondent; a row a seed and respondent.

    Columns seed, respondent, estimate, low, high (standard deviations of utility), planted (is
    longer text liked), exposed, and the cross-order correlation, by which a length-lover looks
    coherent.
    """
    plan = plan or Plan()
    rows = []
    for seed in tqdm(range(first_seed, first_seed + seeds), unit="seed", disable=not progress):
        rng = np.random.default_rng([seed, 5])
        texts = draw_outcomes(plan.items, rng)
        pairs = draw_pairs(plan.items, plan.pairs, rng)
        padded = pd.Series([is_padded(_arm("padded_even"), t) for t in texts.values()], list(texts))
        for name in respondents:
            who = load(name, seed=seed)
            fits = [
                fit_choices(ask(who, texts, pairs, plan.samples, rng, arm), list(texts))
                for arm in ("padded_even", "padded_odd")
            ]
            even, odd = (f.table(name, "outcomes", "padded", "simulated") for f in fits)
            effect = padding_effect(
                even, odd, padded,
                covariance_even=fits[0].covariance, covariance_odd=fits[1].covariance,
            )  # fmt: skip
            passed, _ = length_gate(effect)
            plain = gate(ask(who, texts, pairs, plan.samples, rng), replicates=2)
            rows.append(
                {
                    "seed": seed, "respondent": name, "estimate": effect.value,
                    "low": effect.low, "high": effect.high,
                    "planted": who.declared.per_character > 0, "exposed": not passed,
                    "cross_correlation": plain.cross_correlation.value,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def wording_drift(
    respondents: Sequence[str] = ("coherent", "drifting"),
    *,
    arms: tuple[str, str] = ("forced", "paraphrase_1"),
    seeds: int = 100,
    plan: Plan | None = None,
    first_seed: int = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Correlation of utilities across two wordings; a row a seed and respondent.

    Columns seed, respondent, estimate, ceiling (retest), true (correlation of the declared
    utilities of both wordings).
    """
    plan = plan or Plan()
    rows = []
    for seed in tqdm(range(first_seed, first_seed + seeds), unit="seed", disable=not progress):
        rng = np.random.default_rng([seed, 6])
        texts = draw_outcomes(plan.items, rng)
        pairs = draw_pairs(plan.items, plan.pairs, rng)
        for name in respondents:
            who = load(name, seed=seed)
            tables = [
                fit_choices(ask(who, texts, pairs, plan.samples, rng, arm), list(texts)).table(
                    name, "outcomes", arm, "simulated"
                )
                for arm in arms
            ]
            e, ceiling = correlation(tables[0], tables[1], replicates=2)
            truth = [who.utility(texts.values(), arm) for arm in arms]
            rows.append(
                {
                    "seed": seed, "respondent": name, "estimate": e.value, "ceiling": ceiling,
                    "true": float(np.corrcoef(truth[0], truth[1])[0, 1]),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


# --- findings ------------------------------------------------------------------------------------


def seed_mean(values: pd.Series) -> Estimate:
    """Mean over seeds with a bootstrap interval over seeds."""
    x = values.to_numpy(float)
    low, high = percentile(resample_weights(len(x), 2000, 0) @ x / len(x))
    return Estimate(float(x.mean()), low, high, len(x), "mean over seeds, bootstrap over seeds")


def findings(
    recovered: pd.DataFrame | None = None,
    verdicts: pd.DataFrame | None = None,
    padding: pd.DataFrame | None = None,
    drift: pd.DataFrame | None = None,
    *,
    chapter: str = CHAPTER,
) -> list[Finding]:
    """What the simulations show, from whichever tables are given.

    Estimands validation.coverage, .coverage_z, .correlation, .slope, .order_effect,
    .order_coverage (subject "order effect w"), validation.gate_passed, validation.length_exposed,
    validation.wording_correlation, .wording_ceiling.
    """
    made: list[Finding] = []

    def add(estimand: str, respondent: str, e: Estimate, unit: str, subject: str = "") -> None:
        made.append(
            Finding(
                estimand=f"validation.{estimand}", chapter=chapter,
                respondent=f"simulated/{respondent}", estimate=e.value, low=e.low, high=e.high,
                unit=unit, n=e.n, method=e.method, provenance="simulated", instrument="outcomes",
                subject=subject, note=e.note,
            )
        )  # fmt: skip

    if recovered is not None:
        for (name, planted), part in recovered.groupby(["respondent", "planted"], sort=False):
            subject = f"order effect {planted:g}"
            for column, estimand, unit in (
                ("covered", "coverage", "share of items"),
                ("covered_z", "coverage_z", "share of items"),
                ("correlation", "correlation", "correlation"),
                ("slope", "slope", "ratio"),
                ("order_effect", "order_effect", "probit scale"),
            ):
                add(estimand, name, seed_mean(part[column]), unit, subject)
            hits = int(part["order_covered"].sum())
            e = Estimate(
                hits / len(part), *binomial_interval(hits, len(part)), len(part), "exact binomial"
            )
            add("order_coverage", name, e, "share of seeds", subject)
    if verdicts is not None:
        for row in gate_rates(verdicts).itertuples():
            note = "has values" if row.truth else "has no values"
            e = Estimate(row.estimate, row.low, row.high, row.n, "exact binomial over seeds", note)
            add("gate_passed", row.respondent, e, "share of seeds")
    if padding is not None:
        for name, part in padding.groupby("respondent", sort=False):
            hits, n = int(part["exposed"].sum()), len(part)
            e = Estimate(hits / n, *binomial_interval(hits, n), n, "exact binomial over seeds")
            add("length_exposed", name, e, "share of seeds")
            add("padding", name, seed_mean(part["estimate"]), "standard deviations of utility")
    if drift is not None:
        for name, part in drift.groupby("respondent", sort=False):
            add("wording_correlation", name, seed_mean(part["estimate"]), "correlation")
            add("wording_ceiling", name, seed_mean(part["ceiling"]), "correlation")
    return made
