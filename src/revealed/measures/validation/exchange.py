"""Do log prices cover the truth, is equality called equal, is a planted rate found?

Answers are drawn from a simulated respondent's stated probabilities, over many seeds, with the
pairs chosen anew in each by the design that a study uses. The truth is the respondent's own
utility, read through the same curve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy import special
from tqdm.auto import tqdm

from ...foundation.errors import EstimationError
from ...foundation.schemas import Finding
from ...utilities.comparisons import Comparisons
from ...utilities.curve import CurveFit, fit_curve
from ...utilities.curve_design import first_round, next_round
from ...utilities.curve_model import Array, Curve, Index, grid_of
from ..exchange import common_slope_test, log_prices, rates
from ..intervals import binomial_interval

DOLLARS = (1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)


class Stated(Protocol):
    """A respondent that states its probabilities, as `respondents.simulated.Simulated`."""

    def p_first(self, first: Sequence[str], second: Sequence[str], /) -> Array:
        """P(the option listed first is chosen), a pair of texts each."""

    def utility(self, texts: Sequence[str], /) -> Array:
        """The truth."""


@dataclass(frozen=True)
class Planted:
    """A respondent exactly on the curve: declared log prices, slope, dollars, order and lapse.

    ``misfit`` is the standard deviation of a fixed deviation of every pair of texts, which asking
    again does not average out.
    """

    utility_of: dict[str, float]
    order_effect: float = 0.0
    lapse: float = 0.0
    misfit: float = 0.0
    seed: int = 0

    @classmethod
    def on(
        cls,
        items: pd.DataFrame,
        log_price: dict[str, float],
        *,
        slope: float = 0.5,
        dollar_slope: float = 0.35,
        dollar_log_price: float = -9.0,
        item_sd: float = 0.0,
        **options: float,
    ) -> Planted:
        """Plant u = sign slope (ln N + log price) for goods, and a line in ln $.

        `dollar_log_price` is minus the ln $ that is worth nothing, on the dollars' own slope;
        `item_sd` the standard deviation of items about their curves, drawn by ``seed``.
        """
        utility = {}
        own = np.random.default_rng([int(options.get("seed", 0)), 1])
        for row in items.itertuples():
            log = float(np.log(row.quantity))
            if row.kind == "dollar":
                value = dollar_slope * (log + dollar_log_price) + slope * 3.5
            else:
                value = float(getattr(row, "sign", 1)) * slope * (log + log_price[str(row.good)])
            utility[str(row.text)] = value + float(own.normal(0.0, item_sd))
        return cls(utility, **options)  # type: ignore[arg-type]

    def utility(self, texts: Sequence[str]) -> Array:
        """The planted utilities."""
        return np.array([self.utility_of[text] for text in texts])

    def p_first(self, first: Sequence[str], second: Sequence[str]) -> Array:
        """(1 - l) Phi(u_first - u_second + deviation + w) + l / 2."""
        gap = self.utility(first) - self.utility(second)
        if self.misfit:
            known = {text: k for k, text in enumerate(self.utility_of)}
            n = len(known)
            noise = np.random.default_rng(self.seed).normal(0.0, self.misfit, (n, n))
            noise = np.triu(noise, 1) - np.triu(noise, 1).T
            gap = gap + noise[[known[t] for t in first], [known[t] for t in second]]
        core = special.ndtr(gap + self.order_effect)
        return np.asarray((1.0 - self.lapse) * core + self.lapse / 2.0)


def planted_items(
    goods: Sequence[str],
    quantities: Iterable[float] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    dollars: Iterable[float] = DOLLARS,
    sign: int = 1,
) -> pd.DataFrame:
    """A bare grid in the form of an instrument's items, for planted respondents."""
    rows = [
        (f"{good}-{q:g}", f"{q:g} of {good}", "good", good, float(q), sign, "", "")
        for good in goods
        for q in quantities
    ]
    rows += [(f"usd-{d:g}", f"{d:g} dollars", "dollar", "", float(d), 1, "", "") for d in dollars]
    names = ["item", "text", "kind", "good", "quantity", "sign", "role", "alias_of"]
    return pd.DataFrame(rows, columns=names).set_index("item")


