from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from revealed.foundation.errors import EstimationError
from revealed.foundation.schemas import write_findings
from revealed.measures import exchange
from revealed.measures.exchange.prices import max_t
from revealed.measures.validation import exchange as validation
from revealed.utilities.comparisons import Comparisons
from revealed.utilities.curve import CurveFit, fit_curve

GOODS = ["Aland", "Borduria", "Cascadia", "Drachten", "Elbonia", "Freedonia"]
# The dearest is worth twenty of the cheapest.
UNEQUAL = dict(zip(GOODS, np.log(20.0) * np.linspace(1.0, 0.0, 6), strict=True))
EQUAL = dict.fromkeys(GOODS, 0.0)
SMALL = validation.Plan(first_pairs=80, rounds=2, round_pairs=80)


def study(
    log_price: dict[str, float], seed: int = 0, plan: validation.Plan = SMALL,
    items: pd.DataFrame | None = None, curve: str = "common", **options: float,
) -> CurveFit:  # fmt: skip
    items = validation.planted_items(list(log_price)) if items is None else items
    respondent = validation.Planted.on(items, log_price, **options)
    p = validation.stated_probabilities(respondent, items)
    rng = np.random.default_rng(seed)
    return validation.simulate_study(p, items, plan, rng, curve)  # type: ignore[arg-type]


def test_the_closed_end_of_a_bound_has_an_error_of_its_own() -> None:
    """With few answers many rates are bounds; equal goods must not be told apart by them."""
    sparse = validation.Plan(first_pairs=24, rounds=1, round_pairs=12, samples=1)
    tables = [exchange.rates(study(EQUAL, seed, sparse)) for seed in range(60)]
    every = pd.concat(tables)
    above, below = every["bound"] == ">", every["bound"] == "<"
    assert above.sum() + below.sum() > 20  # else nothing was tried
    assert (every["low"] <= every["log_rate"])[above].all()
    assert (every["high"] >= every["log_rate"])[below].all()
    wider = (every["low_adjusted"] < every["low"])[above].sum()
    wider += (every["high_adjusted"] > every["high"])[below].sum()
    # Unless the bound itself lies farther out than both ends.
    assert wider > 0.8 * (above.sum() + below.sum())
    told = [(t["low_adjusted"] > 0).any() or (t["high_adjusted"] < 0).any() for t in tables]
    # 5 % of 60 studies, and two standard deviations of that count.
    assert sum(told) <= 3 + 3


def choices_of(items: pd.DataFrame, pairs: list[tuple[str, str]], p: Callable[[str, str], float],
               n: int = 10) -> pd.DataFrame:  # fmt: skip
    rows = [
        (a, b, n * p(a, b), n * (1 - p(a, b)))
        for one, other in pairs
        for a, b in ((one, other), (other, one))
    ]
    return pd.DataFrame(rows, columns=["first", "second", "n_first", "n_second"])


# The original's rates.


def test_slopes_twenty_per_cent_apart_alone_give_two() -> None:
    """METHODS 8: no good is dearer, only the slopes differ, and the original's rate is 2.02.

    On the quantities 2, 5, 10, ... 1000, whose mean logarithm is 3.84.
    """
    quantities = [2, 5, 10, 20, 50, 100, 200, 500, 1000]
    items = validation.planted_items(["one", "other"], quantities, dollars=[])
    slope = items["good"].map({"one": 0.5, "other": 0.6})
    means = 0.7 + slope * np.log(items["quantity"])
    lines = exchange.parity_lines(pd.DataFrame({"item": items.index, "mean": means}), items)
    rate = exchange.parity_log_rates(
        lines["intercept"].to_numpy(), lines["slope"].to_numpy(), float(lines["mean_log"].mean())
    )
    assert round(math.exp(rate[0, 1]), 2) == 2.02
    assert rate[1, 0] == pytest.approx(-rate[0, 1])


def test_parity_is_ordinary_least_squares() -> None:
    items = validation.planted_items(GOODS, dollars=[])
    rng = np.random.default_rng(0)
    means = pd.DataFrame({"item": items.index, "mean": rng.normal(size=len(items))})
    lines = exchange.parity_lines(means, items).set_index("good")
    for good, part in items.assign(u=means["mean"].to_numpy()).groupby("good"):
        expected = stats.linregress(np.log(part["quantity"]), part["u"])
        assert lines.loc[good, "slope"] == pytest.approx(expected.slope)
        assert lines.loc[good, "intercept"] == pytest.approx(expected.intercept)
        assert lines.loc[good, "r_squared"] == pytest.approx(expected.rvalue**2)
        assert lines.loc[good, "flagged"] == (expected.slope <= 0)


@settings(max_examples=50, deadline=None)
@given(
    slopes=st.lists(st.floats(0.2, 2.0), min_size=3, max_size=6),
    shift=st.floats(-2, 2),
    mean_log=st.floats(0, 5),
)
def test_parity_is_transitive_only_with_one_slope(
    slopes: list[float], shift: float, mean_log: float
) -> None:
    goods = len(slopes)
    intercept = shift * np.arange(goods)
    lines = pd.DataFrame({"intercept": intercept, "slope": slopes, "mean_log": mean_log})
    level = lines.assign(slope=slopes[0])
    # Rounding of sums of numbers up to |shift| goods / slope.
    assert exchange.intransitivity(level) < 1e-9
    rate = exchange.parity_log_rates(intercept, np.array(slopes), mean_log)
    np.testing.assert_allclose(rate, -rate.T, atol=1e-9)
    crooked = lines.assign(slope=np.linspace(0.5, 1.5, goods), intercept=np.arange(goods) * 1.0)
    assert exchange.intransitivity(crooked.assign(mean_log=3.0)) > 0.01


def test_parity_of_exact_utilities_is_the_truth() -> None:
    for sign in (1, -1):
        items = validation.planted_items(GOODS, sign=sign)
        respondent = validation.Planted.on(items, UNEQUAL)
        means = pd.DataFrame({"item": items.index, "mean": respondent.utility(items["text"])})
        table = exchange.parity(means, items).set_index("good")
        centred = {good: price - np.mean(list(UNEQUAL.values())) for good, price in UNEQUAL.items()}
        for good, price in centred.items():
            assert table.loc[good, "log_price"] == pytest.approx(price)
            assert table.loc[good, "pivot_high"] == pytest.approx(price)
        assert not table["flagged"].any()
    with pytest.raises(EstimationError, match="two quantities"):
        exchange.parity_lines(means.head(1), items)


def test_lines_in_opposite_directions_have_no_rate() -> None:
    rate = exchange.parity_log_rates(np.zeros(2), np.array([0.5, -0.5]), 3.0)
    assert np.isnan(rate[0, 1])
    assert rate[0, 0] == 0.0


# Prices, rates, bounds.


@pytest.mark.parametrize("curve", ["common", "per_good", "spline"])
def test_rates_agree_whatever_the_pivot(curve: str) -> None:
    fit = study(UNEQUAL, curve=curve)
    prices = exchange.log_prices(fit).set_index("good")
    assert prices["log_price"].mean() == pytest.approx(0.0, abs=1e-9)
    table = exchange.rates(fit, GOODS, GOODS).set_index(["good", "per"])["log_rate"]
    for a, b, c in (GOODS[:3], GOODS[2:5], GOODS[::2]):
        assert table[a, b] + table[b, c] == pytest.approx(table[a, c], abs=1e-9)
        assert table[a, b] == pytest.approx(prices.loc[a, "log_price"] - prices.loc[b, "log_price"])
    # Six goods: 15 unordered pairs by default.
    assert len(exchange.rates(fit)) == 15


def test_every_rate_is_the_rate_asked_for_alone() -> None:
    fit = study(UNEQUAL)
    alone = exchange.every_rate(fit).set_index(["good", "per"])
    assert len(alone) == 15
    for good, per in (("Aland", "Freedonia"), ("Cascadia", "Drachten")):
        one = exchange.rates(fit, [good], [per]).iloc[0]
        for name in ("rate", "rate_low", "rate_high"):
            assert alone.loc[(good, per), name] == pytest.approx(one[name], rel=1e-12)
        assert alone.loc[(good, per), "bound"] == one["bound"]