@dataclass(frozen=True)
class Plan:
    """How a simulated study asks: a random start, then rounds by design, `samples` an order."""

    first_pairs: int = 120
    rounds: int = 3
    round_pairs: int = 80
    samples: int = 2


def ask(p: Array, pairs: Index, samples: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """Both orders of each pair: (first, second, n_first, n_second), two rows a pair."""
    first = np.concatenate([pairs[:, 0], pairs[:, 1]])
    second = np.concatenate([pairs[:, 1], pairs[:, 0]])
    n_first = rng.binomial(samples, p[first, second]).astype(float)
    return first, second, n_first, samples - n_first


def stated_probabilities(respondent: Stated, items: pd.DataFrame) -> Array:
    """P(first) of every ordered pair of items, (n, n); the diagonal means nothing."""
    texts = items["text"].astype(str).tolist()
    n = len(texts)
    i, j = (np.ravel(side) for side in np.meshgrid(range(n), range(n), indexing="ij"))
    different = i != j
    p = np.full((n, n), 0.5)
    p[i[different], j[different]] = respondent.p_first(
        [texts[k] for k in i[different]], [texts[k] for k in j[different]]
    )
    return p


def simulate_study(
    p: Array,
    items: pd.DataFrame,
    plan: Plan,
    rng: np.random.Generator,
    curve: Curve = "common",
    item_effects: bool = False,
) -> CurveFit:
    """One study by adaptive design: ask, fit, choose, ask again; the last fit."""
    rows = ask(p, first_round(items, plan.first_pairs, rng), plan.samples, rng)
    for _ in range(plan.rounds):
        fit = fit_curve(_counted(items, rows), items)
        more = ask(
            p,
            next_round(fit, items, plan.round_pairs, rng, samples=plan.samples),
            plan.samples,
            rng,
        )
        rows = tuple(np.concatenate(part) for part in zip(rows, more, strict=True))
    return fit_curve(_counted(items, rows), items, curve, item_effects=item_effects)


def _counted(items: pd.DataFrame, rows: tuple[Array, ...]) -> Comparisons:
    return Comparisons(tuple(items.index.astype(str)), *rows)


def true_log_prices(respondent: Stated, items: pd.DataFrame) -> dict[str, float]:
    """The respondent's log prices: least squares of its utility on the common curve.

    Exact for a respondent whose goods share one slope in ln N.
    """
    grid = grid_of(items)
    rows = np.isin(items.index.astype(str), grid.items)
    utility = respondent.utility(items["text"].astype(str).to_numpy()[rows].tolist())
    good = grid.good >= 0
    design = np.zeros((int(good.sum()), len(grid.goods) + 1))
    design[np.arange(len(design)), grid.good[good]] = 1.0
    design[:, -1] = grid.x[good]
    solution = np.linalg.lstsq(design, grid.sign[good] * utility[good], rcond=None)[0]
    price = solution[:-1] / solution[-1]
    reference = np.isin(grid.goods, grid.reference)
    return dict(zip(grid.goods, price - price[reference].mean(), strict=True))


def simulate_prices(
    respondent: Stated,
    items: pd.DataFrame,
    *,
    seeds: int = 100,
    plan: Plan | None = None,
    first_seed: int = 0,
    curve: Curve = "common",
    item_effects: bool = False,
    truth: dict[str, float] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Repeat a study; a row a seed and good.

    `truth` holds the log prices of a respondent that is not exactly on a curve; by default they
    are read off its utilities (`true_log_prices`).

    Columns seed, good, truth, log_price, se, low, high, bound, covered, covered_adjusted,
    unequal, order_effect. Bounds count as covering where they hold.
    """
    plan = plan or Plan()
    p = stated_probabilities(respondent, items)
    truth = truth if truth is not None else true_log_prices(respondent, items)
    tables = []
    for seed in tqdm(range(first_seed, first_seed + seeds), unit="study", disable=not progress):
        rng = np.random.default_rng([seed, 8])
        fit = simulate_study(p, items, plan, rng, curve, item_effects)
        table = log_prices(fit).assign(seed=seed, order_effect=fit.order_effect)
        # Goods that only have a bound are left out of the zero, in the truth as in the estimate.
        table["truth"] = table["good"].map(truth)
        table["truth"] -= table.loc[table["in_reference"], "truth"].mean()
        tables.append(table)
    result = pd.concat(tables, ignore_index=True)
    result["covered"] = result["truth"].between(result["low"], result["high"])
    result["covered_adjusted"] = result["truth"].between(
        result["low_adjusted"], result["high_adjusted"]
    )
    return result


def simulate_rate(
    respondent: Stated,
    items: pd.DataFrame,
    good: str,
    per: str,
    *,
    seeds: int = 100,
    plan: Plan | None = None,
    first_seed: int = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Repeat a study; a row a seed with the rate of `good` in units of `per` and its truth."""
    plan = plan or Plan()
    p = stated_probabilities(respondent, items)
    truth = true_log_prices(respondent, items)
    rows = []
    for seed in tqdm(range(first_seed, first_seed + seeds), unit="study", disable=not progress):
        fit = simulate_study(p, items, plan, np.random.default_rng([seed, 20]))
        rows.append(rates(fit, [good], [per]).assign(seed=seed))
    result = pd.concat(rows, ignore_index=True)
    result["truth"] = float(np.exp(truth[good] - truth[per]))
    result["covered"] = result["truth"].between(result["rate_low"], result["rate_high"])
    return result


def simulate_slope_test(
    respondent: Stated,
    items: pd.DataFrame,
    *,
    seeds: int = 100,
    plan: Plan | None = None,
    first_seed: int = 0,
) -> pd.DataFrame:
    """p-values of the common-slope test, a row a seed; uniform where one slope is the truth."""
    plan = plan or Plan()
    p = stated_probabilities(respondent, items)
    rows = []
    for seed in range(first_seed, first_seed + seeds):
        fit = simulate_study(p, items, plan, np.random.default_rng([seed, 3]), "per_good")
        test = common_slope_test(fit)
        rows.append({"seed": seed, "p_value": test.p_value, "spread": test.spread})
    return pd.DataFrame(rows)


def clustered_share(hit: pd.Series, seed: pd.Series) -> tuple[float, float, float]:
    """A share with its 95 % interval over seeds: goods of one study are not independent."""
    by_seed = hit.astype(float).groupby(seed).mean()
    m, share = len(by_seed), float(by_seed.mean())
    spread = float(by_seed.std(ddof=1)) if m > 1 else 0.0
    # Studies that are whole hits or misses are draws of a coin, and near 0 or 1 no bell shape.
    if spread == 0.0 or by_seed.isin([0.0, 1.0]).all():
        low, high = binomial_interval(share * m, m)
        return share, low, high
    half = 1.96 * spread / np.sqrt(m)
    return share, max(0.0, share - half), min(1.0, share + half)


def summarise(
    coverage: pd.DataFrame | None = None,
    egalitarian: pd.DataFrame | None = None,
    rate: pd.DataFrame | None = None,
    *,
    chapter: str = "how_we_measure",
    instrument: str = "",
    respondents: tuple[str, str, str] = (
        "simulated/coherent",
        "simulated/egalitarian",
        "simulated/coherent",
    ),
) -> list[Finding]:
    """Findings ``validation.exchange_coverage``, ``..._false_unequal`` and ``..._rate_recovered``.

    Each share carries an interval over seeds; ``n`` is the number of seeds.
    """
    jobs = [
        ("validation.exchange_coverage", coverage, "covered", respondents[0]),
        ("validation.exchange_false_unequal", egalitarian, "unequal", respondents[1]),
        ("validation.exchange_rate_recovered", rate, "covered", respondents[2]),
    ]
    found = []
    for estimand, table, column, respondent in jobs:
        if table is None:
            continue
        if table.empty:
            raise EstimationError(f"no simulated studies for {estimand}.")
        share, low, high = clustered_share(table[column], table["seed"])
        found.append(
            Finding(
                estimand, chapter, respondent, share, low, high, "share", table["seed"].nunique(),
                "adaptive studies simulated from stated probabilities, interval over seeds",
                "simulated", instrument=instrument,
            )
        )  # fmt: skip
    return found