def test_interval_columns_are_what_they_say() -> None:
    fit = study(UNEQUAL)
    prices = exchange.log_prices(fit)
    half = prices["high"] - prices["log_price"]
    # 240 pairs, at least 15 % of them with dollars, the others with two of six goods each; how many
    # more dollars the design took moves the quantile in the third digit.
    freedom = (240 * 0.15 + 2 * 240 * 0.85) / 6 - 1
    np.testing.assert_allclose(half, stats.t.ppf(0.975, freedom) * prices["se"], rtol=1e-2)
    assert (prices["high_adjusted"] > prices["high"]).all()
    np.testing.assert_allclose(prices["price"], np.exp(prices["log_price"]))
    unequal = (prices["low_adjusted"] > 0) | (prices["high_adjusted"] < 0)
    np.testing.assert_array_equal(prices["unequal"], unequal)
    one = exchange.rates(fit, ["Aland"], ["Elbonia"]).iloc[0]
    assert one["rate_low"] < one["rate"] < one["rate_high"]
    # A single rate needs no adjustment: 10,000 draws put the critical value within 0.06 of 1.96.
    assert one["high_adjusted"] == pytest.approx(one["high"], abs=0.06 * one["se"])
    assert one["text"].startswith(f"{one['rate']:.2g} (")


def test_max_t_against_known_values() -> None:
    # Independent estimates: the (1 - (1 - .95^(1/k)) / 2) normal quantile (Sidak).
    k = 10
    sidak = stats.norm.ppf(0.5 + 0.95 ** (1 / k) / 2)
    assert max_t(np.eye(k), 0.95, 0) == pytest.approx(sidak, abs=0.05)
    # The same estimate ten times over, hence a singular covariance.
    assert max_t(np.ones((k, k)), 0.95, 0) == pytest.approx(1.96, abs=0.06)
    student = stats.t.ppf(0.975, 8)
    assert max_t(np.ones((k, k)), 0.95, 0, 8) == pytest.approx(student, abs=0.08)


def test_a_good_beyond_the_grid_has_a_bound_and_leaves_the_zero() -> None:
    far = {**UNEQUAL, "Aland": 16.0, "Borduria": -14.0}
    fit = study(far)
    prices = exchange.log_prices(fit).set_index("good")
    assert prices.loc["Aland", "bound"] == ">"
    assert prices.loc["Borduria", "bound"] == "<"
    assert list(prices.index[~prices["in_reference"]]) == ["Aland", "Borduria"]
    rest = [good for good in GOODS if good not in ("Aland", "Borduria")]
    zero = np.mean([far[good] for good in rest])
    # The bounds are true, and useful: beyond a factor of 30.
    assert math.log(30) < prices.loc["Aland", "log_price"] < 16.0 - zero
    assert -14.0 - zero < prices.loc["Borduria", "log_price"] < -math.log(30)
    # The offers are placed by estimates, so a bound has an error of its own.
    assert math.log(30) < prices.loc["Aland", "low"] < prices.loc["Aland", "log_price"]
    assert prices.loc["Aland", "high"] == np.inf
    assert prices.loc["Borduria", "low"] == -np.inf
    table = exchange.rates(
        fit, ["Aland", "Borduria", "Cascadia"], ["Aland", "Borduria", "Drachten"]
    )
    state = table.set_index(["good", "per"])["bound"]
    assert state["Aland", "Drachten"] == ">"
    assert state["Aland", "Borduria"] == ">"
    assert state["Borduria", "Drachten"] == "<"
    assert state["Cascadia", "Aland"] == "<"
    assert state["Cascadia", "Drachten"] == ""
    text = table.set_index(["good", "per"])["text"]
    assert text["Aland", "Drachten"].startswith("> ")
    paid = exchange.willingness_to_pay(fit).set_index("good")
    assert paid.loc["Aland", "bound"] == ">"
    assert paid.loc["Aland", "high"] == np.inf


def test_a_block_beyond_all_others_is_bounded_but_has_rates_within() -> None:
    fit = study({**UNEQUAL, "Aland": 18.0, "Borduria": 18.5})
    prices = exchange.log_prices(fit).set_index("good")
    assert (prices.loc[["Aland", "Borduria"], "bound"] == ">").all()
    assert (prices.loc[GOODS[2:], "bound"] == "").all()
    table = exchange.rates(fit, ["Aland"], ["Borduria", "Cascadia"]).set_index("per")
    # The two were compared with each other, near indifference.
    assert table.loc["Borduria", "bound"] == ""
    assert abs(table.loc["Borduria", "log_rate"] + 0.5) < 4 * table.loc["Borduria", "se"]
    assert table.loc["Cascadia", "bound"] == ">"


def test_goods_that_win_everything_apart_have_no_rate_between_them() -> None:
    """Nobody asked Aland against Borduria; both beat all that they met."""
    items = validation.planted_items(GOODS, dollars=[])
    respondent = validation.Planted.on(items, {**UNEQUAL, "Aland": 18.0, "Borduria": 18.5})
    p = validation.stated_probabilities(respondent, items)
    low, high = np.triu_indices(len(items), 1)
    good = items["good"].to_numpy()
    far = np.isin(good, ["Aland", "Borduria"])
    open_ = np.flatnonzero(~(far[low] & far[high]))
    rng = np.random.default_rng(0)
    pick = rng.choice(open_, 300, replace=False)
    rows = validation.ask(p, np.stack([low[pick], high[pick]], axis=1), 2, rng)
    fit = fit_curve(Comparisons(tuple(items.index), *rows), items)
    table = exchange.rates(fit, ["Aland"], ["Borduria"])
    assert table["bound"].tolist() == ["none"]
    assert table["text"].tolist() == ["not determined"]


@pytest.mark.parametrize("options", [{"slope": 1e-9}, {"slope": 1e-9, "order_effect": 2.0}])
def test_who_is_blind_to_quantity_gets_no_price(options: dict[str, float]) -> None:
    plan = validation.Plan(80, 0, 0)
    bound = []
    for seed in range(10):
        prices = exchange.log_prices(study(UNEQUAL, seed, plan, **options))
        bound.append((prices["bound"] == "none").all())
        assert not prices.loc[prices["bound"] == "none", "unequal"].any()
    # A slope passes three standard errors by chance in 0.13 % of studies.
    assert sum(bound) >= 9


def test_deaths_give_the_prices_of_lives() -> None:
    items = validation.planted_items(GOODS, sign=-1, dollars=[])
    fit = study(UNEQUAL, items=items)
    rate = exchange.rates(fit, ["Aland"], ["Freedonia"]).iloc[0]
    # Four standard errors about the planted twenty.
    assert abs(rate["log_rate"] - math.log(20)) < 4 * rate["se"]
    dollars = validation.planted_items(GOODS, sign=-1)
    with pytest.raises(EstimationError, match="more is better"):
        exchange.willingness_to_pay(study(UNEQUAL, items=dollars))


def test_willingness_to_pay_finds_the_planted_dollars() -> None:
    """Indifference: slope (ln N + price) = dollar_slope (ln $ - 9) + 1.75 (`Planted.on`)."""
    hits, quantity = [], 10.0
    for seed in range(20):
        table = exchange.willingness_to_pay(study(EQUAL, seed), quantity)
        true = math.exp((0.5 * math.log(quantity) - 1.75) / 0.35 + 9.0)
        hits += list(table["low"].lt(true) & table["high"].gt(true))
        np.testing.assert_allclose(table["per_unit"], table["dollars"] / quantity)
    # 120 intervals of 20 studies, strongly dependent within a study: 20 independent ones at 0.95
    # would fall to 14 or below once in 3,000 times.
    assert np.mean(hits) > 14 / 20


def test_unknown_goods_are_refused() -> None:
    with pytest.raises(EstimationError, match="Atlantis"):
        exchange.rates(study(EQUAL), ["Atlantis"])


# Audits.


def uneven(items: pd.DataFrame, slope: dict[str, float]) -> validation.Planted:
    values = np.where(
        items["kind"] == "dollar",
        0.3 * np.log(items["quantity"]) - 2.0,
        items["good"].map(slope).fillna(0.0) * (np.log(items["quantity"]) - 3.45),
    )
    return validation.Planted(dict(zip(items["text"], values, strict=True)))


def test_common_slope_is_kept_where_true_and_rejected_where_false() -> None:
    items = validation.planted_items(GOODS)
    same = validation.Planted.on(items, UNEQUAL)
    plan = validation.Plan(80, 1, 120)
    p_same = validation.simulate_slope_test(same, items, seeds=40, plan=plan)["p_value"]
    # 40 tests at 5 %: 7 or more rejections happen once in 300 times.
    assert (p_same < 0.05).sum() <= 6
    apart = uneven(items, dict(zip(GOODS, [0.2, 0.9, 0.5, 0.3, 0.8, 0.5], strict=True)))
    p_apart = validation.simulate_slope_test(apart, items, seeds=10, plan=plan)["p_value"]
    assert (p_apart < 0.05).sum() >= 8
    with pytest.raises(EstimationError, match="per_good"):
        exchange.common_slope_test(study(EQUAL))


def test_curves_are_compared_on_held_out_pairs() -> None:
    items = validation.planted_items(GOODS)
    apart = uneven(items, dict(zip(GOODS, [0.15, 1.0, 0.5, 0.2, 0.9, 0.5], strict=True)))
    p = validation.stated_probabilities(apart, items)
    rng = np.random.default_rng(0)
    low, high = np.triu_indices(len(items), 1)
    pick = rng.choice(len(low), 500, replace=False)
    rows = validation.ask(p, np.stack([low[pick], high[pick]], axis=1), 2, rng)
    c = Comparisons(tuple(items.index), *rows)
    table = exchange.compare_curves(c, items).set_index("curve")
    assert table["log_loss"].idxmin() == "per_good"
    assert table.loc["per_good", "difference"] < -2 * table.loc["per_good", "difference_se"]
    assert table.loc["common", "difference"] == 0.0
    half = len(c.pairs.low) // 2
    train, test = (
        c.take(np.flatnonzero(side)) for side in (c.pairs.row < half, c.pairs.row >= half)
    )
    one = exchange.compare_curves(train, items, holdout=test, curves=("common", "per_good"))
    assert one["log_loss"].between(0, np.log(2)).all()
    assert one["n_parameters"].tolist() == [10, 15]


def test_monotonicity_flags_the_good_that_runs_backwards() -> None:
    items = validation.planted_items(GOODS)
    slope = dict(zip(GOODS, [-0.5, 0.0, 0.5, 0.5, 0.6, 0.5], strict=True))
    p = validation.stated_probabilities(uneven(items, slope), items)
    rng = np.random.default_rng(0)
    low, high = np.triu_indices(len(items), 1)
    pick = rng.choice(len(low), 700, replace=False)
    rows = validation.ask(p, np.stack([low[pick], high[pick]], axis=1), 2, rng)
    c = Comparisons(tuple(items.index), *rows)
    audit = exchange.monotonicity_audit(fit_curve(c, items, "per_good")).set_index("good")
    assert audit["status"].to_dict() == dict(
        zip(GOODS, ["reversed", "insensitive", "ok", "ok", "ok", "ok"], strict=True)
    )
    assert audit["flagged"].sum() == 2
    # A free utility an item, known to 0.05: one step of one good goes down.
    u = np.where(items["good"] == "", 0.0, np.log(items["quantity"]))
    u[items.index.get_loc("Elbonia-50")] = -3.0
    free = SimpleNamespace(items=list(items.index), mean=u, covariance=np.eye(len(items)) * 0.05**2)
    stepped = exchange.monotonicity_audit(fit_curve(c, items, "per_good"), free).set_index("good")
    assert stepped["wrong_steps"].to_dict() == {good: int(good == "Elbonia") for good in GOODS}


def test_placebos_give_the_null() -> None:
    names = [*GOODS, "Aaland", "Nowhere", "Utopia", "Erewhon"]
    items = validation.planted_items(names)
    items["alias_of"] = np.where(items["good"] == "Aaland", "Aland", "")
    items["role"] = np.where(items["good"].isin(names[6:]), "placebo", "")
    price = {**UNEQUAL, "Aaland": UNEQUAL["Aland"], **dict.fromkeys(names[7:], 0.4)}
    fit = study(price, items=items, plan=validation.Plan(120, 2, 120))
    prices = exchange.log_prices(fit).set_index("good")
    assert prices["placebo"].sum() == 4
    assert prices.loc[~prices["placebo"], "log_price"].mean() == pytest.approx(0.0, abs=1e-9)
    table = exchange.placebo(fit)
    assert table["kind"].value_counts().to_dict() == {"invented": 3, "alias": 1}
    band = exchange.placebo_band(table)
    assert band == table["log_rate"].abs().max()  # four rates: the largest
    judged = exchange.against_placebo(exchange.rates(fit), band).set_index(["good", "per"])
    assert judged.loc[("Aland", "Freedonia"), "beyond_placebo"]
    assert not judged.loc[("Nowhere", "Utopia"), "beyond_placebo"]
    assert math.isnan(exchange.placebo_band(exchange.placebo(study(EQUAL))))


def test_n_against_n_balances_the_orders() -> None:
    items = validation.planted_items(GOODS, dollars=[])
    pairs = [
        (f"{a}-{q}", f"{b}-{q}")
        for k, a in enumerate(GOODS)
        for b in GOODS[k + 1 :]
        for q in (1, 10, 100)
    ]
    # Nine of ten answers go to whatever stands first: no good is preferred.
    slot = choices_of(items, pairs, lambda a, b: 0.9)
    table = exchange.n_against_n(slot, items)
    np.testing.assert_allclose(table["share"], 0.5)
    assert not table["unequal"].any()
    # One order missing: the pair says nothing and is left out.
    assert exchange.n_against_n(slot[slot["first"] < slot["second"]], items).empty
    # Different quantities, or the same good twice, are no test of equality.
    other = choices_of(items, [("Aland-1", "Borduria-10"), ("Aland-1", "Aland-10")], lambda a, b: 1)
    assert exchange.n_against_n(other, items).empty

    def for_aland(a: str, b: str) -> float:
        return 0.9 if a.startswith("Aland") else 0.1 if b.startswith("Aland") else 0.5

    for sign in (1, -1):
        table = exchange.n_against_n(choices_of(items, pairs, for_aland), items.assign(sign=sign))
        table = table.set_index("good")
        # Where less is better, being chosen is being spared less.
        assert table.loc["Aland", "share"] == pytest.approx(0.9 if sign > 0 else 0.1)
        assert table.loc["Aland", "pairs"] == 15
    by_pair = exchange.n_against_n(choices_of(items, pairs, for_aland, 20), items, by="pair")
    assert len(by_pair) == 15
    mine = by_pair[(by_pair["good"] == "Aland") | (by_pair["per"] == "Aland")]
    assert mine["unequal"].all()
    assert (mine["share"].where(mine["good"] == "Aland", 1 - mine["share"]) == 0.9).all()
    assert not by_pair.drop(mine.index)["unequal"].any()
    assert (by_pair["low"] <= by_pair["share"]).all()


def test_n_against_n_of_an_egalitarian_covers_one_half() -> None:
    items = validation.planted_items(GOODS, dollars=[])
    pairs = [(f"{a}-{q}", f"{b}-{q}") for k, a in enumerate(GOODS) for b in GOODS[k + 1 :]
             for q in (1, 5, 20, 100)]  # fmt: skip
    covered, false = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        choices = choices_of(items, pairs, lambda a, b: stats.norm.cdf(0.4), 4)
        choices["n_first"] = rng.binomial(4, stats.norm.cdf(0.4), len(choices))
        choices["n_second"] = 4 - choices["n_first"]
        for by in ("good", "pair"):
            table = exchange.n_against_n(choices, items, by=by)  # type: ignore[arg-type]
            covered.append(table["low"].le(0.5).to_numpy() & table["high"].ge(0.5).to_numpy())
            false.append(table["unequal"].any())
    # 60 studies of 6 goods and 15 pairs at a nominal 95 %; 0.90 is more than five standard errors
    # away even if the rows of a study were one.
    assert np.concatenate(covered).mean() > 0.9
    # Family-wise 5 %: 14 or more of 120 happen once in 400 times.
    assert sum(false) <= 13


# Findings.


def test_findings_are_unique_and_writable(tmp_path: Path) -> None:
    items = validation.planted_items([*GOODS, "Aaland"])
    items["alias_of"] = np.where(items["good"] == "Aaland", "Aland", "")
    price = {**UNEQUAL, "Aaland": UNEQUAL["Aland"], "Elbonia": -16.0}
    fit = study(price, items=items)
    source = exchange.Source("simulated/coherent", "countries.lives_saved", "forced", "simulated",
                             fit.n_pairs)  # fmt: skip
    prices = exchange.log_prices(fit)
    placebos = exchange.placebo(fit)
    respondent = validation.Planted.on(items, price)
    means = pd.DataFrame({"item": items.index, "mean": respondent.utility(items["text"])})
    original = exchange.parity(means, items)
    pairs = [(f"Aland-{q}", f"Borduria-{q}") for q in (1, 10)]
    direct = exchange.n_against_n(choices_of(items, pairs, lambda a, b: 0.6), items)
    found = [
        *exchange.price_findings(prices, source),
        *exchange.rate_findings(exchange.rates(fit), source),
        *exchange.payment_findings(exchange.willingness_to_pay(fit), source),
        *exchange.equal_quantity_findings(direct, source),
        exchange.unequal_finding(prices, source),
        *exchange.placebo_findings(placebos, exchange.placebo_band(placebos), source),
        *exchange.slope_findings(
            exchange.common_slope_test(study(EQUAL, curve="per_good")), source
        ),
        *exchange.parity_findings(original, source),
    ]
    write_findings(found, tmp_path / "exchange.jsonl")
    by_id = {finding.id: finding for finding in found}
    assert len(by_id) == len(found)
    price_of = by_id["exchange.log_price|simulated/coherent|countries.lives_saved|forced|Elbonia"]
    assert price_of.low == -np.inf
    assert price_of.note.startswith("bound: <")
    assert {finding.provenance for finding in found} == {"simulated"}
    real = prices[~prices["placebo"]]
    share = by_id["exchange.unequal|simulated/coherent|countries.lives_saved|forced"]
    assert share.estimate == pytest.approx(real["unequal"].mean())
    both = exchange.side_by_side(prices, original)
    assert len(both) == len(prices)
    numbers = both[both["bound"] == ""]
    # Corrected estimates lie within four standard errors of the exact lines, moved to one zero.
    shift = (numbers["parity_log_price"] - numbers["log_price"]).mean()
    gap = (numbers["difference"] - shift).abs()
    assert (gap < 4 * prices.loc[numbers.index, "se"]).all()


# What must hold over many seeds (quickly here, at 100 seeds and more below).


def test_coverage_and_equality_quickly() -> None:
    items = validation.planted_items(GOODS)
    seeds = 25
    unequal = validation.simulate_prices(
        validation.Planted.on(items, UNEQUAL, order_effect=0.4), items, seeds=seeds, plan=SMALL
    )
    equal = validation.simulate_prices(
        validation.Planted.on(items, EQUAL, order_effect=0.4), items, seeds=seeds, plan=SMALL
    )
    covered = pd.concat([unequal, equal])["covered"]
    # 300 intervals at 0.95, mildly dependent: 0.88 is five standard errors away.
    assert covered.mean() > 0.88
    # Family-wise 5 %: at most 5 of 25 studies (7 happen once in 5,000 times).
    assert equal.groupby("seed")["unequal"].any().sum() <= 6
    rate = validation.simulate_rate(
        validation.Planted.on(items, UNEQUAL), items, "Aland", "Freedonia", seeds=seeds, plan=SMALL
    )
    assert rate["truth"].iloc[0] == pytest.approx(20.0)
    # 25 intervals at 0.95: 20 or fewer hits happen once in 140 times, 19 once in 800.
    assert rate["covered"].sum() >= 20
    found = validation.summarise(unequal, equal, rate)
    assert [finding.estimand for finding in found] == [
        "validation.exchange_coverage",
        "validation.exchange_false_unequal",
        "validation.exchange_rate_recovered",
    ]
    for finding in found:
        assert 0 <= finding.low <= finding.estimate <= finding.high <= 1
        assert finding.n == seeds


def test_a_hit_or_miss_a_study_has_the_exact_interval() -> None:
    hit = pd.Series([True] * 99 + [False])
    low, high = stats.binomtest(99, 100).proportion_ci()
    assert validation.clustered_share(hit, pd.Series(range(100))) == pytest.approx(
        (0.99, low, high)
    )


def test_prices_are_unmoved_by_the_order_effect() -> None:
    items = validation.planted_items(GOODS)
    means = [
        validation.simulate_prices(
            validation.Planted.on(items, UNEQUAL, order_effect=w), items, seeds=15, plan=SMALL
        ).groupby("good")["log_price"].mean()
        for w in (0.0, 0.8)
    ]  # fmt: skip
    # One study knows a price to about 0.25; the mean of 15, to 0.07; the difference, to 0.1.
    assert (means[0] - means[1]).abs().max() < 0.4


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "options",
    [{}, {"order_effect": 0.5}, {"misfit": 0.3}, {"slope": 1.2}, {"lapse": 0.02}],
    ids=["plain", "order", "misfit", "decided", "lapse"],
)
def test_coverage_over_many_seeds(options: dict[str, float]) -> None:
    names = [f"Country {letter}" for letter in "ABCDEFGHIJK"]
    items = validation.planted_items(names)
    price = dict(zip(names, np.log(20.0) * np.linspace(1.0, 0.0, 11), strict=True))
    table = validation.simulate_prices(
        validation.Planted.on(items, price, **options), items, seeds=110
    )
    assert 0.92 <= table["covered"].mean() <= 0.97
    equal = validation.simulate_prices(
        validation.Planted.on(items, dict.fromkeys(names, 0.0), **options), items, seeds=110
    )
    assert 0.92 <= equal["covered"].mean() <= 0.97
    assert equal["unequal"].mean() <= 0.05
    rate = validation.simulate_rate(
        validation.Planted.on(items, price, **options), items, names[0], names[-1], seeds=100
    )
    # At a coverage of 0.95, 88 or fewer of 100 happen once in 250 times.
    assert rate["covered"].sum() >= 88


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("curve", ["per_good", "spline"])
def test_coverage_of_the_other_curves(curve: str) -> None:
    names = [f"Country {letter}" for letter in "ABCDEFGHIJK"]
    items = validation.planted_items(names)
    price = dict(zip(names, np.log(20.0) * np.linspace(1.0, 0.0, 11), strict=True))
    table = validation.simulate_prices(
        validation.Planted.on(items, price),
        items,
        seeds=110,
        curve=curve,  # type: ignore[arg-type]
    )
    assert 0.92 <= table["covered"].mean() <= 0.97


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("item_sd", [0.0, 0.4])
def test_coverage_where_items_lie_off_their_curves(item_sd: float) -> None:
    """Another respondent each time; its planted prices are the truth of all of them."""
    names = [f"Country {letter}" for letter in "ABCDEFGHIJK"]
    items = validation.planted_items(names)
    price = dict.fromkeys(names, 0.0)
    tables = {True: [], False: []}
    for seed in range(120):
        respondent = validation.Planted.on(items, price, item_sd=item_sd, seed=seed)
        for effects, found in tables.items():
            found.append(
                validation.simulate_prices(
                    respondent, items, seeds=1, first_seed=seed, item_effects=effects, truth=price
                )
            )
    allowed, ignored = (pd.concat(tables[effects]) for effects in (True, False))
    assert 0.92 <= allowed["covered"].mean() <= 0.97
    assert allowed["unequal"].mean() <= 0.05
    if item_sd:
        assert ignored["covered"].mean() < 0.9


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_shipped_respondents_over_many_seeds() -> None:
    """The registered simulated respondents, on the shipped countries."""
    from revealed.instruments import load_instrument
    from revealed.respondents.simulated import load

    items = load_instrument("countries.lives_saved").items
    coherent = load("coherent")
    (dear, cheap), planted = next(iter(coherent.planted_rates.items()))
    kept = [dear, cheap, "Nigeria", "Pakistan", "India", "China", "Japan", "France", "Germany"]
    items = items[items["good"].isin(kept) | (items["kind"] == "dollar")]
    prices = validation.simulate_prices(coherent, items, seeds=120)
    rate = validation.simulate_rate(coherent, items, dear, cheap, seeds=100)
    assert rate["truth"].iloc[0] == pytest.approx(planted, rel=0.35)
    assert rate["covered"].sum() >= 85
    equal = validation.simulate_prices(load("egalitarian"), items, seeds=120)
    assert equal["unequal"].mean() <= 0.05
    assert prices["covered"].mean() >= 0.9
